//! The story for people, and for machines.

use std::io::{self, Write};

use aws::time;
use json::{ObjectBuilder, Value, View};

use super::story::{Attempt, Failure, Story, Visit};
use super::{Known, Log, Waiting};
use crate::client::{list, text};
use crate::pretty;

/// Visits that are shown; of longer paths the first and the last ones are.
const VISITS_SHOWN: usize = 200;

/// What is printed.
pub(super) struct Shown<'s> {
    known: &'s Known,
    /// Lines of a value; `None` for all.
    lines_max: Option<usize>,
}

impl<'s> Shown<'s> {
    pub(super) fn new(known: &'s Known, data: bool) -> Shown<'s> {
        let lines_max = (!data).then_some(pretty::LINES_MAX);
        Shown { known, lines_max }
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        self.print_end(out)?;
        self.print_failed(out)?;
        self.print_execution(out)?;
        self.print_path(out)
    }

    /// How it stands, in a line, and why it ended badly.
    fn print_end(&self, out: &mut dyn Write) -> io::Result<()> {
        let execution = &self.known.execution;
        let status = text(execution, "status");
        let seconds = match (ms(execution, "startDate"), ms(execution, "stopDate")) {
            (Some(start), Some(stop)) => format!(" after {}", seconds(stop - start)),
            _ => String::new(),
        };
        let state = self.known.story.culprit;
        let state = state.and_then(|at| self.known.story.visits.get(at));
        let state = state.map_or(String::new(), |visit| format!(" in state {}", visit.state));
        writeln!(out, "{status}{seconds}{state}")?;
        self.print_waiting(out)?;
        let failure = Failure {
            error: text(execution, "error").to_owned(),
            cause: text(execution, "cause").to_owned(),
        };
        print_failure(&failure, "  ", out)
    }

    /// Why nothing has happened yet.
    fn print_waiting(&self, out: &mut dyn Write) -> io::Result<()> {
        let gate = match &self.known.waiting {
            Waiting::No => return Ok(()),
            Waiting::Unknown(reason) => {
                return writeln!(out, "  whether it waits cannot be told: {reason}");
            }
            Waiting::Queued(gate) => gate,
        };
        let number = |name: &str| gate.get(name).and_then(Value::as_i64).unwrap_or_default();
        let (limit, running) = (number("limit"), number("running"));
        let place = match number("position") {
            0 => "one of the last".to_owned(),
            position => format!("number {position}"),
        };
        writeln!(
            out,
            "  waits for its state machine's limit (tag lockstep:maxConcurrency = {limit}): \
             {running} run, it is {place} of {} that wait",
            number("queuedCount")
        )
    }

    /// The failing attempt: what was called, what served it, and what that wrote.
    fn print_failed(&self, out: &mut dyn Write) -> io::Result<()> {
        let story = &self.known.story;
        let visit = story.culprit.and_then(|at| story.visits.get(at));
        let Some((visit, attempt)) = visit.and_then(|it| Some((it, it.attempts.last()?))) else {
            return Ok(());
        };
        let count = visit.attempts.len();
        let lasted = attempt
            .ended_ms
            .map(|end| seconds(end - attempt.scheduled_ms));
        let lasted = lasted.map_or(String::new(), |lasted| format!(", {lasted}"));
        let of = match count {
            1 => "the only attempt".to_owned(),
            _ => format!("attempt {count} of {count}"),
        };
        let id = attempt.event_id;
        writeln!(out, "\n{}, {of} (event {id}{lasted})", visit.state)?;
        writeln!(out, "  called     {}", attempt.resource)?;
        self.print_value("with", &attempt.parameters, out)?;
        if let Some(served) = self.known.served(attempt) {
            if let Some(function) = served.get("function") {
                print_function(function, out)?;
            }
            print_policies(list(served, "rolePolicies"), out)?;
        }
        if let Some(failure) = &attempt.failure
            && let Some(id) = authorization_id(&failure.cause)
        {
            writeln!(
                out,
                "  denied     `lockstep why {id}` says by what, and what would allow it"
            )?;
        }
        self.print_log(out)
    }

    fn print_log(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.known.log {
            Log::None => Ok(()),
            Log::Unreadable(reason) => writeln!(out, "  log        cannot be read: {reason}"),
            Log::Lines(lines) if lines.is_empty() => {
                writeln!(
                    out,
                    "  log        empty, or the function's role may not write it"
                )
            }
            Log::Lines(lines) => {
                writeln!(out, "  log")?;
                let hidden = self
                    .lines_max
                    .map_or(0, |max| lines.len().saturating_sub(max));
                if hidden > 0 {
                    writeln!(out, "    ... ({hidden} earlier lines; --data shows them)")?;
                }
                for event in lines.iter().skip(hidden) {
                    for line in text(event, "message").trim_end().lines() {
                        writeln!(out, "    {line}")?;
                    }
                }
                Ok(())
            }
        }
    }

    /// What ran, and where it comes from.
    fn print_execution(&self, out: &mut dyn Write) -> io::Result<()> {
        let (execution, origin) = (&self.known.execution, &self.known.provenance);
        writeln!(out, "\nExecution")?;
        let mut line = |name: &str, value: &str| match value {
            "" => Ok(()),
            value => writeln!(out, "  {name:<11}{value}"),
        };
        line("arn", text(execution, "executionArn"))?;
        line("machine", text(origin, "stateMachineArn"))?;
        line("version", qualifier(text(origin, "stateMachineVersionArn")))?;
        line("alias", qualifier(text(origin, "stateMachineAliasArn")))?;
        let made = ms(origin, "revisionDate")
            .map(time::iso8601)
            .unwrap_or_default();
        let revision = match text(origin, "revisionId") {
            "" => format!("the first, of {made}"),
            id => format!("{id}, of {made}"),
        };
        line("revision", &revision)?;
        line(
            "definition",
            &format!("sha256 {}", text(origin, "definitionSha256")),
        )?;
        line("role", text(origin, "roleArn"))?;
        for (name, member) in [("started", "startDate"), ("stopped", "stopDate")] {
            line(
                name,
                &ms(execution, member).map(time::iso8601).unwrap_or_default(),
            )?;
        }
        let redrives = execution.get("redriveCount").and_then(Value::as_i64);
        if let Some(count) = redrives.filter(|count| *count > 0) {
            line("redrives", &count.to_string())?;
        }
        line("trace", text(execution, "traceHeader"))?;
        if let Some(View::Object(tags)) = origin.get("tags").map(Value::view) {
            for (key, value) in tags.iter() {
                line(
                    "tag",
                    &format!("{key}={}", value.as_str().unwrap_or_default()),
                )?;
            }
        }
        self.print_value("input", text(execution, "input"), out)?;
        self.print_value("output", text(execution, "output"), out)
    }

    fn print_path(&self, out: &mut dyn Write) -> io::Result<()> {
        let visits = &self.known.story.visits;
        if visits.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nPath")?;
        let began = visits.first().map_or(0, |visit| visit.entered_ms);
        let hidden = visits.len().saturating_sub(VISITS_SHOWN);
        let (head, tail) = (VISITS_SHOWN / 2, VISITS_SHOWN / 2 + hidden);
        for (at, visit) in visits.iter().enumerate() {
            if hidden > 0 && at == head {
                writeln!(out, "       ... ({hidden} more)")?;
            }
            if hidden == 0 || at < head || at >= tail {
                writeln!(out, "{}", path_line(visit, began))?;
            }
        }
        Ok(())
    }

    /// JSON text under a name, one member a line.
    fn print_value(&self, name: &str, value: &str, out: &mut dyn Write) -> io::Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        let lines = match json::parse(value) {
            Ok(value) => pretty::lines(&value, self.lines_max),
            Err(_) => vec![value.to_owned()],
        };
        for (at, line) in lines.iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            writeln!(out, "  {name:<11}{line}")?;
        }
        Ok(())
    }
}

