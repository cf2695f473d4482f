use asl::run::{NotRedrivable, Status};

use super::*;
use crate::request::StartRequest;
use crate::shard::Command;
use crate::task::TaskOutcome;
use crate::testing::{FUNCTION, MACHINE, Stage, failure, machine, request, value};

fn key() -> PageKey {
    PageKey::of_store(&store::Memory::new()).unwrap()
}

/// Retries until the history is long: one commit for each failure.
fn long_run(states: u32) -> (Stage, String) {
    let chain = (0..states).map(|n| {
        format!(
            r#""B{n}": {{"Type": "Pass", "Result": "{n}", "ResultPath": "$.n", "Next": "B{}"}},"#,
            n + 1
        )
    });
    let chain: String = chain.collect();
    let definition = machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "Next": "B0", "ResultPath": "$.task",
                 "Retry": [{{"ErrorEquals": ["E"], "IntervalSeconds": 1, "MaxAttempts": 20}}]}},
           {chain} "B{states}": {{"Type": "Succeed"}}"#
    ));
    let mut stage = Stage::new(&[definition]);
    let (arn, entity) = stage.started(&format!(r#"{{"a": "{}"}}"#, "x".repeat(2_000)));
    for attempt in 0..20 {
        stage.answer(TaskOutcome::Failed(failure(
            "E",
            &format!("attempt {attempt}"),
        )));
        stage.sleep();
    }
    stage.answer(TaskOutcome::Succeeded(value("{\"done\":true}")));
    stage.work_off();
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    (stage, arn.to_string())
}

fn page(stage: &Stage, key: &PageKey, arn: &str, query: &HistoryQuery) -> HistoryPage {
    history(&stage.store, &stage.programs, key, stage.now, arn, query).unwrap()
}

fn pages(stage: &Stage, arn: &str, max_results: usize, reverse_order: bool) -> Vec<HistoryPage> {
    let key = key();
    let mut query = HistoryQuery {
        max_results,
        reverse_order,
        include_execution_data: true,
        next_token: None,
    };
    let mut pages = Vec::new();
    loop {
        let page = page(stage, &key, arn, &query);
        query.next_token = page.next_token.clone();
        pages.push(page);
        if query.next_token.is_none() {
            return pages;
        }
    }
}

fn ids(events: &[Value]) -> Vec<i64> {
    events
        .iter()
        .map(|event| event.get("id").unwrap().as_i64().unwrap())
        .collect()
}

#[test]
fn pages_put_together_are_the_history() {
    let (stage, arn) = long_run(300);
    let whole: Vec<Value> = pages(&stage, &arn, 1_000, false).remove(0).events;
    let count = i64::try_from(whole.len()).unwrap();
    assert!(count > 600, "{count}");
    assert_eq!(ids(&whole), (1..=count).collect::<Vec<_>>());
    for max in [1, 7, 100, 333, usize::try_from(count).unwrap()] {
        for reverse in [false, true] {
            let pages = pages(&stage, &arn, max, reverse);
            assert!(
                pages
                    .iter()
                    .rev()
                    .skip(1)
                    .all(|page| page.events.len() == max),
                "{max}"
            );
            assert!(pages.iter().all(|page| !page.events.is_empty()), "{max}");
            let mut all: Vec<Value> = pages.into_iter().flat_map(|page| page.events).collect();
            if reverse {
                all.reverse();
            }
            assert_eq!(format!("{all:?}"), format!("{whole:?}"), "{max} {reverse}");
        }
    }
    // 100 if nothing is asked for.
    assert_eq!(pages(&stage, &arn, 0, false)[0].events.len(), 100);
}

#[test]
fn pages_of_a_map_are_its_history() {
    let states = r#""A": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "B",
        "States": {"B": {"Type": "Pass", "Next": "C"},
                   "C": {"Type": "Wait", "Seconds": 1, "End": true}}}}"#;
    let mut stage = Stage::new(&[machine(states)]);
    let item = |n| format!(r#"{{"n": {n}, "text": "{n:0>40}"}}"#);
    let items: Vec<String> = (0..700).map(item).collect();
    let (arn, entity) = stage.started(&format!("[{}]", items.join(",")));
    while stage.sleep() {}
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    let text = |pages: Vec<HistoryPage>| {
        let mut events: Vec<Value> = pages.into_iter().flat_map(|page| page.events).collect();
        events.sort_by_key(|event| event.get("id").unwrap().as_i64());
        format!("{events:?}")
    };
    let whole = text(pages(&stage, &arn, 1_000, false));
    assert_eq!(text(pages(&stage, &arn, 333, true)), whole);
    assert!(items.iter().all(|item| {
        let item = crate::testing::value(item).to_text();
        whole.contains(&item.replace('"', "\\\""))
    }));
}

