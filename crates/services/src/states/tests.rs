//! Cases of the operations.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use asl::time::Timestamp;
use engine::{Answered, Clock, Runner, TaskCall, TaskOutcome};
use json::{ObjectBuilder, Value};
use store::{Memory, Store};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::*;
use crate::testing;

/// The engine's time stands still: no Wait ends.
const NOW_MS: i64 = 1_790_000_000_000;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(NOW_MS)
    }
}

type Outcome = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// Accepts every call and hands its payload out, which is the call's task token.
struct Payloads(mpsc::UnboundedSender<Value>);

impl Runner for Payloads {
    fn run(&self, call: TaskCall) -> Outcome {
        if let Some(payload) = call.call.parameters.get("Payload") {
            self.0.send(payload.clone()).unwrap();
        }
        Box::pin(std::future::ready(
            TaskOutcome::Submitted(Value::null()).into(),
        ))
    }
}

/// Runs no Tasks.
pub(super) struct Idle;

impl Runner for Idle {
    fn run(&self, _call: TaskCall) -> Outcome {
        Box::pin(std::future::pending())
    }
}

/// The service over this store.
pub(super) fn states_over(store: Arc<dyn Store>, runner: Arc<dyn Runner>) -> Arc<States> {
    states_within(store, runner, &Value::null())
}

/// The service with limits that a case names, otherwise AWS's.
fn states_within(store: Arc<dyn Store>, runner: Arc<dyn Runner>, case: &Value) -> Arc<States> {
    let limit = |name: &str| {
        let limit = case.get("limits").and_then(|limits| limits.get(name));
        limit
            .and_then(Value::as_i64)
            .map(|limit| limit.try_into().unwrap())
    };
    let aws = Limits::default();
    let limits = Limits {
        state_machines_max: limit("state_machines_max").unwrap_or(aws.state_machines_max),
        activities_max: limit("activities_max").unwrap_or(aws.activities_max),
        versions_max: limit("versions_max").unwrap_or(aws.versions_max),
        aliases_max: limit("aliases_max").unwrap_or(aws.aliases_max),
        tags_max: limit("tags_max").unwrap_or(aws.tags_max),
    };
    let mut config = engine::Config::default();
    if let Some(max) = limit("open_executions_max") {
        config.open_executions_max = max.try_into().unwrap();
    }
    if let Some(max) = limit("pollers_per_activity_max") {
        config.pollers_per_activity_max = max;
    }
    let engine = Engine::open(
        config,
        Arc::clone(&store),
        runner,
        Arc::new(StoredDefinitions::new(Arc::clone(&store))),
        Arc::new(Still),
        Handle::current(),
    );
    Arc::new(States {
        access: testing::identity(Arc::clone(&store), false).access,
        logs: testing::logs(&store),
        documents: Documents::new(store),
        engine: engine.unwrap(),
        cache: Arc::default(),
        limits,
        machines: Quota::new(Kind::StateMachine, limits.state_machines_max),
        activities: Quota::new(Kind::Activity, limits.activities_max),
        last_definition: AtomicU64::new(0),
        activity_wait: Duration::from_millis(20),
        test_turns: Semaphore::new(TEST_TURNS_MAX),
        payload_bytes_max: PAYLOAD_BYTES_MAX,
    })
}

const PAYLOAD_BYTES_MAX: usize = 262_144;

fn fresh() -> Arc<States> {
    states_over(Arc::new(Memory::new()), Arc::new(Idle))
}

/// The service that a case starts with.
pub(crate) fn fresh_for(case: &Value) -> Arc<States> {
    states_within(Arc::new(Memory::new()), Arc::new(Idle), case)
}

async fn ask(states: &States, operation: &str, input: Value) -> Result<Value, ServiceError> {
    let call = testing::call(aws::Service::States, operation, &input, NOW_MS);
    let answer = states.handle(operation, &call).await.expect("served");
    answer.map(|answer| answer.members)
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut builder = ObjectBuilder::new();
    for (name, value) in members {
        builder.add(name, value);
    }
    builder.build().into()
}

const ROLE: &str = "arn:aws:iam::123456789012:role/states";
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

