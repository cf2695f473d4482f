//! Fail: ends the execution with an error and a cause, each literal or from a path.

use super::Context;
use crate::event::Text;
use crate::program::{Fail, StateKind, TextSource};
use crate::template::Reference;
use crate::validate::fields::Fields;

pub(super) fn compile(fields: &mut Fields<'_>, context: &mut Context<'_, '_>) -> StateKind {
    context.graph.end();
    StateKind::Fail(Box::new(Fail {
        error: text_or_path(fields, "Error", "ErrorPath"),
        cause: text_or_path(fields, "Cause", "CausePath"),
    }))
}

fn text_or_path(fields: &mut Fields<'_>, literal: &str, path: &str) -> Option<TextSource> {
    let literal = fields
        .text(literal)
        .map(|text| TextSource::Text(Text::from(text)));
    literal.or_else(|| {
        let path = fields.take_path(path)?;
        Some(TextSource::Reference(Reference::Path(path)))
    })
}
