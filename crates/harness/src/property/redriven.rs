//! Whatever breaks an execution, redriven it comes to the end it would have come to: nothing that
//! had succeeded is lost, nothing that had not is left out.

use asl::decide::{Allowance, Input, Moment};
use asl::event::{EventId, Failure};
use asl::program::ResourceFamily;
use asl::run::{Run, Status};
use asl::time::Timestamp;
use json::Value;

use super::definition;
use crate::cases::{Settings, Sim, indices};
use crate::dice::Dice;

/// Inputs after which an execution is too long to be compared.
const INPUTS_MAX: usize = 2_000;
/// How often an execution is broken.
const BREAKS_MAX: usize = 8;

/// Lives one execution twice: unbroken, and broken and redriven now and then. Every task succeeds.
/// Answers how often it was broken.
pub(super) fn check(seed: u64) -> Result<usize, String> {
    let mut dice = Dice::new(seed);
    let definition = definition::draw(&mut dice);
    let input = definition::input(&mut dice);
    // What is drawn at random is another each time.
    if ["andom(", "uuid(", "UUID("]
        .iter()
        .any(|it| definition.contains(it))
    {
        return Ok(0);
    }
    let name = format!("seed {seed}: {definition}");
    let mut unbroken = World::started(&name, &definition, &input);
    while unbroken.goes_on() {
        let input = unbroken.next();
        unbroken.take(&input);
    }
    let mut broken = World::started(&name, &definition, &input);
    while broken.goes_on() {
        if broken.breaks < BREAKS_MAX && dice.one_in(4) {
            broken.break_off(&mut dice);
            continue;
        }
        let input = broken.next();
        broken.take(&input);
    }
    let (expected, found) = (unbroken.end(), broken.end());
    // Its TimeoutSeconds start anew with each redrive.
    if expected == found || unbroken.sim.run.status == Status::TimedOut {
        return Ok(broken.breaks);
    }
    Err(format!("{name}\nunbroken {expected}\nbroken   {found}"))
}

struct World {
    sim: Sim,
    now: Timestamp,
    inputs: usize,
    breaks: usize,
}

impl World {
    fn started(name: &str, definition: &str, input: &str) -> World {
        let mut world = World {
            sim: Sim::of(name, definition),
            now: Timestamp(1_767_225_600_000),
            inputs: 0,
            breaks: 0,
        };
        let start = Settings::default().start("drawn", input);
        world.take(&Input::Start(Box::new(start)));
        world
    }

    fn goes_on(&self) -> bool {
        self.sim.run.end.is_none() && self.inputs < INPUTS_MAX
    }

    /// Stops the execution, or lets a task fail so that the execution does, and redrives it.
    fn break_off(&mut self, dice: &mut Dice) {
        let failure = |error: &str| Failure {
            error: Some(error.into()),
            cause: None,
        };
        let failure = match dice.below(4) {
            0 => failure("States.Runtime"),
            1 | 2 => failure("Unheard"),
            _ => failure("Stopped"),
        };
        let input = match self.call() {
            Some((attempt, _)) if failure.error.as_deref() != Some("Stopped") => {
                let failure = failure.clone();
                Input::TaskFailed { attempt, failure }
            }
            _ => Input::Stop(failure.clone()),
        };
        let before = self.sim.clone();
        self.take(&input);
        // A failure that something retries or catches is none that breaks.
        let end = self.sim.run.end.as_ref();
        if end.is_none_or(|end| end.failure != failure) {
            self.sim = before;
            let input = self.next();
            self.take(&input);
            return;
        }
        self.breaks += 1;
        self.take(&Input::Redrive { client_token: None });
    }

    /// What comes next: the answer for the first thread that calls, or time.
    fn next(&mut self) -> Input {
        if self.sim.run.is_yielded() {
            return Input::Continue;
        }
        if let Some((attempt, is_laid_out)) = self.call() {
            return match is_laid_out {
                true => Input::ActivityPickedUp {
                    attempt,
                    worker_name: None,
                },
                false => Input::TaskSucceeded {
                    attempt,
                    output: json::parse(r#"{"mark": 7, "half": 0.50}"#).unwrap(),
                },
            };
        }
        let due = self.sim.run.deadline().expect("something goes on");
        self.now = self.now.max(due);
        Input::DeadlineReached
    }

    /// The call of the first thread, and whether it is a task that no worker has picked up. First
    /// is who stands first in the definition, however often it was called.
    fn call(&self) -> Option<(EventId, bool)> {
        let run: &Run = &self.sim.run;
        let calls = run.branches.iter().filter_map(|thread| {
            let (visit, calling) = thread.calling()?;
            let resource = self.sim.resource(visit.state)?;
            let is_activity = resource.family == ResourceFamily::Activity;
            let is_laid_out = is_activity && !calling.is_picked_up();
            Some((indices(run, thread), calling.attempt, is_laid_out))
        });
        calls
            .min()
            .map(|(_, attempt, is_laid_out)| (attempt, is_laid_out))
    }

    fn take(&mut self, input: &Input) {
        let moment = Moment {
            now: self.now,
            random: 0,
            allowance: Allowance::Full,
        };
        self.inputs += 1;
        let (lines, commit) = self.sim.take(moment, input);
        assert!(commit.is_some(), "{input:?}: {lines:?}");
    }

    /// How it ended. The ids of events are others after a redrive.
    fn end(&self) -> String {
        let Some(end) = &self.sim.run.end else {
            return "not yet".to_owned();
        };
        let output = end.output.as_ref().map(Value::to_text).unwrap_or_default();
        let mut parts = output.split("event id #");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text.push_str(part.trim_start_matches(|char: char| char.is_ascii_digit()));
        }
        format!("{:?} {:?} {text}", self.sim.run.status, end.failure.error)
    }
}
