//! One state by itself, for TestState: the very turns it has in an execution, with a probe, and no
//! state after it. What a mock stands for is put where the call's outcome, or that of the threads
//! below a Parallel or Map, would come in.

mod rehearsal;

use std::sync::Arc;

use json::{Object, Value};

use super::data;
use super::failure::{Failed, How, recover};
use super::step::{Fault, Go, Step};
use super::{Call, Decision, Effect, Input, Moment, Refusal, parallel};
use crate::apply::variables_bytes;
use crate::event::{BranchId, EventKind, Failure, Start, Text};
use crate::program::{Next, Program, StateIndex, StateKind};
use crate::run::Run;
use crate::test_state::Probe;

/// What stands in for the work of a Parallel or Map.
pub(crate) struct Mock {
    pub(crate) outcome: Result<Value, Failure>,
    /// How many iterations of a Map have failed.
    pub(crate) iterations_failed: Option<u64>,
    /// What the ItemReader of a Map has read.
    pub(crate) reader_data: Option<Text>,
}

/// A state under test.
pub(crate) struct Trial {
    pub(crate) program: Arc<Program>,
    pub(crate) probe: Probe,
    pub(crate) run: Run,
}

/// What the state is to be entered with.
pub(crate) struct Entry {
    pub(crate) state: StateIndex,
    pub(crate) start: Box<Start>,
    /// The raw input of the state.
    pub(crate) input: Value,
    pub(crate) variables: Object,
    /// Of a Parallel or Map: its branches or iterations are not begun.
    pub(crate) mock: Option<Mock>,
}

impl Trial {
    /// Enters the state.
    pub(crate) fn enter(&mut self, moment: Moment, entry: Entry) -> Result<Decision, Refusal> {
        self.turn(moment, |step| {
            let program = step.program;
            let state = program.state(entry.state).ok_or(Refusal::ForeignProgram)?;
            step.emit(EventKind::ExecutionStarted(entry.start))?;
            step.run.variables_bytes = variables_bytes(&entry.variables);
            if let Some(thread) = step.run.branch_mut(BranchId::ROOT) {
                thread.variables = entry.variables;
            }
            let (state_index, input) = (entry.state, entry.input);
            step.emit(EventKind::StateEntered {
                state: state_index,
                input,
            })?;
            step.begin_turn();
            match (&state.kind, entry.mock) {
                (StateKind::Parallel(parallel), Some(mock)) => {
                    let state = state_index;
                    parallel::prepare(step)?;
                    step.emit(EventKind::ParallelStarted { state })?;
                    settle(step, parallel.next, mock.outcome)
                }
                (StateKind::Map(map), Some(mock)) => {
                    let outcome = rehearsal::rehearse(step, map, mock)?;
                    settle(step, map.next, outcome)
                }
                _ => step.take_turn(state),
            }
        })
    }

    /// An answer to the call the state made.
    pub(crate) fn answer(&mut self, moment: Moment, input: Input) -> Result<Decision, Refusal> {
        self.turn(moment, |step| super::take(step, input))
    }

    /// The state's deadline has come: a Wait is over, or a call took too long.
    pub(crate) fn deadline(&mut self, moment: Moment) -> Result<Decision, Refusal> {
        self.turn(moment, super::thread_deadline)
    }

    fn turn(
        &mut self,
        moment: Moment,
        turn: impl FnOnce(&mut Step<'_>) -> Result<Go, Fault>,
    ) -> Result<Decision, Refusal> {
        let mut step = Step::new(&self.program, &self.run, moment);
        step.probe = Some(&self.probe);
        // The next state is named, and not entered.
        step.transitions_left = 0;
        let outcome = turn(&mut step);
        step.proceed(outcome)?;
        let decision = step.into_decision();
        self.run = decision.run.clone();
        Ok(decision)
    }
}

/// The threads below would have come to this.
fn settle(step: &mut Step<'_>, next: Next, outcome: Result<Value, Failure>) -> Result<Go, Fault> {
    match outcome {
        Err(failure) => recover(step, Failed::new(failure.cut(), How::Error)),
        Ok(result) => {
            let state = step.visit()?.1.state;
            step.emit(EventKind::StateSucceeded { state })?;
            let exit = data::leave_with(step, result)?;
            step.exit(exit, next)
        }
    }
}

impl Decision {
    /// The call that this decision wants made.
    pub(crate) fn call(&self) -> Option<&Call> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Call(call) => Some(call),
            _ => None,
        })
    }
}
