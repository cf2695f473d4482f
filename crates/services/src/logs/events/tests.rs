use std::sync::Arc;

use asl::time::Timestamp;
use aws::Service;
use json::Value;
use store::lines::MemoryLines;
use store::{Memory, Store};

use super::*;
use crate::testing;

const NOW_MS: i64 = 1_790_000_000_000;

/// Logs with the group `g` and the streams `a` and `b`.
async fn world() -> Logs {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let events = Arc::new(MemoryLines::default());
    let logs = Logs::new(store, events, &testing::metrics());
    for stream in ["a", "b"] {
        let (account, region) = ("123456789012", "eu-west-1");
        let made = logs
            .directory
            .ensure_stream(account, region, "g", stream, true, Timestamp(0));
        assert!(made.await.unwrap().is_some());
    }
    logs
}

fn call(operation: &str, input: &str, later_ms: i64) -> Call {
    let input = json::parse(input).unwrap();
    testing::call(Service::Logs, operation, &input, NOW_MS + later_ms)
}

/// Puts an event for each time after [`NOW_MS`], in groups of one batch.
async fn put(logs: &Logs, stream: &str, times: &[i64]) -> Value {
    let event = |time: &i64| {
        let timestamp = NOW_MS + time;
        format!(r#"{{"timestamp": {timestamp}, "message": "{time}"}}"#)
    };
    let events: Vec<String> = times.iter().map(event).collect();
    let input = format!(
        r#"{{"logGroupName": "g", "logStreamName": "{stream}", "logEvents": [{}]}}"#,
        events.join(",")
    );
    let answer = logs.put_log_events(&call("PutLogEvents", &input, 0)).await;
    answer.unwrap().members
}

/// The messages of an answer.
fn messages(answer: &Value) -> String {
    let events = answer.get("events").and_then(Value::as_array).unwrap();
    let text = |event: &Value| {
        event
            .get("message")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    };
    events.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn text<'a>(answer: &'a Value, member: &str) -> Option<&'a str> {
    answer.get(member).and_then(Value::as_str)
}

