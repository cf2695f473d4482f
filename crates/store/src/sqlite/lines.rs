//! [`Lines`] in a database of their own: a table for each kind of stream and day, so that expiry
//! drops tables. Rows lie in the order they were appended; an index finds those of a stream. Log
//! events lie beside them, see [`events`], and so do [`runs`].

mod events;
mod queue;
mod runs;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use self::queue::{Queue, Weighs};
use super::checkpoint::Checkpointer;
use super::files::{Files, Schema};
use super::guard::{Guard, Paths};
use super::readers::Readers;
use super::{close, in_transaction};
use crate::lines::{Line, Lines, Order, Place, day_of, kind_of};
use crate::{Error, Result};

const SCHEMA: Schema = Schema {
    name: "lines",
    // "LKSL"
    application_id: 0x4c4b_534c,
    version: 2,
    // A day of a flood, or a group that is deleted, may be most of the file.
    shrinks: true,
    make: |connection| {
        connection.execute_batch(events::TABLES)?;
        runs::make_table(connection)?;
        connection.execute_batch(
            "CREATE TABLE streams (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
             CREATE TABLE days (
                 number INTEGER PRIMARY KEY,
                 kind TEXT NOT NULL,
                 day INTEGER NOT NULL,
                 UNIQUE (kind, day)
             );
             CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
        )
    },
};

/// Lines are some hundred bytes, denials some thousand.
const PAGE_BYTES: u32 = 4_096;

/// The number of the next line, in `numbers`: written before lines that show it are dropped.
const NEXT: &str = "next";

/// [`Lines`], [`Events`](crate::Events) and [`Runs`](crate::Runs) in the file `lines.db` of a
/// folder.
pub struct SqliteLines {
    queue: Queue<Request, Result<Vec<Place>>>,
    writer: Mutex<Writer>,
    /// Changed by the writer after a commit only.
    days: RwLock<Arc<Days>>,
    readers: Readers,
    /// Last, so that the files are unlocked after everything is closed.
    files: Files,
}

struct Writer {
    /// Before the connection: its thread ends first.
    checkpointer: Checkpointer,
    connection: Connection,
    guard: Guard,
    /// Never given twice, whatever became of the line.
    next_number: u64,
    closed: bool,
}

/// What [`SqliteLines::check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinesIntegrity {
    /// What is damaged, in words; empty when nothing is.
    pub problems: Vec<String>,
    pub lines: u64,
    /// Log events.
    pub events: u64,
    /// Express executions.
    pub runs: u64,
}

/// Damaged lines listed; with more, a restore is due anyway.
const PROBLEMS_MAX: usize = 20;

/// An append that waits.
enum Request {
    Lines { stream: String, lines: Vec<Line> },
    Events(events::Batches),
}

impl Weighs for Request {
    fn bytes(&self) -> usize {
        match self {
            Request::Lines { lines, .. } => lines.iter().map(|line| line.bytes.len()).sum(),
            Request::Events(batches) => batches.bytes(),
        }
    }
}

/// The days of each kind, with the number of their table.
type Days = BTreeMap<String, BTreeMap<i64, i64>>;

impl SqliteLines {
    /// Opens the lines in a folder; makes both if they don't exist. Only one process can have them
    /// open.
    ///
    /// # Errors
    /// What is damaged or missing, and what to do about it.
    pub fn open(folder: &Path) -> Result<SqliteLines> {
        let mut files = Files::lock(folder, &SCHEMA)?;
        let mut connection = files.writer(PAGE_BYTES, true)?;
        let guard = files.guard()?;
        let of_checkpoint = files.checkpointer()?;
        let load = |connection: &mut Connection| {
            if !runs::has_table(connection)? {
                in_transaction(connection, &guard, runs::make_table)?;
            }
            let days = load_days(connection)?;
            let next_number = next_number(connection, &days)?;
            let checkpointer = Checkpointer::start(connection, of_checkpoint, PAGE_BYTES)?;
            Ok((days, next_number, checkpointer))
        };
        let (days, next_number, checkpointer) =
            load(&mut connection).map_err(|error| files.error(&error))?;
        Ok(SqliteLines {
            queue: Queue::default(),
            writer: Mutex::new(Writer {
                checkpointer,
                connection,
                guard,
                next_number,
                closed: false,
            }),
            days: RwLock::new(Arc::new(days)),
            readers: Readers::default(),
            files,
        })
    }

