//! Collects diagnostics, bounded, each with its place in the text.

use json::Document;

use crate::definition::{DIAGNOSTICS_MAX, Diagnostic, Severity, Span};
use crate::validate::place::Place;

/// What there is to say about one definition so far.
pub(crate) struct Report<'a> {
    document: &'a Document,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    is_truncated: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(document: &'a Document) -> Report<'a> {
        Report {
            document,
            errors: Vec::new(),
            warnings: Vec::new(),
            is_truncated: false,
        }
    }

    /// An error at a place.
    pub(crate) fn error(&mut self, code: &'static str, message: String, place: &Place<'_>) {
        self.add_error(|report| {
            let span = report.span(place, Part::Value);
            located(Severity::Error, code, message, place, span)
        });
    }

    /// An error whose location AWS gives as `place`, because of the member or element `at`.
    pub(crate) fn error_within(
        &mut self,
        code: &'static str,
        message: String,
        place: &Place<'_>,
        at: &Place<'_>,
    ) {
        self.add_error(|report| {
            let span = report.span(at, Part::Name);
            located(Severity::Error, code, message, place, span)
        });
    }

    /// An error of the whole workflow.
    pub(crate) fn error_nowhere(&mut self, code: &'static str, message: String) {
        self.add_error(|_| nowhere(code, message));
    }

    fn add_error(&mut self, diagnostic: impl FnOnce(&Self) -> Diagnostic) {
        if self.errors.len() < DIAGNOSTICS_MAX {
            self.errors.push(diagnostic(self));
        } else {
            self.is_truncated = true;
        }
    }

    /// A warning whose location AWS gives as `place`, because of the member or element `at`.
    pub(crate) fn warn(
        &mut self,
        code: &'static str,
        message: String,
        place: &Place<'_>,
        at: &Place<'_>,
    ) {
        if self.warnings.len() < DIAGNOSTICS_MAX {
            let span = self.span(at, Part::Value);
            self.warnings
                .push(located(Severity::Warning, code, message, place, span));
        } else {
            self.is_truncated = true;
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Errors, then warnings as far as there is room; and whether something was left out.
    pub(crate) fn finish(mut self) -> (Vec<Diagnostic>, bool) {
        self.errors.append(&mut self.warnings);
        let is_truncated = self.is_truncated || self.errors.len() > DIAGNOSTICS_MAX;
        self.errors.truncate(DIAGNOSTICS_MAX);
        let spans = self.errors.iter_mut().filter_map(|one| one.span.as_mut());
        count_lines(self.document.text(), spans.collect());
        (self.errors, is_truncated)
    }

    /// Of a container, whose text is long, the name is shown in any case, where it has one. Lines
    /// and columns are counted in the end.
    fn span(&self, place: &Place<'_>, part: Part) -> Option<Span> {
        let path = place.steps();
        let value = self.document.span(&path)?;
        let first = self.document.text().as_bytes().get(value.start);
        let is_container = matches!(first, Some(b'{' | b'['));
        let wants_name = part == Part::Name || is_container;
        let name = self.document.key_span(&path).filter(|_| wants_name);
        let json::Span { start, end } = name.unwrap_or(value);
        Some(Span {
            start,
            end,
            line: 0,
            column: 0,
        })
    }
}

/// What of a member is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Value,
}

fn located(
    severity: Severity,
    code: &'static str,
    message: String,
    place: &Place<'_>,
    span: Option<Span>,
) -> Diagnostic {
    let location = Some(shortened(place.to_string()));
    Diagnostic {
        severity,
        code,
        message: shortened(message),
        location,
        span,
    }
}

/// Fills in lines and columns in one walk through the text, which may be a megabyte in one line.
/// Columns count UTF-16 units and lines end with `\n`, `\r` or both, as in JSON errors.
fn count_lines(text: &str, mut spans: Vec<&mut Span>) {
    spans.sort_by_key(|span| span.start);
    let mut characters = text.char_indices().peekable();
    let (mut line, mut column) = (1, 1);
    for span in spans {
        while let Some((_, character)) = characters.next_if(|(at, _)| *at < span.start) {
            let ends_line = match character {
                '\n' => true,
                '\r' => characters.peek().is_none_or(|(_, next)| *next != '\n'),
                _ => false,
            };
            if ends_line {
                (line, column) = (line + 1, 1);
            } else {
                column += character.len_utf16();
            }
        }
        (span.line, span.column) = (line, column);
    }
}

/// Keeps a hostile name of a megabyte from being repeated in every diagnostic.
const TEXT_CHARS_MAX: usize = 2_000;

fn shortened(text: String) -> String {
    let Some((cut, _)) = text.char_indices().nth(TEXT_CHARS_MAX) else {
        return text;
    };
    format!("{}...", text.get(..cut).unwrap_or_default())
}

/// The beginning of a text, of at most so many bytes.
pub(crate) fn beginning(text: &str, bytes_max: usize) -> &str {
    let end = bytes_max.min(text.len());
    // A character has four bytes at most.
    let mut ends = (0..=end).rev().take(4);
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

/// An error without a place in the definition.
pub(crate) fn nowhere(code: &'static str, message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        message,
        location: None,
        span: None,
    }
}
