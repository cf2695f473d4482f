use json::Value;

use super::{Rule, VIOLATIONS_MAX, check, message};
use crate::model::Model;

const MODEL: &str = r#"{
"metadata": {"protocol": "json", "jsonVersion": "1.0", "endpointPrefix": "x"},
"operations": {"Do": {"input": "In"}},
"shapes": {
"In": {"type": "structure", "required": ["Must"], "members": {
  "Must": "Text", "Name": "Name", "Secret": "Secret", "Count": "Count", "Ratio": "Ratio",
  "Items": "Items", "Names": "Names", "Map": "Map", "Deep": "Deep", "Blob": "Blob", "Size": "Big"}},
"Text": {"type": "string"},
"Name": {"type": "string", "min": 2, "max": 4, "pattern": "[a-z]*"},
"Secret": {"type": "string", "max": 3, "sensitive": true},
"Count": {"type": "integer", "min": 0, "max": 1000},
"Ratio": {"type": "double", "max": 1.5},
"Big": {"type": "long", "max": 9007199254740992},
"Item": {"type": "structure", "required": ["Key"], "members": {"Key": "Name", "Pass": "Secret"}},
"Items": {"type": "list", "member": "Item", "min": 1, "max": 2},
"Names": {"type": "list", "member": "Name"},
"Map": {"type": "map", "key": "Name", "value": "Count", "max": 2},
"Deep": {"type": "map", "key": "Text", "value": "Item"},
"Blob": {"type": "blob", "max": 3}}}"#;

/// Checks `members` (`Must` is added) and compares the message after `.. detected: `.
#[track_caller]
fn violates(members: &str, expected: &str) {
    let model = Model::parse(MODEL).expect("a model");
    let input = model
        .operation("Do")
        .and_then(|operation| operation.input)
        .expect("an input");
    let members = json::parse(members)
        .expect("JSON")
        .with_member("Must", Value::from(""));
    let found = message(&check(&model, input, &members, false));
    let text = found
        .as_deref()
        .and_then(|text| text.split_once(" detected: "));
    assert_eq!(text.map(|(_, text)| text).unwrap_or_default(), expected);
}

#[test]
fn scalars() {
    violates(
        r#"{"Name": "ab", "Count": 0, "Secret": "", "Ratio": 1.5, "Blob": "YWJj"}"#,
        "",
    );
    violates(
        r#"{"Name": "a"}"#,
        "Value 'a' at 'name' failed to satisfy constraint: Member must have length greater than \
         or equal to 2",
    );
    violates(
        r#"{"Name": "ABCDE"}"#,
        "Value 'ABCDE' at 'name' failed to satisfy constraint: Member must have length less than \
         or equal to 4; Value 'ABCDE' at 'name' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [a-z]*",
    );
    // Length is counted in UTF-16 units, as Java does.
    violates(r#"{"Secret": "äöü"}"#, "");
    let secret = "Value at 'secret' failed to satisfy constraint: Member must have length less \
                  than or equal to 3";
    violates(r#"{"Secret": "😀😀"}"#, secret);
    violates(r#"{"Secret": "1234"}"#, secret);
    violates(
        r#"{"Count": -1}"#,
        "Value '-1' at 'count' failed to satisfy constraint: Member must have value greater than \
         or equal to 0",
    );
    violates(
        r#"{"Ratio": 1.6}"#,
        "Value '1.6' at 'ratio' failed to satisfy constraint: Member must have value less than or \
         equal to 1.5",
    );
    violates(
        r#"{"Blob": "YWJjZA=="}"#,
        "Value 'YWJjZA==' at 'blob' failed to satisfy constraint: Member must have length less \
         than or equal to 3",
    );
    violates(
        r#"{"Size": 90071992547409920}"#,
        "Value '90071992547409920' at 'size' failed to satisfy constraint: Member must have value \
         less than or equal to 9007199254740992",
    );
}

#[test]
fn lists_and_maps() {
    violates(
        r#"{"Items": [{"Key": "ab"}], "Map": {"ab": 1}, "Names": []}"#,
        "",
    );
    violates(
        r#"{"Items": []}"#,
        "Value '[]' at 'items' failed to satisfy constraint: Member must have length greater than \
         or equal to 1",
    );
    violates(
        r#"{"Items": [{"Key": "ab"}, {"Pass": "x"}]}"#,
        "Value null at 'items.2.member.key' failed to satisfy constraint: Member must not be null",
    );
    violates(
        r#"{"Items": [null]}"#,
        "Value null at 'items.1.member' failed to satisfy constraint: Member must not be null",
    );
    violates(
        r#"{"Items": [{"Key": "ab", "Pass": "x"}, {"Key": "ab"}, {"Key": "ab"}]}"#,
        "Value '[Item(key=ab, pass=***Sensitive Data Redacted***), Item(key=ab, pass=null), \
         Item(key=ab, pass=null)]' at 'items' failed to satisfy constraint: Member must have \
         length less than or equal to 2",
    );
    let names = "failed to satisfy constraint: Member must satisfy constraint: [Member must have \
                 length less than or equal to 4, Member must have length greater than or equal to \
                 2, Member must satisfy regular expression pattern: [a-z]*, Member must not be \
                 null]";
    violates(
        r#"{"Names": ["ab", "X1"]}"#,
        &format!("Value '[ab, X1]' at 'names' {names}"),
    );
    violates(
        r#"{"Names": ["ab", null]}"#,
        &format!("Value '[ab, null]' at 'names' {names}"),
    );
    violates(
        r#"{"Map": {"ab": 1001}}"#,
        "Value '{ab=1001}' at 'map' failed to satisfy constraint: Map value must satisfy \
         constraint: [Member must have value less than or equal to 1000, Member must have value \
         greater than or equal to 0, Member must not be null]",
    );
    violates(
        r#"{"Deep": {"k": {}}}"#,
        "Value null at 'deep.k.member.key' failed to satisfy constraint: Member must not be null",
    );
}

#[test]
fn required_members() {
    let model = Model::parse(MODEL).expect("a model");
    let input = model
        .operation("Do")
        .and_then(|operation| operation.input)
        .expect("an input");
    let found = check(&model, input, &Value::empty_object(), false);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].rule, &*found[0].member), (Rule::Required, "must"));
    assert_eq!(
        message(&found).as_deref(),
        Some(
            "1 validation error detected: Value null at 'must' failed to satisfy constraint: \
             Member must not be null"
        )
    );
    assert_eq!(message(&[]), None);
}

#[test]
fn hostile_inputs_make_short_messages() {
    let long = "x".repeat(10_000);
    let model = Model::parse(MODEL).expect("a model");
    let input = model
        .operation("Do")
        .and_then(|operation| operation.input)
        .expect("an input");
    let items = vec![format!(r#"{{"Key": "{long}"}}"#); 100].join(",");
    let members = json::parse(&format!(r#"{{"Must": "", "Items": [{items}]}}"#)).expect("JSON");
    let found = check(&model, input, &members, false);
    assert_eq!(found.len(), VIOLATIONS_MAX);
    let text = message(&found).expect("violations");
    assert!(text.starts_with("10 validation errors detected: "));
    assert!(text.len() < 50_000, "{} bytes", text.len());
}
