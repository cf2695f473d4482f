//! The path an execution takes, told line by line while it runs.
//!
//! ```text
//!     0.000 s  > Fan (Parallel)
//!     0.000 s    [0] > Charge (Task)
//!     0.000 s    [0]   failed: Busy: try again
//!     0.000 s    [0]   retry 1 in 2 s
//!     2.000 s    [0] < Charge
//!     2.000 s  < Fan
//! ```

use std::collections::BTreeMap;
use std::io::Write;

use asl::event::{BranchId, Event, EventId, EventKind, Failure};
use asl::program::{Program, StateIndex, StateKind};
use asl::time::Timestamp;
use json::{Object, Value, View};

use crate::pretty;

/// How much of each state is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// States only.
    Left,
    /// Inputs, outputs, calls and results, long ones cut.
    Cut,
    Whole,
}

/// Tells the path to `out`. Whether somebody reads it is not asked: the execution goes on.
pub(crate) struct Path<'a, W> {
    program: &'a Program,
    out: W,
    /// `None`: nothing is told, only account is kept.
    data: Option<Data>,
    started_at: Timestamp,
    threads: BTreeMap<BranchId, Thread>,
    /// What the event of each id leaves behind, from id 1; as many as a history has events.
    trail: Vec<Crumb>,
}

/// A thread of control, as the path names it.
#[derive(Debug, Default)]
struct Thread {
    /// `[2]`, within it `[2.0]`; the root has none.
    label: String,
    depth: usize,
    state: Option<StateIndex>,
    /// How what the state is there for has come out; `None` while it is under way.
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Crumb {
    previous: EventId,
    /// The state its thread was in.
    state: Option<StateIndex>,
    /// It only passes on the failure of the event before.
    passes_on: bool,
}

impl<'a, W: Write> Path<'a, W> {
    pub(crate) fn new(program: &'a Program, out: W, data: Option<Data>) -> Path<'a, W> {
        Path {
            program,
            out,
            data,
            started_at: Timestamp::default(),
            threads: BTreeMap::from([(BranchId::ROOT, Thread::default())]),
            trail: Vec::new(),
        }
    }

    /// Tells of an event.
    pub(crate) fn note(&mut self, time: Timestamp, event: &Event) {
        self.follow(time, event);
        let branch = event.branch;
        match &event.kind {
            EventKind::StateEntered { state, input } => {
                let text = format!("> {} ({})", self.name(*state), self.kind(*state));
                self.line(time, branch, &text);
                self.value(branch, "input", input);
            }
            EventKind::StateExited {
                state,
                output,
                assigned,
            } => self.exited(time, branch, *state, output, assigned.as_ref()),
            EventKind::TaskScheduled {
                state, parameters, ..
            } => {
                let call = format!("call {}", self.resource(*state));
                self.value(branch, &call, parameters);
            }
            EventKind::TaskSucceeded { output, .. } => self.value(branch, "result", output),
            EventKind::TaskFailed { failure, .. } | EventKind::TaskTimedOut { failure, .. } => {
                self.line(time, branch, &format!("  failed: {}", told(failure)));
            }
            EventKind::EvaluationFailed {
                failure, location, ..
            } => {
                let place = location.as_ref().map(|it| format!(" in {it}"));
                let text = format!("  failed{}: {}", place.unwrap_or_default(), told(failure));
                self.line(time, branch, &text);
            }
            EventKind::MapStarted {
                items, concurrency, ..
            } => {
                let text = format!("  {}", concurrency_of(items, *concurrency));
                self.line(time, branch, &text);
            }
            EventKind::MapIterationFailed { .. } => self.line(time, branch, "failed"),
            EventKind::MapIterationAborted { .. } => self.line(time, branch, "aborted"),
            // AWS has this event of the state that failed as well, of which all has been told.
            EventKind::StateAborted { .. } if self.outcome(branch) == Some(Outcome::Failed) => {}
            EventKind::StateAborted { state } => {
                let text = format!("x {} aborted", self.name(*state));
                self.line(time, branch, &text);
            }
            EventKind::WaitUntil { until } => {
                let text = format!("  waits {}", span(time, *until));
                self.line(time, branch, &text);
            }
            EventKind::RetryAt { retries, until, .. } => {
                let text = format!("  retry {retries} in {}", span(time, *until));
                self.line(time, branch, &text);
            }
            _ => {}
        }
    }

    /// The state in which the failure began that the event after `previous` ended with.
    pub(crate) fn culprit(&self, previous: EventId) -> Option<StateIndex> {
        let mut crumb = self.crumb(previous)?;
        while crumb.passes_on
            && let Some(before) = self.crumb(crumb.previous)
        {
            crumb = before;
        }
        crumb.state
    }

    /// The state that a thread is in, or was in last.
    pub(crate) fn standing_in(&self, thread: BranchId) -> Option<StateIndex> {
        self.threads.get(&thread)?.state
    }

    fn outcome(&self, thread: BranchId) -> Option<Outcome> {
        self.threads.get(&thread)?.outcome
    }

    pub(crate) fn name(&self, state: StateIndex) -> &'a str {
        self.program.state(state).map_or("", |state| &*state.name)
    }

    fn crumb(&self, id: EventId) -> Option<Crumb> {
        let at = usize::try_from(id).ok()?.checked_sub(1)?;
        self.trail.get(at).copied()
    }

