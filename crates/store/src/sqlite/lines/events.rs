//! Log events in the file of the lines: [packed](crate::events) rows in the order they were
//! appended, found by indexes of their group and of their stream.
//!
//! A row of events of one moment is *narrow*, another *wide*. Both are looked up by their first
//! time, from as much earlier as a row of the sort can reach: a read amid thousands of narrow rows
//! a second passes few of them that it doesn't want.

mod read;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use self::read::Read;
use super::{LinesIntegrity, NEXT, PROBLEMS_MAX, SqliteLines};
use crate::events::{
    Batch, Bound, Event, Events, GroupId, Packed, Page, Scope, StreamBounds, StreamId, packed,
    unpacked,
};
use crate::lines::{Order, Place};
use crate::{Error, Result};

/// `state` is one of [`KEPT`], [`DROPPED`] and [`SWEPT`]. A dropped stream keeps its row until its
/// group is dropped: events for it that are still on their way must not bring it back.
pub(super) const TABLES: &str = "
CREATE TABLE log_groups (
    number INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    size INTEGER NOT NULL
);
CREATE TABLE log_streams (
    number INTEGER PRIMARY KEY,
    group_number INTEGER NOT NULL,
    state INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    ingested_ms INTEGER NOT NULL,
    name TEXT NOT NULL
);
CREATE INDEX log_streams_of_group ON log_streams (group_number);
CREATE INDEX log_streams_dropped ON log_streams (number) WHERE state = 1;
CREATE TABLE log_events (
    number INTEGER PRIMARY KEY,
    group_number INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    is_wide INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    ingested_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    size INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL
);
CREATE INDEX log_events_of_group ON log_events (group_number, is_wide, first_ms, last_ms, stream);
CREATE INDEX log_events_of_stream ON log_events (stream, is_wide, first_ms, last_ms);
";

const KEPT: u8 = 0;
const DROPPED: u8 = 1;
/// Dropped, and all its events are deleted.
const SWEPT: u8 = 2;

/// The time a narrow row spans at most: agents send what came in a few seconds.
const NARROW_MS_MAX: i64 = 5_000;

/// Rows deleted at once; some milliseconds.
const DELETED_MAX: usize = 500;

/// Pages given back at once: some milliseconds.
const FREED_PAGES_MAX: usize = 512;

/// Free pages that stay, since the next lines take them.
const FREE_PAGES_KEPT: usize = 1_024;

/// Batches as they are written.
pub(super) struct Batches(Vec<(Batch, Vec<Packed>)>);

impl Batches {
    fn new(batches: Vec<Batch>) -> Batches {
        let packed = |mut batch: Batch| {
            let rows = packed(std::mem::take(&mut batch.events));
            (batch, rows)
        };
        let batches = batches.into_iter().map(packed);
        Batches(batches.filter(|(_, rows)| !rows.is_empty()).collect())
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.0.iter().flat_map(|(_, rows)| rows);
        rows.map(|row| row.bytes.len()).sum()
    }
}

impl Events for SqliteLines {
    fn append_events(&self, batches: Vec<Batch>) -> Result<()> {
        let batches = Batches::new(batches);
        if batches.0.is_empty() {
            return Ok(());
        }
        let request = super::Request::Events(batches);
        self.queue.answer(request, |group| self.write(group))?;
        Ok(())
    }

    fn events(
        &self,
        scope: &Scope<'_>,
        places: std::ops::Range<Place>,
        order: Order,
        bound: Bound,
    ) -> Result<Page> {
        let read = Read::new(scope, places, order, bound);
        let page = self
            .readers
            .read(&self.files, |connection| read.page(connection))?;
        page.map_err(|cause| Error::Corrupt {
            path: self.files.database().to_owned(),
            cause,
        })
    }

    fn bounds(&self, streams: &[StreamId]) -> Result<Vec<Option<StreamBounds>>> {
        self.readers.read(&self.files, |connection| {
            let of = |stream| bounds(connection, stream);
            streams.iter().map(of).collect()
        })
    }

