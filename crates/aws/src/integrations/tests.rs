use super::optimised;
use super::sdk::{SdkService, member_name};
use super::{Pattern, Resolution, TaskResource, capitalised, resolve};
use crate::model::Kind;

/// The resource's form and what its events say: `optimised sqs sendMessage`.
fn form(resource: &str) -> String {
    let task = match resolve(resource) {
        Resolution::Task(task) => task,
        Resolution::Unrecognised { message } => {
            let expected = format!(
                "The resource provided {resource} is not recognized. The value is not a valid \
                 resource ARN, or the resource is not available in this region."
            );
            assert_eq!(message, expected);
            return "unrecognised".to_owned();
        }
    };
    let form = match &task {
        TaskResource::LambdaFunction { .. } => "function",
        TaskResource::Activity { .. } => "activity",
        TaskResource::LambdaInvoke { .. } => "invoke",
        TaskResource::Optimised { .. } => "optimised",
        TaskResource::Sdk { .. } => "sdk",
    };
    let resource = task.resource();
    assert_eq!(task.resource_type().is_some(), resource.is_some());
    let texts = [task.resource_type().map(Into::into), resource];
    let texts = texts.into_iter().flatten().map(|text| format!(" {text}"));
    form.to_owned() + &texts.collect::<String>()
}

#[test]
fn every_form() {
    let cases = include_str!("cases.txt").lines();
    let cases = cases.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut count = 0;
    for line in cases {
        let (resource, expected) = line.split_once(" -> ").expect(line);
        assert_eq!(form(resource), expected, "{resource}");
        count += 1;
    }
    assert!(count >= 50);
    assert_eq!(form(""), "unrecognised");
}

#[test]
fn patterns() {
    let pattern = |resource: &str| match resolve(resource) {
        Resolution::Task(task) => task.pattern(),
        Resolution::Unrecognised { message } => panic!("{message}"),
    };
    for (resource, expected) in [
        ("arn:aws:lambda:r:1:function:f", Pattern::RequestResponse),
        ("arn:aws:states:r:1:activity:a", Pattern::RequestResponse),
        ("arn:aws:states:::lambda:invoke", Pattern::RequestResponse),
        (
            "arn:aws:states:::lambda:invoke.waitForTaskToken",
            Pattern::WaitForTaskToken,
        ),
        ("arn:aws:states:::states:startExecution.sync", Pattern::Sync),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            Pattern::Sync2,
        ),
        (
            "arn:aws:states:::aws-sdk:s3:getObject.waitForTaskToken",
            Pattern::WaitForTaskToken,
        ),
    ] {
        assert_eq!(pattern(resource), expected, "{resource}");
    }
}

fn task(resource: &str) -> TaskResource {
    match resolve(resource) {
        Resolution::Task(task) => task,
        Resolution::Unrecognised { message } => panic!("{message}"),
    }
}

/// What can't be left out, and what can't be put in.
#[test]
fn parameters() {
    for (resource, required, closed) in [
        ("lambda:invoke", "FunctionName", Some(6)),
        ("states:startExecution.sync", "StateMachineArn", Some(4)),
        ("sqs:sendMessage", "QueueUrl MessageBody", None),
        ("dynamodb:updateItem", "TableName Key", None),
        ("http:invoke", "ApiEndpoint Method", None),
        ("eks:call", "", None),
        ("aws-sdk:s3:getObject", "", None),
    ] {
        let task = task(&format!("arn:aws:states:::{resource}"));
        assert_eq!(task.required_parameters().join(" "), required, "{resource}");
        assert_eq!(task.parameters().map(<[_]>::len), closed, "{resource}");
        for parameter in task.parameters().unwrap_or_default() {
            let is_required = task.required_parameters().contains(&parameter.name);
            assert_eq!(parameter.required, is_required, "{}", parameter.name);
        }
    }
}

/// Where there is a model, what the table requires is what the model requires.
#[test]
fn the_table_agrees_with_the_models() {
    let mut checked = 0;
    for (service, (action, required)) in optimised::all() {
        let Some((model, operation)) = optimised::operation(service, action) else {
            assert!(crate::models::Embedded::of_signing_name(service).is_none());
            continue;
        };
        let input = operation.input.and_then(|input| model.structure(input));
        let input = input.expect("an input");
        let mut by_model: Vec<_> = input
            .members
            .iter()
            .filter(|member| member.required)
            .map(|member| capitalised(&member.name).into_owned())
            .collect();
        let mut required = required.to_vec();
        required.sort_unstable();
        by_model.sort_unstable();
        assert_eq!(required, by_model, "{service}:{action}");
        checked += 1;
    }
    assert_eq!(checked, 9);
}

