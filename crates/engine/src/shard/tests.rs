use std::collections::BTreeSet;

use asl::event::{EventKind, Failure};
use asl::run::{Run, Status};
use asl::token;
use store::{Fault, Store};

use super::*;
use crate::request::{ExecutionStatus, StartError, StartRequest, Started, StopError, TokenError};
use crate::shard::command::TokenInput;
use crate::task::TaskOutcome;
use crate::testing::{
    CALLBACK, FUNCTION, MACHINE, Stage, events, failure, machine, request, tampered, value,
};

fn pass() -> String {
    machine(r#""A": {"Type": "Pass", "End": true}"#)
}

fn wait(seconds: u32) -> String {
    machine(&format!(
        r#""A": {{"Type": "Wait", "Seconds": {seconds}, "End": true}}"#
    ))
}

fn task(fields: &str) -> String {
    machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", {fields} "End": true}}"#
    ))
}

fn callback(fields: &str) -> String {
    let parameters =
        r#""Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}"#;
    machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{CALLBACK}", {parameters}, {fields} "End": true}}"#
    ))
}

fn types(stage: &Stage, entity: EntityId) -> Vec<&'static str> {
    let name = |kind: &EventKind| match kind {
        EventKind::ExecutionStarted(_) => "ExecutionStarted",
        EventKind::ExecutionSucceeded { .. } => "ExecutionSucceeded",
        EventKind::ExecutionFailed(_) => "ExecutionFailed",
        EventKind::ExecutionAborted(_) => "ExecutionAborted",
        EventKind::ExecutionTimedOut(_) => "ExecutionTimedOut",
        EventKind::StateEntered { .. } => "Entered",
        EventKind::StateExited { .. } => "Exited",
        EventKind::TaskScheduled { .. } => "Scheduled",
        EventKind::TaskStarted { .. } => "Started",
        EventKind::TaskSubmitted { .. } => "Submitted",
        EventKind::TaskSucceeded { .. } => "Succeeded",
        EventKind::TaskFailed { .. } => "Failed",
        EventKind::TaskTimedOut { .. } => "TimedOut",
        EventKind::EvaluationFailed { .. } => "EvaluationFailed",
        EventKind::ParallelStarted { .. } => "ParallelStarted",
        EventKind::MapStarted { .. } => "MapStarted",
        EventKind::MapIterationStarted { .. } => "IterationStarted",
        EventKind::MapIterationSucceeded { .. } => "IterationSucceeded",
        EventKind::MapIterationFailed { .. } => "IterationFailed",
        EventKind::MapIterationAborted { .. } => "IterationAborted",
        EventKind::StateSucceeded { .. } => "StateSucceeded",
        EventKind::StateFailed { .. } => "StateFailed",
        EventKind::StateAborted { .. } => "StateAborted",
        EventKind::ExecutionRedriven { .. } => "ExecutionRedriven",
        EventKind::ExecutionDeadline { .. }
        | EventKind::Queued
        | EventKind::Admitted
        | EventKind::JobCancelled { .. }
        | EventKind::TaskServed { .. }
        | EventKind::WaitUntil { .. }
        | EventKind::RetryAt { .. }
        | EventKind::Yielded { .. }
        | EventKind::BranchStarted { .. }
        | EventKind::BranchSucceeded
        | EventKind::BranchesCut => "-",
    };
    let events = events(&stage.store, entity);
    events
        .iter()
        .map(|(_, event)| name(&event.kind))
        .filter(|name| *name != "-")
        .collect()
}

fn stop(stage: &mut Stage, arn: &str, failure: &Failure) -> Result<Timestamp, StopError> {
    let command = Command::Stop {
        execution_arn: arn.into(),
        failure: failure.clone(),
    };
    match stage.ask(&command) {
        Answer::Stopped(result) => result,
        other => panic!("{other:?}"),
    }
}

fn send(stage: &mut Stage, text: &str, input: TokenInput) -> Result<(), TokenError> {
    let token = token::read(text).unwrap();
    match stage.ask(&Command::Token { token, input }) {
        Answer::Token(result) => result,
        other => panic!("{other:?}"),
    }
}

/// The token that the oldest call under way was given.
fn token_of(stage: &Stage) -> String {
    let call = stage.calls.values().next().unwrap();
    let payload = call.call.parameters.get("Payload").unwrap();
    payload.get("token").unwrap().as_str().unwrap().to_owned()
}

