//! What the payloads stored so far hold, and where: later ones may name it instead of writing it.
//!
//! Two memories. The payloads stored *last* are kept, so that a new one can be laid side by side
//! with the one it was made from. Of *all* payloads the parts that somebody still has (an input, a
//! variable, a result, the items of a Map) are known by the identity of their nodes, without being
//! kept: what nobody has any more can't come back. So what an execution takes for sharing follows
//! what it holds, however long it runs.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use json::{Kind, Value, View, WeakValue};

use super::Piece;
use super::splice::{is_same, likeness, sample};

/// Payloads that are kept to lay new ones beside. A state makes up to four (input, parameters,
/// result, output), so this reaches over two states; it also bounds what an execution keeps in
/// memory that its run does not hold.
pub(super) const RECENT: usize = 8;

/// Shorter texts are written again rather than named: a name takes about five bytes on disk, and
/// reading it costs more than reading the text.
pub(super) const COPY_BYTES_MIN: usize = 32;

/// Parts of one payload that are looked at to be found again: some tens of microseconds.
const LOOKS_MAX: usize = 1_024;

/// Parts of a payload whose parts will be payloads, as those of a Map's items will: as many as
/// items of a length worth naming fit in 256 KiB.
const LOOKS_OF_ITEMS_MAX: usize = 8_192;

/// Parts known in all. A run that holds more shares less.
const PARTS_MAX: usize = 16_384;

/// Texts nobody has looked into whose parts become known once somebody has.
const UNREAD_MAX: usize = 256;

/// No search for what nobody has any more pays below so many parts, and so many bytes.
const SWEPT_PARTS_MIN: usize = 128;
const SWEPT_BYTES_MIN: usize = 8 << 10;

/// Memory of a known part: its entry, and the empty node of a value that is gone.
const PART_BYTES: usize = 128;

/// Memory for a byte of payload text: the text itself and, if somebody looked inside, its tree.
const BYTES_PER_PAYLOAD_BYTE: usize = 4;

/// A shared member says more about where a payload came from than so many equal names.
const SAME_NAME_PER_SHARED: usize = 10;

/// The text of a payload that was stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) pieces: Vec<Piece>,
    /// The stored text has white space or escapes that the compact text has not, so the places of
    /// its parts are unknown.
    pub(crate) is_as_sent: bool,
    /// Bytes of it that stand nowhere else.
    pub(crate) held: usize,
}

impl Stored {
    /// As it is read: each payload has a text of its own in memory.
    pub(super) fn read(pieces: Vec<Piece>, is_as_sent: bool) -> Stored {
        let lens = pieces.iter().map(|piece| piece.len);
        let held = lens.fold(0, usize::saturating_add);
        Stored {
            pieces,
            is_as_sent,
            held,
        }
    }
}

/// A payload that was stored.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) value: Value,
    pub(crate) stored: Arc<Stored>,
}

/// What was stored so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// Oldest first.
    recent: VecDeque<Known>,
    parts: Parts,
}

/// A value that is part of a stored payload, or the whole of it.
#[derive(Clone, Debug)]
struct Part {
    /// Keeps the address from being given to another node.
    node: WeakValue,
    stored: Arc<Stored>,
    /// Where its text begins in that of the payload.
    offset: usize,
    /// The address of the container that was stored last with this part in it.
    container: Option<usize>,
    /// The record and the number of the payload that it was last.
    payload: Option<(u32, usize)>,
}

/// Parts by the address of their node.
#[derive(Clone, Debug, Default)]
struct Parts {
    by_address: HashMap<usize, Part, ByAddress>,
    /// Texts, with the payload they are in and their offset in it.
    unread: Vec<(WeakValue, Arc<Stored>, usize)>,
    /// Bytes of the texts that the parts need, as known after the last sweep, and those since.
    held: usize,
    /// After the last sweep.
    swept_parts: usize,
    swept_held: usize,
}

impl Window {
    /// The stored payload that this value is.
    pub(super) fn find(&self, value: &Value) -> Option<&Arc<Stored>> {
        let address = value.address();
        if let Some(part) = address.and_then(|at| self.parts.by_address.get(&at))
            && part.is_whole(value)
        {
            return Some(&part.stored);
        }
        // Containers that were read are the same by their node only.
        let is_container = matches!(value.kind(), Kind::Array | Kind::Object);
        if is_container && value.as_compact_text().is_none() {
            return None;
        }
        let mut latest = self.recent.iter().rev();
        let same = latest.find(|known| is_same(&known.value, value));
        same.map(|known| &known.stored)
    }

    /// The number that this value has as a payload of this record.
    pub(super) fn number_in(&self, record: u32, value: &Value) -> Option<usize> {
        let (of, number) = self.parts.by_address.get(&value.address()?)?.payload?;
        (of == record).then_some(number)
    }

