//! Cases: a state, what it is tested with, and the report as JSON.

use json::ObjectBuilder;

use super::*;
use crate::compile::compile;
use crate::decide::Allowance;
use crate::definition::MachineType;
use crate::definition::testing::TestCatalogue;
use crate::event::ExecutionKind;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn moment(now: Timestamp) -> Moment {
    Moment {
        now,
        random: 7,
        allowance: Allowance::Full,
    }
}

fn value(text: &str) -> Value {
    json::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A setup with this input.
fn of(input: &str) -> Setup {
    let input = value(input);
    Setup {
        start: Box::new(Start {
            input: input.clone(),
            execution_name: "e".into(),
            execution_arn: "arn:e".into(),
            kind: ExecutionKind::Test,
            ..Start::default()
        }),
        input,
        ..Setup::default()
    }
}

fn mocked(input: &str, result: &str) -> Setup {
    Setup {
        mock: Some(Ok(value(result))),
        ..of(input)
    }
}

fn failing(input: &str, error: &str) -> Setup {
    let failure = Failure {
        error: Some(error.into()),
        cause: Some("c".into()),
    };
    Setup {
        mock: Some(Err(failure)),
        ..of(input)
    }
}

fn begin(definition: &str, name: &str, setup: Setup) -> Result<(Test, Progress), Error> {
    let compiled = compile(definition, MachineType::Standard, &TestCatalogue);
    let Some(program) = compiled.program else {
        panic!("{definition}: {:?}", compiled.diagnostics);
    };
    let state = find(&program, name).expect("the state is there");
    Test::begin(Arc::new(program), state, setup, moment(NOW))
}

fn begin_single(state: &str, setup: Setup) -> (Test, Progress) {
    begin(&as_definition(state), SINGLE_STATE_NAME, setup).expect("it can be tested")
}

/// The report of a state by itself that waits for nothing.
fn check(state: &str, setup: Setup, expected: &str) {
    let (_, progress) = begin_single(state, setup);
    check_progress(progress, expected, state);
}

#[track_caller]
fn check_progress(progress: Progress, expected: &str, what: &str) {
    let Progress::Ended(report) = progress else {
        panic!("{what}: not ended but {progress:?}");
    };
    let found = shown(&report);
    assert_eq!(found, value(expected), "{what}\n found {found}");
}

fn shown(report: &Report) -> Value {
    let mut shown = ObjectBuilder::new();
    shown.add("status", report.status.as_str());
    if let Some(output) = &report.output {
        shown.add("output", output.clone());
    }
    if let Some(error) = report.failure.error.as_deref() {
        shown.add("error", error);
    }
    if let Some(next) = report.next_state.as_deref() {
        shown.add("next", next);
    }
    let Inspection {
        stages,
        variables,
        catcher,
        retrier,
    } = &report.inspection;
    for (stage, value) in stages {
        shown.add(format!("{stage:?}"), value.clone());
    }
    if !variables.is_empty() {
        shown.add("variables", variables.clone());
    }
    if let Some(catcher) = catcher {
        shown.add("catch", u64::try_from(*catcher).unwrap());
    }
    if let Some((retrier, wait_ms)) = retrier {
        shown.add("retry", vec![u64::from(*retrier).into(), (*wait_ms).into()]);
    }
    shown.build().into()
}

const TASK: &str = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke""#;

#[test]
fn pass() {
    check(
        r#"{"Type":"Pass","InputPath":"$.a","Parameters":{"b.$":"$.c"},"ResultPath":"$.r",
            "OutputPath":"$.r","Next":"N"}"#,
        of(r#"{"a":{"c":1}}"#),
        r#"{"status":"SUCCEEDED","output":{"b":1},"next":"N","AfterInputPath":{"c":1},
            "AfterParameters":{"b":1},"AfterResultSelector":{"b":1},
            "AfterResultPath":{"a":{"c":1},"r":{"b":1}}}"#,
    );
    check(
        r#"{"Type":"Pass","Result":{"k":0.0},"End":true}"#,
        of("{}"),
        r#"{"status":"SUCCEEDED","output":{"k":0.0},"Result":{"k":0.0},
            "AfterResultSelector":{"k":0.0},"AfterResultPath":{"k":0.0}}"#,
    );
    check(
        r#"{"Type":"Pass","QueryLanguage":"JSONata","Assign":{"v":"{% $v + 1 %}","w":true},
            "Output":"{% $states.input.a %}","Next":"N"}"#,
        Setup {
            variables: value(r#"{"v":1,"u":2}"#).as_object().unwrap().clone(),
            ..of(r#"{"a":[1]}"#)
        },
        r#"{"status":"SUCCEEDED","output":[1],"next":"N","variables":{"v":2,"u":2,"w":true}}"#,
    );
}

