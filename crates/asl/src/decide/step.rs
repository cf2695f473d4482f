//! The scratch run of one decision. Whatever happens is an event, applied as soon as it is
//! written, so that the run of the decision is the fold of its events.

use json::Value;

use super::{Decision, Effect, Moment, Refusal};
use crate::apply::apply;
use crate::context::{Constants, Context};
use crate::event::{BranchId, Event, EventId, EventKind, Failure, Start, Text};
use crate::limits::Limits;
use crate::program::{Next, Program, State, StateIndex, StateKind, Task};
use crate::run::{Branch, Calling, Run, StateRun};
use crate::time::Timestamp;

use super::{choice, fail, pass, succeed, task, wait};

/// Most decisions write the four to eight events of one or two states.
const EVENTS_EXPECTED: usize = 8;

/// A decision in the making.
pub(super) struct Step<'a> {
    pub(super) program: &'a Program,
    pub(super) run: Run,
    pub(super) time: Timestamp,
    /// The thread that moves.
    pub(super) branch: BranchId,
    pub(super) effects: Vec<Effect>,
    events: Vec<Event>,
    constants: Constants,
    random: u64,
    transitions_left: u32,
}

/// What a thread does after a state has had its turn.
pub(super) enum Go {
    Enter {
        next: StateIndex,
        input: Value,
    },
    /// The thread waits for the outside, or there is no thread any more.
    Rest,
}

