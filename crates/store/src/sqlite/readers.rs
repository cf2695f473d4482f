//! Connections that read, each for one caller at a time.

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::files::Files;
use crate::Result;

/// More than a few readers only contend: each holds its connection for microseconds.
const READERS_MAX: usize = 4;

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    opened: usize,
    closed: bool,
}

/// Up to `READERS_MAX` connections, opened when first needed.
#[derive(Debug, Default)]
pub(super) struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
}

impl Readers {
    /// Runs `read` in one view of the database, waiting for a connection if all are in use.
    pub(super) fn read<T>(
        &self,
        files: &Files,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let connection = self.take(files)?;
        let result = in_one_view(&connection, read);
        self.give_back(connection);
        result.map_err(|error| files.error(&error))
    }

    fn take(&self, files: &Files) -> Result<Connection> {
        let mut pool = self.pool.lock();
        loop {
            if pool.closed {
                return Err(files.closed());
            }
            if let Some(connection) = pool.idle.pop() {
                return Ok(connection);
            }
            if pool.opened < READERS_MAX {
                let connection = files.reader()?;
                pool.opened += 1;
                return Ok(connection);
            }
            self.returned.wait(&mut pool);
        }
    }

    fn give_back(&self, connection: Connection) {
        let mut pool = self.pool.lock();
        if !pool.closed {
            pool.idle.push(connection);
        }
        drop(pool);
        self.returned.notify_one();
    }

    /// Closes the connections, those in use as soon as they are given back.
    pub(super) fn close(&self) {
        let mut pool = self.pool.lock();
        pool.closed = true;
        pool.idle.clear();
        self.returned.notify_all();
    }
}

fn in_one_view<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("BEGIN")?.execute(())?;
    let result = read(connection);
    // Nothing was written: ending can't lose anything, and must happen after errors too.
    connection.prepare_cached("COMMIT")?.execute(())?;
    result
}
