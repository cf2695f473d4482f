use std::collections::BTreeSet;

use json::{Object, Value};

use super::{EVENT_TYPES, render};
use crate::decide::tests::{ACTIVITY, FUNCTION, Sim, program, start_of, states};
use crate::event::Start;

/// Every shown event of an execution, rendered.
fn rendered(sim: &Sim, include_data: bool) -> Vec<Value> {
    let start = sim.run.start.as_ref().unwrap();
    let events = sim.events.iter();
    let render = |(time, event): &(_, _)| render(&sim.program, start, *time, event, include_data);
    events.filter_map(render).collect()
}

struct Case {
    /// Fields of the machine.
    machine: &'static str,
    states: &'static str,
    start: fn(&mut Start),
    steps: &'static [&'static str],
    /// Lines of [`summary`].
    expected: &'static str,
}

const CASES: &[Case] = &[
    Case {
        machine: "",
        states: r#""A":{"Type":"Pass","Next":"B"},
            "B":{"Type":"Choice","Choices":[{"Variable":"$","IsPresent":true,"Next":"C"}]},
            "C":{"Type":"Wait","Seconds":0,"Next":"D"},"D":{"Type":"Succeed"}"#,
        start: |start| {
            start.input_text = Some("{ }".into());
            start.state_machine_alias_arn = Some("alias".into());
            start.state_machine_version_arn = Some("version".into());
        },
        steps: &[],
        expected: "
ExecutionStarted executionStarted input={ } roleArn=ROLE stateMachineAliasArn=alias \
            stateMachineVersionArn=version
PassStateEntered stateEntered name=A input={ }
PassStateExited stateExited name=A output={}
ChoiceStateEntered stateEntered name=B input={}
ChoiceStateExited stateExited name=B output={}
WaitStateEntered stateEntered name=C input={}
WaitStateExited stateExited name=C output={}
SucceedStateEntered stateEntered name=D input={}
SucceedStateExited stateExited name=D output={}
ExecutionSucceeded executionSucceeded output={}
",
    },
    Case {
        machine: "",
        states: r#""A":{"Type":"Task","Resource":"FUNCTION","TimeoutSeconds":5,
                "HeartbeatSeconds":2,"Credentials":{"RoleArn":"arn:aws:iam::1:role/x"},
                "Retry":[{"ErrorEquals":["States.ALL"]}],"Next":"B"},
            "B":{"Type":"Fail"}"#,
        start: |_| {},
        steps: &["fail E C", "due", "due", "due", "ok \"x\""],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
TaskStateEntered stateEntered name=A input={}
LambdaFunctionScheduled lambdaFunctionScheduled resource=FUNCTION input={} timeoutInSeconds=5 \
            taskCredentials={\"roleArn\":\"arn:aws:iam::1:role/x\"}
LambdaFunctionStarted
LambdaFunctionFailed lambdaFunctionFailed error=E cause=C
LambdaFunctionScheduled lambdaFunctionScheduled resource=FUNCTION input={} timeoutInSeconds=5 \
            taskCredentials={\"roleArn\":\"arn:aws:iam::1:role/x\"}
LambdaFunctionStarted
LambdaFunctionTimedOut lambdaFunctionTimedOut error=States.Timeout
LambdaFunctionScheduled lambdaFunctionScheduled resource=FUNCTION input={} timeoutInSeconds=5 \
            taskCredentials={\"roleArn\":\"arn:aws:iam::1:role/x\"}
LambdaFunctionStarted
LambdaFunctionSucceeded lambdaFunctionSucceeded output=\"x\"
TaskStateExited stateExited name=A output=\"x\"
FailStateEntered stateEntered name=B input=\"x\"
ExecutionFailed executionFailed
",
    },
    Case {
        machine: "",
        states: r#""A":{"Type":"Task","TimeoutSeconds":5,"HeartbeatSeconds":2,
                "Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Next":"B",
                "Parameters":{"Payload":1.0},"Credentials":{"RoleArn":"arn:aws:iam::1:role/x"},
                "Retry":[{"ErrorEquals":["States.ALL"]}]},
            "B":{"Type":"Wait","Seconds":9,"End":true}"#,
        start: |_| {},
        steps: &[
            "submit {\"s\":1}",
            "fail -",
            "due",
            "due",
            "due",
            "ok 2",
            "stop - C",
        ],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
TaskStateEntered stateEntered name=A input={}
TaskScheduled taskScheduled SERVICE region=us-east-1 parameters={\"Payload\":1.0} \
            timeoutInSeconds=5 heartbeatInSeconds=2 \
            taskCredentials={\"roleArn\":\"arn:aws:iam::1:role/x\"}
TaskStarted taskStarted SERVICE
TaskSubmitted taskSubmitted SERVICE output={\"s\":1}
TaskFailed taskFailed SERVICE
TaskScheduled taskScheduled SERVICE region=us-east-1 parameters={\"Payload\":1.0} \
            timeoutInSeconds=5 heartbeatInSeconds=2 \
            taskCredentials={\"roleArn\":\"arn:aws:iam::1:role/x\"}
TaskStarted taskStarted SERVICE
TaskTimedOut taskTimedOut SERVICE error=States.Timeout
TaskScheduled taskScheduled SERVICE region=us-east-1 parameters={\"Payload\":1.0} \
            timeoutInSeconds=5 heartbeatInSeconds=2 \
            taskCredentials={\"roleArn\":\"arn:aws:iam::1:role/x\"}
TaskStarted taskStarted SERVICE
TaskSucceeded taskSucceeded SERVICE output=2
TaskStateExited stateExited name=A output=2
WaitStateEntered stateEntered name=B input=2
ExecutionAborted executionAborted cause=C
",
    },
    Case {
        machine: "",
        states: r#""A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true}"#,
        start: |_| {},
        steps: &["fail E C"],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
TaskStateEntered stateEntered name=A input={}
TaskScheduled taskScheduled resourceType=lambda resource=invoke region=us-east-1 parameters={}
TaskStarted taskStarted resourceType=lambda resource=invoke
TaskFailed taskFailed resourceType=lambda resource=invoke error=E cause=C
ExecutionFailed executionFailed error=E cause=C
",
    },
    Case {
        machine: "",
        states: r#""A":{"Type":"Task","Resource":"ACTIVITY","TimeoutSeconds":5,
                "HeartbeatSeconds":2,"Credentials":{"RoleArn":"arn:aws:iam::1:role/x"},
                "Retry":[{"ErrorEquals":["States.ALL"]}],"End":true}"#,
        start: |_| {},
        steps: &[
            "due", "due", "pick", "fail E", "due", "pick me", "stop -", "redrive", "pick", "ok 1",
        ],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
TaskStateEntered stateEntered name=A input={}
ActivityScheduled activityScheduled resource=ACTIVITY input={} timeoutInSeconds=5 \
            heartbeatInSeconds=2
ActivityTimedOut activityTimedOut error=States.Timeout
ActivityScheduled activityScheduled resource=ACTIVITY input={} timeoutInSeconds=5 \
            heartbeatInSeconds=2
ActivityStarted activityStarted
ActivityFailed activityFailed error=E
ActivityScheduled activityScheduled resource=ACTIVITY input={} timeoutInSeconds=5 \
            heartbeatInSeconds=2
ActivityStarted activityStarted workerName=me
ExecutionAborted executionAborted
ExecutionRedriven executionRedriven redriveCount=1
ActivityScheduled activityScheduled resource=ACTIVITY input={} timeoutInSeconds=5 \
            heartbeatInSeconds=2
ActivityStarted activityStarted
ActivitySucceeded activitySucceeded output=1
TaskStateExited stateExited name=A output=1
ExecutionSucceeded executionSucceeded output=1
",
    },
    Case {
        machine: r#""TimeoutSeconds":1,"#,
        states: r#""A":{"Type":"Wait","Seconds":9,"End":true}"#,
        start: |_| {},
        steps: &["due"],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
WaitStateEntered stateEntered name=A input={}
ExecutionTimedOut executionTimedOut error=States.Timeout
",
    },
    Case {
        machine: "",
        states: r#""A":{"Type":"Parallel","Parameters":{"i":[1]},"Next":"B","Branches":[
                {"StartAt":"Q","States":{"Q":{"Type":"Parallel","End":true,"Branches":[
                    {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":9,"End":true}}}]}}},
                {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$.i",
                    "ItemProcessor":{"StartAt":"T","States":{
                    "T":{"Type":"Task","Resource":"FUNCTION","End":true}}}}}},
                {"StartAt":"U","States":{
                    "U":{"Type":"Task","Resource":"FUNCTION","End":true}}}],
                "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"B"}]},
            "B":{"Type":"Parallel","Next":"C","Assign":{"x":"y"},"Branches":[
                {"StartAt":"P","States":{"P":{"Type":"Pass","Result":7,"End":true}}}]},
            "C":{"Type":"Map","Next":"D","ItemProcessor":{"StartAt":"O","States":{
                "O":{"Type":"Pass","End":true}}}},
            "D":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"F","States":{
                "F":{"Type":"Fail"}}}}"#,
        start: |_| {},
        steps: &["fail@U E"],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
ParallelStateEntered stateEntered name=A input={}
ParallelStateStarted
ParallelStateEntered stateEntered name=Q input={\"i\":[1]}
ParallelStateStarted
WaitStateEntered stateEntered name=W input={\"i\":[1]}
MapStateEntered stateEntered name=M input={\"i\":[1]}
MapStateStarted mapStateStarted length=1
MapIterationStarted mapIterationStarted name=M index=0
TaskStateEntered stateEntered name=T input=1
LambdaFunctionScheduled lambdaFunctionScheduled resource=FUNCTION input=1
LambdaFunctionStarted
TaskStateEntered stateEntered name=U input={\"i\":[1]}
LambdaFunctionScheduled lambdaFunctionScheduled resource=FUNCTION input={\"i\":[1]}
LambdaFunctionStarted
LambdaFunctionFailed lambdaFunctionFailed error=E
ParallelStateAborted
WaitStateAborted
MapStateAborted
MapIterationAborted mapIterationAborted name=M index=0
TaskStateAborted
TaskStateAborted
ParallelStateFailed
ParallelStateExited stateExited name=A output={}
ParallelStateEntered stateEntered name=B input={}
ParallelStateStarted
PassStateEntered stateEntered name=P input={}
PassStateExited stateExited name=P output=7
ParallelStateSucceeded
ParallelStateExited stateExited name=B output=[7] assignedVariables={\"x\":\"\\\"y\\\"\"}
MapStateEntered stateEntered name=C input=[7]
MapStateStarted mapStateStarted length=1
MapIterationStarted mapIterationStarted name=C index=0
PassStateEntered stateEntered name=O input=7
PassStateExited stateExited name=O output=7
MapIterationSucceeded mapIterationSucceeded name=C index=0
MapStateSucceeded
MapStateExited stateExited name=C output=[7]
MapStateEntered stateEntered name=D input=[7]
MapStateStarted mapStateStarted length=1
MapIterationStarted mapIterationStarted name=D index=0
FailStateEntered stateEntered name=F input=7
MapIterationFailed mapIterationFailed name=D index=0
MapStateFailed
ExecutionFailed executionFailed
",
    },
    Case {
        machine: r#""QueryLanguage":"JSONata","#,
        states: r#""A":{"Type":"Pass","Output":{"a":"{% $states.input.x %}"},"End":true}"#,
        start: |_| {},
        steps: &[],
        expected: "
ExecutionStarted executionStarted input={} roleArn=ROLE
PassStateEntered stateEntered name=A input={}
EvaluationFailed evaluationFailed error=States.QueryEvaluationError cause=An error occurred while \
            executing the state 'A' (entered at the event id #2). The JSONata expression \
            '$states.input.x' specified for the field 'Output/a' returned nothing (undefined). \
            location=Output/a state=A
ExecutionFailed executionFailed error=States.QueryEvaluationError cause=An error occurred while \
            executing the state 'A' (entered at the event id #2). The JSONata expression \
            '$states.input.x' specified for the field 'Output/a' returned nothing (undefined).
",
    },
];

fn run(case: &Case) -> Sim {
    let mut start = start_of("{}");
    (case.start)(&mut start);
    let named = case.states.replace("FUNCTION", FUNCTION);
    let mut definition = states(&named.replace("ACTIVITY", ACTIVITY));
    definition.insert_str(1, case.machine);
    let mut sim = Sim::started_with(&definition, start);
    for step in case.steps {
        sim.step(step).unwrap();
    }
    sim
}

/// The details of an event without `EventDetails` at the end of their name.
fn details(event: &Value) -> Option<(&str, &Object)> {
    let mut members = event.as_object().unwrap().iter();
    let (name, details) = members.find_map(|(name, value)| {
        Some((
            name.strip_suffix("EventDetails")?,
            value.as_object().unwrap(),
        ))
    })?;
    Some((name, details))
}

/// `type`, the name of the details, and their members. That data is whole is said beside it, and
/// left out here.
fn summary(event: &Value) -> String {
    let mut line = event.get("type").unwrap().as_str().unwrap().to_owned();
    let Some((name, details)) = details(event) else {
        return line;
    };
    line += &format!(" {name}");
    for (key, value) in details {
        match key.strip_suffix("Details") {
            Some(data) => {
                assert!(details.contains_key(data));
                assert_eq!(value.to_text(), r#"{"truncated":false}"#);
            }
            None => {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_text(), str::to_owned);
                assert!(value.as_str().is_none() || !key.ends_with("InSeconds"));
                line += &format!(" {key}={text}");
            }
        }
        let has_details = details.contains_key(&format!("{key}Details"));
        let is_data = ["input", "output", "assignedVariables"].contains(&key);
        assert_eq!(has_details, is_data);
    }
    line.replace(FUNCTION, "FUNCTION")
        .replace(ACTIVITY, "ACTIVITY")
        .replace("arn:aws:iam::123456789012:role/r", "ROLE")
        .replace(
            "resourceType=lambda resource=invoke.waitForTaskToken",
            "SERVICE",
        )
}

#[test]
fn types_and_details() {
    for case in CASES {
        let sim = run(case);
        let summaries: Vec<String> = rendered(&sim, true).iter().map(summary).collect();
        let expected: Vec<&str> = case.expected.trim().lines().collect();
        assert_eq!(summaries, expected);
    }
}

/// Without execution data an event is the same less its data.
#[test]
fn without_data() {
    for case in CASES {
        let sim = run(case);
        for (with, without) in rendered(&sim, true).iter().zip(rendered(&sim, false)) {
            let Some((name, all)) = details(with) else {
                assert_eq!(*with, without);
                continue;
            };
            let data = [
                "input",
                "inputDetails",
                "output",
                "outputDetails",
                "parameters",
                "assignedVariables",
                "assignedVariablesDetails",
            ];
            let rest = data
                .iter()
                .fold(all.clone(), |rest, member| rest.without(member));
            let cut = with.with_member(&format!("{name}EventDetails"), rest.into());
            assert_eq!(cut, without);
        }
    }
}

#[test]
fn common_members() {
    let mut sim = run(&CASES[2]);
    sim.events[1].0.0 = 1_700_000_000_007;
    assert_eq!(
        rendered(&sim, false)[1].to_text(),
        concat!(
            r#"{"timestamp":1700000000.007,"type":"TaskStateEntered","id":2,"previousEventId":0,"#,
            r#""stateEnteredEventDetails":{"name":"A"}}"#
        )
    );
}

#[test]
fn every_type_has_a_case() {
    let lines = CASES.iter().flat_map(|case| case.expected.trim().lines());
    let seen: BTreeSet<&str> = lines.map(|line| line.split(' ').next().unwrap()).collect();
    let table: BTreeSet<&str> = EVENT_TYPES.into_iter().collect();
    assert_eq!(seen, table);
}

#[test]
fn internal_and_foreign_events_are_not_shown() {
    let sim = run(&CASES[1]);
    assert!(sim.events.iter().any(|(_, event)| event.id == 0));
    assert_eq!(
        u64::try_from(rendered(&sim, true).len()),
        Ok(sim.run.last_event)
    );
    let foreign = program(&states(r#""A":{"Type":"Pass","End":true}"#));
    let start = sim.run.start.as_ref().unwrap();
    let shown = sim.events.iter();
    let shown = shown.filter_map(|(time, event)| render(&foreign, start, *time, event, true));
    let types: Vec<Value> = shown
        .filter_map(|event| event.get("type").cloned())
        .collect();
    // The other program has a state 0 as well.
    let expected = [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionFailed",
    ];
    assert_eq!(types, expected.map(Value::from));
}
