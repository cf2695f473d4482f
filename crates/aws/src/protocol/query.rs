//! The query protocol: a form in, XML out.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use json::{ObjectBuilder, Value, View};

use super::scalar::{Mismatch, from_text, to_text};
use super::xml::{self, Element};
use super::{Output, Unsendable, form};
use crate::door::{Request, Response, set};
use crate::error::ServiceError;
use crate::model::{Instants, Kind, Model, Operation, Reference, ShapeId, Structure};

/// Parameters sorted by name, so that all that begin alike stand together.
struct Parameters<'f>(Vec<form::Pair<'f>>);

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.partition_point(|(key, _)| &**key < name);
        self.0
            .get(at)
            .filter(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    }

    /// What follows `prefix.` in the names that begin so.
    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.0.partition_point(|(key, _)| &**key < prefix);
        let names = self.0.iter().skip(from).map(|(key, _)| &**key);
        let names = names.take_while(move |name| name.starts_with(prefix));
        names.filter_map(move |name| name.strip_prefix(prefix)?.strip_prefix('.'))
    }

    /// The numbers that follow `prefix.`, in order, each once.
    fn numbers_below(&self, prefix: &str) -> Vec<u32> {
        let first = |rest: &str| {
            rest.split('.')
                .next()
                .and_then(|number| number.parse().ok())
        };
        let mut numbers: Vec<u32> = self.below(prefix).filter_map(first).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

pub(super) fn decode_request(
    model: &Model,
    operation: &Operation,
    request: &Request,
) -> Result<Value, Mismatch> {
    let mut parameters = form::pairs(request.query().as_bytes())?;
    parameters.extend(form::pairs(&request.body)?);
    parameters.sort_by(|(a, _), (b, _)| a.cmp(b));
    let decoder = Decoder {
        model,
        parameters: Parameters(parameters),
    };
    let structure = operation.input.and_then(|input| model.structure(input));
    let members = structure
        .map(|structure| decoder.structure(structure, ""))
        .transpose()?;
    Ok(members.flatten().unwrap_or_else(Value::empty_object))
}

struct Decoder<'d> {
    model: &'d Model,
    parameters: Parameters<'d>,
}

impl Decoder<'_> {
    /// The object under `prefix`; `None` when no parameter is there.
    fn structure(&self, structure: &Structure, prefix: &str) -> Result<Option<Value>, Mismatch> {
        let mut out = ObjectBuilder::new();
        let mut is_empty = true;
        for member in &structure.members {
            let name = member.wire_name();
            if let Some(value) = self.value(&member.reference, &joined(prefix, name))? {
                out.add(&member.name, value);
                is_empty = false;
            }
        }
        Ok((!is_empty).then(|| out.build().into()))
    }

    fn value(&self, reference: &Reference, name: &str) -> Result<Option<Value>, Mismatch> {
        match &self.model.shape(reference.shape).kind {
            Kind::Structure(structure) => match self.parameters.below(name).next() {
                Some(_) => Ok(Some(
                    self.structure(structure, name)?
                        .unwrap_or_else(Value::empty_object),
                )),
                None => Ok(None),
            },
            Kind::List { member, flattened } => {
                self.list(member, name, *flattened || reference.flattened)
            }
            Kind::Map {
                key,
                value,
                flattened,
            } => self.map(key, value, name, *flattened || reference.flattened),
            kind => self
                .parameters
                .get(name)
                .map(|text| from_text(kind, text))
                .transpose(),
        }
    }

    /// `name.member.1`, `name.member.2`, or flattened `name.1`, `name.2`. `name=` alone is an empty
    /// list.
    fn list(
        &self,
        member: &Reference,
        name: &str,
        flattened: bool,
    ) -> Result<Option<Value>, Mismatch> {
        let prefix = match flattened {
            true => Cow::Borrowed(name),
            false => joined(name, member.name_or("member")),
        };
        let mut elements = Vec::new();
        for number in self.parameters.numbers_below(&prefix) {
            elements.extend(self.value(member, &format!("{prefix}.{number}"))?);
        }
        let is_absent = elements.is_empty() && self.parameters.get(name).is_none();
        Ok((!is_absent).then(|| Value::from(elements)))
    }

    /// `name.entry.1.key`, `name.entry.1.value`; flattened without `entry`.
    fn map(
        &self,
        key: &Reference,
        value: &Reference,
        name: &str,
        flattened: bool,
    ) -> Result<Option<Value>, Mismatch> {
        let prefix = if flattened {
            Cow::Borrowed(name)
        } else {
            joined(name, "entry")
        };
        let key_name = key.name_or("key");
        let value_name = value.name_or("value");
        let mut out = ObjectBuilder::new();
        for number in self.parameters.numbers_below(&prefix) {
            let key = self
                .parameters
                .get(&format!("{prefix}.{number}.{key_name}"));
            let found = self.value(value, &format!("{prefix}.{number}.{value_name}"))?;
            if let (Some(key), Some(found)) = (key, found) {
                out.add(key, found);
            }
        }
        let out = out.build();
        let is_absent = out.is_empty() && self.parameters.get(name).is_none();
        Ok((!is_absent).then(|| out.into()))
    }
}

fn joined<'n>(prefix: &str, name: &'n str) -> Cow<'n, str> {
    if prefix.is_empty() {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{prefix}.{name}"))
    }
}

