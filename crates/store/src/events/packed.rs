//! Events of a stream packed into rows: compressed together, and never far apart in time, so that a
//! read by time opens few rows.
//!
//! The text of a row is, for each event in order of time, the milliseconds after the row's first
//! event and the length of the message as variable integers (seven bits a byte, lowest first), then
//! the message. Its bytes are `0` and the text, or `1`, the text's length and the text as LZ4.

use std::sync::Arc;

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
        rows.push(pack(first.time_ms, row));
        rest = later;
    }
    rows
}

fn pack(first_ms: i64, events: &[Event]) -> Packed {
    let size: usize = events.iter().map(Event::size).sum();
    let mut text = Vec::with_capacity(size);
    for event in events {
        put_number(&mut text, event.time_ms.abs_diff(first_ms));
        put_number(&mut text, event.message.len() as u64);
        text.extend_from_slice(event.message.as_bytes());
    }
    Packed {
        first_ms,
        last_ms: events.last().map_or(first_ms, |last| last.time_ms),
        count: events.len() as u64,
        size: size as u64,
        bytes: encoded(&text),
    }
}

fn encoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    if text.len() >= COMPRESSED_BYTES_MIN {
        bytes.push(LZ4);
        put_number(&mut bytes, text.len() as u64);
        let start = bytes.len();
        bytes.resize(start + get_maximum_output_size(text.len()), 0);
        let room = bytes.get_mut(start..).unwrap_or_default();
        if let Ok(len) = compress_into(text, room)
            && start + len <= text.len()
        {
            bytes.truncate(start + len);
            bytes.shrink_to_fit();
            return bytes;
        }
        bytes.clear();
    }
    bytes.push(RAW);
    bytes.extend_from_slice(text);
    bytes
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
            message: Arc::from(std::str::from_utf8(message).ok()?),
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
