//! Wait: until an instant, which is settled on entry.

use json::Value;

use super::{Refusal, data};
use super::step::{Fault, Go, Step};
use crate::context::Context;
use crate::event::EventKind;
use crate::program::{Dynamic, Wait, WaitUntil};
use crate::template::{Scope, ValuePath};
use crate::time::Timestamp;

/// AWS waits at most 2^31 - 1 seconds.
const DELAY_MS_MAX: i64 = (i32::MAX as i64) * 1_000;

pub(super) fn enter(step: &mut Step<'_>, wait: &Wait) -> Result<Go, Fault> {
    let context = step.context()?;
    let input = data::filter(&data::paths(&context)?.input_path, &context.visit.input, &context)?;
    let until = until(&wait.until, step.time, &input, &context)?;
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
    let output = data::pass_on(step)?;
    step.exit(output, wait.next)
}

fn until(
    until: &WaitUntil,
    now: Timestamp,
    input: &Value,
    context: &Context<'_>,
) -> Result<Timestamp, Fault> {
    match until {
        WaitUntil::Seconds(Dynamic::Literal(seconds)) => Ok(now.plus_seconds(*seconds)),
        WaitUntil::Seconds(Dynamic::Path(path)) => {
            Ok(now.plus_seconds(seconds(path, input, context)?))
        }
        WaitUntil::Timestamp(Dynamic::Literal(at)) => Ok(*at),
        WaitUntil::Timestamp(Dynamic::Path(path)) => timestamp(path, input, context),
        WaitUntil::Seconds(Dynamic::Query(_)) | WaitUntil::Timestamp(Dynamic::Query(_)) => {
            Err(Refusal::ForeignProgram.into())
        }
    }
}

fn seconds(path: &ValuePath, input: &Value, context: &Context<'_>) -> Result<u64, Fault> {
    let found = select("SecondsPath", path, input, context)?;
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

fn timestamp(path: &ValuePath, input: &Value, context: &Context<'_>) -> Result<Timestamp, Fault> {
    let found = select("TimestampPath", path, input, context)?;
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

fn select(
    field: &str,
    path: &ValuePath,
    input: &Value,
    context: &Context<'_>,
) -> Result<Value, Fault> {
    path.select(&Scope::new(input, context)).map_err(|_| {
        Fault::runtime(format!(
            "The {field} parameter does not reference an input value: {}",
            path.text
        ))
    })
}
