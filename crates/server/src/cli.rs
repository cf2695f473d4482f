//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::{Flags, limits_help};
use crate::identity::GivenKey;
use crate::{least_privilege, run, show, validate, why};

/// A self-hosted AWS Step Functions: speaks the AWS APIs, runs Amazon States Language workflows
/// durably, on your machine.
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    about,
    long_about,
    arg_required_else_help = true
)]
#[command(after_help = "Start with `lockstep dev`; it prints what to try with the `aws` command.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start for development: on loopback, any access key is the administrator
    ///
    /// A 12-digit access key selects that account, any other one account 000000000000. The region
    /// is the one your client signs for. Keys of IAM users and sessions are what they are on AWS,
    /// and tasks run as their state machine's role.
    #[command(after_help = DEV_EXAMPLES, after_long_help = with_limits(DEV_EXAMPLES))]
    Dev(DevFlags),
    /// Start for others to use; every request must be signed, and IAM decides
    ///
    /// The root user's key is made at the first start and kept in the data folder
    /// (`root-credentials`). Settings come from flags, LOCKSTEP_ variables or a file.
    #[command(after_help = SERVE_EXAMPLES, after_long_help = with_limits(SERVE_EXAMPLES))]
    Serve(Flags),
    /// Run a definition here and now, without a server, its tasks answered by mocks
    ///
    /// Waits take their time unless they are skipped. Nothing is stored, and no call is made.
    #[command(after_help = run::EXAMPLES)]
    Run(run::Arguments),
    /// Check state machine definitions and show every problem with its line and column
    #[command(after_help = "\
Exit code 0: valid (warnings allowed), 1: errors, 2: a file cannot be read.

Examples:
  lockstep validate workflow.asl.json
  lockstep validate --json workflows/*.json | jq '.[] | select(.result == \"FAIL\") | .file'")]
    Validate(validate::Arguments),
    /// Tell the whole story of an execution, what failed first: code, policies, log lines, path
    #[command(after_help = show::HELP)]
    Show(show::Arguments),
    /// Explain a denied call: which policy denied it, and the smallest statement that allows it
    #[command(after_help = why::HELP)]
    Why(why::Arguments),
    /// Work with roles and policies
    #[command(subcommand)]
    Iam(Iam),
    /// Look at this machine and the store, and say what is missing or wrong
    Doctor(Flags),
    /// Print the completion script of a shell
    #[command(
        after_help = "Example:\n  lockstep completion bash > /etc/bash_completion.d/lockstep"
    )]
    Completion { shell: Shell },
}

/// The subcommands of `iam`.
#[derive(Debug, Subcommand)]
pub(crate) enum Iam {
    /// Print the smallest policy a state machine's role needs, and what it has beyond it
    #[command(after_help = least_privilege::HELP)]
    LeastPrivilege(least_privilege::Arguments),
}

const SERVE_EXAMPLES: &str = "Example:\n  lockstep serve --config lockstep.toml";

fn with_limits(examples: &str) -> String {
    format!("{}\n\n{examples}", limits_help())
}

const DEV_EXAMPLES: &str = "\
Examples:
  lockstep dev --data ./.lockstep --listen 127.0.0.1:8083
  lockstep dev --mocks MockConfigFile.json
  aws stepfunctions start-execution --state-machine-arn arn:...:stateMachine:Order#HappyPath";

/// The flags of `dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct DevFlags {
    #[command(flatten)]
    pub flags: Flags,
    #[command(flatten)]
    pub key: GivenKey,
    /// Mocked responses of tasks, in the format of Step Functions Local's MockConfigFile.json
    ///
    /// An execution started with `#` and the name of a test case behind the state machine's ARN
    /// gets them, for those Task states that the test case names; all others call for real.
    #[arg(long, value_name = "FILE", env = "LOCKSTEP_MOCKS")]
    pub mocks: Option<PathBuf>,
}

/// How a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// On a developer's machine: says what to try.
    Dev,
    /// For others to use: quiet.
    Serve,
}

/// The `type` of CreateStateMachine.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Machine {
    Standard,
    Express,
}
