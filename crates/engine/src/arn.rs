//! The ARN of an execution, made from the one of its state machine and back.

use asl::event::Text;

const MACHINE: &str = "stateMachine";
const EXECUTION: &str = "execution";
const EXPRESS: &str = "express";

/// `arn:P:states:R:A:stateMachine:N` and a name make `arn:P:states:R:A:execution:N:name`; `None`
/// if the first is not the unqualified ARN of a state machine.
pub fn execution(machine_arn: &str, name: &str) -> Option<Text> {
    let machine = split(machine_arn, MACHINE).filter(|parts| !parts.rest.contains(':'))?;
    Some(format!("{}:{EXECUTION}:{}:{name}", machine.prefix, machine.rest).into())
}

/// What an execution's ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionRef<'a> {
    /// The unqualified ARN of the state machine.
    pub machine_arn: String,
    pub name: &'a str,
}

/// Reads the ARN of a Standard execution.
pub fn read_execution(arn: &str) -> Option<ExecutionRef<'_>> {
    let parts = split(arn, EXECUTION)?;
    let (machine_name, name) = parts.rest.split_once(':')?;
    let is_complete = !machine_name.is_empty() && !name.is_empty() && !name.contains(':');
    let machine_arn = || format!("{}:{MACHINE}:{machine_name}", parts.prefix);
    is_complete.then(|| ExecutionRef {
        machine_arn: machine_arn(),
        name,
    })
}

/// `arn:P:states:R:A:stateMachine:N`, a name and a unique text make
/// `arn:P:states:R:A:express:N:name:unique`; `None` if the first is not the unqualified ARN of a
/// state machine.
pub fn express(machine_arn: &str, name: &str, unique: &str) -> Option<Text> {
    let machine = split(machine_arn, MACHINE).filter(|parts| !parts.rest.contains(':'))?;
    Some(
        format!(
            "{}:{EXPRESS}:{}:{name}:{unique}",
            machine.prefix, machine.rest
        )
        .into(),
    )
}

/// What an Express execution's ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressRef<'a> {
    /// The unqualified ARN of the state machine.
    pub machine_arn: String,
    pub name: &'a str,
    /// What tells executions of one name apart.
    pub unique: &'a str,
}

/// Reads the ARN of an Express execution.
pub fn read_express(arn: &str) -> Option<ExpressRef<'_>> {
    let parts = split(arn, EXPRESS)?;
    let mut fields = parts.rest.split(':');
    let (machine_name, name, unique) = (fields.next()?, fields.next()?, fields.next()?);
    let is_complete = [machine_name, name, unique]
        .iter()
        .all(|field| !field.is_empty());
    (is_complete && fields.next().is_none()).then(|| ExpressRef {
        machine_arn: format!("{}:{MACHINE}:{machine_name}", parts.prefix),
        name,
        unique,
    })
}

/// The ARN of the execution in a row of the store: an Express one has the unique text in its name.
pub fn of_row(machine_arn: &str, name: &str) -> Option<Text> {
    match name.split_once(':') {
        Some((name, unique)) => express(machine_arn, name, unique),
        None => execution(machine_arn, name),
    }
}

/// What stands behind the name in the qualified ARN of a state machine: a version or an alias.
pub fn qualifier(machine_arn: &str) -> Option<&str> {
    let (_, qualifier) = split(machine_arn, MACHINE)?.rest.split_once(':')?;
    Some(qualifier)
}

/// The number of a version, by its ARN.
pub fn version(version_arn: &str) -> Option<u32> {
    qualifier(version_arn)?.parse().ok()
}

/// Whether a state machine (unqualified ARN) is one of the server's own: its name begins as AWS
/// lets no user's begin.
pub fn is_own(machine_arn: &str) -> bool {
    let name = machine_arn.rsplit(':').next();
    name.is_some_and(|name| name.starts_with('~'))
}

/// The Region of any ARN; empty if the text is none.
pub fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// The account of any ARN; empty if the text is none.
pub fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

struct Parts<'a> {
    /// `arn:P:states:R:A`
    prefix: &'a str,
    /// Behind the resource type.
    rest: &'a str,
}

fn split<'a>(arn: &'a str, resource_type: &str) -> Option<Parts<'a>> {
    let (at, _) = arn.match_indices(':').nth(4)?;
    let (prefix, resource) = arn.split_at_checked(at)?;
    let mut fields = prefix.split(':');
    let is_states = fields.next() == Some("arn") && fields.nth(1) == Some("states");
    let rest = resource
        .strip_prefix(':')?
        .strip_prefix(resource_type)?
        .strip_prefix(':')?;
    is_states.then_some(Parts { prefix, rest })
}

#[cfg(test)]
mod tests;