async fn create(states: &States, name: &str, definition: &str) -> Value {
    let input = members([
        ("name", name.into()),
        ("definition", definition.into()),
        ("roleArn", ROLE.into()),
    ]);
    let created = ask(states, "CreateStateMachine", input).await.unwrap();
    created.get("stateMachineArn").unwrap().clone()
}

#[tokio::test]
async fn scripts() {
    let handle = |states: Arc<States>, operation: String, call: Call| async move {
        states.handle(&operation, &call).await
    };
    let files = [
        "states-activities.json",
        "states-aliases.json",
        "states-deletion.json",
        "states-executions.json",
        "states-express.json",
        "states-machines.json",
        "states-map-runs.json",
        "states-redrive.json",
        "states-tags.json",
        "states-test-state.json",
        "states-validation.json",
        "states-versions.json",
    ];
    testing::play(&files, &[aws::Service::States], fresh_for, handle).await;
}

/// The items of every page, asking for `max` at once.
async fn pages(
    states: &States,
    operation: &str,
    of: (&str, Value),
    list: &str,
    max: i32,
) -> Vec<Value> {
    let mut input = members([(of.0, of.1), ("maxResults", max.into())]);
    let mut items = Vec::new();
    for _ in 0..20 {
        let page = ask(states, operation, input.clone()).await.unwrap();
        let found = page.get(list).and_then(Value::as_array).unwrap();
        assert!(found.len() <= usize::try_from(max).unwrap());
        items.extend_from_slice(found);
        match page.get("nextToken") {
            Some(token) => input = input.with_member("nextToken", token.clone()),
            None => return items,
        }
    }
    panic!("{operation} never ends");
}

