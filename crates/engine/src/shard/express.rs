//! Asynchronous Express executions: their starts and their ends are committed, what lies between is
//! not (`crate::express`). One that has started and not ended is owed, like a call, and runs
//! (again) as soon as there is a place for it.

use std::sync::Arc;

use asl::apply::apply;
use asl::decide::Decision;
use asl::event::{BranchId, Event, EventId, EventKind, ExecutionKind};
use asl::run::{Run, Status};
use asl::time::Timestamp;
use store::{EntityId, ExecutionRow, Write};

use super::cache::Execution;
use super::calls::Errand;
use super::command::{Action, Answer, Outcome};
use super::{Halt, Machine, Random, Shard};
use crate::express::{ExpressEnded, ExpressRun, start};
use crate::name;
use crate::record::Encoder;
use crate::request::{ExecutionStatus, StartRequest, Started};

/// Whether a run is an Express execution.
pub(super) fn is_express(run: &Run) -> bool {
    let kind = run.start.as_ref().map(|start| start.kind);
    kind == Some(ExecutionKind::Express)
}

/// Whether a run is an Express execution that has not ended.
pub(super) fn is_under_way(run: &Run) -> bool {
    run.status == Status::Running && is_express(run)
}

/// What is added to the code of a status in the rows of Express executions. Those of Standard ones
/// count as open and are listed, and a machine of the one type may have had executions of the
/// other, when its name was another's. Part of the store's format.
const EXPRESS: u8 = 6;

/// The status in the row of an execution, Standard or Express.
pub(super) fn row_status(run: &Run) -> u8 {
    let code = ExecutionStatus::from(run).code();
    match is_express(run) {
        true => EXPRESS + code,
        false => code,
    }
}

/// The attempt of an execution as a whole.
const RUN: EventId = 0;

impl Shard {
    /// Commits the start and, once it is durable, has the execution run.
    pub(super) fn start_express(
        &mut self,
        request: &StartRequest,
        now: Timestamp,
        random: Random,
    ) -> Result<Outcome, Halt> {
        let (Machine { number, place }, program) = self.what_starts(request)?;
        let shard = self.shard_of_group()?;
        self.serving(shard)?;
        let entity = self.commons.next_entity(shard);
        let unique = name::generate(entity, random[1]);
        let limits = request.limits.unwrap_or(self.config.limits);
        let start = start(
            request.clone(),
            &unique,
            ExecutionKind::Express,
            limits,
            random,
        );
        let start = match start {
            Ok(start) => start,
            Err(refused) => return Ok(Outcome::answer(None, Answer::Started(Err(refused)))),
        };
        let row = ExecutionRow {
            entity,
            machine: number,
            name: format!("{}:{unique}", start.execution_name),
            name_is_generated: true,
            status: EXPRESS + ExecutionStatus::Running.code(),
            started_ms: now.0,
            definition: request.definition,
            version: request.version(),
            alias: request.alias(),
            ..ExecutionRow::default()
        };
        let answer = Started {
            execution_arn: start.execution_arn.clone(),
            started_at: now,
        };
        let started = Event {
            id: 1,
            previous: 0,
            branch: BranchId::ROOT,
            kind: EventKind::ExecutionStarted(Box::new(start)),
        };
        let run = Run::default();
        let execution = Execution::new(run.clone(), program, Encoder::new(entity), place);
        self.cache.insert(entity, execution);
        self.record(entity, event_alone(run, now, started), now);
        self.write(entity, [Write::OpenExecution(row)]);
        let running = self.run_express(entity, Some(now));
        Ok(Outcome {
            answer: Answer::Started(Ok(answer)),
            ..running
        })
    }

    /// Has an execution in memory run if there is a place for it. `started_at` is given at its
    /// start.
    pub(super) fn run_express(
        &mut self,
        entity: EntityId,
        started_at: Option<Timestamp>,
    ) -> Outcome {
        let has_place = self.take_place(entity, RUN, Errand::Run);
        let execution = self.cache.get(entity).filter(|_| has_place);
        let run = execution.and_then(|execution| {
            Some(ExpressRun {
                entity,
                start: Box::new(execution.run.start.as_deref()?.clone()),
                program: Arc::clone(&execution.program),
                started_at,
            })
        });
        let actions = run.map(|run| Action::Express(Box::new(run)));
        let actions = actions.into_iter().collect();
        self.outcome_of(entity, actions, Answer::Internal(Ok(())))
    }

    /// Commits the end.
    pub(super) fn express_ended(
        &mut self,
        ended: &ExpressEnded,
        now: Timestamp,
    ) -> Result<Outcome, Halt> {
        let entity = ended.entity;
        self.calls.end(entity, RUN, Errand::Run);
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        let run = self.cache.get(entity).map(|execution| &execution.run);
        let Some(run) = run.filter(|run| is_under_way(run)).cloned() else {
            // It ran twice, and this is the second end.
            return Ok(Outcome::nothing());
        };
        let event = Event {
            id: run.last_event + 1,
            previous: run.last_event,
            ..ended.event.clone()
        };
        let time = ended.time.max(run.time);
        self.record(entity, event_alone(run, time, event), now);
        Ok(self.outcome_of(entity, Vec::new(), Answer::Internal(Ok(()))))
    }
}

/// A record that holds one event: what was evaluated is not in the journal.
fn event_alone(mut run: Run, time: Timestamp, event: Event) -> Decision {
    apply(&mut run, time, &event);
    Decision {
        time,
        events: vec![event],
        effects: Vec::new(),
        run,
        yielded: false,
    }
}
