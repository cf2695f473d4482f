//! Values for people: one member a line.

use std::io::{self, Write};

use json::Value;

/// Lines of a value that is shown cut: what a screen holds beside the path.
pub(crate) const LINES_MAX: usize = 24;
/// Characters of a line that is shown cut.
const CHARS_MAX: usize = 160;
/// Compact text of this length stays on one line.
const COMPACT_MAX: usize = 72;

/// The lines of a value; at most `lines_max` of them, the last of which then says how many more
/// there are.
pub(crate) fn lines(value: &Value, lines_max: Option<usize>) -> Vec<String> {
    let mut lines = match value.size() <= COMPACT_MAX {
        true => vec![value.to_text()],
        false => indented(&value.to_text()),
    };
    let Some(lines_max) = lines_max else {
        return lines;
    };
    let left = lines.len().saturating_sub(lines_max);
    lines.truncate(lines_max);
    for line in &mut lines {
        let chars = line.chars().count();
        if chars > CHARS_MAX {
            *line = line.chars().take(CHARS_MAX).collect();
            line.push_str(&format!("... ({} more characters)", chars - CHARS_MAX));
        }
    }
    if left > 0 {
        lines.push(format!("... ({left} more lines; --show all shows them)"));
    }
    lines
}

/// Prints JSON text, one member a line, each behind `indent`; text that is no JSON as it is.
pub(crate) fn print(text: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let lines = match json::parse(text) {
        Ok(value) => lines(&value, None),
        Err(_) => vec![text.to_owned()],
    };
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{indent}{line}"))
}

/// Breaks compact JSON text into lines, indented by two spaces a level. Works on the text, so that
/// numbers stay as they are and nothing recurses.
fn indented(compact: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut depth = 0_usize;
    let mut chars = compact.chars().peekable();
    let mut in_string = false;
    while let Some(char) = chars.next() {
        line.push(char);
        match char {
            '\\' => line.extend(chars.next()),
            '"' => in_string = !in_string,
            _ if in_string => {}
            ':' => line.push(' '),
            ',' => turn(&mut lines, &mut line, depth),
            '{' | '[' if !matches!(chars.peek(), Some('}' | ']')) => {
                depth += 1;
                turn(&mut lines, &mut line, depth);
            }
            _ => {}
        }
        let closes_next = !in_string && matches!(chars.peek(), Some('}' | ']'));
        if closes_next && !matches!(char, '{' | '[') {
            depth = depth.saturating_sub(1);
            turn(&mut lines, &mut line, depth);
        }
    }
    lines.push(line);
    lines
}

/// Begins the next line.
fn turn(lines: &mut Vec<String>, line: &mut String, depth: usize) {
    lines.push(std::mem::replace(line, " ".repeat(2 * depth)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(indented(text).join("\n"), expected);
    }

    #[test]
    fn values_are_broken_into_lines() {
        check("1.0", "1.0");
        check("[]", "[]");
        check(r#"{"a":1}"#, "{\n  \"a\": 1\n}");
        check(
            r#"{"a":[{"b":"},\"["},[]],"c":{}}"#,
            "{\n  \"a\": [\n    {\n      \"b\": \"},\\\"[\"\n    },\n    []\n  ],\n  \"c\": {}\n}",
        );
    }

    #[test]
    fn what_is_cut_is_said() {
        let value: Value = (0..100).map(Value::from).collect();
        let cut = lines(&value, Some(10));
        assert_eq!(cut.len(), 11);
        assert_eq!(
            cut.last().unwrap(),
            "... (92 more lines; --show all shows them)"
        );
        assert_eq!(lines(&value, None).len(), 102);
        let long = Value::from("x".repeat(1_000));
        assert!(lines(&long, Some(10))[0].ends_with("... (842 more characters)"));
    }
}
