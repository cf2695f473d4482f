//! One state tried by itself: what the API operation TestState does.
//!
//! The state takes the same turns as in an execution ([`crate::decide`]), with a probe that notes
//! how far its data has come. Nothing is kept. What a test needs from outside, a call's outcome or
//! the time, it asks for with [`Progress`], as an execution does with its effects.
//!
//! ```
//! use std::sync::Arc;
//!
//! use asl::decide::{Allowance, Moment};
//! use asl::definition::{Catalogue, MachineType, Resolved};
//! use asl::event::Start;
//! use asl::test_state::{Progress, Setup, Stage, Status, Test, as_definition};
//! use asl::time::Timestamp;
//!
//! struct NoTasks;
//! impl Catalogue for NoTasks {
//!     fn resolve(&self, _resource: &str) -> Resolved {
//!         Resolved::Unknown
//!     }
//! }
//!
//! let state = r#"{"Type": "Pass", "InputPath": "$.a", "Next": "Elsewhere"}"#;
//! let definition = as_definition(state);
//! let compiled = asl::compile::compile(&definition, MachineType::Standard, &NoTasks);
//! let program = Arc::new(compiled.program.expect("a state without errors"));
//! let setup = Setup { input: json::parse(r#"{"a": [1]}"#)?, ..Setup::default() };
//! let moment = Moment { now: Timestamp(0), random: 0, allowance: Allowance::Full };
//! let start = program.start;
//! let (_, progress) = Test::begin(program, start, setup, moment).unwrap();
//! let Progress::Ended(report) = progress else { panic!("a Pass waits for nothing") };
//! assert_eq!(report.status, Status::Succeeded);
//! assert_eq!(report.next_state.as_deref(), Some("Elsewhere"));
//! assert_eq!(report.output, Some(json::parse("[1]")?));
//! assert_eq!(report.inspection.stages[0].0, Stage::AfterInputPath);
//! # Ok::<(), json::ParseError>(())
//! ```

mod place;
mod probe;

use std::sync::Arc;

use json::{Object, Value};

use crate::apply::assign;
use crate::decide::trial::{self, Entry, Trial};
use crate::decide::{Call, Decision, Input, Moment, Refusal};
use crate::event::{EventKind, Failure, Start, Text};
use crate::program::{Flow, Pattern, Program, State, StateIndex, StateKind};
use crate::run::Run;
use crate::time::Timestamp;

pub use place::{SINGLE_STATE_NAME, as_definition, find, is_within, of_single_state};
pub(crate) use probe::Probe;
use probe::Seen;
pub use probe::Stage;

/// What a state is tested with.
#[derive(Debug, Default)]
pub struct Setup {
    /// The execution the state believes to be in. Its `kind` is that of a test.
    pub start: Box<Start>,
    /// The state's raw input.
    pub input: Value,
    pub variables: Object,
    /// The context object, instead of one made up. It has no `Map`, which is made up all the same
    /// for a state that has one.
    pub context: Option<Value>,
    /// How often the retrier that takes the error has been used: `retrierRetryCount`.
    pub retries: u32,
    /// How many iterations of a Map have failed: `mapIterationFailureCount`.
    pub iterations_failed: Option<u64>,
    /// What the ItemReader of a Map has read: `mapItemReaderData`.
    pub reader_data: Option<Text>,
    /// The outcome of the state's work: of a Task's call, of a Parallel's or Map's threads. Without
    /// one a Parallel or Map is refused.
    pub mock: Option<Result<Value, Failure>>,
}

/// Why a test cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A Parallel or Map has no mock.
    #[error(
        "TestState API does not support Map or Parallel states. Supported state types include: \
         [Task, Wait, Pass, Succeed, Fail, Choice]"
    )]
    NeedsMock,
    #[error(
        "Map iteration failure count must be less than or equal to the number of Map iterations"
    )]
    TooManyFailures,
    /// What came does not belong to what the state waits for.
    #[error("the state does not take this now: {0:?}")]
    Refused(Refusal),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(refusal)
    }
}

/// A test under way.
pub struct Test {
    trial: Trial,
    state: StateIndex,
    variables: Object,
}

/// What a test waits for, or what came of it.
#[derive(Debug)]
pub enum Progress {
    /// A call is to be made; its outcome goes to [`Test::answer`], its deadline to
    /// [`Test::deadline`].
    Call(Call),
    /// A Wait ends at this time, at [`Test::deadline`].
    Until(Timestamp),
    Ended(Report),
}

/// AWS's `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Succeeded,
    Failed,
    /// A retrier would try again.
    Retriable,
    /// A catcher took the failure.
    CaughtError,
}

impl Status {
    /// The word in TestState's answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::Retriable => "RETRIABLE",
            Status::CaughtError => "CAUGHT_ERROR",
        }
    }
}

