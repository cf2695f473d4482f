use std::thread;

use asl::compile::compile;
use asl::definition::MachineType;
use asl::event::{BranchId, Failure, Start};
use asl::program::StateIndex;
use asl::run::Run;
use asl::time::Timestamp;
use json::Value;

use super::*;
use crate::states::Integrations;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

fn job(payload_bytes: usize) -> Job {
    let text = "x".repeat(payload_bytes.saturating_sub(2));
    job_of(EventKind::ExecutionSucceeded {
        output: Value::from(text.as_str()),
    })
}

fn job_of(kind: EventKind) -> Job {
    commit_of(vec![kind])
}

/// A job of these events.
pub(in super::super) fn commit_of(kinds: Vec<EventKind>) -> Job {
    let event = |(previous, kind)| Event {
        id: previous + 1,
        previous,
        branch: BranchId::ROOT,
        kind,
    };
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
    let program = compile(definition, MachineType::Standard, &Integrations).program;
    let logging = r#"{"include_execution_data": true, "level": "All",
        "destinations": ["arn:aws:logs:eu-west-1:123456789012:log-group:/g:*"]}"#;
    let target = Target::of(serde_json::from_str(logging).unwrap());
    let seen = Arc::new(Observed {
        program: Arc::new(program.unwrap()),
        start: Arc::new(Start::default()),
        started_at: Timestamp(0),
        redrive_count: 0,
        redriven_at: None,
        time: Timestamp(0),
        events: (0..).zip(kinds).map(event).collect(),
        before: Run::default(),
        billing: None,
    });
    Job::new(seen, Arc::new(target.unwrap()), None)
}

#[test]
fn there_is_room_again_once_what_was_taken_is_written() {
    let check = |payload_bytes: usize, fit: usize| {
        let (sender, jobs) = queue();
        for _ in 0..fit {
            assert!(sender.send(job(payload_bytes)).is_ok());
        }
        assert!(sender.send(job(payload_bytes)).is_err());
        let taken = jobs.take().unwrap().jobs;
        assert_eq!(taken.len(), fit);
        assert!(
            sender.send(job(payload_bytes)).is_err(),
            "it is not written yet"
        );
        let mut written = Weight::default();
        for job in &taken {
            written += job.weight();
        }
        jobs.release(written);
        assert!(sender.send(job(payload_bytes)).is_ok());
        drop(sender);
        assert_eq!(jobs.take().unwrap().jobs.len(), 1);
        assert!(jobs.take().is_none());
    };
    check(10, JOBS_MAX);
    check(BYTES_MAX / 4, 4);
    check(BYTES_MAX + 2, 1);
}

#[test]
fn a_job_weighs_what_its_event_holds() {
    let check = |kind: EventKind, expected: usize| {
        let Weight { jobs, bytes } = job_of(kind).weight();
        assert_eq!((jobs, bytes), (1, expected));
    };
    let state = StateIndex(0);
    let failure = Failure {
        error: Some("E".into()),
        cause: Some("caused".into()),
    };
    let assigned = json::parse(r#"{"a":"123"}"#).unwrap();
    let exited = |assigned| EventKind::StateExited {
        state,
        output: Value::from("x"),
        assigned,
    };
    check(exited(None), 3);
    check(exited(assigned.as_object().cloned()), 3 + 11);
    check(EventKind::ExecutionFailed(failure.clone()), 6);
    check(EventKind::TaskFailed { state, failure }, 6);
    check(EventKind::BranchSucceeded, 0);
}

#[test]
fn a_pause_ends_when_much_waits_or_somebody_does() {
    let check = |rouse: &dyn Fn(&Sender)| {
        let (sender, jobs) = queue();
        let paused = thread::spawn(move || {
            jobs.pause(LONG);
            jobs
        });
        rouse(&sender);
        // Whatever came first, the pause or the reason to end it.
        paused.join().unwrap();
    };
    check(&|sender| sender.flush(oneshot::channel().0));
    check(&|sender| {
        for _ in 0..JOBS_PAUSED_MAX {
            assert!(sender.send(job(10)).is_ok());
        }
    });
    check(&|sender| assert!(sender.send(job(BYTES_PAUSED_MAX)).is_ok()));
    let (sender, jobs) = queue();
    let paused = thread::spawn(move || jobs.pause(LONG));
    drop(sender);
    paused.join().unwrap();
}

#[test]
fn a_flush_is_taken_with_what_was_sent_before_it() {
    let (sender, jobs) = queue();
    sender.flush(oneshot::channel().0);
    let taken = jobs.take().unwrap();
    assert_eq!((taken.jobs.len(), taken.flushes.len()), (0, 1));
    assert!(sender.send(job(1)).is_ok());
    sender.flush(oneshot::channel().0);
    let taken = jobs.take().unwrap();
    assert_eq!((taken.jobs.len(), taken.flushes.len()), (1, 1));
}
