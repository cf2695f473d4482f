use std::collections::BTreeMap;
use std::sync::Arc;

use asl::event::{BranchId, Event, EventKind, ExecutionKind, Failure, Served, Start, Text};
use asl::limits::Limits;
use asl::program::StateIndex;
use asl::time::Timestamp;
use json::Value;
use store::EntityId;

use super::*;
use crate::testing::{MACHINE, ROLE, failure, value};

const ENTITY: EntityId = EntityId(4_711);
const TIME: Timestamp = Timestamp(1_700_000_000_123);

/// What earlier records hold, all of it.
#[derive(Default)]
struct Earlier {
    literals: BTreeMap<u32, Literals>,
    window: Window,
}

impl Context for Earlier {
    type Error = Flaw;

    fn literals(&mut self, record: u32) -> Result<Literals, Flaw> {
        self.literals
            .get(&record)
            .map(Arc::clone)
            .ok_or(Flaw::Missing)
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }
}

/// Writes one record for each list of events.
fn encode(records: &[Vec<Event>]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(ENTITY);
    let mut compressor = Compressor::default();
    let records = records.iter();
    records
        .map(|events| encoder.encode(TIME, events, &mut compressor))
        .collect()
}

fn decode(records: &[Vec<u8>]) -> Result<Vec<Vec<Event>>, Flaw> {
    let mut earlier = Earlier::default();
    let mut decoded = Vec::new();
    for (number, bytes) in records.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let record = Record::open(ENTITY, number, bytes)?;
        assert_eq!(record.time(), TIME);
        let mut events = record.events();
        let mut list = Vec::new();
        while let Some(event) = events.next(&mut earlier)? {
            list.push(event);
        }
        decoded.push(list);
        earlier
            .literals
            .insert(number, Arc::clone(record.literals()));
    }
    Ok(decoded)
}

/// What comes back must be the same to the last byte of every payload.
fn check(records: &[Vec<Event>]) -> Vec<Vec<u8>> {
    let encoded = encode(records);
    let decoded = decode(&encoded).unwrap();
    // `Debug` writes payloads as text, where equality would take 1 for 1.0.
    assert_eq!(format!("{decoded:?}"), format!("{records:?}"));
    encoded
}

fn event(id: u64, kind: EventKind) -> Event {
    Event {
        id,
        previous: id.saturating_sub(1),
        branch: BranchId::ROOT,
        kind,
    }
}

fn entered(id: u64, state: u32, input: &Value) -> Event {
    event(
        id,
        EventKind::StateEntered {
            state: StateIndex(state),
            input: input.clone(),
        },
    )
}

fn start(input: &str) -> Start {
    Start {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:M:run".into(),
        execution_name: "run".into(),
        state_machine_arn: MACHINE.into(),
        state_machine_name: "M".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        role_arn: ROLE.into(),
        definition: 7,
        input: value(input),
        input_text: Some(input)
            .filter(|text| value(text).to_text() != **text)
            .map(Text::from),
        trace_header: None,
        started_by: None,
        tags: None,
        mock_case: None,
        kind: ExecutionKind::Standard,
        limits: Limits::default(),
        token_secret: [9; 16],
    }
}

