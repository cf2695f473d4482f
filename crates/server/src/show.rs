//! `lockstep show`: the whole story of an execution in a terminal, what failed first.

mod print;
mod story;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, bail};
use aws::{Service, ServiceError};
use json::{ObjectBuilder, Value};

use crate::client::{Client, Error, Server, list, text};
use crate::plain::Plain;

use print::Shown;
use story::{Attempt, Story};

/// Exit code when there is no such execution.
const UNKNOWN: u8 = 1;
/// Events of a page of the history.
const PAGE_EVENTS: i64 = 1_000;
/// A history holds no more events than AWS's quota unless the server is told otherwise; what lies
/// behind so many is not read.
const EVENTS_MAX: usize = 100_000;
/// Lines of a function's log that are read around an attempt.
const LOG_EVENTS_MAX: i64 = 1_000;
/// A function's clock may be behind the server's, and its last line late.
const LOG_MARGIN_MS: i64 = 5_000;

pub(crate) const HELP: &str = "\
Exit code 0: shown, 1: there is no such execution, 2: the server could not be asked.
The server is asked with the credentials of the aws command. They need
states:DescribeExecution, states:GetExecutionHistory and lockstep:DescribeProvenance on the
execution (Express: lockstep:DescribeExpressExecution, lockstep:GetExpressExecutionHistory),
lockstep:DescribeConcurrency on a state machine whose executions wait for each other, and
logs:GetLogEvents for the log lines of functions.

Examples:
  lockstep show arn:aws:states:us-east-1:000000000000:execution:Order:3f0c...
  lockstep show --data arn:aws:states:us-east-1:000000000000:express:Order:3f0c...:91ab...
  lockstep show --json ARN | jq .failed.function";

/// What `lockstep show` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The ARN of the execution, Standard or Express
    #[arg(value_name = "EXECUTION")]
    execution: String,
    /// Show inputs, outputs and parameters whole, not cut to a screen
    #[arg(long)]
    data: bool,
    /// Print one JSON object: execution, provenance, waiting, failed (the last attempt), log,
    /// path
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Everything that is known of an execution.
struct Known {
    execution: Value,
    provenance: Value,
    story: Story,
    waiting: Waiting,
    /// The log of the failing attempt's function.
    log: Log,
}

/// Whether an execution waits for the concurrency limit of its state machine.
enum Waiting {
    No,
    /// `limit`, `running`, `queuedCount`, and `position` unless that is far behind.
    Queued(Value),
    /// Why it can't be told.
    Unknown(String),
}

/// The log lines of one invocation.
enum Log {
    /// No function ran, or it is not known which.
    None,
    Lines(Vec<Value>),
    /// Why they can't be shown.
    Unreadable(String),
}

