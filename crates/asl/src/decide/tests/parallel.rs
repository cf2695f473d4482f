use super::{FUNCTION, Sim, check_end, check_story, start_of};
use crate::decide::{Effect, Input};
use crate::event::EventKind;
use crate::run::Status;

/// A Parallel `P` that goes on to `Z`, or catches to `C`. Each branch is its states, of which
/// the first is named before the colon.
fn parallel(fields: &str, branches: &[(&str, &str)]) -> String {
    let branches: Vec<String> = branches
        .iter()
        .map(|(start, states)| format!(r#"{{"StartAt":"{start}","States":{{{states}}}}}"#))
        .collect();
    format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","Next":"Z","Branches":[{}]{fields}}},
            "C":{{"Type":"Pass","End":true}},"Z":{{"Type":"Succeed"}}}}}}"#,
        branches.join(",")
    )
}

/// Like [`parallel`] without the state `C`, which nothing leads to.
fn plain(fields: &str, branches: &[(&str, &str)]) -> String {
    parallel(fields, branches).replace(r#""C":{"Type":"Pass","End":true},"#, "")
}

fn task(name: &str, fields: &str) -> String {
    format!(r#""{name}":{{"Type":"Task","Resource":"{FUNCTION}","End":true{fields}}}"#)
}

const CATCH: &str = r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}]"#;
const RETRY: &str = r#","Retry":[{"ErrorEquals":["E"],"MaxAttempts":2}]"#;

