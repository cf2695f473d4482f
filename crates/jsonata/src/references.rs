//! What an expression names that is not bound within it.

/// The names an expression takes from outside. Positions are those of the reference: UTF-16 units
/// from 0, behind the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Free variables: neither bound by `:=`, `@`, `#` or as a parameter, nor names of functions.
    pub variables: Vec<Variable>,
    /// Where `$` or `$$` stands at the top level of the expression: outside any later step of a
    /// path, filter, group, order-by, transform and function body.
    pub root_input: Vec<usize>,
    /// Field names at the top level, looked up in the input document.
    pub root_fields: Vec<(String, usize)>,
    /// Names that are called, but are neither built in nor bound.
    pub functions: Vec<(String, usize)>,
}

/// One use of a free variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub position: usize,
    /// The field names that follow directly: `context`, `State`, `Name` in
    /// `$states.context.State.Name`.
    pub members: Vec<String>,
}

#[cfg(test)]
mod tests;
