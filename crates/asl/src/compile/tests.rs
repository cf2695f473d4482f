//! What the compiled program holds, and that no text of a megabyte can do harm. What is refused,
//! and with which words, are the cases of `validate`.

use std::fmt::Write as _;

use super::*;
use crate::definition::Diagnostic;
use crate::definition::testing::TestCatalogue;
use crate::program::{Dynamic, Filter, Items, Pattern, ResultPath, State, TextSource, WaitUntil};
use crate::template::{Reference, Template};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:f";

fn program(text: &str) -> Program {
    let compiled = compile(text, MachineType::Standard, &TestCatalogue);
    compiled
        .program
        .unwrap_or_else(|| panic!("{text}: {:?}", compiled.diagnostics))
}

/// The only state of a definition.
fn state(fields: &str) -> State {
    let text = fields.replace("FUNCTION", FUNCTION);
    let mut program = program(&format!(
        r#"{{"StartAt": "A", "States": {{"A": {{{text}}}}}}}"#
    ));
    program.states.swap_remove(0)
}

fn kind(fields: &str) -> StateKind {
    state(fields).kind
}

fn paths(fields: &str) -> Paths {
    let Flow::Paths(paths) = state(fields).flow else {
        panic!("{fields} has no paths")
    };
    *paths
}

fn codes(text: &str) -> Vec<(&'static str, Option<String>)> {
    let compiled = compile(text, MachineType::Standard, &TestCatalogue);
    compiled
        .diagnostics
        .into_iter()
        .map(|one| (one.code, one.location))
        .collect()
}

#[test]
fn names_become_indices() {
    let text = r#"{"StartAt": "B", "TimeoutSeconds": 7, "States": {
        "A": {"Type": "Succeed"},
        "B": {"Type": "Pass", "Next": "A"}}}"#;
    let program = program(text);
    assert_eq!(program.start, StateIndex(1));
    assert_eq!(program.timeout_seconds, Some(7));
    let names = program
        .states
        .iter()
        .map(|state| &*state.name)
        .collect::<Vec<_>>();
    assert_eq!(names, ["A", "B"]);
    let StateKind::Pass(pass) = &program.state(program.start).unwrap().kind else {
        panic!()
    };
    assert_eq!(pass.next, Next::State(StateIndex(0)));
}

#[test]
fn absent_fields_have_their_defaults() {
    let pass = r#""Type": "Pass", "End": true"#;
    let paths = paths(pass);
    assert!(matches!(paths.input_path, Filter::All));
    assert!(matches!(paths.output_path, Filter::All));
    assert!(matches!(paths.result_path, ResultPath::Replace));
    assert!(paths.parameters.is_none() && paths.assign.is_none());
    let StateKind::Pass(pass) = kind(pass) else {
        panic!()
    };
    assert!(pass.result.is_none());
    assert_eq!(pass.next, Next::End);

    let task = r#""Type": "Task", "Resource": "FUNCTION", "End": true,
        "Retry": [{"ErrorEquals": ["E"]}]"#;
    let StateKind::Task(task) = kind(task) else {
        panic!()
    };
    assert!(task.timeout.is_none() && task.heartbeat.is_none());
    assert!(task.recovery.catch.is_empty() && task.credentials.is_none());
    let [retrier] = task.recovery.retry.as_slice() else {
        panic!()
    };
    assert_eq!((retrier.interval_seconds, retrier.attempts_max), (1, 3));
    assert_eq!(retrier.backoff_rate.to_bits(), 2.0_f64.to_bits());
    assert_eq!((retrier.delay_seconds_max, retrier.jitter), (None, false));
}

