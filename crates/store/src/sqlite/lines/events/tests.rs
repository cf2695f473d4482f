use std::fs;
use std::path::Path;

use rusqlite::DEFAULT_NAME;
use rusqlite::wal::CheckpointMode;

use super::read::query;
use super::*;
use crate::events::{Found, Streams};
use crate::lines::Lines as _;

const GROUP: GroupId = GroupId(1);
const SCOPE: Scope<'_> = Scope {
    group: GROUP,
    streams: Streams::All,
};

fn batch(stream: u64, times: &[i64]) -> Batch {
    let event = |time_ms: &i64| Event {
        time_ms: *time_ms,
        message: format!("event of {time_ms}").into(),
    };
    Batch {
        group: GROUP,
        stream: StreamId(stream),
        name: format!("stream {stream}").into(),
        ingested_ms: 7,
        events: times.iter().map(event).collect(),
    }
}

fn read(log: &SqliteLines) -> Result<Vec<(u64, i64)>> {
    let places = Place::at(0)..Place::END;
    let page = log.events(&SCOPE, places, Order::OldestFirst, Bound::default())?;
    let shown = |found: Found| {
        let time_ms = found.place.time_ms;
        assert_eq!(&*found.message, format!("event of {time_ms}"));
        (found.place.number, time_ms)
    };
    Ok(page.events.into_iter().map(shown).collect())
}

/// What a crash at this moment leaves.
fn crash_image(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["lines.db", "lines.db-wal", "lines.lock"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_crash_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: i64| folder.path().join(name.to_string());
    let log = SqliteLines::open(&path(0)).unwrap();
    for round in 0..6 {
        log.append_events(vec![batch(1, &[round]), batch(2, &[round])])
            .unwrap();
        if round == 3 {
            let writer = log.writer.lock();
            let moved = writer
                .connection
                .wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE);
            moved.unwrap();
        }
        crash_image(&path(0), &path(round + 1));
        let found = SqliteLines::open(&path(round + 1)).unwrap();
        let expected = |rounds: i64| -> Vec<(u64, i64)> {
            let times = (0..=rounds).flat_map(|time_ms| [time_ms, time_ms]);
            (0..).zip(times).collect()
        };
        assert_eq!(read(&found).unwrap(), expected(round));
        // Numbers go on, also after those that showed them are gone.
        if round == 5 {
            while found.expire_events(GROUP, 9).unwrap() {}
            drop(found);
            let again = SqliteLines::open(&path(round + 1)).unwrap();
            assert_eq!(read(&again).unwrap(), []);
            again.append_events(vec![batch(1, &[20])]).unwrap();
            assert_eq!(read(&again).unwrap(), [(12, 20)]);
        }
    }
    log.close();
    assert!(log.append_events(vec![batch(1, &[9])]).is_err());
    assert!(log.drop_group(GROUP).is_err());
    drop(log);
    let found = SqliteLines::open(&path(0)).unwrap().check().unwrap();
    assert_eq!((found.problems, found.lines, found.events), (vec![], 0, 12));
}

#[test]
fn a_drop_that_was_acknowledged_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let log = SqliteLines::open(&path("0")).unwrap();
    log.append_events(vec![batch(1, &[1]), batch(2, &[2])])
        .unwrap();
    log.drop_stream(GROUP, StreamId(1)).unwrap();
    crash_image(&path("0"), &path("1"));
    log.drop_group(GROUP).unwrap();
    crash_image(&path("0"), &path("2"));
    let check = |name: &str, expected: &[(u64, i64)]| {
        let found = SqliteLines::open(&path(name)).unwrap();
        for _ in 0..2 {
            assert_eq!(read(&found).unwrap(), expected);
            while found.sweep().unwrap() {}
        }
        assert_eq!(found.check().unwrap().events, expected.len() as u64);
    };
    check("1", &[(1, 2)]);
    check("2", &[]);
}

#[test]
fn lines_and_events_share_a_file_and_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLines::open(folder.path()).unwrap();
    let line = crate::lines::Line {
        time_ms: 5,
        bytes: b"audited".to_vec(),
    };
    log.append_events(vec![batch(1, &[1, 2])]).unwrap();
    let places = log.append("audit/1/r", &[line]).unwrap();
    log.append_events(vec![batch(1, &[3])]).unwrap();
    assert_eq!(places[0].number, 2);
    assert_eq!(read(&log).unwrap(), [(0, 1), (1, 2), (3, 3)]);
}

