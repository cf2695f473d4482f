//! Reads the store back and holds it to what the outside was told. It is itself a reader: what it
//! was shown once must stay.

use std::collections::{BTreeMap, BTreeSet};

use asl::apply::apply;
use asl::event::{EventId, Text};
use asl::program::Program;
use asl::run::Run;
use asl::time::Timestamp;
use engine::{ExecutionStatus, journal};
use store::{EntityId, ExecutionFilter, ExecutionRow, Memory, Store, WakeUp};

use super::facts::{Attempt, Facts, agree};
use super::machines::{LIMITED, MACHINES};
use super::story::Story;

/// More executions than a simulation starts.
const ROWS_MAX: usize = 10_000;

pub(super) struct Checker {
    /// How many executions of one of the machines may run at a time.
    limit: u64,
    executions: BTreeMap<EntityId, Seen>,
    /// Machines whose deletion was acknowledged: their executions, and how many states each had
    /// entered.
    deleted: BTreeMap<Text, BTreeMap<EntityId, usize>>,
    /// Where a result was recorded.
    recorded: BTreeMap<u64, Attempt>,
}

/// What was read of an execution.
#[derive(Default)]
struct Seen {
    records: Vec<Vec<u8>>,
    run: Run,
    /// The stop dates of all its ends.
    ends: BTreeSet<Timestamp>,
    story: Story,
}

impl Seen {
    /// Follows a journal: what was read stays as it was, and what is new continues it.
    fn read(&mut self, store: &Memory, program: &Program, entity: EntityId) -> Result<(), String> {
        let stored = store.journal(entity, 0, usize::MAX).unwrap();
        for (at, record) in stored.iter().enumerate() {
            let number = usize::try_from(record.number).unwrap();
            agree(number == at, || {
                format!("{entity:?}: record {at} has number {number}")
            })?;
            if let Some(before) = self.records.get(at) {
                agree(*before == record.bytes, || {
                    format!("{entity:?}: record {at} was shown and has changed")
                })?;
            }
        }
        let known = self.records.len();
        agree(known <= stored.len(), || {
            format!(
                "{entity:?}: {known} records were shown, {} are left",
                stored.len()
            )
        })?;
        if known == stored.len() {
            return Ok(());
        }
        let mut told = Ok(());
        let from = u32::try_from(known).unwrap();
        let replayed = journal::replay(store, entity, from, |record, event| {
            apply(&mut self.run, record.time(), &event);
            self.ends.extend(self.run.end.as_ref().map(|end| end.at));
            if told.is_ok() {
                told = self.story.tell(program, record.time(), &event);
            }
        });
        replayed.map_err(|error| error.to_string())?;
        told?;
        let new = stored.into_iter().skip(known);
        self.records.extend(new.map(|record| record.bytes));
        Ok(())
    }
}

impl Checker {
    pub(super) fn new(limit: u32) -> Checker {
        Checker {
            limit: limit.into(),
            executions: BTreeMap::new(),
            deleted: BTreeMap::new(),
            recorded: BTreeMap::new(),
        }
    }

    /// Never more executions run than the concurrency limit allows, whoever asks.
    pub(super) fn hold_limit(&self, store: &Memory) -> Result<(), String> {
        let machine = MACHINES.iter().find(|it| &*it.name == LIMITED).unwrap();
        let Some(machine) = store.known_machine(&machine.arn).unwrap() else {
            return Ok(());
        };
        let running = [ExecutionStatus::Running.code()];
        let running = store.count_executions(Some(machine), &running).unwrap();
        agree(running <= self.limit, || {
            format!("{running} executions run at a time, not {}", self.limit)
        })
    }

    /// Every rule, on what is committed now.
    pub(super) fn check(&mut self, store: &Memory, facts: &Facts) -> Result<(), String> {
        let mut wake_ups: BTreeMap<EntityId, WakeUp> = BTreeMap::new();
        for row in store.wake_ups(None, usize::MAX).unwrap() {
            wake_ups.insert(row.entity, row);
        }
        let mut rows = BTreeSet::new();
        for machine in MACHINES.iter() {
            let all = ExecutionFilter {
                machine: store.machine_number(&machine.arn).unwrap(),
                ..ExecutionFilter::default()
            };
            let mut names = BTreeSet::new();
            for row in store.list_executions(&all, None, ROWS_MAX).unwrap() {
                rows.insert(row.entity);
                agree(names.insert(row.name.clone()), || {
                    format!("two executions of {} are called {}", machine.name, row.name)
                })?;
                let seen = self.executions.entry(row.entity).or_default();
                seen.story.clock_went_back = facts.clock_went_back;
                seen.read(store, &machine.program, row.entity)?;
                self.hold_row(&row)?;
                self.hold_progress(&machine.program, row.entity, wake_ups.remove(&row.entity))?;
            }
        }
        let lost = self.executions.keys().find(|entity| !rows.contains(entity));
        agree(lost.is_none(), || {
            format!("execution {lost:?} was shown and is gone")
        })?;
        agree(wake_ups.is_empty(), || {
            format!("wake-up rows of no execution: {wake_ups:?}")
        })?;
        self.hold_deletions()?;
        self.hold_facts(facts)
    }