#[test]
fn paths_are_compiled_once() {
    let pass = r#""Type": "Pass", "End": true, "InputPath": null, "OutputPath": "$$.a",
        "ResultPath": "$.b""#;
    let found = paths(pass);
    assert!(matches!(found.input_path, Filter::Nothing));
    assert!(matches!(&found.output_path, Filter::Path(path) if &*path.text == "$$.a"));
    assert!(matches!(&found.result_path, ResultPath::Into(path) if path.as_text() == "$.b"));

    let pass =
        r#""Type": "Pass", "End": true, "InputPath": "$", "ResultPath": null, "Result": 0.0"#;
    let found = paths(pass);
    assert!(matches!(found.input_path, Filter::All));
    assert!(matches!(found.result_path, ResultPath::Discard));
    let StateKind::Pass(pass) = kind(pass) else {
        panic!()
    };
    assert_eq!(pass.result.unwrap().to_text(), "0.0");
}

#[test]
fn a_task_keeps_its_settings() {
    let task = r#""Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "TimeoutSecondsPath": "$.t", "HeartbeatSeconds": 5, "End": true,
        "Parameters": {"FunctionName": "f"}, "Credentials": {"RoleArn.$": "$.role"},
        "Retry": [{"ErrorEquals": ["A", "B"], "IntervalSeconds": 4, "MaxAttempts": 0,
                   "BackoffRate": 1.5, "MaxDelaySeconds": 9, "JitterStrategy": "FULL"}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A", "ResultPath": "$.e"}]"#;
    assert!(paths(task).parameters.is_some());
    let StateKind::Task(task) = kind(task) else {
        panic!()
    };
    assert_eq!(task.resource.pattern, Pattern::WaitForTaskToken);
    assert!(matches!(&task.timeout, Some(Dynamic::Path(path)) if &*path.text == "$.t"));
    assert!(matches!(task.heartbeat, Some(Dynamic::Literal(5))));
    assert!(task.credentials.is_some());
    let [retrier] = task.recovery.retry.as_slice() else {
        panic!()
    };
    let names = retrier.error_equals.iter().map(|name| &**name);
    assert_eq!(names.collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!((retrier.interval_seconds, retrier.attempts_max), (4, 0));
    assert_eq!(retrier.backoff_rate.to_bits(), 1.5_f64.to_bits());
    assert_eq!((retrier.delay_seconds_max, retrier.jitter), (Some(9), true));
    let [catcher] = task.recovery.catch.as_slice() else {
        panic!()
    };
    assert_eq!(catcher.next, StateIndex(0));
    assert!(matches!(&catcher.result_path, ResultPath::Into(path) if path.as_text() == "$.e"));
}

#[test]
fn wait_and_fail_take_literals_and_paths() {
    let until = |field: &str| match kind(&format!(r#""Type": "Wait", "End": true, {field}"#)) {
        StateKind::Wait(wait) => wait.until,
        _ => panic!(),
    };
    assert!(matches!(
        until(r#""Seconds": 3"#),
        WaitUntil::Seconds(Dynamic::Literal(3))
    ));
    assert!(matches!(
        until(r#""SecondsPath": "$.s""#),
        WaitUntil::Seconds(Dynamic::Path(_))
    ));
    let time = until(r#""Timestamp": "1970-01-01T00:00:01Z""#);
    assert!(matches!(time, WaitUntil::Timestamp(Dynamic::Literal(time)) if time.0 == 1_000));
    assert!(matches!(
        until(r#""TimestampPath": "$.t""#),
        WaitUntil::Timestamp(Dynamic::Path(_))
    ));

    let StateKind::Fail(fail) = kind(r#""Type": "Fail", "Error": "E", "CausePath": "$$.c""#) else {
        panic!()
    };
    assert!(matches!(&fail.error, Some(TextSource::Text(text)) if &**text == "E"));
    let Some(TextSource::Reference(cause)) = &fail.cause else {
        panic!()
    };
    assert!(matches!(cause, Reference::Path(path) if &*path.text == "$$.c"));
}

#[test]
fn a_choice_keeps_the_order_of_its_rules() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Choice", "Default": "Y", "Choices": [
        {"Variable": "$.a", "IsNull": true, "Next": "Z"},
        {"Not": {"Variable": "$.a", "IsNull": true}, "Next": "Y"}]},
        "Y": {"Type": "Succeed"}, "Z": {"Type": "Fail"}}}"#;
    let mut program = program(text);
    let StateKind::Choice(choice) = program.states.swap_remove(0).kind else {
        panic!()
    };
    assert_eq!(choice.default, Some(StateIndex(1)));
    let next = choice
        .rules
        .iter()
        .map(|rule| rule.next)
        .collect::<Vec<_>>();
    assert_eq!(next, [StateIndex(2), StateIndex(1)]);
}

/// All bodies lie in one table, the outer before the inner.
#[test]
fn bodies_share_one_table() {
    let text = r#"{"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "M", "Branches": [
            {"StartAt": "B", "States": {
                "A": {"Type": "Succeed"}, "B": {"Type": "Pass", "Next": "A"}}},
            {"StartAt": "C", "States": {"C": {"Type": "Parallel", "End": true, "Branches": [
                {"StartAt": "E", "States": {"E": {"Type": "Fail"}}}]}}}]},
        "M": {"Type": "Map", "End": true, "MaxConcurrencyPath": "$.m", "Parameters": {"x": 1},
            "Iterator": {"StartAt": "D", "States": {"D": {"Type": "Pass", "End": true}}}}}}"#;
    let program = program(text);
    let names = program.states.iter().map(|state| &*state.name);
    assert_eq!(names.collect::<String>(), "PMABCDE");
    let branches = |index: u32| match &program.state(StateIndex(index)).unwrap().kind {
        StateKind::Parallel(parallel) => (parallel.branches.clone(), parallel.next),
        _ => panic!(),
    };
    let outer = vec![StateIndex(3), StateIndex(4)];
    assert_eq!(branches(0), (outer, Next::State(StateIndex(1))));
    assert_eq!(branches(4), (vec![StateIndex(6)], Next::End));
    let StateKind::Pass(pass) = &program.state(StateIndex(3)).unwrap().kind else {
        panic!()
    };
    assert_eq!(pass.next, Next::State(StateIndex(2)));
    let map = program.state(StateIndex(1)).unwrap();
    let (StateKind::Map(map), Flow::Paths(paths)) = (&map.kind, &map.flow) else {
        panic!()
    };
    assert_eq!((map.body, map.next), (StateIndex(5), Next::End));
    assert!(matches!(map.items, Items::Input));
    assert!(matches!(&map.max_concurrency, Some(Dynamic::Path(_))));
    // What was called Parameters is the item selector.
    assert!(map.item_selector.is_some() && paths.parameters.is_none());
}

