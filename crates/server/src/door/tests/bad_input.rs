//! Bad input of every operation and member: refused with an error that AWS's model has for the
//! operation, or that all of AWS has; never a 500, and never a success where AWS refuses.

use std::collections::BTreeSet;

use aws::Common;
use aws::model::{Model, Operation};

use super::super::*;
use super::inputs::{INPUTS, Input};
use super::mutations::{Mutations, paths};
use super::world::{Told, World};

/// Errors of every service (Step Functions API reference, "Common Errors").
const COMMON: [Common; 3] = [
    Common::Validation,
    Common::Serialization,
    Common::AccessDenied,
];

/// What is taken all the same: the operation, the end of what is wrong, and why.
const TAKEN: &[(&str, &str, &str)] = &[
    ("Delete", ": of another partition", ELSEWHERE),
    ("Delete", ": of another account", ELSEWHERE),
    ("Delete", ": of another region", ELSEWHERE),
    (
        "ListStateMachineVersions",
        ": of another partition",
        ELSEWHERE,
    ),
    (
        "ListStateMachineVersions",
        ": of another account",
        ELSEWHERE,
    ),
    ("ListStateMachineVersions", ": of another region", ELSEWHERE),
    ("DeleteStateMachine", ":a b`", ELSEWHERE),
    ("ListStateMachineVersions", ":a b`", ELSEWHERE),
    (
        "ValidateStateMachineDefinition",
        "`definition`: too short",
        "recorded: an empty definition is judged, not refused",
    ),
    (
        "DescribeProvenance",
        "`executionArn`: the ARN of the execution",
        "it takes executions of either kind",
    ),
];

const ELSEWHERE: &str = "names what is not here: there is nothing to delete or to list, as there is \
                         not for a name of this account that nobody gave (recorded)";

const SERVICES: [Service; 2] = [Service::States, Service::Lockstep];

fn service_of(operation: &str) -> Service {
    let mut services = SERVICES.into_iter();
    let has_it = |it: &Service| it.model().unwrap().operation(operation).is_some();
    services.find(has_it).unwrap()
}

fn is_taken(operation: &str, what: &str) -> bool {
    let mut taken = TAKEN.iter();
    taken.any(|(begin, end, _)| operation.starts_with(begin) && what.ends_with(end))
}

fn is_known(model: &Model, operation: &Operation, code: &str) -> bool {
    let mut modelled = operation.errors.iter();
    modelled.any(|shape| *model.shape(*shape).name == *code)
        || COMMON
            .iter()
            .any(|common| common.code_and_status(model.protocol).0 == code)
}

/// The problem with an answer, if there is one.
fn problem(model: &Model, operation: &Operation, told: &Told, is_refused: bool) -> Option<String> {
    match told.status {
        200 if !is_refused => None,
        400..=499 if is_known(model, operation, &told.code) => None,
        _ => {
            let body: String = told.body.chars().take(300).collect();
            Some(format!("{} {}", told.status, body))
        }
    }
}

/// Plays one input: in a world of its own as it stands, and in another with everything wrong.
async fn play((name, input, expected): Input, problems: &mut Vec<String>) -> Vec<String> {
    let service = service_of(name);
    let model = service.model().unwrap();
    let operation = model.operation(name).unwrap();
    let world = World::new().await;
    let told = world.call((service, name), &world.filled(input)).await;
    let status = if expected.is_empty() { 200 } else { 400 };
    if (told.status, &*told.code) != (status, expected) {
        problems.push(format!("{name} {input}: {told:?}, not `{expected}`"));
    }
    world.close().await;
    let world = World::new().await;
    let value = json::parse(&world.filled(input)).unwrap();
    let mutations = Mutations::of(&world, model, operation.input.unwrap(), &value);
    for mutation in &mutations.made {
        let told = world.call((service, name), &mutation.body).await;
        if told.status == 200 && is_taken(name, &mutation.what) {
            continue;
        }
        if let Some(problem) = problem(model, operation, &told, mutation.is_refused) {
            problems.push(format!("{name}: {}: {problem}", mutation.what));
        }
    }
    println!("{name}: {} bad inputs", mutations.made.len());
    let seen = mutations.paths.clone();
    world.close().await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused() {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for input in INPUTS {
        let paths = play(*input, &mut problems).await;
        seen.extend(paths.into_iter().map(|path| format!("{} {path}", input.0)));
    }
    let models = SERVICES.map(|service| service.model().unwrap());
    for model in models {
        for operation in model.operations() {
            for path in paths(model, operation.input.unwrap()) {
                let place = format!("{} {path}", operation.name);
                if !seen.contains(&place) {
                    problems.push(format!("no input has `{place}`"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
