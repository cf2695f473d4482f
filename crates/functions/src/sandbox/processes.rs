//! The processes of an environment, as the kernel lists them: its first one and all that descend
//! from it. Orphans fall to the first one, so none is missed.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};

#[cfg(test)]
mod tests;

/// A process that is killed when this is dropped. Unlike its number, a handle never comes to mean
/// another process.
pub(crate) struct Handle {
    descriptor: OwnedFd,
}

impl Handle {
    pub(crate) fn new(descriptor: OwnedFd) -> Handle {
        Handle { descriptor }
    }

    /// Sends a signal; nothing happens when the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.descriptor, signal);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// All processes of this host at one moment, each with its children.
pub(crate) struct Tree {
    children: HashMap<u32, Vec<u32>>,
}

/// What the kernel says about one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    is_zombie: bool,
}

impl Tree {
    pub(crate) fn read() -> Tree {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            match stat(process) {
                Some(stat) if !stat.is_zombie => {
                    children.entry(stat.parent).or_default().push(process);
                }
                _ => {}
            }
        }
        Tree { children }
    }

    /// `first` and all that descend from it, parents before children.
    pub(crate) fn descendants(&self, first: u32) -> Vec<u32> {
        let mut found = vec![first];
        let mut next = 0;
        while let Some(process) = found.get(next) {
            next += 1;
            if let Some(children) = self.children.get(process) {
                found.extend(children);
            }
        }
        found
    }
}

/// `first` and all that descend from it now, parents before children.
pub(crate) fn descendants(first: u32) -> Vec<u32> {
    Tree::read().descendants(first)
}

/// Kills all that descends from `first`, which goes on.
pub(crate) fn kill_descendants(first: u32) {
    descendants(first).into_iter().skip(1).for_each(kill);
}

/// Kills one process, by its number.
pub(crate) fn kill(process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    // It may have ended meanwhile.
    let _ = process.map(|process| kill_process(process, Signal::KILL));
}

/// The oldest child of a process of one thread.
pub(crate) fn first_child(process: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    match children {
        Ok(children) => children.split_ascii_whitespace().next()?.parse().ok(),
        // Not every kernel has that list.
        Err(_) => descendants(process).get(1).copied(),
    }
}

fn stat(process: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The name in parentheses may hold anything, parentheses too.
fn parse(stat: &str) -> Option<Stat> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    Some(Stat {
        parent: fields.next()?.parse().ok()?,
        is_zombie: matches!(state, "Z" | "X"),
    })
}

/// One number of `/proc/<process>/status`, in kilobytes; `None` when the process has ended.
pub(crate) fn status_kb(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let text = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    text.trim().strip_suffix(" kB")?.parse().ok()
}

/// The memory of these processes that is nobody else's, in bytes.
pub(crate) fn memory_bytes(processes: &[u32]) -> u64 {
    let of = |process: &u32| {
        status_kb(*process, "RssAnon").unwrap_or(0) + status_kb(*process, "RssShmem").unwrap_or(0)
    };
    processes.iter().map(of).sum::<u64>() * 1_024
}