#[test]
fn a_jsonata_state_keeps_its_expressions() {
    let task = r#""Type": "Task", "QueryLanguage": "JSONata", "Resource": "FUNCTION", "End": true,
        "Arguments": {"a": 1}, "TimeoutSeconds": "{% 2 %}", "HeartbeatSeconds": 1, "Assign": {},
        "Catch": [{"ErrorEquals": ["E"], "Next": "A", "Assign": {}, "Output": "{% 3 %}"}]"#;
    let state = state(task);
    let (StateKind::Task(task), Flow::Queries(queries)) = (&state.kind, &state.flow) else {
        panic!()
    };
    assert!(queries.arguments.is_some() && queries.assign.is_some() && queries.output.is_none());
    let Some(Dynamic::Query(timeout)) = &task.timeout else {
        panic!()
    };
    assert_eq!(
        (&*timeout.source, &*timeout.location),
        ("2", "TimeoutSeconds")
    );
    assert!(matches!(task.heartbeat, Some(Dynamic::Literal(1))));
    let [catcher] = task.recovery.catch.as_slice() else {
        panic!()
    };
    assert!(catcher.assign.is_some());
    let output = catcher
        .output
        .as_ref()
        .and_then(Template::as_query)
        .unwrap();
    assert_eq!(&*output.location, "Catch[0]/Output");
}

