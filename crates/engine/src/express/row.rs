//! The form on disk of a run that has ended.
//!
//! ```text
//! summary   format version   1 byte
//!           status           1 byte, the code in an execution's row
//!           times            started, stopped: milliseconds since the epoch, signed
//!           billing          milliseconds, bytes of memory
//!           version          its number, 0 for none
//!           alias            length and bytes, empty for none
//! body      format version   1 byte
//!           times            count, then each: how many events share it, milliseconds since the
//!                            one before
//!           record           all events, as records of journals (`crate::record`), then what
//!                            served attempts; its entity is the run's number
//! ```
//!
//! Numbers are LEB128. The store keeps a checksum of either part.

use std::sync::Arc;

use asl::event::{BranchId, Event, EventKind, Failure, Start, Text};
use asl::time::Timestamp;
use store::EntityId;
use store::runs::{Head, Run};

use super::Billing;
use super::kept::{Ended, Entry, Recorded};
use crate::arn;
use crate::journal::JournalError;
use crate::record::{
    Compressor, Context, Encoder, Flaw, Literals, Reader, Record, Window, put_len, put_number,
    put_signed,
};
use crate::request::{ExecutionStatus, Summary};

/// The format this build writes, and the only one there has been.
const FORMAT_VERSION: u8 = 1;

/// The row of a run; `None` while it has not ended.
pub(super) fn encode(entry: &Entry, compressor: &mut Compressor) -> Option<Run> {
    let recorded = entry.recorded.lock();
    let end = recorded.end.as_ref()?;
    let start = &entry.start;
    let express = arn::read_express(&start.execution_arn)?;
    Some(Run {
        number: entry.number,
        machine: Arc::clone(&start.state_machine_arn),
        name: format!("{}:{}", express.name, express.unique).into(),
        started_ms: entry.started_at.0,
        definition: start.definition,
        summary: summary(entry, end),
        body: body(entry, &recorded, compressor),
    })
}

fn summary(entry: &Entry, end: &Ended) -> Vec<u8> {
    let start = &entry.start;
    let version = start.state_machine_version_arn.as_deref();
    let alias = start.state_machine_alias_arn.as_deref();
    let alias = alias.and_then(arn::qualifier).unwrap_or_default();
    let mut out = vec![FORMAT_VERSION, end.status.code()];
    put_signed(&mut out, entry.started_at.0);
    put_signed(&mut out, end.at.0);
    put_number(&mut out, end.billing.duration_ms);
    put_number(&mut out, end.billing.memory_bytes);
    put_number(&mut out, version.and_then(arn::version).unwrap_or(0).into());
    put_len(&mut out, alias.len());
    out.extend_from_slice(alias.as_bytes());
    out
}

fn body(entry: &Entry, recorded: &Recorded, compressor: &mut Compressor) -> Vec<u8> {
    let mut out = vec![FORMAT_VERSION];
    let groups = || {
        recorded
            .events
            .chunk_by(|(one, _), (other, _)| one == other)
    };
    put_len(&mut out, groups().count());
    let mut before = 0;
    for group in groups() {
        let time = group.first().map_or(before, |(time, _)| time.0);
        put_len(&mut out, group.len());
        put_signed(&mut out, time.wrapping_sub(before));
        before = time;
    }
    let served = recorded.served.iter().map(|(attempt, served)| Event {
        id: 0,
        previous: 0,
        branch: BranchId::ROOT,
        kind: EventKind::TaskServed {
            attempt: *attempt,
            served: Box::new(served.clone()),
        },
    });
    let served: Vec<Event> = served.collect();
    let events = recorded.events.iter().map(|(_, event)| event);
    let record = Encoder::new(EntityId(entry.number)).encode(
        entry.started_at,
        events.chain(&served),
        compressor,
    );
    out.extend_from_slice(&record);
    out
}

/// What a summary holds.
struct Opened {
    status: ExecutionStatus,
    started_at: Timestamp,
    stopped_at: Timestamp,
    billing: Billing,
    version: Option<u32>,
    alias: Option<Text>,
}

impl Opened {
    fn read(summary: &[u8]) -> Result<Opened, Flaw> {
        let mut reader = Reader(summary);
        require_version(&mut reader)?;
        let status = ExecutionStatus::from_code(reader.byte()?).ok_or(Flaw::Kind)?;
        let (started_at, stopped_at) = (Timestamp(reader.signed()?), Timestamp(reader.signed()?));
        let (duration_ms, memory_bytes) = (reader.number()?, reader.number()?);
        let version = reader.small()?;
        let len = reader.len()?;
        let alias = str::from_utf8(reader.slice(len)?).map_err(|_| Flaw::Utf8)?;
        if !reader.0.is_empty() {
            return Err(Flaw::Long);
        }
        Ok(Opened {
            status,
            started_at,
            stopped_at,
            billing: Billing {
                duration_ms,
                ..Billing::of(0, memory_bytes)
            },
            version: (version != 0).then_some(version),
            alias: (!alias.is_empty()).then(|| alias.into()),
        })
    }
}

