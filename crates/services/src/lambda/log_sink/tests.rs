use std::time::{Duration, Instant};

use crate::lambda::invoke::testing::World;

const HANDLER: &str = "def handler(event, context):\n    print('said', event)\n";
const POLICY: &str = r#"{"RoleName": "r", "PolicyName": "logs", "PolicyDocument":
    "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\",
      \"Action\": \"logs:*\", \"Resource\": \"arn:aws:logs:*:123456789012:*\"}}"}"#;

/// Messages of the function's group; `None` where there is no such group.
async fn messages(world: &World) -> Option<Vec<String>> {
    world.services.logs.writer().flush().await;
    let input = r#"{"logGroupName": "/aws/lambda/f"}"#;
    let found = world.send(None, "FilterLogEvents", input).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            assert_eq!(error.code, "ResourceNotFoundException");
            return None;
        }
    };
    let events = found
        .members
        .get("events")
        .unwrap()
        .as_array()
        .unwrap()
        .to_vec();
    let message = |event: &json::Value| event.get("message").unwrap().as_str().unwrap().to_owned();
    Some(events.iter().map(message).collect())
}

/// Messages of the group once an invocation's last one is there.
async fn a_report(world: &World) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let found = messages(world).await.unwrap_or_default();
        if found.iter().any(|message| message.starts_with("REPORT")) {
            return found;
        }
        assert!(Instant::now() < until, "no report among {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_a_role_logs_where_it_may_go_without() {
    let world = World::with(200, true).await;
    world.function("f", HANDLER).await;
    world.must("DeleteRole", r#"{"RoleName": "r"}"#).await;
    world.invoke(r#"{"FunctionName": "f", "body": "3"}"#).await;
    assert!(a_report(&world).await.contains(&"said 3\n".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_logs_what_its_role_may_write() {
    let world = World::new(200).await;
    world.function("f", HANDLER).await;
    world.invoke(r#"{"FunctionName": "f", "body": "1"}"#).await;
    assert_eq!(messages(&world).await, None);

    world
        .must("PutRolePolicy", &POLICY.replace('\n', " "))
        .await;
    // It is asked when a process starts.
    let other = r#"{"FunctionName": "f", "Timeout": 4}"#;
    world.must("UpdateFunctionConfiguration", other).await;
    world.invoke(r#"{"FunctionName": "f", "body": "2"}"#).await;
    let seen = a_report(&world).await;
    let kinds: Vec<&str> = seen
        .iter()
        .map(|message| message.split([' ', ':']).next().unwrap())
        .collect();
    assert!(
        kinds.contains(&"START") && kinds.contains(&"REPORT"),
        "{seen:?}"
    );
    assert!(seen.contains(&"said 2\n".to_owned()), "{seen:?}");
    world.end().await;
}
