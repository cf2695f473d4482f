//! Retry and Catch.

use json::{ObjectBuilder, Value};

use super::data;
use super::step::{Fault, Go, RUNTIME, Step, TIMEOUT};
use crate::event::{EventKind, Failure, Text};
use crate::program::{Next, Retrier, Task};

/// The longest back-off: the longest IntervalSeconds an author can write. AWS names no bound for a
/// back-off without MaxDelaySeconds; ours keeps instants representable.
const DELAY_SECONDS_MAX: f64 = 99_999_999.0;

/// How a task attempt failed.
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It said so, or its result could not be used.
    Error,
    /// TimeoutSeconds ran out.
    Timeout,
    /// HeartbeatSeconds ran out. AWS reports it as `States.Timeout` all the same.
    MissedHeartbeat,
}

/// After a failure: wait for the next attempt, leave by a catcher, or end the execution. The first
/// retrier that matches decides; when it is used up, no later one is tried.
pub(super) fn recover(step: &mut Step<'_>, task: &Task, failed: Failed) -> Result<Go, Fault> {
    if failed.failure.error.as_deref() == Some(RUNTIME) {
        return step.fail(failed.failure);
    }
    let matching = |retrier: &Retrier| failed.matches(&retrier.error_equals);
    if let Some(index) = task.recovery.retry.iter().position(matching)
        && let Some(retrier) = task.recovery.retry.get(index)
        && let Some(outcome) = retry(step, retrier, index)?
    {
        return Ok(outcome);
    }
    let Some(catcher) = task
        .recovery
        .catch
        .iter()
        .find(|catcher| failed.matches(&catcher.error_equals))
    else {
        return step.fail(failed.failure);
    };
    let context = step.context()?;
    let output = data::place(
        &catcher.result_path,
        &context.visit.input,
        failed.error_output(),
    )?;
    data::limit(&output, step.payload_bytes_max(), &context.state.name)?;
    step.exit(output, Next::State(catcher.next))
}

/// Schedules the next attempt; `None` when the retrier is used up.
fn retry(step: &mut Step<'_>, retrier: &Retrier, index: usize) -> Result<Option<Go>, Fault> {
    let (_, visit) = step.visit()?;
    let used = visit.retries.get(index).copied().unwrap_or(0);
    if u64::from(used) >= retrier.attempts_max {
        return Ok(None);
    }
    let Ok(index) = u32::try_from(index) else {
        return Ok(None);
    };
    let delay_ms = match retrier.jitter {
        true => share(delay_ms(retrier, used), step.draw()),
        false => delay_ms(retrier, used),
    };
    let until = step.time.plus_ms(delay_ms);
    step.emit(EventKind::RetryAt {
        retrier: index,
        retries: used + 1,
        until,
    })?;
    Ok(Some(Go::Rest))
}

/// `min(IntervalSeconds * BackoffRate^used, MaxDelaySeconds)`, after `used` retries.
fn delay_ms(retrier: &Retrier, used: u32) -> u64 {
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let seconds_max = retrier.delay_seconds_max.map_or(DELAY_SECONDS_MAX, to_f64);
    let seconds = to_f64(retrier.interval_seconds) * retrier.backoff_rate.powi(exponent);
    let ms = seconds.min(seconds_max).clamp(0.0, DELAY_SECONDS_MAX) * 1_000.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "INVARIANT: from 0 to 99,999,999,000"
    )]
    let whole_ms = ms.round() as u64;
    whole_ms
}

/// One of the numbers from 0 to `max`, each as likely: FULL jitter.
fn share(max: u64, random: u64) -> u64 {
    let product = u128::from(random) * (u128::from(max) + 1);
    u64::try_from(product >> 64).unwrap_or(max)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of at most nine digits")]
fn to_f64(seconds: u64) -> f64 {
    seconds as f64
}

impl Failed {
    /// Names match exactly; `States.ALL` matches all, `States.TaskFailed` all but a timeout, and a
    /// missed heartbeat matches `States.HeartbeatTimeout` although its error is `States.Timeout`.
    fn matches(&self, error_equals: &[Text]) -> bool {
        error_equals.iter().any(|name| match &**name {
            "States.ALL" => true,
            "States.TaskFailed" => self.failure.error.as_deref() != Some(TIMEOUT),
            "States.HeartbeatTimeout" if self.how == How::MissedHeartbeat => true,
            name => self.failure.error.as_deref() == Some(name),
        })
    }

    /// What a catcher sees. A timeout has no cause in the history and an empty one here.
    fn error_output(&self) -> Value {
        let part = |part: &Option<Text>| part.as_deref().map_or_else(Value::null, Value::from);
        let cause = match (&self.failure.cause, self.how) {
            (None, How::Timeout | How::MissedHeartbeat) => Value::from(""),
            (cause, _) => part(cause),
        };
        ObjectBuilder::new()
            .add("Error", part(&self.failure.error))
            .add("Cause", cause)
            .build()
            .into()
    }
}
