//! One execution's events, judged one by one without the code that decided them.

use std::collections::{BTreeMap, BTreeSet};

use asl::event::{BranchId, Event, EventId, EventKind, Failure, Text};
use asl::program::{Program, StateIndex, StateKind};
use asl::time::Timestamp;
use json::{Value, View};

use super::facts::agree;

/// How an attempt ended: the mark of its result, or none for a timeout.
pub(super) type Ending = Option<u64>;

#[derive(Default)]
pub(super) struct Story {
    pub(super) arn: Text,
    pub(super) input: String,
    last_id: EventId,
    time: Timestamp,
    threads: BTreeMap<BranchId, Thread>,
    /// Every thread there ever was.
    last_thread: u32,
    deadline: Option<Timestamp>,
    /// Every attempt, with its ending if it has one.
    pub(super) attempts: BTreeMap<EventId, Option<Ending>>,
    /// Attempts that were started: of activities, picked up.
    pub(super) started: BTreeSet<EventId>,
    /// Attempts whose jobs are to be stopped, and those whose were.
    pub(super) owed_cancels: BTreeSet<EventId>,
    pub(super) cancelled: BTreeSet<EventId>,
    /// Each by its client token, with its time.
    pub(super) redrives: Vec<(Text, Timestamp)>,
    /// States entered so far.
    pub(super) entered: usize,
    is_queued: bool,
    has_succeeded: bool,
    pub(super) has_ended: bool,
    /// The history has no room for more.
    pub(super) is_full: bool,
    /// The wall clock went back meanwhile: heartbeats are missed by the clock, while the time of
    /// events stands still.
    pub(super) clock_went_back: bool,
}

/// A branch, an iteration, or the root.
#[derive(Default)]
struct Thread {
    /// The thread it is a part of, and which part.
    parent: Option<(BranchId, u32)>,
    state: Option<StateIndex>,
    /// The call that has no result yet.
    open: Option<Open>,
    /// No state may be left and no attempt made before.
    not_before: Option<Timestamp>,
    /// The parts of the Parallel or Map it is in.
    parts: Option<Parts>,
    /// What was cut below the Parallel or Map it is in, all of it: a redrive goes on with it.
    kept: Option<Kept>,
}

struct Kept {
    parts: Option<Parts>,
    threads: BTreeMap<BranchId, Thread>,
}

struct Open {
    attempt: EventId,
    times_out_at: Option<Timestamp>,
    /// From the start on.
    heartbeat_seconds: Option<u64>,
    is_job: bool,
    is_started: bool,
    is_submitted: bool,
}

/// One attempt of a Parallel or Map.
struct Parts {
    count: usize,
    at_a_time: usize,
    begun: BTreeSet<u32>,
    done: BTreeSet<u32>,
}

impl Story {
    /// Takes the next event of the journal.
    pub(super) fn tell(
        &mut self,
        program: &Program,
        time: Timestamp,
        event: &Event,
    ) -> Result<(), String> {
        let told = self.told(program, time, event);
        told.map_err(|problem| format!("{}: {problem}: {event:?} at {time}", self.arn))
    }

    fn told(&mut self, program: &Program, time: Timestamp, event: &Event) -> Result<(), String> {
        let may_follow = matches!(
            event.kind,
            EventKind::ExecutionRedriven { .. } | EventKind::JobCancelled { .. }
        );
        rule(!self.has_ended || may_follow, "an event behind the last")?;
        let may_be_queued = event.kind.is_internal() || event.kind.is_terminal();
        rule(
            !self.is_queued || may_be_queued,
            "it moves while it is queued",
        )?;
        rule(time >= self.time, "time goes back")?;
        self.time = time;
        if event.kind.is_internal() {
            rule(event.id == 0, "an internal event has an id")?;
        } else {
            rule(event.id == self.last_id + 1, "ids have a gap or repeat")?;
            rule(event.previous < event.id, "the previous event comes later")?;
            self.last_id = event.id;
        }
        rule(
            (event.id == 1) == matches!(event.kind, EventKind::ExecutionStarted(_)),
            "only the first event starts",
        )?;
        self.judge(program, event)
    }

