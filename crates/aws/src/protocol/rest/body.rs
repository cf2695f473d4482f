//! The bodies of rest operations: one member that is the whole of it, or a document, JSON or XML,
//! of all members that are nowhere else.

use bytes::Bytes;
use json::{Object, ObjectBuilder, Value};

use super::super::scalar::Mismatch;
use super::super::{json_body, xml};
use super::Message;
use crate::model::{Kind, Location, Member, Model, Protocol, Structure};

/// What is around the members of an XML document.
pub(super) struct Root<'r> {
    pub(super) name: &'r str,
    pub(super) namespace: Option<&'r str>,
}

/// An encoded body.
#[derive(Default)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// It is JSON or XML made here, not a text or blob of the caller's.
    pub(super) is_document: bool,
}

impl Body {
    fn document(text: String) -> Body {
        Body {
            bytes: Bytes::from(text),
            is_document: true,
        }
    }

    fn plain(bytes: Bytes) -> Body {
        Body {
            bytes,
            is_document: false,
        }
    }
}

pub(super) fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::RestXml => "application/xml",
        _ => "application/json",
    }
}

/// Adds what the body holds to the members found elsewhere.
pub(super) fn decode(
    model: &Model,
    structure: &Structure,
    mut out: ObjectBuilder,
    body: &Bytes,
) -> Result<Message, Mismatch> {
    let Some(payload) = structure.payload_member() else {
        let has_members = structure.body_members().next().is_some();
        if has_members && !body.is_empty() {
            match model.protocol {
                Protocol::RestXml => add_elements(model, structure, body, &mut out)?,
                _ => add_members(model, structure, body, &mut out)?,
            }
        }
        return Ok((out.build().into(), None));
    };
    let shape = payload.reference.shape;
    match &model.shape(shape).kind {
        Kind::Blob => return Ok((out.build().into(), Some(body.clone()))),
        Kind::String if !body.is_empty() => {
            let text = std::str::from_utf8(body);
            let text = text.map_err(|_| Mismatch("the body is not UTF-8".to_owned()))?;
            out.add(&payload.name, text);
        }
        Kind::Structure(payload_structure)
            if !body.is_empty() && model.protocol == Protocol::RestXml =>
        {
            let root = xml::parse(body)?;
            let value = xml::read_members(model, payload_structure, &root)?;
            out.add(&payload.name, value);
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

fn add_members(
    model: &Model,
    structure: &Structure,
    body: &Bytes,
    out: &mut ObjectBuilder,
) -> Result<(), Mismatch> {
    let parsed = json_body::parse(body)?;
    let unexpected = || Mismatch("Unexpected token received from parser".to_owned());
    let parsed = parsed.as_object().ok_or_else(unexpected)?;
    for member in structure.body_members() {
        if let Some(value) = parsed
            .get(member.name.as_str())
            .filter(|value| !value.is_null())
        {
            let typed = json_body::value(model, &member.reference, value)?;
            out.add(&member.name, typed.unwrap_or_else(|| value.clone()));
        }
    }
    Ok(())
}

fn add_elements(
    model: &Model,
    structure: &Structure,
    body: &Bytes,
    out: &mut ObjectBuilder,
) -> Result<(), Mismatch> {
    let root = xml::parse(body)?;
    // The answer of S3's GetBucketLocation is its only member, with nothing around it.
    let is_member = |member: &Member| member.wire_name() == root.name;
    if structure.body_members().any(is_member) {
        let around = xml::Element::around(root);
        return xml::read_members_into(model, structure, &around, out);
    }
    xml::read_members_into(model, structure, &root, out)
}

/// Empty when there is nothing that belongs there. `blob` is the payload member, if that is a blob.
pub(super) fn encode(
    model: &Model,
    structure: &Structure,
    object: &Object,
    blob: Option<&Bytes>,
    root: &Root<'_>,
) -> Body {
    if let Some(payload) = structure.payload_member() {
        let value = object.get(payload.name.as_str());
        return match (&model.shape(payload.reference.shape).kind, value) {
            (Kind::Blob, _) => Body::plain(blob.cloned().unwrap_or_default()),
            (Kind::String, Some(value)) => {
                let text = value.as_str().unwrap_or_default();
                Body::plain(Bytes::from(text.to_owned()))
            }
            (_, Some(value)) => payload_document(model, payload, value),
            (_, None) => Body::default(),
        };
    }
    if structure.body_members().next().is_none() {
        return Body::default();
    }
    match model.protocol {
        Protocol::RestXml => xml_document(model, structure, object, root),
        _ => Body::document(json_document(structure, object)),
    }
}

fn payload_document(model: &Model, payload: &Member, value: &Value) -> Body {
    match (model.protocol, value.as_object()) {
        (Protocol::RestXml, Some(object)) => {
            let mut out = String::with_capacity(value.size());
            xml::write_structure(
                model,
                &payload.reference,
                payload.wire_name(),
                object,
                &mut out,
            );
            Body::document(out)
        }
        (Protocol::RestXml, None) => Body::default(),
        _ => Body::document(json_body::text(value)),
    }
}

fn xml_document(model: &Model, structure: &Structure, object: &Object, root: &Root<'_>) -> Body {
    let mut out = format!("<{}", root.name);
    if let Some(namespace) = root.namespace.filter(|namespace| !namespace.is_empty()) {
        xml::write_attribute(&mut out, "xmlns", namespace);
    }
    out.push('>');
    xml::write_members(model, structure, object, &mut out);
    xml::close(&mut out, root.name);
    Body::document(out)
}

fn json_document(structure: &Structure, object: &Object) -> String {
    let is_body = |member: &Member| member.reference.location == Location::Body;
    if object
        .keys()
        .all(|key| structure.member(key).is_some_and(is_body))
    {
        return json_body::text(&object.clone().into());
    }
    let mut out = ObjectBuilder::new();
    for member in structure.body_members() {
        if let Some(value) = object.get(member.name.as_str()) {
            out.add(&member.name, value.clone());
        }
    }
    json_body::text(&out.build().into())
}
