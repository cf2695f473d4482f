//! Nested executions.

use super::*;

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:child";
const CHILD: &str = "arn:aws:states:us-east-1:123456789012:execution:child:n";
/// Stands for the attempt of every call here.
const ATTEMPT: &str = "16679a29-1cb8-4ce4-9d54-30271519bce7";

fn start(suffix: &str, parameters: &str) -> TaskCall {
    let pattern = match suffix {
        "" => Pattern::RequestResponse,
        ".waitForTaskToken" => Pattern::WaitForTaskToken,
        _ => Pattern::RunJob,
    };
    let resource = format!("startExecution{suffix}");
    call(service("states", &resource), pattern, parameters)
}

fn started() -> Response {
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("date", "Thu, 06 Nov 2025 12:35:53 GMT"),
    ];
    let body = format!(r#"{{"executionArn":"{CHILD}","startDate":1.762432553123E9}}"#);
    response(200, &headers, &body)
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
    response(status, &[], &body)
}

/// What DescribeExecution answers, with `more` members.
fn described(status: &str, more: &str) -> Response {
    let body = format!(
        r#"{{"executionArn":"{CHILD}","stateMachineArn":"{MACHINE}","name":"n",
        "status":"{status}","startDate":1.762432553123E9,"stopDate":1.7624325542E9,
        "input":"{{\"a\":1}}","inputDetails":{{"included":true}},"redriveCount":0,
        "redriveStatus":"REDRIVABLE"{more}}}"#
    );
    response(200, &[], &body)
}

#[test]
fn starts() {
    let result = concat!(
        r#"{"ExecutionArn":"arn:aws:states:us-east-1:123456789012:execution:child:n","#,
        r#""SdkHttpMetadata":{"AllHttpHeaders":{"x-amzn-RequestId":["id-1"],"#,
        r#""connection":["keep-alive"],"Content-Length":["103"],"#,
        r#""Date":["Thu, 06 Nov 2025 12:35:53 GMT"],"#,
        r#""Content-Type":["application/x-amz-json-1.0"]},"HttpHeaders":{"connection":"keep-alive","#,
        r#""Content-Length":"103","Content-Type":"application/x-amz-json-1.0","#,
        r#""Date":"Thu, 06 Nov 2025 12:35:53 GMT","x-amzn-RequestId":"id-1"},"#,
        r#""HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"id-1"},"#,
        r#""StartDate":1762432553123}"#
    );
    let parameters = format!(
        r#"{{"StateMachineArn":"{MACHINE}","Name":"n","Input":{{"x":0.0}},"TraceHeader":"t"}}"#
    );
    let sent = format!(
        r#"StartExecution {{"stateMachineArn":"{MACHINE}","name":"n","input":"{{\"x\":0.0}}","#
    ) + r#""traceHeader":"t"}"#;
    for (suffix, word) in [
        ("", "ok"),
        (".sync", "submitted"),
        (".sync:2", "submitted"),
        (".waitForTaskToken", "submitted"),
    ] {
        let door = Scripted::new(vec![started()]);
        let outcome = opened(&door).run(start(suffix, &parameters));
        let outcome = text_of(outcome.now_or_never().unwrap().outcome);
        assert_eq!(outcome, format!("{word} {result}"), "{suffix}");
        assert_eq!(door.asked(), [sent.as_str()], "{suffix}");
        let (caller, _) = door.asked.lock().unwrap().pop().unwrap();
        assert_eq!(caller.attempt(), Some(&*format!("{EXECUTION}#3")));
    }
}

