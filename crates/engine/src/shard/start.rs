//! StartExecution.

use std::sync::Arc;

use asl::decide::{Input, Moment, Refusal, Surroundings, begin, begin_queued, decide_within};
use asl::event::{Start, Text};
use asl::program::Program;
use asl::run::Run;
use asl::time::Timestamp;
use store::{EntityId, ExecutionRow, MachineNumber, ShardId, Write};

use super::cache::Execution;
use super::command::{Action, Answer, Outcome};
use super::{Halt, Machine, Random, Shard, moment, route};
use crate::bring::Need;
use crate::gates::Turn;
use crate::record::Encoder;
use crate::request::{Error, ExecutionStatus, StartError, StartRequest, Started};
use crate::{arn, name};

/// A new execution's name and number.
struct Identity {
    entity: EntityId,
    name: Text,
    execution_arn: Text,
    name_is_generated: bool,
}

impl Shard {
    /// The state machine and the program of its definition.
    pub(super) fn what_starts(
        &self,
        request: &StartRequest,
    ) -> Result<(Machine, Arc<Program>), Need> {
        let machine_arn = &request.state_machine_arn;
        let machine = self.machines.get(machine_arn).cloned();
        let program = self.programs.get(&request.definition).map(Arc::clone);
        Ok((
            machine.ok_or_else(|| Need::Machine(machine_arn.clone()))?,
            program.ok_or(Need::Program(request.definition))?,
        ))
    }

    pub(super) fn start(
        &mut self,
        request: &StartRequest,
        now: Timestamp,
        random: Random,
    ) -> Result<Outcome, Halt> {
        let machine_arn = &request.state_machine_arn;
        let is_deleting = self.commons.deletions.refuses(machine_arn);
        // An attempt of a parent may have its child already.
        if is_deleting && request.started_by.is_none() {
            return Ok(deleting(machine_arn));
        }
        let (Machine { number, place }, program) = self.what_starts(request)?;
        if request.concurrency_max.is_some() {
            self.needs_gate(machine_arn)?;
        }
        let missing_activities = self.missing_activities(&program)?;
        let identity = match &request.fixed_name() {
            Some(name) => {
                let Some(execution_arn) = arn::execution(machine_arn, name) else {
                    return Ok(not_a_state_machine(machine_arn));
                };
                if let Some(existing) = self.existing(number, name, &execution_arn)? {
                    return self.start_again(existing, execution_arn, request);
                }
                if is_deleting {
                    return Ok(deleting(machine_arn));
                }
                let shard = route(&execution_arn);
                self.serving(shard)?;
                if !place.open(self.config.open_executions_max) {
                    return Ok(limit_exceeded());
                }
                let entity = self.commons.next_entity(shard);
                self.names.insert((number, name.clone()), entity);
                self.groups.note_name(number, name.clone(), entity);
                Identity {
                    entity,
                    name: name.clone(),
                    execution_arn,
                    name_is_generated: false,
                }
            }
            None => {
                let shard = self.shard_of_group()?;
                self.serving(shard)?;
                let entity = self.commons.next_entity(shard);
                let name = Text::from(name::generate(entity, random[1]));
                let Some(execution_arn) = arn::execution(machine_arn, &name) else {
                    return Ok(not_a_state_machine(machine_arn));
                };
                if !place.open(self.config.open_executions_max) {
                    return Ok(limit_exceeded());
                }
                Identity {
                    entity,
                    name,
                    execution_arn,
                    name_is_generated: true,
                }
            }
        };
        let encoder = Encoder::new(identity.entity);
        let mut execution = Execution::new(Run::default(), program, encoder, place);
        execution.watched = self.commons.observers.wants(request.definition);
        self.cache.insert(identity.entity, execution);
        let missing = &missing_activities;
        self.open(
            number,
            request,
            identity,
            missing,
            moment(now, random),
            secret(random),
        )
    }

    /// Decides the start of an execution that is in memory without having started, and adds its
    /// row.
    fn open(
        &mut self,
        machine: MachineNumber,
        request: &StartRequest,
        identity: Identity,
        missing_activities: &[Text],
        moment: Moment,
        token_secret: [u8; 16],
    ) -> Result<Outcome, Halt> {
        let Identity {
            entity,
            name,
            execution_arn,
            name_is_generated,
        } = identity;
        let limits = request.limits.unwrap_or(self.config.limits);
        let start = || Start {
            execution_arn: execution_arn.clone(),
            execution_name: name.clone(),
            state_machine_arn: request.state_machine_arn.clone(),
            state_machine_name: request.state_machine_name.clone(),
            state_machine_version_arn: request.state_machine_version_arn.clone(),
            state_machine_alias_arn: request.state_machine_alias_arn.clone(),
            role_arn: request.role_arn.clone(),
            definition: request.definition,
            input: request.input.clone(),
            input_text: request.input_text.clone(),
            trace_header: request.trace_header.clone(),
            started_by: request.started_by.clone(),
            tags: request.tags.clone(),
            mock_case: request.mock_case.clone(),
            kind: asl::event::ExecutionKind::Standard,
            limits,
            token_secret,
        };
        let turn = match request.concurrency_max {
            Some(_) => self.commons.gates.enter(&request.state_machine_arn, entity),
            None => Turn::Now,
        };
        let decided = self.begin(entity, &start, turn, missing_activities, moment);
        let run = self.cache.get(entity).map(|execution| &execution.run);
        let (actions, run) = match (decided, run) {
            (Ok(actions), Some(run)) => (actions, run),
            (decided, _) => {
                let refusal = decided.err().unwrap_or(Refusal::NotRunning);
                if let Some(execution) = self.cache.get(entity) {
                    execution.place.close(1);
                }
                self.cache.remove(entity);
                self.leave_gate(&request.state_machine_arn, entity);
                return Err(Error::Refused {
                    execution: execution_arn,
                    refusal,
                }
                .into());
            }
        };
        let started_at = run.started_at;
        let row = ExecutionRow {
            entity,
            machine,
            name: name.to_string(),
            name_is_generated,
            status: ExecutionStatus::from(run).code(),
            started_ms: started_at.0,
            stopped_ms: run.end.as_ref().map(|end| end.at.0),
            definition: request.definition,
            version: request.version(),
            alias: request.alias(),
            redrive_count: 0,
            redriven_ms: None,
        };
        self.write(entity, [Write::OpenExecution(row)]);
        let answer = Answer::Started(Ok(Started {
            execution_arn,
            started_at,
        }));
        Ok(self.outcome_of(entity, actions, answer))
    }

