use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rusqlite::DEFAULT_NAME;
use rusqlite::wal::CheckpointMode;

use super::*;

const STREAM: &str = "audit/123456789012/eu-west-1";

fn line(time_ms: i64) -> Line {
    Line {
        time_ms,
        bytes: format!("line of {time_ms}").into_bytes(),
    }
}

fn all(lines: &SqliteLines) -> Vec<i64> {
    let read = lines.read(STREAM, 0..i64::MAX, Order::OldestFirst, None, 1_000_000);
    let check = |(place, found): (Place, Line)| {
        assert_eq!(found, line(place.time_ms));
        place.time_ms
    };
    read.unwrap().into_iter().map(check).collect()
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
    let lines = SqliteLines::open(&folder.path().join("0")).unwrap();
    let mut last = None;
    for round in 0..6_i64 {
        let places = lines.append(STREAM, &[line(round)]).unwrap();
        assert!(last < Some(places[0].number));
        last = Some(places[0].number);
        if round == 3 {
            let writer = lines.writer.lock();
            let moved = writer
                .connection
                .wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE);
            moved.unwrap();
        }
        let image = folder.path().join((round + 1).to_string());
        crash_image(&folder.path().join("0"), &image);
        let found = SqliteLines::open(&image).unwrap();
        assert_eq!(all(&found), (0..=round).collect::<Vec<_>>());
        let next = found.append(STREAM, &[line(round + 1)]).unwrap()[0];
        assert!(last < Some(next.number));
    }
    lines.close();
    assert!(lines.append(STREAM, &[line(9)]).is_err());
    drop(lines);
    let again = SqliteLines::open(&folder.path().join("0")).unwrap();
    assert_eq!(all(&again).len(), 6);
    let found = again.check().unwrap();
    assert_eq!((found.problems, found.lines), (vec![], 6));
}

#[test]
fn many_append_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let lines = SqliteLines::open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let lines = &lines;
            scope.spawn(move || {
                for at in 0..20 {
                    let appended = line(thread * 1_000 + at);
                    let place = lines
                        .append(STREAM, std::slice::from_ref(&appended))
                        .unwrap()[0];
                    // What returned is shown to readers.
                    assert_eq!(lines.line(STREAM, place).unwrap(), Some(appended));
                }
            });
        }
    });
    assert_eq!(all(&lines).len(), 160);
}

impl Weighs for u32 {
    fn bytes(&self) -> usize {
        1 << 20
    }
}

#[test]
fn who_waits_is_written_in_one_group() {
    let queue: Queue<u32, u32> = Queue::default();
    let (groups, written) = mpsc::channel();
    std::thread::scope(|scope| {
        for request in 0..8 {
            let (queue, groups) = (&queue, groups.clone());
            scope.spawn(move || {
                let answer = queue.answer(request, |group| {
                    let deadline = Instant::now() + Duration::from_secs(10);
                    // The first group is held until all others wait.
                    while queue.handed_in() < 8 && Instant::now() < deadline {
                        std::thread::yield_now();
                    }
                    groups.send(group.len()).unwrap();
                    group.iter().map(|request| request + 100).collect()
                });
                assert_eq!(answer, request + 100);
            });
        }
    });
    drop(groups);
    // A group ends with the request that makes it 4 MiB.
    let sizes: Vec<usize> = written.iter().collect();
    assert_eq!(sizes.iter().sum::<usize>(), 8);
    assert!(
        sizes.len() <= 3 && sizes.iter().all(|size| *size <= 4),
        "{sizes:?}"
    );
}

#[test]
fn damage_and_missing_files_are_named() {
    type Harm = fn(&Path);
    let check = |closed: bool, harm: Harm, expected: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let lines = SqliteLines::open(&folder.path().join("lines")).unwrap();
        lines.append(STREAM, &[line(1), line(2)]).unwrap();
        if closed {
            lines.close();
        }
        crash_image(&folder.path().join("lines"), &image);
        harm(&image);
        let opened = SqliteLines::open(&image);
        let read = opened.and_then(|lines| {
            let read = lines.read(STREAM, 0..9, Order::OldestFirst, None, 9);
            read.map(|_| lines.check().unwrap())
        });
        let text = read.unwrap_err().to_string();
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
    };
    check(
        true,
        |folder| {
            let connection = Connection::open(folder.join("lines.db")).unwrap();
            let changed = "UPDATE lines_1 SET bytes = x'00' WHERE time_ms = 2";
            connection.execute_batch(changed).unwrap();
        },
        &[
            "lines.db`",
            "line `1` of the stream `audit/",
            "restore a backup",
        ],
    );
    check(
        true,
        |folder| fs::remove_file(folder.join("lines.db")).unwrap(),
        &["lines.db`", "missing or empty", "delete `lines.lock` too"],
    );
    check(
        false,
        |folder| fs::remove_file(folder.join("lines.db-wal")).unwrap(),
        &["lines.db-wal`", "put the file back beside `lines.db`"],
    );
    check(
        true,
        |folder| fs::write(folder.join("lines.db"), b"not a database".repeat(999)).unwrap(),
        &["lines.db`", "is damaged"],
    );
    check(
        true,
        |folder| {
            let connection = Connection::open(folder.join("lines.db")).unwrap();
            connection.execute_batch("PRAGMA user_version = 9").unwrap();
        },
        &["lines.db`", "schema version `9`"],
    );
}

#[test]
fn a_check_looks_at_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let lines = SqliteLines::open(folder.path()).unwrap();
    lines.append(STREAM, &[line(1), line(86_400_000)]).unwrap();
    lines.append("denials/1/r", &[line(2), line(3)]).unwrap();
    drop(lines);
    let connection = Connection::open(folder.path().join("lines.db")).unwrap();
    let harm = "UPDATE lines_2 SET time_ms = 86400001;
                UPDATE lines_3 SET bytes = x'00' WHERE time_ms = 3;";
    connection.execute_batch(harm).unwrap();
    drop(connection);
    let found = SqliteLines::open(folder.path()).unwrap().check().unwrap();
    let problem =
        |number, stream| format!("line `{number}` of the stream `{stream}` isn't what was written");
    let expected = vec![problem(1, STREAM), problem(3, "denials/1/r")];
    assert_eq!((found.problems, found.lines), (expected, 4));
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteLines::open(folder.path()).unwrap();
    let error = SqliteLines::open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(first);
    SqliteLines::open(folder.path()).unwrap();
}

#[test]
fn after_a_full_disk_lines_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let lines = SqliteLines::open(folder.path()).unwrap();
    lines.append(STREAM, &[line(1)]).unwrap();
    let pages = |count: &str| {
        let pragma = format!("PRAGMA max_page_count = {count}");
        let writer = lines.writer.lock();
        writer
            .connection
            .query_row(&pragma, (), |_| Ok(()))
            .unwrap();
    };
    pages("1");
    // A new day needs a table.
    let tomorrow = line(86_400_000);
    let large = Line {
        time_ms: 86_400_000,
        bytes: vec![7; 1 << 20],
    };
    let error = lines
        .append(STREAM, &[tomorrow.clone(), large])
        .unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert_eq!(all(&lines), [1]);
    pages("1000000");
    lines.append(STREAM, &[tomorrow]).unwrap();
    assert_eq!(all(&lines), [1, 86_400_000]);
}
