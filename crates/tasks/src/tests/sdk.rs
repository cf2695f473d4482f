//! Any operation of a service, as an AWS SDK integration.

use super::*;

fn sdk(resource: &str, pattern: Pattern, parameters: &str) -> TaskCall {
    let (service_name, action) = resource.split_once(':').unwrap();
    let family = service(&format!("aws-sdk:{service_name}"), action);
    let mut call = call(family, pattern, parameters);
    if pattern == Pattern::WaitForTaskToken {
        let arn = format!("{}.waitForTaskToken", call.call.resource.arn);
        call.call.resource.arn = arn.into();
    }
    call
}

/// Action, parameters, what is sent, what is answered, and the result.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const STEP_FUNCTIONS: &[Case] = &[
    (
        "startExecution",
        r#"{"StateMachineArn":"m","Input":{"a":[1.0]},"Name":"n"}"#,
        r#"StartExecution {"stateMachineArn":"m","input":"{\"a\":[1.0]}","name":"n"}"#,
        r#"{"executionArn":"e","startDate":1.762432553123E9}"#,
        r#"ok {"ExecutionArn":"e","StartDate":"2025-11-06T12:35:53.123Z"}"#,
    ),
    (
        "startExecution",
        r#"{"StateMachineArn":"m","Input":null}"#,
        r#"StartExecution {"stateMachineArn":"m"}"#,
        r#"{"executionArn":"e","startDate":1.7E9}"#,
        r#"ok {"ExecutionArn":"e","StartDate":"2023-11-14T22:13:20Z"}"#,
    ),
    (
        "startExecution",
        r#"{"StateMachineArn":"m","Input":7,"Name":true}"#,
        r#"StartExecution {"stateMachineArn":"m","input":"7","name":"true"}"#,
        "{}",
        "ok {}",
    ),
    (
        "getActivityTask",
        r#"{"ActivityArn":"a","WorkerName":"w"}"#,
        r#"GetActivityTask {"activityArn":"a","workerName":"w"}"#,
        r#"{"taskToken":null}"#,
        "ok {}",
    ),
    (
        "listExecutions",
        r#"{"StateMachineArn":"m","MaxResults":1}"#,
        r#"ListExecutions {"stateMachineArn":"m","maxResults":1}"#,
        r#"{"executions":[{"name":"n","startDate":0.5}],"nextToken":"t"}"#,
        r#"ok {"Executions":[{"Name":"n","StartDate":"1970-01-01T00:00:00.500Z"}],"NextToken":"t"}"#,
    ),
    (
        "tagResource",
        r#"{"ResourceArn":"r","Tags":[{"Key":"k","Value":{"v":1}}]}"#,
        r#"TagResource {"resourceArn":"r","tags":[{"key":"k","value":"{\"v\":1}"}]}"#,
        "{}",
        "ok {}",
    ),
    (
        "redriveExecution",
        r#"{"ExecutionArn":"e"}"#,
        concat!(
            r#"RedriveExecution {"executionArn":"e","#,
            r#""clientToken":"16679a29-1cb8-4ce4-9d54-30271519bce7"}"#
        ),
        r#"{"redriveDate":1.7E9}"#,
        r#"ok {"RedriveDate":"2023-11-14T22:13:20Z"}"#,
    ),
    (
        "sendTaskSuccess",
        r#"{"TaskToken":"t","Output":"o","X":1}"#,
        "",
        "{}",
        concat!(
            "States.Runtime: An error occurred while executing the state 'S'. The Parameters ",
            r#"'{"TaskToken":"t","Output":"o","X":1}' could not be used to start the Task: "#,
            "[The field 'X' is not supported by Step Functions]"
        ),
    ),
    (
        "listActivities",
        "[]",
        "",
        "{}",
        concat!(
            "States.Runtime: An error occurred while executing the state 'S'. The Parameters ",
            "'[]' could not be used to start the Task: [Parameters must be a JSON object]"
        ),
    ),
];

#[test]
fn step_functions() {
    for (action, parameters, sent, answer, expected) in STEP_FUNCTIONS {
        let door = Scripted::new(vec![response(200, &[], answer)]);
        let call = sdk(
            &format!("sfn:{action}"),
            Pattern::RequestResponse,
            parameters,
        );
        let outcome = opened(&door).run(call).now_or_never().unwrap();
        assert_eq!(text_of(outcome.outcome), *expected);
        assert_eq!(door.asked().join("\n"), *sent);
    }
}

