//! Writing records.

use std::sync::Arc;

use asl::event::Event;
use asl::time::Timestamp;
use json::Value;
use lz4_flex::block::{CompressTable, compress_into, compress_into_with_table};
use store::EntityId;

use super::bytes::{put_len, put_number, put_signed};
use super::splice;
use super::window::{Known, RECENT, Stored, Window};
use super::{FORMAT_VERSION, Piece, checksum, event};

/// Literals of at least this length are compressed if that makes them an eighth shorter; below,
/// compression costs more than the bytes.
const COMPRESSED_BYTES_MIN: usize = 256;

/// Literals up to this length find their compressor's table on the shard, made once.
const TABLE_BYTES_MAX: usize = u16::MAX as usize - 1;

/// Room kept for compressed text between records.
const ROOM_BYTES_MAX: usize = 128 << 10;

/// Writes the records of one entity, and knows what earlier ones hold.
#[derive(Clone, Debug)]
pub struct Encoder {
    entity: EntityId,
    next_record: u32,
    window: Window,
}

/// What compression needs and records share: one for a thread.
#[derive(Default)]
pub struct Compressor {
    table: CompressTable,
    /// Where the compressed text is put; made and filled with zeros once.
    room: Vec<u8>,
}

impl Encoder {
    /// For an entity without records.
    pub fn new(entity: EntityId) -> Encoder {
        Encoder {
            entity,
            next_record: 0,
            window: Window::default(),
        }
    }

    /// For an entity whose records were read.
    pub(crate) fn resumed(entity: EntityId, next_record: u32, mut window: Window) -> Encoder {
        window.learn();
        Encoder {
            entity,
            next_record,
            window,
        }
    }

    /// The number of the next record.
    pub fn next_record(&self) -> u32 {
        self.next_record
    }

    /// Bytes of memory of the payloads that somebody still has, and of what is known about them.
    pub fn bytes(&self) -> usize {
        self.window.bytes()
    }

    /// Forgets payloads that nobody has any more; takes time for each that is known.
    pub fn sweep(&mut self) {
        self.window.sweep();
    }

    /// The next record: the events of one commit.
    pub fn encode<'e>(
        &mut self,
        time: Timestamp,
        events: impl IntoIterator<Item = &'e Event>,
        compressor: &mut Compressor,
    ) -> Vec<u8> {
        self.window.refresh();
        let events = events.into_iter();
        let (events_min, _) = events.size_hint();
        let mut draft = Draft {
            record: self.next_record,
            window: &mut self.window,
            literals: String::new(),
            texts: String::new(),
            payloads: Vec::new(),
            events: Vec::with_capacity(events_min * 8),
        };
        let (mut last, mut count) = (event::Last::NONE, 0);
        for event in events {
            event::put(&mut draft, event, &mut last);
            count += 1;
        }
        let record = draft.finish(self.entity, time, count, compressor);
        self.next_record += 1;
        record
    }
}

/// A record in the making.
struct Draft<'a> {
    record: u32,
    window: &'a mut Window,
    literals: String,
    texts: String,
    payloads: Vec<Known>,
    events: Vec<u8>,
}

impl event::Sink for Draft<'_> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.events
    }

    fn payload(&mut self, value: &Value) {
        self.put_payload(value, false);
    }

    fn payload_as_sent(&mut self, value: &Value, text: &str) {
        let offset = self.literals.len();
        self.literals.push_str(text);
        let piece = Piece {
            record: self.record,
            offset,
            len: text.len(),
        };
        let stored = Stored {
            pieces: vec![piece],
            held: text.len(),
            is_as_sent: true,
        };
        self.add(value, Arc::new(stored), false);
    }

    fn payload_of_parts(&mut self, value: &Value) {
        self.put_payload(value, true);
    }

    fn text(&mut self, text: &str) {
        self.texts.push_str(text);
    }
}

