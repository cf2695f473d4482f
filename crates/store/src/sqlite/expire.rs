//! Deleting what is old, in slices.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{Sqlite, journal, names, set_number};
use crate::months::Month;
use crate::{EntityId, Expired, Result};

/// The highest entity ever committed, in `numbers`: written before rows that show it are deleted.
pub(super) const LAST_ENTITY: &str = "last_entity";

/// What a slice of a month deleted.
struct Slice {
    executions: usize,
    rows: usize,
    dropped: bool,
}

impl Sqlite {
    pub(super) fn expire_slice(&self, ended_before_ms: i64, rows_max: usize) -> Result<Expired> {
        let mut ended = self.ended.lock();
        let mut expired = Expired::default();
        let mut rows_left = rows_max;
        let closed: Vec<_> = self.index.read().months.closed().collect();
        for (month, first, next) in closed {
            // Asked once for a month that takes many calls to delete. Should an execution have
            // come late into such a month, nothing is left to delete while it runs.
            let question = Some((first, ended_before_ms));
            if *ended != question && !self.has_ended(first, next, ended_before_ms)? {
                continue;
            }
            *ended = question;
            let slice = self.delete_slice(month, (first, next), ended_before_ms, rows_left)?;
            if slice.rows == 0 && !slice.dropped && rows_left > 0 {
                *ended = None;
                continue;
            }
            expired.executions += slice.executions as u64;
            rows_left = rows_left.saturating_sub(slice.rows);
            if !slice.dropped {
                expired.more = true;
                return Ok(expired);
            }
            expired.months += 1;
        }
        expired.more = self.delete_names()?;
        Ok(expired)
    }

    /// Whether every execution of a range ended before a time. Read beside the writer.
    fn has_ended(&self, first: EntityId, next: EntityId, before_ms: i64) -> Result<bool> {
        let query = "SELECT NOT EXISTS (SELECT 1 FROM executions
             WHERE entity >= ?1 AND entity < ?2 AND stopped_ms >= ?3)";
        self.read(|connection| {
            connection.query_row(query, (first, next, before_ms), |row| row.get(0))
        })
    }

    fn delete_slice(
        &self,
        month: Month,
        (first, next): (EntityId, EntityId),
        ended_before_ms: i64,
        rows_max: usize,
    ) -> Result<Slice> {
        let last = self.index.read().last_entity.unwrap_or_default();
        let delete = |connection: &Connection| {
            set_number(connection, LAST_ENTITY, last.0)?;
            let executions = connection.execute(
                "DELETE FROM executions WHERE entity IN (SELECT entity FROM executions
                     WHERE entity >= ?1 AND entity < ?2 AND stopped_ms < ?3
                     ORDER BY entity LIMIT ?4)",
                (first, next, ended_before_ms, as_limit(rows_max)),
            )?;
            let left = "SELECT EXISTS (SELECT 1 FROM executions
                 WHERE entity >= ?1 AND entity < ?2)";
            if connection.query_row(left, (first, next), |row| row.get(0))? {
                return Ok(Slice {
                    executions,
                    rows: executions,
                    dropped: false,
                });
            }
            let rows_left = rows_max.saturating_sub(executions);
            let (rows, dropped) = journal::delete(connection, month, rows_left)?;
            Ok(Slice {
                executions,
                rows: executions + rows,
                dropped,
            })
        };
        self.write(delete, |index, slice| {
            if slice.dropped {
                index.months.remove(month);
            }
        })
    }

    /// Deletes one run of names if all its executions have expired; whether there may be more.
    fn delete_names(&self) -> Result<bool> {
        let lowest = "SELECT min(entity) FROM executions";
        let lowest: Option<EntityId> =
            self.read(|connection| connection.query_row(lowest, (), |row| row.get(0)))?;
        let expired = {
            let index = self.index.read();
            index
                .names
                .expired_run(lowest.or(index.last_entity).unwrap_or_default())
        };
        let Some(run) = expired else { return Ok(false) };
        let delete = |connection: &Connection| names::delete_run(connection, run);
        self.write(delete, |index, ()| index.names.remove_run(run))?;
        Ok(true)
    }

    pub(super) fn delete_definitions(&self, in_use: &[u64]) -> Result<u64> {
        let unused: Vec<u64> = self.read(|connection| unused_definitions(connection, in_use))?;
        let mut deleted = 0;
        // In slices, so that commits get their turn.
        for slice in unused.chunks(DEFINITIONS_MAX) {
            let delete_slice = |connection: &Connection| {
                let delete = "DELETE FROM definitions WHERE number = ?1";
                let mut statement = connection.prepare_cached(delete)?;
                let mut rows = 0;
                for number in slice {
                    rows += statement.execute([number])?;
                }
                Ok(rows as u64)
            };
            deleted += self.write(delete_slice, |_, _| {})?;
        }
        Ok(deleted)
    }
}

/// Definitions deleted in one transaction: each may be a megabyte.
const DEFINITIONS_MAX: usize = 32;

fn unused_definitions(connection: &Connection, in_use: &[u64]) -> rusqlite::Result<Vec<u64>> {
    let numbers = |query: &str| {
        let mut statement = connection.prepare(query)?;
        let numbers = statement.query_map((), |row| row.get(0))?;
        numbers.collect::<rusqlite::Result<BTreeSet<u64>>>()
    };
    let mut stored = numbers("SELECT number FROM definitions")?;
    // Its number must not be given again.
    stored.pop_last();
    let in_use: BTreeSet<u64> = in_use.iter().copied().collect();
    let highest = in_use.last().copied().unwrap_or_default();
    let running = numbers("SELECT DISTINCT definition FROM executions")?;
    let is_unused = |number: &u64| !running.contains(number) && !in_use.contains(number);
    stored.retain(|number| *number < highest && is_unused(number));
    Ok(stored.into_iter().collect())
}

/// A limit as SQL's signed integer.
fn as_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
