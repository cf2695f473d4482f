//! The `lockstep` command.

mod banner;
mod cli;
mod client;
mod config;
mod dev_role;
mod diagnostics;
mod doctor;
mod door;
mod files;
mod guard;
mod http;
mod identity;
mod least_privilege;
mod metrics;
mod mocks;
mod plain;
mod pretty;
mod run;
mod sandbox;
mod server;
mod show;
mod throttle;
mod traces;
mod upkeep;
mod validate;
mod why;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, DevFlags, Iam, Mode};
use crate::config::{Config, Flags};
use crate::identity::GivenKey;
use crate::mocks::MockFile;
use crate::plain::Plain;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code when a command could not do its work at all.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match obey(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            if !is_reader_gone(&error) {
                let _ = writeln!(Plain(io::stderr()), "lockstep: {error:#}");
            }
            ExitCode::from(FAILED)
        }
    }
}

/// Whether nobody reads standard output any more, as with `| head`.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn obey(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Dev(DevFlags { flags, key, mocks }) => {
            start(&flags, Mode::Dev, &key, mocks.as_deref())
        }
        Command::Serve(flags) => start(&flags, Mode::Serve, &GivenKey::default(), None),
        Command::Run(arguments) => run::run(&arguments, &mut io::stdout()),
        Command::Validate(arguments) => validate::run(&arguments, &mut io::stdout()),
        Command::Show(arguments) => show::run(&arguments, &mut io::stdout()),
        Command::Why(arguments) => why::run(&arguments, &mut io::stdout()),
        Command::Iam(Iam::LeastPrivilege(arguments)) => {
            least_privilege::run(&arguments, &mut io::stdout())
        }
        Command::Doctor(flags) => doctor::run(&Config::load(&flags)?, &mut io::stdout()),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lockstep", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn start(flags: &Flags, mode: Mode, key: &GivenKey, mocks: Option<&Path>) -> Result<ExitCode> {
    let config = Config::load(flags)?;
    let mocks = mocks.map(MockFile::read).transpose()?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&config.log).map_err(|error| {
            let filter = &config.log;
            anyhow!(
                "`{filter}` is no log filter (--log, LOCKSTEP_LOG): {error}; write `info`, or \
                     per crate `engine=debug`"
            )
        })?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    for slip in config::slips() {
        tracing::warn!("{slip}");
    }
    server::run(&config, mode, key, mocks)?;
    Ok(ExitCode::SUCCESS)
}
