//! What an execution does after RedriveExecution, beyond the text cases: the rules of when, and
//! that nothing is lost or done twice.

use super::{ACTIVITY, FUNCTION, JOB, Sim, one, start_of, states, value};
use crate::decide::{Effect, Refusal};
use crate::event::{EventKind, Failure};
use crate::limits::Limits;
use crate::run::{NotRedrivable, Redrives};
use crate::time::Timestamp;

fn failed() -> Sim {
    let mut sim = Sim::started(
        &one(&format!(r#""Type":"Task","Resource":"{FUNCTION}""#)),
        "1",
    );
    sim.step("fail E C").unwrap();
    sim
}

#[test]
fn what_can_be_redriven() {
    let sim = failed();
    let at = |ms: i64| Timestamp(sim.now.0 + ms);
    assert_eq!(sim.run.redrivable(at(0)), Ok(()));
    let days = NotRedrivable::CLOSED_MS_MAX;
    assert_eq!(sim.run.redrivable(at(days)), Ok(()));
    let late = Err(NotRedrivable::PeriodExceeded);
    assert_eq!(sim.run.redrivable(at(days + 1)), late);

    let mut old = Sim::started(&one(r#""Type":"Wait","Seconds":99"#), "1");
    let not_yet = Err(NotRedrivable::Running);
    assert_eq!(old.run.redrivable(old.now), not_yet);
    old.now.0 += NotRedrivable::OPEN_MS_MAX;
    old.step("stop -").unwrap();
    assert_eq!(old.run.redrivable(old.now), Err(NotRedrivable::TooOld));

    let good = Sim::started(&one(r#""Type":"Pass""#), "1");
    assert_eq!(good.run.redrivable(good.now), Err(NotRedrivable::Succeeded));
}

/// AWS's rule is fewer than 24,999 events of 25,000.
#[test]
fn a_history_that_is_full() {
    let with = |history_events_max: u32| {
        let mut start = start_of("1");
        start.limits = Limits {
            history_events_max,
            ..Limits::default()
        };
        let task = one(&format!(r#""Type":"Task","Resource":"{FUNCTION}""#));
        let mut sim = Sim::started_with(&task, start);
        sim.step("fail E C").unwrap();
        assert_eq!(sim.run.last_event, 6);
        sim.run.redrivable(sim.now)
    };
    assert_eq!(with(7), Err(NotRedrivable::EventLimit));
    assert_eq!(with(8), Ok(()));
}

#[test]
fn the_same_token_is_the_same_redrive() {
    let mut sim = failed();
    let first = sim.now;
    sim.step("redrive again").unwrap();
    let repeated = Refusal::AlreadyRedriven { at: first };
    assert_eq!(sim.step("redrive again"), Err(repeated));
    sim.step("fail E C").unwrap();
    sim.now.0 += Redrives::TOKEN_MS_MAX - 1;
    assert_eq!(sim.step("redrive again"), Err(repeated));
    sim.now.0 += 1;
    sim.step("redrive again").unwrap();
    assert_eq!(
        (sim.run.redrives.count, sim.run.redrives.last_at),
        (2, Some(sim.now))
    );
}

#[test]
fn ten_tokens_are_remembered() {
    let mut sim = failed();
    let first = sim.now;
    for number in 0..11 {
        sim.step(&format!("redrive {number}")).unwrap();
        sim.step("fail E C").unwrap();
    }
    let remembered = |token: &str| sim.run.redrives.repeated(token, first);
    assert_eq!((remembered("0"), remembered("1")), (None, Some(first)));
    assert_eq!(sim.run.redrives.tokens.len(), Redrives::TOKENS_MAX);
}

/// Results and scopes of threads that are kept count as before.
#[test]
fn variables_come_back() {
    let machine = states(&format!(
        r#""A":{{"Type":"Pass","Assign":{{"outer":"text"}},"Next":"P"}},
        "P":{{"Type":"Parallel","End":true,"Branches":[
          {{"StartAt":"X","States":{{
            "X":{{"Type":"Pass","Assign":{{"inner":[1,2]}},"Next":"T"}},
            "T":{{"Type":"Task","Resource":"{FUNCTION}","Next":"Y"}},
            "Y":{{"Type":"Pass","Parameters":{{"v.$":"$inner","o.$":"$outer"}},"End":true}}}}}},
          {{"StartAt":"U","States":{{
            "U":{{"Type":"Task","Resource":"{FUNCTION}","End":true}}}}}}]}}"#
    ));
    let mut sim = Sim::started(&machine, "1");
    let before = sim.run.variables_bytes;
    sim.step("fail@U E").unwrap();
    assert_eq!(sim.run.variables_bytes, 0);
    assert!(sim.run.branches.is_empty() && sim.run.owed_calls(&sim.program).is_empty());
    sim.step("redrive").unwrap();
    assert_eq!(sim.run.variables_bytes, before);
    sim.step("ok@U 7").unwrap();
    sim.step("ok@T 8").unwrap();
    let end = sim.run.end.as_ref().unwrap();
    assert_eq!(end.output, Some(value(r#"[{"v":[1,2],"o":"text"},7]"#)));
    assert!(end.remains.is_empty());
}

/// A job is owed its cancellation from the event that ended its attempt on, whatever comes.
#[test]
fn jobs_are_cancelled_until_they_were_told() {
    let mut sim = Sim::started(&one(&format!(r#""Type":"Task","Resource":"{JOB}""#)), "1");
    sim.step("submit {\"id\":1}").unwrap();
    assert_eq!(sim.run.owed_watches(&sim.program)[0].1, value("{\"id\":1}"));
    sim.step("stop -").unwrap();
    assert!(sim.run.owed_watches(&sim.program).is_empty());
    sim.step("redrive").unwrap();
    sim.step("stop -").unwrap();
    let owed = sim.run.owed_cancels(&sim.program);
    let owed: Vec<_> = owed
        .iter()
        .map(|(call, it)| (call.attempt, it.clone()))
        .collect();
    assert_eq!(owed, [(3, Some(value("{\"id\":1}"))), (8, None)]);
    let cancels = sim
        .effects
        .iter()
        .filter(|it| matches!(it, Effect::Cancel(..)));
    assert_eq!(cancels.count(), 2);
    sim.step("cancelled 3").unwrap();
    assert_eq!(sim.step("cancelled 3"), Err(Refusal::NotAwaited));
    sim.step("cancelled 8").unwrap();
    assert!(sim.run.owed_cancels(&sim.program).is_empty());
    assert!(matches!(
        sim.events.last().map(|(_, event)| &event.kind),
        Some(EventKind::JobCancelled { attempt: 8 })
    ));
}

/// Nothing of an activity's task is owed to anybody once a worker has it.
#[test]
fn a_task_that_was_picked_up_is_not_laid_out_again() {
    let task = one(&format!(
        r#""Type":"Task","Resource":"{ACTIVITY}","HeartbeatSeconds":3"#
    ));
    let mut sim = Sim::started(&task, "1");
    assert_eq!(sim.run.owed_calls(&sim.program).len(), 1);
    assert!(sim.run.heartbeats(&sim.program).is_empty());
    assert_eq!(sim.step("heartbeat"), Err(Refusal::NotAwaited));
    sim.step("pick w").unwrap();
    assert!(sim.run.owed_calls(&sim.program).is_empty());
    assert_eq!(sim.run.heartbeats(&sim.program), [(3, 3)]);
    assert_eq!(sim.step("pick w"), Err(Refusal::NotAwaited));
    sim.step("heartbeat").unwrap();
    let failure = sim.run.end.map(|end| end.failure);
    let timeout = Failure {
        error: Some("States.Timeout".into()),
        cause: None,
    };
    assert_eq!(failure, Some(timeout));
}
