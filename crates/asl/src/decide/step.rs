//! The scratch run of one decision. Whatever happens is an event, applied as soon as it is
//! written, so that the run of the decision is the fold of its events.

use json::{Object, Value};
use jsonata::Meter;

use super::failure::{Failed, How, recover};
use super::ready::Ready;
use super::{Allowance, Decision, Effect, Moment, Refusal, Surroundings};
use super::{choice, fail, fork, map, parallel, pass, succeed, task, wait};
use crate::apply::apply;
use crate::context::{Chance, Constants, Context};
use crate::event::{BranchId, Event, EventId, EventKind, Failure, Start, Text, cut_location};
use crate::limits::Limits;
use crate::program::{Next, Program, State, StateIndex, StateKind, Task};
use crate::run::{Activity, Branch, Calling, Parent, Phase, Run, StateRun};
use crate::template;
use crate::test_state::Probe;
use crate::time::Timestamp;

/// Most decisions write the four to eight events of one or two states.
const EVENTS_EXPECTED: usize = 8;

/// A decision in the making.
pub(super) struct Step<'a> {
    pub(super) program: &'a Program,
    pub(super) run: Run,
    pub(super) time: Timestamp,
    /// The thread that moves.
    pub(super) branch: BranchId,
    /// Other threads that may.
    pub(super) ready: Ready,
    pub(super) effects: Vec<Effect>,
    pub(super) chance: Chance,
    pub(super) meter: Meter,
    /// The run's last event before this decision.
    pub(super) last_event_before: EventId,
    events: Vec<Event>,
    constants: Constants,
    allowance: Allowance,
    /// What the turn at hand began with.
    turn_steps: u64,
    /// What all turns from this one on may take, under the full allowance.
    full_steps_left: u64,
    pub(super) transitions_left: u32,
    pub(super) surroundings: Surroundings<'a>,
    /// Only in a test of one state.
    pub(super) probe: Option<&'a Probe>,
    /// How many cancellations the run owed before this decision.
    pub(super) cancels_before: usize,
}

/// What a thread does after a state has had its turn.
pub(super) enum Go {
    Enter {
        next: StateIndex,
        input: Value,
    },
    /// The thread waits for the outside or for threads below it, or there is no thread any more.
    Rest,
    /// The thread has come to the end of its branch or iteration.
    End,
    /// The state failed, and neither Retry nor Catch of its own helps.
    Raise(Failed),
}

