//! The optimised integrations: which actions of which services, with which patterns, and what they
//! can't be called without.

use super::Pattern;
use crate::model::{Model, Operation};
use crate::models::Embedded;

/// A member of an integration's `Parameters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub required: bool,
    /// What it may be; empty when anything.
    pub values: &'static [&'static str],
}

const fn required_member(name: &'static str) -> Parameter {
    Parameter {
        required: true,
        ..optional(name)
    }
}

const fn optional(name: &'static str) -> Parameter {
    Parameter {
        name,
        required: false,
        values: &[],
    }
}

pub(super) const LAMBDA_INVOKE: &[Parameter] = &[
    required_member("FunctionName"),
    optional("ClientContext"),
    Parameter {
        values: &["RequestResponse", "DryRun", "Event"],
        ..optional("InvocationType")
    },
    optional("LogType"),
    optional("Payload"),
    optional("Qualifier"),
];

pub(super) const START_EXECUTION: &[Parameter] = &[
    required_member("StateMachineArn"),
    optional("Input"),
    optional("Name"),
    optional("TraceHeader"),
];

/// Service and action as this table spells them, if AWS offers the action with this pattern.
pub(super) fn find(
    service: &str,
    action: &str,
    pattern: Pattern,
) -> Option<(&'static str, &'static str)> {
    let offering = OPTIMISED.iter().filter(|entry| entry.service == service);
    let mut offering = offering.filter(|entry| match pattern {
        Pattern::RequestResponse => entry.request_response,
        Pattern::Sync => entry.sync,
        Pattern::Sync2 => entry.sync && service == "states",
        Pattern::WaitForTaskToken => entry.token,
    });
    offering.find_map(|entry| {
        let mut actions = entry.actions.iter();
        let (found, _) = actions.find(|(name, _)| *name == action)?;
        Some((entry.service, *found))
    })
}

/// What the action can't be called without.
pub(super) fn required(service: &str, action: &str) -> &'static [&'static str] {
    let entries = OPTIMISED.iter().filter(|entry| entry.service == service);
    let mut actions = entries.flat_map(|entry| entry.actions);
    actions
        .find(|(name, _)| *name == action)
        .map_or(&[], |(_, required)| required)
}

/// The operation of the API behind an action. The services of this table that have a model are
/// named there as they are here.
pub(super) fn operation(
    service: &str,
    action: &str,
) -> Option<(&'static Model, &'static Operation)> {
    let model = Embedded::of_signing_name(service)?.model().ok()?;
    Some((model, model.operation(&super::capitalised(action))?))
}

/// The operation whose answer is the result of a finished job of the service.
pub(super) fn describing(service: &str) -> Option<(&'static Model, &'static Operation)> {
    match service {
        "states" => operation(service, "describeExecution"),
        _ => None,
    }
}

/// Actions of one service that offer the same patterns.
struct Optimised {
    service: &'static str,
    request_response: bool,
    sync: bool,
    token: bool,
    actions: &'static [Action],
}

