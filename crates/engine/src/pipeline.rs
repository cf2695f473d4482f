//! The driver's order of work, without its threads, channels and sleep: a shard, what it is
//! brought, and the effects that wait for the open group. The driver's threads run it; a simulation
//! runs the same code on one thread.

use std::sync::Arc;
use std::time::Duration;

use asl::event::Text;
use asl::time::Timestamp;
use store::{Batch, Committed, EntityId, SHARDS, ShardId, Store};

use crate::bring::fetch;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::commons::Commons;
use crate::definitions::Programs;
use crate::deletions::Deletions;
use crate::failing::Failing;
use crate::lane::{Lane, Parked};
use crate::limits::{
    Config, DUE_BATCH, GROUP_BYTES_MAX, GROUP_COMMANDS_MAX, RETRY_MS, SLEEP_MS_MAX, WAKE_UPS_READ,
};
use crate::observe::{Observer, Observers};
use crate::request::{Error, ExecutionStatus, OpenError};
use crate::shard::{
    Action, Answer, Command, Decided, Deferred, Group, Heavy, Outcome, Prepared, Random, Shard,
    Tenure, Verdict,
};

/// What needs a command brings in one after the other: machine, name, run and program, with room
/// to spare. More would be a fault of the shard.
const NEEDS_MAX: usize = 8;

/// Of executions that count as open.
pub(crate) const OPEN: [u8; 2] = [
    ExecutionStatus::Running.code(),
    ExecutionStatus::Queued.code(),
];

/// Where the answer to a command goes.
pub trait Caller {
    /// Gives the answer; nothing happens if the caller has left.
    fn answer(self, answer: Answer);

    /// Whether the caller has left already, as far as can be told.
    fn has_left(&self) -> bool {
        false
    }
}

/// What is let out, or refused, once a group is committed.
pub struct Effect<C> {
    tenure: Option<Tenure>,
    answer: Answer,
    caller: Option<C>,
    actions: Vec<Action>,
}

/// A group, and what waits for it.
pub struct Work<C> {
    pub group: Group,
    pub effects: Vec<Effect<C>>,
}

/// A part of a group that is not durable, and why.
pub type Failure = (Tenure, Verdict);

/// A shard and the group it fills.
pub struct Pipeline<C> {
    shard: Shard,
    store: Arc<dyn Store>,
    programs: Arc<Programs>,
    clock: Arc<dyn Clock>,
    chance: Chance,
    lane: Lane<C>,
    is_committing: bool,
    /// Whether the group on its way has anything for the store to confirm.
    has_batches: bool,
    failing: Failing,
    /// Of the open group.
    effects: Vec<Effect<C>>,
    /// When the store is asked again about commits in doubt.
    doubt_until: Timestamp,
}

/// Takes all of a store's shards over for `count` threads, and reads what waits in them.
///
/// # Errors
/// What the store failed with.
pub fn open(
    config: &Config,
    count: u16,
    store: &dyn Store,
    programs: &Programs,
    observers: Vec<Arc<dyn Observer>>,
) -> Result<Vec<Shard>, OpenError> {
    let all: Vec<ShardId> = (0..SHARDS).map(ShardId).collect();
    let acquired = store.acquire(&all)?;
    let last = store.last_entity()?.map_or(0, EntityId::counter);
    let epoch = acquired.iter().map(|(epoch, _)| *epoch).max();
    let observers = Observers::new(observers, epoch.unwrap_or_default());
    let deleting = programs.machines_deleting()?.into_iter().map(Text::from);
    let commons = Commons::new(last + 1, Deletions::new(deleting), observers);
    count_open(store, &commons)?;
    let commons = Arc::new(commons);
    let owned: Vec<_> = all
        .into_iter()
        .zip(acquired)
        .map(|(shard, (epoch, sequence))| (shard, epoch, sequence))
        .collect();
    let of_thread = |thread: u16| {
        let owned = owned
            .iter()
            .copied()
            .filter(|(shard, ..)| shard.0 % count == thread);
        Shard::new(*config, owned, Arc::clone(&commons))
    };
    let mut shards: Vec<Shard> = (0..count).map(of_thread).collect();
    restore(store, |row| {
        let at = usize::from(row.entity.shard().0 % count);
        if let Some(shard) = shards.get_mut(at) {
            shard.restore(row);
        }
    })?;
    Ok(shards)
}

/// Counts the executions of a store that are open.
pub(crate) fn count_open(store: &dyn Store, commons: &Commons) -> Result<(), OpenError> {
    for machine in store.machines()? {
        let count = store.count_executions(Some(machine), &OPEN)?;
        let arn = store.machine_arn(machine)?;
        if count > 0 {
            commons.place(arn.as_deref().unwrap_or_default()).add(count);
        }
    }
    Ok(())
}

