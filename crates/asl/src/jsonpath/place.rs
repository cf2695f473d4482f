//! ResultPath: a document with one node set.

use json::{Object, Value, View};

use super::token::Token;

/// `None` if the path does not fit the document. A loop down and a loop up: a path can be as long
/// as a definition.
pub(super) fn place(tokens: &[Token], root: &Value, value: Value) -> Option<Value> {
    let mut node = Some(root);
    let mut parents = Vec::with_capacity(tokens.len());
    for token in tokens {
        parents.push((token, node));
        node = match (token, node.map(Value::view)) {
            (Token::Property(name), Some(View::Object(object))) => object.get(name),
            (Token::Property(_), None) => None,
            (Token::Index(index), Some(View::Array(elements))) => {
                Some(elements.get(usize::try_from(*index).ok()?)?)
            }
            _ => return None,
        };
    }
    parents
        .into_iter()
        .rev()
        .try_fold(value, |value, (token, parent)| match (token, parent) {
            (Token::Property(name), Some(parent)) => parent
                .as_object()
                .map(|object| object.with(&**name, value).into()),
            (Token::Property(name), None) => Some(Object::from_iter([(&**name, value)]).into()),
            (Token::Index(index), Some(parent)) => {
                parent.with_element(usize::try_from(*index).ok()?, value)
            }
            _ => None,
        })
}
