//! Succeed: ends the execution well.

use super::Context;
use crate::program::{StateKind, Succeed};
use crate::validate::fields::Fields;

pub(super) fn compile(fields: &mut Fields<'_>, context: &mut Context<'_, '_>) -> StateKind {
    context.graph.end();
    StateKind::Succeed(Box::new(Succeed {
        input_path: fields.take_filter("InputPath"),
        output_path: fields.take_filter("OutputPath"),
    }))
}
