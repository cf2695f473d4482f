//! The text of a definition: whether it is JSON, and names that are repeated.

use json::{Document, Duplicate, ParseError, ParseErrorKind, Step};

use crate::definition::{Diagnostic, Severity, Span};
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::report::{Report, nowhere};

/// Parses the text of a definition, which must be an object.
pub(crate) fn parse(text: &str) -> Result<Document, Diagnostic> {
    let not_an_object = || nowhere(message::SCHEMA, message::NOT_AN_OBJECT.to_owned());
    match json::parse_spanned(text) {
        Ok(document) if document.root.as_object().is_some() => Ok(document),
        // To AWS's parser an empty text is a missing value, not a broken one.
        Ok(_)
        | Err(ParseError {
            kind: ParseErrorKind::Empty,
            ..
        }) => Err(not_an_object()),
        Err(error) => Err(broken(&error, text)),
    }
}

fn broken(error: &ParseError, text: &str) -> Diagnostic {
    let &ParseError {
        offset: start,
        line,
        column,
        ..
    } = error;
    Diagnostic {
        severity: Severity::Error,
        code: message::INVALID_JSON,
        message: error.located_message(),
        location: Some(error.location()),
        span: Some(Span {
            start,
            end: text.len(),
            line,
            column,
        }),
    }
}

/// Reports repeated names: of states an error, of other members a warning.
pub(crate) fn duplicates(document: &Document, report: &mut Report<'_>) {
    for Duplicate { path, key, .. } in &document.duplicates {
        let is_state = is_states(path);
        Place::ROOT.below(path, &mut |object| {
            let place = object.member(key);
            if is_state {
                let message = message::duplicate_state(key);
                report.error(message::DUPLICATE_STATE, message, &place);
            } else {
                let message = message::duplicate_field(key);
                report.warn(message::DUPLICATE_FIELD, message, &place, &place);
            }
        });
    }
}

/// Whether the object at `path` holds states: of the top level, a branch or an item processor.
fn is_states(path: &[Step]) -> bool {
    let is =
        |step: &Step, names: &[&str]| matches!(step, Step::Key(key) if names.contains(&&**key));
    let Some((last, mut body)) = path.split_last() else {
        return false;
    };
    if !is(last, &["States"]) {
        return false;
    }
    loop {
        body = match body {
            [] => return true,
            [before @ .., states, Step::Key(_), branches, Step::Index(_)]
                if is(states, &["States"]) && is(branches, &["Branches"]) =>
            {
                before
            }
            [before @ .., states, Step::Key(_), processor]
                if is(states, &["States"]) && is(processor, &["ItemProcessor", "Iterator"]) =>
            {
                before
            }
            _ => return false,
        };
    }
}
