//! `lockstep validate`: every diagnostic of a definition with its line and column.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use asl::compile::compile;
use asl::definition::{Diagnostic, MachineType, Severity};

use crate::cli::Machine;

/// Exit code when the definition has errors.
const INVALID: u8 = 1;

/// Prints the diagnostics of the definition in `file`, one a line.
pub(crate) fn run(file: &Path, machine: Machine, out: &mut dyn Write) -> Result<ExitCode> {
    let text = read(file)?;
    let machine = match machine {
        Machine::Standard => MachineType::Standard,
        Machine::Express => MachineType::Express,
    };
    let compiled = compile(&text, machine, &services::states::Integrations);
    for diagnostic in &compiled.diagnostics {
        writeln!(out, "{}", line(file, diagnostic))?;
    }
    let errors = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    if errors == 0 {
        writeln!(out, "{}: valid", file.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let plural = if errors == 1 { "" } else { "s" };
    writeln!(out, "{}: {errors} error{plural}", file.display())?;
    Ok(ExitCode::from(INVALID))
}

fn read(file: &Path) -> Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the definition `{}`", file.display()))
}

/// `workflow.json:3:14: error SCHEMA_VALIDATION_FAILED: ... at /States/A/Type`.
fn line(file: &Path, diagnostic: &Diagnostic) -> String {
    let (row, column) = diagnostic
        .span
        .map_or((1, 1), |span| (span.line, span.column));
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    // What a JSON parser says ends with its place already.
    let place = diagnostic
        .location
        .as_deref()
        .filter(|location| !diagnostic.message.ends_with(location))
        .map(|l| format!(" at {l}"))
        .unwrap_or_default();
    format!(
        "{}:{row}:{column}: {severity} {}: {}{place}",
        file.display(),
        diagnostic.code,
        diagnostic.message
    )
}
