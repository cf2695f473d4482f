//! Finds out which layers this host has, by making an environment that does all but run a function.
//! A layer that fails is left out, and the rest tried again.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

use super::cgroups::Cgroups;
use super::keeper::Keeper;
use super::plan::{Fault, Layers, Namespaces, Order, Plan, Told, View};
use super::{Layer, LayerKind, Network, State, files, messages};

/// Takes milliseconds, seconds on a host that starts a hundred things at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What this host has.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) layers: Layers,
    pub(crate) report: Vec<Layer>,
}

impl Found {
    /// Does without a layer altogether.
    pub(crate) fn leave_out(&mut self, kind: LayerKind) {
        while leave_out(&mut self.layers, kind) {}
        for layer in self.report.iter_mut().filter(|layer| layer.kind == kind) {
            layer.state = State::Missing("it is switched off".to_owned());
        }
    }
}

/// Tries everything. `folder` is an existing one that nobody else uses meanwhile.
pub(crate) fn run(folder: &Path, network: Network) -> io::Result<Found> {
    let root = folder.join("root");
    let etc = folder.join("etc");
    files::make_folder(&root)?;
    files::make_etc(&etc)?;
    let keeper = Keeper::start()?;
    let cgroups = Cgroups::open();
    let mut layers = Layers {
        namespaces: match rustix::process::geteuid().is_root() {
            true => Namespaces::OwnUser,
            false => Namespaces::SameUser,
        },
        landlock: true,
        seccomp: true,
        cgroups: cgroups.is_ok(),
    };
    let mut faults = Vec::new();
    if let Err(reason) = &cgroups {
        faults.push((LayerKind::Cgroups, reason.clone()));
    }
    let view = View {
        root,
        code: etc.clone(),
        layers: None,
        runtime: etc.clone(),
        scratch: etc.clone(),
        etc,
        shown: Vec::new(),
        hidden: Vec::new(),
        tmp_mb: 1,
    };
    while let Err(fault) = attempt(&keeper, layers, &view, network, cgroups.as_ref().ok())? {
        let Some(kind) = fault.layer else {
            return Err(fault.into());
        };
        if !leave_out(&mut layers, kind) {
            return Err(fault.into());
        }
        faults.push((kind, fault.text));
    }
    Ok(Found {
        layers,
        report: report(layers, &faults),
    })
}

/// Does without a layer, or with less of it. False when it was not asked for at all.
fn leave_out(layers: &mut Layers, kind: LayerKind) -> bool {
    match kind {
        LayerKind::Namespaces => {
            let before = layers.namespaces;
            layers.namespaces = match before {
                Namespaces::OwnUser => Namespaces::SameUser,
                Namespaces::SameUser | Namespaces::No => Namespaces::No,
            };
            before != Namespaces::No
        }
        LayerKind::Landlock => std::mem::replace(&mut layers.landlock, false),
        LayerKind::Seccomp => std::mem::replace(&mut layers.seccomp, false),
        LayerKind::Cgroups => std::mem::replace(&mut layers.cgroups, false),
    }
}

fn report(layers: Layers, faults: &[(LayerKind, String)]) -> Vec<Layer> {
    LayerKind::ALL
        .into_iter()
        .map(|kind| {
            let is_active = match kind {
                LayerKind::Namespaces => layers.namespaces != Namespaces::No,
                LayerKind::Landlock => layers.landlock,
                LayerKind::Seccomp => layers.seccomp,
                LayerKind::Cgroups => layers.cgroups,
            };
            let last = faults.iter().rfind(|(failed, _)| *failed == kind);
            let state = match (is_active, last) {
                (false, Some((_, reason))) => State::Missing(reason.clone()),
                // Only what failed is left out.
                (false, None) | (true, _) => State::Active,
            };
            Layer { kind, state }
        })
        .collect()
}

/// Makes one environment of these layers.
fn attempt(
    keeper: &Keeper,
    layers: Layers,
    view: &View,
    network: Network,
    cgroups: Option<&Cgroups>,
) -> io::Result<Result<(), Fault>> {
    let mut group = match cgroups
        .filter(|_| layers.cgroups)
        .map(|all| all.make(0, 1, 1))
    {
        None => None,
        Some(Ok(group)) => Some(group),
        Some(Err(error)) => {
            return Ok(Err(Fault {
                layer: Some(LayerKind::Cgroups),
                ..Fault::plain(error.to_string())
            }));
        }
    };
    let has_own_network = network == Network::None && layers.namespaces != Namespaces::No;
    let plan = Plan {
        layers,
        program: None,
        arguments: Vec::new(),
        variables: Default::default(),
        folder: "/".into(),
        view: view.clone(),
        listen: has_own_network.then(Vec::new),
    };
    let order = Order {
        namespaces: layers.namespaces,
        own_network: has_own_network,
        number: 0,
        cgroups: group.iter().flat_map(|group| group.doors()).collect(),
    };
    let (_, output) = io::pipe()?;
    let (status, its_own) = messages::pair()?;
    let plan = messages::in_memory(&plan)?;
    let ordered = keeper.order(&order, [plan.as_fd(), its_own.as_fd(), output.as_fd()])?;
    drop(its_own);
    let outcome = match ordered {
        Ok(_) => wait(&status),
        Err(fault) => Ok(Err(fault)),
    };
    // The group is empty once the process is gone, a moment after its last word.
    for _ in 0..100 {
        if group.as_mut().is_none_or(|group| group.remove()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    outcome
}

/// Waits for the end, which comes after the start unless something failed.
fn wait(status: &impl AsFd) -> io::Result<Result<(), Fault>> {
    let patience = Timespec {
        tv_sec: ANSWER_TIMEOUT.as_secs().cast_signed(),
        tv_nsec: 0,
    };
    let mut has_started = false;
    loop {
        let mut polled = [PollFd::new(status, PollFlags::IN)];
        if poll(&mut polled, Some(&patience))? == 0 {
            return Err(io::Error::other(
                "a trial of the sandbox did not end in time",
            ));
        }
        match messages::receive(status, RecvFlags::empty())? {
            Some((Told::Failed(fault), _)) => return Ok(Err(fault)),
            Some((Told::Started, _)) => has_started = true,
            Some((Told::Ended(0), _)) | None if has_started => return Ok(Ok(())),
            Some((Told::Listening, _)) => {}
            Some((Told::Ended(_), _)) | None => {
                return Ok(Err(Fault::plain("a trial of the sandbox was killed")));
            }
        }
    }
}
