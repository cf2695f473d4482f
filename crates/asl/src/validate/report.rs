//! Collects diagnostics, bounded, each with its place in the text.

use json::Document;

use crate::definition::{DIAGNOSTICS_MAX, Diagnostic, Severity, Span};
use crate::validate::message;
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
        Report { document, errors: Vec::new(), warnings: Vec::new(), is_truncated: false }
    }

    /// An error at a place.
    pub(crate) fn error(&mut self, code: &'static str, message: String, place: &Place<'_>) {
        self.error_within(code, message, place, place);
    }

    /// An error whose location AWS gives as `place`, while the text to look at is at `at`.
    pub(crate) fn error_within(
        &mut self,
        code: &'static str,
        message: String,
        place: &Place<'_>,
        at: &Place<'_>,
    ) {
        if self.errors.len() < DIAGNOSTICS_MAX {
            self.errors.push(self.diagnostic(Severity::Error, code, message, place, at));
        } else {
            self.is_truncated = true;
        }
    }

    /// An error of the whole workflow.
    pub(crate) fn error_nowhere(&mut self, code: &'static str, message: String) {
        if self.errors.len() < DIAGNOSTICS_MAX {
            self.errors.push(nowhere(code, message));
        } else {
            self.is_truncated = true;
        }
    }

    /// Refuses by name what comes later: `what` reads like `the state type 'Map'`.
    pub(crate) fn not_served(&mut self, what: &str, place: &Place<'_>) {
        self.error(message::SCHEMA, message::not_served(what), place);
    }

    /// A warning whose location AWS gives as `place`, while the text to look at is at `at`.
    pub(crate) fn warn(
        &mut self,
        code: &'static str,
        message: String,
        place: &Place<'_>,
        at: &Place<'_>,
    ) {
        if self.warnings.len() < DIAGNOSTICS_MAX {
            self.warnings.push(self.diagnostic(Severity::Warning, code, message, place, at));
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
        (self.errors, is_truncated)
    }

    fn diagnostic(
        &self,
        severity: Severity,
        code: &'static str,
        message: String,
        place: &Place<'_>,
        at: &Place<'_>,
    ) -> Diagnostic {
        let span = self.span(at);
        Diagnostic { severity, code, message, location: Some(place.to_string()), span }
    }

    /// Of a container, whose text is long, the name is shown where it has one.
    fn span(&self, place: &Place<'_>) -> Option<Span> {
        let path = place.steps();
        let value = self.document.span(&path)?;
        let first = self.document.text().as_bytes().get(value.start);
        let is_container = matches!(first, Some(b'{' | b'['));
        let name = self.document.key_span(&path).filter(|_| is_container);
        let json::Span { start, end } = name.unwrap_or(value);
        let (line, column) = self.document.line_column(start);
        Some(Span { start, end, line, column })
    }
}

/// An error without a place in the definition.
pub(crate) fn nowhere(code: &'static str, message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code, message, location: None, span: None }
}
