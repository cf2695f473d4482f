//! How a local execution ended.

use std::fmt;
use std::io::{self, Write};

use asl::event::{BranchId, EventKind, Failure};
use asl::run::{Run, Status};
use asl::time::Timestamp;
use json::{ObjectBuilder, Value};

use super::{World, locate, path};
use crate::diagnostics::number;

/// The outcome, and where a failure came from.
pub(crate) struct Report {
    status: Status,
    execution_arn: String,
    started_at: Timestamp,
    stopped_at: Timestamp,
    output: Option<Value>,
    failure: Failure,
    /// The state that failed, or that the execution was in when its time was over.
    state: Option<Place>,
    events: Vec<Value>,
    event_count: u64,
}

/// A state, and line and column of its name in the definition.
struct Place {
    name: String,
    line_column: Option<(usize, usize)>,
}

impl World<'_> {
    /// What there is to say about a run that has ended.
    pub(super) fn report(self, run: &Run, definition: &str) -> anyhow::Result<Report> {
        let end = run.end.clone();
        let end = end.ok_or_else(|| anyhow::anyhow!("the execution has not ended"))?;
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
            execution_arn: self.start.execution_arn.to_string(),
            started_at: run.started_at,
            stopped_at: end.at,
            output: end.output,
            failure,
            state: place,
            events: self.events,
            event_count: run.last_event,
        })
    }
}

impl Report {
    pub(crate) fn has_succeeded(&self) -> bool {
        self.status == Status::Succeeded
    }

    pub(crate) fn output(&self) -> Option<&Value> {
        self.output.as_ref()
    }

    /// Tells people how it ended.
    pub(crate) fn tell(&self, file: &str, out: &mut dyn Write) -> io::Result<()> {
        let verdict = match self.status {
            Status::Succeeded => "Succeeded",
            Status::TimedOut => "Timed out",
            _ => "Failed",
        };
        let seconds = path::seconds(self.started_at, self.stopped_at);
        let count = self.event_count;
        writeln!(out, "{verdict} after {seconds} s, {count} events")?;
        if self.has_succeeded() {
            return Ok(());
        }
        if self.failure != Failure::default() {
            writeln!(out, "  {}", path::told(&self.failure))?;
        }
        let Some(Place { name, line_column }) = &self.state else {
            return Ok(());
        };
        match line_column {
            Some((line, column)) => writeln!(out, "  in state {name}, {file}:{line}:{column}"),
            None => writeln!(out, "  in state {name}"),
        }
    }

    /// The outcome for machines: members of DescribeExecution, but the output is a value.
    pub(crate) fn to_json(&self, with_events: bool) -> Value {
        let mut json = ObjectBuilder::new();
        json.add("status", status_name(self.status))
            .add("executionArn", self.execution_arn.as_str())
            .add("startDate", self.started_at.to_iso())
            .add("stopDate", self.stopped_at.to_iso());
        if let Some(output) = &self.output {
            json.add("output", output.clone());
        }
        for (name, text) in [
            ("error", &self.failure.error),
            ("cause", &self.failure.cause),
        ] {
            if let Some(text) = text {
                json.add(name, &**text);
            }
        }
        if let Some(place) = &self.state {
            json.add("state", place.to_json());
        }
        if with_events {
            json.add("events", self.events.clone());
        }
        json.build().into()
    }
}

impl Place {
    fn to_json(&self) -> Value {
        let mut json = ObjectBuilder::new();
        json.add("name", self.name.as_str());
        if let Some((line, column)) = self.line_column {
            json.add("line", number(line)).add("column", number(column));
        }
        json.build().into()
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "SUCCEEDED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
        Status::Failed => "FAILED",
        Status::NotStarted | Status::Running => "RUNNING",
    }
}

/// The definition has errors; they have been told.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub diagnostics: Value,
    pub text: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for Invalid {}

/// What machines read when there is no outcome.
pub(crate) fn refused(error: &anyhow::Error) -> Value {
    let mut json = ObjectBuilder::new();
    json.add("status", "REFUSED")
        .add("message", format!("{error:#}"));
    if let Some(invalid) = error.downcast_ref::<Invalid>() {
        json.add("diagnostics", invalid.diagnostics.clone());
    }
    json.build().into()
}
