//! The embedded store: one SQLite database, one writing connection, a few that read.
//!
//! The layout keeps random and repeated page writes off the hot path; see [`journal`] for records
//! and [`names`] for look-ups by name. What was measured (two shared cores; executions of one
//! commit with a random name and a record of 1,200 bytes, groups of 50; log and checkpoint both
//! counted):
//!
//! - Bytes written per execution by page size, in KiB: 1: 2,990, 2: 3,090, 4: 3,410, 8: 3,780. The
//!   record alone is 2,400, once in the log and once moved. The processor's time hardly differs
//!   (9-10 µs), save 1 KiB, which costs 1 µs more.
//! - The bytes don't grow with the store: 3,140 with a million executions in it.
//! - Journals of 256 running executions, ten records each, groups of 64: 3,620 bytes and 10 µs per
//!   record, 0.7 of the rate of a file that the records are appended to.
//! - `locking_mode=EXCLUSIVE` leaves no room for connections that read, so that reads would wait
//!   for the writer's sync; it made no measurable difference to commits (10.0 µs against 10.0 µs
//!   in groups of 64, 27 against 27 in groups of 8).

mod check;
mod checkpoint;
mod close;
mod commit;
mod documents;
mod executions;
mod expire;
mod files;
mod filter;
mod guard;
mod journal;
mod lines;
mod list;
mod log;
mod names;
mod readers;
mod unseen;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use parking_lot::{Mutex, RwLock};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _};

use self::checkpoint::Checkpointer;
use self::commit::{Group, Shards, Staged};
use self::files::{Files, STORE};
use self::guard::{Guard, Paths};
use self::journal::LASTING;
pub use self::lines::{LinesIntegrity, SqliteLines};
use self::names::Names;
use self::readers::Readers;
use crate::memory::require;
use crate::months::{Month, Months};
use crate::{
    Batch, Committed, Document, EntityId, Epoch, Error, ExecutionFilter, ExecutionRow, Expected,
    Expired, Integrity, Kind, MachineNumber, Record, Result, ShardId, Store, Unseen, WakeUp,
};

/// What tests and measurements vary.
#[derive(Debug, Clone, Copy)]
struct Options {
    page_bytes: u32,
    /// Names kept in memory before they are written, about 24 bytes each.
    names_max: usize,
    hash: fn(MachineNumber, &str) -> u64,
    /// Whether commits are synced; only tests that lose no power do without.
    synced: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            page_bytes: 2_048,
            names_max: 32_768,
            hash: names::hash,
            synced: true,
        }
    }
}

/// A [`Store`] in the file `lockstep.db` of a folder.
#[derive(Debug)]
pub struct Sqlite {
    options: Options,
    writer: Mutex<Writer>,
    index: RwLock<Index>,
    readers: Readers,
    /// The month last found to have ended: its first entity and the time asked for.
    ended: Mutex<Option<(EntityId, i64)>>,
    /// Last, so that the folder is unlocked after everything is closed.
    files: Files,
}

#[derive(Debug)]
struct Writer {
    /// Before the connection: its thread ends first.
    checkpointer: Checkpointer,
    connection: Connection,
    guard: Guard,
    shards: Shards,
    /// Why commits are refused.
    trouble: Option<String>,
    closed: bool,
}

/// What is known without asking the database. Changed by the writer after a commit only.
#[derive(Debug)]
struct Index {
    months: Months,
    /// Entities that aren't executions.
    lasting: BTreeSet<EntityId>,
    last_entity: Option<EntityId>,
    names: Names,
}

impl Sqlite {
    /// Opens the store in a folder; makes both if they don't exist. Only one process can have it
    /// open.
    pub fn open(folder: &Path) -> Result<Sqlite> {
        Sqlite::open_with(folder, Options::default())
    }

    /// Whether there is a store in a folder, or what is left of one. Opens nothing.
    pub fn exists(folder: &Path) -> bool {
        Paths::of(folder, STORE.name).any()
    }

    /// Executions above `after` in the order of their numbers, at most `limit`: for a look at all
    /// of them.
    pub fn executions(&self, after: Option<EntityId>, limit: usize) -> Result<Vec<EntityId>> {
        self.read(|connection| executions::above(connection, after, limit))
    }

