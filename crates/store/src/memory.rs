//! A store in memory, for tests and simulations: deterministic, with faults on order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Bound, RangeInclusive};
use std::path::PathBuf;

use parking_lot::Mutex;

use crate::months::Months;
use crate::{
    Batch, Committed, Document, EntityId, Epoch, Error, ExecutionFilter, ExecutionRow, Expected,
    Expired, Integrity, Kind, MachineNumber, Record, Result, SHARDS, ShardId, Store, Unseen,
    WakeUp, Write,
};

/// What shall happen to one call of [`Store::commit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing out of the ordinary.
    None,
    /// Every batch is fenced, as though another node had taken the shards over.
    Fenced,
    /// The batches are applied, and the answer is `Unknown`.
    UnknownApplied,
    /// The batches aren't applied, and the answer is `Unknown`.
    UnknownNotApplied,
}

/// A [`Store`] in memory.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    plan: VecDeque<Fault>,
    trouble: Option<String>,
    /// Changes of documents that still succeed; `None`: all.
    document_changes_left: Option<usize>,
}

impl Faults {
    fn check_document_change(&mut self) -> Result<()> {
        match &mut self.document_changes_left {
            Some(0) => Err(Error::Full {
                path: PathBuf::new(),
                cause: "a planned fault".to_owned(),
            }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct State {
    shards: BTreeMap<ShardId, (Epoch, u64)>,
    executions: BTreeMap<EntityId, ExecutionRow>,
    names: BTreeMap<(MachineNumber, String), BTreeSet<EntityId>>,
    of_machine: BTreeSet<(MachineNumber, EntityId)>,
    journal: BTreeMap<(EntityId, u32), Vec<u8>>,
    /// Entities that aren't executions: their journals never expire.
    lasting: BTreeSet<EntityId>,
    months: Months,
    last_entity: Option<EntityId>,
    wake_ups: BTreeMap<EntityId, WakeUp>,
    unseen: BTreeMap<u64, Unseen>,
    machines: Vec<String>,
    documents: BTreeMap<(Kind, String), Document>,
    revision: u64,
    definitions: BTreeMap<u64, Vec<u8>>,
    last_definition: u64,
}

impl Memory {
    /// An empty store without faults.
    #[must_use]
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Orders faults: each of the next calls of `commit` takes one, in this order, after those
    /// ordered before.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().plan.extend(faults);
    }

    /// Orders that changes of documents fail, without happening, after the next `count`.
    pub fn fail_documents_after(&self, count: usize) {
        self.faults.lock().document_changes_left = Some(count);
    }

    /// The store as it is found after a crash at this moment: what was committed, no more and no
    /// less, without planned faults. What is still done to `self` doesn't reach it.
    #[must_use]
    pub fn crash(&self) -> Memory {
        Memory {
            state: Mutex::new(self.state.lock().clone()),
            faults: Mutex::default(),
        }
    }
}

impl State {
    fn shard(&self, shard: ShardId) -> (Epoch, u64) {
        self.shards.get(&shard).copied().unwrap_or_default()
    }

    /// Which batches the fence lets through: `Ok` or `Fenced` for each. `Err` when a batch that
    /// passes appends a record that exists.
    fn fence(&self, batches: &[Batch]) -> std::result::Result<Vec<Committed>, String> {
        let mut sequences = BTreeMap::new();
        let mut appended = BTreeSet::new();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let (epoch, stored) = self.shard(batch.shard);
            let sequence = sequences.entry(batch.shard).or_insert(stored);
            if batch.epoch != epoch || batch.sequence != *sequence + 1 {
                answers.push(Committed::Fenced);
                continue;
            }
            *sequence += 1;
            for write in &batch.writes {
                let Write::Append { entity, number, .. } = write else {
                    continue;
                };
                let key = (*entity, *number);
                if self.journal.contains_key(&key) || !appended.insert(key) {
                    let entity = entity.0;
                    return Err(format!(
                        "record `{number}` of entity `{entity}` exists already"
                    ));
                }
            }
            answers.push(Committed::Ok);
        }
        Ok(answers)
    }

    fn apply(&mut self, batch: &Batch) {
        self.shards
            .insert(batch.shard, (batch.epoch, batch.sequence));
        // Months first: they say where records belong.
        let mut opened = BTreeSet::new();
        for write in &batch.writes {
            if let Write::OpenExecution(row) = write {
                self.months
                    .begin(row.entity, row.started_ms, self.last_entity);
                self.last_entity = self.last_entity.max(Some(row.entity));
                opened.insert(row.entity);
            }
        }
        for write in &batch.writes {
            match write {
                Write::Append {
                    entity,
                    number,
                    record,
                } => {
                    if *number == 0 && !opened.contains(entity) {
                        self.lasting.insert(*entity);
                    }
                    self.last_entity = self.last_entity.max(Some(*entity));
                    self.journal.insert((*entity, *number), record.clone());
                }
                Write::OpenExecution(row) => self.open(row),
                Write::UpdateExecution {
                    entity,
                    status,
                    stopped_ms,
                    redrive,
                } => {
                    if let Some(row) = self.executions.get_mut(entity) {
                        row.status = *status;
                        row.stopped_ms = *stopped_ms;
                        if let Some((count, redriven_ms)) = *redrive {
                            row.redrive_count = count;
                            row.redriven_ms = Some(redriven_ms);
                        }
                    }
                }
                Write::WakeUp {
                    entity,
                    due_ms: None,
                    owes_calls: false,
                } => {
                    self.wake_ups.remove(entity);
                }
                Write::WakeUp {
                    entity,
                    due_ms,
                    owes_calls,
                } => {
                    let (entity, due_ms, owes_calls) = (*entity, *due_ms, *owes_calls);
                    self.wake_ups.insert(
                        entity,
                        WakeUp {
                            entity,
                            due_ms,
                            owes_calls,
                        },
                    );
                }
                Write::Unseen(unseen) => {
                    self.unseen.insert(unseen.ticket, unseen.clone());
                }
            }
        }
    }

    fn open(&mut self, row: &ExecutionRow) {
        self.months
            .begin(row.entity, row.started_ms, self.last_entity);
        self.last_entity = self.last_entity.max(Some(row.entity));
        if !row.name_is_generated {
            let names = self
                .names
                .entry((row.machine, row.name.clone()))
                .or_default();
            names.insert(row.entity);
        }
        self.of_machine.insert((row.machine, row.entity));
        self.executions.insert(row.entity, row.clone());
    }

    fn delete_execution(&mut self, entity: EntityId) {
        let Some(row) = self.executions.remove(&entity) else {
            return;
        };
        self.of_machine.remove(&(row.machine, entity));
        let key = (row.machine, row.name);
        if let Some(entities) = self.names.get_mut(&key) {
            entities.remove(&entity);
            if entities.is_empty() {
                self.names.remove(&key);
            }
        }
    }

    fn expire(&mut self, ended_before_ms: i64, rows_max: usize) -> Expired {
        let mut expired = Expired::default();
        let closed: Vec<_> = self.months.closed().collect();
        for (month, first, next) in closed {
            let rows = self.executions.range(first..next);
            let ended = |row: &ExecutionRow| row.stopped_ms.is_some_and(|at| at < ended_before_ms);
            if !rows.clone().all(|(_, row)| ended(row)) {
                continue;
            }
            let left = rows_max.saturating_sub(usize::try_from(expired.executions).unwrap_or(0));
            let entities: Vec<EntityId> = rows.map(|(entity, _)| *entity).take(left).collect();
            for entity in entities {
                self.delete_execution(entity);
                expired.executions += 1;
            }
            if self.executions.range(first..next).next().is_some() {
                expired.more = true;
                break;
            }
            let lasting = &self.lasting;
            self.journal.retain(|(entity, _), _| {
                *entity < first || *entity >= next || lasting.contains(entity)
            });
            self.months.remove(month);
            expired.months += 1;
        }
        expired
    }
}

impl ExecutionFilter {
    /// Whether it lets a row of its machine through.
    fn shows(&self, row: &ExecutionRow) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&row.status))
            && (self.version.is_none() || self.version == row.version)
            && (self.alias.is_none() || self.alias == row.alias)
    }
}