    /// Ends the lines: moves the log into the database, so that `lines.db` alone is all of it.
    /// Waits for calls under way; later ones are answered with an error. Dropping them does this
    /// too.
    pub fn close(&self) {
        self.readers.close();
        let mut writer = self.writer.lock();
        if writer.closed {
            return;
        }
        writer.closed = true;
        writer.checkpointer.stop();
        close::empty_log(&writer.connection, &writer.guard);
    }

    /// Whether there are lines in a folder, or what is left of them. Opens nothing.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        Paths::of(folder, SCHEMA.name).any()
    }

    /// Looks at every line, every log event and every run.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn check(&self) -> Result<LinesIntegrity> {
        let days = Arc::clone(&self.days.read());
        self.readers.read(&self.files, |connection| {
            let mut statement = connection.prepare("PRAGMA quick_check")?;
            let problems = statement.query_map((), |row| row.get::<_, String>(0))?;
            let mut found = LinesIntegrity {
                problems: problems.collect::<rusqlite::Result<_>>()?,
                ..LinesIntegrity::default()
            };
            found.problems.retain(|line| line != "ok");
            for table in days.values().flat_map(BTreeMap::values) {
                check(connection, *table, &mut found)?;
            }
            events::check(connection, &mut found)?;
            runs::check(connection, &mut found)?;
            Ok(found)
        })
    }

    /// Appends what a group asks for in one transaction; each request gets the group's error.
    fn write(&self, group: &[Request]) -> Vec<Result<Vec<Place>>> {
        let mut writer = self.writer.lock();
        let mut number = writer.next_number;
        let mut days = Arc::clone(&self.days.read());
        let places = writer.transaction(|connection| {
            let append = |request: &Request| match request {
                Request::Lines { stream, lines } => {
                    append(connection, (stream, lines), &mut days, &mut number)
                }
                Request::Events(batches) => {
                    events::append(connection, batches, &mut number)?;
                    Ok(Vec::new())
                }
            };
            group.iter().map(append).collect::<rusqlite::Result<_>>()
        });
        writer.next_number = number;
        let places: Vec<Vec<Place>> = match places {
            Ok(places) => places,
            Err(error) => {
                // It may have been written all the same, and a day with it.
                if let Ok(days) = load_days(&writer.connection) {
                    *self.days.write() = Arc::new(days);
                }
                let refused = |_| Err(self.files.error(&error));
                return group.iter().map(refused).collect();
            }
        };
        *self.days.write() = days;
        writer.checkpointer.after_commit(&writer.connection);
        places.into_iter().map(Ok).collect()
    }

    /// The table of a day, if it has lines.
    fn table(&self, stream: &str, day: i64) -> Option<i64> {
        let days = self.days.read();
        days.get(kind_of(stream))?.get(&day).copied()
    }

    /// Reads the table of a day; nothing, if it is dropped meanwhile.
    fn read_day<T: Default>(
        &self,
        (stream, day): (&str, i64),
        read: impl Fn(&Connection, i64) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let Some(table) = self.table(stream, day) else {
            return Ok(T::default());
        };
        let found = self
            .readers
            .read(&self.files, |connection| read(connection, table));
        if found.is_err() && self.table(stream, day).is_none() {
            return Ok(T::default());
        }
        found
    }

    /// A line as it was appended.
    fn checked(&self, stream: &str, stored: Stored) -> Result<(Place, Line)> {
        let Stored {
            place,
            checksum: stored,
            bytes,
        } = stored;
        if checksum(place, &bytes) != stored {
            return Err(Error::Corrupt {
                path: self.files.database().to_owned(),
                cause: damaged(place, stream),
            });
        }
        let time_ms = place.time_ms;
        Ok((place, Line { time_ms, bytes }))
    }
}

impl Writer {
    fn transaction<T>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.closed {
            return Err(close::closed());
        }
        in_transaction(&self.connection, &self.guard, write)
    }
}

impl Drop for SqliteLines {
    fn drop(&mut self) {
        self.close();
    }
}

impl Lines for SqliteLines {
    fn append(&self, stream: &str, lines: &[Line]) -> Result<Vec<Place>> {
        let request = Request::Lines {
            stream: stream.to_owned(),
            lines: lines.to_vec(),
        };
        self.queue.answer(request, |group| self.write(group))
    }

    fn line(&self, stream: &str, place: Place) -> Result<Option<Line>> {
        let day = day_of(place.time_ms);
        let found = self.read_day((stream, day), |connection, table| {
            let query = format!(
                "SELECT time_ms, number, checksum, bytes FROM lines_{table}
                 WHERE number = ?1 AND time_ms = ?2
                     AND stream = (SELECT number FROM streams WHERE name = ?3)"
            );
            let mut statement = connection.prepare_cached(&query)?;
            let key = params![place.number, place.time_ms, stream];
            statement.query_row(key, stored).optional()
        })?;
        let line = found.map(|found| self.checked(stream, found));
        Ok(line.transpose()?.map(|(_, line)| line))
    }

