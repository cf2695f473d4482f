//! What the `Resource` of a Task state may be: the table of service integrations.
//!
//! Source: the Step Functions developer guide, "Integrating services" and the pages of each
//! optimised integration. Whether this server can make a call is not judged here: as with AWS, a
//! definition may name any service, and its call fails when it is made.

use std::borrow::Cow;

use crate::arn::Arn;
use crate::model::{Model, Operation, ShapeId};
use crate::models::Service;

mod optimised;
mod sdk;

pub use optimised::Parameter;
pub use sdk::SdkService;

/// How the resources begin that the server's own executions name, and no user's: [`resolve`] knows
/// none of them.
pub const SYSTEM_RESOURCE: &str = "arn:aws:states:::lockstep:";

/// What a `Resource` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Something a Task can name.
    Task(TaskResource),
    /// Not a resource of AWS; `message` is AWS's text.
    Unrecognised { message: String },
}

/// What a Task can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskResource {
    /// `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`: the input is the event,
    /// the result comes back bare.
    LambdaFunction { arn: Arn },
    /// `arn:aws:states:<region>:<account>:activity:<name>`: a worker asks for the task.
    Activity { arn: Arn },
    /// `arn:aws:states:::lambda:invoke[.waitForTaskToken]`: parameters as the Invoke API has them.
    LambdaInvoke { pattern: Pattern },
    /// `arn:aws:states:::<service>:<action>[.<pattern>]`.
    Optimised {
        service: &'static str,
        action: &'static str,
        pattern: Pattern,
    },
    /// `arn:aws:states:::aws-sdk:<service>:<action>[.waitForTaskToken]`.
    Sdk {
        service: SdkService,
        /// In camel case: `putItem`.
        action: Box<str>,
        pattern: Pattern,
    },
}

impl TaskResource {
    /// `resourceType` of the `Task…` events; `None` for ARNs of functions and activities, which
    /// have events of their own.
    #[must_use]
    pub fn resource_type(&self) -> Option<Cow<'static, str>> {
        match self {
            TaskResource::LambdaFunction { .. } | TaskResource::Activity { .. } => None,
            TaskResource::LambdaInvoke { .. } => Some("lambda".into()),
            TaskResource::Optimised { service, .. } => Some((*service).into()),
            TaskResource::Sdk { service, .. } => Some(format!("aws-sdk:{}", service.id).into()),
        }
    }

    /// `resource` of the `Task…` events, pattern included (`startExecution.sync:2`); `None` for
    /// ARNs of functions and activities.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        let action = match self {
            TaskResource::LambdaFunction { .. } | TaskResource::Activity { .. } => return None,
            TaskResource::LambdaInvoke { .. } => "invoke",
            TaskResource::Optimised { action, .. } => action,
            TaskResource::Sdk { action, .. } => action,
        };
        Some(format!("{action}{}", self.pattern().suffix()))
    }

    /// How the task ends.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        match self {
            TaskResource::LambdaFunction { .. } | TaskResource::Activity { .. } => {
                Pattern::RequestResponse
            }
            TaskResource::LambdaInvoke { pattern }
            | TaskResource::Optimised { pattern, .. }
            | TaskResource::Sdk { pattern, .. } => *pattern,
        }
    }

    /// All members that `Parameters` may have; `None` when it is free, or not all are known.
    #[must_use]
    pub fn parameters(&self) -> Option<&'static [Parameter]> {
        match self {
            TaskResource::LambdaInvoke { .. } => Some(optimised::LAMBDA_INVOKE),
            TaskResource::Optimised {
                service: "states", ..
            } => Some(optimised::START_EXECUTION),
            _ => None,
        }
    }

    /// The members without which no call can be made, as far as they are known; AWS refuses a
    /// definition that lacks one.
    #[must_use]
    pub fn required_parameters(&self) -> &'static [&'static str] {
        match self {
            TaskResource::LambdaInvoke { .. } => &["FunctionName"],
            TaskResource::Optimised {
                service, action, ..
            } => optimised::required(service, action),
            _ => &[],
        }
    }

    /// The model and the operation of the call the task makes; `None` for an activity and where
    /// this build has no model of the service.
    #[must_use]
    pub fn operation(&self) -> Option<(&'static Model, &'static Operation)> {
        match self {
            TaskResource::LambdaFunction { .. } | TaskResource::LambdaInvoke { .. } => {
                let model = Service::Lambda.model().ok()?;
                Some((model, model.operation("Invoke")?))
            }
            TaskResource::Activity { .. } => None,
            TaskResource::Optimised {
                service, action, ..
            } => optimised::operation(service, action),
            TaskResource::Sdk {
                service, action, ..
            } => service.operation(action),
        }
    }

    /// The shape of the API's answer that becomes the task's result: of the call itself, or, with
    /// `.sync`, of the one that describes the finished job. `None` where there is no such shape (a
    /// function's own result) or this build has no model of it.
    #[must_use]
    pub fn response_shape(&self) -> Option<(&'static Model, ShapeId)> {
        let (model, operation) = match self {
            TaskResource::LambdaFunction { .. } => return None,
            TaskResource::Optimised {
                service,
                pattern: Pattern::Sync | Pattern::Sync2,
                ..
            } => optimised::describing(service)?,
            _ => self.operation()?,
        };
        Some((model, operation.output?))
    }

    /// How `Parameters` and results of this task spell `member`, a name of the API's model. The
    /// optimised integrations only make its first letter a capital; those of the SDK have the names
    /// of AWS's SDK for Java, in which a leading acronym is one word (`DbInstanceIdentifier`).
    #[must_use]
    pub fn member_name<'n>(&self, member: &'n str) -> Cow<'n, str> {
        match self {
            TaskResource::Sdk { .. } => sdk::member_name(member),
            _ => capitalised(member),
        }
    }
}

