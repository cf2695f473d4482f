//! The comparator: a store that appends the same bytes to a file and syncs it, and does nothing
//! else. What an engine gets done on it is what the disk and the engine allow.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use store::{
    Batch, Committed, Document, EntityId, Epoch, Error, ExecutionFilter, ExecutionRow, Expected,
    Expired, Integrity, Kind, MachineNumber, Record, Result, ShardId, Store, Unseen, WakeUp, Write,
};

/// An append-only file that nobody reads: engines on it need [`RawLog::config`].
pub(crate) struct RawLog {
    file: Mutex<(File, Vec<u8>)>,
    machines: Mutex<BTreeMap<String, u64>>,
    commits: AtomicU64,
    bytes: AtomicU64,
}

impl RawLog {
    /// Makes the file.
    pub(crate) fn create(path: &Path) -> anyhow::Result<RawLog> {
        Ok(RawLog {
            file: Mutex::new((File::create_new(path)?, Vec::new())),
            machines: Mutex::default(),
            commits: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// Settings under which no execution leaves the engine's memory.
    pub(crate) fn config() -> engine::Config {
        engine::Config {
            cache_bytes_max: 1 << 30,
            ..engine::Config::default()
        }
    }

    /// How many groups were committed, and their bytes.
    pub(crate) fn written(&self) -> (u64, u64) {
        (
            self.commits.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }

    fn append(&self, batches: &[Batch]) -> std::io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, bytes) = &mut *file;
        bytes.clear();
        for batch in batches {
            bytes.extend_from_slice(&batch.shard.0.to_le_bytes());
            bytes.extend_from_slice(&batch.epoch.0.to_le_bytes());
            bytes.extend_from_slice(&batch.sequence.to_le_bytes());
            batch.writes.iter().for_each(|write| put(write, bytes));
        }
        file.write_all(bytes)?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        file.sync_data()
    }
}

/// The bytes of one change, all its fields.
fn put(write: &Write, out: &mut Vec<u8>) {
    match write {
        Write::Append {
            entity,
            number,
            record,
        } => {
            out.extend_from_slice(&entity.0.to_le_bytes());
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&record.len().to_le_bytes());
            out.extend_from_slice(record);
        }
        Write::OpenExecution(row) => {
            out.extend_from_slice(&row.entity.0.to_le_bytes());
            out.extend_from_slice(&row.machine.0.to_le_bytes());
            out.extend_from_slice(&row.name.len().to_le_bytes());
            out.extend_from_slice(row.name.as_bytes());
            out.extend_from_slice(&[u8::from(row.name_is_generated), row.status]);
            out.extend_from_slice(&row.started_ms.to_le_bytes());
            out.extend_from_slice(&row.stopped_ms.unwrap_or_default().to_le_bytes());
            out.extend_from_slice(&row.definition.to_le_bytes());
            out.extend_from_slice(&row.version.unwrap_or_default().to_le_bytes());
            out.extend_from_slice(row.alias.as_deref().unwrap_or_default().as_bytes());
        }
        Write::UpdateExecution {
            entity,
            status,
            stopped_ms,
            redrive,
        } => {
            out.extend_from_slice(&entity.0.to_le_bytes());
            out.push(*status);
            out.extend_from_slice(&stopped_ms.unwrap_or_default().to_le_bytes());
            let (count, redriven_ms) = redrive.unwrap_or_default();
            out.extend_from_slice(&count.to_le_bytes());
            out.extend_from_slice(&redriven_ms.to_le_bytes());
        }
        Write::WakeUp {
            entity,
            due_ms,
            owes_calls,
        } => {
            out.extend_from_slice(&entity.0.to_le_bytes());
            out.extend_from_slice(&due_ms.unwrap_or_default().to_le_bytes());
            out.push(u8::from(*owes_calls));
        }
        Write::Unseen(Unseen { ticket, records }) => {
            out.extend_from_slice(&ticket.to_le_bytes());
            for (entity, number) in records {
                out.extend_from_slice(&entity.0.to_le_bytes());
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

/// What a file that nobody reads cannot do.
fn unread<T>() -> Result<T> {
    Err(Error::Invalid {
        cause: "the raw log is never read".to_owned(),
    })
}

impl Store for RawLog {
    fn acquire(&self, shards: &[ShardId]) -> Result<Vec<(Epoch, u64)>> {
        Ok(vec![(Epoch(1), 0); shards.len()])
    }

    fn sequence(&self, _: ShardId) -> Result<(Epoch, u64)> {
        unread()
    }

    fn commit(&self, batches: &[Batch]) -> Vec<Committed> {
        let answer = match self.append(batches) {
            Ok(()) => Committed::Ok,
            Err(_) => Committed::Unknown,
        };
        vec![answer; batches.len()]
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    fn journal(&self, _: EntityId, _: u32, _: usize) -> Result<Vec<Record>> {
        unread()
    }

    fn execution(&self, _: EntityId) -> Result<Option<ExecutionRow>> {
        Ok(None)
    }

    fn find_execution(&self, _: MachineNumber, _: &str) -> Result<Option<EntityId>> {
        Ok(None)
    }

    fn list_executions(
        &self,
        _: &ExecutionFilter,
        _: Option<EntityId>,
        _: usize,
    ) -> Result<Vec<ExecutionRow>> {
        unread()
    }

    fn count_executions(&self, _: Option<MachineNumber>, _: &[u8]) -> Result<u64> {
        Ok(0)
    }

    fn machines(&self) -> Result<Vec<MachineNumber>> {
        Ok(Vec::new())
    }

    fn wake_ups(&self, _: Option<EntityId>, _: usize) -> Result<Vec<WakeUp>> {
        Ok(Vec::new())
    }

    fn unseen(&self, _: Option<u64>, _: usize) -> Result<Vec<Unseen>> {
        Ok(Vec::new())
    }

    fn seen(&self, _: &[RangeInclusive<u64>]) -> Result<()> {
        Ok(())
    }

    fn last_entity(&self) -> Result<Option<EntityId>> {
        Ok(None)
    }

    fn machine_number(&self, arn: &str) -> Result<MachineNumber> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        let next = machines.len() as u64 + 1;
        Ok(MachineNumber(
            *machines.entry(arn.to_owned()).or_insert(next),
        ))
    }

    fn known_machine(&self, arn: &str) -> Result<Option<MachineNumber>> {
        let machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(machines.get(arn).copied().map(MachineNumber))
    }

    fn machine_arn(&self, _: MachineNumber) -> Result<Option<String>> {
        Ok(None)
    }

    fn document(&self, _: Kind, _: &str) -> Result<Option<Document>> {
        Ok(None)
    }

    fn put_document(&self, _: Kind, _: &str, _: &[u8], _: Expected) -> Result<u64> {
        Ok(1)
    }

    fn delete_document(&self, _: Kind, _: &str, _: Expected) -> Result<bool> {
        unread()
    }

    fn list_documents(
        &self,
        _: Kind,
        _: &str,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<(String, Document)>> {
        unread()
    }

    fn add_definition(&self, _: &[u8]) -> Result<u64> {
        unread()
    }

    fn definition(&self, _: u64) -> Result<Option<Vec<u8>>> {
        unread()
    }

    fn expire(&self, _: i64, _: usize) -> Result<Expired> {
        unread()
    }

    fn expire_definitions(&self, _: &[u64]) -> Result<u64> {
        unread()
    }

    fn check(&self) -> Result<Integrity> {
        unread()
    }
}
