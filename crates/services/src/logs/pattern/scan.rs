//! Reads a pattern from left to right.

use super::Invalid;

/// What is left of a pattern.
#[derive(Clone)]
pub(super) struct Scan<'p> {
    rest: &'p str,
}

impl<'p> Scan<'p> {
    pub(super) fn new(text: &'p str) -> Scan<'p> {
        Scan { rest: text }
    }

    /// The next character that is not blank; blanks before it are left behind.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    /// The next character, which may be blank.
    pub(super) fn peek_here(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes a text that comes next, but for blanks.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest.trim_start().strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Takes a text that comes next, and nothing before it.
    pub(super) fn eat_here(&mut self, text: &str) -> bool {
        let found = self.rest.strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Takes a word, in any case, that comes next and ends there.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some((head, tail)) = rest.split_at_checked(word.len()) else {
            return false;
        };
        let ends = tail.chars().next().is_none_or(|next| !is_name(next));
        let found = ends && head.eq_ignore_ascii_case(word);
        if found {
            self.rest = tail;
        }
        found
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), Invalid> {
        match self.eat(text) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{text}` belongs"))),
        }
    }

    /// Takes characters as long as they are wanted; there may be none.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'p str {
        let end = self.rest.find(|next| !wanted(next));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// What was taken since an earlier place.
    pub(super) fn taken_since(&self, before: &Scan<'p>) -> &'p str {
        let taken = before.rest.len() - self.rest.len();
        before.rest.get(..taken).unwrap_or_default()
    }

    /// Takes what stands between two `mark`s, the first of which is next. A backslash and the mark
    /// are the mark, two backslashes are one where `unescapes`; otherwise both stay as they are.
    pub(super) fn between(&mut self, mark: char, unescapes: bool) -> Result<String, Invalid> {
        let opening = self.rest;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, next)) = chars.next() {
            match next {
                '\\' => {
                    let escaped = chars.next().map(|(_, escaped)| escaped);
                    let is_plain = escaped == Some(mark) || escaped == Some('\\');
                    if !(unescapes && is_plain) {
                        text.push('\\');
                    }
                    text.extend(escaped);
                }
                _ if next == mark => {
                    let end = at + mark.len_utf8();
                    self.rest = self.rest.get(end..).unwrap_or_default();
                    return Ok(text);
                }
                _ => text.push(next),
            }
        }
        Err(Invalid::new(format!(
            "the `{mark}` before `{}` is not closed",
            shown(opening.get(mark.len_utf8()..).unwrap_or_default())
        )))
    }

    /// The error of what comes next, where something else is wanted: `` `=` belongs``.
    pub(super) fn unexpected(&self, wanted: &str) -> Invalid {
        let rest = self.rest.trim_start();
        Invalid::new(match rest {
            "" => format!("at the end, where {wanted}"),
            _ => format!("`{}` stands where {wanted}", shown(rest)),
        })
    }
}

/// A character of names of fields and of members.
pub(super) fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Characters of an offending text that an error repeats.
const SHOWN_CHARACTERS: usize = 40;

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}
