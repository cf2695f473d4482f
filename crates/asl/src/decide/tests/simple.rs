use super::{Sim, check, check_end, one, states};
use crate::run::Status;
use crate::time::Timestamp;

/// The text before each cause of a state `A` that is entered first.
const IN_A: &str = "An error occurred while executing the state 'A' (entered at the event id #2). ";

fn check_runtime(definition: &str, input: &str, steps: &[&str], text: &str) {
    let expected = format!("ExecutionFailed States.Runtime {IN_A}{text}");
    check_end(definition, input, steps, &expected);
}

#[test]
fn pass() {
    check(
        &one(r#""Type":"Pass""#),
        r#"{"a":1}"#,
        &[],
        &[
            "2<0 PassStateEntered",
            r#"3<2 PassStateExited {"a":1}"#,
            r#"4<3 ExecutionSucceeded {"a":1}"#,
        ],
    );
}

#[test]
fn pass_to_pass() {
    check(
        &states(r#""A":{"Type":"Pass","Result":1.0,"Next":"B"},"B":{"Type":"Pass","End":true}"#),
        "{}",
        &[],
        &[
            "2<0 PassStateEntered",
            "3<2 PassStateExited 1.0",
            "4<3 PassStateEntered",
            "5<4 PassStateExited 1.0",
            "6<5 ExecutionSucceeded 1.0",
        ],
    );
}

const CHOICE: &str = r#""A":{"Type":"Choice","Choices":[
    {"Variable":"$.n","NumericEquals":1,"Next":"B"},
    {"Variable":"$.n","NumericGreaterThan":0,"Next":"C"}]DEFAULT},
    "B":{"Type":"Succeed"},"C":{"Type":"Pass","End":true}"#;

