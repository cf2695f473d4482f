//! Concurrency limits: how many executions of a state machine run at a time.
//!
//! AWS has no such limit. A machine that has one has a gate, shared by all shards: executions
//! beyond the limit start, are recorded as queued, and are let in one by one, oldest first, as
//! others end. An end counts once it is committed. A gate is set up when it is first needed, from
//! the rows of the machine's executions.
//!
//! A redriven execution goes through the gate too. It keeps its number, so it is older than those
//! that were started since and comes before them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use asl::event::Text;
use parking_lot::Mutex;
use store::EntityId;

/// The gates of an engine, by the unqualified ARN of the state machine: of those that have a limit.
#[derive(Debug, Default)]
pub struct Gates {
    /// So that whoever has no limit takes no lock.
    count: AtomicUsize,
    by_machine: Mutex<BTreeMap<Text, Gate>>,
}

#[derive(Debug)]
enum Gate {
    /// The rows are being read. Meanwhile these have begun or ended, and the limit may have been
    /// set.
    Filling {
        begun: BTreeSet<EntityId>,
        ended: BTreeSet<EntityId>,
        limit: Option<Option<u32>>,
    },
    Limited(Limited),
}

/// Executions are in one of the two sets from the decision that starts them until their end is
/// committed.
#[derive(Debug, Default)]
struct Limited {
    limit: usize,
    running: BTreeSet<EntityId>,
    /// In the order of their turns.
    queue: BTreeSet<EntityId>,
}

/// What the store knows of a machine, for its gate.
#[derive(Debug, Default)]
pub struct Standing {
    pub limit: Option<u32>,
    pub running: Vec<EntityId>,
    pub queued: Vec<EntityId>,
}

/// Whether an execution may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Now,
    Later,
}

/// What a gate shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct View {
    pub limit: Option<u32>,
    pub running: usize,
    pub queued: usize,
    /// The first of those queued.
    pub first: Vec<EntityId>,
}

impl Limited {
    /// Lets in whom the limit allows.
    fn admit(&mut self) -> Vec<EntityId> {
        let mut admitted = Vec::new();
        while self.running.len() < self.limit {
            let Some(first) = self.queue.pop_first() else {
                break;
            };
            self.running.insert(first);
            admitted.push(first);
        }
        admitted
    }

    fn enter(&mut self, entity: EntityId) -> Turn {
        if self.running.contains(&entity) {
            return Turn::Now;
        }
        self.queue.insert(entity);
        // Whoever may be let in was: only this one can be.
        match self.running.len() < self.limit && self.queue.first() == Some(&entity) {
            true => {
                self.queue.remove(&entity);
                self.running.insert(entity);
                Turn::Now
            }
            false => Turn::Later,
        }
    }
}

