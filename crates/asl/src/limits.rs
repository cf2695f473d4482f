//! The limits an execution runs under. They are drawn when it starts and kept in its first event.

/// Defaults are AWS's quotas (Step Functions developer guide, "Quotas").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Input, output, result of a state: 262,144 bytes of UTF-8.
    pub payload_bytes_max: u32,
    /// Events of one Standard execution: 25,000, the last of which is ExecutionFailed.
    pub history_events_max: u32,
    /// Iterations of an inline Map that run at a time, whatever MaxConcurrency allows: 40
    /// (developer guide, "Map state processing modes").
    pub map_concurrency_max: u32,
    /// Variables of one execution: 10 MiB. One variable, and all of one Assign, have the limit of
    /// a payload.
    pub variables_bytes_max: u32,
    /// Transitions in one decision before the execution yields to others. Ours, not AWS's.
    pub transitions_per_decision_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            payload_bytes_max: 262_144,
            history_events_max: 25_000,
            map_concurrency_max: 40,
            variables_bytes_max: 10 * 1024 * 1024,
            transitions_per_decision_max: 500,
        }
    }
}

impl Limits {
    /// [`Limits::payload_bytes_max`] as a length.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        usize::try_from(self.payload_bytes_max).unwrap_or(usize::MAX)
    }
}
