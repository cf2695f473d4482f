//! The context object, `$$`.

use std::cell::OnceCell;

use json::{Object, ObjectBuilder, Value};

use crate::event::{EventId, Start};
use crate::program::{State, StateKind};
use crate::run::{Run, StateRun};
use crate::template::Outside;
use crate::time::Timestamp;
use crate::token;

/// Builds the context object of a state visit when a `$$` path asks for it, and not before.
///
/// Members and their order are those recorded on AWS: `Execution{Id, Input, StartTime, Name,
/// RoleArn, RedriveCount}`, `StateMachine{Id, Name}`, `State{Name, EnteredTime, RetryCount}`,
/// `Task{Token}`. RetryCount is there for states that can retry, Task while a token exists.
#[derive(Debug)]
pub struct Context<'a> {
    pub run: &'a Run,
    pub state: &'a State,
    pub visit: &'a StateRun,
    pub constants: &'a Constants,
    /// The attempt the token belongs to, in a state that waits for one.
    pub token_attempt: Option<EventId>,
}

/// What is the same in every state of an execution, built once for all states of a decision.
#[derive(Clone, Debug, Default)]
pub struct Constants(OnceCell<Option<[Object; 2]>>);

impl Constants {
    /// `Execution` and `StateMachine`; `None` before ExecutionStarted.
    fn of(&self, run: &Run) -> Option<&[Object; 2]> {
        let build = || {
            let start = run.start.as_ref()?;
            Some([execution(start, run.started_at), machine(start)])
        };
        self.0.get_or_init(build).as_ref()
    }
}

impl Outside for Context<'_> {
    fn context(&self) -> Value {
        let mut context = ObjectBuilder::new();
        if let Some([execution, machine]) = self.constants.of(self.run) {
            context.add("Execution", execution.clone());
            context.add("StateMachine", machine.clone());
        }
        context.add("State", self.state());
        if let Some((start, attempt)) = self.run.start.as_ref().zip(self.token_attempt) {
            let token = token::mint(start, attempt);
            context.add("Task", ObjectBuilder::new().add("Token", token).build());
        }
        context.build().into()
    }

    fn variable(&self, _name: &str) -> Option<Value> {
        None
    }

    fn random(&self) -> u64 {
        self.run.last_event
    }

    fn now_ms(&self) -> i64 {
        self.run.time.0
    }
}

impl Context<'_> {
    fn state(&self) -> Object {
        let mut state = ObjectBuilder::new();
        state.add("Name", &*self.state.name);
        state.add("EnteredTime", self.visit.entered_at.to_iso());
        if matches!(self.state.kind, StateKind::Task(_)) {
            state.add("RetryCount", i64::from(self.visit.retry_count()));
        }
        state.build()
    }
}

fn execution(start: &Start, started_at: Timestamp) -> Object {
    ObjectBuilder::new()
        .add("Id", &*start.execution_arn)
        .add("Input", start.input.clone())
        .add("StartTime", started_at.to_iso())
        .add("Name", &*start.execution_name)
        .add("RoleArn", &*start.role_arn)
        .add("RedriveCount", 0)
        .build()
}

fn machine(start: &Start) -> Object {
    ObjectBuilder::new()
        .add("Id", &*start.state_machine_arn)
        .add("Name", &*start.state_machine_name)
        .build()
}
