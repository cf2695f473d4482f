//! Reading rows of executions.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::commit::{RUNNING_MS, status_of};
use crate::{EntityId, ExecutionRow, MachineNumber};

/// The columns of `execution_row`.
const ROW: &str =
    "entity, machine, name, name_is_generated, status, started_ms, stopped_ms, definition";

fn execution_row(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
    let stopped_ms: i64 = row.get(6)?;
    Ok(ExecutionRow {
        entity: row.get(0)?,
        machine: row.get(1)?,
        name: row.get(2)?,
        name_is_generated: row.get(3)?,
        status: status_of(row.get(4)?),
        started_ms: row.get(5)?,
        stopped_ms: (stopped_ms != RUNNING_MS).then_some(stopped_ms),
        definition: row.get(7)?,
    })
}

pub(super) fn execution(
    connection: &Connection,
    entity: EntityId,
) -> rusqlite::Result<Option<ExecutionRow>> {
    let query = format!("SELECT {ROW} FROM executions WHERE entity = ?1");
    connection
        .prepare_cached(&query)?
        .query_row([entity], execution_row)
        .optional()
}

/// Whether an execution's row really has a name that its hash suggests.
pub(super) fn is_named(
    connection: &Connection,
    entity: EntityId,
    machine: MachineNumber,
    name: &str,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM executions
         WHERE entity = ?1 AND machine = ?2 AND name = ?3 AND NOT name_is_generated",
    )?;
    statement.exists((entity, machine, name))
}

pub(super) fn list_status(
    connection: &Connection,
    machine: MachineNumber,
    status: u16,
    before: i64,
    limit: usize,
) -> rusqlite::Result<Vec<ExecutionRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {ROW} FROM executions INDEXED BY executions_listing
         WHERE machine = ?1 AND status = ?2 AND entity < ?3 ORDER BY entity DESC"
    ))?;
    let rows = statement.query_map((machine, status, before), execution_row)?;
    rows.take(limit).collect()
}

/// Merges the lists of every status the machine's executions have.
pub(super) fn list_all(
    connection: &Connection,
    machine: MachineNumber,
    before: i64,
    limit: usize,
) -> rusqlite::Result<Vec<ExecutionRow>> {
    let mut next = connection.prepare_cached(
        "SELECT min(status) FROM executions INDEXED BY executions_listing
         WHERE machine = ?1 AND status > ?2",
    )?;
    let mut rows = Vec::new();
    let mut status = 0;
    while let Some(found) = next.query_row((machine, status), |row| row.get(0))? {
        status = found;
        rows.extend(list_status(connection, machine, status, before, limit)?);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.entity));
    rows.truncate(limit);
    Ok(rows)
}

/// The numbers above one, in order.
pub(super) fn above(
    connection: &Connection,
    after: Option<EntityId>,
    limit: usize,
) -> rusqlite::Result<Vec<EntityId>> {
    let mut statement = connection
        .prepare_cached("SELECT entity FROM executions WHERE entity > ?1 ORDER BY entity")?;
    let after = after.map_or(-1, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
    let rows = statement.query_map([after], |row| row.get(0))?;
    rows.take(limit).collect()
}
