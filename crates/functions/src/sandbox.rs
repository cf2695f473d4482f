//! What keeps a function from the rest of the machine: layers that hold independently of each
//! other, each tried out at start and shown by `lockstep doctor`.

pub(crate) mod listener;
pub(crate) mod peer;
pub(crate) mod processes;

use std::fmt;
use std::path::PathBuf;

/// One line of defence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// What a [`crate::Pool`] demands of the sandbox. What this host has is used, demanded or not.
#[derive(Debug, Clone, Default)]
pub struct SandboxPolicy {
    /// Layers without which no pool is made.
    pub demanded: Vec<LayerKind>,
    pub network: Network,
    /// Folders that no function sees though they may lie in a folder of the system.
    pub hidden: Vec<PathBuf>,
}