    /// Decides a start. Whoever asked for it is not kept waiting for a heavy first state.
    fn begin(
        &mut self,
        entity: EntityId,
        start: &dyn Fn() -> Start,
        turn: Turn,
        missing_activities: &[Text],
        moment: Moment,
    ) -> Result<Vec<Action>, Refusal> {
        let Some(execution) = self.cache.get(entity) else {
            return Err(Refusal::NotRunning);
        };
        let Execution { program, run, .. } = execution;
        let decision = match turn {
            Turn::Later => begin_queued(program, moment, Box::new(start()))?,
            Turn::Now => {
                let input = Input::Start(Box::new(start()));
                let surroundings = Surroundings {
                    missing_activities,
                    // No such start comes here.
                    is_deleting: false,
                };
                match decide_within(program, run, moment, input, surroundings) {
                    Err(Refusal::TooHeavy) => begin(program, moment, Box::new(start()))?,
                    decision => decision?,
                }
            }
        };
        Ok(self.record(entity, decision, moment.now))
    }

    /// The execution that has this name, committed or not.
    fn existing(
        &self,
        machine: MachineNumber,
        name: &Text,
        execution_arn: &Text,
    ) -> Result<Option<EntityId>, Halt> {
        match self.names.get(&(machine, name.clone())) {
            Some(entity) => Ok(Some(*entity)),
            None => self.find(execution_arn),
        }
    }

    /// The same name and input while it runs is the same start, and so is the same attempt of a
    /// parent whatever became of its child; anything else is refused.
    fn start_again(
        &mut self,
        entity: EntityId,
        execution_arn: Text,
        request: &StartRequest,
    ) -> Result<Outcome, Halt> {
        self.is_loaded(entity)?;
        let execution = self.cache.get(entity);
        let is_same = execution.is_some_and(|execution| {
            let start = execution.run.start.as_ref();
            start.is_some_and(|start| {
                is_same_attempt(start, request)
                    || execution.is_running() && is_same_input(start, request)
            })
        });
        let answer = match execution.filter(|_| is_same) {
            Some(execution) => Ok(Started {
                execution_arn,
                started_at: execution.run.started_at,
            }),
            None => Err(StartError::AlreadyExists(execution_arn)),
        };
        Ok(self.outcome_of(entity, Vec::new(), Answer::Started(answer)))
    }

    /// Executions without a name of their own may live in any shard. All of one group live in the
    /// same one, so that the group touches few shards' rows.
    pub(super) fn shard_of_group(&self) -> Result<ShardId, Error> {
        let count = self.owned.len().max(1);
        let first = self.groups.open() % count as u64;
        let first = usize::try_from(first).unwrap_or_default();
        let mut candidates = self.owned.iter().cycle().skip(first).take(count);
        let serving = candidates.find(|(shard, owned)| owned.check(**shard).is_ok());
        if let Some((shard, _)) = serving {
            return Ok(*shard);
        }
        let mut refusals = self.owned.iter().map(|(shard, owned)| owned.check(*shard));
        // Doubts pass, so they come before what is lost.
        let doubt = refusals.find_map(|refusal| match refusal {
            Err(Error::NotConfirmed(cause)) => cause,
            _ => None,
        });
        Err(Error::NotConfirmed(doubt))
    }
}

fn is_same_attempt(start: &Start, request: &StartRequest) -> bool {
    request.started_by.is_some() && start.started_by == request.started_by
}

fn is_same_input(start: &Start, request: &StartRequest) -> bool {
    start.input_text == request.input_text
        && (start.input.ptr_eq(&request.input)
            || start.input.size() == request.input.size()
                && start.input.to_text() == request.input.to_text())
}

fn limit_exceeded() -> Outcome {
    Outcome::answer(None, Answer::Started(Err(StartError::LimitExceeded)))
}

fn deleting(machine_arn: &Text) -> Outcome {
    let answer = Answer::Started(Err(StartError::Deleting(machine_arn.clone())));
    Outcome::answer(None, answer)
}

fn not_a_state_machine(machine_arn: &Text) -> Outcome {
    let answer = Answer::Started(Err(StartError::NotAStateMachine(machine_arn.clone())));
    Outcome::answer(None, answer)
}

fn secret(random: Random) -> [u8; 16] {
    let [_, _, first, second] = random;
    let bits = u128::from(first) << 64 | u128::from(second);
    bits.to_le_bytes()
}