impl Draft<'_> {
    fn put_payload(&mut self, value: &Value, has_items: bool) {
        if let Some(number) = self.number_of(value) {
            return put_len(&mut self.events, number);
        }
        let stored = match self.window.find(value) {
            Some(stored) => Arc::clone(stored),
            None => self.store(value),
        };
        self.add(value, stored, has_items);
    }

    /// The number of this value among the payloads of the record. Those without a node are looked
    /// for among the last only: a record can have a thousand.
    fn number_of(&self, value: &Value) -> Option<usize> {
        if value.address().is_some() {
            return self.window.number_in(self.record, value);
        }
        let mut latest = self.payloads.iter().enumerate().rev().take(RECENT);
        let same = latest.find(|(_, known)| known.value.ptr_eq(value));
        same.map(|(number, _)| number)
    }

    fn store(&mut self, value: &Value) -> Arc<Stored> {
        let from = self.literals.len();
        let pieces = splice::splice(value, self.window, self.record, &mut self.literals);
        Arc::new(Stored {
            pieces,
            held: self.literals.len() - from,
            is_as_sent: false,
        })
    }

    fn add(&mut self, value: &Value, stored: Arc<Stored>, has_items: bool) {
        let number = self.payloads.len();
        put_len(&mut self.events, number);
        let value = value.clone();
        let known = Known { value, stored };
        let place = (self.record, number);
        self.window.push_numbered(known.clone(), place, has_items);
        self.payloads.push(known);
    }

    fn finish(
        mut self,
        entity: EntityId,
        time: Timestamp,
        events: usize,
        compressor: &mut Compressor,
    ) -> Vec<u8> {
        let payload_text = self.literals.len();
        self.literals.push_str(&self.texts);
        let room = 64 + self.literals.len() + self.payloads.len() * 8 + self.events.len();
        let mut out = Vec::with_capacity(room);
        out.push(FORMAT_VERSION);
        out.extend_from_slice(&[0; 4]);
        out.push(0);
        put_signed(&mut out, time.0);
        compressor.put(&mut out, self.literals.as_bytes());
        self.put_payloads(&mut out);
        put_len(&mut out, payload_text);
        put_len(&mut out, events);
        out.extend_from_slice(&self.events);
        let sum = checksum(
            entity,
            self.record,
            out.get(super::CHECKED_FROM..).unwrap_or_default(),
        );
        if let Some(place) = out.get_mut(1..super::CHECKED_FROM) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        out
    }

    /// Pieces that continue the literals where the piece before ended need no place.
    fn put_payloads(&self, out: &mut Vec<u8>) {
        put_len(out, self.payloads.len());
        let mut literals_to = 0;
        for payload in &self.payloads {
            put_len(
                out,
                payload.stored.pieces.len() << 1 | usize::from(payload.stored.is_as_sent),
            );
            for piece in &payload.stored.pieces {
                let is_next = piece.record == self.record && piece.offset == literals_to;
                put_len(out, piece.len << 1 | usize::from(!is_next));
                if is_next {
                    literals_to += piece.len;
                    continue;
                }
                put_number(out, u64::from(self.record - piece.record));
                put_len(out, piece.offset);
            }
        }
    }
}

pub(super) const RAW: u8 = 0;
pub(super) const LZ4: u8 = 1;

impl Compressor {
    /// Appends literals in whichever encoding is shorter.
    fn put(&mut self, out: &mut Vec<u8>, literals: &[u8]) {
        match self.compress(literals) {
            Some(compressed) => {
                out.push(LZ4);
                put_len(out, literals.len());
                put_len(out, compressed.len());
                out.extend_from_slice(compressed);
            }
            None => {
                out.push(RAW);
                put_len(out, literals.len());
                out.extend_from_slice(literals);
            }
        }
        // What a long record needed is not kept for the short ones.
        self.room.truncate(ROOM_BYTES_MAX);
        self.room.shrink_to(ROOM_BYTES_MAX);
    }

    fn compress(&mut self, literals: &[u8]) -> Option<&[u8]> {
        let worth = literals.len() - literals.len() / 8;
        if literals.len() < COMPRESSED_BYTES_MIN {
            return None;
        }
        let room = lz4_flex::block::get_maximum_output_size(literals.len());
        if self.room.len() < room {
            self.room.resize(room, 0);
        }
        let len = if literals.len() <= TABLE_BYTES_MAX {
            compress_into_with_table(literals, &mut self.room, &mut self.table).ok()?
        } else {
            // A table for long literals would stay with the thread and slow down short ones.
            compress_into(literals, &mut self.room).ok()?
        };
        self.room.get(..len).filter(|_| len <= worth)
    }
}