    /// The executions of a machine, and the states each has entered.
    fn entered(&self, machine_arn: &Text) -> BTreeMap<EntityId, usize> {
        let is_of_machine = |seen: &Seen| {
            let start = seen.run.start.as_ref();
            start.is_some_and(|start| start.state_machine_arn == *machine_arn)
        };
        let executions = self.executions.iter();
        let of_machine = executions.filter(|(_, seen)| is_of_machine(seen));
        of_machine
            .map(|(entity, seen)| (*entity, seen.story.entered))
            .collect()
    }

    /// The deletion of a machine is acknowledged, and everything committed was read.
    pub(super) fn note_deletion(&mut self, machine_arn: &Text) {
        let entered = self.entered(machine_arn);
        self.deleted.insert(machine_arn.clone(), entered);
    }

    /// There is a new machine of this ARN.
    pub(super) fn forget_deletion(&mut self, machine_arn: &Text) {
        self.deleted.remove(machine_arn);
    }

    /// No execution of a machine starts, and none enters a state, once the machine's deletion was
    /// acknowledged.
    fn hold_deletions(&self) -> Result<(), String> {
        for (machine_arn, before) in &self.deleted {
            let now = self.entered(machine_arn);
            agree(*before == now, || {
                format!("{machine_arn}: {before:?} went on to {now:?} after its deletion")
            })?;
        }
        Ok(())
    }

    /// The executions that were read.
    pub(super) fn executions(&self) -> impl Iterator<Item = (Text, EntityId)> {
        let executions = self.executions.iter();
        executions.map(|(entity, seen)| (seen.story.arn.clone(), *entity))
    }

