//! State machine numbers, documents and definitions.

use rusqlite::{Connection, OptionalExtension as _};

use super::{number, set_number};
use crate::{Document, Kind, MachineNumber};

/// The last revision given, in `numbers`.
const REVISION: &str = "revision";

pub(super) fn known_machine(
    connection: &Connection,
    arn: &str,
) -> rusqlite::Result<Option<MachineNumber>> {
    let mut statement = connection.prepare_cached("SELECT number FROM machines WHERE arn = ?1")?;
    statement.query_row([arn], |row| row.get(0)).optional()
}

pub(super) fn machine_number(
    connection: &Connection,
    arn: &str,
) -> rusqlite::Result<MachineNumber> {
    if let Some(machine) = known_machine(connection, arn)? {
        return Ok(machine);
    }
    let insert = "INSERT INTO machines (arn) VALUES (?1) RETURNING number";
    connection.query_row(insert, [arn], |row| row.get(0))
}

pub(super) fn machine_arn(
    connection: &Connection,
    machine: MachineNumber,
) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT arn FROM machines WHERE number = ?1")?;
    statement.query_row([machine], |row| row.get(0)).optional()
}

pub(super) fn document(
    connection: &Connection,
    kind: Kind,
    key: &str,
) -> rusqlite::Result<Option<Document>> {
    let mut statement = connection
        .prepare_cached("SELECT revision, body FROM documents WHERE kind = ?1 AND key = ?2")?;
    let document = |row: &rusqlite::Row<'_>| {
        Ok(Document {
            revision: row.get(0)?,
            body: row.get(1)?,
        })
    };
    statement.query_row((kind as u8, key), document).optional()
}

pub(super) fn revision(
    connection: &Connection,
    kind: Kind,
    key: &str,
) -> rusqlite::Result<Option<u64>> {
    let mut statement =
        connection.prepare_cached("SELECT revision FROM documents WHERE kind = ?1 AND key = ?2")?;
    statement
        .query_row((kind as u8, key), |row| row.get(0))
        .optional()
}

pub(super) fn put_document(
    connection: &Connection,
    kind: Kind,
    key: &str,
    body: &[u8],
) -> rusqlite::Result<u64> {
    let revision = number(connection, REVISION)?.unwrap_or(0) + 1;
    set_number(connection, REVISION, revision)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO documents (kind, key, revision, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (kind, key) DO UPDATE SET revision = ?3, body = ?4",
    )?;
    statement.execute((kind as u8, key, revision, body))?;
    Ok(revision)
}

pub(super) fn delete_document(
    connection: &Connection,
    kind: Kind,
    key: &str,
) -> rusqlite::Result<bool> {
    let delete = "DELETE FROM documents WHERE kind = ?1 AND key = ?2";
    Ok(connection.execute(delete, (kind as u8, key))? > 0)
}

pub(super) fn list_documents(
    connection: &Connection,
    kind: Kind,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<(String, Document)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, revision, body FROM documents
         WHERE kind = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) ORDER BY key",
    )?;
    let from = after.map_or(prefix, |after| after.max(prefix));
    let mut rows = statement.query((kind as u8, from, after))?;
    let mut documents = Vec::new();
    while documents.len() < limit {
        let Some(row) = rows.next()? else { break };
        let key = row.get_ref(0)?.as_str()?;
        // Keys are in byte order, so those that begin alike are neighbours.
        if !key.starts_with(prefix) {
            break;
        }
        let document = Document {
            revision: row.get(1)?,
            body: row.get(2)?,
        };
        documents.push((key.to_owned(), document));
    }
    Ok(documents)
}

pub(super) fn add_definition(connection: &Connection, body: &[u8]) -> rusqlite::Result<u64> {
    let insert = "INSERT INTO definitions (body) VALUES (?1) RETURNING number";
    connection.query_row(insert, [body], |row| row.get(0))
}

pub(super) fn definition(
    connection: &Connection,
    number: u64,
) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement =
        connection.prepare_cached("SELECT body FROM definitions WHERE number = ?1")?;
    statement.query_row([number], |row| row.get(0)).optional()
}
