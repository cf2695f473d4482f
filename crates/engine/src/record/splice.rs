//! Finding what a payload shares with earlier ones, so that only what is new is written.
//!
//! Values share their unchanged parts by pointer, and know the length of their compact text; so the
//! place of a shared part in an earlier text follows without writing that text. A payload is walked
//! side by side with the earlier one that resembles it most: what is the same becomes part of a
//! copied range, ranges that touch become one, the rest is written. Parts that moved are looked for
//! in the earlier payloads within a budget.

use json::{Kind, Number, Object, Value, View};

use super::Piece;
use super::window::{COPY_BYTES_MIN, Stored, Window};

/// A payload of more pieces is written whole: it would take longer to put together than to read,
/// and so would each that is made from it.
const PIECES_MAX: usize = 256;

/// Values looked for by their identity, for one payload: some hundred microseconds for one that
/// took longer to make.
const SEARCHES_MAX: usize = 8_192;

/// Members of an earlier object that may have been removed in front of the one looked for.
const KEYS_AHEAD: usize = 4;

/// Containers nested deeper are written whole, so that the walk needs little stack.
const WALK_DEPTH_MAX: usize = 64;

/// Members compared to tell which earlier payload resembles a new one most.
const SAMPLES: usize = 8;

/// Writes a payload: appends what is new to `literals` and gives the pieces of the whole text.
pub(super) fn splice(
    value: &Value,
    window: &Window,
    record: u32,
    literals: &mut String,
) -> Vec<Piece> {
    let start = literals.len();
    let whole = |literals: &mut String| {
        literals.truncate(start);
        value.write_to(literals);
        vec![Piece {
            record,
            offset: start,
            len: literals.len() - start,
        }]
    };
    if value.size() < COPY_BYTES_MIN || window.is_empty() || is_text(value, window) {
        return whole(literals);
    }
    // A part of a stored payload has no need of one that resembles it.
    let nearest = match window.place_of(value) {
        Some(_) => None,
        None => window.nearest(value),
    };
    let mut writer = Writer {
        window,
        record,
        literals,
        run_from: start,
        pieces: Vec::new(),
        range: None,
        searches_left: SEARCHES_MAX,
    };
    let near = nearest.as_ref().map(|(value, stored, offset)| Near {
        value,
        place: Place {
            stored,
            offset: *offset,
        },
    });
    writer.put(value, near, 0);
    writer.end_range();
    writer.end_run();
    let pieces = writer.pieces;
    if pieces.len() > PIECES_MAX {
        whole(literals)
    } else {
        pieces
    }
}

/// A part of a stored payload, and where its text begins in that of the payload.
#[derive(Clone, Copy)]
struct Near<'a> {
    value: &'a Value,
    place: Place<'a>,
}

/// A place in the text of a stored payload.
#[derive(Clone, Copy)]
struct Place<'a> {
    stored: &'a Stored,
    offset: usize,
}

impl Near<'_> {
    /// Whether it is a container of this kind that somebody looked into.
    fn is_of(&self, kind: Kind) -> bool {
        self.value.kind() == kind && !self.value.is_unread()
    }
}

impl Place<'_> {
    fn plus(self, len: usize) -> Self {
        Place {
            offset: self.offset + len,
            ..self
        }
    }
}

/// A range of the text of a stored payload that is being collected.
struct Range<'a> {
    stored: &'a Stored,
    start: usize,
    end: usize,
    /// While the range is too short to be named, its text stands in the literals from here on.
    literals_from: Option<usize>,
}

struct Writer<'a, 'l> {
    window: &'a Window,
    record: u32,
    literals: &'l mut String,
    /// The literals from here on are in no piece yet.
    run_from: usize,
    pieces: Vec<Piece>,
    range: Option<Range<'a>>,
    searches_left: usize,
}

