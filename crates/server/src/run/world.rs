//! What stands around a local execution: mocks that answer, and somebody who looks on.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use asl::decide::{Call, Input};
use asl::event::{BranchId, Event, EventKind, Start};
use asl::history;
use asl::program::Program;
use asl::run::Run;
use asl::time::Timestamp;
use json::Value;

use super::execution::Outside;
use super::locate;
use super::path::{Data, Path};
use super::report::{Place, Report};
use crate::mocks::{self, TestCase};
use crate::plain::Plain;

/// A wait that is shorter goes unsaid.
const WAIT_TOLD_MS_MIN: i64 = 5_000;

/// What is told on standard error while the execution runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling {
    pub path: Option<Data>,
    pub events: Option<Events>,
    /// Whether a long wait is told.
    pub waits: bool,
}

/// What becomes of the events of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// Each is told when it happens.
    Told,
    /// They are part of the report.
    Kept,
}

/// Answers and looks on.
pub(crate) struct World<'a> {
    program: &'a Program,
    start: Start,
    case: Option<Arc<TestCase>>,
    telling: Telling,
    path: Path<'a, Plain<io::Stderr>>,
    /// The history, as far as it is kept.
    events: Vec<Value>,
    last: Option<Event>,
    /// Said with the first long wait.
    hint: &'static str,
}

impl<'a> World<'a> {
    pub(crate) fn new(
        program: &'a Program,
        start: Start,
        case: Option<Arc<TestCase>>,
        telling: Telling,
    ) -> World<'a> {
        World {
            program,
            start,
            case,
            telling,
            path: Path::new(program, Plain(io::stderr()), telling.path),
            events: Vec::new(),
            last: None,
            hint: "; Ctrl-C stops, --skip-waits jumps",
        }
    }

    /// What there is to say about the run, which has ended.
    pub(crate) fn report(self, run: &Run, definition: &str) -> Result<Report> {
        let end = run.end.clone();
        let end = end.ok_or_else(|| anyhow!("the execution has not ended"))?;
        let state = match self
            .last
            .as_ref()
            .map(|event| (&event.kind, event.previous))
        {
            Some((EventKind::ExecutionFailed(_), previous)) => self.path.culprit(previous),
            Some((EventKind::ExecutionTimedOut(_), _)) => self.path.standing_in(BranchId::ROOT),
            _ => None,
        };
        let failure = match self.last.map(|event| event.kind) {
            Some(EventKind::ExecutionTimedOut(failure)) => failure,
            _ => end.failure,
        };
        let place = state.map(|state| {
            let name = self.path.name(state).to_owned();
            let line_column = locate::state(definition, &name);
            Place { name, line_column }
        });
        Ok(Report {
            status: run.status,
            execution_arn: self.start.execution_arn,
            started_at: run.started_at,
            stopped_at: end.at,
            output: end.output,
            failure,
            state: place,
            events: (self.telling.events == Some(Events::Kept)).then_some(self.events),
            event_count: run.last_event,
        })
    }
}

impl Outside for World<'_> {
    fn outcome(&mut self, call: &Call) -> Result<Input> {
        match &self.case {
            Some(case) => case.answer(call),
            None => Err(mocks::unmocked(call, &self.start.state_machine_name)),
        }
    }

    fn happened(&mut self, time: Timestamp, event: &Event) {
        self.path.note(time, event);
        if event.id != 0 {
            self.last = Some(event.clone());
        }
        let Some(events) = self.telling.events else {
            return;
        };
        if let Some(shown) = history::render(self.program, &self.start, time, event, true) {
            match events {
                Events::Kept => self.events.push(shown),
                Events::Told => {
                    let _ = writeln!(Plain(io::stderr()), "{shown}");
                }
            }
        }
    }

    fn waits(&mut self, now: Timestamp, until: Timestamp, thread: Option<BranchId>) {
        if !self.telling.waits || until.0.saturating_sub(now.0) < WAIT_TOLD_MS_MIN {
            return;
        }
        let state = thread.and_then(|thread| self.path.standing_in(thread));
        let place = state.map(|state| format!(" in state {}", self.path.name(state)));
        let _ = writeln!(
            Plain(io::stderr()),
            "waiting {} s{}{}",
            u64::try_from(until.0.saturating_sub(now.0))
                .unwrap_or(0)
                .div_ceil(1_000),
            place.unwrap_or_default(),
            std::mem::take(&mut self.hint)
        );
    }
}
