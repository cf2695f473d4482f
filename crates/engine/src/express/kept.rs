//! Runs that can be listed, and their events: the newest, in memory while there is room for them,
//! and on disk once they have ended (`keeper`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use asl::event::{Event, EventId, EventKind, Failure, Served, Start, Text};
use asl::time::Timestamp;
use json::Value;
use parking_lot::{Condvar, Mutex};

use super::keeper::Writing;
use super::{Billing, ExpressDescription, row};
use crate::arn;
use crate::definitions::Programs;
use crate::limits::{EXPRESS_KEPT_MS, EXPRESS_RUNS_PER_MACHINE_MAX, EXPRESS_UNSTORED_MIN};
use crate::page::PageKey;
use crate::read::{Page, results_max};
use crate::request::{
    Error, ExecutionStatus, HistoryPage, HistoryQuery, ListPage, ListQuery, ReadError, Summary,
};

/// One run, under way or ended.
pub(super) struct Entry {
    /// Rising in the order of starts, also those of earlier servers.
    pub(super) number: u64,
    pub(super) start: Arc<Start>,
    pub(super) started_at: Timestamp,
    pub(super) recorded: Mutex<Recorded>,
}

#[derive(Default)]
pub(super) struct Recorded {
    /// Those that AWS shows, in order.
    pub(super) events: Vec<(Timestamp, Event)>,
    /// What served attempts.
    pub(super) served: Vec<(EventId, Served)>,
    pub(super) end: Option<Ended>,
}

/// How a run ended.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) status: ExecutionStatus,
    pub(super) at: Timestamp,
    pub(super) output: Option<Value>,
    pub(super) failure: Failure,
    pub(super) billing: Billing,
}

impl Entry {
    pub(super) fn new(
        number: u64,
        start: Start,
        started_at: Timestamp,
        recorded: Recorded,
    ) -> Entry {
        Entry {
            number,
            start: Arc::new(start),
            started_at,
            recorded: Mutex::new(recorded),
        }
    }

    pub(super) fn add(&self, time: Timestamp, events: Vec<Event>) {
        let mut recorded = self.recorded.lock();
        for event in events {
            match event.kind {
                EventKind::TaskServed { attempt, served } => {
                    recorded.served.push((attempt, *served));
                }
                _ => recorded.events.push((time, event)),
            }
        }
    }

    pub(super) fn last_event(&self) -> Option<(Timestamp, Event)> {
        self.recorded.lock().events.last().cloned()
    }

    /// Events from the one of this id on, or from the first or last one on.
    fn events(&self, from: Option<u64>, backward: bool, max: usize) -> Vec<(Timestamp, Event)> {
        let events = &self.recorded.lock().events;
        // Ids are dense, from 1.
        let from = from.map(|id| usize::try_from(id).unwrap_or(usize::MAX));
        if backward {
            let shown = events.get(..from.unwrap_or(events.len()));
            return shown
                .unwrap_or_default()
                .iter()
                .rev()
                .take(max)
                .cloned()
                .collect();
        }
        let before = from.unwrap_or(1).saturating_sub(1);
        events.iter().skip(before).take(max).cloned().collect()
    }

    fn describe(&self) -> ExpressDescription {
        let ended = self.recorded.lock().end.clone();
        ExpressDescription {
            start: Arc::clone(&self.start),
            status: ended
                .as_ref()
                .map_or(ExecutionStatus::Running, |ended| ended.status),
            started_at: self.started_at,
            stopped_at: ended.as_ref().map(|ended| ended.at),
            billing: ended.as_ref().map(|ended| ended.billing),
            failure: ended
                .as_ref()
                .map_or_else(Failure::default, |ended| ended.failure.clone()),
            output: ended.and_then(|ended| ended.output),
        }
    }

    fn summary(&self) -> Summary {
        let (status, stopped_at) = match &self.recorded.lock().end {
            Some(ended) => (ended.status, Some(ended.at)),
            None => (ExecutionStatus::Running, None),
        };
        Summary {
            execution_arn: self.start.execution_arn.clone(),
            name: self.start.execution_name.clone(),
            status,
            started_at: self.started_at,
            stopped_at,
            state_machine_version_arn: self.start.state_machine_version_arn.clone(),
            state_machine_alias_arn: self.start.state_machine_alias_arn.clone(),
            redrive_count: 0,
            redriven_at: None,
        }
    }
}