#[tokio::test]
async fn pages_follow_each_other() {
    let states = fresh();
    let mut machine = Value::null();
    for name in ["a", "b", "c", "d", "e"] {
        machine = create(&states, name, PASS).await;
    }
    let names = |items: Vec<Value>, member: &str| -> Vec<String> {
        let text = |item: &Value| item.get(member).unwrap().to_text().replace('"', "");
        items.iter().map(text).collect()
    };
    let none = ("unknown", Value::null());
    let listed = pages(&states, "ListStateMachines", none, "stateMachines", 2).await;
    assert_eq!(names(listed, "name"), ["a", "b", "c", "d", "e"]);
    for name in ["1", "2", "3"] {
        let input = members([("stateMachineArn", machine.clone()), ("name", name.into())]);
        ask(&states, "StartExecution", input).await.unwrap();
    }
    let of = ("stateMachineArn", machine);
    let listed = pages(&states, "ListExecutions", of, "executions", 1).await;
    let arn = (
        "executionArn",
        listed[0].get("executionArn").unwrap().clone(),
    );
    assert_eq!(names(listed, "name"), ["3", "2", "1"]);
    let events = pages(&states, "GetExecutionHistory", arn, "events", 3).await;
    assert_eq!(names(events, "id"), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_page_token_is_for_one_list() {
    let states = fresh();
    for name in ["a", "b"] {
        create(&states, name, PASS).await;
    }
    let one = members([("maxResults", 1.into())]);
    let page = ask(&states, "ListStateMachines", one).await.unwrap();
    let token = members([("nextToken", page.get("nextToken").unwrap().clone())]);
    let mut call = testing::call(aws::Service::States, "ListStateMachines", &token, NOW_MS);
    call.region = "us-east-1".into();
    let refused = states
        .handle("ListStateMachines", &call)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.code, "InvalidToken");
}

/// Starts `name` on a machine that waits for a token, and gives the execution's ARN.
async fn started(states: &States, machine: &Value, name: &str) -> Value {
    let input = members([("stateMachineArn", machine.clone()), ("name", name.into())]);
    let started = ask(states, "StartExecution", input).await.unwrap();
    started.get("executionArn").unwrap().clone()
}

#[tokio::test]
async fn task_tokens() {
    const CALLBACK: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters":{"FunctionName":"f","Payload.$":"$$.Task.Token"}}}}"#;
    let (sender, mut tokens) = mpsc::unbounded_channel();
    let states = states_over(Arc::new(Memory::new()), Arc::new(Payloads(sender)));
    let machine = create(&states, "m", CALLBACK).await;
    let status = async |arn: &Value| {
        let input = members([("executionArn", arn.clone())]);
        ask(&states, "DescribeExecution", input).await.unwrap()
    };
    let arn = started(&states, &machine, "good").await;
    let token = tokens.recv().await.unwrap();
    let beat = members([("taskToken", token.clone())]);
    ask(&states, "SendTaskHeartbeat", beat.clone())
        .await
        .unwrap();
    let success = beat.with_member("output", r#"{ "ok": 1.0 }"#.into());
    assert_eq!(
        ask(&states, "SendTaskSuccess", success.clone())
            .await
            .unwrap(),
        members([])
    );
    assert_eq!(
        status(&arn).await.get("output"),
        Some(&r#"{"ok":1.0}"#.into())
    );
    for operation in ["SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"] {
        let late = ask(&states, operation, success.clone()).await.unwrap_err();
        assert_eq!(late.code, "TaskTimedOut", "{operation}");
    }

    let arn = started(&states, &machine, "bad").await;
    let token = tokens.recv().await.unwrap();
    let forged: Value = format!("{}x", token.as_str().unwrap()).into();
    let forged = ask(&states, "SendTaskFailure", members([("taskToken", forged)])).await;
    assert_eq!(forged.unwrap_err().code, "InvalidToken");
    let failure = members([
        ("taskToken", token),
        ("error", "E".into()),
        ("cause", "why".into()),
    ]);
    ask(&states, "SendTaskFailure", failure).await.unwrap();
    let ended = status(&arn).await;
    assert_eq!(ended.get("status"), Some(&"FAILED".into()));
    assert_eq!(ended.get("error"), Some(&"E".into()));
    assert_eq!(ended.get("cause"), Some(&"why".into()));
}

#[tokio::test]
async fn inputs_end_at_262144_bytes() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let start = async |name: &str, input: String| {
        let input = members([
            ("stateMachineArn", machine.clone()),
            ("name", name.into()),
            ("input", input.into()),
        ]);
        ask(&states, "StartExecution", input)
            .await
            .map_err(|error| error.code.into_owned())
    };
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    start("fits", text(PAYLOAD_BYTES_MAX)).await.unwrap();
    // One in characters as well as in bytes, and one in bytes only.
    let wide = format!("\"{}\"", "é".repeat(PAYLOAD_BYTES_MAX / 2));
    for (name, input) in [("long", text(PAYLOAD_BYTES_MAX + 1)), ("wide", wide)] {
        assert_eq!(
            start(name, input).await.unwrap_err(),
            "InvalidExecutionInput"
        );
    }
    // The form of a token; what is none is refused first.
    let token = concat!(
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGFybjphd3M6c3RhdGVzOmV1LXdlc3QtMToxMjM0",
        "NTY3ODkwMTI6ZXhlY3V0aW9uOm06Z29uZQ"
    );
    let token = members([("taskToken", token.into())]);
    for output in [
        "x".repeat(PAYLOAD_BYTES_MAX + 1),
        "é".repeat(PAYLOAD_BYTES_MAX / 2 + 1),
    ] {
        let success = token.with_member("output", output.into());
        let refused = ask(&states, "SendTaskSuccess", success).await;
        assert_eq!(refused.unwrap_err().code, "InvalidOutput");
    }
}

#[tokio::test]
async fn revision_ids_are_fresh_uuids() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let mut ids = std::collections::BTreeSet::new();
    for role in ["a", "b", "b", "a"] {
        let role = format!("arn:aws:iam::123456789012:role/{role}");
        let input = members([
            ("stateMachineArn", machine.clone()),
            ("roleArn", role.into()),
        ]);
        let updated = ask(&states, "UpdateStateMachine", input).await.unwrap();
        let id = updated
            .get("revisionId")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        uuid::Uuid::parse_str(&id).unwrap();
        ids.insert(id);
    }
    assert_eq!(ids.len(), 3, "the third update changed nothing");
}

#[tokio::test]
async fn updates_at_once_leave_one_winner_each() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let updates = (0..8).map(|number| {
        let (states, machine) = (Arc::clone(&states), machine.clone());
        tokio::spawn(async move {
            let role = format!("arn:aws:iam::123456789012:role/r{number}");
            let input = members([
                ("stateMachineArn", machine),
                ("roleArn", role.clone().into()),
            ]);
            ask(&states, "UpdateStateMachine", input)
                .await
                .map(|_| role)
        })
    });
    let mut won = Vec::new();
    for update in updates.collect::<Vec<_>>() {
        match update.await.unwrap() {
            Ok(role) => won.push(role),
            Err(error) => assert_eq!(error.code, "ConflictException"),
        }
    }
    let described = ask(
        &states,
        "DescribeStateMachine",
        members([("stateMachineArn", machine)]),
    );
    let role = described
        .await
        .unwrap()
        .get("roleArn")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    assert!(won.contains(&role), "{role} is none of {won:?}");
}