#[test]
fn the_other_types_without_calls() {
    let choice = r#"{"Type":"Choice","InputPath":"$.i","Default":"D",
        "Choices":[{"Variable":"$.v","NumericGreaterThan":1,"Next":"G"}]}"#;
    check(
        choice,
        of(r#"{"i":{"v":2}}"#),
        r#"{"status":"SUCCEEDED","output":{"v":2},"next":"G","AfterInputPath":{"v":2}}"#,
    );
    check(
        choice,
        of(r#"{"i":{"v":1}}"#),
        r#"{"status":"SUCCEEDED","output":{"v":1},"next":"D","AfterInputPath":{"v":1}}"#,
    );
    check(
        r#"{"Type":"Succeed","OutputPath":"$.a"}"#,
        of(r#"{"a":1}"#),
        r#"{"status":"SUCCEEDED","output":1,"AfterInputPath":{"a":1}}"#,
    );
    check(
        r#"{"Type":"Fail","Error":"E","Cause":"c"}"#,
        of(r#"{"a":1}"#),
        r#"{"status":"FAILED","error":"E","AfterInputPath":{"a":1}}"#,
    );
    check(
        r#"{"Type":"Fail","QueryLanguage":"JSONata","Error":"{% $states.input.a %}"}"#,
        of(r#"{"a":"E"}"#),
        r#"{"status":"FAILED","error":"E"}"#,
    );
    check(
        r#"{"Type":"Pass","InputPath":"$.none","End":true}"#,
        of("{}"),
        r#"{"status":"FAILED","error":"States.Runtime"}"#,
    );
    check(
        r#"{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $states.input.none %}",
            "End":true}"#,
        of("{}"),
        r#"{"status":"FAILED","error":"States.QueryEvaluationError"}"#,
    );
}

#[test]
fn wait_asks_for_time() {
    let state = r#"{"Type":"Wait","SecondsPath":"$.s","Next":"N"}"#;
    let (mut test, progress) = begin_single(state, of(r#"{"s":5}"#));
    let Progress::Until(until) = progress else {
        panic!("not waiting: {progress:?}");
    };
    assert_eq!(until, NOW.plus_seconds(5));
    let ended = test.deadline(moment(until)).unwrap();
    let expected = r#"{"status":"SUCCEEDED","output":{"s":5},"next":"N",
        "AfterInputPath":{"s":5}}"#;
    check_progress(ended, expected, state);
}

#[test]
fn task_asks_for_its_call() {
    let state = format!(
        r#"{{{TASK},"Parameters":{{"FunctionName":"f","Payload.$":"$"}},
        "TimeoutSeconds":9,"ResultSelector":{{"r.$":"$.x"}},"ResultPath":"$.out","Next":"N",
        "Catch":[{{"ErrorEquals":["E"],"Next":"A"}},
                 {{"ErrorEquals":["States.Timeout"],"ResultPath":"$.e","Next":"B"}}]}}"#
    );
    let stages = r#""AfterInputPath":{"i":1},
        "AfterParameters":{"FunctionName":"f","Payload":{"i":1}}"#;
    let call = || {
        let (test, progress) = begin_single(&state, of(r#"{"i":1}"#));
        let Progress::Call(call) = progress else {
            panic!("no call: {progress:?}");
        };
        assert_eq!(call.deadline, Some(NOW.plus_seconds(9)));
        (test, call)
    };
    let (mut test, Call { attempt, .. }) = call();
    let output = value(r#"{"x":[2]}"#);
    let ended = test.answer(moment(NOW), Input::TaskSucceeded { attempt, output });
    let expected = format!(
        r#"{{"status":"SUCCEEDED","output":{{"i":1,"out":{{"r":[2]}}}},"next":"N",{stages},
            "Result":{{"x":[2]}},"AfterResultSelector":{{"r":[2]}},
            "AfterResultPath":{{"i":1,"out":{{"r":[2]}}}}}}"#
    );
    check_progress(ended.unwrap(), &expected, &state);

    let (mut test, Call { deadline, .. }) = call();
    let ended = test.deadline(moment(deadline.unwrap())).unwrap();
    let expected = format!(
        r#"{{"status":"CAUGHT_ERROR","error":"States.Timeout","next":"B","catch":1,{stages},
            "output":{{"i":1,"e":{{"Error":"States.Timeout","Cause":""}}}}}}"#
    );
    check_progress(ended, &expected, &state);
}

#[test]
fn mocked_task() {
    let queries = format!(
        r#"{{{TASK},"QueryLanguage":"JSONata","Arguments":{{"FunctionName":
        "{{% $states.input.f %}}"}},"Output":"{{% $states.result.r %}}","End":true}}"#
    );
    check(
        &queries,
        mocked(r#"{"f":"g"}"#, r#"{"r":7}"#),
        r#"{"status":"SUCCEEDED","output":7,"AfterArguments":{"FunctionName":"g"},
            "Result":{"r":7}}"#,
    );
    let resources = [
        "arn:aws:states:::states:startExecution.waitForTaskToken",
        "arn:aws:states:::states:startExecution.sync",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:us-east-1:123456789012:activity:a",
        "arn:aws:lambda:us-east-1:123456789012:function:f",
    ];
    for resource in resources {
        let state = format!(
            r#"{{"Type":"Task","Resource":"{resource}","HeartbeatSeconds":5,"Parameters":
            {{"StateMachineArn":"m","Input":{{}}}},"End":true}}"#
        );
        let before = r#""AfterInputPath":{},
            "AfterParameters":{"StateMachineArn":"m","Input":{}}"#;
        let expected = format!(
            r#"{{"status":"SUCCEEDED","output":[1],{before},"Result":[1],
            "AfterResultSelector":[1],"AfterResultPath":[1]}}"#
        );
        check(&state, mocked("{}", "[1]"), &expected);
        let expected = format!(r#"{{"status":"FAILED","error":"E",{before}}}"#);
        check(&state, failing("{}", "E"), &expected);
    }
}

