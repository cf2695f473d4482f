//! Groups of writes on their way to the store, and what is forgotten when one does not arrive.

use std::collections::VecDeque;
use std::sync::Arc;

use asl::event::{EventId, Text};
use asl::run::Run;
use asl::time::Timestamp;
use store::{Batch, EntityId, Epoch, MachineNumber, ShardId, Unseen, Write};

use super::calls::Errand;
use super::command::{Answer, Outcome};
use super::{Halt, Shard};
use crate::commons::Commons;
use crate::observe::{Delivery, Observed, Ticket};
use crate::open::Place;
use crate::request::Error;

/// The time a shard owns one of the store's shards from one doubt to the next. What was decided
/// under a tenure that failed is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    pub shard: ShardId,
    pub number: u32,
}

/// Writes to be committed as one.
#[derive(Debug)]
pub struct Group {
    pub number: u64,
    pub batches: Vec<Batch>,
    /// Of each batch.
    pub tenures: Vec<Tenure>,
    /// Of each batch, to be told to who watches once it is committed.
    pub shown: Vec<Shown>,
}

/// What a batch shows to who watches.
#[derive(Debug, Default)]
pub struct Shown {
    /// Of the batch, if some of it is to be told at least once.
    pub(crate) ticket: Option<Arc<Ticket>>,
    pub(crate) seen: Vec<Arc<Observed>>,
}

impl Shown {
    /// It may not have happened: if it has, it is to be told.
    pub(crate) fn refuse(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.refuse();
        }
    }
}

/// What became of a shard's part of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another process took the shard over.
    Lost,
    /// Not committed, or not known. The store's sequence tells, once it answers.
    /// With the cause, where the store knows one.
    Doubtful(Option<Arc<str>>),
}

/// A shard of the store that is owned here.
#[derive(Debug)]
pub(super) struct Owned {
    epoch: Epoch,
    /// Of the last batch made.
    sequence: u64,
    tenure: u32,
    trouble: Option<Verdict>,
    writes: Vec<Write>,
    shown: Shown,
    /// Of those shown that are to be told at least once.
    unseen: Vec<(EntityId, u32)>,
}

/// What has to be remembered about a group until its commit is known.
#[derive(Debug, Default)]
struct Note {
    number: u64,
    changed: Vec<Changed>,
    names: Vec<((MachineNumber, Text), EntityId)>,
    calls: Vec<(EntityId, EventId, Errand)>,
}

/// What writes did to an execution.
#[derive(Clone, Debug)]
struct Changed {
    entity: EntityId,
    /// Where it counts, if it was started or redriven, or has ended.
    place: Option<Arc<Place>>,
    /// It was started or redriven.
    opens: bool,
    /// It has ended.
    closes: bool,
}

/// The open group and those on their way, oldest first. Their number is bounded by the driver,
/// which fills one while one is being committed and one waits.
#[derive(Debug, Default)]
pub(super) struct Groups {
    open: Note,
    open_bytes: usize,
    under_way: VecDeque<Note>,
    committed: u64,
}

impl Owned {
    pub(super) fn new(epoch: Epoch, sequence: u64) -> Owned {
        Owned {
            epoch,
            sequence,
            tenure: 0,
            trouble: None,
            writes: Vec::new(),
            shown: Shown::default(),
            unseen: Vec::new(),
        }
    }

    pub(super) fn check(&self, shard: ShardId) -> Result<(), Error> {
        match &self.trouble {
            None => Ok(()),
            Some(Verdict::Lost) => Err(Error::NotOwned(shard.0)),
            Some(Verdict::Doubtful(cause)) => Err(Error::NotConfirmed(cause.clone())),
        }
    }
}

impl Groups {
    /// The number of the group that is being filled.
    pub(super) fn open(&self) -> u64 {
        self.committed + 1 + self.under_way.len() as u64
    }

    /// The number of the last group whose commit is known.
    pub(super) fn committed(&self) -> u64 {
        self.committed
    }

    pub(super) fn note_name(&mut self, machine: MachineNumber, name: Text, entity: EntityId) {
        self.open.names.push(((machine, name), entity));
    }

    pub(super) fn note_call(&mut self, entity: EntityId, attempt: EventId, errand: Errand) {
        self.open.calls.push((entity, attempt, errand));
    }
}

impl Shard {
    /// Adds writes of an entity to the open group.
    pub(super) fn write(&mut self, entity: EntityId, writes: impl IntoIterator<Item = Write>) {
        let Some(owned) = self.owned.get_mut(&entity.shard()) else {
            return;
        };
        let mut changed = Changed {
            entity,
            place: None,
            opens: false,
            closes: false,
        };
        for write in writes {
            match &write {
                Write::Append { record, .. } => self.groups.open_bytes += record.len(),
                Write::OpenExecution(row) => {
                    changed.opens = true;
                    changed.closes = row.stopped_ms.is_some();
                }
                Write::UpdateExecution {
                    stopped_ms,
                    redrive,
                    ..
                } => {
                    changed.opens = redrive.is_some();
                    changed.closes = stopped_ms.is_some();
                }
                Write::WakeUp { .. } | Write::Unseen(_) => {}
            }
            owned.writes.push(write);
        }
        let open = self.groups.open();
        if let Some(execution) = self.cache.get_mut(entity) {
            execution.group = open;
            if !execution.is_standard() {
                // AWS does not limit how many are open, and nobody waits for their ends.
                (changed.opens, changed.closes) = (false, false);
            }
            if changed.opens || changed.closes {
                changed.place = Some(Arc::clone(&execution.place));
            }
        }
        self.groups.open.changed.push(changed);
    }

