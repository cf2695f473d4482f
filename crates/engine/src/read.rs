//! Reads: what is committed, straight from the store. An acknowledged change is committed, so it is
//! seen.

use std::fmt::Display;
use std::sync::Arc;

use asl::event::{Event, EventId, EventKind, Failure, Served, Start, Text};
use asl::history::render;
use asl::program::Program;
use asl::run::{End, Run, Status};
use asl::time::Timestamp;
use json::Value;
use store::{EntityId, ExecutionFilter, ExecutionRow, Store};

use crate::arn;
use crate::bring::find_execution;
use crate::definitions::Programs;
use crate::journal::{Journal, JournalError};
use crate::limits::{
    HISTORY_PAGE_BYTES_MAX, JOURNAL_READ_BYTES, PAGE_RESULTS_DEFAULT, PAGE_RESULTS_MAX,
};
use crate::page::PageKey;
use crate::record::Record;
use crate::request::{
    Description, Error, ExecutionStatus, HistoryPage, HistoryQuery, ListPage, ListQuery, ReadError,
    Summary,
};

fn existing(store: &dyn Store, execution_arn: &str) -> Result<EntityId, ReadError> {
    let entity = find_execution(store, execution_arn)?;
    entity.ok_or_else(|| ReadError::DoesNotExist(execution_arn.into()))
}

/// The row tells how the execution stands, its first event who it is, its last what came of it:
/// what lies between is checked for damage, but not folded.
pub(crate) fn describe(
    store: &dyn Store,
    now: Timestamp,
    execution_arn: &str,
) -> Result<Description, ReadError> {
    let absent = || ReadError::DoesNotExist(execution_arn.into());
    let entity = existing(store, execution_arn)?;
    let row = store.execution(entity).map_err(Error::from)?;
    let row = row.ok_or_else(absent)?;
    let status = ExecutionStatus::from_code(row.status).ok_or_else(absent)?;
    let mut journal = Journal::new(store, entity, 0);
    let first = journal.next_checked()?.ok_or_else(|| journal.empty())?;
    let start = start_of(&mut journal, &first)?.ok_or_else(|| empty(execution_arn))?;
    let mut last = first.number;
    while let Some(record) = journal.next_checked()? {
        last = record.number;
    }
    let stopped_at = row.stopped_ms.map(Timestamp);
    let end = match stopped_at {
        Some(_) => last_end(store, entity, last)?,
        None => None,
    };
    let last_event = end.as_ref().map_or(0, |event| event.id);
    let (output, failure) = match end.map(|event| event.kind) {
        Some(EventKind::ExecutionSucceeded { output }) => (Some(output), Failure::default()),
        Some(EventKind::ExecutionFailed(failure) | EventKind::ExecutionAborted(failure)) => {
            (None, failure)
        }
        // AWS shows neither error nor cause of an execution that timed out.
        _ => (None, Failure::default()),
    };
    let start = Arc::new(start);
    let run = Run {
        start: Some(Arc::clone(&start)),
        started_at: Timestamp(row.started_ms),
        status: standing(status),
        last_event,
        end: stopped_at.map(|at| {
            Box::new(End {
                at,
                output: None,
                failure: Failure::default(),
                remains: Vec::new(),
            })
        }),
        ..Run::default()
    };
    Ok(Description {
        status,
        started_at: run.started_at,
        stopped_at,
        output,
        failure,
        redrive_count: row.redrive_count,
        redriven_at: row.redriven_ms.map(Timestamp),
        redrivable: run.redrivable(now),
        start,
    })
}

/// What served each attempt that says so; the payloads of all other events are passed by.
pub(crate) fn served(
    store: &dyn Store,
    execution_arn: &str,
) -> Result<Vec<(EventId, Served)>, ReadError> {
    let entity = existing(store, execution_arn)?;
    let mut journal = Journal::new(store, entity, 0);
    let mut all = Vec::new();
    while let Some(record) = journal.next_record()? {
        let mut passed = record.events();
        let mut has_any = false;
        while let Some(event) = journal.skip_event(&mut passed)? {
            has_any |= matches!(event.kind, EventKind::TaskServed { .. });
        }
        if !has_any {
            continue;
        }
        let mut events = record.events();
        while let Some(event) = journal.next_event(&mut events)? {
            if let EventKind::TaskServed { attempt, served } = event.kind {
                all.push((attempt, *served));
            }
        }
    }
    Ok(all)
}