    fn read(
        &self,
        stream: &str,
        times_ms: Range<i64>,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Line)>> {
        let times_ms = narrowed(times_ms, order, after);
        let days: Vec<i64> = {
            let days = self.days.read();
            let kind = days.get(kind_of(stream)).into_iter().flatten();
            let in_range = |day: &i64| {
                *day >= day_of(times_ms.start) && *day <= day_of(times_ms.end.saturating_sub(1))
            };
            let days = kind.map(|(day, _)| *day).filter(in_range);
            match order {
                Order::OldestFirst => days.collect(),
                Order::NewestFirst => days.rev().collect(),
            }
        };
        let mut found = Vec::new();
        for day in days {
            let left = limit.saturating_sub(found.len());
            if left == 0 {
                break;
            }
            let lines = self.read_day((stream, day), |connection, table| {
                read(connection, table, stream, &times_ms, (order, after, left))
            })?;
            for line in lines {
                found.push(self.checked(stream, line)?);
            }
        }
        Ok(found)
    }

    fn expire(&self, kind: &str, before_ms: i64) -> Result<u64> {
        let old: Vec<(i64, i64)> = {
            let days = self.days.read();
            let days = days.get(kind).into_iter().flatten();
            let old = days.filter(|(day, _)| **day < day_of(before_ms));
            old.map(|(day, table)| (*day, *table)).collect()
        };
        let mut dropped = 0;
        // One at a time, so that appends get their turn.
        for (day, table) in old {
            let writer = self.writer.lock();
            let next_number = writer.next_number;
            let drop_table = |connection: &Connection| {
                super::set_number(connection, NEXT, next_number)?;
                connection.execute("DELETE FROM days WHERE number = ?1", [table])?;
                connection.execute_batch(&format!("DROP TABLE lines_{table}"))
            };
            let result = writer.transaction(drop_table);
            result.map_err(|error| self.files.error(&error))?;
            if let Some(days) = Arc::make_mut(&mut self.days.write()).get_mut(kind) {
                days.remove(&day);
            }
            writer.checkpointer.after_commit(&writer.connection);
            dropped += 1;
        }
        Ok(dropped)
    }
}

/// A line as it is stored.
struct Stored {
    place: Place,
    checksum: i64,
    bytes: Vec<u8>,
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        place: Place {
            time_ms: row.get(0)?,
            number: row.get(1)?,
        },
        checksum: row.get(2)?,
        bytes: row.get(3)?,
    })
}

/// Of a line and its place: the database finds damage to its own structure only.
fn checksum(place: Place, bytes: &[u8]) -> i64 {
    let mut hash = Sha256::new();
    hash.update(place.time_ms.to_le_bytes());
    hash.update(place.number.to_le_bytes());
    hash.update(bytes);
    shortened(hash)
}

/// As much of a digest as a column holds.
fn shortened(hash: Sha256) -> i64 {
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn damaged(place: Place, stream: &str) -> String {
    let number = place.number;
    format!("line `{number}` of the stream `{stream}` isn't what was written")
}

/// Looks at every line of a table.
fn check(connection: &Connection, table: i64, found: &mut LinesIntegrity) -> rusqlite::Result<()> {
    let query = format!(
        "SELECT time_ms, lines.number, checksum, bytes, name FROM lines_{table} AS lines
         LEFT JOIN streams ON streams.number = stream ORDER BY lines.number"
    );
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let stored = stored(row)?;
        let stream: Option<String> = row.get(4)?;
        found.lines += 1;
        let is_whole = checksum(stored.place, &stored.bytes) == stored.checksum;
        if !(is_whole && stream.is_some()) && found.problems.len() < PROBLEMS_MAX {
            let stream = stream.as_deref().unwrap_or("?");
            found.problems.push(damaged(stored.place, stream));
        }
    }
    Ok(())
}

/// The times that can come after a place.
fn narrowed(times_ms: Range<i64>, order: Order, after: Option<Place>) -> Range<i64> {
    match (order, after) {
        (_, None) => times_ms,
        (Order::OldestFirst, Some(after)) => times_ms.start.max(after.time_ms)..times_ms.end,
        (Order::NewestFirst, Some(after)) => {
            times_ms.start..times_ms.end.min(after.time_ms.saturating_add(1))
        }
    }
}