#[test]
fn a_page_ends_at_4_mib() {
    let chain = |n: u32| format!(r#""S{n}": {{"Type": "Pass", "Next": "S{}"}},"#, n + 1);
    let chain: String = (0..30).map(chain).collect();
    let states =
        format!(r#""A": {{"Type": "Pass", "Next": "S0"}}, {chain} "S30": {{"Type": "Succeed"}}"#);
    let mut stage = Stage::new(&[machine(&states)]);
    let (arn, entity) = stage.started(&format!("\"{}\"", "x".repeat(262_000)));
    assert_eq!(stage.run(entity).status, Status::Succeeded);
    let mut seen = Vec::new();
    for reverse in [false, true] {
        let pages = pages(&stage, &arn, 1_000, reverse);
        for page in &pages {
            let bytes: usize = page.events.iter().map(Value::size).sum();
            assert!(bytes <= HISTORY_PAGE_BYTES_MAX, "{bytes}");
        }
        let mut all: Vec<i64> = pages.iter().flat_map(|page| ids(&page.events)).collect();
        all.sort_unstable();
        seen.push((pages.len() > 3, all));
    }
    assert!(seen[0].0);
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn data_can_be_left_out() {
    let (stage, arn) = long_run(1);
    let shown = page(&stage, &key(), &arn, &HistoryQuery::default());
    let details = shown.events[0].get("executionStartedEventDetails").unwrap();
    assert_eq!(details.get("input"), None);
}

#[test]
fn tokens_of_other_requests_are_refused() {
    let (stage, arn) = long_run(3);
    let key = key();
    let query = HistoryQuery {
        max_results: 2,
        ..HistoryQuery::default()
    };
    let next_token = page(&stage, &key, &arn, &query).next_token;
    assert!(next_token.is_some());
    let refused = |query: &HistoryQuery, now: Timestamp| {
        let result = history(&stage.store, &stage.programs, &key, now, &arn, query);
        assert!(matches!(result, Err(ReadError::InvalidToken)), "{result:?}");
    };
    let asked = HistoryQuery {
        next_token,
        ..query
    };
    refused(
        &HistoryQuery {
            reverse_order: true,
            ..asked.clone()
        },
        stage.now,
    );
    refused(
        &HistoryQuery {
            include_execution_data: true,
            ..asked.clone()
        },
        stage.now,
    );
    refused(
        &HistoryQuery {
            next_token: Some("x".into()),
            ..query
        },
        stage.now,
    );
    refused(&asked, stage.now.plus_seconds(24 * 3_600));
}

#[test]
fn executions_are_described() {
    let wait = machine(r#""A": {"Type": "Wait", "Seconds": 5, "End": true}"#);
    let mut stage = Stage::new(&[wait]);
    let (arn, _) = stage.started(r#"{ "kept": 1 }"#);
    let started_at = stage.now;
    let running = describe(&stage.store, stage.now, &arn).unwrap();
    assert_eq!(running.status, ExecutionStatus::Running);
    assert_eq!((running.started_at, running.stopped_at), (started_at, None));
    assert_eq!(
        running.start.input_text.as_deref(),
        Some(r#"{ "kept": 1 }"#)
    );
    stage.sleep();
    let ended = describe(&stage.store, stage.now, &arn).unwrap();
    assert_eq!(ended.status, ExecutionStatus::Succeeded);
    assert_eq!(ended.stopped_at, Some(stage.now));
    assert_eq!(ended.output, Some(value(r#"{"kept":1}"#)));
    let absent = "arn:aws:states:us-east-1:000000000000:execution:M:none";
    for arn in [absent, "nonsense", &arn.replace(":M:", ":N:")] {
        assert!(
            matches!(
                describe(&stage.store, stage.now, arn),
                Err(ReadError::DoesNotExist(_))
            ),
            "{arn}"
        );
    }
}

#[test]
fn records_are_read_from_the_last_to_the_first() {
    let store = store::Memory::new();
    let entity = EntityId::new(1, store::ShardId(0));
    let (epoch, sequence) = store.acquire(&[store::ShardId(0)]).unwrap()[0];
    // Now and then so large that what is read at once ends in front of the last one wanted.
    let bytes = |number: u32| {
        if number % 50 < 3 {
            JOURNAL_READ_BYTES / 2
        } else {
            9
        }
    };
    let writes = (0..700).map(|number| store::Write::Append {
        entity,
        number,
        record: vec![7; bytes(number)],
    });
    let batch = store::Batch {
        shard: store::ShardId(0),
        epoch,
        sequence: sequence + 1,
        writes: writes.collect(),
    };
    assert_eq!(store.commit(&[batch]), [store::Committed::Ok]);
    for last in [0, 1, 2, 255, 256, 257, 699] {
        let mut records = Backward::new(&store, entity, last);
        for expected in (0..=last).rev() {
            let record = records.next().unwrap().unwrap();
            assert_eq!(
                (record.number, record.bytes.len()),
                (expected, bytes(expected))
            );
        }
        assert!(records.next().unwrap().is_none());
    }
}

#[test]
fn a_failed_execution_says_whether_it_can_be_redriven() {
    let task = machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}"#
    ));
    let mut stage = Stage::new(&[task]);
    let (arn, _) = stage.started("{}");
    let redrivable = |stage: &Stage, days: u64| {
        let now = stage.now.plus_seconds(days * 86_400);
        describe(&stage.store, now, &arn).unwrap().redrivable
    };
    assert_eq!(redrivable(&stage, 0), Err(NotRedrivable::Running));
    stage.answer(TaskOutcome::Failed(failure("E", "C")));
    let failed = describe(&stage.store, stage.now, &arn).unwrap();
    assert_eq!(failed.failure, failure("E", "C"));
    assert_eq!((failed.redrive_count, failed.redriven_at), (0, None));
    assert_eq!(redrivable(&stage, 13), Ok(()));
    assert_eq!(redrivable(&stage, 15), Err(NotRedrivable::PeriodExceeded));
    let redrive = Command::Redrive {
        execution_arn: arn.clone(),
        client_token: None,
    };
    stage.now = stage.now.plus_seconds(60);
    let redriven_at = stage.now;
    stage.ask(&redrive);
    let again = describe(&stage.store, stage.now, &arn).unwrap();
    assert_eq!(
        (again.status, again.stopped_at),
        (ExecutionStatus::Running, None)
    );
    assert_eq!(again.failure, Failure::default());
    assert_eq!(
        (again.redrive_count, again.redriven_at),
        (1, Some(redriven_at))
    );
    let query = ListQuery {
        state_machine_arn: MACHINE.into(),
        ..ListQuery::default()
    };
    let listed = list(&stage.store, &key(), stage.now, &query).unwrap();
    let summary = listed.executions.first().unwrap();
    assert_eq!(
        (summary.redrive_count, summary.redriven_at),
        (1, Some(redriven_at))
    );
    stage.answer(TaskOutcome::Succeeded(value("7")));
    let ended = describe(&stage.store, stage.now, &arn).unwrap();
    assert_eq!((ended.output, ended.redrive_count), (Some(value("7")), 1));
    assert_eq!(ended.redrivable, Err(NotRedrivable::Succeeded));
}

#[test]
fn executions_of_versions_and_aliases_are_listed() {
    let mut stage = Stage::new(&[machine(r#""A": {"Type": "Pass", "End": true}"#)]);
    let qualified = |qualifier: &str| Some(Text::from(format!("{MACHINE}:{qualifier}")));
    for (name, version, alias) in [
        ("plain", None, None),
        ("v1", Some("1"), None),
        ("live1", Some("1"), Some("live")),
        ("live2", Some("2"), Some("live")),
    ] {
        let request = StartRequest {
            state_machine_version_arn: version.and_then(qualified),
            state_machine_alias_arn: alias.and_then(qualified),
            ..request(Some(name), "{}")
        };
        stage.start(request).unwrap();
    }
    let key = key();
    let check = |version, alias: Option<&str>, status, expected: &[&str]| {
        let query = ListQuery {
            state_machine_arn: MACHINE.into(),
            version,
            alias: alias.map(Text::from),
            status,
            ..ListQuery::default()
        };
        let found = list(&stage.store, &key, stage.now, &query)
            .unwrap()
            .executions;
        let names: Vec<&str> = found.iter().map(|it| &*it.name).collect();
        assert_eq!(names, expected);
        assert!(found.iter().all(|summary| query.shows(summary)));
    };
    check(None, None, None, &["live2", "live1", "v1", "plain"]);
    check(Some(1), None, None, &["live1", "v1"]);
    check(None, Some("live"), None, &["live2", "live1"]);
    check(Some(3), None, None, &[]);
    check(
        None,
        Some("live"),
        Some(ExecutionStatus::Succeeded),
        &["live2", "live1"],
    );
    check(Some(1), None, Some(ExecutionStatus::Running), &[]);
    let first = list(
        &stage.store,
        &key,
        stage.now,
        &ListQuery {
            state_machine_arn: MACHINE.into(),
            max_results: 1,
            ..ListQuery::default()
        },
    );
    let first = first.unwrap().executions.remove(0);
    assert_eq!(first.state_machine_version_arn, qualified("2"));
    assert_eq!(first.state_machine_alias_arn, qualified("live"));
}

#[test]
fn lists_are_newest_first_and_paged() {
    let wait = machine(r#""A": {"Type": "Wait", "Seconds": 5, "End": true}"#);
    let mut stage = Stage::new(&[wait]);
    let mut arns = Vec::new();
    for at in 0..7 {
        let name = format!("n{at}");
        let name = (at % 2 == 0).then_some(name.as_str());
        arns.push(stage.start(request(name, "{}")).unwrap().execution_arn);
        stage.now = stage.now.plus_seconds(1);
        stage.work_off();
    }
    arns.reverse();
    let key = key();
    let ask = |max_results: usize, status: Option<ExecutionStatus>, next_token: Option<String>| {
        let state_machine_arn = MACHINE.into();
        let query = ListQuery {
            state_machine_arn,
            status,
            max_results,
            next_token,
            ..ListQuery::default()
        };
        list(&stage.store, &key, stage.now, &query)
    };
    for max in [1, 3, 7, 100] {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = ask(max, None, token.take()).unwrap();
            all.extend(page.executions.into_iter().map(|it| it.execution_arn));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(all, arns, "{max}");
    }
    let closed = ask(0, Some(ExecutionStatus::Succeeded), None)
        .unwrap()
        .executions;
    assert_eq!(closed.len(), 3);
    assert!(
        closed
            .iter()
            .all(|it| it.stopped_at == Some(it.started_at.plus_seconds(5)))
    );
    let token = ask(2, None, None).unwrap().next_token;
    let other = ask(2, Some(ExecutionStatus::Running), token);
    assert!(matches!(other, Err(ReadError::InvalidToken)));
    let state_machine_arn = MACHINE.replace(":M", ":N").into();
    let query = ListQuery {
        state_machine_arn,
        ..ListQuery::default()
    };
    let none = list(&stage.store, &key, stage.now, &query).unwrap();
    assert!(none.executions.is_empty() && none.next_token.is_none());
}
