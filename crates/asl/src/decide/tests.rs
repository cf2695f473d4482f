//! Scenarios: a definition, an input, what comes from outside, and the history that follows.
//!
//! Every decision is checked for what always holds: the run of a decision is the fold of its
//! events, ids are dense, previous ids name an earlier event or none, time never goes back.

mod data;
mod distributed;
mod jsonata;
mod laws;
mod limits;
mod map;
mod nesting;
mod parallel;
mod redrive;
mod retry;
mod simple;
mod task;
mod variables;

use std::collections::BTreeSet;

use json::Value;

use super::{Allowance, Decision, Effect, Input, Moment, Refusal, decide};
use crate::apply::apply;
use crate::compile::compile;
use crate::definition::{Catalogue, MachineType, Resolved};
use crate::event::{Event, EventKind, Failure, Start, Text};
use crate::history;
use crate::limits::Limits;
use crate::program::{Pattern, Program, Resource, ResourceFamily};
use crate::run::{Activity, Branch, Cancel, Phase, Run};
use crate::time::Timestamp;

pub(crate) const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

pub(crate) const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:a";
pub(crate) const JOB: &str = "arn:aws:states:::lambda:job.sync";

/// An activity, a job, Lambda functions, and `lambda:invoke` with and without a token.
pub(crate) struct Lambda;

impl Catalogue for Lambda {
    fn resolve(&self, resource: &str) -> Resolved {
        let service = |resource: &str| ResourceFamily::Service {
            resource_type: "lambda".into(),
            resource: resource.into(),
        };
        let (family, pattern) = match resource {
            FUNCTION => (ResourceFamily::LambdaFunction, Pattern::RequestResponse),
            "arn:aws:states:::lambda:invoke" => (service("invoke"), Pattern::RequestResponse),
            "arn:aws:states:::lambda:invoke.waitForTaskToken" => (
                service("invoke.waitForTaskToken"),
                Pattern::WaitForTaskToken,
            ),
            JOB => (service("job.sync"), Pattern::RunJob),
            ACTIVITY => (ResourceFamily::Activity, Pattern::RequestResponse),
            _ => return Resolved::Unknown,
        };
        Resolved::Task(Resource {
            arn: resource.into(),
            family,
            pattern,
        })
    }
}

pub(crate) fn program(definition: &str) -> Program {
    let compiled = compile(definition, MachineType::Standard, &Lambda);
    compiled
        .program
        .unwrap_or_else(|| panic!("{definition}: {:?}", compiled.diagnostics))
}