/// The runs that are kept.
pub(super) struct Kept {
    page_key: Arc<PageKey>,
    programs: Arc<Programs>,
    /// Of those in memory that have ended; those under way have a bound of their own.
    bytes_max: usize,
    /// Where those that have ended go; `None`: nowhere.
    pub(super) disk: Option<Arc<dyn store::Runs>>,
    /// Of those on disk.
    pub(super) stored_bytes_max: u64,
    pub(super) runs: Mutex<Runs>,
    /// Told when the first run is to be written, and when the keeper has to end.
    pub(super) changed: Condvar,
    /// Locked by whoever writes, before `runs`.
    pub(super) writing: Mutex<Writing>,
}

/// What [`Kept`] works with.
pub(super) struct Parts {
    pub(super) page_key: Arc<PageKey>,
    pub(super) programs: Arc<Programs>,
    pub(super) bytes_max: usize,
    pub(super) disk: Option<Arc<dyn store::Runs>>,
    pub(super) stored_bytes_max: u64,
}

/// The runs in memory.
#[derive(Default)]
pub(super) struct Runs {
    next: u64,
    entries: BTreeMap<u64, Arc<Entry>>,
    by_arn: HashMap<Text, u64>,
    /// By the ARN of the state machine. None of these is empty.
    by_machine: HashMap<Text, BTreeSet<u64>>,
    /// Those that have ended.
    ended: BTreeMap<u64, Held>,
    /// Of those that have ended.
    bytes: usize,
    /// Those to be written, as they ended. What is no longer in `entries` is passed by.
    pub(super) unstored: Vec<u64>,
    /// Those that made room before they were written.
    pub(super) lost: u64,
    pub(super) is_stopping: bool,
}

/// A run that has ended.
struct Held {
    bytes: usize,
    is_stored: bool,
}

impl Kept {
    /// With the numbers going on behind those on disk.
    pub(super) fn open(parts: Parts) -> store::Result<Kept> {
        let Parts {
            page_key,
            programs,
            bytes_max,
            disk,
            stored_bytes_max,
        } = parts;
        let last = disk.as_ref().map_or(Ok(None), |disk| disk.last_run())?;
        let runs = Runs {
            next: last.map_or(0, |last| last + 1),
            ..Runs::default()
        };
        Ok(Kept {
            page_key,
            programs,
            bytes_max,
            disk,
            stored_bytes_max,
            runs: Mutex::new(runs),
            changed: Condvar::new(),
            writing: Mutex::default(),
        })
    }

    /// Keeps a run that begins.
    pub(super) fn insert(&self, start: &Start, started_at: Timestamp) -> Arc<Entry> {
        let start = start.clone();
        let mut runs = self.runs.lock();
        runs.drop_old(started_at);
        let entry = Entry::new(runs.next, start, started_at, Recorded::default());
        let entry = Arc::new(entry);
        runs.next += 1;
        runs.insert(&entry);
        entry
    }

    /// A run has ended and takes so many bytes.
    pub(super) fn end(&self, entry: &Entry, ended: Ended, bytes: usize) {
        entry.recorded.lock().end = Some(ended);
        let mut runs = self.runs.lock();
        if runs.entries.contains_key(&entry.number) {
            let is_stored = self.disk.is_none();
            runs.ended.insert(entry.number, Held { bytes, is_stored });
            runs.bytes += bytes;
            if !is_stored && runs.is_to_be_stored(entry.number) {
                self.changed.notify_one();
            }
        }
        while runs.bytes > self.bytes_max {
            let Some((oldest, held)) = runs.ended.first_key_value() else {
                return;
            };
            let (oldest, is_lost) = (*oldest, !held.is_stored);
            runs.lost += u64::from(is_lost);
            runs.remove(oldest);
        }
    }

    /// The definitions that runs ran which can be read.
    pub(super) fn definitions(&self) -> store::Result<Vec<u64>> {
        let mut definitions: BTreeSet<u64> = {
            let runs = self.runs.lock();
            let entries = runs.entries.values();
            entries.map(|entry| entry.start.definition).collect()
        };
        // Afterwards: what left memory meanwhile is there.
        if let Some(disk) = &self.disk {
            definitions.extend(disk.run_definitions()?);
        }
        Ok(definitions.into_iter().collect())
    }

