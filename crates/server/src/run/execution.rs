//! One execution from start to end, in this process: decide, answer, wait, decide again.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use asl::decide::{Allowance, Call, Effect, Input, Moment, decide};
use asl::event::{BranchId, Event, EventId, Start};
use asl::program::{Program, ResourceFamily};
use asl::run::{Deadline, Run};
use asl::time::Timestamp;
use engine::{Clock, SystemClock};

use crate::mocks;

/// Sleeps are cut in pieces of this length, so that a clock that was set, or a laptop that slept,
/// is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What the execution asks of the outside, and tells it.
pub(crate) trait Outside {
    /// How a call ends: its result, or that of the job or callback it began.
    fn outcome(&mut self, call: &Call) -> Result<Input>;
    /// An event happened.
    fn happened(&mut self, time: Timestamp, event: &Event);
    /// Nothing happens until then; `thread` is the one that goes on, if it is one.
    fn waits(&mut self, now: Timestamp, until: Timestamp, thread: Option<BranchId>);
}

/// The time an execution lives in.
#[derive(Debug)]
pub(crate) enum Time {
    /// That of the machine: a Wait takes as long as it says.
    Real,
    /// Begins as the machine's and jumps to the next deadline whenever nothing else happens.
    Virtual(Timestamp),
}

impl Time {
    pub(crate) fn virtual_now() -> Time {
        Time::Virtual(SystemClock.now())
    }

    fn now(&self) -> Timestamp {
        match self {
            Time::Real => SystemClock.now(),
            Time::Virtual(now) => *now,
        }
    }

    fn pass_until(&mut self, instant: Timestamp) {
        match self {
            Time::Virtual(now) => *now = instant.max(*now),
            Time::Real => {
                while let Ok(left) = u64::try_from(instant.0.saturating_sub(self.now().0))
                    && left > 0
                {
                    std::thread::sleep(Duration::from_millis(left).min(SLEEP_MAX));
                }
            }
        }
    }
}

/// What an attempt still has coming.
enum Owed {
    Answer(Call),
    /// The end of what was taken on: a job, a callback, an activity's task.
    Outcome(EventId, Input),
}

impl Owed {
    fn attempt(&self) -> EventId {
        match self {
            Owed::Answer(call) => call.attempt,
            Owed::Outcome(attempt, _) => *attempt,
        }
    }
}

/// Runs an execution to its end.
///
/// # Errors
/// Those of [`Outside::outcome`]: the execution is given up where it stands.
pub(crate) fn execute(
    program: &Program,
    start: Start,
    time: &mut Time,
    outside: &mut dyn Outside,
) -> Result<Run> {
    let mut run = Run::default();
    let mut owed: VecDeque<Owed> = VecDeque::new();
    let mut input = Input::Start(Box::new(start));
    loop {
        let moment = Moment {
            now: time.now(),
            random: random()?,
            // Nobody else waits for this thread.
            allowance: Allowance::Full,
        };
        let decision = decide(program, &run, moment, input)
            .map_err(|_| anyhow!("Lockstep lost track of the execution; please report this"))?;
        for event in &decision.events {
            outside.happened(decision.time, event);
        }
        for effect in decision.effects {
            match effect {
                Effect::Call(call) => owed.push_back(Owed::Answer(call)),
                // How a job ends is known since its call, and there is none to be stopped.
                Effect::Watch { .. } | Effect::Cancel(..) => {}
                Effect::Abandon { attempt } => owed.retain(|it| it.attempt() != attempt),
            }
        }
        run = decision.run;
        if run.status.is_terminal() {
            return Ok(run);
        }
        // A deadline that has come is taken first, or a machine that never rests would never end.
        input = match run.next_deadline() {
            Some((at, _)) if at <= time.now() => Input::DeadlineReached,
            _ if run.is_yielded() => Input::Continue,
            deadline => match (owed.pop_front(), deadline) {
                (Some(Owed::Answer(call)), _) => {
                    let outcome = outside.outcome(&call)?;
                    match taken_on(&call) {
                        Some(first) => {
                            owed.push_back(Owed::Outcome(call.attempt, outcome));
                            first
                        }
                        None => outcome,
                    }
                }
                (Some(Owed::Outcome(_, outcome)), _) => outcome,
                (None, Some((at, whose))) => {
                    let thread = match whose {
                        Deadline::Thread(thread) => Some(thread),
                        Deadline::Execution => None,
                    };
                    if let Time::Real = time {
                        outside.waits(time.now(), at, thread);
                    }
                    time.pass_until(at);
                    Input::DeadlineReached
                }
                (None, None) => bail!("the execution waits for nothing and does not end"),
            },
        };
    }
}

/// What comes before the outcome: a worker takes the task, or the call that starts a job or a
/// callback answers.
fn taken_on(call: &Call) -> Option<Input> {
    let attempt = call.attempt;
    if call.resource.family == ResourceFamily::Activity {
        let worker_name = None;
        return Some(Input::ActivityPickedUp {
            attempt,
            worker_name,
        });
    }
    mocks::is_submitted(call).then(|| Input::TaskSubmitted {
        attempt,
        response: mocks::submission(),
    })
}

fn random() -> Result<u64> {
    getrandom::u64().context("the system gives no random numbers")
}