/// What came of a test.
#[derive(Debug)]
pub struct Report {
    pub status: Status,
    /// Of a state that was left: by success or by a catcher.
    pub output: Option<Value>,
    /// Empty for a success.
    pub failure: Failure,
    /// Of a state that was left and is not the last.
    pub next_state: Option<Text>,
    pub inspection: Inspection,
}

/// What TestState shows at the levels DEBUG and TRACE beside the input.
#[derive(Debug, Default)]
pub struct Inspection {
    /// In the order of the flow.
    pub stages: Vec<(Stage, Value)>,
    /// Those it was entered with and those it assigned.
    pub variables: Object,
    /// The catcher that took the failure.
    pub catcher: Option<usize>,
    /// The retrier that would try again, and the milliseconds it would wait.
    pub retrier: Option<(u32, u64)>,
}

impl Test {
    /// Enters the state. A mock is its outcome at once.
    ///
    /// # Errors
    /// [`Error`] if the state cannot be tested like this.
    pub fn begin(
        program: Arc<Program>,
        state: StateIndex,
        setup: Setup,
        moment: Moment,
    ) -> Result<(Test, Progress), Error> {
        let kind = &program.state(state).ok_or(Refusal::ForeignProgram)?.kind;
        let is_forking = matches!(kind, StateKind::Parallel(_) | StateKind::Map(_));
        if is_forking && setup.mock.is_none() {
            return Err(Error::NeedsMock);
        }
        let probe = Probe {
            context: setup.context,
            map: place::map_item(&program, state, &setup.input),
            retries: setup.retries,
            ..Probe::default()
        };
        let mut test = Test {
            trial: Trial {
                program,
                probe,
                run: Run::default(),
            },
            state,
            variables: setup.variables.clone(),
        };
        let (of_threads, of_call) = match setup.mock {
            Some(outcome) if is_forking => (Some(outcome), None),
            outcome => (None, outcome),
        };
        let entry = Entry {
            state,
            start: setup.start,
            input: setup.input,
            variables: setup.variables,
            mock: of_threads.map(|outcome| trial::Mock {
                outcome,
                iterations_failed: setup.iterations_failed,
                reader_data: setup.reader_data,
            }),
        };
        let decision = test.trial.enter(moment, entry)?;
        let progress = match (decision.call(), of_call) {
            (Some(call), Some(outcome)) => test.mocked(moment, call, outcome)?,
            _ => test.progress(&decision, setup.iterations_failed)?,
        };
        Ok((test, progress))
    }

    /// The outcome of the call that the state made.
    ///
    /// # Errors
    /// [`Error::Refused`] if it waits for no such outcome.
    pub fn answer(&mut self, moment: Moment, input: Input) -> Result<Progress, Error> {
        let decision = self.trial.answer(moment, input)?;
        self.progress(&decision, None)
    }

    /// The time has come at which a Wait is over or a call has taken too long.
    ///
    /// # Errors
    /// [`Error::Refused`] if the state waits for neither.
    pub fn deadline(&mut self, moment: Moment) -> Result<Progress, Error> {
        let decision = self.trial.deadline(moment)?;
        self.progress(&decision, None)
    }

    /// The test has gone on for longer than it may: what was seen so far. No retrier or catcher of
    /// the state takes this, for it is the test that is over.
    pub fn give_up(&self) -> Report {
        let course = Course {
            failure: Some(Failure {
                error: Some("States.Timeout".into()),
                cause: None,
            }),
            ..Course::default()
        };
        self.report(course, self.trial.probe.take())
    }

    fn mocked(
        &mut self,
        moment: Moment,
        call: &Call,
        outcome: Result<Value, Failure>,
    ) -> Result<Progress, Error> {
        let attempt = call.attempt;
        // The job that a mock tells the end of has begun.
        if outcome.is_ok() && call.resource.pattern == Pattern::RunJob {
            let response = Value::null();
            self.trial
                .answer(moment, Input::TaskSubmitted { attempt, response })?;
        }
        let input = match outcome {
            Ok(output) => Input::TaskSucceeded { attempt, output },
            Err(failure) => Input::TaskFailed { attempt, failure },
        };
        self.answer(moment, input)
    }

    /// What the state has come to. `failed`: how many iterations of a Map are said to have failed.
    fn progress(&self, decision: &Decision, failed: Option<u64>) -> Result<Progress, Error> {
        if let Some(call) = decision.call() {
            return Ok(Progress::Call(call.clone()));
        }
        let course = Course::of(decision);
        let is_waiting = course.retrier.is_none() && !decision.yielded;
        if let Some(until) = decision.run.deadline().filter(|_| is_waiting) {
            return Ok(Progress::Until(until));
        }
        let seen = self.trial.probe.take();
        let iterations = seen.iterations.and_then(|count| u64::try_from(count).ok());
        let exceeds = |(failed, all)| failed > all;
        if failed.zip(iterations).is_some_and(exceeds) {
            return Err(Error::TooManyFailures);
        }
        Ok(Progress::Ended(self.report(course, seen)))
    }

