//! Pass: hands its input on, with `Parameters` or a literal `Result` in between.

use super::Context;
use crate::program::{Pass, StateKind};
use crate::validate::fields::Fields;
use crate::validate::lint;
use crate::validate::place::Place;

pub(super) fn compile(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> StateKind {
    let result = fields.value("Result");
    if let Some(result) = result {
        lint::pass_result(result, &place.member("Result"), context.report);
    }
    StateKind::Pass(Box::new(Pass {
        result: result.cloned(),
        next: context.next(fields, place),
    }))
}
