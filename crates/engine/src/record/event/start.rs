//! ExecutionStarted: who runs what, on which input, within which limits.

use asl::event::{ExecutionKind, Start};
use asl::limits::Limits;

use super::fields::{optional_text, payload, put_optional_text, put_small, put_text, small, text};
use super::{Sink, Source};
use crate::arn;
use crate::record::Flaw;
use crate::record::bytes::{put_len, put_number};

/// The execution's ARN follows from the machine's and the name; it is written only if it does not.
pub(super) fn put(out: &mut impl Sink, start: &Start) {
    let derived = arn::execution(&start.state_machine_arn, &start.execution_name);
    let own_arn = Some(&*start.execution_arn).filter(|arn| derived.as_deref() != Some(arn));
    put_text(out, &start.state_machine_arn);
    put_text(out, &start.execution_name);
    put_optional_text(out, own_arn);
    put_text(out, &start.state_machine_name);
    put_optional_text(out, start.state_machine_version_arn.as_deref());
    put_optional_text(out, start.state_machine_alias_arn.as_deref());
    put_text(out, &start.role_arn);
    put_number(out.bytes(), start.definition);
    match &start.input_text {
        Some(text) => out.payload_as_sent(&start.input, text),
        None => out.payload(&start.input),
    }
    put_optional_text(out, start.trace_header.as_deref());
    put_limits(out, start.limits);
    out.bytes().extend_from_slice(&start.token_secret);
    put_optional_text(out, start.started_by.as_deref());
    out.bytes().push(match start.kind {
        ExecutionKind::Standard => 0,
        ExecutionKind::Express => 1,
        ExecutionKind::SyncExpress => 2,
        ExecutionKind::Test => 3,
    });
    put_optional_text(out, start.mock_case.as_deref());
    if let Some(tags) = &start.tags {
        out.payload(tags);
    }
}

/// Counted, so that a later build can add limits: an execution that began without one runs under
/// its default. New ones go behind the others.
fn put_limits(out: &mut impl Sink, limits: Limits) {
    let Limits {
        payload_bytes_max,
        history_events_max,
        transitions_per_decision_max,
        map_concurrency_max,
        variables_bytes_max,
    } = limits;
    let limits = [
        payload_bytes_max,
        history_events_max,
        transitions_per_decision_max,
        map_concurrency_max,
        variables_bytes_max,
    ];
    put_len(out.bytes(), limits.len());
    limits.into_iter().for_each(|limit| put_small(out, limit));
}

pub(super) fn read<'r, S: Source<'r>>(source: &mut S) -> Result<Start, S::Error> {
    let start = read_of_standard(source)?;
    Ok(Start {
        started_by: optional_text(source)?,
        kind: match source.bytes().byte()? {
            0 => ExecutionKind::Standard,
            1 => ExecutionKind::Express,
            2 => ExecutionKind::SyncExpress,
            3 => ExecutionKind::Test,
            _ => return Err(Flaw::Kind.into()),
        },
        mock_case: optional_text(source)?,
        ..start
    })
}

/// With the tags of its state machine behind the rest.
pub(super) fn read_tagged<'r, S: Source<'r>>(source: &mut S) -> Result<Start, S::Error> {
    let start = read(source)?;
    let tags = Some(payload(source)?);
    Ok(Start { tags, ..start })
}

/// Without what tells nested, Express and mocked executions from others.
pub(super) fn read_of_standard<'r, S: Source<'r>>(source: &mut S) -> Result<Start, S::Error> {
    let count = |source: &mut S| Ok(source.bytes().len()?);
    read_with(source, count)
}

/// Limits in the form that the first builds gave them: three, uncounted.
pub(super) fn read_of_three_limits<'r, S: Source<'r>>(source: &mut S) -> Result<Start, S::Error> {
    read_with(source, |_| Ok(3))
}

fn read_with<'r, S: Source<'r>>(
    source: &mut S,
    count: impl FnOnce(&mut S) -> Result<usize, S::Error>,
) -> Result<Start, S::Error> {
    let state_machine_arn = text(source)?;
    let execution_name = text(source)?;
    let execution_arn = match optional_text(source)? {
        Some(arn) => arn,
        None => arn::execution(&state_machine_arn, &execution_name).ok_or(Flaw::Kind)?,
    };
    let state_machine_name = text(source)?;
    let state_machine_version_arn = optional_text(source)?;
    let state_machine_alias_arn = optional_text(source)?;
    let role_arn = text(source)?;
    let definition = source.bytes().number()?;
    let number = source.bytes().len()?;
    let (input, input_text) = source.payload(number)?;
    let trace_header = optional_text(source)?;
    let count = count(source)?;
    Ok(Start {
        execution_arn,
        execution_name,
        state_machine_arn,
        state_machine_name,
        state_machine_version_arn,
        state_machine_alias_arn,
        role_arn,
        definition,
        input,
        input_text,
        trace_header,
        started_by: None,
        kind: ExecutionKind::Standard,
        tags: None,
        mock_case: None,
        limits: read_limits(source, count)?,
        token_secret: source.bytes().array()?,
    })
}

fn read_limits<'r, S: Source<'r>>(source: &mut S, count: usize) -> Result<Limits, S::Error> {
    let mut limits = Limits::default();
    let places = [
        &mut limits.payload_bytes_max,
        &mut limits.history_events_max,
        &mut limits.transitions_per_decision_max,
        &mut limits.map_concurrency_max,
        &mut limits.variables_bytes_max,
    ];
    if count > places.len() {
        return Err(Flaw::Kind.into());
    }
    for place in places.into_iter().take(count) {
        *place = small(source)?;
    }
    Ok(limits)
}
