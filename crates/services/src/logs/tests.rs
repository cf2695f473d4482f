use std::sync::Arc;

use json::Value;
use store::lines::MemoryLines;

use super::*;
use crate::testing;

/// The service over an empty store. A case may leave room for fewer groups.
fn fresh(case: &Value) -> Arc<Logs> {
    let limits = case.get("limits");
    let max = limits.and_then(|limits| limits.get("groups")?.as_i64());
    let max = max.map_or(directory::GROUPS_MAX, |max| usize::try_from(max).unwrap());
    let events = Arc::new(MemoryLines::default());
    let store = Arc::new(store::Memory::new());
    let metrics = testing::metrics();
    Arc::new(Logs::with_groups_max(store, events, &metrics, max))
}

#[tokio::test]
async fn scripts() {
    let handle = |logs: Arc<Logs>, operation: String, call: Call| async move {
        logs.handle(&operation, &call).await
    };
    let files = [
        "logs-groups.json",
        "logs-streams.json",
        "logs-tags.json",
        "logs-policies.json",
        "logs-nothing.json",
    ];
    testing::play(&files, &[aws::Service::Logs], fresh, handle).await;
}

/// As scripts send them.
async fn send(logs: &Logs, operation: &str, input: &str) -> Result<Answer, ServiceError> {
    let input = json::parse(input).unwrap();
    let call = testing::call(aws::Service::Logs, operation, &input, 1_790_000_000_000);
    logs.handle(operation, &call).await.unwrap()
}

/// A deletion that a crash cut off, at any of its steps, is finished later; a group that was made
/// again meanwhile is another one.
#[tokio::test]
async fn deletions_that_were_cut_off() {
    let group = r#"{"logGroupName": "g"}"#;
    let stream = r#"{"logGroupName": "g", "logStreamName": "s"}"#;
    let key = names::key("123456789012", "eu-west-1", "g");
    let logs = fresh(&Value::empty_object());
    for again in [false, true] {
        for (operation, input) in [("CreateLogGroup", group), ("CreateLogStream", stream)] {
            send(&logs, operation, input).await.unwrap();
        }
        let id = logs.directory.group(&key).await.unwrap().unwrap().id;
        // What is done before the events are dropped.
        let deleted = logs.directory.delete_group(&key, |_| Ok(())).await.unwrap();
        assert_eq!(deleted.unwrap().unwrap().group, id);
        if again {
            send(&logs, "CreateLogGroup", group).await.unwrap();
        }
        assert_eq!(logs.directory.unfinished().await.unwrap().len(), 1);
        logs.finish_deletions().await.unwrap();
        assert!(logs.directory.unfinished().await.unwrap().is_empty());
        assert_eq!(logs.directory.group(&key).await.unwrap().is_some(), again);
        assert!(logs.directory.stream(id, "s").await.unwrap().is_none());
    }
    // One that did not begin.
    let id = logs.directory.group(&key).await.unwrap().unwrap().id;
    logs.directory.note_deletion(&key, id).await;
    logs.finish_deletions().await.unwrap();
    assert!(logs.directory.group(&key).await.unwrap().is_some());
    assert!(logs.directory.unfinished().await.unwrap().is_empty());
    // Of a stream.
    send(&logs, "CreateLogStream", stream).await.unwrap();
    let deleted = logs.directory.delete_stream(&key, "s").await.unwrap();
    assert!(deleted.unwrap().unwrap().stream().is_some());
    send(&logs, "CreateLogStream", stream).await.unwrap();
    logs.finish_deletions().await.unwrap();
    let again = send(&logs, "CreateLogStream", stream).await.unwrap_err();
    assert_eq!(again.code, "ResourceAlreadyExistsException");
}

/// What a pattern chooses may be far between: a page then ends early, with a token.
#[tokio::test]
async fn a_page_has_an_end() {
    let logs = fresh(&Value::empty_object());
    let made = logs.directory.documents.blocking(|store| {
        for number in 0..=list::READ_MAX {
            let name = format!("g{number:05}");
            let group = directory::LogGroup::new(&name, asl::time::Timestamp(1));
            let key = names::key("123456789012", "eu-west-1", &name);
            crate::documents::create(store, store::Kind::LogGroup, &key, &group)?;
        }
        Ok(())
    });
    made.await.unwrap();
    let last = format!("g{:05}", list::READ_MAX);
    let input = format!(r#"{{"logGroupNamePattern": "{last}"}}"#);
    let first = send(&logs, "DescribeLogGroups", &input).await.unwrap();
    let groups = |answer: &Answer| answer.members.get("logGroups").cloned().unwrap();
    assert_eq!(groups(&first), Value::empty_array());
    let token = first.members.get("nextToken").and_then(Value::as_str);
    let token = token.unwrap().to_owned();
    let input = format!(r#"{{"logGroupNamePattern": "{last}", "nextToken": "{token}"}}"#);
    let second = send(&logs, "DescribeLogGroups", &input).await.unwrap();
    let found = groups(&second);
    assert_eq!(found.as_array().unwrap().len(), 1);
    let name = found.index(0).and_then(|group| group.get("logGroupName"));
    assert_eq!(name.and_then(Value::as_str), Some(&*last));
    assert!(second.members.get("nextToken").is_none());
}