    /// Forgets a machine's runs; those under way are listed no more.
    pub(super) fn forget(&self, machine_arn: &str) -> store::Result<()> {
        // What is being written is written before it is deleted.
        let _writing = self.writing.lock();
        self.runs.lock().remove_machine(machine_arn);
        if let Some(disk) = &self.disk
            && !disk.runs(machine_arn, 1)?.is_empty()
        {
            disk.drop_runs(machine_arn)?;
        }
        Ok(())
    }

    fn find(&self, execution_arn: &str, now: Timestamp) -> Result<Arc<Entry>, ReadError> {
        let absent = || ReadError::DoesNotExist(execution_arn.into());
        {
            let mut runs = self.runs.lock();
            runs.drop_old(now);
            let number = runs.by_arn.get(execution_arn);
            if let Some(entry) = number.and_then(|number| runs.entries.get(number)) {
                return Ok(Arc::clone(entry));
            }
        }
        let disk = self.disk.as_ref().ok_or_else(absent)?;
        let express = arn::read_express(execution_arn).ok_or_else(absent)?;
        let name = format!("{}:{}", express.name, express.unique);
        let found = disk.run(&express.machine_arn, &name).map_err(Error::from)?;
        let found = found.filter(|run| is_fresh(run.started_ms, now));
        let entry = row::decode(execution_arn, &found.ok_or_else(absent)?);
        Ok(Arc::new(entry.map_err(Error::from)?))
    }

    pub(super) fn describe(
        &self,
        execution_arn: &str,
        now: Timestamp,
    ) -> Result<ExpressDescription, ReadError> {
        Ok(self.find(execution_arn, now)?.describe())
    }

    pub(super) fn served(
        &self,
        execution_arn: &str,
        now: Timestamp,
    ) -> Result<Vec<(EventId, Served)>, ReadError> {
        Ok(self
            .find(execution_arn, now)?
            .recorded
            .lock()
            .served
            .clone())
    }

    /// The newest runs of a machine, by number, newest first.
    fn newest(&self, machine_arn: &str, now: Timestamp) -> Result<Vec<(u64, Summary)>, Error> {
        let entries: Vec<Arc<Entry>> = {
            let mut runs = self.runs.lock();
            runs.drop_old(now);
            let numbers = runs.by_machine.get(machine_arn).into_iter().flatten();
            let entries = numbers.filter_map(|number| runs.entries.get(number));
            entries.cloned().collect()
        };
        let mut found: BTreeMap<u64, Summary> = BTreeMap::new();
        // Afterwards: what left memory meanwhile is there.
        if let Some(disk) = &self.disk {
            for head in disk.runs(machine_arn, EXPRESS_RUNS_PER_MACHINE_MAX)? {
                match row::listed(machine_arn, &head) {
                    Ok(summary) if is_fresh(head.started_ms, now) => {
                        found.insert(head.number, summary);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "an Express execution is not listed"),
                }
            }
        }
        found.extend(entries.iter().map(|entry| (entry.number, entry.summary())));
        // One that ran again after a crash has the ARN it had.
        let mut seen = HashSet::new();
        let newest_first = found.into_iter().rev();
        let newest = newest_first.filter(|(_, run)| seen.insert(run.execution_arn.clone()));
        Ok(newest.take(EXPRESS_RUNS_PER_MACHINE_MAX).collect())
    }

    pub(super) fn list(&self, query: &ListQuery, now: Timestamp) -> Result<ListPage, ReadError> {
        let request = format!("express {}", query.identity());
        let token = query.next_token.as_deref();
        let before = self.page_key.position(token, &request, now)?;
        let newest = self.newest(&query.state_machine_arn, now)?;
        let max = results_max(query.max_results);
        let mut shown: Vec<(u64, Summary)> = newest
            .into_iter()
            .filter(|(number, summary)| {
                before.is_none_or(|before| *number < before) && query.shows(summary)
            })
            .take(max + 1)
            .collect();
        let has_more = shown.len() > max;
        shown.truncate(max);
        let last = shown.last().filter(|_| has_more);
        let next_token = last.map(|(number, _)| self.page_key.seal(*number, &request, now));
        Ok(ListPage {
            executions: shown.into_iter().map(|(_, summary)| summary).collect(),
            next_token,
        })
    }

