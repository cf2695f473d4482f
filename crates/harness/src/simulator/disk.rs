//! The store: in memory, with faults.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use asl::program::Program;
use engine::{DefinitionError, Definitions};
use parking_lot::Mutex;
use store::{
    Batch, Committed, Document, EntityId, Epoch, Error, ExecutionFilter, ExecutionRow, Expected,
    Expired, Fault, Integrity, Kind, MachineNumber, Memory, Record, Result, SHARDS, ShardId, Store,
    Unseen, WakeUp,
};

use super::deletions::begun;
use super::machines::{LIMITED, MACHINES};
use crate::dice::Dice;

/// How many commits a disk that lies is behind.
const BEHIND: usize = 4;

/// What happens to the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    Fault(Fault),
    /// The connection is lost before anything is written, and another owner takes all shards over
    /// and commits something before the first one asks.
    Stolen,
}

pub(super) struct Disk {
    memory: Memory,
    /// The concurrency limit that one of the machines has, as the engine is told.
    limit: Option<u32>,
    faults: Mutex<Faults>,
}

struct Faults {
    dice: Dice,
    /// One read in so many fails; none for 0.
    reads_per_failure: u64,
    mishap: Option<Mishap>,
    /// What a disk that lies still has after a crash: its state some commits ago.
    behind: Option<VecDeque<Memory>>,
}

impl Disk {
    pub(super) fn new(dice: Dice, is_lying: bool, limit: Option<u32>) -> Disk {
        Disk::over(Memory::new(), dice, is_lying, limit)
    }

    fn over(memory: Memory, dice: Dice, is_lying: bool, limit: Option<u32>) -> Disk {
        Disk {
            memory,
            limit,
            faults: Mutex::new(Faults {
                dice,
                reads_per_failure: 0,
                mishap: None,
                behind: is_lying.then(VecDeque::new),
            }),
        }
    }

    /// The disk as it is found after the power failed.
    pub(super) fn crash(&self) -> Disk {
        let mut faults = self.faults.lock();
        let dice = faults.dice.fork();
        match &mut faults.behind {
            Some(behind) => {
                let memory = behind.pop_front().unwrap_or_else(|| self.memory.crash());
                Disk::over(memory, dice, true, self.limit)
            }
            None => Disk::over(self.memory.crash(), dice, false, self.limit),
        }
    }

    /// What is committed, read without faults.
    pub(super) fn committed(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn fail_reads(&self, reads_per_failure: u64) {
        self.faults.lock().reads_per_failure = reads_per_failure;
    }

    /// What is to happen to the next commit.
    pub(super) fn plan(&self, mishap: Option<Mishap>) {
        self.faults.lock().mishap = mishap;
    }

    fn read(&self) -> Result<()> {
        let mut faults = self.faults.lock();
        let reads_per_failure = faults.reads_per_failure;
        if !faults.dice.one_in(reads_per_failure) {
            return Ok(());
        }
        Err(Error::Io {
            path: PathBuf::from("simulated"),
            cause: "a planned fault".to_owned(),
        })
    }

    /// Another owner appears and writes to every shard.
    fn steal(&self) {
        let shards: Vec<ShardId> = (0..SHARDS).map(ShardId).collect();
        let acquired = self.memory.acquire(&shards).unwrap();
        let batch = |(shard, (epoch, sequence)): (ShardId, (Epoch, u64))| Batch {
            shard,
            epoch,
            sequence: sequence + 1,
            writes: Vec::new(),
        };
        let batches: Vec<Batch> = shards.into_iter().zip(acquired).map(batch).collect();
        // The trouble is that of the first owner's connection, not of this one's.
        self.memory.sequence(ShardId(0)).unwrap();
        let answers = self.memory.commit(&batches);
        assert!(answers.iter().all(|answer| *answer == Committed::Ok));
    }
}

impl Store for Disk {
    fn acquire(&self, shards: &[ShardId]) -> Result<Vec<(Epoch, u64)>> {
        self.memory.acquire(shards)
    }

    fn sequence(&self, shard: ShardId) -> Result<(Epoch, u64)> {
        self.read()?;
        self.memory.sequence(shard)
    }

    fn commit(&self, batches: &[Batch]) -> Vec<Committed> {
        let mishap = {
            let mut faults = self.faults.lock();
            if let Some(behind) = &mut faults.behind {
                behind.push_back(self.memory.crash());
                if behind.len() > BEHIND {
                    behind.pop_front();
                }
            }
            faults.mishap.take()
        };
        match mishap {
            Some(Mishap::Fault(fault)) => self.memory.plan([fault]),
            Some(Mishap::Stolen) => {
                self.memory.plan([Fault::UnknownNotApplied]);
                let answers = self.memory.commit(batches);
                self.steal();
                return answers;
            }
            None => {}
        }
        self.memory.commit(batches)
    }

