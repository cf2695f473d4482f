use bytes::Bytes;
use json::Value;

use super::{
    Input, Output, decode_request, decode_response, encode_error, encode_request, encode_response,
};
use crate::door::{Request, Response};
use crate::error::{Common, ServiceError};
use crate::model::{Model, Operation};
use crate::models::Service;
use crate::route::route;

mod cbor;
mod clients;
mod refused;
mod round_trip;
mod synthetic;

const BOTOCORE: &str = include_str!("fixtures/requests.json");

fn json(text: &str) -> Value {
    json::parse(text).expect("JSON")
}

fn text<'v>(case: &'v Value, name: &str) -> &'v str {
    case.get(name).and_then(Value::as_str).expect(name)
}

fn operation(service: Service, name: &str) -> (&'static Model, &'static Operation) {
    let model = service.model().expect("the embedded model compiles");
    (model, model.operation(name).expect(name))
}

fn request_of(case: &Value) -> Request {
    let method = text(case, "method").parse().expect("a method");
    let mut request = Request::new(method, text(case, "uri"));
    for header in case
        .get("headers")
        .and_then(Value::as_array)
        .expect("headers")
    {
        let [name, value] = header.as_array().expect("a pair") else {
            panic!("not a pair")
        };
        let name: http::HeaderName = name.as_str().expect("a name").parse().expect("a name");
        let value = value.as_str().expect("a value").parse().expect("a value");
        request.headers.append(name, value);
    }
    request.body = text(case, "body").to_owned().into();
    request
}

#[test]
fn botocore_requests_decode() {
    let cases = json(BOTOCORE);
    let cases = cases.as_array().expect("cases");
    assert!(cases.len() >= 25);
    for case in cases {
        let name = text(case, "operation");
        let request = request_of(case);
        let found = route(&request).expect(name);
        assert_eq!(found.service.signing_name(), text(case, "service"));
        assert_eq!(&*found.operation.name, name);
        let region = if found.service == Service::Iam {
            "us-east-1"
        } else {
            "us-east-2"
        };
        assert_eq!(found.region, region, "{name}");
        assert_eq!(found.access_key_id.as_deref(), Some("AKIDEXAMPLE"));

        let Input {
            members,
            body,
            violations,
        } = decode_request(found.model, found.operation, &request).expect(name);
        let body_text = body
            .as_deref()
            .map(|body| std::str::from_utf8(body).expect("UTF-8"));
        let expected_body = (name == "Invoke").then(|| text(case, "body"));
        assert_eq!(body_text, expected_body, "{name}");
        assert_eq!(violations, [], "{name}");
        assert_eq!(Some(&members), case.get("members"), "{name}");
    }
}

/// What we send says the same as what botocore sends.
#[test]
fn requests_encode_as_botocores() {
    let cases = json(BOTOCORE);
    for case in cases.as_array().expect("cases") {
        let name = text(case, "operation");
        let theirs = request_of(case);
        let found = route(&theirs).expect(name);
        let members = case.get("members").expect("members");
        let body = (name == "Invoke").then(|| theirs.body.clone());
        let ours =
            encode_request(found.model, found.operation, members, body.as_ref()).expect(name);
        assert_eq!(ours.method, theirs.method, "{name}");
        assert_eq!(ours.path(), theirs.path(), "{name}");
        assert_eq!(sorted(ours.query()), sorted(theirs.query()), "{name}");
        for (header, value) in &theirs.headers {
            let ours_only = [
                "authorization",
                "host",
                "x-amz-date",
                "x-amz-security-token",
            ];
            if !ours_only.contains(&header.as_str()) {
                assert_eq!(ours.headers.get(header), Some(value), "{name} {header}");
            }
        }
        let decoded = |request: &Request| {
            decode_request(found.model, found.operation, request)
                .expect(name)
                .members
        };
        assert_eq!(decoded(&ours), decoded(&theirs), "{name}");
    }
}