fn print_function(function: &Value, out: &mut dyn Write) -> io::Result<()> {
    let (arn, version) = (text(function, "functionArn"), text(function, "version"));
    writeln!(out, "  ran        {arn}, version {version}")?;
    writeln!(
        out,
        "             code sha256 {}",
        text(function, "codeSha256")
    )?;
    writeln!(out, "             request {}", text(function, "requestId"))
}

fn print_policies(policies: &[Value], out: &mut dyn Write) -> io::Result<()> {
    for (at, policy) in policies.iter().enumerate() {
        let name = if at == 0 { "role had" } else { "" };
        let boundary = match policy.get("isBoundary").and_then(Value::as_bool) {
            Some(true) => " (boundary)",
            _ => "",
        };
        let shown = match text(policy, "arn") {
            "" => {
                let digest = text(policy, "sha256");
                let digest = digest.get(..12).unwrap_or(digest);
                format!("inline {} (sha256 {digest}...)", text(policy, "name"))
            }
            arn => format!("{arn} {}{boundary}", text(policy, "version")),
        };
        writeln!(out, "  {name:<11}{shown}")?;
    }
    Ok(())
}

fn print_failure(failure: &Failure, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    match &*failure.error {
        "" if failure.cause.is_empty() => return Ok(()),
        "" => {}
        error => writeln!(out, "{indent}{error}")?,
    }
    match failure.cause.is_empty() {
        true => Ok(()),
        false => pretty::print(&failure.cause, &format!("{indent}  "), out),
    }
}