/// Name and required members.
type Action = (&'static str, &'static [&'static str]);

/// Reads `patterns` as the guide's table prints them: `r` request-response, `s` run a job, `t` wait
/// for the token.
const fn entry(
    service: &'static str,
    patterns: &'static str,
    actions: &'static [Action],
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
        request_response,
        sync,
        token,
        actions,
    }
}

#[rustfmt::skip]
const OPTIMISED: &[Optimised] = &[
    entry("apigateway", "rt", &[("invoke", &["ApiEndpoint", "Method"])]),
    entry("athena", "rs", &[("startQueryExecution", &["QueryString"])]),
    entry("athena", "r", &[
        ("getQueryExecution", &["QueryExecutionId"]),
        ("getQueryResults", &["QueryExecutionId"]),
        ("stopQueryExecution", &[]),
    ]),
    entry("batch", "rs", &[("submitJob", &["JobName", "JobQueue", "JobDefinition"])]),
    entry("bedrock", "rt", &[("invokeModel", &["ModelId"])]),
    entry("bedrock", "rs", &[("createModelCustomizationJob", &[])]),
    entry("codebuild", "rs", &[
        ("startBuild", &["ProjectName"]),
        ("startBuildBatch", &["ProjectName"]),
    ]),
    entry("codebuild", "r", &[
        ("batchDeleteBuilds", &["Ids"]),
        ("batchGetReports", &["ReportArns"]),
        ("deleteBuildBatch", &["Id"]),
        ("retryBuildBatch", &[]),
        ("stopBuild", &["Id"]),
        ("stopBuildBatch", &["Id"]),
    ]),
    entry("databrew", "rs", &[("startJobRun", &["Name"])]),
    entry("dynamodb", "r", &[
        ("deleteItem", &["TableName", "Key"]),
        ("getItem", &["TableName", "Key"]),
        ("putItem", &["TableName", "Item"]),
        ("updateItem", &["TableName", "Key"]),
    ]),
    entry("ecs", "rst", &[("runTask", &["TaskDefinition"])]),
    entry("eks", "rs", &[
        ("createCluster", &[]),
        ("createFargateProfile", &[]),
        ("createNodegroup", &[]),
        ("deleteCluster", &[]),
        ("deleteFargateProfile", &[]),
        ("deleteNodegroup", &[]),
        ("runJob", &[]),
    ]),
    entry("eks", "rt", &[("call", &[])]),
    entry("elasticmapreduce", "rs", &[
        ("addStep", &[]),
        ("createCluster", &[]),
        ("terminateCluster", &[]),
    ]),
    entry("elasticmapreduce", "r", &[
        ("cancelStep", &[]),
        ("modifyInstanceFleetByName", &[]),
        ("modifyInstanceGroupByName", &[]),
        ("setClusterTerminationProtection", &[]),
    ]),
    entry("emr-containers", "rs", &[
        ("createVirtualCluster", &[]),
        ("deleteVirtualCluster", &[]),
        ("startJobRun", &[]),
    ]),
    entry("emr-serverless", "rs", &[
        ("createApplication", &[]),
        ("deleteApplication", &[]),
        ("startApplication", &[]),
        ("startJobRun", &[]),
        ("stopApplication", &[]),
    ]),
    entry("emr-serverless", "r", &[("cancelJobRun", &[])]),
    entry("events", "rt", &[("putEvents", &["Entries"])]),
    entry("glue", "rs", &[("startJobRun", &["JobName"])]),
    entry("http", "r", &[("invoke", &["ApiEndpoint", "Method"])]),
    entry("lambda", "rt", &[("invoke", &["FunctionName"])]),
    entry("mediaconvert", "rs", &[("createJob", &["Role", "Settings"])]),
    entry("sagemaker", "rs", &[
        ("createHyperParameterTuningJob", &["HyperParameterTuningJobName"]),
        ("createLabelingJob", &["LabelingJobName"]),
        ("createProcessingJob", &["ProcessingJobName"]),
        ("createTrainingJob", &["TrainingJobName"]),
        ("createTransformJob", &["TransformJobName"]),
    ]),
    entry("sagemaker", "r", &[
        ("createEndpoint", &["EndpointName", "EndpointConfigName"]),
        ("createEndpointConfig", &["EndpointConfigName", "ProductionVariants"]),
        ("createModel", &["ModelName"]),
        ("updateEndpoint", &["EndpointName", "EndpointConfigName"]),
    ]),
    entry("sns", "rt", &[("publish", &["Message"])]),
    entry("sqs", "rt", &[("sendMessage", &["QueueUrl", "MessageBody"])]),
    entry("states", "rst", &[("startExecution", &["StateMachineArn"])]),
];

/// Service and required members of every action, for tests that compare them with the models.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static Action)> {
    OPTIMISED
        .iter()
        .flat_map(|entry| entry.actions.iter().map(|action| (entry.service, action)))
}
