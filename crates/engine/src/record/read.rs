//! Reading records.

use std::sync::Arc;

use asl::event::{Event, Text};
use asl::time::Timestamp;
use json::Value;
use store::EntityId;

use super::bytes::Reader;
use super::encode::{LZ4, RAW};
use super::window::{Known, Stored, Window};
use super::{CHECKED_FROM, FORMAT_VERSION, Flaw, Piece, checksum, event};

/// The literals of a record, which later records may refer to.
pub type Literals = Arc<str>;

/// LZ4 makes nothing longer than 255 times its stored length.
const EXPANSION_MAX: usize = 255;

/// A text below this length is parsed at once, so that its bytes need not be kept.
const READ_AT_ONCE_BYTES: usize = 1 << 10;

/// Room made for the text of a payload before it is put together; AWS's limit is 256 KiB.
const ROOM_BYTES_MAX: usize = 1 << 20;

/// A record whose checksum and frame were found right.
#[derive(Debug)]
pub struct Record {
    number: u32,
    time: Timestamp,
    literals: Literals,
    payloads: Vec<Arc<Stored>>,
    /// Where the texts begin in the literals.
    texts_from: usize,
    event_count: usize,
    events: Vec<u8>,
}

impl Record {
    /// Opens the bytes of an entity's record.
    ///
    /// # Errors
    /// What is wrong with them. A byte that was changed anywhere is noticed by the checksum.
    pub fn open(entity: EntityId, number: u32, bytes: &[u8]) -> Result<Record, Flaw> {
        Record::check(entity, number, bytes)?;
        let mut reader = Reader(bytes.get(CHECKED_FROM..).unwrap_or_default());
        if reader.byte()? != 0 {
            return Err(Flaw::Kind);
        }
        let time = Timestamp(reader.signed()?);
        let literals = read_literals(&mut reader)?;
        let payloads = read_payloads(&mut reader, number)?;
        let texts_from = reader.len()?;
        let event_count = reader.count()?;
        let events = reader.0.to_vec();
        Ok(Record {
            number,
            time,
            literals,
            payloads,
            texts_from,
            event_count,
            events,
        })
    }

    /// Checks version and checksum of an entity's record, without a look at what it holds.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn check(entity: EntityId, number: u32, bytes: &[u8]) -> Result<(), Flaw> {
        let mut reader = Reader(bytes);
        let version = reader.byte()?;
        if version != FORMAT_VERSION {
            return Err(Flaw::ForeignVersion(version));
        }
        let sum = u32::from_le_bytes(reader.array()?);
        if sum == checksum(entity, number, reader.0) {
            Ok(())
        } else {
            Err(Flaw::Checksum)
        }
    }

    /// Its place in the journal.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The common time of the events.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// What later records may refer to.
    pub fn literals(&self) -> &Literals {
        &self.literals
    }

    /// Reads the events from the first to the last.
    pub(crate) fn events(&self) -> Events<'_> {
        Events {
            record: self,
            reader: Reader(&self.events),
            texts: self.literals.get(self.texts_from..),
            payloads: vec![None; self.payloads.len()],
            left: self.event_count,
            last: event::Last::NONE,
        }
    }

    /// The payload of a number, put together and read unless it is known.
    fn payload<C: Context>(&self, number: usize, context: &mut C) -> Result<Payload, C::Error> {
        let stored = self.payloads.get(number).ok_or(Flaw::Piece)?;
        if let Some(known) = context.window().find_pieces(stored).cloned() {
            let value = known.value.clone();
            context.window().push(known);
            let text = match stored.is_as_sent {
                true => Some(self.put_together(&stored.pieces, context)?),
                false => None,
            };
            return Ok((value, text));
        }
        let (value, text) = match stored.pieces.as_slice() {
            [piece] if !stored.is_as_sent && piece.len < READ_AT_ONCE_BYTES => {
                let literals = self.literals_of(piece, context)?;
                let text = piece.of(&literals)?;
                (json::parse(text).map_err(|_| Flaw::Json)?, None)
            }
            pieces => {
                let text = self.put_together(pieces, context)?;
                let value = json::parse_lazy(Arc::clone(&text)).map_err(|_| Flaw::Json)?;
                (value, stored.is_as_sent.then_some(text))
            }
        };
        context.window().push(Known {
            value: value.clone(),
            stored: Arc::clone(stored),
        });
        Ok((value, text))
    }

    fn put_together<C: Context>(
        &self,
        pieces: &[Piece],
        context: &mut C,
    ) -> Result<Text, C::Error> {
        if let [piece] = pieces {
            return Ok(piece.of(&self.literals_of(piece, context)?)?.into());
        }
        // A broken build may have written any length: no more room is made than is usual.
        let len = pieces
            .iter()
            .fold(0_usize, |sum, piece| sum.saturating_add(piece.len));
        let mut text = String::with_capacity(len.min(ROOM_BYTES_MAX));
        for piece in pieces {
            let literals = self.literals_of(piece, context)?;
            text.push_str(piece.of(&literals)?);
        }
        Ok(text.into())
    }

    fn literals_of<C: Context>(
        &self,
        piece: &Piece,
        context: &mut C,
    ) -> Result<Literals, C::Error> {
        if piece.record == self.number {
            Ok(Arc::clone(&self.literals))
        } else {
            context.literals(piece.record)
        }
    }
}

