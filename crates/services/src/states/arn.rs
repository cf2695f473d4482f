//! What the ARNs of a call name.

use asl::event::Text;
use aws::arn::States as Named;
use aws::{Arn, ServiceError};

use super::execution_does_not_exist;
use crate::Call;
use crate::system::is_machine;

/// What a state machine's ARN names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// A state machine of the call's account and Region, by the key of its document.
    Here(String),
    /// One of its versions or aliases.
    Qualified(String, Qualifier),
    /// Another account's, Region's or partition's.
    Elsewhere,
    /// `..:stateMachine:<name>/<label>`: the virtual machine of a distributed Map, which most
    /// operations refuse.
    Labelled,
}

/// What stands behind a state machine's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Qualifier {
    Version(u32),
    Alias(String),
}

impl Qualifier {
    /// `None` for a number that no version has: written with leading zeros, or beyond `u32`.
    fn version(number: u64, text: &str) -> Option<Qualifier> {
        let number = u32::try_from(number).ok()?;
        (number.to_string() == text).then_some(Qualifier::Version(number))
    }
}

/// Partition of every ARN this server makes.
pub(super) const PARTITION: &str = "aws";

/// The state machine that a member names.
pub(super) fn machine(call: &Call, member: &str) -> Result<Machine, ServiceError> {
    named_machine(call, call.required(member)?)
}

/// The state machine that a text names.
pub(super) fn named_machine(call: &Call, text: &str) -> Result<Machine, ServiceError> {
    let arn = parse(text)?;
    let qualified = |name, qualifier: Option<Qualifier>| match qualifier {
        Some(qualifier) if is_here(call, &arn) => Machine::Qualified(key(call, name), qualifier),
        _ => Machine::Elsewhere,
    };
    Ok(match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::StateMachine { name } if is_here(call, &arn) => Machine::Here(key(call, name)),
        Named::StateMachine { .. } => Machine::Elsewhere,
        Named::Version { name, version } => {
            let text = arn.resource.rsplit(':').next().unwrap_or_default();
            qualified(name, Qualifier::version(version, text))
        }
        Named::Alias { name, alias } => qualified(name, Some(Qualifier::Alias(alias.to_owned()))),
        Named::Labelled { .. } => Machine::Labelled,
        other => return Err(invalid(&other.not_valid_here())),
    })
}

/// The version or the alias that `stateMachineArn` names.
pub(crate) fn qualifiers(call: &Call) -> Result<(Option<u32>, Option<Text>), ServiceError> {
    Ok(match machine(call, "stateMachineArn")? {
        Machine::Qualified(_, Qualifier::Version(version)) => (Some(version), None),
        Machine::Qualified(_, Qualifier::Alias(alias)) => (None, Some(alias.into())),
        _ => (None, None),
    })
}

/// The version that a member names: its machine's key and its number. `None` for one that cannot
/// exist here.
pub(super) fn version(call: &Call, member: &str) -> Result<Option<(String, u32)>, ServiceError> {
    match machine(call, member)? {
        Machine::Qualified(key, Qualifier::Version(number)) => Ok(Some((key, number))),
        Machine::Elsewhere => Ok(None),
        _ => Err(not_valid("stateMachine")),
    }
}

/// The alias that a member names: its machine's key and its name. `None` for one that cannot exist
/// here.
pub(super) fn alias(call: &Call, member: &str) -> Result<Option<(String, String)>, ServiceError> {
    match machine(call, member)? {
        Machine::Qualified(key, Qualifier::Alias(name)) => Ok(Some((key, name))),
        Machine::Elsewhere => Ok(None),
        _ => Err(not_valid("stateMachine")),
    }
}

/// The key of the activity that `activityArn` names. `None` for another account's or Region's.
pub(super) fn activity(call: &Call) -> Result<Option<String>, ServiceError> {
    let arn = parse(call.required("activityArn")?)?;
    match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::Activity { name } if is_here(call, &arn) => Ok(Some(key(call, name))),
        Named::Activity { .. } => Ok(None),
        other => Err(invalid(&other.not_valid_here())),
    }
}

