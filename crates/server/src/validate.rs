//! `lockstep validate`: every diagnostic of definitions with line, column and the line at fault.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use asl::compile::compile;
use asl::definition::{Compiled, MachineType};
use json::{ObjectBuilder, Value};

use crate::cli::Machine;
use crate::plain::Plain;
use crate::{diagnostics, files};

/// Exit code when a definition has errors.
const INVALID: u8 = 1;
/// Exit code when a file cannot be read.
const UNREADABLE: u8 = 2;

/// What `lockstep validate` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files with one definition each in JSON; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The type of state machine they are meant for
    #[arg(long = "type", value_name = "TYPE", default_value = "standard")]
    machine: Machine,
    /// Print one JSON array: for each file its diagnostics as ValidateStateMachineDefinition has
    /// them, with line and column
    #[arg(long)]
    json: bool,
}

/// Prints what is to be said about each file. A file that cannot be read does not keep the others
/// from being looked at; the exit code is that of the worst.
pub(crate) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode> {
    let stdins = arguments.files.iter().filter(|file| files::is_stdin(file));
    if stdins.count() > 1 {
        bail!("standard input (-) can be read once only");
    }
    let mut worst = 0;
    let mut items = Vec::new();
    for file in &arguments.files {
        let judged = judge(file, arguments.machine);
        worst = worst.max(code(&judged));
        match arguments.json {
            true => items.push(item(file, &judged)),
            false => print(file, &judged, &mut Plain(&mut *out))?,
        }
    }
    if arguments.json {
        writeln!(out, "{}", Value::from(items))?;
    }
    Ok(ExitCode::from(worst))
}

/// A definition's text and what became of it.
type Judged = Result<(String, Compiled)>;

fn judge(file: &Path, machine: Machine) -> Judged {
    let text = files::definition(file)?;
    let machine = match machine {
        Machine::Standard => MachineType::Standard,
        Machine::Express => MachineType::Express,
    };
    let compiled = compile(&text, machine, &services::states::Integrations);
    Ok((text, compiled))
}

fn code(judged: &Judged) -> u8 {
    match judged {
        Ok((_, compiled)) if compiled.program.is_some() => 0,
        Ok(_) => INVALID,
        Err(_) => UNREADABLE,
    }
}

fn print(file: &Path, judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
    let name = file.display().to_string();
    let (text, compiled) = match judged {
        Ok(judged) => judged,
        Err(error) => return writeln!(Plain(io::stderr()), "lockstep: {error:#}"),
    };
    diagnostics::print(out, &name, text, compiled)?;
    let tally = diagnostics::tally(compiled);
    match (&compiled.program, tally) {
        (Some(_), None) => writeln!(out, "{name}: valid"),
        (Some(_), Some(warnings)) => writeln!(out, "{name}: valid, {warnings}"),
        (None, tally) => writeln!(out, "{name}: {}", tally.unwrap_or_default()),
    }
}

fn item(file: &Path, judged: &Judged) -> Value {
    let mut item = ObjectBuilder::new();
    item.add("file", file.display().to_string());
    match judged {
        Ok((_, compiled)) => item
            .add(
                "result",
                if compiled.program.is_some() {
                    "OK"
                } else {
                    "FAIL"
                },
            )
            .add("diagnostics", diagnostics::to_json(compiled))
            .add("truncated", compiled.truncated),
        Err(error) => item.add("error", format!("{error:#}")),
    };
    item.build().into()
}
