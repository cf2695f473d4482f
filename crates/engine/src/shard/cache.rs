//! Executions in memory, within a bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::event::ExecutionKind;
use asl::program::Program;
use asl::run::{Run, Status};
use asl::time::Timestamp;
use store::EntityId;

use crate::observe::Delivery;
use crate::open::Place;
use crate::record::Encoder;

/// What an execution takes besides its payloads: run, events' bookkeeping, shared texts.
const FIXED_BYTES: usize = 2 << 10;

/// What a thread of an execution takes besides its payloads.
const THREAD_BYTES: usize = 512;

/// One execution in memory.
pub(super) struct Execution {
    pub(super) run: Run,
    pub(super) program: Arc<Program>,
    pub(super) encoder: Encoder,
    /// Its entry among the timers.
    pub(super) timer: Option<Timestamp>,
    /// Its wake-up row; `None` if that is not known.
    pub(super) row: Option<Row>,
    /// When a heartbeat last moved the row.
    pub(super) row_moved_at: Timestamp,
    /// Where it counts as open.
    pub(super) place: Arc<Place>,
    /// How surely who watches is to be told of it.
    pub(super) watched: Option<Delivery>,
    /// The last group it was changed in.
    pub(super) group: u64,
    last_use: u64,
    bytes: usize,
}

/// A wake-up row; the default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) due: Option<Timestamp>,
    pub(super) owes_calls: bool,
}

impl Execution {
    pub(super) fn new(
        run: Run,
        program: Arc<Program>,
        encoder: Encoder,
        place: Arc<Place>,
    ) -> Execution {
        Execution {
            run,
            program,
            encoder,
            timer: None,
            row: Some(Row::default()),
            row_moved_at: Timestamp::default(),
            place,
            watched: None,
            group: 0,
            last_use: 0,
            bytes: 0,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.run.end.is_some()
    }

    pub(super) fn is_standard(&self) -> bool {
        let start = self.run.start.as_ref();
        start.is_some_and(|start| start.kind == ExecutionKind::Standard)
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.status == Status::Running
    }
}

/// Executions by number, and in the order of their last use.
#[derive(Default)]
pub(super) struct Cache {
    executions: BTreeMap<EntityId, Execution>,
    by_use: BTreeMap<u64, EntityId>,
    uses: u64,
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&self, entity: EntityId) -> Option<&Execution> {
        self.executions.get(&entity)
    }

    pub(super) fn get_mut(&mut self, entity: EntityId) -> Option<&mut Execution> {
        self.executions.get_mut(&entity)
    }

    /// Marks an execution as used; false if it is not in memory.
    pub(super) fn touch(&mut self, entity: EntityId) -> bool {
        let Some(execution) = self.executions.get_mut(&entity) else {
            return false;
        };
        self.uses += 1;
        self.by_use.remove(&execution.last_use);
        execution.last_use = self.uses;
        self.by_use.insert(self.uses, entity);
        true
    }

    pub(super) fn insert(&mut self, entity: EntityId, execution: Execution) {
        self.remove(entity);
        self.executions.insert(entity, execution);
        self.touch(entity);
        self.weigh(entity);
    }

    /// Counts the memory of an execution again.
    pub(super) fn weigh(&mut self, entity: EntityId) {
        let Some(execution) = self.executions.get_mut(&entity) else {
            return;
        };
        let threads = THREAD_BYTES * execution.run.branches.len();
        let bytes = FIXED_BYTES + threads + execution.encoder.bytes();
        self.bytes = self.bytes - execution.bytes + bytes;
        execution.bytes = bytes;
    }

    pub(super) fn remove(&mut self, entity: EntityId) {
        if let Some(execution) = self.executions.remove(&entity) {
            self.by_use.remove(&execution.last_use);
            self.bytes -= execution.bytes;
        }
    }

    /// Lets those go that were not used for longest, unless much of what they seemed to take was
    /// gone already. One whose last change is not committed yet stays; as it was used lately, so
    /// were all behind it.
    pub(super) fn shrink(&mut self, bytes_max: usize, committed: u64) {
        while self.bytes > bytes_max {
            let Some((_, oldest)) = self.by_use.first_key_value() else {
                return;
            };
            let oldest = *oldest;
            if self
                .get(oldest)
                .is_some_and(|execution| execution.group > committed)
            {
                return;
            }
            if self.slims(oldest) {
                self.touch(oldest);
            } else {
                self.remove(oldest);
            }
        }
    }

    /// Looks what an execution really takes; whether that is a quarter less than was counted.
    fn slims(&mut self, entity: EntityId) -> bool {
        let Some(execution) = self.executions.get_mut(&entity) else {
            return false;
        };
        let before = execution.bytes;
        execution.encoder.sweep();
        self.weigh(entity);
        self.get(entity)
            .is_some_and(|it| it.bytes <= before - before / 4)
    }

    pub(super) fn of_shard(&self, shard: store::ShardId) -> Vec<EntityId> {
        self.executions
            .keys()
            .copied()
            .filter(|entity| entity.shard() == shard)
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.executions.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
