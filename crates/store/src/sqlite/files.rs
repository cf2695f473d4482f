//! The folder, its lock, connections and their settings, the schema, and errors in our words.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::guard::{Guard, Paths, require_whole};
use super::journal;
use crate::blobs::failed;
use crate::{Error, Result};

/// What a database is called, and what marks and makes it.
#[derive(Debug)]
pub(super) struct Schema {
    /// The name of its files.
    pub(super) name: &'static str,
    /// So that a file that isn't ours, or is another of ours, is recognised.
    pub(super) application_id: i32,
    /// Raised with every change of the tables or of what their bytes mean.
    pub(super) version: i32,
    /// Whether pages that are free can be given back to the file system. It is settled when the
    /// file is made, and costs a page in 800.
    pub(super) shrinks: bool,
    /// Makes the tables.
    pub(super) make: fn(&Connection) -> rusqlite::Result<()>,
}

/// The store.
pub(super) const STORE: Schema = Schema {
    name: "lockstep",
    // "LKSP"
    application_id: 0x4c4b_5350,
    version: 2,
    // What is deleted by month leaves about as much room as the next months take.
    shrinks: false,
    make: make_store,
};

/// The writer's page cache. More did not help: its pages are the tails of tables.
const WRITER_CACHE_KIB: u32 = 8 * 1_024;

/// A reader's page cache. Small, because every commit empties it.
const READER_CACHE_KIB: u32 = 512;

/// How long a reader or the checkpoint waits for a lock of the database's own, all of which are
/// held for moments only.
const BUSY_MS: u64 = 10_000;

/// Statements kept prepared per connection: about as many as there are in this crate.
const STATEMENTS_MAX: usize = 64;