/// Inputs, and what goes without a name.
#[test]
fn inputs_and_names() {
    for (suffix, parameters, sent) in [
        ("", r#""Input":null"#, ""),
        ("", r#""Input":"{\"a\": 1}""#, r#","input":"{\"a\": 1}""#),
        ("", r#""Input":[1,"x"]"#, r#","input":"[1,\"x\"]""#),
        ("", r#""Name":"é""#, r#","name":"é""#),
        (".sync", r#""Name":null"#, r#","name":"ATTEMPT""#),
        (
            ".sync:2",
            r#""Input":1"#,
            r#","input":"1","name":"ATTEMPT""#,
        ),
    ] {
        let door = Scripted::new(vec![started()]);
        let parameters = format!(r#"{{"StateMachineArn":"{MACHINE}",{parameters}}}"#);
        let _ = opened(&door)
            .run(start(suffix, &parameters))
            .now_or_never()
            .unwrap();
        let sent = sent.replace("ATTEMPT", ATTEMPT);
        let expected = format!(r#"StartExecution {{"stateMachineArn":"{MACHINE}"{sent}}}"#);
        assert_eq!(door.asked(), [expected]);
    }
}

#[test]
fn refused_starts() {
    let no_machine = refusal(
        400,
        "com.amazonaws.swf.service.v2.model#StateMachineDoesNotExist",
        "State Machine Does Not Exist: 'm'",
    );
    let (text, _) = outcome_of(start("", r#"{"StateMachineArn":"m"}"#), no_machine);
    assert_eq!(
        text,
        "StepFunctions.StateMachineDoesNotExistException: State Machine Does Not Exist: 'm' \
         (Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; \
         Request ID: id-1; Proxy: null)"
    );
    let denied = refusal(400, "AccessDeniedException", "no");
    let (text, _) = outcome_of(start("", r#"{"StateMachineArn":"m"}"#), denied);
    assert!(
        text.starts_with("StepFunctions.AWSStepFunctionsException: no (Service"),
        "{text}"
    );
    let (text, asked) = outcome_of(start("", r#"{"Arn":"m"}"#), started());
    assert!(
        text.ends_with("[The field 'Arn' is not supported by Step Functions]"),
        "{text}"
    );
    assert!(asked.is_none());
}

/// What the end of the child makes of the Task, where DescribeExecution gives these answers.
#[track_caller]
fn check_end(suffix: &str, answers: Vec<Response>, expected: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let door = Scripted::new(answers);
    let submission = json::parse(&format!(r#"{{"ExecutionArn":"{CHILD}"}}"#)).unwrap();
    let call = start(suffix, r#"{"StateMachineArn":"m"}"#);
    let outcome = runtime.block_on(opened(&door).watch(call, submission));
    assert_eq!(text_of(outcome), expected, "{suffix}");
    let asked = door.asked();
    assert_eq!(asked.len(), door.answers.len());
    let describe = format!(r#"DescribeExecution {{"executionArn":"{CHILD}"}}"#);
    assert!(asked.iter().all(|asked| *asked == describe), "{asked:?}");
}

fn succeeded() -> Response {
    described(
        "SUCCEEDED",
        r#","output":"[1.0]","outputDetails":{"included":true}"#,
    )
}

#[test]
fn children_that_succeed() {
    let shown = |input: &str, output: &str| {
        format!(
            r#"ok {{"ExecutionArn":"{CHILD}","Input":{input},"InputDetails":{{"Included":true}},"#
        ) + r#""Name":"n","Output":"#
            + output
            + r#","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE","#
            + r#""StartDate":1762432553123,"StateMachineArn":""#
            + MACHINE
            + r#"","Status":"SUCCEEDED","StopDate":1762432554200}"#
    };
    let texts = shown(r#""{\"a\":1}""#, r#""[1.0]""#);
    let values = shown(r#"{"a":1}"#, "[1.0]");
    check_end(".sync", vec![succeeded()], &texts);
    check_end(".sync:2", vec![succeeded()], &values);
    // Redriven at once; then the service had its troubles.
    let answers = vec![
        response(200, &[], r#"{"status":"RUNNING"}"#),
        refusal(500, "InternalFailure", "later"),
        refusal(400, "ThrottlingException", "Rate exceeded"),
        succeeded(),
    ];
    check_end(".sync:2", answers, &values);
}

#[test]
fn children_that_do_not() {
    let shown = |status: &str, failure: &str| {
        format!(r#"States.TaskFailed: {{{failure}"ExecutionArn":"{CHILD}","Input":"{{\"a\":1}}","#)
            + r#""InputDetails":{"Included":true},"Name":"n","RedriveCount":0,"#
            + r#""RedriveStatus":"REDRIVABLE","StartDate":1762432553123,"#
            + &format!(r#""StateMachineArn":"{MACHINE}","Status":"{status}","#)
            + r#""StopDate":1762432554200}"#
    };
    for suffix in [".sync", ".sync:2"] {
        let failed = described("FAILED", r#","error":"E","cause":"C""#);
        let expected = shown("FAILED", r#""Cause":"C","Error":"E","#);
        check_end(suffix, vec![failed], &expected);
        for status in ["TIMED_OUT", "ABORTED"] {
            let answers = vec![described(status, "")];
            check_end(suffix, answers, &shown(status, ""));
        }
    }
    let express = refusal(
        400,
        "com.amazonaws.swf.service.v2.model#InvalidArn",
        "Invalid Arn: 'Resource type not valid in this context: express'",
    );
    let expected = "StepFunctions.InvalidArnException: Invalid Arn: 'Resource type not valid in \
                    this context: express' (Service: AWSStepFunctions; Status Code: 400; Error \
                    Code: InvalidArn; Request ID: id-1; Proxy: null)";
    check_end(".sync", vec![express], expected);

    let door = Scripted::new(vec![succeeded()]);
    let outcome = opened(&door).watch(start(".sync", "{}"), Value::empty_object());
    let text = text_of(outcome.now_or_never().unwrap());
    assert!(text.starts_with("States.Runtime: the answer"), "{text}");
}

/// What is asked for when the child is no longer wanted.
#[tokio::test(start_paused = true)]
async fn cancelled() {
    let parameters = format!(r#"{{"StateMachineArn":"{MACHINE}:live","Name":"n"}}"#);
    let submission = json::parse(&format!(r#"{{"ExecutionArn":"{CHILD}"}}"#)).unwrap();
    let describe = format!(r#"DescribeExecution {{"executionArn":"{CHILD}"}}"#);
    let again = format!(r#"StartExecution {{"stateMachineArn":"{MACHINE}:live","name":"n"}}"#);
    let stop = format!(
        r#"StopExecution {{"executionArn":"{CHILD}","cause":"The Task state in AWS Step Functions "#
    ) + &format!(
        "execution [{EXECUTION}] which was managing this resource was aborted\"}}"
    );
    let stopped = || response(200, &[], r#"{"stopDate":1.7E9}"#);
    let missing = || refusal(400, "ExecutionDoesNotExist", "no");
    let exists = || refusal(400, "ExecutionAlreadyExists", "no");
    let passing = || refusal(503, "ServiceUnavailable", "later");
    let [describe, again, stop] = [&*describe, &*again, &*stop];
    for (response, answers, expected) in [
        (Some(&submission), vec![stopped()], vec![stop]),
        (Some(&submission), vec![missing()], vec![stop]),
        (
            Some(&submission),
            vec![passing(), passing(), stopped()],
            vec![stop, stop, stop],
        ),
        // What the role may not do, it may not do a second time either.
        (
            Some(&submission),
            vec![refusal(400, "AccessDeniedException", "no")],
            vec![stop],
        ),
        // The answer to the start was lost, if there was one.
        (None, vec![missing()], vec![describe]),
        (
            None,
            vec![described("RUNNING", ""), started(), stopped()],
            vec![describe, again, stop],
        ),
        // Somebody else's execution has the name.
        (
            None,
            vec![described("RUNNING", ""), exists()],
            vec![describe, again],
        ),
    ] {
        let door = Scripted::new(answers);
        let runner = opened(&door);
        let call = start(".sync", &parameters);
        runner.cancel(call, response.cloned()).await;
        assert_eq!(door.asked(), expected);
    }
}

#[tokio::test]
async fn jobs_of_others_are_not_watched() {
    let door = Scripted::new(vec![started()]);
    let runner = opened(&door);
    let job = || call(service("ecs", "runTask.sync"), Pattern::RunJob, "{}");
    let outcome = runner.watch(job(), Value::empty_object()).await;
    assert_eq!(
        text_of(outcome),
        "States.Runtime: `arn:aws:states:::ecs:runTask.sync` starts no job that this version of \
         Lockstep can wait for"
    );
    runner.cancel(job(), None).await;
    assert!(door.asked().is_empty());
}
