use crate::lambda::invoke::testing::World;

const HANDLER: &str = "def handler(event, context):\n    print('said', event)\n";
const POLICY: &str = r#"{"RoleName": "r", "PolicyName": "logs", "PolicyDocument":
    "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"logs:*\", \"Resource\": \"arn:aws:logs:*:123456789012:*\"}}"}"#;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_function_logs_what_its_role_may_write() {
    let world = World::new(200).await;
    world.function("f", HANDLER).await;
    world.invoke(r#"{"FunctionName": "f", "body": "1"}"#).await;
    assert_eq!(messages(&world).await, None);

    world.must("PutRolePolicy", POLICY).await;
    // It is asked when a process starts.
    let other = r#"{"FunctionName": "f", "Timeout": 4}"#;
    world.must("UpdateFunctionConfiguration", other).await;
    world.invoke(r#"{"FunctionName": "f", "body": "2"}"#).await;
    let seen = parking_lot::Mutex::new(Vec::new());
    for _ in 0..100 {
        let found = messages(&world).await.unwrap_or_default();
        let is_whole = found.iter().any(|message| message.starts_with("REPORT"));
        *seen.lock() = found;
        if is_whole {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let seen = seen.into_inner();
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
