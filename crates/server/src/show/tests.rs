use super::*;

fn known(status: &str, events: &str, provenance: &str, log: Log) -> Known {
    let execution = format!(
        r#"{{"executionArn": "arn:aws:states:us-east-1:000000000000:execution:Order:e",
        "status": "{status}", "startDate": 10, "stopDate": 11.25, "input": "{{\"n\":1}}",
        "error": "ValueError", "cause": "{{\"errorMessage\":\"no\"}}"}}"#
    );
    let events = json::parse(events).unwrap();
    Known {
        execution: json::parse(&execution).unwrap(),
        provenance: json::parse(provenance).unwrap(),
        story: Story::of(events.as_array().unwrap()),
        waiting: Waiting::No,
        log,
    }
}

/// What an execution that DescribeConcurrency was asked for shows, in its second line and as JSON.
#[test]
fn who_waits_is_told_where() {
    let check = |gate: &str, line: &str, json: &str| {
        let mut known = known("RUNNING", "[]", "{}", Log::None);
        known.waiting = queued(&json::parse(gate).unwrap(), "arn:e");
        let mut shown = Vec::new();
        Shown::new(&known, false).print(&mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        let waits = shown.lines().find(|line| line.contains("waits for"));
        assert_eq!(waits.unwrap_or_default().trim(), line);
        let told = known.to_json();
        let told = told.get("waiting").map(Value::to_text).unwrap_or_default();
        assert_eq!(told, json);
    };
    check(
        r#"{"limit": 2, "running": 2, "queuedCount": 2, "queued": [
            {"executionArn": "arn:d", "position": 1}, {"executionArn": "arn:e", "position": 2}]}"#,
        "waits for its state machine's limit (tag lockstep:maxConcurrency = 2): 2 run, it is \
         number 2 of 2 that wait",
        r#"{"limit":2,"running":2,"queuedCount":2,"position":2}"#,
    );
    check(
        r#"{"limit": 1, "running": 1, "queuedCount": 5000, "queued": [
            {"executionArn": "arn:d", "position": 1}]}"#,
        "waits for its state machine's limit (tag lockstep:maxConcurrency = 1): 1 run, it is \
         one of the last of 5000 that wait",
        r#"{"limit":1,"running":1,"queuedCount":5000}"#,
    );
    // It began to run after its history was read.
    check(
        r#"{"limit": 1, "running": 1, "queuedCount": 1, "queued": [
            {"executionArn": "arn:d", "position": 1}]}"#,
        "",
        "",
    );
}

const EVENTS: &str = r#"[
    {"id": 1, "previousEventId": 0, "type": "ExecutionStarted", "timestamp": 10},
    {"id": 2, "previousEventId": 0, "type": "PassStateEntered", "timestamp": 10,
     "stateEnteredEventDetails": {"name": "First"}},
    {"id": 3, "previousEventId": 2, "type": "PassStateExited", "timestamp": 10,
     "stateExitedEventDetails": {"name": "First"}},
    {"id": 4, "previousEventId": 3, "type": "TaskStateEntered", "timestamp": 10,
     "stateEnteredEventDetails": {"name": "Charge"}},
    {"id": 5, "previousEventId": 4, "type": "LambdaFunctionScheduled", "timestamp": 10,
     "lambdaFunctionScheduledEventDetails": {"resource": "arn:f", "input": "{\"n\":1}"}},
    {"id": 6, "previousEventId": 5, "type": "LambdaFunctionStarted", "timestamp": 10},
    {"id": 7, "previousEventId": 6, "type": "LambdaFunctionFailed", "timestamp": 10.5,
     "lambdaFunctionFailedEventDetails": {"error": "Busy", "cause": "c"}},
    {"id": 8, "previousEventId": 7, "type": "LambdaFunctionScheduled", "timestamp": 11,
     "lambdaFunctionScheduledEventDetails": {"resource": "arn:f", "input": "{\"n\":1}"}},
    {"id": 9, "previousEventId": 8, "type": "LambdaFunctionStarted", "timestamp": 11},
    {"id": 10, "previousEventId": 9, "type": "LambdaFunctionFailed", "timestamp": 11.25,
     "lambdaFunctionFailedEventDetails": {"error": "ValueError",
      "cause": "... with the following authorization id: 0f3a."}},
    {"id": 11, "previousEventId": 10, "type": "ExecutionFailed", "timestamp": 11.25,
     "executionFailedEventDetails": {"error": "ValueError"}}
]"#;

