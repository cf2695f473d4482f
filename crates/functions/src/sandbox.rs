//! What keeps a function from the rest of the machine: layers that hold independently of each
//! other, each tried out at start and shown by `lockstep doctor`. What this host grants is used;
//! what it does not is left out, unless the configuration demands it: then no function runs at all.
//!
//! - *Namespaces*: a root of its own with the code in `/var/task`, layers in `/opt`, bootstraps in
//!   `/var/runtime`, programs and libraries of the system, all read-only, and `/tmp` in memory.
//!   Nothing of the server, of other functions or of anybody's home. No processes but its own. Its
//!   user is nobody on the host; root gives each environment a user of its own.
//! - *Landlock*: the same files once more, by the kernel's rules. Where there are no namespaces,
//!   they keep a function to its folders among those of the host.
//! - *Seccomp*: system calls that reach into the kernel or other processes fail.
//! - *Control groups*: the kernel bounds memory and processes. Where there are none, and for what
//!   is finer than they are, a watchdog looks.
//! - Always: no capabilities, no new ones, bounds on files and core dumps, nothing inherited, and
//!   an end with the server.
//!
//! # Network
//!
//! On AWS a function without a VPC reaches the internet, and so it does here: by default it has the
//! host's network. One thing there is not everybody's, the Runtime API of each environment: it
//! serves only processes of that environment (module `listener`). With [`Network::None`] an
//! environment has a network namespace with two sockets that listen in it, which the server
//! answers: the Runtime API and `AWS_ENDPOINT_URL`.
//!
//! # Who starts what
//!
//! ```text
//! server ── thread ── keeper ── init (first of the namespaces) ── runtime ── whatever it starts
//! ```
//! The keeper is this program, started once more; init is a copy of the keeper. Each ends when
//! the one before it does.

mod cgroups;
mod files;
pub(crate) mod forward;
pub(crate) mod init;
pub(crate) mod keeper;
mod landlock;
pub(crate) mod listener;
mod loopback;
pub(crate) mod messages;
pub(crate) mod peer;
pub(crate) mod plan;
mod privileges;
pub(crate) mod processes;
mod root;
mod seccomp;
mod trial;
pub(crate) mod watchdog;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use cgroups::{Cgroups, Group};
pub(crate) use files::{make_folder, of_interpreter, of_prefix, outermost, write_file};
use plan::{Layers, Namespaces};

/// One line of defence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LayerKind {
    /// A root, processes, users and names of its own.
    Namespaces,
    /// Rules on files, checked by the kernel a second time.
    Landlock,
    /// A list of system calls that are refused.
    Seccomp,
    /// Bounds on memory and processes, kept by the kernel.
    Cgroups,
}

impl LayerKind {
    pub const ALL: [LayerKind; 4] = [
        LayerKind::Namespaces,
        LayerKind::Landlock,
        LayerKind::Seccomp,
        LayerKind::Cgroups,
    ];

    /// As in the configuration and in `lockstep doctor`.
    pub fn name(self) -> &'static str {
        match self {
            LayerKind::Namespaces => "namespaces",
            LayerKind::Landlock => "landlock",
            LayerKind::Seccomp => "seccomp",
            LayerKind::Cgroups => "cgroups",
        }
    }

    /// What it keeps a function from.
    pub fn gives(self) -> &'static str {
        match self {
            LayerKind::Namespaces => {
                "functions see their own files and processes only, as a user without rights"
            }
            LayerKind::Landlock => "file access is checked a second time by the kernel's own rules",
            LayerKind::Seccomp => "system calls that reach into the kernel are refused",
            LayerKind::Cgroups => "the kernel bounds the memory and the processes of a function",
        }
    }

    /// How to get it.
    pub fn remedy(self) -> &'static str {
        match self {
            LayerKind::Namespaces => {
                "it takes Linux 5.12 or newer that lets this user make user namespaces: see the \
                 sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone (Debian) and \
                 kernel.apparmor_restrict_unprivileged_userns (Ubuntu); in a container \
                 `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"
            }
            LayerKind::Landlock => {
                "it takes Linux 5.13 or newer with `landlock` among the kernel's security modules \
                 (parameter lsm=)"
            }
            LayerKind::Seccomp => "it takes a kernel with seccomp filters, on x86-64 or arm64",
            LayerKind::Cgroups => {
                "run the server as root, or as a systemd unit with `Delegate=memory pids`; without \
                 it the server itself looks after the memory of functions, ten times a second"
            }
        }
    }

    /// The layer of that name.
    pub fn parse(name: &str) -> Option<LayerKind> {
        LayerKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What functions can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// What the host can reach, as on AWS without a VPC.
    #[default]
    Host,
    /// The Runtime API and `AWS_ENDPOINT_URL`, nothing else.
    None,
}

