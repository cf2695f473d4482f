use super::*;
use crate::parse;

fn object(text: &str) -> Object {
    parse(text).unwrap().as_object().unwrap().clone()
}

fn text(object: &Object) -> String {
    let text = Value::from(object.clone()).to_text();
    assert_eq!(object.size(), text.len());
    text
}

#[test]
fn members_change_and_keep_their_order() {
    let start = object(r#"{"a":1,"b":2,"c":3}"#);
    assert_eq!(
        text(&start.with("b", "two".into())),
        r#"{"a":1,"b":"two","c":3}"#
    );
    assert_eq!(
        text(&start.with("d", 4.into())),
        r#"{"a":1,"b":2,"c":3,"d":4}"#
    );
    assert_eq!(text(&start.without("a")), r#"{"b":2,"c":3}"#);
    assert_eq!(text(&start.without("a").without("b").without("c")), "{}");
    assert!(start.without("missing").ptr_eq(&start));
    assert_eq!(
        text(&Object::new().with("\n", Value::null())),
        r#"{"\n":null}"#
    );
    assert_eq!(text(&start), r#"{"a":1,"b":2,"c":3}"#);
}

#[test]
fn a_sole_handle_changes_in_place() {
    let mut sole = object(r#"{"a":1}"#);
    let node = Arc::as_ptr(&sole.0);
    sole.insert("a", 2.into());
    sole.insert("b", 3.into());
    assert_eq!(Arc::as_ptr(&sole.0), node);
    let before = sole.clone();
    sole.insert("a", 4.into());
    assert_eq!(text(&before), r#"{"a":2,"b":3}"#);
    assert_eq!(text(&sole), r#"{"a":4,"b":3}"#);
}

#[test]
fn repeated_names_keep_the_first_position_and_the_last_value() {
    let few = object(r#"{"a":1,"b":2,"a":3,"c":4,"b":5,"a":6}"#);
    assert_eq!(text(&few), r#"{"a":6,"b":5,"c":4}"#);
    let members =
        |count: usize| (0..count).map(|i| (format!("k{}", i % 50), Value::from(i as u64)));
    let many: Object = members(1000).collect();
    assert_eq!(many.len(), 50);
    for (at, (key, value)) in many.iter().enumerate() {
        assert_eq!(
            (key, value.as_i64()),
            (&*format!("k{at}"), Some(950 + at as i64))
        );
        assert_eq!(many.position(key), Some(at));
    }
    text(&many);
}

#[test]
fn lookups_find_members_of_large_objects() {
    for count in [0, 1, 15, 16, 17, 18, 100, 10_000] {
        let key = |i: usize| format!("{}key number {i}", "k".repeat(i % 20));
        let mut large: Object = (0..count)
            .map(|i| (key(i), Value::from(i as u64)))
            .collect();
        for i in 0..count {
            assert_eq!(large.get(&key(i)).unwrap().as_i64(), Some(i as i64));
        }
        assert!(!large.contains_key("absent"));
        large.insert("new", Value::null());
        assert_eq!(large.position("new"), Some(count));
        large.insert("new", true.into());
        assert_eq!(
            (large.len(), large.position("new")),
            (count + 1, Some(count))
        );
        let shared = large.with("newer", 1.into());
        assert_eq!(shared.position("newer"), Some(count + 1));
        assert_eq!(large.position("newer"), None);
        let without = shared.without("new");
        assert_eq!(
            (without.position("new"), without.position("newer")),
            (None, Some(count))
        );
        text(&without);
    }
}

#[test]
fn depth_follows_changes() {
    let mut changing = object(r#"{"deep":[[[]]],"flat":1}"#);
    let depth = |object: &Object| Value::from(object.clone()).depth();
    assert_eq!(depth(&changing), 4);
    changing.insert("flat", parse("[[[[]]]]").unwrap());
    assert_eq!(depth(&changing), 5);
    changing.insert("flat", 1.into());
    assert_eq!(depth(&changing), 4);
    assert_eq!(depth(&changing.without("deep")), 1);
}

#[test]
fn equality_ignores_the_order_of_members() {
    assert_eq!(object(r#"{"a":1,"b":2}"#), object(r#"{"b":2.0,"a":1}"#));
    assert_ne!(object(r#"{"a":1,"b":2}"#), object(r#"{"a":1,"c":2}"#));
    assert_ne!(object(r#"{"a":1,"b":2}"#), object(r#"{"a":1}"#));
}
