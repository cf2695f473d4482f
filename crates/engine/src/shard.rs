//! The synchronous core: takes commands one by one and says what is to be written and done.
//!
//! A `Shard` serves the entities of the store's shards it owns. It does no I/O, reads no clock and
//! draws no chance: time and randomness are arguments, and what a command names but memory does not
//! hold is asked for ([`Need`]) and brought in ([`Shard::bring`]). So the same code runs under the
//! driver's threads and, without threads, under a simulation:
//!
//! 1. [`Shard::handle`] a command; while it answers with a [`Need`], [`fetch`](crate::bring::fetch)
//!    it, bring it in and handle the command again. A command that is too heavy goes to the slow
//!    lane ([`Deferred::Heavy`]).
//! 2. Keep the [`Outcome`]s of some commands, then [`Shard::take_group`] and commit its batches.
//! 3. Let the outcomes of shards whose batch was answered `Ok` out, and report the group with
//!    [`Shard::group_done`]. A shard whose batch was not applied forgets what it had decided, and
//!    serves again after [`Shard::resume`].
//! 4. Handle what [`Shard::take_due`], [`Shard::take_turn`] and [`Shard::take_owed`] name.

mod activity;
mod admission;
mod cache;
mod calls;
mod command;
mod errands;
mod execution;
mod express;
mod group;
mod redrive;
mod slow;
mod start;
mod timers;
mod token;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asl::decide::{Allowance, Moment, Refusal};
use asl::event::Text;
use asl::program::Program;
use asl::time::Timestamp;
use store::{EntityId, Epoch, MachineNumber, ShardId};

use crate::arn;
use crate::bring::{Brought, Need};
use crate::commons::Commons;
use crate::limits::{Config, MACHINES_MAX, PROGRAMS_MAX};
use crate::name;
use crate::open::Place;
use crate::record::Compressor;
use crate::request::Error;

pub use calls::Errand;
pub use command::{Action, Answer, Command, Outcome, TokenInput};
pub use group::{Group, Shown, Tenure, Verdict};
pub use slow::{Decided, Heavy, Prepared};

use cache::Cache;
use calls::Calls;
use execution::Heartbeats;
use group::{Groups, Owned};
use slow::Lane;
use timers::Timers;
use turns::Turns;

/// 256 uniform bits for one command, of which a start takes a key of task tokens.
pub type Random = [u64; 4];

/// The synchronous core of one thread.
pub struct Shard {
    config: Config,
    owned: BTreeMap<ShardId, Owned>,
    /// Common to all threads.
    commons: Arc<Commons>,
    cache: Cache,
    /// State machines met last.
    machines: BTreeMap<Text, Machine>,
    /// Programs of executions in memory and of those started last.
    programs: BTreeMap<u64, Arc<Program>>,
    /// What was brought in for the command in hand.
    desk: Desk,
    /// Names given by callers whose executions are not committed yet: the store does not find them.
    names: BTreeMap<(MachineNumber, Text), EntityId>,
    timers: Timers,
    /// The clocks of attempts that must send heartbeats. Kept when their executions are not.
    heartbeats: BTreeMap<EntityId, Heartbeats>,
    turns: Turns,
    /// Executions on the slow lane. Their inputs wait.
    slow: BTreeSet<EntityId>,
    calls: Calls,
    groups: Groups,
    /// Executions whose start, end or redrive may or may not be committed, until they are read
    /// again: how often each is counted as open.
    unsure: BTreeMap<EntityId, (u64, Arc<Place>)>,
    /// Let in by the gate of their machine, and not told yet.
    admitted: Vec<EntityId>,
    compressor: Compressor,
}

/// What a start asks of its state machine.
#[derive(Clone)]
struct Machine {
    number: MachineNumber,
    place: Arc<Place>,
}

/// What memory does not keep beyond a command.
#[derive(Default)]
struct Desk {
    /// The execution's ARN, and its entity in the store.
    found: Option<(Text, Option<EntityId>)>,
    absent: Option<EntityId>,
    /// The machine whose gate was set up, unless it has no limit.
    gate: Option<Text>,
    /// Activities, and whether they exist.
    activities: Vec<(Text, bool)>,
    /// Deletions of activities before these were looked at.
    deletions: u64,
    lane: Lane,
}

/// Why a command is not carried out yet. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// Something has to be brought in first; then the command is to be handled again.
    Need(Need),
    /// The execution is on the slow lane, since this command or one before it. The commands for it
    /// that come meanwhile are to be kept in their order; the first of them is to be
    /// [prepared](Shard::prepare).
    Heavy(EntityId),
}

/// Why a command is not carried out, or not yet.
enum Halt {
    Deferred(Deferred),
    Fail(Error),
}

impl From<Deferred> for Halt {
    fn from(deferred: Deferred) -> Halt {
        Halt::Deferred(deferred)
    }
}

impl From<Need> for Halt {
    fn from(need: Need) -> Halt {
        Halt::Deferred(Deferred::Need(need))
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Fail(error)
    }
}

