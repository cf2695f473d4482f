//! The writer: one transaction per group of batches.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::Index;
use super::journal::{self, Chunks, LASTING, Place};
use super::{names, unseen};
use crate::months::{Month, Months};
use crate::{
    Batch, Committed, EntityId, Epoch, ExecutionRow, MachineNumber, SHARDS, ShardId, Write,
};

/// Stored for "still running": as wide as a time, so that closing an execution overwrites its row
/// in place instead of moving its neighbours. Above every horizon.
pub(super) const RUNNING_MS: i64 = (1 << 47) - 1;

/// Added to a status where it is stored: 0 and 1 take no byte in a row, and closing would widen it.
const STATUS_BASE: u16 = 2;

/// A status as stored.
pub(super) fn stored_status(status: u8) -> u16 {
    u16::from(status) + STATUS_BASE
}

/// A stored status.
pub(super) fn status_of(stored: u16) -> u8 {
    u8::try_from(stored.saturating_sub(STATUS_BASE)).unwrap_or(u8::MAX)
}

/// Epoch and sequence of every shard.
#[derive(Debug, Clone)]
pub(super) struct Shards(Vec<(Epoch, u64)>);

impl Shards {
    pub(super) fn new() -> Shards {
        Shards(vec![(Epoch(0), 0); usize::from(SHARDS)])
    }

    pub(super) fn get(&self, shard: ShardId) -> Option<(Epoch, u64)> {
        self.0.get(usize::from(shard.0)).copied()
    }

    pub(super) fn set(&mut self, shard: ShardId, epoch: Epoch, sequence: u64) {
        if let Some(state) = self.0.get_mut(usize::from(shard.0)) {
            *state = (epoch, sequence);
        }
    }

    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Shards> {
        let mut statement = connection.prepare_cached("SELECT state FROM shards WHERE id = 0")?;
        let mut rows = statement.query(())?;
        let Some(row) = rows.next()? else {
            return Ok(Shards::new());
        };
        let bytes = row.get_ref(0)?.as_blob()?;
        let (states, _) = bytes.as_chunks::<8>();
        let (states, _) = states.as_chunks::<2>();
        if bytes.len() != usize::from(SHARDS) * 16 {
            return Err(rusqlite::Error::BlobSizeError);
        }
        let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let state = |[epoch, sequence]: &[[u8; 8]; 2]| (Epoch(number(epoch)), number(sequence));
        Ok(Shards(states.iter().map(state).collect()))
    }

    pub(super) fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|(epoch, sequence)| [epoch.0.to_le_bytes(), sequence.to_le_bytes()])
            .flatten()
            .collect();
        let mut statement = connection
            .prepare_cached("INSERT OR REPLACE INTO shards (id, state) VALUES (0, ?1)")?;
        statement.execute([bytes])?;
        Ok(())
    }

    /// Which batches pass, raising the sequences of their shards.
    pub(super) fn fence(&mut self, batches: &[Batch]) -> Vec<Committed> {
        let pass = |batch: &Batch| match self.get(batch.shard) {
            Some((epoch, sequence)) if batch.epoch == epoch && batch.sequence == sequence + 1 => {
                self.set(batch.shard, epoch, batch.sequence);
                Committed::Ok
            }
            _ => Committed::Fenced,
        };
        batches.iter().map(pass).collect()
    }
}

/// What a group changes in memory once it is durable.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) months: Option<Months>,
    pub(super) lasting: BTreeSet<EntityId>,
    pub(super) last_entity: Option<EntityId>,
    pub(super) names: names::Change,
}