impl Piece {
    fn of<'l>(&self, literals: &'l Literals) -> Result<&'l str, Flaw> {
        let range = self.offset..self.offset.saturating_add(self.len);
        literals.get(range).ok_or(Flaw::Piece)
    }
}

/// What the events of a record need from outside of it.
pub(crate) trait Context {
    type Error: From<Flaw>;
    /// The literals of an earlier record.
    fn literals(&mut self, record: u32) -> Result<Literals, Self::Error>;
    /// The payloads read last: those with the text of an earlier one take its value.
    fn window(&mut self) -> &mut Window;
}

/// A payload and, if it was kept, its text as sent.
pub(super) type Payload = (Value, Option<Text>);

/// The events of a record, read one by one.
pub(crate) struct Events<'r> {
    record: &'r Record,
    reader: Reader<'r>,
    /// The texts not yet taken; they are taken in order.
    texts: Option<&'r str>,
    payloads: Vec<Option<Payload>>,
    left: usize,
    last: event::Last,
}

impl Events<'_> {
    /// The record they belong to.
    pub(crate) fn record_number(&self) -> u32 {
        self.record.number
    }

    /// The next event; `None` behind the last.
    pub(crate) fn next<C: Context>(&mut self, context: &mut C) -> Result<Option<Event>, C::Error> {
        self.read(|events, number| {
            let place = events.payloads.get_mut(number).ok_or(Flaw::Piece)?;
            if let Some(payload) = place {
                return Ok(payload.clone());
            }
            let payload = events.record.payload(number, context)?;
            *place = Some(payload.clone());
            Ok(payload)
        })
    }

    /// Passes an event by without putting its payloads together; they are `null`.
    pub(crate) fn skip(&mut self) -> Result<Option<Event>, Flaw> {
        self.read(|_, _| Ok::<_, Flaw>((Value::null(), None)))
    }

    fn read<E: From<Flaw>>(
        &mut self,
        payload: impl FnMut(&mut Self, usize) -> Result<Payload, E>,
    ) -> Result<Option<Event>, E> {
        let Some(left) = self.left.checked_sub(1) else {
            let is_at_end = self.reader.0.is_empty() && self.texts == Some("");
            return if is_at_end {
                Ok(None)
            } else {
                Err(Flaw::Long.into())
            };
        };
        self.left = left;
        event::read(&mut Source {
            events: self,
            payload,
        })
        .map(Some)
    }
}

/// The parts of one event.
struct Source<'e, 'r, P> {
    events: &'e mut Events<'r>,
    payload: P,
}

impl<'r, E, P> event::Source<'r> for Source<'_, 'r, P>
where
    E: From<Flaw>,
    P: FnMut(&mut Events<'r>, usize) -> Result<Payload, E>,
{
    type Error = E;

    fn bytes(&mut self) -> &mut Reader<'r> {
        &mut self.events.reader
    }

    fn last(&mut self) -> &mut event::Last {
        &mut self.events.last
    }

    fn payload(&mut self, number: usize) -> Result<Payload, E> {
        (self.payload)(self.events, number)
    }

    fn text(&mut self, len: usize) -> Result<Text, E> {
        let texts = self
            .events
            .texts
            .and_then(|texts| texts.split_at_checked(len));
        let (text, rest) = texts.ok_or(Flaw::Piece)?;
        self.events.texts = Some(rest);
        Ok(text.into())
    }
}

fn read_literals(reader: &mut Reader<'_>) -> Result<Literals, Flaw> {
    let encoding = reader.byte()?;
    let len = reader.len()?;
    let text = match encoding {
        RAW => reader.slice(len)?.to_vec(),
        LZ4 => {
            let stored_len = reader.len()?;
            let stored = reader.slice(stored_len)?;
            if len / EXPANSION_MAX > stored.len() {
                return Err(Flaw::Compression);
            }
            let text = lz4_flex::block::decompress(stored, len).map_err(|_| Flaw::Compression)?;
            if text.len() != len {
                return Err(Flaw::Compression);
            }
            text
        }
        _ => return Err(Flaw::Kind),
    };
    Ok(String::from_utf8(text).map_err(|_| Flaw::Utf8)?.into())
}

fn read_payloads(reader: &mut Reader<'_>, record: u32) -> Result<Vec<Arc<Stored>>, Flaw> {
    let mut literals_to = 0;
    let count = reader.count()?;
    let mut payloads = Vec::with_capacity(count);
    for _ in 0..count {
        let head = reader.len()?;
        if head >> 1 > reader.0.len() {
            return Err(Flaw::Short);
        }
        let mut pieces = Vec::with_capacity(head >> 1);
        for _ in 0..head >> 1 {
            pieces.push(read_piece(reader, record, &mut literals_to)?);
        }
        payloads.push(Arc::new(Stored::read(pieces, head & 1 == 1)));
    }
    Ok(payloads)
}

fn read_piece(
    reader: &mut Reader<'_>,
    record: u32,
    literals_to: &mut usize,
) -> Result<Piece, Flaw> {
    let head = reader.len()?;
    let len = head >> 1;
    if head & 1 == 0 {
        let offset = *literals_to;
        *literals_to = offset.checked_add(len).ok_or(Flaw::Number)?;
        return Ok(Piece {
            record,
            offset,
            len,
        });
    }
    let back = reader.small()?;
    Ok(Piece {
        record: record.checked_sub(back).ok_or(Flaw::Piece)?,
        offset: reader.len()?,
        len,
    })
}