/// Everything but the journals, which come and go with their months.
///
/// `shards` is one row: 64 times epoch and sequence, 8 bytes each, little-endian, because a group
/// of commits touches most of them. `stopped_ms` and `status` are stored so that closing an
/// execution doesn't change the size of its row (see `commit`). Every index over executions ends in
/// the row's number, so that new rows go to the end of one of a few runs of it; most executions are
/// in the first only.
const TABLES: &str = "
CREATE TABLE shards (id INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE months (month INTEGER PRIMARY KEY, first_entity INTEGER NOT NULL);
CREATE TABLE executions (
    entity INTEGER PRIMARY KEY,
    machine INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_is_generated INTEGER NOT NULL,
    status INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    stopped_ms INTEGER NOT NULL,
    definition INTEGER NOT NULL,
    chunk INTEGER,
    position INTEGER,
    length INTEGER,
    version INTEGER,
    alias TEXT,
    redrive_count INTEGER NOT NULL,
    redriven_ms INTEGER
);
CREATE INDEX executions_listing ON executions (machine, status);
CREATE INDEX executions_of_version ON executions (machine, version, status)
    WHERE version IS NOT NULL;
CREATE INDEX executions_of_alias ON executions (machine, alias, status) WHERE alias IS NOT NULL;
CREATE TABLE wake_ups (entity INTEGER PRIMARY KEY, due_ms INTEGER, owes_calls INTEGER NOT NULL);
CREATE TABLE unseen (ticket INTEGER PRIMARY KEY, records BLOB NOT NULL);
CREATE TABLE names (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE name_runs (
    run INTEGER PRIMARY KEY, entity_max INTEGER NOT NULL, filter BLOB NOT NULL
);
CREATE TABLE machines (number INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL UNIQUE);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, key)
);
CREATE TABLE definitions (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
";

fn make_store(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    journal::create(connection, journal::LASTING)
}

impl Schema {
    fn make(&self, connection: &Connection) -> rusqlite::Result<()> {
        let transaction = connection.unchecked_transaction()?;
        (self.make)(&transaction)?;
        transaction.pragma_update(None, "application_id", self.application_id)?;
        transaction.pragma_update(None, "user_version", self.version)?;
        transaction.commit()
    }
}

/// The files of a store's folder.
#[derive(Debug)]
pub(super) struct Files {
    schema: &'static Schema,
    paths: Paths,
    /// The database once it is open; kept, because closing it would release the locks that the
    /// connections have on it.
    database: Option<Arc<File>>,
    /// Locked as long as this lives.
    lock: Arc<File>,
}

impl Files {
    /// Makes the folder if there is none, locks it against other processes, and refuses a store of
    /// which a part is missing or damaged.
    pub(super) fn lock(folder: &Path, schema: &'static Schema) -> Result<Files> {
        fs::create_dir_all(folder).map_err(|error| not_writable(folder, &error))?;
        let paths = Paths::of(folder, schema.name);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(&paths.lock);
        let lock = lock.map_err(|error| not_writable(&paths.lock, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    path: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&paths.lock, &error)),
        }
        require_whole(&paths, &lock)?;
        Ok(Files {
            schema,
            paths,
            database: None,
            lock: Arc::new(lock),
        })
    }

    /// Opens the writing connection; makes the database if there is none.
    pub(super) fn writer(&self, page_bytes: u32, synced: bool) -> Result<Connection> {
        let settle = |result: rusqlite::Result<()>| result.map_err(|error| self.error(&error));
        let connection = self.connect(OpenFlags::SQLITE_OPEN_CREATE, WRITER_CACHE_KIB)?;
        settle(connection.pragma_update(None, "page_size", page_bytes))?;
        if self.schema.shrinks {
            // Says nothing to a file that has tables.
            settle(connection.pragma_update(None, "auto_vacuum", "INCREMENTAL"))?;
        }
        self.require_ours(&connection)?;
        settle(connection.pragma_update(None, "journal_mode", "WAL"))?;
        // FULL syncs the log at every commit: `Ok` is said after that only.
        let synchronous = if synced { "FULL" } else { "OFF" };
        settle(connection.pragma_update(None, "synchronous", synchronous))?;
        settle(connection.pragma_update(None, "wal_autocheckpoint", 0))?;
        if self.version(&connection)? == 0 {
            // The new file's name must survive a loss of power as its commits do, and before its
            // log appears: a log without a database is refused.
            if let Some(folder) = self.paths.database.parent() {
                let synced = File::open(folder).and_then(|folder| folder.sync_all());
                synced.map_err(|error| failed(folder, &error))?;
            }
            settle(self.schema.make(&connection))?;
        }
        Ok(connection)
    }

    /// What looks after the files while they are open, to be made once the database exists.
    pub(super) fn guard(&mut self) -> Result<Guard> {
        let path = &self.paths.database;
        let database = File::open(path).map_err(|error| failed(path, &error))?;
        let database = Arc::clone(self.database.insert(Arc::new(database)));
        Ok(Guard::new(
            self.paths.clone(),
            Arc::clone(&self.lock),
            database,
        ))
    }

    /// Opens a connection that reads.
    pub(super) fn reader(&self) -> Result<Connection> {
        let connection = self.connect(OpenFlags::empty(), READER_CACHE_KIB)?;
        let only = connection.pragma_update(None, "query_only", true);
        only.map_err(|error| self.error(&error))?;
        Ok(connection)
    }

    /// Opens the connection of the checkpoint.
    pub(super) fn checkpointer(&self) -> Result<Connection> {
        let connection = self.connect(OpenFlags::empty(), READER_CACHE_KIB)?;
        let full = connection.pragma_update(None, "synchronous", "FULL");
        full.map_err(|error| self.error(&error))?;
        Ok(connection)
    }

    fn connect(&self, more: OpenFlags, cache_kib: u32) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let set_up = || {
            let connection = Connection::open_with_flags(&self.paths.database, flags)?;
            // Closing deletes the log only when the lock file no longer asks for it: see `close`.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
            connection.pragma_update(None, "mmap_size", 0)?;
            connection.pragma_update(None, "temp_store", "MEMORY")?;
            Ok(connection)
        };
        set_up().map_err(|error| self.error(&error))
    }

    fn version(&self, connection: &Connection) -> Result<i32> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        version.map_err(|error| self.error(&error))
    }

    /// Refuses a database that something else or a newer build has made.
    fn require_ours(&self, connection: &Connection) -> Result<()> {
        let version = self.version(connection)?;
        let query = "SELECT (SELECT application_id FROM pragma_application_id),
                            (SELECT count(*) FROM sqlite_master)";
        let (id, tables): (i32, u32) = connection
            .query_row(query, (), |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(|error| self.error(&error))?;
        let ours = self.schema;
        let cause = match (id, version) {
            (0, 0) if tables == 0 => return Ok(()),
            (id, version) if (id, version) == (ours.application_id, ours.version) => return Ok(()),
            (id, _) if id == ours.application_id => format!(
                "it has schema version `{version}`, and this build reads version `{}`: use the \
                 build that wrote it, or a newer one",
                ours.version
            ),
            _ => "it is a database of another program: choose another folder".to_owned(),
        };
        Err(Error::Foreign {
            path: self.paths.database.clone(),
            cause,
        })
    }

    /// Where the database is.
    pub(super) fn database(&self) -> &Path {
        &self.paths.database
    }

    /// The answer to calls of a store that was closed.
    pub(super) fn closed(&self) -> Error {
        Error::Io {
            path: self.paths.database.clone(),
            cause: super::close::CLOSED.to_owned(),
        }
    }

    /// An error of the database in our words.
    pub(super) fn error(&self, error: &rusqlite::Error) -> Error {
        let (path, cause) = (self.paths.database.clone(), error.to_string());
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::BlobSizeError
            | rusqlite::Error::QueryReturnedNoRows => Error::Corrupt { path, cause },
            rusqlite::Error::ToSqlConversionFailure(_) => Error::Invalid { cause },
            error => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Error::Corrupt { path, cause }
                }
                Some(ErrorCode::DiskFull) => Error::Full { path, cause },
                Some(ErrorCode::TooBig) => Error::Invalid { cause },
                _ => Error::Io { path, cause },
            },
        }
    }
}

/// The error of a file that couldn't be made.
pub(super) fn not_writable(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::Io {
            path: path.to_owned(),
            cause: format!(
                "{error}: give the user that runs Lockstep the right to write to the folder and \
                 its files, or choose another folder with `--data`"
            ),
        },
        _ => failed(path, error),
    }
}
