//! RedriveExecution.

use std::sync::Arc;

use asl::decide::{Input, Moment, Refusal, redrive_queued};
use asl::event::{Start, Text};
use asl::time::Timestamp;
use store::EntityId;

use super::command::{Action, Answer, Outcome};
use super::{Halt, Shard};
use crate::gates::Turn;
use crate::request::RedriveError;

impl Shard {
    pub(super) fn redrive(
        &mut self,
        execution_arn: &Text,
        client_token: Option<&Text>,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        let absent = || Answer::Redriven(Err(RedriveError::DoesNotExist(execution_arn.clone())));
        let Some(entity) = self.find(execution_arn)? else {
            return Ok(Outcome::answer(None, absent()));
        };
        if !self.is_loaded(entity)? {
            return Ok(Outcome::answer(None, absent()));
        }
        let (actions, answer) = match self.redrive_loaded(entity, client_token, moment)? {
            Ok((actions, redriven_at)) => (actions, Ok(redriven_at)),
            Err(error) => (Vec::new(), Err(error)),
        };
        Ok(self.outcome_of(entity, actions, Answer::Redriven(answer)))
    }

    fn redrive_loaded(
        &mut self,
        entity: EntityId,
        client_token: Option<&Text>,
        moment: Moment,
    ) -> Result<Result<(Vec<Action>, Timestamp), RedriveError>, Halt> {
        let absent = || self.refused(entity, Refusal::NotRunning);
        let run = self
            .cache
            .get(entity)
            .map(|it| &it.run)
            .ok_or_else(absent)?;
        let start = run.start.clone().ok_or_else(absent)?;
        let place = self.commons.place(&start.state_machine_arn);
        // As the decision does, but before the execution takes a turn of others.
        let repeated = client_token.and_then(|token| run.redrives.repeated(token, moment.now));
        if let Some(at) = repeated {
            return Ok(Ok((Vec::new(), at)));
        }
        if let Err(reason) = run.redrivable(moment.now) {
            return Ok(Err(RedriveError::NotRedrivable(reason)));
        }
        if self.commons.deletions.refuses(&start.state_machine_arn) {
            return Ok(Err(RedriveError::Deleting));
        }
        if place.open_executions() >= self.config.open_executions_max {
            return Ok(Err(RedriveError::LimitExceeded));
        }
        self.needs_gate(&start.state_machine_arn)?;
        match self.go_on_redriven(entity, &start, client_token, moment)? {
            Ok(actions) => {
                place.open(u64::MAX);
                let run = self.cache.get(entity).map(|execution| &execution.run);
                let redriven_at = run.and_then(|run| run.redrives.last_at);
                Ok(Ok((actions, redriven_at.unwrap_or(moment.now))))
            }
            Err(refusal) => {
                self.leave_gate(&start.state_machine_arn, entity);
                match refusal {
                    Refusal::AlreadyRedriven { at } => Ok(Ok((Vec::new(), at))),
                    Refusal::NotRedrivable(reason) => Ok(Err(RedriveError::NotRedrivable(reason))),
                    refusal => Err(self.refused(entity, refusal).into()),
                }
            }
        }
    }

    /// Decides a redrive, by the state machine's gate.
    fn go_on_redriven(
        &mut self,
        entity: EntityId,
        start: &Arc<Start>,
        client_token: Option<&Text>,
        moment: Moment,
    ) -> Result<Result<Vec<Action>, Refusal>, Halt> {
        let client_token = client_token.cloned();
        match self.commons.gates.enter(&start.state_machine_arn, entity) {
            Turn::Now => self.decide(entity, Input::Redrive { client_token }, moment),
            Turn::Later => {
                let Some(execution) = self.cache.get(entity) else {
                    return Ok(Err(Refusal::NotRunning));
                };
                let (program, run) = (&execution.program, &execution.run);
                let decision = redrive_queued(program, run, moment, client_token);
                Ok(decision.map(|decision| self.record(entity, decision, moment.now)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
