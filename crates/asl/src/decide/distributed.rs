//! Distributed Map, as far as it comes before its Map Run.

use super::step::{Fault, Go, Step};
use super::{counts, data, map};
use crate::program::{Distributed, Map};

const NOT_RUN: &str = "This version of Lockstep does not run distributed Maps yet: no Map Run was \
                       started. Use the mode INLINE in the ProcessorConfig of the Map.";

/// Makes an attempt. The Map has started before its tolerance and the reader's MaxItems are looked
/// at, as recorded on AWS: what is wrong with them follows MapStateStarted.
pub(super) fn attempt(
    step: &mut Step<'_>,
    map: &Map,
    distributed: &Distributed,
) -> Result<Go, Fault> {
    let started = map::prepare(step, map)?;
    step.emit(started)?;
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.input()?;
    counts::tolerated_count(&map.tolerance, &input, &data)?;
    counts::tolerated_percentage(&map.tolerance, &input, &data)?;
    let reader = distributed.item_reader.as_ref();
    if let Some(max_items) = reader.and_then(|reader| reader.config.max_items.as_ref()) {
        // A negative number is the reader's failure, within the Map Run.
        counts::whole_number(max_items, "MaxItems", &input, &data)?;
    }
    Err(Fault::runtime(NOT_RUN))
}
