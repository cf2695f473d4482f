use asl::event::EventKind;
use asl::run::{NotRedrivable, Status};
use store::{Fault, Store};

use super::*;
use crate::limits::Config;
use crate::request::{Error, ExecutionStatus};
use crate::shard::{Command, Figures};
use crate::task::TaskOutcome;
use crate::testing::{FUNCTION, Stage, events, failure, machine, request, value};

fn two_tasks() -> String {
    machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "Next": "B"}},
           "B": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}"#
    ))
}

fn fail() -> TaskOutcome {
    TaskOutcome::Failed(failure("E", "C"))
}

/// An execution whose second task has failed.
fn failed(stage: &mut Stage) -> (Text, EntityId) {
    let (arn, entity) = stage.started("{}");
    stage.answer(TaskOutcome::Succeeded(value("1")));
    stage.answer(fail());
    assert_eq!(stage.run(entity).status, Status::Failed);
    (arn, entity)
}

fn row(stage: &Stage, entity: EntityId) -> (u8, Option<i64>, u32, Option<i64>) {
    let row = stage.store.execution(entity).unwrap().unwrap();
    let store::ExecutionRow {
        status,
        stopped_ms,
        redrive_count,
        redriven_ms,
        ..
    } = row;
    (status, stopped_ms, redrive_count, redriven_ms)
}

#[test]
fn a_failed_execution_goes_on_from_its_failure() {
    let mut stage = Stage::new(&[two_tasks()]);
    let (arn, entity) = failed(&mut stage);
    let open = stage.shard.commons().open_executions();
    stage.now = stage.now.plus_seconds(60);
    let redriven_at = stage.redrive(&arn, None).unwrap();
    assert_eq!(redriven_at, stage.now);
    let running = ExecutionStatus::Running.code();
    assert_eq!(row(&stage, entity), (running, None, 1, Some(stage.now.0)));
    assert_eq!(stage.shard.commons().open_executions(), open + 1);
    // The redrive survives a crash, and so does the call that it owes.
    let mut stage = stage.crash();
    stage.work_off();
    let call = stage.calls.values().next().unwrap();
    assert_eq!((stage.calls.len(), &*call.call.state_name), (1, "B"));
    stage.answer(TaskOutcome::Succeeded(value("2")));
    let end = stage.run(entity).end.unwrap();
    assert_eq!(end.output, Some(value("2")));
    assert_eq!(stage.shard.commons().open_executions(), open);
    let (status, stopped_ms, ..) = row(&stage, entity);
    let succeeded = ExecutionStatus::Succeeded.code();
    assert_eq!((status, stopped_ms), (succeeded, Some(end.at.0)));
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
}

