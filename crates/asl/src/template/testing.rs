//! What lies outside of an expression, for tests.

use std::cell::Cell;

use json::Value;

use super::Outside;
use crate::context::Chance;

/// A context object and variables that stand still, and chance that repeats itself.
pub(crate) struct Fixed {
    pub(crate) context: Value,
    /// An object: the values by name.
    pub(crate) variables: Value,
    pub(crate) contexts_built: Cell<u32>,
    pub(crate) chance: Chance,
}

impl Fixed {
    /// What `context` and `variables` of a file of cases say.
    pub(crate) fn of(file: &Value) -> Fixed {
        let member = |name| file.get(name).cloned().unwrap_or_default();
        Fixed {
            context: member("context"),
            variables: member("variables"),
            contexts_built: Cell::new(0),
            chance: Chance::new(1),
        }
    }
}

impl Outside for Fixed {
    fn context(&self) -> Value {
        self.contexts_built.set(self.contexts_built.get() + 1);
        self.context.clone()
    }

    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.get(name).cloned()
    }

    fn random(&self) -> u64 {
        self.chance.draw()
    }

    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }
}

/// The elements of a member of a case.
pub(crate) fn list<'c>(value: &'c Value, member: &str) -> &'c [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .unwrap_or_default()
}

/// A text of a case; empty if it has none.
pub(crate) fn text<'c>(case: &'c Value, member: &str) -> &'c str {
    case.get(member).and_then(Value::as_str).unwrap_or_default()
}
