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

#[cfg(test)]
mod tests;
