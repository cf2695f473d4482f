//! Reads an object by its schema: every problem is reported, everything else comes out typed.

use std::sync::Arc;

use json::{Object, Value};

use crate::event::Text;
use crate::jsonpath::Path;
use crate::program::{Dynamic, Filter, ResultPath, Test, TextSource};
use crate::query::Query;
use crate::template::{Reference, Root, Template, ValuePath};
use crate::time::Timestamp;
use crate::validate::place::Place;
use crate::validate::queries::Setting;
use crate::validate::report::Report;
use crate::validate::schema::{Field, Group, Kind, Language, Schema};
use crate::validate::{lint, message, queries, values};

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
    Reference(Reference),
    ResultPath(Path),
    Template(Template),
    Query(Box<Query>),
    Test(Test),
    Timestamp(Timestamp),
    Names(Arc<[Text]>),
    Array(&'a [Value]),
    Object(&'a Object),
    Objects(Vec<Fields<'a>>),
}

/// Reads the members of `object`, which stands at `place`. Members the schema doesn't know are
/// reported.
pub(crate) fn read<'a>(
    schema: &'static Schema,
    setting: Setting,
    object: &'a Object,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Fields<'a> {
    for name in object.keys().filter(|name| schema.field(name).is_none()) {
        let message = message::unsupported(name);
        report.error_within(message::SCHEMA, message, place, &place.member(name));
    }
    read_known(schema, setting, object, place, report)
}

/// Reads the members of `object` that the schema knows, and leaves the others to the caller.
pub(crate) fn read_known<'a>(
    schema: &'static Schema,
    setting: Setting,
    object: &'a Object,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Fields<'a> {
    missing(schema, setting.language, object, place, report);
    let mut fields = Fields::default();
    for (name, value) in object.members() {
        let Some(field) = schema.field(name) else {
            continue;
        };
        if !field.is_of(setting.language) {
            foreign(field.name, setting.language, place, report);
        } else if let Some(checked) = checked(field, setting, value, place, report) {
            fields.values.push((field.name, checked));
        }
    }
    fields
}

/// Reports a field of the other query language. `place` is that of the object.
pub(crate) fn foreign(name: &str, language: Language, place: &Place<'_>, report: &mut Report<'_>) {
    let message = message::foreign_field(name, language);
    report.error_within(message::SCHEMA, message, place, &place.member(name));
}

/// Reports required fields that are not there, and groups with too many or too few fields.
fn missing(
    schema: &Schema,
    language: Language,
    object: &Object,
    place: &Place<'_>,
    report: &mut Report<'_>,
) {
    let is_missing = |field: &&Field| {
        field.is_required && field.is_of(language) && !object.contains_key(field.name)
    };
    let names = schema
        .fields()
        .filter(is_missing)
        .map(|field| field.name)
        .collect::<Vec<_>>();
    if !names.is_empty() {
        report.error(message::SCHEMA, message::required(&names), place);
    }
    for Group { names, is_required } in schema.groups {
        let own = names
            .iter()
            .copied()
            .filter(|name| {
                schema
                    .field(name)
                    .is_some_and(|field| field.is_of(language))
            })
            .collect::<Vec<_>>();
        let is_given = |name: &&&str| object.contains_key(name);
        if own.iter().filter(is_given).count() > 1 {
            report.error(message::SCHEMA, message::only_one(&own), place);
        } else if *is_required && !names.iter().any(|name| object.contains_key(name)) {
            report.error(message::SCHEMA, message::one_required(&own), place);
        }
    }
}

/// Reads one member; `place` is that of the object.
fn checked<'a>(
    field: &Field,
    setting: Setting,
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Checked<'a>> {
    let at = &place.member(field.name);
    let setting = setting.of_field(field.name);
    if let Some(text) = queries::dynamic(field.kind, setting, value) {
        return queries::query(text, setting, at, report).map(Checked::Query);
    }
    match field.kind {
        Kind::Any => Some(Checked::Value(value)),
        Kind::Text => values::text(value, at, report).map(Checked::Text),
        Kind::DynamicText => {
            lint::literal(field.name, setting.language, value, at, report);
            values::text(value, at, report).map(Checked::Text)
        }
        Kind::True => values::literal_true(field.name, value, at, report).then_some(Checked::Null),
        Kind::OneOf(options) => {
            values::one_of(field.name, options, value, at, report).map(Checked::Text)
        }
        Kind::Integer { minimum, maximum } | Kind::DynamicInteger { minimum, maximum } => {
            values::integer(minimum, maximum, value, at, report).map(Checked::Integer)
        }
        Kind::Percentage => values::percentage(value, at, report).map(Checked::Factor),
        Kind::Factor => values::factor(value, at, report).map(Checked::Factor),
        // That there was a transition matters even when it leads nowhere.
        Kind::StateName => {
            Some(values::non_empty_text(value, at, report).map_or(Checked::Null, Checked::Text))
        }
        Kind::Filter | Kind::ResultPath if value.is_null() => Some(Checked::Null),
        Kind::Filter => values::path(value, at, report).map(Checked::Path),
        Kind::ResultPath => values::result_path(value, at, report).map(Checked::ResultPath),
        Kind::ReferencePath => values::reference_path(value, at, report).map(Checked::Path),
        Kind::DataPath => values::data_path(value, at, report).map(Checked::Path),
        Kind::PathOrIntrinsic => {
            values::path_or_intrinsic(value, at, report).map(Checked::Reference)
        }
        Kind::Template => values::template(setting, value, at, report).map(Checked::Template),
        Kind::Assign => values::assign(setting, value, at, report).map(Checked::Template),
        Kind::Items => values::items(setting, value, at, report).map(Checked::Template),
        Kind::Credentials => values::credentials(setting, value, at, report).map(Checked::Template),
        Kind::Condition => values::condition(value, at, report).map(Checked::Test),
        Kind::Timestamp => values::timestamp(value, at, report).map(Checked::Timestamp),
        Kind::ErrorNames => values::error_names(value, at, report).map(Checked::Names),
        Kind::NonEmptyArray => values::non_empty_array(value, at, report).map(Checked::Array),
        Kind::Object => values::object(value, at, report).map(Checked::Object),
        Kind::Objects(schema) => objects(schema, setting, value, at, report).map(Checked::Objects),
        Kind::Label => values::label(value, at, report).map(Checked::Text),
        Kind::Pointer => values::pointer(value, at, report).map(Checked::Text),
        Kind::Texts => values::texts(value, at, report).map(Checked::Names),
    }
}

/// Reads an array of objects. Elements that are no objects are reported and left out.
fn objects<'a>(
    schema: &'static Schema,
    setting: Setting,
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<Fields<'a>>> {
    let elements = values::array(value, place, report)?;
    let read_one = |(index, element): (usize, &'a Value)| {
        let at = place.item(index);
        let object = values::object(element, &at, report);
        // An empty entry keeps the positions of the others.
        object.map_or_else(Fields::default, |object| {
            read(schema, setting, object, &at, report)
        })
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

    pub(crate) fn object(&self, name: &str) -> Option<&'a Object> {
        if let Some(Checked::Object(object)) = self.get(name) {
            Some(object)
        } else {
            None
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

    /// A number, an expression for it, or the field with a path to it.
    pub(crate) fn take_integer(&mut self, name: &str, path: &str) -> Option<Dynamic<u64>> {
        match self.take(name) {
            Some(Checked::Integer(number)) => Some(Dynamic::Literal(number)),
            Some(Checked::Query(query)) => Some(Dynamic::Query(query)),
            _ => self.take_path(path).map(Dynamic::Path),
        }
    }

    /// A number with a fraction, an expression for it, or the field with a path to it.
    pub(crate) fn take_number(&mut self, name: &str, path: &str) -> Option<Dynamic<f64>> {
        match self.take(name) {
            Some(Checked::Factor(number)) => Some(Dynamic::Literal(number)),
            Some(Checked::Query(query)) => Some(Dynamic::Query(query)),
            _ => self.take_path(path).map(Dynamic::Path),
        }
    }

    /// A time, an expression for it, or the field with a path to it.
    pub(crate) fn take_timestamp(&mut self, name: &str, path: &str) -> Option<Dynamic<Timestamp>> {
        match self.take(name) {
            Some(Checked::Timestamp(time)) => Some(Dynamic::Literal(time)),
            Some(Checked::Query(query)) => Some(Dynamic::Query(query)),
            _ => self.take_path(path).map(Dynamic::Path),
        }
    }

    /// A text, an expression for it, or the field with a path or intrinsic function.
    pub(crate) fn take_text(&mut self, name: &str, path: &str) -> Option<TextSource> {
        match (self.take(name), self.take(path)) {
            (Some(Checked::Text(text)), _) => Some(TextSource::Text(text.into())),
            (Some(Checked::Query(query)), _) => Some(TextSource::Query(query)),
            (_, Some(Checked::Reference(reference))) => Some(TextSource::Reference(reference)),
            _ => None,
        }
    }

    /// `Condition`.
    pub(crate) fn take_test(&mut self, name: &str) -> Option<Test> {
        match self.take(name) {
            Some(Checked::Test(test)) => Some(test),
            Some(Checked::Query(query)) => Some(Test::Query(query)),
            _ => None,
        }
    }
}

fn is_whole_input(path: &ValuePath) -> bool {
    matches!(path.root, Root::Input) && path.path.as_text() == "$"
}
