use std::sync::Arc;

use super::*;
use crate::name::mix;
use crate::record::window::Known;

/// Stores values one after the other; gives the bytes of literals each took.
fn store(values: &[Value]) -> Vec<usize> {
    let mut window = Window::default();
    let mut areas: Vec<String> = Vec::new();
    let mut costs = Vec::new();
    for (record, value) in values.iter().enumerate() {
        let mut literals = String::new();
        let number = u32::try_from(record).unwrap();
        let pieces = splice(value, &window, number, &mut literals);
        costs.push(literals.len());
        areas.push(literals.clone());
        let text: String = pieces
            .iter()
            .map(|piece| {
                let area = &areas[usize::try_from(piece.record).unwrap()];
                area.get(piece.offset..piece.offset + piece.len).unwrap()
            })
            .collect();
        assert_eq!(text, value.to_text());
        window.refresh();
        let stored = Stored {
            pieces,
            held: literals.len(),
            is_as_sent: false,
        };
        let known = Known {
            value: value.clone(),
            stored: Arc::new(stored),
        };
        window.push_numbered(known, (number, 0), false);
    }
    costs
}

fn parse(text: &str) -> Value {
    json::parse(text).unwrap()
}

fn long(letter: char) -> Value {
    Value::from(letter.to_string().repeat(100))
}

/// The literals that `new` takes after `old` was stored.
fn check(old: &Value, new: &Value, expected: std::ops::RangeInclusive<usize>) {
    let costs = store(&[old.clone(), new.clone()]);
    assert!(expected.contains(&costs[1]), "{} for {new}", costs[1]);
}

fn base() -> Value {
    Value::from(json::Object::from_iter([
        ("a", long('a')),
        ("b", parse("[1,2,3]")),
        (
            "c",
            json::Object::from_iter([("d", long('d')), ("e", long('e'))]).into(),
        ),
        ("f", long('f')),
    ]))
}

#[test]
fn what_is_shared_is_not_written() {
    let old = base();
    check(&old, &old, 0..=0);
    // A member changed, added, removed.
    check(&old, &old.with_member("b", parse("[1,2,4]")), 1..=20);
    check(&old, &old.with_member("g", parse("true")), 5..=12);
    let without = old.as_object().unwrap().without("b");
    check(&old, &without.into(), 0..=5);
    // Inside a member.
    let inner = old.get("c").unwrap().with_member("e", parse("7"));
    check(&old, &old.with_member("c", inner), 1..=10);
}

#[test]
fn parts_that_moved_are_found() {
    let old = base();
    let inner = old.get("c").unwrap();
    check(&old, inner, 0..=0);
    check(&old, &inner.get("d").unwrap().clone(), 0..=0);
    check(
        &old,
        &json::Object::from_iter([("x", inner.clone())]).into(),
        5..=8,
    );
    let listed = Value::from(vec![old.get("f").unwrap().clone(), inner.clone()]);
    check(&old, &listed, 3..=3);
}

#[test]
fn equal_text_without_shared_nodes_is_found_too() {
    let old = base();
    check(&old, &parse(&old.to_text()), 0..=12);
    let numbers = parse(&format!("[{}]", ["123456"; 100].join(",")));
    check(&numbers, &parse(&numbers.to_text()), 0..=0);
}

#[test]
fn numbers_of_the_same_value_are_not_the_same() {
    let old = parse(&format!("[{}]", ["1.0"; 100].join(",")));
    let new = parse(&format!("[{},1.00]", ["1.0"; 99].join(",")));
    check(&old, &new, 1..=20);
}

#[test]
fn unread_text_is_not_looked_into() {
    let text = base().to_text();
    let lazy = |text: &str| json::parse_lazy(format!("[{text},{text},{text}]").into()).unwrap();
    let (old, new) = (lazy(&text), lazy(&text));
    assert!(old.is_unread());
    assert_eq!(store(&[old.clone(), new.clone()]), [old.size(), old.size()]);
    assert!(old.is_unread() && new.is_unread());
}

#[test]
fn a_payload_of_too_many_pieces_is_written_whole() {
    let old = Value::from_iter((0..1_000).map(|n| Value::from(format!("{n:040}"))));
    let changed = old.as_array().unwrap().iter().enumerate();
    let new = changed.map(|(at, value)| {
        if at % 2 == 0 {
            value.clone()
        } else {
            parse("0")
        }
    });
    let new: Value = new.collect();
    let costs = store(&[old, new.clone()]);
    assert_eq!(costs[1], new.size());
}

#[test]
fn deep_values_are_written() {
    let deep = (0..900).fold(long('x'), |inner, _| Value::from(vec![inner]));
    let deeper = Value::from(vec![deep.clone(), parse("1")]);
    store(&[deep, deeper]);
}

/// Chains of random changes come back to the byte, whatever was shared.
#[test]
fn random_changes_come_back() {
    for seed in 0..60 {
        let mut chance = mix(seed);
        let mut draw = |below: u64| {
            chance = mix(chance);
            chance % below
        };
        let mut value = base();
        let mut values = vec![value.clone()];
        for _ in 0..40 {
            value = change(&value, &mut draw);
            if value.size() > 200_000 {
                value = base();
            }
            values.push(value.clone());
        }
        store(&values);
    }
}

fn change(value: &Value, draw: &mut impl FnMut(u64) -> u64) -> Value {
    let key = format!("key-{}", draw(6));
    match draw(8) {
        0 => value.with_member(&key, Value::from(draw(1_000))),
        1 => value.with_member(&key, value.clone()),
        2 => value.with_member(&key, Value::from(format!("{:0>60}", draw(9)))),
        3 => match value.as_object() {
            Some(object) => object.without(&key).into(),
            None => base(),
        },
        4 => value
            .as_object()
            .and_then(|object| object.values().last().cloned())
            .unwrap_or_default(),
        5 => Value::from(vec![value.clone(), long('q'), value.clone()]),
        6 => {
            let inner = value.get(&key).cloned().unwrap_or_default();
            value.with_member(&key, change(&inner, draw))
        }
        _ => parse(&value.to_text()),
    }
}
