//! `Parameters` of a Task as the input of an operation, and its output as the Task's result.
//!
//! Step Functions has its own spelling of members, whatever the service's, and takes any JSON where
//! an API wants text.

use std::borrow::Cow;

use aws::integrations::TaskResource;
use aws::model::{Kind, Member, Model, Reference, ShapeId, Structure};
use aws::protocol::Output;
use aws::time;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use json::{Object, ObjectBuilder, Value, View};

use crate::api::Api;

/// The words for a member that the operation does not have.
fn unsupported(name: &str) -> String {
    format!("The field '{name}' is not supported by Step Functions")
}

/// The members of an operation's input, and its body where that is one blob.
pub(crate) type Input = (Object, Option<Bytes>);

/// Translates between Step Functions' spelling and the model's.
pub(crate) struct Spelled<'t> {
    pub(crate) task: &'t TaskResource,
    pub(crate) api: Api,
    /// Stands for the members that SDKs fill with a token of their own.
    pub(crate) idempotency_token: &'t str,
}

impl Spelled<'_> {
    fn model(&self) -> &'static Model {
        self.api.model
    }

    fn structure(&self, shape: Option<ShapeId>) -> Option<&'static Structure> {
        self.model().structure(shape?)
    }

    /// The operation's input.
    ///
    /// # Errors
    /// What is wrong with the parameters, in AWS's words.
    pub(crate) fn input(&self, parameters: &Value) -> Result<Input, String> {
        let Some(object) = parameters.as_object() else {
            return Err("Parameters must be a JSON object".to_owned());
        };
        let Some(structure) = self.structure(self.api.operation.input) else {
            return match object.keys().next() {
                Some(name) => Err(unsupported(name)),
                None => Ok((Object::new(), None)),
            };
        };
        let blob = self.blob_payload(structure);
        let blob = blob.map(|member| self.task.member_name(&member.name));
        let mut members = object.clone();
        let mut body = None;
        if let Some(name) = &blob {
            let value = object.get(name).filter(|value| !value.is_null());
            body = value.map(|value| Bytes::from(text_of(value)));
            members = members.without(name);
        }
        let mut input = self.members(structure, &members)?;
        for member in structure.members.iter().filter(|m| m.idempotency_token) {
            if input.get(&member.name).is_none() {
                input.insert(member.name.clone(), self.idempotency_token.into());
            }
        }
        Ok((input, body))
    }

    /// The member that is the whole body and a blob: it travels beside the others.
    fn blob_payload<'s>(&self, structure: &'s Structure) -> Option<&'s Member> {
        let is_blob = |member: &&Member| {
            matches!(self.model().shape(member.reference.shape).kind, Kind::Blob)
        };
        structure.payload_member().filter(is_blob)
    }

    fn members(&self, structure: &Structure, object: &Object) -> Result<Object, String> {
        let mut out = ObjectBuilder::with_capacity(object.len());
        for (name, value) in object {
            let mut members = structure.members.iter();
            let member = members.find(|member| self.task.member_name(&member.name) == name);
            let member = member.ok_or_else(|| unsupported(name))?;
            if !value.is_null() {
                out.add(&member.name, self.value(&member.reference, value)?);
            }
        }
        Ok(out.build())
    }

    /// A value of the wrong type is passed on: the service says what it thinks of it.
    fn value(&self, reference: &Reference, value: &Value) -> Result<Value, String> {
        let kind = &self.model().shape(reference.shape).kind;
        Ok(match (kind, value.view()) {
            (Kind::Structure(structure), View::Object(object)) => {
                self.members(structure, object)?.into()
            }
            (Kind::List { member, .. }, View::Array(elements)) => {
                let elements = elements.iter().map(|element| self.value(member, element));
                elements.collect::<Result<Value, _>>()?
            }
            (Kind::Map { value: entry, .. }, View::Object(object)) => {
                let mut out = ObjectBuilder::with_capacity(object.len());
                for (key, value) in object.members() {
                    out.add(key, self.value(entry, value)?);
                }
                out.build().into()
            }
            (Kind::String, View::String(_)) => value.clone(),
            (Kind::String, _) => value.to_text().into(),
            (Kind::Blob, _) => BASE64_STANDARD.encode(text_of(value)).into(),
            (Kind::Timestamp, View::String(text)) => match time::parse_iso8601(text) {
                Some(instant) => time::epoch_seconds(instant),
                None => value.clone(),
            },
            _ => value.clone(),
        })
    }

    /// The operation's output as the Task's result.
    pub(crate) fn result(&self, output: &Output) -> Object {
        let empty = Object::new();
        let Some(structure) = self.structure(self.api.operation.output) else {
            return empty;
        };
        let members = output.members.as_object().unwrap_or(&empty);
        let mut result = self.named(structure, members);
        if let (Some(member), Some(body)) = (self.blob_payload(structure), &output.body) {
            let text = String::from_utf8_lossy(body).into_owned();
            result.push((self.task.member_name(&member.name), text.into()));
        }
        in_order(result)
    }

    /// The members under the names that results have for them.
    fn named<'s>(&self, structure: &'s Structure, object: &Object) -> Vec<Named<'s>> {
        let mut members = Vec::with_capacity(object.len());
        for member in &structure.members {
            if let Some(value) = object.get(&member.name) {
                let name = self.task.member_name(&member.name);
                members.push((name, self.shown(&member.reference, value)));
            }
        }
        members
    }

    fn shown(&self, reference: &Reference, value: &Value) -> Value {
        let kind = &self.model().shape(reference.shape).kind;
        match (kind, value.view()) {
            (Kind::Structure(structure), View::Object(object)) => {
                in_order(self.named(structure, object)).into()
            }
            (Kind::List { member, .. }, View::Array(elements)) => elements
                .iter()
                .map(|element| self.shown(member, element))
                .collect(),
            (Kind::Map { value: entry, .. }, View::Object(object)) => {
                let mut out = ObjectBuilder::with_capacity(object.len());
                for (key, value) in object.members() {
                    out.add(key, self.shown(entry, value));
                }
                out.build().into()
            }
            (Kind::Timestamp, _) => match (time::epoch_ms(value), self.task) {
                (Some(instant), TaskResource::Sdk { .. }) => time::iso8601(instant).into(),
                // The optimised integrations show milliseconds. (Recorded for nested executions)
                (Some(instant), _) => instant.into(),
                (None, _) => value.clone(),
            },
            (Kind::Blob, View::String(text)) => match BASE64_STANDARD.decode(text) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
                Err(_) => value.clone(),
            },
            _ => value.clone(),
        }
    }
}

/// A member of a result.
type Named<'n> = (Cow<'n, str>, Value);

/// The members in alphabetical order, as AWS shows them.
fn in_order(mut members: Vec<Named<'_>>) -> Object {
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut out = ObjectBuilder::with_capacity(members.len());
    for (name, value) in members {
        out.add(name.as_ref(), value);
    }
    out.build()
}

/// A string itself, anything else as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_text(), str::to_owned)
}
