use super::apply;
use crate::decide::tests::{Sim, one, start_of};
use crate::event::{BranchId, Event, EventKind, Failure};
use crate::program::StateIndex;
use crate::run::{Activity, Results, Run, Status};
use crate::time::Timestamp;

fn event(id: u64, kind: EventKind) -> Event {
    Event {
        id,
        previous: 0,
        branch: BranchId::ROOT,
        kind,
    }
}

#[test]
fn events_of_nothing_change_nothing_but_counters() {
    let state = StateIndex(0);
    for kind in [
        EventKind::TaskStarted {
            state,
            worker_name: None,
        },
        EventKind::ParallelStarted { state },
        EventKind::MapIterationStarted {
            state,
            parent: BranchId(7),
            index: 0,
            input: json::Value::null(),
        },
        EventKind::MapIterationSucceeded { state, index: 3 },
        EventKind::StateFailed { state },
        EventKind::BranchSucceeded,
        EventKind::BranchesCut,
        EventKind::TaskFailed {
            state,
            failure: Failure::default(),
        },
        EventKind::WaitUntil {
            until: Timestamp(9),
        },
        EventKind::RetryAt {
            retrier: u32::MAX,
            retries: 1,
            until: Timestamp(9),
        },
    ] {
        let mut run = Run::default();
        apply(&mut run, Timestamp(5), &event(3, kind));
        assert_eq!(
            run,
            Run {
                last_event: 3,
                time: Timestamp(5),
                ..Run::default()
            }
        );
    }
}

#[test]
fn a_visit_starts_with_fresh_counters() {
    let mut run = Run::default();
    let state = StateIndex(0);
    let input = json::Value::null();
    let events = [
        event(1, EventKind::ExecutionStarted(Box::new(start_of("{}")))),
        event(
            2,
            EventKind::StateEntered {
                state,
                input: input.clone(),
            },
        ),
        event(
            0,
            EventKind::RetryAt {
                retrier: 2,
                retries: 4,
                until: Timestamp(9),
            },
        ),
    ];
    for event in &events {
        apply(&mut run, Timestamp(1), event);
    }
    let visit = run.branches[0].visit().unwrap();
    assert_eq!(
        (&visit.retries[..], visit.entered_event),
        (&[0, 0, 4][..], 2)
    );
    assert_eq!(
        visit.activity,
        Activity::BackingOff {
            until: Timestamp(9)
        }
    );
    apply(
        &mut run,
        Timestamp(1),
        &event(3, EventKind::StateEntered { state, input }),
    );
    let visit = run.branches[0].visit().unwrap();
    assert_eq!((visit.retries.len(), visit.entered_event), (0, 3));
}

#[test]
fn the_end() {
    let mut sim = Sim::started(&one(r#""Type":"Wait","Seconds":9"#), "{}");
    sim.now = sim.now.plus_ms(1);
    sim.step("stop E C").unwrap();
    let end = sim.run.end.as_ref().unwrap();
    assert_eq!((end.at, &end.output), (sim.now, &None));
    assert_eq!(
        end.failure,
        Failure {
            error: Some("E".into()),
            cause: Some("C".into())
        }
    );
    assert_eq!(sim.run.status, Status::Aborted);
    assert!(sim.run.branches.is_empty() && sim.run.deadline().is_none());
}

#[test]
fn results_in_any_order() {
    let value = |index: usize| json::Value::from(index.to_string());
    let mut results = Results::default();
    for index in (0..150).rev() {
        results.put(index, value(index), 10_000);
    }
    let expected: Vec<_> = (0..150).map(value).collect();
    assert_eq!(results.to_array(), Some(expected.into()));
    assert_eq!(
        Results::default().to_array(),
        Some(json::Value::empty_array())
    );
}

#[test]
fn results_as_large_as_a_payload() {
    // `["aa","bb"]`
    for (bytes_max, fits) in [(11, true), (10, false)] {
        let mut results = Results::default();
        results.put(0, "aa".into(), bytes_max);
        results.put(1, "bb".into(), bytes_max);
        assert_eq!(results.to_array().is_some(), fits);
    }
}
