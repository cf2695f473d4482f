//! The rest-json protocol: method, path, query and headers carry members beside the body.

use bytes::Bytes;
use json::{Object, ObjectBuilder, Value};
use percent_encoding::percent_decode_str;

use super::scalar::{Instants, Mismatch, from_text, to_text};
use super::{Output, Unsendable, form, json_body};
use crate::door::{Request, Response, set};
use crate::error::ServiceError;
use crate::model::{Http, Kind, Location, Member, Model, Operation, Segment, Shape, Structure};

fn structure_of(model: &Model, shape: Option<crate::model::ShapeId>) -> Option<&Structure> {
    shape.and_then(|shape| model.structure(shape))
}

/// Members, and the body where it is one blob.
pub(super) type Message = (Value, Option<Bytes>);

pub(super) fn decode_request(
    model: &Model,
    operation: &Operation,
    request: &Request,
) -> Result<Message, Mismatch> {
    let (Some(structure), Some(http)) = (structure_of(model, operation.input), &operation.http)
    else {
        return Ok((Value::empty_object(), None));
    };
    let query = form::pairs(request.query().as_bytes())?;
    let mut out = ObjectBuilder::new();
    for member in &structure.members {
        let kind = &model.shape(member.reference.shape).kind;
        let name = member.wire_name();
        let found = match member.reference.location {
            Location::Path => label(http, request.path(), name)?.map(|text| from_text(kind, &text)),
            Location::Query => {
                let mut values = query
                    .iter()
                    .filter(|(key, _)| key == name)
                    .map(|(_, value)| &**value);
                match kind {
                    Kind::List { member, .. } => {
                        let kind = &model.shape(member.shape).kind;
                        let list: Vec<Value> = values
                            .map(|text| from_text(kind, text))
                            .collect::<Result<_, _>>()?;
                        (!list.is_empty()).then(|| Ok(Value::from(list)))
                    }
                    _ => values.next().map(|text| from_text(kind, text)),
                }
            }
            Location::Header => request.header(name).map(|text| from_text(kind, text)),
            Location::Status | Location::Body => None,
        };
        if let Some(value) = found {
            out.add(&member.name, value?);
        }
    }
    with_body(model, structure, out, &request.body)
}

/// The decoded text of label `name` in `path`; `None` if it isn't there.
fn label(http: &Http, path: &str, name: &str) -> Result<Option<String>, Mismatch> {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let raw = http
        .path
        .iter()
        .enumerate()
        .find_map(|(index, segment)| match segment {
            Segment::Label(label) if **label == *name => segments.get(index).map(|&s| s.to_owned()),
            Segment::Greedy(label) if **label == *name => {
                segments.get(index..).map(|s| s.join("/"))
            }
            _ => None,
        });
    let utf8 = |_| Mismatch("the path is not UTF-8".to_owned());
    let decode = |raw: String| {
        Ok(percent_decode_str(&raw)
            .decode_utf8()
            .map_err(utf8)?
            .into_owned())
    };
    raw.map(decode).transpose()
}

/// Adds what the body holds.
fn with_body(
    model: &Model,
    structure: &Structure,
    mut out: ObjectBuilder,
    body: &Bytes,
) -> Result<Message, Mismatch> {
    let Some(payload) = structure.payload_member() else {
        let has_members = structure.body_members().next().is_some();
        if has_members && !body.is_empty() {
            let parsed = json_body::parse(body)?;
            let unexpected = || Mismatch("Unexpected token received from parser".to_owned());
            let parsed = parsed.as_object().ok_or_else(unexpected)?;
            add_body_members(model, structure, parsed, &mut out)?;
        }
        return Ok((out.build().into(), None));
    };
    match &model.shape(payload.reference.shape).kind {
        Kind::Blob => return Ok((out.build().into(), Some(body.clone()))),
        Kind::String if !body.is_empty() => {
            let text = std::str::from_utf8(body);
            let text = text.map_err(|_| Mismatch("the body is not UTF-8".to_owned()))?;
            out.add(&payload.name, text);
        }
        _ if !body.is_empty() => {
            let parsed = json_body::parse(body)?;
            let typed = json_body::value(model, &payload.reference, &parsed)?;
            out.add(&payload.name, typed.unwrap_or(parsed));
        }
        _ => {}
    }
    Ok((out.build().into(), None))
}

