//! Activities: whether they exist, and GetActivityTask: a worker takes a task.

use asl::decide::{Input, Moment};
use asl::event::{EventId, Text};
use asl::program::{Program, StateKind};
use asl::run::Run;
use asl::token;
use store::EntityId;

use super::calls::Errand;
use super::command::{Answer, Outcome};
use super::{Halt, Shard, is_stale};
use crate::bring::Need;
use crate::request::ActivityTask;

impl Shard {
    /// The activities that a program names and that are missing: their Tasks fail.
    pub(super) fn missing_activities(&mut self, program: &Program) -> Result<Vec<Text>, Halt> {
        let named = &program.activities;
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let (mut unknown, deletions) = self.commons.unknown(named);
        let looked_at = &self.desk.activities;
        let is_missing = |arn: &Text| {
            let mut found = looked_at.iter().filter(|(it, _)| it == arn);
            found.next().map(|(_, exists)| !exists)
        };
        if unknown.iter().any(|arn| is_missing(arn).is_none()) {
            self.desk.deletions = deletions;
            return Err(Need::Activities(unknown).into());
        }
        unknown.retain(|arn| is_missing(arn) == Some(true));
        Ok(unknown)
    }

    /// Records that a worker takes the task of an attempt. Each attempt is given to one worker
    /// only: the next one is refused by what this one's record says.
    pub(super) fn pick_up(
        &mut self,
        entity: EntityId,
        attempt: EventId,
        worker_name: Option<&Text>,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        // It is in no queue any more.
        self.calls.end(entity, attempt, Errand::Offer);
        if !self.is_loaded(entity)? {
            return Ok(Outcome::answer(None, Answer::PickedUp(Ok(None))));
        }
        let execution = self.cache.get(entity);
        let task = execution.and_then(|it| task(&it.run, &it.program, attempt));
        let input = Input::ActivityPickedUp {
            attempt,
            worker_name: worker_name.cloned(),
        };
        match self.decide(entity, input, moment)? {
            Ok(actions) => Ok(self.outcome_of(entity, actions, Answer::PickedUp(Ok(task)))),
            Err(refusal) if is_stale(refusal) => {
                let answer = Answer::PickedUp(Ok(None));
                Ok(self.outcome_of(entity, Vec::new(), answer))
            }
            Err(refusal) => Err(self.refused(entity, refusal).into()),
        }
    }
}

/// What the worker gets.
fn task(run: &Run, program: &Program, attempt: EventId) -> Option<ActivityTask> {
    let mut calling = run.branches.iter().filter_map(|thread| thread.calling());
    let (visit, calling) = calling.find(|(_, calling)| calling.attempt == attempt)?;
    let StateKind::Task(task) = &program.state(visit.state)?.kind else {
        return None;
    };
    let start = run.start.as_ref()?;
    Some(ActivityTask {
        task_token: token::mint_of_activity(start, attempt, &task.resource.arn),
        input: calling.parameters.clone(),
    })
}

#[cfg(test)]
mod tests;
