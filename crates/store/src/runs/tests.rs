//! One suite for all runs.

use super::*;
use crate::SqliteLines;
use crate::lines::{Line, Lines, MemoryLines, Order};

/// Runs a case against every kind of runs.
fn on_all(case: impl Fn(&dyn Runs)) {
    case(&MemoryLines::default());
    let folder = tempfile::tempdir().unwrap();
    let lines = SqliteLines::open(folder.path()).unwrap();
    case(&lines);
    let found = lines.check().unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
}

fn run(number: u64, machine: &str, name: &str) -> Run {
    Run {
        number,
        machine: machine.into(),
        name: name.into(),
        started_ms: i64::try_from(number).unwrap() * 1_000,
        definition: number % 3,
        summary: format!("summary {number}").into_bytes(),
        body: format!("body {number}").into_bytes(),
    }
}

const MANY: Bound = Bound {
    per_machine: 1_000,
    bytes: 1 << 30,
};

fn numbers(runs: &dyn Runs, machine: &str, limit: usize) -> Vec<u64> {
    let heads = runs.runs(machine, limit).unwrap();
    let number = |head: Head| {
        let expected = run(head.number, machine, &head.name);
        assert_eq!(head.summary, Some(expected.summary));
        assert_eq!(head.started_ms, expected.started_ms);
        head.number
    };
    heads.into_iter().map(number).collect()
}

#[test]
fn runs_are_read_by_machine_and_name() {
    on_all(|runs| {
        assert_eq!(runs.last_run().unwrap(), None);
        let put = [run(5, "m", "a"), run(3, "m", "b"), run(4, "other", "a")];
        runs.put_runs(&put, MANY).unwrap();
        runs.put_runs(&[], MANY).unwrap();
        // Once more, as after an error; a run that began again has its name and another number.
        runs.put_runs(&[run(5, "m", "a"), run(7, "m", "b")], MANY)
            .unwrap();
        assert_eq!(numbers(runs, "m", 9), [7, 5, 3]);
        assert_eq!(numbers(runs, "m", 2), [7, 5]);
        assert_eq!(numbers(runs, "nobody", 2), []);
        let check = |machine, name, expected| {
            assert_eq!(
                runs.run(machine, name).unwrap(),
                expected,
                "{machine} {name}"
            );
        };
        check("m", "a", Some(run(5, "m", "a")));
        check("m", "b", Some(run(7, "m", "b")));
        check("other", "a", Some(run(4, "other", "a")));
        check("other", "b", None);
        check("nobody", "a", None);
        assert_eq!(runs.last_run().unwrap(), Some(7));
        assert_eq!(runs.run_definitions().unwrap(), [0, 1, 2]);
        runs.drop_runs("m").unwrap();
        runs.drop_runs("nobody").unwrap();
        assert_eq!(numbers(runs, "m", 9), []);
        check("m", "a", None);
        assert_eq!(numbers(runs, "other", 9), [4]);
        assert_eq!(runs.run_definitions().unwrap(), [1]);
    });
}

#[test]
fn the_newest_stay() {
    on_all(|runs| {
        let few = Bound {
            per_machine: 3,
            ..MANY
        };
        for numbers in [&[1, 2][..], &[3, 4, 6], &[5], &[0]] {
            let put: Vec<Run> = numbers.iter().map(|it| run(*it, "m", "a")).collect();
            runs.put_runs(&put, few).unwrap();
        }
        assert_eq!(numbers(runs, "m", 9), [6, 5, 4]);
        runs.put_runs(&[run(7, "other", "a"), run(8, "other", "b")], few)
            .unwrap();
        assert_eq!(numbers(runs, "m", 9), [6, 5, 4]);
        // Of all, as many as fit.
        let bytes = run(10, "m", "a").size() * 4;
        let bound = Bound { bytes, ..few };
        runs.put_runs(&[run(9, "m", "a")], bound).unwrap();
        assert_eq!(numbers(runs, "m", 9), [9, 6]);
        assert_eq!(numbers(runs, "other", 9), [8, 7]);
        // What is deleted gives its room back.
        runs.drop_runs("other").unwrap();
        runs.put_runs(&[run(10, "other", "a"), run(11, "other", "a")], bound)
            .unwrap();
        assert_eq!(numbers(runs, "m", 9), [9, 6]);
        assert!(!runs.expire_runs(9_000).unwrap());
        runs.put_runs(&[run(12, "other", "a")], bound).unwrap();
        assert_eq!(numbers(runs, "m", 9), [9]);
        assert_eq!(numbers(runs, "other", 9), [12, 11, 10]);
    });
}

