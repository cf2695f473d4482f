//! Amazon Resource Names: parsing, printing, and the forms the served APIs know.
//!
//! Sources: the AWS reference "Amazon Resource Names"; for Step Functions the ARNs and messages AWS
//! was recorded with.

use std::fmt;

/// `arn:<partition>:<service>:<region>:<account>:<resource>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    /// Empty for global services.
    pub region: String,
    /// Empty for resources without an owner.
    pub account: String,
    /// All that follows the fifth colon; may hold colons and slashes.
    pub resource: String,
}

/// Why a text isn't the ARN an operation wants. The texts are those of AWS Step Functions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `hello`: no `arn:` in front, or fewer than six fields.
    #[error("Invalid Arn: 'Invalid ARN prefix: {0}'")]
    Prefix(String),
    /// DescribeExecution of `arn:aws:states:us-east-1:123456789012:express:m:e:uuid`.
    #[error("Invalid Arn: 'Resource type not valid in this context: {0}'")]
    ResourceType(String),
}

impl Arn {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`Error::Prefix`] when it doesn't begin with `arn:` or has fewer than six fields.
    pub fn parse(text: &str) -> Result<Arn, Error> {
        let mut fields = text.splitn(6, ':');
        let mut field = || fields.next().map(str::to_owned);
        let prefix = field();
        match (
            prefix.as_deref(),
            field(),
            field(),
            field(),
            field(),
            field(),
        ) {
            (
                Some("arn"),
                Some(partition),
                Some(service),
                Some(region),
                Some(account),
                Some(resource),
            ) => Ok(Arn {
                partition,
                service,
                region,
                account,
                resource,
            }),
            _ => Err(Error::Prefix(text.to_owned())),
        }
    }

    /// The same place and owner with another `resource`.
    #[must_use]
    pub fn sibling(&self, resource: impl Into<String>) -> Arn {
        Arn {
            resource: resource.into(),
            ..self.clone()
        }
    }

    /// The first part of the resource: `stateMachine`, `function`, `role`.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        let end = self
            .resource
            .find([':', '/'])
            .unwrap_or(self.resource.len());
        self.resource.get(..end).unwrap_or_default()
    }

    /// `arn:<partition>:states:<region>:<account>:<resource>`.
    #[must_use]
    pub fn states(partition: &str, region: &str, account: &str, resource: String) -> Arn {
        Arn::of([partition, "states", region, account], resource)
    }

    /// `arn:<partition>:lambda:<region>:<account>:function:<name>`.
    #[must_use]
    pub fn function(partition: &str, region: &str, account: &str, name: &str) -> Arn {
        Arn::of(
            [partition, "lambda", region, account],
            format!("function:{name}"),
        )
    }

    /// `arn:<partition>:iam::<account>:role<path><name>`; `path` begins and ends with a slash.
    #[must_use]
    pub fn role(partition: &str, account: &str, path: &str, name: &str) -> Arn {
        Arn::of([partition, "iam", "", account], format!("role{path}{name}"))
    }

    /// `arn:<partition>:sts::<account>:assumed-role/<role>/<session>`; the role's path is dropped.
    #[must_use]
    pub fn assumed_role(partition: &str, account: &str, role: &str, session: &str) -> Arn {
        Arn::of(
            [partition, "sts", "", account],
            format!("assumed-role/{role}/{session}"),
        )
    }

    fn of([partition, service, region, account]: [&str; 4], resource: String) -> Arn {
        Arn {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource,
        }
    }

    /// Path and name of a role ARN: `role/service/worker` is `("/service/", "worker")`. `None` for
    /// anything but a role.
    #[must_use]
    pub fn role_path_and_name(&self) -> Option<(&str, &str)> {
        if self.service != "iam" {
            return None;
        }
        let path = self.resource.strip_prefix("role")?;
        let (path, name) = path.split_at_checked(path.rfind('/')? + 1)?;
        (path.starts_with('/') && !name.is_empty()).then_some((path, name))
    }

    /// Name and qualifier of a Lambda function ARN. `None` for anything but a function.
    #[must_use]
    pub fn function_name_and_qualifier(&self) -> Option<(&str, Option<&str>)> {
        if self.service != "lambda" {
            return None;
        }
        let mut parts = self.resource.strip_prefix("function:")?.splitn(2, ':');
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name, parts.next()))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl std::str::FromStr for Arn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Arn, Error> {
        Arn::parse(text)
    }
}

