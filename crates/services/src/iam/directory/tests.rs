use super::*;
use aws::iam::evaluate::decide;
use aws::iam::{
    Context, Decision, Effect, Layers, PolicyKind, Principal, Request, RoleSession, Source,
    Temporary,
};

use crate::iam::tests::{allowing, trusting};
use crate::iam::{Iam, name};
use store::Kind;

const ACCOUNT: &str = "123456789012";

impl Iam {
    /// Makes a call that must succeed.
    async fn done(&self, operation: &'static str, input: &str) -> json::Value {
        let answer = self.send(operation, input).await;
        answer.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
    }

    async fn role_entry(&self, name: &str) -> Option<Arc<RoleEntry>> {
        self.directory.role(ACCOUNT, name).await.unwrap()
    }

    async fn user_entry(&self, name: &str) -> Option<Arc<UserEntry>> {
        self.directory.user(ACCOUNT, name).await.unwrap()
    }

    async fn new_role(&self, name: &str, trusted: &str) {
        let trust = trusting(trusted);
        let input = format!("{{'RoleName': '{name}', 'AssumeRolePolicyDocument': '{trust}'}}");
        self.done("CreateRole", &input).await;
    }
}

const SERVICE: &str = r#"\"Service\":\"states.amazonaws.com\""#;

fn uris(policies: &[Arc<Attached>]) -> Vec<&str> {
    policies.iter().map(|it| &*it.source.uri).collect()
}

/// A change is seen by the next read, and what did not change is not read again.
#[tokio::test]
async fn a_role_is_as_it_was_left() {
    let iam = Iam::for_tests();
    assert!(iam.role_entry("r").await.is_none());
    iam.new_role("r", SERVICE).await;
    iam.done(
        "TagRole",
        "{'RoleName': 'r', 'Tags': [{'Key': 'k', 'Value': 'v'}]}",
    )
    .await;
    let made = iam.role_entry("R").await.unwrap();
    assert_eq!(&*made.arn, "arn:aws:iam::123456789012:role/r");
    assert_eq!(made.tags[0], ("k".into(), "v".into()));
    assert!(Arc::ptr_eq(&made, &iam.role_entry("R").await.unwrap()));
    let document = allowing("s3:*");
    let put = format!("{{'RoleName': 'r', 'PolicyName': 'p', 'PolicyDocument': '{document}'}}");
    iam.done("PutRolePolicy", &put).await;
    let create = format!("{{'PolicyName': 'm', 'PolicyDocument': '{document}'}}");
    iam.done("CreatePolicy", &create).await;
    let arn = "arn:aws:iam::123456789012:policy/m";
    let basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    for arn in [arn, basic] {
        let attach = format!("{{'RoleName': 'r', 'PolicyArn': '{arn}'}}");
        iam.done("AttachRolePolicy", &attach).await;
    }
    let bound = format!("{{'RoleName': 'r', 'PermissionsBoundary': '{arn}'}}");
    iam.done("PutRolePermissionsBoundary", &bound).await;
    let role = iam.role_entry("r").await.unwrap();
    let inline = "arn:aws:iam::123456789012:role/r#policy/p";
    assert_eq!(uris(&role.policies), [inline, arn, basic]);
    assert_eq!(
        role.boundary.as_ref().unwrap().source,
        Source {
            kind: PolicyKind::Boundary,
            uri: arn.into(),
            managed: true,
            attached_to: role.arn.clone(),
        }
    );
    let new = allowing("sqs:*");
    let version =
        format!("{{'PolicyArn': '{arn}', 'PolicyDocument': '{new}', 'SetAsDefault': true}}");
    iam.done("CreatePolicyVersion", &version).await;
    let role = iam.role_entry("r").await.unwrap();
    assert!(role.policies[1].policy.document().contains("sqs:*"));
    let managed = iam.directory.managed_policy(ACCOUNT, arn).await.unwrap();
    assert!(managed.unwrap().policy.document().contains("sqs:*"));
    let foreign = iam.directory.managed_policy("210987654321", arn).await;
    assert!(foreign.unwrap().is_none());
}

