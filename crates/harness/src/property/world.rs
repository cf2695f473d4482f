//! What comes for an execution: answers of every kind in any order, late, twice and to nobody, time
//! that passes, and now and then a stop.

use asl::decide::{Allowance, Input, Moment};
use asl::event::{EventId, Failure, Text};
use asl::limits::Limits;
use asl::program::{Pattern, ResourceFamily};
use asl::time::Timestamp;

use super::definition;
use crate::cases::{Commit, Settings, Sim};
use crate::dice::Dice;

/// Inputs after which an execution is stopped.
const INPUTS_MAX: usize = 1_500;

/// Redrives of one execution.
const REDRIVES_MAX: u64 = 4;

/// One input, and what it caused.
pub(super) struct Step {
    pub(super) moment: Moment,
    pub(super) input: Input,
    /// `None` if it was refused.
    pub(super) commit: Option<Commit>,
    /// How things stood after it.
    pub(super) after: Sim,
}

/// An execution from its start to its end.
pub(super) struct Life {
    pub(super) definition: String,
    pub(super) begin: Sim,
    pub(super) steps: Vec<Step>,
    /// Inputs that the small allowance was not enough for.
    pub(super) heavy: usize,
}

pub(super) fn live(seed: u64) -> Life {
    let mut dice = Dice::new(seed);
    let definition = definition::draw(&mut dice);
    let begin = Sim::of(&format!("seed {seed}: {definition}"), &definition);
    let mut world = World {
        sim: begin.clone(),
        now: Timestamp(1_767_225_600_000),
        dice,
        steps: Vec::new(),
        heavy: 0,
    };
    world.run();
    Life {
        definition,
        begin,
        steps: world.steps,
        heavy: world.heavy,
    }
}

struct World {
    sim: Sim,
    now: Timestamp,
    dice: Dice,
    steps: Vec<Step>,
    heavy: usize,
}

/// A call that something may come for.
#[derive(Clone, Copy)]
struct Open {
    attempt: EventId,
    pattern: Pattern,
    is_activity: bool,
}

