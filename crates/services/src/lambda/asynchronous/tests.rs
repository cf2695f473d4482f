use functions::Report;

use super::*;
use crate::lambda::invoke::testing::{World, eventually, parsed};

/// Logs its runs, and fails as often as its event says.
const FAILING: &str = "\
import json
runs = 0
def handler(event, context):
    global runs
    runs += 1
    print('RUN' + json.dumps([context.aws_request_id, event]))
    if runs <= event['fails']:
        raise Exception('no')
    return {'count': runs}
";

/// Request ids and events of the runs so far.
fn runs(world: &World) -> Vec<Value> {
    let lines = world.lines.lock();
    let runs = lines.iter().filter_map(|line| line.strip_prefix("RUN"));
    runs.map(|run| json::parse(run.trim()).unwrap()).collect()
}

async fn has_run(world: &World, times: usize) {
    eventually(&format!("{times} runs"), || runs(world).len() >= times).await;
}

/// Until the event waits for its function for the n-th time.
async fn waits(world: &World, times: usize) {
    let engine = &world.engine;
    let query = engine::ListQuery {
        state_machine_arn: MACHINE.into(),
        ..engine::ListQuery::default()
    };
    let has_entered = |event: &Value| {
        let kind = event.get("type").and_then(Value::as_str);
        kind == Some("WaitStateEntered")
    };
    eventually(&format!("{times} waits"), || {
        let executions = engine.list(&query).unwrap().executions;
        let arn = &executions.first().unwrap().execution_arn;
        let history = engine.history(arn, &engine::HistoryQuery::default());
        let events = history.unwrap().events;
        events.iter().filter(|event| has_entered(event)).count() >= times
    })
    .await;
}

/// The executions of the server's own are nobody's in AWS's API, whoever knows their ARN.
async fn is_hidden(world: &World) {
    let query = engine::ListQuery {
        state_machine_arn: MACHINE.into(),
        ..engine::ListQuery::default()
    };
    let executions = world.engine.list(&query).unwrap().executions;
    let arn = &executions.first().unwrap().execution_arn;
    let input = format!(r#"{{"executionArn": "{arn}"}}"#);
    for operation in [
        "DescribeExecution",
        "GetExecutionHistory",
        "StopExecution",
        "RedriveExecution",
    ] {
        let refused = world.send(None, operation, &input).await.unwrap_err();
        assert_eq!(refused.code, "ExecutionDoesNotExist", "{operation}");
    }
}

const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:~lambda-event";

const CONFIG: &str = r#""DestinationConfig": {
    "OnSuccess": {"Destination": "arn:aws:lambda:eu-west-1:123456789012:function:good"},
    "OnFailure": {"Destination": "arn:aws:lambda:eu-west-1:123456789012:function:bad"}}"#;

async fn accepted(world: &World, event: &str) -> Value {
    let input = format!(
        r#"{{"FunctionName": "f", "InvocationType": "Event", "body": {}}}"#,
        Value::from(event)
    );
    let answer = world.must("Invoke", &input).await;
    assert!(answer.body.is_none());
    answer.members.get("StatusCode").unwrap().clone()
}

/// The body of the one delivery.
fn delivered(world: &World) -> Value {
    let asked = world.door.asked.lock();
    assert_eq!(asked.len(), 1);
    parsed(&asked[0].body)
}