    fn judge(&mut self, program: &Program, event: &Event) -> Result<(), String> {
        let branch = event.branch;
        match &event.kind {
            EventKind::ExecutionStarted(start) => {
                self.arn = start.execution_arn.clone();
                self.input = start.input.to_text();
                self.threads.insert(BranchId::ROOT, Thread::default());
            }
            EventKind::ExecutionDeadline { at } => self.deadline = Some(*at),
            EventKind::ExecutionRedriven {
                redrive_count,
                client_token,
            } => self.redrive(program, *redrive_count, client_token.as_ref())?,
            EventKind::Queued => {
                rule(!self.is_queued, "queued twice")?;
                self.is_queued = true;
            }
            EventKind::Admitted => {
                rule(self.is_queued, "let in without having waited")?;
                self.is_queued = false;
            }
            EventKind::JobCancelled { attempt } => {
                let is_owed = self.owed_cancels.remove(attempt);
                rule(is_owed, "a job is told to stop that nobody wants to stop")?;
                self.cancelled.insert(*attempt);
            }
            EventKind::TaskServed { attempt, .. } => {
                let open = self.thread(branch)?.open.as_ref();
                let is_open = open.is_some_and(|open| open.attempt == *attempt);
                rule(is_open, "another attempt was served")?;
            }
            EventKind::StateEntered { state, .. } => {
                self.entered += 1;
                self.thread(branch)?.enter(*state)?;
            }
            EventKind::StateExited { state, .. } => {
                let time = self.time;
                self.thread(branch)?.exit(*state, time)?;
            }
            EventKind::WaitUntil { until } => {
                self.thread(branch)?.not_before = Some(*until);
            }
            EventKind::RetryAt { until, .. } => {
                let thread = self.thread(branch)?;
                thread.not_before = Some(*until);
                // Another attempt is an attempt at all of it.
                thread.kept = None;
            }
            EventKind::Yielded { .. } | EventKind::EvaluationFailed { .. } => {
                self.thread(branch)?;
            }
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_) => self.end(&event.kind)?,
            EventKind::TaskScheduled { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. } => self.judge_call(program, event)?,
            _ => self.judge_parts(program, event)?,
        }
        Ok(())
    }

    fn judge_call(&mut self, program: &Program, event: &Event) -> Result<(), String> {
        let (time, clock_went_back) = (self.time, self.clock_went_back);
        let thread = self.thread(event.branch)?;
        match &event.kind {
            EventKind::TaskScheduled {
                timeout_seconds,
                heartbeat_seconds,
                state,
                is_job,
                ..
            } => {
                rule(thread.open.is_none(), "a second call at the same time")?;
                rule(is_task(program, *state), "a call of no Task")?;
                rule(thread.state == Some(*state), "a call of another state")?;
                thread.waited(time)?;
                thread.open = Some(Open {
                    attempt: event.id,
                    times_out_at: timeout_seconds.map(|seconds| time.plus_seconds(seconds)),
                    heartbeat_seconds: *heartbeat_seconds,
                    is_job: *is_job,
                    is_started: false,
                    is_submitted: false,
                });
                self.attempts.insert(event.id, None);
            }
            EventKind::TaskStarted { .. } => {
                let open = thread.open.as_mut().ok_or("a start of no call")?;
                rule(!open.is_started, "started twice")?;
                open.is_started = true;
                let missed_at = open.heartbeat_seconds.map(|it| time.plus_seconds(it));
                open.times_out_at = open.times_out_at.into_iter().chain(missed_at).min();
                let attempt = open.attempt;
                self.started.insert(attempt);
            }
            EventKind::TaskSubmitted { .. } => {
                let open = thread.open.as_mut().ok_or("an answer to no call")?;
                rule(open.is_started && !open.is_submitted, "submitted twice")?;
                open.is_submitted = true;
            }
            EventKind::TaskSucceeded { output, .. } => self.close(event.branch, mark_of(output))?,
            EventKind::TaskFailed { failure, .. } => {
                self.close(event.branch, mark_of_failure(failure))?;
            }
            _ => {
                let times_out_at = thread.open.as_ref().and_then(|open| open.times_out_at);
                let is_late = times_out_at.is_some_and(|at| at <= time);
                rule(is_late || clock_went_back, "timed out early")?;
                self.close(event.branch, None)?;
            }
        }
        Ok(())
    }

    /// Parallel and Map.
    fn judge_parts(&mut self, program: &Program, event: &Event) -> Result<(), String> {
        let (branch, time) = (event.branch, self.time);
        match &event.kind {
            EventKind::ParallelStarted { state } => {
                let StateKind::Parallel(parallel) = &kind_of(program, *state)? else {
                    return Err("branches of no Parallel".to_owned());
                };
                let count = parallel.branches.len();
                self.thread(branch)?.fork(*state, count, count, time)?;
            }
            EventKind::MapStarted {
                state,
                items,
                concurrency,
            } => {
                let count = match items.view() {
                    View::Array(items) => items.len(),
                    View::Object(items) => items.len(),
                    _ => return Err("a Map over no list".to_owned()),
                };
                let at_a_time = usize::try_from(*concurrency).unwrap();
                self.thread(branch)?.fork(*state, count, at_a_time, time)?;
            }
            EventKind::BranchStarted { parent, index, .. }
            | EventKind::MapIterationStarted { parent, index, .. } => {
                self.begin(branch, *parent, *index)?;
            }
            EventKind::BranchSucceeded | EventKind::MapIterationSucceeded { .. } => {
                self.finish(branch)?;
            }
            EventKind::StateSucceeded { state } => {
                let thread = self.thread(branch)?;
                rule(thread.state == Some(*state), "success of another state")?;
                let parts = thread.parts.take().ok_or("success without parts")?;
                rule(
                    parts.done.len() == parts.count,
                    "success before the last part",
                )?;
            }
            EventKind::StateFailed { state } => {
                let thread = self.thread(branch)?;
                rule(thread.state == Some(*state), "failure of another state")?;
                thread.parts = None;
                self.alone(branch)?;
            }
            EventKind::BranchesCut => {
                let threads = self.cut(branch);
                self.want_no_jobs(threads.values());
                let thread = self.thread(branch)?;
                let parts = thread.parts.take();
                thread.kept = Some(Kept { parts, threads });
            }
            EventKind::StateAborted { state } => {
                let thread = self.thread(branch)?;
                rule(thread.state == Some(*state), "an abort of another state")?;
            }
            EventKind::MapIterationFailed { index, .. }
            | EventKind::MapIterationAborted { index, .. } => {
                let parent = self.thread(branch)?.parent;
                let is_it = parent.is_some_and(|(_, at)| at == *index);
                rule(is_it, "the end of another iteration")?;
            }
            _ => return Err("a kind of event nobody knows".to_owned()),
        }
        Ok(())
    }

    fn thread(&mut self, branch: BranchId) -> Result<&mut Thread, String> {
        let thread = self.threads.get_mut(&branch);
        thread.ok_or_else(|| format!("there is no thread {branch:?}"))
    }

    fn begin(&mut self, branch: BranchId, parent: BranchId, index: u32) -> Result<(), String> {
        rule(branch.0 > self.last_thread, "a thread begins again")?;
        self.last_thread = branch.0;
        let parts = self.thread(parent)?.parts.as_mut();
        let parts = parts.ok_or("a part of nothing")?;
        let under_way = parts.begun.len() - parts.done.len();
        rule(
            under_way < parts.at_a_time,
            "more parts at a time than may be",
        )?;
        rule(
            usize::try_from(index).unwrap() == parts.begun.len() && parts.begun.len() < parts.count,
            "parts begin in another order",
        )?;
        parts.begun.insert(index);
        let thread = Thread {
            parent: Some((parent, index)),
            ..Thread::default()
        };
        self.threads.insert(branch, thread);
        Ok(())
    }

    fn finish(&mut self, branch: BranchId) -> Result<(), String> {
        self.alone(branch)?;
        let thread = self.threads.remove(&branch).ok_or("the end of no thread")?;
        rule(thread.state.is_none(), "the end of a thread within a state")?;
        let (parent, index) = thread.parent.ok_or("the root is no part")?;
        let parts = self.thread(parent)?.parts.as_mut();
        let parts = parts.ok_or("a part of nothing ends")?;
        rule(parts.done.insert(index), "a part ends twice")
    }

    /// No thread is below this one.
    fn alone(&self, branch: BranchId) -> Result<(), String> {
        let is_below = |thread: &Thread| thread.parent.is_some_and(|(parent, _)| parent == branch);
        rule(
            !self.threads.values().any(is_below),
            "threads are left below",
        )
    }

    /// Takes out all threads below one.
    fn cut(&mut self, branch: BranchId) -> BTreeMap<BranchId, Thread> {
        let is_below = |thread: &Thread| thread.parent.is_some_and(|(parent, _)| parent == branch);
        let below = self.threads.iter().filter(|(_, thread)| is_below(thread));
        let below: Vec<BranchId> = below.map(|(id, _)| *id).collect();
        let mut gone = BTreeMap::new();
        for id in below {
            gone.extend(self.cut(id));
            gone.extend(self.threads.remove(&id).map(|thread| (id, thread)));
        }
        gone
    }

    /// The jobs of these threads are not wanted any more.
    fn want_no_jobs<'t>(&mut self, threads: impl Iterator<Item = &'t Thread>) {
        let open = threads.filter_map(|thread| thread.open.as_ref());
        let jobs = open.filter(|open| open.is_job).map(|open| open.attempt);
        self.owed_cancels.extend(jobs);
    }

    /// Every thread takes up the state it is in; those that were cut come back.
    fn redrive(
        &mut self,
        program: &Program,
        count: u32,
        client_token: Option<&Text>,
    ) -> Result<(), String> {
        rule(
            self.has_ended && !self.has_succeeded,
            "redriven without need",
        )?;
        let number = self.redrives.len() + 1;
        rule(
            usize::try_from(count).unwrap() == number,
            "redrives are counted wrongly",
        )?;
        let token = client_token.ok_or("a redrive of nobody")?;
        let lately = self.time.0 - 15 * 60_000;
        let is_repeated = |(it, at): &(Text, Timestamp)| it == token && at.0 > lately;
        rule(
            !self.redrives.iter().any(is_repeated),
            "the same redrive twice",
        )?;
        self.redrives.push((token.clone(), self.time));
        self.has_ended = false;
        self.deadline = None;
        let mut stopped: Vec<(BranchId, Thread)> =
            std::mem::take(&mut self.threads).into_iter().collect();
        while let Some((id, mut thread)) = stopped.pop() {
            if let Some(Kept { parts, threads }) = thread.kept.take() {
                thread.parts = parts;
                stopped.extend(threads);
            }
            thread.open = None;
            let kind = thread
                .state
                .map(|state| kind_of(program, state))
                .transpose()?;
            // A Wait keeps its time; a Fail is entered again.
            if !matches!(kind, Some(StateKind::Wait(_))) {
                thread.not_before = None;
            }
            if matches!(kind, Some(StateKind::Fail(_))) {
                thread.state = None;
            }
            self.threads.insert(id, thread);
        }
        Ok(())
    }

    fn close(&mut self, branch: BranchId, ending: Ending) -> Result<(), String> {
        let open = self.thread(branch)?.open.take();
        let open = open.ok_or("a result of no call")?;
        let has_timed_out = ending.is_none();
        rule(
            open.is_started || has_timed_out,
            "a result before the start",
        )?;
        if open.is_job && has_timed_out {
            self.owed_cancels.insert(open.attempt);
        }
        let attempt = self.attempts.entry(open.attempt).or_default();
        rule(attempt.is_none(), "a second result")?;
        *attempt = Some(ending);
        Ok(())
    }

    fn end(&mut self, kind: &EventKind) -> Result<(), String> {
        self.has_ended = true;
        self.is_queued = false;
        let threads = std::mem::take(&mut self.threads);
        self.want_no_jobs(threads.values());
        self.threads = threads;
        match kind {
            EventKind::ExecutionSucceeded { .. } => {
                self.has_succeeded = true;
                self.alone(BranchId::ROOT)?;
                let root = self.thread(BranchId::ROOT)?;
                rule(root.state.is_none(), "succeeded within a state")
            }
            EventKind::ExecutionTimedOut(_) => {
                let is_late = self.deadline.is_some_and(|at| at <= self.time);
                rule(is_late, "the execution timed out early")
            }
            EventKind::ExecutionFailed(failure) => {
                let cause = failure.cause.as_deref().unwrap_or_default();
                self.is_full = cause.contains("maximum number of history events");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Thread {
    fn enter(&mut self, state: StateIndex) -> Result<(), String> {
        rule(self.state.is_none(), "entered within another state")?;
        self.state = Some(state);
        self.kept = None;
        self.not_before = None;
        Ok(())
    }

    fn exit(&mut self, state: StateIndex, now: Timestamp) -> Result<(), String> {
        rule(
            self.state.take() == Some(state),
            "left without having entered",
        )?;
        rule(self.open.is_none(), "left with a call under way")?;
        rule(self.parts.is_none(), "left with parts under way")?;
        self.kept = None;
        self.waited(now)
    }

    fn fork(
        &mut self,
        state: StateIndex,
        count: usize,
        at_a_time: usize,
        now: Timestamp,
    ) -> Result<(), String> {
        rule(self.state == Some(state), "parts of another state")?;
        // Another attempt may follow one whose results were too large together.
        let is_over = |parts: &Parts| parts.done.len() == parts.count;
        rule(
            self.parts.as_ref().is_none_or(is_over),
            "parts beside parts",
        )?;
        self.waited(now)?;
        self.kept = None;
        self.parts = Some(Parts {
            count,
            at_a_time,
            begun: BTreeSet::new(),
            done: BTreeSet::new(),
        });
        Ok(())
    }

    fn waited(&mut self, now: Timestamp) -> Result<(), String> {
        let not_before = self.not_before.take();
        rule(not_before.is_none_or(|at| at <= now), "too early")
    }
}

fn rule(holds: bool, problem: &str) -> Result<(), String> {
    agree(holds, || problem.to_owned())
}

fn kind_of(program: &Program, state: StateIndex) -> Result<&StateKind, String> {
    let state = program.state(state).ok_or("a state of another program")?;
    Ok(&state.kind)
}

fn is_task(program: &Program, state: StateIndex) -> bool {
    matches!(kind_of(program, state), Ok(StateKind::Task(_)))
}

fn mark_of(output: &Value) -> Ending {
    let mark = output.get("mark").and_then(Value::as_i64);
    mark.and_then(|mark| u64::try_from(mark).ok())
}

fn mark_of_failure(failure: &Failure) -> Ending {
    failure
        .cause
        .as_deref()
        .and_then(|cause| cause.parse().ok())
}