/// Why a thread cannot go on as its state says.
pub(super) enum Fault {
    /// The state itself went wrong. Its cause will say which state that was.
    Raised { error: &'static str, text: String },
    /// An expression of the state has no value, likewise.
    Evaluation(Box<template::Failure>),
    /// A failure whose cause stands as it is.
    Failed(Failure),
    /// The execution ended underneath: its history is full.
    Ended,
    /// The input is refused; nothing has happened.
    Refused(Refusal),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl From<template::Failure> for Fault {
    fn from(failure: template::Failure) -> Fault {
        Fault::Evaluation(Box::new(failure))
    }
}

impl Fault {
    /// `States.Runtime`, which nothing catches.
    pub(super) fn runtime(text: impl Into<String>) -> Fault {
        Fault::Raised {
            error: RUNTIME,
            text: text.into(),
        }
    }
}

/// The error of a path or a value that is not what its field demands.
pub(super) const RUNTIME: &str = "States.Runtime";
pub(super) const TIMEOUT: &str = "States.Timeout";
/// The error of a JSONata expression.
pub(super) const QUERY: &str = "States.QueryEvaluationError";

/// What a state leaves behind.
pub(super) struct Exit {
    pub(super) output: Value,
    pub(super) assigned: Option<Object>,
}

impl<'a> Step<'a> {
    pub(super) fn new(program: &'a Program, run: &Run, moment: Moment) -> Step<'a> {
        let limits = run
            .start
            .as_ref()
            .map(|start| start.limits)
            .unwrap_or_default();
        let meter = moment.allowance.to_meter();
        Step {
            program,
            run: run.clone(),
            last_event_before: run.last_event,
            time: moment.now.max(run.time),
            branch: BranchId::ROOT,
            ready: Ready::default(),
            effects: Vec::new(),
            chance: Chance::new(moment.random),
            meter: Meter::new(meter),
            events: Vec::with_capacity(EVENTS_EXPECTED),
            constants: Constants::default(),
            allowance: moment.allowance,
            turn_steps: meter.steps,
            full_steps_left: Allowance::STEPS_FULL_DECISION,
            transitions_left: transitions(&limits),
            surroundings: Surroundings::default(),
            probe: None,
            cancels_before: run.cancels.len(),
        }
    }

    pub(super) fn into_decision(mut self) -> Decision {
        self.settle_effects();
        Decision {
            time: self.time,
            events: self.events,
            effects: self.effects,
            yielded: self.run.is_yielded(),
            run: self.run,
        }
    }

    // -- events ------------------------------------------------------------------------------

    /// Writes an event of the moving thread, which follows the thread's last one, and applies it.
    pub(super) fn emit(&mut self, kind: EventKind) -> Result<EventId, Fault> {
        let previous = self.previous(&kind);
        self.emit_after(previous, kind)
    }

    /// Writes an event of the moving thread that follows another than the thread's last one.
    ///
    /// The last event the history has room for is ExecutionFailed, unless the execution ends by
    /// itself with that very event.
    pub(super) fn emit_after(
        &mut self,
        previous: EventId,
        kind: EventKind,
    ) -> Result<EventId, Fault> {
        if kind.is_internal() {
            let has_previous = matches!(kind, EventKind::BranchesCut);
            return Ok(self.write(0, if has_previous { previous } else { 0 }, kind));
        }
        let id = self.run.last_event + 1;
        let events_max = self
            .run
            .start
            .as_ref()
            .map_or(u32::MAX, |s| s.limits.history_events_max);
        if id >= u64::from(events_max) && !kind.is_terminal() {
            return Err(self.end_with_full_history(id, events_max));
        }
        Ok(self.write(id, previous, kind))
    }

    /// What an event of the moving thread names as previous: the thread's last event, with two
    /// exceptions. What comes from outside the states follows nothing; and after the end of a
    /// Parallel or Map, neither its exit follows `...StateSucceeded` nor an expression that failed
    /// either of `...StateSucceeded` and `...StateFailed`: they follow what these follow.
    ///
    /// So an Output or Assign that fails after a Task's result follows `TaskSucceeded`. That is
    /// unverified: known are failures right after `...StateEntered`, after an earlier
    /// EvaluationFailed and after a branch's last event, each of which is the thread's last event.
    fn previous(&self, kind: &EventKind) -> EventId {
        let Some(thread) = self.run.branch(self.branch) else {
            return 0;
        };
        let activity = thread.visit().map(|visit| &visit.activity);
        match (kind, activity) {
            (
                EventKind::ExecutionStarted(_)
                | EventKind::ExecutionAborted(_)
                | EventKind::ExecutionTimedOut(_),
                _,
            ) => 0,
            (EventKind::StateExited { .. }, Some(Activity::Succeeded { before, .. }))
            | (
                EventKind::EvaluationFailed { .. },
                Some(Activity::Succeeded { before, .. } | Activity::Failed { before, .. }),
            ) => *before,
            _ => thread.last_event,
        }
    }

    fn write(&mut self, id: EventId, previous: EventId, kind: EventKind) -> EventId {
        let event = Event {
            id,
            previous,
            branch: self.branch,
            kind,
        };
        apply(&mut self.run, self.time, &event);
        self.events.push(event);
        id
    }

    fn end_with_full_history(&mut self, id: EventId, events_max: u32) -> Fault {
        let cause =
            format!("The execution reached the maximum number of history events ({events_max}).");
        self.abandon_calls();
        let failure = failure(RUNTIME, cause);
        self.write(id, id - 1, EventKind::ExecutionFailed(failure));
        Fault::Ended
    }

    // -- the execution -----------------------------------------------------------------------

    pub(super) fn begin(&mut self, start: Box<Start>) -> Result<Go, Fault> {
        let input = start.input.clone();
        self.transitions_left = transitions(&start.limits);
        self.emit(EventKind::ExecutionStarted(start))?;
        self.start_clock()?;
        Ok(Go::Enter {
            next: self.program.start,
            input,
        })
    }

    /// From now on the execution's TimeoutSeconds count.
    pub(super) fn start_clock(&mut self) -> Result<(), Fault> {
        if let Some(seconds) = self.program.timeout_seconds {
            let at = self.time.plus_seconds(seconds);
            self.emit(EventKind::ExecutionDeadline { at })?;
        }
        Ok(())
    }

    /// StopExecution, or the deletion of the state machine.
    pub(super) fn abort(&mut self, failure: Failure) -> Result<Go, Fault> {
        self.end(EventKind::ExecutionAborted(failure.cut()))
    }

    /// The machine's TimeoutSeconds.
    pub(super) fn time_out(&mut self) -> Result<Go, Fault> {
        let failure = Failure {
            error: Some(TIMEOUT.into()),
            cause: None,
        };
        self.end(EventKind::ExecutionTimedOut(failure))
    }

    pub(super) fn fail(&mut self, failure: Failure) -> Result<Go, Fault> {
        self.end(EventKind::ExecutionFailed(failure))
    }

    fn end(&mut self, kind: EventKind) -> Result<Go, Fault> {
        self.abandon_calls();
        self.emit(kind)?;
        Ok(Go::Rest)
    }

    // -- the threads -------------------------------------------------------------------------

    /// Moves the thread from state to state until it rests, and the others that are ready after
    /// it, until the allowance is used up.
    pub(super) fn proceed(&mut self, mut outcome: Result<Go, Fault>) -> Result<(), Refusal> {
        loop {
            outcome = match outcome {
                Ok(Go::Enter { next, input }) => self.enter(next, input),
                Ok(Go::End) => fork::end(self),
                Ok(Go::Raise(failed)) => fork::raise(self, failed),
                Ok(Go::Rest) => match self.next_ready() {
                    Some(go) => go,
                    None => return Ok(()),
                },
                Err(Fault::Ended) => return Ok(()),
                Err(Fault::Refused(refusal)) => return Err(refusal),
                Err(fault) => self.explain(fault).and_then(|failed| recover(self, failed)),
            }
        }
    }

    fn next_ready(&mut self) -> Option<Result<Go, Fault>> {
        self.rest_if_heavy();
        while self.transitions_left > 0 {
            let id = self.ready.pop()?;
            // Whoever was cut meanwhile is gone.
            let Some(thread) = self.run.branch(id) else {
                continue;
            };
            if self.surroundings.is_deleting && thread.is_ready() {
                return Some(self.abort(Failure::default()));
            }
            let go = match &thread.phase {
                Phase::Yielded { next, input } => Go::Enter {
                    next: *next,
                    input: input.clone(),
                },
                Phase::Begun { input } => match fork::first_state(self, thread.parent) {
                    Some(next) => Go::Enter {
                        next,
                        input: input.clone(),
                    },
                    None => return Some(Err(Refusal::ForeignProgram.into())),
                },
                Phase::In(visit) if visit.is_ready() => {
                    self.branch = id;
                    return Some(self.take_up());
                }
                Phase::Between { .. } | Phase::In(_) => continue,
            };
            self.branch = id;
            return Some(Ok(go));
        }
        None
    }

    /// After a redrive the thread takes up the state it is in. AWS enters a Fail state again; the
    /// others have been entered.
    #[cold]
    fn take_up(&mut self) -> Result<Go, Fault> {
        self.transitions_left = self.transitions_left.saturating_sub(1);
        self.begin_turn();
        let (state, visit) = self.visit()?;
        let is_forked = matches!(visit.activity, Activity::Forked(_));
        match &state.kind {
            StateKind::Fail(_) => Ok(Go::Enter {
                next: visit.state,
                input: visit.input.clone(),
            }),
            StateKind::Parallel(parallel) if is_forked => fork::finish(self, parallel.next),
            // A distributed Map has no iterations of its own.
            StateKind::Map(map) if is_forked && map.distributed.is_none() => {
                let last_event = self.thread()?.last_event;
                map::fill(self, map, last_event)?;
                fork::finish(self, map.next)
            }
            _ => self.take_turn(state),
        }
    }

    fn enter(&mut self, next: StateIndex, input: Value) -> Result<Go, Fault> {
        let state = self.program.state(next).ok_or(Refusal::ForeignProgram)?;
        if self.surroundings.is_deleting {
            self.emit(EventKind::Yielded { next, input })?;
            return self.abort(Failure::default());
        }
        self.rest_if_heavy();
        let Some(left) = self.transitions_left.checked_sub(1) else {
            self.emit(EventKind::Yielded { next, input })?;
            return Ok(Go::Rest);
        };
        self.transitions_left = left;
        self.emit(EventKind::StateEntered { state: next, input })?;
        self.begin_turn();
        self.take_turn(state)
    }

    /// The state that was entered does its work.
    pub(super) fn take_turn(&mut self, state: &'a State) -> Result<Go, Fault> {
        match &state.kind {
            StateKind::Pass(pass) => pass::enter(self, pass),
            StateKind::Task(task) => task::attempt(self, task),
            StateKind::Choice(choice) => choice::enter(self, choice),
            StateKind::Wait(wait) => wait::enter(self, wait),
            StateKind::Succeed => succeed::enter(self),
            StateKind::Fail(fail) => fail::enter(self, fail),
            StateKind::Parallel(parallel) => parallel::attempt(self, parallel),
            StateKind::Map(map) => map::attempt(self, map),
        }
    }

    /// After evaluations that took much the decision makes no further transition: others get
    /// their turns, and what comes next finds enough of the allowance left.
    fn rest_if_heavy(&mut self) {
        let left = self.meter.steps_left();
        let is_heavy = match self.allowance {
            Allowance::Inline => left < Allowance::STEPS_INLINE / 2,
            Allowance::Full => left < jsonata::Allowance::FULL.steps - Allowance::STEPS_INLINE,
        };
        if is_heavy {
            self.transitions_left = 0;
        }
    }

    /// A state gets its turn, or its Catch does. Under the full allowance each has all of it, as
    /// far as the decision still has that much.
    pub(super) fn begin_turn(&mut self) {
        if self.allowance == Allowance::Inline {
            return;
        }
        self.rest_if_heavy();
        let taken = self.turn_steps.saturating_sub(self.meter.steps_left());
        self.full_steps_left = self.full_steps_left.saturating_sub(taken);
        let full = self.allowance.to_meter();
        self.turn_steps = full.steps.min(self.full_steps_left);
        self.meter = Meter::new(jsonata::Allowance {
            steps: self.turn_steps,
            ..full
        });
    }

    /// Whether another thread may have its turn in this decision.
    pub(super) fn has_transitions_left(&mut self) -> bool {
        self.rest_if_heavy();
        self.transitions_left > 0
    }

    /// How many transitions a decision may make.
    pub(super) fn transitions_max(&self) -> usize {
        let max = self.limits().map_or(1, transitions);
        usize::try_from(max).unwrap_or(usize::MAX)
    }

    /// Leaves the state for the next one or for the end.
    pub(super) fn exit(&mut self, exit: Exit, next: Next) -> Result<Go, Fault> {
        let Exit { output, assigned } = exit;
        let (_, visit) = self.visit()?;
        let state = visit.state;
        self.emit(EventKind::StateExited {
            state,
            output: output.clone(),
            assigned,
        })?;
        match next {
            Next::State(next) => Ok(Go::Enter {
                next,
                input: output,
            }),
            Next::End if self.branch == BranchId::ROOT => {
                self.end(EventKind::ExecutionSucceeded { output })
            }
            Next::End => Ok(Go::End),
        }
    }

    // -- what the states look at -------------------------------------------------------------

    pub(super) fn thread(&self) -> Result<&Branch, Refusal> {
        self.run.branch(self.branch).ok_or(Refusal::NotRunning)
    }

    /// The state the thread is in, and its visit.
    pub(super) fn visit(&self) -> Result<(&'a State, &StateRun), Refusal> {
        let visit = self.thread()?.visit().ok_or(Refusal::NotAwaited)?;
        let state = self.program.state(visit.state);
        Ok((state.ok_or(Refusal::ForeignProgram)?, visit))
    }

    /// The state that the thread above is in, to which this thread's branch or iteration belongs.
    pub(super) fn state_above(&self, parent: Parent) -> Option<&'a State> {
        let visit = self.run.branch(parent.branch)?.visit()?;
        self.program.state(visit.state)
    }

    /// The Task the thread is in.
    pub(super) fn task(&self) -> Result<&'a Task, Refusal> {
        match &self.visit()?.0.kind {
            StateKind::Task(task) => Ok(task),
            _ => Err(Refusal::ForeignProgram),
        }
    }

    /// The call the thread waits for.
    pub(super) fn calling(&self) -> Result<(&StateRun, &Calling), Refusal> {
        self.thread()?.calling().ok_or(Refusal::NotAwaited)
    }

    /// What lies outside the state the thread is in.
    pub(super) fn context(&self) -> Result<Context<'_>, Refusal> {
        let (state, visit) = self.visit()?;
        Ok(Context {
            run: &self.run,
            branch: self.branch,
            state,
            visit,
            constants: &self.constants,
            chance: &self.chance,
            token_attempt: None,
            item: None,
            probe: self.probe,
        })
    }

