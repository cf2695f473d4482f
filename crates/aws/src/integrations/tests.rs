use super::{Pattern, Resolution, TaskResource, resolve};
use crate::arn::Arn;

fn kind(resource: &str) -> &'static str {
    match resolve(resource) {
        Resolution::Served(_) => "served",
        Resolution::NotServedYet { message } => {
            assert!(message.contains(&format!("`{resource}`")), "{message}");
            "not yet"
        }
        Resolution::Unrecognised { message } => {
            let expected = format!(
                "The resource provided {resource} is not recognized. The value is not a valid \
                 resource ARN, or the resource is not available in this region."
            );
            assert_eq!(message, expected);
            "unrecognised"
        }
    }
}

#[test]
fn every_form() {
    for (resource, expected) in [
        ("arn:aws:lambda:us-east-1:123456789012:function:f", "served"),
        (
            "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "served",
        ),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:live",
            "served",
        ),
        (
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "unrecognised",
        ),
        ("arn:aws:lambda:::function:f", "unrecognised"),
        (
            "arn:aws:lambda:us-east-1:123456789012:layer:l",
            "unrecognised",
        ),
        ("arn:aws:states:::lambda:invoke", "served"),
        (
            "arn:aws-us-gov:states:::lambda:invoke.waitForTaskToken",
            "served",
        ),
        ("arn:aws:states:::lambda:invoke.sync", "unrecognised"),
        ("arn:aws:states:::lambda:invoke.later", "unrecognised"),
        ("arn:aws:states:::lambda:invokeAsync", "unrecognised"),
        (
            "arn:aws:states:us-east-1:123456789012:activity:a",
            "not yet",
        ),
        (
            "arn:aws:states:us-east-1:123456789012:activity:",
            "unrecognised",
        ),
        (
            "arn:aws:states:us-east-1:123456789012:stateMachine:m",
            "unrecognised",
        ),
        ("arn:aws:states:::sqs:sendMessage", "not yet"),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "not yet",
        ),
        ("arn:aws:states:::sqs:sendMessage.sync", "unrecognised"),
        ("arn:aws:states:::states:startExecution.sync:2", "not yet"),
        ("arn:aws:states:::ecs:runTask.sync:2", "unrecognised"),
        ("arn:aws:states:::ecs:runTask.sync", "not yet"),
        ("arn:aws:states:::dynamodb:getItem", "not yet"),
        ("arn:aws:states:::dynamodb:query", "unrecognised"),
        ("arn:aws:states:::http:invoke", "not yet"),
        ("arn:aws:states:::aws-sdk:s3:listBuckets", "not yet"),
        (
            "arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken",
            "not yet",
        ),
        ("arn:aws:states:::aws-sdk:s3", "unrecognised"),
        ("arn:aws:states:::aws-sdk:S3:ListBuckets", "unrecognised"),
        ("arn:aws:states:::", "unrecognised"),
        ("arn:other:states:::lambda:invoke", "unrecognised"),
        ("$.resource", "unrecognised"),
        ("", "unrecognised"),
    ] {
        assert_eq!(kind(resource), expected, "{resource}");
    }
}

#[test]
fn what_events_say() {
    let invoke = |pattern| TaskResource::LambdaInvoke { pattern };
    let plain = TaskResource::LambdaFunction {
        arn: Arn::function("aws", "r", "1", "f"),
    };
    let token = Pattern::WaitForTaskToken;
    for (task, resource_type, resource) in [
        (
            invoke(Pattern::RequestResponse),
            Some("lambda"),
            Some("invoke"),
        ),
        (
            invoke(token),
            Some("lambda"),
            Some("invoke.waitForTaskToken"),
        ),
        (plain.clone(), None, None),
    ] {
        assert_eq!(
            (task.resource_type(), task.resource()),
            (resource_type, resource)
        );
    }
    assert_eq!(plain.pattern(), Pattern::RequestResponse);
    assert_eq!(invoke(token).pattern(), token);
    assert!(plain.parameters().is_none());
    let members = invoke(token).parameters().expect("a closed list");
    let required: Vec<_> = members
        .iter()
        .filter(|p| p.required)
        .map(|p| p.name)
        .collect();
    assert_eq!(required, ["FunctionName"]);
}
