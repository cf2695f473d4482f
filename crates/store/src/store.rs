//! The trait, its types and its errors.

use std::ops::RangeInclusive;
use std::path::PathBuf;

/// How many shards a store has. Fixed when a store is made: an entity's number holds its shard.
pub const SHARDS: u16 = 64;

const SHARD_BITS: u32 = SHARDS.trailing_zeros();

/// The number of an entity: a counter, given in order by the engine and never twice, above the
/// low six bits, which are its shard. Below 2^63, so that every database can hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntityId(pub u64);

impl EntityId {
    /// Entity number `counter` of `shard`.
    #[must_use]
    pub const fn new(counter: u64, shard: ShardId) -> EntityId {
        EntityId(counter << SHARD_BITS | (shard.0 % SHARDS) as u64)
    }

    /// The shard that owns this entity.
    #[must_use]
    pub const fn shard(self) -> ShardId {
        let bytes = self.0.to_le_bytes();
        let [low, ..] = bytes;
        ShardId(low as u16 % SHARDS)
    }

    /// The counter that was drawn for this entity.
    #[must_use]
    pub const fn counter(self) -> u64 {
        self.0 >> SHARD_BITS
    }
}

/// A shard, `0..SHARDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShardId(pub u16);

/// Who owns a shard: raised by every [`Store::acquire`], so that an earlier owner is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// The small number of a state machine ARN, given once and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MachineNumber(pub u64);

/// The writes of one shard that become durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub shard: ShardId,
    /// The epoch under which the caller owns the shard.
    pub epoch: Epoch,
    /// The shard's commit number: the stored one + 1.
    pub sequence: u64,
    /// Applied in order.
    pub writes: Vec<Write>,
}

/// One change of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Appends a record to an entity's journal. `number` is the record's place in it, from 0.
    /// A number must not be appended twice. An entity whose record 0 comes without an
    /// `OpenExecution` in the same batch is taken for something lasting (a queue, a gate): its
    /// journal never expires.
    Append {
        entity: EntityId,
        number: u32,
        record: Vec<u8>,
    },
    /// Adds an execution, which may have ended already.
    OpenExecution(ExecutionRow),
    /// Gives an execution another status: it ended, its turn came, or it goes on after a redrive,
    /// of which `redrive` is the count and the time. Nothing happens when the row is gone
    /// (expired).
    UpdateExecution {
        entity: EntityId,
        status: u8,
        stopped_ms: Option<i64>,
        redrive: Option<(u32, i64)>,
    },
    /// Replaces an entity's wake-up row; no deadline and no calls owed removes it.
    WakeUp {
        entity: EntityId,
        due_ms: Option<i64>,
        owes_calls: bool,
    },
    /// Notes that records of this batch are to be shown to somebody, who has not taken them over.
    Unseen(Unseen),
}

/// Records that somebody has to be shown, at least once: written with them, and kept until
/// [`Store::seen`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unseen {
    /// Given by the engine in rising order. No two that there are have the same.
    pub ticket: u64,
    /// Entities, and the numbers of their records.
    pub records: Vec<(EntityId, u32)>,
}

/// What lists and look-ups show of an execution. Times are milliseconds since the epoch, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionRow {
    pub entity: EntityId,
    pub machine: MachineNumber,
    pub name: String,
    /// The name holds the entity's number, so [`Store::find_execution`] needn't find it.
    pub name_is_generated: bool,
    pub status: u8,
    pub started_ms: i64,
    pub stopped_ms: Option<i64>,
    /// The definition it runs, which is kept as long as this row; 0 when it runs none of the
    /// store's.
    pub definition: u64,
    /// The version of the state machine it was started by, itself or through an alias.
    pub version: Option<u32>,
    /// The name of the alias it was started by.
    pub alias: Option<String>,
    /// How often it was redriven, and when last.
    pub redrive_count: u32,
    pub redriven_ms: Option<i64>,
}

/// Which executions of a machine [`Store::list_executions`] shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    pub machine: MachineNumber,
    /// Those with one of these statuses; any if empty.
    pub statuses: Vec<u8>,
    /// Those started by this version.
    pub version: Option<u32>,
    /// Those started by this alias. Where both are given, those of the alias are read until enough
    /// of the version are found.
    pub alias: Option<String>,
}

/// The answer to one [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Every write of the batch is durable.
    Ok,
    /// Nothing was written: the epoch or the sequence isn't the stored one.
    Fenced,
    /// The store failed in the middle: [`Store::sequence`] tells whether the batch was applied.
    Unknown,
}

/// One record of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub number: u32,
    pub bytes: Vec<u8>,
}

