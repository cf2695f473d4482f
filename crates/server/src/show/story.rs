//! What happened, made of a history: which states were visited, what each attempt of them came to,
//! and which of them the end goes back to.

use aws::time;
use json::Value;

use crate::client::text;

/// One stay in a state.
#[derive(Debug, PartialEq)]
pub(super) struct Visit {
    pub state: String,
    /// `Task`, as history events name it.
    pub kind: String,
    pub entered_ms: i64,
    /// `None` while it goes on, and if it failed.
    pub exited_ms: Option<i64>,
    pub attempts: Vec<Attempt>,
    /// What ended it, if it was not left.
    pub failure: Option<Failure>,
}

/// One call of a state.
#[derive(Debug, PartialEq)]
pub(super) struct Attempt {
    /// Of its Scheduled event.
    pub event_id: i64,
    pub scheduled_ms: i64,
    pub ended_ms: Option<i64>,
    pub resource: String,
    /// JSON text; empty where the reader may not see it.
    pub parameters: String,
    pub failure: Option<Failure>,
}

/// Error and cause as the history has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Failure {
    pub error: String,
    pub cause: String,
}

/// A whole history.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub visits: Vec<Visit>,
    /// The visit that an execution's bad end goes back to.
    pub culprit: Option<usize>,
    /// Of each event by its id: its visit, and the event before it.
    trail: Vec<(Option<usize>, i64)>,
}

impl Story {
    /// Of the events of GetExecutionHistory, from the first on.
    pub(super) fn of(events: &[Value]) -> Story {
        let mut story = Story::default();
        for event in events {
            story.add(event);
        }
        story
    }

    fn add(&mut self, event: &Value) {
        let id = number(event, "id");
        let previous = number(event, "previousEventId");
        let kind = text(event, "type");
        let at = event
            .get("timestamp")
            .and_then(time::epoch_ms)
            .unwrap_or_default();
        let before = self.visit_of(previous);
        let visit = match kind.strip_suffix("StateEntered") {
            Some(kind) => Some(self.enter(kind, event, at)),
            None => before,
        };
        let place = usize::try_from(id).unwrap_or_default();
        if self.trail.len() <= place {
            self.trail.resize(place + 1, (None, 0));
        }
        if let Some(crumb) = self.trail.get_mut(place) {
            *crumb = (visit, previous);
        }
        if let Some(visit) = visit.and_then(|at| self.visits.get_mut(at)) {
            visit.note(kind, id, at, event);
        }
        match kind {
            "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted" => {
                self.culprit = self.origin(previous);
            }
            "ExecutionRedriven" => self.culprit = None,
            _ => {}
        }
    }

    fn enter(&mut self, kind: &str, event: &Value, at: i64) -> usize {
        let state = event
            .get("stateEnteredEventDetails")
            .map(|details| text(details, "name"));
        self.visits.push(Visit {
            state: state.unwrap_or_default().to_owned(),
            kind: kind.to_owned(),
            entered_ms: at,
            exited_ms: None,
            attempts: Vec::new(),
            failure: None,
        });
        self.visits.len() - 1
    }

    fn visit_of(&self, id: i64) -> Option<usize> {
        let place = usize::try_from(id).ok()?;
        self.trail.get(place)?.0
    }

    /// The visit that a bad end goes back to: the last one in front of it that failed by itself,
    /// not because of what is below it.
    fn origin(&self, mut id: i64) -> Option<usize> {
        let last = self.visit_of(id);
        loop {
            let visit = self.visit_of(id);
            let has_failed = |at: &usize| {
                let visit = self.visits.get(*at);
                visit.is_some_and(|visit| visit.failure.is_some())
            };
            if let Some(found) = visit.filter(has_failed) {
                return Some(found);
            }
            let place = usize::try_from(id).ok()?;
            match self.trail.get(place) {
                Some((_, previous)) if *previous > 0 && *previous < id => id = *previous,
                _ => return last,
            }
        }
    }
}

impl Visit {
    fn note(&mut self, kind: &str, id: i64, at: i64, event: &Value) {
        if kind.ends_with("StateExited") {
            self.exited_ms = Some(at);
            self.failure = None;
        } else if is_of_call(kind, &["Scheduled"]) {
            self.failure = None;
            self.attempts.push(Attempt::of(id, at, event));
        } else if is_of_call(kind, &["Succeeded"]) {
            self.end(at, None);
        } else if is_of_call(
            kind,
            &["Failed", "TimedOut", "ScheduleFailed", "StartFailed"],
        ) || kind == "TaskSubmitFailed"
        {
            let failure = failure(event);
            self.failure = Some(failure.clone());
            self.end(at, Some(failure));
        } else if kind == "EvaluationFailed" {
            self.failure = Some(failure(event));
        } else if kind == "FailStateEntered" {
            self.failure = Some(Failure::default());
        }
    }

    fn end(&mut self, at: i64, failure: Option<Failure>) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.ended_ms = Some(at);
            attempt.failure = failure;
        }
    }
}

impl Attempt {
    fn of(id: i64, at: i64, event: &Value) -> Attempt {
        let details = details(event);
        let member = |name: &str| {
            details
                .map(|details| text(details, name))
                .unwrap_or_default()
        };
        let resource = match (member("resourceType"), member("resource")) {
            ("", resource) => resource.to_owned(),
            (service, action) => format!("arn:aws:states:::{service}:{action}"),
        };
        let parameters = match member("parameters") {
            "" => member("input"),
            parameters => parameters,
        };
        Attempt {
            event_id: id,
            scheduled_ms: at,
            ended_ms: None,
            resource,
            parameters: parameters.to_owned(),
            failure: None,
        }
    }
}

/// Whether an event is of a call: `LambdaFunctionFailed`, `TaskTimedOut`, `ActivityScheduled`.
fn is_of_call(kind: &str, ends: &[&str]) -> bool {
    let prefixes = ["LambdaFunction", "Activity", "Task"];
    let rest = prefixes.iter().find_map(|prefix| kind.strip_prefix(prefix));
    rest.is_some_and(|rest| ends.contains(&rest))
}

fn number(event: &Value, member: &str) -> i64 {
    event
        .get(member)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// What an event carries beside its id, type and time.
fn details(event: &Value) -> Option<&Value> {
    let members = event.as_object()?;
    let found = members
        .iter()
        .find(|(name, _)| name.ends_with("EventDetails"));
    found.map(|(_, details)| details)
}

fn failure(event: &Value) -> Failure {
    let details = details(event);
    let member = |name: &str| {
        let text = details.map(|details| text(details, name));
        text.unwrap_or_default().to_owned()
    };
    Failure {
        error: member("error"),
        cause: member("cause"),
    }
}

#[cfg(test)]
mod tests;