/// Every kind of event that AWS shows and that there was before threads, with every field present
/// once and absent once.
fn shown_kinds(payload: &Value) -> Vec<EventKind> {
    let state = StateIndex(3);
    let full_start = Start {
        state_machine_version_arn: Some(format!("{MACHINE}:1").into()),
        state_machine_alias_arn: Some(format!("{MACHINE}:live").into()),
        trace_header: Some("Root=1-5759e988".into()),
        execution_arn: "arn:of:another:kind".into(),
        ..start(r#"{ "kept":  "as sent" }"#)
    };
    let scheduled = |seconds: Option<u64>| EventKind::TaskScheduled {
        state,
        parameters: payload.clone(),
        timeout_seconds: seconds,
        heartbeat_seconds: seconds.map(|seconds| seconds + 1),
        credentials_role_arn: seconds.map(|_| ROLE.into()),
        is_job: false,
    };
    let output = payload.clone();
    let some = || failure("States.TaskFailed", "it did");
    vec![
        EventKind::ExecutionStarted(Box::new(full_start)),
        EventKind::ExecutionStarted(Box::new(start(r#"{"compact":1}"#))),
        EventKind::ExecutionSucceeded {
            output: output.clone(),
        },
        EventKind::ExecutionFailed(some()),
        EventKind::ExecutionFailed(Failure::default()),
        EventKind::ExecutionAborted(Failure {
            cause: None,
            ..some()
        }),
        EventKind::ExecutionTimedOut(Failure {
            error: None,
            ..some()
        }),
        EventKind::StateEntered {
            state,
            input: output,
        },
        EventKind::StateExited {
            state,
            output: value("7.50"),
            assigned: None,
        },
        scheduled(None),
        scheduled(Some(99_999_999)),
        EventKind::TaskStarted {
            state,
            worker_name: None,
        },
        EventKind::TaskSubmitted {
            state,
            output: value("{}"),
        },
        EventKind::TaskSucceeded {
            state,
            output: value("null"),
        },
        EventKind::TaskFailed {
            state,
            failure: some(),
        },
        EventKind::TaskTimedOut {
            state,
            failure: Failure::default(),
        },
    ]
}

/// The kinds of threads, variables and queries, with every field present once and absent once.
fn kinds_of_threads(payload: &Value) -> Vec<EventKind> {
    let (state, index) = (StateIndex(1), 70_000);
    let assigned = value(r#"{"x": {"y": [1.0]}, "long": "of more than thirty-two bytes, in all"}"#);
    let evaluation = |location: Option<&str>| EventKind::EvaluationFailed {
        state,
        failure: failure("States.QueryEvaluationError", "it did"),
        location: location.map(Text::from),
    };
    vec![
        EventKind::StateExited {
            state,
            output: payload.clone(),
            assigned: assigned.as_object().cloned(),
        },
        EventKind::StateExited {
            state,
            output: value("1"),
            assigned: Some(json::Object::new()),
        },
        evaluation(None),
        evaluation(Some("Assign/x[0]")),
        EventKind::ParallelStarted { state },
        EventKind::MapStarted {
            state,
            items: payload.clone(),
            concurrency: u32::MAX,
        },
        EventKind::MapIterationStarted {
            state,
            parent: BranchId(300),
            index,
            input: payload.get("a").unwrap().clone(),
        },
        EventKind::MapIterationSucceeded { state, index },
        EventKind::MapIterationFailed { state, index },
        EventKind::MapIterationAborted { state, index },
        EventKind::StateSucceeded { state },
        EventKind::StateFailed { state },
        EventKind::StateAborted { state },
    ]
}

/// Those kinds, in threads of their own.
fn threads() -> Vec<Vec<Event>> {
    let payload = value(r#"{"a": ["of more than thirty-two bytes, in all"], "b": {}}"#);
    let internal = [
        EventKind::BranchStarted {
            parent: BranchId::ROOT,
            index: 9_999,
            input: payload.clone(),
        },
        EventKind::BranchSucceeded,
        EventKind::BranchesCut,
    ];
    let shown = (10..).zip(kinds_of_threads(&payload));
    let mut events: Vec<Event> = shown.map(|(id, kind)| event(id, kind)).collect();
    events.extend(internal.map(|kind| event(0, kind)));
    for (number, event) in (0..).zip(&mut events) {
        event.branch = BranchId(number / 2 * 100);
        event.previous = u64::from(number) * 3;
    }
    vec![events.clone(), events]
}

/// Nested, Express and mocked executions, workers of activities, jobs, redrives and concurrency
/// limits, with every field present once and absent once.
fn kinds_of_jobs() -> Vec<Vec<Event>> {
    let state = StateIndex(3);
    let nested = |kind| Start {
        started_by: Some(format!("{MACHINE}:parent#7").into()),
        kind,
        ..start(r#"{ "kept":  "as sent" }"#)
    };
    let mocked = Start {
        mock_case: Some("HappyPath".into()),
        ..start("{}")
    };
    let started = |start| EventKind::ExecutionStarted(Box::new(start));
    let shown = vec![
        started(nested(ExecutionKind::Standard)),
        started(nested(ExecutionKind::Express)),
        started(nested(ExecutionKind::SyncExpress)),
        started(nested(ExecutionKind::Test)),
        started(mocked),
        EventKind::TaskScheduled {
            state,
            parameters: value(r#"{"a": "of more than thirty-two bytes, in all"}"#),
            timeout_seconds: None,
            heartbeat_seconds: Some(5),
            credentials_role_arn: Some(ROLE.into()),
            is_job: true,
        },
        EventKind::TaskStarted {
            state,
            worker_name: Some("worker 1".into()),
        },
        EventKind::ExecutionRedriven {
            redrive_count: u32::MAX,
            client_token: Some("token".into()),
        },
        EventKind::ExecutionRedriven {
            redrive_count: 1,
            client_token: None,
        },
    ];
    let internal = [
        EventKind::Queued,
        EventKind::Admitted,
        EventKind::JobCancelled { attempt: u64::MAX },
    ];
    let mut events: Vec<Event> = (1..).zip(shown).map(|(id, kind)| event(id, kind)).collect();
    events.extend(internal.map(|kind| event(0, kind)));
    vec![events.clone(), events]
}

/// What tells where an execution comes from.
fn kinds_of_provenance() -> Vec<Vec<Event>> {
    let started = EventKind::ExecutionStarted(Box::new(Start {
        tags: Some(value(r#"{"stack": "orders"}"#)),
        ..start("1")
    }));
    let internal = [
        EventKind::TaskServed {
            attempt: 3,
            served: Box::new(Served {
                function: Some(value(r#"{"version": "7"}"#)),
                role_policies: Some(value(r#"[{"arn": "a", "version": "v2"}]"#)),
            }),
        },
        EventKind::TaskServed {
            attempt: u64::MAX,
            served: Box::default(),
        },
    ];
    let mut events = vec![event(1, started)];
    events.extend(internal.map(|kind| event(0, kind)));
    vec![events]
}

/// Every kind of event there was before threads, and odd numbers in every field that has one.
fn every_kind() -> Vec<Vec<Event>> {
    let payload =
        value(r#"{"a": [1, 1.0, 1e3], "b": "\u001f\" é 😀", "c": {"d": null, "e": true}}"#);
    let shown = shown_kinds(&payload);
    let internal = vec![
        EventKind::ExecutionDeadline {
            at: Timestamp(i64::MAX),
        },
        EventKind::WaitUntil {
            until: Timestamp(-1),
        },
        EventKind::RetryAt {
            retrier: 2,
            retries: 5,
            until: TIME,
        },
        EventKind::Yielded {
            next: StateIndex(70_000),
            input: payload,
        },
    ];
    let mut first: Vec<Event> = (1..).zip(shown).map(|(id, kind)| event(id, kind)).collect();
    first.extend(internal.into_iter().map(|kind| event(0, kind)));
    let odd = Event {
        id: 900,
        previous: 12,
        branch: BranchId(300),
        kind: EventKind::TaskStarted {
            state: StateIndex(u32::MAX),
            worker_name: None,
        },
    };
    let internal_of_branch = Event {
        id: 0,
        previous: 5,
        branch: BranchId(1),
        kind: EventKind::WaitUntil { until: TIME },
    };
    let second = vec![odd, entered(901, 1, &value("[]")), internal_of_branch];
    vec![first, second, Vec::new()]
}

#[test]
fn every_kind_of_event_comes_back() {
    check(&every_kind());
    check(&threads());
    check(&kinds_of_jobs());
    check(&kinds_of_provenance());
}

/// 40 members of 40 bytes, one of which changes from state to state.
fn changing(states: u32, width: usize) -> Vec<Vec<Event>> {
    let text = format!("\"{}\"", "x".repeat(width));
    let members = (0..40).map(|n| format!("\"member-{n}\":{text}"));
    let mut input = value(&format!("{{{}}}", members.collect::<Vec<_>>().join(",")));
    let mut id = 1;
    let mut records = Vec::new();
    for state in 0..states {
        let output = input.with_member("member-7", value(&format!("[{state}]")));
        let exited = EventKind::StateExited {
            state: StateIndex(state),
            output: output.clone(),
            assigned: None,
        };
        records.push(vec![entered(id, state, &input), event(id + 1, exited)]);
        id += 2;
        input = output;
    }
    records
}

#[test]
fn one_changed_member_costs_that_member() {
    let encoded = check(&changing(201, 5_000));
    let bytes: Vec<usize> = encoded.iter().map(Vec::len).collect();
    let of_changes: usize = bytes[1..].iter().sum();
    assert!(of_changes < 200 * 100, "{of_changes}");
}

#[test]
fn all_states_of_one_commit_share_as_well() {
    let events = changing(201, 5_000).into_iter().flatten().collect();
    let encoded = check(&[events]);
    assert!(encoded[0].len() < 30_000, "{}", encoded[0].len());
}

/// The records of an inline Map of Pass states, written as it is decided: windows of 40 iterations,
/// 500 transitions a commit.
struct Mapping {
    records: Vec<Vec<Event>>,
    events: u64,
}

impl Mapping {
    fn put(&mut self, branch: u32, previous: u64, kind: EventKind) -> u64 {
        let id = if kind.is_internal() {
            0
        } else {
            self.events + 1
        };
        self.events = self.events.max(id);
        if self
            .records
            .last()
            .is_none_or(|events| events.len() >= 2_000)
        {
            self.records.push(Vec::new());
        }
        let branch = BranchId(branch);
        let events = self.records.last_mut().unwrap();
        events.push(Event {
            id,
            previous,
            branch,
            kind,
        });
        id
    }

    fn of(items: &Value, result: impl Fn(usize, &Value) -> Value) -> Mapping {
        let mut map = Mapping {
            records: Vec::new(),
            events: 0,
        };
        let elements = items.as_array().unwrap();
        let (state, inner) = (StateIndex(0), StateIndex(1));
        let input = Value::from(json::Object::from_iter([("items", items.clone())]));
        let entered = map.put(0, 0, EventKind::StateEntered { state, input });
        let started = EventKind::MapStarted {
            state,
            items: items.clone(),
            concurrency: 40,
        };
        let started = map.put(0, entered, started);
        let iteration = |at: usize| EventKind::MapIterationStarted {
            state,
            parent: BranchId::ROOT,
            index: u32::try_from(at).unwrap(),
            input: elements[at].clone(),
        };
        let branch = |at: usize| u32::try_from(at + 1).unwrap();
        let mut begun: Vec<u64> = (0..elements.len().min(40))
            .map(|at| map.put(branch(at), started, iteration(at)))
            .collect();
        let mut results = Vec::new();
        for (at, item) in elements.iter().enumerate() {
            let input = item.clone();
            let entered = EventKind::StateEntered {
                state: inner,
                input,
            };
            let entered = map.put(branch(at), begun[at], entered);
            let output = result(at, item);
            results.push(output.clone());
            let exited = EventKind::StateExited {
                state: inner,
                output,
                assigned: None,
            };
            let exited = map.put(branch(at), entered, exited);
            let index = u32::try_from(at).unwrap();
            let succeeded = EventKind::MapIterationSucceeded { state, index };
            map.put(branch(at), exited, succeeded);
            if begun.len() < elements.len() {
                let next = begun.len();
                begun.push(map.put(branch(next), exited, iteration(next)));
            }
        }
        let last = map.events;
        map.put(0, last, EventKind::StateSucceeded { state });
        let output = Value::from(results);
        let exited = EventKind::StateExited {
            state,
            output: output.clone(),
            assigned: None,
        };
        let exited = map.put(0, last, exited);
        map.put(0, exited, EventKind::ExecutionSucceeded { output });
        map
    }

    fn check(&self, bytes_per_event_max: u64) {
        let encoded = check(&self.records);
        let bytes: usize = encoded.iter().map(Vec::len).sum();
        let per_event = bytes as f64 / self.events as f64;
        println!("{per_event} bytes an event");
        assert!(per_event <= bytes_per_event_max as f64, "{per_event}");
    }
}

#[test]
fn a_map_writes_some_ten_bytes_an_event() {
    let items =
        |text: &dyn Fn(u32) -> String| -> Value { (0..5_000).map(|n| value(&text(n))).collect() };
    let small = items(&|n| format!(r#"{{"n":{n}}}"#));
    Mapping::of(&small, |_, item| item.clone()).check(14);
    let large = items(&|n| format!(r#"{{"n":{n},"text":"{n:0>30}"}}"#));
    Mapping::of(&large, |_, item| item.clone()).check(16);
    // What an iteration adds is written when it is made; the array of results again if the parts
    // of each are short.
    let added = |at: usize, item: &Value| item.with_member("done", Value::from(at as u64));
    Mapping::of(&large, added).check(24);
    let few: Value = large.as_array().unwrap()[..100].iter().cloned().collect();
    let long = Value::from("x".repeat(2_000));
    let widened = |_: usize, item: &Value| item.with_member("long", long.clone());
    Mapping::of(&few, widened).check(50);
}

#[test]
fn incompressible_text_is_kept_raw() {
    let mut noise = 7_u64;
    let text: String = (0..4_000)
        .map(|_| {
            noise = crate::name::mix(noise);
            char::from(b'#' + u8::try_from(noise % 57).unwrap())
        })
        .collect();
    let encoded = check(&[vec![entered(2, 0, &Value::from(text))]]);
    assert!(
        (4_000..4_100).contains(&encoded[0].len()),
        "{}",
        encoded[0].len()
    );
}

#[test]
fn the_input_keeps_its_white_space() {
    let text = "{ \"a\" :\n [1, 2] }";
    let started = event(1, EventKind::ExecutionStarted(Box::new(start(text))));
    let EventKind::ExecutionStarted(start) = &started.kind else {
        panic!()
    };
    let state_entered = entered(2, 0, &start.input);
    let decoded = decode(&check(&[vec![started.clone(), state_entered]])).unwrap();
    let EventKind::ExecutionStarted(start) = &decoded[0][0].kind else {
        panic!()
    };
    assert_eq!(start.input_text.as_deref(), Some(text));
    assert_eq!(start.input.to_text(), r#"{"a":[1,2]}"#);
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    for (number, bytes) in encode(&[every_kind(), threads()].concat())
        .iter()
        .enumerate()
    {
        let number = u32::try_from(number).unwrap();
        assert!(Record::open(ENTITY, number, bytes).is_ok());
        for at in 0..bytes.len() {
            let mut tampered = bytes.clone();
            tampered[at] ^= 0x10;
            let expected = if at == 0 {
                Flaw::ForeignVersion(0x11)
            } else {
                Flaw::Checksum
            };
            assert_eq!(
                Record::open(ENTITY, number, &tampered).unwrap_err(),
                expected,
                "{at}"
            );
        }
        for len in 0..bytes.len() {
            assert!(
                Record::open(ENTITY, number, &bytes[..len]).is_err(),
                "{len}"
            );
        }
    }
}

#[test]
fn a_record_in_the_place_of_another_is_noticed() {
    let encoded = encode(&every_kind());
    let open = |entity, number| Record::open(entity, number, &encoded[0]).map(|_| ());
    assert_eq!(open(ENTITY, 0), Ok(()));
    assert_eq!(open(ENTITY, 1), Err(Flaw::Checksum));
    assert_eq!(open(EntityId(4_712), 0), Err(Flaw::Checksum));
}

#[test]
fn lengths_beyond_all_memory_are_refused() {
    let mut bytes = vec![FORMAT_VERSION, 0, 0, 0, 0, 0];
    bytes::put_signed(&mut bytes, TIME.0);
    // No literals, and one payload of one piece of 2^62 bytes.
    bytes.extend([0, 0, 1, 2]);
    bytes::put_number(&mut bytes, 1 << 63);
    // No texts, and one StateExited of the root that names the payload.
    bytes.extend([0, 1, 7, 13, 0, 0]);
    let sum = checksum(ENTITY, 0, &bytes[CHECKED_FROM..]);
    bytes[1..CHECKED_FROM].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(decode(&[bytes]).unwrap_err(), Flaw::Piece);
}

/// Bytes that were checksummed but make no sense: written by a broken build, say.
#[test]
fn nonsense_under_a_right_checksum_is_refused() {
    let encoded = encode(&every_kind());
    let mut refused = 0;
    for at in CHECKED_FROM..encoded[0].len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = encoded[0].clone();
            bytes[at] ^= change;
            let sum = checksum(ENTITY, 0, &bytes[CHECKED_FROM..]);
            bytes[1..CHECKED_FROM].copy_from_slice(&sum.to_le_bytes());
            let Ok(record) = Record::open(ENTITY, 0, &bytes) else {
                refused += 1;
                continue;
            };
            let mut events = record.events();
            let mut earlier = Earlier::default();
            while let Ok(Some(_)) = events.next(&mut earlier) {}
        }
    }
    assert!(refused > 10, "{refused}");
}

/// The format on disk is for ever: these files were written when their kinds of events were new and
/// are never written again.
#[test]
fn records_of_version_1_are_read() {
    let stored: [&[u8]; 10] = [
        include_bytes!("fixtures/v1-every-kind-0.bin"),
        include_bytes!("fixtures/v1-every-kind-1.bin"),
        include_bytes!("fixtures/v1-every-kind-2.bin"),
        include_bytes!("fixtures/v1-changing-0.bin"),
        include_bytes!("fixtures/v1-changing-1.bin"),
        include_bytes!("fixtures/v1-changing-2.bin"),
        include_bytes!("fixtures/v1-threads-0.bin"),
        include_bytes!("fixtures/v1-threads-1.bin"),
        include_bytes!("fixtures/v1-jobs-0.bin"),
        include_bytes!("fixtures/v1-jobs-1.bin"),
    ];
    let written = [
        (&stored[..3], every_kind()),
        (&stored[3..6], changing(3, 30)),
        (&stored[6..8], threads()),
        (&stored[8..], kinds_of_jobs()),
    ];
    for (files, expected) in written {
        let files: Vec<Vec<u8>> = files.iter().map(|bytes| bytes.to_vec()).collect();
        let decoded = decode(&files).unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{expected:?}"));
    }
}