#[test]
fn branches_run_in_order() {
    check_story(
        &plain(
            "",
            &[
                ("A", r#""A":{"Type":"Pass","Result":1,"End":true}"#),
                (
                    "B",
                    r#""B":{"Type":"Pass","Next":"D"},"D":{"Type":"Pass","End":true}"#,
                ),
            ],
        ),
        "0",
        &[],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 PassStateEntered A 0
        5<4 PassStateExited 1
        6<3 PassStateEntered B 0
        7<6 PassStateExited 0
        8<7 PassStateEntered D 0
        9<8 PassStateExited 0
        10<9 ParallelStateSucceeded
        11<9 ParallelStateExited [1,0]
        12<11 SucceedStateEntered Z [1,0]
        13<12 SucceedStateExited [1,0]
        14<13 ExecutionSucceeded [1,0]
        ",
    );
}

#[test]
fn results_come_in_the_order_of_the_branches() {
    let definition = plain(
        r#","Parameters":{"x.$":"$.y"},"ResultSelector":{"all.$":"$"},"ResultPath":"$.r",
           "OutputPath":"$.r.all""#,
        &[("A", &task("A", "")), ("B", &task("B", ""))],
    );
    check_story(
        &definition,
        r#"{"y":1}"#,
        &["ok@B 2", "ok@A 1"],
        r#"
        2<0 ParallelStateEntered P {"y":1}
        3<2 ParallelStateStarted
        4<3 TaskStateEntered A {"x":1}
        5<4 LambdaFunctionScheduled {"x":1}
        6<5 LambdaFunctionStarted
        7<3 TaskStateEntered B {"x":1}
        8<7 LambdaFunctionScheduled {"x":1}
        9<8 LambdaFunctionStarted
        10<9 LambdaFunctionSucceeded 2
        11<10 TaskStateExited 2
        12<6 LambdaFunctionSucceeded 1
        13<12 TaskStateExited 1
        14<13 ParallelStateSucceeded
        15<13 ParallelStateExited [1,2]
        16<15 SucceedStateEntered Z [1,2]
        17<16 SucceedStateExited [1,2]
        18<17 ExecutionSucceeded [1,2]
        "#,
    );
}

const FAIL: (&str, &str) = ("F", r#""F":{"Type":"Fail","Error":"E","Cause":"why"}"#);

#[test]
fn a_branch_fails() {
    check_story(
        &plain("", &[FAIL]),
        "0",
        &[],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 FailStateEntered F 0
        5<4 ParallelStateFailed
        6<5 ExecutionFailed E why
        ",
    );
    check_story(
        &parallel(CATCH, &[FAIL]),
        "0",
        &[],
        r#"
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 FailStateEntered F 0
        5<4 ParallelStateFailed
        6<5 ParallelStateExited {"Error":"E","Cause":"why"}
        7<6 PassStateEntered C {"Error":"E","Cause":"why"}
        8<7 PassStateExited {"Error":"E","Cause":"why"}
        9<8 ExecutionSucceeded {"Error":"E","Cause":"why"}
        "#,
    );
}

#[test]
fn only_the_last_attempt_tells_of_the_failure() {
    check_story(
        &plain(RETRY, &[FAIL]),
        "0",
        &["due", "due"],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 FailStateEntered F 0
        5<4 ParallelStateStarted
        6<5 FailStateEntered F 0
        7<6 ParallelStateStarted
        8<7 FailStateEntered F 0
        9<8 ParallelStateFailed
        10<9 ExecutionFailed E why
        ",
    );
}

#[test]
fn a_failure_cuts_the_siblings() {
    let branches = [
        ("A", task("A", "")),
        ("B", r#""B":{"Type":"Pass","End":true}"#.to_owned()),
        ("D", task("D", "")),
        (
            "W",
            r#""W":{"Type":"Wait","Seconds":9,"End":true}"#.to_owned(),
        ),
    ];
    let branches: Vec<_> = branches.iter().map(|(name, it)| (*name, &**it)).collect();
    let sim = check_story(
        &parallel(CATCH, &branches),
        "0",
        &["fail@D E why"],
        r#"
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 TaskStateEntered A 0
        5<4 LambdaFunctionScheduled 0
        6<5 LambdaFunctionStarted
        7<3 PassStateEntered B 0
        8<7 PassStateExited 0
        9<3 TaskStateEntered D 0
        10<9 LambdaFunctionScheduled 0
        11<10 LambdaFunctionStarted
        12<3 WaitStateEntered W 0
        13<11 LambdaFunctionFailed E why
        14<13 TaskStateAborted
        15<13 TaskStateAborted
        16<13 WaitStateAborted
        17<13 ParallelStateFailed
        18<17 ParallelStateExited {"Error":"E","Cause":"why"}
        19<18 PassStateEntered C {"Error":"E","Cause":"why"}
        20<19 PassStateExited {"Error":"E","Cause":"why"}
        21<20 ExecutionSucceeded {"Error":"E","Cause":"why"}
        "#,
    );
    assert_eq!(sim.effects[2..], [Effect::Abandon { attempt: 5 }]);
}

#[test]
fn a_retry_follows_the_failure_of_the_branch() {
    check_story(
        &plain(RETRY, &[("A", &task("A", ""))]),
        "0",
        &["fail E", "due", "ok 1"],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 TaskStateEntered A 0
        5<4 LambdaFunctionScheduled 0
        6<5 LambdaFunctionStarted
        7<6 LambdaFunctionFailed E -
        8<7 TaskStateAborted
        9<7 ParallelStateStarted
        10<9 TaskStateEntered A 0
        11<10 LambdaFunctionScheduled 0
        12<11 LambdaFunctionStarted
        13<12 LambdaFunctionSucceeded 1
        14<13 TaskStateExited 1
        15<14 ParallelStateSucceeded
        16<14 ParallelStateExited [1]
        17<16 SucceedStateEntered Z [1]
        18<17 SucceedStateExited [1]
        19<18 ExecutionSucceeded [1]
        ",
    );
}

#[test]
fn nothing_catches_a_runtime_error() {
    let fields = CATCH.replace("States.ALL", "States.Runtime");
    check_story(
        &parallel(
            &fields,
            &[("A", r#""A":{"Type":"Pass","InputPath":"$.x","End":true}"#)],
        ),
        "{}",
        &[],
        "
        2<0 ParallelStateEntered P {}
        3<2 ParallelStateStarted
        4<3 PassStateEntered A {}
        5<4 ExecutionFailed States.Runtime An error occurred while executing the state 'A' \
        (entered at the event id #4). Invalid path '$.x' : No results for path: $['x']
        ",
    );
    // One of the state's own, after its success.
    check_story(
        &plain(
            r#","ResultSelector":{"x.$":"$.x"}"#,
            &[("A", r#""A":{"Type":"Pass","End":true}"#)],
        ),
        "0",
        &[],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 PassStateEntered A 0
        5<4 PassStateExited 0
        6<5 ParallelStateSucceeded
        7<6 ExecutionFailed States.Runtime An error occurred while executing the state 'P' \
        (entered at the event id #2). The JSONPath '$.x' specified for the field 'x.$' could not \
        be found in the input '[0]'
        ",
    );
}

#[test]
fn a_call_cut_by_its_own_decision_is_not_made() {
    let definition = plain("", &[("A", &task("A", "")), FAIL]);
    let sim = Sim::started(&definition, "0");
    assert_eq!(sim.run.status, Status::Failed);
    assert_eq!(sim.effects, []);
}

#[test]
fn the_end_comes_from_outside() {
    let mut definition = plain("", &[("A", &task("A", "")), ("B", &task("B", ""))]);
    let mut sim = Sim::started(&definition, "0");
    sim.step("stop E C").unwrap();
    assert_eq!(sim.history().last().unwrap(), "10<0 ExecutionAborted E C");
    let abandoned = [5, 8].map(|attempt| Effect::Abandon { attempt });
    assert_eq!(sim.effects[2..], abandoned);

    definition.insert_str(1, r#""TimeoutSeconds":5,"#);
    let mut sim = Sim::started(&definition, "0");
    sim.step("due").unwrap();
    let expected = "10<0 ExecutionTimedOut States.Timeout -";
    assert_eq!(sim.history().last().unwrap(), expected);
    assert_eq!(sim.effects[2..], abandoned);
}

#[test]
fn results_too_large_for_a_payload() {
    let branch = |name: &str| {
        let result = "x".repeat(150_000);
        format!(r#""{name}":{{"Type":"Pass","Result":"{result}","End":true}}"#)
    };
    let (a, b) = (branch("A"), branch("B"));
    let branches = [("A", &*a), ("B", &*b)];
    let text = "The state/task 'P' returned a result with a size exceeding the maximum number of \
                bytes service limit.";
    let expected = format!("ExecutionFailed States.DataLimitExceeded {text}");
    check_end(&plain("", &branches), "0", &[], &expected);
    let output = format!(r#"{{"Error":"States.DataLimitExceeded","Cause":"{text}"}}"#);
    let expected = format!("ExecutionSucceeded {output}");
    check_end(&parallel(CATCH, &branches), "0", &[], &expected);
}

/// Each branch once, in order, over several decisions.
#[test]
fn many_branches_take_turns() {
    let branches: Vec<(String, String)> = (0..1_200)
        .map(|index| {
            let name = format!("B{index}");
            let states = format!(r#""{name}":{{"Type":"Pass","Result":{index},"End":true}}"#);
            (name, states)
        })
        .collect();
    let branches: Vec<_> = branches.iter().map(|(name, it)| (&**name, &**it)).collect();
    let mut sim = Sim::started(&plain("", &branches), "0");
    let mut decisions = 1;
    while sim.run.is_yielded() {
        sim.step("continue").unwrap();
        decisions += 1;
    }
    // 1,202 states, 500 a decision.
    assert_eq!(decisions, 3);
    let output = sim.run.end.unwrap().output.unwrap();
    let numbers: Vec<_> = (0..1_200).map(json::Value::from).collect();
    assert_eq!(output, numbers.into());
}

#[test]
fn whoever_loops_leaves_the_others_their_turns() {
    let loops = r#""L":{"Type":"Pass","Next":"M"},"M":{"Type":"Choice","Default":"L","Choices":[
        {"Variable":"$","NumericEquals":7,"Next":"N"}]},"N":{"Type":"Succeed"}"#;
    let definition = plain("", &[("L", loops), ("B", &task("B", ""))]);
    let mut start = start_of("0");
    start.limits.transitions_per_decision_max = 10;
    let mut sim = Sim::started_with(&definition, start);
    assert!(sim.effects.is_empty() && sim.run.is_yielded());
    sim.step("continue").unwrap();
    assert_eq!(sim.effects.len(), 1, "the second branch has called");
    // An answer comes while the first branch has yet to go on.
    sim.send(Input::TaskSucceeded {
        attempt: sim.attempt(),
        output: 1.into(),
    })
    .unwrap();
    assert!(sim.run.is_yielded());
    let cut = |(_, event): &(_, crate::event::Event)| event.kind == EventKind::BranchSucceeded;
    assert!(sim.events.iter().any(cut));
}
