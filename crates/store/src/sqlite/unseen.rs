//! Records that somebody has to be shown: a row for each batch that holds any, appended, and gone a
//! moment later. Of each record the row holds the entity, 8 bytes, and the number, 4, both
//! little-endian.

use std::ops::RangeInclusive;

use rusqlite::Connection;

use crate::{EntityId, Unseen};

const RECORD_BYTES: usize = 12;

/// Stores made before there was anybody to show records to have no table for them. A build of that
/// time takes no notice of it.
pub(super) fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    connection.table_exists(None, "unseen")
}

pub(super) fn make_table(connection: &Connection) -> rusqlite::Result<()> {
    let make = "CREATE TABLE unseen (ticket INTEGER PRIMARY KEY, records BLOB NOT NULL)";
    connection.execute_batch(make)
}

pub(super) fn add(connection: &Connection, unseen: &Unseen) -> rusqlite::Result<()> {
    let mut bytes = Vec::with_capacity(unseen.records.len() * RECORD_BYTES);
    for (entity, number) in &unseen.records {
        bytes.extend_from_slice(&entity.0.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let insert = "INSERT INTO unseen (ticket, records) VALUES (?1, ?2)";
    let mut statement = connection.prepare_cached(insert)?;
    statement.execute((unseen.ticket, bytes))?;
    Ok(())
}

pub(super) fn above(
    connection: &Connection,
    after: Option<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<Unseen>> {
    let after = after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
    let mut statement = connection
        .prepare_cached("SELECT ticket, records FROM unseen WHERE ticket > ?1 ORDER BY ticket")?;
    let rows = statement.query_map([after], |row| {
        let (records, rest) = row.get_ref(1)?.as_blob()?.as_chunks::<RECORD_BYTES>();
        if !rest.is_empty() {
            return Err(rusqlite::Error::BlobSizeError);
        }
        Ok(Unseen {
            ticket: row.get(0)?,
            records: records.iter().map(record).collect(),
        })
    })?;
    rows.take(limit).collect()
}

fn record(bytes: &[u8; RECORD_BYTES]) -> (EntityId, u32) {
    let [e0, e1, e2, e3, e4, e5, e6, e7, n0, n1, n2, n3] = *bytes;
    (
        EntityId(u64::from_le_bytes([e0, e1, e2, e3, e4, e5, e6, e7])),
        u32::from_le_bytes([n0, n1, n2, n3]),
    )
}

pub(super) fn delete(
    connection: &Connection,
    tickets: &[RangeInclusive<u64>],
) -> rusqlite::Result<()> {
    let delete = "DELETE FROM unseen WHERE ticket BETWEEN ?1 AND ?2";
    let mut statement = connection.prepare_cached(delete)?;
    for range in tickets {
        statement.execute((range.start(), range.end()))?;
    }
    Ok(())
}