impl Shard {
    /// A core that owns these shards under their epochs, with the sequences of their last commits.
    pub fn new(
        config: Config,
        owned: impl IntoIterator<Item = (ShardId, Epoch, u64)>,
        commons: Arc<Commons>,
    ) -> Shard {
        let owned = owned.into_iter();
        Shard {
            config,
            owned: owned
                .map(|(shard, epoch, sequence)| (shard, Owned::new(epoch, sequence)))
                .collect(),
            commons,
            cache: Cache::default(),
            machines: BTreeMap::new(),
            programs: BTreeMap::new(),
            desk: Desk::default(),
            names: BTreeMap::new(),
            timers: Timers::default(),
            heartbeats: BTreeMap::new(),
            turns: Turns::default(),
            slow: BTreeSet::new(),
            calls: Calls::new(&config),
            groups: Groups::default(),
            unsure: BTreeMap::new(),
            admitted: Vec::new(),
            compressor: Compressor::default(),
        }
    }

    /// Takes over a wake-up row that was committed by an earlier owner.
    pub fn restore(&mut self, row: store::WakeUp) {
        if let Some(due_ms) = row.due_ms {
            self.timers
                .change(row.entity, None, Some(Timestamp(due_ms)));
        }
        if row.owes_calls {
            self.calls.restore(row.entity);
        }
    }

    /// Carries a command out, or says what it waits for; then nothing has changed.
    ///
    /// # Errors
    /// What has to happen first.
    pub fn handle(
        &mut self,
        command: &Command,
        now: Timestamp,
        random: Random,
    ) -> Result<Outcome, Deferred> {
        let moment = moment(now, random);
        let result = match command {
            Command::Start(request) => self.start(request, now, random),
            Command::StartExpress(request) => self.start_express(request, now, random),
            Command::ExpressEnded(ended) => self.express_ended(ended, now),
            Command::Stop {
                execution_arn,
                failure,
            } => self.stop(execution_arn, failure, moment),
            Command::Redrive {
                execution_arn,
                client_token,
            } => self.redrive(execution_arn, client_token.as_ref(), moment),
            Command::Token { token, input } => self.token(token, input, moment),
            Command::PickUp {
                entity,
                attempt,
                worker_name,
            } => self.pick_up(*entity, *attempt, worker_name.as_ref(), moment),
            Command::Outcome {
                entity,
                attempt,
                answered,
            } => self.outcome(*entity, *attempt, answered, moment),
            Command::Cancelled { entity, attempt } => self.cancelled(*entity, *attempt, moment),
            Command::Admit(entity) => self.admit(*entity, moment),
            Command::Due(entity) => self.due(*entity, moment),
            Command::Continue(entity) => self.go_on(*entity, moment),
            Command::Owed(entity) => self.owed(*entity),
            Command::Confirm(shard) => self.confirm(*shard),
        };
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(Halt::Deferred(deferred)) => {
                if let Deferred::Heavy(_) = deferred
                    && !matches!(self.desk.lane, Lane::Prepare(_))
                {
                    self.clear_desk();
                }
                return Err(deferred);
            }
            Err(Halt::Fail(error)) => Outcome::failed(command, error),
        };
        self.clear_desk();
        Ok(outcome)
    }

    /// A command is done with, put aside, or given up: what was brought in for it goes.
    pub(crate) fn clear_desk(&mut self) {
        self.desk = Desk::default();
        self.cache
            .shrink(self.config.cache_bytes_max, self.groups.committed());
    }

    /// What a command needed cannot be brought in: the command is given up.
    pub(crate) fn give_up(&mut self, need: &Need) {
        if let Need::Gate(machine_arn) = need {
            self.commons.gates.give_up(machine_arn);
        }
        self.clear_desk();
    }

    /// Brings in what a command needed.
    pub fn bring(&mut self, brought: Brought) {
        match brought {
            Brought::Machine(arn, number) => {
                bound(&mut self.machines, MACHINES_MAX);
                let place = self.commons.place(&arn);
                self.machines.insert(arn, Machine { number, place });
            }
            Brought::Execution(arn, entity) => self.desk.found = Some((arn, entity)),
            Brought::Program(number, program) => {
                bound(&mut self.programs, PROGRAMS_MAX);
                self.programs.insert(number, program);
            }
            Brought::Run(entity, None) => {
                self.make_sure(entity, None);
                self.desk.absent = Some(entity);
            }
            Brought::Run(entity, Some(found)) => {
                let (loaded, program) = *found;
                self.make_sure(entity, Some(&loaded.run));
                self.load(entity, loaded, program);
            }
            Brought::Gate(machine_arn, standing) => {
                if let Some(admitted) = self.commons.gates.fill(&machine_arn, standing) {
                    self.admitted.extend(admitted);
                    self.desk.gate = Some(machine_arn);
                }
            }
            Brought::Activities(found) => {
                for (arn, _) in found.iter().filter(|(_, exists)| *exists) {
                    self.commons.know(arn, self.desk.deletions);
                }
                self.desk.activities = found;
            }
        }
    }

    /// The entity of an execution's ARN; `None` if there is none.
    fn find(&self, execution_arn: &Text) -> Result<Option<EntityId>, Halt> {
        let Some(execution) = arn::read_execution(execution_arn) else {
            return Ok(None);
        };
        if let Some(entity) = name::entity(execution.name) {
            let run = self.cache.get(entity).map(|execution| &execution.run);
            let start = run.and_then(|run| run.start.as_ref());
            if start.is_some_and(|start| start.execution_arn == *execution_arn) {
                return Ok(Some(entity));
            }
        }
        match &self.desk.found {
            Some((arn, entity)) if arn == execution_arn => Ok(*entity),
            _ => {
                let machine = self.machines.get(execution.machine_arn.as_str());
                let number = machine.map(|machine| machine.number);
                Err(Need::Execution(execution_arn.clone(), number).into())
            }
        }
    }

    /// Makes sure that an entity is in memory; false if there is none of this number.
    fn is_loaded(&mut self, entity: EntityId) -> Result<bool, Halt> {
        self.serving(entity.shard())?;
        if self.slow.contains(&entity) {
            return Err(Deferred::Heavy(entity).into());
        }
        if self.cache.touch(entity) {
            return Ok(true);
        }
        if self.desk.absent == Some(entity) {
            Ok(false)
        } else {
            Err(Need::Run(entity).into())
        }
    }

    /// Refuses what belongs to a shard that another process owns, or whose last commit is in doubt.
    fn serving(&mut self, shard: ShardId) -> Result<&mut Owned, Error> {
        let owned = self.owned.get_mut(&shard).ok_or(Error::NotOwned(shard.0))?;
        owned.check(shard)?;
        Ok(owned)
    }

    /// What the shards of the engine share.
    pub fn commons(&self) -> &Arc<Commons> {
        &self.commons
    }

    /// Takes entities whose deadlines have come, at most so many. [`Command::Due`] handles each.
    pub fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<EntityId> {
        self.timers.take_due(now, max)
    }

    /// Has an entity looked at later whose [`Command::Due`] failed for a reason that may pass.
    pub fn retry_due(&mut self, entity: EntityId, at: Timestamp) {
        self.timers.change(entity, None, Some(at));
    }

    /// When the next deadline comes.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Takes the run whose turn it is to go on after it yielded. [`Command::Continue`] handles it.
    pub fn take_turn(&mut self) -> Option<EntityId> {
        self.turns.pop()
    }

    /// Takes an execution whose errands wait for room, if there is room, or that has not been asked
    /// since a restart what it owes. [`Command::Owed`] handles it.
    pub fn take_owed(&mut self) -> Option<EntityId> {
        self.calls.take_postponed()
    }

    /// Takes the queued executions that were let in by the gates of their machines, of whichever
    /// shard. [`Command::Admit`] handles each.
    pub fn take_admitted(&mut self) -> Vec<EntityId> {
        std::mem::take(&mut self.admitted)
    }

    /// Whether somebody waits for a turn or has room for what is owed.
    pub fn has_work(&self) -> bool {
        !self.turns.is_empty() || self.calls.has_work()
    }

    /// Figures for metrics and tests.
    pub fn figures(&self) -> Figures {
        Figures {
            loaded: self.cache.len(),
            loaded_bytes: self.cache.bytes(),
            timers: self.timers.len(),
            calls: self.calls.under_way(),
            calls_postponed: self.calls.postponed(),
            slow: self.slow.len(),
        }
    }
}