impl<'a> Writer<'a, '_> {
    fn put(&mut self, value: &Value, near: Option<Near<'a>>, depth: usize) {
        let place = self.place_of(value, near);
        self.put_at(value, place, near, depth);
    }

    /// Where this very value is stored: beside its partner, or anywhere.
    fn place_of(&mut self, value: &Value, near: Option<Near<'a>>) -> Option<Place<'a>> {
        if let Some(near) = near.filter(|near| is_same(near.value, value)) {
            return Some(near.place);
        }
        if value.size() < COPY_BYTES_MIN {
            return None;
        }
        self.searches_left = self.searches_left.checked_sub(1)?;
        let (stored, offset) = self.window.place_of(value)?;
        Some(Place { stored, offset })
    }

    fn put_at(
        &mut self,
        value: &Value,
        place: Option<Place<'a>>,
        near: Option<Near<'a>>,
        depth: usize,
    ) {
        let len = value.size();
        let is_leaf = len < COPY_BYTES_MIN || depth >= WALK_DEPTH_MAX || value.is_unread();
        match value.kind() {
            Kind::Array if !is_leaf && place.is_none() => self.put_array(value, near, depth),
            Kind::Object if !is_leaf && place.is_none() => self.put_object(value, near, depth),
            _ => self.put_text(len, place, |out| value.write_to(out)),
        }
    }

    fn put_array(&mut self, value: &Value, near: Option<Near<'a>>, depth: usize) {
        let elements = value.as_array().unwrap_or_default();
        let near = near.filter(|near| near.is_of(Kind::Array));
        let old = near.and_then(|near| near.value.as_array());
        let old = old.unwrap_or_default();
        // Where in the old text the next byte is found again.
        let mut place = near.map(|near| near.place);
        self.put_mark("[", place);
        place = place.map(|place| place.plus(1));
        for (at, element) in elements.iter().enumerate() {
            let partner = old.get(at);
            place = place.filter(|_| partner.is_some());
            let comma = place;
            if at > 0 {
                place = place.map(|place| place.plus(1));
            }
            let near = partner
                .zip(place)
                .map(|(value, place)| Near { value, place });
            let found = self.place_of(element, near);
            if at > 0 {
                self.put_mark(",", self.gap_before(found).or(comma));
            }
            self.put_at(element, found, near, depth + 1);
            place = place.map(|place| place.plus(partner.map_or(0, Value::size)));
        }
        self.put_mark("]", place.filter(|_| elements.len() == old.len()));
    }

    /// Where the comma in front of a place stands, if the range being collected ends there:
    /// nothing but a comma fits in one byte between two values.
    fn gap_before(&self, place: Option<Place<'a>>) -> Option<Place<'a>> {
        let gap = place.and_then(|place| {
            let offset = place.offset.checked_sub(1)?;
            Some(Place { offset, ..place })
        });
        gap.filter(|gap| self.range.as_ref().is_some_and(|range| range.ends_at(*gap)))
    }

    fn put_object(&mut self, value: &Value, near: Option<Near<'a>>, depth: usize) {
        let members = value.as_object().map_or(&[][..], Object::members);
        let near = near.filter(|near| near.is_of(Kind::Object));
        let mut old = near.and_then(OldMembers::of);
        self.put_mark("{", near.map(|near| near.place).filter(|_| old.is_some()));
        for (at, (key, value)) in members.iter().enumerate() {
            let partner = old.as_mut().and_then(|old| old.take(key));
            if at > 0 {
                self.put_mark(",", partner.as_ref().and_then(|partner| partner.comma));
            }
            let key_len = key.quoted_len() + 1;
            self.put_text(
                key_len,
                partner.as_ref().map(|partner| partner.key),
                |out| {
                    write_key(key, out);
                },
            );
            let near = partner.map(|Partner { key, value, .. }| Near {
                value,
                place: key.plus(key_len),
            });
            self.put(value, near, depth + 1);
        }
        self.put_mark("}", old.and_then(|old| old.end()));
    }

    fn put_mark(&mut self, mark: &str, place: Option<Place<'a>>) {
        self.put_text(mark.len(), place, |out| out.push_str(mark));
    }

    /// Adds text that stands at a known place already (it becomes part of a copied range), or new
    /// text.
    fn put_text(&mut self, len: usize, place: Option<Place<'a>>, write: impl Fn(&mut String)) {
        let Some(place) = place else {
            self.end_range();
            return write(self.literals);
        };
        let goes_on = self
            .range
            .as_ref()
            .is_some_and(|range| range.ends_at(place));
        if !goes_on {
            self.end_range();
        }
        let literals_from = Some(self.literals.len());
        let new = Range {
            stored: place.stored,
            start: place.offset,
            end: place.offset,
            literals_from,
        };
        let range = self.range.get_or_insert(new);
        range.end += len;
        if range.end - range.start < COPY_BYTES_MIN {
            write(self.literals);
        } else if let Some(from) = range.literals_from.take() {
            self.literals.truncate(from);
        }
    }

    /// Turns the range that is being collected into pieces, unless it is short.
    fn end_range(&mut self) {
        let Some(range) = self.range.take() else {
            return;
        };
        if range.literals_from.is_some() {
            return;
        }
        self.end_run();
        let mut text_start = 0;
        for piece in &range.stored.pieces {
            let from = range.start.max(text_start);
            let to = range.end.min(text_start + piece.len);
            if from < to {
                let offset = piece.offset + (from - text_start);
                self.push(Piece {
                    record: piece.record,
                    offset,
                    len: to - from,
                });
            }
            text_start += piece.len;
        }
    }

    /// Makes a piece of the literals that are in none.
    fn end_run(&mut self) {
        let (offset, end) = (self.run_from, self.literals.len());
        self.run_from = end;
        if offset < end {
            self.push(Piece {
                record: self.record,
                offset,
                len: end - offset,
            });
        }
    }

    fn push(&mut self, piece: Piece) {
        if let Some(last) = self.pieces.last_mut()
            && last.record == piece.record
            && last.offset + last.len == piece.offset
        {
            last.len += piece.len;
            return;
        }
        self.pieces.push(piece);
    }
}

impl Range<'_> {
    fn ends_at(&self, place: Place<'_>) -> bool {
        std::ptr::eq(self.stored, place.stored) && self.end == place.offset
    }
}

