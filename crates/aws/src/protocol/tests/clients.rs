//! Services that are only called: what we send is what botocore sends, and we read of an answer
//! what botocore reads.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use json::Value;

use super::{json, text};
use crate::Embedded;
use crate::door::Response;
use crate::model::{Model, Operation, Protocol};
use crate::protocol::{decode_response, encode_request, form};

const BOTOCORE: &str = include_str!("../fixtures/clients.json");

fn decoded(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).expect("base64")
}

fn cases(kind: &str) -> Vec<Value> {
    let cases = json(BOTOCORE);
    let cases = cases.get(kind).and_then(Value::as_array).expect(kind);
    assert!(cases.len() >= 15);
    cases.to_vec()
}

fn called(case: &Value) -> (&'static Model, &'static Operation) {
    let known = Embedded::of_signing_name(text(case, "service")).expect("a model");
    let model = known.model().expect("the embedded model compiles");
    let operation = model
        .operation(text(case, "operation"))
        .expect("an operation");
    (model, operation)
}

/// The name of the member that is the whole body, if it is a blob.
fn blob_payload<'m>(model: &'m Model, operation: &Operation) -> Option<&'m str> {
    let structure = model.structure(operation.input?)?;
    let member = structure.payload_member()?;
    let shape = model.shape(member.reference.shape);
    matches!(shape.kind, crate::model::Kind::Blob).then_some(&*member.name)
}

#[test]
fn requests_encode_as_botocores() {
    for case in cases("requests") {
        let (model, operation) = called(&case);
        let name = text(&case, "operation");
        let members = case.get("members").and_then(Value::as_object).expect(name);
        let blob = blob_payload(model, operation);
        let body = blob.and_then(|blob| members.get(blob)?.as_str());
        let body = body.map(|text| Bytes::from(decoded(text)));
        let members = blob.map_or(members.clone(), |blob| members.without(blob));
        let ours = encode_request(model, operation, &members.into(), body.as_ref()).expect(name);

        assert_eq!(ours.method.as_str(), text(&case, "method"), "{name}");
        assert_eq!(ours.path(), text(&case, "path"), "{name}");
        let mut query: Vec<Value> = form::pairs(ours.query().as_bytes())
            .expect("a query")
            .into_iter()
            .map(|(name, value)| vec![Value::from(&*name), Value::from(&*value)].into())
            .collect();
        query.sort_by_key(Value::to_text);
        assert_eq!(Some(&Value::from(query)), case.get("query"), "{name}");
        let headers = case.get("headers").and_then(Value::as_object).expect(name);
        for (header, value) in headers {
            assert_eq!(ours.header(header), value.as_str(), "{name} {header}");
        }
        let theirs = decoded(text(&case, "body"));
        if matches!(model.protocol, Protocol::Json10 | Protocol::Json11) {
            let parsed = |body: &[u8]| json(std::str::from_utf8(body).expect("UTF-8"));
            assert_eq!(parsed(&ours.body), parsed(&theirs), "{name}");
        } else {
            let [ours, theirs] = [&*ours.body, &*theirs].map(String::from_utf8_lossy);
            assert_eq!(ours, theirs, "{name}");
        }
    }
}

#[test]
fn answers_decode_as_botocores() {
    for case in cases("answers") {
        let (model, operation) = called(&case);
        let name = text(&case, "operation");
        let status = case.get("status").and_then(Value::as_i64).expect(name);
        let body = text(&case, "body").to_owned();
        let mut response = Response::new(u16::try_from(status).expect(name), body);
        for (header, value) in case.get("headers").and_then(Value::as_object).expect(name) {
            let header: http::HeaderName = header.parse().expect(name);
            let value = value.as_str().expect(name).parse().expect(name);
            response.headers.insert(header, value);
        }
        match decode_response(model, operation, &response) {
            Ok(output) => assert_eq!(Some(&output.members), case.get("members"), "{name}"),
            Err(error) => {
                let theirs = case.get("error").expect(name);
                let ours = [&*error.code, &*error.message];
                assert_eq!(ours, [text(theirs, "Code"), text(theirs, "Message")]);
                assert_eq!(error.status, Some(response.status));
            }
        }
    }
}

/// The answer of this operation is its member's element itself; botocore has a rule of its own for
/// it.
#[test]
fn the_location_of_a_bucket() {
    let model = Embedded::of_signing_name("s3").expect("known").model();
    let model = model.expect("the embedded model compiles");
    let operation = model.operation("GetBucketLocation").expect("an operation");
    let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    for (body, expected) in [
        (
            format!("<LocationConstraint xmlns=\"{namespace}\">eu-west-1</LocationConstraint>"),
            r#"{"LocationConstraint":"eu-west-1"}"#,
        ),
        (
            format!("<LocationConstraint xmlns=\"{namespace}\"/>"),
            r#"{"LocationConstraint":""}"#,
        ),
    ] {
        let output = decode_response(model, operation, &Response::new(200, body));
        assert_eq!(output.expect("readable").members, json(expected));
    }
}
