//! Wait: until an instant, which is settled on entry.

use json::Value;

use super::data::{self, Data};
use super::step::{Fault, Go, Step};
use crate::event::EventKind;
use crate::program::{Dynamic, Wait, WaitUntil};
use crate::template::ValuePath;
use crate::time::Timestamp;

/// AWS waits at most 2^31 - 1 seconds.
const DELAY_MS_MAX: i64 = (i32::MAX as i64) * 1_000;
/// The longest wait that Seconds may name (developer guide, "Wait workflow state").
const SECONDS_MAX: u64 = 99_999_999;

pub(super) fn enter(step: &mut Step<'_>, wait: &Wait) -> Result<Go, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let until = until(&wait.until, step.time, &data.input()?, &data)?;
    if until.0.saturating_sub(step.time.0) > DELAY_MS_MAX {
        return Err(Fault::runtime("Wait state delay is too long."));
    }
    if until <= step.time {
        return leave(step, wait);
    }
    step.emit(EventKind::WaitUntil { until })?;
    Ok(Go::Rest)
}

/// The wait is over.
pub(super) fn leave(step: &mut Step<'_>, wait: &Wait) -> Result<Go, Fault> {
    let exit = data::leave(step)?;
    step.exit(exit, wait.next)
}

fn until(
    until: &WaitUntil,
    now: Timestamp,
    input: &Value,
    data: &Data<'_>,
) -> Result<Timestamp, Fault> {
    Ok(match until {
        WaitUntil::Seconds(Dynamic::Literal(seconds)) => now.plus_seconds(*seconds),
        WaitUntil::Seconds(Dynamic::Path(path)) => now.plus_seconds(seconds(path, input, data)?),
        WaitUntil::Seconds(Dynamic::Query(query)) => {
            let range = 0..=SECONDS_MAX;
            now.plus_seconds(query.evaluate_integer(&data.scope(input), range)?)
        }
        WaitUntil::Timestamp(Dynamic::Literal(at)) => *at,
        WaitUntil::Timestamp(Dynamic::Path(path)) => timestamp(path, input, data)?,
        WaitUntil::Timestamp(Dynamic::Query(query)) => {
            query.evaluate_timestamp(&data.scope(input))?
        }
    })
}

fn seconds(path: &ValuePath, input: &Value, data: &Data<'_>) -> Result<u64, Fault> {
    let found = select("SecondsPath", path, input, data)?;
    let wrong = |what: &str| {
        Fault::runtime(format!(
            "The SecondsPath parameter {what}: {} == {found}",
            path.text
        ))
    };
    let seconds = found
        .as_i64()
        .ok_or_else(|| wrong("cannot be parsed as a long value"))?;
    u64::try_from(seconds).map_err(|_| wrong("references a negative value"))
}

fn timestamp(path: &ValuePath, input: &Value, data: &Data<'_>) -> Result<Timestamp, Fault> {
    let found = select("TimestampPath", path, input, data)?;
    let text = found
        .as_str()
        .map_or_else(|| found.to_text(), str::to_owned);
    Timestamp::parse_rfc3339(&text).ok_or_else(|| {
        Fault::runtime(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
             date-time format string: {} == {text}",
            path.text
        ))
    })
}

fn select(field: &str, path: &ValuePath, input: &Value, data: &Data<'_>) -> Result<Value, Fault> {
    path.evaluate(&data.scope(input)).map_err(|failure| {
        if failure.is_exhaustion() {
            return failure.into();
        }
        Fault::runtime(format!(
            "The {field} parameter does not reference an input value: {}",
            path.text
        ))
    })
}