    fn open_with(folder: &Path, options: Options) -> Result<Sqlite> {
        let mut files = Files::lock(folder, &STORE)?;
        let mut connection = files.writer(options.page_bytes, options.synced)?;
        let guard = files.guard()?;
        let of_checkpoint = files.checkpointer()?;
        let load = |connection: &mut Connection| {
            if !unseen::has_table(connection)? {
                in_transaction(connection, &guard, unseen::make_table)?;
            }
            let shards = Shards::load(connection)?;
            let index = Index::load(connection, options)?;
            // Loading reads names through the page cache; a store that waits needs none of it.
            connection.execute_batch("PRAGMA shrink_memory")?;
            let page_bytes = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let checkpointer = Checkpointer::start(connection, of_checkpoint, page_bytes)?;
            Ok((shards, index, checkpointer))
        };
        let (shards, index, checkpointer) =
            load(&mut connection).map_err(|error| files.error(&error))?;
        Ok(Sqlite {
            options,
            writer: Mutex::new(Writer {
                checkpointer,
                connection,
                guard,
                shards,
                trouble: None,
                closed: false,
            }),
            index: RwLock::new(index),
            readers: Readers::default(),
            ended: Mutex::new(None),
            files,
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.readers.read(&self.files, read)
    }

    /// Runs `write` in one transaction, and `apply` once that is durable. An error leaves open
    /// whether it was written.
    fn write<T>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
        apply: impl FnOnce(&mut Index, &T),
    ) -> Result<T> {
        let writer = self.writer.lock();
        let value = writer
            .transaction(write)
            .map_err(|error| self.files.error(&error))?;
        // Under the writer's lock: a commit reads the index all the while.
        apply(&mut self.index.write(), &value);
        writer.checkpointer.after_commit(&writer.connection);
        Ok(value)
    }

    /// Like `write` for a change of a document, if `expected` holds.
    fn change<T>(
        &self,
        (kind, key, expected): (Kind, &str, Expected),
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let write = |connection: &Connection| {
            let found = documents::revision(connection, kind, key)?;
            match require(key, found, expected) {
                Ok(()) => write(connection).map(Ok),
                Err(conflict) => Ok(Err(conflict)),
            }
        };
        self.write(write, |_, _| {})?
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

    /// Writes the batches that the fence lets through. In memory nothing is changed yet but what
    /// the answer holds.
    fn commit(
        &self,
        shards: &Shards,
        batches: &[Batch],
        answers: &[Committed],
        group: Group<'_>,
    ) -> rusqlite::Result<Staged> {
        self.transaction(|_| {
            let mut group = group;
            for (batch, answer) in batches.iter().zip(answers) {
                if *answer == Committed::Ok {
                    group.write(batch)?;
                }
            }
            group.finish(shards)
        })
    }

    /// Makes sure that what a failed commit left in the log can never be found again, by writing
    /// over it, and reads what is stored.
    fn settle(&mut self, options: Options) -> rusqlite::Result<Index> {
        self.transaction(|connection| {
            let settled = number(connection, SETTLED)?.unwrap_or(0);
            set_number(connection, SETTLED, settled + 1)
        })?;
        let index = Index::load(&self.connection, options)?;
        self.shards = Shards::load(&self.connection)?;
        self.trouble = None;
        Ok(index)
    }
}

/// Runs `write` in one transaction; durable once it returned `Ok`.
fn in_transaction<T>(
    connection: &Connection,
    guard: &Guard,
    write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    let result = write(connection);
    let result = result.and_then(|value| {
        connection.prepare_cached("COMMIT")?.execute(())?;
        guard.after_commit()?;
        Ok(value)
    });
    if result.is_err() && !connection.is_autocommit() {
        // An error that matters is answered already; a transaction that can't be rolled back
        // fails the next one.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}

/// How often a failed commit was settled, in `numbers`.
const SETTLED: &str = "settled";

impl Index {
    fn load(connection: &Connection, options: Options) -> rusqlite::Result<Index> {
        let mut statement =
            connection.prepare("SELECT first_entity, month FROM months ORDER BY month")?;
        let months = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let months: Vec<(EntityId, Month)> = months.collect::<rusqlite::Result<_>>()?;
        let mut last_entity: Option<EntityId> =
            number(connection, expire::LAST_ENTITY)?.map(EntityId);
        let journals = months
            .iter()
            .map(|(_, month)| format!("journal_index_{month}"));
        for table in journals.chain([format!("journal_index_{LASTING}"), "executions".to_owned()]) {
            let highest = format!("SELECT max(entity) FROM {table}");
            last_entity = last_entity.max(connection.query_row(&highest, (), |row| row.get(0))?);
        }
        let mut next = connection.prepare(&format!(
            "SELECT min(entity) FROM journal_index_{LASTING} WHERE entity > ?1"
        ))?;
        let mut lasting = BTreeSet::new();
        let mut after = -1;
        while let Some(entity) = next.query_row([after], |row| row.get::<_, Option<i64>>(0))? {
            lasting.insert(EntityId(u64::try_from(entity).unwrap_or(0)));
            after = entity;
        }
        let names = Names::load(connection, options.names_max, options.hash)?;
        Ok(Index {
            months: Months::new(months),
            lasting,
            last_entity,
            names,
        })
    }

    /// Whose month's journals hold an entity's records.
    fn month_of(&self, entity: EntityId) -> Month {
        if self.lasting.contains(&entity) {
            return LASTING;
        }
        self.months.of(entity).unwrap_or(LASTING)
    }

    fn apply(&mut self, staged: Staged) {
        if let Some(months) = staged.months {
            self.months = months;
        }
        self.lasting.extend(staged.lasting);
        self.last_entity = staged.last_entity;
        self.names.apply(staged.names);
    }
}

impl Store for Sqlite {
    fn acquire(&self, shards: &[ShardId]) -> Result<Vec<(Epoch, u64)>> {
        let mut writer = self.writer.lock();
        let mut raised = writer.shards.clone();
        let mut owned = Vec::with_capacity(shards.len());
        for shard in shards {
            let Some((epoch, sequence)) = raised.get(*shard) else {
                return Err(no_shard(*shard));
            };
            let epoch = Epoch(epoch.0 + 1);
            raised.set(*shard, epoch, sequence);
            owned.push((epoch, sequence));
        }
        let stored = writer.transaction(|connection| raised.store(connection));
        stored.map_err(|error| self.files.error(&error))?;
        writer.shards = raised;
        Ok(owned)
    }

    fn sequence(&self, shard: ShardId) -> Result<(Epoch, u64)> {
        let mut writer = self.writer.lock();
        if writer.trouble.is_some() {
            let index = writer
                .settle(self.options)
                .map_err(|error| self.files.error(&error))?;
            *self.index.write() = index;
        }
        writer.shards.get(shard).ok_or_else(|| no_shard(shard))
    }

    fn commit(&self, batches: &[Batch]) -> Vec<Committed> {
        let mut writer = self.writer.lock();
        if writer.trouble.is_some() {
            return vec![Committed::Unknown; batches.len()];
        }
        let mut shards = writer.shards.clone();
        let mut answers = shards.fence(batches);
        if !answers.contains(&Committed::Ok) {
            return answers;
        }
        let result = {
            let index = self.index.read();
            let group = Group::new(&writer.connection, &index, self.options.hash);
            writer.commit(&shards, batches, &answers, group)
        };
        match result {
            Ok(staged) => {
                self.index.write().apply(staged);
                writer.shards = shards;
                writer.checkpointer.after_commit(&writer.connection);
            }
            Err(error) => {
                writer.trouble = Some(self.files.error(&error).to_string());
                for answer in answers
                    .iter_mut()
                    .filter(|answer| **answer == Committed::Ok)
                {
                    *answer = Committed::Unknown;
                }
            }
        }
        answers
    }

    fn trouble(&self) -> Option<String> {
        self.writer.lock().trouble.clone()
    }

    fn journal(&self, entity: EntityId, from_number: u32, bytes_max: usize) -> Result<Vec<Record>> {
        loop {
            let month = self.index.read().month_of(entity);
            let records = self.read(|connection| {
                journal::read(connection, month, entity, from_number, bytes_max)
            });
            // A month dropped in between is no error: its executions have expired.
            if records.is_ok() || self.index.read().month_of(entity) == month {
                return records;
            }
        }
    }

    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>> {
        self.read(|connection| executions::execution(connection, entity))
    }

    fn find_execution(&self, machine: MachineNumber, name: &str) -> Result<Option<EntityId>> {
        let hash = (self.options.hash)(machine, name);
        let candidates = self.index.read().names.candidates(hash);
        if candidates.entities.is_empty() && candidates.runs.is_empty() {
            return Ok(None);
        }
        self.read(|connection| {
            for entity in candidates.entities {
                if executions::is_named(connection, entity, machine, name)? {
                    return Ok(Some(entity));
                }
            }
            for run in candidates.runs {
                for entity in names::search(connection, run, hash)? {
                    if executions::is_named(connection, entity, machine, name)? {
                        return Ok(Some(entity));
                    }
                }
            }
            Ok(None)
        })
    }

    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>> {
        let before = before.map_or(i64::MAX, |before| {
            i64::try_from(before.0).unwrap_or(i64::MAX)
        });
        self.read(|connection| list::executions(connection, filter, before, limit))
    }

    fn count_executions(&self, machine: Option<MachineNumber>, statuses: &[u8]) -> Result<u64> {
        self.read(|connection| list::count(connection, machine, statuses))
    }

    fn machines(&self) -> Result<Vec<MachineNumber>> {
        self.read(list::machines)
    }

    fn wake_ups(&self, after: Option<EntityId>, limit: usize) -> Result<Vec<WakeUp>> {
        let after = after.map_or(-1, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT entity, due_ms, owes_calls FROM wake_ups WHERE entity > ?1 ORDER BY entity",
            )?;
            let rows = statement.query_map([after], |row| {
                Ok(WakeUp {
                    entity: row.get(0)?,
                    due_ms: row.get(1)?,
                    owes_calls: row.get(2)?,
                })
            })?;
            rows.take(limit).collect()
        })
    }

    fn unseen(&self, after: Option<u64>, limit: usize) -> Result<Vec<Unseen>> {
        self.read(|connection| unseen::above(connection, after, limit))
    }

    fn seen(&self, tickets: &[RangeInclusive<u64>]) -> Result<()> {
        self.write(|connection| unseen::delete(connection, tickets), |_, ()| {})
    }

    fn last_entity(&self) -> Result<Option<EntityId>> {
        Ok(self.index.read().last_entity)
    }

    fn machine_number(&self, arn: &str) -> Result<MachineNumber> {
        if let Some(machine) = self.known_machine(arn)? {
            return Ok(machine);
        }
        self.write(
            |connection| documents::machine_number(connection, arn),
            |_, _| {},
        )
    }

    fn known_machine(&self, arn: &str) -> Result<Option<MachineNumber>> {
        self.read(|connection| documents::known_machine(connection, arn))
    }

    fn machine_arn(&self, machine: MachineNumber) -> Result<Option<String>> {
        self.read(|connection| documents::machine_arn(connection, machine))
    }

    fn document(&self, kind: Kind, key: &str) -> Result<Option<Document>> {
        self.read(|connection| documents::document(connection, kind, key))
    }

    fn put_document(&self, kind: Kind, key: &str, body: &[u8], expected: Expected) -> Result<u64> {
        self.change((kind, key, expected), |connection| {
            documents::put_document(connection, kind, key, body)
        })
    }

    fn delete_document(&self, kind: Kind, key: &str, expected: Expected) -> Result<bool> {
        self.change((kind, key, expected), |connection| {
            documents::delete_document(connection, kind, key)
        })
    }

    fn list_documents(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>> {
        self.read(|connection| documents::list_documents(connection, kind, prefix, after, limit))
    }

    fn add_definition(&self, body: &[u8]) -> Result<u64> {
        self.write(
            |connection| documents::add_definition(connection, body),
            |_, _| {},
        )
    }

    fn definition(&self, number: u64) -> Result<Option<Vec<u8>>> {
        self.read(|connection| documents::definition(connection, number))
    }

    fn expire(&self, ended_before_ms: i64, rows_max: usize) -> Result<Expired> {
        self.expire_slice(ended_before_ms, rows_max)
    }

    fn expire_definitions(&self, in_use: &[u64]) -> Result<u64> {
        self.delete_definitions(in_use)
    }

    fn check(&self) -> Result<Integrity> {
        self.read(check::integrity)
    }
}

/// A counter of the table `numbers`.
fn number(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT value FROM numbers WHERE name = ?1")?;
    statement.query_row([name], |row| row.get(0)).optional()
}

fn set_number(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    let set = "INSERT OR REPLACE INTO numbers (name, value) VALUES (?1, ?2)";
    connection.prepare_cached(set)?.execute((name, value))?;
    Ok(())
}

fn no_shard(shard: ShardId) -> Error {
    Error::Invalid {
        cause: format!("there is no shard `{}`", shard.0),
    }
}

impl ToSql for EntityId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for EntityId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<EntityId> {
        u64::column_result(value).map(EntityId)
    }
}

impl ToSql for MachineNumber {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for MachineNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<MachineNumber> {
        u64::column_result(value).map(MachineNumber)
    }
}

#[cfg(test)]
pub(crate) use tests::crash_image;

#[cfg(test)]
mod tests;
