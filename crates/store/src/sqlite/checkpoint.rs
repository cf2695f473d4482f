//! Moving what is in the write-ahead log into the database, without holding up commits.
//!
//! A log can only begin anew when all of it was moved, and commits add to it all the time. So a
//! thread moves the bulk (it reads, writes and syncs beside the writer), and then the writer itself
//! moves the few pages that came meanwhile, between two commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

/// How large the log grows before it is moved. Larger writes fewer bytes, as pages changed several
/// times are moved once; smaller makes opening after a crash faster.
const LOG_BYTES: u64 = 16 << 20;

/// The log is moved by the writer at once when it grows beyond this because the disk is slower than
/// the commits.
const LOG_BYTES_MAX: u64 = 256 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Wanted,
    Moving,
    BulkMoved,
    Closed,
}

#[derive(Debug)]
struct Shared {
    phase: Mutex<Phase>,
    changed: Condvar,
}

/// The thread that moves the bulk, and when to want it.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicU64>,
    page_bytes: u64,
}

impl Checkpointer {
    /// Starts the thread on a connection of its own; `writer` is the writer's.
    pub(super) fn start(
        writer: &mut Connection,
        connection: Connection,
        page_bytes: u32,
    ) -> rusqlite::Result<Checkpointer> {
        let log_pages = Arc::new(AtomicU64::new(0));
        let pages = Arc::clone(&log_pages);
        writer.wal_hook(Some(move |_: &mut _, count: i32| {
            pages.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let phase = Mutex::new(Phase::Idle);
        let shared = Arc::new(Shared {
            phase,
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || of_thread.move_when_wanted(&connection));
        // Without the thread the writer moves everything itself, later and in one go.
        Ok(Checkpointer {
            shared,
            thread: thread.ok(),
            log_pages,
            page_bytes: page_bytes.into(),
        })
    }

    /// To be called by the writer after each commit. A failure is of no consequence: the log keeps
    /// everything, and the next call tries again.
    pub(super) fn after_commit(&self, writer: &Connection) {
        let log_bytes = self.log_pages.load(Ordering::Relaxed) * self.page_bytes;
        if log_bytes < LOG_BYTES {
            return;
        }
        let mut phase = self.shared.phase.lock();
        let move_rest = *phase == Phase::BulkMoved || log_bytes > LOG_BYTES_MAX;
        if move_rest && *phase != Phase::Moving {
            *phase = Phase::Idle;
            drop(phase);
            if writer
                .wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)
                .is_ok()
            {
                self.log_pages.store(0, Ordering::Relaxed);
            }
        } else if *phase == Phase::Idle {
            *phase = Phase::Wanted;
            self.shared.changed.notify_all();
        }
    }
}

impl Shared {
    fn move_when_wanted(&self, connection: &Connection) {
        loop {
            let mut phase = self.phase.lock();
            while !matches!(*phase, Phase::Wanted | Phase::Closed) {
                self.changed.wait(&mut phase);
            }
            if *phase == Phase::Closed {
                return;
            }
            *phase = Phase::Moving;
            drop(phase);
            let moved = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE);
            let mut phase = self.phase.lock();
            if *phase == Phase::Moving {
                *phase = if moved.is_ok() {
                    Phase::BulkMoved
                } else {
                    Phase::Idle
                };
            }
        }
    }
}

impl Checkpointer {
    /// Ends the thread and closes its connection.
    pub(super) fn stop(&mut self) {
        *self.shared.phase.lock() = Phase::Closed;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread doesn't panic; if it did, closing goes on all the same.
            let _ = thread.join();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}