/// The ARN of a Map Run, which `mapRunArn` must be.
pub(super) fn map_run(call: &Call) -> Result<&str, ServiceError> {
    let text = call.required("mapRunArn")?;
    let arn = parse(text)?;
    match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::MapRun { .. } => Ok(text),
        other => Err(invalid(&other.not_valid_here())),
    }
}

/// The key of a state machine's or an activity's document. Names have no slash, and keys sort as
/// the names do.
pub(super) fn key(call: &Call, name: &str) -> String {
    key_in(&call.account, &call.region, name)
}

pub(super) fn key_in(account: &str, region: &str, name: &str) -> String {
    format!("{account}/{region}/{name}")
}

/// The ARN of a state machine or an activity of the call's account and Region.
pub(super) fn made(call: &Call, resource: String) -> String {
    Arn::states(PARTITION, &call.region, &call.account, resource).to_string()
}

/// The ARN of the Standard execution that `executionArn` names; whether it exists is not known yet.
pub(super) fn execution(call: &Call) -> Result<&str, ServiceError> {
    let text = call.required("executionArn")?;
    let arn = parse(text)?;
    match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::Execution { machine, .. } if is_here(call, &arn) && !is_machine(machine) => Ok(text),
        Named::Execution { .. } => Err(execution_does_not_exist(text)),
        other => Err(invalid(&other.not_valid_here())),
    }
}

/// The ARN of the Express execution that `executionArn` names.
pub(crate) fn express_execution(call: &Call) -> Result<&str, ServiceError> {
    let text = call.required("executionArn")?;
    let arn = parse(text)?;
    match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::Express { .. } if is_here(call, &arn) => Ok(text),
        Named::Express { .. } => Err(execution_does_not_exist(text)),
        other => Err(invalid(&other.not_valid_here())),
    }
}

/// The kinds of executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    Standard,
    Express,
}

/// Which kind of execution `executionArn` names.
pub(crate) fn any_execution(call: &Call) -> Result<Execution, ServiceError> {
    let text = call.required("executionArn")?;
    let arn = parse(text)?;
    match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::Express { .. } if is_here(call, &arn) => Ok(Execution::Express),
        Named::Express { .. } => Err(execution_does_not_exist(text)),
        _ => execution(call).map(|_| Execution::Standard),
    }
}

/// What may carry tags, by the key of its document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tagged {
    Machine(String),
    Activity(String),
    /// It does not exist, or carries no tags: a version, an alias.
    Nothing,
}

/// The tagged resource of a call.
pub(super) fn tagged(call: &Call) -> Result<Tagged, ServiceError> {
    let arn = parse(call.required("resourceArn")?)?;
    match Named::of(&arn) {
        Ok(Named::Activity { name }) if is_here(call, &arn) => {
            Ok(Tagged::Activity(key(call, name)))
        }
        Ok(Named::Activity { .. }) => Ok(Tagged::Nothing),
        _ => Ok(match machine(call, "resourceArn")? {
            Machine::Here(key) => Tagged::Machine(key),
            _ => Tagged::Nothing,
        }),
    }
}

/// The role that `roleArn` names. Whether it exists, and may be given, is asked later.
pub(super) fn role(text: &str) -> Result<&str, ServiceError> {
    match parse(text)?.role_path_and_name() {
        Some(_) => Ok(text),
        None => Err(ServiceError::new(
            "InvalidArn",
            format!("Invalid Role Arn: '{text}'"),
        )),
    }
}

fn is_here(call: &Call, arn: &Arn) -> bool {
    arn.partition == PARTITION && arn.account == *call.account && arn.region == *call.region
}

fn parse(text: &str) -> Result<Arn, ServiceError> {
    Arn::parse(text).map_err(|error| invalid(&error))
}

fn not_valid(resource_type: &str) -> ServiceError {
    invalid(&aws::arn::Error::ResourceType(resource_type.to_owned()))
}

fn invalid(error: &aws::arn::Error) -> ServiceError {
    ServiceError::new("InvalidArn", error.to_string())
}