/// Makes the same call eight times at once.
async fn at_once(
    states: &Arc<States>,
    operation: &'static str,
    input: impl Fn(usize) -> Value,
) -> Vec<Result<Value, ServiceError>> {
    let calls = (0..8).map(|number| {
        let (states, input) = (Arc::clone(states), input(number));
        tokio::spawn(async move { ask(&states, operation, input).await })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

fn text(answer: &Value, member: &str) -> String {
    answer.get(member).unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn publications_at_once_make_one_version() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let publish = |_| members([("stateMachineArn", machine.clone())]);
    let published = at_once(&states, "PublishStateMachineVersion", publish).await;
    for answer in published {
        let arn = text(&answer.unwrap(), "stateMachineVersionArn");
        assert!(arn.ends_with(":stateMachine:m:1"), "{arn}");
    }
}

#[tokio::test]
async fn updates_at_once_publish_what_they_made() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let role = |number: usize| format!("arn:aws:iam::123456789012:role/r{number}");
    let update = |number| {
        members([
            ("stateMachineArn", machine.clone()),
            ("roleArn", role(number).into()),
            ("publish", true.into()),
        ])
    };
    let mut versions = std::collections::BTreeSet::new();
    for (number, answer) in at_once(&states, "UpdateStateMachine", update)
        .await
        .iter()
        .enumerate()
    {
        match answer {
            Ok(answer) => {
                let arn = text(answer, "stateMachineVersionArn");
                let input = members([("stateMachineArn", arn.as_str().into())]);
                let version = ask(&states, "DescribeStateMachine", input).await.unwrap();
                assert_eq!(text(&version, "roleArn"), role(number));
                assert_eq!(text(&version, "revisionId"), text(answer, "revisionId"));
                assert!(versions.insert(arn), "a version of two updates");
            }
            Err(error) => assert_eq!(error.code, "ConflictException"),
        }
    }
    assert!(!versions.is_empty());
}

#[tokio::test]
async fn no_alias_leads_to_a_version_that_is_deleted_at_once() {
    for _ in 0..20 {
        let states = fresh();
        let machine = create(&states, "m", PASS).await;
        let publish = members([("stateMachineArn", machine)]);
        let published = ask(&states, "PublishStateMachineVersion", publish)
            .await
            .unwrap();
        let version = published.get("stateMachineVersionArn").unwrap().clone();
        let share = members([
            ("stateMachineVersionArn", version.clone()),
            ("weight", 100.into()),
        ]);
        let routing: Value = std::iter::once(share).collect();
        let alias = members([("name", "live".into()), ("routingConfiguration", routing)]);
        let deletion = members([("stateMachineVersionArn", version)]);
        let (created, deleted) = tokio::join!(
            ask(&states, "CreateStateMachineAlias", alias),
            ask(&states, "DeleteStateMachineVersion", deletion),
        );
        match (created, deleted) {
            (Ok(_), Err(error)) => assert_eq!(error.code, "ConflictException"),
            (Err(error), Ok(_)) => assert_eq!(error.code, "ResourceNotFound"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn creations_at_once_stay_within_their_limit() {
    let limits = members([("limits", members([("activities_max", 3.into())]))]);
    let states = fresh_for(&limits);
    let create = |number: usize| members([("name", number.to_string().into())]);
    let created = at_once(&states, "CreateActivity", create).await;
    let (made, refused): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 3);
    for refusal in refused {
        assert_eq!(refusal.unwrap_err().code, "ActivityLimitExceeded");
    }
    let listed = ask(&states, "ListActivities", members([])).await.unwrap();
    assert_eq!(
        listed.get("activities").unwrap().as_array().unwrap().len(),
        3
    );
}

#[tokio::test]
async fn the_definitions_of_versions_are_in_use() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    for role in ["a", "b"] {
        let input = members([
            ("stateMachineArn", machine.clone()),
            (
                "roleArn",
                format!("arn:aws:iam::123456789012:role/{role}").into(),
            ),
            ("publish", true.into()),
        ]);
        ask(&states, "UpdateStateMachine", input).await.unwrap();
    }
    let mut in_use = states.definitions_in_use().await.unwrap();
    // The last one added is said besides.
    in_use.sort_unstable();
    in_use.dedup();
    assert_eq!(in_use, [2, 3], "the first revision was never published");
}

#[tokio::test]
async fn what_is_added_from_now_on_is_above_the_definitions_in_use() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let delete = members([("stateMachineArn", machine)]);
    ask(&states, "DeleteStateMachine", delete).await.unwrap();
    assert_eq!(states.definitions_in_use().await.unwrap(), [1]);
}

/// TagResource of a machine with a concurrency limit.
fn limited(machine: &Value, limit: &str) -> Call {
    let tag = members([("key", concurrency::TAG.into()), ("value", limit.into())]);
    let input = members([
        ("resourceArn", machine.clone()),
        ("tags", [tag].into_iter().collect()),
    ]);
    testing::call(Service::States, "TagResource", &input, NOW_MS)
}

#[tokio::test]
async fn a_limit_counts_also_when_its_caller_leaves() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let arn = machine.as_str().unwrap();
    let limit = || states.engine().concurrency(arn).unwrap().limit;
    let call = limited(&machine, "1");
    states.handle("TagResource", &call).await.unwrap().unwrap();
    assert_eq!(limit(), Some(1));
    let call = limited(&machine, "2");
    let tagging = states.handle("TagResource", &call);
    // Mostly it is not answered at once, and left.
    drop(tokio::time::timeout(Duration::ZERO, tagging).await);
    let counts = async {
        while limit() != Some(2) {
            tokio::task::yield_now().await;
        }
    };
    let counts = tokio::time::timeout(Duration::from_secs(10), counts).await;
    counts.expect("the limit counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_limits_set_at_once_the_stored_one_counts() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let arn = machine.as_str().unwrap().to_owned();
    let limit = || states.engine().concurrency(&arn).unwrap().limit;
    for round in 0..20 {
        let tag = |limit: u32| {
            let (states, call) = (Arc::clone(&states), limited(&machine, &limit.to_string()));
            tokio::spawn(async move { states.handle("TagResource", &call).await })
        };
        let tagging: Vec<_> = (1..=8).map(tag).collect();
        for tagged in tagging {
            tagged.await.unwrap().unwrap().unwrap();
        }
        let of = members([("resourceArn", machine.clone())]);
        let stored = ask(&states, "ListTagsForResource", of).await.unwrap();
        let stored = stored.get("tags").and_then(Value::as_array).unwrap()[0].clone();
        let stored = stored.get("value").and_then(Value::as_str).unwrap();
        assert_eq!(limit(), stored.parse().ok(), "round {round}");
    }
}

#[tokio::test]
async fn the_header_of_a_trace_wins() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let check =
        async |name: &str, header: Option<&str>, member: Option<&str>, expected: Option<&str>| {
            let mut input = members([("stateMachineArn", machine.clone()), ("name", name.into())]);
            if let Some(member) = member {
                input = input.with_member("traceHeader", member.into());
            }
            let mut call = testing::call(Service::States, "StartExecution", &input, NOW_MS);
            call.trace_header = header.map(Arc::from);
            let started = states
                .handle("StartExecution", &call)
                .await
                .unwrap()
                .unwrap();
            let arn = started.members.get("executionArn").unwrap().clone();
            let described = ask(
                &states,
                "DescribeExecution",
                members([("executionArn", arn)]),
            )
            .await;
            let shown = described.unwrap();
            let shown = shown.get("traceHeader").and_then(Value::as_str);
            assert_eq!(shown, expected, "{header:?} {member:?}");
        };
    check("a", None, None, None).await;
    check("b", None, Some("Root=1"), Some("Root=1")).await;
    check("c", Some("Root=2"), Some("Root=1"), Some("Root=2")).await;
    check("d", Some(&"x".repeat(257)), Some("Root=1"), Some("Root=1")).await;
    check("e", Some("é"), None, None).await;
}

#[tokio::test]
async fn the_same_attempt_starts_one_child() {
    let states = fresh();
    let machine = create(&states, "m", PASS).await;
    let start = async |attempt: &str| {
        let input = members([("stateMachineArn", machine.clone())]);
        let mut call = testing::call(Service::States, "StartExecution", &input, NOW_MS);
        call.attempt = Some(attempt.into());
        let started = states
            .handle("StartExecution", &call)
            .await
            .unwrap()
            .unwrap();
        text(&started.members, "executionArn")
    };
    let parent = "arn:aws:states:eu-west-1:123456789012:execution:p:e";
    let first = start(&format!("{parent}#3")).await;
    assert_eq!(start(&format!("{parent}#3")).await, first);
    assert_ne!(start(&format!("{parent}#9")).await, first);
}

#[tokio::test]
async fn creations_at_once_make_one_machine() {
    let states = fresh();
    let creations = (0..8).map(|_| {
        let states = Arc::clone(&states);
        tokio::spawn(async move { create(&states, "m", PASS).await })
    });
    for creation in creations.collect::<Vec<_>>() {
        creation.await.unwrap();
    }
    let listed = ask(&states, "ListStateMachines", members([]))
        .await
        .unwrap();
    assert_eq!(
        listed
            .get("stateMachines")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn another_server_over_the_store_goes_on() {
    let store = Arc::new(Memory::new());
    let first = states_over(store.clone(), Arc::new(Idle));
    let machine = create(&first, "m", PASS).await;
    first.engine.shutdown().await;
    let second = states_over(store, Arc::new(Idle));
    let start = members([("stateMachineArn", machine), ("name", "n".into())]);
    let started = ask(&second, "StartExecution", start).await.unwrap();
    let arn = members([("executionArn", started.get("executionArn").unwrap().clone())]);
    let described = ask(&second, "DescribeExecution", arn).await.unwrap();
    assert_eq!(described.get("status"), Some(&"SUCCEEDED".into()));
}

#[test]
fn programs_that_cannot_be_had_are_named() {
    use engine::{DefinitionError, Definitions as _};
    let store = Arc::new(Memory::new());
    let damaged = store.add_definition(b"{").unwrap();
    let older = br#"{"definition":"{}","role_arn":"r","logging":{"include_execution_data":false,
        "destinations":[]},"revision_id":null,"updated_ms":0}"#;
    let broken = store.add_definition(older).unwrap();
    let definitions = StoredDefinitions::new(store);
    let error = |number| definitions.program(number).map(|_| ()).unwrap_err();
    assert_eq!(error(99), DefinitionError::Missing(99));
    assert!(matches!(error(damaged), DefinitionError::Unreadable(number, _) if number == damaged));
    assert!(matches!(error(broken), DefinitionError::Broken(number, _) if number == broken));
}

#[tokio::test]
async fn other_operations_are_not_served() {
    let states = fresh();
    for operation in aws::Service::States.model().unwrap().operations() {
        let operation = &*operation.name;
        let call = testing::call(
            aws::Service::States,
            operation,
            &Value::empty_object(),
            NOW_MS,
        );
        assert_eq!(
            states.handle(operation, &call).await.is_some(),
            States::facts(operation).is_some()
        );
    }
}