/// DescribeStateMachine's `variableReferences`, as recorded: states that read variables, the names
/// in order.
#[test]
fn states_name_the_variables_they_read() {
    let check = |state: &str, expected: &str| {
        let state = state.replace("FUNCTION", FUNCTION);
        let text = format!(
            r#"{{"StartAt": "A", "States": {{"A": {{{state}}}, "Z": {{"Type": "Succeed"}}}}}}"#
        );
        let compiled = compile(&text, MachineType::Standard, &TestCatalogue);
        let is_broken = |one: &&Diagnostic| !one.message.contains("not reachable");
        assert!(
            compiled.diagnostics.iter().find(is_broken).is_none(),
            "{state}"
        );
        let text = text.replace(r#""End": true"#, r#""Next": "Z""#);
        let found = program(&text).variable_references;
        let found = found
            .iter()
            .map(|(state, names)| format!("{state}: {}", names.join(" ")));
        assert_eq!(found.collect::<Vec<_>>().join("; "), expected, "{state}");
    };
    for (state, expected) in REFERENCES {
        check(state, expected);
    }
}

/// A state `A`, and who reads what.
const REFERENCES: &[(&str, &str)] = &[
    (r#""Type": "Pass", "End": true, "Assign": {"a": 1}"#, ""),
    (
        r#""Type": "Pass", "End": true, "InputPath": "$b.x", "OutputPath": "$a""#,
        "A: a b",
    ),
    (
        r#""Type": "Pass", "End": true, "Parameters": {"x": [{"y.$": "$b"}], "z.$": "$a[0]"}"#,
        "A: a b",
    ),
    (
        r#""Type": "Pass", "End": true, "Assign": {"a.$": "$a"}, "Parameters": {"b": "$b"}"#,
        "A: a",
    ),
    (
        r#""Type": "Task", "Resource": "FUNCTION", "End": true, "TimeoutSecondsPath": "$t",
           "HeartbeatSecondsPath": "$h.x", "Credentials": {"RoleArn.$": "$r"},
           "ResultSelector": {"s.$": "States.Format('{}', $s, States.Array($u))"},
           "Catch": [{"ErrorEquals": ["E"], "Next": "Z", "Assign": {"v.$": "$w"}}]"#,
        "A: h r s t u w",
    ),
    (
        r#""Type": "Choice", "Default": "Z", "Assign": {"x.$": "$d"}, "Choices": [
           {"And": [{"Variable": "$a", "StringEqualsPath": "$b"},
                    {"Not": {"Variable": "$$.c", "IsNull": true}}],
            "Next": "Z", "Assign": {"y.$": "$c"}}]"#,
        "A: a b c d",
    ),
    (
        r#""Type": "Wait", "End": true, "SecondsPath": "$s""#,
        "A: s",
    ),
    (
        r#""Type": "Wait", "End": true, "TimestampPath": "$s.t""#,
        "A: s",
    ),
    (
        r#""Type": "Map", "End": true, "ItemsPath": "$i", "MaxConcurrencyPath": "$m",
           "ItemSelector": {"x.$": "$s"}, "ItemProcessor": {"StartAt": "B", "States": {
             "B": {"Type": "Fail", "ErrorPath": "$e", "CausePath": "States.Format('{}', $c)"}}}"#,
        "A: i m s; B: c e",
    ),
    (
        r#""Type": "Parallel", "End": true, "Branches": [{"StartAt": "B", "States": {
             "B": {"Type": "Succeed", "InputPath": "$b"}}}], "Parameters": {"x.$": "$a"}"#,
        "A: a; B: b",
    ),
    (
        r#""Type": "Pass", "QueryLanguage": "JSONata", "End": true, "Assign": {"z": "$no"},
           "Output": ["{% $b + $a.c %}",
                      "{% ($l := $states.input; $map($l, function($v) {$v * $c})) %}"]"#,
        "A: a b c",
    ),
    (
        r#""Type": "Task", "QueryLanguage": "JSONata", "Resource": "FUNCTION", "End": true,
           "Arguments": "{% $a %}", "TimeoutSeconds": "{% $t %}", "HeartbeatSeconds": "{% $h %}",
           "Credentials": {"RoleArn": "{% $r %}"},
           "Catch": [{"ErrorEquals": ["E"], "Next": "Z", "Output": "{% $o %}"}]"#,
        "A: a h o r t",
    ),
    (
        r#""Type": "Choice", "QueryLanguage": "JSONata", "Default": "Z", "Choices": [
           {"Condition": "{% $c %}", "Next": "Z", "Output": "{% $o %}"},
           {"Condition": true, "Next": "Z"}]"#,
        "A: c o",
    ),
    (
        r#""Type": "Map", "QueryLanguage": "JSONata", "End": true, "Items": ["{% $i %}"],
           "MaxConcurrency": "{% $m %}", "ItemProcessor": {"StartAt": "B", "States": {
             "B": {"Type": "Fail", "QueryLanguage": "JSONata", "Error": "{% $e %}"}}}"#,
        "A: i m; B: e",
    ),
    (
        r#""Type": "Wait", "QueryLanguage": "JSONata", "End": true, "Timestamp": "{% $w %}""#,
        "A: w",
    ),
];

