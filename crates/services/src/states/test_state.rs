//! TestState: one state, tried without an execution.
//!
//! What it is tried with is read and checked in `request` and `context`, the trial itself is
//! [`asl::test_state`], which asks here for calls and for time, and `answer` shows what came of it.

mod answer;
mod context;
mod mock;
mod request;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use asl::compile::compile;
use asl::decide::{Allowance, Input, Moment};
use asl::definition::{MachineType, invalid_definition_message};
use asl::event::{ExecutionKind, Start, Text};
use asl::limits::Limits;
use asl::program::{Pattern, Program, ResourceFamily, State, StateIndex, StateKind};
use asl::test_state::{
    Error, Progress, Report, SINGLE_STATE_NAME, Setup, Test, as_definition, find, is_within,
    of_single_state,
};
use asl::time::Timestamp;
use aws::ServiceError;
use engine::{TaskCall, TaskOutcome};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::arn::{PARTITION, role};
use super::{Integrations, States};
use crate::{Answer, Call};
use request::Request;

/// The longest a test lasts (Step Functions developer guide, "Testing state machines with
/// TestState").
const DURATION_MAX: Duration = Duration::from_secs(300);

impl States {
    pub(super) async fn test_state(&self, call: &Call) -> Result<Answer, ServiceError> {
        let request = Request::of(call, self.payload_bytes_max)?;
        let (definition, name) = (request.definition.clone(), request.state_name.clone());
        let work = move || program(&definition, name.as_deref());
        let found = self.documents.blocking(move |_| Ok(work())).await?;
        let (program, index) = found?;
        let Some(setup) = self.setup(call, &request, &program, index)? else {
            return Err(refused(&Error::NeedsMock));
        };
        if let Some(role_arn) = &request.role_arn {
            let machine_arn = &setup.start.state_machine_arn;
            self.pass_role(call, role_arn, machine_arn).await?;
        }
        let identity = Identity {
            start: setup.start.clone(),
            mock_case: call.mock_case.as_deref().map(Text::from),
        };
        let report = self
            .trial(call.now, identity, program, index, setup)
            .await?;
        Ok(answer::answer(&request, &report))
    }

    /// What the state is tested with, checked against the state; `None` if it needs a mock.
    fn setup(
        &self,
        call: &Call,
        request: &Request,
        program: &Program,
        index: StateIndex,
    ) -> Result<Option<Setup>, ServiceError> {
        let state = program.state(index).ok_or_else(not_found)?;
        if let Some(name) = &request.error_caused_by {
            check_origin(program, index, name)?;
        }
        let is_mocked = request.mock.is_some();
        match (&state.kind, &request.mock) {
            (StateKind::Parallel(_) | StateKind::Map(_), None) => return Ok(None),
            (StateKind::Task(task), None) => check_call(request, task)?,
            (_, Some(mock)) => mock::check(state, mock, request.iterations_failed)?,
            (_, None) => {}
        }
        if let Some(role_arn) = &request.role_arn {
            role(role_arn)?;
        }
        let given = request.context.as_deref().filter(|_| is_mocked);
        let context = given.map(|text| context::read(text, state)).transpose()?;
        Ok(Some(Setup {
            start: self.start(call, request),
            input: request.input.clone(),
            variables: request.variables.clone(),
            context,
            retries: request.retries,
            iterations_failed: request.iterations_failed,
            reader_data: request.reader_data.clone(),
            mock: request.mock.as_ref().map(|mock| mock.outcome.clone()),
        }))
    }

    /// The execution that the state believes to be in: an Express one, as recorded.
    fn start(&self, call: &Call, request: &Request) -> Box<Start> {
        let (machine, name) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let (region, account) = (&call.region, &call.account);
        let arn = |resource: String| -> Text {
            format!("arn:{PARTITION}:states:{region}:{account}:{resource}").into()
        };
        Box::new(Start {
            execution_arn: arn(format!("express:{machine}:{name}")),
            execution_name: name.into(),
            state_machine_arn: arn(format!("stateMachine:{machine}")),
            state_machine_name: machine.into(),
            role_arn: request.role_arn.clone().unwrap_or_else(|| "".into()),
            input: request.input.clone(),
            kind: ExecutionKind::Test,
            trace_header: call.trace_header.as_deref().map(Text::from),
            limits: Limits {
                payload_bytes_max: u32::try_from(self.payload_bytes_max).unwrap_or(u32::MAX),
                ..Limits::default()
            },
            token_secret: *Uuid::new_v4().as_bytes(),
            ..Start::default()
        })
    }

