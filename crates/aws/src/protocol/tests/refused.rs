//! Bodies that can't be read, and inputs that break constraints: AWS's words.

use super::{decode_request, json, operation};
use crate::door::Request;
use crate::error::ServiceError;
use crate::models::Service;

fn decode(service: Service, name: &str, uri: &str, body: &str) -> Result<String, ServiceError> {
    let (model, operation) = operation(service, name);
    let method = operation
        .http
        .as_ref()
        .map_or(http::Method::POST, |http| http.method.clone());
    let mut request = Request::new(method, uri);
    request.body = body.to_owned().into();
    let input = decode_request(model, operation, &request)?;
    Ok(input.checked(model)?.members.to_text())
}

/// The decoded members.
#[track_caller]
fn accepts(service: Service, name: &str, body: &str, members: &str) {
    let decoded = decode(service, name, "/", body).expect("accepted");
    assert_eq!(json(&decoded), json(members));
}

#[track_caller]
fn refuses(service: Service, name: &str, body: &str, code: &str, message: &str) {
    refuses_at(service, name, "/", body, code, message);
}

#[track_caller]
fn refuses_at(service: Service, name: &str, uri: &str, body: &str, code: &str, message: &str) {
    let error = decode(service, name, uri, body).expect_err("refused");
    assert_eq!((&*error.code, &*error.message), (code, message));
}

#[test]
fn json_types() {
    let refused = |body: &str, message: &str| {
        let code = "SerializationException";
        refuses(Service::States, "CreateStateMachine", body, code, message);
    };
    refused(
        r#"{"name": 1}"#,
        "NUMBER_VALUE can not be converted to a String",
    );
    refused(
        r#"{"name": true}"#,
        "TRUE_VALUE can not be converted to a String",
    );
    refused(
        r#"{"name": ["a"]}"#,
        "Start of list found where not expected",
    );
    refused(
        r#"{"name": {}}"#,
        "Start of structure or map found where not expected.",
    );
    refused(
        r#"{"publish": "x"}"#,
        "STRING_VALUE can not be converted to a Boolean",
    );
    refused(r#"{"tags": "x"}"#, "Expected list or null");
    refused(r#"{"tags": ["x"]}"#, "Expected structure or map or null");
    refused(
        r#"{"tracingConfiguration": 1}"#,
        "Expected structure or map or null",
    );
    refused(r#"[]"#, "Unexpected token received from parser");
    refused(r#""x""#, "Unexpected token received from parser");
    let integers = |body: &str, message: &str| {
        let code = "SerializationException";
        refuses(Service::States, "ListStateMachines", body, code, message);
    };
    integers(
        r#"{"maxResults": "1"}"#,
        "STRING_VALUE can not be converted to an Integer",
    );
    integers(
        r#"{"maxResults": 1.5}"#,
        "NUMBER_VALUE can not be converted to an Integer",
    );
    integers(
        r#"{"maxResults": 2147483648}"#,
        "NUMBER_VALUE can not be converted to an Integer",
    );
    accepts(
        Service::States,
        "ListStateMachines",
        r#"{"maxResults": 1.0}"#,
        r#"{"maxResults":1}"#,
    );
}

#[test]
fn malformed_json() {
    let deep = "[".repeat(100_000);
    for body in ["{", "nonsense", "{\"a\":}", "{} {}", deep.as_str(), "\u{0}"] {
        let error = decode(Service::States, "ListStateMachines", "/", body).expect_err("no JSON");
        assert_eq!(error.code, "SerializationException");
        assert!(!error.message.is_empty());
    }
    let (model, operation) = operation(Service::States, "ListStateMachines");
    let mut request = Request::new(http::Method::POST, "/");
    request.body = vec![b'"', 0xff, b'"'].into();
    let error = decode_request(model, operation, &request).expect_err("not UTF-8");
    assert_eq!(error.code, "SerializationException");
}

#[test]
fn nulls_and_unknown_members() {
    let list = Service::States;
    accepts(list, "ListStateMachines", "", "{}");
    accepts(list, "ListStateMachines", r#"{"maxResults": null}"#, "{}");
    let body = r#"{"stateMachineArn": "a", "x": {"y": [1]}}"#;
    accepts(list, "DescribeStateMachine", body, body);
    let body = r#"{"resourceArn": "a", "tags": [{"key": "k", "value": null}]}"#;
    accepts(
        list,
        "TagResource",
        body,
        r#"{"resourceArn":"a","tags":[{"key":"k"}]}"#,
    );
}

#[test]
fn constraints_of_states() {
    let refused = |name: &str, body: &str, message: &str| {
        refuses(Service::States, name, body, "ValidationException", message);
    };
    refused(
        "ListStateMachines",
        r#"{"maxResults": 1001}"#,
        "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: \
         Member must have value less than or equal to 1000",
    );
    refused(
        "ListStateMachines",
        r#"{"maxResults": -1, "nextToken": ""}"#,
        "2 validation errors detected: Value '-1' at 'maxResults' failed to satisfy constraint: \
         Member must have value greater than or equal to 0; Value '' at 'nextToken' failed to \
         satisfy constraint: Member must have length greater than or equal to 1",
    );
    refused(
        "StartExecution",
        "{}",
        "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy \
         constraint: Member must not be null",
    );
    refused(
        "ListExecutions",
        r#"{"statusFilter": "succeeded"}"#,
        "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy \
         constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, \
         ABORTED, FAILED, RUNNING]",
    );
    refused(
        "RedriveExecution",
        r#"{"executionArn": "a", "clientToken": "a b"}"#,
        "1 validation error detected: Value 'a b' at 'clientToken' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [!-~]+",
    );
    refused(
        "CreateStateMachineAlias",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "a", "weight": 101},
            {"weight": 1}]}"#,
        "2 validation errors detected: Value '101' at 'routingConfiguration.1.member.weight' \
         failed to satisfy constraint: Member must have value less than or equal to 100; Value \
         null at 'routingConfiguration.2.member.stateMachineVersionArn' failed to satisfy \
         constraint: Member must not be null",
    );
    refused(
        "CreateStateMachineAlias",
        r#"{"name": "a", "routingConfiguration": [{"stateMachineVersionArn": "a", "weight": 50},
            {"stateMachineVersionArn": "b", "weight": 25},
            {"stateMachineVersionArn": "c", "weight": 25}]}"#,
        "1 validation error detected: Value \
         '[RoutingConfigurationListItem(stateMachineVersionArn=a, weight=50), \
         RoutingConfigurationListItem(stateMachineVersionArn=b, weight=25), \
         RoutingConfigurationListItem(stateMachineVersionArn=c, weight=25)]' at \
         'routingConfiguration' failed to satisfy constraint: Member must have length less than \
         or equal to 2",
    );
}