    pub(super) fn history(
        &self,
        execution_arn: &str,
        query: &HistoryQuery,
        now: Timestamp,
    ) -> Result<HistoryPage, ReadError> {
        let request = format!("express {}", query.identity(execution_arn));
        // The id of the page's first event.
        let token = query.next_token.as_deref();
        let from = self.page_key.position(token, &request, now)?;
        let entry = self.find(execution_arn, now)?;
        let program = self.programs.get(entry.start.definition);
        let program = program.map_err(Error::from)?;
        let mut page = Page::new(&program, &entry.start, query);
        // Rendered without the lock, as the run may go on meanwhile.
        let events = entry.events(from, query.reverse_order, page.room() + 1);
        let left = events.iter().find(|(time, event)| !page.add(*time, event));
        let next_token = left.map(|(_, event)| self.page_key.seal(event.id, &request, now));
        Ok(HistoryPage {
            events: page.events,
            next_token,
        })
    }
}

/// Whether a run is less than a day old.
fn is_fresh(started_ms: i64, now: Timestamp) -> bool {
    now.0 - started_ms < EXPRESS_KEPT_MS
}

impl Runs {
    fn insert(&mut self, entry: &Arc<Entry>) {
        let (number, start) = (entry.number, &entry.start);
        self.entries.insert(number, Arc::clone(entry));
        self.by_arn.insert(start.execution_arn.clone(), number);
        let machine = start.state_machine_arn.clone();
        let of_machine = self.by_machine.entry(machine).or_default();
        of_machine.insert(number);
        if of_machine.len() > EXPRESS_RUNS_PER_MACHINE_MAX
            && let Some(oldest) = of_machine.first().copied()
        {
            self.remove(oldest);
        }
    }

    /// The run is one of those to be written; whether it is the first.
    fn is_to_be_stored(&mut self, number: u64) -> bool {
        // More than this are there only while the disk keeps the keeper waiting.
        if self.unstored.len() >= EXPRESS_UNSTORED_MIN.max(2 * self.entries.len()) {
            let Runs {
                unstored, entries, ..
            } = self;
            unstored.retain(|number| entries.contains_key(number));
        }
        self.unstored.push(number);
        self.unstored.len() == 1
    }

    /// Those of `numbers` that are still here.
    pub(super) fn still_here(&self, numbers: &[u64]) -> Vec<Arc<Entry>> {
        let entries = numbers.iter().filter_map(|it| self.entries.get(it));
        entries.cloned().collect()
    }

    /// What a run that has ended takes; 0 if it is no longer here.
    pub(super) fn bytes_of(&self, number: u64) -> usize {
        self.ended.get(&number).map_or(0, |held| held.bytes)
    }

    #[cfg(test)]
    pub(super) fn bytes_held(&self) -> usize {
        self.bytes
    }

    /// Runs were written.
    pub(super) fn are_stored(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
            if let Some(held) = self.ended.get_mut(&entry.number) {
                held.is_stored = true;
            }
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else {
            return;
        };
        let start = &entry.start;
        // One that runs again after a crash has the ARN it had.
        if self.by_arn.get(&start.execution_arn) == Some(&number) {
            self.by_arn.remove(&start.execution_arn);
        }
        if let Some(of_machine) = self.by_machine.get_mut(&start.state_machine_arn) {
            of_machine.remove(&number);
            if of_machine.is_empty() {
                self.by_machine.remove(&start.state_machine_arn);
            }
        }
        self.bytes -= self.ended.remove(&number).map_or(0, |held| held.bytes);
    }

    fn remove_machine(&mut self, machine_arn: &str) {
        let of_machine = self.by_machine.get(machine_arn).cloned();
        for number in of_machine.unwrap_or_default() {
            self.remove(number);
        }
    }

    /// Lets those go that are a day old.
    fn drop_old(&mut self, now: Timestamp) {
        while let Some((number, entry)) = self.entries.first_key_value() {
            if is_fresh(entry.started_at.0, now) {
                return;
            }
            let number = *number;
            self.remove(number);
        }
    }
}
