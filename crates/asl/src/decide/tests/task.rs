use super::{FUNCTION, Input, Refusal, Sim, check, check_end, one, start_of, states, value};
use crate::decide::{Call, Effect};
use crate::event::{EventKind, Failure, Start, Text};
use crate::run::Status;
use crate::token;

/// A Task `A` on the function's ARN that goes on to the Succeed state `B`.
fn lambda(fields: &str) -> String {
    task(FUNCTION, fields)
}

fn invoke(fields: &str) -> String {
    task("arn:aws:states:::lambda:invoke", fields)
}

fn with_token(fields: &str) -> String {
    task("arn:aws:states:::lambda:invoke.waitForTaskToken", fields)
}

fn task(resource: &str, fields: &str) -> String {
    states(&format!(
        r#""A":{{"Type":"Task","Resource":"{resource}","Next":"B"{fields}}},
           "B":{{"Type":"Succeed"}}"#
    ))
}

const CATCH_ALL: &str = r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]"#;

#[test]
fn lambda_succeeds() {
    check(
        &one(&format!(r#""Type":"Task","Resource":"{FUNCTION}""#)),
        r#"{"a":1}"#,
        &["ok 2.0"],
        &[
            "2<0 TaskStateEntered",
            r#"3<2 LambdaFunctionScheduled {"a":1}"#,
            "4<3 LambdaFunctionStarted",
            "5<4 LambdaFunctionSucceeded 2.0",
            "6<5 TaskStateExited 2.0",
            "7<6 ExecutionSucceeded 2.0",
        ],
    );
}

#[test]
fn lambda_fails() {
    check(
        &lambda(""),
        "{}",
        &["fail E C"],
        &[
            "2<0 TaskStateEntered",
            "3<2 LambdaFunctionScheduled {}",
            "4<3 LambdaFunctionStarted",
            "5<4 LambdaFunctionFailed E C",
            "6<5 ExecutionFailed E C",
        ],
    );
}

#[test]
fn lambda_times_out() {
    check(
        &lambda(r#","TimeoutSeconds":5"#),
        "{}",
        &["due"],
        &[
            "2<0 TaskStateEntered",
            "3<2 LambdaFunctionScheduled {}",
            "4<3 LambdaFunctionStarted",
            "5<4 LambdaFunctionTimedOut States.Timeout -",
            "6<5 ExecutionFailed States.Timeout -",
        ],
    );
}

#[test]
fn lambda_is_retried() {
    check(
        &lambda(r#","Retry":[{"ErrorEquals":["E"]}]"#),
        "{}",
        &["fail E C", "due", "ok 1"],
        &[
            "2<0 TaskStateEntered",
            "3<2 LambdaFunctionScheduled {}",
            "4<3 LambdaFunctionStarted",
            "5<4 LambdaFunctionFailed E C",
            "6<5 LambdaFunctionScheduled {}",
            "7<6 LambdaFunctionStarted",
            "8<7 LambdaFunctionSucceeded 1",
            "9<8 TaskStateExited 1",
            "10<9 SucceedStateEntered",
            "11<10 SucceedStateExited 1",
            "12<11 ExecutionSucceeded 1",
        ],
    );
}

#[test]
fn lambda_is_caught() {
    check(
        &lambda(CATCH_ALL),
        "{}",
        &["fail E C"],
        &[
            "2<0 TaskStateEntered",
            "3<2 LambdaFunctionScheduled {}",
            "4<3 LambdaFunctionStarted",
            "5<4 LambdaFunctionFailed E C",
            r#"6<5 TaskStateExited {"Error":"E","Cause":"C"}"#,
            "7<6 SucceedStateEntered",
            r#"8<7 SucceedStateExited {"Error":"E","Cause":"C"}"#,
            r#"9<8 ExecutionSucceeded {"Error":"E","Cause":"C"}"#,
        ],
    );
}

#[test]
fn service_answers() {
    let begun = [
        "2<0 TaskStateEntered",
        r#"3<2 TaskScheduled {"Payload":{}}"#,
        "4<3 TaskStarted",
    ];
    let fields = r#","Parameters":{"Payload.$":"$"},"TimeoutSeconds":9"#;
    for (step, retry_or_catch, expected) in [
        (
            "ok 1",
            "",
            &[
                "5<4 TaskSucceeded 1",
                "6<5 TaskStateExited 1",
                "7<6 SucceedStateEntered",
                "8<7 SucceedStateExited 1",
                "9<8 ExecutionSucceeded 1",
            ][..],
        ),
        (
            "fail E C",
            "",
            &["5<4 TaskFailed E C", "6<5 ExecutionFailed E C"],
        ),
        (
            "fail - -",
            "",
            &["5<4 TaskFailed - -", "6<5 ExecutionFailed - -"],
        ),
        (
            "due",
            "",
            &[
                "5<4 TaskTimedOut States.Timeout -",
                "6<5 ExecutionFailed States.Timeout -",
            ],
        ),
        (
            "due",
            CATCH_ALL,
            &[
                "5<4 TaskTimedOut States.Timeout -",
                r#"6<5 TaskStateExited {"Error":"States.Timeout","Cause":""}"#,
                "7<6 SucceedStateEntered",
                r#"8<7 SucceedStateExited {"Error":"States.Timeout","Cause":""}"#,
                r#"9<8 ExecutionSucceeded {"Error":"States.Timeout","Cause":""}"#,
            ],
        ),
    ] {
        let all: Vec<&str> = begun.iter().chain(expected).copied().collect();
        check(
            &invoke(&format!("{fields}{retry_or_catch}")),
            "{}",
            &[step],
            &all,
        );
    }
}

#[test]
fn callback() {
    let begun = [
        "2<0 TaskStateEntered",
        "3<2 TaskScheduled {}",
        "4<3 TaskStarted",
    ];
    for (steps, expected) in [
        (
            &["submit {\"r\":1}", "ok 2"][..],
            &[
                r#"5<4 TaskSubmitted {"r":1}"#,
                "6<5 TaskSucceeded 2",
                "7<6 TaskStateExited 2",
                "8<7 SucceedStateEntered",
                "9<8 SucceedStateExited 2",
                "10<9 ExecutionSucceeded 2",
            ][..],
        ),
        (
            &["submit 1", "fail E C"],
            &[
                "5<4 TaskSubmitted 1",
                "6<5 TaskFailed E C",
                "7<6 ExecutionFailed E C",
            ],
        ),
        (
            &["fail E C"],
            &["5<4 TaskFailed E C", "6<5 ExecutionFailed E C"],
        ),
        (
            &["submit 1", "due"],
            &[
                "5<4 TaskSubmitted 1",
                "6<5 TaskTimedOut States.Timeout -",
                "7<6 ExecutionFailed States.Timeout -",
            ],
        ),
        (
            &["submit 1", "heartbeat"],
            &[
                "5<4 TaskSubmitted 1",
                "6<5 TaskTimedOut States.Timeout -",
                "7<6 ExecutionFailed States.Timeout -",
            ],
        ),
    ] {
        let all: Vec<&str> = begun.iter().chain(expected).copied().collect();
        let fields = r#","TimeoutSeconds":9,"HeartbeatSeconds":3"#;
        check(&with_token(fields), "{}", steps, &all);
    }
}

#[test]
fn result_before_the_submit_response() {
    let mut sim = Sim::started(&with_token(""), "{}");
    let attempt = sim.attempt();
    sim.step("ok 2").unwrap();
    let late = Input::TaskSubmitted {
        attempt,
        response: value("1"),
    };
    assert_eq!(sim.run.status, Status::Succeeded);
    assert_eq!(sim.send(late), Err(Refusal::NotRunning));
}

#[test]
fn late_and_repeated_answers_are_not_awaited() {
    let definition = with_token(r#","Retry":[{"ErrorEquals":["E"]}],"HeartbeatSeconds":3"#);
    let answers = |attempt| {
        let failure = Failure {
            error: Some("E".into()),
            cause: None,
        };
        [
            Input::TaskSucceeded {
                attempt,
                output: value("1"),
            },
            Input::TaskFailed { attempt, failure },
            Input::TaskSubmitted {
                attempt,
                response: value("1"),
            },
            Input::HeartbeatMissed { attempt },
        ]
    };
    let mut sim = Sim::started(&definition, "{}");
    sim.step("submit 1").unwrap();
    assert_eq!(
        sim.step("submit 1"),
        Err(Refusal::NotAwaited),
        "a second response"
    );
    sim.step("fail E C").unwrap();
    for answer in answers(3).into_iter().chain(answers(0)).chain(answers(7)) {
        assert_eq!(
            sim.send(answer),
            Err(Refusal::NotAwaited),
            "while backing off"
        );
    }
    sim.step("due").unwrap();
    assert_eq!(sim.attempt(), 7);
    assert!(sim.run.is_awaited(7) && !sim.run.is_awaited(3));
    for answer in answers(3).into_iter().chain(answers(4)) {
        assert_eq!(
            sim.send(answer),
            Err(Refusal::NotAwaited),
            "of the attempt before"
        );
    }
    sim.step("ok 1").unwrap();
    for answer in answers(7) {
        assert_eq!(sim.send(answer), Err(Refusal::NotRunning), "after the end");
    }
}

#[test]
fn refusals() {
    let start = || Input::Start(Box::new(start_of("{}")));
    let stop = || Input::Stop(Failure::default());
    let mut sim = Sim::new(&with_token(""));
    for input in [stop(), Input::Continue, Input::DeadlineReached] {
        assert_eq!(sim.send(input), Err(Refusal::NotRunning));
    }
    sim.send(start()).unwrap();
    assert_eq!(sim.send(start()), Err(Refusal::AlreadyStarted));
    assert_eq!(sim.send(Input::Continue), Err(Refusal::NotYielded));
    assert_eq!(sim.send(Input::DeadlineReached), Err(Refusal::NotDue));
    assert_eq!(
        sim.step("heartbeat"),
        Err(Refusal::NotAwaited),
        "without HeartbeatSeconds"
    );
    sim.send(stop()).unwrap();
    assert_eq!(sim.send(stop()), Err(Refusal::NotRunning));
    assert_eq!(sim.send(start()), Err(Refusal::AlreadyStarted));

    let mut sim = Sim::started(&invoke(r#","TimeoutSeconds":9"#), "{}");
    assert_eq!(
        sim.step("submit 1"),
        Err(Refusal::NotAwaited),
        "request-response has none"
    );
    assert_eq!(sim.send(Input::DeadlineReached), Err(Refusal::NotDue));
    sim.program = super::program(&one(r#""Type":"Pass""#));
    assert_eq!(sim.step("ok 1"), Err(Refusal::ForeignProgram));
    assert_eq!(sim.step("due"), Err(Refusal::ForeignProgram));
}

#[test]
fn effects() {
    let role = r#","Credentials":{"RoleArn.$":"$.role"}"#;
    let definition = with_token(&format!(r#"{role},"TimeoutSecondsPath":"$.t""#));
    let mut sim = Sim::started(&definition, r#"{"role":"arn:aws:iam::1:role/x","t":60}"#);
    let [Effect::Call(call)] = &sim.effects[..] else {
        panic!("{:?}", sim.effects)
    };
    let Call {
        attempt,
        number,
        state_name,
        resource,
        parameters,
        credentials_role_arn,
        deadline,
    } = call;
    assert_eq!((*attempt, *number, &**state_name), (3, 0, "A"));
    assert_eq!(
        &*resource.arn,
        "arn:aws:states:::lambda:invoke.waitForTaskToken"
    );
    assert_eq!(
        parameters.to_text(),
        r#"{"role":"arn:aws:iam::1:role/x","t":60}"#
    );
    assert_eq!(
        credentials_role_arn.as_deref(),
        Some("arn:aws:iam::1:role/x")
    );
    assert_eq!(*deadline, Some(sim.now.plus_seconds(60)));
    assert_eq!(sim.run.owed_calls(&sim.program), std::slice::from_ref(call));

    sim.step("submit 1").unwrap();
    assert_eq!(sim.run.owed_calls(&sim.program), [], "the call answered");
    assert_eq!(sim.effects.len(), 1);
    sim.step("stop - -").unwrap();
    assert_eq!(sim.effects[1..], [Effect::Abandon { attempt: 3 }]);

    for (definition, step) in [
        (invoke(r#","TimeoutSeconds":9"#), "due"),
        (invoke(&format!(r#","TimeoutSeconds":9{CATCH_ALL}"#)), "due"),
        (with_token(r#","HeartbeatSeconds":9"#), "heartbeat"),
    ] {
        let mut sim = Sim::started(&definition, "{}");
        sim.step(step).unwrap();
        assert_eq!(sim.effects[1..], [Effect::Abandon { attempt: 3 }]);
    }
    let mut sim = Sim::started(&invoke(""), "{}");
    sim.step("fail E C").unwrap();
    assert_eq!(sim.effects.len(), 1, "nothing is left to abandon");
}

#[test]
fn heartbeats_are_wanted_where_a_token_is() {
    let fields = r#","HeartbeatSeconds":3"#;
    let sim = Sim::started(&with_token(fields), "{}");
    assert_eq!(sim.run.heartbeats(&sim.program), [(3, 3)]);
    let mut sim = Sim::started(&invoke(fields), "{}");
    assert_eq!(sim.run.heartbeats(&sim.program), []);
    assert_eq!(sim.step("heartbeat"), Err(Refusal::NotAwaited));
    let sim = Sim::started(&with_token(""), "{}");
    assert_eq!(sim.run.heartbeats(&sim.program), []);
}

#[test]
fn the_token_is_of_the_attempt() {
    let fields = r#","Parameters":{"t.$":"$$.Task.Token","n.$":"$$.State.RetryCount"},
        "Retry":[{"ErrorEquals":["E"]}]"#;
    let mut sim = Sim::started(&with_token(fields), "{}");
    sim.step("fail E C").unwrap();
    sim.step("due").unwrap();
    let scheduled = sim
        .events
        .iter()
        .filter_map(|(_, event)| match &event.kind {
            EventKind::TaskScheduled { parameters, .. } => Some((event.id, parameters)),
            _ => None,
        });
    let seen: Vec<_> = scheduled
        .map(|(id, parameters)| {
            let token = token::read(parameters.get("t").unwrap().as_str().unwrap()).unwrap();
            assert!(token::verify(sim.run.start.as_ref().unwrap(), &token));
            (
                id,
                token.attempt,
                parameters.get("n").unwrap().as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [(3, 3, 0), (6, 6, 1)]);
    let text = "The JSONPath '$$.Task.Token' specified for the field 't.$' could not be found";
    let mut sim = Sim::started(&invoke(fields), "{}");
    assert!(
        sim.history().pop().unwrap().contains(text),
        "no token without the pattern"
    );
    assert_eq!(sim.step("ok 1"), Err(Refusal::NotRunning));
}

#[test]
fn result_fields() {
    for (fields, expected) in [
        (r#","ResultSelector":{"r.$":"$.x"}"#, r#"{"r":1}"#),
        (
            r#","ResultSelector":{"r.$":"$.x"},"ResultPath":"$.o""#,
            r#"{"i":0,"o":{"r":1}}"#,
        ),
        (r#","ResultPath":null"#, r#"{"i":0}"#),
        (r#","OutputPath":"$.x""#, "1"),
        (
            r#","InputPath":null,"ResultPath":"$.o""#,
            r#"{"i":0,"o":{"x":1}}"#,
        ),
    ] {
        let expected = format!("ExecutionSucceeded {expected}");
        check_end(&lambda(fields), r#"{"i":0}"#, &[r#"ok {"x":1}"#], &expected);
    }
}

#[test]
fn a_catcher_places_its_output_in_the_raw_input() {
    let fields = r#","InputPath":"$.i","OutputPath":"$.never","ResultSelector":{"n.$":"$.never"},
        "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"B"}]"#;
    let expected = r#"{"i":0,"e":{"Error":"E","Cause":null}}"#;
    check_end(
        &lambda(fields),
        r#"{"i":0}"#,
        &["fail E"],
        &format!("ExecutionSucceeded {expected}"),
    );
    let cause = "An error occurred while executing the state 'A' (entered at the event id #2). \
                 Unable to apply ReferencePath $.e to input 7";
    let mut sim = Sim::started(&lambda(&fields.replace("$.i", "$")), "7");
    sim.step("fail E").unwrap();
    assert_eq!(
        sim.history()[4..],
        [
            "5<4 LambdaFunctionFailed E -".to_owned(),
            format!("6<5 ExecutionFailed States.ResultPathMatchFailure {cause}")
        ]
    );
}

#[test]
fn runtime_errors_before_the_call() {
    let prefix = "An error occurred while executing the state 'A' (entered at the event id #2). ";
    for (fields, text) in [
        (
            r#","Parameters":{"k.$":"$.x"}"#,
            "The JSONPath '$.x' specified for the field 'k.$' could not be found in the input '{}'",
        ),
        (
            r#","TimeoutSecondsPath":"$.x""#,
            "Invalid path '$.x' : No results for path: $['x']",
        ),
        (
            r#","HeartbeatSecondsPath":"$.x""#,
            "Invalid path '$.x' : No results for path: $['x']",
        ),
        (
            r#","TimeoutSecondsPath":"$$.State.Name""#,
            "The TimeoutSecondsPath field refers to value \"A\" which is not a valid integer: \
             $$.State.Name",
        ),
        (
            r#","Credentials":{"RoleArn.$":"$$.State.RetryCount"}"#,
            "The Credentials.RoleArn field refers to value 0 which is not a valid string",
        ),
    ] {
        let catch = format!("{fields}{CATCH_ALL}");
        check(
            &lambda(&catch),
            "{}",
            &[],
            &[
                "2<0 TaskStateEntered",
                &format!("3<2 ExecutionFailed States.Runtime {prefix}{text}"),
            ],
        );
    }
}

#[test]
fn runtime_errors_after_the_result() {
    let prefix = "An error occurred while executing the state 'A' (entered at the event id #2). ";
    let fields = format!(r#","OutputPath":"$.x"{CATCH_ALL}"#);
    check(
        &lambda(&fields),
        "{}",
        &["ok {}"],
        &[
            "2<0 TaskStateEntered",
            "3<2 LambdaFunctionScheduled {}",
            "4<3 LambdaFunctionStarted",
            "5<4 LambdaFunctionSucceeded {}",
            &format!(
                "6<5 ExecutionFailed States.Runtime {prefix}Invalid path '$.x' : No results for \
                 path: $['x']"
            ),
        ],
    );
}

#[test]
fn stop_and_timeout_cut_a_task() {
    let begun = [
        "2<0 TaskStateEntered",
        "3<2 TaskScheduled {}",
        "4<3 TaskStarted",
    ];
    let mut machine = invoke("");
    machine.insert_str(1, r#""TimeoutSeconds":5,"#);
    for (step, expected) in [
        ("stop E C", "5<0 ExecutionAborted E C"),
        ("due", "5<0 ExecutionTimedOut States.Timeout -"),
    ] {
        let all: Vec<&str> = begun.iter().copied().chain([expected]).collect();
        check(&machine, "{}", &[step], &all);
    }
}

#[test]
fn mocked_calls_are_numbered_and_callbacks_watched() {
    let retry = r#","Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":1}]"#;
    let numbers = |mock_case: Option<Text>| {
        let start = Start {
            mock_case,
            ..start_of("{}")
        };
        let mut sim = Sim::started_with(&with_token(retry), start);
        let attempt = sim.attempt();
        sim.send(Input::TaskFailed {
            attempt,
            failure: Failure {
                error: Some("Busy".into()),
                cause: None,
            },
        })
        .unwrap();
        sim.now = sim.now.plus_seconds(1);
        sim.send(Input::DeadlineReached).unwrap();
        let attempt = sim.attempt();
        let response = value("{}");
        sim.send(Input::TaskSubmitted { attempt, response })
            .unwrap();
        let calls = sim.effects.iter().filter_map(|effect| match effect {
            Effect::Call(call) => Some((call.number, "call")),
            Effect::Watch { call, .. } => Some((call.number, "watch")),
            _ => None,
        });
        let watched = sim.run.owed_watches(&sim.program).len();
        (calls.collect::<Vec<_>>(), watched)
    };
    let mocked = vec![(0, "call"), (1, "call"), (1, "watch")];
    assert_eq!(numbers(Some("c".into())), (mocked, 1));
    assert_eq!(numbers(None), (vec![(0, "call"), (0, "call")], 0));
}
