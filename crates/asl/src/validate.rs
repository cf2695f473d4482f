//! What AWS demands of a definition: the table of fields, what their values must look like, and the
//! graph of transitions. Everything that is wrong is reported; nothing stops at the first problem.

pub(crate) mod errors;
pub(crate) mod fields;
pub(crate) mod graph;
pub(crate) mod label;
pub(crate) mod lint;
pub(crate) mod message;
pub(crate) mod patterns;
pub(crate) mod place;
pub(crate) mod queries;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod scopes;
pub(crate) mod source;
pub(crate) mod table;
pub(crate) mod values;

pub use errors::RESERVED as ERROR_NAMES;
use schema::{Language, STATE_TYPE_NAMES, Schema, StateType};

/// One field of the table that definitions are judged by, for tests that walk the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName {
    /// A type of state, or the name of one of [`table::PARTS`].
    pub object: &'static str,
    pub name: &'static str,
    /// The query language whose states have it; `None` for both.
    pub language: Option<&'static str>,
    /// Whether an execution does what the field says. Those of a distributed Map are accepted only.
    pub is_served: bool,
}

/// Every field of every object.
pub fn fields() -> Vec<FieldName> {
    let of_object = |(object, schema): (&'static str, &'static Schema)| {
        schema.fields().map(move |field| FieldName {
            object,
            name: field.name,
            language: field.language.map(Language::name),
            is_served: !table::is_distributed(object, field.name),
        })
    };
    schemas().into_iter().flat_map(of_object).collect()
}

/// Every schema under its name.
pub(crate) fn schemas() -> Vec<(&'static str, &'static Schema)> {
    let states = STATE_TYPE_NAMES
        .iter()
        .filter_map(|name| Some((*name, StateType::parse(name)?.schema())));
    states.chain(table::PARTS).collect()
}

#[cfg(test)]
mod tests;
