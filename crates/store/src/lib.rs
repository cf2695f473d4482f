//! What Lockstep keeps on disk, behind one narrow trait.
//!
//! A [`Store`] holds journals (numbered records of entities), one row per execution, wake-up rows,
//! documents and definitions. It knows bytes and small numbers only: neither JSON nor the States
//! Language. [`Memory`] is the store of tests and simulations, [`Sqlite`] the embedded one;
//! [`blobs`] holds what is large and immutable, [`lines`] and [`events`] what is appended and
//! expires (the audit log, metric points, log events), [`runs`] what is remembered of executions
//! without a journal.
//!
//! ```
//! use store::{Batch, Committed, EntityId, Memory, ShardId, Store, Write};
//!
//! let store = Memory::new();
//! let shard = ShardId(3);
//! let (epoch, sequence) = store.acquire(&[shard])?[0];
//! let entity = EntityId::new(1, shard);
//! let writes = vec![Write::Append { entity, number: 0, record: b"started".to_vec() }];
//! let batch = Batch { shard, epoch, sequence: sequence + 1, writes };
//! assert_eq!(store.commit(&[batch]), [Committed::Ok]);
//! assert_eq!(store.journal(entity, 0, 1_024)?[0].bytes, b"started");
//! # Ok::<(), store::Error>(())
//! ```

pub mod blobs;
pub mod events;
pub mod lines;
mod memory;
mod months;
pub mod runs;
mod sqlite;
mod store;

pub use events::Events;
pub use lines::Lines;
pub use memory::{Fault, Memory};
pub use runs::Runs;
pub use sqlite::{LinesIntegrity, Sqlite, SqliteLines};
pub use store::{
    Batch, Committed, Document, EntityId, Epoch, Error, ExecutionFilter, ExecutionRow, Expected,
    Expired, Integrity, Kind, MachineNumber, Record, Result, SHARDS, ShardId, Store, Unseen,
    WakeUp, Write,
};

#[cfg(test)]
mod tests;
