use super::*;

/// A file with one machine, one test case with these states, and these mocked responses.
fn file(states: &str, responses: &str) -> String {
    format!(
        r#"{{"StateMachines": {{"m": {{"TestCases": {{"c": {states}}}}}}},
            "MockedResponses": {responses}}}"#
    )
}

fn parse(text: &str, selection: Selection<'_>) -> Result<Arc<TestCase>, String> {
    MockFile::parse(text, "mocks.json")
        .and_then(|mocks| mocks.select(selection).cloned())
        .map_err(|error| format!("{error:#}"))
}

fn call(state: &str, number: u32) -> Call {
    let resource = asl::program::Resource {
        arn: "arn:aws:states:::lambda:invoke".into(),
        family: asl::program::ResourceFamily::LambdaFunction,
        pattern: asl::program::Pattern::RequestResponse,
    };
    Call {
        attempt: 5,
        number,
        state_name: state.into(),
        resource,
        parameters: Value::null(),
        credentials_role_arn: None,
        deadline: None,
    }
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let error = parse(text, Selection::default()).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn files_that_are_none() {
    check_refused(
        "{",
        "`mocks.json` is not JSON: line 1, column 2: Unexpected",
    );
    check_refused(
        "{\n  \"a\": 1,\n}",
        "`mocks.json` is not JSON: line 3, column 2: Unexpected character ('}'",
    );
    check_refused("[]", "the file must have an object `StateMachines`");
    check_refused(
        r#"{"StateMachines": {}, "MockedResponses": {}}"#,
        "it has no state machine",
    );
    check_refused(
        &file("1", "{}"),
        "test case `c` must be an object of state names",
    );
    check_refused(
        r#"{"StateMachines": {"m": {"TestCases": {"c": {}}}}}"#,
        "`MockedResponses`",
    );
    let named = |responses: &str| file(r#"{"S": "R"}"#, responses);
    check_refused(
        &named("{}"),
        "state machine `m`: test case `c`, state `S`: there is no mocked response `R`",
    );
    check_refused(
        &file(r#"{"S": 1}"#, "{}"),
        "must be the name of a mocked response",
    );
    check_refused(&named(r#"{"R": []}"#), "keys such as `0` and `1-2`");
    for key in ["a", "1-", "-1", "2-1", "", "+1", "99999999999999999999"] {
        let responses = format!(r#"{{"R": {{"{key}": {{"Return": 1}}}}}}"#);
        check_refused(&named(&responses), &format!("the key `{key}`"));
    }
    check_refused(
        &named(r#"{"R": {"0-2": {"Return": 1}, "2": {"Return": 1}}}"#),
        "two keys answer call 2",
    );
    for outcome in [
        "{}",
        "1",
        r#"{"Return": 1, "Throw": {}}"#,
        r#"{"Retrun": 1}"#,
    ] {
        let responses = format!(r#"{{"R": {{"0": {outcome}}}}}"#);
        check_refused(&named(&responses), "either `Return` or `Throw`");
    }
    for thrown in [
        "{}",
        "1",
        r#"{"Cause": "c"}"#,
        r#"{"Error": 1}"#,
        r#"{"Error": "e", "x": "y"}"#,
    ] {
        let responses = format!(r#"{{"R": {{"0": {{"Throw": {thrown}}}}}}}"#);
        check_refused(&named(&responses), "the texts `Error` and `Cause`");
    }
}

#[test]
fn the_test_case_is_chosen() {
    let two = r#"{"StateMachines": {
        "m": {"TestCases": {"a": {}, "b": {}}}, "n": {"TestCases": {"c": {}}}},
        "MockedResponses": {}}"#;
    let check = |state_machine, test_case, expected: &str| {
        let selection = Selection {
            state_machine,
            test_case,
        };
        match parse(two, selection) {
            Ok(mocks) => assert!(mocks.source.contains(expected), "{}", mocks.source),
            Err(error) => assert!(error.contains(expected), "{error}"),
        }
    };
    check(
        None,
        None,
        "which state machine? there are `m`, `n`; choose with --state-machine",
    );
    check(
        Some("m"),
        None,
        "which test case? there are `a`, `b`; choose with --test-case",
    );
    check(Some("m"), Some("b"), "test case `b` of state machine `m`");
    check(Some("n"), None, "test case `c` of state machine `n`");
    check(Some("x"), None, "no state machine `x`; there are `m`, `n`");
    check(Some("m"), Some("x"), "no test case `x`; there are `a`, `b`");
}

#[test]
fn calls_are_counted_by_state() {
    let text = file(
        r#"{"S": "R", "T": "R"}"#,
        r#"{"R": {"0": {"Return": {"n": 1.0}}, "1-2": {"Throw": {"Error": "E", "Cause": "c"}}}}"#,
    );
    let case = parse(&text, Selection::default()).unwrap();
    let check = |state: &str, number: u32, expected: &str| {
        let told = match case.answer(&call(state, number)) {
            Ok(Input::TaskSucceeded { attempt: 5, output }) => output.to_text(),
            Ok(Input::TaskFailed {
                attempt: 5,
                failure,
            }) => {
                format!("{}/{}", failure.error.unwrap(), failure.cause.unwrap())
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    };
    check("S", 0, r#"{"n":1.0}"#);
    check("S", 1, "E/c");
    check("S", 2, "E/c");
    check("S", 3, "has no key for call 3");
    check("T", 0, r#"{"n":1.0}"#);
    check(
        "U",
        0,
        "state `U` calls `arn:aws:states:::lambda:invoke`, and test case `c`",
    );
}

#[test]
fn names_must_be_tasks_of_the_definition() {
    let definition = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T"},
        "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
              "Parameters": {"FunctionName": "f"}, "End": true}}}"#;
    let machine = asl::definition::MachineType::Standard;
    let compiled = asl::compile::compile(definition, machine, &services::states::Integrations);
    let program = compiled.program.unwrap();
    let check = |state: &str, expected: Option<&str>| {
        let text = file(
            &format!(r#"{{"{state}": "R"}}"#),
            r#"{"R": {"0": {"Return": 1}}}"#,
        );
        let mocks = parse(&text, Selection::default()).unwrap();
        let refused = mocks.check(&program).map_err(|error| error.to_string());
        match (refused, expected) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => assert!(error.contains(expected), "{error}"),
            (refused, _) => panic!("{state}: {refused:?}"),
        }
    };
    check("T", None);
    check("P", Some("the state `P`, which is no Task"));
    check(
        "X",
        Some("the state `X`, which the definition does not have"),
    );
}