#[test]
fn constraints_of_the_other_services() {
    refuses(
        Service::Iam,
        "GetRole",
        "Action=GetRole&Version=2010-05-08&RoleName=a+b",
        "ValidationError",
        "1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [\\w+=,.@-]+",
    );
    refuses(
        Service::Iam,
        "GetRole",
        "Action=GetRole&Version=2010-05-08",
        "ValidationError",
        "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: \
         Member must not be null",
    );
    refuses(
        Service::Iam,
        "ListRoles",
        "MaxItems=ten",
        "MalformedInput",
        "STRING_VALUE can not be converted to an Integer",
    );
    refuses(
        Service::Logs,
        "FilterLogEvents",
        r#"{"limit": 10001}"#,
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: \
         Member must have value less than or equal to 10000",
    );
    refuses_at(
        Service::Lambda,
        "ListFunctions",
        "/2015-03-31/functions?MaxItems=0",
        "",
        "ValidationException",
        "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: \
         Member must have value greater than or equal to 1",
    );
    let long = "f".repeat(300);
    let message = format!(
        "1 validation error detected: Value '{long}' at 'functionName' failed to satisfy \
         constraint: Member must have length less than or equal to 256"
    );
    let uri = format!("/2015-03-31/functions/{long}");
    refuses_at(
        Service::Lambda,
        "GetFunction",
        &uri,
        "",
        "ValidationException",
        &message,
    );
}

#[test]
fn lambda_bodies() {
    let create = |body: &str, code: &str, message: &str| {
        refuses(Service::Lambda, "CreateFunction", body, code, message);
    };
    let common = r#""FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Code":{}"#;
    let invalid = "ValidationException";
    create(
        &format!(r#"{{{common},"Architectures":["x86","arm64"]}}"#),
        invalid,
        "2 validation errors detected: Value '[x86, arm64]' at 'architectures' failed to satisfy \
         constraint: Member must have length less than or equal to 1; Value '[x86, arm64]' at \
         'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member \
         must satisfy enum value set: [x86_64, arm64], Member must not be null]",
    );
    create(
        &format!(r#"{{{common},"Environment":{{"Variables":{{"9":"x"}}}}}}"#),
        invalid,
        "1 validation error detected: Value at 'environment.variables' failed to satisfy \
         constraint: Map keys must satisfy constraint: [Member must satisfy regular expression \
         pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]",
    );
    create(
        "[]",
        "SerializationException",
        "Unexpected token received from parser",
    );
    let error = decode(
        Service::Lambda,
        "CreateFunction",
        "/",
        &format!(r#"{{{common},"Runtime":"cobol"}}"#),
    )
    .expect_err("no such runtime");
    assert_eq!(error.code, "InvalidParameterValueException");
    let start = "1 validation error detected: Value 'cobol' at 'runtime' failed to satisfy \
                 constraint: Member must satisfy enum value set: [";
    assert!(error.message.starts_with(start), "{}", error.message);
}
