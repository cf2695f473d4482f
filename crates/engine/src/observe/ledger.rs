//! Which tickets are in somebody's hands, and which are done with.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use store::Epoch;

/// Tickets of one owner: enough for three years at 10,000 a second. The epoch above them has room
/// for eight million starts of a server.
const TICKET_BITS: u32 = 40;

/// The tickets of a running engine.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    next: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Drawn, and not done with. As many as batches in the open group, on their way, and in the
    /// queues of observers, which are bounded.
    in_hand: BTreeSet<u64>,
    /// Accepted, and not forgotten by the store yet.
    seen: BTreeSet<u64>,
    /// Whether the store has tickets that nobody here has in hand.
    is_behind: bool,
    has_stopped: bool,
}

/// The records of one batch that are wanted at least once. Done with when the last receipt for it
/// is gone.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) number: u64,
    ledger: Arc<Ledger>,
    is_told: AtomicBool,
    is_refused: AtomicBool,
}

/// Says that events were taken over for good, as lasting as they have to be.
#[derive(Debug)]
#[must_use = "what is not accepted is told again"]
pub struct Receipt {
    ticket: Arc<Ticket>,
    is_again: bool,
    is_accepted: bool,
}

impl Receipt {
    pub(crate) fn new(ticket: &Arc<Ticket>, is_again: bool) -> Receipt {
        Receipt {
            ticket: Arc::clone(ticket),
            is_again,
            is_accepted: false,
        }
    }

    /// Whether the events are told again, by a thread that does nothing else: it may be kept
    /// waiting until there is room for them. To refuse them once more has all of their commit told
    /// once more.
    pub fn is_again(&self) -> bool {
        self.is_again
    }

    /// The events need not be told again.
    pub fn accept(mut self) {
        self.is_accepted = true;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.is_accepted {
            self.ticket.refuse();
        }
    }
}

impl Ticket {
    /// All receipts for it are given out.
    pub(crate) fn is_told(&self) {
        self.is_told.store(true, Ordering::Relaxed);
    }

    /// Its events are to be told again.
    pub(crate) fn refuse(&self) {
        // Whoever drops the last reference sees this: dropping orders it.
        self.is_refused.store(true, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.ledger.state.lock();
        state.in_hand.remove(&self.number);
        let is_told = self.is_told.load(Ordering::Relaxed);
        match is_told && !self.is_refused.load(Ordering::Relaxed) {
            true => {
                state.seen.insert(self.number);
            }
            false => state.is_behind = true,
        }
        drop(state);
        self.ledger.changed.notify_all();
    }
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) seen: Vec<RangeInclusive<u64>>,
    pub(crate) is_behind: bool,
    pub(crate) has_stopped: bool,
}

