//! Journals: records lie in **chunks**, one or a few per group of commits and month, so that they
//! fill their pages whole and are written once. The row of an execution points to its record 0;
//! later records, and those of entities without a row, have an entry in the month's index.

use std::collections::BTreeMap;

use rusqlite::blob::Blob;
use rusqlite::{Connection, MAIN_DB, OptionalExtension as _};

use crate::months::Month;
use crate::{EntityId, Record};

/// The "month" of entities that aren't executions; it never expires.
pub(super) const LASTING: Month = 0;

/// A chunk is written once it has so many bytes. Larger chunks waste less of their last pages (16
/// KiB: 3,173 bytes written per execution, 64 KiB: 3,084); but reading a record walks its chunk up
/// to it (64 KiB: 30-50 µs when nothing is cached by us).
const CHUNK_BYTES: usize = 64 << 10;

/// Where a record lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chunk: u64,
    pub(super) position: u64,
    pub(super) length: u64,
}

/// Makes the tables of a month.
pub(super) fn create(connection: &Connection, month: Month) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS journal_{month} (
             chunk INTEGER PRIMARY KEY, records BLOB NOT NULL
         );
         CREATE TABLE IF NOT EXISTS journal_index_{month} (
             entity INTEGER NOT NULL,
             number INTEGER NOT NULL,
             chunk INTEGER NOT NULL,
             position INTEGER NOT NULL,
             length INTEGER NOT NULL,
             PRIMARY KEY (entity, number)
         ) WITHOUT ROWID;"
    ))
}

/// The chunks a transaction is filling, by month.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    open: BTreeMap<Month, Chunk>,
}

#[derive(Debug)]
struct Chunk {
    number: u64,
    records: Vec<u8>,
}

impl Chunks {
    /// Adds a record to the month's chunk.
    pub(super) fn append(
        &mut self,
        connection: &Connection,
        month: Month,
        record: &[u8],
    ) -> rusqlite::Result<Place> {
        let chunk = match self.open.entry(month) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let mut last = connection
                    .prepare_cached(&format!("SELECT max(chunk) FROM journal_{month}"))?;
                let last: Option<u64> = last.query_row((), |row| row.get(0))?;
                let records = Vec::with_capacity(CHUNK_BYTES);
                entry.insert(Chunk {
                    number: last.unwrap_or(0) + 1,
                    records,
                })
            }
        };
        let (position, length) = (chunk.records.len() as u64, record.len() as u64);
        let place = Place {
            chunk: chunk.number,
            position,
            length,
        };
        chunk.records.extend_from_slice(record);
        if chunk.records.len() >= CHUNK_BYTES {
            chunk.write(connection, month)?;
            chunk.records.clear();
            chunk.number += 1;
        }
        Ok(place)
    }

    /// Writes what isn't yet.
    pub(super) fn finish(self, connection: &Connection) -> rusqlite::Result<()> {
        for (month, chunk) in self.open {
            if !chunk.records.is_empty() {
                chunk.write(connection, month)?;
            }
        }
        Ok(())
    }
}

impl Chunk {
    fn write(&self, connection: &Connection, month: Month) -> rusqlite::Result<()> {
        let insert = format!("INSERT INTO journal_{month} (chunk, records) VALUES (?1, ?2)");
        let mut statement = connection.prepare_cached(&insert)?;
        statement.execute((self.number, self.records.as_slice()))?;
        Ok(())
    }
}

/// Adds an entry to the month's index.
pub(super) fn add_to_index(
    connection: &Connection,
    month: Month,
    entity: EntityId,
    number: u32,
    place: Place,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO journal_index_{month} (entity, number, chunk, position, length)
         VALUES (?1, ?2, ?3, ?4, ?5)"
    ))?;
    statement.execute((entity, number, place.chunk, place.position, place.length))?;
    Ok(())
}

