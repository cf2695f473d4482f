//! Runs that can be listed, and their events: the newest, while there is room for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use asl::event::{Event, EventId, EventKind, Failure, Served, Start, Text};
use asl::program::Program;
use asl::time::Timestamp;
use json::Value;
use parking_lot::Mutex;

use super::{Billing, ExpressDescription};
use crate::limits::{EXPRESS_KEPT_MS, EXPRESS_RUNS_PER_MACHINE_MAX};
use crate::page::PageKey;
use crate::read::{Page, results_max};
use crate::request::{
    ExecutionStatus, HistoryPage, HistoryQuery, ListPage, ListQuery, ReadError, Summary,
};

/// One run, under way or ended.
pub(super) struct Entry {
    /// Rising in the order of starts.
    pub(super) number: u64,
    program: Arc<Program>,
    pub(super) start: Arc<Start>,
    started_at: Timestamp,
    recorded: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    /// Those that AWS shows, in order.
    events: Vec<(Timestamp, Event)>,
    /// What served attempts.
    served: Vec<(EventId, Served)>,
    end: Option<Ended>,
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
    /// Of those that have ended; those under way have a bound of their own.
    bytes_max: usize,
    runs: Mutex<Runs>,
}

#[derive(Default)]
struct Runs {
    next: u64,
    entries: BTreeMap<u64, Arc<Entry>>,
    by_arn: HashMap<Text, u64>,
    /// By the ARN of the state machine. None of these is empty.
    by_machine: HashMap<Text, BTreeSet<u64>>,
    /// Those that have ended, with their bytes.
    ended: BTreeMap<u64, usize>,
    /// How many entries hold a program, by its address: after an update, or once the machine is
    /// gone, nobody else may.
    programs: HashMap<usize, usize>,
    /// Of those that have ended, and of the programs.
    bytes: usize,
}

/// What a state of a program takes: as a rule its paths and templates are small.
const STATE_BYTES: usize = 2 << 10;

fn program_bytes(program: &Program) -> usize {
    program.states.len() * STATE_BYTES
}

impl Kept {
    pub(super) fn new(page_key: Arc<PageKey>, bytes_max: usize) -> Kept {
        Kept {
            page_key,
            bytes_max,
            runs: Mutex::default(),
        }
    }

    /// Keeps a run that begins.
    pub(super) fn insert(
        &self,
        program: &Arc<Program>,
        start: &Start,
        started_at: Timestamp,
    ) -> Arc<Entry> {
        let start = Arc::new(start.clone());
        let mut runs = self.runs.lock();
        runs.drop_old(started_at);
        let entry = Arc::new(Entry {
            number: runs.next,
            program: Arc::clone(program),
            start,
            started_at,
            recorded: Mutex::default(),
        });
        runs.next += 1;
        runs.insert(&entry);
        entry
    }

    /// A run has ended and takes so many bytes.
    pub(super) fn end(&self, entry: &Entry, ended: Ended, bytes: usize) {
        entry.recorded.lock().end = Some(ended);
        let mut runs = self.runs.lock();
        if runs.entries.contains_key(&entry.number) {
            runs.ended.insert(entry.number, bytes);
            runs.bytes += bytes;
        }
        while runs.bytes > self.bytes_max {
            let Some((oldest, _)) = runs.ended.first_key_value() else {
                return;
            };
            let oldest = *oldest;
            runs.remove(oldest);
        }
    }

    fn find(&self, execution_arn: &str, now: Timestamp) -> Result<Arc<Entry>, ReadError> {
        let mut runs = self.runs.lock();
        runs.drop_old(now);
        let number = runs.by_arn.get(execution_arn);
        let entry = number.and_then(|number| runs.entries.get(number));
        let entry = entry.map(Arc::clone);
        entry.ok_or_else(|| ReadError::DoesNotExist(execution_arn.into()))
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

    pub(super) fn list(&self, query: &ListQuery, now: Timestamp) -> Result<ListPage, ReadError> {
        let request = format!("express {}", query.identity());
        let token = query.next_token.as_deref();
        let before = self.page_key.position(token, &request, now)?;
        let entries: Vec<Arc<Entry>> = {
            let mut runs = self.runs.lock();
            runs.drop_old(now);
            let before = before.map_or(Bound::Unbounded, Bound::Excluded);
            let numbers = runs.by_machine.get(&query.state_machine_arn);
            let numbers = numbers.into_iter().flat_map(|numbers| {
                let newest_first = numbers.range((Bound::Unbounded, before));
                newest_first.rev()
            });
            let entries = numbers.filter_map(|number| runs.entries.get(number));
            entries.cloned().collect()
        };
        let max = results_max(query.max_results);
        let shown = entries.iter().map(|entry| (entry.number, entry.summary()));
        let mut shown: Vec<(u64, Summary)> = shown
            .filter(|(_, summary)| query.shows(summary))
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
        let mut page = Page::new(&entry.program, &entry.start, query);
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

impl Runs {
    fn insert(&mut self, entry: &Arc<Entry>) {
        let (number, start) = (entry.number, &entry.start);
        self.hold(&entry.program);
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

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else {
            return;
        };
        self.let_go(&entry.program);
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
        self.bytes -= self.ended.remove(&number).unwrap_or(0);
    }

    fn hold(&mut self, program: &Arc<Program>) {
        let entries = self
            .programs
            .entry(Arc::as_ptr(program).addr())
            .or_default();
        *entries += 1;
        if *entries == 1 {
            self.bytes += program_bytes(program);
        }
    }

    fn let_go(&mut self, program: &Arc<Program>) {
        let address = Arc::as_ptr(program).addr();
        let Some(entries) = self.programs.get_mut(&address) else {
            return;
        };
        *entries -= 1;
        if *entries == 0 {
            self.programs.remove(&address);
            self.bytes -= program_bytes(program);
        }
    }

    /// Lets those go that are a day old.
    fn drop_old(&mut self, now: Timestamp) {
        while let Some((number, entry)) = self.entries.first_key_value() {
            if now.0 - entry.started_at.0 < EXPRESS_KEPT_MS {
                return;
            }
            let number = *number;
            self.remove(number);
        }
    }
}
