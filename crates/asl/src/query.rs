//! JSONata expressions in a definition: `{% ... %}`.

use crate::event::Text;

/// One compiled expression and the field it stands in.
#[derive(Clone, Debug)]
pub struct Query {
    /// Between `{%` and `%}`, as written.
    pub source: Text,
    /// AWS's name of the field: `Arguments/Payload`, `Assign/x`, `Items`.
    pub location: Text,
}
