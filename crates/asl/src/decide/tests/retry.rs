use super::{FUNCTION, Input, Refusal, Sim, check_end, states};
use crate::run::Status;

fn task(fields: &str) -> String {
    // A state that nothing leads to would be refused.
    let c = match fields.contains(r#""Next":"C""#) {
        true => r#","C":{"Type":"Pass","Result":"C","End":true}"#,
        false => "",
    };
    states(&format!(
        r#""A":{{"Type":"Task","Resource":"{FUNCTION}","Next":"B",{fields}}},
           "B":{{"Type":"Pass","Result":"B","End":true}}{c}"#
    ))
}

/// The back-offs in milliseconds of a task that always fails with `E`.
fn delays(retriers: &str, random: u64) -> Vec<i64> {
    let mut sim = Sim::new(&task(&format!(
        r#""Retry":[{retriers}],"Catch":[{{"ErrorEquals":["States.ALL"],"Next":"C"}}]"#
    )));
    sim.random = random;
    sim.send(Input::Start(Box::new(super::start_of("{}"))))
        .unwrap();
    let mut delays = Vec::new();
    while sim.run.status == Status::Running {
        sim.step("fail E C").unwrap();
        if let Some(until) = sim.run.deadline() {
            delays.push(until.0 - sim.now.0);
            sim.step("due").unwrap();
        }
    }
    delays
}

#[test]
fn back_off() {
    for (retrier, expected) in [
        (r#"{"ErrorEquals":["E"]}"#, &[1_000, 2_000, 4_000][..]),
        (r#"{"ErrorEquals":["E"],"MaxAttempts":0}"#, &[]),
        (
            r#"{"ErrorEquals":["E"],"IntervalSeconds":3,"MaxAttempts":1}"#,
            &[3_000],
        ),
        (
            r#"{"ErrorEquals":["E"],"IntervalSeconds":3,"BackoffRate":1.5,"MaxAttempts":4}"#,
            &[3_000, 4_500, 6_750, 10_125],
        ),
        (
            r#"{"ErrorEquals":["E"],"BackoffRate":1.0}"#,
            &[1_000, 1_000, 1_000],
        ),
        (
            r#"{"ErrorEquals":["E"],"IntervalSeconds":4,"MaxDelaySeconds":10}"#,
            &[4_000, 8_000, 10_000],
        ),
        (
            r#"{"ErrorEquals":["E"],"IntervalSeconds":3,"BackoffRate":1e300}"#,
            &[3_000, 99_999_999_000, 99_999_999_000],
        ),
        // The first that matches decides, also when it is used up.
        (
            r#"{"ErrorEquals":["E"],"MaxAttempts":1},{"ErrorEquals":["States.ALL"]}"#,
            &[1_000],
        ),
        (
            r#"{"ErrorEquals":["X"]},{"ErrorEquals":["E"],"MaxAttempts":1}"#,
            &[1_000],
        ),
    ] {
        assert_eq!(delays(retrier, 0), expected, "{retrier}");
    }
}

#[test]
fn full_jitter() {
    let retrier = r#"{"ErrorEquals":["E"],"IntervalSeconds":8,"BackoffRate":1.0,
        "MaxAttempts":1,"JitterStrategy":"FULL"}"#;
    let drawn: Vec<i64> = (0..400).map(|random| delays(retrier, random)[0]).collect();
    assert!(drawn.iter().all(|delay| (0..=8_000).contains(delay)));
    let mean = drawn.iter().sum::<i64>() / 400;
    assert!((3_500..4_500).contains(&mean), "{mean}");
    assert!(drawn.iter().any(|delay| *delay < 400) && drawn.iter().any(|delay| *delay > 7_600));
    assert_eq!(delays(retrier, 7), delays(retrier, 7));
}

/// Counters are per retrier and per visit.
#[test]
fn each_retrier_counts_for_itself() {
    let definition = task(
        r#""Retry":[{"ErrorEquals":["E"],"MaxAttempts":1},{"ErrorEquals":["F"],"MaxAttempts":2}]"#,
    );
    let steps = ["fail F", "due", "fail E", "due", "fail F", "due", "fail E"];
    check_end(&definition, "{}", &steps, "ExecutionFailed E -");
    let mut sim = Sim::started(&definition, "{}");
    for step in &steps[..6] {
        sim.step(step).unwrap();
    }
    assert_eq!(sim.run.branches[0].visit().unwrap().retries, [1, 2]);
    assert_eq!(sim.run.branches[0].visit().unwrap().retry_count(), 3);

    let twice = states(&format!(
        r#""A":{{"Type":"Task","Resource":"{FUNCTION}","Next":"B",
                "Retry":[{{"ErrorEquals":["E"],"MaxAttempts":1}}]}},
           "B":{{"Type":"Choice","Choices":[{{"Variable":"$","NumericEquals":1,"Next":"A"}}],
                "Default":"C"}},
           "C":{{"Type":"Succeed"}}"#
    ));
    let steps = ["fail E", "due", "ok 1", "fail E", "due", "ok 2"];
    check_end(&twice, "0", &steps, "ExecutionSucceeded 2");
}

