//! How the diagnostics of a definition are shown: for people with the line at fault, and as JSON.

use std::io::{self, Write};

use asl::definition::{Compiled, Diagnostic, Severity, Span};
use json::{ObjectBuilder, Value};

/// Characters of a line that are shown, so many of them before the place at fault: a definition
/// may be one line of a megabyte.
const EXCERPT_CHARS_MAX: usize = 96;
const CHARS_BEFORE: usize = 48;

/// Prints every diagnostic of the definition `text`, which came from `file`:
///
/// ```text
/// order.asl.json:3:14: error SCHEMA_VALIDATION_FAILED: ... at /States/A/Type
///     3 |     "Type": "Tusk",
///       |             ^^^^^^
/// ```
pub(crate) fn print(
    out: &mut dyn Write,
    file: &str,
    text: &str,
    compiled: &Compiled,
) -> io::Result<()> {
    for diagnostic in &compiled.diagnostics {
        writeln!(out, "{}", headline(file, diagnostic))?;
        if let Some(excerpt) = diagnostic.span.and_then(|span| excerpt(text, span)) {
            writeln!(out, "{excerpt}")?;
        }
    }
    if compiled.truncated {
        let shown = compiled.diagnostics.len();
        writeln!(
            out,
            "{file}: there is more to say; the first {shown} are shown"
        )?;
    }
    Ok(())
}

/// `2 errors, 1 warning`, or what there is of it; `None` without diagnostics.
pub(crate) fn tally(compiled: &Compiled) -> Option<String> {
    let count = |severity: Severity, word: &str| {
        let of_severity = |diagnostic: &&Diagnostic| diagnostic.severity == severity;
        let count = compiled.diagnostics.iter().filter(of_severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {word}{plural}"))
    };
    let counts = [
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// The diagnostics as ValidateStateMachineDefinition gives them, with line and column.
pub(crate) fn to_json(compiled: &Compiled) -> Value {
    compiled.diagnostics.iter().map(item).collect()
}

fn item(diagnostic: &Diagnostic) -> Value {
    let mut item = ObjectBuilder::with_capacity(6);
    item.add("severity", diagnostic.severity.as_str())
        .add("code", diagnostic.code)
        .add("message", diagnostic.message.as_str());
    if let Some(location) = &diagnostic.location {
        item.add("location", location.as_str());
    }
    if let Some(span) = diagnostic.span {
        item.add("line", number(span.line));
        item.add("column", number(span.column));
    }
    item.build().into()
}

/// A count as JSON.
pub(crate) fn number(count: usize) -> Value {
    u64::try_from(count).unwrap_or(u64::MAX).into()
}

fn headline(file: &str, diagnostic: &Diagnostic) -> String {
    let (line, column) = diagnostic
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
        .map(|location| format!(" at {location}"))
        .unwrap_or_default();
    let Diagnostic { code, message, .. } = diagnostic;
    format!("{file}:{line}:{column}: {severity} {code}: {message}{place}")
}

/// The line a span begins in, or the part of it around the span, with marks below.
fn excerpt(text: &str, span: Span) -> Option<String> {
    let before = text.get(..span.start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let before = before.get(line_start..)?;
    let rest = text.get(span.start..)?.lines().next().unwrap_or_default();
    let column = before.chars().count();
    let skipped = match column + rest.chars().take(CHARS_BEFORE).count() > EXCERPT_CHARS_MAX {
        true => column.saturating_sub(CHARS_BEFORE),
        false => 0,
    };
    let line: String = before
        .chars()
        .chain(rest.chars())
        .skip(skipped)
        .take(EXCERPT_CHARS_MAX)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if line.trim().is_empty() {
        return None;
    }
    let ends_here = text
        .get(span.start..span.end)
        .filter(|it| !it.contains('\n'));
    let room = line.chars().count().saturating_sub(column - skipped);
    let marks = ends_here.map_or(1, |marked| marked.chars().take(room).count());
    let number = span.line;
    Some(format!(
        "{number:>5} | {line}\n      | {:indent$}{}",
        "",
        "^".repeat(marks.max(1)),
        indent = column - skipped,
    ))
}

#[cfg(test)]
mod tests;