    fn trouble(&self) -> Option<String> {
        self.memory.trouble()
    }

    fn journal(&self, entity: EntityId, from: u32, bytes_max: usize) -> Result<Vec<Record>> {
        self.read()?;
        self.memory.journal(entity, from, bytes_max)
    }

    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>> {
        self.read()?;
        self.memory.execution(entity)
    }

    fn find_execution(&self, machine: MachineNumber, name: &str) -> Result<Option<EntityId>> {
        self.read()?;
        self.memory.find_execution(machine, name)
    }

    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>> {
        self.memory.list_executions(filter, before, limit)
    }

    fn count_executions(&self, machine: Option<MachineNumber>, statuses: &[u8]) -> Result<u64> {
        self.read()?;
        self.memory.count_executions(machine, statuses)
    }

    fn machines(&self) -> Result<Vec<MachineNumber>> {
        self.read()?;
        self.memory.machines()
    }

    fn wake_ups(&self, after: Option<EntityId>, limit: usize) -> Result<Vec<WakeUp>> {
        self.read()?;
        // Pages of three rows, so that there is more than one.
        self.memory.wake_ups(after, limit.min(3))
    }

    fn unseen(&self, after: Option<u64>, limit: usize) -> Result<Vec<Unseen>> {
        self.read()?;
        self.memory.unseen(after, limit)
    }

    fn seen(&self, tickets: &[RangeInclusive<u64>]) -> Result<()> {
        self.read()?;
        self.memory.seen(tickets)
    }

    fn last_entity(&self) -> Result<Option<EntityId>> {
        self.memory.last_entity()
    }

    fn machine_number(&self, arn: &str) -> Result<MachineNumber> {
        self.read()?;
        self.memory.machine_number(arn)
    }

    fn known_machine(&self, arn: &str) -> Result<Option<MachineNumber>> {
        self.read()?;
        self.memory.known_machine(arn)
    }

    fn machine_arn(&self, machine: MachineNumber) -> Result<Option<String>> {
        self.memory.machine_arn(machine)
    }

    fn document(&self, kind: Kind, key: &str) -> Result<Option<Document>> {
        self.memory.document(kind, key)
    }

    fn put_document(&self, kind: Kind, key: &str, body: &[u8], expected: Expected) -> Result<u64> {
        self.memory.put_document(kind, key, body, expected)
    }

    fn delete_document(&self, kind: Kind, key: &str, expected: Expected) -> Result<bool> {
        self.memory.delete_document(kind, key, expected)
    }

    fn list_documents(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>> {
        self.memory.list_documents(kind, prefix, after, limit)
    }

    fn add_definition(&self, body: &[u8]) -> Result<u64> {
        self.memory.add_definition(body)
    }

    fn definition(&self, number: u64) -> Result<Option<Vec<u8>>> {
        self.memory.definition(number)
    }

    fn expire(&self, ended_before_ms: i64, rows_max: usize) -> Result<Expired> {
        self.memory.expire(ended_before_ms, rows_max)
    }

    fn expire_definitions(&self, in_use: &[u64]) -> Result<u64> {
        self.memory.expire_definitions(in_use)
    }

    fn check(&self) -> Result<Integrity> {
        self.memory.check()
    }
}

/// Programs, which cannot be read while the disk cannot.
pub(super) struct Source(pub(super) Arc<Disk>);

impl Definitions for Source {
    fn program(&self, definition: u64) -> std::result::Result<Arc<Program>, DefinitionError> {
        let unreadable = |error: Error| DefinitionError::Unreadable(definition, error.to_string());
        self.0.read().map_err(unreadable)?;
        let machine = MACHINES.iter().find(|it| it.number == definition);
        let machine = machine.ok_or(DefinitionError::Missing(definition))?;
        Ok(Arc::clone(&machine.program))
    }

    fn machines_deleting(&self) -> std::result::Result<Vec<String>, DefinitionError> {
        let unreadable = |error: Error| DefinitionError::NoDeletions(error.to_string());
        self.0.read().map_err(unreadable)?;
        Ok(begun(self.0.committed()))
    }

    fn concurrency_max(
        &self,
        machine_arn: &str,
    ) -> std::result::Result<Option<u32>, DefinitionError> {
        let unreadable =
            |error: Error| DefinitionError::NoLimit(machine_arn.to_owned(), error.to_string());
        self.0.read().map_err(unreadable)?;
        let is_limited = machine_arn.ends_with(LIMITED);
        Ok(self.0.limit.filter(|_| is_limited))
    }
}