impl Ledger {
    /// For an owner under this epoch. What earlier ones left is to be told.
    pub(crate) fn new(epoch: Epoch) -> Ledger {
        Ledger {
            next: AtomicU64::new(epoch.0 << TICKET_BITS),
            state: Mutex::new(State {
                is_behind: true,
                ..State::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// A ticket for a batch that is about to be committed.
    pub(crate) fn draw(self: &Arc<Self>) -> Arc<Ticket> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.state.lock().in_hand.insert(number);
        self.ticket(number)
    }

    /// The ticket of a batch that the store has, unless somebody here has it.
    pub(crate) fn take(self: &Arc<Self>, number: u64) -> Option<Arc<Ticket>> {
        let mut state = self.state.lock();
        let is_new = !state.seen.contains(&number) && state.in_hand.insert(number);
        drop(state);
        is_new.then(|| self.ticket(number))
    }

    fn ticket(self: &Arc<Self>, number: u64) -> Arc<Ticket> {
        Arc::new(Ticket {
            number,
            ledger: Arc::clone(self),
            is_told: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        })
    }

    /// Waits until there is something to do, and then as long as more may gather.
    pub(crate) fn wait(&self, gather: Duration) -> Due {
        let mut state = self.state.lock();
        while state.seen.is_empty() && !state.is_behind && !state.has_stopped {
            self.changed.wait(&mut state);
        }
        let until = Instant::now() + gather;
        while !state.has_stopped && !self.changed.wait_until(&mut state, until).timed_out() {}
        state.due()
    }

    /// What there is to do at this moment.
    pub(crate) fn due(&self) -> Due {
        self.state.lock().due()
    }

    /// Waits until none of these is in hand, or one is refused; false if there is reason to stop.
    pub(crate) fn wait_for(&self, tickets: &[u64]) -> bool {
        let mut state = self.state.lock();
        while !state.is_behind
            && !state.has_stopped
            && tickets.iter().any(|ticket| state.in_hand.contains(ticket))
        {
            self.changed.wait(&mut state);
        }
        !state.is_behind && !state.has_stopped
    }

    /// The store has forgotten these.
    pub(crate) fn forgotten(&self, tickets: &[RangeInclusive<u64>]) {
        let mut state = self.state.lock();
        let is_in = |ticket: &u64| tickets.iter().any(|range| range.contains(ticket));
        state.seen.retain(|ticket| !is_in(ticket));
    }

    /// The store is to be looked through again.
    pub(crate) fn look_again(&self) {
        self.state.lock().is_behind = true;
    }

    pub(crate) fn stop(&self) {
        self.state.lock().has_stopped = true;
        self.changed.notify_all();
    }
}

impl State {
    fn due(&mut self) -> Due {
        Due {
            seen: ranges(&self.seen),
            is_behind: std::mem::take(&mut self.is_behind),
            has_stopped: self.has_stopped,
        }
    }
}

/// Runs of numbers that follow each other.
fn ranges(numbers: &BTreeSet<u64>) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end() + 1 == *number => *last = *last.start()..=*number,
            _ => ranges.push(*number..=*number),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_a_range() {
        let check = |numbers: &[u64], expected: &[RangeInclusive<u64>]| {
            assert_eq!(ranges(&numbers.iter().copied().collect()), expected);
        };
        check(&[], &[]);
        check(&[7], &[7..=7]);
        check(&[1, 2, 3, 5, 6, 9], &[1..=3, 5..=6, 9..=9]);
    }

    #[test]
    fn a_ticket_is_seen_once_all_its_receipts_are_accepted() {
        let check = |accepted: &[bool], is_seen: bool| {
            let ledger = Arc::new(Ledger::new(Epoch(1)));
            let first = ledger.wait(Duration::ZERO);
            assert!(first.is_behind, "what an earlier owner left is looked for");
            let ticket = ledger.draw();
            let number = ticket.number;
            assert!(ledger.take(number).is_none(), "it is in hand");
            let receipts: Vec<Receipt> = accepted
                .iter()
                .map(|_| Receipt::new(&ticket, false))
                .collect();
            ticket.is_told();
            drop(ticket);
            for (receipt, is_accepted) in receipts.into_iter().zip(accepted) {
                if *is_accepted {
                    receipt.accept();
                }
            }
            let due = ledger.wait(Duration::ZERO);
            let seen = if is_seen {
                vec![number..=number]
            } else {
                Vec::new()
            };
            assert_eq!(due.seen, seen, "{accepted:?}");
            assert_eq!(due.is_behind, !is_seen);
            assert_eq!(ledger.take(number).is_none(), is_seen);
            ledger.forgotten(&due.seen);
        };
        check(&[], true);
        check(&[true], true);
        check(&[true, true], true);
        check(&[false], false);
        check(&[true, false], false);
        check(&[false, true], false);
    }
    #[test]
    fn a_ticket_that_was_lost_before_it_was_told_is_looked_for() {
        let ledger = Arc::new(Ledger::new(Epoch(1)));
        assert!(ledger.due().is_behind);
        drop(ledger.draw());
        assert!(ledger.due().is_behind);
    }
}
