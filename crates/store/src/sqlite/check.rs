//! Reading everything, to report what is damaged.

use rusqlite::Connection;

use crate::Integrity;

/// What `Store::check` answers, in one view of the database.
pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<Integrity> {
    let mut statement = connection.prepare("PRAGMA quick_check")?;
    let lines = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut problems = lines.collect::<rusqlite::Result<Vec<String>>>()?;
    problems.retain(|line| line != "ok");
    let count = |table: &str| {
        let query = format!("SELECT count(*) FROM {table}");
        connection.query_row(&query, (), |row| row.get(0))
    };
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(Integrity {
        problems,
        executions: count("executions")?,
        wake_ups: count("wake_ups")?,
        documents: count("documents")?,
        definitions: count("definitions")?,
        bytes: pages * page,
    })
}
