use super::*;

/// `family` as `type resource`, or the name of a family of its own.
#[track_caller]
fn check(resource: &str, family: &str, pattern: Pattern) {
    let Resolved::Task(found) = Integrations.resolve(resource) else {
        panic!("{resource} is unknown");
    };
    let written = match &found.family {
        ResourceFamily::LambdaFunction => "function".to_owned(),
        ResourceFamily::Activity => "activity".to_owned(),
        ResourceFamily::Service {
            resource_type,
            resource,
        } => format!("{resource_type} {resource}"),
    };
    assert_eq!(
        (written.as_str(), found.pattern),
        (family, pattern),
        "{resource}"
    );
    assert_eq!(&*found.arn, resource);
}

#[test]
fn every_form_of_a_resource_is_known() {
    use Pattern::{RequestResponse, RunJob, WaitForTaskToken};
    for (resource, family, pattern) in [
        (
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            "function",
            RequestResponse,
        ),
        (
            "arn:aws:states:us-east-1:123456789012:activity:a",
            "activity",
            RequestResponse,
        ),
        (
            "arn:aws:states:::lambda:invoke",
            "lambda invoke",
            RequestResponse,
        ),
        (
            "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "lambda invoke.waitForTaskToken",
            WaitForTaskToken,
        ),
        (
            "arn:aws:states:::sqs:sendMessage",
            "sqs sendMessage",
            RequestResponse,
        ),
        (
            "arn:aws-cn:states:::batch:submitJob.sync",
            "batch submitJob.sync",
            RunJob,
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            "states startExecution.sync:2",
            RunJob,
        ),
        (
            "arn:aws:states:::aws-sdk:s3:listBuckets",
            "aws-sdk:s3 listBuckets",
            RequestResponse,
        ),
        (
            "arn:aws:states:::aws-sdk:s3:listBuckets.waitForTaskToken",
            "aws-sdk:s3 listBuckets.waitForTaskToken",
            WaitForTaskToken,
        ),
        (
            "arn:aws:states:::http:invoke",
            "http invoke",
            RequestResponse,
        ),
    ] {
        check(resource, family, pattern);
    }
}

#[test]
fn what_aws_does_not_have_is_unknown() {
    for resource in [
        "",
        "foo:bar",
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::sqs:sendMessage.sync",
        "arn:aws:states:::aws-sdk:s3:listBuckets.sync",
        "arn:aws:states:::aws-sdk:nothing:list",
        "arn:aws:states:us-east-1:123456789012:activity:",
        "arn:aws:states:us-east-1:123456789012:stateMachine:m",
    ] {
        assert_eq!(
            Integrations.resolve(resource),
            Resolved::Unknown,
            "{resource}"
        );
        assert_eq!(Integrations.parameters(resource), None, "{resource}");
    }
}

#[test]
fn parameters_are_those_of_the_call() {
    let invoke = "arn:aws:states:::lambda:invoke";
    assert_eq!(Integrations.required_parameters(invoke), ["FunctionName"]);
    let names: Vec<_> = Integrations
        .parameters(invoke)
        .into_iter()
        .flatten()
        .collect();
    assert!(names.iter().any(|parameter| parameter.name == "Payload"));
    let function = "arn:aws:lambda:us-east-1:123456789012:function:f";
    assert_eq!(Integrations.parameters(function), None);
}
