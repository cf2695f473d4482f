//! Text for people. What definitions, inputs and functions say must not steer the terminal it is
//! shown on: an escape sequence in a Cause could hide lines or change the window's title.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Passes text on with what steers a terminal written as in JSON, `\u001b`. Line breaks and tabs
/// stay.
pub(crate) struct Plain<W>(pub(crate) W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut plain = String::with_capacity(text.len());
        for char in String::from_utf8_lossy(text).chars() {
            if steers(char) {
                let _ = write!(plain, "\\u{:04x}", u32::from(char));
            } else {
                plain.push(char);
            }
        }
        self.0.write_all(plain.as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Control characters, and those that turn the direction of the text after them.
fn steers(char: char) -> bool {
    match char {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => char.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        let cases = [
            ("two\nlines,\ta tab, é, 日本", "two\nlines,\ta tab, é, 日本"),
            ("\u{1b}[31mred", "\\u001b[31mred"),
            ("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007"),
            ("\u{9b}31m", "\\u009b31m"),
            ("over\rwritten", "over\\u000dwritten"),
            ("a\u{7f}b\u{0}", "a\\u007fb\\u0000"),
            ("\u{202e}desrever\u{2066}", "\\u202edesrever\\u2066"),
        ];
        for (text, expected) in cases {
            let mut plain = Plain(Vec::new());
            write!(plain, "{text}").unwrap();
            assert_eq!(String::from_utf8(plain.0).unwrap(), expected);
        }
    }
}