impl Gates {
    /// Whether any machine has a gate.
    pub(crate) fn are_used(&self) -> bool {
        // In one order with the commits and reads of the store on other threads: a gate that is
        // being filled learns of every end that its rows do not show.
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Whether a machine's gate is there. If not, it is from now on told of every start and end;
    /// what the store knows is to be read now, and brought by [`Gates::fill`].
    pub(crate) fn is_ready(&self, machine_arn: &Text) -> bool {
        let mut gates = self.by_machine.lock();
        match gates.get(machine_arn) {
            Some(Gate::Filling { .. }) => false,
            Some(_) => true,
            None => {
                let filling = Gate::Filling {
                    begun: BTreeSet::new(),
                    ended: BTreeSet::new(),
                    limit: None,
                };
                gates.insert(machine_arn.clone(), filling);
                self.count.fetch_add(1, Ordering::SeqCst);
                false
            }
        }
    }

    /// Sets a gate up, unless the machine has no limit; gives those that are let in by it. `None`
    /// if nobody waits for the rows any more: they may be out of date.
    pub(crate) fn fill(&self, machine_arn: &Text, standing: Standing) -> Option<Vec<EntityId>> {
        let mut gates = self.by_machine.lock();
        let gate = gates.get_mut(machine_arn)?;
        let Gate::Filling {
            begun,
            ended,
            limit,
        } = gate
        else {
            // Another thread was faster.
            return Some(Vec::new());
        };
        let Some(limit) = limit.unwrap_or(standing.limit) else {
            self.remove(&mut gates, machine_arn);
            return Some(standing.queued);
        };
        let is_open = |entity: &EntityId| !ended.contains(entity);
        let running = standing.running.into_iter().filter(is_open);
        let mut limited = Limited {
            limit: to_length(limit),
            running: running.chain(std::mem::take(begun)).collect(),
            queue: standing.queued.into_iter().filter(is_open).collect(),
        };
        let admitted = limited.admit();
        *gate = Gate::Limited(limited);
        Some(admitted)
    }

    /// The rows could not be read.
    pub(crate) fn give_up(&self, machine_arn: &Text) {
        let mut gates = self.by_machine.lock();
        if let Some(Gate::Filling { .. }) = gates.get(machine_arn) {
            self.remove(&mut gates, machine_arn);
        }
    }

    fn remove(&self, gates: &mut BTreeMap<Text, Gate>, machine_arn: &Text) {
        gates.remove(machine_arn);
        self.count.fetch_sub(1, Ordering::SeqCst);
    }

    /// An execution wants to go on: a new one, a redriven one, or one that was queued.
    pub(crate) fn enter(&self, machine_arn: &Text, entity: EntityId) -> Turn {
        match self.by_machine.lock().get_mut(machine_arn) {
            Some(Gate::Limited(limited)) => limited.enter(entity),
            // A limit that is set up at this moment counts it once it is committed.
            Some(Gate::Filling { .. }) | None => Turn::Now,
        }
    }

    /// An execution that did not go through the gate runs, and that is committed.
    pub(crate) fn note_running(&self, machine_arn: &Text, entity: EntityId) {
        match self.by_machine.lock().get_mut(machine_arn) {
            Some(Gate::Limited(limited)) if !limited.queue.contains(&entity) => {
                limited.running.insert(entity);
            }
            Some(Gate::Filling { begun, ended, .. }) => {
                begun.insert(entity);
                ended.remove(&entity);
            }
            _ => {}
        }
    }

    /// The end of an execution is committed; gives those that are let in by it.
    pub(crate) fn leave(&self, machine_arn: &Text, entity: EntityId) -> Vec<EntityId> {
        match self.by_machine.lock().get_mut(machine_arn) {
            Some(gate) => leave(gate, entity),
            None => Vec::new(),
        }
    }

    /// An execution of some machine was never committed; gives those that are let in by it.
    pub(crate) fn forget(&self, entity: EntityId) -> Vec<EntityId> {
        let mut gates = self.by_machine.lock();
        let gates = gates.values_mut();
        gates.flat_map(|gate| leave(gate, entity)).collect()
    }

    /// The limit of a machine has changed; gives those that are let in by it.
    pub(crate) fn set_limit(&self, machine_arn: &Text, new: Option<u32>) -> Vec<EntityId> {
        let mut gates = self.by_machine.lock();
        let Some(gate) = gates.get_mut(machine_arn) else {
            return Vec::new();
        };
        match (gate, new) {
            (Gate::Filling { limit, .. }, _) => {
                *limit = Some(new);
                Vec::new()
            }
            (Gate::Limited(limited), Some(limit)) => {
                limited.limit = to_length(limit);
                limited.admit()
            }
            (Gate::Limited(limited), None) => {
                let queue = std::mem::take(&mut limited.queue);
                self.remove(&mut gates, machine_arn);
                queue.into_iter().collect()
            }
        }
    }

    /// How a machine's gate stands, with at most so many of those queued; `None` if it has none.
    pub fn view(&self, machine_arn: &Text, max: usize) -> Option<View> {
        match self.by_machine.lock().get(machine_arn)? {
            Gate::Limited(limited) => Some(View {
                limit: u32::try_from(limited.limit).ok(),
                running: limited.running.len(),
                queued: limited.queue.len(),
                first: limited.queue.iter().copied().take(max).collect(),
            }),
            Gate::Filling { .. } => None,
        }
    }
}

fn leave(gate: &mut Gate, entity: EntityId) -> Vec<EntityId> {
    match gate {
        Gate::Filling { begun, ended, .. } => {
            begun.remove(&entity);
            ended.insert(entity);
            Vec::new()
        }
        Gate::Limited(limited) => {
            limited.queue.remove(&entity);
            limited.running.remove(&entity);
            limited.admit()
        }
    }
}

fn to_length(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
