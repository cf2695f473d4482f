//! What the process of an environment has to do before it becomes the function's runtime, as plain
//! data that travels from the server to it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::LayerKind;

/// Which layers an environment is made with: all that this host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layers {
    pub(crate) namespaces: Namespaces,
    pub(crate) landlock: bool,
    pub(crate) seccomp: bool,
    pub(crate) cgroups: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Namespaces {
    No,
    /// With the server's own user, under another number.
    SameUser,
    /// With a user of the host that nobody else is; only root can arrange that.
    OwnUser,
}

/// What the keeper has to know of a new environment. Secrets are in the [`Plan`], which the keeper
/// never reads.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) namespaces: Namespaces,
    /// Whether the environment gets a network of its own.
    pub(crate) own_network: bool,
    /// Counts environments, to give each a user of its own.
    pub(crate) number: u32,
    /// Files that take the number of a process into a control group.
    pub(crate) cgroups: Vec<PathBuf>,
}

/// All that the environment's first process does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) layers: Layers,
    /// What to become; `None` to try the layers and end.
    pub(crate) program: Option<PathBuf>,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: BTreeMap<String, String>,
    /// The working directory, as the process sees it.
    pub(crate) folder: PathBuf,
    pub(crate) view: View,
    /// Addresses to listen at in a network of its own.
    pub(crate) listen: Option<Vec<SocketAddr>>,
}

/// The files of an environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct View {
    /// An empty folder of the host that the new root is put together on.
    pub(crate) root: PathBuf,
    pub(crate) code: PathBuf,
    pub(crate) layers: Option<PathBuf>,
    pub(crate) runtime: PathBuf,
    pub(crate) scratch: PathBuf,
    /// Real `/etc`-like folder with what programs look for there.
    pub(crate) etc: PathBuf,
    /// Files and folders of the host beside those of the system.
    pub(crate) shown: Vec<PathBuf>,
    pub(crate) hidden: Vec<PathBuf>,
    pub(crate) tmp_mb: u32,
}

/// What the environment's first process tells the server, one message each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
    /// The sockets that listen where [`Plan::listen`] says come with it.
    Listening,
    /// The runtime runs; of a trial: every layer holds.
    Started,
    Failed(Fault),
    /// The runtime has ended; the number is the kernel's.
    Ended(i32),
}

/// What went wrong, and in which layer if in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) layer: Option<LayerKind>,
    pub(crate) text: String,
    /// Why the program was not started, as the kernel numbers it.
    pub(crate) not_started: Option<i32>,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        match fault.not_started {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::other(fault.text),
        }
    }
}

impl Fault {
    /// Not the fault of a layer.
    pub(crate) fn plain(text: impl Into<String>) -> Fault {
        Fault {
            layer: None,
            text: text.into(),
            not_started: None,
        }
    }
}

/// Says in which layer, and at what, a step failed.
pub(crate) trait Step<T> {
    fn step(self, layer: LayerKind, at: impl FnOnce() -> String) -> Result<T, Fault>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, layer: LayerKind, at: impl FnOnce() -> String) -> Result<T, Fault> {
        self.map_err(|error| Fault {
            layer: Some(layer),
            text: format!("{}: {error}", at()),
            not_started: None,
        })
    }
}