/// Asks the server and prints what it says.
pub(crate) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode> {
    let arn = &arguments.execution;
    let Some(kind) = Kind::of(arn) else {
        bail!(
            "`{arn}` is no execution's ARN; one looks like \
             `arn:aws:states:us-east-1:000000000000:execution:Machine:name`"
        );
    };
    let region = arn.split(':').nth(3);
    let client = Client::new(&arguments.server.clone().within(region))?;
    let known = match Known::ask(&client, arn, kind) {
        Ok(known) => known,
        Err(Error::Refused(error)) if error.code == "ExecutionDoesNotExist" => {
            writeln!(Plain(io::stderr()), "lockstep: {}", error.message)?;
            return Ok(ExitCode::from(UNKNOWN));
        }
        Err(error) => return Err(error.into()),
    };
    // What steers a terminal is written as JSON writes it, so that JSON stays what it was.
    let out = &mut Plain(out);
    match arguments.json {
        true => writeln!(out, "{}", known.to_json())?,
        false => Shown::new(&known, arguments.data).print(out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Which operations tell of an execution.
#[derive(Clone, Copy)]
enum Kind {
    Standard,
    Express,
}

impl Kind {
    fn of(arn: &str) -> Option<Kind> {
        match arn.split(':').nth(5)? {
            "execution" => Some(Kind::Standard),
            "express" => Some(Kind::Express),
            _ => None,
        }
    }

    fn describe(self) -> (Service, &'static str) {
        match self {
            Kind::Standard => (Service::States, "DescribeExecution"),
            Kind::Express => (Service::Lockstep, "DescribeExpressExecution"),
        }
    }

    fn history(self) -> (Service, &'static str) {
        match self {
            Kind::Standard => (Service::States, "GetExecutionHistory"),
            Kind::Express => (Service::Lockstep, "GetExpressExecutionHistory"),
        }
    }
}

impl Known {
    fn ask(client: &Client, arn: &str, kind: Kind) -> Result<Known, Error> {
        let named = ObjectBuilder::new().add("executionArn", arn).build();
        let (service, describe) = kind.describe();
        let execution = client.call(service, describe, &named.clone().into())?;
        let provenance = client.call(Service::Lockstep, "DescribeProvenance", &named.into())?;
        let story = Story::of(&history(client, arn, kind)?);
        let mut known = Known {
            execution,
            provenance,
            story,
            waiting: Waiting::No,
            log: Log::None,
        };
        known.log = known.read_log(client);
        if matches!(kind, Kind::Standard) {
            known.waiting = known.ask_gate(client, arn);
        }
        Ok(known)
    }

    /// Only who runs and has entered no state can wait.
    fn ask_gate(&self, client: &Client, arn: &str) -> Waiting {
        let is_at_start = self.story.visits.is_empty();
        if text(&self.execution, "status") != "RUNNING" || !is_at_start {
            return Waiting::No;
        }
        let machine = text(&self.execution, "stateMachineArn");
        let input = ObjectBuilder::new().add("stateMachineArn", machine).build();
        match client.call(Service::Lockstep, "DescribeConcurrency", &input.into()) {
            Ok(gate) => queued(&gate, arn),
            Err(error) => Waiting::Unknown(reason(error)),
        }
    }

    /// The last attempt of the state that the end goes back to.
    fn failed(&self) -> Option<&Attempt> {
        let visit = self.story.visits.get(self.story.culprit?)?;
        visit.attempts.last()
    }

    /// What served an attempt.
    fn served(&self, attempt: &Attempt) -> Option<&Value> {
        let mut calls = list(&self.provenance, "calls").iter();
        calls.rfind(|call| {
            call.get("scheduledEventId").and_then(Value::as_i64) == Some(attempt.event_id)
        })
    }

    fn read_log(&self, client: &Client) -> Log {
        let Some(attempt) = self.failed() else {
            return Log::None;
        };
        let function = self.served(attempt).and_then(|call| call.get("function"));
        let Some(function) = function.filter(|function| !text(function, "logStream").is_empty())
        else {
            return Log::None;
        };
        let input = ObjectBuilder::new()
            .add("logGroupName", text(function, "logGroup"))
            .add("logStreamName", text(function, "logStream"))
            .add("startTime", attempt.scheduled_ms - LOG_MARGIN_MS)
            .add("startFromHead", true)
            .add("limit", LOG_EVENTS_MAX)
            .build();
        match client.call(Service::Logs, "GetLogEvents", &input.into()) {
            Ok(answer) => {
                let events = list(&answer, "events");
                Log::Lines(of_request(events, text(function, "requestId")))
            }
            Err(error) => Log::Unreadable(reason(error)),
        }
    }

    fn to_json(&self) -> Value {
        let mut json = ObjectBuilder::new();
        json.add("execution", self.execution.clone())
            .add("provenance", self.provenance.clone());
        if let Waiting::Queued(gate) = &self.waiting {
            json.add("waiting", gate.clone());
        }
        if let Some(failed) = print::failed_json(self) {
            json.add("failed", failed);
        }
        if let Log::Lines(lines) = &self.log {
            json.add("log", lines.clone());
        }
        json.add("path", print::path_json(&self.story));
        json.build().into()
    }
}

/// Why a call was not answered.
fn reason(error: Error) -> String {
    match error {
        Error::Refused(ServiceError { code, message, .. }) => format!("{code}: {message}"),
        error => error.to_string(),
    }
}

/// Where an execution stands in what DescribeConcurrency answers, which names the first ones only.
fn queued(gate: &Value, arn: &str) -> Waiting {
    let mut named = list(gate, "queued").iter();
    let place = named.find(|queued| text(queued, "executionArn") == arn);
    let count = gate.get("queuedCount").and_then(Value::as_i64);
    let named = i64::try_from(list(gate, "queued").len()).unwrap_or(i64::MAX);
    // Who is not named, though all are, began to run in between.
    if place.is_none() && count.is_none_or(|count| count <= named) {
        return Waiting::No;
    }
    let mut waiting = ObjectBuilder::new();
    for member in ["limit", "running", "queuedCount"] {
        if let Some(value) = gate.get(member) {
            waiting.add(member, value.clone());
        }
    }
    if let Some(position) = place.and_then(|place| place.get("position")) {
        waiting.add("position", position.clone());
    }
    Waiting::Queued(waiting.build().into())
}

/// The events of one invocation: from its START to its REPORT. Without a START, which a log may
/// lack (JSON), all of them.
fn of_request(events: &[Value], request_id: &str) -> Vec<Value> {
    let names = |event: &Value, word: &str| {
        let message = text(event, "message");
        message.starts_with(word) && message.contains(request_id)
    };
    let first = events.iter().position(|event| names(event, "START "));
    let last = events.iter().rposition(|event| names(event, "REPORT "));
    let from = first.unwrap_or(0);
    let until = last.map_or(events.len(), |last| last + 1);
    events.get(from..until).unwrap_or(events).to_vec()
}

fn history(client: &Client, arn: &str, kind: Kind) -> Result<Vec<Value>, Error> {
    let (service, operation) = kind.history();
    let mut events = Vec::new();
    let mut next = None;
    loop {
        let mut input = ObjectBuilder::new();
        input
            .add("executionArn", arn)
            .add("maxResults", PAGE_EVENTS)
            .add("includeExecutionData", true);
        if let Some(token) = next {
            input.add("nextToken", token);
        }
        let page = client.call(service, operation, &input.build().into())?;
        events.extend_from_slice(list(&page, "events"));
        match text(&page, "nextToken") {
            "" => return Ok(events),
            _ if events.len() >= EVENTS_MAX => return Ok(events),
            token => next = Some(token.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
