//! What arrays and objects share: sizes, depths, and a drop that needs no stack.

use std::sync::Arc;

use crate::Value;
use crate::value::Repr;

/// Containers nested deeper than this are dropped with a list of work instead of by recursion.
/// A level of recursion takes some hundred bytes of stack.
pub(crate) const DROP_DEPTH_MAX: usize = 128;

pub(crate) struct ArrayNode {
    pub(crate) elements: Vec<Value>,
    pub(crate) size: usize,
    pub(crate) depth: usize,
}

impl ArrayNode {
    pub(crate) fn new(elements: Vec<Value>) -> ArrayNode {
        let content = elements
            .iter()
            .fold(0, |sum, value| add_sizes(sum, value.size()));
        let size = container_size(elements.len(), content);
        let depth = depth_over(elements.iter());
        ArrayNode {
            elements,
            size,
            depth,
        }
    }
}

impl Drop for ArrayNode {
    fn drop(&mut self) {
        if self.depth > DROP_DEPTH_MAX {
            drop_deep(std::mem::take(&mut self.elements));
        }
    }
}

/// Drops values of any depth. What is nested less deep than `DROP_DEPTH_MAX` drops by itself.
pub(crate) fn drop_deep(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        if value.depth() <= DROP_DEPTH_MAX {
            continue;
        }
        match value.0 {
            Repr::Array(node) => {
                if let Some(mut node) = Arc::into_inner(node) {
                    values.append(&mut node.elements);
                }
            }
            Repr::Object(object) => {
                if let Some(mut node) = Arc::into_inner(object.0) {
                    values.extend(node.members.drain(..).map(|(_, value)| value));
                }
            }
            _ => {}
        }
    }
}

/// Sums sizes. A value can hold itself many times by sharing, so a sum may exceed any memory; it
/// then stays at the largest number.
pub(crate) fn add_sizes(left: usize, right: usize) -> usize {
    left.saturating_add(right)
}

/// The size of a container after one of its values changed size.
pub(crate) fn replace_size(size: usize, old: usize, new: usize) -> usize {
    if size == usize::MAX {
        size
    } else {
        add_sizes(size - old, new)
    }
}

/// Brackets, commas and the content itself.
pub(crate) fn container_size(len: usize, content: usize) -> usize {
    add_sizes(content, 2 + len.saturating_sub(1))
}

/// The depth of a container of these values.
pub(crate) fn depth_over<'a>(values: impl Iterator<Item = &'a Value>) -> usize {
    1 + values.map(Value::depth).max().unwrap_or(0)
}