/// Reads all wake-up rows of a store, page by page.
pub(crate) fn restore(
    store: &dyn Store,
    mut take: impl FnMut(store::WakeUp),
) -> Result<(), OpenError> {
    let mut after = None;
    loop {
        let page = store.wake_ups(after, WAKE_UPS_READ)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.entity);
        page.into_iter().for_each(&mut take);
    }
}

impl<C: Caller> Pipeline<C> {
    /// A shard on this store.
    pub fn new(
        shard: Shard,
        store: Arc<dyn Store>,
        programs: Arc<Programs>,
        clock: Arc<dyn Clock>,
        chance: Chance,
    ) -> Pipeline<C> {
        Pipeline {
            shard,
            store,
            programs,
            clock,
            chance,
            lane: Lane::default(),
            is_committing: false,
            has_batches: false,
            failing: Failing::default(),
            effects: Vec::new(),
            doubt_until: Timestamp::default(),
        }
    }

    /// Handles the command of a caller, who gets the answer once the open group is committed.
    ///
    /// A task of an activity is not given to a worker that has left: whoever handed it the task
    /// puts it back.
    pub fn job(&mut self, command: &Command, caller: C) {
        if matches!(command, Command::PickUp { .. }) && caller.has_left() {
            return;
        }
        self.take(command, Some(caller));
    }

    /// Handles a command that nobody waits for.
    pub fn internal(&mut self, command: &Command) {
        self.take(command, None);
    }

    fn take(&mut self, command: &Command, caller: Option<C>) {
        let random = self.chance.draw();
        match self.carry_out(command, random) {
            Ok(outcome) => self.done(command, outcome, caller),
            Err(entity) => {
                let command = command.clone();
                let parked = Parked {
                    command,
                    caller,
                    random,
                };
                self.lane.park(entity, parked);
            }
        }
    }

    fn done(&mut self, command: &Command, outcome: Outcome, caller: Option<C>) {
        if caller.is_none()
            && let Answer::Internal(Err(error)) = &outcome.answer
        {
            self.complain(command, error);
        }
        self.keep(outcome, caller);
    }

    /// What nobody waits for must not be forgotten if the reason may pass.
    fn complain(&mut self, command: &Command, error: &Error) {
        let entity = command.internal_entity();
        let is_of_store = matches!(error, Error::Store(_) | Error::NotConfirmed(_));
        let may_pass = is_of_store || matches!(error, Error::Definition(error) if error.may_pass());
        if let Some(entity) = entity.filter(|_| may_pass) {
            self.shard
                .retry_due(entity, self.clock.now().plus_ms(RETRY_MS));
        }
        if !is_of_store {
            let entity = entity.map(|entity| entity.0);
            tracing::error!(%error, entity, "an execution is stuck");
            return;
        }
        if let Some(entity) = entity {
            self.failing.waits(entity);
        }
        self.store_fails(&error.to_string(), entity);
    }

    /// The store failed with this; for this entity, if it was not for all.
    fn store_fails(&mut self, cause: &str, entity: Option<EntityId>) {
        if let Some(waiting) = self.failing.fails(self.clock.now()) {
            tracing::error!(
                cause,
                entity = entity.map(|entity| entity.0),
                waiting,
                "the store fails; executions wait until it is well"
            );
        }
    }

    /// Handles a command, bringing in what it needs; gives its execution if that is on the slow
    /// lane.
    fn carry_out(&mut self, command: &Command, random: Random) -> Result<Outcome, EntityId> {
        self.with_needs(command, |pipeline| {
            let now = pipeline.clock.now();
            pipeline.shard.handle(command, now, random)
        })
        .unwrap_or_else(|error| Ok(Outcome::failed(command, error)))
    }

    /// Tries again with what is needed brought in each time.
    fn with_needs<T>(
        &mut self,
        command: &Command,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Deferred>,
    ) -> Result<Result<T, EntityId>, Error> {
        for _ in 0..NEEDS_MAX {
            let need = match attempt(self) {
                Ok(done) => return Ok(Ok(done)),
                Err(Deferred::Heavy(entity)) => return Ok(Err(entity)),
                Err(Deferred::Need(need)) => need,
            };
            // What was brought in for a command is not for the next: least of all a decision.
            let brought = fetch(&*self.store, &self.programs, &need)
                .inspect_err(|_| self.shard.give_up(&need))?;
            self.shard.bring(brought);
        }
        self.shard.clear_desk();
        tracing::error!(?command, "a command needs more than there is");
        Err(Error::NotConfirmed(None))
    }

