//! Closing a store so that the database alone holds everything.

use rusqlite::DEFAULT_NAME;
use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;

use super::{Sqlite, Writer};

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
        writer.empty_log();
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

impl Writer {
    /// A failure loses nothing: the log stays, and the lock file still asks for it.
    fn empty_log(&self) {
        let connection = &self.connection;
        let moved = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::FULL);
        // The lock file comes before the log is cut: at no moment does it ask for a log that is
        // gone.
        if moved.is_ok_and(|(pages, moved)| pages == moved) && self.guard.clean().is_ok() {
            let _ = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE);
            // The last connection to close may now delete the log.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        }
    }
}
