//! Map: runs its item processor for every item.

use json::Object;

use super::{Context, body, distributed, recovery};
use crate::definition::MachineType;
use crate::program::{Flow, Items, Map, StateIndex, StateKind, Tolerance};
use crate::validate::fields::{self, Fields};
use crate::validate::lint;
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::queries::Setting;
use crate::validate::table::{DISTRIBUTED_ONLY, ITEM_PROCESSOR, PROCESSOR_CONFIG};

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
    let processor =
        given.map(|(name, processor)| self::processor(processor, &place.member(name), context));
    let distributed = match processor.as_ref().and_then(|it| it.distributed) {
        None => {
            inline(object, place, context);
            None
        }
        Some(execution_type) => {
            let made = distributed::compile(fields, execution_type, flow, place, context);
            Some(Box::new(made?))
        }
    };
    Some(StateKind::Map(Box::new(Map {
        items: items(fields),
        item_selector: fields.take_template("ItemSelector").or(old_selector),
        max_concurrency: fields.take_integer("MaxConcurrency", "MaxConcurrencyPath"),
        tolerance: tolerance(fields),
        distributed,
        body: processor?.body?,
        recovery,
        next,
    })))
}

fn items(fields: &mut Fields<'_>) -> Items {
    let items = fields.take_template("Items").map(Items::Template);
    let path = || fields.take_path("ItemsPath").map(Items::Path);
    items.or_else(path).unwrap_or(Items::Input)
}

fn tolerance(fields: &mut Fields<'_>) -> Tolerance {
    Tolerance {
        count: fields.take_integer("ToleratedFailureCount", "ToleratedFailureCountPath"),
        percentage: fields.take_number(
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ),
    }
}

/// Reports the fields of an inline Map that it cannot have, or that do nothing there.
fn inline(state: &Object, place: &Place<'_>, context: &mut Context<'_, '_>) {
    for name in DISTRIBUTED_ONLY {
        if state.contains_key(name) {
            let (message, at) = (message::only_distributed(name), place.member(name));
            context
                .report
                .error_within(message::SCHEMA, message, place, &at);
        }
    }
    lint::tolerance(state, place, context.report);
}

/// What an ItemProcessor says.
struct Processor {
    /// Its first state; `None` has been reported.
    body: Option<StateIndex>,
    /// Of Mode DISTRIBUTED: ExecutionType.
    distributed: Option<MachineType>,
}

fn processor<'a>(
    processor: &'a Object,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Processor {
    let setting = Setting::new(context.language);
    let fields = fields::read(&ITEM_PROCESSOR, setting, processor, place, context.report);
    let at = place.member("ProcessorConfig");
    let config = fields
        .object("ProcessorConfig")
        .map(|config| fields::read(&PROCESSOR_CONFIG, setting, config, &at, context.report))
        .unwrap_or_default();
    if config.text("Mode") != Some("DISTRIBUTED") {
        return Processor {
            body: body::open_inner(&fields, place, context),
            distributed: None,
        };
    }
    let execution_type = distributed::mode(&config, &at, context);
    Processor {
        body: body::open_distributed(&fields, place, execution_type, context),
        distributed: Some(execution_type),
    }
}
