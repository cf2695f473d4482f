//! What an execution needs to go on after its end.

use std::sync::Arc;

use super::{Branch, Forked, Run, Status};
use crate::event::Text;
use crate::time::Timestamp;

/// How often an execution went on after its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redrives {
    pub count: u32,
    pub last_at: Option<Timestamp>,
    /// The client tokens of the latest, with their times; at most [`Redrives::TOKENS_MAX`].
    pub tokens: Vec<(Text, Timestamp)>,
}

impl Redrives {
    /// Client tokens that are remembered (API reference, RedriveExecution, "clientToken").
    pub const TOKENS_MAX: usize = 10;
    /// How long a client token is remembered: 15 minutes, likewise.
    pub const TOKEN_MS_MAX: i64 = 15 * 60 * 1_000;

    /// When the redrive with this client token was, if it is remembered: the same request again is
    /// answered with that date, whatever has become of the execution since.
    pub fn repeated(&self, client_token: &str, now: Timestamp) -> Option<Timestamp> {
        let tokens = self.tokens.iter().rev();
        tokens
            .filter(|(_, at)| now.0.saturating_sub(at.0) < Redrives::TOKEN_MS_MAX)
            .find(|(token, _)| **token == *client_token)
            .map(|(_, at)| *at)
    }

    /// The execution goes on once more.
    pub(crate) fn note(&mut self, count: u32, client_token: Option<&Text>, now: Timestamp) {
        self.count = count;
        self.last_at = Some(now);
        let Some(token) = client_token else {
            return;
        };
        if self.tokens.len() >= Redrives::TOKENS_MAX {
            self.tokens.remove(0);
        }
        self.tokens.push((token.clone(), now));
    }
}

/// Why an execution cannot be redriven; shown is AWS's `redriveStatusReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedrivable {
    #[error("Execution is RUNNING and cannot be redriven")]
    Running,
    #[error("Execution is SUCCEEDED and cannot be redriven")]
    Succeeded,
    /// The history has no room for ExecutionRedriven and what follows.
    #[error("Execution history event limit exceeded")]
    EventLimit,
    /// It was open for [`NotRedrivable::OPEN_MS_MAX`].
    #[error("Execution has exceeded the max execution time")]
    TooOld,
    /// It has been closed for more than [`NotRedrivable::CLOSED_MS_MAX`].
    #[error("Execution redrivable period exceeded")]
    PeriodExceeded,
}

impl NotRedrivable {
    /// An execution is open for one year at most (developer guide, "Redriving executions").
    pub const OPEN_MS_MAX: i64 = 365 * 24 * 60 * 60 * 1_000;
    /// The redrivable period: 14 days from the end, likewise.
    pub const CLOSED_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1_000;
}

/// A failed Parallel or Map and the threads below it as they were when it was cut: a redrive runs
/// those again, and no others.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub forked: Forked,
    pub threads: Vec<Arc<Branch>>,
}

impl Run {
    /// Whether the execution could be redriven now.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn redrivable(&self, now: Timestamp) -> Result<(), NotRedrivable> {
        let Some(end) = &self.end else {
            return Err(NotRedrivable::Running);
        };
        if self.status == Status::Succeeded {
            return Err(NotRedrivable::Succeeded);
        }
        let limits = self.start.as_ref().map(|start| start.limits);
        let events_max = limits.unwrap_or_default().history_events_max;
        // AWS: fewer than 24,999 of 25,000.
        if self.last_event + 1 >= u64::from(events_max) {
            return Err(NotRedrivable::EventLimit);
        }
        if end.at.0.saturating_sub(self.started_at.0) >= NotRedrivable::OPEN_MS_MAX {
            return Err(NotRedrivable::TooOld);
        }
        if now.0.saturating_sub(end.at.0) > NotRedrivable::CLOSED_MS_MAX {
            return Err(NotRedrivable::PeriodExceeded);
        }
        Ok(())
    }
}
