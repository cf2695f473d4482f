//! What the operating system knows of this process.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

/// Figures of this process; 0 where the system doesn't tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub open_files: u64,
    /// Since the epoch.
    pub started_seconds: f64,
}

impl Process {
    pub(super) fn now() -> Process {
        let of = |variable| sysconf(variable).ok().flatten();
        let ticks = of(SysconfVar::CLK_TCK).and_then(|ticks| i32::try_from(ticks).ok());
        let page_bytes = of(SysconfVar::PAGE_SIZE).and_then(|bytes| u64::try_from(bytes).ok());
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The name of the program, in brackets, may hold spaces.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        let seconds = |at| Some(number(at)? / f64::from(ticks?));
        let pages = fields.get(21).and_then(|field| field.parse::<u64>().ok());
        let files = fs::read_dir("/proc/self/fd").map(|files| files.count());
        Process {
            cpu_seconds: seconds(11).unwrap_or_default() + seconds(12).unwrap_or_default(),
            resident_bytes: pages.unwrap_or_default() * page_bytes.unwrap_or_default(),
            open_files: files
                .ok()
                .and_then(|count| count.try_into().ok())
                .unwrap_or_default(),
            started_seconds: booted_seconds() + seconds(19).unwrap_or_default(),
        }
    }
}

/// When the machine began.
fn booted_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "));
    line.and_then(|seconds| seconds.trim().parse().ok())
        .unwrap_or_default()
}
