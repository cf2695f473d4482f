//! Runs: what is remembered for a day of executions that have no journal (Express). They lie beside
//! the [`Lines`](crate::Lines), in the same file, under the same writer.
//!
//! Of each machine the newest are kept, and of all machines as many as fit into a number of bytes.
//!
//! ```
//! use store::Runs as _;
//! use store::lines::MemoryLines;
//! use store::runs::{Bound, Run};
//!
//! let runs = MemoryLines::default();
//! let run = Run {
//!     number: 1,
//!     machine: "arn:m".into(),
//!     name: "a".into(),
//!     started_ms: 5,
//!     definition: 3,
//!     summary: b"s".to_vec(),
//!     body: b"b".to_vec(),
//! };
//! runs.put_runs(&[run.clone()], Bound { per_machine: 1_000, bytes: 1 << 30 })?;
//! assert_eq!(runs.run("arn:m", "a")?, Some(run));
//! # Ok::<(), store::Error>(())
//! ```

mod memory;

use std::sync::Arc;

use crate::store::Result;

pub(crate) use self::memory::KeptRuns;

/// A run as it is put and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Rising in the order of starts; below 2^63. The same number again is the same run.
    pub number: u64,
    /// Whose run it is: the ARN of a state machine.
    pub machine: Arc<str>,
    /// What it is found by among the runs of its machine.
    pub name: Arc<str>,
    /// Milliseconds since the epoch.
    pub started_ms: i64,
    /// The definition it ran.
    pub definition: u64,
    /// What a list shows of it.
    pub summary: Vec<u8>,
    /// All else.
    pub body: Vec<u8>,
}

/// What rows take besides summary and body, about.
const ROW_BYTES: usize = 128;

impl Run {
    /// What it counts.
    #[must_use]
    pub fn size(&self) -> u64 {
        (self.summary.len() + self.body.len() + self.name.len() + ROW_BYTES) as u64
    }
}

/// A run as a list reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub name: Arc<str>,
    pub started_ms: i64,
    /// `None` when the row isn't what was written.
    pub summary: Option<Vec<u8>>,
}

/// How many runs stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The newest of each machine.
    pub per_machine: usize,
    /// The newest of all, by their [`size`](Run::size)s.
    pub bytes: u64,
}

/// Keeps runs. Every method may block.
pub trait Runs: Send + Sync {
    /// Puts runs, all of them or none, and deletes those beyond the bound, the oldest first. Once
    /// it returned, this survives kill -9 and loss of power, and reads show it. An error leaves
    /// open whether they were put; they may be put again.
    fn put_runs(&self, runs: &[Run], bound: Bound) -> Result<()>;

    /// The newest runs of a machine, newest first; at most `limit`.
    fn runs(&self, machine: &str, limit: usize) -> Result<Vec<Head>>;

    /// The newest run of a machine that has this name. One that isn't what was written is an error
    /// that names it.
    fn run(&self, machine: &str, name: &str) -> Result<Option<Run>>;

    /// The highest number there is.
    fn last_run(&self) -> Result<Option<u64>>;

    /// The definitions that runs ran, each once, ascending.
    fn run_definitions(&self) -> Result<Vec<u64>>;

    /// Deletes a machine's runs. Once it returned, none of them is ever read again.
    fn drop_runs(&self, machine: &str) -> Result<()>;

    /// Deletes the oldest runs as long as they were started before `before_ms`. Deletes for a
    /// moment only, so that others get their turn; says whether to call again.
    fn expire_runs(&self, before_ms: i64) -> Result<bool>;
}

#[cfg(test)]
mod tests;