fn standing(status: ExecutionStatus) -> Status {
    match status {
        ExecutionStatus::Running | ExecutionStatus::Queued => Status::Running,
        ExecutionStatus::Succeeded => Status::Succeeded,
        ExecutionStatus::Failed => Status::Failed,
        ExecutionStatus::TimedOut => Status::TimedOut,
        ExecutionStatus::Aborted => Status::Aborted,
    }
}

/// The event that an execution ended with: the last one, or one that only internal ones follow.
fn last_end(store: &dyn Store, entity: EntityId, last: u32) -> Result<Option<Event>, Error> {
    let mut records = Backward::new(store, entity, last);
    let mut journal = Journal::new(store, entity, 0);
    while let Some(stored) = records.next()? {
        let record = journal.open(&stored)?;
        let mut events = record.events();
        let (mut number, mut end) = (0_usize, None);
        while let Some(event) = journal.skip_event(&mut events)? {
            if event.kind.is_terminal() {
                end = Some(number);
            }
            number += 1;
        }
        if let Some(end) = end {
            let mut events = record.events();
            for _ in 0..end {
                journal.skip_event(&mut events)?;
            }
            return journal.next_event(&mut events);
        }
    }
    Ok(None)
}

fn empty(execution_arn: &str) -> Error {
    JournalError::Empty {
        execution: execution_arn.to_owned(),
    }
    .into()
}

pub(crate) fn results_max(asked: usize) -> usize {
    if asked == 0 {
        PAGE_RESULTS_DEFAULT
    } else {
        asked.min(PAGE_RESULTS_MAX)
    }
}

/// What ListExecutions calls RUNNING.
const UNDER_WAY: [u8; 2] = [
    ExecutionStatus::Running.code(),
    ExecutionStatus::Queued.code(),
];

pub(crate) fn list(
    store: &dyn Store,
    page_key: &PageKey,
    now: Timestamp,
    query: &ListQuery,
) -> Result<ListPage, ReadError> {
    let request = query.identity();
    let before = page_key.position(query.next_token.as_deref(), &request, now)?;
    let machine = store
        .known_machine(&query.state_machine_arn)
        .map_err(Error::from)?;
    let Some(machine) = machine else {
        return Ok(ListPage {
            executions: Vec::new(),
            next_token: None,
        });
    };
    let max = results_max(query.max_results);
    let filter = ExecutionFilter {
        machine,
        statuses: match query.status {
            Some(ExecutionStatus::Running | ExecutionStatus::Queued) => UNDER_WAY.to_vec(),
            Some(status) => vec![status.code()],
            None => ExecutionStatus::ALL.map(ExecutionStatus::code).to_vec(),
        },
        version: query.version,
        alias: query.alias.as_deref().map(str::to_owned),
    };
    // One more than asked for tells whether there is a next page.
    let rows = store
        .list_executions(&filter, before.map(EntityId), max + 1)
        .map_err(Error::from)?;
    let last_shown = rows.get(max.saturating_sub(1)).map(|row| row.entity.0);
    let next = last_shown.filter(|_| rows.len() > max);
    let next_token = next.map(|last| page_key.seal(last, &request, now));
    let rows = rows.into_iter().take(max);
    let executions = rows
        .filter_map(|row| summary(&query.state_machine_arn, row))
        .collect();
    Ok(ListPage {
        executions,
        next_token,
    })
}

/// A row as lists show it. Rows are written with a status code and under a machine's ARN, so none
/// is left out.
fn summary(machine_arn: &str, row: ExecutionRow) -> Option<Summary> {
    let qualified = |qualifier: &dyn Display| Text::from(format!("{machine_arn}:{qualifier}"));
    Some(Summary {
        execution_arn: arn::execution(machine_arn, &row.name)?,
        name: Text::from(row.name),
        status: ExecutionStatus::from_code(row.status)?,
        started_at: Timestamp(row.started_ms),
        stopped_at: row.stopped_ms.map(Timestamp),
        state_machine_version_arn: row.version.map(|version| qualified(&version)),
        state_machine_alias_arn: row.alias.map(|alias| qualified(&alias)),
        redrive_count: row.redrive_count,
        redriven_at: row.redriven_ms.map(Timestamp),
    })
}

/// Records read at once from the end towards the beginning. A record of a Task has five events, so
/// these make a page.
const RECORDS_BACKWARD_MAX: u32 = 256;

