//! See [`harness::judge`].

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> anyhow::Result<ExitCode> {
    harness::judge::run(&harness::judge::Options::parse())
}
