//! Closing a store so that the database alone holds everything.

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME, ffi};

use super::Sqlite;
use super::guard::Guard;

/// Why calls of a closed store fail.
pub(super) const CLOSED: &str = "the store is closed: the server is stopping";

impl Sqlite {
    /// Ends the store: moves the log into the database, so that `lockstep.db` alone is all of it.
    /// Waits for calls under way; later ones are answered with an error, commits with `Unknown`.
    /// What can't be moved stays in the log for the next start. Dropping the store does this too.
    pub fn close(&self) {
        self.readers.close();
        let mut writer = self.writer.lock();
        if writer.closed {
            return;
        }
        writer.closed = true;
        writer.trouble = Some(CLOSED.to_owned());
        writer.checkpointer.stop();
        empty_log(&writer.connection, &writer.guard);
    }
}

/// The answer to writes after that.
pub(super) fn closed() -> rusqlite::Error {
    let misuse = ffi::Error::new(ffi::SQLITE_MISUSE);
    rusqlite::Error::SqliteFailure(misuse, Some(CLOSED.to_owned()))
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

/// Moves the writer's log into its database. A failure loses nothing: the log stays, and the lock
/// file still asks for it.
pub(super) fn empty_log(writer: &Connection, guard: &Guard) {
    let moved = writer.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::FULL);
    // The lock file comes before the log is cut: at no moment does it ask for a log that is gone.
    if moved.is_ok_and(|(pages, moved)| pages == moved) && guard.clean().is_ok() {
        let _ = writer.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE);
        // The last connection to close may now delete the log.
        let _ = writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    }
}