#[test]
fn retries_and_catchers() {
    let state = format!(
        r#"{{{TASK},"Parameters":{{"FunctionName":"f","Payload.$":
        "$$.State.RetryCount"}},"End":true,
        "Retry":[{{"ErrorEquals":["X"]}},
                 {{"ErrorEquals":["E"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":3,
                   "MaxDelaySeconds":10}}],
        "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"C"}}]}}"#
    );
    let after = |retries: u32| {
        format!(
            r#""AfterInputPath":{{}},"AfterParameters":{{"FunctionName":"f","Payload":{retries}}}"#
        )
    };
    for (retries, wait_ms) in [(0, 2_000), (1, 6_000), (2, 10_000)] {
        let setup = Setup {
            retries,
            ..failing("{}", "E")
        };
        let stages = after(retries);
        let expected =
            format!(r#"{{"status":"RETRIABLE","error":"E","retry":[1,{wait_ms}],{stages}}}"#);
        check(&state, setup, &expected);
    }
    let setup = Setup {
        retries: 3,
        ..failing("{}", "E")
    };
    let stages = after(3);
    let expected = format!(
        r#"{{"status":"CAUGHT_ERROR","error":"E","next":"C","catch":0,{stages},
            "output":{{"Error":"E","Cause":"c"}}}}"#
    );
    check(&state, setup, &expected);
}

