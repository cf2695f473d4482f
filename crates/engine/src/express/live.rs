//! One run: decisions, calls, and what it waits for.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::apply::apply;
use asl::decide::{Allowance, Call, Decision, Effect, Input, Moment, Refusal, decide};
use asl::event::{BranchId, Event, EventId, EventKind, Failure, Start};
use asl::program::Program;
use asl::run::Run;
use asl::time::Timestamp;
use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, Aborted, BoxFuture, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::oneshot;

use super::kept::{Ended, Entry};
use super::weight::Weight;
use super::{Billing, Express, ExpressEnd};
use crate::limits::SLEEP_MS_MAX;
use crate::observe::Observed;
use crate::request::ExecutionStatus;
use crate::shard::is_stale;
use crate::task::{Answered, TaskCall, panicked};
use crate::trace;

/// A run under way.
pub(super) struct Live {
    express: Arc<Express>,
    program: Arc<Program>,
    run: Run,
    entry: Arc<Entry>,
    /// Whether somebody watches.
    is_watched: bool,
    /// Counts what `entry` holds.
    weight: Weight,
    /// What of it is counted in `express.bytes`.
    counted: usize,
    started_at: Timestamp,
}

/// What a run goes on with.
pub(super) enum Next {
    /// What a decision led to.
    Effects(Vec<Effect>),
    Decide(Input),
    /// The input is to be decided where it keeps nobody waiting.
    Heavy(Input),
}

/// A call with its outcome to come, or given up.
type Calls = FuturesUnordered<BoxFuture<'static, Result<(EventId, Answered), Aborted>>>;

/// The cause of a failure that is a fault of ours.
const DECISION_PANICKED: &str = "a decision failed inside the server; its log says where";

/// What a run waited for.
enum Came {
    Outcome(EventId, Answered),
    /// A call that was given up.
    Nothing,
    Due,
}

