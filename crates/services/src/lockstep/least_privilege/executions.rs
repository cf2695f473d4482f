//! What executions really called, from their histories.

use aws::ServiceError;
use engine::{HistoryQuery, ListQuery, Summary};
use json::Value;

use super::definition::Role;
use crate::states::States;

/// Executions that are read when the caller does not say: most state machines have called by then
/// whatever they call.
pub(super) const EXECUTIONS_DEFAULT: usize = 100;
/// Events that are read for one answer: a few seconds' work. What lies beyond is not read, and the
/// answer says so.
const EVENTS_MAX: usize = 100_000;
/// The longest page of a history.
const PAGE_EVENTS: usize = 1_000;

/// One call that a Task made.
pub(super) struct Made {
    pub(super) state: String,
    /// As a definition's `Resource` names it.
    pub(super) resource: String,
    pub(super) parameters: Value,
    pub(super) role: Role,
}

/// The newest executions of a state machine, one page of history at a time.
pub(super) struct Histories<'s> {
    states: &'s States,
    is_express: bool,
    executions: std::vec::IntoIter<Summary>,
    /// The one that is being read, and where its next page begins.
    under_way: Option<(Summary, Option<String>)>,
    /// For each event of it by its id, the state it happened in.
    in_states: Vec<Option<usize>>,
    names: Vec<String>,
    pub(super) executions_read: usize,
    events_read: usize,
    /// Whether every execution that is kept was read to its end.
    pub(super) is_complete: bool,
}

impl<'s> Histories<'s> {
    /// Those of a machine, version or alias.
    pub(super) async fn of(
        states: &'s States,
        mut query: ListQuery,
        is_express: bool,
        executions_max: usize,
    ) -> Result<Histories<'s>, ServiceError> {
        query.max_results = executions_max;
        let page = match executions_max {
            0 => None,
            _ => {
                let read = states.reading(move |engine| match is_express {
                    true => engine.express_runs(&query),
                    false => engine.list(&query),
                });
                Some(read.await?)
            }
        };
        let is_complete = page.as_ref().is_some_and(|page| page.next_token.is_none());
        let executions = page.map(|page| page.executions).unwrap_or_default();
        Ok(Histories {
            states,
            is_express,
            executions: executions.into_iter(),
            under_way: None,
            in_states: Vec::new(),
            names: Vec::new(),
            executions_read: 0,
            events_read: 0,
            is_complete,
        })
    }

    /// The calls in the next page, and which of the executions it is from, counted from 1. `None`
    /// when there is nothing more to read.
    pub(super) async fn next(&mut self) -> Result<Option<(usize, Vec<Made>)>, ServiceError> {
        if self.under_way.is_none() {
            let Some(execution) = self.executions.next() else {
                return Ok(None);
            };
            if self.events_read >= EVENTS_MAX {
                self.is_complete = false;
                return Ok(None);
            }
            self.executions_read += 1;
            self.in_states.clear();
            self.names.clear();
            self.under_way = Some((execution, None));
        }
        let Some((execution, next_token)) = self.under_way.take() else {
            return Ok(None);
        };
        let arn = execution.execution_arn.clone();
        let query = HistoryQuery {
            max_results: PAGE_EVENTS,
            reverse_order: false,
            include_execution_data: true,
            next_token,
        };
        let is_express = self.is_express;
        let read = self.states.reading(move |engine| match is_express {
            true => engine.express_history(&arn, &query),
            false => engine.history(&arn, &query),
        });
        let page = match read.await {
            Ok(page) => page,
            // It was deleted or forgotten since it was listed.
            Err(error) if error.code == "ExecutionDoesNotExist" => return Ok(self.skipped()),
            Err(error) => return Err(error),
        };
        self.events_read += page.events.len();
        let made = page.events.iter().filter_map(|event| self.made(event));
        let made: Vec<Made> = made.collect();
        match page.next_token {
            Some(_) if self.events_read >= EVENTS_MAX => self.is_complete = false,
            Some(token) => self.under_way = Some((execution, Some(token))),
            None => {}
        }
        Ok(Some((self.executions_read, made)))
    }

    fn skipped(&mut self) -> Option<(usize, Vec<Made>)> {
        self.executions_read -= 1;
        Some((self.executions_read, Vec::new()))
    }

    /// The call that an event is about. Every event says which one it follows, and the first one in
    /// a state names it.
    fn made(&mut self, event: &Value) -> Option<Made> {
        let id = usize::try_from(event.get("id")?.as_i64()?).ok()?;
        let kind = event.get("type")?.as_str()?;
        let state = match event.get("stateEnteredEventDetails") {
            Some(entered) => {
                self.names.push(entered.get("name")?.as_str()?.to_owned());
                Some(self.names.len() - 1)
            }
            None => {
                let previous = event.get("previousEventId").and_then(Value::as_i64);
                let previous = previous.and_then(|id| usize::try_from(id).ok());
                previous.and_then(|id| self.in_states.get(id).copied().flatten())
            }
        };
        if self.in_states.len() <= id {
            self.in_states.resize(id + 1, None);
        }
        *self.in_states.get_mut(id)? = state;
        let state = self.names.get(state?)?;
        let (details, resource, input) = match kind {
            "TaskScheduled" => {
                let details = event.get("taskScheduledEventDetails")?;
                let text = |member| details.get(member)?.as_str();
                let service = text("resourceType")?;
                let resource = format!("arn:aws:states:::{service}:{}", text("resource")?);
                (details, resource, text("parameters")?)
            }
            "LambdaFunctionScheduled" => {
                let details = event.get("lambdaFunctionScheduledEventDetails")?;
                (details, details.get("resource")?.as_str()?.to_owned(), "{}")
            }
            _ => return None,
        };
        let role = details.get("taskCredentials");
        let role = role.and_then(|credentials| credentials.get("roleArn")?.as_str());
        Some(Made {
            state: state.clone(),
            resource,
            parameters: json::parse(input).ok()?,
            role: role.map_or(Role::Own, |arn| Role::Assumed(arn.to_owned())),
        })
    }
}
