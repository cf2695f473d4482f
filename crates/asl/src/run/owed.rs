//! What is owed to the outside: calls to make, jobs to watch and to stop, heartbeats to wait for.
//! After a restart all of it is taken up again.

use json::Value;

use super::{Branch, Calling, Run};
use crate::decide::Call;
use crate::event::{EventId, Text};
use crate::program::{Program, ResourceFamily, StateIndex, StateKind};
use crate::time::Timestamp;

/// A `.sync` attempt whose job is to be stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancel {
    pub state: StateIndex,
    pub attempt: EventId,
    pub parameters: Value,
    pub credentials_role_arn: Option<Text>,
    /// What the call that started the job answered; `None` if no answer was recorded, so that the
    /// job may or may not exist.
    pub response: Option<Value>,
}

impl Cancel {
    /// Of a call that starts a job; `None` for any other.
    pub(crate) fn of(thread: &Branch) -> Option<Cancel> {
        let (visit, calling) = thread.calling()?;
        calling.is_job.then(|| Cancel {
            state: visit.state,
            attempt: calling.attempt,
            parameters: calling.parameters.clone(),
            credentials_role_arn: calling.credentials_role_arn.clone(),
            response: calling.submitted.clone(),
        })
    }

    /// The call that started the job; `None` if the state is not a Task of this program.
    pub(crate) fn call(&self, program: &Program) -> Option<Call> {
        let calling = Calling {
            attempt: self.attempt,
            // When it began is of no account any more.
            scheduled_at: Timestamp::default(),
            started_at: Some(Timestamp::default()),
            number: 0,
            parameters: self.parameters.clone(),
            credentials_role_arn: self.credentials_role_arn.clone(),
            deadline: None,
            heartbeat_seconds: None,
            submitted: None,
            is_job: true,
        };
        Call::new(program, self.state, &calling)
    }
}

impl Run {
    /// The calls whose answer is not in: after a restart they are made again. A call that was
    /// submitted is not owed any more (its token's result is, or its job's end), nor is the task of
    /// an activity that a worker has picked up.
    pub fn owed_calls(&self, program: &Program) -> Vec<Call> {
        let owed = |thread: &Branch| {
            let (visit, calling) = thread.calling()?;
            let call = || Call::new(program, visit.state, calling);
            let call = calling.submitted.is_none().then(call).flatten()?;
            let is_activity = call.resource.family == ResourceFamily::Activity;
            (!(is_activity && calling.is_picked_up())).then_some(call)
        };
        self.threads().filter_map(owed).collect()
    }

    /// The jobs whose end is awaited, each with what the call that started it answered: after a
    /// restart they are watched again.
    pub fn owed_watches(&self, program: &Program) -> Vec<(Call, Value)> {
        let owed = |thread: &Branch| {
            let (visit, calling) = thread.calling()?;
            let is_watched = calling.is_job || self.is_mocked();
            let response = calling.submitted.as_ref().filter(|_| is_watched)?;
            Some((Call::new(program, visit.state, calling)?, response.clone()))
        };
        self.threads().filter_map(owed).collect()
    }

    /// Whether a mock file answers the execution's tasks. Its callbacks are watched like jobs: the
    /// mock stands for whoever sends the token back.
    pub(crate) fn is_mocked(&self) -> bool {
        let start = self.start.as_ref();
        start.is_some_and(|start| start.mock_case.is_some())
    }

    /// The jobs that are to be stopped, each with what the call that started it answered, if an
    /// answer was recorded: owed until [`crate::decide::Input::JobCancelled`], after the end too.
    pub fn owed_cancels(&self, program: &Program) -> Vec<(Call, Option<Value>)> {
        let owed = |cancel: &Cancel| Some((cancel.call(program)?, cancel.response.clone()));
        self.cancels.iter().filter_map(owed).collect()
    }

    /// The attempts that must send heartbeats, with their HeartbeatSeconds. Only an attempt whose
    /// token somebody has can: for the others AWS shows the number and never acts on it.
    pub fn heartbeats(&self, program: &Program) -> Vec<(EventId, u64)> {
        let wanted = |thread: &Branch| {
            let (visit, calling) = thread.calling()?;
            let StateKind::Task(task) = &program.state(visit.state)?.kind else {
                return None;
            };
            let seconds = calling.heartbeat_seconds?;
            let is_due = task.resource.gives_token() && calling.is_picked_up();
            is_due.then_some((calling.attempt, seconds))
        };
        self.threads().filter_map(wanted).collect()
    }
}
