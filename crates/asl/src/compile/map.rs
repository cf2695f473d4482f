//! Map: runs its item processor for every item.

use json::Object;

use super::{Context, body, recovery};
use crate::program::{Flow, Items, Map, StateIndex, StateKind};
use crate::validate::fields::{self, Fields};
use crate::validate::lint;
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::queries::Setting;
use crate::validate::table::{ITEM_PROCESSOR, PROCESSOR_CONFIG};

pub(super) fn compile<'a>(
    fields: &mut Fields<'a>,
    flow: &mut Flow,
    object: &'a Object,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<StateKind> {
    // The name ItemSelector had until 2022.
    let old_selector = match flow {
        Flow::Paths(paths) => paths.parameters.take(),
        Flow::Queries(_) => None,
    };
    let recovery = recovery::recovery(fields, place, context);
    let next = context.next(fields, place);
    let names = ["ItemProcessor", "Iterator"];
    let given = names
        .iter()
        .find_map(|name| Some((name, fields.object(name)?)));
    let body = given.and_then(|(name, processor)| {
        self::processor(processor, object, &place.member(name), place, context)
    });
    Some(StateKind::Map(Box::new(Map {
        items: items(fields),
        item_selector: fields.take_template("ItemSelector").or(old_selector),
        max_concurrency: fields.take_integer("MaxConcurrency", "MaxConcurrencyPath"),
        body: body?,
        recovery,
        next,
    })))
}

fn items(fields: &mut Fields<'_>) -> Items {
    let items = fields.take_template("Items").map(Items::Template);
    let path = || fields.take_path("ItemsPath").map(Items::Path);
    items.or_else(path).unwrap_or(Items::Input)
}

/// The item processor at `place` of the Map `state`, which stands at `state_place`. The index of
/// its first state.
fn processor<'a>(
    processor: &'a Object,
    state: &Object,
    place: &Place<'_>,
    state_place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<StateIndex> {
    let setting = Setting::new(context.language);
    let fields = fields::read(&ITEM_PROCESSOR, setting, processor, place, context.report);
    let config_place = place.member("ProcessorConfig");
    let config = fields.object("ProcessorConfig").map(|config| {
        fields::read(
            &PROCESSOR_CONFIG,
            setting,
            config,
            &config_place,
            context.report,
        )
    });
    let config = config.unwrap_or_default();
    if config.text("Mode") == Some("DISTRIBUTED") {
        if !config.contains("ExecutionType") {
            context.error(message::required(&["ExecutionType"]), &config_place);
        }
        let at = config_place.member("Mode");
        context.report.not_served("the Map mode 'DISTRIBUTED'", &at);
    } else {
        lint::tolerance(state, state_place, context.report);
    }
    body::open_inner(&fields, place, context)
}