/// Why a thread cannot go on as its state says.
pub(super) enum Fault {
    /// The state itself went wrong. Its cause will say which state that was.
    Raised { error: &'static str, text: String },
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

impl<'a> Step<'a> {
    pub(super) fn new(program: &'a Program, run: &Run, moment: Moment) -> Step<'a> {
        let limits = run
            .start
            .as_ref()
            .map(|start| start.limits)
            .unwrap_or_default();
        Step {
            program,
            run: run.clone(),
            time: moment.now.max(run.time),
            branch: BranchId::ROOT,
            effects: Vec::new(),
            events: Vec::with_capacity(EVENTS_EXPECTED),
            constants: Constants::default(),
            random: moment.random,
            transitions_left: allowance(&limits),
        }
    }

    pub(super) fn into_decision(self) -> Decision {
        Decision {
            time: self.time,
            events: self.events,
            effects: self.effects,
            yielded: self.run.is_yielded(),
            run: self.run,
        }
    }

    // -- events ------------------------------------------------------------------------------

    /// Writes an event of the moving thread and applies it.
    ///
    /// The last event the history has room for is ExecutionFailed, unless the execution ends by
    /// itself with that very event.
    pub(super) fn emit(&mut self, kind: EventKind) -> Result<EventId, Fault> {
        if kind.is_internal() {
            return Ok(self.write(0, 0, kind));
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
        let previous = match kind {
            EventKind::ExecutionStarted(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_) => 0,
            _ => self
                .run
                .branch(self.branch)
                .map_or(0, |thread| thread.last_event),
        };
        Ok(self.write(id, previous, kind))
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
        self.transitions_left = allowance(&start.limits);
        self.emit(EventKind::ExecutionStarted(start))?;
        if let Some(seconds) = self.program.timeout_seconds {
            self.emit(EventKind::ExecutionDeadline {
                at: self.time.plus_seconds(seconds),
            })?;
        }
        Ok(Go::Enter {
            next: self.program.start,
            input,
        })
    }

    /// StopExecution.
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

    /// Whoever works on a call is told that nobody waits for it.
    fn abandon_calls(&mut self) {
        let calling = self.run.branches.iter().filter_map(Branch::calling);
        self.effects
            .extend(calling.map(|(_, call)| Effect::Abandon {
                attempt: call.attempt,
            }));
    }

    // -- the thread --------------------------------------------------------------------------

    /// Moves the thread from state to state until it rests.
    pub(super) fn proceed(&mut self, mut outcome: Result<Go, Fault>) -> Result<(), Refusal> {
        loop {
            outcome = match outcome {
                Ok(Go::Enter { next, input }) => self.enter(next, input),
                Ok(Go::Rest) | Err(Fault::Ended) => return Ok(()),
                Err(Fault::Refused(refusal)) => return Err(refusal),
                Err(fault) => match self.explain(fault) {
                    Ok(failure) => self.fail(failure),
                    Err(fault) => Err(fault),
                },
            }
        }
    }

    fn enter(&mut self, next: StateIndex, input: Value) -> Result<Go, Fault> {
        let state = self.program.state(next).ok_or(Refusal::ForeignProgram)?;
        let Some(left) = self.transitions_left.checked_sub(1) else {
            self.emit(EventKind::Yielded { next, input })?;
            return Ok(Go::Rest);
        };
        self.transitions_left = left;
        self.emit(EventKind::StateEntered { state: next, input })?;
        match &state.kind {
            StateKind::Pass(pass) => pass::enter(self, pass),
            StateKind::Task(task) => task::attempt(self, task),
            StateKind::Choice(choice) => choice::enter(self, choice),
            StateKind::Wait(wait) => wait::enter(self, wait),
            StateKind::Succeed => succeed::enter(self),
            StateKind::Fail(fail) => fail::enter(self, fail),
            StateKind::Parallel(_) | StateKind::Map(_) => Err(Refusal::ForeignProgram.into()),
        }
    }

    /// Leaves the state for the next one or for the end.
    pub(super) fn exit(&mut self, output: Value, next: Next) -> Result<Go, Fault> {
        let (_, visit) = self.visit()?;
        let state = visit.state;
        self.emit(EventKind::StateExited {
            state,
            output: output.clone(),
            assigned: None,
        })?;
        match next {
            Next::State(next) => Ok(Go::Enter {
                next,
                input: output,
            }),
            Next::End => self.end(EventKind::ExecutionSucceeded { output }),
        }
    }

    // -- what the states look at -------------------------------------------------------------

    /// The state the thread is in, and its visit.
    pub(super) fn visit(&self) -> Result<(&'a State, &StateRun), Refusal> {
        let thread = self.run.branch(self.branch).ok_or(Refusal::NotRunning)?;
        let visit = thread.visit().ok_or(Refusal::NotAwaited)?;
        Ok((
            self.program
                .state(visit.state)
                .ok_or(Refusal::ForeignProgram)?,
            visit,
        ))
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
        self.run
            .branch(self.branch)
            .and_then(Branch::calling)
            .ok_or(Refusal::NotAwaited)
    }

    /// What `$$` stands for in the state the thread is in.
    pub(super) fn context(&self) -> Result<Context<'_>, Refusal> {
        let (state, visit) = self.visit()?;
        Ok(Context {
            run: &self.run,
            state,
            visit,
            constants: &self.constants,
            token_attempt: None,
        })
    }

    pub(super) fn payload_bytes_max(&self) -> usize {
        let bytes = self
            .run
            .start
            .as_ref()
            .map_or(0, |start| start.limits.payload_bytes_max);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// 64 random bits, others each time (SplitMix64 over the moment's).
    pub(super) fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The failure a fault means; the other faults come back.
    pub(super) fn explain(&self, fault: Fault) -> Result<Failure, Fault> {
        match fault {
            Fault::Raised { error, text } => {
                let (state, visit) = self.visit()?;
                let (name, entered) = (&state.name, visit.entered_event);
                let cause = format!(
                    "An error occurred while executing the state '{name}' \
                     (entered at the event id #{entered}). {text}"
                );
                Ok(failure(error, cause))
            }
            Fault::Failed(failure) => Ok(failure.cut()),
            Fault::Ended | Fault::Refused(_) => Err(fault),
        }
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
fn allowance(limits: &Limits) -> u32 {
    limits.transitions_per_decision_max.max(1)
}
