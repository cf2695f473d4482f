//! What bounds the engine: every queue, loop and cache, with the reason beside it.

use asl::limits::Limits;

/// What an operator may set. The rest of the bounds are constants below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Kept by each execution from its start to its end.
    pub limits: Limits,
    /// Threads that decide. One serves some ten thousand transitions a second, so more pay only on
    /// machines with many cores.
    pub shard_threads: usize,
    /// Threads for decisions that are too heavy for those. One leaves the others their processor
    /// on small machines; an expression may keep it for seconds.
    pub slow_threads: usize,
    /// Executions under way that are kept in memory, in bytes of their payloads and bookkeeping;
    /// the others are folded from their journals when something comes for them. Room for all that
    /// have calls under way: what is less is folded again at each of its results (256 executions,
    /// 9 MB, in a cache of 8 MB: 660 µs a result instead of 13).
    pub cache_bytes_max: usize,
    /// Task calls under way at once. Those beyond wait as rows of the store, not in memory.
    pub calls_max: usize,
    /// Jobs (`.sync`) waited for at once; those beyond wait as rows of the store. A watch is a
    /// future that mostly sleeps, so there may be more of them than of calls.
    pub watches_max: usize,
    /// Commands that were taken in and not answered. A caller beyond waits.
    pub commands_max: usize,
    /// Workers that wait for tasks of one activity: AWS allows 1,000 (developer guide, "Quotas").
    pub pollers_per_activity_max: usize,
    /// Standard executions of an account in a Region that are open: AWS allows 1,000,000.
    pub open_executions_max: u64,
    /// Express executions under way at once; each is held in memory.
    pub express_runs_max: usize,
    /// An Express execution times out after this: AWS's five minutes.
    pub express_seconds_max: u64,
    /// What the events and payloads of one Express execution may take in memory. AWS limits
    /// neither.
    pub express_run_bytes_max: usize,
    /// What all Express executions under way may take together.
    pub express_bytes_max: usize,
    /// What those that have ended may take in memory. Beyond, the oldest are read from disk, or are
    /// no longer listed if they are not there yet.
    pub express_kept_bytes_max: usize,
    /// What those that have ended may take on disk; beyond, the oldest are deleted.
    pub express_stored_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            limits: Limits::default(),
            shard_threads: 1,
            slow_threads: 1,
            cache_bytes_max: 64 << 20,
            calls_max: 1_024,
            watches_max: 10_000,
            commands_max: 1_024,
            pollers_per_activity_max: 1_000,
            open_executions_max: 1_000_000,
            express_runs_max: 4_096,
            express_seconds_max: 300,
            express_run_bytes_max: 64 << 20,
            express_bytes_max: 256 << 20,
            express_kept_bytes_max: 32 << 20,
            express_stored_bytes_max: 1 << 30,
        }
    }
}

/// Callers that wait for a place among the commands; one more is refused. A waiting caller holds
/// its request in memory, which can be 256 KiB.
pub const WAITERS_MAX: usize = 4_096;

/// ARNs of activities that are remembered to exist; a row of 100 bytes each.
pub const ACTIVITIES_MAX: usize = 1_024;

/// Rows of a state machine's executions read at once when its gate is set up.
pub const GATE_ROWS_READ: usize = 1_000;

/// Callers that wait for ends of executions; one more waits for a place first. Some 200 bytes each.
pub const ENDINGS_MAX: usize = 65_536;

/// Queued executions that [`Engine::concurrency`](crate::Engine::concurrency) names; it counts all.
pub const QUEUE_SHOWN_MAX: usize = 1_000;

/// Express executions of one state machine that can be listed, as long as they are this old at
/// most: 24 hours.
pub const EXPRESS_RUNS_PER_MACHINE_MAX: usize = 1_000;
/// See [`EXPRESS_RUNS_PER_MACHINE_MAX`].
pub const EXPRESS_KEPT_MS: i64 = 24 * 3_600 * 1_000;

/// What has ended is on disk after this time: what a crash may cost.
pub const EXPRESS_FLUSH_MS: u64 = 1_000;
/// What is written at a time in memory's bytes, so that large histories don't take the disk from
/// others; what more there is waits for the next time.
pub const EXPRESS_FLUSH_BYTES_MAX: usize = 8 << 20;
/// Rows of one transaction, some milliseconds: the audit log waits behind it.
pub const EXPRESS_ROWS_MAX: usize = 256;
/// See [`EXPRESS_ROWS_MAX`]; one row at least.
pub const EXPRESS_ROWS_BYTES_MAX: usize = 1 << 20;
/// Numbers of runs to be written before those of forgotten runs are looked for.
pub const EXPRESS_UNSTORED_MIN: usize = 4_096;
/// How often those older than [`EXPRESS_KEPT_MS`] are deleted from disk; none is shown meanwhile.
pub const EXPRESS_SWEEP_MS: u64 = 3_600_000;

/// A page of history ends here (4 MiB of rendered events), whatever its `maxResults`.
pub const HISTORY_PAGE_BYTES_MAX: usize = 4 << 20;

/// `maxResults` of the list operations and of GetExecutionHistory: at most 1,000, 100 if not given.
pub const PAGE_RESULTS_MAX: usize = 1_000;
/// `maxResults` where the caller gave none, or 0.
pub const PAGE_RESULTS_DEFAULT: usize = 100;

/// A nextToken expires after 24 hours, as AWS's do.
pub const PAGE_TOKEN_MS_MAX: i64 = 24 * 3_600 * 1_000;

/// Compiled programs kept. A program takes some ten times the memory of its definition's states.
pub const PROGRAMS_MAX: usize = 256;

/// ARNs of state machines whose numbers are remembered; a row of 100 bytes each.
pub const MACHINES_MAX: usize = 1_024;

/// State machines deleted last whose names refuse starts that were looked up before: such a start
/// is on its way for milliseconds.
pub const MACHINES_GONE_MAX: usize = 64;

/// A group that grew to this many bytes takes no more commands: a larger one would make its first
/// caller wait for the disk longer than a second sync costs.
pub const GROUP_BYTES_MAX: usize = 4 << 20;

/// A group takes no more commands than this, for the same reason.
pub const GROUP_COMMANDS_MAX: usize = 1_024;

/// Journal bytes read at once while folding. At least one record is read whatever its size.
pub const JOURNAL_READ_BYTES: usize = 1 << 20;
/// Journal bytes read at first: what a page of a history or a small execution needs.
pub const JOURNAL_READ_BYTES_MIN: usize = 32 << 10;

/// Heavy decisions of a deciding thread that are being made or wait for a thread. Each holds its
/// run; those beyond wait as numbers.
pub const HEAVY_MAX: usize = 16;

/// Wake-up rows read at once when a shard starts.
pub const WAKE_UPS_READ: usize = 4_096;

/// Due timers and owed calls handled between two looks at the command queue, so that a restart
/// with many of them does not keep callers waiting.
pub const DUE_BATCH: usize = 64;

/// The driver sleeps on the monotonic clock for at most this long and then looks at the wall
/// clock, which may have been set.
pub const SLEEP_MS_MAX: u64 = 1_000;

/// A heartbeat moves the wake-up row at most this often.
pub const HEARTBEAT_ROW_MS_MIN: i64 = 1_000;

/// Text of earlier records kept while a journal is read; the rest is read again when referred to.
pub const LITERALS_KEPT_BYTES: usize = 4 << 20;

/// A store that failed is asked again after this time.
pub const RETRY_MS: u64 = 1_000;
/// While a store fails, the log says so no more often than this.
pub const FAILING_LOG_MS: u64 = 30_000;