    /// Adds to the open group what a record of it shows to who watches.
    pub(super) fn show(
        &mut self,
        (entity, number): (EntityId, u32),
        delivery: Delivery,
        seen: Observed,
    ) {
        if let Some(owned) = self.owned.get_mut(&entity.shard()) {
            owned.shown.seen.push(Arc::new(seen));
            if delivery == Delivery::AtLeastOnce {
                owned.unseen.push((entity, number));
            }
        }
    }

    /// The tenure under which an entity is served now.
    pub(super) fn tenure(&self, entity: EntityId) -> Option<Tenure> {
        let shard = entity.shard();
        self.owned.get(&shard).map(|owned| Tenure {
            shard,
            number: owned.tenure,
        })
    }

    /// Says when all that was decided so far for one of the store's shards is committed.
    pub(super) fn confirm(&mut self, shard: ShardId) -> Result<Outcome, Halt> {
        let number = self.serving(shard)?.tenure;
        let tenure = Tenure { shard, number };
        Ok(Outcome::answer(Some(tenure), Answer::Confirmed(Ok(()))))
    }

    /// Whether the open group has anything to commit.
    pub fn has_writes(&self) -> bool {
        !self.groups.open.changed.is_empty()
    }

    /// Bytes of records in the open group.
    pub fn open_bytes(&self) -> usize {
        self.groups.open_bytes
    }

    /// Closes the open group. Its batches are to be committed in the order of groups; a group
    /// without batches needs no commit, only its turn.
    pub fn take_group(&mut self) -> Group {
        let number = self.groups.open();
        let mut group = Group {
            number,
            batches: Vec::new(),
            tenures: Vec::new(),
            shown: Vec::new(),
        };
        for (shard, owned) in self
            .owned
            .iter_mut()
            .filter(|(_, owned)| !owned.writes.is_empty())
        {
            owned.sequence += 1;
            let mut shown = std::mem::take(&mut owned.shown);
            if !owned.unseen.is_empty() {
                let ticket = self.commons.observers.ledger().draw();
                owned.writes.push(Write::Unseen(Unseen {
                    ticket: ticket.number,
                    records: std::mem::take(&mut owned.unseen),
                }));
                shown.ticket = Some(ticket);
            }
            group.shown.push(shown);
            group.batches.push(Batch {
                shard: *shard,
                epoch: owned.epoch,
                sequence: owned.sequence,
                writes: std::mem::take(&mut owned.writes),
            });
            group.tenures.push(Tenure {
                shard: *shard,
                number: owned.tenure,
            });
        }
        let note = std::mem::take(&mut self.groups.open);
        self.groups.under_way.push_back(Note { number, ..note });
        self.groups.open_bytes = 0;
        group
    }

    /// Reports the oldest group under way: its writes are durable, but for the tenures named. Those
    /// have failed, and with them all that was decided under them since.
    pub fn group_done(&mut self, failed: &[(Tenure, Verdict)]) {
        let Some(note) = self.groups.under_way.pop_front() else {
            return;
        };
        self.groups.committed = note.number;
        for (tenure, verdict) in failed {
            let of_shard = |changed: &&Changed| changed.entity.shard() == tenure.shard;
            let changed: Vec<Changed> = note.changed.iter().filter(of_shard).cloned().collect();
            self.doubt(&changed);
            self.fail(*tenure, verdict.clone());
        }
        for (name, entity) in note.names {
            // After a failure the name may be that of a later start, which is not committed yet.
            if self.names.get(&name) == Some(&entity) {
                self.names.remove(&name);
            }
        }
        let is_failed = |entity: EntityId| {
            failed
                .iter()
                .any(|(tenure, _)| tenure.shard == entity.shard())
        };
        for (entity, attempt, errand) in note.calls {
            if is_failed(entity) {
                self.calls.end(entity, attempt, errand);
            }
        }
        for changed in &note.changed {
            if !is_failed(changed.entity) {
                self.settle_standing(changed);
            }
        }
        for Changed { entity, .. } in note.changed {
            if is_failed(entity) {
                self.look_again(entity);
            } else if self.is_done_with(entity, note.number) {
                self.cache.remove(entity);
            }
        }
    }

