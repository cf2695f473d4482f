//! Texts that a command is given: files, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use json::Value;

/// Longest definition, in characters (model of CreateStateMachine, `Definition`).
const DEFINITION_CHARS_MAX: usize = 1_048_576;
/// A character is at most 4 bytes.
const DEFINITION_BYTES_MAX: usize = 4 * DEFINITION_CHARS_MAX;

/// Stands for standard input.
const STDIN: &str = "-";

/// Reads a definition.
pub(crate) fn definition(file: &Path) -> Result<String> {
    let text = text(file, "the definition", DEFINITION_BYTES_MAX)?;
    if text.chars().count() > DEFINITION_CHARS_MAX {
        bail!(
            "the definition `{}` has more than {DEFINITION_CHARS_MAX} characters, the most a state \
             machine can have",
            file.display()
        );
    }
    Ok(text)
}

/// Reads a text of at most so many bytes. `what` is for messages.
pub(crate) fn text(file: &Path, what: &str, bytes_max: usize) -> Result<String> {
    let name = file.display();
    let reader: Box<dyn Read> = match is_stdin(file) {
        true => Box::new(io::stdin()),
        false => {
            Box::new(File::open(file).with_context(|| format!("cannot read {what} `{name}`"))?)
        }
    };
    let mut bytes = Vec::new();
    // One byte more than allowed tells that there are too many.
    let limit = u64::try_from(bytes_max)?.saturating_add(1);
    reader
        .take(limit)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {what} `{name}`"))?;
    if bytes.len() > bytes_max {
        bail!("{what} `{name}` is longer than {bytes_max} bytes");
    }
    String::from_utf8(bytes).with_context(|| format!("cannot read {what} `{name}`"))
}

/// Reads JSON. `what` is for messages.
pub(crate) fn json(text: &str, what: &str) -> Result<Value> {
    json::parse(text).map_err(|error| {
        let (line, column) = (error.line, error.column);
        anyhow!("{what} is not JSON: line {line}, column {column}: {error}")
    })
}

/// Whether a file stands for standard input.
pub(crate) fn is_stdin(file: &Path) -> bool {
    file == Path::new(STDIN)
}
