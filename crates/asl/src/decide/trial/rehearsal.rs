//! What a Map would iterate over, and whether it would have tolerated its failures: all it does
//! before and after its iterations, which a mock stands for.

use json::{ObjectBuilder, Value, View};

use super::Mock;
use crate::decide::data::{self, Data};
use crate::decide::map;
use crate::decide::step::{Fault, Step, failure};
use crate::decide::{Refusal, counts};
use crate::event::{EventKind, Failure, Text};
use crate::item_reader;
use crate::program::{Distributed, ItemBatcher, ItemReader, Items, Map};
use crate::run::Mapping;
use crate::test_state::Stage;

const THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
const READER_FAILED: &str = "States.ItemReaderFailed";

/// How many failures a Map tolerates, as far as it says.
#[derive(Clone, Copy)]
struct Threshold {
    count: Option<u64>,
    percentage: Option<f64>,
}

/// Evaluates all that comes before the iterations. What has become of them afterwards.
pub(super) fn rehearse(
    step: &mut Step<'_>,
    map: &Map,
    mock: Mock,
) -> Result<Result<Value, Failure>, Fault> {
    let (items, threshold) = begin(step, map, mock.reader_data.as_deref())?;
    let state = step.visit()?.1.state;
    step.emit(EventKind::MapStarted {
        state,
        items,
        concurrency: 1,
    })?;
    let inputs = inputs(step, map)?;
    let iterations = match mock.outcome.as_ref().map(Value::view) {
        Ok(View::Array(results)) => results.len(),
        _ => inputs,
    };
    if let Some(probe) = step.probe {
        probe.see_iterations(iterations);
    }
    let failed = mock.iterations_failed.unwrap_or(0);
    let exceeded = map.distributed.is_some() && threshold.is_exceeded(failed, iterations);
    Ok(match mock.outcome {
        Ok(_) if exceeded => {
            let cause = "The specified tolerated failure threshold was exceeded";
            Err(failure(THRESHOLD, cause))
        }
        outcome => outcome,
    })
}

/// The items and what is tolerated.
fn begin(
    step: &Step<'_>,
    map: &Map,
    reader_data: Option<&str>,
) -> Result<(Value, Threshold), Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.input()?;
    map::concurrency(map, &input, &data)?;
    let threshold = Threshold::of(map, &input, &data)?;
    let distributed = map.distributed.as_deref();
    let items = match distributed.and_then(|distributed| distributed.item_reader.as_ref()) {
        Some(reader) => read(map, reader, reader_data, &input, &data)?,
        None => {
            let items = map::items(map, input, &data)?;
            data.limit(&items, &context.state.name)?;
            items
        }
    };
    Ok((items, threshold))
}

/// The items in the data that the reader is given to have read; none without.
fn read(
    map: &Map,
    reader: &ItemReader,
    text: Option<&str>,
    input: &Value,
    data: &Data<'_>,
) -> Result<Value, Fault> {
    if let Some(arguments) = &reader.arguments {
        data.fill(arguments, input)?;
    }
    let items_max = items_max(reader, input, data)?;
    let Some(text) = text else {
        return Ok(Value::empty_array());
    };
    let is_selected = matches!(map.items, Items::Path(_));
    let read_max = if is_selected { usize::MAX } else { items_max };
    let items = item_reader::items(&reader.config, text, read_max)
        .map_err(|error| reader_failed(error.to_string()))?;
    if reader.config.items_pointer.is_some() {
        data.see(Stage::AfterItemsPointer, &items);
    }
    // Recorded: ItemsPath is applied to what was read, not to the state's input.
    match is_selected {
        true => Ok(item_reader::first(map::items(map, items, data)?, items_max)),
        false => Ok(items),
    }
}

/// The reader's MaxItems; 0 is no limit.
fn items_max(reader: &ItemReader, input: &Value, data: &Data<'_>) -> Result<usize, Fault> {
    let Some(max_items) = &reader.config.max_items else {
        return Ok(usize::MAX);
    };
    match counts::whole_number(max_items, "MaxItems", input, data)? {
        0 => Ok(usize::MAX),
        number if number < 0 => Err(reader_failed("field MaxItems must be positive")),
        number => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
    }
}

fn reader_failed(cause: impl Into<Text>) -> Fault {
    Fault::Failed(failure(READER_FAILED, cause))
}

