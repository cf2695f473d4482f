//! What AWS demands of a definition: the table of fields, what their values must look like, and the
//! graph of transitions. Everything that is wrong is reported; nothing stops at the first problem.

pub(crate) mod errors;
pub(crate) mod fields;
pub(crate) mod graph;
pub(crate) mod lint;
pub(crate) mod message;
pub(crate) mod place;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod source;
pub(crate) mod values;

pub use errors::RESERVED as ERROR_NAMES;
use schema::{CATCHER, Kind, MACHINE, RETRIER, RULE, STATE_TYPE_NAMES, Schema, StateType};

/// One field of the table that definitions are judged by, for tests that walk the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName {
    /// `Machine`, a type of state, `Retrier`, `Catcher` or `Rule` (of a Choice).
    pub object: &'static str,
    pub name: &'static str,
    /// Whether a definition with this field can be accepted.
    pub is_served: bool,
}

/// Every field of every object. A state type that is not served yet has no fields.
pub fn fields() -> Vec<FieldName> {
    let parts = [
        ("Machine", &MACHINE),
        ("Retrier", &RETRIER),
        ("Catcher", &CATCHER),
        ("Rule", &RULE),
    ];
    let states = STATE_TYPE_NAMES.iter().filter_map(|name| {
        let schema = StateType::parse(name)?.schema()?;
        Some((*name, schema))
    });
    let of_object = |(object, schema): (&'static str, &'static Schema)| {
        schema.fields().map(move |field| {
            let is_served = !matches!(field.kind, Kind::NotServed | Kind::JsonataOnly);
            FieldName {
                object,
                name: field.name,
                is_served,
            }
        })
    };
    states.chain(parts).flat_map(of_object).collect()
}

#[cfg(test)]
mod tests;