#[test]
fn damage_is_named_and_a_check_goes_on() {
    let check = |harm: &str, problems: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLines::open(folder.path()).unwrap();
        log.append_events(vec![batch(1, &[1, 2])]).unwrap();
        log.append_events(vec![batch(2, &[3])]).unwrap();
        log.append_events(vec![batch(1, &[4])]).unwrap();
        drop(log);
        let connection = Connection::open(folder.path().join("lines.db")).unwrap();
        connection.execute_batch(harm).unwrap();
        drop(connection);
        let log = SqliteLines::open(folder.path()).unwrap();
        let found = log.check().unwrap();
        assert_eq!(found.problems, problems, "{harm}");
        assert_eq!(found.events, 4);
        if let Some(first) = problems.first().filter(|problem| !problem.contains('?')) {
            let error = read(&log).unwrap_err().to_string();
            assert!(
                error.contains(first) && error.contains("lines.db`"),
                "{error}"
            );
        }
    };
    let second = "row `2` of the log stream `stream 2` isn't what was written";
    let (first, third) = (
        "row `0` of the log stream `stream 1` isn't what was written",
        "row `3` of the log stream `stream 1` isn't what was written",
    );
    check(
        "UPDATE log_events SET bytes = x'00' WHERE number = 2",
        &[second],
    );
    check(
        "UPDATE log_events SET last_ms = 9 WHERE number = 2",
        &[second],
    );
    check(
        "UPDATE log_events SET size = size + 1 WHERE number = 2",
        &[second],
    );
    check(
        "UPDATE log_events SET ingested_ms = 1 WHERE stream = 1",
        &[first, third],
    );
    check(
        "UPDATE log_events SET stream = 2 WHERE number = 3",
        &[&third.replace('1', "2")],
    );
    check(
        "DELETE FROM log_streams WHERE number = 2",
        &[&second.replace("stream 2", "?")],
    );
}

#[test]
fn reads_find_their_rows_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLines::open(folder.path()).unwrap();
    let writer = log.writer.lock();
    let check = |query: &str, expected: &str| {
        let explain = format!("EXPLAIN QUERY PLAN {query}");
        let mut statement = writer.connection.prepare(&explain).unwrap();
        let given = rusqlite::params_from_iter(0..statement.parameter_count());
        let plan = statement.query_map(given, |row| row.get::<_, String>(3));
        let plan = plan.unwrap().collect::<rusqlite::Result<Vec<_>>>().unwrap();
        let plan = plan.join("; ");
        assert!(
            plan.contains(expected) && !plan.contains("TEMP B-TREE"),
            "{query}: {plan}"
        );
    };
    for (streams, key) in [
        (
            Streams::All,
            "log_events_of_group (group_number=? AND is_wide=? AND first_ms>",
        ),
        (
            Streams::One(StreamId(1)),
            "log_events_of_stream (stream=? AND is_wide=? AND first_ms>",
        ),
    ] {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let scope = Scope {
                group: GROUP,
                streams,
            };
            let query = query(&scope, order, true);
            let covering = format!("USING COVERING INDEX {key}");
            check(&query.replace("?1", "1").replace("?4", "4"), &covering);
        }
    }
    let expired = "SELECT number FROM log_events WHERE group_number = 1 AND is_wide IN (0, 1)
                   AND first_ms < 9 AND last_ms < 9 LIMIT 5";
    check(
        expired,
        "log_events_of_group (group_number=? AND is_wide=? AND first_ms<",
    );
}

#[test]
fn room_of_what_was_dropped_goes_back_to_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLines::open(folder.path()).unwrap();
    let size = || fs::metadata(folder.path().join("lines.db")).unwrap().len();
    // Nothing that could be compressed.
    let mut seed = 1_u64;
    let mut noise = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("{seed:016x}")
    };
    for group in [1, 2] {
        let message: String = (0..1 << 16).map(|_| noise()).collect();
        let mut large = batch(group, &[]);
        large.group = GroupId(group);
        large.events = vec![
            Event {
                time_ms: 5,
                message: message.into()
            };
            16
        ];
        log.append_events(vec![large]).unwrap();
    }
    let kept = log.stored_bytes(&[GroupId(2)]).unwrap();
    drop(log);
    let large = size();
    let log = SqliteLines::open(folder.path()).unwrap();
    log.drop_group(GROUP).unwrap();
    while log.sweep().unwrap() {}
    drop(log);
    let small = size();
    assert!(small + (4 << 20) < large, "{large} bytes became {small}");
    let log = SqliteLines::open(folder.path()).unwrap();
    assert_eq!(log.stored_bytes(&[GroupId(2)]).unwrap(), kept);
    assert_eq!(log.check().unwrap().problems, [""; 0]);
    assert!(!log.sweep().unwrap(), "nothing is left to do");
}
