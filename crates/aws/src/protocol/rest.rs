//! The rest protocols: method, path, query and headers carry members beside the body, which is JSON
//! or XML.

use bytes::Bytes;
use http::HeaderMap;
use json::{Object, ObjectBuilder, Value};
use percent_encoding::percent_decode_str;

use super::scalar::{Mismatch, from_text, to_text};
use super::{Output, Unsendable, form, json_body, xml};
use crate::door::{Request, Response, set};
use crate::error::ServiceError;
use crate::model::{
    Http, Instants, Kind, Location, Member, Model, Operation, Protocol, Segment, Shape, Structure,
};

mod body;

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
            Location::Header => from_header(model, kind, request.header(name)),
            Location::Headers => prefixed(&request.headers, name).map(Ok),
            Location::Status | Location::Body => None,
        };
        if let Some(value) = found {
            out.add(&member.name, value?);
        }
    }
    body::decode(model, structure, out, &request.body)
}

/// The value of a header. A list is written with commas.
fn from_header(model: &Model, kind: &Kind, text: Option<&str>) -> Option<Result<Value, Mismatch>> {
    let text = text?;
    let Kind::List { member, .. } = kind else {
        return Some(from_text(kind, text));
    };
    let kind = &model.shape(member.shape).kind;
    let elements = text
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    Some(elements.map(|text| from_text(kind, text)).collect())
}

/// The headers whose names begin with `prefix`, by the rest of their names; `None` if there are
/// none.
fn prefixed(headers: &HeaderMap, prefix: &str) -> Option<Value> {
    let prefix = prefix.to_ascii_lowercase();
    let mut out = ObjectBuilder::new();
    for (name, value) in headers {
        let name = name.as_str();
        let text = std::str::from_utf8(value.as_bytes());
        if let (Some(rest), Ok(text)) = (name.strip_prefix(&*prefix), text) {
            out.add(rest, text);
        }
    }
    let out = out.build();
    (!out.is_empty()).then(|| out.into())
}

/// Sets the header of a member, or, of a map, the headers.
fn set_headers(
    model: &Model,
    member: &Member,
    value: &Value,
    headers: &mut HeaderMap,
) -> Result<(), Unsendable> {
    let shape = model.shape(member.reference.shape);
    let name = member.wire_name();
    let instants = shape.instants.unwrap_or(Instants::HttpDate);
    if member.reference.location == Location::Headers {
        for (key, value) in value.as_object().into_iter().flatten() {
            let text = to_text(&Kind::String, value, instants).unwrap_or_default();
            set(headers, &format!("{name}{key}"), &text)?;
        }
        return Ok(());
    }
    let text = match value.as_array() {
        Some(elements) => {
            let texts = elements.iter().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join(",")
        }
        None => to_text(&shape.kind, value, instants).unwrap_or_default(),
    };
    Ok(set(headers, name, &text)?)
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

pub(super) fn encode_response(
    model: &Model,
    operation: &Operation,
    output: &Output,
) -> Result<Response, Unsendable> {
    let mut status = operation.http.as_ref().map_or(200, |http| http.status);
    let empty = Object::new();
    let object = output.members.as_object().unwrap_or(&empty);
    let structure = structure_of(model, operation.output);
    let root = body::Root {
        name: operation.output.map_or("", |id| &*model.shape(id).name),
        namespace: Some(&*model.xml_namespace),
    };
    let body = structure.map(|s| body::encode(model, s, object, output.body.as_ref(), &root));
    let body = body.unwrap_or_default();
    let mut response = Response::new(status, body.bytes);
    // A blob of a service with JSON bodies is JSON as well, as far as anybody knows; of the others
    // a member tells.
    let is_text = body.is_document || model.protocol == Protocol::RestJson;
    if is_text && !response.body.is_empty() {
        let content_type = body::content_type(model.protocol);
        set(&mut response.headers, "content-type", content_type)?;
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
            Location::Header | Location::Headers => {
                set_headers(model, member, value, &mut response.headers)?;
            }
            Location::Body | Location::Path | Location::Query => {}
        }
    }
    response.status = status;
    Ok(response)
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

/// An error of a service with XML bodies: S3's form.
pub(super) fn encode_xml_error(error: &ServiceError, status: u16, request_id: &str) -> Response {
    let mut out = "<Error>".to_owned();
    xml::write_text(&mut out, "Code", &error.code);
    xml::write_text(&mut out, "Message", &error.message);
    for (name, value) in &error.fields {
        xml::write_text(&mut out, name, value);
    }
    xml::write_text(&mut out, "RequestId", request_id);
    out.push_str("</Error>");
    let mut response = Response::new(status, out);
    let value = http::HeaderValue::from_static("application/xml");
    response.headers.insert(http::header::CONTENT_TYPE, value);
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
            (Location::Header | Location::Headers, _) => {
                set_headers(model, member, value, &mut request.headers)?;
            }
            (Location::Body | Location::Path | Location::Status, _) => {}
        }
    }
    if !query.is_empty() {
        request.uri.push('?');
        request.uri.push_str(&query);
    }
    let root = body::Root {
        name: operation.request_element.as_deref().unwrap_or_default(),
        namespace: operation.request_namespace.as_deref(),
    };
    let body = structure.map(|s| body::encode(model, s, object, blob, &root));
    let body = body.unwrap_or_default();
    if body.is_document && !request.headers.contains_key("content-type") {
        let content_type = body::content_type(model.protocol);
        set(&mut request.headers, "content-type", content_type)?;
    }
    request.body = body.bytes;
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
    if out.is_empty() {
        out.push('/');
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
                if let Some(value) = from_header(model, kind, response.header(member.wire_name())) {
                    out.add(&member.name, value?);
                }
            }
            Location::Headers => {
                if let Some(map) = prefixed(&response.headers, member.wire_name()) {
                    out.add(&member.name, map);
                }
            }
            Location::Body | Location::Path | Location::Query => {}
        }
    }
    let (members, body) = body::decode(model, structure, out, &response.body)?;
    Ok(Output { members, body })
}
