use super::{FUNCTION, check_end, check_story};

/// A JSONata machine that starts at the state `A`.
fn machine(states: &str) -> String {
    let states = states.replace("FUNCTION", FUNCTION);
    format!(r#"{{"QueryLanguage":"JSONata","StartAt":"A","States":{{{states}}}}}"#)
}

/// What the one state `A` makes of an input.
fn check_output(fields: &str, input: &str, steps: &[&str], expected: &str) {
    let definition = machine(&format!(r#""A":{{"End":true,{fields}}}"#));
    let expected = format!("ExecutionSucceeded {expected}");
    check_end(&definition, input, steps, &expected);
}

/// The text of a failure in `A`, entered with event 2, or in another state.
fn undefined(expression: &str, location: &str) -> String {
    format!(
        "An error occurred while executing the state 'A' (entered at the event id #2). The JSONata \
         expression '{expression}' specified for the field '{location}' returned nothing \
         (undefined)."
    )
}

const TASK: &str = r#""Type":"Task","Resource":"FUNCTION""#;

#[test]
fn defaults_need_no_expression() {
    check_story(
        &machine(
            r#""A":{"Type":"Pass","Next":"B"},
               "B":{"Type":"Pass","Output":{"a.$":1},"Assign":{"x":[1]},"Next":"C"},
               "C":{"Type":"Choice","Choices":[{"Condition":"{% false %}","Next":"D"},
                    {"Condition":"{% true %}","Next":"D","Output":"chosen","Assign":{"x":2}}]},
               "D":{"Type":"Succeed","Output":7}"#,
        ),
        "0",
        &[],
        r#"
        2<0 PassStateEntered A 0
        3<2 PassStateExited 0
        4<3 PassStateEntered B 0
        5<4 PassStateExited {"a.$":1} assigned {"x":[1]}
        6<5 ChoiceStateEntered C {"a.$":1}
        7<6 ChoiceStateExited "chosen" assigned {"x":2}
        8<7 SucceedStateEntered D "chosen"
        9<8 SucceedStateExited 7
        10<9 ExecutionSucceeded 7
        "#,
    );
}

#[test]
fn what_expressions_see() {
    let input = r#"{"n":2,"list":[1,2]}"#;
    let pass = r#""Type":"Pass","Output":"{% EXPRESSION %}""#;
    for (expression, expected) in [
        ("$states.input.n + 1", "3"),
        ("$sum($states.input.list)", "3"),
        ("$states.context.State.Name", r#""A""#),
        ("$states.context.Execution.Input.n", "2"),
        ("$count($keys($states.context.State))", "2"),
        ("$states.input", input),
    ] {
        check_output(
            &pass.replace("EXPRESSION", expression),
            input,
            &[],
            expected,
        );
    }
    let task = format!(
        r#"{TASK},"Arguments":{{"n":"{{% $states.input.n %}}"}},
            "Output":["{{% $states.result %}}","{{% $states.input.n %}}"]"#
    );
    check_output(&task, input, &["ok 5"], "[5,2]");
    check_output(TASK, input, &["ok 5"], "5");
    // The arguments' default is the input.
    check_story(
        &machine(&format!(r#""A":{{"End":true,{TASK}}}"#)),
        "1",
        &["ok 2"],
        "
        2<0 TaskStateEntered A 1
        3<2 LambdaFunctionScheduled 1
        4<3 LambdaFunctionStarted
        5<4 LambdaFunctionSucceeded 2
        6<5 TaskStateExited 2
        7<6 ExecutionSucceeded 2
        ",
    );
}

#[test]
fn variables() {
    check_story(
        &machine(
            r#""A":{"Type":"Pass","Assign":{"x":"{% $states.input.n %}","y":[1]},"Next":"B"},
               "B":{"Type":"Pass","Assign":{"x":"{% $x + 1 %}"},"Output":"{% $x %}","Next":"C"},
               "C":{"Type":"Pass","Output":{"x":"{% $x %}","y":"{% $append($y, 2) %}"},
                    "End":true}"#,
        ),
        r#"{"n":1}"#,
        &[],
        r#"
        2<0 PassStateEntered A {"n":1}
        3<2 PassStateExited {"n":1} assigned {"x":1,"y":[1]}
        4<3 PassStateEntered B {"n":1}
        5<4 PassStateExited 1 assigned {"x":2}
        6<5 PassStateEntered C 1
        7<6 PassStateExited {"x":2,"y":[1,2]}
        8<7 ExecutionSucceeded {"x":2,"y":[1,2]}
        "#,
    );
}

#[test]
fn a_failed_expression_ends_a_state_that_cannot_catch() {
    let text = undefined("$states.input.x", "Output/a/b[1]");
    check_story(
        &machine(
            r#""A":{"Type":"Pass","Output":{"a":{"b":[1,"{% $states.input.x %}"]}},"End":true}"#,
        ),
        "{}",
        &[],
        &format!(
            "
            2<0 PassStateEntered A {{}}
            3<2 EvaluationFailed Output/a/b[1] {text}
            4<3 ExecutionFailed States.QueryEvaluationError {text}
            "
        ),
    );
    let text = undefined("$states.input.x", "Assign/v");
    check_end(
        &machine(r#""A":{"Type":"Pass","Assign":{"v":"{% $states.input.x %}"},"End":true}"#),
        "{}",
        &[],
        &format!("ExecutionFailed States.QueryEvaluationError {text}"),
    );
}

#[test]
fn a_condition_must_be_boolean() {
    let definition = machine(
        r#""A":{"Type":"Choice","Choices":[{"Condition":"{% $states.input %}","Next":"B"}],
                "Default":"C"},
           "B":{"Type":"Succeed","Output":"yes"},"C":{"Type":"Succeed","Output":"no"}"#,
    );
    check_end(&definition, "true", &[], r#"ExecutionSucceeded "yes""#);
    check_end(&definition, "false", &[], r#"ExecutionSucceeded "no""#);
    check_story(
        &definition,
        "1",
        &[],
        "
        2<0 ChoiceStateEntered A 1
        3<2 EvaluationFailed Choices[0]/Condition An error occurred while executing the state 'A' \
        (entered at the event id #2). The JSONata expression '$states.input' specified for the \
        field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but \
        was 'number' for value: 1
        4<3 ExecutionFailed States.QueryEvaluationError An error occurred while executing the \
        state 'A' (entered at the event id #2). The JSONata expression '$states.input' specified \
        for the field 'Choices[0]/Condition' returned an unexpected result type. Expected \
        'boolean', but was 'number' for value: 1
        ",
    );
}

#[test]
fn each_attempt_tells_of_its_failed_arguments() {
    let text = undefined("$states.input.x", "Arguments");
    let fields = format!(
        r#"{TASK},"Arguments":"{{% $states.input.x %}}","Retry":[{{"MaxAttempts":1,
            "ErrorEquals":["States.QueryEvaluationError"]}}]"#
    );
    check_story(
        &machine(&format!(r#""A":{{"End":true,{fields}}}"#)),
        "{}",
        &["due"],
        &format!(
            "
            2<0 TaskStateEntered A {{}}
            3<2 EvaluationFailed Arguments {text}
            4<3 EvaluationFailed Arguments {text}
            5<4 ExecutionFailed States.QueryEvaluationError {text}
            "
        ),
    );
}

#[test]
fn a_failed_output_is_caught() {
    let text = undefined("$states.result.x", "Output");
    let output = r#"{"error":"States.QueryEvaluationError","n":7}"#;
    let catch = r#""Catch":[{"ErrorEquals":["States.QueryEvaluationError"],"Next":"B",
        "Output":{"error":"{% $states.errorOutput.Error %}","n":"{% $states.input %}"},
        "Assign":{"cause":"{% $states.errorOutput.Cause %}"}}]"#;
    check_story(
        &machine(&format!(
            r#""A":{{{TASK},"Output":"{{% $states.result.x %}}","Next":"B",{catch}}},
               "B":{{"Type":"Succeed"}}"#
        )),
        "7",
        &["ok 1"],
        &format!(
            r#"
            2<0 TaskStateEntered A 7
            3<2 LambdaFunctionScheduled 7
            4<3 LambdaFunctionStarted
            5<4 LambdaFunctionSucceeded 1
            6<5 EvaluationFailed Output {text}
            7<6 TaskStateExited {output} assigned {{"cause":"{text}"}}
            8<7 SucceedStateEntered B {{"error":"States.QueryEvaluationError","n":7}}
            9<8 SucceedStateExited {{"error":"States.QueryEvaluationError","n":7}}
            10<9 ExecutionSucceeded {{"error":"States.QueryEvaluationError","n":7}}
            "#
        ),
    );
    // A catcher's default output is the error.
    let plain = r#""Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]"#;
    check_end(
        &machine(&format!(
            r#""A":{{{TASK},"Next":"B",{plain}}},"B":{{"Type":"Succeed"}}"#
        )),
        "7",
        &["fail E why"],
        r#"ExecutionSucceeded {"Error":"E","Cause":"why"}"#,
    );
}

const IN_P: &str = "An error occurred while executing the state 'B' (entered at the event id #4). \
                    The JSONata expression '$states.input.x' specified for the field 'Output' \
                    returned nothing (undefined).";

/// A Parallel whose branch is the state `B`.
fn parallel(branch: &str, fields: &str) -> String {
    machine(&format!(
        r#""A":{{"Type":"Parallel","Next":"Z",{fields}"Branches":[
            {{"StartAt":"B","States":{{"B":{{{branch}}}}}}}]}},"Z":{{"Type":"Succeed"}}"#
    ))
}

#[test]
fn a_branch_with_a_failed_expression() {
    let branch = r#""Type":"Pass","Output":"{% $states.input.x %}","End":true"#;
    let catch = r#""Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z","Output":0}],"#;
    check_story(
        &parallel(branch, catch),
        "{}",
        &[],
        &format!(
            "
            2<0 ParallelStateEntered A {{}}
            3<2 ParallelStateStarted
            4<3 PassStateEntered B {{}}
            5<4 EvaluationFailed Output {IN_P}
            6<5 ParallelStateFailed
            7<6 ParallelStateExited 0
            8<7 SucceedStateEntered Z 0
            9<8 SucceedStateExited 0
            10<9 ExecutionSucceeded 0
            "
        ),
    );
}

#[test]
fn a_catcher_whose_output_fails() {
    let catch = r#""Catch":[{"ErrorEquals":["F"],"Next":"Z"},{"ErrorEquals":["E"],"Next":"Z",
        "Output":{"v":"{% $states.input.x %}"}},{"ErrorEquals":["States.ALL"],"Next":"Z"}],"#;
    let text = undefined("$states.input.x", "Catch[1]/Output/v");
    check_story(
        &parallel(r#""Type":"Fail","Error":"E""#, catch),
        "{}",
        &[],
        &format!(
            "
            2<0 ParallelStateEntered A {{}}
            3<2 ParallelStateStarted
            4<3 FailStateEntered B {{}}
            5<4 ParallelStateFailed
            6<4 EvaluationFailed Catch[1]/Output/v {text}
            7<6 ParallelStateFailed
            8<7 ExecutionFailed States.QueryEvaluationError {text}
            "
        ),
    );
}

#[test]
fn the_output_of_a_parallel() {
    let branch = r#""Type":"Pass","Output":"{% $states.input.n %}","End":true"#;
    let fields = r#""Arguments":{"n":5},"Output":"{% $states.result[0] + $states.input %}","#;
    check_end(&parallel(branch, fields), "2", &[], "ExecutionSucceeded 7");
    let fails = r#""Arguments":{"n":5},"Output":"{% $states.result.x %}","#;
    let text = undefined("$states.result.x", "Output");
    check_story(
        &parallel(branch, fails),
        "2",
        &[],
        &format!(
            r#"
            2<0 ParallelStateEntered A 2
            3<2 ParallelStateStarted
            4<3 PassStateEntered B {{"n":5}}
            5<4 PassStateExited 5
            6<5 ParallelStateSucceeded
            7<5 EvaluationFailed Output {text}
            8<7 ParallelStateFailed
            9<8 ExecutionFailed States.QueryEvaluationError {text}
            "#
        ),
    );
}

/// A Map over the state `B`.
fn map(fields: &str, body: &str) -> String {
    machine(&format!(
        r#""A":{{"Type":"Map","End":true,{fields}"ItemProcessor":{{"StartAt":"B","States":{{
            "B":{{{body}}}}}}}}}"#
    ))
}

