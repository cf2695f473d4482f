//! What a process has used: processor time, bytes written, memory.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::ClockId;
use nix::unistd::Pid;

/// A running process, ours or one we started.
#[derive(Clone, Copy)]
pub(crate) struct Process {
    pid: Pid,
    clock: ClockId,
}

/// What a process has used since it began, or between two looks at it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time of all its threads. The same sum as in `/proc/<pid>/stat`, but in
    /// nanoseconds instead of ticks of 10 ms.
    pub(crate) cpu: Duration,
    /// Bytes it caused to be sent to the disk.
    pub(crate) written_bytes: u64,
}

impl Process {
    /// This very process.
    ///
    /// # Errors
    /// If the system has no such clock.
    pub(crate) fn own() -> Result<Process> {
        Process::new(nix::unistd::getpid())
    }

    /// A child.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn child(pid: u32) -> Result<Process> {
        Process::new(Pid::from_raw(i32::try_from(pid)?))
    }

    fn new(pid: Pid) -> Result<Process> {
        let clock = ClockId::pid_cpu_clock_id(pid);
        let clock = clock.with_context(|| format!("no processor time of process {pid}"))?;
        Ok(Process { pid, clock })
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        let cpu = self.clock.now().context("cannot read processor time")?;
        let written = self.field("io", "write_bytes:")?;
        let taken_back = self.field("io", "cancelled_write_bytes:")?;
        Ok(Usage {
            cpu: cpu.into(),
            written_bytes: written.saturating_sub(taken_back),
        })
    }

    /// Resident memory.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        Ok(self.field("status", "VmRSS:")? * 1_024)
    }

    /// The most memory it was ever resident with.
    pub(crate) fn resident_bytes_max(&self) -> Result<u64> {
        Ok(self.field("status", "VmHWM:")? * 1_024)
    }

    /// The number behind a name in one of the process's files.
    fn field(&self, file: &str, name: &str) -> Result<u64> {
        let path = format!("/proc/{}/{file}", self.pid);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        let number = value.and_then(|value| value.split_whitespace().next());
        number
            .context("the field is missing")?
            .parse()
            .context("not a number")
    }
}

impl Usage {
    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Usage) -> Usage {
        Usage {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }

    pub(crate) fn and(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu + other.cpu,
            written_bytes: self.written_bytes + other.written_bytes,
        }
    }
}