/// The pairs of a query: their order says nothing.
fn sorted(query: &str) -> Vec<&str> {
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_unstable();
    pairs
}

/// Encodes `members` as an answer and checks status, headers (`name: value` lines) and body; then
/// decodes it again.
#[track_caller]
fn check(service: Service, name: &str, members: &str, status: u16, headers: &str, body: &str) {
    let (model, operation) = operation(service, name);
    let response = encode_response(model, operation, &Output::new(json(members)), "id-1");
    assert_response(&response, status, headers, body);
    let decoded = decode_response(model, operation, &response).expect("readable");
    assert_eq!(decoded.members, json(members));
}

#[track_caller]
fn assert_response(response: &Response, status: u16, headers: &str, body: &str) {
    assert_eq!(response.status, status);
    let found: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-amzn-requestid")
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    assert_eq!(found.join("\n"), headers);
    assert_eq!(response.header("x-amzn-requestid"), Some("id-1"));
    assert_eq!(std::str::from_utf8(&response.body).expect("UTF-8"), body);
}

const JSON10: &str = "content-type: application/x-amz-json-1.0";
const JSON11: &str = "content-type: application/x-amz-json-1.1";
const XML: &str = "content-type: text/xml";
const JSON: &str = "content-type: application/json";

#[test]
fn json_responses() {
    let started =
        r#"{"executionArn":"arn:aws:states:r:1:execution:m:e","startDate":1440938160.007}"#;
    check(
        Service::States,
        "StartExecution",
        started,
        200,
        JSON10,
        started,
    );
    check(
        Service::States,
        "StopExecution",
        r#"{"stopDate":0}"#,
        200,
        JSON10,
        r#"{"stopDate":0}"#,
    );
    check(
        Service::States,
        "DeleteStateMachine",
        "{}",
        200,
        JSON10,
        "{}",
    );
    check(Service::Logs, "CreateLogGroup", "{}", 200, JSON11, "");
    let groups = r#"{"logGroups":[{"creationTime":1440938160007}]}"#;
    check(
        Service::Logs,
        "DescribeLogGroups",
        groups,
        200,
        JSON11,
        groups,
    );
}

#[test]
fn query_responses() {
    check(
        Service::Sts,
        "GetCallerIdentity",
        r#"{"UserId":"AIDA","Account":"123456789012","Arn":"arn:aws:iam::123456789012:user/<&>"}"#,
        200,
        XML,
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><UserId>AIDA</UserId><Account>123456789012</Account>\
         <Arn>arn:aws:iam::123456789012:user/&lt;&amp;&gt;</Arn></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
    );
    check(
        Service::Iam,
        "DeleteRole",
        "{}",
        200,
        XML,
        "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DeleteRoleResponse>",
    );
    // Members come in the order of the model, whatever that of the value.
    check(
        Service::Iam,
        "GetRole",
        r#"{"Role":{"RoleName":"w","Path":"/","CreateDate":1440938160,"MaxSessionDuration":3600,
            "RoleId":"AROA","Arn":"a",
            "Tags":[{"Key":"k","Value":" \r\n'\" "},{"Key":"","Value":""}]}}"#,
        200,
        XML,
        "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role>\
         <Path>/</Path><RoleName>w</RoleName><RoleId>AROA</RoleId><Arn>a</Arn>\
         <CreateDate>2015-08-30T12:36:00Z</CreateDate>\
         <MaxSessionDuration>3600</MaxSessionDuration>\
         <Tags><member><Key>k</Key><Value> &#13;\n&apos;&quot; </Value></member>\
         <member><Key></Key><Value></Value></member></Tags></Role></GetRoleResult>\
         <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetRoleResponse>",
    );
    check(
        Service::Iam,
        "ListRolePolicies",
        r#"{"PolicyNames":[],"IsTruncated":false}"#,
        200,
        XML,
        "<ListRolePoliciesResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <ListRolePoliciesResult><PolicyNames></PolicyNames><IsTruncated>false</IsTruncated>\
         </ListRolePoliciesResult><ResponseMetadata><RequestId>id-1</RequestId>\
         </ResponseMetadata></ListRolePoliciesResponse>",
    );
}

