//! How a local execution ended.

use std::fmt;
use std::io::{self, Write};

use asl::event::{Failure, Text};
use asl::run::Status;
use asl::time::Timestamp;
use json::{ObjectBuilder, Value};

use super::path;
use crate::diagnostics::number;

/// The outcome, and where a failure came from.
pub(crate) struct Report {
    pub status: Status,
    pub execution_arn: Text,
    pub started_at: Timestamp,
    pub stopped_at: Timestamp,
    pub output: Option<Value>,
    pub failure: Failure,
    /// The state that failed, or that the execution was in when its time was over.
    pub state: Option<Place>,
    /// The history, if it is to be part of the report.
    pub events: Option<Vec<Value>>,
    pub event_count: u64,
}

/// A state, and line and column of its name in the definition.
pub(crate) struct Place {
    pub name: String,
    pub line_column: Option<(usize, usize)>,
}

impl Report {
    pub(crate) fn has_succeeded(&self) -> bool {
        self.status == Status::Succeeded
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
            writeln!(out, "  {}", path::told(&self.failure).replace('\n', "\n  "))?;
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
    pub(crate) fn to_json(&self) -> Value {
        let mut json = ObjectBuilder::new();
        json.add("status", status_name(self.status))
            .add("executionArn", &*self.execution_arn)
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
        if let Some(events) = &self.events {
            json.add("events", events.clone());
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
