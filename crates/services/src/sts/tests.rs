//! The operations as callers see them: signed, authenticated, authorised, handled.

pub(super) mod issuer;
mod over_tls;
mod world;

use std::sync::Arc;

use json::Value;

use self::world::World;
use crate::{Call, testing};

#[tokio::test]
async fn scripts() {
    let handle = |world: Arc<World>, operation: String, call: Call| async move {
        world.answer(&operation, &call).await
    };
    testing::play(
        &[
            "access.json",
            "sts.json",
            "sts-assume-role.json",
            "sts-web-identity.json",
        ],
        &[aws::Service::Sts, aws::Service::Iam, aws::Service::States],
        |case: &Value| Arc::new(World::new(case)),
        handle,
    )
    .await;
}

/// The authorization id of a denial stands for its encoded message.
#[tokio::test]
async fn a_denial_is_decoded_by_its_id() {
    let world = World::new(&Value::null());
    let send = async |service, operation: &str, input: &str| {
        let input = json::parse(input).unwrap();
        let call = testing::call(service, operation, &input, 1_790_000_000_000);
        world.answer(operation, &call).await.unwrap()
    };
    send(aws::Service::Iam, "CreateUser", r#"{"UserName": "ada"}"#)
        .await
        .unwrap();
    let key = send(
        aws::Service::Iam,
        "CreateAccessKey",
        r#"{"UserName": "ada"}"#,
    )
    .await;
    let key = key.unwrap().members.get("AccessKey").unwrap().to_text();
    let arn = "arn:aws:iam::123456789012:role/gone";
    let assume = format!(
        r#"{{"$as": {key}, "RoleArn": "{arn}", "RoleSessionName": "s1", "ExternalId": "x7"}}"#
    );
    let denied = send(aws::Service::Sts, "AssumeRole", &assume).await;
    let text = denied.unwrap_err().message;
    let id = crate::access::authorization_id(&text).unwrap();
    let decode = format!(r#"{{"EncodedMessage": "{id}"}}"#);
    let decoded = send(aws::Service::Sts, "DecodeAuthorizationMessage", &decode).await;
    let members = decoded.unwrap().members;
    let decoded = members
        .get("DecodedMessage")
        .and_then(Value::as_str)
        .unwrap();
    let decoded = json::parse(decoded).unwrap();
    assert_eq!(decoded.get("allowed"), Some(&false.into()));
    assert_eq!(decoded.get("explicitDeny"), Some(&false.into()));
    let context = decoded.get("context").unwrap();
    assert_eq!(context.get("action"), Some(&"sts:AssumeRole".into()));
    assert_eq!(context.get("resource"), Some(&arn.into()));
    let caller = "arn:aws:iam::123456789012:user/ada";
    assert_eq!(
        context.get("principal").unwrap().get("arn"),
        Some(&caller.into())
    );
    let conditions = context.get("conditions").unwrap().to_text();
    let given = r#"{"key":"sts:ExternalId","values":{"items":[{"value":"x7"}]}}"#;
    assert!(conditions.contains(given), "{conditions}");
    // In another account there is no such denial.
    let elsewhere = format!(
        r#"{{"$as": {{"AccessKeyId": "999999999999", "SecretAccessKey": "x"}},
            "EncodedMessage": "{id}"}}"#
    );
    let unknown = send(aws::Service::Sts, "DecodeAuthorizationMessage", &elsewhere).await;
    assert_eq!(
        unknown.unwrap_err().code,
        "InvalidAuthorizationMessageException"
    );
}

/// What names no policy would narrow nothing.
#[tokio::test]
async fn a_session_policy_needs_an_arn() {
    let world = World::new(&Value::null());
    let call = |service, operation, input: &str| {
        let input = json::parse(input).unwrap();
        testing::call(service, operation, &input, 1_790_000_000_000)
    };
    let role = r#"{"RoleName": "r", "AssumeRolePolicyDocument": "{\"Version\": \"2012-10-17\",
        \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\",
        \"Principal\": {\"AWS\": \"123456789012\"}}}"}"#
        .replace("\n", " ");
    let made = world
        .handed(&call(aws::Service::Iam, "CreateRole", &role))
        .await;
    assert!(made.is_ok(), "{made:?}");
    let known = r#"{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}"#;
    for (policies, is_taken) in [
        (String::new(), true),
        (known.to_owned(), true),
        ("{}".to_owned(), false),
        (r#"{"Arn": "x"}"#.to_owned(), false),
        (format!("{known}, {{}}"), false),
    ] {
        let input = format!(
            r#"{{"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "s1",
                "PolicyArns": [{policies}]}}"#
        );
        let assumed = world
            .handed(&call(aws::Service::Sts, "AssumeRole", &input))
            .await;
        let code = assumed.map(|_| ()).map_err(|error| error.code.to_string());
        let expected = if is_taken {
            Ok(())
        } else {
            Err("ValidationError".to_owned())
        };
        assert_eq!(code, expected, "{policies}");
    }
}