fn add_body_members(
    model: &Model,
    structure: &Structure,
    body: &Object,
    out: &mut ObjectBuilder,
) -> Result<(), Mismatch> {
    for member in structure.body_members() {
        if let Some(value) = body
            .get(member.name.as_str())
            .filter(|value| !value.is_null())
        {
            let typed = json_body::value(model, &member.reference, value)?;
            out.add(&member.name, typed.unwrap_or_else(|| value.clone()));
        }
    }
    Ok(())
}

pub(super) fn encode_response(
    model: &Model,
    operation: &Operation,
    output: &Output,
) -> Result<Response, Unsendable> {
    let mut status = operation.http.as_ref().map_or(200, |http| http.status);
    let empty = Object::new();
    let object = output.members.as_object().unwrap_or(&empty);
    let structure = structure_of(model, operation.output);
    let (body, _) = structure
        .map(|s| body(model, s, object, output.body.as_ref()))
        .unwrap_or_default();
    let mut response = Response::new(status, body);
    if !response.body.is_empty() {
        set(&mut response.headers, "content-type", "application/json")?;
    }
    for member in structure.map(|s| s.members.as_slice()).unwrap_or_default() {
        let Some(value) = object.get(member.name.as_str()) else {
            continue;
        };
        match member.reference.location {
            Location::Status => {
                let number = value.as_i64().and_then(|status| u16::try_from(status).ok());
                status = number.unwrap_or(status);
            }
            Location::Header => {
                let kind = &model.shape(member.reference.shape).kind;
                let text = to_text(kind, value, Instants::HttpDate).unwrap_or_default();
                set(&mut response.headers, member.wire_name(), &text)?;
            }
            Location::Body | Location::Path | Location::Query => {}
        }
    }
    response.status = status;
    Ok(response)
}

/// The body of a message, and whether it is JSON: the payload member, or an object of all members
/// that are nowhere else. Empty when there is nothing that belongs there.
fn body(
    model: &Model,
    structure: &Structure,
    object: &Object,
    blob: Option<&Bytes>,
) -> (Bytes, bool) {
    let is_body = |member: &Member| member.reference.location == Location::Body;
    if let Some(payload) = structure.payload_member() {
        let value = object.get(payload.name.as_str());
        return match (&model.shape(payload.reference.shape).kind, value) {
            (Kind::Blob, _) => (blob.cloned().unwrap_or_default(), false),
            (Kind::String, Some(value)) => (
                Bytes::from(value.as_str().unwrap_or_default().to_owned()),
                false,
            ),
            (_, Some(value)) => (Bytes::from(json_body::text(value)), true),
            (_, None) => (Bytes::new(), false),
        };
    }
    if structure.body_members().next().is_none() {
        return (Bytes::new(), false);
    }
    if object
        .keys()
        .all(|key| structure.member(key).is_some_and(is_body))
    {
        return (Bytes::from(json_body::text(&object.clone().into())), true);
    }
    let mut out = ObjectBuilder::new();
    for member in structure.body_members() {
        if let Some(value) = object.get(member.name.as_str()) {
            out.add(&member.name, value.clone());
        }
    }
    (Bytes::from(json_body::text(&out.build().into())), true)
}

pub(super) fn encode_error(
    modelled: Option<&Shape>,
    error: &ServiceError,
    status: u16,
) -> Response {
    let structure = modelled.and_then(|shape| match &shape.kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    });
    let member = |name: &str| structure.and_then(|structure| structure.member(name));
    let header_of = |name: &str| {
        member(name)
            .filter(|m| m.reference.location == Location::Header)
            .map(Member::wire_name)
    };
    let mut members = ObjectBuilder::new();
    let type_is_given = error.fields.iter().any(|(name, _)| name == "Type");
    if member("Type").is_some() && !type_is_given {
        members.add("Type", if status >= 500 { "Service" } else { "User" });
    }
    let mut headers: Vec<(&str, &str)> = vec![("x-amzn-errortype", &error.code)];
    let mut in_body = error.clone();
    in_body.fields.retain(|(name, _)| header_of(name).is_none());
    for (name, value) in &error.fields {
        headers.extend(header_of(name).map(|header| (header, value.as_str())));
    }
    json_body::add_error_members(&mut members, modelled, &in_body);
    let text = json_body::text(&members.build().into());
    let mut response = json_body::response(status, text, "application/json");
    for (name, value) in headers {
        // A value no header may have is left out: the error is in the body as well.
        let _ = set(&mut response.headers, name, value);
    }
    response
}