    fn report(&self, course: Course, mut seen: Seen) -> Report {
        let status = match (&course.output, course.retrier, seen.catcher) {
            (Some(_), _, Some(_)) => Status::CaughtError,
            (Some(_), _, None) => Status::Succeeded,
            (None, Some(_), _) => Status::Retriable,
            (None, None, _) => Status::Failed,
        };
        let failure = match status {
            Status::Succeeded => None,
            _ => course.failure.or(seen.failure),
        };
        let state_named = |index| self.trial.program.state(index);
        let shown = state_named(self.state).map_or(&[][..], shown).iter();
        let stages = shown.filter_map(|stage| Some((*stage, seen.stages.remove(stage)?)));
        let mut variables = self.variables.clone();
        if let Some(assigned) = &course.assigned {
            assign(&mut variables, assigned);
        }
        Report {
            status,
            output: course.output,
            failure: failure.unwrap_or_default(),
            next_state: course.next.and_then(state_named).map(|it| it.name.clone()),
            inspection: Inspection {
                stages: stages.collect(),
                variables,
                catcher: seen.catcher.filter(|_| status == Status::CaughtError),
                retrier: course.retrier,
            },
        }
    }
}

/// What the events of a decision tell.
#[derive(Default)]
struct Course {
    output: Option<Value>,
    assigned: Option<Object>,
    next: Option<StateIndex>,
    /// Of the end.
    failure: Option<Failure>,
    /// Which would try again, and after how many milliseconds.
    retrier: Option<(u32, u64)>,
}

impl Course {
    fn of(decision: &Decision) -> Course {
        let mut course = Course::default();
        for event in &decision.events {
            match &event.kind {
                EventKind::StateExited {
                    output, assigned, ..
                } => {
                    course.output = Some(output.clone());
                    course.assigned.clone_from(assigned);
                }
                EventKind::Yielded { next, .. } => course.next = Some(*next),
                EventKind::ExecutionFailed(failure) => course.failure = Some(failure.clone()),
                EventKind::RetryAt { retrier, until, .. } => {
                    let wait_ms = until.0.saturating_sub(decision.time.0);
                    course.retrier = Some((*retrier, u64::try_from(wait_ms).unwrap_or(0)));
                }
                _ => {}
            }
        }
        course
    }
}

/// The stages AWS shows, by type and query language.
///
/// Recorded: all but those of Map after its items, and those of JSONata Task and Parallel, where
/// the API reference says which fields there are. A Parallel shows nothing before its result, even
/// with an InputPath.
fn shown(state: &State) -> &'static [Stage] {
    let is_paths = matches!(state.flow, Flow::Paths(_));
    match &state.kind {
        StateKind::Task(_) if is_paths => &[
            Stage::AfterInputPath,
            Stage::AfterParameters,
            Stage::Result,
            Stage::AfterResultSelector,
            Stage::AfterResultPath,
        ],
        StateKind::Task(_) => &[Stage::AfterArguments, Stage::Result],
        StateKind::Pass(pass) if is_paths && pass.result.is_some() => &[
            Stage::Result,
            Stage::AfterResultSelector,
            Stage::AfterResultPath,
        ],
        StateKind::Pass(_) if is_paths => &[
            Stage::AfterInputPath,
            Stage::AfterParameters,
            Stage::AfterResultSelector,
            Stage::AfterResultPath,
        ],
        StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed | StateKind::Fail(_)
            if is_paths =>
        {
            &[Stage::AfterInputPath]
        }
        StateKind::Parallel(_) if is_paths => &[Stage::AfterResultSelector, Stage::AfterResultPath],
        StateKind::Parallel(_) => &[Stage::AfterArguments],
        StateKind::Map(_) if is_paths => &[
            Stage::AfterInputPath,
            Stage::AfterItemsPath,
            Stage::AfterItemsPointer,
            Stage::AfterItemSelector,
            Stage::AfterItemBatcher,
            Stage::AfterResultSelector,
            Stage::AfterResultPath,
            Stage::MaxConcurrency,
            Stage::ToleratedFailureCount,
            Stage::ToleratedFailurePercentage,
        ],
        StateKind::Map(_) => &[
            Stage::AfterItemsPointer,
            Stage::AfterItemSelector,
            Stage::AfterItemBatcher,
            Stage::MaxConcurrency,
            Stage::ToleratedFailureCount,
            Stage::ToleratedFailurePercentage,
        ],
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => &[],
    }
}

#[cfg(test)]
mod tests;