/// Reads records as `Store::journal` does, in one view of the database.
pub(super) fn read(
    connection: &Connection,
    month: Month,
    entity: EntityId,
    from_number: u32,
    bytes_max: usize,
) -> rusqlite::Result<Vec<Record>> {
    let mut reader = Reader {
        connection,
        table: format!("journal_{month}"),
        blob: None,
    };
    let mut records = Vec::new();
    let mut bytes_left = bytes_max as u64;
    if from_number == 0 {
        let mut first = connection.prepare_cached(
            "SELECT chunk, position, length FROM executions
             WHERE entity = ?1 AND chunk IS NOT NULL",
        )?;
        let place = first.query_row([entity], |row| {
            Ok(Place {
                chunk: row.get(0)?,
                position: row.get(1)?,
                length: row.get(2)?,
            })
        });
        if let Some(place) = place.optional()? {
            bytes_left = bytes_left.saturating_sub(place.length);
            records.push(Record {
                number: 0,
                bytes: reader.read(place)?,
            });
        }
    }
    let mut index = connection.prepare_cached(&format!(
        "SELECT number, chunk, position, length FROM journal_index_{month}
         WHERE entity = ?1 AND number >= ?2 ORDER BY number"
    ))?;
    let mut rows = index.query((entity, from_number))?;
    while let Some(row) = rows.next()? {
        let place = Place {
            chunk: row.get(1)?,
            position: row.get(2)?,
            length: row.get(3)?,
        };
        if !records.is_empty() && place.length > bytes_left {
            break;
        }
        bytes_left = bytes_left.saturating_sub(place.length);
        records.push(Record {
            number: row.get(0)?,
            bytes: reader.read(place)?,
        });
    }
    Ok(records)
}

/// Reads records out of chunks; an open chunk is kept, because opening one compiles a statement.
struct Reader<'a> {
    connection: &'a Connection,
    table: String,
    blob: Option<(u64, Blob<'a>)>,
}

impl Reader<'_> {
    fn read(&mut self, place: Place) -> rusqlite::Result<Vec<u8>> {
        // A chunk of empty records only isn't written.
        if place.length == 0 {
            return Ok(Vec::new());
        }
        let unsigned =
            |number: u64| usize::try_from(number).map_err(|_| rusqlite::Error::BlobSizeError);
        let row = i64::try_from(place.chunk).map_err(|_| rusqlite::Error::BlobSizeError)?;
        let blob = match self.blob.take() {
            Some((chunk, blob)) if chunk == place.chunk => blob,
            Some((_, mut blob)) => {
                blob.reopen(row)?;
                blob
            }
            None => {
                let table = self.table.as_str();
                self.connection
                    .blob_open(MAIN_DB, table, "records", row, true)?
            }
        };
        let (position, length) = (unsigned(place.position)?, unsigned(place.length)?);
        if position
            .checked_add(length)
            .is_none_or(|end| end > blob.len())
        {
            return Err(rusqlite::Error::BlobSizeError);
        }
        let mut bytes = vec![0; length];
        blob.read_at_exact(&mut bytes, position)?;
        self.blob = Some((place.chunk, blob));
        Ok(bytes)
    }
}

/// Deletes at most `rows_max` rows of a month's journals, or drops them when none is left: how many
/// rows, and whether the tables are gone.
pub(super) fn delete(
    connection: &Connection,
    month: Month,
    rows_max: usize,
) -> rusqlite::Result<(usize, bool)> {
    let index = connection.execute(
        &format!(
            "DELETE FROM journal_index_{month} WHERE (entity, number) IN
             (SELECT entity, number FROM journal_index_{month} ORDER BY entity, number LIMIT ?1)"
        ),
        [rows_max],
    )?;
    // A chunk is dozens of pages: they count as that many rows.
    let chunks_max = (rows_max - index).div_ceil(16).min(rows_max - index);
    let chunks = connection.execute(
        &format!(
            "DELETE FROM journal_{month} WHERE chunk IN
             (SELECT chunk FROM journal_{month} ORDER BY chunk LIMIT ?1)"
        ),
        [chunks_max],
    )?;
    let left = format!(
        "SELECT EXISTS (SELECT 1 FROM journal_{month})
             OR EXISTS (SELECT 1 FROM journal_index_{month})"
    );
    if connection.query_row(&left, (), |row| row.get(0))? {
        return Ok((index + chunks, false));
    }
    connection.execute_batch(&format!(
        "DROP TABLE journal_{month}; DROP TABLE journal_index_{month};
         DELETE FROM months WHERE month = {month};"
    ))?;
    Ok((index + chunks, true))
}
