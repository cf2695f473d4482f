//! JSON bodies: the protocols `json` 1.0 and 1.1, and the bodies of `rest-json`.

use bytes::Bytes;
use http::Method;
use json::{Object, ObjectBuilder, Value, View};

use super::scalar::{Mismatch, from_text, is_integer_of};
use super::{Output, Unsendable};
use crate::door::{Request, Response, set};
use crate::error::ServiceError;
use crate::model::{Kind, Model, Operation, Protocol, Reference, Shape, ShapeId, Structure};

fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson | Protocol::RestXml | Protocol::Query | Protocol::Cbor => {
            "application/json"
        }
    }
}

/// The object in `body`, with its members of the types of `shape`. An empty body is `{}`.
pub(super) fn decode(
    model: &Model,
    shape: Option<ShapeId>,
    body: &[u8],
) -> Result<Value, Mismatch> {
    if body.is_empty() {
        return Ok(Value::empty_object());
    }
    let value = parse(body)?;
    let structure = shape.and_then(|shape| model.structure(shape));
    match (value.as_object(), structure) {
        (None, _) => Err(Mismatch("Unexpected token received from parser".to_owned())),
        (Some(_), None) => Ok(value),
        (Some(object), Some(structure)) => {
            Ok(self::structure(model, structure, object)?.map_or(value, Value::from))
        }
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Value, Mismatch> {
    let text =
        std::str::from_utf8(body).map_err(|_| Mismatch("the body is not UTF-8".to_owned()))?;
    json::parse(text).map_err(|error| Mismatch(error.to_string()))
}

/// Checks the types of a structure's members. `None`: it is right as it is, the usual case, so
/// nothing is copied; otherwise the object with `null` members left out and instants made numbers.
fn structure(
    model: &Model,
    structure: &Structure,
    object: &Object,
) -> Result<Option<Object>, Mismatch> {
    let mut changed: Option<Object> = None;
    for member in &structure.members {
        let Some(found) = object.get(member.name.as_str()) else {
            continue;
        };
        if found.is_null() {
            let current = changed.as_ref().unwrap_or(object);
            changed = Some(current.without(member.name.as_str()));
        } else if let Some(new) = value(model, &member.reference, found)? {
            changed
                .get_or_insert_with(|| object.clone())
                .insert(member.name.clone(), new);
        }
    }
    Ok(changed)
}

/// Checks the type of a value that isn't `null`; the replacement, if it needs one.
pub(super) fn value(
    model: &Model,
    reference: &Reference,
    value: &Value,
) -> Result<Option<Value>, Mismatch> {
    let kind = &model.shape(reference.shape).kind;
    match (kind, value.view()) {
        (Kind::Structure(structure), View::Object(object)) => {
            Ok(self::structure(model, structure, object)?.map(Value::from))
        }
        (Kind::List { member, .. }, View::Array(elements)) => list(model, member, elements),
        (Kind::Map { value, .. }, View::Object(object)) => map(model, value, object),
        (Kind::String | Kind::Blob, View::String(_))
        | (Kind::Boolean, View::Bool(_))
        | (Kind::Float | Kind::Double | Kind::Timestamp, View::Number(_))
        | (Kind::Document, _) => Ok(None),
        (Kind::Integer | Kind::Long, View::Number(number)) if is_integer_of(kind, number) => {
            Ok(None)
        }
        (Kind::Timestamp, View::String(text)) => from_text(kind, text).map(Some),
        (_, found) => Err(mismatch(kind, found)),
    }
}

fn list(model: &Model, member: &Reference, elements: &[Value]) -> Result<Option<Value>, Mismatch> {
    let mut changed: Option<Vec<Value>> = None;
    for (index, element) in elements.iter().enumerate() {
        // A `null` stays: the constraints say that a member must not be null.
        let new = if element.is_null() {
            None
        } else {
            value(model, member, element)?
        };
        if let Some(new) = new {
            let list = changed.get_or_insert_with(|| elements.to_vec());
            if let Some(slot) = list.get_mut(index) {
                *slot = new;
            }
        }
    }
    Ok(changed.map(Value::from))
}

fn map(model: &Model, entry: &Reference, object: &Object) -> Result<Option<Value>, Mismatch> {
    let mut changed: Option<Object> = None;
    for (key, found) in object.members() {
        let new = if found.is_null() {
            None
        } else {
            value(model, entry, found)?
        };
        if let Some(new) = new {
            changed
                .get_or_insert_with(|| object.clone())
                .insert(key.clone(), new);
        }
    }
    Ok(changed.map(Value::from))
}

/// The words AWS's parser has for a value of the wrong type.
fn mismatch(kind: &Kind, found: View<'_>) -> Mismatch {
    let is_compound = matches!(
        kind,
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }
    );
    let text = match found {
        View::Array(_) => "Start of list found where not expected",
        View::Object(_) => "Start of structure or map found where not expected.",
        _ if is_compound => match kind {
            Kind::List { .. } => "Expected list or null",
            _ => "Expected structure or map or null",
        },
        View::String(_) => return Mismatch::converting("STRING_VALUE", kind),
        View::Number(_) => return Mismatch::converting("NUMBER_VALUE", kind),
        View::Bool(true) => return Mismatch::converting("TRUE_VALUE", kind),
        View::Bool(false) => return Mismatch::converting("FALSE_VALUE", kind),
        View::Null => return Mismatch::converting("NULL_VALUE", kind),
    };
    Mismatch(text.to_owned())
}

/// The compact text of `value`, allocated once.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::with_capacity(value.size());
    value.write_to(&mut text);
    text
}

