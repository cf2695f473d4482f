//! The inputs of a case.
//!
//! ```text
//! [+5s|+200ms|-1s] what           the time since the input before; none: the same instant
//!   start JSON                    StartExecution
//!   due                           the next deadline, at its time
//!   deadline                      DeadlineReached, due or not
//!   continue                      a run that yielded goes on
//!   continue to the end           as often as it yields
//!   stop [ERROR [CAUSE]]          StopExecution; `-` for a part that is not given
//!   task N succeeds JSON          N: the attempt, the id of its Scheduled event
//!   task N fails [ERROR [CAUSE]]
//!   task N submitted JSON         the call of the callback pattern answered
//!   task N misses its heartbeat
//! ```

use asl::decide::Input;
use asl::event::{EventId, Failure, Text};
use asl::time::Timestamp;
use json::Value;

use super::file::Case;
use super::render::expand;

/// When an input comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Milliseconds after the input before.
    After(i64),
    /// At the next deadline.
    Due,
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
    /// Any other input.
    Other(Input),
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
    pub(super) fn input(&self, case: &Case) -> Input {
        match &self.what {
            What::Start(text) => Input::Start(Box::new(case.start(text))),
            What::Other(input) => input.clone(),
        }
    }
}

pub(super) fn parse(line: &str) -> Result<Line, String> {
    let line = expand(line);
    let (after, what) = match line.split_once(' ') {
        Some((after, what)) if after.starts_with(['+', '-']) => (duration_ms(after)?, what),
        _ => (0, line.as_str()),
    };
    let when = if what == "due" {
        When::Due
    } else {
        When::After(after)
    };
    let repeats = what == "continue to the end";
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    let input = match (word, rest) {
        ("start", text) => {
            return Ok(Line {
                when,
                repeats,
                what: What::Start(text.to_owned()),
            });
        }
        ("due" | "deadline", "") => Input::DeadlineReached,
        ("continue", "" | "to the end") => Input::Continue,
        ("stop", rest) => Input::Stop(failure(rest)),
        ("task", rest) => task(rest)?,
        _ => return Err("no such input".into()),
    };
    Ok(Line {
        when,
        repeats,
        what: What::Other(input),
    })
}

fn task(text: &str) -> Result<Input, String> {
    let (attempt, what) = text
        .split_once(' ')
        .ok_or("an attempt and what came for it")?;
    let attempt: EventId = attempt.parse().map_err(|_| "the attempt is a number")?;
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    Ok(match (word, rest) {
        ("succeeds", output) => Input::TaskSucceeded {
            attempt,
            output: value(output)?,
        },
        ("submitted", response) => Input::TaskSubmitted {
            attempt,
            response: value(response)?,
        },
        ("fails", rest) => Input::TaskFailed {
            attempt,
            failure: failure(rest),
        },
        ("misses", "its heartbeat") => Input::HeartbeatMissed { attempt },
        _ => return Err("no such answer".into()),
    })
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
