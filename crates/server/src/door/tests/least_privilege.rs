//! The policy that GetLeastPrivilege makes is enough, and nothing of it can be left out.

use std::time::{Duration, Instant};

use aws::Service;
use json::{Object, ObjectBuilder, Value};

use super::world::World;

const ACCOUNT: &str = "000000000000";
const STATES: &str = "arn:aws:states:us-east-1:000000000000";

const PASS: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;

/// Calls whose targets are literal, found at run time, and made as another role.
const WHOLE: &str = r#"{"StartAt": "Start", "States": {
    "Start": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn": "{states}:stateMachine:child"},
        "ResultPath": null, "Next": "Job"},
    "Job": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn.$": "$.machine"}, "ResultPath": null, "Next": "Role"},
    "Role": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:iam:getRole",
        "Parameters": {"RoleName.$": "$.role"}, "ResultPath": null, "Next": "List"},
    "List": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities",
        "Parameters": {}, "ResultPath": null, "Next": "Theirs"},
    "Theirs": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listStateMachines",
        "Parameters": {}, "Credentials": {"RoleArn": "arn:aws:iam::000000000000:role/theirs"},
        "ResultPath": null, "End": true}}}"#;

const INPUT: &str = r#"{"machine": "{states}:stateMachine:other", "role": "theirs"}"#;

/// Longer than any of these executions takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn members<const N: usize>(members: [(&'static str, &str); N]) -> Value {
    let mut object = ObjectBuilder::new();
    for (name, value) in members {
        object.add(name, value);
    }
    object.build().into()
}

fn text(value: &Value, member: &str) -> String {
    let text = value.get(member).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no {member} in {value}"))
        .to_owned()
}

impl World {
    async fn must(&self, service: Service, operation: &str, input: &Value) -> Value {
        let answer = self.send(service, operation, input).await;
        answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// A role that `principal` may assume, with a policy; an existing one gets the policy.
    async fn role(&self, name: &str, principal: &str, policy: &str) {
        let trust = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
                "Principal": {principal}, "Action": "sts:AssumeRole"}}}}"#
        );
        let role = members([("RoleName", name), ("AssumeRolePolicyDocument", &trust)]);
        let made = self.send(Service::Iam, "CreateRole", &role).await;
        if let Err(error) = made {
            assert_eq!(error.code, "EntityAlreadyExists");
        }
        let put = [
            ("RoleName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", policy),
        ];
        self.must(Service::Iam, "PutRolePolicy", &members(put))
            .await;
    }

    async fn machine(
        &self,
        name: &str,
        role: &str,
        definition: &str,
    ) -> Result<Value, aws::ServiceError> {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let definition = definition.replace("{states}", STATES);
        let input = members([
            ("name", name),
            ("roleArn", &role),
            ("definition", &definition),
        ]);
        self.send(Service::States, "CreateStateMachine", &input)
            .await
    }

    /// How an execution of a machine ends: its status, and the cause if it failed.
    async fn run(&self, machine: &str) -> (String, String) {
        let machine = format!("{STATES}:stateMachine:{machine}");
        let input = INPUT.replace("{states}", STATES);
        let start = members([("stateMachineArn", &machine), ("input", &input)]);
        let started = self.must(Service::States, "StartExecution", &start).await;
        let execution = members([("executionArn", &text(&started, "executionArn"))]);
        let until = Instant::now() + PATIENCE;
        loop {
            let told = self
                .must(Service::States, "DescribeExecution", &execution)
                .await;
            let cause = told
                .get("cause")
                .and_then(Value::as_str)
                .unwrap_or_default();
            match &*text(&told, "status") {
                "RUNNING" if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                status => return (status.to_owned(), cause.to_owned()),
            }
        }
    }

    async fn least_privilege(&self, machine: &str) -> Value {
        let machine = format!("{STATES}:stateMachine:{machine}");
        let input = members([("stateMachineArn", &machine)]);
        self.must(Service::Lockstep, "GetLeastPrivilege", &input)
            .await
    }
}

const BY_STATES: &str = r#"{"Service": "states.amazonaws.com"}"#;
const BY_ACCOUNT: &str = r#"{"AWS": "arn:aws:iam::000000000000:root"}"#;
const EVERYTHING: &str = r#"{"Version": "2012-10-17", "Statement": {"Sid": "All",
    "Effect": "Allow", "Action": ["*", "s3:GetObject"], "Resource": "*"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_enough_and_nothing_of_it_can_be_left_out() {
    let world = World::empty();
    world.role("wide", BY_STATES, EVERYTHING).await;
    world.role("theirs", BY_ACCOUNT, EVERYTHING).await;
    for (name, definition) in [("child", PASS), ("other", PASS), ("whole", WHOLE)] {
        world.machine(name, "wide", definition).await.unwrap();
    }
    assert_eq!(
        world.run("whole").await,
        ("SUCCEEDED".to_owned(), String::new())
    );

    let found = world.least_privilege("whole").await;
    assert_eq!(found.get("executionsRead").and_then(Value::as_i64), Some(1));
    assert_eq!(found.get("missing"), Some(&Value::empty_array()));
    let unused = found
        .get("unused")
        .and_then(|unused| unused.index(0))
        .unwrap();
    assert_eq!(text(unused, "sid"), "All");
    let entries = unused.get("unusedActions").unwrap();
    assert_eq!(entries.to_text(), r#"["s3:GetObject"]"#);
    let assumed = found
        .get("assumedRoles")
        .and_then(|roles| roles.index(0))
        .unwrap();
    world
        .role("theirs", BY_ACCOUNT, &text(assumed, "policyDocument"))
        .await;

    let policy = text(&found, "policyDocument");
    world.role("tight", BY_STATES, &policy).await;
    world.machine("tight", "tight", WHOLE).await.unwrap();
    assert_eq!(
        world.run("tight").await,
        ("SUCCEEDED".to_owned(), String::new())
    );
    let found = world.least_privilege("tight").await;
    assert_eq!(found.get("missing"), Some(&Value::empty_array()));

    let document = json::parse(&policy).unwrap();
    let statements = document.get("Statement").and_then(Value::as_array).unwrap();
    assert!(statements.len() >= 5, "{policy}");
    for left_out in 0..statements.len() {
        let mut rest = statements.to_vec();
        let gone = rest.remove(left_out);
        let rest = Object::new()
            .with("Version", "2012-10-17".into())
            .with("Statement", rest.into());
        world
            .role("tight", BY_STATES, &Value::from(rest).to_text())
            .await;
        let name = format!("without-{left_out}");
        let denied = match world.machine(&name, "tight", WHOLE).await {
            Ok(_) => {
                let (status, cause) = world.run(&name).await;
                assert_eq!(status, "FAILED", "without {gone}");
                cause
            }
            Err(refused) => refused.message,
        };
        assert!(
            denied.contains("not authorized"),
            "without {gone}: {denied}"
        );
        let found = world.least_privilege("tight").await;
        let missing = found.get("missing").and_then(Value::as_array).unwrap();
        assert!(!missing.is_empty(), "without {gone}");
    }
    world.close().await;
}
