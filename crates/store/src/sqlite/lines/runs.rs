//! Runs in the file of the lines: one table, its rows in the order of starts; an index finds those
//! of a machine. What a list shows stands in front of the body, so that a list reads no bodies.
//!
//! A machine is a stream of the kind `express`; its number is never another's.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::super::{number, set_number};
use super::{LinesIntegrity, PROBLEMS_MAX, SqliteLines, shortened, stream_number};
use crate::runs::{Bound, Head, Run, Runs};
use crate::{Error, Result};

const TABLE: &str = "
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    machine INTEGER NOT NULL,
    name TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    definition INTEGER NOT NULL,
    size INTEGER NOT NULL,
    summary_checksum INTEGER NOT NULL,
    body_checksum INTEGER NOT NULL,
    summary BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX runs_of_machine ON runs (machine, number, definition);
";

/// The sum of the sizes, in `numbers`.
const BYTES: &str = "bytes of runs";

/// Rows deleted at once; some milliseconds.
const DELETED_MAX: usize = 500;

/// Lines made before runs were kept have no table for them. A build of that time takes no notice of
/// it.
pub(super) fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    connection.table_exists(None, "runs")
}

pub(super) fn make_table(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLE)
}

fn stream(machine: &str) -> String {
    format!("express/{machine}")
}

impl Runs for SqliteLines {
    fn put_runs(&self, runs: &[Run], bound: Bound) -> Result<()> {
        self.change(|connection, _| {
            let mut bytes = number(connection, BYTES)?.unwrap_or(0);
            let machines = insert(connection, runs, &mut bytes)?;
            for machine in machines {
                delete_beyond(connection, machine, bound.per_machine, &mut bytes)?;
            }
            if bytes > bound.bytes {
                delete_oldest(connection, bound.bytes, &mut bytes)?;
            }
            set_number(connection, BYTES, bytes)
        })
    }

    fn runs(&self, machine: &str, limit: usize) -> Result<Vec<Head>> {
        self.readers.read(&self.files, |connection| {
            let query = format!(
                "SELECT {COLUMNS} FROM runs
                 WHERE machine = (SELECT number FROM streams WHERE name = ?1)
                 ORDER BY number DESC LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&query)?;
            let heads = statement.query_map(params![stream(machine), limit], |row| {
                let (key, checksum, summary) = key(row)?;
                let is_whole = key.checksum(&summary) == checksum;
                Ok(Head {
                    number: key.number,
                    name: key.name,
                    started_ms: key.started_ms,
                    summary: is_whole.then_some(summary),
                })
            })?;
            heads.collect()
        })
    }

    fn run(&self, machine: &str, name: &str) -> Result<Option<Run>> {
        let found = self.readers.read(&self.files, |connection| {
            // A machine has few, and nothing asks often.
            let query = format!(
                "SELECT {COLUMNS}, body_checksum, body FROM runs
                 WHERE machine = (SELECT number FROM streams WHERE name = ?1) AND name = ?2
                 ORDER BY number DESC LIMIT 1"
            );
            let mut statement = connection.prepare_cached(&query)?;
            let found = statement.query_row(params![stream(machine), name], stored);
            found.optional()
        })?;
        let Some(found) = found else { return Ok(None) };
        if !found.is_whole() {
            return Err(Error::Corrupt {
                path: self.files.database().to_owned(),
                cause: damaged(&found.key, machine),
            });
        }
        let Stored {
            key, summary, body, ..
        } = found;
        Ok(Some(Run {
            number: key.number,
            machine: machine.into(),
            name: key.name,
            started_ms: key.started_ms,
            definition: key.definition,
            summary,
            body,
        }))
    }

    fn last_run(&self) -> Result<Option<u64>> {
        self.readers.read(&self.files, |connection| {
            connection.query_row("SELECT max(number) FROM runs", (), |row| row.get(0))
        })
    }

    fn run_definitions(&self) -> Result<Vec<u64>> {
        self.readers.read(&self.files, |connection| {
            let query = "SELECT DISTINCT definition FROM runs INDEXED BY runs_of_machine
                         ORDER BY definition";
            let mut statement = connection.prepare_cached(query)?;
            let definitions = statement.query_map((), |row| row.get(0))?;
            definitions.collect()
        })
    }

