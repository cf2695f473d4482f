//! Each case: what the service answers, and the outcome the Task gets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use aws::{Answer, Caller, Request, Response};
use engine::{Call, Failure, Pattern, Resource, ResourceFamily};
use json::Value;

mod credentials;
mod nested;
mod sdk;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:m:é x";

/// A door that gives its answers in their order, the last one for ever, and keeps what it was
/// asked.
struct Scripted {
    answers: Vec<Response>,
    asked: Mutex<Vec<(Caller, Request)>>,
}

impl Scripted {
    fn new(answers: Vec<Response>) -> Arc<Scripted> {
        let asked = Mutex::default();
        Arc::new(Scripted { answers, asked })
    }

    /// The operation and body of each request, without the prefix of the target.
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let shown = asked.iter().map(|(_, request)| {
            let target = request.header("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default();
            format!("{operation} {}", String::from_utf8_lossy(&request.body))
        });
        shown.collect()
    }
}

impl Door for Scripted {
    fn call(&self, caller: Caller, request: Request) -> Answer<'_> {
        let mut asked = self.asked.lock().unwrap();
        let answer = self.answers.get(asked.len()).or(self.answers.last());
        asked.push((caller, request));
        Box::pin(std::future::ready(answer.unwrap().clone()))
    }
}

/// Every execution has ended; how often that was asked for is counted.
#[derive(Default)]
struct Ended(AtomicUsize);

impl Executions for Ended {
    fn ended<'a>(&'a self, _execution_arn: &'a str) -> BoxFuture<'a, ()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::ready(()).boxed()
    }
}

/// Tells that it was asked, and by which resource.
struct System;

impl Runner for System {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        let resource = Value::from(&*call.call.resource.arn);
        std::future::ready(TaskOutcome::Succeeded(resource).into()).boxed()
    }
}

fn opened(door: &Arc<Scripted>) -> TaskRunner {
    let runner = TaskRunner::default();
    let door = Arc::clone(door) as Arc<dyn Door>;
    assert!(runner.open(door, Arc::new(Ended::default()), Arc::new(System)));
    runner
}

fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
    let mut response = Response::new(status, body.to_owned());
    response
        .headers
        .insert("x-amzn-requestid", "id-1".parse().unwrap());
    for (name, value) in headers {
        response.headers.insert(*name, value.parse().unwrap());
    }
    response
}

fn call(family: ResourceFamily, pattern: Pattern, parameters: &str) -> TaskCall {
    let arn = match &family {
        ResourceFamily::LambdaFunction => FUNCTION.into(),
        ResourceFamily::Activity => "arn:aws:states:us-east-1:123456789012:activity:a".into(),
        ResourceFamily::Service {
            resource_type,
            resource,
        } => format!("arn:aws:states:::{resource_type}:{resource}").into(),
    };
    TaskCall {
        execution_arn: EXECUTION.into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".into(),
        role_arn: ROLE.into(),
        trace_header: None,
        mock_case: None,
        call: Call {
            attempt: 3,
            number: 0,
            state_name: "S".into(),
            resource: Resource {
                arn,
                family,
                pattern,
            },
            parameters: json::parse(parameters).unwrap(),
            credentials_role_arn: None,
            deadline: None,
        },
    }
}

fn service(resource_type: &str, resource: &str) -> ResourceFamily {
    ResourceFamily::Service {
        resource_type: resource_type.into(),
        resource: resource.into(),
    }
}

/// The outcome as text, and the request that was sent.
fn outcome_of(call: TaskCall, response: Response) -> (String, Option<(Caller, Request)>) {
    let door = Scripted::new(vec![response]);
    let answered = opened(&door).run(call).now_or_never().unwrap();
    (text_of(answered.outcome), door.asked.lock().unwrap().pop())
}

fn text_of(outcome: TaskOutcome) -> String {
    match outcome {
        TaskOutcome::Succeeded(value) => format!("ok {value}"),
        TaskOutcome::Submitted(value) => format!("submitted {value}"),
        TaskOutcome::Failed(Failure { error, cause }) => {
            format!(
                "{}: {}",
                error.unwrap_or_default(),
                cause.unwrap_or_default()
            )
        }
    }
}