#[test]
fn paths_take_no_dots_and_headers_no_line_breaks() {
    let (model, invoke) = operation(Service::Lambda, "Invoke");
    let refused = |members: &str| {
        encode_request(model, invoke, &json(members), None)
            .expect_err("unsendable")
            .to_string()
    };
    for members in ["{}", r#"{"FunctionName":""}"#, r#"{"FunctionName":".."}"#] {
        let text = "the member `FunctionName` is part of the path, so it must have a value other \
                    than dots";
        assert_eq!(refused(members), text);
    }
    let text = "the member `FunctionName` must be text or a number";
    assert_eq!(refused(r#"{"FunctionName":{}}"#), text);
    let broken = r#"{"FunctionName":"f","ClientContext":"a\r\nx-evil: 1"}"#;
    assert!(
        refused(broken).contains("`X-Amz-Client-Context`"),
        "{}",
        refused(broken)
    );
    let members = json(r#"{"FunctionName":"a/b ?"}"#);
    let sent = encode_request(model, invoke, &members, None).expect("sendable");
    assert_eq!(sent.uri, "/2015-03-31/functions/a%2Fb%20%3F/invocations");
}

#[test]
fn rest_responses() {
    let function = r#"{"FunctionName":"f","CodeSize":12,"Environment":{"Variables":{"A":"1"}}}"#;
    check(
        Service::Lambda,
        "CreateFunction",
        function,
        201,
        JSON,
        function,
    );
    check(
        Service::Lambda,
        "GetFunctionConfiguration",
        function,
        200,
        JSON,
        function,
    );
    check(Service::Lambda, "ListFunctions", "{}", 200, JSON, "{}");
    check(
        Service::Lambda,
        "DeleteFunction",
        r#"{"StatusCode":204}"#,
        204,
        "",
        "",
    );

    let (model, invoke) = operation(Service::Lambda, "Invoke");
    let output = Output {
        members: json(
            r#"{"StatusCode":200,"ExecutedVersion":"$LATEST","FunctionError":"Unhandled"}"#,
        ),
        body: Some(Bytes::from_static(b"\"raw\" \xff")),
    };
    let response = encode_response(model, invoke, &output, "id-1");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(response.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(response.header("content-type"), Some("application/json"));
    let decoded = decode_response(model, invoke, &response).expect("readable");
    assert_eq!(
        (decoded.members, decoded.body),
        (output.members, output.body)
    );

    let accepted = Output::new(json(r#"{"StatusCode":202}"#));
    assert_response(
        &encode_response(model, invoke, &accepted, "id-1"),
        202,
        "",
        "",
    );

    let broken = Output::new(json(r#"{"FunctionError":"a\nb"}"#));
    let response = encode_response(model, invoke, &broken, "id-1");
    assert_eq!(response.status, 500);
    assert_eq!(response.header("x-amzn-errortype"), Some("InternalFailure"));
}

#[track_caller]
fn check_error(service: Service, error: &ServiceError, status: u16, headers: &str, body: &str) {
    let model = service.model().expect("the embedded model compiles");
    let response = encode_error(model, error, "id-1");
    assert_response(&response, status, headers, body);
    let any = model.operations().first().expect("an operation");
    let decoded = decode_response(model, any, &response).expect_err("an error");
    assert_eq!(
        (&decoded.code, &decoded.message),
        (&error.code, &error.message)
    );
    assert_eq!(decoded.status, Some(status));
}

#[test]
fn json_errors() {
    let error = ServiceError::new("InvalidName", "Invalid Name: 'a b'");
    let namespace = "com.amazonaws.swf.service.v2.model";
    let body = format!(r#"{{"__type":"{namespace}#InvalidName","message":"Invalid Name: 'a b'"}}"#);
    check_error(Service::States, &error, 400, JSON10, &body);
    let error = ServiceError::new("ResourceNotFound", "no").with_field("resourceName", "x");
    let body =
        format!(r#"{{"__type":"{namespace}#ResourceNotFound","resourceName":"x","message":"no"}}"#);
    check_error(Service::States, &error, 400, JSON10, &body);
    let denied = |service: Service| {
        let protocol = service.model().expect("a model").protocol;
        ServiceError::common(Common::AccessDenied, protocol, "denied")
    };
    let body =
        r##"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"denied"}"##;
    check_error(Service::States, &denied(Service::States), 400, JSON10, body);
    let error = ServiceError::new("ResourceNotFoundException", "no group");
    let body = r#"{"__type":"ResourceNotFoundException","message":"no group"}"#;
    check_error(Service::Logs, &error, 400, JSON11, body);
    let error = ServiceError::new("ServiceUnavailableException", "later");
    let body = r#"{"__type":"ServiceUnavailableException","message":"later"}"#;
    check_error(Service::Logs, &error, 500, JSON11, body);
}

#[test]
fn query_errors() {
    let error = ServiceError::new("NoSuchEntity", "The role with name <x> cannot be found.");
    check_error(
        Service::Iam,
        &error,
        404,
        XML,
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>\
         <Type>Sender</Type><Code>NoSuchEntity</Code>\
         <Message>The role with name &lt;x&gt; cannot be found.</Message></Error>\
         <RequestId>id-1</RequestId></ErrorResponse>",
    );
    let error = ServiceError::new("ServiceFailure", "oops");
    check_error(
        Service::Iam,
        &error,
        500,
        XML,
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>\
         <Type>Receiver</Type><Code>ServiceFailure</Code><Message>oops</Message></Error>\
         <RequestId>id-1</RequestId></ErrorResponse>",
    );
}

#[test]
fn rest_errors() {
    let with = |code: &str| format!("x-amzn-errortype: {code}");
    let headers = |code: &str| format!("{JSON}\n{}", with(code));
    let check = |error: &ServiceError, status, body: &str| {
        check_error(Service::Lambda, error, status, &headers(&error.code), body);
    };
    let error = ServiceError::new("ResourceNotFoundException", "Function not found: f");
    check(
        &error,
        404,
        r#"{"Type":"User","Message":"Function not found: f"}"#,
    );
    let error = ServiceError::new("ServiceException", "oops");
    check(&error, 500, r#"{"Type":"Service","Message":"oops"}"#);
    let error = ServiceError::new("InvalidParameterValueException", "no");
    check(&error, 400, r#"{"Type":"User","message":"no"}"#);
    let error = ServiceError::new("ResourceConflictException", "no");
    check(&error, 409, r#"{"Type":"User","message":"no"}"#);
    let error = ServiceError::common(Common::AccessDenied, crate::Protocol::RestJson, "no");
    check(&error, 403, r#"{"Message":"no"}"#);
    let error = ServiceError::new("TooManyRequestsException", "Rate Exceeded.")
        .with_field("Reason", "CallerRateLimitExceeded")
        .with_field("retryAfterSeconds", "1");
    let headers = format!(
        "{JSON}\n{}\nretry-after: 1",
        with("TooManyRequestsException")
    );
    let body = r#"{"Type":"User","Reason":"CallerRateLimitExceeded","message":"Rate Exceeded."}"#;
    check_error(Service::Lambda, &error, 429, &headers, body);
}

#[test]
fn operations_that_are_not_served_are_named() {
    for (service, code, status) in [
        (Service::States, "UnknownOperationException", 400),
        (Service::Iam, "InvalidAction", 400),
        (Service::Lambda, "UnknownOperationException", 404),
    ] {
        let model = service.model().expect("the embedded model compiles");
        let name = &model.operations().first().expect("an operation").name;
        let error = ServiceError::not_served_yet(model, name);
        assert_eq!((&*error.code, error.status), (code, Some(status)));
        let called = format!("{}:{name}", service.signing_name());
        assert!(error.message.contains(&called), "{}", error.message);
    }
}
