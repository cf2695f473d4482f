//! Events of a stream packed into rows: compressed together, and never far apart in time, so that a
//! read by time opens few rows.
//!
//! The text of a row is, for each event in order of time, the milliseconds after the row's first
//! event and the length of the message as variable integers (seven bits a byte, lowest first), then
//! the message. Its bytes are `0` and the text, or `1`, the text's length and the text as LZ4.

use lz4_flex::block::{compress_into, decompress, get_maximum_output_size};

use super::Event;

/// Times of a row lie no further apart: events that came late make rows of their own, and a read
/// looks at rows that begin up to this long before what it asks for.
pub(crate) const SPAN_MS_MAX: i64 = 600_000;

/// Text of a row before compression, beyond which the next one begins: LZ4 gains little from more,
/// and a read that wants one event of a row unpacks all of it.
const TEXT_BYTES: usize = 64 << 10;

/// Shorter text is kept as it is.
const COMPRESSED_BYTES_MIN: usize = 256;

/// A variable integer of 64 bits.
const NUMBER_BYTES_MAX: usize = 10;

const RAW: u8 = 0;
const LZ4: u8 = 1;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) count: u64,
    /// The sum of the events' sizes.
    pub(crate) size: u64,
    pub(crate) bytes: Vec<u8>,
}

/// Packs events, given in any order.
pub(crate) fn packed(mut events: Vec<Event>) -> Vec<Packed> {
    events.sort_by_key(|event| event.time_ms);
    let mut rows = Vec::new();
    let mut packer = Packer::default();
    let mut rest = events.as_slice();
    while let Some(first) = rest.first() {
        let mut text_bytes = 0;
        let fits = |event: &&Event| {
            let fits = event.time_ms.saturating_sub(first.time_ms) <= SPAN_MS_MAX
                && text_bytes < TEXT_BYTES;
            text_bytes += event.message.len();
            fits
        };
        let count = rest.iter().take_while(fits).count();
        let (row, later) = rest.split_at(count.max(1));
        rows.push(packer.pack(first.time_ms, row));
        rest = later;
    }
    rows
}

/// Where rows are put together, one after the other.
#[derive(Default)]
struct Packer {
    text: Vec<u8>,
    /// What LZ4 writes to. Never made shorter, so that it is cleared once.
    room: Vec<u8>,
}

impl Packer {
    fn pack(&mut self, first_ms: i64, events: &[Event]) -> Packed {
        let size: usize = events.iter().map(Event::size).sum();
        self.text.clear();
        self.text.reserve(size);
        for event in events {
            put_number(&mut self.text, event.time_ms.abs_diff(first_ms));
            put_number(&mut self.text, event.message.len() as u64);
            self.text.extend_from_slice(event.message.as_bytes());
        }
        Packed {
            first_ms,
            last_ms: events.last().map_or(first_ms, |last| last.time_ms),
            count: events.len() as u64,
            size: size as u64,
            bytes: self.encoded(),
        }
    }

    fn encoded(&mut self) -> Vec<u8> {
        if self.text.len() >= COMPRESSED_BYTES_MIN
            && let Some(bytes) = self.compressed()
        {
            return bytes;
        }
        let mut bytes = Vec::with_capacity(1 + self.text.len());
        bytes.push(RAW);
        bytes.extend_from_slice(&self.text);
        bytes
    }

    /// `None` where that makes it no shorter.
    fn compressed(&mut self) -> Option<Vec<u8>> {
        let room = get_maximum_output_size(self.text.len());
        if self.room.len() < room {
            self.room.resize(room, 0);
        }
        let len = compress_into(&self.text, &mut self.room).ok()?;
        let mut bytes = Vec::with_capacity(1 + NUMBER_BYTES_MAX + len);
        bytes.push(LZ4);
        put_number(&mut bytes, self.text.len() as u64);
        bytes.extend_from_slice(self.room.get(..len)?);
        (bytes.len() <= self.text.len()).then_some(bytes)
    }
}

/// The events of a row whose first is of `first_ms`; `None` when these aren't bytes of a row.
pub(crate) fn unpacked(first_ms: i64, bytes: &[u8]) -> Option<Vec<Event>> {
    let (encoding, rest) = bytes.split_first()?;
    let unpacked;
    let mut text = match *encoding {
        RAW => rest,
        LZ4 => {
            let mut rest = rest;
            let len = usize::try_from(take_number(&mut rest)?).ok()?;
            unpacked = decompress(rest, len)
                .ok()
                .filter(|text| text.len() == len)?;
            &unpacked
        }
        _ => return None,
    };
    let mut events = Vec::new();
    while !text.is_empty() {
        let after_ms = i64::try_from(take_number(&mut text)?).ok()?;
        let len = usize::try_from(take_number(&mut text)?).ok()?;
        let (message, rest) = text.split_at_checked(len)?;
        text = rest;
        events.push(Event {
            time_ms: first_ms.checked_add(after_ms)?,
            message: std::str::from_utf8(message).ok()?.into(),
        });
    }
    Some(events)
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        out.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    out.push(low);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