    /// The stored payload that this value is a part of, and where its text begins there.
    pub(super) fn place_of(&self, value: &Value) -> Option<(&Stored, usize)> {
        let part = self.parts.by_address.get(&value.address()?)?;
        (!part.stored.is_as_sent).then_some((&*part.stored, part.offset))
    }

    /// The stored payload of exactly this text.
    pub(super) fn find_pieces(&self, stored: &Stored) -> Option<&Known> {
        let is_it = |known: &&Known| {
            known.stored.is_as_sent == stored.is_as_sent && known.stored.pieces == stored.pieces
        };
        self.recent.iter().rev().find(is_it)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }

    /// Takes in a payload that was read. Its parts wait for [`Window::learn`]: most payloads of a
    /// journal are gone before its end.
    pub(super) fn push(&mut self, known: Known) {
        self.parts.note(&known, None, 0);
        self.keep(known);
    }

    /// Learns the parts of the payloads that somebody still has after a journal was read.
    pub(super) fn learn(&mut self) {
        let whole = self.parts.by_address.values();
        let whole = whole.filter(|part| part.container.is_none() && !part.stored.is_as_sent);
        let payloads: Vec<(WeakValue, Arc<Stored>)> = whole
            .map(|part| (part.node.clone(), Arc::clone(&part.stored)))
            .collect();
        for (node, stored) in payloads {
            if let Some(value) = node.upgrade() {
                self.parts.note_within(&value, &stored, 0, LOOKS_MAX);
            }
        }
        self.parts.sweep_when_due();
    }

    /// Takes in a payload of a record that is being written, by its number there.
    pub(super) fn push_numbered(&mut self, known: Known, payload: (u32, usize), has_items: bool) {
        let looks_max = if has_items {
            LOOKS_OF_ITEMS_MAX
        } else {
            LOOKS_MAX
        };
        self.parts.note(&known, Some(payload), looks_max);
        self.keep(known);
    }

    fn keep(&mut self, known: Known) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(known);
    }

    /// Learns the parts of texts that were looked into since.
    pub(super) fn refresh(&mut self) {
        self.parts.refresh();
    }

    /// Bytes of memory of all that is stored and that somebody has: what payloads share is counted
    /// once, what is gone until it is noticed.
    pub(crate) fn bytes(&self) -> usize {
        let Parts {
            by_address, held, ..
        } = &self.parts;
        BYTES_PER_PAYLOAD_BYTE * held + PART_BYTES * by_address.len()
    }

    /// Forgets what nobody has any more, so that [`Window::bytes`] is exact.
    pub(super) fn sweep(&mut self) {
        self.parts.sweep();
    }

    /// The stored value that shares most of a sample of members with this one, and where its text
    /// is; the newest that shares all but one is not looked beyond.
    pub(super) fn nearest(&self, value: &Value) -> Option<(Value, &Stored, usize)> {
        let mut best: Option<(usize, Value, &Stored, usize)> = None;
        let recent = self.recent.iter().rev();
        let recent = recent.map(|known| (known.value.clone(), &*known.stored, 0));
        for (known, stored, offset) in recent.chain(self.container_of_parts(value)) {
            if stored.is_as_sent {
                continue;
            }
            let likeness = likeness(&known, value);
            if likeness.shared > 0 && likeness.shared + 1 >= likeness.sampled {
                return Some((known, stored, offset));
            }
            let score = likeness.shared * SAME_NAME_PER_SHARED + likeness.named;
            if score > best.as_ref().map_or(0, |(score, ..)| *score) {
                best = Some((score, known, stored, offset));
            }
        }
        best.map(|(_, value, stored, offset)| (value, stored, offset))
    }

    /// A stored container that has a part in common with this one.
    fn container_of_parts(&self, value: &Value) -> Option<(Value, &Stored, usize)> {
        let find = |part: &Value| {
            let part = self.parts.by_address.get(&part.address()?)?;
            let container = self.parts.by_address.get(&part.container?)?;
            let kept = container.node.upgrade()?;
            Some((kept, &*container.stored, container.offset))
        };
        match value.view() {
            View::Array(elements) => {
                sample(elements).find_map(|at| elements.get(at).and_then(find))
            }
            View::Object(object) => {
                let members = object.members();
                sample(members).find_map(|at| members.get(at).and_then(|(_, value)| find(value)))
            }
            _ => None,
        }
    }
}

impl Part {
    /// Whether the stored payload is this value and nothing else.
    fn is_whole(&self, value: &Value) -> bool {
        let len = self.stored.pieces.iter().map(|piece| piece.len).sum();
        self.stored.is_as_sent || value.size() == len
    }
}

impl Parts {
    /// Learns a payload.
    fn note(&mut self, known: &Known, payload: Option<(u32, usize)>, looks_max: usize) {
        let Known { value, stored } = known;
        let (Some(address), Some(node)) = (value.address(), value.downgrade()) else {
            return;
        };
        match self.by_address.entry(address) {
            // Named again, or part of one that was stored before: its parts are known.
            Entry::Occupied(mut entry) => entry.get_mut().payload = payload,
            Entry::Vacant(entry) => {
                self.held += stored.held;
                entry.insert(Part {
                    node,
                    stored: Arc::clone(stored),
                    offset: 0,
                    container: None,
                    payload,
                });
                if !stored.is_as_sent && looks_max > 0 {
                    self.note_within(value, stored, 0, looks_max);
                }
            }
        }
        self.sweep_when_due();
    }