    /// A start, an end or a redrive is committed: those who wait for it learn of it.
    fn settle_standing(&mut self, changed: &Changed) {
        let Changed {
            entity,
            place: Some(place),
            opens: _,
            closes,
        } = changed
        else {
            return;
        };
        let (entity, closes) = (*entity, *closes);
        if closes {
            place.close(1);
        }
        let Commons {
            gates,
            endings,
            deletions,
            ..
        } = &*self.commons;
        if !gates.are_used() && !endings.is_awaited() && !deletions.are_any() {
            return;
        }
        let run = self.cache.get(entity).map(|execution| &execution.run);
        let Some(start) = run.and_then(|run| run.start.as_ref()) else {
            return;
        };
        if closes {
            // One that was redriven before its end was committed has kept its place.
            if run.is_some_and(|run| run.end.is_some()) {
                let admitted = gates.leave(&start.state_machine_arn, entity);
                self.admitted.extend(admitted);
            }
            endings.tell(&start.execution_arn);
            deletions.tell_end(&start.state_machine_arn);
        } else {
            gates.note_running(&start.state_machine_arn, entity);
        }
    }

    /// An execution whose last commit was in doubt was read again: what counts it as open, and who
    /// waits for its end, learns how it stands.
    pub(super) fn make_sure(&mut self, entity: EntityId, run: Option<&Run>) {
        let Some((counted, place)) = self.unsure.remove(&entity) else {
            return;
        };
        let open = run.filter(|run| run.end.is_none());
        let is_open = u64::from(open.is_some());
        place.close(counted.saturating_sub(is_open));
        let Commons {
            gates,
            endings,
            deletions,
            ..
        } = &*self.commons;
        match run.and_then(|run| run.start.as_ref()) {
            None => self.admitted.extend(gates.forget(entity)),
            Some(start) if open.is_none() => {
                let admitted = gates.leave(&start.state_machine_arn, entity);
                self.admitted.extend(admitted);
                endings.tell(&start.execution_arn);
                deletions.tell_end(&start.state_machine_arn);
            }
            Some(_) => {}
        }
    }

    /// Remembers executions whose start, end or redrive may or may not be committed, in the order
    /// in which these were decided.
    fn doubt(&mut self, changed: &[Changed]) {
        for change in changed {
            let Some(place) = &change.place else {
                continue;
            };
            // One that ends was open before; one that is started or redriven was not.
            let before = || (u64::from(!change.opens), Arc::clone(place));
            let (counted, _) = self.unsure.entry(change.entity).or_insert_with(before);
            *counted += u64::from(change.opens);
        }
    }

    /// Serves a shard again that was in doubt, unless it was taken over since: by the epoch and the
    /// sequence that the store answered.
    pub fn resume(&mut self, shard: ShardId, (epoch, sequence): (Epoch, u64)) {
        if let Some(owned) = self.owned.get_mut(&shard) {
            let is_lost = owned.trouble == Some(Verdict::Lost) || epoch != owned.epoch;
            owned.trouble = is_lost.then_some(Verdict::Lost);
            owned.sequence = sequence;
        }
    }

    /// The shards in doubt.
    pub fn doubtful(&self) -> Vec<ShardId> {
        let doubtful = |owned: &Owned| matches!(owned.trouble, Some(Verdict::Doubtful(_)));
        let shards = self.owned.iter().filter(|(_, owned)| doubtful(owned));
        shards.map(|(shard, _)| *shard).collect()
    }

    /// Forgets what was decided under a tenure; the journals tell what of it was committed.
    fn fail(&mut self, tenure: Tenure, verdict: Verdict) {
        let shard = tenure.shard;
        let Some(owned) = self
            .owned
            .get_mut(&shard)
            .filter(|it| it.tenure == tenure.number)
        else {
            return;
        };
        owned.tenure += 1;
        owned.trouble = Some(verdict);
        owned.writes.clear();
        owned.shown = Shown::default();
        owned.unseen.clear();
        for entity in self.cache.of_shard(shard) {
            if let Some(execution) = self.cache.get(entity) {
                self.timers.change(entity, execution.timer, None);
            }
            self.cache.remove(entity);
            self.look_again(entity);
        }
        self.turns.forget(shard);
        self.names.retain(|_, entity| entity.shard() != shard);
        let open = &mut self.groups.open;
        for (entity, attempt, errand) in open
            .calls
            .extract_if(.., |(entity, ..)| entity.shard() == shard)
        {
            self.calls.end(entity, attempt, errand);
        }
        let is_of_shard = |changed: &mut Changed| changed.entity.shard() == shard;
        let changed: Vec<Changed> = open.changed.extract_if(.., is_of_shard).collect();
        self.doubt(&changed);
    }

    /// Has an execution folded again as soon as its shard is served: it may have a deadline, a turn
    /// or a call that nobody remembers. Its heartbeat clocks start anew, as after a restart: they
    /// may be those of an attempt that was never committed, whose number the next one gets.
    fn look_again(&mut self, entity: EntityId) {
        self.heartbeats.remove(&entity);
        self.timers.change(entity, None, Some(Timestamp(i64::MIN)));
    }

    /// A closed execution has nothing left to do.
    fn is_done_with(&self, entity: EntityId, group: u64) -> bool {
        let execution = self.cache.get(entity);
        execution.is_some_and(|execution| execution.is_closed() && execution.group == group)
    }
}