fn load_days(connection: &Connection) -> rusqlite::Result<Days> {
    let mut statement = connection.prepare("SELECT kind, day, number FROM days")?;
    let mut rows = statement.query(())?;
    let mut days = Days::new();
    while let Some(row) = rows.next()? {
        let kind = days.entry(row.get(0)?).or_default();
        kind.insert(row.get(1)?, row.get(2)?);
    }
    Ok(days)
}

fn next_number(connection: &Connection, days: &Days) -> rusqlite::Result<u64> {
    let mut next = super::number(connection, NEXT)?.unwrap_or(0);
    next = next.max(events::next_number(connection)?);
    for table in days.values().flat_map(BTreeMap::values) {
        let query = format!("SELECT max(number) FROM lines_{table}");
        let highest: Option<u64> = connection.query_row(&query, (), |row| row.get(0))?;
        next = next.max(highest.map_or(0, |highest| highest + 1));
    }
    Ok(next)
}

fn append(
    connection: &Connection,
    (stream, lines): (&str, &[Line]),
    days: &mut Arc<Days>,
    next_number: &mut u64,
) -> rusqlite::Result<Vec<Place>> {
    let kind = kind_of(stream);
    let stream = stream_number(connection, stream)?;
    let mut places = Vec::with_capacity(lines.len());
    for line in lines {
        let table = table_of(connection, days, kind, day_of(line.time_ms))?;
        let place = Place {
            time_ms: line.time_ms,
            number: *next_number,
        };
        *next_number += 1;
        let insert = format!(
            "INSERT INTO lines_{table} (number, stream, time_ms, checksum, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5)"
        );
        connection.prepare_cached(&insert)?.execute(params![
            place.number,
            stream,
            place.time_ms,
            checksum(place, &line.bytes),
            line.bytes
        ])?;
        places.push(place);
    }
    Ok(places)
}

fn stream_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let find = "SELECT number FROM streams WHERE name = ?1";
    let found = connection
        .prepare_cached(find)?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(number) = found {
        return Ok(number);
    }
    let insert = "INSERT INTO streams (name) VALUES (?1)";
    connection.prepare_cached(insert)?.execute([name])?;
    Ok(connection.last_insert_rowid())
}

/// The table of a day, made if there is none.
fn table_of(
    connection: &Connection,
    days: &mut Arc<Days>,
    kind: &str,
    day: i64,
) -> rusqlite::Result<i64> {
    if let Some(table) = days.get(kind).and_then(|days| days.get(&day)) {
        return Ok(*table);
    }
    let insert = "INSERT INTO days (kind, day) VALUES (?1, ?2)";
    connection.execute(insert, params![kind, day])?;
    let table = connection.last_insert_rowid();
    connection.execute_batch(&format!(
        "CREATE TABLE lines_{table} (
             number INTEGER PRIMARY KEY,
             stream INTEGER NOT NULL,
             time_ms INTEGER NOT NULL,
             checksum INTEGER NOT NULL,
             bytes BLOB NOT NULL
         );
         CREATE INDEX lines_{table}_of_stream ON lines_{table} (stream, time_ms);"
    ))?;
    let days = Arc::make_mut(days);
    days.entry(kind.to_owned()).or_default().insert(day, table);
    Ok(table)
}

/// Lines of one day.
fn read(
    connection: &Connection,
    table: i64,
    stream: &str,
    times_ms: &Range<i64>,
    (order, after, limit): (Order, Option<Place>, usize),
) -> rusqlite::Result<Vec<Stored>> {
    let (is_after, direction, none) = match order {
        Order::OldestFirst => (">", "ASC", (i64::MIN, 0)),
        Order::NewestFirst => ("<", "DESC", (i64::MAX, u64::MAX >> 1)),
    };
    let (after_ms, after_number) = after.map_or(none, |after| (after.time_ms, after.number));
    let query = format!(
        "SELECT time_ms, number, checksum, bytes FROM lines_{table}
         WHERE stream = (SELECT number FROM streams WHERE name = ?1)
             AND time_ms >= ?2 AND time_ms < ?3 AND (time_ms, number) {is_after} (?4, ?5)
         ORDER BY time_ms {direction}, number {direction} LIMIT ?6"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let key = params![
        stream,
        times_ms.start,
        times_ms.end,
        after_ms,
        after_number,
        limit
    ];
    statement.query_map(key, stored)?.collect()
}

#[cfg(test)]
mod tests;