#[test]
fn matching() {
    for (names, step, is_caught) in [
        (r#"["E"]"#, "fail E", true),
        (r#"["e"]"#, "fail E", false),
        (r#"["X","E"]"#, "fail E", true),
        (r#"["E"]"#, "fail -", false),
        (r#"["States.ALL"]"#, "fail -", true),
        (r#"["States.TaskFailed"]"#, "fail -", true),
        (r#"["States.TaskFailed"]"#, "fail E", true),
        (r#"["States.TaskFailed"]"#, "fail States.TaskFailed", true),
        (r#"["States.TaskFailed"]"#, "fail States.Permissions", true),
        (r#"["States.Permissions"]"#, "fail States.Permissions", true),
        (r#"["States.ALL"]"#, "due", true),
        (r#"["States.Timeout"]"#, "due", true),
        (r#"["States.TaskFailed"]"#, "due", false),
        (r#"["States.HeartbeatTimeout"]"#, "due", false),
        (r#"["States.HeartbeatTimeout"]"#, "heartbeat", true),
        (r#"["States.Timeout"]"#, "heartbeat", true),
        (r#"["States.ALL"]"#, "heartbeat", true),
        (r#"["States.TaskFailed"]"#, "heartbeat", false),
        (r#"["States.ALL"]"#, "fail States.Runtime", false),
        (r#"["States.Runtime"]"#, "fail States.Runtime", false),
    ] {
        let fields = r#""Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Type":"Task","TimeoutSeconds":9,"HeartbeatSeconds":3"#;
        let definition = states(&format!(
            r#""A":{{{fields},"Next":"B","Catch":[{{"ErrorEquals":{names},"Next":"C"}}]}},
               "B":{{"Type":"Succeed"}},"C":{{"Type":"Succeed"}}"#
        ));
        let mut sim = Sim::started(&definition, "{}");
        sim.step(step).unwrap();
        assert_eq!(
            sim.run.status == Status::Succeeded,
            is_caught,
            "{names} {step}"
        );
    }
}

#[test]
fn the_first_catcher_that_matches_decides() {
    let definition = task(
        r#""Catch":[{"ErrorEquals":["X"],"Next":"B"},{"ErrorEquals":["E","F"],"Next":"C"},
                    {"ErrorEquals":["States.ALL"],"Next":"B"}]"#,
    );
    check_end(&definition, "{}", &["fail F"], r#"ExecutionSucceeded "C""#);
    check_end(&definition, "{}", &["fail G"], r#"ExecutionSucceeded "B""#);
}

#[test]
fn an_exhausted_retrier_leaves_it_to_the_catchers() {
    let definition = task(
        r#""Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],
           "Catch":[{"ErrorEquals":["E"],"Next":"C"}]"#,
    );
    check_end(
        &definition,
        "{}",
        &["fail E", "due", "fail E"],
        r#"ExecutionSucceeded "C""#,
    );
}

#[test]
fn timeouts_are_retried() {
    let fields = r#""TimeoutSeconds":5,"Retry":[{"ErrorEquals":["States.Timeout"]}]"#;
    let mut sim = Sim::started(&task(fields), "{}");
    sim.step("due").unwrap();
    assert_eq!(sim.run.owed_calls(&sim.program), [], "backing off");
    sim.step("due").unwrap();
    assert_eq!(
        sim.history()[4..],
        [
            "5<4 LambdaFunctionTimedOut States.Timeout -",
            "6<5 LambdaFunctionScheduled {}",
            "7<6 LambdaFunctionStarted"
        ]
    );
    assert_eq!(
        sim.run.deadline(),
        Some(sim.now.plus_seconds(5)),
        "a new attempt, a new clock"
    );
}

#[test]
fn deadlines_are_taken_in_order() {
    let machine = |timeout: u64| {
        let mut text = task(r#""TimeoutSeconds":5,"Retry":[{"ErrorEquals":["States.ALL"]}]"#);
        text.insert_str(1, &format!(r#""TimeoutSeconds":{timeout},"#));
        text
    };
    // The machine's own comes first at the same instant, and cuts a back-off too.
    for (timeout, expected) in [
        (5, &["5<0 ExecutionTimedOut States.Timeout -"][..]),
        (
            6,
            &[
                "5<4 LambdaFunctionTimedOut States.Timeout -",
                "6<0 ExecutionTimedOut States.Timeout -",
            ],
        ),
    ] {
        let mut sim = Sim::started(&machine(timeout), "{}");
        sim.now = sim.now.plus_seconds(60);
        sim.send(Input::DeadlineReached).unwrap();
        assert_eq!(sim.history()[4..], *expected);
    }
    let mut sim = Sim::started(&machine(6), "{}");
    let begun = sim.now;
    sim.step("due").unwrap();
    assert_eq!(sim.run.deadline(), Some(begun.plus_seconds(6)));
    assert_eq!(sim.send(Input::DeadlineReached), Err(Refusal::NotDue));
}
