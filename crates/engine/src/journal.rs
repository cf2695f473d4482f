//! Reading journals: folding a run, and the places a page of history begins at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use asl::apply::apply;
use asl::event::Event;
use asl::run::Run;
use asl::time::Timestamp;
use store::{EntityId, Store};

use crate::arn;
use crate::limits::{JOURNAL_READ_BYTES, JOURNAL_READ_BYTES_MIN, LITERALS_KEPT_BYTES};
use crate::record::{Context, Encoder, Events, Flaw, Literals, Record, Window};
use crate::request::Error;

/// A journal that cannot be read. Only this execution stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error(
        "record {record} of execution `{execution}` is damaged: {flaw}; \
         `lockstep doctor` tells more, a backup may hold it whole"
    )]
    Damaged {
        execution: String,
        record: u32,
        flaw: Flaw,
    },
    #[error(
        "record {record} of execution `{execution}` has format version {version}, which this \
         build does not know; use the build that wrote it, or a later one"
    )]
    Foreign {
        execution: String,
        record: u32,
        version: u8,
    },
    #[error("the journal of execution `{execution}` is empty; a backup may hold it")]
    Empty { execution: String },
}

/// What stops reading, before the execution's name was looked up.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Of the record being read.
    Flaw(Flaw),
    /// Of another record.
    InRecord(u32, Flaw),
    Store(store::Error),
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Fault {
        Fault::Flaw(flaw)
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Fault {
        Fault::Store(error)
    }
}

/// An execution as its journal tells it, and what its next record may share with.
#[derive(Debug)]
pub struct Loaded {
    pub run: Run,
    pub encoder: Encoder,
}

/// Folds a journal. `None` if there is no such execution.
///
/// # Errors
/// A damaged or foreign record, or what the store failed with.
pub fn load(store: &dyn Store, entity: EntityId) -> Result<Option<Loaded>, Error> {
    let mut journal = Journal::new(store, entity, 0);
    let mut run = Run::default();
    journal.replay(|record, event| apply(&mut run, record.time(), &event))?;
    if journal.number == 0 {
        return if store.execution(entity)?.is_some() {
            Err(journal.empty())
        } else {
            Ok(None)
        };
    }
    let encoder = Encoder::resumed(entity, journal.number, journal.context.window);
    Ok(Some(Loaded { run, encoder }))
}

/// Reads the events of a journal, beginning with a record, each with the record that holds it.
///
/// # Errors
/// A damaged or foreign record, or what the store failed with.
pub fn replay(
    store: &dyn Store,
    entity: EntityId,
    from_record: u32,
    see: impl FnMut(&Record, Event),
) -> Result<(), Error> {
    Journal::new(store, entity, from_record).replay(see)
}

/// A journal read record by record.
pub(crate) struct Journal<'s> {
    context: Earlier<'s>,
    /// Of the next record.
    number: u32,
    read_ahead: VecDeque<store::Record>,
    /// How much is read at once: more as more is wanted, as a page needs little.
    read_bytes: usize,
}

struct Earlier<'s> {
    store: &'s dyn Store,
    entity: EntityId,
    window: Window,
    /// Each with its last use.
    literals: BTreeMap<u32, (u64, Literals)>,
    /// Records in the order of their last use.
    by_use: BTreeMap<u64, u32>,
    uses: u64,
    literal_bytes: usize,
    /// Asked for last: often many times in a row.
    last: Option<(u32, Literals)>,
}

