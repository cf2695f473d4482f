use asl::run::Status;
use store::{Fault, Store};

use super::*;
use crate::request::{ExecutionStatus, StartRequest};
use crate::shard::{Command, Figures};
use crate::task::TaskOutcome;
use crate::testing::{FUNCTION, MACHINE, Stage, failure, machine, request, value};

fn task() -> String {
    machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}"#
    ))
}

fn stage(limit: u32) -> Stage {
    let stage = Stage::new(&[task()]);
    *stage.limit.lock() = Some(limit);
    stage
}

fn limited() -> StartRequest {
    StartRequest {
        concurrency_max: Some(1),
        ..request(None, "{}")
    }
}

fn started(stage: &mut Stage, count: usize) -> Vec<EntityId> {
    let mut start = || {
        let arn = stage.start(limited()).unwrap().execution_arn;
        stage.entity(&arn)
    };
    (0..count).map(|_| start()).collect()
}

fn stop(stage: &mut Stage, entity: EntityId) {
    let execution_arn = stage.run(entity).start.unwrap().execution_arn.clone();
    stage.ask(&Command::Stop {
        execution_arn,
        failure: failure("E", "C"),
    });
    stage.work_off();
}

/// Which of the executions run, and which wait, by their rows.
fn standing(stage: &Stage, entities: &[EntityId]) -> String {
    let letter = |entity: &EntityId| {
        let row = stage.store.execution(*entity).unwrap().unwrap();
        match ExecutionStatus::from_code(row.status).unwrap() {
            ExecutionStatus::Queued => 'q',
            ExecutionStatus::Running => 'r',
            _ => '-',
        }
    };
    entities.iter().map(letter).collect()
}

#[test]
fn executions_beyond_the_limit_wait_for_their_turn() {
    let mut stage = stage(2);
    let all = started(&mut stage, 5);
    assert_eq!(standing(&stage, &all), "rrqqq");
    assert_eq!(stage.calls.len(), 2);
    stage.answer(TaskOutcome::Succeeded(value("1")));
    stage.work_off();
    assert_eq!(standing(&stage, &all), "-rrqq");
    let mut stage = stage.crash();
    stage.work_off();
    assert_eq!(standing(&stage, &all), "-rrqq");
    while !stage.calls.is_empty() {
        assert!(stage.calls.len() <= 2);
        stage.answer(TaskOutcome::Succeeded(value("1")));
        stage.work_off();
    }
    for entity in all {
        assert_eq!(stage.run(entity).status, Status::Succeeded);
    }
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
    assert_eq!(stage.shard.figures(), Figures::default());
    let view = stage.shard.commons().gates.view(&MACHINE.into(), 10);
    let view = view.unwrap();
    assert_eq!((view.running, view.queued), (0, 0));
}

