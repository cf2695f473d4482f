//! The inputs of a case.
//!
//! ```text
//! [+5s|+200ms|-1s] what           the time since the input before; none: the same instant
//!   start JSON                    StartExecution
//!   due                           the next deadline, at its time
//!   due WHO                       the deadline of one thread
//!   deadline                      DeadlineReached, due or not
//!   continue                      a run that yielded goes on
//!   continue to the end           as often as it yields
//!   stop [ERROR [CAUSE]]          StopExecution; `-` for a part that is not given
//!   task WHO succeeds JSON
//!   task WHO fails [ERROR [CAUSE]]
//!   task WHO submitted JSON       the call of the callback or job pattern answered
//!   task WHO served JSON succeeds ..  likewise, with what served the call: `function` and
//!                                 `rolePolicies`, without white space
//!   task WHO misses its heartbeat
//!   task WHO picked up [by NAME]  a worker took the task of an activity
//!   cancelled ATTEMPT             its job was told to stop
//!   admitted                      a queued execution may go on
//!   redrive [TOKEN]               RedriveExecution
//! ```
//!
//! WHO is an attempt, the id of its Scheduled event (`3`), or the state a thread is in (`A`); where
//! several are in it, the index of the branch or iteration follows (`A[2]`), with those around it
//! if that does not tell (`A[0][2]`).

use asl::decide::Input;
use asl::event::{EventId, Failure, Served, Text};
use asl::time::Timestamp;
use json::Value;

use super::Sim;
use super::file::Case;
use super::render::expand;

/// When an input comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Milliseconds after the input before.
    After(i64),
    /// At the next deadline.
    Due,
    /// At the deadline of one thread.
    DueOf(Place),
}

/// The state a thread is in, and the last indices of the branches and iterations it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) state: String,
    pub(crate) indices: Vec<u32>,
}

/// Whose call something came for.
#[derive(Debug)]
enum Who {
    Attempt(EventId),
    At(Place),
}

/// A `>` line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) when: When,
    pub(super) repeats: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    Start(String),
    Task(Who, Came),
    /// Any other input.
    Other(Input),
}

/// What came for a call.
#[derive(Clone, Debug)]
enum Came {
    Succeeded(Value),
    Submitted(Value),
    Failed(Failure),
    HeartbeatMissed,
    PickedUp(Option<Text>),
    Served(Box<Served>, Box<Came>),
}

/// The time of the inputs.
pub(super) struct Clock(Timestamp);

impl Default for Clock {
    /// 2026-01-01T00:00:00Z
    fn default() -> Clock {
        Clock(Timestamp(1_767_225_600_000))
    }
}

impl Clock {
    pub(super) fn advance(&mut self, ms: i64) -> Timestamp {
        self.set(Timestamp(self.0.0 + ms))
    }

    pub(super) fn set(&mut self, time: Timestamp) -> Timestamp {
        self.0 = time;
        time
    }
}

impl Line {
    pub(super) fn now(&self, clock: &mut Clock, sim: &Sim) -> Result<Timestamp, String> {
        Ok(match &self.when {
            When::After(ms) => clock.advance(*ms),
            When::Due => clock.set(sim.run.deadline().ok_or("nothing is due")?),
            When::DueOf(place) => clock.set(sim.deadline(place)?),
        })
    }

    pub(super) fn input(&self, case: &Case, sim: &Sim) -> Result<Input, String> {
        Ok(match &self.what {
            What::Start(text) => Input::Start(Box::new(case.start(text))),
            What::Task(who, came) => {
                let attempt = match who {
                    Who::Attempt(attempt) => *attempt,
                    Who::At(place) => sim.attempt(place)?,
                };
                came.input(attempt)
            }
            What::Other(input) => input.clone(),
        })
    }
}

impl Came {
    fn input(&self, attempt: EventId) -> Input {
        match self.clone() {
            Came::Succeeded(output) => Input::TaskSucceeded { attempt, output },
            Came::Submitted(response) => Input::TaskSubmitted { attempt, response },
            Came::Failed(failure) => Input::TaskFailed { attempt, failure },
            Came::HeartbeatMissed => Input::HeartbeatMissed { attempt },
            Came::PickedUp(worker_name) => Input::ActivityPickedUp {
                attempt,
                worker_name,
            },
            Came::Served(served, came) => Input::Served {
                attempt,
                served,
                answer: Box::new(came.input(attempt)),
            },
        }
    }
}