impl<'s> Journal<'s> {
    /// Begins at a record.
    pub(crate) fn new(store: &'s dyn Store, entity: EntityId, number: u32) -> Journal<'s> {
        let context = Earlier {
            store,
            entity,
            window: Window::default(),
            literals: BTreeMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            literal_bytes: 0,
            last: None,
        };
        Journal {
            context,
            number,
            read_ahead: VecDeque::new(),
            read_bytes: JOURNAL_READ_BYTES_MIN,
        }
    }

    /// Reads to the end.
    fn replay(&mut self, mut see: impl FnMut(&Record, Event)) -> Result<(), Error> {
        while let Some(record) = self.next_record()? {
            let mut events = record.events();
            while let Some(event) = self.next_event(&mut events)? {
                see(&record, event);
            }
            self.keep(record.number(), record.literals());
        }
        Ok(())
    }

    /// The number, the time and the events of the next record; `None` behind the last.
    pub(crate) fn next_commit(&mut self) -> Result<Option<(u32, Timestamp, Vec<Event>)>, Error> {
        let Some(record) = self.next_record()? else {
            return Ok(None);
        };
        let (mut events, mut found) = (record.events(), Vec::new());
        while let Some(event) = self.next_event(&mut events)? {
            found.push(event);
        }
        self.keep(record.number(), record.literals());
        Ok(Some((record.number(), record.time(), found)))
    }

    /// The next record; `None` behind the last.
    pub(crate) fn next_record(&mut self) -> Result<Option<Record>, Error> {
        let Some(stored) = self.next_stored()? else {
            return Ok(None);
        };
        self.open(&stored).map(Some)
    }

    /// Opens a record of this journal.
    pub(crate) fn open(&self, stored: &store::Record) -> Result<Record, Error> {
        let Earlier { entity, .. } = self.context;
        let record = Record::open(entity, stored.number, &stored.bytes);
        record.map_err(|flaw| self.context.name(stored.number, flaw.into()))
    }

    /// The next record as it is stored, checked but not opened; `None` behind the last.
    pub(crate) fn next_checked(&mut self) -> Result<Option<store::Record>, Error> {
        let stored = self.next_stored()?;
        if let Some(store::Record { number, bytes }) = &stored {
            let checked = Record::check(self.context.entity, *number, bytes);
            checked.map_err(|flaw| self.context.name(*number, flaw.into()))?;
        }
        Ok(stored)
    }

    fn next_stored(&mut self) -> Result<Option<store::Record>, Error> {
        let Earlier { store, entity, .. } = self.context;
        if self.read_ahead.is_empty() {
            let bytes_max = self.read_bytes;
            self.read_ahead = store.journal(entity, self.number, bytes_max)?.into();
            self.read_bytes = bytes_max.saturating_mul(2).min(JOURNAL_READ_BYTES);
        }
        let Some(stored) = self.read_ahead.pop_front() else {
            return Ok(None);
        };
        if stored.number != self.number {
            return Err(self.context.name(self.number, Flaw::Missing.into()));
        }
        self.number = self.number.saturating_add(1);
        Ok(Some(stored))
    }

    /// The next event of a record of this journal; `None` behind its last.
    pub(crate) fn next_event(&mut self, events: &mut Events<'_>) -> Result<Option<Event>, Error> {
        let number = events.record_number();
        events
            .next(&mut self.context)
            .map_err(|fault| self.context.name(number, fault))
    }

    /// The next event without its payloads, which are `null`.
    pub(crate) fn skip_event(&mut self, events: &mut Events<'_>) -> Result<Option<Event>, Error> {
        let number = events.record_number();
        events
            .skip()
            .map_err(|flaw| self.context.name(number, flaw.into()))
    }

    /// Keeps literals for the records that follow, within a bound.
    fn keep(&mut self, number: u32, literals: &Literals) {
        self.context.keep(number, literals);
    }

    pub(crate) fn empty(&self) -> Error {
        JournalError::Empty {
            execution: self.context.execution(),
        }
        .into()
    }
}

impl Earlier<'_> {
    /// Keeps literals; those not used for longest make room.
    fn keep(&mut self, number: u32, literals: &Literals) {
        self.forget(number);
        self.uses += 1;
        self.literal_bytes += literals.len();
        self.literals
            .insert(number, (self.uses, Arc::clone(literals)));
        self.by_use.insert(self.uses, number);
        while self.literal_bytes > LITERALS_KEPT_BYTES {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                break;
            };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, number: u32) {
        if let Some((last_use, literals)) = self.literals.remove(&number) {
            self.by_use.remove(&last_use);
            self.literal_bytes -= literals.len();
        }
    }

    fn kept(&mut self, number: u32) -> Option<Literals> {
        let (last_use, literals) = self.literals.get_mut(&number)?;
        self.uses += 1;
        self.by_use.remove(last_use);
        *last_use = self.uses;
        self.by_use.insert(self.uses, number);
        Some(Arc::clone(literals))
    }

    /// Says which execution it is about.
    fn name(&self, record: u32, fault: Fault) -> Error {
        let (record, flaw) = match fault {
            Fault::Store(error) => return error.into(),
            Fault::Flaw(flaw) => (record, flaw),
            Fault::InRecord(record, flaw) => (record, flaw),
        };
        let execution = self.execution();
        match flaw {
            Flaw::ForeignVersion(version) => JournalError::Foreign {
                execution,
                record,
                version,
            }
            .into(),
            flaw => JournalError::Damaged {
                execution,
                record,
                flaw,
            }
            .into(),
        }
    }

    /// The execution's ARN by its row, which a damaged journal does not affect.
    fn execution(&self) -> String {
        let row = self.store.execution(self.entity).ok().flatten();
        let arn = row.and_then(|row| {
            let machine_arn = self.store.machine_arn(row.machine).ok().flatten()?;
            arn::of_row(&machine_arn, &row.name)
        });
        arn.map_or_else(
            || format!("number {}", self.entity.0),
            |arn| arn.to_string(),
        )
    }
}

impl Context for Earlier<'_> {
    type Error = Fault;

    fn literals(&mut self, record: u32) -> Result<Literals, Fault> {
        if let Some((_, literals)) = self.last.as_ref().filter(|(last, _)| *last == record) {
            return Ok(Arc::clone(literals));
        }
        let literals = self.fetch(record)?;
        self.last = Some((record, Arc::clone(&literals)));
        Ok(literals)
    }

    fn window(&mut self) -> &mut Window {
        &mut self.window
    }
}

impl Earlier<'_> {
    fn fetch(&mut self, record: u32) -> Result<Literals, Fault> {
        if let Some(literals) = self.kept(record) {
            return Ok(literals);
        }
        let stored = self.store.journal(self.entity, record, 1)?;
        let flawed = |flaw| Fault::InRecord(record, flaw);
        let stored = stored
            .into_iter()
            .next()
            .filter(|stored| stored.number == record);
        let bytes = stored.ok_or(flawed(Flaw::Missing))?.bytes;
        let opened = Record::open(self.entity, record, &bytes).map_err(flawed)?;
        self.keep(record, opened.literals());
        Ok(Arc::clone(opened.literals()))
    }
}
