//! Events whose callers were answered before the event is kept: of calls that only read. They are
//! kept together, within a second, or when somebody reads the log.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use store::Lines;
use store::lines::Line;
use tokio::sync::OwnedMutexGuard;

use crate::documents::Error;

/// How long they gather: what a crash may cost, but for the time that a sync takes.
const GATHER: Duration = Duration::from_millis(500);

/// Bytes of those that wait: some thousand events. With more, whoever reads waits for the disk.
const WAITING_BYTES_MAX: usize = 2 << 20;

/// What waits to be kept.
pub(super) struct Later {
    lines: Arc<dyn Lines>,
    waiting: Mutex<Waiting>,
    /// Held while lines are appended: whoever has it next finds them in the log.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Waiting {
    streams: BTreeMap<String, Vec<Line>>,
    bytes: usize,
    /// Something will append them.
    is_due: bool,
    /// They could not be appended: until they can, nothing more is taken.
    has_failed: bool,
    /// The server ends: nobody would append what is added.
    has_ended: bool,
}

impl Later {
    pub(super) fn new(lines: Arc<dyn Lines>) -> Later {
        Later {
            lines,
            waiting: Mutex::default(),
            turn: Arc::default(),
        }
    }

    /// Takes a line, and returns at once unless many wait already. Gives it back while the log
    /// can't be written, for whoever adds it has to see that, and once the server ends.
    pub(super) async fn add(
        self: &Arc<Self>,
        stream: String,
        line: Line,
    ) -> Result<(), (String, Line)> {
        let is_much = {
            let mut waiting = self.waiting.lock();
            if waiting.has_failed || waiting.has_ended {
                return Err((stream, line));
            }
            waiting.bytes += line.bytes.len();
            waiting.streams.entry(stream).or_default().push(line);
            if !mem::replace(&mut waiting.is_due, true) {
                tokio::spawn(Arc::clone(self).gather());
            }
            waiting.bytes >= WAITING_BYTES_MAX
        };
        if is_much {
            // What could not be appended waits on, and the next one is not taken.
            let _ = self.settle().await;
        }
        Ok(())
    }

    /// Whether the log could not be written when that was last tried.
    pub(super) fn has_failed(&self) -> bool {
        self.waiting.lock().has_failed
    }

    /// Appends what waits, and takes nothing more.
    pub(super) async fn end(self: &Arc<Self>) {
        self.waiting.lock().has_ended = true;
        if self.settle().await.is_err() {
            let waiting = self.waiting.lock();
            let events: usize = waiting.streams.values().map(Vec::len).sum();
            tracing::error!(events, "the audit log loses events of calls that only read");
        }
    }

    /// Appends what waits, again and again until nothing does.
    async fn gather(self: Arc<Self>) {
        loop {
            tokio::time::sleep(GATHER).await;
            let _ = self.settle().await;
            let mut waiting = self.waiting.lock();
            if waiting.streams.is_empty() {
                waiting.is_due = false;
                return;
            }
        }
    }

    /// Appends all that was added before; durable once it returned.
    pub(super) async fn settle(self: &Arc<Self>) -> Result<(), Error> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if self.waiting.lock().streams.is_empty() {
            return Ok(());
        }
        let this = Arc::clone(self);
        // Goes on to its end also when its caller leaves, and nobody has the turn meanwhile.
        let appended = tokio::task::spawn_blocking(move || this.append(turn)).await;
        appended.map_err(|_| Error::CutOff)?
    }

    fn append(&self, _turn: OwnedMutexGuard<()>) -> Result<(), Error> {
        let streams = mem::take(&mut self.waiting.lock().streams);
        let mut left = BTreeMap::new();
        let mut bytes = 0;
        let mut failed = None;
        for (stream, lines) in streams {
            match self.lines.append(&stream, &lines) {
                Ok(_) => bytes += lines.iter().map(|line| line.bytes.len()).sum::<usize>(),
                Err(error) => {
                    failed = Some(error);
                    left.insert(stream, lines);
                }
            }
        }
        let mut waiting = self.waiting.lock();
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        let had_failed = mem::replace(&mut waiting.has_failed, failed.is_some());
        for (stream, mut lines) in left {
            let added = waiting.streams.entry(stream).or_default();
            lines.append(added);
            *added = lines;
        }
        drop(waiting);
        let Some(error) = failed else { return Ok(()) };
        // It is tried twice a second.
        if !had_failed {
            tracing::error!(%error, "events of the audit log wait until it can be written");
        }
        Err(error.into())
    }
}