pub(super) fn parse(line: &str) -> Result<Line, String> {
    let line = expand(line);
    let (after, what) = match line.split_once(' ') {
        Some((after, what)) if after.starts_with(['+', '-']) => (duration_ms(after)?, what),
        _ => (0, line.as_str()),
    };
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    let when = match (word, rest) {
        ("due", "") => When::Due,
        ("due", rest) => When::DueOf(place(rest)?),
        _ => When::After(after),
    };
    let what = match (word, rest) {
        ("start", text) => What::Start(text.to_owned()),
        ("task", rest) => task(rest)?,
        ("due", _) | ("deadline", "") => What::Other(Input::DeadlineReached),
        ("continue", "" | "to the end") => What::Other(Input::Continue),
        ("stop", rest) => What::Other(Input::Stop(failure(rest))),
        ("admitted", "") => What::Other(Input::Admitted),
        ("cancelled", attempt) => What::Other(Input::JobCancelled {
            attempt: attempt.parse().map_err(|_| "an attempt")?,
        }),
        ("redrive", token) => What::Other(Input::Redrive {
            client_token: (!token.is_empty()).then(|| token.into()),
        }),
        _ => return Err("no such input".into()),
    };
    let repeats = rest == "to the end";
    Ok(Line {
        when,
        repeats,
        what,
    })
}

fn task(text: &str) -> Result<What, String> {
    let (who, what) = text
        .split_once(' ')
        .ok_or("an attempt and what came for it")?;
    let who = match who.parse::<EventId>() {
        Ok(attempt) => Who::Attempt(attempt),
        Err(_) => Who::At(place(who)?),
    };
    Ok(What::Task(who, came(what)?))
}

fn came(what: &str) -> Result<Came, String> {
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    Ok(match (word, rest) {
        ("succeeds", output) => Came::Succeeded(value(output)?),
        ("served", rest) => {
            let (served, rest) = rest
                .split_once(' ')
                .ok_or("what served it, and what came")?;
            let served = value(served)?;
            let served = Served {
                function: served.get("function").cloned(),
                role_policies: served.get("rolePolicies").cloned(),
            };
            Came::Served(Box::new(served), Box::new(came(rest)?))
        }
        ("submitted", response) => Came::Submitted(value(response)?),
        ("fails", rest) => Came::Failed(failure(rest)),
        ("misses", "its heartbeat") => Came::HeartbeatMissed,
        ("picked", "up") => Came::PickedUp(None),
        ("picked", rest) => {
            let name = rest.strip_prefix("up by ").ok_or("`picked up by NAME`")?;
            Came::PickedUp(Some(name.into()))
        }
        _ => return Err("no such answer".into()),
    })
}

/// `A`, `A[2]`, `A[0][2]`
fn place(text: &str) -> Result<Place, String> {
    let mut parts = text.split('[');
    let state = parts.next().unwrap_or_default().to_owned();
    let index = |part: &str| {
        let number = part.strip_suffix(']').and_then(|part| part.parse().ok());
        number.ok_or_else(|| format!("`{text}`: a state and indices, as in `A[0][2]`"))
    };
    let indices = parts.map(index).collect::<Result<_, _>>()?;
    Ok(Place { state, indices })
}

fn value(text: &str) -> Result<Value, String> {
    json::parse(text).map_err(|error| error.to_string())
}

fn failure(text: &str) -> Failure {
    let (error, cause) = text.split_once(' ').unwrap_or((text, "-"));
    let part = |part: &str| match part {
        "-" | "" => None,
        "\"\"" => Some(Text::from("")),
        text => Some(Text::from(text)),
    };
    Failure {
        error: part(error),
        cause: part(cause),
    }
}

fn duration_ms(text: &str) -> Result<i64, String> {
    let (sign, amount) = match text.strip_prefix('-') {
        Some(amount) => (-1, amount),
        None => (1, text.trim_start_matches('+')),
    };
    let (number, unit) = match amount.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (amount.trim_end_matches('s'), 1_000),
    };
    number
        .parse::<i64>()
        .map(|n| sign * n * unit)
        .map_err(|_| format!("`{text}`: a duration"))
}