fn require_version(reader: &mut Reader<'_>) -> Result<(), Flaw> {
    match reader.byte()? {
        FORMAT_VERSION => Ok(()),
        version => Err(Flaw::ForeignVersion(version)),
    }
}

/// A row as lists show it.
///
/// # Errors
/// Which execution's row is damaged, and how.
pub(super) fn listed(machine_arn: &str, head: &Head) -> Result<Summary, JournalError> {
    let show = || {
        let opened = Opened::read(head.summary.as_deref().ok_or(Flaw::Checksum)?)?;
        let qualified = |qualifier: &str| Text::from(format!("{machine_arn}:{qualifier}"));
        let (name, _) = head.name.split_once(':').ok_or(Flaw::Short)?;
        Ok(Summary {
            execution_arn: arn::of_row(machine_arn, &head.name).ok_or(Flaw::Short)?,
            name: name.into(),
            status: opened.status,
            started_at: opened.started_at,
            stopped_at: Some(opened.stopped_at),
            state_machine_version_arn: opened.version.map(|it| qualified(&it.to_string())),
            state_machine_alias_arn: opened.alias.as_deref().map(qualified),
            redrive_count: 0,
            redriven_at: None,
        })
    };
    show().map_err(|flaw| {
        let arn = arn::of_row(machine_arn, &head.name);
        damaged(arn.as_deref().unwrap_or(&head.name), flaw)
    })
}

/// A run as it was.
///
/// # Errors
/// Which execution's row is damaged, and how.
pub(super) fn decode(execution_arn: &str, run: &Run) -> Result<Entry, JournalError> {
    let entry = || {
        let opened = Opened::read(&run.summary)?;
        let (start, mut recorded) = read_body(run.number, &run.body)?;
        let last = recorded.events.last().map(|(_, event)| &event.kind);
        let (output, failure) = match last {
            Some(EventKind::ExecutionSucceeded { output }) => {
                (Some(output.clone()), Failure::default())
            }
            Some(EventKind::ExecutionFailed(failure)) => (None, failure.clone()),
            // AWS shows neither error nor cause of an execution that timed out.
            _ => (None, Failure::default()),
        };
        recorded.end = Some(Ended {
            status: opened.status,
            at: opened.stopped_at,
            output,
            failure,
            billing: opened.billing,
        });
        Ok(Entry::new(run.number, start, opened.started_at, recorded))
    };
    entry().map_err(|flaw| damaged(execution_arn, flaw))
}

fn read_body(number: u64, body: &[u8]) -> Result<(Start, Recorded), Flaw> {
    let mut reader = Reader(body);
    require_version(&mut reader)?;
    let mut times = Vec::new();
    let mut before = 0_i64;
    for _ in 0..reader.count()? {
        let events = reader.len()?;
        before = before.wrapping_add(reader.signed()?);
        times.push((events, Timestamp(before)));
    }
    let record = Record::open(EntityId(number), 0, reader.0)?;
    let mut times = times
        .into_iter()
        .flat_map(|(events, time)| std::iter::repeat_n(time, events));
    let (mut events, mut alone) = (record.events(), Alone::default());
    let mut recorded = Recorded::default();
    while let Some(event) = events.next(&mut alone)? {
        match event.kind {
            EventKind::TaskServed { attempt, served } => recorded.served.push((attempt, *served)),
            _ => recorded
                .events
                .push((times.next().ok_or(Flaw::Short)?, event)),
        }
    }
    let start = match recorded.events.first().map(|(_, event)| &event.kind) {
        Some(EventKind::ExecutionStarted(start)) => (**start).clone(),
        _ => return Err(Flaw::Kind),
    };
    match times.next() {
        None => Ok((start, recorded)),
        Some(_) => Err(Flaw::Long),
    }
}

/// A record that no other belongs to.
#[derive(Default)]
struct Alone {
    window: Window,
}

impl Context for Alone {
    type Error = Flaw;

    fn literals(&mut self, _: u32) -> Result<Literals, Flaw> {
        Err(Flaw::Missing)
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }
}

fn damaged(execution: &str, flaw: Flaw) -> JournalError {
    let (execution, record) = (execution.to_owned(), 0);
    match flaw {
        Flaw::ForeignVersion(version) => JournalError::Foreign {
            execution,
            record,
            version,
        },
        flaw => JournalError::Damaged {
            execution,
            record,
            flaw,
        },
    }
}

#[cfg(test)]
mod tests;