#[test]
fn a_given_context_is_all_there_is() {
    let state = format!(
        r#"{{{TASK},"Parameters":{{"FunctionName":"f"}},
        "ResultSelector":{{"c.$":"$$"}},"End":true}}"#
    );
    let setup = Setup {
        context: Some(value(r#"{"State":{}}"#)),
        ..mocked("{}", "{}")
    };
    let (_, progress) = begin_single(&state, setup);
    let Progress::Ended(report) = progress else {
        panic!("{progress:?}");
    };
    assert_eq!(report.output, Some(value(r#"{"c":{"State":{}}}"#)));
}

const BODY: &str = r#""ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED",
    "ExecutionType":"STANDARD"},"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}"#;

#[test]
fn map() {
    let state = format!(
        r#"{{"Type":"Map","ItemsPath":"$.v",{BODY},"MaxConcurrency":3,
        "ItemSelector":{{"i.$":"$$.Map.Item.Index","n.$":"$.n"}},
        "ItemBatcher":{{"MaxItemsPerBatch":2,"BatchInput":{{"b.$":"$.n"}}}},
        "ResultPath":"$.r","Next":"N"}}"#
    );
    check(
        &state,
        mocked(r#"{"v":["a","b","c"],"n":0}"#, "[1,2]"),
        r#"{"status":"SUCCEEDED","next":"N","output":{"v":["a","b","c"],"n":0,"r":[1,2]},
            "AfterInputPath":{"v":["a","b","c"],"n":0},"AfterItemsPath":["a","b","c"],
            "AfterItemSelector":[{"i":0,"n":0},{"i":1,"n":0},{"i":2,"n":0}],
            "AfterItemBatcher":[
                {"BatchInput":{"b":0},"Items":[{"i":0,"n":0},{"i":1,"n":0}]},
                {"BatchInput":{"b":0},"Items":[{"i":2,"n":0}]}],
            "AfterResultSelector":[1,2],"MaxConcurrency":3,
            "AfterResultPath":{"v":["a","b","c"],"n":0,"r":[1,2]}}"#,
    );
    let reader = format!(
        r#"{{"Type":"Map","QueryLanguage":"JSONata",{BODY},"End":true,
        "ItemReader":{{"Resource":"arn:aws:states:::s3:getObject","Arguments":{{"Bucket":"b",
            "Key":"{{% $states.input.k %}}"}},"ReaderConfig":{{"InputType":"JSON",
            "ItemsPointer":"/a","MaxItems":2}}}},
        "ItemSelector":{{"v":"{{% $states.context.Map.Item.Value %}}"}}}}"#
    );
    check(
        &reader,
        Setup {
            reader_data: Some(r#"{"a":[7,8,9]}"#.into()),
            ..failing(r#"{"k":"k"}"#, "E")
        },
        r#"{"status":"FAILED","error":"E","AfterItemsPointer":[7,8],"MaxConcurrency":0,
            "AfterItemSelector":[{"v":7},{"v":8}]}"#,
    );
    check(
        &reader,
        Setup {
            reader_data: Some("7".into()),
            ..failing(r#"{"k":"k"}"#, "E")
        },
        r#"{"status":"FAILED","error":"States.ItemReaderFailed","MaxConcurrency":0}"#,
    );
}

#[test]
fn items_of_a_reader() {
    let state = |fields: &str, config: &str| {
        format!(
            r#"{{"Type":"Map","ItemReader":{{"Resource":"arn:aws:states:::s3:getObject","Parameters":
            {{"Bucket":"b","Key":"k"}},"ReaderConfig":{{"InputType":"JSON"{config}}}}},{BODY},{fields}
            "ItemSelector":{{"v.$":"$$.Map.Item.Value"}},"ResultPath":null,"End":true}}"#
        )
    };
    let reading = |input: &str, data: &str| Setup {
        reader_data: Some(data.into()),
        ..mocked(input, "[]")
    };
    let seen = |setup: Setup, fields: &str, config: &str| {
        let (_, progress) = begin_single(&state(fields, config), setup);
        let Progress::Ended(report) = progress else {
            panic!("{fields} {config}: {progress:?}");
        };
        let stages = report.inspection.stages.into_iter();
        let mut shown: Vec<String> = stages
            .filter(|(stage, _)| format!("{stage:?}").starts_with("AfterItem"))
            .map(|(stage, value)| format!("{stage:?} {value}"))
            .collect();
        shown.extend(report.failure.cause.map(|cause| cause.to_string()));
        shown.join("; ")
    };
    let max = r#","MaxItemsPath":"$.n""#;
    let found = seen(reading(r#"{"n":2}"#, "[7,8,9]"), "", max);
    assert_eq!(found, r#"AfterItemSelector [{"v":7},{"v":8}]"#);
    let found = seen(reading(r#"{"n":-1}"#, "[7,8,9]"), "", max);
    assert_eq!(found, "field MaxItems must be positive");
    // ItemsPath is of what was read, and MaxItems of what it leads to.
    let found = seen(
        reading(r#"{"n":1,"a":[1]}"#, r#"{"x":0,"a":[7,8]}"#),
        r#""ItemsPath":"$.a","#,
        max,
    );
    assert_eq!(
        found,
        r#"AfterItemsPath [7,8]; AfterItemSelector [{"v":7}]"#
    );
}

#[test]
fn tolerance_of_a_map() {
    let state = |fields: &str| {
        format!(
            r#"{{"Type":"Map","QueryLanguage":"JSONata",
            "Items":"{{% $states.input %}}",{BODY},{fields}"End":true}}"#
        )
    };
    let failed = |failed: u64| Setup {
        iterations_failed: Some(failed),
        ..mocked("[1,2,3,4]", "[0,0,1,1]")
    };
    let fine = r#""status":"SUCCEEDED","output":[0,0,1,1],"MaxConcurrency":0"#;
    let exceeded = r#""error":"States.ExceedToleratedFailureThreshold","MaxConcurrency":0"#;
    check(&state(""), failed(4), &format!("{{{fine}}}"));
    let count = r#""ToleratedFailureCount":2,"#;
    let shown = r#""ToleratedFailureCount":2"#;
    check(&state(count), failed(2), &format!("{{{fine},{shown}}}"));
    let expected = format!(r#"{{"status":"FAILED",{exceeded},{shown}}}"#);
    check(&state(count), failed(3), &expected);
    let percentage = r#""ToleratedFailurePercentage":50,"Retry":[{"ErrorEquals":["X"]},
        {"ErrorEquals":["States.ExceedToleratedFailureThreshold"]}],"#;
    let shown = r#""ToleratedFailurePercentage":50"#;
    check(
        &state(percentage),
        failed(2),
        &format!("{{{fine},{shown}}}"),
    );
    let expected = format!(r#"{{"status":"RETRIABLE","retry":[1,1000],{exceeded},{shown}}}"#);
    check(&state(percentage), failed(3), &expected);
    let setup = Setup {
        iterations_failed: Some(5),
        ..failing("[1,2,3,4]", "E")
    };
    let definition = as_definition(&state(""));
    let refused = begin(&definition, SINGLE_STATE_NAME, setup).map(|_| ());
    assert_eq!(refused, Err(Error::TooManyFailures));
}

#[test]
fn parallel() {
    let state = r#"{"Type":"Parallel","InputPath":"$.p","ResultPath":"$.r","End":true,"Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},
        {"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],
        "Catch":[{"ErrorEquals":["E"],"ResultPath":"$.e","Next":"C"}]}"#;
    check(
        state,
        mocked(r#"{"p":1}"#, "[1,2]"),
        r#"{"status":"SUCCEEDED","output":{"p":1,"r":[1,2]},"AfterResultSelector":[1,2],
            "AfterResultPath":{"p":1,"r":[1,2]}}"#,
    );
    check(
        state,
        failing(r#"{"p":1}"#, "E"),
        r#"{"status":"CAUGHT_ERROR","error":"E","next":"C","catch":0,
            "output":{"p":1,"e":{"Error":"E","Cause":"c"}}}"#,
    );
    let definition = as_definition(state);
    let refused = begin(&definition, SINGLE_STATE_NAME, of("{}")).map(|_| ());
    assert_eq!(refused, Err(Error::NeedsMock));
}

/// The context that is given has no `Map`: what the state has of it stays.
#[test]
fn a_given_context_and_the_items_of_a_map() {
    let given = |setup: Setup| Setup {
        context: Some(value(r#"{"State":{"Name":"S"}}"#)),
        ..setup
    };
    let state = format!(
        r#"{{"Type":"Map",{BODY},"ItemSelector":{{"c.$":"$$"}},"ResultPath":null,"End":true}}"#
    );
    let (_, progress) = begin_single(&state, given(mocked(r#"["x"]"#, "[]")));
    let Progress::Ended(report) = progress else {
        panic!("{progress:?}");
    };
    let stages = report.inspection.stages;
    let selected = stages
        .iter()
        .find(|(stage, _)| *stage == Stage::AfterItemSelector);
    let expected = r#"[{"c":{"State":{"Name":"S"},"Map":{"Item":{"Index":0,"Value":"x",
        "Source":"STATE_DATA"}}}}]"#;
    assert_eq!(selected.map(|(_, value)| value), Some(&value(expected)));
    let definition = format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,"ItemProcessor":{{"StartAt":"T",
        "States":{{"T":{{{TASK},"Parameters":{{"FunctionName":"f","Payload.$":"$$"}},"ResultSelector":
        {{"c.$":"$$"}},"End":true}}}}}}}}}}}}"#
    );
    let (_, progress) = begin(&definition, "T", given(mocked("5", "{}"))).unwrap();
    let Progress::Ended(report) = progress else {
        panic!("{progress:?}");
    };
    let expected = r#"{"c":{"State":{"Name":"S"},"Map":{"Item":{"Index":0,"Value":5,
        "Source":"STATE_DATA"}}}}"#;
    assert_eq!(report.output, Some(value(expected)));
}

