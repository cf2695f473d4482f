//! Inline Map: one iteration for each item, a number of them at a time.

use json::{Kind, Value};

use super::data::{self, Data};
use super::step::{Fault, Go, QUERY, Step};
use super::{Refusal, counts, distributed, fork};
use crate::event::{EventId, EventKind};
use crate::program::{Items, Map};
use crate::template::shown;
use crate::test_state::Stage;

/// Makes an attempt: the first on entry, a further one after a back-off.
pub(super) fn attempt(step: &mut Step<'_>, map: &Map) -> Result<Go, Fault> {
    if let Some(distributed) = &map.distributed {
        return distributed::attempt(step, map, distributed);
    }
    let started = prepare(step, map)?;
    let last = step.emit(started)?;
    fill(step, map, last)?;
    fork::finish(step, map.next)
}

/// The Started event, evaluated. What a reader will bring is not known then.
pub(super) fn prepare(step: &Step<'_>, map: &Map) -> Result<EventKind, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.input()?;
    let author = concurrency(map, &input, &data)?;
    let items = match map.has_reader() {
        true => Value::empty_array(),
        false => items(map, input, &data)?,
    };
    data.limit(&items, &context.state.name)?;
    let ours = step.limits().map_or(1, |limits| limits.map_concurrency_max);
    let author = u32::try_from(author).unwrap_or(u32::MAX);
    let concurrency = if author == 0 { ours } else { author.min(ours) };
    Ok(EventKind::MapStarted {
        state: context.visit.state,
        items,
        concurrency: concurrency.max(1),
    })
}

/// What a Map iterates over, unless a reader brings it: an array, or an object.
pub(super) fn items(map: &Map, input: Value, data: &Data<'_>) -> Result<Value, Fault> {
    let items = match &map.items {
        Items::Input => input,
        Items::Path(path) => data.select(path, &input)?,
        Items::Template(template) => template.evaluate_items(&data.scope(&input))?,
    };
    data.see(Stage::AfterItemsPath, &items);
    match items.kind() {
        Kind::Array | Kind::Object => Ok(items),
        _ => Err(not_iterable(map, &items, data.is_queries())),
    }
}

/// What the author allows to run at a time; 0 is no limit.
pub(super) fn concurrency(map: &Map, input: &Value, data: &Data<'_>) -> Result<u64, Fault> {
    let limit = map.max_concurrency.as_ref();
    let limit = limit.map_or(Ok(0), |limit| counts::concurrency(limit, input, data))?;
    data.see(Stage::MaxConcurrency, &limit.into());
    Ok(limit)
}

fn not_iterable(map: &Map, items: &Value, is_queries: bool) -> Fault {
    let path = match &map.items {
        Items::Path(path) => &path.text,
        Items::Input | Items::Template(_) => "$",
    };
    match is_queries {
        true => Fault::Raised {
            error: QUERY,
            text: format!("Map state input must be an array but was: {}", shown(items)),
        },
        false => Fault::runtime(format!("Reference path \"{path}\" must point to array.")),
    }
}

/// Begins as many iterations as there is room for. They follow `previous`: the start of the Map,
/// or the last event of the states of the iteration whose place they take, which is not its
/// MapIterationSucceeded.
pub(super) fn fill(step: &mut Step<'_>, map: &Map, previous: EventId) -> Result<(), Fault> {
    let parent = step.branch;
    let mut effective = None;
    loop {
        let (visit, forked) = step.thread()?.forked().ok_or(Refusal::ForeignProgram)?;
        let state = visit.state;
        let mapping = forked.mapping.as_ref().ok_or(Refusal::ForeignProgram)?;
        let index = mapping.started;
        if forked.live >= mapping.concurrency {
            return Ok(());
        }
        let Some((_, item)) = mapping.item(index) else {
            return Ok(());
        };
        let input = item_input(step, map, (index, item.clone()), &mut effective)?;
        let branch = fork::next_branch(step);
        step.branch = branch;
        step.emit_after(
            previous,
            EventKind::MapIterationStarted {
                state,
                parent,
                index,
                input,
            },
        )?;
        step.branch = parent;
        step.ready.push(parent, branch);
    }
}

/// ItemSelector, which sees the state's input and, in the context object, the item. The effective
/// input is the same for all iterations: it is found once for those that begin together.
pub(super) fn item_input(
    step: &Step<'_>,
    map: &Map,
    (index, item): (u32, Value),
    effective: &mut Option<Value>,
) -> Result<Value, Fault> {
    let Some(selector) = &map.item_selector else {
        return Ok(item);
    };
    let mut context = step.context()?;
    context.item = Some(index);
    let data = data::of(step, &context);
    let effective = match effective {
        Some(found) => found,
        None => effective.insert(data.input()?),
    };
    let input = data.fill(selector, effective)?;
    data.limit(&input, &context.state.name)?;
    Ok(input)
}