/// The place of an event in a journal: record, and number within it, counting internal events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    record: u32,
    event: u32,
}

impl Position {
    const FIRST: Position = Position {
        record: 0,
        event: 0,
    };

    fn to_number(self) -> u64 {
        u64::from(self.record) << 32 | u64::from(self.event)
    }

    fn from_number(number: u64) -> Position {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        Position {
            record: u32::from_be_bytes([a, b, c, d]),
            event: u32::from_be_bytes([e, f, g, h]),
        }
    }
}

pub(crate) fn history(
    store: &dyn Store,
    programs: &Programs,
    page_key: &PageKey,
    now: Timestamp,
    execution_arn: &str,
    query: &HistoryQuery,
) -> Result<HistoryPage, ReadError> {
    let request = query.identity(execution_arn);
    let from = page_key.position(query.next_token.as_deref(), &request, now)?;
    let from = from.map(Position::from_number);
    let entity = existing(store, execution_arn)?;
    let mut journal = Journal::new(store, entity, 0);
    // Alone: where the page begins, the next ones are far away.
    let first = store.journal(entity, 0, 1).map_err(Error::from)?;
    let first = first.first().ok_or_else(|| journal.empty())?;
    let start = start_of(&mut journal, first)?.ok_or_else(|| empty(execution_arn))?;
    let program = programs.get(start.definition).map_err(Error::from)?;
    let mut page = Page::new(&program, &start, query);
    let next = if query.reverse_order {
        backward(store, entity, from, &mut page)?
    } else {
        forward(store, entity, from.unwrap_or(Position::FIRST), &mut page)?
    };
    let next_token = next.map(|next| page_key.seal(next.to_number(), &request, now));
    Ok(HistoryPage {
        events: page.events,
        next_token,
    })
}

/// What the first event of an execution tells, by its first record.
fn start_of(journal: &mut Journal<'_>, first: &store::Record) -> Result<Option<Start>, Error> {
    let record = journal.open(first)?;
    let event = journal.next_event(&mut record.events())?;
    Ok(match event.map(|event| event.kind) {
        Some(EventKind::ExecutionStarted(start)) => Some(*start),
        _ => None,
    })
}

/// A page that fills.
pub(crate) struct Page<'a> {
    program: &'a Program,
    start: &'a Start,
    include_data: bool,
    /// Events that still fit.
    left: usize,
    bytes: usize,
    pub(crate) events: Vec<Value>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(program: &'a Program, start: &'a Start, query: &HistoryQuery) -> Page<'a> {
        Page {
            program,
            start,
            include_data: query.include_execution_data,
            left: results_max(query.max_results),
            bytes: 0,
            events: Vec::new(),
        }
    }

    /// Events that still fit, if they are small.
    pub(crate) fn room(&self) -> usize {
        self.left
    }

    /// Adds an event if it is shown; false if it does not fit any more. One event always fits.
    pub(crate) fn add(&mut self, time: Timestamp, event: &Event) -> bool {
        let shown = render(self.program, self.start, time, event, self.include_data);
        let Some(shown) = shown else { return true };
        let bytes = self.bytes.saturating_add(shown.size());
        if self.left == 0 || (bytes > HISTORY_PAGE_BYTES_MAX && !self.events.is_empty()) {
            return false;
        }
        self.left -= 1;
        self.bytes = bytes;
        self.events.push(shown);
        true
    }
}

/// Fills a page from a position on; gives the position of the next event that is shown, if any.
fn forward(
    store: &dyn Store,
    entity: EntityId,
    from: Position,
    page: &mut Page<'_>,
) -> Result<Option<Position>, Error> {
    let mut journal = Journal::new(store, entity, from.record);
    let mut passed = from.event;
    while let Some(record) = journal.next_record()? {
        let mut events = record.events();
        for _ in 0..passed {
            journal.skip_event(&mut events)?;
        }
        let mut number = std::mem::take(&mut passed);
        loop {
            let position = Position {
                record: record.number(),
                event: number,
            };
            if page.left == 0 {
                // Only whether there is another one matters now, so no payload is put together.
                match journal.skip_event(&mut events)? {
                    Some(event) if !event.kind.is_internal() => return Ok(Some(position)),
                    Some(_) => {}
                    None => break,
                }
            } else {
                let Some(event) = journal.next_event(&mut events)? else {
                    break;
                };
                if !page.add(record.time(), &event) {
                    return Ok(Some(position));
                }
            }
            number += 1;
        }
    }
    Ok(None)
}

