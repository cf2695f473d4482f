//! What executions have done outside: calls of tasks, jobs waited for and stopped, and tasks of
//! activities laid out.

use asl::decide::{Call, Effect, Input, Moment};
use asl::event::EventId;
use asl::program::{Program, ResourceFamily, StateIndex, StateKind};
use asl::run::{Calling, Run};
use store::EntityId;

use super::calls::Errand;
use super::command::{Action, Answer, Outcome};
use super::express::is_under_way;
use super::{Halt, Shard};
use crate::task::TaskCall;
use crate::trace;

/// Whether anything has to be done, or done again after a restart, for this run.
pub(super) fn owes(run: &Run, program: &Program) -> bool {
    let mut calling = run.branches.iter().filter_map(|thread| thread.calling());
    !run.cancels.is_empty()
        || is_under_way(run)
        || calling.any(|(visit, calling)| errand(run, program, visit.state, calling).is_some())
}

/// What is to be done for an attempt that waits: nothing if only a task token, or the worker that
/// has it, can bring the result.
fn errand(run: &Run, program: &Program, state: StateIndex, calling: &Calling) -> Option<Errand> {
    if calling.submitted.is_some() {
        let start = run.start.as_ref();
        // Mocks send their tokens back themselves: they are watched.
        let is_mocked = || start.is_some_and(|start| start.mock_case.is_some());
        return (calling.is_job || is_mocked()).then_some(Errand::Watch);
    }
    let StateKind::Task(task) = &program.state(state)?.kind else {
        return None;
    };
    match task.resource.family {
        ResourceFamily::Activity => (!calling.is_picked_up()).then_some(Errand::Offer),
        _ => Some(Errand::Call),
    }
}

impl Shard {
    /// What an effect means outside; nothing if there is no room for it now.
    pub(super) fn act(&mut self, entity: EntityId, effect: Effect) -> Option<Action> {
        match effect {
            Effect::Call(call) if call.resource.family == ResourceFamily::Activity => self
                .take_place(entity, call.attempt, Errand::Offer)
                .then(|| Action::Offer {
                    entity,
                    attempt: call.attempt,
                    activity_arn: call.resource.arn,
                }),
            Effect::Call(call) => {
                let call = self.task_call(entity, call, Errand::Call)?;
                Some(Action::Call(entity, call))
            }
            Effect::Watch { call, response } => {
                let call = self.task_call(entity, call, Errand::Watch)?;
                Some(Action::Watch(entity, call, response))
            }
            Effect::Cancel(call, response) => {
                let call = self.task_call(entity, call, Errand::Cancel)?;
                Some(Action::Cancel(entity, call, response))
            }
            Effect::Abandon { attempt } => {
                for errand in [Errand::Call, Errand::Watch, Errand::Offer] {
                    self.calls.end(entity, attempt, errand);
                }
                let start = self.cache.get(entity)?.run.start.as_ref()?;
                let execution_arn = start.execution_arn.clone();
                Some(Action::Abandon {
                    entity,
                    execution_arn,
                    attempt,
                })
            }
        }
    }

    /// Takes a place for an errand of the open group; false if it has one or there is no room.
    pub(super) fn take_place(
        &mut self,
        entity: EntityId,
        attempt: EventId,
        errand: Errand,
    ) -> bool {
        let has_begun = self.calls.begin(entity, attempt, errand);
        if has_begun {
            self.groups.note_call(entity, attempt, errand);
        }
        has_begun
    }

    fn task_call(&mut self, entity: EntityId, call: Call, errand: Errand) -> Option<Box<TaskCall>> {
        if !self.take_place(entity, call.attempt, errand) {
            return None;
        }
        let start = self.cache.get(entity)?.run.start.as_ref()?;
        Some(Box::new(TaskCall {
            execution_arn: start.execution_arn.clone(),
            state_machine_arn: start.state_machine_arn.clone(),
            role_arn: start.role_arn.clone(),
            trace_header: trace::of_call(
                start.trace_header.as_ref(),
                &start.execution_arn,
                call.attempt,
            ),
            mock_case: start.mock_case.clone(),
            call,
        }))
    }

    /// Does what is owed and not under way, as far as there is room.
    pub(super) fn owed(&mut self, entity: EntityId) -> Result<Outcome, Halt> {
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        let run = self.cache.get(entity).map(|execution| &execution.run);
        if run.is_some_and(is_under_way) {
            return Ok(self.run_express(entity, None));
        }
        let actions = self.owed_effects(entity);
        let actions = actions
            .into_iter()
            .filter_map(|effect| self.act(entity, effect))
            .collect();
        Ok(self.outcome_of(entity, actions, Answer::Internal(Ok(()))))
    }

    /// Of each kind one more than there is room for, so that the execution is remembered.
    fn owed_effects(&self, entity: EntityId) -> Vec<Effect> {
        let Some(execution) = self.cache.get(entity) else {
            return Vec::new();
        };
        let (run, program) = (&execution.run, &execution.program);
        let mut room =
            [Errand::Call, Errand::Watch].map(|errand| self.calls.room(errand).saturating_add(1));
        let [calls_left, watches_left] = &mut room;
        let mut unbounded = usize::MAX;
        let mut effects = Vec::new();
        for (visit, calling) in run.branches.iter().filter_map(|thread| thread.calling()) {
            let Some(errand) = errand(run, program, visit.state, calling) else {
                continue;
            };
            let left = match errand {
                Errand::Watch => &mut *watches_left,
                Errand::Call => &mut *calls_left,
                Errand::Offer | Errand::Cancel | Errand::Run => &mut unbounded,
            };
            if *left == 0 || self.calls.is_under_way(entity, calling.attempt, errand) {
                continue;
            }
            *left -= 1;
            let Some(call) = Call::new(program, visit.state, calling) else {
                continue;
            };
            effects.push(match &calling.submitted {
                Some(response) => Effect::Watch {
                    call,
                    response: response.clone(),
                },
                None => Effect::Call(call),
            });
        }
        let cancels = run.owed_cancels(program).into_iter();
        let cancels = cancels.filter(|(call, _)| {
            !self
                .calls
                .is_under_way(entity, call.attempt, Errand::Cancel)
        });
        let cancels = cancels.map(|(call, response)| Effect::Cancel(call, response));
        effects.extend(cancels.take(*calls_left));
        effects
    }

    /// A job was told to stop: nothing is owed to it any more.
    pub(super) fn cancelled(
        &mut self,
        entity: EntityId,
        attempt: EventId,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        self.calls.end(entity, attempt, Errand::Cancel);
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        self.decide_quietly(entity, Input::JobCancelled { attempt }, moment)
    }
}

#[cfg(test)]
mod tests;
