//! What the `Resource` of a Task state may be: the table of service integrations.
//!
//! Source: the Step Functions developer guide, "Integrating services" and the pages of each
//! optimised integration.

use crate::arn::Arn;

/// What a `Resource` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A call this server makes.
    Served(TaskResource),
    /// A resource of AWS that this server doesn't call yet; `message` says so and names it.
    NotServedYet { message: String },
    /// Not a resource of AWS; `message` is AWS's text.
    Unrecognised { message: String },
}

/// A call a Task can make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskResource {
    /// `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`: the input is the event,
    /// the result comes back bare.
    LambdaFunction { arn: Arn },
    /// `arn:aws:states:::lambda:invoke[.waitForTaskToken]`: parameters as the Invoke API has them.
    LambdaInvoke { pattern: Pattern },
}

impl TaskResource {
    /// `resourceType` of the `Task…` events; `None` for a function ARN, which has events of its
    /// own.
    #[must_use]
    pub fn resource_type(&self) -> Option<&'static str> {
        match self {
            TaskResource::LambdaFunction { .. } => None,
            TaskResource::LambdaInvoke { .. } => Some("lambda"),
        }
    }

    /// `resource` of the `Task…` events, pattern included; `None` for a function ARN.
    #[must_use]
    pub fn resource(&self) -> Option<&'static str> {
        match self {
            TaskResource::LambdaFunction { .. } => None,
            TaskResource::LambdaInvoke {
                pattern: Pattern::WaitForTaskToken,
            } => Some("invoke.waitForTaskToken"),
            TaskResource::LambdaInvoke { .. } => Some("invoke"),
        }
    }

    /// How the task ends.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        match self {
            TaskResource::LambdaFunction { .. } => Pattern::RequestResponse,
            TaskResource::LambdaInvoke { pattern } => *pattern,
        }
    }

    /// The members that `Parameters` may have; `None` when it is free, being the payload itself.
    #[must_use]
    pub fn parameters(&self) -> Option<&'static [Parameter]> {
        match self {
            TaskResource::LambdaFunction { .. } => None,
            TaskResource::LambdaInvoke { .. } => Some(LAMBDA_INVOKE),
        }
    }
}

/// A member of an integration's `Parameters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub required: bool,
    /// What it may be; empty when anything.
    pub values: &'static [&'static str],
    /// Values that AWS has and this server doesn't serve yet.
    pub values_not_served: &'static [&'static str],
}

const fn required(name: &'static str) -> Parameter {
    Parameter {
        name,
        required: true,
        values: &[],
        values_not_served: &[],
    }
}

const fn optional(name: &'static str) -> Parameter {
    Parameter {
        name,
        required: false,
        values: &[],
        values_not_served: &[],
    }
}

const LAMBDA_INVOKE: &[Parameter] = &[
    required("FunctionName"),
    optional("ClientContext"),
    Parameter {
        values: &["RequestResponse", "DryRun"],
        // An event that is accepted must survive a restart, which it doesn't yet.
        values_not_served: &["Event"],
        ..optional("InvocationType")
    },
    optional("LogType"),
    optional("Payload"),
    optional("Qualifier"),
];

/// When a task of an optimised integration is over.
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
    fn of(suffix: Option<&str>) -> Option<Pattern> {
        Some(match suffix {
            None => Pattern::RequestResponse,
            Some("sync") => Pattern::Sync,
            Some("sync:2") => Pattern::Sync2,
            Some("waitForTaskToken") => Pattern::WaitForTaskToken,
            Some(_) => return None,
        })
    }
}

/// What `resource`, the text of a Task's `Resource` field, stands for.
///
/// ```
/// use aws::integrations::{Resolution, resolve};
/// let known = resolve("arn:aws:states:::lambda:invoke");
/// assert!(matches!(known, Resolution::Served(_)));
/// let unserved = resolve("arn:aws:states:::sqs:sendMessage.waitForTaskToken");
/// assert!(matches!(unserved, Resolution::NotServedYet { .. }));
/// let unknown = resolve("arn:aws:states:::dynamodb:query");
/// assert!(matches!(unknown, Resolution::Unrecognised { .. }));
/// ```
#[must_use]
pub fn resolve(resource: &str) -> Resolution {
    let Ok(arn) = Arn::parse(resource) else {
        return unrecognised(resource);
    };
    if !matches!(arn.partition.as_str(), "aws" | "aws-cn" | "aws-us-gov") {
        return unrecognised(resource);
    }
    let placed = !arn.region.is_empty() && !arn.account.is_empty();
    match arn.service.as_str() {
        "lambda" if placed && arn.function_name_and_qualifier().is_some() => {
            Resolution::Served(TaskResource::LambdaFunction { arn })
        }
        "states" if placed && is_activity(&arn) => not_served(resource, "activities are"),
        "states" if arn.region.is_empty() && arn.account.is_empty() => integration(resource, &arn),
        _ => unrecognised(resource),
    }
}

fn is_activity(arn: &Arn) -> bool {
    arn.resource
        .strip_prefix("activity:")
        .is_some_and(crate::arn::is_valid_name)
}

fn integration(resource: &str, arn: &Arn) -> Resolution {
    if let Some(call) = arn.resource.strip_prefix("aws-sdk:") {
        return sdk(resource, call);
    }
    let Some((service, call)) = arn.resource.split_once(':') else {
        return unrecognised(resource);
    };
    let (action, suffix) = match call.split_once('.') {
        Some((action, suffix)) => (action, Some(suffix)),
        None => (call, None),
    };
    match Pattern::of(suffix) {
        Some(pattern) if is_offered(service, action, pattern) => match (service, action) {
            ("lambda", "invoke") => Resolution::Served(TaskResource::LambdaInvoke { pattern }),
            _ => not_served(resource, "this integration is"),
        },
        _ => unrecognised(resource),
    }
}

