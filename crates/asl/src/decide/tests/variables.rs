use super::{FUNCTION, Sim, check_end, check_story, start_of, states};
use crate::run::Status;

const SHOW: &str = r#""Z":{"Type":"Pass","Parameters":{"x.$":"$x"},"End":true}"#;

/// The value of `$x` after a state `A`, which goes on to `Z`.
fn check_x(fields: &str, input: &str, steps: &[&str], expected: &str) {
    let definition = states(&format!(r#""A":{{"Next":"Z",{fields}}},{SHOW}"#));
    let expected = format!(r#"ExecutionSucceeded {{"x":{expected}}}"#);
    check_end(&definition, input, steps, &expected);
}

#[test]
fn what_dollar_stands_for() {
    let assign = r#""Assign":{"x.$":"$"}"#;
    let check = |fields: &str, input: &str, steps: &[&str], expected: &str| {
        check_x(&format!("{fields},{assign}"), input, steps, expected);
    };
    check(r#""Type":"Pass""#, "1", &[], "1");
    check(
        r#""Type":"Pass","Result":{"a.$":1}"#,
        "1",
        &[],
        r#"{"a.$":1}"#,
    );
    check(
        r#""Type":"Pass","Parameters":{"b.$":"$"}"#,
        "1",
        &[],
        r#"{"b":1}"#,
    );
    check(
        r#""Type":"Wait","Seconds":0,"InputPath":"$.a""#,
        r#"{"a":2}"#,
        &[],
        "2",
    );
    let task = format!(r#""Type":"Task","Resource":"{FUNCTION}","ResultSelector":{{"s":1}}"#);
    check(&task, "1", &["ok 5"], "5");
    let body = r#"{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}"#;
    let parallel =
        format!(r#""Type":"Parallel","ResultSelector":{{"s":1}},"Branches":[{body},{body}]"#);
    check(&parallel.replacen("B\"", "C\"", 2), "1", &[], "[1,1]");
    let map = format!(r#""Type":"Map","ResultPath":null,"ItemProcessor":{body}"#);
    check(&map, "[4]", &[], "[4]");
}

#[test]
fn a_choice_assigns_by_its_rule_or_by_itself() {
    let definition = states(&format!(
        r#""A":{{"Type":"Choice","Assign":{{"x":"default"}},"Default":"Z","Choices":[
            {{"Variable":"$","NumericEquals":1,"Next":"Z","Assign":{{"x.$":"$"}}}},
            {{"Variable":"$","NumericEquals":2,"Next":"Z"}}]}},{SHOW}"#
    ));
    check_end(&definition, "1", &[], r#"ExecutionSucceeded {"x":1}"#);
    check_end(
        &definition,
        "3",
        &[],
        r#"ExecutionSucceeded {"x":"default"}"#,
    );
    let mut sim = Sim::started(&definition, "2");
    assert_eq!(sim.run.status, Status::Failed, "nothing was assigned");
    sim = Sim::started(&definition, "3");
    assert_eq!(
        sim.story()[2],
        r#"3<2 ChoiceStateExited 3 assigned {"x":"default"}"#
    );
}

#[test]
fn a_catcher_assigns_its_own() {
    let definition = states(&format!(
        r#""A":{{"Type":"Task","Resource":"{FUNCTION}","Next":"Z","Assign":{{"x":"result"}},
            "Catch":[{{"ErrorEquals":["E"],"Next":"Z","Assign":{{"x.$":"$.Cause"}}}}]}},{SHOW}"#
    ));
    check_end(
        &definition,
        "1",
        &["fail E why"],
        r#"ExecutionSucceeded {"x":"why"}"#,
    );
    check_end(
        &definition,
        "1",
        &["ok 1"],
        r#"ExecutionSucceeded {"x":"result"}"#,
    );
}

#[test]
fn a_state_sees_the_values_it_was_entered_with() {
    check_story(
        &states(
            r#""A":{"Type":"Pass","Assign":{"x":1,"y":2},"Next":"B"},
               "B":{"Type":"Pass","Parameters":{"x.$":"$x"},"Assign":{"x.$":"$y","y.$":"$x"},
                    "Next":"C"},
               "C":{"Type":"Pass","Parameters":{"x.$":"$x","y.$":"$y"},"End":true}"#,
        ),
        "0",
        &[],
        r#"
        2<0 PassStateEntered A 0
        3<2 PassStateExited 0 assigned {"x":1,"y":2}
        4<3 PassStateEntered B 0
        5<4 PassStateExited {"x":1} assigned {"x":2,"y":1}
        6<5 PassStateEntered C {"x":1}
        7<6 PassStateExited {"x":2,"y":1}
        8<7 ExecutionSucceeded {"x":2,"y":1}
        "#,
    );
}

#[test]
fn scopes() {
    let definition = states(
        r#""A":{"Type":"Pass","Assign":{"x":1},"Next":"M"},
           "M":{"Type":"Map","Next":"P","ItemProcessor":{"StartAt":"B","States":{
                "B":{"Type":"Pass","Assign":{"own.$":"$"},"Next":"C"},
                "C":{"Type":"Pass","End":true,"Parameters":{"x.$":"$x","own.$":"$own"}}}}},
           "P":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"D","States":{
                "D":{"Type":"Pass","Assign":{"own":7},"Next":"E"},
                "E":{"Type":"Pass","End":true,"Parameters":{"x.$":"$x","own.$":"$own"}}}}]}"#,
    );
    let sim = Sim::started(&definition, "[4,5]");
    let exits: Vec<String> = sim.story();
    let map = r#"MapStateExited [{"own":4,"x":1},{"own":5,"x":1}]"#;
    assert!(exits.iter().any(|line| line.ends_with(map)), "{exits:?}");
    let output = sim.run.end.unwrap().output.unwrap();
    assert_eq!(output.to_text(), r#"[{"own":7,"x":1}]"#);
    assert_eq!(sim.run.variables_bytes, 0);
}

#[test]
fn a_failed_attempt_leaves_no_variables() {
    let definition = states(&format!(
        r#""A":{{"Type":"Parallel","Next":"Z","Retry":[{{"ErrorEquals":["E"]}}],
            "Branches":[{{"StartAt":"B","States":{{
            "B":{{"Type":"Pass","Assign":{{"own":"12345"}},"Next":"T"}},
            "T":{{"Type":"Task","Resource":"{FUNCTION}","End":true}}}}}}]}},
           "Z":{{"Type":"Succeed"}}"#
    ));
    let mut sim = Sim::started(&definition, "0");
    assert_eq!(sim.run.variables_bytes, r#""own":"12345""#.len() as u64);
    sim.step("fail E").unwrap();
    assert_eq!(sim.run.variables_bytes, 0);
    sim.step("due").unwrap();
    sim.step("ok 1").unwrap();
    assert_eq!(sim.run.status, Status::Succeeded);
}