/// The record of an event that came through at its third try.
fn check_record(record: &Value, request_id: &Value) {
    let member = |path: &[&str]| {
        let inner = path.iter().try_fold(record, |value, name| value.get(name));
        inner.cloned().unwrap_or_default()
    };
    assert_eq!(member(&["requestContext", "requestId"]), *request_id);
    for (path, expected) in [
        (&["version"][..], "\"1.0\""),
        (&["requestContext", "condition"], "\"Success\""),
        (&["requestContext", "approximateInvokeCount"], "3"),
        (
            &["requestContext", "functionArn"],
            "\"arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST\"",
        ),
        (&["requestPayload"], r#"{"fails":2,"n":1.0}"#),
        (&["responseContext", "statusCode"], "200"),
        (&["responseContext", "executedVersion"], "\"$LATEST\""),
        (&["responseContext", "functionError"], "null"),
        (&["responsePayload"], r#"{"count":3}"#),
    ] {
        assert_eq!(member(path).to_text(), expected, "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_is_tried_again_after_one_minute_and_after_two() {
    let world = World::new(202).await;
    world.function("f", FAILING).await;
    world
        .must(
            "PutFunctionEventInvokeConfig",
            &format!(r#"{{"FunctionName": "f", {CONFIG}}}"#),
        )
        .await;
    assert_eq!(
        accepted(&world, r#"{"fails": 2, "n": 1.0}"#).await,
        202.into()
    );
    for (run, seconds) in [(1, 55), (2, 115)] {
        waits(&world, run).await;
        assert_eq!(runs(&world).len(), run);
        world.advance(seconds);
        // Long enough for a timer that were due.
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        assert_eq!(runs(&world).len(), run);
        world.advance(5);
    }
    has_run(&world, 3).await;
    eventually("a delivery", || !world.door.asked.lock().is_empty()).await;
    is_hidden(&world).await;
    let seen = runs(&world);
    assert!(seen.iter().all(|run| run == &seen[0]), "{seen:?}");
    check_record(&delivered(&world), seen[0].index(0).unwrap());
    {
        let asked = world.door.asked.lock();
        assert_eq!(asked[0].header("x-amz-invocation-type"), Some("Event"));
        assert!(asked[0].uri.contains("good"), "{}", asked[0].uri);
        assert!(
            asked[0]
                .header("authorization")
                .unwrap()
                .contains("Credential=ASIA")
        );
    }
    for (metric, sum) in [
        ("AsyncEventsReceived", 1.0),
        ("Invocations", 3.0),
        ("Errors", 2.0),
        ("AsyncEventsDropped", 0.0),
        ("DestinationDeliveryFailures", 0.0),
    ] {
        assert_eq!(world.sum(metric, "f"), sum, "{metric}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_fails_for_good_is_told_to_whom_it_concerns() {
    // What is not retried, and a destination that refuses its record.
    let world = World::new(403).await;
    world.function("f", FAILING).await;
    let dead_letter = "arn:aws:sqs:eu-west-1:123456789012:q";
    world
        .must(
            "UpdateFunctionConfiguration",
            &format!(
                r#"{{"FunctionName": "f", "DeadLetterConfig": {{"TargetArn": "{dead_letter}"}}}}"#
            ),
        )
        .await;
    world
        .must(
            "PutFunctionEventInvokeConfig",
            &format!(r#"{{"FunctionName": "f", "MaximumRetryAttempts": 0, {CONFIG}}}"#),
        )
        .await;
    accepted(&world, r#"{"fails": 9}"#).await;
    eventually("a dead letter", || world.sum("DeadLetterErrors", "f") > 0.0).await;
    let record = delivered(&world);
    let context = record.get("requestContext").unwrap();
    assert_eq!(
        context.get("condition").unwrap().to_text(),
        "\"RetriesExhausted\""
    );
    let response = record.get("responseContext").unwrap();
    assert_eq!(
        response.get("functionError").unwrap().to_text(),
        "\"Unhandled\""
    );
    assert!(world.door.asked.lock()[0].uri.contains("bad"));
    assert_eq!(world.sum("DestinationDeliveryFailures", "f"), 1.0);
    assert_eq!(world.sum("AsyncEventsDropped", "f"), 1.0);
    assert_eq!(runs(&world).len(), 1);

    // Where no invocation may run, the event is over at once.
    let none = r#"{"FunctionName": "f", "ReservedConcurrentExecutions": 0}"#;
    world.must("PutFunctionConcurrency", none).await;
    world.door.asked.lock().clear();
    accepted(&world, r#"{"fails": 0}"#).await;
    eventually("a record", || !world.door.asked.lock().is_empty()).await;
    let record = delivered(&world);
    let context = record.get("requestContext").unwrap();
    assert_eq!(
        context.get("condition").unwrap().to_text(),
        "\"ZeroReservedConcurrency\""
    );
    assert!(record.get("responseContext").is_none());
    assert_eq!(runs(&world).len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_old_is_not_tried() {
    let world = World::new(202).await;
    world.function("f", FAILING).await;
    let lambda = &world.services.lambda;
    world
        .must(
            "PutFunctionEventInvokeConfig",
            &format!(r#"{{"FunctionName": "f", "MaximumEventAgeInSeconds": 60, {CONFIG}}}"#),
        )
        .await;
    let event = |age_ms: i64, errors: u64| {
        let event = Event {
            function_arn: "arn:aws:lambda:eu-west-1:123456789012:function:f".to_owned(),
            request_id: "id".to_owned(),
            trace_id: "Root=1".to_owned(),
            received_ms: now_ms() - age_ms,
            payload: json::parse(r#"{"fails": 9}"#).unwrap(),
            errors,
        };
        let tried = ObjectBuilder::new().add("errors", number(errors)).build();
        Value::from(event.shown()).with_member("tried", tried.into())
    };
    let tried = async |event| match lambda.try_event(&event).await {
        TaskOutcome::Succeeded(tried) => tried,
        other => panic!("{other:?}"),
    };
    let old = tried(event(61_000, 1)).await;
    assert!(runs(&world).is_empty());
    let context = old
        .get("record")
        .unwrap()
        .get("requestContext")
        .unwrap()
        .clone();
    assert_eq!(
        context.get("condition").unwrap().to_text(),
        "\"EventAgeExceeded\""
    );
    assert_eq!(
        context.get("approximateInvokeCount").unwrap().to_text(),
        "1"
    );
    let young = tried(event(30_000, 1)).await;
    assert_eq!(young.to_text(), r#"{"errors":2,"again_in_seconds":120}"#);
    assert_eq!(runs(&world).len(), 1);

    // A function that is gone has nobody to tell.
    world
        .must("DeleteFunction", r#"{"FunctionName": "f"}"#)
        .await;
    assert_eq!(tried(event(0, 0)).await.to_text(), "{}");
    world.end().await;
}

#[test]
fn tries() {
    let report = Report {
        duration: std::time::Duration::ZERO,
        billed_ms: 0,
        init: None,
        memory_used_mb: 0,
        log_group: "".into(),
        log_stream: "".into(),
        timed_out: false,
        out_of_memory: false,
    };
    let invoked = |fails: bool| match fails {
        true => Invoked::FunctionError {
            payload: "".into(),
            log_tail: Vec::new(),
            executed_version: "1".to_owned(),
            report: report.clone(),
        },
        false => Invoked::Ok {
            payload: "".into(),
            log_tail: Vec::new(),
            executed_version: "1".to_owned(),
            report: report.clone(),
        },
    };
    for (errors, retries_max, fails, expected) in [
        (0, None, false, "Success"),
        (2, None, false, "Success"),
        (0, None, true, "1 60"),
        (1, None, true, "2 120"),
        (2, None, true, "RetriesExhausted"),
        (0, Some(0), true, "RetriesExhausted"),
        (0, Some(1), true, "1 60"),
        (1, Some(1), true, "RetriesExhausted"),
    ] {
        let settings = EventInvokeConfig {
            retries_max,
            ..EventInvokeConfig::default()
        };
        let shown = match tried(errors, &settings, &invoked(fails)) {
            Tried::Again { errors, seconds } => format!("{errors} {seconds}"),
            Tried::Ended(condition) => condition.name().to_owned(),
        };
        assert_eq!(shown, expected, "{errors} {retries_max:?} {fails}");
    }
}
