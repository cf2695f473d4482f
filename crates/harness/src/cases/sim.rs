//! One execution, decided input by input.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::apply::apply;
use asl::decide::{Call, Decision, Effect, Input, Moment, Refusal};
use asl::decide::{Surroundings, begin_queued, decide_within, redrive_queued};
use asl::definition::MachineType;
use asl::event::{Event, EventId, EventKind, Text};
use asl::history;
use asl::program::{Pattern, Program, Resource, StateIndex, StateKind};
use asl::run::{Activity, Branch, Run};
use asl::time::Timestamp;
use asl::token;
use json::Value;
use services::states::Integrations;

use super::file::{Case, Settings};
use super::script::Place;
use super::{Commit, legal, render};

/// An execution and what the world around it would know.
#[derive(Clone)]
pub(crate) struct Sim {
    pub(crate) program: Arc<Program>,
    pub(crate) run: Run,
    /// Calls made and not answered, tasks of activities not picked up.
    outstanding: BTreeMap<EventId, Call>,
    /// Jobs whose end is awaited, and what the calls that started them answered.
    watched: BTreeMap<EventId, (Call, Value)>,
    /// Jobs that are to be stopped, likewise.
    cancelled: Vec<(Call, Option<Value>)>,
    /// Whether executions are queued when they start or are redriven.
    queues: bool,
    missing_activities: Vec<Text>,
    /// Whether the state machine is being deleted, once the execution has started.
    is_deleting: bool,
    /// The tokens given out, which no line shows as they are.
    tokens: Vec<(EventId, String)>,
    /// The type of each event so far.
    kinds: Arc<Vec<&'static str>>,
}

impl Sim {
    /// Not started.
    pub(crate) fn new(case: &Case) -> Sim {
        let Settings {
            queues,
            missing_activities,
            is_deleting,
            ..
        } = case.settings.clone();
        Sim {
            queues,
            missing_activities,
            is_deleting,
            ..Sim::of(&case.name, &case.definition)
        }
    }

    /// An execution of a definition, not started. `name` is for whoever has to find it.
    pub(crate) fn of(name: &str, definition: &str) -> Sim {
        let compiled = asl::compile::compile(definition, MachineType::Standard, &Integrations);
        let program = compiled
            .program
            .unwrap_or_else(|| panic!("{name}: {:#?}", compiled.diagnostics));
        Sim {
            program: Arc::new(program),
            run: Run::default(),
            outstanding: BTreeMap::new(),
            watched: BTreeMap::new(),
            cancelled: Vec::new(),
            queues: false,
            missing_activities: Vec::new(),
            is_deleting: false,
            tokens: Vec::new(),
            kinds: Arc::default(),
        }
    }

