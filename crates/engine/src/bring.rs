//! What a command names and memory does not hold: fetched by the driver, handed to the shard.

use std::sync::Arc;

use asl::event::Text;
use asl::program::Program;
use store::{EntityId, ExecutionFilter, MachineNumber, Store};

use crate::arn;
use crate::definitions::{DefinitionError, Programs};
use crate::gates::Standing;
use crate::journal::{self, JournalError, Loaded};
use crate::limits::GATE_ROWS_READ;
use crate::name;
use crate::request::{Error, ExecutionStatus};

/// What a [`Shard`](crate::shard::Shard) has to be brought before it can carry a command out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The number of a state machine, by its ARN.
    Machine(Text),
    /// The entity of an execution, by its ARN. The number of its state machine, if it is known.
    Execution(Text, Option<MachineNumber>),
    /// A compiled program, by the number of its definition.
    Program(u64),
    /// A run, folded.
    Run(EntityId),
    /// What a state machine's gate is made of, by the machine's unqualified ARN.
    Gate(Text),
    /// Whether there are such activities.
    Activities(Vec<Text>),
}

/// What was fetched for a [`Need`].
#[derive(Debug)]
pub enum Brought {
    Machine(Text, MachineNumber),
    /// `None` if there is no such execution.
    Execution(Text, Option<EntityId>),
    Program(u64, Arc<Program>),
    /// `None` if there is no such run.
    Run(EntityId, Option<Box<(Loaded, Arc<Program>)>>),
    Gate(Text, Standing),
    Activities(Vec<(Text, bool)>),
}

/// Fetches what a command needs.
///
/// # Errors
/// A damaged journal, a definition that does not compile, or what the store failed with.
pub fn fetch(store: &dyn Store, programs: &Programs, need: &Need) -> Result<Brought, Error> {
    Ok(match need {
        Need::Machine(arn) => Brought::Machine(arn.clone(), store.machine_number(arn)?),
        Need::Execution(arn, machine) => {
            let entity = find_execution_of(store, arn, *machine)?;
            Brought::Execution(arn.clone(), entity)
        }
        Need::Program(number) => Brought::Program(*number, programs.get(*number)?),
        Need::Run(entity) => {
            let Some(loaded) = journal::load(store, *entity)? else {
                return Ok(Brought::Run(*entity, None));
            };
            let Some(start) = &loaded.run.start else {
                let execution = format!("number {}", entity.0);
                return Err(JournalError::Empty { execution }.into());
            };
            let program = programs.get(start.definition)?;
            Brought::Run(*entity, Some(Box::new((loaded, program))))
        }
        Need::Activities(arns) => {
            let exists = |arn: &Text| Ok((arn.clone(), programs.activity_exists(arn)?));
            let found: Result<_, DefinitionError> = arns.iter().map(exists).collect();
            Brought::Activities(found?)
        }
        Need::Gate(machine_arn) => {
            Brought::Gate(machine_arn.clone(), standing(store, programs, machine_arn)?)
        }
    })
}

/// The limit of a machine, and who it is for. Reads the rows of all that run: few, where there was
/// a limit before.
pub(crate) fn standing(
    store: &dyn Store,
    programs: &Programs,
    machine_arn: &Text,
) -> Result<Standing, Error> {
    let limit = programs.concurrency_max(machine_arn)?;
    let mut standing = Standing {
        limit,
        ..Standing::default()
    };
    let Some(machine) = store.known_machine(machine_arn)? else {
        return Ok(standing);
    };
    if limit.is_some() {
        standing.running = executions(store, machine, ExecutionStatus::Running)?;
    }
    standing.queued = executions(store, machine, ExecutionStatus::Queued)?;
    Ok(standing)
}

fn executions(
    store: &dyn Store,
    machine: MachineNumber,
    status: ExecutionStatus,
) -> Result<Vec<EntityId>, Error> {
    let filter = ExecutionFilter {
        machine,
        statuses: vec![status.code()],
        ..ExecutionFilter::default()
    };
    let mut found = Vec::new();
    loop {
        let before = found.last().copied();
        let rows = store.list_executions(&filter, before, GATE_ROWS_READ)?;
        if rows.is_empty() {
            return Ok(found);
        }
        found.extend(rows.iter().map(|row| row.entity));
    }
}

/// The entity of an execution that was committed; `None` if there is none.
///
/// # Errors
/// What the store failed with.
pub fn find_execution(store: &dyn Store, execution_arn: &str) -> Result<Option<EntityId>, Error> {
    find_execution_of(store, execution_arn, None)
}

fn find_execution_of(
    store: &dyn Store,
    execution_arn: &str,
    machine: Option<MachineNumber>,
) -> Result<Option<EntityId>, Error> {
    let Some(execution) = arn::read_execution(execution_arn) else {
        return Ok(None);
    };
    let machine = match machine {
        Some(machine) => Some(machine),
        None => store.known_machine(&execution.machine_arn)?,
    };
    let Some(machine) = machine else {
        return Ok(None);
    };
    if let Some(entity) = name::entity(execution.name) {
        let row = store.execution(entity)?;
        if row.is_some_and(|row| row.machine == machine && row.name == execution.name) {
            return Ok(Some(entity));
        }
    }
    Ok(store.find_execution(machine, execution.name)?)
}