#[test]
fn a_token_is_waited_for() {
    let parameters = r#"{"StateMachineArn":"m"}"#;
    let call = sdk("sfn:startExecution", Pattern::WaitForTaskToken, parameters);
    let answer = response(200, &[], r#"{"executionArn":"e"}"#);
    let (text, _) = outcome_of(call, answer);
    assert_eq!(text, r#"submitted {"ExecutionArn":"e"}"#);
}

#[test]
fn other_services_and_protocols() {
    let list = response(
        200,
        &[],
        "<ListRolesResponse><ListRolesResult><Roles><member><RoleName>r</RoleName>\
         <CreateDate>2015-08-30T12:36:00Z</CreateDate></member></Roles>\
         <IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>",
    );
    let call = sdk(
        "iam:listRoles",
        Pattern::RequestResponse,
        r#"{"MaxItems":5}"#,
    );
    let (text, asked) = outcome_of(call, list);
    assert_eq!(
        text,
        r#"ok {"IsTruncated":false,"Roles":[{"CreateDate":"2015-08-30T12:36:00Z","RoleName":"r"}]}"#
    );
    let body = asked.unwrap().1.body;
    assert_eq!(body, "Action=ListRoles&Version=2010-05-08&MaxItems=5");

    let parameters = r#"{"FunctionName":"f","Payload":{"x":1}}"#;
    let call = sdk("lambda:invoke", Pattern::RequestResponse, parameters);
    let answer = response(200, &[("x-amz-executed-version", "1")], r#"{"ok":true}"#);
    let (text, asked) = outcome_of(call, answer);
    assert_eq!(
        text,
        r#"ok {"ExecutedVersion":"1","Payload":"{\"ok\":true}","StatusCode":200}"#
    );
    assert_eq!(asked.unwrap().1.body, r#"{"x":1}"#);
    let call = sdk("lambda:invoke", Pattern::RequestResponse, "{}");
    let (text, _) = outcome_of(call, response(200, &[], ""));
    assert_eq!(
        text,
        "Lambda.SdkClientException: the member `FunctionName` is part of the path, so it must have \
         a value other than dots"
    );
}

#[test]
fn refusals() {
    let namespace = "com.amazonaws.swf.service.v2.model";
    let refusal =
        |code: &str, message: &str| format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
    for (status, body, expected) in [
        (
            400,
            refusal(&format!("{namespace}#InvalidToken"), "Invalid Token: 'x'"),
            "Sfn.InvalidTokenException: Invalid Token: 'x' (Service: Sfn, Status Code: 400, \
             Request ID: id-1) (SDK Attempt Count: 1)",
        ),
        (
            400,
            refusal("com.amazon.coral.validate#ValidationException", "no"),
            // The model has it.
            "Sfn.ValidationException: no (Service: Sfn, Status Code: 400, Request ID: id-1) (SDK \
             Attempt Count: 1)",
        ),
        (
            400,
            refusal("AccessDeniedException", "denied"),
            "Sfn.SfnException: denied (Service: Sfn, Status Code: 400, Request ID: id-1) (SDK \
             Attempt Count: 1)",
        ),
        (
            500,
            "not JSON".to_owned(),
            "Sfn.SfnException:  (Service: Sfn, Status Code: 500, Request ID: id-1) (SDK Attempt \
             Count: 1)",
        ),
    ] {
        let parameters = r#"{"TaskToken":"t"}"#;
        let call = sdk("sfn:sendTaskFailure", Pattern::RequestResponse, parameters);
        let (text, _) = outcome_of(call, response(status, &[], &body));
        assert_eq!(text, expected);
    }
    for (resource, prefix, name) in [
        ("dynamodb:putItem", "DynamoDb", "dynamodb"),
        ("s3:getObject", "S3", "s3"),
        (
            "secretsmanager:getSecretValue",
            "SecretsManager",
            "secretsmanager",
        ),
    ] {
        let call = sdk(resource, Pattern::RequestResponse, r#"{"A":1}"#);
        let (text, asked) = outcome_of(call, response(200, &[], ""));
        let expected = format!(
            "{prefix}.SdkClientException: Unable to execute HTTP request: no endpoint is \
             configured for the service `{name}`, which Lockstep does not serve itself"
        );
        assert_eq!(text, expected);
        assert!(asked.is_none());
    }
}
