//! Reading rows of executions.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::commit::{RUNNING_MS, status_of};
use crate::{EntityId, ExecutionRow, MachineNumber};

/// The columns of `execution_row`.
pub(super) const ROW: &str = "entity, machine, name, name_is_generated, status, started_ms, \
     stopped_ms, definition, version, alias, redrive_count, redriven_ms";

pub(super) fn execution_row(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
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
        version: row.get(8)?,
        alias: row.get(9)?,
        redrive_count: row.get(10)?,
        redriven_ms: row.get(11)?,
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