#[test]
fn a_state_whose_next_has_its_name() {
    check(
        r#"{"Type":"Pass","Next":"StateName"}"#,
        of("1"),
        r#"{"status":"SUCCEEDED","output":1,"next":"StateName","AfterInputPath":1,
            "AfterParameters":1,"AfterResultSelector":1,"AfterResultPath":1}"#,
    );
    check(
        r#"{"Type":"Choice","QueryLanguage":"JSONata","Default":"Made up 0","Choices":[
            {"Condition":"{% true %}","Next":"StateName"}]}"#,
        of("1"),
        r#"{"status":"SUCCEEDED","output":1,"next":"StateName"}"#,
    );
}

/// What is made up around a state is never spoken of.
#[test]
fn only_the_state_itself_is_complained_of() {
    let cases = [
        (
            r#"{"Type":"Choice","Choices":[]}"#,
            &["/States/StateName/Choices"][..],
        ),
        (
            r#"{"Type":"Pass","Next":""}"#,
            &["/States/StateName/Next"][..],
        ),
        (
            r#"{"Type":"Pass","Next":"N","Nope":1}"#,
            &["/States/StateName"][..],
        ),
        ("[]", &["-"][..]),
    ];
    for (state, expected) in cases {
        let definition = as_definition(state);
        let compiled = compile(&definition, MachineType::Standard, &TestCatalogue);
        let diagnostics = of_single_state(compiled.diagnostics);
        let places = diagnostics.iter().map(|it| it.location.as_deref());
        let places: Vec<&str> = places.map(|place| place.unwrap_or("-")).collect();
        assert_eq!(places, expected, "{state}");
    }
}

