use asl::run::Status;
use store::{Fault, Store};

use super::*;
use crate::request::{Error, TokenError};
use crate::shard::{Command, Figures, TokenInput};
use crate::testing::{ACTIVITY, MISSING_ACTIVITY, Stage, failure, machine, value};

fn activity(fields: &str) -> String {
    machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{ACTIVITY}", {fields} "End": true}}"#
    ))
}

fn send(stage: &mut Stage, task: &ActivityTask, input: TokenInput) -> Result<(), TokenError> {
    let token = token::read(&task.task_token).unwrap();
    match stage.ask(&Command::Token { token, input }) {
        Answer::Token(result) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_takes_a_task_and_brings_its_result() {
    let mut stage = Stage::new(&[activity("")]);
    let (_, first) = stage.started(r#"{"n":1}"#);
    let (_, second) = stage.started(r#"{"n":2}"#);
    assert!(stage.calls.is_empty());
    let task = stage.work("w").unwrap();
    assert_eq!(task.input, value(r#"{"n":1}"#));
    let token = token::read(&task.task_token).unwrap();
    assert_eq!(token.activity_arn.as_deref(), Some(ACTIVITY));
    send(&mut stage, &task, TokenInput::Succeeded(value("1"))).unwrap();
    let task = stage.work("w").unwrap();
    send(&mut stage, &task, TokenInput::Failed(failure("E", "C"))).unwrap();
    assert!(stage.work("w").is_none());
    assert_eq!(stage.run(first).end.unwrap().output, Some(value("1")));
    assert_eq!(stage.run(second).end.unwrap().failure, failure("E", "C"));
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
}

#[test]
fn tasks_that_nobody_took_are_laid_out_again_after_a_crash_and_others_not() {
    let mut stage = Stage::new(&[activity("")]);
    stage.config.calls_max = 1;
    let entities: Vec<EntityId> = (0..3).map(|_| stage.started("{}").1).collect();
    let taken = stage.work("w").unwrap();
    let mut stage = stage.crash();
    assert!(stage.activities.is_empty());
    stage.work_off();
    assert_eq!(stage.activities.len(), 2);
    send(&mut stage, &taken, TokenInput::Succeeded(value("1"))).unwrap();
    while let Some(task) = stage.work("w") {
        send(&mut stage, &task, TokenInput::Succeeded(value("2"))).unwrap();
    }
    for entity in entities {
        assert_eq!(stage.run(entity).status, Status::Succeeded);
    }
}

#[test]
fn a_task_that_is_over_is_given_to_nobody() {
    let mut stage = Stage::new(&[activity(r#""TimeoutSeconds": 5,"#)]);
    let (_, entity) = stage.started("{}");
    let attempt = stage.activities.take(&ACTIVITY.into()).unwrap();
    stage.activities.put_back(&ACTIVITY.into(), attempt);
    stage.now = stage.now.plus_seconds(5);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Failed);
    assert!(stage.activities.is_empty(), "it was withdrawn");
    // A worker got hold of it just before.
    stage.activities.offer(&ACTIVITY.into(), attempt);
    assert!(stage.work("w").is_none());
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
}

#[test]
fn a_task_is_given_to_one_worker_only() {
    let mut stage = Stage::new(&[activity("")]);
    let (_, entity) = stage.started("{}");
    let (_, attempt) = stage.activities.take(&ACTIVITY.into()).unwrap();
    let command = Command::PickUp {
        entity,
        attempt,
        worker_name: None,
    };
    assert!(matches!(stage.ask(&command), Answer::PickedUp(Ok(Some(_)))));
    assert!(matches!(stage.ask(&command), Answer::PickedUp(Ok(None))));
    let unknown = Command::PickUp {
        entity: EntityId(77),
        attempt,
        worker_name: None,
    };
    assert!(matches!(stage.ask(&unknown), Answer::PickedUp(Ok(None))));
}

#[test]
fn heartbeats_count_from_the_pick_up() {
    let heartbeat = r#""HeartbeatSeconds": 10, "TimeoutSeconds": 1000,"#;
    let mut stage = Stage::new(&[activity(heartbeat)]);
    let (_, entity) = stage.started("{}");
    stage.now = stage.now.plus_seconds(100);
    stage.work_off();
    let task = stage.work("w").unwrap();
    stage.now = stage.now.plus_seconds(9);
    send(&mut stage, &task, TokenInput::Heartbeat).unwrap();
    stage.now = stage.now.plus_seconds(9);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Running);
    stage.now = stage.now.plus_seconds(1);
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Failed);
    let late = send(&mut stage, &task, TokenInput::Heartbeat);
    assert!(matches!(late, Err(TokenError::TimedOut)), "{late:?}");
}

/// The first state, a later one, and one behind a decision that is too heavy.
#[test]
fn a_task_of_an_activity_that_is_missing_fails() {
    let heavy = r#""A": {"Type": "Pass", "Parameters": {"x.$": "$..n"}, "ResultPath": "$.x","#;
    let missing = |name: &str| {
        format!(r#""{name}": {{"Type": "Task", "Resource": "{MISSING_ACTIVITY}", "End": true}}"#)
    };
    let first = machine(&missing("A"));
    let later = machine(&format!(
        r#""A": {{"Type": "Wait", "Seconds": 1, "Next": "B"}}, {}"#,
        missing("B")
    ));
    let behind = machine(&format!(r#"{heavy} "Next": "B"}}, {}"#, missing("B")));
    let many = format!(r#"{{"n": 1, "all": [{}]}}"#, ["[]"; 60_000].join(","));
    for (definition, input) in [(first, "{}"), (later, "{}"), (behind, &*many)] {
        let mut stage = Stage::new(&[definition]);
        let (_, entity) = stage.started(input);
        stage.sleep();
        assert!(stage.activities.is_empty());
        let failure = stage.run(entity).end.unwrap().failure;
        assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
        let cause = failure.cause.unwrap();
        assert!(cause.contains(MISSING_ACTIVITY), "{cause}");
    }
}

/// One that exists is remembered until it is deleted.
#[test]
fn what_is_known_of_activities_ends_with_their_deletion() {
    let stage = Stage::new(&[activity("")]);
    let commons = stage.shard.commons();
    let arns = [Text::from("a"), Text::from("b")];
    let (unknown, before) = commons.unknown(&arns);
    assert_eq!(unknown, arns);
    commons.know(&arns[0], before);
    assert_eq!(commons.unknown(&arns).0, arns[1..]);
    commons.forget_activity("a");
    assert_eq!(commons.unknown(&arns).0, arns);
    // What was read before the deletion.
    commons.know(&arns[0], before);
    assert_eq!(commons.unknown(&arns).0, arns);
    for number in 0..2 * crate::limits::ACTIVITIES_MAX {
        commons.know(&format!("{number}").into(), before + 1);
    }
    let many: Vec<Text> = (0..4_000)
        .map(|number| format!("{number}").into())
        .collect();
    let known = many.len() - commons.unknown(&many).0.len();
    assert_eq!(known, crate::limits::ACTIVITIES_MAX);
}

/// A pick-up whose commit is in doubt was not acknowledged: either the next worker gets the task,
/// or it is lost until it times out, which nobody can help.
#[test]
fn a_pick_up_that_was_not_confirmed_is_looked_up() {
    for (fault, is_applied) in [
        (Fault::UnknownApplied, true),
        (Fault::UnknownNotApplied, false),
    ] {
        let mut stage = Stage::new(&[activity(r#""TimeoutSeconds": 50,"#)]);
        let (_, entity) = stage.started("{}");
        let (_, attempt) = stage.activities.take(&ACTIVITY.into()).unwrap();
        stage.store.plan([fault]);
        let command = Command::PickUp {
            entity,
            attempt,
            worker_name: None,
        };
        stage.handle(&command);
        assert!(!stage.commit());
        let refused = stage.ask(&command);
        assert!(
            matches!(refused, Answer::PickedUp(Err(Error::NotConfirmed(_)))),
            "{refused:?}"
        );
        let shard = entity.shard();
        stage
            .shard
            .resume(shard, stage.store.sequence(shard).unwrap());
        stage.work_off();
        assert_eq!(stage.activities.is_empty(), is_applied);
        assert_eq!(stage.work("w").is_none(), is_applied);
        assert!(stage.sleep());
        assert_eq!(stage.run(entity).status, Status::Failed);
    }
}