    /// The types of the events so far.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().copied()
    }

    /// What the Task of a state calls.
    pub(crate) fn resource(&self, state: StateIndex) -> Option<&Resource> {
        match &self.program.state(state)?.kind {
            StateKind::Task(task) => Some(&task.resource),
            _ => None,
        }
    }

    /// Whether the input needs more than this allowance.
    pub(crate) fn is_too_heavy(&self, moment: Moment, input: &Input) -> bool {
        matches!(self.decide(moment, input), Err(Refusal::TooHeavy))
    }

    /// What comes of an input; as for the engine, if the concurrency limit is reached or an
    /// activity is not there.
    fn decide(&self, moment: Moment, input: &Input) -> Result<Decision, Refusal> {
        let (program, run) = (&self.program, &self.run);
        match input {
            Input::Start(start) if self.queues => {
                return begin_queued(program, moment, start.clone());
            }
            Input::Redrive { client_token } if self.queues => {
                return redrive_queued(program, run, moment, client_token.clone());
            }
            _ => {}
        }
        let missing = &self.missing_activities;
        let mut surroundings = Surroundings {
            missing_activities: &[],
            is_deleting: self.is_deleting && !matches!(input, Input::Start(_)),
        };
        let decision = decide_within(program, run, moment, input.clone(), surroundings)?;
        let is_missing = |effect: &Effect| match effect {
            Effect::Call(call) => missing.contains(&call.resource.arn),
            _ => false,
        };
        surroundings.missing_activities = missing;
        match decision.effects.iter().any(is_missing) {
            true => decide_within(program, run, moment, input.clone(), surroundings),
            false => Ok(decision),
        }
    }

    /// Decides an input and goes on with the decided run. Answers what came of it as text, and the
    /// commit; a refused input has none.
    pub(crate) fn take(&mut self, moment: Moment, input: &Input) -> (Vec<String>, Option<Commit>) {
        let before = self.run.clone();
        let decision = self.decide(moment, input);
        assert_eq!(self.run, before, "the run given stays as it is");
        let decision = match decision {
            Ok(decision) => decision,
            Err(refusal) => return (vec![refused(moment.now, refusal)], None),
        };
        self.check_laws(moment, &decision);
        self.check_threads(&decision.run);
        let Decision {
            time,
            events,
            effects,
            run,
            ..
        } = decision;
        self.run = run;
        self.note(input, &effects);
        let start = self
            .run
            .start
            .as_ref()
            .expect("an execution that has begun");
        let mut lines: Vec<String> = events
            .iter()
            .map(|event| render::event(&self.program, start, time, event))
            .chain(effects.iter().map(|effect| render::effect(time, effect)))
            .chain(render::standing(&self.program, &self.run))
            .collect();
        lines.iter_mut().for_each(|line| *line = self.shorten(line));
        (lines, Some(Commit { time, events }))
    }

    /// The attempt that the thread at a place waits for.
    pub(crate) fn attempt(&self, place: &Place) -> Result<EventId, String> {
        let calling = self.thread(place)?.calling();
        let attempt = calling.map(|(_, calling)| calling.attempt);
        attempt.ok_or_else(|| format!("no call is under way at {place:?}"))
    }

    /// When the thread at a place goes on by itself.
    pub(crate) fn deadline(&self, place: &Place) -> Result<Timestamp, String> {
        let visit = self.thread(place)?.visit();
        let until = visit.and_then(|visit| match &visit.activity {
            Activity::Waiting { until } | Activity::BackingOff { until } => Some(*until),
            Activity::Calling(calling) => calling.deadline,
            _ => None,
        });
        until.ok_or_else(|| format!("nothing is due at {place:?}"))
    }

    fn thread(&self, place: &Place) -> Result<&Branch, String> {
        let is_there = |thread: &&Branch| {
            let state = thread.visit().and_then(|it| self.program.state(it.state));
            state.is_some_and(|state| *state.name == *place.state)
                && indices(&self.run, thread).ends_with(&place.indices)
        };
        let mut there = self.run.branches.iter().map(AsRef::as_ref).filter(is_there);
        let thread = there
            .next()
            .ok_or_else(|| format!("nothing is at {place:?}"))?;
        match there.next() {
            None => Ok(thread),
            Some(_) => Err(format!("several threads are at {place:?}")),
        }
    }

    /// What holds for every decision.
    fn check_laws(&mut self, moment: Moment, decision: &Decision) {
        assert!(
            !decision.events.is_empty(),
            "a decision without events is a refusal"
        );
        assert_eq!(
            decision.time,
            moment.now.max(self.run.time),
            "time never goes back"
        );
        assert_eq!(decision.yielded, decision.run.is_yielded());
        let mut fold = self.run.clone();
        for event in &decision.events {
            assert_eq!(event.kind.is_internal(), event.id == 0);
            if let EventKind::BranchesCut = event.kind {
                assert!(
                    event.previous <= fold.last_event,
                    "an end that has not come"
                );
            } else if event.id == 0 {
                assert_eq!(event.previous, 0);
            } else {
                assert_eq!(event.id, fold.last_event + 1, "ids are dense");
                self.check_previous(event);
            }
            let may_follow_the_end = matches!(
                event.kind,
                EventKind::ExecutionRedriven { .. } | EventKind::JobCancelled { .. }
            );
            assert!(
                fold.end.is_none() || may_follow_the_end,
                "nothing else follows the end"
            );
            apply(&mut fold, decision.time, event);
        }
        assert_eq!(decision.run, fold, "the run is the fold of its events");
        assert_eq!(
            decision.run.end.is_some(),
            decision.run.status.is_terminal()
        );
    }

    /// An event follows an earlier one, of a type that may stand before it.
    fn check_previous(&mut self, event: &Event) {
        assert!(event.previous < event.id, "an event follows an earlier one");
        let kind = history::type_name(&self.program, &event.kind).expect("it is shown");
        let at = event.previous.checked_sub(1);
        let before = at.map(|at| self.kinds[usize::try_from(at).unwrap()]);
        let is_full = matches!(&event.kind, EventKind::ExecutionFailed(failure)
            if failure.cause.as_deref().is_some_and(|cause| cause.contains("maximum number")));
        let is_legal = match is_full {
            true => event.previous + 1 == event.id,
            false => legal::may_follow(kind, before),
        };
        assert!(is_legal, "{kind} behind {before:?}: {event:?}");
        let is_first = event.id == 2;
        let is_entry = matches!(event.kind, EventKind::StateEntered { .. });
        assert!(!is_entry || is_first == before.is_none(), "{event:?}");
        Arc::make_mut(&mut self.kinds).push(kind);
    }

    /// Every thread belongs to one that waits for it, and is counted there.
    fn check_threads(&self, run: &Run) {
        let threads = || run.branches.iter().map(AsRef::as_ref);
        for thread in threads() {
            let below = |it: &&Branch| it.parent.is_some_and(|parent| parent.branch == thread.id);
            let below = threads().filter(below).count();
            let live = thread.forked().map_or(0, |(_, forked)| forked.live);
            assert_eq!(usize::try_from(live).unwrap(), below, "{thread:?}");
            if let Some(parent) = thread.parent {
                assert!(parent.branch < thread.id && run.branch(parent.branch).is_some());
            }
        }
        let ids = || threads().map(|thread| thread.id);
        assert!(ids().zip(ids().skip(1)).all(|(one, next)| one < next));
        assert!(run.end.is_none() || (run.branches.is_empty() && run.status.is_terminal()));
    }

    /// Keeps the books of calls and jobs, and compares them with what the run says it owes.
    fn note(&mut self, input: &Input, effects: &[Effect]) {
        match input {
            Input::Served { answer, .. } => return self.note(answer, effects),
            Input::TaskSucceeded { attempt, .. } | Input::TaskFailed { attempt, .. } => {
                self.outstanding.remove(attempt);
                self.watched.remove(attempt);
            }
            Input::TaskSubmitted { attempt, .. } | Input::ActivityPickedUp { attempt, .. } => {
                self.outstanding.remove(attempt);
            }
            Input::JobCancelled { attempt } => {
                self.cancelled.retain(|(call, _)| call.attempt != *attempt);
            }
            _ => {}
        }
        for effect in effects {
            match effect {
                Effect::Abandon { attempt } => {
                    self.outstanding.remove(attempt);
                    self.watched.remove(attempt);
                }
                Effect::Call(call) => {
                    self.note_token(call);
                    let again = self.outstanding.insert(call.attempt, call.clone());
                    assert!(again.is_none(), "an attempt is called once");
                }
                Effect::Watch { call, response } => {
                    let watch = (call.clone(), response.clone());
                    let again = self.watched.insert(call.attempt, watch);
                    assert!(again.is_none(), "a job is watched once");
                }
                Effect::Cancel(call, response) => {
                    self.cancelled.push((call.clone(), response.clone()));
                }
            }
        }
        let mut owed = self.run.owed_calls(&self.program);
        owed.sort_by_key(|call| call.attempt);
        assert!(owed.iter().eq(self.outstanding.values()), "{owed:?}");
        let mut watches = self.run.owed_watches(&self.program);
        watches.sort_by_key(|(call, _)| call.attempt);
        assert!(watches.iter().eq(self.watched.values()), "{watches:?}");
        assert_eq!(self.run.owed_cancels(&self.program), self.cancelled);
        let watched = watches.iter().map(|(call, _)| call);
        let mut awaited = owed.iter().chain(watched);
        assert!(awaited.all(|call| self.run.is_awaited(call.attempt)));
    }

    fn note_token(&mut self, call: &Call) {
        if call.resource.pattern != Pattern::WaitForTaskToken {
            return;
        }
        let start = self.run.start.as_ref().unwrap();
        let text = token::mint(start, call.attempt);
        let read = token::read(&text).expect("our own token");
        assert_eq!(
            (&*read.execution_arn, read.attempt),
            (&*start.execution_arn, call.attempt)
        );
        assert!(token::verify(start, &read));
        self.tokens.push((call.attempt, text));
    }

    fn shorten(&self, line: &str) -> String {
        let named = self
            .tokens
            .iter()
            .fold(line.to_owned(), |line, (attempt, token)| {
                line.replace(token, &format!("%{{token {attempt}}}"))
            });
        render::shorten(&named)
    }
}

/// Which branch or iteration a thread is, from the outermost down.
pub(crate) fn indices(run: &Run, thread: &Branch) -> Vec<u32> {
    let mut indices = Vec::new();
    let mut thread = Some(thread);
    while let Some(parent) = thread.and_then(|thread| thread.parent.as_ref()) {
        indices.push(parent.index);
        let mut branches = run.branches.iter().map(AsRef::as_ref);
        thread = branches.find(|branch| branch.id == parent.branch);
    }
    indices.reverse();
    indices
}

fn refused(now: Timestamp, refusal: Refusal) -> String {
    match refusal {
        Refusal::NotRedrivable(why) => format!("refused: {why}"),
        Refusal::AlreadyRedriven { at } => {
            format!("refused: AlreadyRedriven {}", render::span(now, at))
        }
        refusal => format!("refused: {refusal:?}"),
    }
}