#[test]
fn choice() {
    let plain = states(&CHOICE.replace("DEFAULT", ""));
    check(
        &plain,
        r#"{"n":1}"#,
        &[],
        &[
            "2<0 ChoiceStateEntered",
            r#"3<2 ChoiceStateExited {"n":1}"#,
            "4<3 SucceedStateEntered",
            r#"5<4 SucceedStateExited {"n":1}"#,
            r#"6<5 ExecutionSucceeded {"n":1}"#,
        ],
    );
    let nothing = "Failed to transition out of the state. The state does not point to a next \
                   state.";
    check(
        &plain,
        r#"{"n":0}"#,
        &[],
        &[
            "2<0 ChoiceStateEntered",
            &format!("3<2 ExecutionFailed States.Runtime {IN_A}{nothing}"),
        ],
    );
    let with_default = states(&CHOICE.replace("DEFAULT", r#","Default":"C""#));
    check(
        &with_default,
        r#"{"n":0}"#,
        &[],
        &[
            "2<0 ChoiceStateEntered",
            r#"3<2 ChoiceStateExited {"n":0}"#,
            "4<3 PassStateEntered",
            r#"5<4 PassStateExited {"n":0}"#,
            r#"6<5 ExecutionSucceeded {"n":0}"#,
        ],
    );
    let text = "Invalid path '$.n': The choice state's condition path references an invalid value.";
    check_runtime(&plain, "{}", &[], text);
}

#[test]
fn wait() {
    let definition = one(r#""Type":"Wait","Seconds":10"#);
    let mut sim = Sim::started(&definition, r#"{"a":1}"#);
    assert_eq!(
        sim.history(),
        ["1<0 ExecutionStarted", "2<0 WaitStateEntered"]
    );
    assert_eq!(sim.run.deadline(), Some(sim.now.plus_seconds(10)));
    sim.step("due").unwrap();
    assert_eq!(
        sim.history()[2..],
        [
            r#"3<2 WaitStateExited {"a":1}"#,
            r#"4<3 ExecutionSucceeded {"a":1}"#
        ]
    );
    assert_eq!(sim.run.deadline(), None);
}

#[test]
fn wait_until_an_instant() {
    let at = Timestamp(1_700_000_000_000).plus_seconds(3);
    let literal = one(&format!(r#""Type":"Wait","Timestamp":"{at}""#));
    assert_eq!(Sim::started(&literal, "{}").run.deadline(), Some(at));
    let path = one(r#""Type":"Wait","TimestampPath":"$.at""#);
    assert_eq!(
        Sim::started(&path, &format!(r#"{{"at":"{at}"}}"#))
            .run
            .deadline(),
        Some(at)
    );
    let past = one(r#""Type":"Wait","Timestamp":"2001-02-03T04:05:06Z""#);
    check(
        &past,
        "{}",
        &[],
        &[
            "2<0 WaitStateEntered",
            "3<2 WaitStateExited {}",
            "4<3 ExecutionSucceeded {}",
        ],
    );
    check_end(
        &one(r#""Type":"Wait","Seconds":0"#),
        "{}",
        &[],
        "ExecutionSucceeded {}",
    );
}

#[test]
fn wait_refuses() {
    let seconds = one(r#""Type":"Wait","SecondsPath":"$.x""#);
    for (input, text) in [
        (r#"{"x":-1}"#, "references a negative value: $.x == -1"),
        (
            r#"{"x":1.5}"#,
            "cannot be parsed as a long value: $.x == 1.5",
        ),
        (
            r#"{"x":1e99}"#,
            "cannot be parsed as a long value: $.x == 1e99",
        ),
        ("{}", "does not reference an input value: $.x"),
    ] {
        check_runtime(
            &seconds,
            input,
            &[],
            &format!("The SecondsPath parameter {text}"),
        );
    }
    check_runtime(
        &seconds,
        r#"{"x":2147483648}"#,
        &[],
        "Wait state delay is too long.",
    );
    assert!(
        Sim::started(&seconds, r#"{"x":2147483647}"#)
            .run
            .deadline()
            .is_some()
    );
    let timestamp = one(r#""Type":"Wait","TimestampPath":"$.p""#);
    let format = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
                  date-time format string: $.p == ";
    check_runtime(
        &timestamp,
        r#"{"p":"2016-12-05 21:29:29Z"}"#,
        &[],
        &format!("{format}2016-12-05 21:29:29Z"),
    );
    check_runtime(&timestamp, r#"{"p":17}"#, &[], &format!("{format}17"));
    let missing = "The TimestampPath parameter does not reference an input value: $.p";
    check_runtime(&timestamp, "{}", &[], missing);
}

#[test]
fn fail() {
    for (fields, expected) in [
        (r#""Error":"E","Cause":"C""#, "E C"),
        (r#""Error":"E""#, "E -"),
        (r#""Cause":"C""#, "- C"),
        ("", "- -"),
        (r#""ErrorPath":"$.e","CausePath":"$.c""#, "ee cc"),
        (r#""ErrorPath":"$$.State.Name""#, "A -"),
    ] {
        let comma = if fields.is_empty() { "" } else { "," };
        check(
            &states(&format!(r#""A":{{"Type":"Fail"{comma}{fields}}}"#)),
            r#"{"e":"ee","c":"cc"}"#,
            &[],
            &[
                "2<0 FailStateEntered",
                &format!("3<2 ExecutionFailed {expected}"),
            ],
        );
    }
    let paths = states(r#""A":{"Type":"Fail","ErrorPath":"$.e","CausePath":"$.c"}"#);
    let text = "The JSONPath '$.c' specified for the field 'CausePath' could not be found in the \
                input '{\"e\":\"x\"}'";
    check_runtime(&paths, r#"{"e":"x"}"#, &[], text);
    let text = "The ErrorPath field refers to value 1 which is not a valid string: $.e";
    check_runtime(&paths, r#"{"e":1,"c":"x"}"#, &[], text);
}

#[test]
fn paths_that_find_nothing() {
    for (field, text) in [
        (
            r#""InputPath":"$.x""#,
            "Invalid path '$.x' : No results for path: $['x']",
        ),
        (
            r#""OutputPath":"$.x""#,
            "Invalid path '$.x' : No results for path: $['x']",
        ),
        (
            r#""OutputPath":"$.no.such.path""#,
            "Invalid path '$.no.such.path' : Missing property in path $['no']",
        ),
        (
            r#""Parameters":{"o":{"k.$":"$.x"}}"#,
            "The JSONPath '$.x' specified for the field 'k.$' could not be found in the input \
             '{\"a\":1}'",
        ),
    ] {
        check(
            &one(&format!(r#""Type":"Pass",{field}"#)),
            r#"{"a":1}"#,
            &[],
            &[
                "2<0 PassStateEntered",
                &format!("3<2 ExecutionFailed States.Runtime {IN_A}{text}"),
            ],
        );
    }
}

#[test]
fn the_prefix_names_the_state_at_fault() {
    let definition =
        states(r#""A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed","InputPath":"$.x"}"#);
    let text = "An error occurred while executing the state 'B' (entered at the event id #4). \
                Invalid path '$.x' : No results for path: $['x']";
    check_end(
        &definition,
        "{}",
        &[],
        &format!("ExecutionFailed States.Runtime {text}"),
    );
}

#[test]
fn stop() {
    for (step, expected) in [("stop E C", "E C"), ("stop - -", "- -")] {
        let mut sim = Sim::started(&one(r#""Type":"Wait","Seconds":10"#), "{}");
        sim.step(step).unwrap();
        let aborted = format!("3<0 ExecutionAborted {expected}");
        assert_eq!(
            sim.history()[1..],
            ["2<0 WaitStateEntered".to_owned(), aborted]
        );
        assert_eq!(sim.run.status, Status::Aborted);
        assert_eq!(sim.run.end.as_ref().unwrap().at, sim.now);
    }
}

#[test]
fn machine_timeout() {
    let definition = r#"{"TimeoutSeconds":5,"StartAt":"A","States":{
        "A":{"Type":"Wait","Seconds":10,"End":true}}}"#;
    let mut sim = Sim::started(definition, "{}");
    let begun = sim.now;
    assert_eq!(sim.run.deadline(), Some(begun.plus_seconds(5)));
    sim.now = begun.plus_ms(5_250);
    sim.send(super::Input::DeadlineReached).unwrap();
    assert_eq!(
        sim.history()[1..],
        [
            "2<0 WaitStateEntered",
            "3<0 ExecutionTimedOut States.Timeout -"
        ]
    );
    let end = sim.run.end.unwrap();
    assert_eq!(
        end.at,
        begun.plus_seconds(5),
        "the stop date is the deadline"
    );
    assert_eq!(
        (end.failure.error, end.failure.cause, end.output),
        (None, None, None)
    );
    assert_eq!(sim.run.status, Status::TimedOut);
}