/// What a shard holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Executions in memory.
    pub loaded: usize,
    pub loaded_bytes: usize,
    /// Deadlines waited for.
    pub timers: usize,
    /// Task calls, watches and cancels under way.
    pub calls: usize,
    /// Executions whose errands wait for room.
    pub calls_postponed: usize,
    /// Executions on the slow lane.
    pub slow: usize,
}

/// The shard of an execution: that of the entity in its name, or else by the name's hash.
pub fn route(execution_arn: &str) -> ShardId {
    let execution = arn::read_execution(execution_arn);
    match execution.and_then(|execution| name::entity(execution.name)) {
        Some(entity) => entity.shard(),
        None => {
            // FNV-1a, then mixed: part of the store's format, as names are looked for by it.
            let hash = execution_arn
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
            EntityId(name::mix(hash)).shard()
        }
    }
}

/// What a decision that a shard makes itself is given. All chance it needs is drawn from one seed.
fn moment(now: Timestamp, random: Random) -> Moment {
    Moment {
        now,
        random: random[0],
        allowance: Allowance::Inline,
    }
}

/// Makes room for one more in what is only a cache.
fn bound<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, len_max: usize) {
    while map.len() >= len_max {
        map.pop_first();
    }
}

/// An input that came too late or twice, which is no error.
pub(crate) fn is_stale(refusal: Refusal) -> bool {
    match refusal {
        Refusal::NotRunning
        | Refusal::NotAwaited
        | Refusal::NotDue
        | Refusal::NotYielded
        | Refusal::NotQueued => true,
        Refusal::AlreadyStarted
        | Refusal::NotRedrivable(_)
        | Refusal::AlreadyRedriven { .. }
        | Refusal::TooHeavy
        | Refusal::ForeignProgram => false,
    }
}

#[cfg(test)]
mod tests;
