//! Control groups: the kernel's own bounds on the memory and the processes of an environment. Each
//! environment is a group below one of ours, which lies below the server's own group, or beside it.
//!
//! Both versions are used, whichever the host has: version 2 with the controllers `memory` and
//! `pids` on, or the two hierarchies of version 1. What is in `/tmp` is memory to the kernel; so
//! the hard bound has room for it, and the function's own part is looked after by the
//! [`super::watchdog`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::processes;

#[cfg(test)]
mod tests;

/// What a group may have beyond the function's memory and `/tmp`: page tables and the like.
const OVERHEAD_BYTES: u64 = 32 << 20;
/// Processes and threads, as on AWS.
const PROCESSES_MAX: u32 = 1_024;
const PREFIX: &str = "lockstep-functions-";
/// Where the server itself goes when its group is to have groups below it.
const SERVER: &str = "lockstep-server";

/// How often, and with which pause, our groups are tried to be removed at the end.
const REMOVALS_MAX: u32 = 40;
const REMOVAL_PAUSE: Duration = Duration::from_millis(5);

/// Groups of this server are told apart by process, and by pool.
static POOLS: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Our groups, one in each hierarchy. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Cgroups {
    version: Version,
    folders: Vec<PathBuf>,
}

/// The group of one environment.
#[derive(Debug)]
pub(crate) struct Group {
    version: Version,
    /// The first is the one that bounds memory.
    folders: Vec<PathBuf>,
}

impl Cgroups {
    /// Makes our groups, and removes what a dead server left. The error says what is in the way.
    pub(crate) fn open() -> Result<Cgroups, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let mounts =
            fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
        let (version, parents) = places(&own, &mounts)?;
        let name = format!(
            "{PREFIX}{}-{}",
            process::id(),
            POOLS.fetch_add(1, Ordering::Relaxed)
        );
        let mut made = Cgroups {
            version,
            folders: Vec::new(),
        };
        for candidates in parents {
            let folder = make_below(version, &candidates, &name)?;
            made.folders.push(folder);
        }
        Ok(made)
    }

    /// Makes the group of one environment.
    pub(crate) fn make(&self, number: u32, memory_mb: u32, tmp_mb: u32) -> io::Result<Group> {
        let bytes = (u64::from(memory_mb) + u64::from(tmp_mb)) * (1 << 20) + OVERHEAD_BYTES;
        let mut group = Group {
            version: self.version,
            folders: Vec::new(),
        };
        for parent in &self.folders {
            let folder = parent.join(number.to_string());
            fs::create_dir(&folder)?;
            group.folders.push(folder);
        }
        match self.version {
            Version::One => {
                group.set("memory.limit_in_bytes", &bytes.to_string())?;
                // Only there when the kernel counts swap.
                let _ = group.set("memory.memsw.limit_in_bytes", &bytes.to_string());
            }
            Version::Two => {
                group.set("memory.max", &bytes.to_string())?;
                let _ = group.set("memory.swap.max", "0");
                let _ = group.set("memory.oom.group", "1");
            }
        }
        group.set("pids.max", &PROCESSES_MAX.to_string())?;
        Ok(group)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        // The last environments were killed just now, and end in a moment. What stays all the same
        // goes when the next server starts.
        for _ in 0..REMOVALS_MAX {
            self.folders.iter().for_each(|folder| remove(folder));
            if !self.folders.iter().any(|folder| folder.exists()) {
                return;
            }
            thread::sleep(REMOVAL_PAUSE);
        }
    }
}

impl Group {
    /// Writing the number of a process to each of them puts it into the group.
    pub(crate) fn doors(&self) -> Vec<PathBuf> {
        let doors = self.folders.iter();
        doors.map(|folder| folder.join("cgroup.procs")).collect()
    }

    /// How often the kernel killed for memory.
    pub(crate) fn has_run_out_of_memory(&self) -> bool {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        self.number(file, "oom_kill").is_some_and(|count| count > 0)
    }

    /// The processes' own memory, without files and `/tmp`.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        let name = match self.version {
            Version::One => "rss",
            Version::Two => "anon",
        };
        self.number("memory.stat", name)
    }

    /// Removes it; false as long as a process is in it.
    pub(crate) fn remove(&mut self) -> bool {
        self.folders.retain(|folder| {
            let removed = fs::remove_dir(folder);
            removed.is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
        });
        self.folders.is_empty()
    }

    fn number(&self, file: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.folders.first()?.join(file)).ok()?;
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(' ')?;
            (key == name).then(|| value.trim().parse().ok())?
        })
    }

    /// Sets a bound where the file is: in one hierarchy or the other.
    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        let found = self.folders.iter().map(|folder| folder.join(file));
        let found = found.into_iter().find(|file| file.exists());
        fs::write(found.ok_or(io::ErrorKind::NotFound)?, value)
    }
}

