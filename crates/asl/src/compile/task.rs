//! Task: calls what its `Resource` names.

use json::Value;

use super::{Context, recovery};
use crate::definition::{MachineType, Parameter, Resolved};
use crate::program::{Dynamic, Flow, Members, Resource, StateKind, Task};
use crate::template::Template;
use crate::validate::fields::Fields;
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::table::SECONDS_MAX;

/// Endings of a service's resource that an Express machine cannot have, and the name in the text.
const EXPRESS_REFUSES: [(&str, &str); 3] = [
    (".waitForTaskToken", ".waitForTaskToken"),
    (".sync", ".sync"),
    (".sync:2", ".sync"),
];

pub(super) fn compile(
    fields: &mut Fields<'_>,
    flow: &Flow,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Option<StateKind> {
    let resource = fields
        .text("Resource")
        .and_then(|arn| resource(arn, place, context));
    let timeout = fields.take_integer("TimeoutSeconds", "TimeoutSecondsPath");
    let heartbeat = fields.take_integer("HeartbeatSeconds", "HeartbeatSecondsPath");
    check_heartbeat(timeout.as_ref(), heartbeat.as_ref(), place, context);
    let recovery = recovery::recovery(fields, place, context);
    let next = context.next(fields, place);
    let (name, parameters) = match flow {
        Flow::Paths(paths) => ("Parameters", &paths.parameters),
        Flow::Queries(queries) => ("Arguments", &queries.arguments),
    };
    let members = match parameters {
        // Nothing is known of the value of an expression, nor of the state's input.
        Some(parameters) if parameters.as_query().is_none() => {
            if let Some(resource) = &resource {
                check_parameters(resource, parameters, &place.member(name), context);
            }
            None
        }
        _ => resource.as_ref().and_then(|it| members(it, context)),
    };
    Some(StateKind::Task(Box::new(Task {
        resource: resource?,
        timeout,
        heartbeat,
        credentials: fields.take_template("Credentials"),
        members,
        recovery,
        next,
    })))
}

/// What the resource stands for; what it may not be is reported.
fn resource(arn: &str, place: &Place<'_>, context: &mut Context<'_, '_>) -> Option<Resource> {
    let at = place.member("Resource");
    if let (MachineType::Express, Some(text)) = (context.machine, express_refusal(arn)) {
        context.error(text, &at);
        return None;
    }
    match context.catalogue.resolve(arn) {
        Resolved::Task(resource) => Some(resource),
        Resolved::Unknown => {
            context.error(message::unknown_resource(arn), &at);
            None
        }
    }
}

/// What is left to be checked when a call is made.
fn members(resource: &Resource, context: &Context<'_, '_>) -> Option<Box<Members>> {
    let known = context.catalogue.parameters(&resource.arn);
    let members = Members {
        required: context.catalogue.required_parameters(&resource.arn),
        known: known.map(|all| all.into_iter().map(|parameter| parameter.name).collect()),
    };
    (members != Members::default()).then(|| Box::new(members))
}

/// What the resource can't be called without, and what it can't be called with.
fn check_parameters(
    resource: &Resource,
    parameters: &Template,
    at: &Place<'_>,
    context: &mut Context<'_, '_>,
) {
    for name in context.catalogue.required_parameters(&resource.arn) {
        if !parameters.has_member(name) {
            context.error(message::missing(name), at);
        }
    }
    let Some(all) = context.catalogue.parameters(&resource.arn) else {
        return;
    };
    for name in parameters.members() {
        match all.iter().find(|parameter| parameter.name == name) {
            None => context.error(message::unsupported_parameter(name), at),
            Some(parameter) => {
                if let Some(value) = parameters.literal(name) {
                    check_value(parameter, value, &at.member(name), context);
                }
            }
        }
    }
}

/// A literal that no call can be made with.
fn check_value(
    parameter: &Parameter,
    value: &Value,
    at: &Place<'_>,
    context: &mut Context<'_, '_>,
) {
    let text = value.as_str();
    let is_of = |values: &[&str]| text.is_some_and(|text| values.contains(&text));
    if !parameter.values.is_empty() && !is_of(parameter.values) {
        context.error(message::one_of_values(parameter.name, parameter.values), at);
    }
}

/// Why an Express machine cannot have this resource.
fn express_refusal(arn: &str) -> Option<String> {
    // arn:partition:states:region:account:rest, without region and account for a service.
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, region) = (parts.next()?, parts.next()?);
    let rest = parts.nth(1)?;
    if service != "states" {
        return None;
    }
    if rest.starts_with("activity:") {
        return Some(message::EXPRESS_ACTIVITY.to_owned());
    }
    let mut patterns = EXPRESS_REFUSES.iter().filter(|_| region.is_empty());
    let (_, name) = patterns.find(|(ending, _)| rest.ends_with(ending))?;
    Some(message::express_pattern(name))
}

/// A heartbeat that is not due before the timeout could never be missed. (ASL specification)
fn check_heartbeat(
    timeout: Option<&Dynamic<u64>>,
    heartbeat: Option<&Dynamic<u64>>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) {
    let timeout = match timeout {
        Some(Dynamic::Literal(seconds)) => *seconds,
        None => SECONDS_MAX,
        Some(Dynamic::Path(_) | Dynamic::Query(_)) => return,
    };
    if matches!(heartbeat, Some(Dynamic::Literal(seconds)) if *seconds >= timeout) {
        let text = message::HEARTBEAT_TOO_LONG.to_owned();
        context.error(text, &place.member("HeartbeatSeconds"));
    }
}