    /// Takes a decision that is too heavy for this thread, if there is one and the lane has room.
    /// [`Heavy::decide`] makes it, anywhere; [`Pipeline::decided`] takes it back.
    pub fn take_heavy(&mut self) -> Option<Heavy> {
        while let Some((entity, command, random)) = self.lane.next() {
            let prepared = self.with_needs(&command, |pipeline| {
                let now = pipeline.clock.now();
                pipeline.shard.prepare(&command, entity, now, random)
            });
            let outcome = match prepared {
                Ok(Ok(Prepared::Heavy(heavy))) => {
                    self.lane.under_way += 1;
                    return Some(*heavy);
                }
                Ok(Ok(Prepared::Done(outcome))) => outcome,
                Ok(Err(_)) => Outcome::failed(&command, Error::NotConfirmed(None)),
                Err(error) => Outcome::failed(&command, error),
            };
            if let Some(Parked { caller, .. }) = self.lane.pop(entity) {
                self.done(&command, outcome, caller);
            }
            self.shard.leave_lane(entity);
            self.go_on_with(entity);
        }
        None
    }

    /// A heavy decision was made: it is recorded, and what waited for it is handled.
    pub fn decided(&mut self, decided: Decided) {
        let entity = decided.entity();
        self.lane.under_way = self.lane.under_way.saturating_sub(1);
        self.shard.bring_decided(decided);
        self.go_on_with(entity);
    }

    /// Handles what waits for an execution, until that is on the slow lane again.
    fn go_on_with(&mut self, entity: EntityId) {
        while let Some(parked) = self.lane.pop(entity) {
            match self.carry_out(&parked.command, parked.random) {
                Ok(outcome) => self.done(&parked.command, outcome, parked.caller),
                Err(_) => return self.lane.park_first(entity, parked),
            }
        }
    }

    fn keep(&mut self, outcome: Outcome, caller: Option<C>) {
        let Outcome {
            tenure,
            actions,
            answer,
        } = outcome;
        if caller.is_some() || !actions.is_empty() {
            self.effects.push(Effect {
                tenure,
                answer,
                caller,
                actions,
            });
        }
    }

    /// Handles deadlines, turns and owed calls: some of each, so that callers are not kept waiting.
    pub fn work_off(&mut self) {
        self.settle_doubts();
        let now = self.clock.now();
        for entity in self.shard.take_due(now, DUE_BATCH) {
            self.internal(&Command::Due(entity));
        }
        for _ in 0..DUE_BATCH {
            let Some(entity) = self.shard.take_owed() else {
                break;
            };
            self.internal(&Command::Owed(entity));
        }
        if !self.is_full()
            && let Some(entity) = self.shard.take_turn()
        {
            self.internal(&Command::Continue(entity));
        }
    }

    /// Asks the store about commits in doubt, now and then.
    fn settle_doubts(&mut self) {
        let doubtful = self.shard.doubtful();
        let now = self.clock.now();
        let next = now.plus_ms(RETRY_MS);
        // Beyond the next time there is nothing to wait for: the clock was set back.
        if doubtful.is_empty() || now < self.doubt_until && self.doubt_until <= next {
            return;
        }
        self.doubt_until = next;
        for shard in doubtful {
            match self.store.sequence(shard) {
                Ok(stored) => self.shard.resume(shard, stored),
                Err(error) => return self.store_fails(&error.to_string(), None),
            }
        }
    }

    /// Takes the open group out to be committed, if none is on its way. Its commit is to be
    /// reported to [`Pipeline::committed`].
    pub fn hand_over(&mut self) -> Option<Work<C>> {
        if self.is_committing || !self.has_open() {
            return None;
        }
        self.is_committing = true;
        self.has_batches = self.shard.has_writes();
        Some(Work {
            group: self.shard.take_group(),
            effects: std::mem::take(&mut self.effects),
        })
    }

    /// The group on its way is durable, but for these parts; what was decided on top of them since
    /// is refused.
    pub fn committed(&mut self, failed: &[Failure]) {
        self.is_committing = false;
        self.shard.group_done(failed);
        if failed.is_empty() {
            return self.store_confirms();
        }
        let doubt = failed.iter().find_map(|(_, verdict)| match verdict {
            Verdict::Doubtful(cause) => Some(cause.as_deref()),
            Verdict::Lost => None,
        });
        if let Some(cause) = doubt {
            self.store_fails(cause.unwrap_or("it does not say why"), None);
        }
        let is_void = |effect: &mut Effect<C>| effect.has_failed(failed);
        for effect in self.effects.extract_if(.., is_void) {
            effect.refuse(failed);
        }
    }

    /// A group is durable, all of it.
    fn store_confirms(&mut self) {
        if self.has_batches
            && self.shard.doubtful().is_empty()
            && let Some(waited) = self.failing.is_over()
        {
            tracing::warn!(waited, "the store is well again; executions go on");
        }
    }

    /// Takes the queued executions that were let in by what happened here. Each is to be told by
    /// [`Command::Admit`], on the thread of its shard.
    pub fn take_admitted(&mut self) -> Vec<EntityId> {
        self.shard.take_admitted()
    }