    fn stored_bytes(&self, groups: &[GroupId]) -> Result<Vec<u64>> {
        self.readers.read(&self.files, |connection| {
            let query = "SELECT size FROM log_groups WHERE number = ?1 AND state = ?2";
            let mut statement = connection.prepare_cached(query)?;
            let mut size = |group: &GroupId| {
                let size = statement.query_row(params![group.0, KEPT], |row| row.get(0));
                Ok(size.optional()?.unwrap_or(0))
            };
            groups.iter().map(&mut size).collect()
        })
    }

    fn groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<GroupId>> {
        self.readers.read(&self.files, |connection| {
            let query = "SELECT number FROM log_groups WHERE number > ?1 AND state = ?2
                         ORDER BY number LIMIT ?3";
            let mut statement = connection.prepare_cached(query)?;
            let after = after.map(|after| after.0);
            // Numbers of groups are never below zero.
            let key = params![after.map_or(-1, u64::cast_signed), KEPT, limit];
            let groups = statement.query_map(key, |row| row.get(0).map(GroupId))?;
            groups.collect()
        })
    }

    fn drop_group(&self, group: GroupId) -> Result<()> {
        self.change(|connection, _| {
            let drop = "INSERT INTO log_groups (number, state, size) VALUES (?1, ?2, 0)
                        ON CONFLICT (number) DO UPDATE SET state = excluded.state";
            connection.execute(drop, params![group.0, DROPPED])?;
            Ok(())
        })
    }

    fn drop_stream(&self, group: GroupId, stream: StreamId) -> Result<()> {
        self.change(|connection, _| {
            let drop = "INSERT INTO log_streams
                            (number, group_number, state, last_ms, ingested_ms, name)
                        VALUES (?1, ?2, ?3, 0, 0, '')
                        ON CONFLICT (number) DO UPDATE SET state = excluded.state";
            connection.execute(drop, params![stream.0, group.0, DROPPED])?;
            Ok(())
        })
    }

    fn expire_events(&self, group: GroupId, before_ms: i64) -> Result<bool> {
        self.change(|connection, next_number| {
            let of = format!("group_number = {}", group.0);
            let deleted = delete(connection, next_number, &of, before_ms)?;
            Ok(deleted == DELETED_MAX)
        })
    }

    fn sweep(&self) -> Result<bool> {
        if self.change(sweep)? {
            return Ok(true);
        }
        self.change(|connection, _| give_back(connection))
    }
}

impl SqliteLines {
    /// Runs a transaction between those of appends; it is given the next event's number.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&Connection, u64) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let writer = self.writer.lock();
        let next_number = writer.next_number;
        let changed = writer.transaction(|connection| change(connection, next_number));
        let changed = changed.map_err(|error| self.files.error(&error))?;
        writer.checkpointer.after_commit(&writer.connection);
        Ok(changed)
    }
}

pub(super) fn append(
    connection: &Connection,
    batches: &Batches,
    next_number: &mut u64,
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO log_events (number, group_number, stream, is_wide, first_ms, last_ms,
                      ingested_ms, count, size, checksum, bytes)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let mut insert = connection.prepare_cached(insert)?;
    for (batch, rows) in &batches.0 {
        if !enter(connection, batch, rows)? {
            continue;
        }
        for row in rows {
            let key = Key {
                number: *next_number,
                group: batch.group,
                stream: batch.stream,
                first_ms: row.first_ms,
                last_ms: row.last_ms,
                ingested_ms: batch.ingested_ms,
                count: row.count,
                size: row.size,
            };
            *next_number += row.count;
            insert.execute(params![
                key.number,
                key.group.0,
                key.stream.0,
                row.last_ms.saturating_sub(row.first_ms) > NARROW_MS_MAX,
                key.first_ms,
                key.last_ms,
                key.ingested_ms,
                key.count,
                key.size,
                key.checksum(&row.bytes),
                row.bytes,
            ])?;
        }
    }
    Ok(())
}

