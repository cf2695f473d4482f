//! The context object that a caller gives: AWS's members with AWS's types, each of which may be
//! missing.

use asl::program::{Pattern, State, StateKind};
use aws::ServiceError;
use json::{Kind, Object, Value};

use super::invalid;

/// The members of an object of the context object; `None` for any type.
type Members = &'static [(&'static str, Option<Kind>)];

const OBJECTS: &[(&str, Members)] = &[
    (
        "Execution",
        &[
            ("Id", Some(Kind::String)),
            ("Input", None),
            ("Name", Some(Kind::String)),
            ("RoleArn", Some(Kind::String)),
            ("StartTime", Some(Kind::String)),
            ("RedriveCount", Some(Kind::Number)),
            ("RedriveTime", Some(Kind::String)),
        ],
    ),
    (
        "State",
        &[
            ("EnteredTime", Some(Kind::String)),
            ("Name", Some(Kind::String)),
            ("RetryCount", Some(Kind::Number)),
        ],
    ),
    (
        "StateMachine",
        &[("Id", Some(Kind::String)), ("Name", Some(Kind::String))],
    ),
    ("Task", &[("Token", Some(Kind::String))]),
];

/// The context object in `text`, checked against the state that will see it.
pub(super) fn read(text: &str, state: &State) -> Result<Value, ServiceError> {
    let parsed = json::parse(text).map_err(|error| wrong(&error.message()))?;
    let Some(context) = parsed.as_object() else {
        return Err(wrong("must be a JSON object"));
    };
    for (name, value) in context.iter() {
        if name == "Map" {
            return Err(wrong(
                "'Map' field is not supported when mocking a Context object",
            ));
        }
        if name == "Task" && !has_task(state) {
            return Err(wrong(
                "Context object contains 'Task' when state is not a Task state with a '.sync' or \
                 '.waitForTaskToken' service integration pattern",
            ));
        }
        let known = OBJECTS.iter().find(|(known, _)| *known == name);
        let (_, members) = known.ok_or_else(|| not_allowed(name))?;
        let Some(object) = value.as_object() else {
            return Err(wrong(&format!("{name} must be an object")));
        };
        check(name, members, object)?;
    }
    Ok(parsed)
}

fn check(object: &str, members: Members, given: &Object) -> Result<(), ServiceError> {
    for (name, value) in given.iter() {
        let known = members.iter().find(|(known, _)| *known == name);
        let (_, kind) = known.ok_or_else(|| not_allowed(name))?;
        let Some(kind) = kind.filter(|kind| *kind != value.kind()) else {
            continue;
        };
        let kind = match kind {
            Kind::Number => "number",
            _ => "string",
        };
        return Err(wrong(&format!("{object}.{name} must be a {kind}")));
    }
    Ok(())
}

/// Whether the state's context object can hold a task token.
fn has_task(state: &State) -> bool {
    match &state.kind {
        StateKind::Task(task) => task.resource.pattern != Pattern::RequestResponse,
        _ => false,
    }
}

fn not_allowed(name: &str) -> ServiceError {
    wrong(&format!("Field '{name}' is not allowed"))
}

fn wrong(problem: &str) -> ServiceError {
    invalid(format!("Invalid Context object provided: {problem}"))
}
