//! See [`harness::instructions`].

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> anyhow::Result<ExitCode> {
    harness::instructions::run(&harness::instructions::Options::parse())
}
