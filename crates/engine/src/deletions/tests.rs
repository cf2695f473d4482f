use std::sync::Arc;

use asl::run::Status;
use futures_util::FutureExt as _;
use store::{EntityId, Fault, Store};

use super::*;
use crate::request::{Error, RedriveError, StartError, StartRequest};
use crate::shard::{Answer, Command};
use crate::testing::{MACHINE, Stage, failure, machine, request};

/// What is refused after some steps: `+a` begins a deletion, `-a` ends it, `*a` makes the machine
/// anew.
fn after(steps: &[&str]) -> Deletions {
    let deletions = Deletions::default();
    for step in steps {
        let (what, arn) = step.split_at(1);
        let arn = Text::from(arn);
        match what {
            "+" => deletions.begin(&arn),
            "-" => deletions.end(&arn),
            _ => deletions.forget(&arn),
        }
    }
    deletions
}

#[test]
fn a_machine_that_is_deleted_refuses_starts_until_it_is_made_anew() {
    let check = |steps: &[&str], is_deleting: bool, refuses: bool| {
        let deletions = after(steps);
        let found = (deletions.is_deleting("a"), deletions.refuses("a"));
        assert_eq!(found, (is_deleting, refuses), "{steps:?}");
    };
    check(&[], false, false);
    check(&["+a"], true, true);
    check(&["+b"], false, false);
    check(&["+a", "+a", "-a"], false, true);
    check(&["+a", "-a", "*a"], false, false);
    check(&["+a", "*a"], false, false);
    check(&["-a"], false, false);
    check(&["+a", "-a", "+a"], true, true);
    check(&["+a", "+b", "-b", "*b"], true, true);
}

#[test]
fn only_those_gone_last_are_remembered() {
    let deletions = after(&["+a", "-a"]);
    for number in 0..MACHINES_GONE_MAX {
        let arn = Text::from(number.to_string());
        deletions.begin(&arn);
        deletions.end(&arn);
    }
    assert!(!deletions.refuses("a"));
    assert!(deletions.refuses("0"));
    assert!(deletions.all().is_empty());
}

const OTHER: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:other";

/// A stage on which an execution waits, with a state behind the Wait.
fn waiting(input: &str) -> (Stage, Text, EntityId) {
    let mut stage = Stage::new(&[machine(
        r#""A": {"Type": "Wait", "Seconds": 60, "Next": "B"},
           "B": {"Type": "Pass", "End": true}"#,
    )]);
    let (arn, entity) = stage.started(input);
    (stage, arn, entity)
}

fn begin(stage: &mut Stage, machine_arn: &str) {
    let commons = stage.shard.commons();
    for entity in commons.begin_deletion(&machine_arn.into()) {
        stage.ask(&Command::Admit(entity));
    }
}

#[test]
fn an_execution_ends_at_its_next_transition() {
    let check = |machine_arn: &str, crashes: bool, expected: Status| {
        let (mut stage, _, entity) = waiting("{}");
        begin(&mut stage, machine_arn);
        if crashes {
            stage = stage.crash();
            begin(&mut stage, machine_arn);
        }
        stage.work_off();
        assert_eq!(stage.run(entity).status, Status::Running, "{machine_arn}");
        stage.sleep();
        assert_eq!(stage.run(entity).status, expected, "{machine_arn}");
        assert_eq!(stage.store.wake_ups(None, 10).unwrap(), []);
        assert_eq!(stage.shard.commons().open_executions(), 0);
    };
    check(MACHINE, false, Status::Aborted);
    check(MACHINE, true, Status::Aborted);
    check(OTHER, false, Status::Succeeded);
}

#[test]
fn nothing_starts_or_goes_on_again() {
    let (mut stage, arn, _) = waiting("{}");
    begin(&mut stage, MACHINE);
    stage.sleep();
    let is_refused = |stage: &mut Stage| {
        let started = stage.start(request(Some("n"), "{}"));
        let redriven = stage.redrive(&arn, None);
        matches!(started, Err(StartError::Deleting(_)))
            && matches!(redriven, Err(RedriveError::Deleting))
    };
    assert!(is_refused(&mut stage));
    let commons = Arc::clone(stage.shard.commons());
    commons.deletions.end(&MACHINE.into());
    assert!(is_refused(&mut stage));
    commons.deletions.forget(&MACHINE.into());
    // An execution that was aborted by the deletion goes on where it would have.
    let entity = stage.entity(&arn);
    stage.redrive(&arn, None).unwrap();
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    stage.start(request(Some("n"), "{}")).unwrap();
}

#[test]
fn executions_that_are_queued_end_at_once() {
    let check = |crashes: bool| {
        let (mut stage, _, first) = waiting("{}");
        *stage.limit.lock() = Some(1);
        let mut queued = || {
            let limited = StartRequest {
                concurrency_max: Some(1),
                ..request(None, "{}")
            };
            let arn = stage.start(limited).unwrap().execution_arn;
            stage.entity(&arn)
        };
        let queued = [queued(), queued()];
        *stage.limit.lock() = None;
        if crashes {
            stage = stage.crash();
        }
        begin(&mut stage, MACHINE);
        stage.work_off();
        for entity in queued {
            let run = stage.run(entity);
            assert_eq!((run.status, run.last_event), (Status::Aborted, 2));
        }
        assert_eq!(stage.run(first).status, Status::Running);
    };
    check(false);
    check(true);
}

#[test]
fn whoever_waits_for_the_last_end_is_told_once_it_is_committed() {
    let (mut stage, _, entity) = waiting("{}");
    begin(&mut stage, MACHINE);
    let commons = Arc::clone(stage.shard.commons());
    let told = || commons.deletions.news().now_or_never().unwrap_or_default();
    // Of the beginning.
    assert_eq!(told(), [Text::from(MACHINE)]);
    assert!(told().is_empty());
    // Of those only that are not gone meanwhile.
    for other in ["a", "b", "c"].map(Text::from) {
        commons.deletions.begin(&other);
        commons.deletions.tell_end(&other);
        if *other == *"b" {
            commons.deletions.end(&other);
        }
    }
    assert_eq!(told(), ["a", "c"].map(Text::from));
    stage.now = stage.now.plus_seconds(60);
    stage.handle(&Command::Due(entity));
    assert!(told().is_empty());
    stage.commit();
    assert_eq!(told(), [Text::from(MACHINE)]);
}

#[test]
fn what_is_confirmed_is_committed() {
    let (mut stage, arn, _) = waiting("{}");
    let confirm = Command::Confirm(stage.entity(&arn).shard());
    let answer = stage.ask(&confirm);
    assert!(matches!(answer, Answer::Confirmed(Ok(()))), "{answer:?}");
    stage.store.plan([Fault::UnknownApplied]);
    stage.handle(&Command::Stop {
        execution_arn: arn,
        failure: failure("E", "C"),
    });
    assert!(!stage.commit());
    let outcome = stage.handle(&confirm);
    let answer = outcome.answer;
    let expected = matches!(answer, Answer::Confirmed(Err(Error::NotConfirmed(_))));
    assert!(expected, "{answer:?}");
}