#[test]
fn old_runs_expire_in_steps() {
    on_all(|runs| {
        let put: Vec<Run> = (0..1_200).map(|number| run(number, "m", "a")).collect();
        let all = Bound {
            per_machine: 10_000,
            ..MANY
        };
        runs.put_runs(&put, all).unwrap();
        while runs.expire_runs(1_100_000).unwrap() {}
        let left = numbers(runs, "m", 10_000);
        assert_eq!((left.len(), left.last()), (100, Some(&1_100)));
        assert!(!runs.expire_runs(1_100_000).unwrap());
        assert_eq!(numbers(runs, "m", 10_000).len(), 100);
    });
}

#[test]
fn runs_survive_a_restart_and_older_lines_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = {
        let lines = SqliteLines::open(folder.path()).unwrap();
        let line = Line {
            time_ms: 5,
            bytes: b"x".to_vec(),
        };
        lines.append("audit/1/r", &[line]).unwrap()
    };
    let sql = |text: &str| {
        let connection = rusqlite::Connection::open(folder.path().join("lines.db")).unwrap();
        connection.execute_batch(text).unwrap();
    };
    // As builds made it that knew of no runs.
    sql("DROP TABLE runs");
    for round in 0..3 {
        let lines = SqliteLines::open(folder.path()).unwrap();
        lines.put_runs(&[run(round, "m", "a")], MANY).unwrap();
        assert_eq!(numbers(&lines, "m", 9).len() as u64, round + 1);
        let read = lines.read("audit/1/r", 0..9, Order::OldestFirst, None, 9);
        assert_eq!(read.unwrap()[0].0, place[0]);
    }
}

#[test]
fn a_damaged_run_costs_itself_only() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteLines::open(folder.path()).unwrap();
    let put: Vec<Run> = (0..6).map(|it| run(it, "m", &format!("r{it}"))).collect();
    open().put_runs(&put, MANY).unwrap();
    let connection = rusqlite::Connection::open(folder.path().join("lines.db")).unwrap();
    connection
        .execute_batch(
            "UPDATE runs SET summary = x'00' WHERE number = 1;
             UPDATE runs SET body = x'00' WHERE number = 2;
             UPDATE runs SET started_ms = 0 WHERE number = 3;
             UPDATE runs SET name = CAST(x'72ff' AS TEXT) WHERE number = 5;",
        )
        .unwrap();
    drop(connection);
    let lines = open();
    let heads = lines.runs("m", 9).unwrap();
    let damaged = heads.iter().filter(|head| head.summary.is_none());
    let damaged: Vec<u64> = damaged.map(|head| head.number).collect();
    assert_eq!(damaged, [5, 3, 1]);
    assert_eq!(lines.run("m", "r5").unwrap(), None);
    for number in 0..5_u64 {
        let read = lines.run("m", &format!("r{number}"));
        match number {
            1..=3 => {
                let error = read.unwrap_err().to_string();
                let named = format!("run `r{number}` (number {number}) of `m` isn't what was");
                assert!(error.contains(&named), "{error}");
            }
            _ => assert_eq!(read.unwrap().unwrap().number, number),
        }
    }
    let found = lines.check().unwrap();
    assert_eq!((found.runs, found.problems.len()), (6, 4));
    assert!(found.problems[0].contains("run `r1` (number 1) of `m`"));
}
