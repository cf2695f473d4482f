//! Calls at once: nothing that was answered is lost, and what belongs together stays together.

use std::collections::BTreeSet;

use store::Kind;

use super::*;
use crate::documents;

/// Sends all calls at once and gives how many succeeded.
async fn at_once(iam: &Arc<Iam>, calls: Vec<(&'static str, String)>) -> usize {
    let sent = calls.into_iter().map(|(operation, input)| {
        let iam = Arc::clone(iam);
        tokio::spawn(async move { iam.send(operation, &input).await.is_ok() })
    });
    let sent: Vec<_> = sent.collect();
    let mut succeeded = 0;
    for one in sent {
        succeeded += usize::from(one.await.unwrap());
    }
    succeeded
}

fn texts<'v>(value: &'v Value, list: &str, member: &str) -> BTreeSet<&'v str> {
    let list = value.get(list).and_then(Value::as_array).unwrap();
    let texts = list.iter().map(|item| item.get(member).unwrap());
    texts.map(|text| text.as_str().unwrap()).collect()
}

#[tokio::test]
async fn no_change_of_an_entity_is_lost() {
    let iam = Iam::for_tests();
    let trust = trusting(r#"\"Service\":\"states.amazonaws.com\""#);
    let role = format!("{{'RoleName': 'r', 'AssumeRolePolicyDocument': '{trust}'}}");
    let made = at_once(&iam, vec![("CreateRole", role); 20]).await;
    assert_eq!(made, 1);
    let document = allowing("s3:*");
    let mut calls = Vec::new();
    for at in 0..20 {
        let tag = format!("{{'RoleName': 'r', 'Tags': [{{'Key': 'k{at}', 'Value': ''}}]}}");
        calls.push(("TagRole", tag));
        let put =
            format!("{{'RoleName': 'r', 'PolicyName': 'p{at}', 'PolicyDocument': '{document}'}}");
        calls.push(("PutRolePolicy", put));
    }
    assert_eq!(at_once(&iam, calls).await, 40);
    let tags = iam.send("ListRoleTags", "{'RoleName': 'r'}").await.unwrap();
    assert_eq!(texts(&tags, "Tags", "Key").len(), 20);
    let names = iam
        .send("ListRolePolicies", "{'RoleName': 'r'}")
        .await
        .unwrap();
    assert_eq!(
        names.get("PolicyNames").unwrap().as_array().unwrap().len(),
        20
    );
}

#[tokio::test]
async fn limits_hold_at_once() {
    let iam = Iam::for_tests();
    iam.send("CreateUser", "{'UserName': 'u'}").await.unwrap();
    let key = ("CreateAccessKey", "{'UserName': 'u'}".to_owned());
    assert_eq!(at_once(&iam, vec![key; 10]).await, 2);
    let document = allowing("s3:*");
    let policy = format!("{{'PolicyName': 'p', 'PolicyDocument': '{document}'}}");
    assert_eq!(at_once(&iam, vec![("CreatePolicy", policy); 10]).await, 1);
    let version = format!(
        "{{'PolicyArn': 'arn:aws:iam::123456789012:policy/p', 'PolicyDocument': '{document}'}}"
    );
    assert_eq!(
        at_once(&iam, vec![("CreatePolicyVersion", version); 10]).await,
        4
    );
    let few = Quotas {
        users_max: 3,
        ..Quotas::default()
    };
    let iam = Iam::with_quotas(few);
    let users = (0..10).map(|at| ("CreateUser", format!("{{'UserName': 'u{at}'}}")));
    assert_eq!(at_once(&iam, users.collect()).await, 3);
}

/// Calls that take up what others delete.
fn contending() -> Vec<(&'static str, String)> {
    let trust = trusting(r#"\"Service\":\"states.amazonaws.com\""#);
    let document = allowing("s3:*");
    let policy = "'PolicyArn': 'arn:aws:iam::123456789012:policy/p'";
    let bound = "'PermissionsBoundary': 'arn:aws:iam::123456789012:policy/p'";
    let profile = "'InstanceProfileName': 'i'";
    let role = "'RoleName': 'r'";
    let (user, group) = ("'UserName': 'u'", "'GroupName': 'g'");
    let calls = [
        (
            "CreatePolicy",
            format!("'PolicyName': 'p', 'PolicyDocument': '{document}'"),
        ),
        ("DeletePolicy", policy.to_owned()),
        (
            "CreateRole",
            format!("{role}, 'AssumeRolePolicyDocument': '{trust}'"),
        ),
        ("AttachRolePolicy", format!("{role}, {policy}")),
        ("DetachRolePolicy", format!("{role}, {policy}")),
        ("PutRolePermissionsBoundary", format!("{role}, {bound}")),
        ("DeleteRolePermissionsBoundary", role.to_owned()),
        ("DeleteRole", role.to_owned()),
        ("CreateInstanceProfile", profile.to_owned()),
        ("AddRoleToInstanceProfile", format!("{profile}, {role}")),
        (
            "RemoveRoleFromInstanceProfile",
            format!("{profile}, {role}"),
        ),
        ("CreateUser", user.to_owned()),
        ("UpdateUser", format!("{user}, 'NewUserName': 'v'")),
        (
            "UpdateUser",
            "'UserName': 'v', 'NewUserName': 'u'".to_owned(),
        ),
        ("CreateGroup", group.to_owned()),
        ("AddUserToGroup", format!("{group}, {user}")),
        ("RemoveUserFromGroup", format!("{group}, {user}")),
        ("DeleteGroup", group.to_owned()),
        ("DeleteUser", user.to_owned()),
    ];
    let whole = |(operation, members)| (operation, format!("{{{members}}}"));
    calls.into_iter().map(whole).collect()
}

/// Roles that instance profiles name.
async fn roles_of_profiles(iam: &Iam) -> Vec<String> {
    let stored = iam.documents.blocking(|store| {
        let found = documents::list::<InstanceProfile>(store, Kind::InstanceProfile, "", None, 9)?;
        let roles = found.into_iter().filter_map(|(_, profile)| profile.role);
        Ok(roles.collect())
    });
    stored.await.unwrap()
}

/// A policy that is attached exists, and so does the group that a user is in and the role of a
/// profile, whatever is made, attached and deleted at once.
#[tokio::test]
async fn nothing_is_deleted_while_it_is_taken_up() {
    let iam = Iam::for_tests();
    let calls = contending();
    let mut dice: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut held = 0;
    for round in 0..60 {
        let mut some = Vec::new();
        for _ in 0..24 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let at = usize::try_from(dice % 1_000).unwrap() % calls.len();
            some.push(calls[at].clone());
        }
        at_once(&iam, some).await;
        // A role that refers to what is not there can't be read for evaluation.
        let role = iam.directory.role("123456789012", "r").await.unwrap();
        held += usize::from(role.is_some_and(|role| !role.policies.is_empty()));
        let all = iam.send("GetAccountAuthorizationDetails", "{}");
        let all = all.await.unwrap();
        let roles = texts(&all, "RoleDetailList", "RoleName");
        let of_profiles = roles_of_profiles(&iam).await;
        let mut of_profiles = of_profiles.iter();
        assert!(
            of_profiles.all(|role| roles.contains(role.as_str())),
            "{round}: {all}"
        );
        let stored = iam.documents.blocking(|store| {
            let users = documents::list::<User>(store, Kind::User, "", None, 9)?;
            let groups = documents::list::<Group>(store, Kind::Group, "", None, 9)?;
            let groups: BTreeSet<String> = groups.into_iter().map(|(_, it)| it.id).collect();
            let mut of_users = users.into_iter().flat_map(|(_, user)| user.groups);
            Ok(of_users.all(|id| groups.contains(&id)))
        });
        assert!(stored.await.unwrap(), "{round}: {all}");
    }
    assert!(
        held > 5,
        "the policy was attached at the end of {held} rounds only"
    );
}
