//! Reads an object by its schema: every problem is reported, everything else comes out typed.

use std::sync::Arc;

use json::{Object, Value};

use crate::event::Text;
use crate::jsonpath::Path;
use crate::program::{Dynamic, Filter, ResultPath};
use crate::template::{Root, Template, ValuePath};
use crate::time::Timestamp;
use crate::validate::place::Place;
use crate::validate::report::Report;
use crate::validate::schema::{Field, Kind, Schema};
use crate::validate::{lint, message, values};

/// The members of an object that could be read.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    values: Vec<(&'static str, Checked<'a>)>,
}

/// A value of the kind its field demands.
#[derive(Debug)]
pub(crate) enum Checked<'a> {
    Null,
    Value(&'a Value),
    Text(&'a str),
    Integer(u64),
    Factor(f64),
    Path(ValuePath),
    ResultPath(Path),
    Template(Template),
    Timestamp(Timestamp),
    Names(Arc<[Text]>),
    Array(&'a [Value]),
    Objects(Vec<Fields<'a>>),
}

/// Reads the members of `object`, which stands at `place`. Members the schema doesn't know are
/// reported.
pub(crate) fn read<'a>(
    schema: &'static Schema,
    object: &'a Object,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Fields<'a> {
    for name in object.keys().filter(|name| schema.field(name).is_none()) {
        let message = message::unsupported(name);
        report.error_within(message::SCHEMA, message, place, &place.member(name));
    }
    read_known(schema, object, place, report)
}

/// Reads the members of `object` that the schema knows, and leaves the others to the caller.
pub(crate) fn read_known<'a>(
    schema: &'static Schema,
    object: &'a Object,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Fields<'a> {
    missing(schema, object, place, report);
    let mut fields = Fields::default();
    for (name, value) in object.members() {
        let Some(field) = schema.field(name) else {
            continue;
        };
        if let Some(checked) = checked(field, value, place, report) {
            fields.values.push((field.name, checked));
        }
    }
    fields
}

/// Reports required fields that are not there, and groups with too many or too few fields.
fn missing(schema: &Schema, object: &Object, place: &Place<'_>, report: &mut Report<'_>) {
    let is_missing = |field: &&Field| field.is_required && !object.contains_key(field.name);
    let names = schema
        .fields()
        .filter(is_missing)
        .map(|field| field.name)
        .collect::<Vec<_>>();
    if !names.is_empty() {
        report.error(message::SCHEMA, message::required(&names), place);
    }
    for group in schema.groups {
        let given = group
            .names
            .iter()
            .filter(|name| object.contains_key(name))
            .count();
        if given > 1 {
            report.error(message::SCHEMA, message::only_one(group.names), place);
        } else if given == 0 && group.is_required {
            report.error(message::SCHEMA, message::one_required(group.names), place);
        }
    }
}

/// Reads one member; `place` is that of the object.
fn checked<'a>(
    field: &Field,
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Checked<'a>> {
    let at = &place.member(field.name);
    match field.kind {
        Kind::Any => Some(Checked::Value(value)),
        Kind::Text => values::text(value, at, report).map(Checked::Text),
        Kind::LiteralText => {
            lint::literal(field.name, value, at, report);
            values::text(value, at, report).map(Checked::Text)
        }
        Kind::True => values::literal_true(field.name, value, at, report).then_some(Checked::Null),
        Kind::OneOf(options) => {
            values::one_of(field.name, options, value, at, report).map(Checked::Text)
        }
        Kind::Integer { minimum, maximum } => {
            values::integer(minimum, maximum, value, at, report).map(Checked::Integer)
        }
        Kind::Factor => values::factor(value, at, report).map(Checked::Factor),
        // That there was a transition matters even when it leads nowhere.
        Kind::StateName => {
            Some(values::non_empty_text(value, at, report).map_or(Checked::Null, Checked::Text))
        }
        Kind::Filter | Kind::ResultPath if value.is_null() => Some(Checked::Null),
        Kind::Filter => values::path(value, at, report).map(Checked::Path),
        Kind::ResultPath => values::result_path(value, at, report).map(Checked::ResultPath),
        Kind::ReferencePath => values::reference_path(value, at, report).map(Checked::Path),
        Kind::PathOrIntrinsic => values::path_or_intrinsic(value, at, report).map(Checked::Path),
        Kind::Template => values::template(value, at, report).map(Checked::Template),
        Kind::Timestamp => values::timestamp(value, at, report).map(Checked::Timestamp),
        Kind::ErrorNames => values::error_names(value, at, report).map(Checked::Names),
        Kind::NonEmptyArray => values::non_empty_array(value, at, report).map(Checked::Array),
        Kind::Objects(schema) => objects(schema, value, at, report).map(Checked::Objects),
        Kind::Credentials => values::credentials(value, at, report).map(Checked::Template),
        Kind::NotServed => {
            report.not_served(&format!("the field '{}'", field.name), at);
            None
        }
        Kind::JsonataOnly => {
            let message = message::jsonata_only(field.name);
            report.error_within(message::SCHEMA, message, place, at);
            None
        }
    }
}

/// Reads an array of objects. Elements that are no objects are reported and left out.
fn objects<'a>(
    schema: &'static Schema,
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<Fields<'a>>> {
    let elements = values::array(value, place, report)?;
    let read_one = |(index, element): (usize, &'a Value)| {
        let at = place.item(index);
        let object = values::object(element, &at, report);
        // An empty entry keeps the positions of the others.
        object.map_or_else(Fields::default, |object| read(schema, object, &at, report))
    };
    Some(elements.iter().enumerate().map(read_one).collect())
}

/// Taking a field that is absent, or was reported, gives the default.
impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&Checked<'a>> {
        self.values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    fn take(&mut self, name: &str) -> Option<Checked<'a>> {
        let at = self.values.iter().position(|(known, _)| *known == name)?;
        Some(self.values.swap_remove(at).1)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        if let Some(Checked::Value(value)) = self.get(name) {
            Some(value)
        } else {
            None
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        if let Some(Checked::Text(text)) = self.get(name) {
            Some(text)
        } else {
            None
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Option<u64> {
        if let Some(Checked::Integer(number)) = self.get(name) {
            Some(*number)
        } else {
            None
        }
    }

    pub(crate) fn factor(&self, name: &str) -> Option<f64> {
        if let Some(Checked::Factor(number)) = self.get(name) {
            Some(*number)
        } else {
            None
        }
    }

    pub(crate) fn timestamp(&self, name: &str) -> Option<Timestamp> {
        if let Some(Checked::Timestamp(time)) = self.get(name) {
            Some(*time)
        } else {
            None
        }
    }

    pub(crate) fn names(&self, name: &str) -> Option<&Arc<[Text]>> {
        if let Some(Checked::Names(names)) = self.get(name) {
            Some(names)
        } else {
            None
        }
    }

    pub(crate) fn array(&self, name: &str) -> &'a [Value] {
        if let Some(Checked::Array(elements)) = self.get(name) {
            elements
        } else {
            &[]
        }
    }

    pub(crate) fn take_objects(&mut self, name: &str) -> Vec<Fields<'a>> {
        if let Some(Checked::Objects(all)) = self.take(name) {
            all
        } else {
            Vec::new()
        }
    }

    pub(crate) fn take_path(&mut self, name: &str) -> Option<ValuePath> {
        if let Some(Checked::Path(path)) = self.take(name) {
            Some(path)
        } else {
            None
        }
    }

    pub(crate) fn take_template(&mut self, name: &str) -> Option<Template> {
        if let Some(Checked::Template(template)) = self.take(name) {
            Some(template)
        } else {
            None
        }
    }

    /// InputPath or OutputPath.
    pub(crate) fn take_filter(&mut self, name: &str) -> Filter {
        match self.take(name) {
            Some(Checked::Null) => Filter::Nothing,
            Some(Checked::Path(path)) if is_whole_input(&path) => Filter::All,
            Some(Checked::Path(path)) => Filter::Path(path),
            _ => Filter::All,
        }
    }

    pub(crate) fn take_result_path(&mut self) -> ResultPath {
        match self.take("ResultPath") {
            Some(Checked::Null) => ResultPath::Discard,
            Some(Checked::ResultPath(path)) if path.as_text() != "$" => ResultPath::Into(path),
            _ => ResultPath::Replace,
        }
    }

    /// A number, or a path to it.
    pub(crate) fn take_integer(&mut self, literal: &str, path: &str) -> Option<Dynamic<u64>> {
        match (self.integer(literal), self.take_path(path)) {
            (Some(number), _) => Some(Dynamic::Literal(number)),
            (None, path) => path.map(Dynamic::Path),
        }
    }
}

fn is_whole_input(path: &ValuePath) -> bool {
    matches!(path.root, Root::Input) && path.path.as_text() == "$"
}
