//! Lists of executions: runs of an index, one for each status, merged while they are read.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, Rows};

use super::commit::stored_status;
use super::executions::{ROW, execution_row};
use crate::{EntityId, ExecutionFilter, ExecutionRow, MachineNumber};

/// The index that holds a filter's executions as one run for each status, and the condition that
/// names these runs. What an index does not tell is looked at row by row.
fn index(filter: &ExecutionFilter) -> (&'static str, &'static str) {
    match (&filter.alias, filter.version) {
        (None, None) => ("executions_listing", "machine = ?1"),
        (None, Some(_)) => ("executions_of_version", "machine = ?1 AND version = ?2"),
        (Some(_), None) => ("executions_of_alias", "machine = ?1 AND alias = ?2"),
        (Some(_), Some(_)) => (
            "executions_of_alias",
            "machine = ?1 AND alias = ?2 AND version = ?5",
        ),
    }
}

/// The executions a filter lets through with numbers below `before`, newest first.
pub(super) fn executions(
    connection: &Connection,
    filter: &ExecutionFilter,
    before: i64,
    limit: usize,
) -> rusqlite::Result<Vec<ExecutionRow>> {
    let statuses = statuses(connection, filter)?;
    let (index, condition) = index(filter);
    let query = format!(
        "SELECT {ROW} FROM executions INDEXED BY {index}
         WHERE {condition} AND status = ?3 AND entity < ?4 ORDER BY entity DESC"
    );
    let mut statements = Vec::with_capacity(statuses.len());
    for _ in &statuses {
        statements.push(connection.prepare_cached(&query)?);
    }
    let mut runs = Vec::with_capacity(statuses.len());
    for (statement, status) in statements.iter_mut().zip(statuses) {
        bind(statement, filter)?;
        statement.raw_bind_parameter(3, status)?;
        statement.raw_bind_parameter(4, before)?;
        runs.push(Run::start(statement.raw_query())?);
    }
    let mut found = Vec::new();
    while found.len() < limit {
        let newest = runs.iter_mut().min_by_key(|run| Reverse(run.next()));
        let Some(row) = newest.map(Run::take).transpose()?.flatten() else {
            break;
        };
        found.push(row);
    }
    Ok(found)
}

/// One run of an index, and the row it stands at.
struct Run<'a> {
    rows: Rows<'a>,
    head: Option<ExecutionRow>,
}

impl<'a> Run<'a> {
    fn start(mut rows: Rows<'a>) -> rusqlite::Result<Run<'a>> {
        let head = rows.next()?.map(execution_row).transpose()?;
        Ok(Run { rows, head })
    }

    fn next(&self) -> Option<EntityId> {
        self.head.as_ref().map(|row| row.entity)
    }

    fn take(&mut self) -> rusqlite::Result<Option<ExecutionRow>> {
        if self.head.is_none() {
            return Ok(None);
        }
        let next = self.rows.next()?.map(execution_row).transpose()?;
        Ok(std::mem::replace(&mut self.head, next))
    }
}

/// The stored statuses asked for, or else those that the executions have.
fn statuses(connection: &Connection, filter: &ExecutionFilter) -> rusqlite::Result<Vec<u16>> {
    if !filter.statuses.is_empty() {
        let statuses = filter.statuses.iter().copied().map(stored_status);
        return Ok(BTreeSet::from_iter(statuses).into_iter().collect());
    }
    let (index, condition) = index(&ExecutionFilter {
        // The version of an alias's executions is not in its index.
        version: filter.version.filter(|_| filter.alias.is_none()),
        ..filter.clone()
    });
    let mut next = connection.prepare_cached(&format!(
        "SELECT min(status) FROM executions INDEXED BY {index}
         WHERE {condition} AND status > ?3"
    ))?;
    let mut statuses = Vec::new();
    let mut status = 0;
    loop {
        bind(&mut next, filter)?;
        next.raw_bind_parameter(3, status)?;
        let mut rows = next.raw_query();
        let found: Option<u16> = match rows.next()? {
            Some(row) => row.get(0)?,
            None => None,
        };
        let Some(found) = found else {
            return Ok(statuses);
        };
        status = found;
        statuses.push(found);
    }
}

/// How many executions of a machine, or of all machines, have one of these statuses.
pub(super) fn count(
    connection: &Connection,
    machine: Option<MachineNumber>,
    statuses: &[u8],
) -> rusqlite::Result<u64> {
    let machines = match machine {
        Some(machine) => vec![machine],
        None => machines(connection)?,
    };
    let statuses: BTreeSet<u16> = statuses.iter().copied().map(stored_status).collect();
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM executions INDEXED BY executions_listing
         WHERE machine = ?1 AND status = ?2",
    )?;
    let mut sum = 0;
    for machine in machines {
        for status in &statuses {
            sum += statement.query_row((machine, status), |row| row.get::<_, u64>(0))?;
        }
    }
    Ok(sum)
}

/// The machines that have executions.
pub(super) fn machines(connection: &Connection) -> rusqlite::Result<Vec<MachineNumber>> {
    let mut next = connection.prepare_cached(
        "SELECT min(machine) FROM executions INDEXED BY executions_listing WHERE machine > ?1",
    )?;
    let mut machines = Vec::new();
    let mut after = -1;
    while let Some(machine) = next.query_row([after], |row| row.get::<_, Option<i64>>(0))? {
        machines.push(MachineNumber(u64::try_from(machine).unwrap_or(0)));
        after = machine;
    }
    Ok(machines)
}

/// Binds the parameters of `index`'s condition that the statement has.
fn bind(statement: &mut CachedStatement<'_>, filter: &ExecutionFilter) -> rusqlite::Result<()> {
    let second: Option<&dyn ToSql> = match (&filter.alias, &filter.version) {
        (Some(alias), _) => Some(alias),
        (None, Some(version)) => Some(version),
        (None, None) => None,
    };
    statement.raw_bind_parameter(1, filter.machine)?;
    if let Some(second) = second {
        statement.raw_bind_parameter(2, second)?;
    }
    if statement.parameter_count() >= 5 {
        statement.raw_bind_parameter(5, filter.version)?;
    }
    Ok(())
}