impl World {
    fn run(&mut self) {
        let limits = Limits {
            history_events_max: self.dice.pick(&[60, 500, 500, 25_000]),
            transitions_per_decision_max: self.dice.pick(&[1, 3, 20, 500]),
            map_concurrency_max: self.dice.pick(&[1, 2, 40]),
            payload_bytes_max: self.dice.pick(&[300, 2_000, 262_144, 262_144, 262_144]),
            variables_bytes_max: self.dice.pick(&[80, 10 << 20, 10 << 20, 10 << 20]),
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let input = definition::input(&mut self.dice);
        self.take(Input::Start(Box::new(settings.start("drawn", &input))));
        self.go_on();
        for _ in 0..self.dice.below(REDRIVES_MAX) {
            if self.steps.len() > INPUTS_MAX || !self.redrives() {
                break;
            }
            self.go_on();
        }
        // The end is the end.
        for input in [Input::Continue, Input::DeadlineReached] {
            self.take(input);
        }
        while let Some(input) = self.cancelled() {
            self.take(input);
        }
    }

    /// To the end.
    fn go_on(&mut self) {
        while self.sim.run.end.is_none() {
            self.check_progress();
            let stops = self.steps.len() > INPUTS_MAX || self.dice.one_in(150);
            let input = match stops {
                true => Input::Stop(Failure::default()),
                false => self.draw(),
            };
            self.take(input);
        }
    }

    /// Redrives an execution, if it can be.
    fn redrives(&mut self) -> bool {
        self.now.0 += i64::try_from(self.dice.below(100_000)).unwrap();
        let client_token = self.dice.one_in(2).then(|| Text::from("token"));
        self.take(Input::Redrive { client_token });
        self.sim.run.end.is_none()
    }

    /// A job that is to be stopped was told so.
    fn cancelled(&mut self) -> Option<Input> {
        let owed = &self.sim.run.cancels;
        let attempts: Vec<EventId> = owed.iter().map(|cancel| cancel.attempt).collect();
        let attempt = (!attempts.is_empty()).then(|| self.dice.pick(&attempts))?;
        Some(Input::JobCancelled { attempt })
    }

    /// Something will go on by itself, or somebody is waited for.
    fn check_progress(&self) {
        let run = &self.sim.run;
        let has_calls = run.branches.iter().any(|thread| thread.calling().is_some());
        let goes_on = run.is_yielded() || run.deadline().is_some() || has_calls;
        assert!(goes_on, "nothing will go on: {:#?}", run.branches);
    }

    fn draw(&mut self) -> Input {
        self.now.0 += i64::try_from(self.dice.below(1_500)).unwrap();
        if self.sim.run.is_yielded() && !self.dice.one_in(5) {
            return Input::Continue;
        }
        if self.dice.one_in(8)
            && let Some(cancelled) = self.cancelled()
        {
            return cancelled;
        }
        let open = self.open();
        let deadline = self.sim.run.deadline();
        match (self.dice.below(8), open.is_empty(), deadline) {
            // To nobody, or of the past.
            (0, _, _) => {
                let open = Open {
                    attempt: self.sim.run.last_event.saturating_sub(5),
                    pattern: Pattern::WaitForTaskToken,
                    is_activity: self.dice.one_in(2),
                };
                self.answer(open)
            }
            (1 | 2, _, Some(at)) | (_, true, Some(at)) => {
                let late = self.dice.pick(&[0, 0, 0, 700, 20_000]);
                self.now = self.now.max(Timestamp(at.0 + late));
                Input::DeadlineReached
            }
            (_, false, _) => {
                let open = self.dice.pick(&open);
                self.answer(open)
            }
            _ => Input::Continue,
        }
    }

    fn open(&self) -> Vec<Open> {
        let threads = self.sim.run.branches.iter();
        let of = |(state, attempt)| {
            let resource = self.sim.resource(state)?;
            Some(Open {
                attempt,
                pattern: resource.pattern,
                is_activity: resource.family == ResourceFamily::Activity,
            })
        };
        let calling = threads.filter_map(|thread| thread.calling());
        calling
            .map(|(visit, calling)| (visit.state, calling.attempt))
            .filter_map(of)
            .collect()
    }

    fn answer(&mut self, open: Open) -> Input {
        let attempt = open.attempt;
        let mark = self.steps.len();
        match self.dice.below(12) {
            0 | 1 => {
                let error = self.dice.pick(&["Busy", "Broken", "States.Timeout"]);
                let error = (!self.dice.one_in(8)).then(|| Text::from(error));
                let cause = self.dice.one_in(2).then(|| format!("at {mark}").into());
                let failure = Failure { error, cause };
                Input::TaskFailed { attempt, failure }
            }
            2 if self.dice.one_in(2) => Input::HeartbeatMissed { attempt },
            2..=7 if open.is_activity => Input::ActivityPickedUp {
                attempt,
                worker_name: self.dice.one_in(2).then(|| "worker".into()),
            },
            2..=6 if open.pattern != Pattern::RequestResponse => Input::TaskSubmitted {
                attempt,
                response: u64::try_from(mark).unwrap().into(),
            },
            7 if self.dice.one_in(3) => Input::TaskSucceeded {
                attempt,
                output: "x".repeat(300).as_str().into(),
            },
            _ => Input::TaskSucceeded {
                attempt,
                output: json::parse(&format!(r#"{{"mark": {mark}, "half": 0.50}}"#)).unwrap(),
            },
        }
    }

    /// Decides an input as the engine does: on the fast lane, and if that refuses, on the slow one.
    fn take(&mut self, input: Input) {
        let mut moment = Moment {
            now: self.now,
            random: self.dice.draw(),
            allowance: Allowance::Inline,
        };
        if self.sim.is_too_heavy(moment, &input) {
            self.heavy += 1;
            moment.allowance = Allowance::Full;
        }
        let (_, commit) = self.sim.take(moment, &input);
        self.steps.push(Step {
            moment,
            input,
            commit,
            after: self.sim.clone(),
        });
    }
}