type Member = (json::Text, Value);

/// Whether a value is text that nothing is known within. Looking inside would make its tree for
/// nothing.
fn is_text(value: &Value, window: &Window) -> bool {
    value.as_compact_text().is_some() && window.place_of(value).is_none()
}

fn write_key(key: &json::Text, out: &mut String) {
    Value::from(key.clone()).write_to(out);
    out.push(':');
}

/// The members of a stored object that were not met yet, and where they stand.
struct OldMembers<'a> {
    members: &'a [Member],
    /// Where the name of the next member stands, or would.
    place: Place<'a>,
    is_first: bool,
}

/// A member of a stored object with the name looked for.
struct Partner<'a> {
    comma: Option<Place<'a>>,
    key: Place<'a>,
    value: &'a Value,
}

impl<'a> OldMembers<'a> {
    fn of(near: Near<'a>) -> Option<OldMembers<'a>> {
        let members = near.value.as_object()?.members();
        Some(OldMembers {
            members,
            place: near.place.plus(1),
            is_first: true,
        })
    }

    /// The member of this name, if it is among the next few; those in front of it are passed.
    fn take(&mut self, key: &json::Text) -> Option<Partner<'a>> {
        let passed = self
            .members
            .iter()
            .take(KEYS_AHEAD)
            .position(|(old, _)| old == key)?;
        for _ in 0..passed {
            self.next()?;
        }
        self.next()
    }

    fn next(&mut self) -> Option<Partner<'a>> {
        let ((key, value), rest) = self.members.split_first()?;
        let place = self.place;
        let comma = Place {
            offset: place.offset - 1,
            ..place
        };
        let partner = Partner {
            comma: (!self.is_first).then_some(comma),
            key: place,
            value,
        };
        self.members = rest;
        self.place = place.plus(key.quoted_len() + 1 + value.size() + 1);
        self.is_first = false;
        Some(partner)
    }

    /// Where the closing brace stands, if all members were met.
    fn end(&self) -> Option<Place<'a>> {
        let behind_comma = usize::from(!self.is_first);
        let end = Place {
            offset: self.place.offset - behind_comma,
            ..self.place
        };
        self.members.is_empty().then_some(end)
    }
}

/// Whether both have the same text, as far as a short look tells: containers are the same only if
/// they are the same in memory, or kept as text.
pub(super) fn is_same(left: &Value, right: &Value) -> bool {
    if left.ptr_eq(right) {
        return true;
    }
    if left.size() != right.size() {
        return false;
    }
    if let (Some(left), Some(right)) = (left.as_compact_text(), right.as_compact_text()) {
        return left == right;
    }
    match (left.kind(), right.kind()) {
        (Kind::String, Kind::String) => left.as_str() == right.as_str(),
        (Kind::Number, Kind::Number) => {
            left.as_number().map(Number::as_text) == right.as_number().map(Number::as_text)
        }
        _ => false,
    }
}

/// What a sample of members tells about two values.
#[derive(Default)]
pub(super) struct Likeness {
    pub(super) sampled: usize,
    /// The same value in the same place.
    pub(super) shared: usize,
    /// Another value under the same name.
    pub(super) named: usize,
}

pub(super) fn likeness(known: &Value, value: &Value) -> Likeness {
    let mut likeness = Likeness::default();
    if known.is_unread() || known.kind() != value.kind() {
        return likeness;
    }
    match (known.view(), value.view()) {
        (View::Object(old), View::Object(new)) => {
            for at in sample(new.members()) {
                likeness.sampled += 1;
                let pair = old.members().get(at).zip(new.members().get(at));
                let Some(((old_key, old), (key, value))) = pair else {
                    continue;
                };
                let has_name = old_key == key;
                let is_shared = has_name && is_same(old, value);
                likeness.shared += usize::from(is_shared);
                likeness.named += usize::from(has_name && !is_shared);
            }
        }
        (View::Array(old), View::Array(new)) => {
            for at in sample(new) {
                likeness.sampled += 1;
                let pair = old.get(at).zip(new.get(at));
                likeness.shared += usize::from(pair.is_some_and(|(old, new)| is_same(old, new)));
            }
        }
        _ => {}
    }
    likeness
}

/// Positions spread over the list.
pub(super) fn sample<T>(list: &[T]) -> impl Iterator<Item = usize> + use<T> {
    let step = (list.len() / SAMPLES).max(1);
    (0..list.len()).step_by(step)
}

#[cfg(test)]
mod tests;
