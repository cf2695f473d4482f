//! Functions that compare the same fields of two arguments: sorting by one needs the fields of each
//! element once, and no calls.

use json::Text;

use crate::program::{Action, Binding, Comparison, Kind, Node, Outside, Place, Step};
use crate::syntax::ast::Operator;

/// What a function with this body does, if it is a comparison and nothing else.
pub(super) fn find(parameters: &[usize], body: &Node) -> Option<Comparison> {
    let (Kind::Binary(operator, left, right), None) = (&body.kind, &body.tail) else {
        return None;
    };
    let is_order = matches!(
        operator,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
    );
    let ((left, left_names), (right, right_names)) = (fields(left)?, fields(right)?);
    if !is_order || !left_names.eq(right_names) {
        return None;
    }
    match parameters {
        [first, second] if first != second => match (left == *first, right == *second) {
            (true, true) => Some(false),
            _ => (left == *second && right == *first).then_some(true),
        },
        _ => None,
    }
    .map(|is_swapped| Comparison {
        operator: *operator,
        is_swapped,
    })
}

/// The slot of a parameter, and the fields that are taken of it.
fn fields(node: &Node) -> Option<(usize, impl Iterator<Item = Option<&Text>>)> {
    let (first, rest) = match &node.kind {
        Kind::Variable(_) => (node, &[][..]),
        Kind::Path(path) if path.group.is_none() && path.tuples_from.is_none() => {
            let (first, rest) = path.steps.split_first()?;
            match &first.action {
                Action::Evaluate(node) if first.stages.is_empty() => (node, rest),
                _ => return None,
            }
        }
        _ => return None,
    };
    let names = rest.iter().map(Step::plain_name);
    let is_bare = node.tail.is_none() && first.tail.is_none();
    match &first.kind {
        Kind::Variable(variable) if is_bare && names.clone().all(|name| name.is_some()) => {
            match *variable.places {
                [Place::Slot(Binding { up: 0, slot })] if variable.outside == Outside::Nothing => {
                    Some((slot, names))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