    /// Keeps account of threads and of what led where.
    fn follow(&mut self, time: Timestamp, event: &Event) {
        match &event.kind {
            EventKind::ExecutionStarted(_) => self.started_at = time,
            EventKind::BranchStarted { parent, index, .. }
            | EventKind::MapIterationStarted { parent, index, .. } => {
                let thread = self.threads.get(parent).map(|parent| parent.below(*index));
                self.threads
                    .insert(event.branch, thread.unwrap_or_default());
            }
            _ => {}
        }
        let thread = self.threads.entry(event.branch).or_default();
        match &event.kind {
            EventKind::StateEntered { state, .. } => {
                thread.state = Some(*state);
                thread.outcome = None;
            }
            EventKind::TaskScheduled { .. } => thread.outcome = None,
            EventKind::TaskSucceeded { .. } | EventKind::StateSucceeded { .. } => {
                thread.outcome = Some(Outcome::Succeeded);
            }
            EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. }
            | EventKind::EvaluationFailed { .. } => thread.outcome = Some(Outcome::Failed),
            _ => {}
        }
        if event.id != 0 {
            self.trail.push(Crumb {
                previous: event.previous,
                state: thread.state,
                passes_on: matches!(
                    event.kind,
                    EventKind::StateFailed { .. }
                        | EventKind::MapIterationFailed { .. }
                        | EventKind::MapIterationAborted { .. }
                        | EventKind::StateAborted { .. }
                ),
            });
        }
    }

    fn exited(
        &mut self,
        time: Timestamp,
        branch: BranchId,
        state: StateIndex,
        output: &Value,
        assigned: Option<&Object>,
    ) {
        let can_catch = self.program.state(state).is_some_and(|state| {
            matches!(
                state.kind,
                StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_)
            )
        });
        let has_succeeded = self.outcome(branch) == Some(Outcome::Succeeded);
        let how = if can_catch && !has_succeeded {
            " (caught)"
        } else {
            ""
        };
        if let Some(assigned) = assigned {
            self.value(branch, "assigned", &Value::from(assigned.clone()));
        }
        self.value(branch, "output", output);
        let text = format!("< {}{how}", self.name(state));
        self.line(time, branch, &text);
    }

    fn kind(&self, state: StateIndex) -> &'static str {
        match self.program.state(state).map(|state| &state.kind) {
            Some(StateKind::Pass(_)) => "Pass",
            Some(StateKind::Task(_)) => "Task",
            Some(StateKind::Choice(_)) => "Choice",
            Some(StateKind::Wait(_)) => "Wait",
            Some(StateKind::Succeed) => "Succeed",
            Some(StateKind::Fail(_)) => "Fail",
            Some(StateKind::Parallel(_)) => "Parallel",
            Some(StateKind::Map(_)) => "Map",
            None => "",
        }
    }

    fn resource(&self, state: StateIndex) -> &str {
        match self.program.state(state).map(|state| &state.kind) {
            Some(StateKind::Task(task)) => &task.resource.arn,
            _ => "",
        }
    }

    fn line(&mut self, time: Timestamp, branch: BranchId, text: &str) {
        if self.data.is_none() {
            return;
        }
        let at = seconds(self.started_at, time);
        let margin = self.margin(branch);
        // A cause may have lines; the path has one for each thing that happened.
        let text = text.replace('\n', "\\n");
        let _ = writeln!(self.out, "{at:>9} s  {margin}{text}");
    }

    /// A value below the line of its state, if values are told.
    fn value(&mut self, branch: BranchId, what: &str, value: &Value) {
        let lines_max = match self.data {
            None | Some(Data::Left) => return,
            Some(Data::Cut) => Some(pretty::LINES_MAX),
            Some(Data::Whole) => None,
        };
        let margin = self.margin(branch);
        let text = pretty::lines(value, lines_max);
        let mut lines = text.iter();
        let first = lines.next().map_or("", String::as_str);
        let _ = writeln!(self.out, "{:11}  {margin}  {what}: {first}", "");
        for line in lines {
            let _ = writeln!(self.out, "{:11}  {margin}  {line}", "");
        }
    }

    /// Indentation and label of a thread.
    fn margin(&self, branch: BranchId) -> String {
        match self.threads.get(&branch) {
            Some(thread) if thread.depth > 0 => {
                format!("{:indent$}{} ", "", thread.label, indent = 2 * thread.depth)
            }
            _ => String::new(),
        }
    }
}

impl Thread {
    /// A branch or iteration of the state this thread is in.
    fn below(&self, index: u32) -> Thread {
        let label = match self.label.strip_suffix(']') {
            Some(label) => format!("{label}.{index}]"),
            None => format!("[{index}]"),
        };
        Thread {
            label,
            depth: self.depth + 1,
            ..Thread::default()
        }
    }
}

/// `3 items`, `100 items, 40 at a time`.
fn concurrency_of(items: &Value, concurrency: u32) -> String {
    let count = match items.view() {
        View::Array(items) => items.len(),
        View::Object(members) => members.len(),
        _ => 0,
    };
    let plural = if count == 1 { "" } else { "s" };
    match usize::try_from(concurrency).is_ok_and(|most| most < count) {
        true => format!("{count} item{plural}, {concurrency} at a time"),
        false => format!("{count} item{plural}"),
    }
}

/// `error: cause`, or what there is of it.
pub(crate) fn told(failure: &Failure) -> String {
    match (&failure.error, &failure.cause) {
        (Some(error), Some(cause)) => format!("{error}: {cause}"),
        (Some(text), None) | (None, Some(text)) => text.to_string(),
        (None, None) => "without error and cause".to_owned(),
    }
}

/// Seconds with milliseconds.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> String {
    let ms = to.0.saturating_sub(from.0).max(0);
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// `30 s`, `1.5 s`.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let text = seconds(from, to);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} s", if short.is_empty() { "0" } else { short })
}

#[cfg(test)]
mod tests;
