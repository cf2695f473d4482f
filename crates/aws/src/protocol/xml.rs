//! XML as the query and rest-xml protocols have it.

use json::{Object, ObjectBuilder, Value, View};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::scalar::{Mismatch, from_text, to_text};
use crate::model::{Instants, Kind, Model, Reference, Structure};

/// Elements nested deeper than this are refused: no answer of AWS comes near.
const DEPTH_MAX: usize = 64;

pub(super) fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

pub(super) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// `<name>text</name>`, escaped.
pub(super) fn write_text(out: &mut String, name: &str, text: &str) {
    open(out, name);
    out.push_str(&escape(text));
    close(out, name);
}

/// The members of `object`, in the order of the model.
pub(super) fn write_members(
    model: &Model,
    structure: &Structure,
    object: &Object,
    out: &mut String,
) {
    for member in structure.body_members() {
        let value = object.get(member.name.as_str());
        if let Some(value) = value.filter(|_| !member.reference.xml_attribute) {
            let name = member.wire_name();
            write_value(model, &member.reference, name, value, out);
        }
    }
}

/// `<name ..>members</name>` of a structure, with what its shape and its use declare.
pub(super) fn write_structure(
    model: &Model,
    reference: &Reference,
    name: &str,
    object: &Object,
    out: &mut String,
) {
    let shape = model.shape(reference.shape);
    let Kind::Structure(structure) = &shape.kind else {
        return;
    };
    out.push('<');
    out.push_str(name);
    if let Some(namespace) = reference.xml_namespace.as_deref() {
        write_attribute(out, "xmlns", namespace);
    }
    if let Some((prefix, namespace)) = &shape.xml_prefix {
        write_attribute(out, &format!("xmlns:{prefix}"), namespace);
    }
    for member in structure
        .members
        .iter()
        .filter(|m| m.reference.xml_attribute)
    {
        let text = object.get(member.name.as_str()).and_then(Value::as_str);
        if let Some(text) = text {
            write_attribute(out, member.wire_name(), text);
        }
    }
    out.push('>');
    write_members(model, structure, object, out);
    close(out, name);
}

/// ` name="text"`, escaped.
pub(super) fn write_attribute(out: &mut String, name: &str, text: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    out.push_str(&escape(text));
    out.push('"');
}

fn write_value(model: &Model, reference: &Reference, name: &str, value: &Value, out: &mut String) {
    let shape = model.shape(reference.shape);
    match (&shape.kind, value.view()) {
        (Kind::Structure(_), View::Object(object)) => {
            write_structure(model, reference, name, object, out);
        }
        (Kind::List { member, flattened }, View::Array(elements)) => {
            let flattened = *flattened || reference.flattened;
            let item = match flattened {
                true => name,
                false => member.name_or("member"),
            };
            wrapped(out, name, flattened, |out| {
                for element in elements {
                    write_value(model, member, item, element, out);
                }
            });
        }
        (
            Kind::Map {
                key,
                value: entry,
                flattened,
            },
            View::Object(object),
        ) => {
            let flattened = *flattened || reference.flattened;
            let item = if flattened { name } else { "entry" };
            wrapped(out, name, flattened, |out| {
                for (found, value) in object {
                    open(out, item);
                    write_text(out, key.name_or("key"), found);
                    let name = entry.name_or("value");
                    write_value(model, entry, name, value, out);
                    close(out, item);
                }
            });
        }
        (kind, _) => {
            let instants = shape.instants.unwrap_or(Instants::Iso8601);
            if let Some(text) = to_text(kind, value, instants) {
                write_text(out, name, &text);
            }
        }
    }
}

fn wrapped(out: &mut String, name: &str, flattened: bool, inner: impl FnOnce(&mut String)) {
    if flattened {
        return inner(out);
    }
    open(out, name);
    inner(out);
    close(out, name);
}

/// An element of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    pub(super) name: String,
    /// Names without their prefix.
    attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// A nameless element that holds `child` alone.
    pub(super) fn around(child: Element) -> Element {
        Element {
            children: vec![child],
            ..Element::default()
        }
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The attribute `name`; prefixes are not looked at.
    fn attribute(&self, name: &str) -> Option<&str> {
        let name = local(name);
        let mut attributes = self.attributes.iter();
        attributes.find_map(|(found, value)| (found == name).then_some(value.as_str()))
    }
}