fn path() -> PathBuf {
    PathBuf::from("memory")
}

/// `Err(Conflict)` unless `expected` holds of what was `found`.
pub(crate) fn require(key: &str, found: Option<u64>, expected: Expected) -> Result<()> {
    let holds = match expected {
        Expected::Absent => found.is_none(),
        Expected::Revision(revision) => found == Some(revision),
        Expected::Any => true,
    };
    if holds {
        Ok(())
    } else {
        Err(Error::Conflict {
            key: key.to_owned(),
            found,
        })
    }
}

impl Store for Memory {
    fn acquire(&self, shards: &[ShardId]) -> Result<Vec<(Epoch, u64)>> {
        let mut state = self.state.lock();
        let mut owned = Vec::with_capacity(shards.len());
        for shard in shards {
            if shard.0 >= SHARDS {
                return Err(no_shard(*shard));
            }
            let (epoch, sequence) = state.shard(*shard);
            let epoch = Epoch(epoch.0 + 1);
            state.shards.insert(*shard, (epoch, sequence));
            owned.push((epoch, sequence));
        }
        Ok(owned)
    }

    fn sequence(&self, shard: ShardId) -> Result<(Epoch, u64)> {
        if shard.0 >= SHARDS {
            return Err(no_shard(shard));
        }
        self.faults.lock().trouble = None;
        Ok(self.state.lock().shard(shard))
    }