    /// Whether every execution had ended when it was last checked.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let running = self
            .executions
            .values()
            .filter(|seen| !seen.story.has_ended);
        running
            .map(|seen| format!("{} {:?}", seen.story.arn, seen.run.branches))
            .collect()
    }

    fn hold_row(&self, row: &ExecutionRow) -> Result<(), String> {
        let Some(seen) = self.executions.get(&row.entity) else {
            return Err(format!("{:?} has no journal", row.entity));
        };
        let (run, arn) = (&seen.run, &seen.story.arn);
        let status = ExecutionStatus::from(run).code();
        let stopped_ms = run.end.as_ref().map(|end| end.at.0);
        let redriven_ms = run.redrives.last_at.map(|at| at.0);
        let shown_redrive = (row.redrive_count, row.redriven_ms);
        let shown = (row.status, row.started_ms, row.stopped_ms, shown_redrive);
        let redrive = (run.redrives.count, redriven_ms);
        let folded = (status, run.started_at.0, stopped_ms, redrive);
        agree(shown == folded, || {
            format!("{arn}: row {shown:?}, journal {folded:?}")
        })?;
        agree(run.status.is_terminal() == seen.story.has_ended, || {
            format!("{arn}: {:?} and its last event differ", run.status)
        })?;
        agree(
            run.start
                .as_ref()
                .is_some_and(|start| *start.execution_name == *row.name),
            || format!("{arn}: its row is called {}", row.name),
        )
    }

    /// Who waits is waited for: the wake-up row says all that a restart has to know.
    fn hold_progress(
        &self,
        program: &Program,
        entity: EntityId,
        wake_up: Option<WakeUp>,
    ) -> Result<(), String> {
        let Some(Seen { run, story, .. }) = self.executions.get(&entity) else {
            return Ok(());
        };
        let arn = &story.arn;
        let cancels: BTreeSet<EventId> = run.cancels.iter().map(|it| it.attempt).collect();
        agree(cancels == story.owed_cancels, || {
            format!(
                "{arn}: {cancels:?} are to be cancelled, not {:?}",
                story.owed_cancels
            )
        })?;
        let says_calls = wake_up.is_some_and(|row| row.owes_calls);
        if story.has_ended {
            let is_timed = wake_up.is_some_and(|row| row.due_ms.is_some());
            return agree(says_calls != cancels.is_empty() && !is_timed, || {
                format!("{arn}: ended, and {wake_up:?}")
            });
        }
        let owes_calls = !run.owed_calls(program).is_empty()
            || !run.owed_watches(program).is_empty()
            || !cancels.is_empty();
        let is_timed = run.is_yielded()
            || run.queued
            || run.deadline().is_some()
            || !run.heartbeats(program).is_empty();
        let due_ms = wake_up.and_then(|row| row.due_ms);
        agree(
            owes_calls == says_calls && is_timed == due_ms.is_some(),
            || format!("{arn}: {wake_up:?} does not fit {:?}", run.branches),
        )?;
        let is_at_once = run.is_yielded() || run.queued;
        let deadline = run.deadline().filter(|_| !is_at_once);
        let is_late = due_ms.zip(deadline).is_some_and(|(due, at)| due > at.0);
        agree(!is_late, || {
            format!("{arn}: {wake_up:?} comes after {deadline:?}")
        })?;
        let awaits_token = run
            .branches
            .iter()
            .filter_map(|branch| branch.calling())
            .any(|(_, calling)| calling.submitted.is_some());
        agree(owes_calls || is_timed || awaits_token, || {
            format!("{arn}: nothing will wake {:?}", run.branches)
        })
    }

    fn hold_facts(&mut self, facts: &Facts) -> Result<(), String> {
        let by_arn: BTreeMap<&Text, &Seen> = self
            .executions
            .values()
            .map(|seen| (&seen.story.arn, seen))
            .collect();
        let find = |arn: &Text| {
            let seen = by_arn.get(arn).copied();
            seen.ok_or_else(|| format!("{arn} was acknowledged and does not exist"))
        };
        for (arn, (input, at)) in &facts.started {
            let Seen { run, story, .. } = find(arn)?;
            let is_kept = story.input == *input && run.started_at == *at;
            agree(is_kept, || {
                format!("{arn} did not start with {input} at {at}")
            })?;
        }
        for arn in &facts.taken {
            find(arn)?;
        }
        for (arn, at) in &facts.stopped {
            let ends = &find(arn)?.ends;
            agree(ends.contains(at), || {
                format!("{arn} was acknowledged as stopped at {at}, and ended at {ends:?}")
            })?;
        }
        for (arn, client_token, at) in &facts.redriven {
            let redrives = &find(arn)?.story.redrives;
            agree(redrives.contains(&(client_token.clone(), *at)), || {
                format!("{arn}: redrive {client_token} at {at} was acknowledged, not {redrives:?}")
            })?;
        }
        for (arn, attempt) in &facts.picked_up {
            agree(find(arn)?.story.started.contains(attempt), || {
                format!("{arn}: the task of {attempt} was given out, and is not in the history")
            })?;
        }
        for (arn, attempt) in &facts.called {
            agree(find(arn)?.story.attempts.contains_key(attempt), || {
                format!("{arn}: attempt {attempt} was called and is not in the history")
            })?;
        }
        for ((arn, attempt), mark) in &facts.acknowledged {
            let story = &find(arn)?.story;
            let ending = story.attempts.get(attempt);
            let is_kept = ending == Some(&Some(Some(*mark))) || story.is_full;
            agree(is_kept, || {
                format!("{arn}: result {mark} of {attempt} was acknowledged, not {ending:?}")
            })?;
        }
        for seen in self.executions.values() {
            let story = &seen.story;
            for attempt in &story.cancelled {
                let job = (story.arn.clone(), *attempt);
                agree(facts.cancelled.contains(&job), || {
                    format!("the job of {job:?} was not told to stop, and is recorded as such")
                })?;
            }
            hold_results(&mut self.recorded, facts, &seen.story)?;
        }
        Ok(())
    }
}

/// A result is recorded once, and for the attempt it was made for.
fn hold_results(
    recorded: &mut BTreeMap<u64, Attempt>,
    facts: &Facts,
    story: &Story,
) -> Result<(), String> {
    for (attempt, ending) in &story.attempts {
        let Some(Some(mark)) = ending else { continue };
        let here: Attempt = (story.arn.clone(), *attempt);
        let made_for = facts.made_for.get(mark);
        agree(made_for == Some(&here), || {
            format!("result {mark} was made for {made_for:?} and recorded for {here:?}")
        })?;
        let first = recorded.entry(*mark).or_insert_with(|| here.clone());
        agree(*first == here, || {
            format!("result {mark} was recorded for {first:?} and for {here:?}")
        })?;
    }
    Ok(())
}