/// The root element of a document.
pub(super) fn parse(body: &[u8]) -> Result<Element, Mismatch> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).map_err(broken)?);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(broken)?;
        match event {
            Event::Start(_) if open.len() >= DEPTH_MAX => {
                return Err(Mismatch(format!(
                    "the answer nests deeper than {DEPTH_MAX} elements"
                )));
            }
            Event::Start(tag) => open.push(element(&tag)?),
            Event::Empty(tag) => {
                let element = element(&tag)?;
                if let Some(parent) = open.last_mut() {
                    parent.children.push(element);
                }
            }
            Event::End(_) => {
                if let (Some(done), Some(parent)) = (open.pop(), open.last_mut()) {
                    parent.children.push(done);
                }
            }
            Event::Text(text) => push_text(&mut open, &text.xml10_content()),
            Event::CData(text) => push_text(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => push_text(&mut open, &resolved(&reference)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root = open
        .into_iter()
        .next()
        .and_then(|document| document.children.into_iter().next());
    root.ok_or_else(|| Mismatch("the answer has no XML element".to_owned()))
}

fn broken(error: impl std::fmt::Display) -> Mismatch {
    Mismatch(format!("the answer is not XML: {error}"))
}

fn element(tag: &BytesStart<'_>) -> Result<Element, Mismatch> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(broken)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let name = attribute.key.local_name();
        let name: &str = name.as_ref();
        attributes.push((name.to_owned(), value.map_err(broken)?.into_owned()));
    }
    Ok(Element {
        name: tag.local_name().as_ref().to_owned(),
        attributes,
        ..Element::default()
    })
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, Mismatch> {
    if let Some(c) = reference.resolve_char_ref().map_err(broken)? {
        return Ok(c.to_string());
    }
    let name = reference.xml10_content();
    let text = resolve_predefined_entity(&name);
    text.map(str::to_owned)
        .ok_or_else(|| Mismatch(format!("the answer has the unknown entity `{name}`")))
}

/// The members of `structure` found in `element`.
pub(super) fn read_members(
    model: &Model,
    structure: &Structure,
    element: &Element,
) -> Result<Value, Mismatch> {
    let mut out = ObjectBuilder::new();
    read_members_into(model, structure, element, &mut out)?;
    Ok(out.build().into())
}

pub(super) fn read_members_into(
    model: &Model,
    structure: &Structure,
    element: &Element,
    out: &mut ObjectBuilder,
) -> Result<(), Mismatch> {
    for member in structure.body_members() {
        let name = member.wire_name();
        let value = match member.reference.xml_attribute {
            true => element.attribute(name).map(Value::from),
            false => read_value(model, &member.reference, name, element)?,
        };
        if let Some(value) = value {
            out.add(&member.name, value);
        }
    }
    Ok(())
}

fn read_value(
    model: &Model,
    reference: &Reference,
    name: &str,
    parent: &Element,
) -> Result<Option<Value>, Mismatch> {
    let kind = &model.shape(reference.shape).kind;
    let flattened = reference.flattened
        || matches!(
            kind,
            Kind::List {
                flattened: true,
                ..
            } | Kind::Map {
                flattened: true,
                ..
            }
        );
    let Some(element) = parent.child(name) else {
        return Ok(None);
    };
    // The items of a flattened list stand in the parent, under the name of the list.
    let (within, item) = match kind {
        _ if flattened => (parent, name),
        Kind::List { member, .. } => (element, member.name_or("member")),
        _ => (element, "entry"),
    };
    let items = within.children.iter().filter(|child| child.name == item);
    let value = match kind {
        Kind::Structure(structure) => read_members(model, structure, element)?,
        Kind::List { member, .. } => items
            .map(|item| read_item(model, member, item))
            .collect::<Result<Value, _>>()?,
        Kind::Map { key, value, .. } => {
            let key = key.name_or("key");
            let name = value.name_or("value");
            let mut out = ObjectBuilder::new();
            for item in items {
                if let (Some(key), Some(value)) =
                    (item.child(key), read_value(model, value, name, item)?)
                {
                    out.add(key.text.as_str(), value);
                }
            }
            out.build().into()
        }
        kind => from_text(kind, &element.text)?,
    };
    Ok(Some(value))
}

/// The value of `item`, an element of a list.
fn read_item(model: &Model, member: &Reference, item: &Element) -> Result<Value, Mismatch> {
    match &model.shape(member.shape).kind {
        Kind::Structure(structure) => read_members(model, structure, item),
        Kind::List { .. } | Kind::Map { .. } => {
            // A list in a list has its own items under the item.
            let parent = Element::around(item.clone());
            Ok(read_value(model, member, &item.name, &parent)?.unwrap_or_default())
        }
        kind => from_text(kind, &item.text),
    }
}