const PASS: &str = r#""Type":"Pass","End":true"#;

#[test]
fn maps() {
    let check = |fields: &str, body: &str, input: &str, expected: &str| {
        let expected = format!("ExecutionSucceeded {expected}");
        check_end(&map(fields, body), input, &[], &expected);
    };
    check("", PASS, "[1,2]", "[1,2]");
    check(
        r#""Items":"{% $states.input.i %}","#,
        PASS,
        r#"{"i":[1,2]}"#,
        "[1,2]",
    );
    check(
        r#""Items":["a","{% $states.input %}"],"#,
        PASS,
        "1",
        r#"["a",1]"#,
    );
    check(
        r#""Items":"{% $states.input %}","#,
        PASS,
        r#"{"a":1,"b":2}"#,
        "[1,2]",
    );
    let selector = r#""ItemSelector":{"i":"{% $states.context.Map.Item.Index %}",
        "v":"{% $states.context.Map.Item.Value %}","all":"{% $count($states.input) %}"},"#;
    check(
        selector,
        PASS,
        "[5,6]",
        r#"[{"i":0,"v":5,"all":2},{"i":1,"v":6,"all":2}]"#,
    );
    let body = r#""Type":"Pass","Output":"{% $states.context.Map.Item.Value * 2 %}","End":true"#;
    check("", body, "[5,6]", "[10,12]");
    check(
        r#""Output":"{% $sum($states.result) %}","#,
        PASS,
        "[5,6]",
        "11",
    );
    check(
        r#""MaxConcurrency":"{% $count($states.input) %}","#,
        PASS,
        "[5,6]",
        "[5,6]",
    );
}

