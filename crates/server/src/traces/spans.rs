//! Spans out of the events of a commit: one for an execution, one for each stay in a state, one for
//! each attempt. Nothing is kept from one commit to the next: what began earlier stands in the run,
//! and a span's id follows from what it stands for, so that one told again is the same one.

use std::collections::BTreeMap;

use asl::event::{BranchId, Event, EventId, EventKind, Failure, Served};
use asl::program::{Program, StateIndex, StateKind};
use asl::time::Timestamp;
use engine::Observed;
use engine::trace::{SpanId, TraceContext, attempt_span, execution_span, state_span};
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

/// The spans that ended with these events.
pub(super) fn ended(seen: &Observed) -> Vec<Span> {
    let header = seen.start.trace_header.as_deref();
    let context = header.and_then(TraceContext::parse);
    let context = context.unwrap_or_else(|| derived(seen));
    if context.sampled == Some(false) {
        return Vec::new();
    }
    let mut telling = Telling::new(seen, context);
    for event in &seen.events {
        telling.note(event);
    }
    telling.spans
}

/// The trace of an execution that names none: another at another redrive's telling would part it.
fn derived(seen: &Observed) -> TraceContext {
    let arn = &seen.start.execution_arn;
    let (head, tail) = (execution_span(arn, 0), state_span(arn, 0));
    let mut unique = [0; 12];
    let bytes = head.into_iter().chain(tail);
    unique
        .iter_mut()
        .zip(bytes)
        .for_each(|(place, byte)| *place = byte);
    TraceContext::beginning(seen.started_at, unique)
}

/// A stay in a state.
#[derive(Clone, Copy)]
struct Visit {
    entered: EventId,
    at: Timestamp,
    state: StateIndex,
}

/// A call under way.
#[derive(Clone)]
struct Calling {
    attempt: EventId,
    at: Timestamp,
    state: StateIndex,
    served: Option<Served>,
}

/// What is known of a thread.
#[derive(Clone, Default)]
struct Thread {
    /// The thread it runs below, and the index of its branch or item.
    above: Option<(BranchId, u32)>,
    visit: Option<Visit>,
    calling: Option<Calling>,
    /// What the visit failed with, so far.
    failure: Option<Failure>,
}

struct Telling<'s> {
    seen: &'s Observed,
    context: TraceContext,
    threads: BTreeMap<BranchId, Thread>,
    spans: Vec<Span>,
}

