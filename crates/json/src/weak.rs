//! Values that are known without being kept.

use std::sync::{Arc, Weak};

use crate::Value;
use crate::lazy::Lazy;
use crate::node::ArrayNode;
use crate::object::{Object, ObjectNode};
use crate::text::Long;
use crate::value::Repr;

/// The node of a [`Value`], which this handle does not keep alive. What the node held is freed with
/// its last value; its [`address`](Value::address) names no other node while the handle is there.
#[derive(Clone, Debug)]
pub struct WeakValue(Node);

#[derive(Clone)]
enum Node {
    Long(Weak<Long>),
    Array(Weak<ArrayNode>),
    Object(Weak<ObjectNode>),
    Lazy(Weak<Lazy>),
}

impl Value {
    /// A handle to the value's node; `None` for `null`, booleans, numbers and short strings.
    pub fn downgrade(&self) -> Option<WeakValue> {
        Some(WeakValue(match &self.0 {
            Repr::Long(long) => Node::Long(Arc::downgrade(long)),
            Repr::Array(node) => Node::Array(Arc::downgrade(node)),
            Repr::Object(object) => Node::Object(Arc::downgrade(&object.0)),
            Repr::Lazy(lazy) => Node::Lazy(Arc::downgrade(lazy)),
            Repr::Null | Repr::Bool(_) | Repr::Number(_) | Repr::Short(_) => return None,
        }))
    }
}

impl WeakValue {
    /// The value, if somebody still has it.
    pub fn upgrade(&self) -> Option<Value> {
        Some(Value(match &self.0 {
            Node::Long(long) => Repr::Long(long.upgrade()?),
            Node::Array(node) => Repr::Array(node.upgrade()?),
            Node::Object(object) => Repr::Object(Object(object.upgrade()?)),
            Node::Lazy(lazy) => Repr::Lazy(lazy.upgrade()?),
        }))
    }

    /// Whether somebody still has the value.
    pub fn is_alive(&self) -> bool {
        let holders = match &self.0 {
            Node::Long(long) => long.strong_count(),
            Node::Array(node) => node.strong_count(),
            Node::Object(object) => object.strong_count(),
            Node::Lazy(lazy) => lazy.strong_count(),
        };
        holders > 0
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Node::Long(_) => "string",
            Node::Array(_) => "array",
            Node::Object(_) => "object",
            Node::Lazy(_) => "text",
        })
    }
}

#[cfg(test)]
mod tests;