/// What an entity waits for: read at start instead of the entity itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WakeUp {
    pub entity: EntityId,
    /// Its earliest deadline, in milliseconds since the epoch.
    pub due_ms: Option<i64>,
    /// Whether it owes calls that must be made (again) after a restart.
    pub owes_calls: bool,
}

/// What a document is about. The code is part of the stored format: never change or reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    StateMachine = 1,
    Role = 2,
    Policy = 3,
    Function = 4,
    Tags = 5,
    Setting = 6,
    LogGroup = 7,
    Activity = 8,
    User = 9,
    Group = 10,
    InstanceProfile = 11,
    IdentityProvider = 12,
    AccountAlias = 13,
    /// Where the thing lies that has a name which may change.
    Name = 14,
    /// A published version of a function.
    FunctionVersion = 15,
    FunctionAlias = 16,
    /// The resource policy of a function, a version, an alias or a layer version.
    ResourcePolicy = 17,
    /// How asynchronous invocations of a function are treated.
    EventInvokeConfig = 18,
    LayerVersion = 19,
    LogStream = 20,
}

/// A small mutable thing, kept under a kind and a key and changed under a revision check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Given by the store at each put, rising, never the same twice in one store.
    pub revision: u64,
    pub body: Vec<u8>,
}

/// What must hold of a document for a change to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// There is none.
    Absent,
    /// It still has this revision.
    Revision(u64),
    /// Whatever there is or isn't.
    Any,
}

/// What one call of [`Store::expire`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Executions deleted.
    pub executions: u64,
    /// Months whose journals were dropped.
    pub months: u64,
    /// Whether there is more to delete: call again.
    pub more: bool,
}

/// What [`Store::check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Integrity {
    /// What is damaged, in words; empty when nothing is.
    pub problems: Vec<String>,
    pub executions: u64,
    pub wake_ups: u64,
    pub documents: u64,
    pub definitions: u64,
    /// Size on disk, in bytes.
    pub bytes: u64,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A document was changed by somebody else in between.
    #[error("document `{key}` has changed in between ({}): read it again and repeat the change",
        found.map_or("it is gone".to_owned(), |found| format!("it has revision {found}")))]
    Conflict { key: String, found: Option<u64> },
    /// The file's bytes aren't what was written.
    #[error(
        "the store `{}` is damaged ({cause}): keep a copy of the folder, run `lockstep doctor`, \
         and restore a backup", path.display()
    )]
    Corrupt { path: PathBuf, cause: String },
    /// Another process has the folder open.
    #[error(
        "the folder `{}` is in use by another Lockstep server: stop that server or choose \
         another folder with `--data`", path.display()
    )]
    Locked { path: PathBuf },
    /// The file was written by a newer build, or isn't Lockstep's.
    #[error("the store `{}` can't be read by this build: {cause}", path.display())]
    Foreign { path: PathBuf, cause: String },
    /// No space is left.
    #[error("no space is left for the store `{}` ({cause}): free some and try again",
        path.display())]
    Full { path: PathBuf, cause: String },
    /// The operating system or the database failed.
    #[error("the store `{}` failed: {cause}", path.display())]
    Io { path: PathBuf, cause: String },
    /// A request the store can't hold.
    #[error("the store can't hold this: {cause}")]
    Invalid { cause: String },
}

pub type Result<T> = std::result::Result<T, Error>;

/// Where everything durable is kept. All methods block; none may be called in an async task.
///
/// Reads show what was committed when they began and never wait for a commit in progress. An error
/// of a method that writes, other than `Conflict`, leaves open whether it was written.
pub trait Store: Send + Sync {
    /// Takes over `shards`. Once it returned, their epochs are raised durably: a commit under an
    /// earlier epoch is fenced. Answers each shard's epoch and the sequence of its last commit, in
    /// the order asked.
    fn acquire(&self, shards: &[ShardId]) -> Result<Vec<(Epoch, u64)>>;

    /// The epoch of `shard` and the sequence of its last commit. Once it returned, the outcome of
    /// every earlier commit is settled for good, also one that was answered `Unknown`: under the
    /// epoch answered, it was applied if and only if its sequence isn't above this one. Under an
    /// earlier epoch the sequence tells nothing, as the later owner's commits raise it too. An
    /// error settles nothing: ask again.
    fn sequence(&self, shard: ShardId) -> Result<(Epoch, u64)>;

    /// Commits batches of any number of shards in one transaction and one sync; several of the
    /// same shard follow each other. Answers per batch. After `Ok`, and not before, its writes
    /// survive kill -9 and loss of power, and reads show them. After `Unknown` every commit is
    /// answered `Unknown`, and nothing written, until [`sequence`](Store::sequence) settled it;
    /// [`trouble`](Store::trouble) says what went wrong.
    fn commit(&self, batches: &[Batch]) -> Vec<Committed>;