pub(super) fn encode_response(model: &Model, operation: &Operation, output: &Output) -> Response {
    // Operations without output answer nothing in JSON 1.1 and an empty object in JSON 1.0.
    let is_empty = operation.output.is_none() && model.protocol == Protocol::Json11;
    let body = if is_empty {
        String::new()
    } else {
        text(&output.members)
    };
    response(200, body, content_type(model.protocol))
}

/// A response with a JSON body. `content_type` is a constant and fits a header.
pub(super) fn response(status: u16, body: String, content_type: &'static str) -> Response {
    let mut response = Response::new(status, body);
    let value = http::HeaderValue::from_static(content_type);
    response.headers.insert(http::header::CONTENT_TYPE, value);
    response
}

/// `namespace` stands before the code in `__type`; empty for none.
pub(super) fn encode_error(
    protocol: Protocol,
    namespace: &str,
    modelled: Option<&Shape>,
    error: &ServiceError,
    status: u16,
) -> Response {
    let members = error_members(namespace, modelled, error);
    response(status, text(&members.into()), content_type(protocol))
}

/// The members of an error, the first of them `__type`.
pub(super) fn error_members(
    namespace: &str,
    modelled: Option<&Shape>,
    error: &ServiceError,
) -> Object {
    let kind = match namespace {
        "" => error.code.to_string(),
        _ => format!("{namespace}#{}", error.code),
    };
    let mut members = ObjectBuilder::with_capacity(2 + error.fields.len());
    members.add("__type", kind);
    add_error_members(&mut members, modelled, error);
    members.build()
}

/// The message under the name it has on the wire, and the further members.
pub(super) fn add_error_members(
    members: &mut ObjectBuilder,
    modelled: Option<&Shape>,
    error: &ServiceError,
) {
    for (name, value) in &error.fields {
        members.add(&**name, value.as_str());
    }
    let own = modelled.and_then(|shape| match &shape.kind {
        Kind::Structure(structure) => structure.members.iter().find_map(|member| {
            member
                .name
                .as_str()
                .eq_ignore_ascii_case("message")
                .then(|| member.name.as_str())
        }),
        _ => None,
    });
    let name = own.unwrap_or(match &*error.code {
        "AccessDeniedException" => "Message",
        _ => "message",
    });
    members.add(name, error.message.as_str());
}

pub(super) fn encode_request(
    model: &Model,
    operation: &Operation,
    members: &Value,
) -> Result<Request, Unsendable> {
    let mut request = Request::new(Method::POST, "/");
    let target = format!("{}.{}", model.target_prefix, operation.name);
    set(&mut request.headers, "x-amz-target", &target)?;
    set(
        &mut request.headers,
        "content-type",
        content_type(model.protocol),
    )?;
    request.body = Bytes::from(text(members));
    Ok(request)
}

/// The error in a JSON answer: the code from the header `x-amzn-errortype` or the body, without
/// namespace and link.
pub(super) fn decode_error(response: &Response) -> ServiceError {
    error_of(&parse(&response.body).unwrap_or_default(), response)
}

/// The same, of a body that is read already.
pub(super) fn error_of(body: &Value, response: &Response) -> ServiceError {
    let string = |name: &str| body.get(name).and_then(Value::as_str);
    let code = response
        .header("x-amzn-errortype")
        .or_else(|| string("__type"));
    let code = code.or_else(|| string("code")).unwrap_or("UnknownError");
    let code = code.split_once('#').map_or(code, |(_, code)| code);
    let code = code
        .split_once(':')
        .map_or(code, |(code, _)| code)
        .to_owned();
    let message = string("message")
        .or_else(|| string("Message"))
        .unwrap_or_default();
    let mut error = ServiceError::new(code, message).with_status(response.status);
    for (name, value) in body.as_object().into_iter().flat_map(Object::iter) {
        let is_further = !["__type", "code", "message", "Message"].contains(&name);
        if let Some(value) = value.as_str().filter(|_| is_further) {
            error
                .fields
                .push((name.to_owned().into(), value.to_owned()));
        }
    }
    error
}