    /// What the shards of the engine share.
    pub fn commons(&self) -> &Arc<Commons> {
        self.shard.commons()
    }

    /// Whether a group is on its way.
    pub fn is_committing(&self) -> bool {
        self.is_committing
    }

    /// Whether the open group holds anything.
    pub fn has_open(&self) -> bool {
        !self.effects.is_empty() || self.shard.has_writes()
    }

    /// Whether the open group takes no more commands.
    pub fn is_full(&self) -> bool {
        self.effects.len() >= GROUP_COMMANDS_MAX || self.shard.open_bytes() >= GROUP_BYTES_MAX
    }

    /// Whether [`Pipeline::work_off`] has something to do at once.
    pub fn has_work(&self) -> bool {
        self.shard.has_work()
    }

    /// Until the next deadline by the wall clock, but no longer than until that clock may have been
    /// set.
    pub fn time_to_sleep(&self) -> Duration {
        let now = self.clock.now();
        let left = self.shard.next_due().map(|due| due.0.saturating_sub(now.0));
        let left = left.map_or(SLEEP_MS_MAX, |ms| u64::try_from(ms).unwrap_or_default());
        Duration::from_millis(left.min(SLEEP_MS_MAX))
    }
}

impl<C: Caller> Effect<C> {
    /// Lets the actions and the answer out, or refuses the caller if the commit it waited for
    /// failed.
    pub fn let_out(self, failed: &[Failure], act: impl FnMut(Action)) {
        if self.has_failed(failed) {
            return self.refuse(failed);
        }
        self.actions.into_iter().for_each(act);
        if let Some(caller) = self.caller {
            caller.answer(self.answer);
        }
    }

    fn has_failed(&self, failed: &[Failure]) -> bool {
        self.verdict(failed).is_some()
    }

    fn verdict<'f>(&self, failed: &'f [Failure]) -> Option<&'f Verdict> {
        let mut failed = failed.iter();
        let own = failed.find(|(tenure, _)| self.tenure == Some(*tenure));
        own.map(|(_, verdict)| verdict)
    }

    /// Answers a caller whose change was not confirmed, and lets nothing out.
    fn refuse(self, failed: &[Failure]) {
        let cause = match self.verdict(failed) {
            Some(Verdict::Doubtful(cause)) => cause.clone(),
            Some(Verdict::Lost) | None => None,
        };
        if let Some(caller) = self.caller {
            caller.answer(self.answer.failed(Error::NotConfirmed(cause)));
        }
    }
}

/// Commits a group, and says what of it is not durable now.
pub fn commit(store: &dyn Store, group: &Group) -> Vec<Failure> {
    if group.batches.is_empty() {
        return Vec::new();
    }
    let answers = store.commit(&group.batches);
    // Read before the store is asked for its sequence, which may settle the trouble.
    let trouble = match answers.contains(&Committed::Unknown) {
        true => store.trouble().map(Arc::from),
        false => None,
    };
    let mut failed = Vec::new();
    for (at, (batch, tenure)) in group.batches.iter().zip(&group.tenures).enumerate() {
        // A store that forgot a batch has not promised anything about it.
        let answer = answers.get(at).copied().unwrap_or(Committed::Unknown);
        if let Some(verdict) = verdict(store, answer, batch, trouble.as_ref()) {
            failed.push((*tenure, verdict));
        }
    }
    failed
}

/// Tells who watches what a group showed, but for the parts that are not durable. Of those nobody
/// knows for certain, so they are looked for in the store.
pub fn show(observers: &Observers, group: Group, failed: &[Failure]) {
    for (tenure, shown) in group.tenures.iter().zip(group.shown) {
        match failed.iter().any(|(failed, _)| failed == tenure) {
            true => shown.refuse(),
            false => observers.tell(&shown),
        }
    }
}

fn verdict(
    store: &dyn Store,
    answer: Committed,
    batch: &Batch,
    trouble: Option<&Arc<str>>,
) -> Option<Verdict> {
    match answer {
        Committed::Ok => None,
        Committed::Fenced => {
            tracing::error!(shard = batch.shard.0, "another process took a shard over");
            Some(Verdict::Lost)
        }
        Committed::Unknown => {
            tracing::debug!(shard = batch.shard.0, ?trouble, "a commit is in doubt");
            match store.sequence(batch.shard) {
                // Whether it was applied before the shard was taken over, nobody can tell.
                Ok((epoch, _)) if epoch != batch.epoch => Some(Verdict::Lost),
                Ok((_, sequence)) if sequence >= batch.sequence => None,
                Ok(_) | Err(_) => Some(Verdict::Doubtful(trouble.cloned())),
            }
        }
    }
}

#[cfg(test)]
mod tests;