/// `text` with its first letter a capital.
fn capitalised(text: &str) -> Cow<'_, str> {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first.is_ascii_lowercase() => {
            let first = std::iter::once(first.to_ascii_uppercase());
            Cow::Owned(first.chain(chars).collect())
        }
        _ => Cow::Borrowed(text),
    }
}

/// When a task of an integration is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// No suffix: when the call answers.
    RequestResponse,
    /// `.sync`: when the job it started ends.
    Sync,
    /// `.sync:2`: the same, with a result of the second form (nested executions).
    Sync2,
    /// `.waitForTaskToken`: when SendTaskSuccess or SendTaskFailure brings its token.
    WaitForTaskToken,
}

impl Pattern {
    const ALL: [Pattern; 4] = [
        Pattern::RequestResponse,
        Pattern::Sync,
        Pattern::Sync2,
        Pattern::WaitForTaskToken,
    ];

    /// What stands after the action, with its dot; empty for request-response.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Pattern::RequestResponse => "",
            Pattern::Sync => ".sync",
            Pattern::Sync2 => ".sync:2",
            Pattern::WaitForTaskToken => ".waitForTaskToken",
        }
    }

    /// The action in front of the first dot, and the pattern after it.
    fn split(call: &str) -> Option<(&str, Pattern)> {
        let at = call.find('.').unwrap_or(call.len());
        let (action, suffix) = call.split_at_checked(at)?;
        let pattern = Pattern::ALL.into_iter().find(|p| p.suffix() == suffix)?;
        Some((action, pattern))
    }
}

/// What `resource`, the text of a Task's `Resource` field, stands for.
///
/// ```
/// use aws::integrations::{Resolution, resolve};
/// let Resolution::Task(task) = resolve("arn:aws:states:::aws-sdk:sfn:listActivities") else {
///     panic!("AWS has it");
/// };
/// assert_eq!(task.resource_type().as_deref(), Some("aws-sdk:sfn"));
/// assert_eq!(task.resource().as_deref(), Some("listActivities"));
/// assert!(task.response_shape().is_some());
///
/// let unknown = resolve("arn:aws:states:::dynamodb:query");
/// assert!(matches!(unknown, Resolution::Unrecognised { .. }));
/// ```
#[must_use]
pub fn resolve(resource: &str) -> Resolution {
    match task(resource) {
        Some(task) => Resolution::Task(task),
        None => Resolution::Unrecognised {
            message: format!(
                "The resource provided {resource} is not recognized. The value is not a valid \
                 resource ARN, or the resource is not available in this region."
            ),
        },
    }
}

fn task(resource: &str) -> Option<TaskResource> {
    let arn = Arn::parse(resource).ok()?;
    if !matches!(arn.partition.as_str(), "aws" | "aws-cn" | "aws-us-gov") {
        return None;
    }
    let placed = !arn.region.is_empty() && !arn.account.is_empty();
    match arn.service.as_str() {
        "lambda" if placed && arn.function_name_and_qualifier().is_some() => {
            Some(TaskResource::LambdaFunction { arn })
        }
        "states" if placed && is_activity(&arn) => Some(TaskResource::Activity { arn }),
        "states" if arn.region.is_empty() && arn.account.is_empty() => integration(&arn.resource),
        _ => None,
    }
}

fn is_activity(arn: &Arn) -> bool {
    arn.resource
        .strip_prefix("activity:")
        .is_some_and(crate::arn::is_valid_name)
}

fn integration(resource: &str) -> Option<TaskResource> {
    if let Some(call) = resource.strip_prefix("aws-sdk:") {
        return sdk::resolve(call);
    }
    let (service, call) = resource.split_once(':')?;
    let (action, pattern) = Pattern::split(call)?;
    let (service, action) = optimised::find(service, action, pattern)?;
    Some(match (service, action) {
        ("lambda", "invoke") => TaskResource::LambdaInvoke { pattern },
        _ => TaskResource::Optimised {
            service,
            action,
            pattern,
        },
    })
}

#[cfg(test)]
mod tests;
