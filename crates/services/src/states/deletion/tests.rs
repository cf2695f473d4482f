//! Deletions that outlive their callers. The rest are scripts:
//! `conformance/api/states-deletion.json`.

use json::{ObjectBuilder, Value};
use store::Memory;
use tokio::time::timeout;

use super::*;
use crate::states::tests::{Idle, states_over};
use crate::testing;

const NOW_MS: i64 = 1_790_000_000_000;
const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:m";
const EXECUTION: &str = "arn:aws:states:eu-west-1:123456789012:execution:m:n";
const WAIT: &str = r#"{"StartAt":"W","States":{
    "W":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Pass","End":true}}}"#;

async fn attempt(
    states: &States,
    attempt: Option<&str>,
    operation: &str,
    input: &[(&str, &str)],
) -> Result<Value, String> {
    let mut builder = ObjectBuilder::new();
    for (name, value) in input {
        builder.add(*name, *value);
    }
    let input = builder.build().into();
    let mut call = testing::call(aws::Service::States, operation, &input, NOW_MS);
    call.attempt = attempt.map(Text::from);
    let answer = states.handle(operation, &call).await.expect("served");
    answer
        .map(|answer| answer.members)
        .map_err(|error| error.code.to_string())
}

async fn ask(states: &States, operation: &str, arn: &str) -> Result<Value, String> {
    let member = match operation {
        "StopExecution" => "executionArn",
        _ => "stateMachineArn",
    };
    attempt(states, None, operation, &[(member, arn)]).await
}

async fn create(states: &States) {
    let role = "arn:aws:iam::123456789012:role/states";
    let input = [("name", "m"), ("definition", WAIT), ("roleArn", role)];
    let created = attempt(states, None, "CreateStateMachine", &input).await;
    created.unwrap();
}

async fn start(states: &States, by: Option<&str>, name: &str) -> Result<String, String> {
    start_of(states, MACHINE, by, name).await
}

async fn start_of(
    states: &States,
    machine: &str,
    by: Option<&str>,
    name: &str,
) -> Result<String, String> {
    let mut input = vec![("stateMachineArn", machine)];
    if by.is_none() {
        input.push(("name", name));
    }
    let started = attempt(states, by, "StartExecution", &input).await?;
    let arn = started.get("executionArn").and_then(Value::as_str);
    Ok(arn.unwrap().to_owned())
}

/// The status of the machine, or the error of who asks for it.
async fn status(states: &States) -> String {
    match ask(states, "DescribeStateMachine", MACHINE).await {
        Ok(shown) => shown
            .get("status")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned(),
        Err(code) => code,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_outlives_the_process() {
    let store = Arc::new(Memory::new());
    let states = states_over(Arc::clone(&store) as _, Arc::new(Idle));
    create(&states).await;
    start(&states, None, "n").await.unwrap();
    ask(&states, "DeleteStateMachine", MACHINE).await.unwrap();
    let after = states_over(Arc::new(store.crash()), Arc::new(Idle));
    states.engine.shutdown().await;
    assert_eq!(status(&after).await, "DELETING");
    assert_eq!(&*after.engine.machines_deleting(), [Text::from(MACHINE)]);
    let refused = start(&after, None, "o").await;
    assert_eq!(refused.unwrap_err(), "StateMachineDeleting");
    ask(&after, "StopExecution", EXECUTION).await.unwrap();
    assert_eq!(status(&after).await, "StateMachineDoesNotExist");
    assert!(after.engine.machines_deleting().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_goes_though_nobody_looks() {
    let store = Arc::new(Memory::new());
    let states = states_over(Arc::clone(&store) as _, Arc::new(Idle));
    let finishing = tokio::spawn({
        let states = Arc::clone(&states);
        async move { states.finish_deletions().await }
    });
    create(&states).await;
    start(&states, None, "n").await.unwrap();
    ask(&states, "DeleteStateMachine", MACHINE).await.unwrap();
    ask(&states, "StopExecution", EXECUTION).await.unwrap();
    let is_gone = async || {
        let kind = Kind::StateMachine;
        let left = states
            .documents
            .list::<StateMachine>(kind, "", None, 1)
            .await;
        left.unwrap().is_empty()
    };
    let gone = async {
        while !is_gone().await {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
    finishing.abort();
}

/// As a parent's call is made again after a crash.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_made_again_finds_its_child() {
    let states = states_over(Arc::new(Memory::new()), Arc::new(Idle));
    create(&states).await;
    let published = ask(&states, "PublishStateMachineVersion", MACHINE).await;
    published.unwrap();
    let version = format!("{MACHINE}:1");
    let child = start(&states, Some("parent#3"), "").await.unwrap();
    let by_version = start_of(&states, &version, Some("parent#5"), "").await;
    ask(&states, "DeleteStateMachine", MACHINE).await.unwrap();
    assert_eq!(start(&states, Some("parent#3"), "").await.unwrap(), child);
    let again = start_of(&states, &version, Some("parent#5"), "").await;
    assert_eq!(again.unwrap(), by_version.unwrap());
    for machine in [MACHINE, &version] {
        let other = start_of(&states, machine, Some("parent#4"), "").await;
        assert_eq!(other.unwrap_err(), "StateMachineDeleting");
        let new = start_of(&states, machine, None, "new").await;
        assert_eq!(new.unwrap_err(), "StateMachineDeleting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_once_a_deletion_was_answered() {
    let states = states_over(Arc::new(Memory::new()), Arc::new(Idle));
    create(&states).await;
    let racing = async |number: usize| {
        let mut started = 0;
        while start(&states, None, &format!("{number}-{started}"))
            .await
            .is_ok()
        {
            started += 1;
        }
        started
    };
    let deleting = async {
        sleep(Duration::from_millis(5)).await;
        ask(&states, "DeleteStateMachine", MACHINE).await.unwrap();
        states.engine.open_executions()
    };
    let (one, other, open) = tokio::join!(racing(1), racing(2), deleting);
    assert_eq!(open, one + other, "of {one} and {other}");
    assert_eq!(states.engine.open_executions(), open);
}

/// Between the two steps of a deletion, an execution may still start.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_stays_until_the_engine_refuses_its_starts() {
    let states = states_over(Arc::new(Memory::new()), Arc::new(Idle));
    create(&states).await;
    let mark = |machine: &mut StateMachine| -> Result<(), ServiceError> {
        machine.is_deleting = true;
        Ok(())
    };
    let (kind, key) = (Kind::StateMachine, key_of_arn(MACHINE));
    let marked = states.documents.change(kind, &key, mark).await;
    marked.unwrap().unwrap().unwrap();
    assert_eq!(status(&states).await, "DELETING");
    ask(&states, "DeleteStateMachine", MACHINE).await.unwrap();
    assert_eq!(status(&states).await, "StateMachineDoesNotExist");
}

#[test]
fn a_damaged_machine_keeps_no_other_from_being_found() {
    let store = Memory::new();
    let put = |key: &str, body: &str| {
        let kind = Kind::StateMachine;
        let expected = store::Expected::Absent;
        store
            .put_document(kind, key, body.as_bytes(), expected)
            .unwrap();
    };
    put("a", "{}");
    put("b", r#"{"arn":"b","is_deleting":true}"#);
    put("c", r#"{"arn":"c"}"#);
    put("d", r#"{"arn":"d","is_deleting":true}"#);
    assert_eq!(begun(&store).unwrap(), ["b", "d"]);
}