impl Live {
    /// A run that has not decided anything. It is listed from now on.
    pub(super) fn new(
        express: &Arc<Express>,
        program: Arc<Program>,
        start: &Start,
        started_at: Timestamp,
    ) -> Live {
        Live {
            express: Arc::clone(express),
            entry: express.kept.insert(start, started_at),
            is_watched: express.observers.wants(start.definition).is_some(),
            program,
            run: Run::default(),
            weight: Weight::default(),
            counted: 0,
            started_at,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.entry.number
    }

    /// The last event there is, for a journal.
    pub(super) fn last_event(&self) -> Option<(Timestamp, Event)> {
        self.entry.last_event()
    }

    /// How the run ended, if it has.
    pub(super) fn end(&self) -> Option<ExpressEnd> {
        let (start, end) = (&self.entry.start, self.run.end.as_ref()?);
        Some(ExpressEnd {
            execution_arn: start.execution_arn.clone(),
            name: start.execution_name.clone(),
            status: ExecutionStatus::from(&self.run),
            started_at: self.started_at,
            stopped_at: end.at,
            output: end.output.clone(),
            failure: end.failure.clone(),
            billing: self.billing(end.at),
        })
    }

    fn billing(&self, stopped_at: Timestamp) -> Billing {
        let bytes = self.weight.bytes() as u64;
        Billing::of(stopped_at.0 - self.started_at.0, bytes)
    }

    /// Decides an input under the small allowance of a thread that serves others as well.
    pub(super) fn decide(&mut self, input: Input) -> Next {
        let moment = self.moment(Allowance::Inline);
        let decision = || decide(&self.program, &self.run, moment, input.clone());
        // A run that nobody ends would keep its place for ever.
        match catch_unwind(AssertUnwindSafe(decision)) {
            Ok(Err(Refusal::TooHeavy)) => Next::Heavy(input),
            Ok(decided) => Next::Effects(self.take(decided)),
            Err(_) => {
                self.fail(DECISION_PANICKED.to_owned());
                Next::Effects(Vec::new())
            }
        }
    }

    /// Decides an input on the slow lane.
    async fn decide_heavy(&mut self, input: Input) -> Vec<Effect> {
        let moment = self.moment(Allowance::Full);
        let (program, run) = (Arc::clone(&self.program), self.run.clone());
        let express = Arc::clone(&self.express);
        // Never closed: waiting for a place does not fail.
        let _place = express.heavy.acquire().await;
        let (sender, decided) = oneshot::channel();
        express.slow.run(move || {
            let decided = decide(&program, &run, moment, input);
            if sender.send(decided).is_err() {
                tracing::debug!("a heavy decision came after its run was given up");
            }
        });
        match decided.await {
            Ok(decided) => self.take(decided),
            Err(_) => {
                self.fail(DECISION_PANICKED.to_owned());
                Vec::new()
            }
        }
    }

    fn moment(&self, allowance: Allowance) -> Moment {
        let [random, ..] = self.express.chance.lock().draw();
        let now = match self.run.start {
            Some(_) => self.express.clock.now(),
            None => self.started_at,
        };
        Moment {
            now,
            random,
            allowance,
        }
    }

    /// Takes a decision over.
    fn take(&mut self, decided: Result<Decision, Refusal>) -> Vec<Effect> {
        let decision = match decided {
            Ok(decision) => decision,
            Err(refusal) if is_stale(refusal) => return Vec::new(),
            Err(refusal) => {
                self.fail(format!("the execution refused its input: {refusal:?}"));
                return Vec::new();
            }
        };
        let Decision {
            time,
            events,
            effects,
            run,
            ..
        } = decision;
        let is_first = self.run.start.is_none();
        let before = std::mem::replace(&mut self.run, run);
        if is_first {
            self.limit_time(time);
        }
        let has_ended = self.run.end.is_some();
        self.record(time, events, before);
        // A run that was failed for its size makes no calls any more.
        match self.run.end {
            Some(_) if !has_ended => Vec::new(),
            _ => effects,
        }
    }

    /// Gives the run its five minutes, unless its own TimeoutSeconds are shorter.
    fn limit_time(&mut self, time: Timestamp) {
        let at = self
            .started_at
            .plus_seconds(self.express.config.express_seconds_max);
        let is_longer = self.run.times_out_at.is_none_or(|own| own > at);
        if is_longer && self.run.end.is_none() {
            let deadline = internal(EventKind::ExecutionDeadline { at });
            apply(&mut self.run, time, &deadline);
        }
    }

    /// Tells who watches, keeps the events that are shown, and fails a run whose events are more
    /// than memory has room for.
    fn record(&mut self, time: Timestamp, mut events: Vec<Event>, before: Run) {
        let watched = self.is_watched.then(|| events.clone());
        events.retain(|event| event.id != 0 || matches!(event.kind, EventKind::TaskServed { .. }));
        events.iter().for_each(|event| self.weight.add(event));
        let added = self.weight.bytes() - self.counted;
        self.counted += added;
        let all = self.express.bytes.fetch_add(added, Ordering::Relaxed) + added;
        self.entry.add(time, events);
        if let Some(events) = watched {
            self.tell(time, events, before);
        }
        if let Some(end) = &self.run.end {
            let ended = Ended {
                status: ExecutionStatus::from(&self.run),
                at: end.at,
                output: end.output.clone(),
                failure: end.failure.clone(),
                billing: self.billing(end.at),
            };
            let bytes = self.weight.bytes();
            self.express.kept.end(&self.entry, ended, bytes);
            return;
        }
        let config = &self.express.config;
        if self.weight.bytes() > config.express_run_bytes_max {
            self.fail(format!(
                "the history of the execution takes more than {} bytes of memory, which is all \
                 that an Express execution may take: use a Standard one, or keep large data \
                 elsewhere",
                config.express_run_bytes_max
            ));
        } else if all > config.express_bytes_max {
            self.fail(format!(
                "the histories of all Express executions under way take more than {} bytes of \
                 memory: start fewer at a time, or keep large data elsewhere",
                config.express_bytes_max
            ));
        }
    }

    /// Tells who watches.
    fn tell(&self, time: Timestamp, events: Vec<Event>, before: Run) {
        let seen = Observed::new(&self.program, before, &self.run, time, events);
        let Some(mut seen) = seen else { return };
        let end = self.run.end.as_ref();
        seen.billing = end.map(|end| self.billing(end.at));
        self.express.observers.tell_one(&Arc::new(seen), None);
    }

    /// Ends the run with a failure that is ours.
    fn fail(&mut self, cause: String) {
        if self.run.end.is_some() {
            return;
        }
        let failure = Failure {
            error: Some("States.Runtime".into()),
            cause: Some(cause.into()),
        };
        let last_event = self.run.last_event;
        let event = Event {
            id: last_event + 1,
            previous: last_event,
            ..internal(EventKind::ExecutionFailed(failure))
        };
        let time = self.express.clock.now().max(self.run.time);
        let before = self.run.clone();
        apply(&mut self.run, time, &event);
        self.record(time, vec![event], before);
    }

    /// Goes on to the end.
    pub(super) async fn drive(mut self, mut next: Next) -> (Live, ExpressEnd) {
        let mut calls = Calls::new();
        let mut under_way: BTreeMap<EventId, AbortHandle> = BTreeMap::new();
        let end = loop {
            let effects = match next {
                Next::Effects(effects) => effects,
                Next::Decide(input) => {
                    next = self.decide(input);
                    continue;
                }
                Next::Heavy(input) => self.decide_heavy(input).await,
            };
            for effect in effects {
                self.act(effect, &calls, &mut under_way);
            }
            if let Some(end) = self.end() {
                break end;
            }
            next = if self.run.is_yielded() {
                tokio::task::yield_now().await;
                self.decide(Input::Continue)
            } else {
                self.wait(&mut calls, &mut under_way).await
            };
        };
        // A run that failed by memory's bound has calls that nothing gave up.
        for attempt in under_way.into_keys() {
            self.abandon(attempt);
        }
        (self, end)
    }

    fn act(&self, effect: Effect, calls: &Calls, under_way: &mut BTreeMap<EventId, AbortHandle>) {
        match effect {
            Effect::Call(call) => {
                let attempt = call.attempt;
                let (call, handle) = abortable(self.call(call));
                under_way.insert(attempt, handle);
                calls.push(call.boxed());
            }
            Effect::Abandon { attempt } => {
                if let Some(call) = under_way.remove(&attempt) {
                    call.abort();
                }
                self.abandon(attempt);
            }
            // Definitions with jobs are refused for Express state machines.
            Effect::Watch { .. } | Effect::Cancel(..) => {
                tracing::error!("an Express execution has started a job");
            }
        }
    }

    fn abandon(&self, attempt: EventId) {
        let execution_arn = &self.entry.start.execution_arn;
        self.express.runner.abandon(execution_arn, attempt);
    }

    /// Makes a call as soon as there is a place for it.
    fn call(&self, call: Call) -> impl Future<Output = (EventId, Answered)> + use<> {
        let attempt = call.attempt;
        let start = &self.entry.start;
        let call = TaskCall {
            execution_arn: start.execution_arn.clone(),
            state_machine_arn: start.state_machine_arn.clone(),
            role_arn: start.role_arn.clone(),
            trace_header: trace::of_call(
                start.trace_header.as_ref(),
                &start.execution_arn,
                call.attempt,
            ),
            mock_case: start.mock_case.clone(),
            call,
        };
        let runner = Arc::clone(&self.express.runner);
        let places = Arc::clone(&self.express.calls);
        async move {
            let _place = places.acquire_owned().await;
            // Made inside, so that a panic while it is made is caught as well.
            let outcome = AssertUnwindSafe(async move { runner.run(call).await });
            let outcome = outcome.catch_unwind().await;
            (attempt, outcome.unwrap_or_else(|_| panicked().into()))
        }
    }

    /// Waits for a call or a deadline, and decides what came.
    async fn wait(
        &mut self,
        calls: &mut Calls,
        under_way: &mut BTreeMap<EventId, AbortHandle>,
    ) -> Next {
        let came = tokio::select! {
            Some(outcome) = calls.next() => match outcome {
                Ok((attempt, outcome)) => Came::Outcome(attempt, outcome),
                Err(Aborted) => Came::Nothing,
            },
            () = self.until_deadline() => Came::Due,
        };
        match came {
            Came::Due => self.decide(Input::DeadlineReached),
            Came::Nothing => Next::Effects(Vec::new()),
            Came::Outcome(attempt, answered) => {
                under_way.remove(&attempt);
                self.decide(answered.into_input(attempt))
            }
        }
    }

    /// Sleeps on the monotonic clock, and looks at the wall clock now and then.
    async fn until_deadline(&self) {
        let Some(deadline) = self.run.deadline() else {
            return std::future::pending().await;
        };
        loop {
            let left_ms = deadline.0 - self.express.clock.now().0;
            let left_ms = u64::try_from(left_ms).unwrap_or(0);
            if left_ms == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left_ms.min(SLEEP_MS_MAX))).await;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.express
            .bytes
            .fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// An event of the root thread that AWS does not show.
fn internal(kind: EventKind) -> Event {
    Event {
        id: 0,
        previous: 0,
        branch: BranchId::ROOT,
        kind,
    }
}
