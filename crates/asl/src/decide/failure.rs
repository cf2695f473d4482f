//! Retry and Catch.

use json::{ObjectBuilder, Value};

use super::step::{Exit, Fault, Go, RUNTIME, Step, TIMEOUT};
use super::{data, fork};
use crate::event::{EventKind, Failure, Text};
use crate::program::{Catcher, Next, Recovery, Retrier, State, StateKind};

/// The longest back-off: the longest IntervalSeconds an author can write. AWS names no bound for a
/// back-off without MaxDelaySeconds; ours keeps instants representable.
const DELAY_SECONDS_MAX: f64 = 99_999_999.0;

/// How a state failed.
pub(super) struct Failed {
    pub(super) failure: Failure,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It said so, or its data could not be used.
    Error,
    /// TimeoutSeconds ran out.
    Timeout,
    /// HeartbeatSeconds ran out. AWS reports it as `States.Timeout` all the same.
    MissedHeartbeat,
}

/// After a failure of the state the thread is in: wait for the next attempt, leave by a catcher,
/// or let the state above fail. The first retrier that matches decides; when it is used up, no
/// later one is tried. `States.Runtime` ends the execution at once, whatever is above.
pub(super) fn recover(step: &mut Step<'_>, failed: Failed) -> Result<Go, Fault> {
    if failed.is_runtime() {
        return step.fail(failed.failure);
    }
    if let Some(probe) = step.probe {
        probe.see_failure(&failed.failure);
    }
    step.begin_turn();
    let (state, _) = step.visit()?;
    let Some(recovery) = recovery(state) else {
        return Ok(Go::Raise(failed));
    };
    // An ItemSelector failed while other iterations run.
    let thread = step.thread()?;
    if thread.forked().is_some_and(|(_, forked)| forked.live > 0) {
        let (id, last_event) = (thread.id, thread.last_event);
        fork::cut(step, id, None, last_event)?;
    }
    if let Some(outcome) = retry(step, recovery, &failed)? {
        return Ok(outcome);
    }
    state_failed(step, state)?;
    let mut catchers = recovery.catch.iter().enumerate();
    let matching = catchers.find(|(_, catcher)| failed.matches(&catcher.error_equals));
    let Some((index, catcher)) = matching else {
        return Ok(Go::Raise(failed));
    };
    if let Some(probe) = step.probe {
        probe.see_catcher(index);
    }
    match catch(step, catcher, &failed) {
        Ok(exit) => step.exit(exit, Next::State(catcher.next)),
        // What a catcher gets wrong no catcher of the same state mends.
        Err(fault) => {
            let failed = step.explain(fault)?;
            if failed.is_runtime() {
                return step.fail(failed.failure);
            }
            state_failed(step, state)?;
            Ok(Go::Raise(failed))
        }
    }
}

/// Retry and Catch of the states that have them.
fn recovery(state: &State) -> Option<&Recovery> {
    match &state.kind {
        StateKind::Task(task) => Some(&task.recovery),
        StateKind::Parallel(parallel) => Some(&parallel.recovery),
        StateKind::Map(map) => Some(&map.recovery),
        _ => None,
    }
}

/// The last attempt of a Parallel or Map failed. A Task's own events have told so.
fn state_failed(step: &mut Step<'_>, state: &State) -> Result<(), Fault> {
    if let StateKind::Parallel(_) | StateKind::Map(_) = &state.kind {
        let state = step.visit()?.1.state;
        step.emit(EventKind::StateFailed { state })?;
    }
    Ok(())
}

fn catch(step: &Step<'_>, catcher: &Catcher, failed: &Failed) -> Result<Exit, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let exit = data.catch(catcher, failed.error_output())?;
    data.limit(&exit.output, &context.state.name)?;
    Ok(exit)
}

/// Schedules the next attempt; `None` when no retrier matches or the one that does is used up.
fn retry(step: &mut Step<'_>, recovery: &Recovery, failed: &Failed) -> Result<Option<Go>, Fault> {
    let mut retriers = recovery.retry.iter().enumerate();
    let matching = retriers.find(|(_, retrier)| failed.matches(&retrier.error_equals));
    let Some((index, retrier)) = matching else {
        return Ok(None);
    };
    let (_, visit) = step.visit()?;
    let used = match step.probe {
        Some(probe) => probe.retries,
        None => visit.retries.get(index).copied().unwrap_or(0),
    };
    if u64::from(used) >= retrier.attempts_max {
        return Ok(None);
    }
    let Ok(index) = u32::try_from(index) else {
        return Ok(None);
    };
    let delay_ms = match retrier.jitter {
        true => share(delay_ms(retrier, used), step.chance.draw()),
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
    pub(super) fn new(failure: Failure, how: How) -> Failed {
        Failed { failure, how }
    }

    fn is_runtime(&self) -> bool {
        self.failure.error.as_deref() == Some(RUNTIME)
    }

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