#[test]
fn a_queued_execution_can_be_stopped_and_times_out() {
    let timed = task().replacen('{', r#"{"TimeoutSeconds": 60, "#, 1);
    let mut stage = Stage::new(&[timed]);
    *stage.limit.lock() = Some(1);
    let all = started(&mut stage, 3);
    stop(&mut stage, all[1]);
    assert_eq!(standing(&stage, &all), "r-q");
    // The deadline of the first comes first, and lets the last one in a moment before its own.
    stage.now = stage.now.plus_seconds(60);
    let mut stage = stage.crash();
    stage.work_off();
    let ends = all.iter().map(|entity| stage.run(*entity).status);
    let ends: Vec<Status> = ends.collect();
    assert_eq!(ends, [Status::TimedOut, Status::Aborted, Status::TimedOut]);
    assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
}

#[test]
fn a_changed_limit_lets_in_or_holds_back() {
    let mut stage = stage(1);
    let all = started(&mut stage, 5);
    let set = |stage: &mut Stage, limit| {
        *stage.limit.lock() = limit;
        let commons = std::sync::Arc::clone(stage.shard.commons());
        for entity in commons.gates.set_limit(&MACHINE.into(), limit) {
            stage.ask(&Command::Admit(entity));
        }
    };
    set(&mut stage, Some(3));
    assert_eq!(standing(&stage, &all), "rrrqq");
    set(&mut stage, Some(1));
    stop(&mut stage, all[0]);
    stop(&mut stage, all[1]);
    assert_eq!(standing(&stage, &all), "--rqq");
    set(&mut stage, None);
    assert_eq!(standing(&stage, &all), "--rrr");
    // One that runs without having gone through the gate counts when a limit comes.
    set(&mut stage, Some(4));
    let (_, unlimited) = stage.started("{}");
    let more = started(&mut stage, 1);
    assert_eq!(standing(&stage, &more), "q");
    stop(&mut stage, unlimited);
    assert_eq!(standing(&stage, &more), "r");
}

/// After a restart the limit is asked for, not remembered.
#[test]
fn a_limit_that_was_taken_away_meanwhile_lets_all_in() {
    let mut stage = stage(1);
    let all = started(&mut stage, 3);
    assert_eq!(standing(&stage, &all), "rqq");
    *stage.limit.lock() = None;
    let mut stage = stage.crash();
    stage.work_off();
    assert_eq!(standing(&stage, &all), "rrr");
    assert!(!stage.shard.commons().gates.are_used());
}

/// A stale limit does no harm.
#[test]
fn a_start_with_a_limit_that_is_gone_goes_on_at_once() {
    let mut stage = Stage::new(&[task()]);
    let all = started(&mut stage, 3);
    assert_eq!(standing(&stage, &all), "rrr");
    assert_eq!(stage.shard.figures().calls, 3);
}

/// Each command of a queued execution's life with a commit in doubt.
#[test]
fn what_was_not_confirmed_keeps_its_turn_or_gives_it_back() {
    for fault in [Fault::UnknownApplied, Fault::UnknownNotApplied] {
        for step in ["start", "queue", "end", "admit"] {
            let mut stage = stage(1);
            let known = match step {
                "start" => 0,
                "queue" => 1,
                _ => 3,
            };
            let mut all = started(&mut stage, known);
            if step == "admit" {
                let first = all.remove(0);
                let execution_arn = stage.run(first).start.unwrap().execution_arn.clone();
                stage.ask(&Command::Stop {
                    execution_arn,
                    failure: failure("E", "C"),
                });
            }
            if step == "end" {
                // The decision gives its call up; if it is void, the call is made again.
                stage.calls.clear();
            }
            stage.store.plan([fault]);
            let command = match step {
                "start" | "queue" => Command::Start(Box::new(limited())),
                "end" => Command::Stop {
                    execution_arn: stage.run(all[0]).start.unwrap().execution_arn.clone(),
                    failure: failure("E", "C"),
                },
                _ => Command::Admit(stage.shard.take_admitted()[0]),
            };
            stage.handle(&command);
            assert!(!stage.commit(), "{fault:?} {step}");
            for shard in stage.shard.doubtful() {
                let stored = stage.store.sequence(shard).unwrap();
                stage.shard.resume(shard, stored);
            }
            stage.work_off();
            all.extend(started(&mut stage, 2));
            // One at a time, to the last: no turn is lost, none is had twice.
            let mut ended = 0;
            while !stage.calls.is_empty() {
                let running = [ExecutionStatus::Running.code()];
                let running = stage.store.count_executions(None, &running);
                assert_eq!(running.unwrap(), 1, "{fault:?} {step}");
                stage.answer(TaskOutcome::Succeeded(value("1")));
                stage.work_off();
                ended += 1;
            }
            assert!(ended >= 2, "{fault:?} {step}");
            for entity in all {
                let status = stage.run(entity).status;
                assert!(status.is_terminal(), "{fault:?} {step} {entity:?}");
            }
            assert_eq!(stage.shard.commons().open_executions(), 0);
            let Figures { calls, timers, .. } = stage.shard.figures();
            assert_eq!((calls, timers), (0, 0), "{fault:?} {step}");
        }
    }
}