#[tokio::test]
async fn a_reader_of_a_stream_goes_to_its_ends_and_back() {
    let logs = world().await;
    put(&logs, "a", &[1, 2, 3, 4, 5]).await;
    put(&logs, "b", &[2]).await;
    let logs = &logs;
    let get = async |more: &str| {
        let input = format!(r#"{{"logGroupName": "g", "logStreamName": "a", "limit": 2{more}}}"#);
        let answer = logs.get_log_events(&call("GetLogEvents", &input, 0)).await;
        answer.unwrap().members
    };
    let tokens = |answer: &Value| {
        ["nextForwardToken", "nextBackwardToken"]
            .map(|member| text(answer, member).unwrap().to_owned())
    };
    let on = async |token: &str| get(&format!(r#", "nextToken": "{token}""#)).await;

    let newest = get("").await;
    assert_eq!(messages(&newest), "4 5");
    let [held, back] = tokens(&newest);
    let middle = on(&back).await;
    assert_eq!(messages(&middle), "2 3");
    // The way forward leads to the same page again.
    assert_eq!(messages(&on(&tokens(&middle)[0]).await), "4 5");
    let first = on(&tokens(&middle)[1]).await;
    assert_eq!(messages(&first), "1");
    // At an end the same token comes back, and the other one turns round.
    let end = on(&tokens(&first)[1]).await;
    assert_eq!(
        (&*messages(&end), &tokens(&end)[1]),
        ("", &tokens(&first)[1])
    );
    assert_eq!(messages(&on(&tokens(&end)[0]).await), "1 2");
    let end = on(&held).await;
    assert_eq!((&*messages(&end), &tokens(&end)[0]), ("", &held));
    assert_eq!(messages(&on(&tokens(&end)[1]).await), "4 5");
    // What comes later is found from there, of the same time too.
    put(logs, "a", &[5, 6]).await;
    assert_eq!(messages(&on(&held).await), "5 6");

    assert_eq!(messages(&get(r#", "startFromHead": true"#).await), "1 2");
    // The start is included, the end isn't.
    let times = |from: i64, until: i64| {
        let (from, until) = (NOW_MS + from, NOW_MS + until);
        format!(r#", "startTime": {from}, "endTime": {until}, "startFromHead": true"#)
    };
    assert_eq!(messages(&get(&times(2, 4)).await), "2 3");
    assert_eq!(messages(&get(&times(2, 3)).await), "2");
    assert_eq!(messages(&get(&times(2, 2)).await), "");
    assert_eq!(messages(&get(&times(7, 9)).await), "");
}

#[tokio::test]
async fn a_reader_of_an_empty_stream_sees_what_comes() {
    let logs = world().await;
    for head in ["true", "false"] {
        let input =
            format!(r#"{{"logGroupName": "g", "logStreamName": "b", "startFromHead": {head}}}"#);
        let empty = logs.get_log_events(&call("GetLogEvents", &input, 0)).await;
        let empty = empty.unwrap().members;
        put(&logs, "b", &[0]).await;
        for (member, expected) in [("nextForwardToken", "0"), ("nextBackwardToken", "")] {
            let input = format!(
                r#"{{"logGroupName": "g", "logStreamName": "b", "nextToken": "{}"}}"#,
                text(&empty, member).unwrap()
            );
            let found = logs.get_log_events(&call("GetLogEvents", &input, 0)).await;
            let found = messages(&found.unwrap().members);
            assert!(found.starts_with(expected) && found.is_empty() == expected.is_empty());
        }
    }
}

#[tokio::test]
async fn pages_of_a_group_put_together_are_all_that_matches() {
    let logs = world().await;
    let times: Vec<i64> = (0..60).collect();
    put(&logs, "a", &times).await;
    put(&logs, "b", &times[..40]).await;
    let logs = &logs;
    let all = async |more: &str| {
        let (mut token, mut found) = (String::new(), Vec::new());
        let mut ids = std::collections::BTreeSet::new();
        loop {
            let input = format!(r#"{{"logGroupName": "g"{more}{token}}}"#);
            let answer = logs
                .filter_log_events(&call("FilterLogEvents", &input, 0))
                .await;
            let answer = answer.unwrap().members;
            let events = answer.get("events").and_then(Value::as_array).unwrap();
            for event in events {
                let id = text(event, "eventId").unwrap();
                assert!(id.len() == 56 && ids.insert(id.to_owned()));
            }
            found.push(messages(&answer));
            match text(&answer, "nextToken") {
                Some(next) => token = format!(r#", "nextToken": "{next}""#),
                None => return found.join("|"),
            }
        }
    };
    let check = async |more: &str, expected: &str| assert_eq!(all(more).await, expected, "{more}");
    check(
        r#", "limit": 4, "filterPattern": "5""#,
        "5 5 15 15|25 25 35 35|45 50 51 52|\
           53 54 55 56|57 58 59",
    )
    .await;
    check(
        r#", "limit": 4, "filterPattern": "59", "startFromHead": false"#,
        "59",
    )
    .await;
    let range = format!(
        r#", "startTime": {}, "endTime": {}"#,
        NOW_MS + 38,
        NOW_MS + 41
    );
    // Both ends are included.
    check(&format!("{range}, \"limit\": 4"), "38 38 39 39|40 41").await;
    check(
        &format!("{range}, \"limit\": 4, \"startFromHead\": false"),
        "41 40 39 39|38 38",
    )
    .await;
    check(&format!("{range}, \"logStreamNames\": [\"b\"]"), "38 39").await;
    check(
        &format!("{range}, \"logStreamNames\": [\"b\", \"a\", \"b\"]"),
        "38 38 39 39 40 41",
    )
    .await;
    check(
        &format!("{range}, \"logStreamNamePrefix\": \"a\""),
        "38 39 40 41",
    )
    .await;
    check(&format!("{range}, \"logStreamNamePrefix\": \"c\""), "").await;
    check(r#", "filterPattern": "no such word""#, "").await;
}

#[tokio::test]
async fn what_is_too_old_or_new_is_left_out_and_said() {
    const DAY: i64 = DAY_MS;
    const HOUR: i64 = 3_600_000;
    let check = async |times: &[i64], expected: &str| {
        let logs = world().await;
        let answer = put(&logs, "a", times).await;
        let rejected = answer.get("rejectedLogEventsInfo");
        let rejected = rejected.map(Value::to_text).unwrap_or_default();
        assert_eq!(rejected, expected, "{times:?}");
        assert_eq!(text(&answer, "nextSequenceToken").unwrap().len(), 56);
        let get = r#"{"logGroupName": "g", "logStreamName": "a"}"#;
        let answer = logs.get_log_events(&call("GetLogEvents", get, 0)).await;
        let answer = answer.unwrap().members;
        answer
            .get("events")
            .and_then(Value::as_array)
            .unwrap()
            .len()
    };
    assert_eq!(check(&[-14 * DAY, -13 * DAY], "").await, 2);
    assert_eq!(check(&[0, 2 * HOUR], "").await, 2);
    let old = r#"{"tooOldLogEventEndIndex":1}"#;
    assert_eq!(check(&[-14 * DAY - 1, -14 * DAY], old).await, 1);
    let new = r#"{"tooNewLogEventStartIndex":1}"#;
    assert_eq!(check(&[2 * HOUR, 2 * HOUR + 1, 3 * HOUR], new).await, 1);
    let both = r#"{"tooNewLogEventStartIndex":2,"tooOldLogEventEndIndex":2}"#;
    assert_eq!(check(&[-30 * DAY, -20 * DAY, 9 * HOUR], both).await, 0);
    // What is left out doesn't count for the span.
    let ends = r#"{"tooNewLogEventStartIndex":3,"tooOldLogEventEndIndex":1}"#;
    assert_eq!(check(&[-30 * DAY, -DAY, 0, 9 * HOUR], ends).await, 2);
}

#[tokio::test]
async fn expired_events_are_gone_at_once_and_deleted_later() {
    let logs = world().await;
    put(&logs, "a", &[-10 * DAY_MS]).await;
    put(&logs, "a", &[-DAY_MS, 0]).await;
    let key = crate::logs::names::key("123456789012", "eu-west-1", "g");
    let keeps = |days: Option<u32>| {
        let change = move |group: &mut LogGroup| {
            group.retention_days = days;
            Ok::<_, crate::documents::Error>(())
        };
        let documents = logs.directory.documents.clone();
        let key = key.clone();
        async move {
            let changed = documents.change(store::Kind::LogGroup, &key, change).await;
            changed.unwrap().unwrap().unwrap();
        }
    };
    let logs = &logs;
    let seen = async || {
        let get = r#"{"logGroupName": "g", "logStreamName": "a"}"#;
        let got = logs.get_log_events(&call("GetLogEvents", get, 0)).await;
        let filter = r#"{"logGroupName": "g"}"#;
        let filtered = logs
            .filter_log_events(&call("FilterLogEvents", filter, 0))
            .await;
        let (got, filtered) = (
            messages(&got.unwrap().members),
            messages(&filtered.unwrap().members),
        );
        assert_eq!(got, filtered);
        got
    };
    assert_eq!(seen().await, format!("{} {} 0", -10 * DAY_MS, -DAY_MS));
    keeps(Some(3)).await;
    assert_eq!(seen().await, format!("{} 0", -DAY_MS));
    // Nothing was deleted yet.
    keeps(None).await;
    assert_eq!(seen().await, format!("{} {} 0", -10 * DAY_MS, -DAY_MS));
    keeps(Some(3)).await;
    logs.expire(NOW_MS).await.unwrap();
    keeps(None).await;
    assert_eq!(seen().await, format!("{} 0", -DAY_MS));

    keeps(Some(1)).await;
    let late = put(logs, "a", &[-2 * DAY_MS, 0]).await;
    let rejected = late.get("rejectedLogEventsInfo").unwrap().to_text();
    assert_eq!(rejected, r#"{"expiredLogEventEndIndex":1}"#);
}

#[tokio::test]
async fn what_lies_under_a_group_that_is_gone_is_deleted() {
    let logs = world().await;
    put(&logs, "a", &[0]).await;
    let key = crate::logs::names::key("123456789012", "eu-west-1", "g");
    let found = logs
        .directory
        .documents
        .get::<LogGroup>(store::Kind::LogGroup, &key);
    let found = found.await.unwrap().unwrap();
    let id = found.body.id.into();
    let bytes = async || {
        let kept = logs
            .kept
            .run(move |events| Ok::<_, crate::documents::Error>(events.stored_bytes(&[id])?));
        kept.await.unwrap()[0]
    };
    logs.expire(NOW_MS).await.unwrap();
    assert_eq!(bytes().await, 27);
    let documents = &logs.directory.documents;
    let deleted = documents.delete(store::Kind::LogGroup, &key, found.revision);
    assert!(deleted.await.unwrap());
    logs.expire(NOW_MS).await.unwrap();
    assert_eq!(bytes().await, 0);
}
