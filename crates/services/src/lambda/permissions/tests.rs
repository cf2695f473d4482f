use aws::iam::{Acting, Principal};

use super::*;
use crate::access::Caller;
use crate::lambda::invoke::testing::{ACCOUNT, REGION, World};

const OTHER: &str = "210987654321";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:f";

/// A service that acts for a resource.
fn service(name: &str, source_arn: &str) -> Caller {
    let source = |text: &str| (!text.is_empty()).then(|| text.into());
    Caller::from(Principal::Service {
        name: name.into(),
        region: REGION.into(),
        acting: Acting {
            source_arn: source(source_arn),
            source_account: source(engine::arn::account(source_arn)),
        },
    })
}

/// A user of the function's account that has no policy.
async fn user(world: &World, name: &str) -> Caller {
    let input = format!(r#"{{"UserName": "{name}"}}"#);
    let made = world.must("CreateUser", &input).await.members;
    let id = made.get("User").unwrap().get("UserId").unwrap();
    Caller::from(Principal::User {
        account: ACCOUNT.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}").into(),
        id: id.as_str().unwrap().into(),
        name: name.into(),
        tags: Arc::default(),
        temporary: None,
    })
}

/// Who may invoke what is asked by dry runs, so that nothing runs.
async fn may(world: &World, caller: &Caller, function: &str) -> bool {
    let input = format!(r#"{{"FunctionName": "{function}", "InvocationType": "DryRun"}}"#);
    match world.send(Some(caller.clone()), "Invoke", &input).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code, "AccessDeniedException", "{error}");
            false
        }
    }
}

async fn allow(world: &World, sid: &str, more: &str) {
    let input = format!(
        r#"{{"FunctionName": "f", "StatementId": "{sid}", "Action": "lambda:InvokeFunction",
            {more}}}"#
    );
    world.must("AddPermission", &input).await;
}

async fn revoke(world: &World, sid: &str) {
    let input = format!(r#"{{"FunctionName": "f", "StatementId": "{sid}"}}"#);
    world.must("RemovePermission", &input).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_of_functions_let_in_whom_they_name() {
    let world = World::new(200).await;
    world.function("f", "").await;
    world
        .must("PublishVersion", r#"{"FunctionName": "f"}"#)
        .await;
    let bucket = |name: &str| service("s3.amazonaws.com", &format!("arn:aws:s3:::{name}"));
    let rule = |account: &str| {
        let arn = format!("arn:aws:events:{REGION}:{account}:rule/r");
        service("events.amazonaws.com", &arn)
    };
    let someone = user(&world, "someone").await;
    let root_of_other = Caller::root(OTHER);
    let nobody = [
        ("a bucket", bucket("b")),
        ("a rule", rule(ACCOUNT)),
        ("a user without a policy", someone.clone()),
        ("another account", root_of_other.clone()),
    ];
    for (who, caller) in &nobody {
        assert!(!may(&world, caller, FUNCTION).await, "{who}");
    }

    let s3 = r#""Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b""#;
    allow(&world, "s3", s3).await;
    assert!(may(&world, &bucket("b"), FUNCTION).await);
    assert!(!may(&world, &bucket("c"), FUNCTION).await);
    assert!(!may(&world, &rule(ACCOUNT), FUNCTION).await);
    // A version has a policy of its own.
    assert!(!may(&world, &bucket("b"), &format!("{FUNCTION}:1")).await);
    allow(&world, "s3", &format!(r#"{s3}, "Qualifier": "1""#)).await;
    assert!(may(&world, &bucket("b"), &format!("{FUNCTION}:1")).await);

    let events = format!(r#""Principal": "events.amazonaws.com", "SourceAccount": "{ACCOUNT}""#);
    allow(&world, "events", &events).await;
    assert!(may(&world, &rule(ACCOUNT), FUNCTION).await);
    assert!(!may(&world, &rule(OTHER), FUNCTION).await);

    allow(&world, "other", &format!(r#""Principal": "{OTHER}""#)).await;
    assert!(may(&world, &root_of_other, FUNCTION).await);
    revoke(&world, "other").await;
    assert!(!may(&world, &root_of_other, FUNCTION).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_is_made_again_is_another() {
    let world = World::new(200).await;
    world.function("f", "").await;
    let arn = format!(r#""Principal": "arn:aws:iam::{ACCOUNT}:user/u""#);
    let input =
        format!(r#"{{"FunctionName": "f", "StatementId": "u", "Action": "lambda:*", {arn}}}"#);
    let refused = world.send(None, "AddPermission", &input).await.unwrap_err();
    assert_eq!(
        refused.message,
        "The provided principal was invalid. Please check the principal and try again."
    );
    let first = user(&world, "u").await;
    let first_id = first.principal.user_id();
    allow(&world, "u", &arn).await;
    assert!(may(&world, &first, FUNCTION).await);
    // An allowance by name needs no other, and the boundary of a name is its id.
    world.must("DeleteUser", r#"{"UserName": "u"}"#).await;
    let second = user(&world, "u").await;
    assert!(!may(&world, &second, FUNCTION).await);
    let shown = world.must("GetPolicy", r#"{"FunctionName": "f"}"#).await;
    let policy = shown.members.get("Policy").unwrap().as_str().unwrap();
    assert!(
        policy.contains(&format!(r#"{{"AWS":"{first_id}"}}"#)),
        "{policy}"
    );

    // What is deleted takes its policies along.
    world
        .must("DeleteFunction", r#"{"FunctionName": "f"}"#)
        .await;
    world.function("f", "").await;
    let none = world
        .send(None, "GetPolicy", r#"{"FunctionName": "f"}"#)
        .await;
    assert_eq!(
        none.unwrap_err().message,
        "The resource you requested does not exist."
    );
    world.end().await;
}

#[test]
fn a_policy_is_bounded() {
    let mut policy = ResourcePolicy::default();
    let permission = |sid: &str, bytes: usize| Permission {
        sid: sid.to_owned(),
        statement: "x".repeat(bytes),
        ids: BTreeMap::new(),
    };
    let empty = policy
        .document(|permission| permission.statement.clone())
        .len();
    policy
        .add(permission("a", POLICY_BYTES_MAX - empty))
        .unwrap();
    let error = policy.add(permission("b", 1)).unwrap_err();
    assert_eq!(error.code, "PolicyLengthExceededException");
    assert_eq!(
        error.message,
        "The final policy size (20482) is bigger than the limit (20480)."
    );
}
