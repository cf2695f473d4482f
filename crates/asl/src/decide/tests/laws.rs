//! Random inputs to a few programs: nothing panics, and what always holds always holds (the checks
//! of [`super::Sim::send`]).

use proptest::prelude::*;

use super::{FUNCTION, Sim, start_of, states, value};
use crate::decide::Input;
use crate::event::{EventKind, Failure};
use crate::time::Timestamp;

fn programs() -> [String; 3] {
    let task = |resource: &str| {
        states(&format!(
            r#""A":{{"Type":"Task","Resource":"{resource}","TimeoutSeconds":5,
                "HeartbeatSeconds":2,"ResultPath":"$.r","Next":"B",
                "Retry":[{{"ErrorEquals":["E","States.Timeout"],"JitterStrategy":"FULL"}}],
                "Catch":[{{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"B"}}]}},
               "B":{{"Type":"Wait","Seconds":2,"Next":"C"}},
               "C":{{"Type":"Choice","Choices":[
                {{"Variable":"$.r","NumericLessThan":2,"Next":"A"}},
                {{"Variable":"$.e","IsPresent":true,"Next":"D"}}],"Default":"E"}},
               "D":{{"Type":"Fail","ErrorPath":"$.e.Error"}},"E":{{"Type":"Succeed"}}"#
        ))
    };
    let mut timed = task(FUNCTION);
    timed.insert_str(1, r#""TimeoutSeconds":20,"#);
    [
        task("arn:aws:states:::lambda:invoke.waitForTaskToken"),
        timed,
        states(
            r#""A":{"Type":"Pass","Next":"B"},
               "B":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"C"}],
                    "Default":"A"},
               "C":{"Type":"Succeed"}"#,
        ),
    ]
}

/// Parallel and Map within one another, with everything that may go wrong below them.
fn forks() -> [String; 2] {
    let retry = r#""Retry":[{"ErrorEquals":["E","States.Timeout"],"MaxAttempts":2}],
        "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"END"}]"#;
    let task = |name: &str, next: &str| {
        format!(
            r#""{name}":{{"Type":"Task","Resource":"{FUNCTION}","TimeoutSeconds":3,{next},
                "ResultPath":"$.r","Assign":{{"{name}.$":"$"}}}}"#
        )
    };
    let wait = r#""W":{"Type":"Wait","Seconds":2,"Next":"X"},"X":{"Type":"Pass","End":true}"#;
    let map = format!(
        r#""M":{{"Type":"Map","ItemsPath":"$.i","MaxConcurrency":2,"End":true,
            "ItemSelector":{{"v.$":"$$.Map.Item.Value"}},
            "ItemProcessor":{{"StartAt":"T","States":{{{},{},
            "Y":{{"Type":"Pass","End":true}}}}}},{}}},"Z":{{"Type":"Pass","End":true}}"#,
        task("T", r#""Next":"U""#),
        task("U", r#""Next":"Y""#),
        retry.replace("END", "Z"),
    );
    let parallel = |body: &str| {
        format!(
            r#""A":{{"Type":"Parallel","Next":"D","ResultPath":"$.p",{},"Branches":[
                {{"StartAt":"M","States":{{{body}}}}},{{"StartAt":"W","States":{{{wait}}}}},
                {{"StartAt":"V","States":{{{}}}}}]}},"D":{{"Type":"Succeed"}}"#,
            retry.replace("END", "D"),
            task("V", r#""End":true"#),
        )
    };
    let within = format!(
        r#""A":{{"Type":"Map","ItemsPath":"$.i","End":true,"ResultPath":"$.q",
            "ItemProcessor":{{"StartAt":"B","States":{{
            "B":{{"Type":"Pass","Parameters":{{"i":[1,2,3]}},"Next":"M"}},{map}}}}}}}"#
    );
    [states(&parallel(&map)), states(&within)]
}

fn input() -> impl Strategy<Value = (u8, u64, u32)> {
    (0_u8..10, 0_u64..12, 0_u32..4_000)
}

fn input_of(sim: &Sim, (what, which, _): (u8, u64, u32)) -> Input {
    // Mostly an attempt that is awaited, sometimes any other.
    let calling: Vec<u64> = sim
        .run
        .branches
        .iter()
        .filter_map(|thread| Some(thread.calling()?.1.attempt))
        .collect();
    let at = usize::try_from(which).unwrap() % calling.len().max(1);
    let attempt = calling.get(at).copied().filter(|_| which < 10);
    let attempt = attempt.unwrap_or(which);
    let number = value(&which.to_string());
    match what {
        0 => Input::Start(Box::new(start_of("{}"))),
        1 => Input::Continue,
        2 | 3 => Input::DeadlineReached,
        4 => Input::HeartbeatMissed { attempt },
        5 => Input::TaskSubmitted {
            attempt,
            response: number,
        },
        6 | 7 => Input::TaskSucceeded {
            attempt,
            output: number,
        },
        8 => {
            let error =
                ["E", "F", "States.Runtime", "States.Timeout"][usize::try_from(which % 4).unwrap()];
            Input::TaskFailed {
                attempt,
                failure: Failure {
                    error: Some(error.into()),
                    cause: None,
                },
            }
        }
        _ if which == 0 => Input::Stop(Failure::default()),
        _ => Input::Continue,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_inputs(
        program in 0_usize..3,
        events_max in 2_u32..120,
        transitions_max in 1_u32..9,
        random: u64,
        inputs in prop::collection::vec(input(), 1..60),
    ) {
        let mut start = start_of("{}");
        start.limits.history_events_max = events_max;
        start.limits.transitions_per_decision_max = transitions_max;
        let mut sim = Sim::started_with(&programs()[program], start);
        for input in inputs {
            // The clock goes on, and now and then back.
            sim.now = Timestamp(sim.now.0 + i64::from(input.2) - 500);
            sim.random = random ^ u64::from(input.2);
            let _refused = sim.send(input_of(&sim, input));
        }
        prop_assert!(sim.run.last_event <= u64::from(events_max));
        check_previous(&sim);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_inputs_to_forks(
        program in 0_usize..2,
        events_max in 2_u32..400,
        transitions_max in 1_u32..9,
        random: u64,
        inputs in prop::collection::vec(input(), 1..80),
    ) {
        let mut start = start_of(r#"{"i":[1,2,{"a":3}]}"#);
        start.limits.history_events_max = events_max;
        start.limits.transitions_per_decision_max = transitions_max;
        start.limits.variables_bytes_max = 60;
        let mut sim = Sim::started_with(&forks()[program], start);
        for input in inputs {
            sim.now = Timestamp(sim.now.0 + i64::from(input.2) / 3);
            sim.random = random ^ u64::from(input.2);
            let _refused = sim.send(input_of(&sim, input));
        }
        prop_assert!(sim.run.last_event <= u64::from(events_max));
    }
}

/// The previous event is the thread's last one; none for the first state and the ends from
/// outside.
fn check_previous(sim: &Sim) {
    let mut last = 0;
    for (_, event) in sim.events.iter().filter(|(_, event)| event.id != 0) {
        let expected = match event.kind {
            EventKind::ExecutionStarted(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_) => 0,
            _ if event.id == 2 => 0,
            _ => last,
        };
        // A history of two events ends with the second, whose previous is the first.
        if sim.run.last_event > 2 {
            assert_eq!(event.previous, expected, "{event:?}");
        }
        last = event.id;
    }
}