    /// Why commits are answered `Unknown` now, for the log; `None` when they aren't.
    fn trouble(&self) -> Option<String>;

    /// Records of an entity from number `from_number` on, in order, without gaps: as many as fit
    /// into `bytes_max`, but one at least if there is any. Empty means the end.
    fn journal(&self, entity: EntityId, from_number: u32, bytes_max: usize) -> Result<Vec<Record>>;

    /// An execution's row.
    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>>;

    /// The newest execution of `machine` that was opened with this name by its caller.
    fn find_execution(&self, machine: MachineNumber, name: &str) -> Result<Option<EntityId>>;

    /// Executions of a machine that a filter lets through, newest first: those with a number below
    /// `before`, where given; at most `limit`. Reads as many rows as it answers, however many the
    /// machine has.
    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>>;

    /// How many executions have one of these statuses: of a machine, or of all machines. Reads as
    /// many entries of an index as it counts.
    fn count_executions(&self, machine: Option<MachineNumber>, statuses: &[u8]) -> Result<u64>;

    /// The machines that have executions, in order. Reads an entry of an index for each.
    fn machines(&self) -> Result<Vec<MachineNumber>>;

    /// Wake-up rows in the order of entities, those above `after`; at most `limit`.
    fn wake_ups(&self, after: Option<EntityId>, limit: usize) -> Result<Vec<WakeUp>>;

    /// What was committed as [`Write::Unseen`] and not [`seen`](Store::seen) since, in the order of
    /// tickets, those above `after`; at most `limit`. Records may have expired meanwhile.
    fn unseen(&self, after: Option<u64>, limit: usize) -> Result<Vec<Unseen>>;

    /// Forgets the tickets in these ranges. Once it returned, they are gone for good. What was not
    /// committed yet stays unaffected.
    fn seen(&self, tickets: &[RangeInclusive<u64>]) -> Result<()>;

    /// The highest entity number ever committed, also when that entity has expired.
    fn last_entity(&self) -> Result<Option<EntityId>>;

    /// The number of a state machine ARN; the ARN gets one, durably, if it has none.
    fn machine_number(&self, arn: &str) -> Result<MachineNumber>;

    /// The number of a state machine ARN if it has one.
    fn known_machine(&self, arn: &str) -> Result<Option<MachineNumber>>;

    /// The ARN that has this number.
    fn machine_arn(&self, machine: MachineNumber) -> Result<Option<String>>;

    /// A document.
    fn document(&self, kind: Kind, key: &str) -> Result<Option<Document>>;

    /// Puts a document if `expected` holds, else `Error::Conflict`. Once it returned, the document
    /// is durable under the revision it answers.
    fn put_document(&self, kind: Kind, key: &str, body: &[u8], expected: Expected) -> Result<u64>;

    /// Deletes a document if `expected` holds, else `Error::Conflict`. Once it returned, it is gone
    /// for good. Answers whether there was one.
    fn delete_document(&self, kind: Kind, key: &str, expected: Expected) -> Result<bool>;

    /// Documents whose key begins with `prefix` and is above `after`, in byte order of the keys; at
    /// most `limit`.
    fn list_documents(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>>;

    /// Adds an immutable definition. Once it returned, the definition is durable under the number
    /// (above 0) it answers, which is never given again.
    fn add_definition(&self, body: &[u8]) -> Result<u64>;

    /// The definition with this number.
    fn definition(&self, number: u64) -> Result<Option<Vec<u8>>>;

    /// Deletes executions of months (by their start, UTC) all of whose executions ended before
    /// `ended_before_ms`, oldest first, and drops a month's journals once none of its executions is
    /// left. Nothing of a month is touched while one of its executions runs or ended later; the
    /// latest month is never touched. Deletes at most `rows_max` rows a call, so that commits get
    /// their turn; call again while `more`.
    fn expire(&self, ended_before_ms: i64, rows_max: usize) -> Result<Expired>;

    /// Deletes the definitions below the highest of `in_use` that no execution runs and `in_use`
    /// doesn't name, and answers how many. Those above may be newer than `in_use`, so they are
    /// kept; one that a start under way may still read must be named. Reads every execution: for
    /// once in a while, after [`expire`](Store::expire).
    fn expire_definitions(&self, in_use: &[u64]) -> Result<u64>;

    /// Reads everything and reports what is damaged, with counts. Takes its time.
    fn check(&self) -> Result<Integrity>;
}