/// Where our groups may be made, per hierarchy in the order to try.
fn places(own: &str, mounts: &str) -> Result<(Version, Vec<Vec<PathBuf>>), String> {
    let two = hierarchy(own, mounts, "");
    let controllers = two.as_ref().map(|folder| folder.join("cgroup.controllers"));
    let controllers = controllers.and_then(|file| fs::read_to_string(file).ok());
    let has = |name: &str| {
        let mut names = controllers.iter().flat_map(|text| text.split_whitespace());
        names.any(|found| found == name)
    };
    if let Some(folder) = two
        && has("memory")
        && has("pids")
    {
        let beside = folder.parent().map(Path::to_path_buf);
        // Once this server has stepped aside, its groups are beside it.
        let own = (!folder.ends_with(SERVER)).then_some(folder);
        return Ok((Version::Two, vec![own.into_iter().chain(beside).collect()]));
    }
    let one = ["memory", "pids"].map(|controller| hierarchy(own, mounts, controller));
    match one {
        [Some(memory), Some(pids)] => Ok((Version::One, vec![vec![memory], vec![pids]])),
        _ => Err("the controllers `memory` and `pids` are not mounted, or not handed on".into()),
    }
}

/// The folder of this process's group in the hierarchy of a controller; of version 2 without one.
fn hierarchy(own: &str, mounts: &str, controller: &str) -> Option<PathBuf> {
    let group = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        let mut controllers = controllers.split(',');
        controllers
            .any(|found| found == controller)
            .then_some(group)
    })?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let is_it = match (kind.next()?, kind.next(), kind.next()) {
            ("cgroup2", _, _) => controller.is_empty(),
            ("cgroup", _, Some(options)) => options.split(',').any(|name| name == controller),
            _ => false,
        };
        let mut fields = mount.split(' ').skip(3);
        let (root, at) = (fields.next()?, fields.next()?);
        let below = Path::new(group).strip_prefix(root).ok()?;
        is_it.then(|| Path::new(at).join(below))
    })
}

fn make_below(version: Version, candidates: &[PathBuf], name: &str) -> Result<PathBuf, String> {
    let mut why = String::new();
    for parent in candidates {
        remove_leftovers(parent);
        match try_make(version, parent, name) {
            Ok(folder) => return Ok(folder),
            Err(error) => why = format!("{why}`{}`: {error}; ", parent.display()),
        }
    }
    Err(why.trim_end_matches("; ").to_owned())
}

fn try_make(version: Version, parent: &Path, name: &str) -> io::Result<PathBuf> {
    let controls = "cgroup.subtree_control";
    if version == Version::Two {
        let on = fs::read_to_string(parent.join(controls))?;
        let is_on = |name: &str| on.split_whitespace().any(|found| found == name);
        if !(is_on("memory") && is_on("pids")) {
            switch_on(parent)?;
        }
    }
    let folder = parent.join(name);
    fs::create_dir(&folder)?;
    let ready = match version {
        Version::One => Ok(()),
        Version::Two => switch_on(&folder),
    };
    // A process has to be let in; who may make a group may still not move processes into it.
    let ready = ready.and_then(|()| {
        let procs = fs::OpenOptions::new()
            .write(true)
            .open(folder.join("cgroup.procs"));
        procs.map(drop)
    });
    match ready {
        Ok(()) => Ok(folder),
        Err(error) => {
            remove(&folder);
            Err(error)
        }
    }
}

/// Has the groups below this one bound memory and processes. A group that does may have no process
/// of its own: those of this server move into a group below.
fn switch_on(folder: &Path) -> io::Result<()> {
    let switched = || fs::write(folder.join("cgroup.subtree_control"), "+memory +pids");
    match switched() {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            step_aside(folder)?;
            switched()
        }
        switched => switched,
    }
}

/// Moves the processes of a group one level down, if all of them are this server's.
fn step_aside(folder: &Path) -> io::Result<()> {
    let ours = processes::descendants(process::id());
    let found = fs::read_to_string(folder.join("cgroup.procs"))?;
    let is_ours = |number: &str| number.parse().is_ok_and(|number| ours.contains(&number));
    if !found.lines().all(is_ours) {
        return Err(io::Error::other(
            "the group has processes that are not ours",
        ));
    }
    let below = folder.join(SERVER);
    match fs::create_dir(&below) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for number in found.lines() {
        fs::write(below.join("cgroup.procs"), number)?;
    }
    Ok(())
}

/// Removes the groups of servers that are no more.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let server = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if let Some(server) = server
            && !Path::new("/proc").join(server).exists()
        {
            remove(&entry.path());
        }
    }
}

/// Removes a group of ours and those below it. One with a process in it stays.
fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            let _ = fs::remove_dir(entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}
