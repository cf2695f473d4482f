//! Fail: ends the execution with an error and a cause, each literal, from a path or from an
//! expression.

use super::Context;
use crate::program::{Fail, StateKind};
use crate::validate::fields::Fields;

pub(super) fn compile(fields: &mut Fields<'_>, context: &mut Context<'_, '_>) -> StateKind {
    context.graph.end();
    StateKind::Fail(Box::new(Fail {
        error: fields.take_text("Error", "ErrorPath"),
        cause: fields.take_text("Cause", "CausePath"),
    }))
}
