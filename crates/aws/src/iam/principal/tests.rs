use super::*;
use crate::iam::Values;

fn check(principal: &Principal, expected: &[(&str, &str)]) {
    let mut context = Context::new();
    principal.add_to(&mut context, 10_500);
    let mut found: Vec<(String, String)> = context
        .iter()
        .map(|(key, values)| {
            let values = match values {
                Values::One(value) => value.to_string(),
                Values::Many(values) => format!("[{}]", values.join(" ")),
            };
            (key.to_owned(), values)
        })
        .collect();
    found.sort();
    let mut expected: Vec<(String, String)> = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    expected.push(("aws:ViaAWSService".to_owned(), "false".to_owned()));
    expected.sort();
    assert_eq!(found, expected);
}

fn tags(pairs: &[(&str, &str)]) -> Arc<[Tag]> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).into(), (*v).into()))
        .collect()
}

const ISSUED: Temporary = Temporary {
    issued_ms: 1_000,
    mfa: true,
};

#[test]
fn nobody() {
    check(
        &Principal::Anonymous,
        &[
            ("aws:PrincipalType", "Anonymous"),
            ("aws:userid", "anonymous"),
        ],
    );
    let identity = Principal::Federated {
        provider: "accounts.google.com".into(),
        subject: "7".into(),
    };
    check(&identity, &[("aws:PrincipalIsAWSService", "false")]);
}

#[test]
fn root_and_user() {
    check(
        &Principal::Root {
            account: "111122223333".into(),
            temporary: None,
        },
        &[
            ("aws:PrincipalArn", "arn:aws:iam::111122223333:root"),
            ("aws:PrincipalType", "Account"),
            ("aws:PrincipalAccount", "111122223333"),
            ("aws:userid", "111122223333"),
            ("aws:PrincipalIsAWSService", "false"),
        ],
    );
    check(
        &Principal::User {
            account: "111122223333".into(),
            arn: "arn:aws:iam::111122223333:user/a/ann".into(),
            id: "AIDA1".into(),
            name: "ann".into(),
            tags: tags(&[("team", "red")]),
            temporary: Some(ISSUED),
        },
        &[
            ("aws:PrincipalArn", "arn:aws:iam::111122223333:user/a/ann"),
            ("aws:PrincipalType", "User"),
            ("aws:PrincipalAccount", "111122223333"),
            ("aws:userid", "AIDA1"),
            ("aws:username", "ann"),
            ("aws:PrincipalTag/team", "red"),
            ("aws:PrincipalIsAWSService", "false"),
            ("aws:TokenIssueTime", "1970-01-01T00:00:01Z"),
            ("aws:MultiFactorAuthPresent", "true"),
            ("aws:MultiFactorAuthAge", "9"),
        ],
    );
}

#[test]
fn sessions() {
    let session = RoleSession {
        account: "111122223333".into(),
        role_arn: "arn:aws:iam::111122223333:role/p/worker".into(),
        role_name: "worker".into(),
        role_id: "AROA1".into(),
        session_name: "s".into(),
        tags: tags(&[("team", "red")]),
        transitive_tag_keys: Arc::default(),
        source_identity: Some("ann".into()),
        federated_provider: Some("accounts.google.com".into()),
        temporary: Temporary {
            issued_ms: 1_000,
            mfa: false,
        },
    };
    let role = Principal::Role(Arc::new(session));
    assert_eq!(
        &*role.arn(),
        "arn:aws:sts::111122223333:assumed-role/worker/s"
    );
    check(
        &role,
        &[
            (
                "aws:PrincipalArn",
                "arn:aws:iam::111122223333:role/p/worker",
            ),
            ("aws:PrincipalType", "AssumedRole"),
            ("aws:PrincipalAccount", "111122223333"),
            ("aws:userid", "AROA1:s"),
            ("aws:PrincipalTag/team", "red"),
            ("aws:PrincipalIsAWSService", "false"),
            ("aws:TokenIssueTime", "1970-01-01T00:00:01Z"),
            ("aws:MultiFactorAuthPresent", "false"),
            ("aws:SourceIdentity", "ann"),
            ("aws:FederatedProvider", "accounts.google.com"),
        ],
    );
    let user = FederatedUser {
        account: "111122223333".into(),
        name: "guest".into(),
        user_arn: "arn:aws:iam::111122223333:user/ann".into(),
        user_id: "AIDA1".into(),
        tags: tags(&[]),
        temporary: ISSUED,
    };
    check(
        &Principal::FederatedUser(Arc::new(user)),
        &[
            (
                "aws:PrincipalArn",
                "arn:aws:sts::111122223333:federated-user/guest",
            ),
            ("aws:PrincipalType", "FederatedUser"),
            ("aws:PrincipalAccount", "111122223333"),
            ("aws:userid", "111122223333:guest"),
            ("aws:PrincipalIsAWSService", "false"),
            ("aws:TokenIssueTime", "1970-01-01T00:00:01Z"),
            ("aws:MultiFactorAuthPresent", "true"),
            ("aws:MultiFactorAuthAge", "9"),
        ],
    );
}

#[test]
fn services() {
    let acting = Acting {
        source_arn: Some("arn:aws:states:eu-west-1:111122223333:stateMachine:m".into()),
        source_account: Some("111122223333".into()),
    };
    check(
        &Principal::Service {
            name: "states.amazonaws.com".into(),
            region: "eu-west-1".into(),
            acting,
        },
        &[
            ("aws:PrincipalIsAWSService", "true"),
            ("aws:PrincipalServiceName", "states.amazonaws.com"),
            (
                "aws:PrincipalServiceNamesList",
                "[states.amazonaws.com states.eu-west-1.amazonaws.com]",
            ),
            (
                "aws:SourceArn",
                "arn:aws:states:eu-west-1:111122223333:stateMachine:m",
            ),
            ("aws:SourceAccount", "111122223333"),
        ],
    );
}