/// A machine that starts at the state `A`.
pub(crate) fn states(states: &str) -> String {
    format!(r#"{{"StartAt":"A","States":{{{states}}}}}"#)
}

/// A machine of the one state `A`, which ends it; `fields` are its fields.
pub(crate) fn one(fields: &str) -> String {
    states(&format!(r#""A":{{"End":true,{fields}}}"#))
}

pub(crate) fn value(text: &str) -> Value {
    json::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn start_of(input: &str) -> Start {
    Start {
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:m:e".into(),
        execution_name: "e".into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".into(),
        state_machine_name: "m".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        definition: 1,
        input: value(input),
        input_text: None,
        trace_header: None,
        started_by: None,
        tags: None,
        mock_case: None,
        kind: crate::event::ExecutionKind::Standard,
        limits: Limits::default(),
        token_secret: [7; 16],
    }
}

/// One execution, driven by hand.
pub(crate) struct Sim {
    pub(crate) program: Program,
    pub(crate) run: Run,
    pub(crate) now: Timestamp,
    pub(crate) random: u64,
    pub(crate) allowance: Allowance,
    pub(crate) events: Vec<(Timestamp, Event)>,
    pub(crate) effects: Vec<Effect>,
    /// The attempts under way.
    called: BTreeSet<u64>,
}

impl Sim {
    pub(crate) fn new(definition: &str) -> Sim {
        Sim {
            program: program(definition),
            run: Run::default(),
            now: Timestamp(1_700_000_000_000),
            random: 0,
            allowance: Allowance::Inline,
            events: Vec::new(),
            effects: Vec::new(),
            called: BTreeSet::new(),
        }
    }

    /// Started with this input.
    pub(crate) fn started(definition: &str, input: &str) -> Sim {
        Sim::started_with(definition, start_of(input))
    }

    pub(crate) fn started_with(definition: &str, start: Start) -> Sim {
        let mut sim = Sim::new(definition);
        sim.send(Input::Start(Box::new(start))).unwrap();
        sim
    }

    /// Decides, checks what always holds, and goes on with the decided run.
    pub(crate) fn send(&mut self, input: Input) -> Result<(), Refusal> {
        let moment = Moment {
            now: self.now,
            random: self.random,
            allowance: self.allowance,
        };
        let before = self.run.clone();
        let answered = match &input {
            Input::TaskSucceeded { attempt, .. } | Input::TaskFailed { attempt, .. } => {
                Some(*attempt)
            }
            _ => None,
        };
        let decision = decide(&self.program, &self.run, moment, input)?;
        assert_eq!(self.run, before, "the run given stays as it is");
        self.check_laws(&decision);
        let Decision {
            time,
            events,
            effects,
            run,
            ..
        } = decision;
        self.run = run;
        self.events
            .extend(events.into_iter().map(|event| (time, event)));
        self.check_calls(&answered, &effects);
        self.effects.extend(effects);
        Ok(())
    }

    /// What the run owes is what it called, less what was answered or abandoned.
    fn check_calls(&mut self, answered: &Option<u64>, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Call(call) => assert!(self.called.insert(call.attempt), "called twice"),
                Effect::Abandon { attempt } => {
                    assert!(self.called.remove(attempt), "{attempt} was not under way");
                }
                Effect::Watch { call, .. } => assert!(self.run.is_awaited(call.attempt)),
                Effect::Cancel(call, _) => {
                    let owed = |cancel: &Cancel| cancel.attempt == call.attempt;
                    assert!(self.run.cancels.iter().any(owed));
                }
            }
        }
        let awaited = |attempt: &u64| self.run.is_awaited(*attempt);
        self.called
            .retain(|attempt| Some(*attempt) != *answered || awaited(attempt));
        let threads = self
            .run
            .branches
            .iter()
            .filter_map(|thread| thread.calling());
        let calling: BTreeSet<u64> = threads.map(|(_, calling)| calling.attempt).collect();
        assert_eq!(self.called, calling);
    }

    fn check_laws(&self, decision: &Decision) {
        assert!(
            !decision.events.is_empty(),
            "a decision without events is a refusal"
        );
        assert!(decision.time >= self.run.time && decision.time >= self.now);
        assert_eq!(decision.yielded, decision.run.is_yielded());
        let mut fold = self.run.clone();
        for event in &decision.events {
            assert_eq!(event.kind.is_internal(), event.id == 0);
            if let EventKind::BranchesCut = event.kind {
                assert!(event.previous <= fold.last_event);
            } else if event.id == 0 {
                assert_eq!(event.previous, 0);
            } else {
                assert_eq!(event.id, fold.last_event + 1, "ids are dense");
                assert!(event.previous < event.id);
            }
            let may_follow_the_end = matches!(
                event.kind,
                EventKind::ExecutionRedriven { .. } | EventKind::JobCancelled { .. }
            );
            assert!(fold.end.is_none() || may_follow_the_end);
            apply(&mut fold, decision.time, event);
        }
        assert_eq!(decision.run, fold, "the run is the fold of its events");
        check_threads(&decision.run);
        assert_eq!(
            decision.run.end.is_some(),
            decision.run.status.is_terminal()
        );
    }

    /// The attempt that is awaited first of all.
    pub(crate) fn attempt(&self) -> u64 {
        let calling = self.run.branches.iter().find_map(|thread| thread.calling());
        calling.map_or(0, |(_, calling)| calling.attempt)
    }

    /// The attempt awaited in a state: `T`, or `T/2` in the third branch or iteration.
    fn attempt_at(&self, place: &str) -> u64 {
        let (name, index) = place.split_once('/').unwrap_or((place, ""));
        let mut threads = self.run.branches.iter();
        let calling = threads.find_map(|thread| {
            let (visit, calling) = thread.calling()?;
            let at = thread.parent.map(|parent| parent.index.to_string());
            let is_there = *self.program.state(visit.state)?.name == *name
                && (index.is_empty() || at.as_deref() == Some(index));
            is_there.then_some(calling)
        });
        calling
            .unwrap_or_else(|| panic!("no call at {place}"))
            .attempt
    }

    /// One step of a scenario:
    /// `ok JSON`, `submit JSON`, `fail ERROR CAUSE` (`-` for none), `due` (the clock goes to the
    /// next deadline), `heartbeat`, `stop ERROR CAUSE`, `continue`, `pick WORKER`, `cancelled
    /// ATTEMPT`, `redrive TOKEN`, `admitted`. What answers a call may name
    /// the state: `ok@T JSON`, `ok@T/2 JSON` in the third branch or iteration.
    pub(crate) fn step(&mut self, step: &str) -> Result<(), Refusal> {
        let (word, rest) = step.split_once(' ').unwrap_or((step, ""));
        let (word, attempt) = match word.split_once('@') {
            Some((word, place)) => (word, self.attempt_at(place)),
            None => (word, self.attempt()),
        };
        let input = match word {
            "ok" => Input::TaskSucceeded {
                attempt,
                output: value(rest),
            },
            "submit" => Input::TaskSubmitted {
                attempt,
                response: value(rest),
            },
            "pick" => Input::ActivityPickedUp {
                attempt,
                worker_name: (!rest.is_empty()).then(|| rest.into()),
            },
            "cancelled" => Input::JobCancelled {
                attempt: rest.parse().unwrap(),
            },
            "redrive" => Input::Redrive {
                client_token: (!rest.is_empty()).then(|| rest.into()),
            },
            "admitted" => Input::Admitted,
            "fail" => Input::TaskFailed {
                attempt,
                failure: failure(rest),
            },
            "heartbeat" => Input::HeartbeatMissed { attempt },
            "stop" => Input::Stop(failure(rest)),
            "continue" => Input::Continue,
            "due" => {
                self.now = self.run.deadline().expect("a deadline");
                Input::DeadlineReached
            }
            _ => panic!("no such step: {step}"),
        };
        self.send(input)
    }

    /// Like [`Sim::history`], with the names of states, the indices of iterations and the variables
    /// assigned.
    pub(crate) fn story(&self) -> Vec<String> {
        let shown = self.events.iter().filter(|(_, event)| event.id != 0);
        shown
            .map(|(_, event)| {
                let name = |state| self.program.state(state).map_or("", |state| &state.name);
                let detail = match &event.kind {
                    EventKind::StateEntered { state, input } => {
                        format!(" {} {input}", name(*state))
                    }
                    EventKind::StateExited {
                        assigned: Some(assigned),
                        ..
                    } => format!(" assigned {}", Value::from(assigned.clone())),
                    EventKind::MapIterationStarted { index, .. }
                    | EventKind::MapIterationSucceeded { index, .. }
                    | EventKind::MapIterationFailed { index, .. }
                    | EventKind::MapIterationAborted { index, .. } => format!(" {index}"),
                    _ => String::new(),
                };
                line(&self.program, event) + &detail
            })
            .collect()
    }

    /// One line per event that AWS shows: `id<previous Type`, then what it carries.
    pub(crate) fn history(&self) -> Vec<String> {
        let shown = self.events.iter().filter(|(_, event)| event.id != 0);
        shown.map(|(_, event)| line(&self.program, event)).collect()
    }
}

/// What holds for the threads of a run after every decision.
fn check_threads(run: &Run) {
    assert!(run.branches.is_sorted_by_key(|thread| thread.id));
    let youngest = run.branches.last().map_or(0, |thread| thread.id.0);
    assert!(youngest <= run.last_branch);
    let mut variables_bytes = 0;
    for thread in &run.branches {
        variables_bytes += variables_bytes_of(thread);
        let below = run.branches.iter().filter_map(|it| it.parent);
        let below = below.filter(|parent| parent.branch == thread.id).count();
        let live = thread.forked().map_or(0, |(_, forked)| forked.live);
        assert_eq!(u32::try_from(below), Ok(live), "{thread:?}");
        match &thread.phase {
            Phase::Begun { .. } | Phase::Yielded { .. } => {}
            Phase::Between { .. } => panic!("between states: {thread:?}"),
            Phase::In(visit) => match &visit.activity {
                Activity::Waiting { .. } | Activity::Calling(_) | Activity::BackingOff { .. } => {}
                Activity::Forked(forked) => assert!(forked.live > 0 || thread.is_ready()),
                Activity::Entered => assert!(run.redrives.count > 0),
                _ => panic!("nothing will wake it: {thread:?}"),
            },
        }
        if let Some(parent) = thread.parent {
            assert!(parent.branch < thread.id && run.branch(parent.branch).is_some());
        }
    }
    assert_eq!(run.variables_bytes, variables_bytes);
}

fn variables_bytes_of(thread: &Branch) -> u64 {
    let text = Value::from(thread.variables.clone()).to_text();
    u64::try_from(text.len()).unwrap() - 2
}

/// `ERROR CAUSE`; `-` stands for none.
fn failure(text: &str) -> Failure {
    let (error, cause) = text.split_once(' ').unwrap_or((text, "-"));
    let part = |part: &str| (part != "-").then(|| Text::from(part));
    Failure {
        error: part(error),
        cause: part(cause),
    }
}

fn line(program: &Program, event: &Event) -> String {
    let name = history::type_name(program, &event.kind).expect("a type");
    let carried = match &event.kind {
        EventKind::ExecutionStarted(_)
        | EventKind::StateEntered { .. }
        | EventKind::TaskStarted { .. } => String::new(),
        EventKind::ExecutionSucceeded { output }
        | EventKind::StateExited { output, .. }
        | EventKind::TaskSubmitted { output, .. }
        | EventKind::TaskSucceeded { output, .. } => format!(" {output}"),
        EventKind::TaskScheduled { parameters, .. } => format!(" {parameters}"),
        EventKind::ExecutionFailed(failure)
        | EventKind::ExecutionAborted(failure)
        | EventKind::ExecutionTimedOut(failure)
        | EventKind::TaskFailed { failure, .. }
        | EventKind::TaskTimedOut { failure, .. } => {
            let part = |part: &Option<Text>| part.clone().unwrap_or("-".into());
            format!(" {} {}", part(&failure.error), part(&failure.cause))
        }
        EventKind::EvaluationFailed {
            failure, location, ..
        } => {
            let location = location.as_deref().unwrap_or("-");
            format!(" {location} {}", failure.cause.as_deref().unwrap_or("-"))
        }
        _ => String::new(),
    };
    format!("{}<{} {name}{carried}", event.id, event.previous)
}

/// The history of an execution from its second event on.
pub(crate) fn check(definition: &str, input: &str, steps: &[&str], expected: &[&str]) {
    let mut sim = Sim::started(definition, input);
    for step in steps {
        sim.step(step)
            .unwrap_or_else(|refusal| panic!("{step}: {refusal:?}"));
    }
    let history = sim.history();
    assert_eq!(history[0], "1<0 ExecutionStarted");
    assert_eq!(history[1..], *expected, "{definition}");
}

/// The last event of an execution: `Type ERROR CAUSE` or `Type OUTPUT`.
pub(crate) fn check_end(definition: &str, input: &str, steps: &[&str], expected: &str) {
    let mut sim = Sim::started(definition, input);
    for step in steps {
        sim.step(step)
            .unwrap_or_else(|refusal| panic!("{step}: {refusal:?}"));
    }
    let history = sim.history();
    let last = history
        .last()
        .and_then(|line| line.split_once(' '))
        .expect("a line")
        .1;
    assert_eq!(last, expected, "{definition} {input}");
}

/// The whole [`Sim::story`] of an execution from its second event on, one event a line.
pub(crate) fn check_story(definition: &str, input: &str, steps: &[&str], expected: &str) -> Sim {
    let mut sim = Sim::started(definition, input);
    for step in steps {
        sim.step(step)
            .unwrap_or_else(|refusal| panic!("{step}: {refusal:?}"));
    }
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    let expected: Vec<&str> = expected.into_iter().filter(|it| !it.is_empty()).collect();
    let story = sim.story();
    assert_eq!(story[1..], *expected, "\n{}\n", story[1..].join("\n"));
    sim
}