/// Notes in the rows of stream and group what a batch adds; `false` when one of them was dropped.
fn enter(connection: &Connection, batch: &Batch, rows: &[Packed]) -> rusqlite::Result<bool> {
    let stream = "INSERT INTO log_streams
                      (number, group_number, state, last_ms, ingested_ms, name)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                  ON CONFLICT (number) DO UPDATE SET last_ms = max(last_ms, excluded.last_ms),
                      ingested_ms = max(ingested_ms, excluded.ingested_ms)
                  WHERE state = excluded.state";
    let last_ms = rows.last().map_or(0, |row| row.last_ms);
    let (number, group) = (batch.stream.0, batch.group.0);
    let key = params![number, group, KEPT, last_ms, batch.ingested_ms, batch.name];
    if connection.prepare_cached(stream)?.execute(key)? == 0 {
        return Ok(false);
    }
    let group = "INSERT INTO log_groups (number, state, size) VALUES (?1, ?2, ?3)
                 ON CONFLICT (number) DO UPDATE SET size = size + excluded.size
                 WHERE state = excluded.state";
    let size: u64 = rows.iter().map(|row| row.size).sum();
    let key = params![batch.group.0, KEPT, size];
    Ok(connection.prepare_cached(group)?.execute(key)? > 0)
}

/// The number that the next event gets.
pub(super) fn next_number(connection: &Connection) -> rusqlite::Result<u64> {
    let last = "SELECT number + count FROM log_events ORDER BY number DESC LIMIT 1";
    let next = connection
        .query_row(last, (), |row| row.get(0))
        .optional()?;
    Ok(next.unwrap_or(0))
}

/// What a row is about.
#[derive(Clone, Copy, Debug)]
struct Key {
    /// The number of its first event.
    number: u64,
    group: GroupId,
    stream: StreamId,
    first_ms: i64,
    last_ms: i64,
    ingested_ms: i64,
    count: u64,
    size: u64,
}

impl Key {
    fn checksum(&self, bytes: &[u8]) -> i64 {
        let mut hash = Sha256::new();
        for part in [
            self.number,
            self.group.0,
            self.stream.0,
            self.count,
            self.size,
        ] {
            hash.update(part.to_le_bytes());
        }
        for part in [self.first_ms, self.last_ms, self.ingested_ms] {
            hash.update(part.to_le_bytes());
        }
        hash.update(bytes);
        super::shortened(hash)
    }
}

/// A row as it is stored.
struct Stored {
    key: Key,
    checksum: i64,
    bytes: Vec<u8>,
}

/// The columns of [`stored`].
const COLUMNS: &str = "log_events.number, log_events.group_number, stream, first_ms,
    log_events.last_ms, log_events.ingested_ms, count, size, checksum, bytes";

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        key: Key {
            number: row.get(0)?,
            group: GroupId(row.get(1)?),
            stream: StreamId(row.get(2)?),
            first_ms: row.get(3)?,
            last_ms: row.get(4)?,
            ingested_ms: row.get(5)?,
            count: row.get(6)?,
            size: row.get(7)?,
        },
        checksum: row.get(8)?,
        bytes: row.get(9)?,
    })
}

impl Stored {
    /// Its events as they were appended; `None` when it is damaged.
    fn events(&self) -> Option<Vec<Event>> {
        let is_whole = self.key.checksum(&self.bytes) == self.checksum;
        let events = unpacked(self.key.first_ms, &self.bytes);
        events.filter(|events| is_whole && events.len() as u64 == self.key.count)
    }
}

fn damaged(number: u64, stream: &str) -> String {
    format!("row `{number}` of the log stream `{stream}` isn't what was written")
}