pub(super) fn encode_request(
    model: &Model,
    operation: &Operation,
    members: &Value,
    blob: Option<&Bytes>,
) -> Result<Request, Unsendable> {
    let Some(http) = &operation.http else {
        return Err(Unsendable::Type(format!(
            "the operation `{}` has no path",
            operation.name
        )));
    };
    let empty = Object::new();
    let object = members.as_object().unwrap_or(&empty);
    let structure = structure_of(model, operation.input);
    let all = structure.map(|s| s.members.as_slice()).unwrap_or_default();
    let mut request = Request::new(http.method.clone(), path(model, http, all, object)?);
    let mut query = String::new();
    for (name, value) in &http.query {
        form::push(&mut query, name, value);
    }
    for member in all {
        let Some(value) = object.get(member.name.as_str()) else {
            continue;
        };
        let kind = &model.shape(member.reference.shape).kind;
        let name = member.wire_name();
        match (member.reference.location, value.as_array()) {
            (Location::Query, Some(elements)) => {
                for text in elements
                    .iter()
                    .filter_map(|e| to_text(&Kind::String, e, Instants::Iso8601))
                {
                    form::push(&mut query, name, &text);
                }
            }
            (Location::Query, None) => {
                form::push(&mut query, name, &required_text(kind, value, member)?);
            }
            (Location::Header, _) => {
                let text = to_text(kind, value, Instants::HttpDate).unwrap_or_default();
                set(&mut request.headers, name, &text)?;
            }
            (Location::Body | Location::Path | Location::Status, _) => {}
        }
    }
    if !query.is_empty() {
        request.uri.push('?');
        request.uri.push_str(&query);
    }
    let (body, is_json) = structure
        .map(|s| body(model, s, object, blob))
        .unwrap_or_default();
    if is_json {
        set(&mut request.headers, "content-type", "application/json")?;
    }
    request.body = body;
    Ok(request)
}

fn required_text(kind: &Kind, value: &Value, member: &Member) -> Result<String, Unsendable> {
    to_text(kind, value, Instants::Iso8601).ok_or_else(|| {
        Unsendable::Type(format!(
            "the member `{}` must be text or a number",
            member.name
        ))
    })
}

fn path(model: &Model, http: &Http, all: &[Member], object: &Object) -> Result<String, Unsendable> {
    let mut out = String::new();
    for segment in &http.path {
        out.push('/');
        let (label, is_greedy) = match segment {
            Segment::Literal(text) => {
                out.push_str(text);
                continue;
            }
            Segment::Label(label) => (label, false),
            Segment::Greedy(label) => (label, true),
        };
        let member = all
            .iter()
            .find(|m| m.reference.location == Location::Path && m.wire_name() == &**label);
        let found = member.and_then(|m| Some((m, object.get(m.name.as_str())?)));
        let (member, value) = found.ok_or_else(|| Unsendable::Label(label.to_string()))?;
        let text = required_text(&model.shape(member.reference.shape).kind, value, member)?;
        // Dots would change the path: whoever reads it may take them for "here" and "up".
        if matches!(&*text, "" | "." | "..") {
            return Err(Unsendable::Label(label.to_string()));
        }
        for (index, part) in text.split(|c| is_greedy && c == '/').enumerate() {
            out.push_str(if index == 0 { "" } else { "/" });
            out.extend(form::encoded(part));
        }
    }
    Ok(out)
}

pub(super) fn decode_response(
    model: &Model,
    operation: &Operation,
    response: &Response,
) -> Result<Output, Mismatch> {
    let Some(structure) = structure_of(model, operation.output) else {
        return Ok(Output::empty());
    };
    let payload = structure.payload_member();
    let payload = payload.and_then(|member| model.structure(member.reference.shape));
    if payload.is_some_and(|structure| structure.event_stream) {
        let text = format!(
            "the answer of {} is an event stream, which is not read here",
            operation.name
        );
        return Err(Mismatch(text));
    }
    let mut out = ObjectBuilder::new();
    for member in &structure.members {
        let kind = &model.shape(member.reference.shape).kind;
        match member.reference.location {
            Location::Status => {
                out.add(&member.name, i64::from(response.status));
            }
            Location::Header => {
                if let Some(text) = response.header(member.wire_name()) {
                    out.add(&member.name, from_text(kind, text)?);
                }
            }
            Location::Body | Location::Path | Location::Query => {}
        }
    }
    let (members, body) = with_body(model, structure, out, &response.body)?;
    Ok(Output { members, body })
}
