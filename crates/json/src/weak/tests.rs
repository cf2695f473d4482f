use std::sync::Arc;

use crate::{Value, parse, parse_lazy};

fn check(value: Value, has_node: bool) {
    let text = value.to_text();
    let Some(weak) = value.downgrade() else {
        return assert!(!has_node, "{text}");
    };
    assert!(has_node && weak.is_alive(), "{text}");
    let address = value.address();
    let again = weak.upgrade().unwrap();
    assert!(again.ptr_eq(&value) && again.address() == address, "{text}");
    drop(again);
    drop(value);
    assert!(!weak.is_alive() && weak.upgrade().is_none(), "{text}");
    // Nothing new gets the address while the handle is there.
    let others: Vec<Value> = (0..100).map(|_| parse(&text).unwrap()).collect();
    assert!(others.iter().all(|other| other.address() != address));
}

#[test]
fn handles_know_their_value_while_it_lives() {
    for text in ["null", "true", "1.5", r#""short""#] {
        check(parse(text).unwrap(), false);
    }
    for text in [r#""longer than 14 bytes""#, "[]", "[1,[2]]", r#"{"a":{}}"#] {
        check(parse(text).unwrap(), true);
    }
    check(parse_lazy(Arc::from(r#"{"a":[1]}"#)).unwrap(), true);
}

#[test]
fn a_changed_object_is_another() {
    let mut object = parse(r#"{"a":1}"#).unwrap().as_object().unwrap().clone();
    let weak = Value::from(object.clone()).downgrade().unwrap();
    object.insert("b", Value::null());
    assert!(weak.upgrade().is_none());
}
