//! Every operation of every model, with generated inputs and outputs: what the client encodes the
//! server decodes to the same, and the other way round.

use bytes::Bytes;
use json::{Object, ObjectBuilder, Value};

use super::super::{Output, decode_request, decode_response, encode_request, encode_response};
use crate::door::Request;
use crate::model::{Kind, Location, Member, Model, Operation, Reference, ShapeId};
use crate::models::Embedded;
use crate::route::route;

/// Shapes nested deeper than this are left out: some contain themselves.
const DEPTH_MAX: usize = 6;

/// Which members a generated structure has.
#[derive(Clone, Copy, PartialEq)]
enum Fill {
    All,
    Required,
}

struct Generator<'m> {
    model: &'m Model,
    fill: Fill,
}

impl Generator<'_> {
    /// The members of a message, and its payload if that is a blob.
    fn message(&self, shape: Option<ShapeId>) -> (Value, Option<Bytes>) {
        let structure = shape.and_then(|shape| self.model.structure(shape));
        let Some(structure) = structure else {
            return (Value::empty_object(), None);
        };
        let is_blob =
            |member: &&Member| matches!(self.model.shape(member.reference.shape).kind, Kind::Blob);
        let blob = structure.payload_member().filter(is_blob);
        let members = structure.members.iter();
        let members = members.filter(|member| blob.is_none_or(|blob| blob.name != member.name));
        let body = blob.map(|_| Bytes::from_static(b"\x00 bytes \xff"));
        (self.members(members, 0).into(), body)
    }

    fn members<'m>(&self, members: impl Iterator<Item = &'m Member>, depth: usize) -> Object {
        let mut out = ObjectBuilder::new();
        for member in members {
            // A path can't be without its parts, nor an answer without its status.
            let place = member.reference.location;
            let is_always_there = matches!(place, Location::Path | Location::Status);
            let is_wanted = self.fill == Fill::All || member.required || is_always_there;
            let value = is_wanted.then(|| self.value(&member.reference, depth + 1));
            if let Some(value) = value.flatten() {
                out.add(&member.name, value);
            }
        }
        out.build()
    }

    fn value(&self, reference: &Reference, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        let shape = self.model.shape(reference.shape);
        Some(match &shape.kind {
            Kind::Structure(structure) => {
                let members = self.members(structure.members.iter(), depth);
                // Forms can't tell an empty structure from none.
                if members.is_empty() {
                    return None;
                }
                members.into()
            }
            Kind::List { member, .. } => {
                let element = self.value(member, depth + 1)?;
                vec![element.clone(), element].into()
            }
            Kind::Map { value, .. } => {
                let value = self.value(value, depth + 1)?;
                let object = ObjectBuilder::new()
                    .add("a-key", value.clone())
                    .add("b-key", value)
                    .build();
                object.into()
            }
            Kind::String => match shape.constraints.choices.first() {
                Some(choice) => (&**choice).into(),
                None if reference.location == Location::Body => "<t> & \"ü\" ]]>".into(),
                None => "a/b?c d".into(),
            },
            Kind::Blob => "AP8=".into(),
            Kind::Boolean => Value::from_bool(true),
            Kind::Integer if reference.location == Location::Status => 202.into(),
            Kind::Integer => (-7).into(),
            Kind::Long => 5_000_000_000_i64.into(),
            Kind::Float | Kind::Double => json::parse("1.5").expect("a number"),
            Kind::Timestamp => 1_440_938_160.into(),
            Kind::Document => json::parse(r#"{"any": [1, null, {"b": "c"}]}"#).expect("JSON"),
        })
    }
}

fn is_stream(model: &Model, shape: Option<ShapeId>) -> bool {
    let structure = shape.and_then(|shape| model.structure(shape));
    let payload = structure.and_then(|structure| structure.payload_member());
    let payload = payload.and_then(|member| model.structure(member.reference.shape));
    payload.is_some_and(|structure| structure.event_stream)
}

fn check_request(known: &Embedded, model: &Model, operation: &Operation, fill: Fill) {
    let name = format!("{}:{}", known.name, operation.name);
    let (members, body) = Generator { model, fill }.message(operation.input);
    let request = encode_request(model, operation, &members, body.as_ref()).expect(&name);
    let decoded = decode_request(model, operation, &request).expect(&name);
    assert_eq!(decoded.members, members, "{name}: {:?}", request.body);
    assert_eq!(decoded.body, body, "{name}");
    if known.served.is_some() {
        check_route(known, model, operation, request);
    }
}

/// What the client sends is found again by the server.
fn check_route(known: &Embedded, model: &Model, operation: &Operation, mut request: Request) {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/{}/aws4_request",
        known.signing_name
    );
    let scope = scope.parse().expect("a header");
    request.headers.insert("authorization", scope);
    let found = route(&request).expect(&operation.name);
    assert_eq!(Some(found.service), known.served);
    assert_eq!(found.operation.name, operation.name);
    assert_eq!(found.model.protocol, model.protocol);
}

fn check_response(known: &Embedded, model: &Model, operation: &Operation, fill: Fill) {
    let name = format!("{}:{}", known.name, operation.name);
    let (members, body) = Generator { model, fill }.message(operation.output);
    let output = Output { members, body };
    let response = encode_response(model, operation, &output, "id-1");
    assert!(response.is_success(), "{name}: {response:?}");
    let decoded = decode_response(model, operation, &response).expect(&name);
    assert_eq!(
        decoded.members, output.members,
        "{name}: {:?}",
        response.body
    );
    assert_eq!(decoded.body, output.body, "{name}");
}

#[test]
fn every_operation_of_every_model() {
    let mut count = 0;
    let models = |known: &'static Embedded| known.models().map(move |model| (known, model));
    for (known, model) in Embedded::all().iter().copied().flat_map(models) {
        let model = model.expect("the embedded model compiles");
        for operation in model.operations() {
            for fill in [Fill::All, Fill::Required] {
                if !is_stream(model, operation.input) {
                    check_request(known, model, operation, fill);
                }
                if !is_stream(model, operation.output) {
                    check_response(known, model, operation, fill);
                }
            }
            count += 1;
        }
    }
    assert!(count > 880);
}