/// What a Step Functions ARN names. Borrowed from the ARN's resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum States<'a> {
    /// `stateMachine:<name>`.
    StateMachine { name: &'a str },
    /// `stateMachine:<name>:<int>`.
    Version { name: &'a str, version: u64 },
    /// `stateMachine:<name>:<alias>`; an alias has at least one character that isn't a digit.
    Alias { name: &'a str, alias: &'a str },
    /// `stateMachine:<name>/<label>`: the virtual machine of a distributed Map.
    Labelled { name: &'a str, label: &'a str },
    /// `execution:<machine>:<name>`; of a Map child, `execution:<machine>/<label>:<name>`.
    Execution {
        machine: &'a str,
        label: Option<&'a str>,
        name: &'a str,
    },
    /// `express:<machine>:<name>:<uuid>`.
    Express {
        machine: &'a str,
        label: Option<&'a str>,
        name: &'a str,
        uuid: &'a str,
    },
    /// `mapRun:<machine>/<label>:<uuid>`.
    MapRun {
        machine: &'a str,
        label: &'a str,
        uuid: &'a str,
    },
    /// `activity:<name>`.
    Activity { name: &'a str },
}

impl<'a> States<'a> {
    /// What `arn` names.
    ///
    /// # Errors
    /// [`Error::Prefix`] for an ARN of another service, [`Error::ResourceType`] for a resource Step
    /// Functions doesn't have.
    pub fn of(arn: &'a Arn) -> Result<States<'a>, Error> {
        if arn.service != "states" {
            return Err(Error::Prefix(arn.to_string()));
        }
        let refused = || Error::ResourceType(arn.resource_type().to_owned());
        let (kind, rest) = arn.resource.split_once(':').ok_or_else(refused)?;
        let parts: Vec<&str> = rest.split(':').collect();
        let (machine, label) = match parts.first().and_then(|first| first.split_once('/')) {
            Some((machine, label)) => (machine, Some(label)),
            None => (parts.first().copied().unwrap_or_default(), None),
        };
        if parts.iter().any(|part| part.is_empty()) || machine.is_empty() {
            return Err(refused());
        }
        Ok(match (kind, parts.as_slice(), label) {
            ("stateMachine", [_], None) => States::StateMachine { name: machine },
            ("stateMachine", [_], Some(label)) => States::Labelled {
                name: machine,
                label,
            },
            ("stateMachine", [_, qualifier], None) => qualified(machine, qualifier),
            ("execution", [_, name], label) => States::Execution {
                machine,
                label,
                name,
            },
            ("express", [_, name, uuid], label) => States::Express {
                machine,
                label,
                name,
                uuid,
            },
            ("mapRun", [_, uuid], Some(label)) => States::MapRun {
                machine,
                label,
                uuid,
            },
            ("activity", [_], None) => States::Activity { name: machine },
            _ => return Err(refused()),
        })
    }

    /// The first part of the resource this stands for, as [`Error::ResourceType`] names it.
    #[must_use]
    pub fn resource_type(&self) -> &'static str {
        match self {
            States::StateMachine { .. }
            | States::Version { .. }
            | States::Alias { .. }
            | States::Labelled { .. } => "stateMachine",
            States::Execution { .. } => "execution",
            States::Express { .. } => "express",
            States::MapRun { .. } => "mapRun",
            States::Activity { .. } => "activity",
        }
    }

    /// The error of an operation that doesn't take this kind of resource.
    #[must_use]
    pub fn not_valid_here(&self) -> Error {
        Error::ResourceType(self.resource_type().to_owned())
    }
}

fn qualified<'a>(name: &'a str, qualifier: &'a str) -> States<'a> {
    let digits = qualifier.bytes().all(|b| b.is_ascii_digit());
    match qualifier.parse() {
        Ok(version) if digits => States::Version { name, version },
        _ => States::Alias {
            name,
            alias: qualifier,
        },
    }
}

/// Longest name of a state machine, an execution or an activity, in characters.
pub const NAME_CHARS_MAX: usize = 80;

/// Whether `name` may name a state machine, an execution or an activity: 1 to 80 characters, none
/// of them white space, brackets, wildcards, `" # % \ ^ | ~ ` $ & , ; : /`, a control character or
/// a non-character.
///
/// Source: the API reference of CreateActivity, recorded for each ASCII character.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    let count = name.chars().take(NAME_CHARS_MAX + 1).count();
    (1..=NAME_CHARS_MAX).contains(&count) && name.chars().all(may_be_in_name)
}

fn may_be_in_name(c: char) -> bool {
    !(c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{FFFE}' | '\u{FFFF}' | '\u{10FFFF}')
        || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c))
}

#[cfg(test)]
mod tests;
