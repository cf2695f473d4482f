//! What functions are kept from: which layers of their sandbox are demanded, and what is said of
//! those that are missing.

use std::io;

use anyhow::{Result, anyhow, bail};
use functions::sandbox::{Layer, LayerKind, Network, SandboxPolicy, State, Unmet, probe};

use crate::cli::Mode;
use crate::config::Config;

/// What `serve` demands unless the settings say otherwise. The others are a second line behind
/// these, or have a substitute.
const DEMANDED: [LayerKind; 2] = [LayerKind::Namespaces, LayerKind::Seccomp];

/// The names that settings know.
const NETWORKS: [(&str, Network); 2] = [("host", Network::Host), ("none", Network::None)];

/// Reads the settings, and refuses names that mean nothing.
pub(crate) fn check(config: &Config) -> Result<()> {
    network(config)?;
    demanded(config, Mode::Serve)?;
    Ok(())
}

/// What the pool of functions has to hold to.
pub(crate) fn policy(config: &Config, mode: Mode) -> Result<SandboxPolicy> {
    Ok(SandboxPolicy {
        demanded: match config.allow_unsandboxed {
            true => Vec::new(),
            false => demanded(config, mode)?,
        },
        without: Vec::new(),
        network: network(config)?,
        hidden: vec![config.data.clone()],
    })
}

fn network(config: &Config) -> Result<Network> {
    let name = &config.function_network;
    match NETWORKS.iter().find(|(known, _)| known == name) {
        Some((_, network)) => Ok(*network),
        None => bail!(
            "`function_network` is `{name}`: it is `host`, where functions reach what this machine \
             does, or `none`, where they reach Lockstep only"
        ),
    }
}

fn demanded(config: &Config, mode: Mode) -> Result<Vec<LayerKind>> {
    let Some(names) = &config.function_sandbox else {
        return Ok(match mode {
            Mode::Serve => DEMANDED.to_vec(),
            Mode::Dev => Vec::new(),
        });
    };
    let kind = |name: &String| match LayerKind::parse(name) {
        Some(kind) => Ok(kind),
        None => bail!(
            "`function_sandbox` names `{name}`: the layers of the sandbox are {}",
            LayerKind::ALL.map(LayerKind::name).join(", ")
        ),
    };
    names.iter().map(kind).collect()
}

/// What to do about a layer that is missing and demanded.
pub(crate) const REMEDY: &str = "mend that, or start with --allow-unsandboxed \
     (LOCKSTEP_ALLOW_UNSANDBOXED=true, or `allow_unsandboxed` in the configuration file) if all \
     functions are code you trust";

/// Why no function can run here.
pub(crate) fn refusal(error: io::Error) -> anyhow::Error {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Unmet>())
    {
        Some(unmet) => anyhow!("{unmet}; {REMEDY}"),
        None => anyhow!(error).context("cannot prepare what functions run in"),
    }
}

/// Says which layers functions do without.
pub(crate) fn warn(layers: &[Layer]) {
    for layer in layers {
        if let State::Missing(_) = layer.state {
            tracing::warn!("the sandbox of functions lacks a layer: {layer}");
        }
    }
}

/// The layers of this machine, for `doctor`: each with whether `serve` refuses to start for it.
pub(crate) fn layers(config: &Config) -> Result<Vec<(Layer, bool)>> {
    let policy = policy(config, Mode::Serve)?;
    let folder = std::env::temp_dir().join(format!("lockstep-doctor-{}", std::process::id()));
    let found = probe(&folder, policy.network);
    // It was made for this.
    let _ = std::fs::remove_dir_all(&folder);
    let demanded = |layer: Layer| {
        let is_demanded = policy.demanded.contains(&layer.kind);
        (layer, is_demanded)
    };
    Ok(found?.into_iter().map(demanded).collect())
}

#[cfg(test)]
mod tests;