    fn commit(&self, batches: &[Batch]) -> Vec<Committed> {
        let unknown = vec![Committed::Unknown; batches.len()];
        let mut faults = self.faults.lock();
        if faults.trouble.is_some() {
            return unknown;
        }
        let fault = faults.plan.pop_front().unwrap_or(Fault::None);
        if fault == Fault::Fenced {
            return vec![Committed::Fenced; batches.len()];
        }
        if fault == Fault::UnknownNotApplied {
            faults.trouble = Some("a planned fault: not applied".to_owned());
            return unknown;
        }
        let mut state = self.state.lock();
        let answers = match state.fence(batches) {
            Ok(answers) => answers,
            Err(trouble) => {
                faults.trouble = Some(trouble);
                return unknown;
            }
        };
        let passed = batches
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| **answer == Committed::Ok);
        for (batch, _) in passed {
            state.apply(batch);
        }
        if fault == Fault::UnknownApplied {
            faults.trouble = Some("a planned fault: applied".to_owned());
            return unknown;
        }
        answers
    }

    fn trouble(&self) -> Option<String> {
        self.faults.lock().trouble.clone()
    }

    fn journal(&self, entity: EntityId, from_number: u32, bytes_max: usize) -> Result<Vec<Record>> {
        let state = self.state.lock();
        let range = state
            .journal
            .range((entity, from_number)..=(entity, u32::MAX));
        let mut bytes_left = bytes_max;
        let mut records: Vec<Record> = Vec::new();
        for ((_, number), bytes) in range {
            if !records.is_empty() && bytes.len() > bytes_left {
                break;
            }
            bytes_left = bytes_left.saturating_sub(bytes.len());
            records.push(Record {
                number: *number,
                bytes: bytes.clone(),
            });
        }
        Ok(records)
    }

    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>> {
        Ok(self.state.lock().executions.get(&entity).cloned())
    }

    fn find_execution(&self, machine: MachineNumber, name: &str) -> Result<Option<EntityId>> {
        let state = self.state.lock();
        let entities = state.names.get(&(machine, name.to_owned()));
        Ok(entities.and_then(|entities| entities.last().copied()))
    }

    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>> {
        let state = self.state.lock();
        let above = before.unwrap_or(EntityId(u64::MAX));
        let range = state
            .of_machine
            .range((filter.machine, EntityId(0))..(filter.machine, above))
            .rev();
        let rows = range
            .filter_map(|(_, entity)| state.executions.get(entity))
            .filter(|row| filter.shows(row))
            .take(limit);
        Ok(rows.cloned().collect())
    }

    fn count_executions(&self, machine: Option<MachineNumber>, statuses: &[u8]) -> Result<u64> {
        let state = self.state.lock();
        let rows = state.executions.values();
        let counted = rows.filter(|row| {
            machine.is_none_or(|machine| row.machine == machine) && statuses.contains(&row.status)
        });
        Ok(counted.count() as u64)
    }

    fn machines(&self) -> Result<Vec<MachineNumber>> {
        let state = self.state.lock();
        let machines = state.executions.values().map(|row| row.machine);
        Ok(BTreeSet::from_iter(machines).into_iter().collect())
    }

    fn wake_ups(&self, after: Option<EntityId>, limit: usize) -> Result<Vec<WakeUp>> {
        let state = self.state.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = state.wake_ups.range((from, Bound::Unbounded));
        Ok(rows.take(limit).map(|(_, row)| *row).collect())
    }

    fn unseen(&self, after: Option<u64>, limit: usize) -> Result<Vec<Unseen>> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state.lock();
        let unseen = state.unseen.range((after, Bound::Unbounded));
        Ok(unseen
            .take(limit)
            .map(|(_, unseen)| unseen.clone())
            .collect())
    }

    fn seen(&self, tickets: &[RangeInclusive<u64>]) -> Result<()> {
        let mut state = self.state.lock();
        let is_seen = |ticket: &u64| tickets.iter().any(|range| range.contains(ticket));
        state.unseen.retain(|ticket, _| !is_seen(ticket));
        Ok(())
    }

    fn last_entity(&self) -> Result<Option<EntityId>> {
        Ok(self.state.lock().last_entity)
    }

    fn machine_number(&self, arn: &str) -> Result<MachineNumber> {
        if let Some(machine) = self.known_machine(arn)? {
            return Ok(machine);
        }
        let mut state = self.state.lock();
        state.machines.push(arn.to_owned());
        Ok(MachineNumber(state.machines.len() as u64))
    }

    fn known_machine(&self, arn: &str) -> Result<Option<MachineNumber>> {
        let state = self.state.lock();
        let place = state.machines.iter().position(|known| known == arn);
        Ok(place.map(|place| MachineNumber(place as u64 + 1)))
    }

    fn machine_arn(&self, machine: MachineNumber) -> Result<Option<String>> {
        let state = self.state.lock();
        let place = machine
            .0
            .checked_sub(1)
            .and_then(|place| usize::try_from(place).ok());
        Ok(place.and_then(|place| state.machines.get(place)).cloned())
    }

    fn document(&self, kind: Kind, key: &str) -> Result<Option<Document>> {
        Ok(self
            .state
            .lock()
            .documents
            .get(&(kind, key.to_owned()))
            .cloned())
    }

    fn put_document(&self, kind: Kind, key: &str, body: &[u8], expected: Expected) -> Result<u64> {
        // In the order in which `commit` takes them.
        let (mut faults, mut state) = (self.faults.lock(), self.state.lock());
        let place = (kind, key.to_owned());
        require(
            key,
            state.documents.get(&place).map(|found| found.revision),
            expected,
        )?;
        faults.check_document_change()?;
        state.revision += 1;
        let revision = state.revision;
        state.documents.insert(
            place,
            Document {
                revision,
                body: body.to_vec(),
            },
        );
        Ok(revision)
    }

    fn delete_document(&self, kind: Kind, key: &str, expected: Expected) -> Result<bool> {
        // In the order in which `commit` takes them.
        let (mut faults, mut state) = (self.faults.lock(), self.state.lock());
        let place = (kind, key.to_owned());
        require(
            key,
            state.documents.get(&place).map(|found| found.revision),
            expected,
        )?;
        faults.check_document_change()?;
        Ok(state.documents.remove(&place).is_some())
    }

    fn list_documents(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>> {
        let state = self.state.lock();
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded((kind, after.to_owned())),
            _ => Bound::Included((kind, prefix.to_owned())),
        };
        let documents = state
            .documents
            .range((from, Bound::Unbounded))
            .take_while(|((of, key), _)| *of == kind && key.starts_with(prefix))
            .take(limit);
        Ok(documents
            .map(|((_, key), document)| (key.clone(), document.clone()))
            .collect())
    }

    fn add_definition(&self, body: &[u8]) -> Result<u64> {
        let mut state = self.state.lock();
        state.last_definition += 1;
        let number = state.last_definition;
        state.definitions.insert(number, body.to_vec());
        Ok(number)
    }

    fn definition(&self, number: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.state.lock().definitions.get(&number).cloned())
    }

    fn expire(&self, ended_before_ms: i64, rows_max: usize) -> Result<Expired> {
        Ok(self.state.lock().expire(ended_before_ms, rows_max))
    }

    fn expire_definitions(&self, in_use: &[u64]) -> Result<u64> {
        let mut state = self.state.lock();
        let mut used: BTreeSet<u64> = in_use.iter().copied().collect();
        used.extend(state.executions.values().map(|row| row.definition));
        let before = state.definitions.len();
        let highest = in_use.iter().max().copied().unwrap_or_default();
        let last = state.last_definition;
        state
            .definitions
            .retain(|number, _| *number >= highest.min(last) || used.contains(number));
        Ok((before - state.definitions.len()) as u64)
    }

    fn check(&self) -> Result<Integrity> {
        let state = self.state.lock();
        Ok(Integrity {
            problems: Vec::new(),
            executions: state.executions.len() as u64,
            wake_ups: state.wake_ups.len() as u64,
            documents: state.documents.len() as u64,
            definitions: state.definitions.len() as u64,
            bytes: state
                .journal
                .values()
                .map(|record| record.len() as u64)
                .sum(),
        })
    }
}

fn no_shard(shard: ShardId) -> Error {
    let cause = format!("there is no shard `{}` in `{}`", shard.0, path().display());
    Error::Invalid { cause }
}