    /// Learns the parts of a stored value, the outer ones first.
    fn note_within(
        &mut self,
        value: &Value,
        stored: &Arc<Stored>,
        offset: usize,
        looks_max: usize,
    ) {
        let mut looks_left = looks_max;
        let mut containers = Vec::new();
        let mut next = Some((value, offset));
        let mut taken = 0;
        while let Some((container, offset)) = next {
            if container.is_unread() {
                self.note_unread(container, stored, offset);
            } else if container.size() > COPY_BYTES_MIN {
                let address = container.address();
                each_part(container, offset, &mut looks_left, |part, offset| {
                    let is_new = part.size() >= COPY_BYTES_MIN
                        && self.note_part(part, stored, offset, address);
                    if is_new && matches!(part.kind(), Kind::Array | Kind::Object) {
                        containers.push((part, offset));
                    }
                });
            }
            next = containers.get(taken).copied();
            taken += 1;
        }
    }

    /// Learns one part; false if it was known.
    fn note_part(
        &mut self,
        value: &Value,
        stored: &Arc<Stored>,
        offset: usize,
        container: Option<usize>,
    ) -> bool {
        let (Some(address), Some(node)) = (value.address(), value.downgrade()) else {
            return false;
        };
        match self.by_address.entry(address) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().container = container;
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(Part {
                    node,
                    stored: Arc::clone(stored),
                    offset,
                    container,
                    payload: None,
                });
                true
            }
        }
    }

    fn note_unread(&mut self, value: &Value, stored: &Arc<Stored>, offset: usize) {
        if self.unread.len() >= UNREAD_MAX {
            self.unread.remove(0);
        }
        if let Some(node) = value.downgrade() {
            self.unread.push((node, Arc::clone(stored), offset));
        }
    }

    fn refresh(&mut self) {
        let is_settled = |(node, ..): &mut (WeakValue, Arc<Stored>, usize)| {
            node.upgrade().is_none_or(|value| !value.is_unread())
        };
        let settled: Vec<_> = self.unread.extract_if(.., is_settled).collect();
        for (node, stored, offset) in settled {
            if let Some(value) = node.upgrade() {
                // Whoever takes the members of a text takes the object that was read from it.
                if let Some(object) = value.as_object() {
                    self.note_part(&object.clone().into(), &stored, offset, None);
                }
                self.note_within(&value, &stored, offset, LOOKS_MAX);
            }
        }
    }

    /// Forgets what nobody has any more, once that may be half of all there is.
    fn sweep_when_due(&mut self) {
        let is_due = self.by_address.len() >= 2 * self.swept_parts.max(SWEPT_PARTS_MIN)
            || self.held >= 2 * self.swept_held.max(SWEPT_BYTES_MIN);
        if is_due {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        self.by_address.retain(|_, part| part.node.is_alive());
        self.unread.retain(|(node, ..)| node.is_alive());
        if self.by_address.len() > PARTS_MAX {
            self.by_address.clear();
        }
        self.by_address.shrink_to(2 * self.by_address.len());
        let mut seen: HashSet<usize, ByAddress> = HashSet::default();
        let parts = self.by_address.values();
        let texts = parts.filter(|part| seen.insert(Arc::as_ptr(&part.stored).addr()));
        self.held = texts.map(|part| part.stored.held).sum();
        self.swept_held = self.held;
        self.swept_parts = self.by_address.len();
    }
}

/// Shows the parts of a container, each with the offset of its text, while looks are left.
fn each_part<'v>(
    container: &'v Value,
    offset: usize,
    looks_left: &mut usize,
    mut see: impl FnMut(&'v Value, usize),
) {
    let mut at = offset + 1;
    let mut look = |key_len: usize, part: &'v Value| {
        see(part, at + key_len);
        at += key_len + part.size() + 1;
    };
    let looks = *looks_left;
    let parts = match container.view() {
        View::Array(elements) => {
            elements.iter().take(looks).for_each(|part| look(0, part));
            elements.len()
        }
        View::Object(object) => {
            let members = object.members();
            let looked = members.iter().take(looks);
            looked.for_each(|(key, part)| look(key.quoted_len() + 1, part));
            members.len()
        }
        _ => 0,
    };
    *looks_left = looks.saturating_sub(parts);
}

type ByAddress = BuildHasherDefault<Mixed>;

/// Hashes addresses, which nobody outside chooses.
#[derive(Clone, Copy, Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        // Folded, so that low and high bits depend on all of the address.
        let product = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
}

#[cfg(test)]
mod tests;
