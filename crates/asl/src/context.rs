//! The context object, `$$`, and whatever else an expression sees beyond its input.

use std::cell::{Cell, OnceCell};

use json::{Object, ObjectBuilder, Value};

use crate::event::{BranchId, EventId, ExecutionKind, Start};
use crate::program::{State, StateKind};
use crate::run::{Run, StateRun};
use crate::template::Outside;
use crate::test_state::Probe;
use crate::token;

/// What lies outside a state visit. The context object is built when an expression asks for it,
/// and not before.
///
/// Members and their order are those recorded on AWS: `Execution{Id, Input, StartTime, Name,
/// RoleArn, RedriveCount, RedriveTime}`, `StateMachine{Id, Name}`, `State{Name, EnteredTime,
/// RetryCount}`, `Task{Token}`, `Map{Item{Index, Value, Key, Source}}`. RedriveTime is there after
/// a redrive, RetryCount for states that can retry, Task while a token exists, Map in a Map's
/// ItemSelector and in its iterations, Key when the items are those of an object.
#[derive(Debug)]
pub struct Context<'a> {
    pub run: &'a Run,
    /// The thread.
    pub branch: BranchId,
    pub state: &'a State,
    pub visit: &'a StateRun,
    pub constants: &'a Constants,
    pub chance: &'a Chance,
    /// The attempt the token belongs to, in a state that waits for one.
    pub token_attempt: Option<EventId>,
    /// The item of the ItemSelector; otherwise the iteration's own counts.
    pub item: Option<u32>,
    /// Of a test: what stands in for the execution, and what is noted.
    pub(crate) probe: Option<&'a Probe>,
}

/// What is the same in every state of an execution, built once for all states of a decision.
#[derive(Clone, Debug, Default)]
pub struct Constants(OnceCell<Option<[Object; 2]>>);

impl Constants {
    /// `Execution` and `StateMachine`; `None` before ExecutionStarted.
    fn of(&self, run: &Run) -> Option<&[Object; 2]> {
        let build = || {
            let start = run.start.as_ref()?;
            Some([execution(start, run), machine(start)])
        };
        self.0.get_or_init(build).as_ref()
    }
}

/// Random bits, others each time: SplitMix64 over the 64 that the decision was given.
#[derive(Clone, Debug)]
pub struct Chance(Cell<u64>);

impl Chance {
    /// `random`: 64 uniform bits.
    pub fn new(random: u64) -> Chance {
        Chance(Cell::new(random))
    }

    /// The next 64 bits.
    pub fn draw(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl Outside for Context<'_> {
    fn context(&self) -> Value {
        if let Some(given) = self.probe.and_then(|probe| probe.context.as_ref()) {
            return match self.map() {
                Some(map) => given.with_member("Map", map),
                None => given.clone(),
            };
        }
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
        if let Some(map) = self.map() {
            context.add("Map", map);
        }
        context.build().into()
    }

    fn variable(&self, name: &str) -> Option<Value> {
        self.run.variable(self.branch, name).cloned()
    }

    fn random(&self) -> u64 {
        self.chance.draw()
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
        let can_retry = matches!(
            self.state.kind,
            StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_)
        );
        if can_retry {
            let tested = self.probe.map(|probe| probe.retries);
            let retries = tested.unwrap_or_else(|| self.visit.retry_count());
            state.add("RetryCount", i64::from(retries));
        }
        state.build()
    }

    /// `Map`; in a test of one state of a Map's body, what the test makes up.
    fn map(&self) -> Option<Value> {
        match self.item() {
            Some(item) => Some(ObjectBuilder::new().add("Item", item).build().into()),
            None => self.probe?.map.clone(),
        }
    }

    /// `Map.Item`: of the ItemSelector's item, or of the nearest iteration the thread runs in.
    fn item(&self) -> Option<Object> {
        let within = |index: u32, branch: BranchId| {
            let (_, forked) = self.run.branch(branch)?.forked()?;
            let (key, value) = forked.mapping.as_ref()?.item(index)?;
            let mut item = ObjectBuilder::new();
            item.add("Index", u64::from(index));
            item.add("Value", value.clone());
            if let Some(key) = key {
                item.add("Key", key);
            }
            Some(item.add("Source", "STATE_DATA").build())
        };
        let of_iteration = || {
            let mut parents = self.run.upwards(self.branch).filter_map(|it| it.parent);
            parents.find_map(|parent| within(parent.index, parent.branch))
        };
        match self.item {
            Some(index) => within(index, self.branch),
            None => of_iteration(),
        }
    }
}

fn execution(start: &Start, run: &Run) -> Object {
    let mut execution = ObjectBuilder::new();
    execution
        .add("Id", &*start.execution_arn)
        .add("Input", start.input.clone())
        .add("StartTime", run.started_at.to_iso())
        .add("Name", &*start.execution_name)
        .add("RoleArn", &*start.role_arn);
    // Recorded: neither StartSyncExecution nor TestState shows it.
    if let ExecutionKind::Standard | ExecutionKind::Express = start.kind {
        execution.add("RedriveCount", u64::from(run.redrives.count));
    }
    if let Some(at) = run.redrives.last_at {
        execution.add("RedriveTime", at.to_iso());
    }
    execution.build()
}

fn machine(start: &Start) -> Object {
    ObjectBuilder::new()
        .add("Id", &*start.state_machine_arn)
        .add("Name", &*start.state_machine_name)
        .build()
}
