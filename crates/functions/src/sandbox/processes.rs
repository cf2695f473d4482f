//! The processes of an environment, as the kernel lists them: its first one and all that descend
//! from it. Orphans fall to the first one, so none is missed.

use std::collections::HashMap;
use std::fs;

#[cfg(test)]
mod tests;

/// What the kernel says about one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    is_zombie: bool,
}

/// `first` and all that descend from it now, parents before children.
pub(crate) fn descendants(first: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (process, stat) in all() {
        if !stat.is_zombie {
            children.entry(stat.parent).or_default().push(process);
        }
    }
    let mut found = vec![first];
    let mut next = 0;
    while let Some(process) = found.get(next).copied() {
        next += 1;
        found.extend(children.remove(&process).unwrap_or_default());
    }
    found
}

fn all() -> impl Iterator<Item = (u32, Stat)> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            Some((process, parse(&stat)?))
        })
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