/// `<service>:<action>[.waitForTaskToken]` in the spelling of the AWS SDK integrations. Which
/// services and actions exist is not looked up before they are served, so here only the form is
/// judged.
fn sdk(resource: &str, call: &str) -> Resolution {
    let call = call.strip_suffix(".waitForTaskToken").unwrap_or(call);
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_alphanumeric())
    };
    match call.split_once(':') {
        Some((service, action)) if word(service) && word(action) => {
            not_served(resource, "AWS SDK integrations are")
        }
        _ => unrecognised(resource),
    }
}

fn is_offered(service: &str, action: &str, pattern: Pattern) -> bool {
    OPTIMISED.iter().any(|entry| {
        entry.service == service
            && entry.actions.contains(&action)
            && match pattern {
                Pattern::RequestResponse => entry.request_response,
                Pattern::Sync => entry.sync,
                Pattern::Sync2 => entry.sync && service == "states",
                Pattern::WaitForTaskToken => entry.token,
            }
    })
}

fn unrecognised(resource: &str) -> Resolution {
    let message = format!(
        "The resource provided {resource} is not recognized. The value is not a valid resource \
         ARN, or the resource is not available in this region."
    );
    Resolution::Unrecognised { message }
}

fn not_served(resource: &str, what: &str) -> Resolution {
    let message = format!(
        "the resource `{resource}` can't be called: {what} not served by this version of Lockstep; \
         use a Lambda function instead"
    );
    Resolution::NotServedYet { message }
}

/// Actions of one service that offer the same patterns.
struct Optimised {
    service: &'static str,
    actions: &'static [&'static str],
    request_response: bool,
    sync: bool,
    token: bool,
}

/// Reads `patterns` as the guide's table prints them: `r` request-response, `s` run a job, `t` wait
/// for the token.
const fn entry(
    service: &'static str,
    patterns: &'static str,
    actions: &'static [&'static str],
) -> Optimised {
    let (mut request_response, mut sync, mut token) = (false, false, false);
    let mut rest = patterns.as_bytes();
    while let [letter, others @ ..] = rest {
        match *letter {
            b'r' => request_response = true,
            b's' => sync = true,
            _ => token = true,
        }
        rest = others;
    }
    Optimised {
        service,
        actions,
        request_response,
        sync,
        token,
    }
}

const OPTIMISED: &[Optimised] = &[
    entry("apigateway", "rt", &["invoke"]),
    entry("athena", "rs", &["startQueryExecution"]),
    entry(
        "athena",
        "r",
        &["getQueryExecution", "getQueryResults", "stopQueryExecution"],
    ),
    entry("batch", "rs", &["submitJob"]),
    entry("bedrock", "rt", &["invokeModel"]),
    entry("bedrock", "rs", &["createModelCustomizationJob"]),
    entry("codebuild", "rs", &["startBuild", "startBuildBatch"]),
    entry(
        "codebuild",
        "r",
        &["batchDeleteBuilds", "batchGetReports", "retryBuildBatch"],
    ),
    entry("codebuild", "r", &["stopBuild", "stopBuildBatch"]),
    entry("databrew", "rs", &["startJobRun"]),
    entry(
        "dynamodb",
        "r",
        &["deleteItem", "getItem", "putItem", "updateItem"],
    ),
    entry("ecs", "rst", &["runTask"]),
    entry(
        "eks",
        "rs",
        &["createCluster", "createFargateProfile", "createNodegroup"],
    ),
    entry(
        "eks",
        "rs",
        &[
            "deleteCluster",
            "deleteFargateProfile",
            "deleteNodegroup",
            "runJob",
        ],
    ),
    entry("eks", "rt", &["call"]),
    entry(
        "elasticmapreduce",
        "rs",
        &["addStep", "createCluster", "terminateCluster"],
    ),
    entry(
        "elasticmapreduce",
        "r",
        &["cancelStep", "setClusterTerminationProtection"],
    ),
    entry(
        "elasticmapreduce",
        "r",
        &["modifyInstanceFleetByName", "modifyInstanceGroupByName"],
    ),
    entry(
        "emr-containers",
        "rs",
        &[
            "createVirtualCluster",
            "deleteVirtualCluster",
            "startJobRun",
        ],
    ),
    entry(
        "emr-serverless",
        "rs",
        &["createApplication", "deleteApplication", "startApplication"],
    ),
    entry("emr-serverless", "rs", &["startJobRun", "stopApplication"]),
    entry("emr-serverless", "r", &["cancelJobRun"]),
    entry("events", "rt", &["putEvents"]),
    entry("glue", "rs", &["startJobRun"]),
    entry("http", "r", &["invoke"]),
    entry("lambda", "rt", &["invoke"]),
    entry("mediaconvert", "rs", &["createJob"]),
    entry(
        "sagemaker",
        "rs",
        &["createHyperParameterTuningJob", "createLabelingJob"],
    ),
    entry(
        "sagemaker",
        "rs",
        &[
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
        ],
    ),
    entry(
        "sagemaker",
        "r",
        &["createEndpoint", "createEndpointConfig", "createModel"],
    ),
    entry("sagemaker", "r", &["updateEndpoint"]),
    entry("sns", "rt", &["publish"]),
    entry("sqs", "rt", &["sendMessage"]),
    entry("states", "rst", &["startExecution"]),
];

#[cfg(test)]
mod tests;