    fn drop_runs(&self, machine: &str) -> Result<()> {
        self.change(|connection, _| {
            let delete = "DELETE FROM runs
                          WHERE machine = (SELECT number FROM streams WHERE name = ?1)
                          RETURNING size";
            let mut statement = connection.prepare_cached(delete)?;
            let sizes = statement.query_map([stream(machine)], |row| row.get::<_, u64>(0))?;
            let freed = sizes.sum::<rusqlite::Result<u64>>()?;
            let bytes = number(connection, BYTES)?.unwrap_or(0);
            set_number(connection, BYTES, bytes.saturating_sub(freed))
        })
    }

    fn expire_runs(&self, before_ms: i64) -> Result<bool> {
        let oldest = self.readers.read(&self.files, |connection| {
            let query = "SELECT started_ms FROM runs ORDER BY number LIMIT 1";
            let oldest = connection.query_row(query, (), |row| row.get::<_, i64>(0));
            oldest.optional()
        })?;
        if oldest.is_none_or(|started_ms| started_ms >= before_ms) {
            return Ok(false);
        }
        self.change(|connection, _| {
            let (last, freed, count) = {
                let query = "SELECT number, size, started_ms FROM runs ORDER BY number LIMIT ?1";
                let mut statement = connection.prepare_cached(query)?;
                let mut rows = statement.query([DELETED_MAX])?;
                let (mut last, mut freed, mut count) = (None, 0_u64, 0);
                while let Some(row) = rows.next()? {
                    if row.get::<_, i64>(2)? >= before_ms {
                        break;
                    }
                    last = Some(row.get::<_, u64>(0)?);
                    freed += row.get::<_, u64>(1)?;
                    count += 1;
                }
                (last, freed, count)
            };
            delete_up_to(connection, last)?;
            let bytes = number(connection, BYTES)?.unwrap_or(0);
            set_number(connection, BYTES, bytes.saturating_sub(freed))?;
            Ok(count == DELETED_MAX)
        })
    }
}

/// Inserts those that are not there, and answers their machines.
fn insert(connection: &Connection, runs: &[Run], bytes: &mut u64) -> rusqlite::Result<Vec<i64>> {
    let insert = "INSERT OR IGNORE INTO runs (number, machine, name, started_ms, definition, size,
                      summary_checksum, body_checksum, summary, body)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mut insert = connection.prepare_cached(insert)?;
    let mut machines: BTreeMap<&str, i64> = BTreeMap::new();
    for run in runs {
        let machine = match machines.get(&*run.machine) {
            Some(machine) => *machine,
            None => stream_number(connection, &stream(&run.machine))?,
        };
        machines.insert(&run.machine, machine);
        let key = Key {
            number: run.number,
            machine,
            name: Arc::clone(&run.name),
            started_ms: run.started_ms,
            definition: run.definition,
        };
        let inserted = insert.execute(params![
            key.number,
            key.machine,
            key.name,
            key.started_ms,
            key.definition,
            run.size(),
            key.checksum(&run.summary),
            key.checksum(&run.body),
            run.summary,
            run.body,
        ])?;
        if inserted > 0 {
            *bytes += run.size();
        }
    }
    Ok(machines.into_values().collect())
}

/// Deletes all runs of a machine but the newest.
fn delete_beyond(
    connection: &Connection,
    machine: i64,
    max: usize,
    bytes: &mut u64,
) -> rusqlite::Result<()> {
    let query = "SELECT number FROM runs WHERE machine = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2";
    let mut statement = connection.prepare_cached(query)?;
    let newest_beyond = statement.query_row(params![machine, max], |row| row.get::<_, u64>(0));
    let Some(newest_beyond) = newest_beyond.optional()? else {
        return Ok(());
    };
    let delete = "DELETE FROM runs WHERE machine = ?1 AND number <= ?2 RETURNING size";
    let mut statement = connection.prepare_cached(delete)?;
    let key = params![machine, newest_beyond];
    let sizes = statement.query_map(key, |row| row.get::<_, u64>(0))?;
    *bytes = bytes.saturating_sub(sizes.sum::<rusqlite::Result<u64>>()?);
    Ok(())
}

