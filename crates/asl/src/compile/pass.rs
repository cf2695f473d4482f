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
        input_path: fields.take_filter("InputPath"),
        output_path: fields.take_filter("OutputPath"),
        result_path: fields.take_result_path(),
        parameters: fields.take_template("Parameters"),
        result: result.cloned(),
        next: context.next(fields, place),
    }))
}
