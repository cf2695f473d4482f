//! Whether a mock can stand for the work of a state.

use asl::program::{Map, Parallel, State, StateKind, Task};
use aws::ServiceError;
use aws::integrations::{Resolution, resolve};
use aws::mock::Problem;
use json::Value;

use super::request::Mock;
use super::{Error, invalid, refused};

/// Checks the type of the state and the form of a mocked result.
pub(super) fn check(
    state: &State,
    mock: &Mock,
    iterations_failed: Option<u64>,
) -> Result<(), ServiceError> {
    let kind = match &state.kind {
        StateKind::Pass(_) => "Pass",
        StateKind::Choice(_) => "Choice",
        StateKind::Wait(_) => "Wait",
        StateKind::Succeed => "Succeed",
        StateKind::Fail(_) => "Fail",
        StateKind::Task(task) => return of_task(task, mock),
        StateKind::Map(map) => return of_map(map, mock, iterations_failed),
        StateKind::Parallel(parallel) => return of_parallel(parallel, mock),
    };
    Err(invalid(format!(
        "State type '{kind}' is not supported when a mock is specified"
    )))
}

fn of_task(task: &Task, mock: &Mock) -> Result<(), ServiceError> {
    let Ok(result) = &mock.outcome else {
        return Ok(());
    };
    let Resolution::Task(resource) = resolve(&task.resource.arn) else {
        return Ok(());
    };
    aws::mock::check(&resource, result, mock.mode).map_err(|problem| match problem {
        Problem::NotAnObject => invalid(problem.to_string()),
        problem => invalid(format!("Mock result schema validation error: {problem}")),
    })
}

/// Results that go to a bucket are an object that says where they are; others are an array.
fn of_map(map: &Map, mock: &Mock, iterations_failed: Option<u64>) -> Result<(), ServiceError> {
    let Ok(result) = &mock.outcome else {
        return Ok(());
    };
    let writer = map.distributed.as_ref();
    let writer = writer.and_then(|distributed| distributed.result_writer.as_ref());
    if writer.is_some_and(|writer| writer.exports) {
        return match result.as_object() {
            Some(_) => Ok(()),
            None => Err(invalid(Problem::NotAnObject.to_string())),
        };
    }
    let results = array(result)?;
    let iterations = u64::try_from(results.len()).unwrap_or(u64::MAX);
    match iterations_failed {
        Some(failed) if failed > iterations => Err(refused(&Error::TooManyFailures)),
        _ => Ok(()),
    }
}

fn of_parallel(parallel: &Parallel, mock: &Mock) -> Result<(), ServiceError> {
    let Ok(result) = &mock.outcome else {
        return Ok(());
    };
    if array(result)?.len() == parallel.branches.len() {
        return Ok(());
    }
    Err(invalid(
        "Mocked result must contain the same number of items as number of Parallel branches.",
    ))
}

fn array(result: &Value) -> Result<&[Value], ServiceError> {
    result
        .as_array()
        .ok_or_else(|| invalid("Mocked result must be an array."))
}
