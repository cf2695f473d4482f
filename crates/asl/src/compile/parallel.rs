//! Parallel: runs every branch with the same input.

use super::{Context, body, recovery};
use crate::program::{Parallel, StateKind};
use crate::validate::fields::{self, Fields};
use crate::validate::place::Place;
use crate::validate::queries::Setting;
use crate::validate::table::BRANCH;
use crate::validate::values;

pub(super) fn compile<'a>(
    fields: &mut Fields<'a>,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> StateKind {
    let branches = place.member("Branches");
    let setting = Setting::new(context.language);
    let mut starts = Vec::new();
    for (index, value) in fields.array("Branches").iter().enumerate() {
        let place = branches.item(index);
        if let Some(object) = values::object(value, &place, context.report) {
            let fields = fields::read(&BRANCH, setting, object, &place, context.report);
            starts.extend(body::open_inner(&fields, &place, context));
        }
    }
    StateKind::Parallel(Box::new(Parallel {
        branches: starts,
        recovery: recovery::recovery(fields, place, context),
        next: context.next(fields, place),
    }))
}