#[test]
fn an_execution_of_one_state_is_one_commit() {
    let mut stage = Stage::new(&[pass()]);
    let (arn, entity) = stage.started(r#"{"a": 1}"#);
    assert_eq!(
        types(&stage, entity),
        [
            "ExecutionStarted",
            "Entered",
            "Exited",
            "ExecutionSucceeded"
        ]
    );
    let row = stage.store.execution(entity).unwrap().unwrap();
    assert_eq!(
        (row.status, row.name_is_generated),
        (ExecutionStatus::Succeeded.code(), true)
    );
    assert_eq!(row.stopped_ms, Some(stage.now.0));
    assert_eq!(crate::arn::read_execution(&arn).unwrap().name, row.name);
    assert_eq!(stage.store.journal(entity, 0, 1 << 20).unwrap().len(), 1);
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
}

#[test]
fn the_same_start_is_answered_alike_while_it_runs() {
    let mut stage = Stage::new(&[wait(60)]);
    let first = stage.start(request(Some("n"), r#"{"a":1}"#)).unwrap();
    stage.now = stage.now.plus_seconds(1);
    assert_eq!(
        stage.start(request(Some("n"), r#"{"a":1}"#)).unwrap(),
        first
    );
    // Also when it has to be folded again.
    let mut stage = stage.crash();
    assert_eq!(
        stage.start(request(Some("n"), r#"{"a":1}"#)).unwrap(),
        first
    );
    let taken = |result: Result<Started, StartError>| {
        assert!(
            matches!(result, Err(StartError::AlreadyExists(arn)) if arn == first.execution_arn)
        );
    };
    taken(stage.start(request(Some("n"), r#"{"a":2}"#)));
    taken(stage.start(request(Some("n"), r#"{"a":1.0}"#)));
    taken(stage.start(request(Some("n"), r#"{"a": 1}"#)));
    stage.now = stage.now.plus_seconds(60);
    stage.work_off();
    taken(stage.start(request(Some("n"), r#"{"a":1}"#)));
    assert_ne!(
        stage.start(request(Some("m"), r#"{"a":1}"#)).unwrap(),
        first
    );
}

/// The attempt of a parent that starts a child, made again: with a name or without, while the child
/// runs, after it has ended, and with its commit in doubt.
#[test]
fn the_same_attempt_finds_its_own_child() {
    let nested = |name: Option<&str>, attempt: &str| StartRequest {
        started_by: Some(attempt.into()),
        ..request(name, r#"{"a":1}"#)
    };
    for name in [None, Some("n")] {
        let mut stage = Stage::new(&[wait(60)]);
        let first = stage.start(nested(name, "parent#7")).unwrap();
        stage.now = stage.now.plus_seconds(1);
        assert_eq!(stage.start(nested(name, "parent#7")).unwrap(), first);
        let mut stage = stage.crash();
        assert_eq!(stage.start(nested(name, "parent#7")).unwrap(), first);
        stage.sleep();
        let entity = stage.entity(&first.execution_arn);
        assert_eq!(stage.run(entity).status, Status::Succeeded);
        assert_eq!(stage.start(nested(name, "parent#7")).unwrap(), first);
        match (name, stage.start(nested(name, "parent#9"))) {
            (None, Ok(other)) => assert_ne!(other.execution_arn, first.execution_arn),
            (Some(_), Err(StartError::AlreadyExists(arn))) => {
                assert_eq!(arn, first.execution_arn);
            }
            (_, other) => panic!("{other:?}"),
        }
        let row = stage.store.execution(entity).unwrap().unwrap();
        assert!(!row.name_is_generated);
    }
}

#[test]
fn no_more_executions_are_open_than_allowed() {
    let config = Config {
        open_executions_max: 2,
        ..Config::default()
    };
    let mut stage = Stage::with(store::Memory::new(), &[wait(60)], config);
    stage.started("{}");
    let first = stage.start(request(Some("n"), "{}")).unwrap();
    for name in [None, Some("m")] {
        let refused = stage.start(request(name, "{}"));
        assert!(
            matches!(refused, Err(StartError::LimitExceeded)),
            "{refused:?}"
        );
    }
    // It is open already.
    assert_eq!(stage.start(request(Some("n"), "{}")).unwrap(), first);
    // Every account and Region is counted by itself.
    let elsewhere = |name: &str| StartRequest {
        state_machine_arn: MACHINE.replace("000000000000", "111111111111").into(),
        ..request(Some(name), "{}")
    };
    stage.start(elsewhere("n")).unwrap();
    let mut stage = stage.crash();
    stage.start(elsewhere("m")).unwrap();
    let refused = stage.start(elsewhere("o"));
    assert!(
        matches!(refused, Err(StartError::LimitExceeded)),
        "{refused:?}"
    );
    let refused = stage.start(request(None, "{}"));
    assert!(
        matches!(refused, Err(StartError::LimitExceeded)),
        "{refused:?}"
    );
    stop(&mut stage, &first.execution_arn, &Failure::default()).unwrap();
    stage.started("{}");
    stage.sleep();
    assert_eq!(stage.shard.commons().open_executions(), 0);
}

/// What was not confirmed counts as what it turns out to be.
#[test]
fn open_executions_in_doubt_are_counted_as_they_stand() {
    for (fault, is_applied) in [
        (Fault::UnknownApplied, true),
        (Fault::UnknownNotApplied, false),
    ] {
        for text in [wait(60), pass()] {
            let ends_at_once = text == pass();
            let mut stage = Stage::new(&[text]);
            stage.store.plan([fault]);
            stage.handle(&Command::Start(Box::new(request(Some("n"), "{}"))));
            assert!(!stage.commit());
            for shard in stage.shard.doubtful() {
                let stored = stage.store.sequence(shard).unwrap();
                stage.shard.resume(shard, stored);
            }
            stage.work_off();
            let open = u64::from(is_applied && !ends_at_once);
            assert_eq!(stage.shard.commons().open_executions(), open);
            let counted = stage.store.count_executions(None, &crate::pipeline::OPEN);
            assert_eq!(counted.unwrap(), open);
        }
    }
}

#[test]
fn a_name_is_taken_before_its_commit() {
    let mut stage = Stage::new(&[wait(60)]);
    let start = |input: &str| Command::Start(Box::new(request(Some("n"), input)));
    let first = stage.handle(&start("1"));
    let again = stage.handle(&start("1"));
    let other = stage.handle(&start("2"));
    let (Answer::Started(Ok(first)), Answer::Started(Ok(again))) = (first.answer, again.answer)
    else {
        panic!()
    };
    assert_eq!(first, again);
    assert!(matches!(
        other.answer,
        Answer::Started(Err(StartError::AlreadyExists(_)))
    ));
    // All of them wait for the same commit.
    assert!(other.tenure.is_some());
    assert!(stage.commit());
    let all = store::ExecutionFilter {
        machine: MachineNumber(1),
        ..store::ExecutionFilter::default()
    };
    assert_eq!(
        stage.store.list_executions(&all, None, 10).unwrap().len(),
        1
    );
}

#[test]
fn a_name_that_looks_generated_is_just_a_name() {
    let mut stage = Stage::new(&[pass()]);
    let (arn, entity) = stage.started("{}");
    let generated = crate::arn::read_execution(&arn).unwrap().name.to_owned();
    assert_eq!(crate::name::entity(&generated), Some(entity));
    // The name of an existing execution is taken.
    let result = stage.start(request(Some(&generated), "{}"));
    assert!(
        matches!(result, Err(StartError::AlreadyExists(_))),
        "{result:?}"
    );
    // One that decodes but was never given is free, and found afterwards.
    let strange = crate::name::generate(EntityId(999_999), 5);
    let started = stage.start(request(Some(&strange), "{}")).unwrap();
    let found = stage.entity(&started.execution_arn);
    let row = stage.store.execution(found).unwrap().unwrap();
    assert_eq!((row.name, row.name_is_generated), (strange, false));
}

#[test]
fn waits_end_at_their_time_and_not_before() {
    let mut stage = Stage::new(&[wait(60)]);
    let (_, entity) = stage.started("{}");
    let due = stage.now.plus_seconds(60);
    let rows = stage.store.wake_ups(None, 10).unwrap();
    assert_eq!(
        rows,
        [store::WakeUp {
            entity,
            due_ms: Some(due.0),
            owes_calls: false
        }]
    );
    stage.now = Timestamp(due.0 - 1);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Running);
    assert_eq!(stage.shard.next_due(), Some(due));
    stage.now = due;
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
}

#[test]
fn stopping_is_recorded_and_repeatable() {
    let mut stage = Stage::new(&[task("")]);
    let (arn, entity) = stage.started("{}");
    stage.now = stage.now.plus_ms(5);
    let stopped_at = stop(&mut stage, &arn, &failure("E", "C")).unwrap();
    assert_eq!(stopped_at, stage.now);
    assert_eq!(stage.abandoned.len(), 1);
    assert_eq!(stage.shard.figures().calls, 0);
    stage.now = stage.now.plus_seconds(9);
    assert_eq!(
        stop(&mut stage, &arn, &Failure::default()).unwrap(),
        stopped_at
    );
    assert_eq!(
        stop(&mut stage.crash(), &arn, &Failure::default()).unwrap(),
        stopped_at
    );
    let end = stage.run(entity).end.unwrap();
    assert_eq!((end.at, end.failure), (stopped_at, failure("E", "C")));
    let row = stage.store.execution(entity).unwrap().unwrap();
    assert_eq!(row.status, ExecutionStatus::Aborted.code());
    for absent in [
        "arn:aws:states:us-east-1:000000000000:execution:M:none",
        "x",
    ] {
        assert!(matches!(
            stop(&mut stage, absent, &Failure::default()),
            Err(StopError::DoesNotExist(_))
        ));
    }
}

#[test]
fn results_count_once_and_late_ones_not_at_all() {
    let retry = r#""Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 3}],"#;
    let mut stage = Stage::new(&[task(retry)]);
    let (_, entity) = stage.started("{}");
    let ((_, attempt), _) = stage.calls.first_key_value().unwrap();
    let attempt = *attempt;
    let fail = TaskOutcome::Failed(failure("E", "C"));
    stage.answer(fail.clone());
    // The same outcome again, and one of an attempt that never was.
    for attempt in [attempt, attempt + 40] {
        let outcome = fail.clone();
        let answer = stage.ask(&Command::Outcome {
            entity,
            attempt,
            answered: Box::new(outcome.into()),
        });
        assert!(matches!(answer, Answer::Internal(Ok(()))));
    }
    assert_eq!(stage.run(entity).status, Status::Running);
    assert!(stage.sleep());
    stage.answer(TaskOutcome::Succeeded(value("1")));
    assert_eq!(stage.run(entity).end.unwrap().output, Some(value("1")));
    let outcome = TaskOutcome::Succeeded(value("2"));
    stage.ask(&Command::Outcome {
        entity,
        attempt,
        answered: Box::new(outcome.into()),
    });
    assert_eq!(stage.run(entity).end.unwrap().output, Some(value("1")));
}

#[test]
fn task_tokens_bring_results() {
    let mut stage = Stage::new(&[callback("")]);
    let (_, entity) = stage.started("{}");
    let text = token_of(&stage);
    stage.answer(TaskOutcome::Submitted(value(r#"{"accepted": true}"#)));
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    // A result that comes to a restarted engine.
    let mut stage = stage.crash();
    stage.work_off();
    assert!(stage.calls.is_empty());
    send(&mut stage, &text, TokenInput::Succeeded(value("42"))).unwrap();
    assert_eq!(stage.run(entity).end.unwrap().output, Some(value("42")));
    let again = send(&mut stage, &text, TokenInput::Succeeded(value("42")));
    assert!(matches!(again, Err(TokenError::TimedOut)), "{again:?}");
    let beat = send(&mut stage, &text, TokenInput::Heartbeat);
    assert!(matches!(beat, Err(TokenError::TimedOut)), "{beat:?}");
}

#[test]
fn a_result_by_token_may_overtake_the_submit_response() {
    let mut stage = Stage::new(&[callback("")]);
    let (_, entity) = stage.started("{}");
    let text = token_of(&stage);
    send(&mut stage, &text, TokenInput::Failed(failure("E", "C"))).unwrap();
    assert_eq!(stage.run(entity).end.unwrap().failure, failure("E", "C"));
    let attempt = token::read(&text).unwrap().attempt;
    let outcome = TaskOutcome::Submitted(value("{}"));
    let before = types(&stage, entity);
    stage.ask(&Command::Outcome {
        entity,
        attempt,
        answered: Box::new(outcome.into()),
    });
    assert_eq!(types(&stage, entity), before);
}

#[test]
fn tokens_that_are_not_ours_are_refused() {
    let mut stage = Stage::new(&[callback("")]);
    stage.started("{}");
    let text = token_of(&stage);
    let token = token::read(&text).unwrap();
    let mut ask = |token: token::TaskToken| match stage.ask(&Command::Token {
        token,
        input: TokenInput::Heartbeat,
    }) {
        Answer::Token(result) => result,
        other => panic!("{other:?}"),
    };
    let mut forged = token.clone();
    forged.mac[3] ^= 1;
    assert!(matches!(ask(forged), Err(TokenError::Invalid)));
    assert!(ask(token.clone()).is_ok());
    let other_attempt = token::TaskToken {
        attempt: token.attempt + 1,
        ..token.clone()
    };
    assert!(matches!(ask(other_attempt), Err(TokenError::Invalid)));
    let execution_arn = format!("{}-gone", token.execution_arn);
    let of_none = token::TaskToken {
        execution_arn: execution_arn.into(),
        ..token
    };
    assert!(matches!(ask(of_none), Err(TokenError::DoesNotExist)));
}

#[test]
fn heartbeats_keep_a_task_alive() {
    let mut stage = Stage::new(&[callback(
        r#""HeartbeatSeconds": 10, "TimeoutSeconds": 100,"#,
    )]);
    let (_, entity) = stage.started("{}");
    let text = token_of(&stage);
    stage.answer(TaskOutcome::Submitted(value("{}")));
    let records = |stage: &Stage| stage.store.journal(entity, 0, 1 << 20).unwrap().len();
    let before = records(&stage);
    for _ in 0..4 {
        stage.now = stage.now.plus_seconds(9);
        send(&mut stage, &text, TokenInput::Heartbeat).unwrap();
        stage.work_off();
    }
    assert_eq!(records(&stage), before, "a heartbeat is no event");
    assert_eq!(stage.run(entity).status, Status::Running);
    let row = stage.store.wake_ups(None, 10).unwrap()[0];
    assert_eq!(row.due_ms, Some(stage.now.plus_seconds(10).0));
    // After a restart the clock starts anew.
    let mut stage = stage.crash();
    stage.now = stage.now.plus_seconds(10);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Running);
    stage.now = stage.now.plus_seconds(10);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Failed);
    assert_eq!(
        types(&stage, entity).last_chunk(),
        Some(&["TimedOut", "ExecutionFailed"])
    );
    let beat = send(&mut stage, &text, TokenInput::Heartbeat);
    assert!(matches!(beat, Err(TokenError::TimedOut)), "{beat:?}");
}

#[test]
fn a_heartbeat_moves_the_row_once_a_second() {
    let mut stage = Stage::new(&[callback(r#""HeartbeatSeconds": 10,"#)]);
    let (_, entity) = stage.started("{}");
    let text = token_of(&stage);
    let due = |stage: &Stage| stage.store.wake_ups(None, 10).unwrap()[0].due_ms;
    stage.now = stage.now.plus_seconds(2);
    send(&mut stage, &text, TokenInput::Heartbeat).unwrap();
    let moved = due(&stage);
    stage.now = stage.now.plus_ms(600);
    send(&mut stage, &text, TokenInput::Heartbeat).unwrap();
    assert_eq!(due(&stage), moved);
    assert_eq!(stage.shard.next_due(), Some(stage.now.plus_seconds(10)));
    stage.now = stage.now.plus_ms(600);
    send(&mut stage, &text, TokenInput::Heartbeat).unwrap();
    assert_eq!(due(&stage), Some(stage.now.plus_seconds(10).0));
    assert_eq!(stage.run(entity).status, Status::Running);
}

#[test]
fn owed_calls_are_made_again_after_a_crash() {
    let mut stage = Stage::new(&[task("")]);
    let (_, first) = stage.started("{}");
    let (_, second) = stage.started("{}");
    stage.answer(TaskOutcome::Succeeded(value("1")));
    let mut stage = stage.crash();
    assert_eq!(stage.shard.figures().loaded, 0);
    stage.work_off();
    let owed: Vec<EntityId> = stage.calls.keys().map(|(entity, _)| *entity).collect();
    assert_eq!(owed, [second]);
    stage.answer(TaskOutcome::Succeeded(value("2")));
    assert_eq!(stage.run(first).end.unwrap().output, Some(value("1")));
    assert_eq!(stage.run(second).end.unwrap().output, Some(value("2")));
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
}

#[test]
fn calls_beyond_the_bound_wait_for_room() {
    let config = Config {
        calls_max: 2,
        ..Config::default()
    };
    let mut stage = Stage::with(store::Memory::new(), &[task("")], config);
    let entities: BTreeSet<EntityId> = (0..5).map(|_| stage.started("{}").1).collect();
    stage.work_off();
    assert_eq!(stage.calls.len(), 2);
    assert_eq!(stage.shard.figures().calls_postponed, 3);
    while !stage.calls.is_empty() {
        assert!(stage.calls.len() <= 2);
        stage.answer(TaskOutcome::Succeeded(value("1")));
        stage.work_off();
    }
    for entity in entities {
        assert_eq!(stage.run(entity).status, Status::Succeeded);
    }
}

#[test]
fn a_run_that_yields_goes_on_in_turn_and_after_a_crash() {
    let endless = machine(
        r#""A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Succeed"},
           "B": {"Type": "Choice", "Default": "A",
                 "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "C"}]}"#,
    );
    let mut config = Config::default();
    config.limits.transitions_per_decision_max = 10;
    config.limits.history_events_max = 200;
    let mut stage = Stage::with(store::Memory::new(), &[endless], config);
    let entities = [stage.started("{}").1, stage.started("{}").1];
    let turns: Vec<Option<EntityId>> = (0..3).map(|_| stage.shard.take_turn()).collect();
    assert_eq!(turns, [Some(entities[0]), Some(entities[1]), None]);
    let mut stage = stage.crash();
    stage.work_off();
    for entity in entities {
        let run = stage.run(entity);
        assert_eq!((run.status, run.last_event), (Status::Failed, 200));
    }
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
}

/// Turns do not keep what is due waiting.
#[test]
fn a_run_that_always_yields_times_out() {
    let endless = machine(
        r#""A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Succeed"},
           "B": {"Type": "Choice", "Default": "A",
                 "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "C"}]}"#,
    );
    let mut config = Config::default();
    config.limits.transitions_per_decision_max = 10;
    let limited = endless.replacen('{', r#"{"TimeoutSeconds": 5, "#, 1);
    let mut stage = Stage::with(store::Memory::new(), &[limited], config);
    let (_, entity) = stage.started("{}");
    for _ in 0..3 {
        let turn = stage.shard.take_turn().unwrap();
        assert_eq!((turn, stage.shard.take_turn()), (entity, None));
        stage.ask(&Command::Continue(entity));
    }
    stage.now = stage.now.plus_seconds(5);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::TimedOut);
}

/// What nests deeper than a parser reads could be written, but never be read again.
#[test]
fn a_payload_that_nests_ever_deeper_fails_its_execution_and_not_its_journal() {
    let looped = machine(
        r#""A": {"Type": "Pass", "Parameters": {"a.$": "$"}, "Next": "B"}, "C": {"Type": "Succeed"},
           "B": {"Type": "Choice", "Default": "A",
                 "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "C"}]}"#,
    );
    let mut stage = Stage::new(&[looped]);
    let (_, entity) = stage.started("{}");
    stage.work_off();
    let run = stage.run(entity);
    assert_eq!(run.status, Status::Failed);
    assert_eq!(
        run.end.unwrap().failure.error.as_deref(),
        Some("States.Runtime")
    );
}

#[test]
fn waiting_executions_leave_memory() {
    let config = Config {
        cache_bytes_max: 50_000,
        ..Config::default()
    };
    let mut stage = Stage::with(store::Memory::new(), &[wait(60)], config);
    let entities: Vec<EntityId> = (0..300)
        .map(|_| stage.started(r#"{"a":"some input"}"#).1)
        .collect();
    let figures = stage.shard.figures();
    assert!(
        figures.loaded < 30 && figures.loaded_bytes <= 53_000,
        "{figures:?}"
    );
    assert_eq!(figures.timers, 300);
    stage.now = stage.now.plus_seconds(60);
    stage.work_off();
    assert!(
        entities
            .iter()
            .all(|entity| stage.run(*entity).status == Status::Succeeded)
    );
    assert_eq!(stage.shard.figures(), Figures::default());
}

/// What results took that are gone does not drive others out of memory: an execution that is read
/// again for each of its results costs a hundred times one that stays.
#[test]
fn executions_stay_in_memory_however_much_passed_through_them() {
    const EXECUTIONS: usize = 100;
    let names: Vec<String> = (0..20).map(|n| format!("S{n}")).collect();
    let states: Vec<String> = names
        .iter()
        .zip(names.iter().skip(1))
        .map(|(name, next)| {
            format!(r#""{name}": {{"Type": "Task", "Resource": "{FUNCTION}", "Next": "{next}"}}"#)
        })
        .collect();
    let chain = machine(&format!(
        r#""A": {{"Type": "Pass", "Next": "S0"}}, {},
           "S19": {{"Type": "Wait", "Seconds": 60, "End": true}}"#,
        states.join(",")
    ));
    let config = Config {
        cache_bytes_max: EXECUTIONS * 50_000,
        ..Config::default()
    };
    let mut stage = Stage::with(store::Memory::new(), &[chain], config);
    for _ in 0..EXECUTIONS {
        stage.started("{}");
    }
    let mut result = 0;
    while !stage.calls.is_empty() {
        result += 1;
        let text = format!(r#"{{"text": "{result:0>1000}"}}"#);
        stage.answer(TaskOutcome::Succeeded(value(&text)));
        stage.work_off();
        assert_eq!(stage.shard.figures().loaded, EXECUTIONS, "{result}");
    }
}

/// An execution weighs what it holds, however its payloads share it.
#[test]
fn a_map_weighs_its_items_once() {
    let body = format!(
        r#"{{"StartAt": "B", "States": {{"B": {{"Type": "Task", "Resource": "{FUNCTION}",
            "End": true}}}}}}"#
    );
    let map = machine(&format!(
        r#""A": {{"Type": "Map", "ItemProcessor": {body}, "End": true}}"#
    ));
    let mut stage = Stage::new(&[map]);
    let item = format!(r#"{{"text": "{}"}}"#, "x".repeat(2_000));
    let input = format!("[{}]", [item.as_str(); 100].join(","));
    let (_, entity) = stage.started(&input);
    stage.work_off();
    let begun = stage.shard.figures().loaded_bytes;
    assert!((200_000..1_500_000).contains(&begun), "{begun}");
    // The result of an iteration is its item again: it adds a few hundred bytes.
    for _ in 0..60 {
        let parameters = stage.calls.values().next().unwrap().call.parameters.clone();
        stage.answer(TaskOutcome::Succeeded(parameters));
        stage.work_off();
    }
    let half = stage.shard.figures().loaded_bytes;
    assert!(half < begun + 200_000, "{half} after {begun}");
    while !stage.calls.is_empty() {
        stage.answer(TaskOutcome::Succeeded(value("1")));
        stage.work_off();
    }
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    assert_eq!(stage.shard.figures(), Figures::default());
}

/// A commit that failed, whether or not it was applied: the truth is what the store holds.
#[test]
fn what_was_not_confirmed_is_looked_up_again() {
    for (fault, is_applied) in [
        (Fault::UnknownApplied, true),
        (Fault::UnknownNotApplied, false),
    ] {
        let mut stage = Stage::new(&[task("")]);
        let (arn, entity) = stage.started("{}");
        stage.store.plan([fault]);
        let command = Command::Stop {
            execution_arn: arn.clone(),
            failure: Failure::default(),
        };
        let outcome = stage.handle(&command);
        assert!(matches!(outcome.answer, Answer::Stopped(Ok(_))));
        // Decided on top of it, in the next group.
        let group = stage.shard.take_group();
        assert_eq!(
            stage.store.commit(&group.batches),
            [store::Committed::Unknown]
        );
        let tenure = outcome.tenure.unwrap();
        stage.handle(&Command::Stop {
            execution_arn: arn.clone(),
            failure: Failure::default(),
        });
        stage.shard.group_done(&[(tenure, Verdict::Doubtful(None))]);
        let refused = stage.handle(&command);
        assert!(
            matches!(
                &refused.answer,
                Answer::Stopped(Err(StopError::Engine(Error::NotConfirmed(None))))
            ),
            "{refused:?}"
        );
        assert_eq!(stage.shard.doubtful(), [entity.shard()]);
        let sequence = stage.store.sequence(entity.shard()).unwrap();
        stage.shard.resume(entity.shard(), sequence);
        stage.calls.clear();
        stage.work_off();
        // The call is owed only if the stop did not happen, and is made again.
        assert_eq!(stage.calls.is_empty(), is_applied);
        assert!(stop(&mut stage, &arn, &Failure::default()).is_ok());
        assert_eq!(stage.run(entity).status, Status::Aborted);
    }
}

#[test]
fn a_start_that_was_not_confirmed_can_be_repeated() {
    let mut stage = Stage::new(&[wait(5)]);
    stage.start(request(Some("warm"), "{}")).unwrap();
    stage.store.plan([Fault::UnknownNotApplied]);
    let start = Command::Start(Box::new(request(Some("n"), "{}")));
    let outcome = stage.handle(&start);
    assert!(!stage.commit());
    let shard = outcome.tenure.unwrap().shard;
    stage
        .shard
        .resume(shard, stage.store.sequence(shard).unwrap());
    let started = stage.start(request(Some("n"), "{}")).unwrap();
    let entity = stage.entity(&started.execution_arn);
    stage.now = stage.now.plus_seconds(5);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Succeeded);
}

#[test]
fn a_void_start_does_not_free_the_name_of_its_repetition() {
    let mut stage = Stage::new(&[wait(5)]);
    let named = |name: &str, input: &str| Command::Start(Box::new(request(Some(name), input)));
    let tenure = |stage: &mut Stage, name: &str| stage.handle(&named(name, "{}")).tenure.unwrap();
    let first = tenure(&mut stage, "n");
    stage.shard.take_group();
    // On top of it, in the next group: one name that fails with it, and one of another shard.
    let mut names = (0..).map(|n| format!("n-{n}"));
    let again = names
        .find(|name| tenure(&mut stage, name) == first)
        .unwrap();
    stage.shard.group_done(&[(first, Verdict::Doubtful(None))]);
    stage.shard.take_group();
    let sequence = stage.store.sequence(first.shard).unwrap();
    stage.shard.resume(first.shard, sequence);
    tenure(&mut stage, &again);
    stage.shard.group_done(&[]);
    // The repetition is not committed yet: only memory knows that its name is taken.
    let answer = stage.handle(&named(&again, "[]")).answer;
    assert!(
        matches!(answer, Answer::Started(Err(StartError::AlreadyExists(_)))),
        "{answer:?}"
    );
}

#[test]
fn a_shard_that_was_taken_over_serves_no_more() {
    let mut stage = Stage::new(&[wait(5)]);
    let (arn, _) = stage.started("{}");
    // Another engine takes the same store over.
    let all: Vec<ShardId> = (0..store::SHARDS).map(ShardId).collect();
    stage.store.acquire(&all).unwrap();
    let command = Command::Stop {
        execution_arn: arn,
        failure: Failure::default(),
    };
    stage.handle(&command);
    assert!(!stage.commit());
    let refused = stage.handle(&command);
    assert!(matches!(
        refused.answer,
        Answer::Stopped(Err(StopError::Engine(Error::NotOwned(_))))
    ));
}

/// Tasks and waits in branches and iterations, with variables, retried and caught.
fn threads(recovery: &str) -> String {
    let task = format!(r#"{{"Type": "Task", "Resource": "{FUNCTION}", "ResultPath": "$.r","#);
    let branch = format!(
        r#"{{"StartAt": "T", "States": {{"T": {task} {recovery} "Assign": {{"x.$": "$.in"}},
            "Next": "W"}}, "B": {{"Type": "Pass", "Next": "W"}},
            "W": {{"Type": "Wait", "Seconds": 4, "End": true}}}}}}"#
    );
    let map = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 2,
        "ItemsPath": "$.items", "End": true, "ItemProcessor": {"StartAt": "P", "States": {
            "P": {"Type": "Pass", "Next": "V"},
            "V": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}"#;
    machine(&format!(
        r#""A": {{"Type": "Pass", "Next": "L", "ResultPath": "$.items",
                "Result": [{{"n": 1, "text": "of more than thirty-two bytes"}}, 2, 3]}},
           "L": {{"Type": "Parallel", "Branches": [{branch}, {map}], "Next": "Z",
                "Catch": [{{"ErrorEquals": ["States.ALL"], "Next": "Z"}}]}},
           "Z": {{"Type": "Pass", "End": true}}"#
    ))
}

/// The law of the fold: a run that is cut after any commit and folded is the same run, and goes on
/// to the same history.
#[test]
fn a_run_cut_anywhere_goes_on_alike() {
    let retry = r#""Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 3, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.error"}],"#;
    let definitions = [
        pass(),
        wait(30),
        machine(
            r#""A": {"Type": "Wait", "Seconds": 5, "Next": "B"},
               "B": {"Type": "Pass", "Result": {"x": 1}, "ResultPath": "$.r", "Next": "C"},
               "C": {"Type": "Wait", "Seconds": 5, "Next": "D"},
               "D": {"Type": "Choice", "Default": "E",
                     "Choices": [{"Variable": "$.r.x", "NumericEquals": 1, "Next": "F"}]},
               "E": {"Type": "Fail"}, "F": {"Type": "Succeed"}"#,
        ),
        machine(&format!(
            r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", {retry} "End": true}},
               "B": {{"Type": "Wait", "Seconds": 2, "Next": "C"}},
               "C": {{"Type": "Task", "Resource": "{FUNCTION}", "TimeoutSeconds": 9, "End": true}}"#
        )),
        // Without heartbeats: their clocks start anew after a crash, which shows in the history.
        callback(r#""TimeoutSeconds": 15,"#),
        machine(r#""A": {"Type": "Wait", "Seconds": 50, "End": true}"#).replacen(
            '{',
            r#"{"TimeoutSeconds": 20, "#,
            1,
        ),
        threads(retry),
    ];
    for definition in definitions {
        let whole = histories(&definition, None);
        let commits = whole.2;
        for cut in 0..commits {
            let recovered = histories(&definition, Some(cut));
            assert_eq!(whole.0, recovered.0, "{definition} cut after {cut}");
            assert_eq!(whole.1, recovered.1, "{definition} cut after {cut}");
        }
    }
}

/// Runs an execution to its end with calls that fail; gives its run and journal, and the number of
/// its records. With a cut the engine dies after that many steps.
fn histories(definition: &str, cut: Option<u32>) -> (Run, String, u32) {
    let mut stage = Stage::new(&[definition.to_owned()]);
    let (_, entity) = stage.started(r#"{"in": "put"}"#);
    for step in 0.. {
        if cut == Some(step) {
            let memory = stage
                .shard
                .cache
                .get(entity)
                .map(|execution| execution.run.clone());
            if let Some(run) = memory {
                assert_eq!(run, stage.run(entity));
            }
            stage = stage.crash();
            stage.work_off();
        }
        if stage.run(entity).status != Status::Running {
            break;
        }
        stage.now = stage.now.plus_ms(17);
        stage.draws = 1_000 + u64::from(step) * 10;
        let wants_answer = stage.calls.first_key_value().is_some_and(|(_, call)| {
            &*call.call.resource.arn == FUNCTION && call.call.state_name.as_ref() != "C"
        });
        if wants_answer {
            stage.answer(TaskOutcome::Failed(failure(
                "E",
                &format!("at step {step}"),
            )));
        } else {
            assert!(stage.sleep(), "nothing to wait for");
        }
    }
    let records = u32::try_from(stage.store.journal(entity, 0, 1 << 20).unwrap().len()).unwrap();
    (
        stage.run(entity),
        format!("{:?}", events(&stage.store, entity)),
        records + 1,
    )
}

/// More text than is kept while reading, all of it on top of the first record's.
#[test]
fn long_journals_are_read_within_a_bound() {
    let retry = r#""Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A", "ResultPath": "$.e"}],"#;
    let mut stage = Stage::new(&[task(retry)]);
    let kept = "k".repeat(1_000);
    let (_, entity) = stage.started(&format!(r#"{{"kept":"{kept}"}}"#));
    let rounds = 8 * crate::limits::LITERALS_KEPT_BYTES / (7 * 30_000);
    for round in 0..rounds {
        let cause = format!("{round} {}", "c".repeat(30_000));
        stage.answer(TaskOutcome::Failed(failure("E", &cause)));
    }
    stage.answer(TaskOutcome::Succeeded(value("1")));
    let stage = stage.crash();
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    let last = events(&stage.store, entity).into_iter().rev();
    let mut scheduled = last.filter_map(|(_, event)| match event.kind {
        EventKind::TaskScheduled { parameters, .. } => Some(parameters),
        _ => None,
    });
    let parameters = scheduled.next().unwrap();
    assert_eq!(
        parameters.get("kept").and_then(json::Value::as_str),
        Some(&*kept)
    );
}

#[test]
fn a_damaged_journal_stops_its_execution_alone() {
    let mut stage = Stage::new(&[wait(5)]);
    let (arn, entity) = stage.started("{}");
    stage.now = stage.now.plus_seconds(5);
    stage.work_off();
    for (record, at, expected) in [
        (0, 0, "has format version 0"),
        (0, 50, "is damaged: its checksum does not fit"),
        (1, 9, "is damaged: its checksum does not fit"),
    ] {
        let store = tampered(&stage.store, entity, record, at);
        let error = crate::journal::load(&store, entity)
            .unwrap_err()
            .to_string();
        let place = format!("record {record} of execution `{arn}` {expected}");
        assert!(error.starts_with(&place), "{error}");
        assert_eq!(
            crate::read::describe(&store, stage.now, &arn)
                .unwrap_err()
                .to_string(),
            error
        );
    }
}

/// Nobody can be answered for a damaged execution, and everybody else is.
#[test]
fn commands_for_a_damaged_execution_get_its_error() {
    let mut stage = Stage::new(&[wait(5)]);
    let (arn, entity) = stage.started("{}");
    let store = tampered(&stage.store, entity, 0, 50);
    let mut stage = Stage::with(store, &[wait(5)], Config::default());
    let command = Command::Stop {
        execution_arn: arn,
        failure: Failure::default(),
    };
    let answer = stage.ask(&command);
    assert!(
        matches!(
            answer,
            Answer::Stopped(Err(StopError::Engine(Error::Journal(_))))
        ),
        "{answer:?}"
    );
    let (_, other) = stage.started("{}");
    stage.now = stage.now.plus_seconds(5);
    stage.work_off();
    assert_eq!(stage.run(other).status, Status::Succeeded);
}
