use super::{FUNCTION, Sim, check_end, check_story, start_of};
use crate::decide::Effect;
use crate::run::Status;

/// A Map `M` over the states given, of which `A` is the first, that ends the execution.
fn map(fields: &str, states: &str) -> String {
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,
            "ItemProcessor":{{"StartAt":"A","States":{{{states}}}}}{fields}}}}}}}"#
    )
}

/// Like [`map`], with a catcher that leads to `C`.
fn caught(fields: &str, states: &str) -> String {
    let catch = r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}]"#;
    let mut definition = map(&format!("{catch}{fields}"), states);
    definition.truncate(definition.len() - 2);
    definition + r#","C":{"Type":"Pass","End":true}}}"#
}

const PASS: &str = r#""A":{"Type":"Pass","End":true}"#;

fn task(fields: &str) -> String {
    format!(r#""A":{{"Type":"Task","Resource":"{FUNCTION}","End":true{fields}}}"#)
}

#[test]
fn all_iterations_begin_before_the_first_enters() {
    check_story(
        &map("", PASS),
        "[1,2,3]",
        &[],
        "
        2<0 MapStateEntered M [1,2,3]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<3 MapIterationStarted 1
        6<3 MapIterationStarted 2
        7<4 PassStateEntered A 1
        8<7 PassStateExited 1
        9<8 MapIterationSucceeded 0
        10<5 PassStateEntered A 2
        11<10 PassStateExited 2
        12<11 MapIterationSucceeded 1
        13<6 PassStateEntered A 3
        14<13 PassStateExited 3
        15<14 MapIterationSucceeded 2
        16<15 MapStateSucceeded
        17<15 MapStateExited [1,2,3]
        18<17 ExecutionSucceeded [1,2,3]
        ",
    );
}

#[test]
fn the_next_iteration_follows_the_last_state_of_the_one_that_ended() {
    check_story(
        &map(r#","MaxConcurrency":1"#, PASS),
        "[1,2]",
        &[],
        "
        2<0 MapStateEntered M [1,2]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<4 PassStateEntered A 1
        6<5 PassStateExited 1
        7<6 MapIterationSucceeded 0
        8<6 MapIterationStarted 1
        9<8 PassStateEntered A 2
        10<9 PassStateExited 2
        11<10 MapIterationSucceeded 1
        12<11 MapStateSucceeded
        13<11 MapStateExited [1,2]
        14<13 ExecutionSucceeded [1,2]
        ",
    );
}

#[test]
fn two_at_a_time() {
    check_story(
        &map(r#","MaxConcurrency":2"#, &task("")),
        "[1,2,3]",
        &["ok@A/1 5", "ok@A/2 6", "ok@A/0 4"],
        "
        2<0 MapStateEntered M [1,2,3]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<3 MapIterationStarted 1
        6<4 TaskStateEntered A 1
        7<6 LambdaFunctionScheduled 1
        8<7 LambdaFunctionStarted
        9<5 TaskStateEntered A 2
        10<9 LambdaFunctionScheduled 2
        11<10 LambdaFunctionStarted
        12<11 LambdaFunctionSucceeded 5
        13<12 TaskStateExited 5
        14<13 MapIterationSucceeded 1
        15<13 MapIterationStarted 2
        16<15 TaskStateEntered A 3
        17<16 LambdaFunctionScheduled 3
        18<17 LambdaFunctionStarted
        19<18 LambdaFunctionSucceeded 6
        20<19 TaskStateExited 6
        21<20 MapIterationSucceeded 2
        22<8 LambdaFunctionSucceeded 4
        23<22 TaskStateExited 4
        24<23 MapIterationSucceeded 0
        25<24 MapStateSucceeded
        26<24 MapStateExited [4,5,6]
        27<26 ExecutionSucceeded [4,5,6]
        ",
    );
}

#[test]
fn a_successor_waits_behind_its_siblings() {
    let sim = check_story(
        &map(r#","MaxConcurrency":2,"ResultPath":null"#, PASS),
        "[1,2,3]",
        &[],
        "
        2<0 MapStateEntered M [1,2,3]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<3 MapIterationStarted 1
        6<4 PassStateEntered A 1
        7<6 PassStateExited 1
        8<7 MapIterationSucceeded 0
        9<7 MapIterationStarted 2
        10<5 PassStateEntered A 2
        11<10 PassStateExited 2
        12<11 MapIterationSucceeded 1
        13<9 PassStateEntered A 3
        14<13 PassStateExited 3
        15<14 MapIterationSucceeded 2
        16<15 MapStateSucceeded
        17<15 MapStateExited [1,2,3]
        18<17 ExecutionSucceeded [1,2,3]
        ",
    );
    assert_eq!(sim.run.last_branch, 3);
}

#[test]
fn no_items() {
    for (input, output) in [("[]", "[]"), ("{}", "[]")] {
        check_story(
            &map("", PASS),
            input,
            &[],
            &format!(
                "
                2<0 MapStateEntered M {input}
                3<2 MapStateStarted
                4<3 MapStateSucceeded
                5<3 MapStateExited {output}
                6<5 ExecutionSucceeded {output}
                "
            ),
        );
    }
}

#[test]
fn items_and_their_selector() {
    let selector = r#","ItemsPath":"$.items","ItemSelector":{"n.$":"$.n",
        "i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","all.$":"$$.Map.Item"}"#;
    let check = |input: &str, states: &str, output: &str| {
        let expected = format!("ExecutionSucceeded {output}");
        check_end(&map(selector, states), input, &[], &expected);
    };
    check(
        r#"{"n":7,"items":["x"]}"#,
        PASS,
        r#"[{"all":{"Index":0,"Value":"x","Source":"STATE_DATA"},"v":"x","i":0,"n":7}]"#,
    );
    check(
        r#"{"n":7,"items":{"k":"x"}}"#,
        PASS,
        concat!(
            r#"[{"all":{"Index":0,"Value":"x","Key":"k","Source":"STATE_DATA"},"#,
            r#""v":"x","i":0,"n":7}]"#
        ),
    );
    // The states of an iteration see its item too.
    let item = r#""A":{"Type":"Pass","InputPath":"$$.Map.Item.Index","End":true}"#;
    check(r#"{"n":7,"items":[4,5]}"#, item, "[0,1]");
    let key = r#""A":{"Type":"Pass","InputPath":"$$.Map.Item.Key","End":true}"#;
    check(r#"{"n":7,"items":{"a":4,"b":5}}"#, key, r#"["a","b"]"#);
    // Without a selector the input is the value.
    let expected = r#"ExecutionSucceeded [4,5]"#;
    check_end(&map("", PASS), r#"{"a":4,"b":5}"#, &[], expected);
    // The old name of ItemSelector.
    let old = r#","Parameters":{"v.$":"$$.Map.Item.Value"}"#;
    let expected = r#"ExecutionSucceeded [{"v":4}]"#;
    check_end(&map(old, PASS), "[4]", &[], expected);
}

#[test]
fn what_cannot_be_iterated() {
    let check = |fields: &str, input: &str, text: &str| {
        let text = format!(
            "3<2 ExecutionFailed States.Runtime An error occurred while executing the state 'M' \
             (entered at the event id #2). {text}"
        );
        let sim = Sim::started(&map(fields, PASS), input);
        assert_eq!(sim.history().last().unwrap(), &text);
    };
    let not_array = r#"Reference path "$" must point to array."#;
    check("", "1", not_array);
    check("", "null", not_array);
    let not_array = r#"Reference path "$.x" must point to array."#;
    check(r#","ItemsPath":"$.x""#, r#"{"x":"y"}"#, not_array);
    let missing = "Invalid path '$.x' : No results for path: $['x']";
    check(r#","ItemsPath":"$.x""#, "{}", missing);
    check(r#","MaxConcurrencyPath":"$.x""#, "{}", missing);
    let path = r#","ItemsPath":"$.i","MaxConcurrencyPath":"$.x""#;
    for (limit, text) in [
        (
            r#""many""#,
            concat!(
                r#"The MaxConcurrencyPath field refers to value "many" which is not a valid "#,
                "integer: $.x"
            ),
        ),
        (
            "1.5",
            "The MaxConcurrencyPath field refers to value \"1.5\" which is not a valid integer: $.x",
        ),
        (
            "-1",
            "Expected non-negative integer for MaxConcurrency, got '-1' instead.",
        ),
    ] {
        check(path, &format!(r#"{{"i":[],"x":{limit}}}"#), text);
    }
}

#[test]
fn how_many_at_a_time() {
    let live = |fields: &str, limit: &str, map_concurrency_max: u32| {
        let items = vec!["0"; 60].join(",");
        let mut start = start_of(&format!(r#"{{"i":[{items}],"x":{limit}}}"#));
        start.limits.map_concurrency_max = map_concurrency_max;
        let fields = format!(r#","ItemsPath":"$.i"{fields}"#);
        let sim = Sim::started_with(&map(&fields, &task("")), start);
        sim.run.branches.len() - 1
    };
    let path = r#","MaxConcurrencyPath":"$.x""#;
    assert_eq!(live("", "0", 40), 40);
    assert_eq!(live(r#","MaxConcurrency":0"#, "0", 40), 40);
    assert_eq!(live(r#","MaxConcurrency":50"#, "0", 40), 40);
    assert_eq!(live(r#","MaxConcurrency":50"#, "0", 1_000), 50);
    assert_eq!(live(r#","MaxConcurrency":3"#, "0", 40), 3);
    assert_eq!(live(path, "5", 40), 5);
    assert_eq!(live(path, r#""5""#, 40), 5);
    assert_eq!(live(path, "0", 40), 40);
}

const FAIL: &str = r#""A":{"Type":"Fail","Error":"E","Cause":"why"}"#;

#[test]
fn an_iteration_fails() {
    check_story(
        &map("", FAIL),
        "[1]",
        &[],
        "
        2<0 MapStateEntered M [1]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<4 FailStateEntered A 1
        6<5 MapIterationFailed 0
        7<5 MapStateFailed
        8<7 ExecutionFailed E why
        ",
    );
    check_story(
        &caught("", FAIL),
        "[1]",
        &[],
        r#"
        2<0 MapStateEntered M [1]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<4 FailStateEntered A 1
        6<5 MapIterationFailed 0
        7<5 MapStateFailed
        8<7 MapStateExited {"Error":"E","Cause":"why"}
        9<8 PassStateEntered C {"Error":"E","Cause":"why"}
        10<9 PassStateExited {"Error":"E","Cause":"why"}
        11<10 ExecutionSucceeded {"Error":"E","Cause":"why"}
        "#,
    );
    check_story(
        &map(r#","Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}]"#, FAIL),
        "[1]",
        &["due"],
        "
        2<0 MapStateEntered M [1]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<4 FailStateEntered A 1
        6<5 MapIterationFailed 0
        7<5 MapStateStarted
        8<7 MapIterationStarted 0
        9<8 FailStateEntered A 1
        10<9 MapIterationFailed 0
        11<9 MapStateFailed
        12<11 ExecutionFailed E why
        ",
    );
}

#[test]
fn a_failure_cuts_the_other_iterations() {
    let sim = check_story(
        &map("", &task(r#","TimeoutSeconds":5"#)),
        "[0,1,2]",
        &["fail@A/1 E"],
        "
        2<0 MapStateEntered M [0,1,2]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<3 MapIterationStarted 1
        6<3 MapIterationStarted 2
        7<4 TaskStateEntered A 0
        8<7 LambdaFunctionScheduled 0
        9<8 LambdaFunctionStarted
        10<5 TaskStateEntered A 1
        11<10 LambdaFunctionScheduled 1
        12<11 LambdaFunctionStarted
        13<6 TaskStateEntered A 2
        14<13 LambdaFunctionScheduled 2
        15<14 LambdaFunctionStarted
        16<12 LambdaFunctionFailed E -
        17<16 MapIterationAborted 0
        18<16 TaskStateAborted
        19<16 MapIterationFailed 1
        20<16 TaskStateAborted
        21<16 MapIterationAborted 2
        22<16 TaskStateAborted
        23<16 MapStateFailed
        24<23 ExecutionFailed E -
        ",
    );
    let abandoned = [8, 14].map(|attempt| Effect::Abandon { attempt });
    assert_eq!(sim.effects[3..], abandoned);
}

#[test]
fn nothing_catches_a_runtime_error() {
    check_story(
        &caught("", r#""A":{"Type":"Pass","InputPath":"$.x","End":true}"#),
        "[{}]",
        &[],
        "
        2<0 MapStateEntered M [{}]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<4 PassStateEntered A {}
        6<5 ExecutionFailed States.Runtime An error occurred while executing the state 'A' \
        (entered at the event id #5). Invalid path '$.x' : No results for path: $['x']
        ",
    );
    check_story(
        &caught(r#","ItemSelector":{"x.$":"$.x"}"#, PASS),
        "[1]",
        &[],
        "
        2<0 MapStateEntered M [1]
        3<2 MapStateStarted
        4<3 ExecutionFailed States.Runtime An error occurred while executing the state 'M' \
        (entered at the event id #2). The JSONPath '$.x' specified for the field 'x.$' could not \
        be found in the input '[1]'
        ",
    );
}

#[test]
fn results_too_large_for_a_payload() {
    let result = "x".repeat(150_000);
    let states = format!(r#""A":{{"Type":"Pass","Result":"{result}","End":true}}"#);
    let mut sim = Sim::started(&map("", &states), "[1,2,3]");
    assert_eq!(sim.run.status, Status::Failed);
    let story = sim.story();
    assert_eq!(story[story.len() - 2], "16<15 MapStateFailed");
    sim = Sim::started(&caught("", &states), "[1,2,3]");
    assert_eq!(sim.run.status, Status::Succeeded);
}

#[test]
fn retries_are_counted() {
    let states = r#""A":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":2,
            "Next":"B"}],"Default":"F"},"F":{"Type":"Fail","Error":"E"},"B":{"Type":"Succeed"}"#;
    let fields = r#","ItemsPath":"$.i","ItemSelector":{"n.$":"$$.State.RetryCount"},
        "Retry":[{"ErrorEquals":["E"],"MaxAttempts":2}]"#;
    let expected = r#"ExecutionSucceeded [{"n":2}]"#;
    check_end(
        &map(fields, states),
        r#"{"i":[0]}"#,
        &["due", "due"],
        expected,
    );
}

/// Thousands of iterations, forty at a time, over many decisions.
#[test]
fn many_iterations() {
    let items: Vec<String> = (0..5_000).map(|item| item.to_string()).collect();
    let items = format!("[{}]", items.join(","));
    let mut sim = Sim::started(&map("", PASS), &items);
    let mut threads_max = 0;
    while sim.run.is_yielded() {
        threads_max = threads_max.max(sim.run.branches.len());
        sim.step("continue").unwrap();
    }
    assert_eq!(threads_max, 41);
    assert_eq!(sim.run.end.unwrap().output.unwrap().to_text(), items);
}

/// A thousand waits are over at once: no decision takes more than its share.
#[test]
fn many_deadlines_at_once() {
    let items = format!("[{}]", vec!["0"; 1_200].join(","));
    let mut start = start_of(&items);
    start.limits.map_concurrency_max = 1_200;
    let wait = r#""A":{"Type":"Wait","Seconds":9,"End":true}"#;
    let mut sim = Sim::started_with(&map("", wait), start);
    while sim.run.is_yielded() {
        sim.step("continue").unwrap();
    }
    let mut decisions = 0;
    while sim.run.end.is_none() {
        sim.step("due").unwrap();
        decisions += 1;
    }
    assert_eq!((decisions, sim.run.status), (3, Status::Succeeded));
}

#[test]
fn the_history_fills_up() {
    let mut start = start_of("[1,2,3]");
    start.limits.history_events_max = 12;
    let sim = Sim::started_with(&map("", PASS), start);
    assert_eq!(
        sim.history().last().unwrap(),
        concat!(
            "12<11 ExecutionFailed States.Runtime ",
            "The execution reached the maximum number of history events (12)."
        )
    );
    assert!(sim.run.branches.is_empty());
}
