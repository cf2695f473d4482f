//! Writes runs that have ended to disk, about once a second, beside their way: neither a run nor
//! whoever waits for it waits for this. What a crash costs is the last second's histories.
//!
//! Of a machine that runs thousands a second only the newest are written: what others pushed out of
//! the listed ones before its second was over never is.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use asl::time::Timestamp;
use parking_lot::Mutex;
use store::runs::Bound;

use super::kept::{Entry, Kept};
use super::row;
use crate::clock::Clock;
use crate::failing::Failing;
use crate::limits::{
    EXPRESS_FLUSH_BYTES_MAX, EXPRESS_FLUSH_MS, EXPRESS_KEPT_MS, EXPRESS_ROWS_BYTES_MAX,
    EXPRESS_ROWS_MAX, EXPRESS_SWEEP_MS,
};
use crate::record::Compressor;
use crate::request::OpenError;

/// What writing needs.
#[derive(Default)]
pub(super) struct Writing {
    compressor: Compressor,
    failing: Failing,
    /// Runs that were never written, as the log was told.
    lost_told: u64,
}

impl Kept {
    /// Writes runs that have ended until now, as many as are written at a time. What can't be
    /// written is tried again at the next call. Says whether to call again at once, if all that is
    /// left is to be written.
    pub(super) fn flush(&self, now: Timestamp) -> bool {
        let mut writing = self.writing.lock();
        let numbers = std::mem::take(&mut self.runs.lock().unstored);
        let mut left = numbers.as_slice();
        let mut bytes_left = EXPRESS_FLUSH_BYTES_MAX;
        let mut is_failing = false;
        while !left.is_empty() && bytes_left > 0 {
            let (batch, count) = self.batch(left, &mut bytes_left);
            if let Err(error) = self.write(&batch, &mut writing.compressor) {
                if writing.failing.fails(now).is_some() {
                    tracing::warn!(%error, "histories of Express executions can't be kept now");
                }
                is_failing = true;
                break;
            }
            if !batch.is_empty() && writing.failing.is_over().is_some() {
                tracing::info!("histories of Express executions are kept again");
            }
            left = left.get(count..).unwrap_or_default();
        }
        let (lost, is_left) = {
            let mut runs = self.runs.lock();
            runs.unstored.splice(..0, left.iter().copied());
            (runs.lost, !runs.unstored.is_empty())
        };
        if is_left {
            // The keeper may have found nothing to do while these were being written.
            self.changed.notify_one();
        }
        // While the disk fails that is what the log says, now and then.
        if lost > writing.lost_told && !is_failing {
            tracing::warn!(
                executions = lost - writing.lost_told,
                "Express executions ended faster than memory could keep their histories until \
                 they were on disk; `express_kept_bytes_max` bounds it"
            );
            writing.lost_told = lost;
        }
        is_left && !is_failing
    }

    /// The first of these runs that are written at once, as far as they are still here, and how
    /// many numbers that makes.
    fn batch(&self, numbers: &[u64], bytes_left: &mut usize) -> (Vec<Arc<Entry>>, usize) {
        let runs = self.runs.lock();
        let (mut count, mut bytes) = (0, 0_usize);
        for number in numbers.iter().take(EXPRESS_ROWS_MAX) {
            if bytes >= EXPRESS_ROWS_BYTES_MAX.min(*bytes_left) {
                break;
            }
            bytes += runs.bytes_of(*number);
            count += 1;
        }
        *bytes_left = bytes_left.saturating_sub(bytes);
        let chosen = numbers.get(..count).unwrap_or_default();
        (runs.still_here(chosen), count)
    }

    fn write(&self, batch: &[Arc<Entry>], compressor: &mut Compressor) -> store::Result<()> {
        let Some(disk) = self.disk.as_ref().filter(|_| !batch.is_empty()) else {
            return Ok(());
        };
        let rows = batch
            .iter()
            .filter_map(|entry| row::encode(entry, compressor));
        let rows: Vec<_> = rows.collect();
        let bound = Bound {
            per_machine: crate::limits::EXPRESS_RUNS_PER_MACHINE_MAX,
            bytes: self.stored_bytes_max,
        };
        disk.put_runs(&rows, bound)?;
        self.runs.lock().are_stored(batch);
        Ok(())
    }

    /// Deletes from disk what is older than a day. After a long time without a server that takes
    /// many steps: what ends meanwhile is written between them, and a stop does not wait for them.
    pub(super) fn sweep(&self, now: Timestamp) {
        let Some(disk) = &self.disk else { return };
        loop {
            // As old as that is too old.
            let before_ms = now.0.saturating_sub(EXPRESS_KEPT_MS).saturating_add(1);
            match disk.expire_runs(before_ms) {
                Ok(true) if self.runs.lock().is_stopping => return,
                Ok(true) => {
                    self.flush(now);
                }
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "old Express executions could not be deleted");
                    return;
                }
            }
        }
    }

    /// Waits until there is something to write, or to sweep; `false` once it is time to end.
    fn wait(&self) -> bool {
        let sweep_at = Instant::now() + Duration::from_millis(EXPRESS_SWEEP_MS);
        let flush = Duration::from_millis(EXPRESS_FLUSH_MS);
        let mut runs = self.runs.lock();
        while runs.unstored.is_empty() && !runs.is_stopping {
            if self.changed.wait_until(&mut runs, sweep_at).timed_out() {
                return true;
            }
        }
        let is_going_on = |runs: &mut super::kept::Runs| !runs.is_stopping;
        self.changed.wait_while_for(&mut runs, is_going_on, flush);
        !runs.is_stopping
    }
}

/// The thread that writes.
pub(super) struct Keeper {
    kept: Weak<Kept>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Starts the thread, if there is a disk to write to.
    pub(super) fn spawn(kept: &Arc<Kept>, clock: Arc<dyn Clock>) -> Result<Keeper, OpenError> {
        let thread = match kept.disk {
            None => None,
            Some(_) => {
                let kept = Arc::clone(kept);
                let thread = std::thread::Builder::new().name("lockstep-express".to_owned());
                Some(thread.spawn(move || run(&kept, &*clock))?)
            }
        };
        Ok(Keeper {
            kept: Arc::downgrade(kept),
            thread: Mutex::new(thread),
        })
    }

    /// Writes what has ended, and ends the thread. Blocks for as long as that takes.
    pub(super) fn stop(&self) {
        self.tell();
        if let Some(Err(_)) = self.thread.lock().take().map(JoinHandle::join) {
            tracing::error!("the thread that keeps Express executions panicked");
        }
    }

    fn tell(&self) {
        if let Some(kept) = self.kept.upgrade() {
            kept.runs.lock().is_stopping = true;
            kept.changed.notify_all();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.tell();
    }
}

fn run(kept: &Kept, clock: &dyn Clock) {
    let mut swept: Option<Instant> = None;
    loop {
        let interval = Duration::from_millis(EXPRESS_SWEEP_MS);
        if swept.is_none_or(|swept| swept.elapsed() >= interval) {
            swept = Some(Instant::now());
            kept.sweep(clock.now());
        }
        let goes_on = kept.wait();
        let mut is_left = kept.flush(clock.now());
        if !goes_on {
            // Nobody runs any more: what is left is bounded by what memory holds.
            while is_left {
                is_left = kept.flush(clock.now());
            }
            return;
        }
    }
}