    pub(super) fn limits(&self) -> Option<&Limits> {
        self.run.start.as_ref().map(|start| &start.limits)
    }

    /// The failure a fault means; the other faults come back. A JSONata expression that failed is
    /// an event of its own.
    pub(super) fn explain(&mut self, fault: Fault) -> Result<Failed, Fault> {
        let (error, text, location) = match fault {
            Fault::Failed(failure) => return Ok(Failed::new(failure.cut(), How::Error)),
            Fault::Ended | Fault::Refused(_) => return Err(fault),
            Fault::Evaluation(failure)
                if failure.is_exhaustion() && self.allowance == Allowance::Inline =>
            {
                return Err(Refusal::TooHeavy.into());
            }
            Fault::Evaluation(failure) => {
                let location = failure.location().map(cut_location);
                (failure.error(), failure.to_string(), location)
            }
            Fault::Raised { error, text } => (error, text, None),
        };
        let failure = self.in_state(error, &text)?;
        if error == QUERY {
            let state = self.visit()?.1.state;
            self.emit(EventKind::EvaluationFailed {
                state,
                failure: failure.clone(),
                location,
            })?;
        }
        Ok(Failed::new(failure, How::Error))
    }

    /// A failure whose cause begins with the state the thread is in.
    pub(super) fn in_state(&self, error: &str, text: &str) -> Result<Failure, Refusal> {
        let (state, visit) = self.visit()?;
        let (name, entered) = (&state.name, visit.entered_event);
        let cause = format!(
            "An error occurred while executing the state '{name}' \
             (entered at the event id #{entered}). {text}"
        );
        Ok(failure(error, cause))
    }
}

/// A failure with both parts, cut to what AWS's members hold.
pub(super) fn failure(error: &str, cause: impl Into<Text>) -> Failure {
    Failure {
        error: Some(error.into()),
        cause: Some(cause.into()),
    }
    .cut()
}

/// A decision makes at least one transition, or a run that yielded would never go on.
fn transitions(limits: &Limits) -> u32 {
    limits.transitions_per_decision_max.max(1)
}
