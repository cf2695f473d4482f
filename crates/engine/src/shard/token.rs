//! SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat.

use asl::decide::{Input, Moment, Refusal};
use asl::token::{self, TaskToken};

use super::command::{Answer, Outcome, TokenInput};
use super::{Halt, Shard};
use crate::request::{Error, TokenError};

impl Shard {
    pub(super) fn token(
        &mut self,
        token: &TaskToken,
        input: &TokenInput,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        let refuse = |error: TokenError| Ok(Outcome::answer(None, Answer::Token(Err(error))));
        let execution_arn = token.execution_arn.clone();
        let Some(entity) = self.find(&execution_arn)? else {
            return refuse(TokenError::DoesNotExist);
        };
        if !self.is_loaded(entity)? {
            return refuse(TokenError::DoesNotExist);
        }
        let Some(execution) = self.cache.get(entity) else {
            return refuse(TokenError::DoesNotExist);
        };
        let start = execution.run.start.as_ref();
        // Refusals wait for the group too: what they tell of may not be committed yet.
        if !start.is_some_and(|start| token::verify(start, token)) {
            let answer = Answer::Token(Err(TokenError::Invalid));
            return Ok(self.outcome_of(entity, Vec::new(), answer));
        }
        let attempt = token.attempt;
        if attempt > execution.run.last_event {
            // The token is ours, and so is its attempt, but the run does not know it: somebody else
            // has led the execution on.
            return Err(Error::NotOwned(entity.shard().0).into());
        }
        if !execution.run.is_awaited(attempt) {
            let answer = Answer::Token(Err(TokenError::TimedOut));
            return Ok(self.outcome_of(entity, Vec::new(), answer));
        }
        let input = match input.clone() {
            TokenInput::Succeeded(output) => Input::TaskSucceeded { attempt, output },
            TokenInput::Failed(failure) => Input::TaskFailed { attempt, failure },
            TokenInput::Heartbeat => {
                self.beat(entity, attempt, moment.now);
                return Ok(self.outcome_of(entity, Vec::new(), Answer::Token(Ok(()))));
            }
        };
        match self.decide(entity, input, moment)? {
            Ok(actions) => Ok(self.outcome_of(entity, actions, Answer::Token(Ok(())))),
            Err(Refusal::NotRunning | Refusal::NotAwaited) => {
                let answer = Answer::Token(Err(TokenError::TimedOut));
                Ok(self.outcome_of(entity, Vec::new(), answer))
            }
            Err(refusal) => Err(Error::Refused {
                execution: execution_arn,
                refusal,
            }
            .into()),
        }
    }
}