/// What the iterations begin with: their number.
fn inputs(step: &Step<'_>, map: &Map) -> Result<usize, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let (_, forked) = step.thread()?.forked().ok_or(Refusal::ForeignProgram)?;
    let mapping = forked.mapping.as_ref().ok_or(Refusal::ForeignProgram)?;
    let distributed = map.distributed.as_deref();
    let batcher = distributed.and_then(|it: &Distributed| it.item_batcher.as_ref());
    let Some(selected) = select(step, map, mapping)? else {
        return Ok(mapping.len());
    };
    if map.item_selector.is_some() {
        data.see(
            Stage::AfterItemSelector,
            &selected.iter().cloned().collect(),
        );
    }
    let Some(batcher) = batcher else {
        return Ok(selected.len());
    };
    let batches = batches(batcher, selected, &data)?;
    let count = batches.len();
    data.see(Stage::AfterItemBatcher, &batches.into());
    Ok(count)
}

/// The input of every iteration; `None` when all together are larger than a payload can be, and so
/// cannot be shown.
fn select(step: &Step<'_>, map: &Map, mapping: &Mapping) -> Result<Option<Vec<Value>>, Fault> {
    let bytes_max = step.limits().map_or(0, |limits| limits.payload_bytes_max());
    let (mut selected, mut bytes, mut effective) = (Vec::new(), 0, None);
    for index in 0.. {
        let Some((_, item)) = mapping.item(index) else {
            break;
        };
        let input = map::item_input(step, map, (index, item.clone()), &mut effective)?;
        bytes += input.size() + 1;
        if bytes > bytes_max {
            return Ok(None);
        }
        selected.push(input);
    }
    Ok(Some(selected))
}

/// `{"BatchInput": .., "Items": [..]}` for as many items at a time as the batcher allows.
fn batches(
    batcher: &ItemBatcher,
    inputs: Vec<Value>,
    data: &Data<'_>,
) -> Result<Vec<Value>, Fault> {
    let raw = data.input()?;
    let limit = |limit: &Option<_>, field: &str| -> Result<usize, Fault> {
        let Some(limit) = limit else {
            return Ok(usize::MAX);
        };
        let limit = counts::count(limit, field, &raw, data)?;
        Ok(usize::try_from(limit).unwrap_or(usize::MAX).max(1))
    };
    let items_max = limit(&batcher.max_items_per_batch, "MaxItemsPerBatch")?;
    let bytes_max = limit(&batcher.max_input_bytes_per_batch, "MaxInputBytesPerBatch")?;
    let shared = batcher.batch_input.as_ref();
    let shared = shared
        .map(|template| data.fill(template, &raw))
        .transpose()?;
    let batch = |items: Vec<Value>| -> Value {
        let mut batch = ObjectBuilder::new();
        if let Some(shared) = &shared {
            batch.add("BatchInput", shared.clone());
        }
        batch.add("Items", items);
        batch.build().into()
    };
    let empty_bytes = batch(Vec::new()).size();
    let (mut batches, mut items, mut bytes) = (Vec::new(), Vec::new(), empty_bytes);
    for input in inputs {
        let more = input.size() + 1;
        if !items.is_empty() && (items.len() >= items_max || bytes + more > bytes_max) {
            batches.push(batch(std::mem::take(&mut items)));
            bytes = empty_bytes;
        }
        bytes += more;
        items.push(input);
    }
    if !items.is_empty() {
        batches.push(batch(items));
    }
    Ok(batches)
}

impl Threshold {
    fn of(map: &Map, input: &Value, data: &Data<'_>) -> Result<Threshold, Fault> {
        let tolerance = &map.tolerance;
        let mut threshold = Threshold {
            count: None,
            percentage: None,
        };
        if tolerance.count.is_some() {
            let count = counts::tolerated_count(tolerance, input, data)?;
            data.see(Stage::ToleratedFailureCount, &count.into());
            threshold.count = Some(count);
        }
        if tolerance.percentage.is_some() {
            let percentage = counts::tolerated_percentage(tolerance, input, data)?;
            data.see(Stage::ToleratedFailurePercentage, &percentage.into());
            threshold.percentage = Some(percentage);
        }
        Ok(threshold)
    }

    /// Recorded: a Map that names no threshold tolerates what a test says has failed.
    fn is_exceeded(self, failed: u64, iterations: usize) -> bool {
        let by_count = self.count.is_some_and(|count| failed > count);
        let by_percentage = self.percentage.is_some_and(|percentage| {
            as_f64(failed) * 100.0 > percentage * as_f64(u64::try_from(iterations).unwrap_or(0))
        });
        by_count || by_percentage
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "iterations of a payload: far fewer than 2^53"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}