/// The shape of each kind of answer, by its name in the model.
#[test]
fn response_shapes() {
    let optimised = "arn:aws:states:::";
    for (resource, expected) in [
        ("states:startExecution", "StartExecutionOutput"),
        (
            "states:startExecution.waitForTaskToken",
            "StartExecutionOutput",
        ),
        ("states:startExecution.sync", "DescribeExecutionOutput"),
        ("states:startExecution.sync:2", "DescribeExecutionOutput"),
        ("lambda:invoke", "InvocationResponse"),
        ("events:putEvents", "PutEventsResponse"),
        ("sns:publish", "PublishResponse"),
        ("sqs:sendMessage", "SendMessageResult"),
        ("dynamodb:putItem", "PutItemOutput"),
        ("aws-sdk:s3:getObject", "GetObjectOutput"),
        ("aws-sdk:cloudwatchlogs:deleteLogGroup", ""),
        ("aws-sdk:eventbridge:putEvents", "PutEventsResponse"),
        ("ecs:runTask.sync", ""),
        ("aws-sdk:ec2:describeInstances", ""),
    ] {
        let shape = task(&format!("{optimised}{resource}")).response_shape();
        let name = shape.map_or("", |(model, shape)| &*model.shape(shape).name);
        assert_eq!(name, expected, "{resource}");
        assert!(
            shape.is_none_or(|(model, id)| { matches!(model.shape(id).kind, Kind::Structure(_)) })
        );
    }
    let function = task("arn:aws:lambda:r:1:function:f");
    assert!(function.response_shape().is_none());
    assert!(function.operation().is_some());
    let activity = task("arn:aws:states:r:1:activity:a");
    assert!(activity.response_shape().is_none() && activity.operation().is_none());
}

#[test]
fn member_names() {
    let sdk = task("arn:aws:states:::aws-sdk:sfn:listActivities");
    let optimised = task("arn:aws:states:::sqs:sendMessage");
    for (member, of_sdk, of_optimised) in [
        ("executionArn", "ExecutionArn", "ExecutionArn"),
        ("TableName", "TableName", "TableName"),
        ("ETag", "ETag", "ETag"),
        ("ChecksumCRC32", "ChecksumCRC32", "ChecksumCRC32"),
        ("MD5OfMessageBody", "Md5OfMessageBody", "MD5OfMessageBody"),
        (
            "DBInstanceIdentifier",
            "DbInstanceIdentifier",
            "DBInstanceIdentifier",
        ),
        ("ACL", "Acl", "ACL"),
        ("equals", "EqualsValue", "Equals"),
        ("", "", ""),
    ] {
        assert_eq!(member_name(member), of_sdk);
        assert_eq!(sdk.member_name(member), of_sdk);
        assert_eq!(optimised.member_name(member), of_optimised);
    }
}

#[test]
fn sdk_services() {
    for (id, name, has_model) in [
        ("acmpca", "AcmPca", false),
        ("apigateway", "ApiGateway", false),
        ("cloudwatchlogs", "CloudWatchLogs", true),
        ("cognitoidentityprovider", "CognitoIdentityProvider", false),
        ("dynamodb", "DynamoDb", true),
        ("ec2", "Ec2", false),
        ("eventbridge", "EventBridge", true),
        ("iam", "Iam", true),
        ("lambda", "Lambda", true),
        ("s3", "S3", true),
        ("sagemakera2iruntime", "SageMakerA2IRuntime", false),
        ("secretsmanager", "SecretsManager", false),
        ("sesv2", "SesV2", false),
        ("sfn", "Sfn", true),
        ("sns", "Sns", true),
        ("sqs", "Sqs", true),
        ("sts", "Sts", true),
    ] {
        let service = SdkService::find(id).expect(id);
        assert_eq!((service.id, service.name), (id, name));
        assert_eq!(service.embedded.is_some(), has_model, "{id}");
    }
    assert!(SdkService::find("stepfunctions").is_none());
    assert!(SdkService::find("").is_none());

    let text = include_str!("../../../../models/services.json");
    let all = json::parse(text).expect("JSON");
    let ids: Vec<_> = all.as_object().expect("an object").keys().collect();
    assert!(ids.is_sorted() && ids.len() > 400);
    for id in ids {
        assert_eq!(SdkService::find(id).expect(id).id, id);
    }
}
