//! Operations that write more than one document, cut off between two of them.

use store::Memory;

use super::*;

/// An operation, and what must hold however often it is cut off and made again.
struct Case {
    before: &'static [(&'static str, &'static str)],
    operation: &'static str,
    input: &'static str,
    /// What it is answered when it had come far enough the first time.
    done_already: &'static str,
    /// What is asked in the end, and texts that the answer has, and has not.
    probe: (&'static str, &'static str),
    has: &'static [&'static str],
    has_not: &'static [&'static str],
}

const USER: (&str, &str) = ("CreateUser", "{'UserName': 'u'}");
const GROUP: (&str, &str) = ("CreateGroup", "{'GroupName': 'g'}");
const USERS: (&str, &str) = ("GetAccountAuthorizationDetails", "{}");
const ALIASES: (&str, &str) = ("ListAccountAliases", "{}");

const CASES: [Case; 8] = [
    Case {
        before: &[],
        operation: USER.0,
        input: USER.1,
        done_already: "EntityAlreadyExists",
        probe: USERS,
        has: &["user/u"],
        has_not: &[],
    },
    Case {
        before: &[USER],
        operation: "UpdateUser",
        input: "{'UserName': 'u', 'NewUserName': 'v'}",
        done_already: "NoSuchEntity",
        probe: USERS,
        has: &["user/v"],
        has_not: &["user/u"],
    },
    Case {
        before: &[USER],
        operation: "DeleteUser",
        input: "{'UserName': 'u'}",
        done_already: "NoSuchEntity",
        probe: USERS,
        has: &[],
        has_not: &["user/u"],
    },
    Case {
        before: &[USER],
        operation: "CreateAccessKey",
        input: "{'UserName': 'u'}",
        done_already: "",
        probe: ("ListAccessKeys", "{'UserName': 'u'}"),
        has: &["AKIA"],
        has_not: &["},{"],
    },
    Case {
        before: &[GROUP],
        operation: "UpdateGroup",
        input: "{'GroupName': 'g', 'NewGroupName': 'h'}",
        done_already: "NoSuchEntity",
        probe: USERS,
        has: &["group/h"],
        has_not: &["group/g"],
    },
    Case {
        before: &[GROUP],
        operation: "DeleteGroup",
        input: "{'GroupName': 'g'}",
        done_already: "NoSuchEntity",
        probe: USERS,
        has: &[],
        has_not: &["group/g"],
    },
    Case {
        before: &[("CreateAccountAlias", "{'AccountAlias': 'one'}")],
        operation: "CreateAccountAlias",
        input: "{'AccountAlias': 'two'}",
        done_already: "EntityAlreadyExists",
        probe: ALIASES,
        has: &["two"],
        has_not: &["one"],
    },
    Case {
        before: &[("CreateAccountAlias", "{'AccountAlias': 'one'}")],
        operation: "DeleteAccountAlias",
        input: "{'AccountAlias': 'one'}",
        done_already: "NoSuchEntity",
        probe: ALIASES,
        has: &[],
        has_not: &["one"],
    },
];

#[tokio::test]
async fn what_was_cut_off_is_done_or_can_be_done_again() {
    for case in CASES {
        let mut cuts = 0;
        for writes in 0.. {
            let before = Arc::new(Memory::new());
            let iam = Iam::over(Arc::clone(&before), Quotas::default());
            for (operation, input) in case.before {
                iam.send(operation, input).await.unwrap();
            }
            before.fail_documents_after(writes);
            if iam.send(case.operation, case.input).await.is_ok() {
                break;
            }
            cuts += 1;
            let iam = Iam::over(Arc::new(before.crash()), Quotas::default());
            let place = format!("{} after {writes} writes", case.operation);
            if let Err(error) = iam.send(case.operation, case.input).await {
                assert_eq!(error.code, case.done_already, "{place}: {error}");
            }
            let shown = iam
                .send(case.probe.0, case.probe.1)
                .await
                .unwrap()
                .to_text();
            assert!(
                case.has.iter().all(|text| shown.contains(text)),
                "{place}: {shown}"
            );
            assert!(
                !case.has_not.iter().any(|text| shown.contains(text)),
                "{place}: {shown}"
            );
        }
        assert!(cuts >= 2, "{} writes {cuts} times", case.operation);
    }
}