impl<'s> Telling<'s> {
    fn new(seen: &'s Observed, context: TraceContext) -> Telling<'s> {
        let known = seen.before.branches.iter().map(|branch| {
            let visit = branch.visit().map(|visit| Visit {
                entered: visit.entered_event,
                at: visit.entered_at,
                state: visit.state,
            });
            let calling = branch.calling().map(|(visit, calling)| Calling {
                attempt: calling.attempt,
                at: calling.scheduled_at,
                state: visit.state,
                served: None,
            });
            let thread = Thread {
                above: branch.parent.map(|parent| (parent.branch, parent.index)),
                visit,
                calling,
                failure: None,
            };
            (branch.id, thread)
        });
        Telling {
            seen,
            context,
            threads: known.collect(),
            spans: Vec::new(),
        }
    }

    fn thread(&mut self, branch: BranchId) -> &mut Thread {
        self.threads.entry(branch).or_default()
    }

    fn note(&mut self, event: &Event) {
        let (branch, at) = (event.branch, self.seen.time);
        match &event.kind {
            EventKind::BranchStarted { parent, index, .. }
            | EventKind::MapIterationStarted { parent, index, .. } => {
                self.thread(branch).above = Some((*parent, *index));
            }
            EventKind::StateEntered { state, .. } => {
                let (entered, state) = (event.id, *state);
                let thread = self.thread(branch);
                thread.visit = Some(Visit { entered, at, state });
                thread.failure = None;
            }
            EventKind::TaskScheduled { state, .. } => {
                let calling = Calling {
                    attempt: event.id,
                    at,
                    state: *state,
                    served: None,
                };
                self.thread(branch).calling = Some(calling);
            }
            EventKind::TaskServed { served, .. } => {
                if let Some(calling) = &mut self.thread(branch).calling {
                    calling.served = Some(Served::clone(served));
                }
            }
            EventKind::TaskSucceeded { .. } => self.end_attempt(branch, None),
            EventKind::TaskFailed { failure, .. } | EventKind::TaskTimedOut { failure, .. } => {
                self.end_attempt(branch, Some(failure));
                self.thread(branch).failure = Some(failure.clone());
            }
            EventKind::EvaluationFailed { failure, .. } => {
                self.thread(branch).failure = Some(failure.clone());
            }
            EventKind::StateExited { .. } => self.end_visit(branch, true),
            EventKind::StateAborted { .. }
            | EventKind::MapIterationFailed { .. }
            | EventKind::MapIterationAborted { .. } => self.end_visit(branch, false),
            EventKind::BranchesCut => self.cut_below(branch),
            EventKind::ExecutionSucceeded { .. } => self.end(None),
            EventKind::ExecutionFailed(failure)
            | EventKind::ExecutionAborted(failure)
            | EventKind::ExecutionTimedOut(failure) => self.end(Some(failure)),
            _ => {}
        }
    }

    /// All threads below one are gone.
    fn cut_below(&mut self, branch: BranchId) {
        let is_below = |(id, _): &(&BranchId, &Thread)| self.is_below(**id, branch);
        let below: Vec<BranchId> = self
            .threads
            .iter()
            .filter(is_below)
            .map(|(id, _)| *id)
            .collect();
        for id in below {
            self.end_visit(id, false);
            self.threads.remove(&id);
        }
    }

    fn is_below(&self, id: BranchId, other: BranchId) -> bool {
        let above = |id: &BranchId| Some(self.threads.get(id)?.above?.0);
        std::iter::successors(above(&id), above).any(|above| above == other)
    }

    /// The execution has ended, and with it what was under way.
    fn end(&mut self, failure: Option<&Failure>) {
        let open: Vec<BranchId> = self.threads.keys().copied().collect();
        for branch in open.into_iter().rev() {
            self.end_attempt(branch, failure);
            self.end_visit(branch, false);
        }
        let (seen, start) = (self.seen, &self.seen.start);
        let since = seen.redriven_at.unwrap_or(seen.started_at);
        let mut span = self.span(
            execution_span(&start.execution_arn, seen.redrive_count),
            self.context
                .parent
                .as_ref()
                .map_or(&[][..], |parent| &parent[..]),
            &start.state_machine_name,
            since,
        );
        span.kind = SpanKind::Server.into();
        span.attributes.push(text(
            "aws.step_functions.execution.arn",
            &start.execution_arn,
        ));
        let machine = &start.state_machine_arn;
        span.attributes
            .push(text("aws.step_functions.state_machine.arn", machine));
        for (name, value) in [
            (
                "aws.step_functions.state_machine.version.arn",
                &start.state_machine_version_arn,
            ),
            (
                "aws.step_functions.state_machine.alias.arn",
                &start.state_machine_alias_arn,
            ),
        ] {
            if let Some(value) = value {
                span.attributes.push(text(name, value));
            }
        }
        let redrives = seen.redrive_count.to_string();
        span.attributes.push(text(
            "aws.step_functions.execution.redrive_count",
            &redrives,
        ));
        span.status = failure.map(failed);
        self.spans.push(span);
    }

    fn end_visit(&mut self, branch: BranchId, left: bool) {
        if !left {
            // Cut off with it.
            self.end_attempt(branch, Some(&Failure::default()));
        }
        let thread = self.thread(branch);
        let Some(visit) = thread.visit.take() else {
            return;
        };
        let failure = thread.failure.take();
        let above = thread.above;
        let arn = &self.seen.start.execution_arn;
        let Some(state) = self.seen.program.state(visit.state) else {
            return;
        };
        let parent = self.visit_above(branch);
        let id = state_span(arn, visit.entered);
        let mut span = self.span(id, &parent, &state.name, visit.at);
        span.attributes
            .push(text("aws.step_functions.state.name", &state.name));
        span.attributes
            .push(text("aws.step_functions.state.type", kind(&state.kind)));
        if let Some((_, index)) = above {
            let index = i64::from(index);
            let index = AnyValueKind::IntValue(index);
            span.attributes
                .push(attribute("aws.step_functions.branch.index", index));
        }
        // What a Catch took is an error all the same; of a retried one the last attempt counts.
        span.status = match (failure, left) {
            (Some(failure), _) => Some(failed(&failure)),
            (None, false) => Some(failed(&Failure::default())),
            (None, true) => None,
        };
        self.spans.push(span);
    }

    fn end_attempt(&mut self, branch: BranchId, failure: Option<&Failure>) {
        let thread = self.thread(branch);
        let Some(calling) = thread.calling.take() else {
            return;
        };
        if failure.is_none() {
            thread.failure = None;
        }
        let visit = thread.visit;
        let arn = &self.seen.start.execution_arn;
        let parent = match visit {
            Some(visit) => state_span(arn, visit.entered),
            None => execution_span(arn, self.seen.redrive_count),
        };
        let resource = resource(&self.seen.program, calling.state).unwrap_or_default();
        let id = attempt_span(arn, calling.attempt);
        let mut span = self.span(id, &parent, resource, calling.at);
        span.kind = SpanKind::Client.into();
        span.attributes
            .push(text("aws.step_functions.resource", resource));
        let function = calling.served.and_then(|served| served.function);
        for (name, member) in [
            ("faas.invoked_name", "functionArn"),
            ("faas.version", "version"),
            ("faas.invocation_id", "requestId"),
            ("lockstep.function.code_sha256", "codeSha256"),
        ] {
            let value = function
                .as_ref()
                .and_then(|function| function.get(member)?.as_str());
            if let Some(value) = value {
                span.attributes.push(text(name, value));
            }
        }
        span.status = failure.map(failed);
        self.spans.push(span);
    }

    /// The span around a thread: the stay in the Parallel or Map it runs below, or the execution.
    fn visit_above(&self, branch: BranchId) -> SpanId {
        let arn = &self.seen.start.execution_arn;
        let above = self.threads.get(&branch).and_then(|thread| thread.above);
        let visit = above.and_then(|(above, _)| self.threads.get(&above)?.visit);
        match visit {
            Some(visit) => state_span(arn, visit.entered),
            None => execution_span(arn, self.seen.redrive_count),
        }
    }

    fn span(&self, id: SpanId, parent: &[u8], name: &str, since: Timestamp) -> Span {
        Span {
            trace_id: self.context.trace.to_vec(),
            span_id: id.to_vec(),
            parent_span_id: parent.to_vec(),
            name: name.to_owned(),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: nanoseconds(since),
            end_time_unix_nano: nanoseconds(self.seen.time),
            ..Span::default()
        }
    }
}

/// Errors have names in a trace; causes may hold data, and stay in the history.
fn failed(failure: &Failure) -> Status {
    Status {
        message: failure.error.as_deref().unwrap_or_default().to_owned(),
        code: StatusCode::Error.into(),
    }
}

fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.0).unwrap_or(0).saturating_mul(1_000_000)
}

fn text(name: &str, value: &str) -> KeyValue {
    attribute(name, AnyValueKind::StringValue(value.to_owned()))
}

pub(super) fn attribute(name: &str, value: AnyValueKind) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn resource(program: &Program, state: StateIndex) -> Option<&str> {
    match &program.state(state)?.kind {
        StateKind::Task(task) => Some(&task.resource.arn),
        _ => None,
    }
}

fn kind(kind: &StateKind) -> &'static str {
    match kind {
        StateKind::Pass(_) => "Pass",
        StateKind::Task(_) => "Task",
        StateKind::Choice(_) => "Choice",
        StateKind::Wait(_) => "Wait",
        StateKind::Succeed => "Succeed",
        StateKind::Fail(_) => "Fail",
        StateKind::Parallel(_) => "Parallel",
        StateKind::Map(_) => "Map",
    }
}

#[cfg(test)]
mod tests;
