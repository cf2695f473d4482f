//! Parallel and Map within one another.

use super::{FUNCTION, Sim, check_story, start_of};
use crate::run::{Activity, Status};

const RETRY: &str = r#","Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}]"#;

/// A Parallel `P` of the bodies given.
fn parallel(name: &str, fields: &str, bodies: &[String]) -> String {
    let bodies = bodies.join(",");
    format!(r#""{name}":{{"Type":"Parallel","End":true,"Branches":[{bodies}]{fields}}}"#)
}

fn map(name: &str, fields: &str, body: &str) -> String {
    format!(r#""{name}":{{"Type":"Map","End":true,"ItemProcessor":{body}{fields}}}"#)
}

fn body(start: &str, states: &str) -> String {
    format!(r#"{{"StartAt":"{start}","States":{{{states}}}}}"#)
}

fn task(name: &str) -> String {
    format!(r#""{name}":{{"Type":"Task","Resource":"{FUNCTION}","End":true}}"#)
}

fn pass(name: &str) -> String {
    format!(r#""{name}":{{"Type":"Pass","End":true}}"#)
}

#[test]
fn what_is_within_runs_before_what_is_beside() {
    let inner = parallel("Q", "", &[body("A", &pass("A")), body("B", &pass("B"))]);
    let outer = parallel("P", "", &[body("Q", &inner), body("D", &pass("D"))]);
    check_story(
        &body("P", &outer),
        "0",
        &[],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 ParallelStateEntered Q 0
        5<4 ParallelStateStarted
        6<5 PassStateEntered A 0
        7<6 PassStateExited 0
        8<5 PassStateEntered B 0
        9<8 PassStateExited 0
        10<9 ParallelStateSucceeded
        11<9 ParallelStateExited [0,0]
        12<3 PassStateEntered D 0
        13<12 PassStateExited 0
        14<13 ParallelStateSucceeded
        15<13 ParallelStateExited [[0,0],0]
        16<15 ExecutionSucceeded [[0,0],0]
        ",
    );
}

#[test]
fn a_map_within_a_map() {
    let inner = map("N", r#","MaxConcurrency":1"#, &body("A", &pass("A")));
    let outer = map("M", r#","MaxConcurrency":1"#, &body("N", &inner));
    check_story(
        &body("M", &outer),
        "[[1,2],[3]]",
        &[],
        "
        2<0 MapStateEntered M [[1,2],[3]]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<4 MapStateEntered N [1,2]
        6<5 MapStateStarted
        7<6 MapIterationStarted 0
        8<7 PassStateEntered A 1
        9<8 PassStateExited 1
        10<9 MapIterationSucceeded 0
        11<9 MapIterationStarted 1
        12<11 PassStateEntered A 2
        13<12 PassStateExited 2
        14<13 MapIterationSucceeded 1
        15<14 MapStateSucceeded
        16<14 MapStateExited [1,2]
        17<16 MapIterationSucceeded 0
        18<16 MapIterationStarted 1
        19<18 MapStateEntered N [3]
        20<19 MapStateStarted
        21<20 MapIterationStarted 0
        22<21 PassStateEntered A 3
        23<22 PassStateExited 3
        24<23 MapIterationSucceeded 0
        25<24 MapStateSucceeded
        26<24 MapStateExited [3]
        27<26 MapIterationSucceeded 1
        28<27 MapStateSucceeded
        29<27 MapStateExited [[1,2],[3]]
        30<29 ExecutionSucceeded [[1,2],[3]]
        ",
    );
}

#[test]
fn a_failure_climbs() {
    let inner = parallel("Q", "", &[body("A", &task("A"))]);
    let outer = map("M", "", &body("Q", &inner));
    check_story(
        &body("M", &outer),
        "[1,2]",
        &["fail@A E"],
        "
        2<0 MapStateEntered M [1,2]
        3<2 MapStateStarted
        4<3 MapIterationStarted 0
        5<3 MapIterationStarted 1
        6<4 ParallelStateEntered Q 1
        7<6 ParallelStateStarted
        8<7 TaskStateEntered A 1
        9<8 LambdaFunctionScheduled 1
        10<9 LambdaFunctionStarted
        11<5 ParallelStateEntered Q 2
        12<11 ParallelStateStarted
        13<12 TaskStateEntered A 2
        14<13 LambdaFunctionScheduled 2
        15<14 LambdaFunctionStarted
        16<10 LambdaFunctionFailed E -
        17<16 TaskStateAborted
        18<16 ParallelStateFailed
        19<18 MapIterationFailed 0
        20<18 MapIterationAborted 1
        21<18 ParallelStateAborted
        22<18 TaskStateAborted
        23<18 MapStateFailed
        24<23 ExecutionFailed E -
        ",
    );
}

#[test]
fn a_retry_within_leaves_the_others_alone() {
    let inner = parallel("Q", RETRY, &[body("A", &task("A"))]);
    let outer = parallel("P", "", &[body("Q", &inner), body("B", &task("B"))]);
    let sim = check_story(
        &body("P", &outer),
        "0",
        &["fail@A E", "ok@B 2", "due", "ok@A 1"],
        "
        2<0 ParallelStateEntered P 0
        3<2 ParallelStateStarted
        4<3 ParallelStateEntered Q 0
        5<4 ParallelStateStarted
        6<5 TaskStateEntered A 0
        7<6 LambdaFunctionScheduled 0
        8<7 LambdaFunctionStarted
        9<3 TaskStateEntered B 0
        10<9 LambdaFunctionScheduled 0
        11<10 LambdaFunctionStarted
        12<8 LambdaFunctionFailed E -
        13<12 TaskStateAborted
        14<11 LambdaFunctionSucceeded 2
        15<14 TaskStateExited 2
        16<12 ParallelStateStarted
        17<16 TaskStateEntered A 0
        18<17 LambdaFunctionScheduled 0
        19<18 LambdaFunctionStarted
        20<19 LambdaFunctionSucceeded 1
        21<20 TaskStateExited 1
        22<21 ParallelStateSucceeded
        23<21 ParallelStateExited [1]
        24<23 ParallelStateSucceeded
        25<23 ParallelStateExited [[1],2]
        26<25 ExecutionSucceeded [[1],2]
        ",
    );
    assert_eq!(sim.run.last_branch, 4);
}

#[test]
fn a_back_off_within_is_cut() {
    let inner = parallel("Q", RETRY, &[body("A", &task("A"))]);
    let outer = parallel("P", RETRY, &[body("Q", &inner), body("B", &task("B"))]);
    let mut sim = Sim::started(&body("P", &outer), "0");
    sim.step("fail@A E").unwrap();
    sim.step("fail@B E").unwrap();
    assert_eq!(
        sim.story()[13..],
        [
            "14<11 LambdaFunctionFailed E -",
            "15<14 ParallelStateAborted",
            "16<14 TaskStateAborted"
        ]
    );
    assert_eq!(sim.run.branches.len(), 1);
    let root = sim.run.branches[0].visit().unwrap();
    assert!(matches!(root.activity, Activity::BackingOff { .. }));
    sim.step("due").unwrap();
    assert_eq!(sim.story()[16], "17<14 ParallelStateStarted");
    assert_eq!(sim.run.branches.len(), 4);
}

/// Sixty Parallels within one another.
#[test]
fn deep() {
    let mut inner = body("A", &task("A"));
    for level in 0..60 {
        let name = format!("P{level}");
        inner = body(&name, &parallel(&name, "", &[inner]));
    }
    let mut sim = Sim::started(&inner, "0");
    assert_eq!(sim.run.branches.len(), 61);
    let called = sim.run.clone();
    sim.step("ok 1").unwrap();
    assert_eq!(sim.run.status, Status::Succeeded);
    let output = sim.run.end.as_ref().and_then(|end| end.output.as_ref());
    assert_eq!(output.unwrap().depth(), 60);
    sim.run = called;
    sim.step("fail E").unwrap();
    assert_eq!(sim.run.status, Status::Failed);
}

/// Every decision's run is the fold of its events, whatever the allowance of transitions.
#[test]
fn turns_change_no_result() {
    let inner = map("N", r#","MaxConcurrency":2"#, &body("A", &pass("A")));
    let outer = map("M", r#","MaxConcurrency":2"#, &body("N", &inner));
    let both = parallel("P", "", &[body("M", &outer), body("B", &pass("B"))]);
    let input = "[[1,2,3],[4,5],[],[6,7,8,9]]";
    let mut lengths = Vec::new();
    for transitions_max in 1..12 {
        let mut start = start_of(input);
        start.limits.transitions_per_decision_max = transitions_max;
        let mut sim = Sim::started_with(&body("P", &both), start);
        while sim.run.is_yielded() {
            sim.step("continue").unwrap();
        }
        let output = sim.run.end.as_ref().unwrap().output.as_ref().unwrap();
        assert_eq!(output.to_text(), format!("[{input},{input}]"));
        lengths.push(sim.run.last_event);
    }
    lengths.dedup();
    assert_eq!(lengths.len(), 1);
}