/// A user has its groups' policies, and keeps them under another name.
#[tokio::test]
async fn a_user_is_as_it_was_left() {
    let iam = Iam::for_tests();
    let document = allowing("s3:*");
    iam.done("CreateUser", "{'UserName': 'u', 'Path': '/x/'}")
        .await;
    iam.done("CreateGroup", "{'GroupName': 'g'}").await;
    let put = format!("{{'GroupName': 'g', 'PolicyName': 'p', 'PolicyDocument': '{document}'}}");
    iam.done("PutGroupPolicy", &put).await;
    let put = format!("{{'UserName': 'u', 'PolicyName': 'q', 'PolicyDocument': '{document}'}}");
    iam.done("PutUserPolicy", &put).await;
    iam.done("AddUserToGroup", "{'GroupName': 'g', 'UserName': 'u'}")
        .await;
    let user = iam.user_entry("U").await.unwrap();
    assert_eq!(&*user.arn, "arn:aws:iam::123456789012:user/x/u");
    let own = "arn:aws:iam::123456789012:user/x/u#policy/q";
    let of_group = "arn:aws:iam::123456789012:group/g#policy/p";
    assert_eq!(uris(&user.policies), [own, of_group]);
    iam.done("UpdateUser", "{'UserName': 'u', 'NewUserName': 'v'}")
        .await;
    assert!(iam.user_entry("u").await.is_none());
    let renamed = iam.user_entry("v").await.unwrap();
    assert_eq!((&renamed.id, renamed.policies.len()), (&user.id, 2));
    iam.done("RemoveUserFromGroup", "{'GroupName': 'g', 'UserName': 'v'}")
        .await;
    assert_eq!(iam.user_entry("v").await.unwrap().policies.len(), 1);
}

/// The secret is the one that was shown, and nowhere in the store as it was shown.
#[tokio::test]
async fn an_access_key_is_opened_for_verification_only() {
    let iam = Iam::for_tests();
    iam.done("CreateUser", "{'UserName': 'u'}").await;
    let made = iam.done("CreateAccessKey", "{'UserName': 'u'}").await;
    let made = made.get("AccessKey").unwrap();
    let text = |member| made.get(member).unwrap().as_str().unwrap().to_owned();
    let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
    assert_eq!((id.len(), secret.len()), (20, 40));
    let key = iam.directory.access_key(&id).await.unwrap().unwrap();
    assert_eq!(
        (&*key.account, &*key.user_name, key.active),
        (ACCOUNT, "u", true)
    );
    assert_eq!(*key.secret, *secret);
    let kinds = [Kind::User, Kind::Name];
    let stored = iam.documents.blocking(move |store| {
        let all = kinds.map(|kind| store.list_documents(kind, "", None, 10).unwrap());
        Ok(format!(
            "{:?}",
            all.concat()
                .into_iter()
                .map(|(_, it)| String::from_utf8(it.body))
                .collect::<Vec<_>>()
        ))
    });
    let stored = stored.await.unwrap();
    assert!(
        stored.contains(&id) && !stored.contains(&secret),
        "{stored}"
    );
    let inactive = format!("{{'UserName': 'u', 'AccessKeyId': '{id}', 'Status': 'Inactive'}}");
    iam.done("UpdateAccessKey", &inactive).await;
    assert!(!iam.directory.access_key(&id).await.unwrap().unwrap().active);
    let delete = format!("{{'UserName': 'u', 'AccessKeyId': '{id}'}}");
    iam.done("DeleteAccessKey", &delete).await;
    assert!(iam.directory.access_key(&id).await.unwrap().is_none());
}

/// What is noted of uses: the first, then those after a quarter of an hour or of another service.
#[tokio::test]
async fn uses_of_a_key_are_noted_now_and_then() {
    let iam = Iam::for_tests();
    iam.done("CreateUser", "{'UserName': 'u'}").await;
    let made = iam.done("CreateAccessKey", "{'UserName': 'u'}").await;
    let id = made.get("AccessKey").unwrap().get("AccessKeyId").unwrap();
    let id = id.as_str().unwrap();
    let ask = format!("{{'AccessKeyId': '{id}'}}");
    for (service, at_s, noted_s) in [
        ("states", 1_000, 1_000),
        ("states", 1_600, 1_000),
        ("states", 1_900, 1_900),
        ("lambda", 1_901, 1_901),
    ] {
        let used = iam
            .directory
            .key_used(id, service, "eu-west-1", at_s * 1_000);
        used.await.unwrap();
        let last = iam.done("GetAccessKeyLastUsed", &ask).await;
        let last = last.get("AccessKeyLastUsed").unwrap();
        assert_eq!(
            last.get("LastUsedDate").unwrap().as_f64(),
            Some(noted_s as f64)
        );
        assert_eq!(last.get("Region").unwrap().as_str(), Some("eu-west-1"));
    }
    let unknown = iam
        .directory
        .key_used("AKIAIOSFODNN7EXAMPLE", "states", "eu-west-1", 1);
    unknown.await.unwrap();
}