#[test]
fn function_arns() {
    let failed = [("x-amz-function-error", "Unhandled")];
    for (answer, expected) in [
        (response(200, &[], r#"{"n":1.0}"#), r#"ok {"n":1.0}"#),
        (response(200, &[], r#""text""#), r#"ok "text""#),
        (response(200, &[], "null"), "ok null"),
        (response(200, &[], "not JSON"), r#"ok "not JSON""#),
        (
            response(
                200,
                &failed,
                r#"{"errorType": "Sorry", "errorMessage": "no"}"#,
            ),
            r#"Sorry: {"errorType": "Sorry", "errorMessage": "no"}"#,
        ),
        (
            response(200, &failed, r#"{"errorMessage": "no"}"#),
            "Lambda.Unknown: The cause could not be determined because Lambda did not return an \
             error type. Returned payload: {\"errorMessage\": \"no\"}",
        ),
        (
            response(
                404,
                &[("x-amzn-errortype", "ResourceNotFoundException")],
                r#"{"Type":"User","Message":"Function not found: f"}"#,
            ),
            "Lambda.ResourceNotFoundException: Function not found: f (Service: AWSLambda; Status \
             Code: 404; Error Code: ResourceNotFoundException; Request ID: id-1; Proxy: null)",
        ),
        (
            response(
                403,
                &[("x-amzn-errortype", "AccessDeniedException")],
                r#"{"Message":"no"}"#,
            ),
            "Lambda.AWSLambdaException: no (Service: AWSLambda; Status Code: 403; Error Code: \
             AccessDeniedException; Request ID: id-1; Proxy: null)",
        ),
    ] {
        let call = call(
            ResourceFamily::LambdaFunction,
            Pattern::RequestResponse,
            r#"{"a":0.0}"#,
        );
        let (text, asked) = outcome_of(call, answer);
        assert_eq!(text, expected);
        let (caller, request) = asked.unwrap();
        assert_eq!(&request.body[..], br#"{"a":0.0}"#);
        assert!(request.uri.contains("/invocations"), "{}", request.uri);
        let Caller::Role {
            role_arn,
            session_name,
            region,
            account,
            source_arn,
            attempt,
        } = caller
        else {
            panic!("a task calls as a role");
        };
        assert_eq!(
            (role_arn.to_string().as_str(), session_name.as_str()),
            (ROLE, "--x")
        );
        assert_eq!(
            (region.as_str(), account.as_str()),
            ("us-east-1", "123456789012")
        );
        assert!(source_arn.is_some());
        assert_eq!(attempt, Some(format!("{EXECUTION}#3")));
    }
}

#[test]
fn lambda_invoke() {
    let parameters = r#"{"FunctionName":"f","Payload":{"x":[1]},"InvocationType":"Event",
        "ClientContext":{"custom":1},"Qualifier":"$LATEST","LogType":"None"}"#;
    let headers = [
        ("x-amz-executed-version", "$LATEST"),
        ("content-type", "application/json"),
    ];
    let expected = concat!(
        r#"{"ExecutedVersion":"$LATEST","Payload":{"ok":true},"SdkHttpMetadata":{"AllHttpHeaders":"#,
        r#"{"X-Amz-Executed-Version":["$LATEST"],"Connection":["keep-alive"],"#,
        r#""x-amzn-RequestId":["id-1"],"Content-Length":["11"],"#,
        r#""Content-Type":["application/json"]},"HttpHeaders":{"Connection":"keep-alive","#,
        r#""Content-Length":"11","Content-Type":"application/json","#,
        r#""X-Amz-Executed-Version":"$LATEST","x-amzn-RequestId":"id-1"},"HttpStatusCode":200},"#,
        r#""SdkResponseMetadata":{"RequestId":"id-1"},"StatusCode":200}"#
    );
    for (pattern, word) in [
        (Pattern::RequestResponse, "ok"),
        (Pattern::WaitForTaskToken, "submitted"),
    ] {
        let call = call(service("lambda", "invoke"), pattern, parameters);
        let (text, asked) = outcome_of(call, response(200, &headers, r#"{"ok":true}"#));
        assert_eq!(text, format!("{word} {expected}"));
        let (_, request) = asked.unwrap();
        assert_eq!(&request.body[..], br#"{"x":[1]}"#);
        assert_eq!(request.header("x-amz-invocation-type"), Some("Event"));
        assert_eq!(
            request.header("x-amz-client-context"),
            Some("eyJjdXN0b20iOjF9")
        );
        assert!(request.uri.contains("Qualifier="), "{}", request.uri);
    }
}

/// What a `Payload` is sent as.
#[test]
fn lambda_invoke_payloads() {
    for (payload, sent) in [
        ("null", ""),
        (r#""0""#, "0"),
        (r#""\"text\"""#, r#""text""#),
        (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
        (r#""text""#, r#""text""#),
        ("0.0", "0.0"),
        (r#"{"a":[]}"#, r#"{"a":[]}"#),
    ] {
        let parameters = format!(r#"{{"FunctionName":"f","Payload":{payload}}}"#);
        let call = call(
            service("lambda", "invoke"),
            Pattern::RequestResponse,
            &parameters,
        );
        let (_, asked) = outcome_of(call, response(200, &[], "1"));
        assert_eq!(asked.unwrap().1.body, sent, "{payload}");
    }
}

#[test]
fn lambda_invoke_failures_and_empty_answers() {
    let failed = [("x-amz-function-error", "Unhandled")];
    let sorry = response(
        200,
        &failed,
        r#"{"errorType": "Sorry", "errorMessage": "no"}"#,
    );
    let parameters = r#"{"FunctionName":"f"}"#;
    let invoke = || {
        call(
            service("lambda", "invoke"),
            Pattern::RequestResponse,
            parameters,
        )
    };
    let (text, _) = outcome_of(invoke(), sorry);
    assert_eq!(text, r#"Sorry: {"errorType":"Sorry","errorMessage":"no"}"#);
    let (text, _) = outcome_of(invoke(), response(202, &[], ""));
    let value: Value = json::parse(text.strip_prefix("ok ").unwrap()).unwrap();
    assert_eq!(value.get("StatusCode").and_then(Value::as_i64), Some(202));
    assert!(value.get("Payload").is_none());
}

#[test]
fn what_cannot_be_run_says_so() {
    for (service_name, action, expected) in [
        (
            "sqs",
            "sendMessage",
            "SQS.SdkClientException: Unable to execute HTTP request: no endpoint is configured for \
             the service `sqs`, which Lockstep does not serve itself",
        ),
        (
            "events",
            "putEvents",
            "EventBridge.SdkClientException: Unable to execute HTTP request: no endpoint is \
             configured for the service `events`, which Lockstep does not serve itself",
        ),
        (
            "http",
            "invoke",
            "States.TaskFailed: the integration `http:invoke` is not served by this version of \
             Lockstep; use a Lambda function instead",
        ),
        (
            "nosuch",
            "thing",
            "States.Runtime: The resource provided arn:aws:states:::nosuch:thing is not \
             recognized. The value is not a valid resource ARN, or the resource is not available \
             in this region.",
        ),
    ] {
        let call = call(
            service(service_name, action),
            Pattern::RequestResponse,
            "{}",
        );
        let (text, asked) = outcome_of(call, response(200, &[], ""));
        assert_eq!(text, expected);
        assert!(asked.is_none());
    }

    let activity = call(ResourceFamily::Activity, Pattern::RequestResponse, "{}");
    let (text, asked) = outcome_of(activity, response(200, &[], ""));
    assert_eq!(text, "States.Runtime: nobody calls an activity");
    assert!(asked.is_none());

    let mut bad_role = call(
        ResourceFamily::LambdaFunction,
        Pattern::RequestResponse,
        "{}",
    );
    bad_role.call.credentials_role_arn = Some("nonsense".into());
    let (text, _) = outcome_of(bad_role, response(200, &[], ""));
    assert!(
        text.starts_with("States.TaskFailed: the role `nonsense`"),
        "{text}"
    );
}

#[test]
fn a_call_made_before_the_door_is_set_waits_for_it() {
    let runner = TaskRunner::default();
    let mut early = runner.run(call(
        ResourceFamily::LambdaFunction,
        Pattern::RequestResponse,
        "1",
    ));
    assert!((&mut early).now_or_never().is_none());
    let door = Scripted::new(vec![response(200, &[], "2")]);
    assert!(runner.open(door, Arc::new(Ended::default()), Arc::new(System)));
    let answered = early.now_or_never().unwrap();
    assert_eq!(answered.outcome, TaskOutcome::Succeeded(2.into()));
    let other = Scripted::new(vec![response(200, &[], "3")]);
    assert!(!runner.open(other, Arc::new(Ended::default()), Arc::new(System)));
}

#[test]
fn what_only_the_server_itself_names_goes_another_way() {
    let mut asks = call(
        ResourceFamily::LambdaFunction,
        Pattern::RequestResponse,
        "1",
    );
    asks.call.resource.arn = "arn:aws:states:::lockstep:lambda:x".into();
    let (outcome, asked) = outcome_of(asks, response(200, &[], "2"));
    assert_eq!(outcome, r#"ok "arn:aws:states:::lockstep:lambda:x""#);
    assert!(asked.is_none());
}

#[test]
fn a_function_belongs_to_the_trace_of_its_execution() {
    for (trace, expected) in [
        (
            Some("Root=1-2-3;Parent=4;Sampled=1"),
            Some("Root=1-2-3;Parent=4;Sampled=1"),
        ),
        (Some("no\nheader"), None),
        (None, None),
    ] {
        let mut traced = call(
            ResourceFamily::LambdaFunction,
            Pattern::RequestResponse,
            "1",
        );
        traced.trace_header = trace.map(Into::into);
        let (_, asked) = outcome_of(traced, response(200, &[], "2"));
        let (_, request) = asked.unwrap();
        assert_eq!(request.header("x-amzn-trace-id"), expected);
    }
}

#[test]
fn a_function_elsewhere_that_nobody_answers_for() {
    let cause = "Unable to execute HTTP request: the host `h` can't be reached: refused";
    let body = format!(r#"{{"message":"{cause}"}}"#);
    let headers = [("x-amzn-errortype", "SdkClientException")];
    let unanswered = || response(502, &headers, &body);
    let plain = call(
        ResourceFamily::LambdaFunction,
        Pattern::RequestResponse,
        "1",
    );
    let (outcome, _) = outcome_of(plain, unanswered());
    assert_eq!(outcome, format!("Lambda.SdkClientException: {cause}"));
}
