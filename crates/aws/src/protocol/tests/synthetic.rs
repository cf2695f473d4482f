//! Traits that the embedded models don't use yet, in a model made up for them.

use json::Value;

use super::{Output, decode_request, decode_response, encode_request, encode_response, json};
use crate::model::Model;

const MODEL: &str = r#"{
"metadata": {"protocol": "query", "apiVersion": "1", "endpointPrefix": "x",
  "xmlNamespace": "urn:x"},
"operations": {"Do": {"input": "In", "output": "In", "resultWrapper": "DoResult"}},
"shapes": {
"In": {"type": "structure", "members": {
  "Flat": "FlatList", "Named": "NamedList", "Deep": "DeepList", "Map": "Map", "FlatMap": "FlatMap",
  "Renamed": {"shape": "String", "locationName": "renamed"}, "Blob": "Blob", "At": "Time",
  "Inner": "In", "Flag": "Flag", "Ratio": "Ratio", "Big": "Big"}},
"FlatList": {"type": "list", "flattened": true, "member": {"shape": "String"}},
"NamedList": {"type": "list", "member": {"shape": "String", "locationName": "Item"}},
"DeepList": {"type": "list", "member": "NamedList"},
"Map": {"type": "map", "key": "String", "value": {"shape": "In"}},
"FlatMap": {"type": "map", "flattened": true, "key": {"shape": "String", "locationName": "Name"},
  "value": {"shape": "String", "locationName": "Value"}},
"String": {"type": "string"}, "Blob": {"type": "blob"}, "Time": {"type": "timestamp"},
"Flag": {"type": "boolean"}, "Ratio": {"type": "double"}, "Big": {"type": "long"}}}"#;

fn model() -> Model {
    Model::parse(MODEL).expect("a model")
}

#[track_caller]
fn check(members: &str, form: &str) {
    let model = model();
    let operation = model.operation("Do").expect("an operation");
    let members = json(members);
    let request = encode_request(&model, operation, &members, None).expect("sendable");
    let body = std::str::from_utf8(&request.body).expect("UTF-8");
    assert_eq!(body, format!("Action=Do&Version=1{form}"));
    let decoded = decode_request(&model, operation, &request).expect("readable");
    assert_eq!(decoded.members, members);

    let output = Output::new(members.clone());
    let response = encode_response(&model, operation, &output, "id");
    let decoded = decode_response(&model, operation, &response).expect("readable");
    let has_empty_flat = matches!(members.get("Flat").and_then(Value::as_array), Some([]));
    assert_eq!(
        decoded.members,
        if has_empty_flat { json("{}") } else { members }
    );
}

#[test]
fn lists_and_maps_both_ways() {
    check("{}", "");
    check(r#"{"Flat": ["a", "b"]}"#, "&Flat.1=a&Flat.2=b");
    check(r#"{"Flat": []}"#, "&Flat=");
    check(r#"{"Named": ["a", ""]}"#, "&Named.Item.1=a&Named.Item.2=");
    check(r#"{"Named": []}"#, "&Named=");
    check(
        r#"{"Deep": [["a"], ["b", "c"]]}"#,
        "&Deep.member.1.Item.1=a&Deep.member.2.Item.1=b&Deep.member.2.Item.2=c",
    );
    check(
        r#"{"Map": {"k": {"Renamed": "v"}, "l": {"Flag": true}}}"#,
        "&Map.entry.1.key=k&Map.entry.1.value.renamed=v\
         &Map.entry.2.key=l&Map.entry.2.value.Flag=true",
    );
    check(
        r#"{"FlatMap": {"k": "v"}}"#,
        "&FlatMap.1.Name=k&FlatMap.1.Value=v",
    );
    check(
        r#"{"Inner": {"Inner": {"Renamed": "x y"}}}"#,
        "&Inner.Inner.renamed=x%20y",
    );
    check(
        r#"{"Blob": "YQ==", "At": 1.5}"#,
        "&Blob=YQ%3D%3D&At=1970-01-01T00%3A00%3A01.500Z",
    );
    check(
        r#"{"Ratio": 12.5, "Big": 9007199254740993}"#,
        "&Ratio=12.5&Big=9007199254740993",
    );
}

#[test]
fn more_than_nine_elements_keep_their_order() {
    let elements: Vec<String> = (0..12).map(|n| format!("\"{n}\"")).collect();
    let form: String = (0..12).map(|n| format!("&Flat.{}={n}", n + 1)).collect();
    check(&format!(r#"{{"Flat": [{}]}}"#, elements.join(",")), &form);
}

#[test]
fn odd_forms() {
    let model = model();
    let operation = model.operation("Do").expect("an operation");
    let decoded = |form: &str| {
        let mut request = crate::Request::new(http::Method::POST, "/");
        request.body = form.to_owned().into();
        decode_request(&model, operation, &request).map(|input| input.members.to_text())
    };
    for (form, members) in [
        ("Flat.7=b&Flat.x=c&Flat.2=a", r#"{"Flat":["a","b"]}"#),
        ("renamed=a+b%2Bc%20d", r#"{"Renamed":"a b+c d"}"#),
        ("renamed", r#"{"Renamed":""}"#),
        ("Renamed=wrong+name&&=&x", "{}"),
        ("Map.entry.1.key=k", "{}"),
        (
            "Flag=TRUE&At=1440938160",
            r#"{"At":1.44093816E9,"Flag":true}"#,
        ),
    ] {
        assert_eq!(decoded(form).expect(form), members, "{form}");
    }
    for form in ["Flag=yes", "Big=1.5", "Ratio=NaN", "At=now", "renamed=%ff"] {
        let error = decoded(form).expect_err(form);
        assert_eq!(error.code, "MalformedInput", "{form}");
    }
}