/// A megabyte of states that lead to one another.
#[test]
fn long_chains_are_compiled() {
    let mut text = String::from(r#"{"StartAt": "0", "States": {"#);
    for state in 0..20_000 {
        write!(
            text,
            r#""{state}": {{"Type": "Pass", "Next": "{}"}},"#,
            state + 1
        )
        .unwrap();
    }
    text.push_str(r#""20000": {"Type": "Succeed"}}}"#);
    assert_eq!(program(&text).states.len(), 20_001);
}

#[test]
fn diagnostics_are_bounded() {
    let mut text = String::from(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true"#);
    for field in 0..40_000 {
        write!(text, r#", "Field{field}": {{}}"#).unwrap();
    }
    text.push_str("}}}");
    let compiled = compile(&text, MachineType::Standard, &TestCatalogue);
    assert!(compiled.truncated && compiled.program.is_none());
    assert_eq!(
        compiled.diagnostics.len(),
        crate::definition::DIAGNOSTICS_MAX
    );
}

/// Errors have precedence over warnings, however many of these come first.
#[test]
fn warnings_never_crowd_out_errors() {
    let mut text = String::from(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"#);
    for field in 0..200 {
        write!(text, r#""f{field}.$": "$.x","#).unwrap();
    }
    text.push_str(r#""x": 1}}}}"#);
    let compiled = compile(&text, MachineType::Standard, &TestCatalogue);
    assert!(compiled.truncated && compiled.program.is_none());
    let first = compiled.diagnostics.first().unwrap();
    assert_eq!(first.severity.as_str(), "ERROR");
    assert_eq!(
        compiled.diagnostics.len(),
        crate::definition::DIAGNOSTICS_MAX
    );
}

/// Names are repeated in messages and locations, but not by the megabyte.
#[test]
fn texts_are_bounded() {
    let name = "n".repeat(500_000);
    let text =
        format!(r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Succeed", "{name}": 1}}}}}}"#);
    let compiled = compile(&text, MachineType::Standard, &TestCatalogue);
    assert!(
        compiled
            .diagnostics
            .iter()
            .all(|one| one.message.len() < 3_000)
    );
}

/// Whatever an expression of half a megabyte looks like: a program or a diagnostic, and no harm.
#[test]
fn hostile_expressions_are_harmless() {
    for (part, times) in [
        ("(", 300_000),
        ("[", 300_000),
        ("{'a':", 60_000),
        ("-", 300_000),
        ("1+", 150_000),
        ("$a.", 100_000),
        ("function($x){", 25_000),
        ("$f(", 100_000),
        ("1?", 150_000),
        ("$x:=", 75_000),
        ("a ", 100_000),
        ("[a,", 60_000),
        ("/a/.", 60_000),
    ] {
        let expression = part.repeat(times);
        let state =
            format!(r#"{{"Type": "Pass", "End": true, "Output": "{{% {expression}1 %}}"}}"#);
        let text = format!(
            r#"{{"QueryLanguage": "JSONata", "StartAt": "A", "States": {{"A": {state}}}}}"#
        );
        let compiled = compile(&text, MachineType::Standard, &TestCatalogue);
        let says_something = !compiled.diagnostics.is_empty();
        assert_eq!(compiled.program.is_none(), says_something, "{part}");
        let is_short = |one: &Diagnostic| one.message.len() < 3_000;
        assert!(compiled.diagnostics.iter().all(is_short), "{part}");
    }
}

/// Thousands of expressions below a name of half a megabyte don't repeat it.
#[test]
fn locations_of_expressions_are_bounded() {
    for expression in ["{%1%}", "{%1"] {
        let expressions = vec![format!("\"{expression}\""); 20_000].join(",");
        let state = format!(
            r#"{{"Type": "Pass", "End": true, "Output": {{"{}": [{expressions}]}}}}"#,
            "n".repeat(500_000)
        );
        let text = format!(
            r#"{{"QueryLanguage": "JSONata", "StartAt": "A", "States": {{"A": {state}}}}}"#
        );
        let compiled = compile(&text, MachineType::Standard, &TestCatalogue);
        assert_eq!(compiled.program.is_some(), expression == "{%1%}");
        assert!(
            compiled
                .diagnostics
                .iter()
                .all(|one| one.message.len() < 3_000)
        );
    }
}

fn nested(open: &str, close: &str, depth: usize, core: &str) -> String {
    format!("{}{core}{}", open.repeat(depth), close.repeat(depth))
}

/// A Pass state with one more field.
fn pass_with(field: &str, value: &str) -> String {
    let state = format!(r#"{{"Type": "Pass", "End": true, "{field}": {value}}}"#);
    format!(r#"{{"StartAt": "A", "States": {{"A": {state}}}}}"#)
}

/// A Choice state with one rule.
fn choice_not(condition: &str) -> String {
    let rule = format!(r#"{{"Not": {condition}, "Next": "Z"}}"#);
    let states = format!(r#""A": {{"Type": "Choice", "Choices": [{rule}]}}"#);
    format!(r#"{{"StartAt": "A", "States": {{{states}, "Z": {{"Type": "Succeed"}}}}}}"#)
}

#[test]
fn deep_nesting_is_harmless() {
    let leaf = r#"{"Variable": "$.a", "IsNull": true}"#;
    let ands = |depth| choice_not(&nested(r#"{"And": ["#, "]}", depth, leaf));
    let nots = |depth| choice_not(&nested(r#"{"Not":"#, "}", depth, leaf));
    let too_deep = vec![("TOO_DEEPLY_NESTED", Some("/States/A/Choices[0]".to_owned()))];
    assert!(codes(&ands(90)).is_empty());
    assert_eq!(codes(&ands(400)), too_deep);
    assert_eq!(codes(&nots(900)), too_deep);

    let result = nested("[", "]", 990, "1");
    assert!(codes(&pass_with("Result", &result)).is_empty());
    let parameters = nested(r#"{"a":["#, "]}", 490, r#"{"x.$": "$.x"}"#);
    assert!(codes(&pass_with("Parameters", &parameters)).is_empty());

    for text in ["[".repeat(100_000), nested(r#"{"a":"#, "}", 100_000, "1")] {
        let codes = codes(&text);
        assert!(matches!(
            codes.as_slice(),
            [("INVALID_JSON_DESCRIPTION", Some(_))]
        ));
    }
}

/// Parallels in one another, `depth` of them, around `core`, which ends the innermost `States`.
fn nested_parallels(depth: usize, core: &str) -> String {
    let mut text = String::from(r#"{"StartAt": "0", "States": {"#);
    for level in 0..depth {
        write!(
            text,
            r#""{level}": {{"Type": "Parallel", "End": true, "Assign": {{"v{level}": 1}},
                "Branches": [{{"StartAt": "{}", "States": {{"#,
            level + 1
        )
        .unwrap();
    }
    text.push_str(core);
    text + &"}}]}".repeat(depth) + "}}"
}

/// Bodies may nest as deep as JSON: what is compiled lies on no stack.
#[test]
fn deep_bodies_are_compiled() {
    let deep = nested_parallels(240, r#""240": {"Type": "Succeed"}"#);
    assert_eq!(program(&deep).states.len(), 241);
    let clash = nested_parallels(
        240,
        r#""240": {"Type": "Pass", "Assign": {"v0": 1}, "End": true}"#,
    );
    let compiled = compile(&clash, MachineType::Standard, &TestCatalogue);
    let [diagnostic] = compiled.diagnostics.as_slice() else {
        panic!("{:?}", compiled.diagnostics)
    };
    assert_eq!(
        diagnostic.message,
        "The variable 'v0' is already assigned in an outer scope"
    );
    assert!(diagnostic.span.is_some());
    let bottomless = nested_parallels(30_000, "");
    assert!(matches!(
        codes(&bottomless).as_slice(),
        [("INVALID_JSON_DESCRIPTION", Some(_))]
    ));
}

/// Thousands of branches, at the top and deep inside.
#[test]
fn many_branches_are_compiled() {
    for depth in [0, 200] {
        let branch = |n: usize| {
            format!(r#"{{"StartAt": "b{n}", "States": {{"b{n}": {{"Type": "Succeed"}}}}}}"#)
        };
        let branches = (0..10_000).map(branch).collect::<Vec<_>>().join(",");
        let core =
            format!(r#""{depth}": {{"Type": "Parallel", "End": true, "Branches": [{branches}]}}"#);
        let program = program(&nested_parallels(depth, &core));
        assert_eq!(program.states.len(), depth + 1 + 10_000);
    }
    let broken = vec![r#"{"StartAt": "x", "States": {"y": 1}}"#; 5_000].join(",");
    let core = format!(r#""200": {{"Type": "Parallel", "Branches": [{broken}]}}"#);
    let found = codes(&nested_parallels(200, &core));
    assert_eq!(found.len(), crate::definition::DIAGNOSTICS_MAX);
}

/// What is reported for each of many members must not repeat what stands above all of them.
#[test]
fn problems_below_a_long_or_deep_place_are_bounded() {
    let limit = crate::definition::DIAGNOSTICS_MAX;
    let members = (0..2_000).map(|n| format!(r#""{n}.$": 1"#));
    let members = members.collect::<Vec<_>>().join(",");
    let template = format!(r#"{{"{}": {{{members}}}}}"#, "k".repeat(50_000));
    let problems = crate::template::Template::compile(&json::parse(&template).unwrap());
    assert!(problems.unwrap_err().len() <= limit + 1);
    assert_eq!(codes(&pass_with("Parameters", &template)).len(), limit);

    let repeated = format!("{{{}}}", vec![r#""b": 1"#; 10_000].join(","));
    let result = nested(r#"{"a":"#, "}", 900, &repeated);
    assert!(json::parse_spanned(&result).unwrap().duplicates.len() <= 1_000);
    assert_eq!(codes(&pass_with("Result", &result)).len(), limit);

    let rule = r#"{"Variable": 1, "IsNull": 1}"#;
    let condition = format!(r#"{{"And": [{}]}}"#, vec![rule; 2_000].join(","));
    assert_eq!(codes(&choice_not(&condition)).len(), limit);
}
