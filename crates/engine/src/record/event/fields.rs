//! The parts events are made of.

use asl::event::{Failure, Text};
use asl::program::StateIndex;
use asl::time::Timestamp;
use json::{Object, Value};

use super::{Sink, Source};
use crate::record::Flaw;
use crate::record::bytes::{put_number, put_signed};

pub(super) fn put_small(out: &mut impl Sink, number: u32) {
    put_number(out.bytes(), u64::from(number));
}

pub(super) fn put_state(out: &mut impl Sink, state: StateIndex) {
    put_small(out, state.0);
}

pub(super) fn put_time(out: &mut impl Sink, time: Timestamp) {
    put_signed(out.bytes(), time.0);
}

pub(super) fn put_failure(out: &mut impl Sink, failure: &Failure) {
    put_optional_text(out, failure.error.as_deref());
    put_optional_text(out, failure.cause.as_deref());
}

pub(super) fn put_optional_number(out: &mut impl Sink, number: Option<u64>) {
    out.bytes().push(u8::from(number.is_some()));
    if let Some(number) = number {
        put_number(out.bytes(), number);
    }
}

pub(super) fn put_optional_payload(out: &mut impl Sink, value: Option<&Value>) {
    out.bytes().push(u8::from(value.is_some()));
    if let Some(value) = value {
        out.payload(value);
    }
}

pub(super) fn optional_payload<'r, S: Source<'r>>(
    source: &mut S,
) -> Result<Option<Value>, S::Error> {
    match source.bytes().byte()? {
        0 => Ok(None),
        _ => payload(source).map(Some),
    }
}

pub(super) fn put_text(out: &mut impl Sink, text: &str) {
    put_number(out.bytes(), text.len() as u64);
    out.text(text);
}

/// 0 for none, else the length plus one.
pub(super) fn put_optional_text(out: &mut impl Sink, text: Option<&str>) {
    put_number(out.bytes(), text.map_or(0, |text| text.len() as u64 + 1));
    if let Some(text) = text {
        out.text(text);
    }
}

pub(super) fn small<'r, S: Source<'r>>(source: &mut S) -> Result<u32, S::Error> {
    Ok(source.bytes().small()?)
}

pub(super) fn payload<'r, S: Source<'r>>(source: &mut S) -> Result<Value, S::Error> {
    let number = source.bytes().len()?;
    Ok(source.payload(number)?.0)
}

/// Members by name; none where payloads are passed by, which are `null` then.
pub(super) fn object<'r, S: Source<'r>>(source: &mut S) -> Result<Option<Object>, S::Error> {
    let value = payload(source)?;
    match value.as_object() {
        None if !value.is_null() => Err(Flaw::Json.into()),
        object => Ok(object.cloned()),
    }
}

pub(super) fn time<'r, S: Source<'r>>(source: &mut S) -> Result<Timestamp, S::Error> {
    Ok(Timestamp(source.bytes().signed()?))
}

pub(super) fn failure<'r, S: Source<'r>>(source: &mut S) -> Result<Failure, S::Error> {
    Ok(Failure {
        error: optional_text(source)?,
        cause: optional_text(source)?,
    })
}

pub(super) fn optional_number<'r, S: Source<'r>>(source: &mut S) -> Result<Option<u64>, S::Error> {
    match source.bytes().byte()? {
        0 => Ok(None),
        1 => Ok(Some(source.bytes().number()?)),
        _ => Err(Flaw::Kind.into()),
    }
}

pub(super) fn text<'r, S: Source<'r>>(source: &mut S) -> Result<Text, S::Error> {
    let len = source.bytes().len()?;
    source.text(len)
}

pub(super) fn optional_text<'r, S: Source<'r>>(source: &mut S) -> Result<Option<Text>, S::Error> {
    match source.bytes().len()?.checked_sub(1) {
        None => Ok(None),
        Some(len) => source.text(len).map(Some),
    }
}