    /// Runs the test to its end: makes its calls, waits as long as it waits.
    async fn trial(
        &self,
        began: Timestamp,
        identity: Identity,
        program: Arc<Program>,
        state: StateIndex,
        setup: Setup,
    ) -> Result<Report, ServiceError> {
        let begun = Instant::now();
        let ends = begun + DURATION_MAX;
        let now = || began.plus_ms(begun.elapsed().as_millis().try_into().unwrap_or(0));
        let begin = move || Test::begin(program, state, setup, moment(began));
        let (mut test, mut progress) = self.turn(begin).await?;
        loop {
            let input = match progress {
                Progress::Ended(report) => return Ok(report),
                Progress::Until(at) => {
                    let wait = Duration::from_millis(at.0.abs_diff(now().0));
                    let until = Instant::now().checked_add(wait).unwrap_or(ends);
                    tokio::time::sleep_until(until.min(ends)).await;
                    if until > ends {
                        return Ok(test.give_up());
                    }
                    Next::Deadline(at)
                }
                Progress::Call(call) => {
                    let (attempt, deadline) = (call.attempt, call.deadline);
                    let wait = deadline.map(|at| Duration::from_millis(at.0.abs_diff(now().0)));
                    let until = wait.and_then(|wait| Instant::now().checked_add(wait));
                    let until = until.unwrap_or(ends).min(ends);
                    let call = identity.call(call);
                    let outcome = timeout_at(until, self.engine.run_state(call)).await;
                    match (outcome, deadline) {
                        (Ok(outcome), _) => Next::Answer(answered(attempt, outcome)),
                        (Err(_), Some(at)) if until < ends => Next::Deadline(at),
                        (Err(_), _) => return Ok(test.give_up()),
                    }
                }
            };
            let now = now();
            let go_on = move || {
                let progress = match input {
                    Next::Answer(input) => test.answer(moment(now), input),
                    Next::Deadline(at) => test.deadline(moment(now.max(at))),
                };
                progress.map(|progress| (test, progress))
            };
            (test, progress) = self.turn(go_on).await?;
        }
    }

    /// A state may evaluate for a second, which is no work for a thread that runs futures.
    async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ServiceError> {
        // Never closed: waiting for a place does not fail.
        let _place = self.test_turns.acquire().await;
        let done = self.documents.blocking(move |_| Ok(work())).await?;
        done.map_err(|error| refused(&error))
    }
}

/// What a test goes on with.
enum Next {
    Answer(Input),
    Deadline(Timestamp),
}

/// On whose behalf a state makes its calls.
struct Identity {
    start: Box<Start>,
    mock_case: Option<Text>,
}

impl Identity {
    fn call(&self, call: asl::decide::Call) -> TaskCall {
        TaskCall {
            execution_arn: self.start.execution_arn.clone(),
            state_machine_arn: self.start.state_machine_arn.clone(),
            role_arn: self.start.role_arn.clone(),
            trace_header: self.start.trace_header.clone(),
            mock_case: self.mock_case.clone(),
            call,
        }
    }
}

fn moment(now: Timestamp) -> Moment {
    // The version and the variant of an id are no chance; crossed, each bit is.
    let (high, low) = Uuid::new_v4().as_u64_pair();
    Moment {
        now,
        random: high ^ low.rotate_left(32),
        allowance: Allowance::Full,
    }
}

fn answered(attempt: u64, outcome: TaskOutcome) -> Input {
    match outcome {
        TaskOutcome::Succeeded(output) | TaskOutcome::Submitted(output) => {
            Input::TaskSucceeded { attempt, output }
        }
        TaskOutcome::Failed(failure) => Input::TaskFailed { attempt, failure },
    }
}

/// The program and the state in it that is meant.
fn program(
    definition: &str,
    state_name: Option<&str>,
) -> Result<(Arc<Program>, StateIndex), ServiceError> {
    let (text, name) = match state_name {
        Some(name) => (Cow::Borrowed(definition), name),
        None => (as_definition(definition).into(), SINGLE_STATE_NAME),
    };
    let compiled = compile(&text, MachineType::Standard, &Integrations);
    let Some(program) = compiled.program else {
        let diagnostics = match state_name {
            Some(_) => compiled.diagnostics,
            None => of_single_state(compiled.diagnostics),
        };
        let message = invalid_definition_message(definition, &diagnostics);
        return Err(ServiceError::new("InvalidDefinition", message));
    };
    let index = find(&program, name).ok_or_else(not_found)?;
    Ok((Arc::new(program), index))
}

/// The state that a mocked error comes from is there; that of a Parallel or Map is inside it.
fn check_origin(program: &Program, tested: StateIndex, name: &str) -> Result<(), ServiceError> {
    let origin = find(program, name).ok_or_else(not_found)?;
    match program.state(tested) {
        Some(State {
            kind: StateKind::Parallel(_) | StateKind::Map(_),
            name: outer,
            ..
        }) if !is_within(program, tested, origin) => Err(invalid(format!(
            "`{name}` in stateConfiguration.errorCausedByState is not inside the state `{outer}`, \
             so no error of `{outer}` comes from it; name a state of its branches or iterations"
        ))),
        _ => Ok(()),
    }
}

/// A call that is really made needs a role, and must be over when it answers.
fn check_call(request: &Request, task: &asl::program::Task) -> Result<(), ServiceError> {
    let resource = &task.resource;
    let is_activity = resource.family == ResourceFamily::Activity;
    if is_activity || resource.pattern != Pattern::RequestResponse {
        let message = format!(
            "TestState API does not support the resource '{}' when a mock is not specified. A Task \
             without a mock can only use the request-response integration pattern",
            resource.arn
        );
        return Err(ServiceError::new("InvalidDefinition", message));
    }
    match &request.role_arn {
        Some(_) => Ok(()),
        None => Err(invalid(
            "RoleArn must be specified when testing a Task state",
        )),
    }
}

fn refused(error: &Error) -> ServiceError {
    let code = match error {
        Error::NeedsMock => "InvalidDefinition",
        Error::TooManyFailures | Error::Refused(_) => "ValidationException",
    };
    ServiceError::new(code, error.to_string())
}

fn not_found() -> ServiceError {
    invalid("State not found in definition")
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationException", message.into())
}

#[cfg(test)]
mod tests;
