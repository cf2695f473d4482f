//! Rules on files that the kernel checks on every access, whatever is mounted. Behind a root of
//! its own they are the second line; where namespaces are missing they are the first.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::LayerKind::Landlock;
use super::files::{ETC, SYSTEM};
use super::plan::{Fault, Step, View};

/// The newest rules this build knows; an older kernel keeps those it knows. From version 6 on
/// signals and abstract sockets stay inside, too.
const VERSION: ABI = ABI::V6;

/// Confines this process, and all it will start, for good.
pub(crate) fn confine(view: &View, has_own_root: bool) -> Result<(), Fault> {
    let all = AccessFs::from_all(VERSION);
    let read = AccessFs::from_read(VERSION);
    let write = read | AccessFs::WriteFile | AccessFs::IoctlDev;
    let mut rules = Ruleset::default()
        .handle_access(all)
        // Without the first version nothing would hold; the rest is kept as far as it goes.
        .and_then(|rules| {
            rules
                .set_compatibility(CompatLevel::BestEffort)
                .scope(Scope::from_all(VERSION))
        })
        .and_then(Ruleset::create)
        .step(Landlock, || "making rules".into())?;
    let paths = if has_own_root {
        own_root(read, write, all)
    } else {
        host(view, read, write, all)
    };
    for (path, access) in paths {
        // What is not there needs no rule.
        let Ok(opened) = PathFd::new(&path) else {
            continue;
        };
        let access = if path.is_dir() {
            access
        } else {
            access & AccessFs::from_file(VERSION)
        };
        rules = rules
            .add_rule(PathBeneath::new(opened, access))
            .step(Landlock, || format!("a rule for {}", path.display()))?;
    }
    let status = rules
        .restrict_self()
        .step(Landlock, || "setting rules".into())?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(Fault {
            layer: Some(Landlock),
            ..Fault::plain("the kernel has no Landlock, or it is switched off")
        }),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

type Rights = BitFlags<AccessFs>;

/// All that is there may be read; it is mounted read-only anyway.
fn own_root(read: Rights, write: Rights, all: Rights) -> Vec<(PathBuf, Rights)> {
    vec![
        ("/".into(), read),
        ("/dev".into(), write),
        ("/tmp".into(), all),
    ]
}

/// The same files at their places on the host.
fn host(view: &View, read: Rights, write: Rights, all: Rights) -> Vec<(PathBuf, Rights)> {
    let mut paths: Vec<(PathBuf, Rights)> = SYSTEM
        .into_iter()
        .chain(["/proc", "/etc/passwd", "/etc/group"])
        .map(|path| (path.into(), read))
        .collect();
    paths.extend(ETC.map(|name| (Path::new("/etc").join(name), read)));
    paths.extend(super::files::DEVICES.map(|name| (Path::new("/dev").join(name), write)));
    let own = [&view.code, &view.runtime].into_iter();
    let own = own.chain(&view.layers).chain(&view.shown);
    paths.extend(own.map(|path| (path.clone(), read)));
    paths.push((view.scratch.clone(), all));
    paths
}
