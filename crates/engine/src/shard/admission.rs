//! Concurrency limits: whose turn it is.

use asl::decide::{Input, Moment};
use asl::event::Text;
use store::EntityId;

use super::command::Outcome;
use super::{Halt, Shard};
use crate::bring::Need;
use crate::gates::Turn;

impl Shard {
    /// Makes sure that a machine that has a limit has its gate.
    pub(super) fn needs_gate(&self, machine_arn: &Text) -> Result<(), Halt> {
        let is_there = self.desk.gate.as_ref() == Some(machine_arn)
            || self.commons.gates.is_ready(machine_arn);
        match is_there {
            true => Ok(()),
            false => Err(Need::Gate(machine_arn.clone()).into()),
        }
    }

    /// An execution was not started, or not redriven, after it had entered.
    pub(super) fn leave_gate(&mut self, machine_arn: &Text, entity: EntityId) {
        let admitted = self.commons.gates.leave(machine_arn, entity);
        self.admitted.extend(admitted);
    }

    /// Lets a queued execution go on if it is its turn.
    pub(super) fn admit(&mut self, entity: EntityId, moment: Moment) -> Result<Outcome, Halt> {
        if !self.is_loaded(entity)? {
            self.admitted.extend(self.commons.gates.forget(entity));
            return Ok(Outcome::nothing());
        }
        let run = self.cache.get(entity).map(|execution| &execution.run);
        let queued = run.filter(|run| run.queued);
        let Some(start) = queued.and_then(|run| run.start.clone()) else {
            return Ok(Outcome::nothing());
        };
        // It ends with its turn, which it need not wait for.
        if self.commons.deletions.is_deleting(&start.state_machine_arn) {
            return self.decide_quietly(entity, Input::Admitted, moment);
        }
        self.needs_gate(&start.state_machine_arn)?;
        match self.commons.gates.enter(&start.state_machine_arn, entity) {
            Turn::Now => self.decide_quietly(entity, Input::Admitted, moment),
            Turn::Later => Ok(Outcome::nothing()),
        }
    }
}

#[cfg(test)]
mod tests;