/// Deletes the oldest runs of all until no more than so many bytes are left.
fn delete_oldest(connection: &Connection, max: u64, bytes: &mut u64) -> rusqlite::Result<()> {
    let last = {
        let query = "SELECT number, size FROM runs ORDER BY number";
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query(())?;
        let mut last = None;
        while *bytes > max
            && let Some(row) = rows.next()?
        {
            last = Some(row.get::<_, u64>(0)?);
            *bytes = bytes.saturating_sub(row.get(1)?);
        }
        last
    };
    delete_up_to(connection, last)
}

fn delete_up_to(connection: &Connection, last: Option<u64>) -> rusqlite::Result<()> {
    if let Some(last) = last {
        let delete = "DELETE FROM runs WHERE number <= ?1";
        connection.prepare_cached(delete)?.execute([last])?;
    }
    Ok(())
}

/// What a row is about.
struct Key {
    number: u64,
    machine: i64,
    name: Arc<str>,
    started_ms: i64,
    definition: u64,
}

impl Key {
    fn checksum(&self, bytes: &[u8]) -> i64 {
        let mut hash = Sha256::new();
        hash.update(self.number.to_le_bytes());
        hash.update(self.machine.to_le_bytes());
        hash.update(self.started_ms.to_le_bytes());
        hash.update(self.definition.to_le_bytes());
        hash.update((self.name.len() as u64).to_le_bytes());
        hash.update(self.name.as_bytes());
        hash.update(bytes);
        shortened(hash)
    }
}

/// The columns of [`key`].
const COLUMNS: &str =
    "runs.number, machine, runs.name, started_ms, definition, summary_checksum, summary";

/// The key, the checksum of the summary, and the summary.
fn key(row: &Row<'_>) -> rusqlite::Result<(Key, i64, Vec<u8>)> {
    // A name that is damaged must not hide the others: its checksum tells.
    let name = String::from_utf8_lossy(row.get_ref(2)?.as_bytes()?);
    let key = Key {
        number: row.get(0)?,
        machine: row.get(1)?,
        name: name.into(),
        started_ms: row.get(3)?,
        definition: row.get(4)?,
    };
    Ok((key, row.get(5)?, row.get(6)?))
}

/// A row as it is stored.
struct Stored {
    key: Key,
    summary_checksum: i64,
    summary: Vec<u8>,
    body_checksum: i64,
    body: Vec<u8>,
}

/// Of [`COLUMNS`], the checksum of the body, and the body.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let (key, summary_checksum, summary) = key(row)?;
    Ok(Stored {
        key,
        summary_checksum,
        summary,
        body_checksum: row.get(7)?,
        body: row.get(8)?,
    })
}

impl Stored {
    fn is_whole(&self) -> bool {
        self.key.checksum(&self.summary) == self.summary_checksum
            && self.key.checksum(&self.body) == self.body_checksum
    }
}

fn damaged(key: &Key, machine: &str) -> String {
    let Key { name, number, .. } = key;
    format!("run `{name}` (number {number}) of `{machine}` isn't what was written")
}

/// Looks at every row.
pub(super) fn check(connection: &Connection, found: &mut LinesIntegrity) -> rusqlite::Result<()> {
    let query = format!(
        "SELECT {COLUMNS}, body_checksum, body, streams.name FROM runs
         LEFT JOIN streams ON streams.number = machine ORDER BY runs.number"
    );
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let run = stored(row)?;
        let machine: Option<String> = row.get(9)?;
        found.runs += 1;
        if !(run.is_whole() && machine.is_some()) && found.problems.len() < PROBLEMS_MAX {
            let machine = machine.as_deref().unwrap_or("?");
            let machine = machine.strip_prefix("express/").unwrap_or(machine);
            found.problems.push(damaged(&run.key, machine));
        }
    }
    Ok(())
}