fn bounds(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<StreamBounds>> {
    let query = "SELECT last_ms, ingested_ms,
                     (SELECT min(first_ms) FROM log_events WHERE stream = ?1 AND is_wide = 0),
                     (SELECT min(first_ms) FROM log_events WHERE stream = ?1 AND is_wide = 1)
                 FROM log_streams WHERE number = ?1 AND state = ?2";
    let mut statement = connection.prepare_cached(query)?;
    let found = statement.query_row(params![stream.0, KEPT], |row| {
        let first: [Option<i64>; 2] = [row.get(2)?, row.get(3)?];
        let Some(first_ms) = first.into_iter().flatten().min() else {
            return Ok(None);
        };
        Ok(Some(StreamBounds {
            first_ms,
            last_ms: row.get(0)?,
            ingested_ms: row.get(1)?,
        }))
    });
    Ok(found.optional()?.flatten())
}

/// Deletes rows that ended before a time, and says how many.
fn delete(
    connection: &Connection,
    next_number: u64,
    of: &str,
    before_ms: i64,
) -> rusqlite::Result<usize> {
    let query = format!(
        "DELETE FROM log_events WHERE number IN (
             SELECT number FROM log_events
             WHERE {of} AND is_wide IN (0, 1) AND first_ms < ?1 AND last_ms < ?1 LIMIT ?2
         ) RETURNING group_number, size"
    );
    let mut statement = connection.prepare(&query)?;
    let sizes = statement.query_map(params![before_ms, DELETED_MAX], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let sizes: Vec<(u64, i64)> = sizes.collect::<rusqlite::Result<_>>()?;
    if let Some((group, _)) = sizes.first() {
        let size: i64 = sizes.iter().map(|(_, size)| size).sum();
        let less = "UPDATE log_groups SET size = max(0, size - ?1) WHERE number = ?2";
        connection.execute(less, params![size, group])?;
        super::super::set_number(connection, NEXT, next_number)?;
    }
    Ok(sizes.len())
}

/// Deletes some of what was dropped; says whether there is more.
fn sweep(connection: &Connection, next_number: u64) -> rusqlite::Result<bool> {
    let number = |row: &Row<'_>| row.get::<_, u64>(0);
    let stream = "SELECT number FROM log_streams WHERE state = 1 LIMIT 1";
    if let Some(stream) = connection.query_row(stream, (), number).optional()? {
        let of = format!("stream = {stream}");
        if delete(connection, next_number, &of, i64::MAX)? < DELETED_MAX {
            let swept = "UPDATE log_streams SET state = ?1 WHERE number = ?2";
            connection.execute(swept, params![SWEPT, stream])?;
        }
        return Ok(true);
    }
    let group = "SELECT number FROM log_groups WHERE state = ?1 LIMIT 1";
    let group = connection.query_row(group, [DROPPED], number).optional()?;
    let Some(group) = group else {
        return Ok(false);
    };
    let of = format!("group_number = {group}");
    if delete(connection, next_number, &of, i64::MAX)? == DELETED_MAX {
        return Ok(true);
    }
    let streams = "DELETE FROM log_streams WHERE number IN (
                       SELECT number FROM log_streams WHERE group_number = ?1 LIMIT ?2)";
    if connection.execute(streams, params![group, DELETED_MAX])? < DELETED_MAX {
        connection.execute("DELETE FROM log_groups WHERE number = ?1", [group])?;
    }
    Ok(true)
}

/// Gives some free pages back to the file system, by moving others into them; says whether there
/// are more. None of a file that an earlier build has made: it can't, and fills them again.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let free = |connection: &Connection| {
        connection.query_row("PRAGMA freelist_count", (), |row| row.get::<_, usize>(0))
    };
    let before = free(connection)?;
    if before <= FREE_PAGES_KEPT {
        return Ok(false);
    }
    let pages = FREED_PAGES_MAX.min(before - FREE_PAGES_KEPT);
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    // A page a step.
    let mut rows = statement.query(())?;
    while rows.next()?.is_some() {}
    let after = free(connection)?;
    Ok(after < before && after > FREE_PAGES_KEPT)
}

/// Looks at every row.
pub(super) fn check(connection: &Connection, found: &mut LinesIntegrity) -> rusqlite::Result<()> {
    let query = format!(
        "SELECT {COLUMNS}, name FROM log_events
         LEFT JOIN log_streams ON log_streams.number = stream ORDER BY log_events.number"
    );
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let stored = stored(row)?;
        let name: Option<String> = row.get(10)?;
        found.events += stored.key.count;
        let is_whole = stored.events().is_some() && name.is_some();
        if !is_whole && found.problems.len() < PROBLEMS_MAX {
            let name = name.as_deref().unwrap_or("?");
            found.problems.push(damaged(stored.key.number, name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
