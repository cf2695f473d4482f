use super::{Allowance, FUNCTION, Input, Refusal, Sim, check_end, one, start_of, states};
use crate::decide::Moment;
use crate::decide::step::Step;
use crate::event::{EventKind, Start};
use crate::run::{Run, Status};
use crate::time::Timestamp;

const ENDLESS: &str = r#""A":{"Type":"Pass","Next":"C"},
    "C":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"Z"}],
         "Default":"A"},
    "Z":{"Type":"Succeed"}"#;

fn start(change: impl Fn(&mut Start)) -> Start {
    let mut start = start_of("{}");
    change(&mut start);
    start
}

#[test]
fn an_endless_loop_ends_with_event_25_000() {
    let mut sim = Sim::started(&states(ENDLESS), "{}");
    let mut decisions = 1;
    while sim.run.is_yielded() {
        sim.step("continue").unwrap();
        decisions += 1;
    }
    assert_eq!(
        sim.history().last().unwrap(),
        concat!(
            "25000<24999 ExecutionFailed States.Runtime ",
            "The execution reached the maximum number of history events (25000)."
        )
    );
    assert_eq!(decisions, 25, "12,499 states, 500 a decision");
    assert_eq!(sim.run.status, Status::Failed);
}

#[test]
fn an_execution_may_end_by_itself_with_its_last_event() {
    // ExecutionStarted, two events for the Pass, ExecutionSucceeded.
    for (events_max, expected) in [(4, Status::Succeeded), (3, Status::Failed)] {
        let start = start(|start| start.limits.history_events_max = events_max);
        let sim = Sim::started_with(&one(r#""Type":"Pass""#), start);
        assert_eq!(sim.run.status, expected);
        assert_eq!(sim.run.last_event, u64::from(events_max));
    }
}

#[test]
fn a_task_that_no_longer_fits_is_not_called() {
    let definition = one(&format!(r#""Type":"Task","Resource":"{FUNCTION}""#));
    for events_max in [2, 3, 4] {
        let start = start(|start| start.limits.history_events_max = events_max);
        let sim = Sim::started_with(&definition, start);
        assert_eq!(sim.run.status, Status::Failed);
        let called = sim
            .effects
            .iter()
            .any(|effect| matches!(effect, super::Effect::Call(_)));
        assert!(!called, "{:?}", sim.effects);
    }
}

#[test]
fn yields() {
    let three = states(
        r#""A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Result":7,"Next":"C"},
           "C":{"Type":"Pass","End":true}"#,
    );
    let start = start(|start| start.limits.transitions_per_decision_max = 2);
    let mut sim = Sim::started_with(&three, start);
    assert!(sim.run.is_yielded());
    assert_eq!(sim.history().last().unwrap(), "5<4 PassStateExited 7");
    assert_eq!(sim.send(Input::DeadlineReached), Err(Refusal::NotDue));
    sim.step("continue").unwrap();
    assert_eq!(
        sim.history()[5..],
        [
            "6<5 PassStateEntered",
            "7<6 PassStateExited 7",
            "8<7 ExecutionSucceeded 7"
        ]
    );
    assert_eq!(sim.step("continue"), Err(Refusal::NotRunning));
}

#[test]
fn a_yielded_run_can_be_stopped_and_times_out() {
    let mut endless = states(ENDLESS);
    endless.insert_str(1, r#""TimeoutSeconds":5,"#);
    for (step, expected) in [
        ("stop E C", "ExecutionAborted"),
        ("due", "ExecutionTimedOut"),
    ] {
        let mut sim = Sim::started(&endless, "{}");
        sim.step(step).unwrap();
        assert!(
            sim.history()
                .last()
                .unwrap()
                .contains(&format!("<0 {expected}"))
        );
        assert!(!sim.run.is_yielded());
    }
}

const TOO_LARGE: &str =
    "returned a result with a size exceeding the maximum number of bytes service limit.";

/// A JSON string whose text is so many bytes long.
fn text_of(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

#[test]
fn a_result_at_the_limit_is_accepted() {
    for (bytes, is_accepted) in [(262_144, true), (262_145, false)] {
        let mut sim = Sim::started(
            &one(&format!(r#""Type":"Task","Resource":"{FUNCTION}""#)),
            "{}",
        );
        sim.step(&format!("ok {}", text_of(bytes))).unwrap();
        assert_eq!(sim.run.status == Status::Succeeded, is_accepted, "{bytes}");
    }
}

#[test]
fn a_result_above_the_limit_is_a_failure_that_can_be_caught() {
    let result = format!("ok {}", text_of(262_145));
    for (resource, name, failed) in [
        (FUNCTION, FUNCTION, "LambdaFunctionFailed"),
        ("arn:aws:states:::lambda:invoke", "lambda", "TaskFailed"),
    ] {
        let task = |fields: &str| {
            states(&format!(
                r#""A":{{"Type":"Task","Resource":"{resource}","Next":"B"{fields}}},
                   "B":{{"Type":"Succeed"}}"#
            ))
        };
        let text = format!("The state/task '{name}' {TOO_LARGE}");
        let mut sim = Sim::started(&task(""), "{}");
        sim.step(&result).unwrap();
        assert_eq!(
            sim.history()[4..],
            [
                format!("5<4 {failed} States.DataLimitExceeded {text}"),
                format!("6<5 ExecutionFailed States.DataLimitExceeded {text}"),
            ]
        );
        let catch = r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]"#;
        let caught = format!(r#"{{"Error":"States.DataLimitExceeded","Cause":"{text}"}}"#);
        check_end(
            &task(catch),
            "{}",
            &[&result],
            &format!("ExecutionSucceeded {caught}"),
        );
    }
}

#[test]
fn an_output_above_the_limit_fails_after_the_result() {
    let task =
        format!(r#""Type":"Task","Resource":"{FUNCTION}","ResultPath":"$.r","Parameters":{{}}"#);
    let mut sim = Sim::started(&one(&task), &format!(r#"{{"i":{}}}"#, text_of(200_000)));
    sim.step(&format!("ok {}", text_of(200_000))).unwrap();
    let last = sim.history().pop().unwrap();
    let text = format!("The state/task '{FUNCTION}' {TOO_LARGE}");
    assert_eq!(
        last,
        format!("6<5 ExecutionFailed States.DataLimitExceeded {text}")
    );
}

#[test]
fn a_pass_above_the_limit_ends_the_execution() {
    let definition = one(r#""Type":"Pass","Parameters":{"a.$":"$","b.$":"$"}"#);
    let text = format!("The state/task 'A' {TOO_LARGE}");
    let expected = format!("ExecutionFailed States.DataLimitExceeded {text}");
    check_end(&definition, &text_of(200_000), &[], &expected);
}

#[test]
fn the_turns_of_one_decision_come_to_an_end() {
    let (program, run) = (super::program(&one(r#""Type":"Pass""#)), Run::default());
    let moment = Moment {
        now: Timestamp(0),
        random: 0,
        allowance: Allowance::Full,
    };
    let mut step = Step::new(&program, &run, moment);
    let mut turns = Vec::new();
    for _ in 0..10 {
        step.begin_turn();
        // Three quarters of what one state may take.
        let steps = step.meter.steps_left().min(15_000_000);
        step.meter.step(steps).unwrap();
        turns.push(steps / 1_000_000);
    }
    assert_eq!(turns, [15, 15, 15, 15, 15, 5, 0, 0, 0, 0]);
    assert!(!step.has_transitions_left());
}

#[test]
fn locations_are_cut_to_what_aws_holds() {
    let name = "n".repeat(300);
    let fields = format!(r#""Type":"Pass","Output":{{"{name}":"{{% $nothing %}}"}}"#);
    let definition = one(&fields).replacen('{', r#"{"QueryLanguage":"JSONata","#, 1);
    let sim = Sim::started(&definition, "{}");
    let locations = sim
        .events
        .iter()
        .filter_map(|(_, event)| match &event.kind {
            EventKind::EvaluationFailed { location, .. } => location.as_deref(),
            _ => None,
        });
    let expected = format!("Output/{}", "n".repeat(249));
    assert_eq!(locations.collect::<Vec<_>>(), [expected]);
}

#[test]
fn causes_are_cut_to_what_aws_holds() {
    let mut sim = Sim::started(
        &one(&format!(r#""Type":"Task","Resource":"{FUNCTION}""#)),
        "{}",
    );
    let (error, cause) = ("é".repeat(300), "ß".repeat(40_000));
    sim.step(&format!("fail {error} {cause}")).unwrap();
    let failure = sim.run.end.unwrap().failure;
    assert_eq!(failure.error.unwrap().chars().count(), 256);
    assert_eq!(failure.cause.unwrap().chars().count(), 32_768);
}

/// An array of so many zeros.
fn zeros(count: usize) -> String {
    format!("[{}]", vec!["0"; count].join(","))
}

#[test]
fn what_is_too_heavy_is_decided_under_the_full_allowance() {
    let definition = one(r#""Type":"Pass","InputPath":"$..*""#);
    let mut sim = Sim::new(&definition);
    let start = Box::new(start_of(&zeros(60_000)));
    let refused = sim.send(Input::Start(start.clone()));
    assert_eq!(refused, Err(Refusal::TooHeavy));
    assert_eq!(sim.run.status, Status::NotStarted, "nothing happened");
    sim.allowance = Allowance::Full;
    sim.send(Input::Start(start)).unwrap();
    assert_eq!(sim.run.status, Status::Succeeded);
}

#[test]
fn a_heavy_state_is_the_last_of_its_decision() {
    let definition = states(
        r#""A":{"Type":"Pass","InputPath":"$..*","ResultPath":null,"Next":"B"},
           "B":{"Type":"Pass","Next":"C"},"C":{"Type":"Succeed"}"#,
    );
    // Under the full allowance one that takes more than the small one has; under the small one
    // such as leave less than half of it.
    for (allowance, zeros_count) in [(Allowance::Full, 60_000), (Allowance::Inline, 20_000)] {
        let mut sim = Sim::new(&definition);
        sim.allowance = allowance;
        let start = start_of(&zeros(zeros_count));
        sim.send(Input::Start(Box::new(start))).unwrap();
        assert!(sim.run.is_yielded(), "{allowance:?}");
        sim.step("continue").unwrap();
        assert_eq!(sim.run.status, Status::Succeeded);
    }
}

#[test]
fn many_light_states_are_not_heavy() {
    let loops = states(
        r#""A":{"Type":"Pass","InputPath":"$[*]","Next":"B"},
           "B":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"C"}],
                "Default":"A"},"C":{"Type":"Succeed"}"#,
    );
    let mut sim = Sim::started(&loops, &zeros(1_000));
    while sim.run.is_yielded() {
        sim.step("continue").unwrap();
    }
    assert_eq!(sim.run.last_event, 25_000);
}

/// To assign thousands of variables takes time, which is counted: the execution yields long before
/// it has made 500 transitions.
#[test]
fn many_variables_are_heavy() {
    let variables: Vec<_> = (0..8_000).map(|n| format!(r#""v{n}":{n}"#)).collect();
    let variables = variables.join(",");
    let definition = states(&format!(
        r#""A":{{"Type":"Pass","Assign":{{{variables}}},"Next":"B"}},
           "B":{{"Type":"Choice","Choices":[{{"Variable":"$.stop","IsPresent":true,"Next":"C"}}],
                "Default":"A"}},
           "C":{{"Type":"Succeed"}}"#
    ));
    let sim = Sim::started(&definition, "{}");
    assert!(sim.run.is_yielded());
    assert!(sim.run.last_event < 20, "{}", sim.run.last_event);
}

#[test]
fn heavy_expressions_of_an_iteration_leave_the_others_their_turns() {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Map",
        "End":true,"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Pass","End":true,
        "Output":"{% $sum([1..60000]) * $states.input %}"}}}}}}"#;
    let mut sim = Sim::new(definition);
    let mut input = Input::Start(Box::new(start_of("[1,2]")));
    let mut heavy = 0;
    while sim.run.end.is_none() {
        if sim.send(input.clone()) == Err(Refusal::TooHeavy) {
            heavy += 1;
            sim.allowance = Allowance::Full;
            sim.send(input).unwrap();
            sim.allowance = Allowance::Inline;
        }
        input = Input::Continue;
    }
    let output = sim.run.end.unwrap().output.unwrap();
    assert_eq!(
        (heavy, output.to_text()),
        (2, "[1800030000,3600060000]".to_owned())
    );
}

/// Texts of failures show a payload, but not what is large only because its parts are shared.
#[test]
fn failures_write_out_no_more_than_a_payload() {
    let twenty = format!("States.Array({})", ["$"; 20].join(","));
    let task = |fields: &str| {
        one(&format!(
            r#""Type":"Task","Resource":"{FUNCTION}",{fields}"#
        ))
    };
    let pass = |fields: &str| one(&format!(r#""Type":"Pass",{fields}"#));
    let fail = format!(r#""A":{{"Type":"Fail","CausePath":"{twenty}"}}"#);
    for (definition, expected) in [
        (states(&fail), "value (1999921 bytes) which is not"),
        (
            pass(r#""Parameters":{"x.$":"$.a"}"#),
            "'x.$' could not be found in the input '[[[",
        ),
        (
            pass(r#""InputPath":"$..*","Parameters":{"x.$":"$.a"}"#),
            "'x.$' could not be found in the input '(1999501 bytes)'",
        ),
        (
            pass(r#""InputPath":"$..*","Parameters":{"x.$":"States.Array($.a)"}"#),
            "'$.a' could not be found in the input '(1999501 bytes)'",
        ),
        (
            task(&format!(r#""Credentials":{{"RoleArn.$":"{twenty}"}}"#)),
            "The state/task 'A' returned a result with a size exceeding",
        ),
    ] {
        let nested = format!("{}{}{}", "[".repeat(20), text_of(99_955), "]".repeat(20));
        let sim = Sim::started(&definition, &nested);
        let cause = sim.run.end.unwrap().failure.cause.unwrap();
        assert!(cause.contains(expected), "{cause:.300}");
    }
}
