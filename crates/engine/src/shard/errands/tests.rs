use asl::event::Failure;
use asl::run::Status;
use store::{Fault, Store, WakeUp};

use super::*;
use crate::limits::Config;
use crate::shard::{Command, Figures};
use crate::task::TaskOutcome;
use crate::testing::{JOB, Stage, failure, machine, value};

fn job(fields: &str) -> String {
    machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{JOB}",
            "Parameters": {{"StateMachineArn": "arn"}}, {fields} "End": true}}"#
    ))
}

fn submitted(stage: &mut Stage) {
    stage.answer(TaskOutcome::Submitted(value(r#"{"Job": 7}"#)));
}

/// The job that is waited for ends.
fn end(stage: &mut Stage, outcome: TaskOutcome) {
    let ((entity, attempt), _) = stage.watches.pop_first().unwrap();
    stage.ask(&Command::Outcome {
        entity,
        attempt,
        answered: Box::new(outcome.into()),
    });
}

fn stop(stage: &mut Stage, entity: EntityId) {
    let execution_arn = stage.run(entity).start.unwrap().execution_arn.clone();
    stage.ask(&Command::Stop {
        execution_arn,
        failure: failure("E", "C"),
    });
}

fn cancelled(stage: &mut Stage) -> Option<json::Value> {
    let ((entity, attempt), response) = stage.cancels.pop_first().unwrap();
    let answer = stage.ask(&Command::Cancelled { entity, attempt });
    assert!(matches!(answer, Answer::Internal(Ok(()))), "{answer:?}");
    response
}

#[test]
fn a_job_is_waited_for_and_again_after_a_crash() {
    let mut stage = Stage::new(&[job("")]);
    let (_, entity) = stage.started("{}");
    submitted(&mut stage);
    assert_eq!(stage.shard.figures().calls, 1);
    let mut stage = stage.crash();
    stage.work_off();
    assert!(stage.calls.is_empty());
    let response: Vec<_> = stage.watches.values().cloned().collect();
    assert_eq!(response, [value(r#"{"Job": 7}"#)]);
    end(&mut stage, TaskOutcome::Succeeded(value("1")));
    assert_eq!(stage.run(entity).end.unwrap().output, Some(value("1")));
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
}

#[test]
fn watches_have_places_of_their_own() {
    let config = Config {
        calls_max: 1,
        watches_max: 2,
        ..Config::default()
    };
    let mut stage = Stage::with(store::Memory::new(), &[job("")], config);
    let entities: Vec<EntityId> = (0..5).map(|_| stage.started("{}").1).collect();
    for _ in 0..5 {
        assert_eq!(stage.calls.len(), 1);
        submitted(&mut stage);
        stage.work_off();
    }
    for watched in [2, 2, 2, 2, 1] {
        assert_eq!((stage.calls.len(), stage.watches.len()), (0, watched));
        end(&mut stage, TaskOutcome::Succeeded(value("1")));
        stage.work_off();
    }
    for entity in entities {
        assert_eq!(stage.run(entity).status, Status::Succeeded);
    }
    assert_eq!(stage.shard.figures(), Figures::default());
}

/// Stopped with its job submitted, or with the call under way.
#[test]
fn the_job_of_a_stopped_execution_is_stopped_after_a_crash_too() {
    for is_submitted in [true, false] {
        let mut stage = Stage::new(&[job("")]);
        let (_, entity) = stage.started("{}");
        if is_submitted {
            submitted(&mut stage);
        }
        stop(&mut stage, entity);
        assert_eq!(stage.run(entity).status, Status::Aborted);
        assert!(stage.calls.is_empty() && stage.watches.is_empty());
        assert_eq!(stage.cancels.len(), 1);
        let owed = [WakeUp {
            entity,
            due_ms: None,
            owes_calls: true,
        }];
        assert_eq!(stage.store.wake_ups(None, 10).unwrap(), owed);
        let mut stage = stage.crash();
        stage.work_off();
        assert_eq!(stage.cancels.len(), 1);
        let response = is_submitted.then(|| value(r#"{"Job": 7}"#));
        assert_eq!(cancelled(&mut stage), response);
        assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
        assert!(stage.run(entity).cancels.is_empty());
        assert_eq!(stage.shard.figures(), Figures::default());
        let mut stage = stage.crash();
        stage.work_off();
        assert!(stage.cancels.is_empty());
    }
}

#[test]
fn the_job_of_an_attempt_that_timed_out_is_stopped_while_another_runs() {
    let retry = r#""TimeoutSeconds": 10,
        "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1}],"#;
    let mut stage = Stage::new(&[job(retry)]);
    let (_, entity) = stage.started("{}");
    submitted(&mut stage);
    stage.now = stage.now.plus_seconds(10);
    stage.work_off();
    assert_eq!((stage.watches.len(), stage.cancels.len()), (0, 1));
    assert!(stage.sleep());
    submitted(&mut stage);
    assert_eq!((stage.watches.len(), stage.cancels.len()), (1, 1));
    end(&mut stage, TaskOutcome::Succeeded(value("2")));
    assert_eq!(stage.run(entity).end.unwrap().output, Some(value("2")));
    assert_eq!(stage.store.wake_ups(None, 10).unwrap().len(), 1);
    cancelled(&mut stage);
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.run(entity).status, Status::Succeeded);
}

/// More jobs to stop than there are places.
#[test]
fn cancels_wait_for_room() {
    let config = Config {
        calls_max: 2,
        ..Config::default()
    };
    let branch = |number: u32| {
        format!(
            r#"{{"StartAt": "J{number}", "States": {{"J{number}": {{"Type": "Task",
            "Resource": "{JOB}", "Parameters": {{"StateMachineArn": "arn"}}, "End": true}}}}}}"#
        )
    };
    let branches = (0..5).map(branch).collect::<Vec<_>>().join(",");
    let parallel = machine(&format!(
        r#""A": {{"Type": "Parallel", "Branches": [{branches}], "End": true}}"#
    ));
    let mut stage = Stage::with(store::Memory::new(), &[parallel], config);
    let (_, entity) = stage.started("{}");
    for _ in 0..5 {
        submitted(&mut stage);
        stage.work_off();
    }
    assert_eq!(stage.watches.len(), 5);
    end(&mut stage, TaskOutcome::Failed(Failure::default()));
    assert_eq!(stage.run(entity).status, Status::Failed);
    let mut stopped = 0;
    while !stage.cancels.is_empty() {
        assert!(stage.cancels.len() <= 2);
        cancelled(&mut stage);
        stopped += 1;
        stage.work_off();
    }
    assert_eq!(stopped, 4);
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
}

/// What was not confirmed is asked of the journal, and what that owes is done: the job of a stopped
/// execution is stopped, and one whose stop is recorded is not stopped again.
#[test]
fn cancels_are_owed_by_what_is_committed() {
    for (fault, is_applied) in [
        (Fault::UnknownApplied, true),
        (Fault::UnknownNotApplied, false),
    ] {
        let mut stage = Stage::new(&[job("")]);
        let (_, entity) = stage.started("{}");
        submitted(&mut stage);
        stop(&mut stage, entity);
        let ((_, attempt), _) = stage.cancels.pop_first().unwrap();
        stage.store.plan([fault]);
        stage.handle(&Command::Cancelled { entity, attempt });
        assert!(!stage.commit());
        let shard = entity.shard();
        stage
            .shard
            .resume(shard, stage.store.sequence(shard).unwrap());
        stage.work_off();
        assert_eq!(stage.cancels.is_empty(), is_applied);
        if !is_applied {
            cancelled(&mut stage);
        }
        assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
        assert_eq!(stage.shard.figures().calls, 0);
    }
}