/// Like [`forward`], from a position (or the end) towards the first event.
fn backward(
    store: &dyn Store,
    entity: EntityId,
    from: Option<Position>,
    page: &mut Page<'_>,
) -> Result<Option<Position>, Error> {
    let last = match from {
        Some(from) => Some(from.record),
        None => last_record(store, entity)?,
    };
    let Some(last) = last else { return Ok(None) };
    let mut records = Backward::new(store, entity, last);
    let mut journal = Journal::new(store, entity, 0);
    while let Some(stored) = records.next()? {
        let record = journal.open(&stored)?;
        let end = from.filter(|from| from.record == stored.number);
        let end = end.map_or(u32::MAX, |from| from.event.saturating_add(1));
        if let Some(event) = backward_in(&mut journal, &record, end, page)? {
            return Ok(Some(Position {
                record: stored.number,
                event,
            }));
        }
    }
    Ok(None)
}

/// Records of a journal, the last first.
struct Backward<'s> {
    store: &'s dyn Store,
    entity: EntityId,
    /// Read already; the next is the last of these.
    read: Vec<store::Record>,
    /// How many records are left in front of those.
    left: u32,
    /// How many are read at once: more as more are wanted.
    count: u32,
}

impl<'s> Backward<'s> {
    fn new(store: &'s dyn Store, entity: EntityId, last: u32) -> Backward<'s> {
        Backward {
            store,
            entity,
            read: Vec::new(),
            left: last.saturating_add(1),
            count: 1,
        }
    }

    fn next(&mut self) -> Result<Option<store::Record>, Error> {
        if self.read.is_empty() && self.left > 0 {
            self.read_more()?;
        }
        Ok(self.read.pop())
    }

    fn read_more(&mut self) -> Result<(), Error> {
        loop {
            let count = self.count.min(self.left);
            let first = self.left - count;
            let mut read = self.store.journal(self.entity, first, JOURNAL_READ_BYTES)?;
            read.truncate(usize::try_from(count).unwrap_or(usize::MAX));
            let is_whole = read.last().map(|last| last.number) == self.left.checked_sub(1);
            if is_whole || count == 1 {
                self.read = read;
                self.left = first;
                self.count = (count * 2).min(RECORDS_BACKWARD_MAX);
                return Ok(());
            }
            // So many are more than is read at once.
            self.count = count / 2;
        }
    }
}

/// Adds the shown events of a record in front of `end`, last first; gives the number of the first
/// that does not fit.
fn backward_in(
    journal: &mut Journal<'_>,
    record: &Record,
    end: u32,
    page: &mut Page<'_>,
) -> Result<Option<u32>, Error> {
    let mut shown = Vec::new();
    let mut events = record.events();
    for number in 0..end {
        match journal.skip_event(&mut events)? {
            Some(event) if event.kind.is_internal() => {}
            Some(_) => shown.push(number),
            None => break,
        }
    }
    // Payloads are put together only for what can be on this page.
    let passed = shown.len().saturating_sub(page.left);
    let wanted = shown.split_off(passed);
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
        return Ok(shown.last().copied());
    };
    let mut kept = Vec::with_capacity(wanted.len());
    let mut events = record.events();
    for _ in 0..*first {
        journal.skip_event(&mut events)?;
    }
    for number in *first..=*last {
        let Some(event) = journal.next_event(&mut events)? else {
            break;
        };
        kept.push((number, event));
    }
    for (number, event) in kept.iter().rev() {
        if !page.add(record.time(), event) {
            return Ok(Some(*number));
        }
    }
    Ok(shown.last().copied())
}

/// The number of an entity's last record: doubling steps, then halving ones.
fn last_record(store: &dyn Store, entity: EntityId) -> Result<Option<u32>, Error> {
    let exists = |number: u32| {
        store
            .journal(entity, number, 1)
            .map(|found| !found.is_empty())
    };
    if !exists(0)? {
        return Ok(None);
    }
    let (mut last, mut step) = (0_u32, 1_u32);
    while exists(last.saturating_add(step))? {
        last = last.saturating_add(step);
        step = step.saturating_mul(2);
    }
    while step > 0 {
        if exists(last.saturating_add(step))? {
            last = last.saturating_add(step);
        }
        step /= 2;
    }
    Ok(Some(last))
}

#[cfg(test)]
mod tests;
