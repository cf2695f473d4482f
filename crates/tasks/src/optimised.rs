//! Optimised integrations of services that are not called by this version.

use engine::TaskOutcome;

use crate::outcome;
use crate::sdk::no_endpoint;

/// What precedes the dot in names of errors, for the services of which it is known.
const PREFIXES: &[(&str, &str)] = &[
    ("apigateway", "ApiGateway"),
    ("athena", "Athena"),
    ("batch", "Batch"),
    ("codebuild", "CodeBuild"),
    ("dynamodb", "DynamoDB"),
    ("ecs", "ECS"),
    ("events", "EventBridge"),
    ("glue", "Glue"),
    ("sagemaker", "SageMaker"),
    ("sns", "SNS"),
    ("sqs", "SQS"),
];

/// The failure of a call that there is nobody to take.
pub(crate) fn not_served(service: &str, action: &str) -> TaskOutcome {
    let prefix = PREFIXES.iter().find(|(name, _)| *name == service);
    match prefix {
        Some((_, prefix)) => outcome::failed(
            &format!("{prefix}.SdkClientException"),
            &no_endpoint(service),
        ),
        None => outcome::failed(
            "States.TaskFailed",
            &format!(
                "the integration `{service}:{action}` is not served by this version of Lockstep; \
                 use a Lambda function instead"
            ),
        ),
    }
}