pub(super) fn encode_response(
    model: &Model,
    operation: &Operation,
    output: &Output,
    request_id: &str,
) -> Response {
    let mut out = String::with_capacity(output.members.size() + 256);
    let name = &operation.name;
    out.push_str(&format!(
        "<{name}Response xmlns=\"{}\">",
        model.xml_namespace
    ));
    if let Some(wrapper) = operation.result_wrapper.as_deref() {
        let structure = operation.output.and_then(|output| model.structure(output));
        xml::open(&mut out, wrapper);
        if let (Some(structure), Some(object)) = (structure, output.members.as_object()) {
            xml::write_members(model, structure, object, &mut out);
        }
        xml::close(&mut out, wrapper);
    }
    out.push_str("<ResponseMetadata>");
    xml::write_text(&mut out, "RequestId", request_id);
    out.push_str(&format!("</ResponseMetadata></{name}Response>"));
    response(200, out)
}

fn response(status: u16, body: String) -> Response {
    let mut response = Response::new(status, body);
    let value = http::HeaderValue::from_static("text/xml");
    response.headers.insert(http::header::CONTENT_TYPE, value);
    response
}

pub(super) fn encode_error(
    namespace: &str,
    error: &ServiceError,
    status: u16,
    request_id: &str,
) -> Response {
    let mut out = match namespace {
        "" => "<ErrorResponse><Error>".to_owned(),
        _ => format!("<ErrorResponse xmlns=\"{namespace}\"><Error>"),
    };
    xml::write_text(
        &mut out,
        "Type",
        if status >= 500 { "Receiver" } else { "Sender" },
    );
    xml::write_text(&mut out, "Code", &error.code);
    xml::write_text(&mut out, "Message", &error.message);
    for (name, value) in &error.fields {
        xml::write_text(&mut out, name, value);
    }
    out.push_str("</Error>");
    xml::write_text(&mut out, "RequestId", request_id);
    out.push_str("</ErrorResponse>");
    response(status, out)
}

pub(super) fn encode_request(
    model: &Model,
    operation: &Operation,
    members: &Value,
) -> Result<Request, Unsendable> {
    let mut body = String::new();
    form::push(&mut body, "Action", &operation.name);
    form::push(&mut body, "Version", &model.api_version);
    if let Some(input) = operation.input {
        push_value(model, input, false, members, "", &mut body);
    }
    let mut request = Request::new(Method::POST, "/");
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    set(&mut request.headers, "content-type", content_type)?;
    request.body = Bytes::from(body);
    Ok(request)
}

fn push_value(
    model: &Model,
    shape: ShapeId,
    flattened: bool,
    value: &Value,
    name: &str,
    out: &mut String,
) {
    match (&model.shape(shape).kind, value.view()) {
        (Kind::Structure(structure), View::Object(object)) => {
            for member in &structure.members {
                let own = member.wire_name();
                if let Some(value) = object.get(member.name.as_str()) {
                    let Reference {
                        shape, flattened, ..
                    } = member.reference;
                    push_value(model, shape, flattened, value, &joined(name, own), out);
                }
            }
        }
        (Kind::List { .. }, View::Array([])) => form::push(out, name, ""),
        (
            Kind::List {
                member,
                flattened: always,
            },
            View::Array(elements),
        ) => {
            let item = member.name_or("member");
            for (number, element) in (1..).zip(elements) {
                let place = match flattened || *always {
                    true => format!("{name}.{number}"),
                    false => format!("{name}.{item}.{number}"),
                };
                push_value(model, member.shape, member.flattened, element, &place, out);
            }
        }
        (
            Kind::Map {
                key,
                value: entry,
                flattened: always,
            },
            View::Object(object),
        ) => {
            let key_name = key.name_or("key");
            let value_name = entry.name_or("value");
            let infix = if flattened || *always { "" } else { ".entry" };
            for (number, (key, value)) in (1..).zip(object) {
                let place = format!("{name}{infix}.{number}");
                form::push(out, &format!("{place}.{key_name}"), key);
                let place = format!("{place}.{value_name}");
                push_value(model, entry.shape, entry.flattened, value, &place, out);
            }
        }
        (kind, _) => {
            if let Some(text) = to_text(kind, value, Instants::Iso8601) {
                form::push(out, name, &text);
            }
        }
    }
}

pub(super) fn decode_response(
    model: &Model,
    operation: &Operation,
    response: &Response,
) -> Result<Value, Mismatch> {
    let root = xml::parse(&response.body)?;
    let result = match operation.result_wrapper.as_deref() {
        Some(wrapper) => root.child(wrapper),
        None => Some(&root),
    };
    let structure = operation.output.and_then(|output| model.structure(output));
    match (structure, result) {
        (Some(structure), Some(result)) => xml::read_members(model, structure, result),
        _ => Ok(Value::empty_object()),
    }
}

pub(super) fn decode_error(response: &Response) -> ServiceError {
    let root = xml::parse(&response.body).unwrap_or_default();
    let error = root.child("Error").unwrap_or(&root);
    let text = |name: &str| error.child(name).map(|child: &Element| child.text.clone());
    let code = text("Code").unwrap_or_else(|| "UnknownError".to_owned());
    ServiceError::new(code, text("Message").unwrap_or_default()).with_status(response.status)
}
