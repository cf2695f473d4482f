//! Each case: an operation, its input, and what it needs.

use super::super::{Operation, group, others, policy, role, user};
use super::*;
use crate::testing;

const HERE: &str = "arn:aws:iam::123456789012";

fn line(need: &Need) -> String {
    testing::line(need).replace(HERE, "HERE")
}

fn call(operation: &str, input: &str) -> Call {
    let input = json::parse(&input.replace("HERE", HERE)).unwrap();
    testing::call(aws::Service::Iam, operation, &input, 1_790_000_000_000)
}

const CASES: &[(&str, &str, &[&str])] = &[
    // What exists has the path it was made with, whatever the case of the name.
    (
        "GetRole",
        r#"{"RoleName": "WORKER"}"#,
        &["iam:GetRole HERE:role/p/worker"],
    ),
    (
        "GetUser",
        r#"{"UserName": "ann"}"#,
        &["iam:GetUser HERE:user/q/ann"],
    ),
    (
        "GetGroup",
        r#"{"GroupName": "Ops"}"#,
        &["iam:GetGroup HERE:group/g/ops"],
    ),
    (
        "GetInstanceProfile",
        r#"{"InstanceProfileName": "box"}"#,
        &["iam:GetInstanceProfile HERE:instance-profile/i/box"],
    ),
    // What does not has none, or the one that it is to get.
    (
        "GetRole",
        r#"{"RoleName": "nobody"}"#,
        &["iam:GetRole HERE:role/nobody"],
    ),
    (
        "CreateRole",
        r#"{"RoleName": "new", "Path": "/x/", "PermissionsBoundary": "HERE:policy/b",
            "Tags": [{"Key": "team", "Value": "a"}]}"#,
        &[
            "iam:CreateRole HERE:role/x/new iam:PermissionsBoundary=HERE:policy/b \
             aws:RequestTag/team=a aws:TagKeys=[team]",
            "iam:TagRole HERE:role/x/new aws:RequestTag/team=a aws:TagKeys=[team]",
        ],
    ),
    (
        "CreatePolicy",
        r#"{"PolicyName": "p", "Path": "/x/"}"#,
        &["iam:CreatePolicy HERE:policy/x/p"],
    ),
    (
        "CreateOpenIDConnectProvider",
        r#"{"Url": "https://idp.example/a"}"#,
        &["iam:CreateOpenIDConnectProvider HERE:oidc-provider/idp.example/a"],
    ),
    // The boundary that an entity has decides who may change what it is allowed.
    (
        "PutRolePolicy",
        r#"{"RoleName": "worker", "PolicyName": "p"}"#,
        &["iam:PutRolePolicy HERE:role/p/worker iam:PermissionsBoundary=HERE:policy/b"],
    ),
    (
        "AttachUserPolicy",
        r#"{"UserName": "ann", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}"#,
        &["iam:AttachUserPolicy HERE:user/q/ann \
             iam:PolicyARN=arn:aws:iam::aws:policy/ReadOnlyAccess"],
    ),
    (
        "TagRole",
        r#"{"RoleName": "worker", "Tags": [{"Key": "k", "Value": "v"}]}"#,
        &["iam:TagRole HERE:role/p/worker aws:RequestTag/k=v aws:TagKeys=[k]"],
    ),
    (
        "UntagRole",
        r#"{"RoleName": "worker", "TagKeys": ["k", "l"]}"#,
        &["iam:UntagRole HERE:role/p/worker aws:TagKeys=[k l]"],
    ),
    (
        "AddRoleToInstanceProfile",
        r#"{"InstanceProfileName": "box", "RoleName": "worker"}"#,
        &[
            "iam:AddRoleToInstanceProfile HERE:instance-profile/i/box",
            "iam:PassRole HERE:role/p/worker iam:PassedToService=ec2.amazonaws.com",
        ],
    ),
    // A new name needs the same of it.
    (
        "UpdateUser",
        r#"{"UserName": "ann"}"#,
        &["iam:UpdateUser HERE:user/q/ann"],
    ),
    (
        "UpdateUser",
        r#"{"UserName": "ann", "NewUserName": "bea"}"#,
        &[
            "iam:UpdateUser HERE:user/q/ann",
            "iam:UpdateUser HERE:user/q/bea",
        ],
    ),
    (
        "UpdateGroup",
        r#"{"GroupName": "ops", "NewPath": "/"}"#,
        &[
            "iam:UpdateGroup HERE:group/g/ops",
            "iam:UpdateGroup HERE:group/ops",
        ],
    ),
    (
        "CreateServiceLinkedRole",
        r#"{"AWSServiceName": "ecs.amazonaws.com"}"#,
        &[
            "iam:CreateServiceLinkedRole HERE:role/aws-service-role/ecs.amazonaws.com/* \
             iam:AWSServiceName=ecs.amazonaws.com",
        ],
    ),
    (
        "SimulatePrincipalPolicy",
        r#"{"PolicySourceArn": "HERE:user/q/ann"}"#,
        &["iam:SimulatePrincipalPolicy HERE:user/q/ann"],
    ),
    (
        "GetPolicy",
        r#"{"PolicyArn": "no arn"}"#,
        &["iam:GetPolicy no arn"],
    ),
    (
        "GetAccessKeyLastUsed",
        r#"{"AccessKeyId": "AKIANOBODY"}"#,
        &["iam:GetAccessKeyLastUsed *"],
    ),
    ("ListRoles", "{}", &["iam:ListRoles *"]),
    // Without a name it is the caller, who is no user here.
    ("ListAccessKeys", "{}", &["iam:ListAccessKeys *"]),
    ("DeleteRole", "{}", &["iam:DeleteRole *"]),
];