#[tokio::test]
async fn a_provider_is_found_by_its_url() {
    let iam = Iam::for_tests();
    let create = "{'Url': 'https://a.example/x', 'ClientIDList': ['c']}";
    iam.done("CreateOpenIDConnectProvider", create).await;
    let found = async |url: &str| iam.directory.provider(ACCOUNT, url).await.unwrap();
    let provider = found("https://a.example/x").await.unwrap();
    assert_eq!(&*provider.url, "a.example/x");
    assert_eq!(provider.client_ids, ["c"]);
    for url in [
        "a.example/x",
        "https://a.example/x/",
        "http://a.example/x",
        "https://A.example/x",
    ] {
        assert!(found(url).await.is_none(), "{url}");
    }
    let elsewhere = iam
        .directory
        .provider("210987654321", "https://a.example/x")
        .await;
    assert!(elsewhere.unwrap().is_none());
}

/// Whether the trust policy of the role lets a session of this role, or this user, assume it.
fn trusts(role: &RoleEntry, principal: &Principal) -> Decision {
    let request = Request {
        principal,
        action: "sts:AssumeRole",
        resource: &role.arn,
        resource_account: Some(ACCOUNT),
        context: &Context::new(),
    };
    let layers = Layers {
        resource: Some(&role.trust),
        ..Layers::default()
    };
    decide(&request, &layers)
}

/// A role and a user that are made again are not trusted in place of the ones before.
#[tokio::test]
async fn a_namesake_is_not_trusted() {
    let iam = Iam::for_tests();
    iam.new_role("q", SERVICE).await;
    iam.done("CreateUser", "{'UserName': 'u'}").await;
    let both =
        r#"\"AWS\":[\"arn:aws:iam::123456789012:role/q\",\"arn:aws:iam::123456789012:user/u\"]"#;
    iam.new_role("r", both).await;
    let check = async |effect: Effect| {
        let role = iam.role_entry("r").await.unwrap();
        let of_role = iam.role_entry("q").await.unwrap();
        let of_user = iam.user_entry("u").await.unwrap();
        let session = Principal::Role(Arc::new(RoleSession {
            account: ACCOUNT.into(),
            role_arn: of_role.arn.clone(),
            role_name: of_role.name.clone(),
            role_id: of_role.id.clone(),
            session_name: "s".into(),
            tags: Arc::default(),
            transitive_tag_keys: Arc::default(),
            source_identity: None,
            federated_provider: None,
            temporary: Temporary {
                issued_ms: 0,
                mfa: false,
            },
        }));
        let user = Principal::User {
            account: ACCOUNT.into(),
            arn: of_user.arn.clone(),
            id: of_user.id.clone(),
            name: of_user.name.clone(),
            tags: Arc::default(),
            temporary: None,
        };
        assert_eq!(trusts(&role, &session).effect, effect);
        assert_eq!(trusts(&role, &user).effect, effect);
        (of_role.id.to_string(), of_user.id.to_string())
    };
    let (role_id, user_id) = check(Effect::Allow).await;
    iam.done("DeleteRole", "{'RoleName': 'q'}").await;
    iam.done("DeleteUser", "{'UserName': 'u'}").await;
    iam.new_role("q", SERVICE).await;
    iam.done("CreateUser", "{'UserName': 'u'}").await;
    check(Effect::ImplicitDeny).await;
    let shown = iam.done("GetRole", "{'RoleName': 'r'}").await.to_text();
    assert!(
        shown.contains(&role_id) && shown.contains(&user_id),
        "{shown}"
    );
    assert!(
        !shown.contains("role%2Fq") && !shown.contains("user%2Fu"),
        "{shown}"
    );
}

/// A name that a crash left behind means nothing, and may be taken again.
#[tokio::test]
async fn a_name_without_an_owner_is_free() {
    let iam = Iam::for_tests();
    iam.done("CreateUser", "{'UserName': 'u'}").await;
    let id = iam.user_entry("u").await.unwrap().id.to_string();
    let left = iam.documents.blocking(move |store| {
        let account = ACCOUNT.to_owned();
        // As if a change of `u` to `v`, and the making of `w`, had been cut off.
        name::point(
            store,
            "user/123456789012/v",
            &name::Pointer {
                account: account.clone(),
                id,
            },
        )?;
        let id = "AIDA00000000000000000".to_owned();
        name::point(store, "user/123456789012/w", &name::Pointer { account, id })
    });
    left.await.unwrap();
    for name in ["v", "w"] {
        assert!(iam.user_entry(name).await.is_none());
        iam.done("CreateUser", &format!("{{'UserName': '{name}'}}"))
            .await;
        assert_eq!(&*iam.user_entry(name).await.unwrap().name, name);
    }
    assert_eq!(&*iam.user_entry("u").await.unwrap().name, "u");
}