#[test]
fn a_variable_that_is_not_there() {
    let definition = states(
        r#""A":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"B"}],
                "Default":"C"},
           "B":{"Type":"Pass","Assign":{"x":1},"Next":"C"},
           "C":{"Type":"Pass","InputPath":"$x","End":true}"#,
    );
    check_end(&definition, "null", &[], "ExecutionSucceeded 1");
    let expected = "ExecutionFailed States.Runtime An error occurred while executing the state 'C' \
                    (entered at the event id #4). Invalid path '$x' : ";
    let sim = Sim::started(&definition, "0");
    let history = sim.history();
    assert!(history.last().unwrap().contains(expected), "{history:?}");
}

#[test]
fn how_much_may_be_assigned() {
    let loops = states(r#""A":{"Type":"Pass","Assign":{"x.$":"States.Array($, $)"},"End":true}"#);
    let exceeded = |input: usize| {
        let text = format!("\"{}\"", "x".repeat(input));
        let sim = Sim::started(&loops, &text);
        sim.run.status == Status::Failed
    };
    // [" ", ...]: each string twice, with quotes, a comma and brackets.
    assert!(!exceeded((262_144 - 7) / 2));
    assert!(exceeded((262_144 - 6) / 2 + 1));
    let two = states(
        r#""A":{"Type":"Pass","Assign":{"a.$":"$"},"Next":"B"},
           "B":{"Type":"Pass","Assign":{"b.$":"$"},"Next":"C"},
           "C":{"Type":"Pass","Assign":{"a.$":"$"},"Next":"D"},
           "D":{"Type":"Succeed"}"#,
    );
    for (bytes_max, expected) in [(24, Status::Succeeded), (23, Status::Failed)] {
        let mut start = start_of(r#""1234567""#);
        start.limits.variables_bytes_max = bytes_max + 3;
        let sim = Sim::started_with(&two, start);
        assert_eq!(sim.run.status, expected, "{bytes_max}");
    }
}

fn value_of(sim: &Sim) -> String {
    json::Value::from(sim.run.branches[0].variables.clone()).to_text()
}

/// Few or many at once, the variables of a scope keep their places, and new ones follow.
#[test]
fn variables_keep_their_places() {
    let names = |range: std::ops::Range<u32>, value: u32| {
        let members: Vec<_> = range.map(|n| format!(r#""v{n}":{value}"#)).collect();
        members.join(",")
    };
    for (first, second, expected) in [
        (0..3, 2..5, [names(0..2, 1), names(2..5, 2)]),
        (0..40, 30..60, [names(0..30, 1), names(30..60, 2)]),
        (0..40, 10..40, [names(0..10, 1), names(10..40, 2)]),
        (0..40, 39..44, [names(0..39, 1), names(39..44, 2)]),
        (0..40, 40..80, [names(0..40, 1), names(40..80, 2)]),
    ] {
        let (first, second) = (names(first, 1), names(second, 2));
        let definition = states(&format!(
            r#""A":{{"Type":"Pass","Assign":{{{first}}},"Next":"B"}},
               "B":{{"Type":"Pass","Assign":{{{second}}},"Next":"C"}},
               "C":{{"Type":"Wait","Seconds":1,"End":true}}"#
        ));
        let sim = Sim::started(&definition, "{}");
        let variables = value_of(&sim);
        assert_eq!(variables, format!("{{{}}}", expected.join(",")));
        let bytes = u64::try_from(variables.len()).unwrap() - 2;
        assert_eq!(sim.run.variables_bytes, bytes);
    }
}
