//! Who watches executions: logs, metrics, traces. An [`Observer`] is told of the events of the
//! definitions it wants, of a Standard execution once they are durable, of an Express one as they
//! happen.
//!
//! An observer that wants every event *at least once* is told with a [`Receipt`]. The commit that
//! holds such events says so in a row of its own ([`store::Unseen`]); the row goes once all
//! receipts for it are accepted, within a second or so. What was not accepted is read from the
//! journals again and told again: after a crash, and when the observer had no room. So nothing is
//! told twice unless it must be, and where nobody wants to be told nothing is written.
//!
//! Of Express executions there is no journal: they are told once.

mod again;
mod ledger;

use std::sync::Arc;

use asl::event::{BranchId, Event, EventId, EventKind, Start};
use asl::program::{Program, StateIndex};
use asl::run::Run;
use asl::time::Timestamp;
use std::collections::BTreeMap;

use crate::express::Billing;
use crate::shard::Shown;

pub use again::Clerk;
pub(crate) use again::Thread;
pub use ledger::Receipt;
pub(crate) use ledger::{Ledger, Ticket};

/// How surely an observer must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// What a crash interrupts is not told: costs nothing on disk.
    AtMostOnce,
    /// Told again until its [`Receipt`] is accepted. Who is told twice knows by the execution and
    /// the ids of the events.
    AtLeastOnce,
}

/// Is told what happens in executions.
pub trait Observer: Send + Sync + 'static {
    /// Whether the events of executions of this definition are wanted. Asked on a deciding thread
    /// for every execution that is started or brought in, and again when it is told: it must answer
    /// from memory, or read the store no more than once for each definition.
    fn wants(&self, definition: u64) -> Option<Delivery>;

    /// What one commit added to a Standard execution, once it is durable, on the committing thread;
    /// or what one decision added to an Express execution, on a thread that runs futures. It must
    /// not block, unless they are told [again](Receipt::is_again). The commits of an execution are
    /// told in their order, but those that are told again.
    ///
    /// With a receipt if it is wanted at least once: the events are told again unless it is
    /// accepted, at once or later. Of Express executions there is none.
    fn observe(&self, seen: &Arc<Observed>, receipt: Option<Receipt>);

    /// The engine ends, and tells nothing any more. What is accepted before this returns, which may
    /// block, is not told again by the next one.
    fn finish(&self) {}
}

/// What one commit, or one decision of an Express execution, added.
#[derive(Debug)]
pub struct Observed {
    pub program: Arc<Program>,
    /// ARNs, names, role, kind, definition, trace header, tags.
    pub start: Arc<Start>,
    pub started_at: Timestamp,
    /// After these events.
    pub redrive_count: u32,
    pub redriven_at: Option<Timestamp>,
    /// Of all the events.
    pub time: Timestamp,
    /// All of them, internal ones too; never empty.
    pub events: Vec<Event>,
    /// As it stood before them.
    pub before: Run,
    /// What an Express execution costs, if it ended by these events.
    pub billing: Option<Billing>,
}

/// A call of a Task, or the task of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The id of its Scheduled event.
    pub id: EventId,
    pub state: StateIndex,
    pub scheduled_at: Timestamp,
    /// Of an activity, when a worker picked it up; `None` if none did.
    pub started_at: Option<Timestamp>,
}

impl Observed {
    /// What these events made of a run. `None` if it has not started.
    pub(crate) fn new(
        program: &Arc<Program>,
        before: Run,
        after: &Run,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Option<Observed> {
        Some(Observed {
            program: Arc::clone(program),
            start: Arc::clone(after.start.as_ref()?),
            started_at: after.started_at,
            redrive_count: after.redrives.count,
            redriven_at: after.redrives.last_at,
            time,
            events,
            before,
            billing: None,
        })
    }

    /// The events of task calls but TaskScheduled (started, submitted, succeeded, failed, timed
    /// out), each with its attempt.
    pub fn attempts(&self) -> Vec<(&Event, Attempt)> {
        let mut scheduled: BTreeMap<BranchId, Attempt> = BTreeMap::new();
        let mut found = Vec::new();
        for event in &self.events {
            let branch = event.branch;
            let known = || {
                scheduled
                    .get(&branch)
                    .copied()
                    .or_else(|| self.before(branch))
            };
            match &event.kind {
                EventKind::TaskScheduled { state, .. } => {
                    let attempt = Attempt {
                        id: event.id,
                        state: *state,
                        scheduled_at: self.time,
                        started_at: None,
                    };
                    scheduled.insert(branch, attempt);
                }
                EventKind::TaskStarted { .. } => {
                    if let Some(mut attempt) = known() {
                        attempt.started_at = Some(self.time);
                        scheduled.insert(branch, attempt);
                        found.push((event, attempt));
                    }
                }
                EventKind::TaskSubmitted { .. }
                | EventKind::TaskSucceeded { .. }
                | EventKind::TaskFailed { .. }
                | EventKind::TaskTimedOut { .. } => {
                    found.extend(known().map(|attempt| (event, attempt)));
                }
                _ => {}
            }
        }
        found
    }

    /// The attempt a thread waited for before these events.
    fn before(&self, branch: BranchId) -> Option<Attempt> {
        let (visit, calling) = self.before.branch(branch)?.calling()?;
        Some(Attempt {
            id: calling.attempt,
            state: visit.state,
            scheduled_at: calling.scheduled_at,
            started_at: calling.started_at,
        })
    }
}

/// All observers of an engine.
#[derive(Clone, Default)]
pub struct Observers {
    observers: Arc<[Arc<dyn Observer>]>,
    ledger: Arc<Ledger>,
}

impl Observers {
    /// These, over a store whose shards are owned under epochs up to this one: tickets of earlier
    /// owners are below theirs.
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, epoch: store::Epoch) -> Observers {
        Observers {
            observers: observers.into(),
            ledger: Arc::new(Ledger::new(epoch)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.observers.is_empty()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The most that any of them wants of a definition.
    pub(crate) fn wants(&self, definition: u64) -> Option<Delivery> {
        let wanted = self.observers.iter();
        wanted.filter_map(|it| it.wants(definition)).max()
    }

    /// Tells what a committed batch showed.
    pub fn tell(&self, shown: &Shown) {
        for seen in &shown.seen {
            self.tell_one(seen, shown.ticket.as_ref());
        }
        if let Some(ticket) = &shown.ticket {
            ticket.is_told();
        }
    }

    /// Tells those who want it. With a ticket, those who want it at least once get a receipt.
    pub(crate) fn tell_one(&self, seen: &Arc<Observed>, ticket: Option<&Arc<Ticket>>) {
        for observer in self.observers.iter() {
            match observer.wants(seen.start.definition) {
                None => {}
                Some(Delivery::AtMostOnce) => observer.observe(seen, None),
                Some(Delivery::AtLeastOnce) => {
                    observer.observe(seen, ticket.map(|it| Receipt::new(it, false)));
                }
            }
        }
    }

    /// Lets them finish what they were told.
    pub(crate) fn finish(&self) {
        self.observers.iter().for_each(|it| it.finish());
    }

    /// Tells again those who want it at least once.
    pub(crate) fn tell_again(&self, seen: &Arc<Observed>, ticket: &Arc<Ticket>) {
        for observer in self.observers.iter() {
            if observer.wants(seen.start.definition) == Some(Delivery::AtLeastOnce) {
                observer.observe(seen, Some(Receipt::new(ticket, true)));
            }
        }
    }
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Observers({})", self.observers.len())
    }
}

#[cfg(test)]
mod tests;