fn path_line(visit: &Visit, began_ms: i64) -> String {
    let since = seconds(visit.entered_ms - began_ms);
    let (mark, end) = match (visit.exited_ms, &visit.failure) {
        (Some(exited), _) => (' ', seconds(exited - visit.entered_ms)),
        (None, Some(failure)) if failure.error.is_empty() => ('x', "failed".to_owned()),
        (None, Some(failure)) => ('x', format!("failed: {}", failure.error)),
        (None, None) => ('>', "not left".to_owned()),
    };
    let attempts = match visit.attempts.len() {
        0 | 1 => String::new(),
        count => format!(", {count} attempts"),
    };
    let (state, kind) = (&visit.state, &visit.kind);
    format!("{since:>10} {mark} {state} ({kind}), {end}{attempts}")
}

/// The failing attempt for machines.
pub(super) fn failed_json(known: &Known) -> Option<Value> {
    let visit = known.story.visits.get(known.story.culprit?)?;
    let mut json = ObjectBuilder::new();
    json.add("state", visit.state.as_str());
    if let Some(attempt) = visit.attempts.last() {
        json.add(
            "attempts",
            i64::try_from(visit.attempts.len()).unwrap_or(i64::MAX),
        )
        .add("scheduledEventId", attempt.event_id)
        .add("resource", attempt.resource.as_str());
        add_failure(&mut json, attempt.failure.as_ref());
        let served = known.served(attempt);
        for member in ["function", "rolePolicies"] {
            if let Some(value) = served.and_then(|served| served.get(member)) {
                json.add(member, value.clone());
            }
        }
    } else {
        add_failure(&mut json, visit.failure.as_ref());
    }
    Some(json.build().into())
}

/// The path for machines.
pub(super) fn path_json(story: &Story) -> Value {
    let shown = |visit: &Visit| {
        let mut json = ObjectBuilder::new();
        json.add("state", visit.state.as_str())
            .add("type", visit.kind.as_str())
            .add("entered", time::iso8601(visit.entered_ms));
        if let Some(exited) = visit.exited_ms {
            json.add("exited", time::iso8601(exited));
        }
        let attempts = visit.attempts.iter().map(attempt_json);
        json.add("attempts", attempts.collect::<Value>());
        add_failure(&mut json, visit.failure.as_ref());
        Value::from(json.build())
    };
    story.visits.iter().map(shown).collect()
}

fn attempt_json(attempt: &Attempt) -> Value {
    let mut json = ObjectBuilder::new();
    json.add("scheduledEventId", attempt.event_id)
        .add("scheduled", time::iso8601(attempt.scheduled_ms));
    if let Some(ended) = attempt.ended_ms {
        json.add("ended", time::iso8601(ended));
    }
    add_failure(&mut json, attempt.failure.as_ref());
    json.build().into()
}

fn add_failure(json: &mut ObjectBuilder, failure: Option<&Failure>) {
    if let Some(failure) = failure {
        json.add("error", failure.error.as_str())
            .add("cause", failure.cause.as_str());
    }
}

/// The id that a denial's text ends with.
fn authorization_id(cause: &str) -> Option<&str> {
    let (_, rest) = cause.split_once("authorization id: ")?;
    let rest = rest
        .split_once("authorization-details/")
        .map_or(rest, |(_, id)| id);
    let end = rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    rest.get(..end.unwrap_or(rest.len()))
        .filter(|id| !id.is_empty())
}

fn ms(value: &Value, member: &str) -> Option<i64> {
    value.get(member).and_then(time::epoch_ms)
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03} s", ms / 1_000, (ms % 1_000).abs())
}

/// The last part of a version's or alias's ARN.
fn qualifier(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}