const PROVENANCE: &str = r#"{
    "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:Order",
    "stateMachineVersionArn": "arn:aws:states:us-east-1:000000000000:stateMachine:Order:3",
    "roleArn": "arn:aws:iam::000000000000:role/order", "definitionSha256": "ab12",
    "revisionDate": 5, "revisionId": "r-1", "tags": {"stack": "orders"},
    "calls": [
        {"scheduledEventId": 5, "function": {"functionArn": "arn:f", "version": "1"}},
        {"scheduledEventId": 8, "function": {"functionArn": "arn:f", "version": "2", "codeSha256": "q=",
         "requestId": "r-9", "logGroup": "g", "logStream": "s"},
         "rolePolicies": [{"name": "inline", "sha256": "0123456789abcdef"},
          {"arn": "arn:aws:iam::aws:policy/P", "version": "v3", "isBoundary": true}]}]}"#;

fn lines(texts: &[&str]) -> Vec<Value> {
    let event = |text: &&str| ObjectBuilder::new().add("message", *text).build().into();
    texts.iter().map(event).collect()
}

#[test]
fn what_failed_comes_first() {
    let log = Log::Lines(lines(&["START RequestId: r-9\n", "Traceback\n  line\n"]));
    let known = known("FAILED", EVENTS, PROVENANCE, log);
    let mut shown = Vec::new();
    Shown::new(&known, false).print(&mut shown).unwrap();
    let expected = r#"FAILED after 1.250 s in state Charge
  ValueError
    {"errorMessage":"no"}

Charge, attempt 2 of 2 (event 8, 0.250 s)
  called     arn:f
  with       {"n":1}
  ran        arn:f, version 2
             code sha256 q=
             request r-9
  role had   inline inline (sha256 0123456789ab...)
             arn:aws:iam::aws:policy/P v3 (boundary)
  denied     `lockstep why 0f3a` says by what, and what would allow it
  log
    START RequestId: r-9
    Traceback
      line

Execution
  arn        arn:aws:states:us-east-1:000000000000:execution:Order:e
  machine    arn:aws:states:us-east-1:000000000000:stateMachine:Order
  version    3
  revision   r-1, of 1970-01-01T00:00:05Z
  definition sha256 ab12
  role       arn:aws:iam::000000000000:role/order
  started    1970-01-01T00:00:10Z
  stopped    1970-01-01T00:00:11.250Z
  tag        stack=orders
  input      {"n":1}

Path
   0.000 s   First (Pass), 0.000 s
   0.000 s x Charge (Task), failed: ValueError, 2 attempts
"#;
    assert_eq!(String::from_utf8(shown).unwrap(), expected);
    assert_eq!(
        known.to_json().get("failed").unwrap().to_text(),
        concat!(
            r#"{"state":"Charge","attempts":2,"scheduledEventId":8,"resource":"arn:f","#,
            r#""error":"ValueError","#,
            r#""cause":"... with the following authorization id: 0f3a.","#,
            r#""function":{"functionArn":"arn:f","version":"2","codeSha256":"q=","requestId":"r-9","#,
            r#""logGroup":"g","logStream":"s"},"#,
            r#""rolePolicies":[{"name":"inline","sha256":"0123456789abcdef"},"#,
            r#"{"arn":"arn:aws:iam::aws:policy/P","version":"v3","isBoundary":true}]}"#
        )
    );
}

#[test]
fn a_log_is_cut_to_its_invocation() {
    let texts = [
        "REPORT RequestId: before\n",
        "INIT_START\n",
        "START RequestId: r Version: 1\n",
        "one\n",
        "END RequestId: r\n",
        "REPORT RequestId: r\n",
        "START RequestId: after\n",
    ];
    let all = lines(&texts);
    assert_eq!(of_request(&all, "r"), all[2..6]);
    // Nothing tells where it begins: shown whole.
    assert_eq!(of_request(&all[3..5], "r"), all[3..5]);
}

#[test]
fn the_kind_is_in_the_arn() {
    let of = |resource: &str| {
        let arn = format!("arn:aws:states:us-east-1:000000000000:{resource}");
        Kind::of(&arn).map(|kind| kind.describe().1)
    };
    assert_eq!(of("execution:M:e"), Some("DescribeExecution"));
    assert_eq!(of("express:M:e:id"), Some("DescribeExpressExecution"));
    assert_eq!(of("stateMachine:M"), None);
}
