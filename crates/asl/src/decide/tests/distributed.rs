//! Distributed Maps: what comes before their Map Run, which this version does not start.

use super::{Sim, check_story};

/// A distributed Map `M`, with a catcher for whatever can be caught.
fn map(language: &str, fields: &str) -> String {
    format!(
        r#"{{"QueryLanguage":"{language}","StartAt":"M","States":{{"M":{{"Type":"Map","End":true,
            "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"C"}}],
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
                "StartAt":"A","States":{{"A":{{"Type":"Pass","End":true}}}}}}{fields}}},
            "C":{{"Type":"Pass","End":true}}}}}}"#
    )
}

/// How the execution fails after the Map has started.
#[track_caller]
fn check(fields: &str, input: &str, text: &str) {
    let sim = Sim::started(&map("JSONPath", fields), input);
    let expected = [
        "3<2 MapStateStarted".to_owned(),
        format!(
            "4<3 ExecutionFailed States.Runtime An error occurred while executing the state 'M' \
             (entered at the event id #2). {text}"
        ),
    ];
    assert_eq!(sim.history()[2..], expected, "{fields} {input}");
}

const NOT_RUN: &str = "This version of Lockstep does not run distributed Maps yet: no Map Run was \
                       started. Use the mode INLINE in the ProcessorConfig of the Map.";

#[test]
fn no_map_run_is_started() {
    check("", "[1,2]", NOT_RUN);
    check("", "[]", NOT_RUN);
    check(r#","ToleratedFailurePercentage":100"#, "[1]", NOT_RUN);
    let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2"}"#;
    check(reader, "1", NOT_RUN);
    check(
        &format!(r#"{reader},"ItemsPath":"$.missing""#),
        "{}",
        NOT_RUN,
    );
}

#[test]
fn the_tolerance_is_looked_at_after_the_start() {
    let count = r#","ItemsPath":"$.i","ToleratedFailureCountPath":"$.t""#;
    let percentage = r#","ItemsPath":"$.i","ToleratedFailurePercentagePath":"$.t""#;
    let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
        "ReaderConfig":{"InputType":"JSON","MaxItemsPath":"$.t"}}"#;
    let not = |field: &str, value: &str, kind: &str| {
        format!(
            "The {field}Path field refers to value \"{value}\" which is not a valid {kind}: $.t"
        )
    };
    let not_count = |value| not("ToleratedFailureCount", value, "integer");
    let not_float = |value| not("ToleratedFailurePercentage", value, "float");
    let not_max = |value| not("MaxItems", value, "integer");
    let range = || "ToleratedFailurePercentage must be between 0 and 100.".to_owned();
    let run = || NOT_RUN.to_owned();
    for (fields, value, text) in [
        (
            count,
            "-1",
            "ToleratedFailureCount cannot be negative.".to_owned(),
        ),
        (count, r#""NoNumber""#, not_count("NoNumber")),
        (count, "{}", not_count("{}")),
        (count, "1.5", not_count("1.5")),
        (count, r#""1""#, run()),
        (count, "0", run()),
        (percentage, "-1", range()),
        (percentage, "100.1", range()),
        (percentage, r#""NoNumber""#, not_float("NoNumber")),
        (percentage, "[]", not_float("[]")),
        (percentage, r#""1.5""#, run()),
        (percentage, r#""NaN""#, range()),
        (percentage, "0", run()),
        (percentage, "100", run()),
        (reader, r#""NoNumber""#, not_max("NoNumber")),
        // Refused when the reader reads.
        (reader, "-1", run()),
        (reader, "100000001", run()),
    ] {
        check(fields, &format!(r#"{{"i":[0],"t":{value}}}"#), &text);
    }
    let missing = "Invalid path '$.t' : No results for path: $['t']";
    check(count, r#"{"i":[0]}"#, missing);
}

#[test]
fn what_can_be_seen_before_the_start_fails_then() {
    let check = |fields: &str, input: &str, text: &str| {
        let sim = Sim::started(&map("JSONPath", fields), input);
        let expected = format!(
            "3<2 ExecutionFailed States.Runtime An error occurred while executing the state 'M' \
             (entered at the event id #2). {text}"
        );
        assert_eq!(sim.history().last(), Some(&expected));
    };
    check("", "1", r#"Reference path "$" must point to array."#);
    let path = r#","MaxConcurrencyPath":"$.x""#;
    let text = "Expected non-negative integer for MaxConcurrency, got '-1' instead.";
    check(path, r#"{"x":-1}"#, text);
}

#[test]
fn expressions_of_the_tolerance_can_be_caught() {
    let story = |value: &str, problem: &str| {
        let text = format!(
            "An error occurred while executing the state 'M' (entered at the event id #2). The \
             JSONata expression '{value}' specified for the field 'ToleratedFailurePercentage' \
             returned an unexpected result{problem}"
        );
        check_story(
            &map(
                "JSONata",
                &format!(r#","ToleratedFailurePercentage":"{{% {value} %}}""#),
            ),
            "[1]",
            &[],
            &format!(
                r#"
                2<0 MapStateEntered M [1]
                3<2 MapStateStarted
                4<3 EvaluationFailed ToleratedFailurePercentage {text}
                5<4 MapStateFailed
                6<5 MapStateExited {{"Error":"States.QueryEvaluationError","Cause":"{text}"}}
                7<6 PassStateEntered C {{"Error":"States.QueryEvaluationError","Cause":"{text}"}}
                8<7 PassStateExited {{"Error":"States.QueryEvaluationError","Cause":"{text}"}}
                9<8 ExecutionSucceeded {{"Error":"States.QueryEvaluationError","Cause":"{text}"}}
                "#
            ),
        );
    };
    story("101", ". Expected a number from 0 to 100, but was 101.");
    story(
        "true",
        " type. Expected 'number', but was 'boolean' for value: true",
    );
}

#[test]
fn below_a_parallel_it_ends_the_whole_execution() {
    let inner = map("JSONPath", "");
    let definition = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,
            "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"Z"}}],"Branches":[{inner}]}},
            "Z":{{"Type":"Succeed"}}}}}}"#
    )
    .replace(r#""QueryLanguage":"JSONPath","#, "");
    let sim = Sim::started(&definition, "[1]");
    let last = sim.history().last().cloned().unwrap_or_default();
    assert!(last.contains("ExecutionFailed States.Runtime"), "{last}");
    assert!(last.ends_with(NOT_RUN), "{last}");
}

/// Its items are not iterated within the execution, not after a redrive either.
#[test]
fn a_redrive_attempts_it_anew() {
    let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2"}"#;
    for fields in ["", reader] {
        let mut sim = Sim::started(&map("JSONPath", fields), "[1,2]");
        sim.step("redrive").unwrap();
        let types = sim.history().into_iter().skip(4);
        let types: Vec<_> = types
            .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            types,
            [
                "5<4 ExecutionRedriven",
                "6<5 MapStateStarted",
                "7<6 ExecutionFailed"
            ]
        );
    }
}
