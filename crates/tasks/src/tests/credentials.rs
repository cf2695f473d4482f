//! States with `Credentials`.

use super::*;
use aws::sigv4::{Claim, Rules, SigningKey};

const CREDENTIALS_ROLE: &str = "arn:aws:iam::999999999999:role/theirs";
const FAR: &str = "2999-01-01T00:00:00Z";
const SOON: &str = "2020-01-01T00:00:00Z";

/// What AssumeRole answers.
fn assumed(secret: &str, expiration: &str) -> Response {
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
         <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>token-{secret}</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    response(200, &[], &body)
}

fn sts_refusal(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error></ErrorResponse>"
    );
    response(status, &[], &body)
}

fn refused(code: &str) -> Response {
    let headers = [("x-amzn-errortype", code)];
    response(403, &headers, r#"{"Message":"The security token"}"#)
}

fn with_credentials(execution: &str) -> TaskCall {
    let mut call = call(
        ResourceFamily::LambdaFunction,
        Pattern::RequestResponse,
        "1",
    );
    call.call.credentials_role_arn = Some(CREDENTIALS_ROLE.into());
    call.execution_arn = execution.into();
    call
}

/// Every request: `assume` as the execution role, or the secret that signed it.
fn callers(door: &Scripted) -> Vec<String> {
    let asked = door.asked.lock().unwrap();
    let shown = asked.iter().map(|(caller, request)| match caller {
        Caller::Role {
            role_arn, attempt, ..
        } => {
            assert_eq!((&*role_arn.to_string(), attempt), (ROLE, &None));
            let body = String::from_utf8_lossy(&request.body);
            let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A999999999999%3Arole%2Ftheirs";
            assert!(
                body.starts_with("Action=AssumeRole&") && body.contains(role),
                "{body}"
            );
            "assume".to_owned()
        }
        Caller::Signed { peer: None, .. } => {
            assert!(caller.attempt().is_some_and(|it| it.ends_with("#3")));
            signed_with(request)
        }
        other => panic!("{other:?}"),
    });
    shown.collect()
}

fn signed_with(request: &Request) -> String {
    let token = request.header("x-amz-security-token").unwrap();
    let secret = token.strip_prefix("token-").unwrap();
    let rules = Rules {
        now_ms: 0,
        skew_ms_max: i64::MAX,
        service: Some("lambda"),
    };
    let claim = Claim::read(request, &rules).unwrap();
    assert_eq!(claim.scope().region, "us-east-1");
    let key = SigningKey::derive(secret, claim.scope());
    claim.verify(request, &key).unwrap();
    assert!(request.header("amz-sdk-invocation-id").is_some());
    secret.to_owned()
}

/// Runs Tasks of these executions one after the other.
#[track_caller]
fn check(executions: &[&str], answers: Vec<Response>, expected: &[&str], asked: &[&str]) {
    let door = Scripted::new(answers);
    let runner = opened(&door);
    let run = |execution: &&str| {
        let outcome = runner.run(with_credentials(execution)).now_or_never();
        text_of(outcome.unwrap().outcome)
    };
    let outcomes: Vec<String> = executions.iter().map(run).collect();
    assert_eq!(outcomes, expected);
    assert_eq!(callers(&door), asked);
}

#[test]
fn a_session_is_kept_for_its_execution_while_it_lasts() {
    let ok = || response(200, &[], "2");
    check(
        &[EXECUTION, EXECUTION],
        vec![assumed("s", FAR), ok(), ok()],
        &["ok 2", "ok 2"],
        &["assume", "s", "s"],
    );
    check(
        &[
            EXECUTION,
            "arn:aws:states:us-east-1:123456789012:execution:m:x",
        ],
        vec![assumed("s", FAR), ok(), assumed("t", FAR), ok()],
        &["ok 2", "ok 2"],
        &["assume", "s", "assume", "t"],
    );
    check(
        &[EXECUTION, EXECUTION],
        vec![assumed("s", SOON), ok(), assumed("t", FAR), ok()],
        &["ok 2", "ok 2"],
        &["assume", "s", "assume", "t"],
    );
}

/// The role was made again, say: a kept session counts no more, and another one is made once.
#[test]
fn a_session_that_counts_no_more_is_replaced() {
    let ok = || response(200, &[], "2");
    check(
        &[EXECUTION, EXECUTION],
        vec![
            assumed("s", FAR),
            ok(),
            refused("UnrecognizedClientException"),
            assumed("t", FAR),
            ok(),
        ],
        &["ok 2", "ok 2"],
        &["assume", "s", "s", "assume", "t"],
    );
    let outdated = refused("ExpiredTokenException");
    check(
        &[EXECUTION],
        vec![assumed("s", FAR), outdated],
        &[
            "Lambda.AWSLambdaException: The security token (Service: AWSLambda; Status Code: 403; \
             Error Code: ExpiredTokenException; Request ID: id-1; Proxy: null)",
        ],
        &["assume", "s"],
    );
}

#[test]
fn roles_that_cannot_be_assumed() {
    for (answer, expected) in [
        (
            sts_refusal(403, "AccessDenied", "User: x is not authorized"),
            "States.TaskFailed: The role arn:aws:iam::123456789012:role/r is not authorized to \
             assume the task state's role, arn:aws:iam::999999999999:role/theirs.",
        ),
        (
            sts_refusal(400, "ValidationError", "no such thing"),
            "States.TaskFailed: the role `arn:aws:iam::999999999999:role/theirs` cannot be \
             assumed: no such thing",
        ),
        (
            sts_refusal(503, "ServiceUnavailable", "later"),
            "Lambda.AWSLambdaException: later (Service: AWSLambda; Status Code: 503; Error Code: \
             ServiceUnavailable; Request ID: id-1; Proxy: null)",
        ),
        (
            response(200, &[], "<AssumeRoleResponse/>"),
            "Lambda.SdkClientException: the answer to AssumeRole has no credentials",
        ),
    ] {
        check(&[EXECUTION], vec![answer], &[expected], &["assume"]);
    }
    for nonsense in ["nonsense", "arn:aws:iam::123456789012:user/u"] {
        let mut call = with_credentials(EXECUTION);
        call.call.credentials_role_arn = Some(nonsense.into());
        let (text, asked) = outcome_of(call, response(200, &[], ""));
        let expected = format!("States.TaskFailed: the role `{nonsense}` cannot be used: ");
        assert!(text.starts_with(&expected), "{text}");
        assert!(asked.is_none());
    }
}

/// Whatever is asked of a child is asked as the state's role.
#[tokio::test]
async fn nested_executions() {
    let child = r#"{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:c:n",
        "startDate":1.7E9}"#;
    let denied = r#"{"__type":"AccessDeniedException","message":"no"}"#;
    let answers = vec![
        assumed("s", FAR),
        response(200, &[], child),
        response(400, &[], denied),
        response(400, &[], denied),
    ];
    let door = Scripted::new(answers);
    let runner = opened(&door);
    let mut call = call(
        service("states", "startExecution.sync"),
        Pattern::RunJob,
        r#"{"StateMachineArn":"m"}"#,
    );
    call.call.credentials_role_arn = Some(CREDENTIALS_ROLE.into());
    let TaskOutcome::Submitted(submission) = runner.run(call.clone()).await.outcome else {
        panic!("it is submitted");
    };
    // What may not be asked ends the Task; what may not be stopped goes on.
    let outcome = runner.watch(call.clone(), submission.clone()).await;
    assert_eq!(
        text_of(outcome),
        "StepFunctions.AWSStepFunctionsException: no (Service: AWSStepFunctions; Status Code: 400; \
         Error Code: AccessDeniedException; Request ID: id-1; Proxy: null)"
    );
    runner.cancel(call, Some(submission)).await;
    let asked = door.asked.lock().unwrap();
    let is_signed = |(caller, _): &(Caller, Request)| matches!(caller, Caller::Signed { .. });
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().skip(1).all(is_signed));
}