/// A group being written, on top of what is committed.
pub(super) struct Group<'a> {
    connection: &'a Connection,
    index: &'a Index,
    hash: fn(MachineNumber, &str) -> u64,
    chunks: Chunks,
    staged: Staged,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        index: &'a Index,
        hash: fn(MachineNumber, &str) -> u64,
    ) -> Group<'a> {
        let staged = Staged {
            months: None,
            lasting: BTreeSet::new(),
            last_entity: index.last_entity,
            names: names::Change::default(),
        };
        Group {
            connection,
            index,
            hash,
            chunks: Chunks::default(),
            staged,
        }
    }

    /// Writes one batch. Months first, because they say where records go; then records, because
    /// rows of executions point to them; the rest in order.
    pub(super) fn write(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let mut first_records = BTreeMap::new();
        for write in &batch.writes {
            if let Write::OpenExecution(row) = write {
                self.begin_month(row)?;
                first_records.insert(row.entity, None);
            }
        }
        for write in &batch.writes {
            if let Write::Append {
                entity,
                number,
                record,
            } = write
            {
                self.append(*entity, *number, record, &mut first_records)?;
            }
        }
        for write in &batch.writes {
            match write {
                Write::Append { .. } => {}
                Write::OpenExecution(row) => {
                    self.open(row, first_records.get(&row.entity).copied().flatten())?;
                }
                Write::UpdateExecution {
                    entity,
                    status,
                    stopped_ms,
                    redrive,
                } => {
                    let stopped_ms = stopped_ms.unwrap_or(RUNNING_MS);
                    self.update(*entity, stored_status(*status), stopped_ms, *redrive)?;
                }
                Write::WakeUp {
                    entity,
                    due_ms,
                    owes_calls,
                } => {
                    self.wake_up(*entity, *due_ms, *owes_calls)?;
                }
                Write::Unseen(unseen) => unseen::add(self.connection, unseen)?,
            }
        }
        Ok(())
    }

    /// Writes what concerns the whole group.
    pub(super) fn finish(mut self, shards: &Shards) -> rusqlite::Result<Staged> {
        self.chunks.finish(self.connection)?;
        shards.store(self.connection)?;
        let next = self.staged.last_entity.map_or(0, |last| last.0 + 1);
        let names = &mut self.staged.names;
        self.index
            .names
            .flush(self.connection, names, EntityId(next))?;
        Ok(self.staged)
    }

    fn begin_month(&mut self, row: &ExecutionRow) -> rusqlite::Result<()> {
        let last = self.staged.last_entity;
        self.staged.last_entity = last.max(Some(row.entity));
        let months = self.staged.months.as_ref().unwrap_or(&self.index.months);
        if !months.begins(row.started_ms) {
            return Ok(());
        }
        let mut months = months.clone();
        if let Some((first, month)) = months.begin(row.entity, row.started_ms, last) {
            journal::create(self.connection, month)?;
            let insert = "INSERT INTO months (month, first_entity) VALUES (?1, ?2)";
            self.connection.execute(insert, (month, first))?;
        }
        self.staged.months = Some(months);
        Ok(())
    }

    fn month_of(&self, entity: EntityId) -> Month {
        if self.staged.lasting.contains(&entity) {
            return LASTING;
        }
        match &self.staged.months {
            Some(months) if !self.index.lasting.contains(&entity) => {
                months.of(entity).unwrap_or(LASTING)
            }
            _ => self.index.month_of(entity),
        }
    }

    fn append(
        &mut self,
        entity: EntityId,
        number: u32,
        record: &[u8],
        first_records: &mut BTreeMap<EntityId, Option<Place>>,
    ) -> rusqlite::Result<()> {
        self.staged.last_entity = self.staged.last_entity.max(Some(entity));
        let of_row = if number == 0 {
            first_records.get_mut(&entity)
        } else {
            None
        };
        if let Some(of_row @ None) = of_row {
            let month = self.month_of(entity);
            *of_row = Some(self.chunks.append(self.connection, month, record)?);
            return Ok(());
        }
        if number == 0 {
            self.staged.lasting.insert(entity);
        }
        let month = self.month_of(entity);
        let place = self.chunks.append(self.connection, month, record)?;
        journal::add_to_index(self.connection, month, entity, number, place)
    }

    fn open(&mut self, row: &ExecutionRow, first: Option<Place>) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO executions (entity, machine, name, name_is_generated, status, started_ms,
                 stopped_ms, definition, chunk, position, length, version, alias, redrive_count,
                 redriven_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        statement.execute((
            row.entity,
            row.machine,
            &row.name,
            row.name_is_generated,
            stored_status(row.status),
            row.started_ms,
            row.stopped_ms.unwrap_or(RUNNING_MS),
            row.definition,
            first.map(|place| place.chunk),
            first.map(|place| place.position),
            first.map(|place| place.length),
            row.version,
            row.alias.as_deref(),
            row.redrive_count,
            row.redriven_ms,
        ))?;
        self.staged.names.opened += 1;
        if !row.name_is_generated {
            let entry = ((self.hash)(row.machine, &row.name), row.entity);
            self.staged.names.added.push(entry);
        }
        Ok(())
    }

    fn update(
        &self,
        entity: EntityId,
        status: u16,
        stopped_ms: i64,
        redrive: Option<(u32, i64)>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE executions SET status = ?2, stopped_ms = ?3 WHERE entity = ?1",
        )?;
        statement.execute((entity, status, stopped_ms))?;
        if let Some((count, redriven_ms)) = redrive {
            let mut statement = self.connection.prepare_cached(
                "UPDATE executions SET redrive_count = ?2, redriven_ms = ?3 WHERE entity = ?1",
            )?;
            statement.execute((entity, count, redriven_ms))?;
        }
        Ok(())
    }

    fn wake_up(
        &self,
        entity: EntityId,
        due_ms: Option<i64>,
        owes_calls: bool,
    ) -> rusqlite::Result<()> {
        if due_ms.is_none() && !owes_calls {
            let mut statement = self
                .connection
                .prepare_cached("DELETE FROM wake_ups WHERE entity = ?1")?;
            statement.execute([entity])?;
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO wake_ups (entity, due_ms, owes_calls) VALUES (?1, ?2, ?3)",
        )?;
        statement.execute((entity, due_ms, owes_calls))?;
        Ok(())
    }
}
