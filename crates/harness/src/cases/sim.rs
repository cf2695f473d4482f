//! One execution, decided input by input.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::apply::apply;
use asl::decide::{Call, Decision, Effect, Input, Moment, Refusal, decide};
use asl::definition::MachineType;
use asl::event::{EventId, EventKind};
use asl::program::{Pattern, Program};
use asl::run::{Activity, Branch, Run};
use asl::time::Timestamp;
use asl::token;
use services::states::Integrations;

use super::file::Case;
use super::script::Place;
use super::{Commit, render};

/// An execution and what the world around it would know.
#[derive(Clone)]
pub(crate) struct Sim {
    pub(crate) program: Arc<Program>,
    pub(crate) run: Run,
    /// Calls made and not answered.
    outstanding: BTreeMap<EventId, Call>,
    /// The tokens given out, which no line shows as they are.
    tokens: Vec<(EventId, String)>,
}

impl Sim {
    /// Not started.
    pub(crate) fn new(case: &Case) -> Sim {
        let compiled =
            asl::compile::compile(&case.definition, MachineType::Standard, &Integrations);
        let program = compiled
            .program
            .unwrap_or_else(|| panic!("{}: {:#?}", case.name, compiled.diagnostics));
        Sim {
            program: Arc::new(program),
            run: Run::default(),
            outstanding: BTreeMap::new(),
            tokens: Vec::new(),
        }
    }

    /// Decides an input and goes on with the decided run. Answers what came of it as text, and the
    /// commit; a refused input has none.
    pub(crate) fn take(&mut self, moment: Moment, input: &Input) -> (Vec<String>, Option<Commit>) {
        let before = self.run.clone();
        let decision = decide(&self.program, &self.run, moment, input.clone());
        assert_eq!(self.run, before, "the run given stays as it is");
        let decision = match decision {
            Ok(decision) => decision,
            Err(refusal) => return (vec![refused(refusal)], None),
        };
        self.check_laws(moment, &decision);
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
    fn check_laws(&self, moment: Moment, decision: &Decision) {
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
                assert!(event.previous < event.id, "an event follows an earlier one");
            }
            assert!(fold.end.is_none(), "nothing follows the end");
            apply(&mut fold, decision.time, event);
        }
        assert_eq!(decision.run, fold, "the run is the fold of its events");
        assert_eq!(
            decision.run.end.is_some(),
            decision.run.status.is_terminal()
        );
    }

    /// Keeps the book of calls, and compares it with what the run says it owes.
    fn note(&mut self, input: &Input, effects: &[Effect]) {
        if let Input::TaskSucceeded { attempt, .. }
        | Input::TaskFailed { attempt, .. }
        | Input::TaskSubmitted { attempt, .. } = input
        {
            self.outstanding.remove(attempt);
        }
        for effect in effects {
            match effect {
                Effect::Abandon { attempt } => {
                    self.outstanding.remove(attempt);
                }
                Effect::Call(call) => {
                    self.note_token(call);
                    let again = self.outstanding.insert(call.attempt, call.clone());
                    assert!(again.is_none(), "an attempt is called once");
                }
            }
        }
        let mut owed = self.run.owed_calls(&self.program);
        owed.sort_by_key(|call| call.attempt);
        assert!(owed.iter().eq(self.outstanding.values()), "{owed:?}");
        assert!(owed.iter().all(|call| self.run.is_awaited(call.attempt)));
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
fn indices(run: &Run, thread: &Branch) -> Vec<u32> {
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

fn refused(refusal: Refusal) -> String {
    format!("refused: {refusal:?}")
}
