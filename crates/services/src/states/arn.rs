//! What the ARNs of a call name.

use aws::arn::States as Named;
use aws::{Arn, ServiceError};

use super::execution_does_not_exist;
use crate::Call;

/// What a state machine's ARN names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// An unqualified ARN of the call's account and region: the key of its document.
    Here(String),
    /// A version or an alias, of which there are none yet, or another account's or region's.
    Nowhere,
    /// `..:stateMachine:<name>/<label>`: the virtual machine of a distributed Map, which most
    /// operations refuse.
    Labelled,
}

/// Partition of every ARN this server makes.
pub(super) const PARTITION: &str = "aws";

/// The state machine that a member names.
pub(super) fn machine(call: &Call, member: &str) -> Result<Machine, ServiceError> {
    let arn = Arn::parse(call.required(member)?).map_err(|error| invalid(&error))?;
    Ok(match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::StateMachine { name } if is_here(call, &arn) => Machine::Here(key(call, name)),
        Named::StateMachine { .. } | Named::Version { .. } | Named::Alias { .. } => {
            Machine::Nowhere
        }
        Named::Labelled { .. } => Machine::Labelled,
        other => return Err(invalid(&other.not_valid_here())),
    })
}

/// The key of a state machine's document. Names have no slash, and keys sort as the names do.
pub(super) fn key(call: &Call, name: &str) -> String {
    format!("{}/{}/{name}", call.account, call.region)
}

/// The ARN of the Standard execution that `executionArn` names; whether it exists is not known yet.
pub(super) fn execution(call: &Call) -> Result<&str, ServiceError> {
    let text = call.required("executionArn")?;
    let arn = Arn::parse(text).map_err(|error| invalid(&error))?;
    match Named::of(&arn).map_err(|error| invalid(&error))? {
        Named::Execution { .. } if is_here(call, &arn) => Ok(text),
        Named::Execution { .. } => Err(execution_does_not_exist(text)),
        other => Err(invalid(&other.not_valid_here())),
    }
}

/// The tagged resource of a call: the key of a state machine's document. `None` for what takes tags
/// and does not exist.
pub(super) fn tagged(call: &Call) -> Result<Option<String>, ServiceError> {
    let arn = Arn::parse(call.required("resourceArn")?).map_err(|error| invalid(&error))?;
    if let Ok(Named::Activity { .. }) = Named::of(&arn) {
        return Ok(None);
    }
    Ok(match machine(call, "resourceArn")? {
        Machine::Here(key) => Some(key),
        Machine::Nowhere | Machine::Labelled => None,
    })
}

/// The role that `roleArn` names. Whether it exists is not asked (see the known differences).
pub(super) fn role(text: &str) -> Result<&str, ServiceError> {
    let arn = Arn::parse(text).map_err(|error| invalid(&error))?;
    match arn.role_path_and_name() {
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

fn invalid(error: &aws::arn::Error) -> ServiceError {
    ServiceError::new("InvalidArn", error.to_string())
}