/// What a [`crate::Pool`] demands of the sandbox. What this host has is used, demanded or not,
/// unless it is to be done without.
#[derive(Debug, Clone, Default)]
pub struct SandboxPolicy {
    /// Layers without which no pool is made.
    pub demanded: Vec<LayerKind>,
    /// Layers that are not used though this host has them.
    pub without: Vec<LayerKind>,
    pub network: Network,
    /// Folders that no function sees though they may lie in a folder of the system.
    pub hidden: Vec<PathBuf>,
}

/// One layer on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub kind: LayerKind,
    pub state: State,
}

/// Whether functions get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Active,
    /// With the reason.
    Missing(String),
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        match &self.state {
            State::Active => write!(f, "{kind}: {}", kind.gives()),
            State::Missing(reason) => write!(f, "{kind}: missing ({reason}); {}", kind.remedy()),
        }
    }
}

/// A demanded layer that this host does not have.
#[derive(Debug, thiserror::Error)]
#[error(
    "functions would run without the layer `{}` of their sandbox: {reason}; {}",
    kind.name(), kind.remedy()
)]
pub struct Unmet {
    pub kind: LayerKind,
    pub reason: String,
}

/// Tries every layer on this host. Starts processes and waits for them: tens of milliseconds.
/// The outcome is kept as long as this process lives. `folder` is one to work in, made when
/// missing; nothing in it is worth keeping.
pub fn probe(folder: &Path, network: Network) -> io::Result<Vec<Layer>> {
    Ok(found(folder, network)?.report)
}

fn found(folder: &Path, network: Network) -> io::Result<trial::Found> {
    static HOST: OnceLock<trial::Found> = OnceLock::new();
    static NONE: OnceLock<trial::Found> = OnceLock::new();
    let kept = match network {
        Network::Host => &HOST,
        Network::None => &NONE,
    };
    if let Some(found) = kept.get() {
        return Ok(found.clone());
    }
    let found = trial::run(folder, network)?;
    Ok(kept.get_or_init(|| found).clone())
}

/// Signals to the first process of an environment.
pub(crate) const FREEZE: rustix::process::Signal = rustix::process::Signal::USR1;
pub(crate) const THAW: rustix::process::Signal = rustix::process::Signal::USR2;

/// The sandbox of one pool.
pub(crate) struct Sandbox {
    pub(crate) layers: Layers,
    pub(crate) network: Network,
    pub(crate) hidden: Vec<PathBuf>,
    pub(crate) root: PathBuf,
    pub(crate) etc: PathBuf,
    /// Made with the first environment: many pools never have one.
    cgroups: Mutex<Option<Cgroups>>,
    /// What there is of it, for people.
    pub(crate) report: Vec<Layer>,
}

impl Sandbox {
    /// Uses `folder`, and what this host has. The error is [`Unmet`] when that is not enough.
    pub(crate) fn open(folder: &Path, policy: &SandboxPolicy) -> io::Result<Sandbox> {
        files::make_folder(folder)?;
        let folder = folder.canonicalize()?;
        let (root, etc) = (folder.join("root"), folder.join("etc"));
        files::make_folder(&root)?;
        files::make_etc(&etc)?;
        let mut found = found(&folder, policy.network)?;
        for kind in &policy.without {
            found.leave_out(*kind);
        }
        policy.check(&found.report)?;
        // The folder of the pool is hidden in any case, wherever it lies.
        let pool = folder.parent().map(Path::to_path_buf);
        let hidden = policy
            .hidden
            .iter()
            .filter_map(|path| path.canonicalize().ok());
        Ok(Sandbox {
            layers: found.layers,
            network: policy.network,
            hidden: hidden.chain(pool).collect(),
            root,
            etc,
            cgroups: Mutex::default(),
            report: found.report,
        })
    }

    /// The control group of environment `number`, where there are such.
    pub(crate) fn group(
        &self,
        number: u32,
        memory_mb: u32,
        tmp_mb: u32,
    ) -> io::Result<Option<Group>> {
        if !self.layers.cgroups {
            return Ok(None);
        }
        let mut cgroups = self.cgroups.lock();
        let cgroups = match &mut *cgroups {
            Some(cgroups) => cgroups,
            none => none.insert(Cgroups::open().map_err(io::Error::other)?),
        };
        cgroups.make(number, memory_mb, tmp_mb).map(Some)
    }

    pub(crate) fn has_own_root(&self) -> bool {
        self.layers.namespaces != Namespaces::No
    }
}

impl SandboxPolicy {
    /// Refuses a host without a demanded layer.
    fn check(&self, report: &[Layer]) -> io::Result<()> {
        let mut demanded = self.demanded.clone();
        if self.network == Network::None {
            demanded.push(LayerKind::Namespaces);
        }
        for Layer { kind, state } in report {
            if let State::Missing(reason) = state
                && demanded.contains(kind)
            {
                let (kind, reason) = (*kind, reason.clone());
                return Err(io::Error::other(Unmet { kind, reason }));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
