use super::*;
use crate::iam::Iam;
use crate::testing;

/// A change is seen by the next read, and what did not change is not read again.
#[tokio::test]
async fn a_role_is_as_it_was_left() {
    let iam = Iam::for_tests();
    let send = async |operation: &str, input: &str| {
        let input = json::parse(input).unwrap();
        let call = testing::call(aws::Service::Iam, operation, &input, 1_790_000_000_000);
        iam.handle(operation, &call).await.unwrap().unwrap()
    };
    let account = "123456789012";
    let role = async || iam.directory.role(account, "R").await.unwrap();
    assert!(role().await.is_none());
    let trust = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"states.amazonaws.com\"}}]}"#;
    send(
        "CreateRole",
        &format!(r#"{{"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": "{trust}", "Tags": [{{"Key": "k", "Value": "v"}}]}}"#),
    )
    .await;
    let made = role().await.unwrap();
    assert_eq!(&*made.arn, "arn:aws:iam::123456789012:role/p/r");
    assert_eq!(made.tags[0], ("k".into(), "v".into()));
    assert!(Arc::ptr_eq(&made, &role().await.unwrap()));
    let document = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}"#;
    let put = format!(r#"{{"RoleName": "r", "PolicyName": "p", "PolicyDocument": "{document}"}}"#);
    send("PutRolePolicy", &put).await;
    let create = format!(r#"{{"PolicyName": "m", "PolicyDocument": "{document}"}}"#);
    send("CreatePolicy", &create).await;
    let arn = "arn:aws:iam::123456789012:policy/m";
    let attach = format!(r#"{{"RoleName": "r", "PolicyArn": "{arn}"}}"#);
    send("AttachRolePolicy", &attach).await;
    let role = role().await.unwrap();
    let uris: Vec<&str> = role.policies.iter().map(|it| &*it.source.uri).collect();
    assert_eq!(uris, ["arn:aws:iam::123456789012:role/p/r#policy/p", arn]);
    assert!(
        iam.directory
            .managed_policy(account, arn)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        iam.directory
            .managed_policy("210987654321", arn)
            .await
            .unwrap()
            .is_none()
    );
}