#[test]
fn states_inside_others() {
    let definition = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A",
        "States":{"A":{"Type":"Pass","Next":"M"},"M":{"Type":"Map","End":true,"ItemProcessor":{
            "StartAt":"X","States":{"X":{"Type":"Succeed"}}}}}}],"Next":"Z"},
        "Z":{"Type":"Succeed"}}}"#;
    let compiled = compile(definition, MachineType::Standard, &TestCatalogue);
    let program = compiled.program.expect("a definition without errors");
    let index = |name| find(&program, name).expect("the state is there");
    let cases = [("P", "AMX"), ("M", "X"), ("A", ""), ("X", ""), ("Z", "")];
    for (outer, within) in cases {
        for inner in ["P", "A", "M", "X", "Z"] {
            let found = is_within(&program, index(outer), index(inner));
            assert_eq!(found, within.contains(inner), "{inner} in {outer}");
        }
    }
}

#[test]
fn one_of_many_states() {
    let definition = r#"{"StartAt":"M","States":{"M":{"Type":"Map","Next":"Z","ItemProcessor":{
        "StartAt":"X","States":{"X":{"Type":"Pass","Next":"Y"},"Y":{"Type":"Pass","End":true,
            "Parameters":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value"}}}}},
        "Z":{"Type":"Pass","Parameters":{"s.$":"$$.State","e.$":"$$.Execution.Id"},
            "End":true}}}"#;
    let output = |name: &str| {
        let (_, progress) = begin(definition, name, of(r#"{"a":1}"#)).unwrap();
        let Progress::Ended(report) = progress else {
            panic!("{name}: {progress:?}");
        };
        let next = report.next_state.as_deref().unwrap_or("-").to_owned();
        (next, report.output.unwrap().to_text())
    };
    assert_eq!(output("X"), ("Y".to_owned(), r#"{"a":1}"#.to_owned()));
    assert_eq!(
        output("Y"),
        ("-".to_owned(), r#"{"v":{"a":1},"i":0}"#.to_owned())
    );
    let (_, shown) = output("Z");
    let shown = value(&shown);
    let name = shown.get("s").and_then(|state| state.get("Name"));
    assert_eq!(
        (name, shown.get("e")),
        (Some(&"Z".into()), Some(&"arn:e".into()))
    );
}