#[test]
fn maps_that_fail() {
    let check = |fields: &str, body: &str, input: &str, steps: &[&str], expected: &str| {
        let expected = expected.replace(
            "IN_A",
            "An error occurred while executing the state 'A' (entered at the event id #2).",
        );
        check_story(&map(fields, body), input, steps, &expected);
    };
    check(
        "",
        PASS,
        "1",
        &[],
        "
        2<0 MapStateEntered A 1
        3<2 EvaluationFailed - IN_A Map state input must be an array but was: 1
        4<3 MapStateFailed
        5<4 ExecutionFailed States.QueryEvaluationError IN_A Map state input must be an array but \
        was: 1
        ",
    );
    let text = "The JSONata expression 'true' specified for the field 'Items' returned an \
                unexpected result type. Expected 'array', but was 'boolean' for value: true";
    check(
        r#""Items":"{% true %}","#,
        PASS,
        "1",
        &[],
        &format!(
            "
            2<0 MapStateEntered A 1
            3<2 EvaluationFailed Items IN_A {text}
            4<3 MapStateFailed
            5<4 ExecutionFailed States.QueryEvaluationError IN_A {text}
            "
        ),
    );
    // The second item's selector fails while the first iteration runs.
    let selector = r#""ItemSelector":"{% $states.context.Map.Item.Value.x %}","MaxConcurrency":2,"#;
    let task = format!(r#"{TASK},"End":true"#);
    let text = "The JSONata expression '$states.context.Map.Item.Value.x' specified for the field \
                'ItemSelector' returned nothing (undefined).";
    check(
        selector,
        &task,
        r#"[{"x":1},{"x":2},{}]"#,
        &["ok@B/0 1"],
        &format!(
            r#"
            2<0 MapStateEntered A [{{"x":1}},{{"x":2}},{{}}]
            3<2 MapStateStarted
            4<3 MapIterationStarted 0
            5<3 MapIterationStarted 1
            6<4 TaskStateEntered B 1
            7<6 LambdaFunctionScheduled 1
            8<7 LambdaFunctionStarted
            9<5 TaskStateEntered B 2
            10<9 LambdaFunctionScheduled 2
            11<10 LambdaFunctionStarted
            12<8 LambdaFunctionSucceeded 1
            13<12 TaskStateExited 1
            14<13 MapIterationSucceeded 0
            15<14 EvaluationFailed ItemSelector IN_A {text}
            16<15 MapIterationAborted 1
            17<15 TaskStateAborted
            18<15 MapStateFailed
            19<18 ExecutionFailed States.QueryEvaluationError IN_A {text}
            "#
        ),
    );
}

#[test]
fn an_iteration_with_a_failed_expression() {
    let text = "An error occurred while executing the state 'B' (entered at the event id #5). The \
                JSONata expression '$states.input.x' specified for the field 'Output' returned \
                nothing (undefined).";
    check_story(
        &map(
            "",
            r#""Type":"Pass","Output":"{% $states.input.x %}","End":true"#,
        ),
        "[1]",
        &[],
        &format!(
            "
            2<0 MapStateEntered A [1]
            3<2 MapStateStarted
            4<3 MapIterationStarted 0
            5<4 PassStateEntered B 1
            6<5 EvaluationFailed Output {text}
            7<6 MapIterationFailed 0
            8<6 MapStateFailed
            9<8 ExecutionFailed States.QueryEvaluationError {text}
            "
        ),
    );
}

#[test]
fn waits() {
    let seconds = r#""Type":"Wait","Seconds":"{% $states.input.s %}""#;
    check_output(seconds, r#"{"s":0}"#, &[], r#"{"s":0}"#);
    check_output(seconds, r#"{"s":3}"#, &["due"], r#"{"s":3}"#);
    let until = r#""Type":"Wait","Timestamp":"{% $states.input %}","Output":1"#;
    check_output(until, r#""2000-01-01T00:00:00Z""#, &[], "1");
    check_output(until, r#""2024-01-01T00:00:00Z""#, &["due"], "1");
    let text = "An error occurred while executing the state 'A' (entered at the event id #2). The \
                Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format \
                string: noon";
    check_story(
        &machine(&format!(r#""A":{{{until},"End":true}}"#)),
        r#""noon""#,
        &[],
        &format!(
            r#"
            2<0 WaitStateEntered A "noon"
            3<2 EvaluationFailed Timestamp {text}
            4<3 ExecutionFailed States.QueryEvaluationError {text}
            "#
        ),
    );
}

#[test]
fn a_fail_says_what_its_expressions_make() {
    let fail = r#""A":{"Type":"Fail","Error":"{% $states.input.e %}",
        "Cause":"{% 'for ' & $string($states.input.n) %}"}"#;
    let input = r#"{"e":"Mine","n":3}"#;
    check_end(&machine(fail), input, &[], "ExecutionFailed Mine for 3");
    let text = undefined("$states.input.e", "Error");
    let expected = format!("ExecutionFailed States.QueryEvaluationError {text}");
    check_end(&machine(fail), r#"{"n":3}"#, &[], &expected);
}

#[test]
fn the_numbers_of_a_task() {
    let fields = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
        "TimeoutSeconds":"{% $states.input.t %}","HeartbeatSeconds":"{% $states.input.t - 1 %}",
        "Arguments":{"FunctionName":"f","Payload":{"token":"{% $states.context.Task.Token %}"}}"#;
    let timed = &["due"];
    let definition = machine(&format!(r#""A":{{{fields},"End":true}}"#));
    let expected = "ExecutionFailed States.Timeout -";
    check_end(&definition, r#"{"t":5}"#, timed, expected);
    check_end(&definition, r#"{"t":5}"#, &["heartbeat"], expected);
}

#[test]
fn jsonata_states_in_a_jsonpath_machine() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Parameters":{"n.$":"$.x"},"Assign":{"v.$":"$.n"},"Next":"B"},
        "B":{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $states.input.n + $v %}",
             "Next":"C"},
        "C":{"Type":"Pass","Parameters":{"m.$":"$","v.$":"$v"},"End":true}}}"#;
    check_end(
        definition,
        r#"{"x":4}"#,
        &[],
        r#"ExecutionSucceeded {"v":4,"m":8}"#,
    );
}