/// It fails again, in the commit of the redrive itself.
#[test]
fn a_redrive_may_end_at_once() {
    let fail = machine(r#""A": {"Type": "Fail", "Error": "E"}"#);
    let mut stage = Stage::new(&[fail]);
    let (arn, entity) = stage.started("{}");
    for count in 1..=3 {
        stage.now = stage.now.plus_seconds(1);
        stage.redrive(&arn, None).unwrap();
        let (now, failed) = (stage.now.0, ExecutionStatus::Failed.code());
        assert_eq!(row(&stage, entity), (failed, Some(now), count, Some(now)));
    }
    assert_eq!(stage.shard.commons().open_executions(), 0);
    assert_eq!(stage.shard.figures(), Figures::default());
}

#[test]
fn what_can_not_be_redriven_is_refused() {
    let mut stage = Stage::new(&[two_tasks()]);
    let (arn, entity) = stage.started("{}");
    let refused = |stage: &mut Stage, arn: &Text| match stage.redrive(arn, None) {
        Err(RedriveError::NotRedrivable(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut stage, &arn), NotRedrivable::Running);
    stage.answer(TaskOutcome::Succeeded(value("1")));
    stage.answer(TaskOutcome::Succeeded(value("2")));
    assert_eq!(refused(&mut stage, &arn), NotRedrivable::Succeeded);
    assert_eq!(stage.run(entity).redrives.count, 0);
    let (arn, _) = failed(&mut stage);
    stage.now = stage.now.plus_seconds(15 * 24 * 3_600);
    assert_eq!(refused(&mut stage, &arn), NotRedrivable::PeriodExceeded);
    for absent in [
        "arn:aws:states:us-east-1:000000000000:execution:M:none",
        "x",
    ] {
        let answer = stage.redrive(&absent.into(), None);
        assert!(
            matches!(answer, Err(RedriveError::DoesNotExist(_))),
            "{answer:?}"
        );
    }
}

#[test]
fn the_same_client_token_is_the_same_redrive() {
    let mut stage = Stage::new(&[two_tasks()]);
    let (arn, entity) = failed(&mut stage);
    let first = stage.redrive(&arn, Some("t")).unwrap();
    stage.now = stage.now.plus_seconds(60);
    assert_eq!(stage.redrive(&arn, Some("t")).unwrap(), first);
    assert_eq!(stage.crash().redrive(&arn, Some("t")).unwrap(), first);
    stage.answer(fail());
    assert_eq!(stage.redrive(&arn, Some("t")).unwrap(), first);
    assert_eq!(stage.run(entity).redrives.count, 1);
    assert_eq!(stage.run(entity).status, Status::Failed);
    stage.now = stage.now.plus_seconds(15 * 60);
    assert_eq!(stage.redrive(&arn, Some("t")).unwrap(), stage.now);
    assert_eq!(stage.run(entity).redrives.count, 2);
}

#[test]
fn a_redriven_execution_counts_as_open() {
    let config = Config {
        open_executions_max: 1,
        ..Config::default()
    };
    let mut stage = Stage::with(store::Memory::new(), &[two_tasks()], config);
    let (arn, _) = failed(&mut stage);
    let (other, _) = stage.started("{}");
    let refused = stage.redrive(&arn, None);
    assert!(
        matches!(refused, Err(RedriveError::LimitExceeded)),
        "{refused:?}"
    );
    stage.ask(&Command::Stop {
        execution_arn: other,
        failure: failure("E", "C"),
    });
    stage.redrive(&arn, None).unwrap();
    let refused = stage.start(request(None, "{}")).unwrap_err();
    assert!(
        matches!(refused, crate::request::StartError::LimitExceeded),
        "{refused:?}"
    );
}

/// The commit of a redrive is in doubt: it is looked up, and happened once or not at all.
#[test]
fn a_redrive_that_was_not_confirmed_is_looked_up() {
    for (fault, is_applied) in [
        (Fault::UnknownApplied, true),
        (Fault::UnknownNotApplied, false),
    ] {
        let mut stage = Stage::new(&[two_tasks()]);
        let (arn, entity) = failed(&mut stage);
        stage.store.plan([fault]);
        let command = Command::Redrive {
            execution_arn: arn.clone(),
            client_token: Some("t".into()),
        };
        let redriven_at = stage.now;
        stage.handle(&command);
        assert!(!stage.commit());
        let refused = stage.redrive(&arn, Some("t"));
        assert!(
            matches!(refused, Err(RedriveError::Engine(Error::NotConfirmed(_)))),
            "{refused:?}"
        );
        let shard = entity.shard();
        stage
            .shard
            .resume(shard, stage.store.sequence(shard).unwrap());
        stage.work_off();
        assert_eq!(
            stage.shard.commons().open_executions(),
            u64::from(is_applied)
        );
        stage.now = stage.now.plus_seconds(9);
        let again = stage.redrive(&arn, Some("t")).unwrap();
        let expected = if is_applied { redriven_at } else { stage.now };
        assert_eq!(again, expected);
        assert_eq!(stage.shard.commons().open_executions(), 1);
        let events = events(&stage.store, entity);
        let redriven = events
            .iter()
            .filter(|(_, event)| matches!(event.kind, EventKind::ExecutionRedriven { .. }));
        assert_eq!(redriven.count(), 1);
        stage.work_off();
        stage.answer(TaskOutcome::Succeeded(value("2")));
        assert_eq!(stage.run(entity).status, Status::Succeeded);
        assert_eq!(stage.shard.commons().open_executions(), 0);
    }
}

#[test]
fn redriven_executions_go_through_the_gate() {
    let mut stage = Stage::new(&[two_tasks()]);
    *stage.limit.lock() = Some(1);
    let (arn, entity) = failed(&mut stage);
    let mut limited = request(None, "{}");
    limited.concurrency_max = Some(1);
    let other = stage.start(limited).unwrap().execution_arn;
    let redriven_at = stage.redrive(&arn, None).unwrap();
    assert_eq!(redriven_at, stage.now);
    let queued = ExecutionStatus::Queued.code();
    assert_eq!(stage.status(entity), (Status::Running, queued));
    let mut stage = stage.crash();
    stage.work_off();
    assert_eq!(stage.status(entity), (Status::Running, queued));
    stage.ask(&Command::Stop {
        execution_arn: other,
        failure: failure("E", "C"),
    });
    stage.work_off();
    let running = ExecutionStatus::Running.code();
    assert_eq!(stage.status(entity), (Status::Running, running));
    stage.answer(TaskOutcome::Succeeded(value("2")));
    assert_eq!(stage.run(entity).status, Status::Succeeded);
}

/// It ends and is redriven before its end is committed: it keeps its place, and nobody else gets
/// it.
#[test]
fn a_redrive_before_the_end_is_committed_keeps_the_place() {
    for is_confirmed in [true, false] {
        let mut stage = Stage::new(&[two_tasks()]);
        *stage.limit.lock() = Some(1);
        let start = |stage: &mut Stage| {
            let mut limited = request(None, "{}");
            limited.concurrency_max = Some(1);
            let arn = stage.start(limited).unwrap().execution_arn;
            (stage.entity(&arn), arn)
        };
        let (first, arn) = start(&mut stage);
        let (second, _) = start(&mut stage);
        stage.handle(&Command::Stop {
            execution_arn: arn.clone(),
            failure: failure("E", "C"),
        });
        let ending = stage.shard.take_group();
        stage.handle(&Command::Redrive {
            execution_arn: arn,
            client_token: None,
        });
        let answers = stage.store.commit(&ending.batches);
        assert_eq!(answers, [store::Committed::Ok]);
        stage.shard.group_done(&[]);
        assert_eq!(stage.shard.take_admitted(), []);
        if !is_confirmed {
            stage.store.plan([Fault::UnknownNotApplied]);
        }
        assert_eq!(stage.commit(), is_confirmed);
        for shard in stage.shard.doubtful() {
            let stored = stage.store.sequence(shard).unwrap();
            stage.shard.resume(shard, stored);
        }
        stage.work_off();
        let row = |entity| stage.store.execution(entity).unwrap().unwrap().status;
        let (running, queued) = (ExecutionStatus::Running, ExecutionStatus::Queued);
        let expected = match is_confirmed {
            true => (running, queued),
            false => (ExecutionStatus::Aborted, running),
        };
        let expected = (expected.0.code(), expected.1.code());
        assert_eq!((row(first), row(second)), expected);
        let open = if is_confirmed { 2 } else { 1 };
        assert_eq!(stage.shard.commons().open_executions(), open);
    }
}