/// What the cases speak of.
const MADE: &[(&str, &str)] = &[
    (
        "CreatePolicy",
        r#"{"PolicyName": "b", "PolicyDocument": "ALLOW"}"#,
    ),
    (
        "CreateRole",
        r#"{"RoleName": "worker", "Path": "/p/", "AssumeRolePolicyDocument": "TRUST",
            "PermissionsBoundary": "HERE:policy/b", "Tags": [{"Key": "k", "Value": "role"}]}"#,
    ),
    (
        "CreateUser",
        r#"{"UserName": "ann", "Path": "/q/", "Tags": [{"Key": "k", "Value": "user"}]}"#,
    ),
    ("CreateGroup", r#"{"GroupName": "ops", "Path": "/g/"}"#),
    (
        "CreateInstanceProfile",
        r#"{"InstanceProfileName": "box", "Path": "/i/",
            "Tags": [{"Key": "k", "Value": "profile"}]}"#,
    ),
    (
        "CreateOpenIDConnectProvider",
        r#"{"Url": "https://idp.example/a", "Tags": [{"Key": "k", "Value": "provider"}]}"#,
    ),
    (
        "CreatePolicy",
        r#"{"PolicyName": "t", "PolicyDocument": "ALLOW",
            "Tags": [{"Key": "k", "Value": "policy"}]}"#,
    ),
];

async fn furnished() -> Arc<Iam> {
    let iam = Iam::for_tests();
    let trust = super::super::tests::trusting(r#"\"Service\":\"states.amazonaws.com\""#);
    let allow = super::super::tests::allowing("*");
    for (operation, input) in MADE {
        let input = input.replace("HERE", HERE);
        let input = input.replace("TRUST", &trust).replace("ALLOW", &allow);
        let made = iam.send(operation, &input).await;
        made.unwrap_or_else(|error| panic!("{operation}: {error}"));
    }
    iam
}

#[tokio::test]
async fn each_operation_needs_its_own() {
    let iam = furnished().await;
    for (operation, input, expected) in CASES {
        let needs = iam.needs(operation, &call(operation, input)).await.unwrap();
        let lines: Vec<String> = needs.iter().map(line).collect();
        assert_eq!(lines, *expected, "{operation} {input}");
    }
}

/// Denials name the resource: whose key it is must not be told to another account.
#[tokio::test]
async fn a_key_of_another_account_is_nobodys() {
    let iam = furnished().await;
    let made = iam.send("CreateAccessKey", "{'UserName': 'ann'}").await;
    let key = made.unwrap().get("AccessKey").unwrap().clone();
    let id = key
        .get("AccessKeyId")
        .and_then(json::Value::as_str)
        .unwrap();
    let mut call = call(
        "GetAccessKeyLastUsed",
        &format!(r#"{{"AccessKeyId": "{id}"}}"#),
    );
    for (account, expected) in [
        (None, "iam:GetAccessKeyLastUsed HERE:user/q/ann"),
        (Some("999999999999"), "iam:GetAccessKeyLastUsed *"),
    ] {
        if let Some(account) = account {
            call.account = account.into();
        }
        let needs = iam.needs("GetAccessKeyLastUsed", &call).await.unwrap();
        let lines: Vec<String> = needs.iter().map(line).collect();
        assert_eq!(lines, [expected]);
    }
}

#[tokio::test]
async fn tags_of_every_entity_are_known() {
    let iam = furnished().await;
    for (arn, expected) in [
        ("role/p/worker", Some("role")),
        ("user/q/ann", Some("user")),
        ("instance-profile/i/box", Some("profile")),
        ("oidc-provider/idp.example/a", Some("provider")),
        ("policy/t", Some("policy")),
        ("policy/none", None),
        ("role/none", None),
        ("group/g/ops", None),
    ] {
        let tags = iam.tags_of(&format!("{HERE}:{arn}")).await.unwrap();
        let value = tags.and_then(|tags| tags.first().map(|(_, value)| value.to_string()));
        assert_eq!(value.as_deref(), expected, "{arn}");
    }
}

/// What is served has a row, and what has a row is served.
#[test]
fn every_operation_is_in_the_table() {
    for operation in aws::Service::Iam.model().unwrap().operations() {
        let name = &*operation.name;
        let served: Option<Operation> = role(name)
            .or_else(|| user(name))
            .or_else(|| group(name))
            .or_else(|| policy(name))
            .or_else(|| others(name));
        assert_eq!(served.is_some(), facts(name).is_some(), "{name}");
    }
}
