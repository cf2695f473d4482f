//! CloudWatch's three protocols: what botocore sends, bodies that no SDK sends, errors, gzip.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use json::Value;

use super::{json, request_of, text};
use crate::door::Request;
use crate::error::{Common, ServiceError};
use crate::model::{Model, Operation, Protocol};
use crate::models::Service;
use crate::protocol::{
    Output, decode_request, decode_response, encode_error, encode_request, encode_response,
};
use crate::route::route;

const BOTOCORE: &str = include_str!("../fixtures/cloudwatch.json");
const PROTOCOLS: [Protocol; 3] = [Protocol::Cbor, Protocol::Json10, Protocol::Query];

fn model(protocol: Protocol) -> &'static Model {
    let embedded = Service::CloudWatch.embedded();
    embedded
        .model_in(protocol)
        .expect("the embedded model compiles")
}

fn operation(protocol: Protocol, name: &str) -> (&'static Model, &'static Operation) {
    (
        model(protocol),
        model(protocol).operation(name).expect(name),
    )
}

/// Numbers as their values: `0.0` and `0` are the same to CBOR.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_array(), other.as_array()) {
        (Some(one), Some(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        _ => match (one.as_object(), other.as_object()) {
            (Some(one), Some(other)) => {
                let has = |(name, value)| other.get(name).is_some_and(|found| same(found, value));
                one.len() == other.len() && one.iter().all(has)
            }
            _ => one == other || one.as_f64().is_some() && one.as_f64() == other.as_f64(),
        },
    }
}

#[test]
fn what_botocore_sends() {
    let cases = json(BOTOCORE);
    let mut packed = 0;
    for case in cases.as_array().expect("cases") {
        let name = text(case, "operation");
        let mut request = request_of(case);
        let body = BASE64_STANDARD.decode(text(case, "body"));
        request.body = Bytes::from(body.expect("base64"));
        packed += usize::from(request.header("content-encoding").is_some());
        let found = route(&request).expect(name);
        let protocol = match text(case, "protocol") {
            "json" => Protocol::Json10,
            "query" => Protocol::Query,
            _ => Protocol::Cbor,
        };
        let place = (found.service, &*found.operation.name, found.model.protocol);
        assert_eq!(place, (Service::CloudWatch, name, protocol));
        let input = decode_request(found.model, found.operation, &request).expect(name);
        assert_eq!(input.violations, [], "{name}");
        let members = case.get("members").expect("members");
        assert!(same(&input.members, members), "{name}: {:?}", input.members);

        let ours = encode_request(found.model, found.operation, members, None).expect(name);
        assert_eq!(ours.path(), request.path());
        for header in ["smithy-protocol", "accept", "content-type", "x-amz-target"] {
            assert_eq!(
                ours.header(header),
                request.header(header),
                "{name} {header}"
            );
        }
        let read = decode_request(found.model, found.operation, &ours).expect(name);
        assert!(same(&read.members, members), "{name}: {:?}", read.members);
    }
    assert_eq!(packed, 3);
}

fn call(name: &str, body: impl Into<Bytes>) -> (&'static Model, &'static Operation, Request) {
    let (model, operation) = operation(Protocol::Cbor, name);
    let mut request = Request::new(http::Method::POST, "/");
    request.body = body.into();
    (model, operation, request)
}

/// A body in hexadecimal, spaces between its parts.
#[track_caller]
fn decoded(name: &str, hex: &str) -> Result<String, ServiceError> {
    let body = hex::decode(hex.replace(' ', "")).expect("hex");
    let (model, operation, request) = call(name, body);
    Ok(decode_request(model, operation, &request)?
        .members
        .to_text())
}

#[test]
fn what_no_sdk_sends() {
    #[track_caller]
    fn accepts(name: &str, hex: &str, members: &str) {
        assert_eq!(decoded(name, hex).expect("accepted"), members, "{hex}");
    }
    // Nothing, an empty map, one of unknown length.
    accepts("ListMetrics", "", "{}");
    accepts("ListMetrics", "a0", "{}");
    accepts("ListMetrics", "bf ff", "{}");
    // A name and a text in pieces, an unknown member with a nested value, null.
    let namespace = "69 4e616d657370616365";
    accepts(
        "ListMetrics",
        &format!("a1 {namespace} 7f 6161 6162 ff"),
        r#"{"Namespace":"ab"}"#,
    );
    accepts(
        "ListMetrics",
        "bf 7f 644e616d65 657370616365 ff 6161 ff",
        r#"{"Namespace":"a"}"#,
    );
    accepts(
        "ListMetrics",
        &format!("a2 6178 9f a1 6161 81 f6 ff {namespace} 6161"),
        r#"{"Namespace":"a"}"#,
    );
    accepts("ListMetrics", &format!("a1 {namespace} f6"), "{}");
    // A list of unknown length.
    let dimensions = "6a 44696d656e73696f6e73";
    accepts(
        "ListMetrics",
        &format!("a1 {dimensions} 9f a1 64 4e616d65 6161 ff"),
        r#"{"Dimensions":[{"Name":"a"}]}"#,
    );
    // Times: whole, half and double precision; a threshold as half, single and whole.
    let start = "69 537461727454696d65";
    accepts(
        "GetMetricData",
        &format!("a1 {start} c1 1a 55e2f9f0"),
        r#"{"StartTime":1.44093848E9}"#,
    );
    accepts(
        "GetMetricData",
        &format!("a1 {start} c1 f9 3e00"),
        r#"{"StartTime":1.5}"#,
    );
    accepts(
        "GetMetricData",
        &format!("a1 {start} c1 fb 3ff8000000000000"),
        r#"{"StartTime":1.5}"#,
    );
    let threshold = "69 5468726573686f6c64";
    accepts(
        "PutMetricAlarm",
        &format!("a1 {threshold} f9 3e00"),
        r#"{"Threshold":1.5}"#,
    );
    accepts(
        "PutMetricAlarm",
        &format!("a1 {threshold} fa 3fc00000"),
        r#"{"Threshold":1.5}"#,
    );
    accepts(
        "PutMetricAlarm",
        &format!("a1 {threshold} 20"),
        r#"{"Threshold":-1}"#,
    );
}

#[track_caller]
fn refuses(name: &str, hex: &str, message: &str) {
    let error = decoded(name, hex).expect_err("refused");
    assert_eq!(error.code, "SerializationException");
    assert!(error.message.contains(message), "{hex}: {}", error.message);
}

#[test]
fn what_cannot_be_read() {
    let namespace = "69 4e616d657370616365";
    for hex in [
        "ff",
        "bf",
        "a1",
        "a1 69",
        "1c",
        "61ff",
        "9b ffffffffffffffff",
        "bb ffffffffffffffff",
    ] {
        refuses("ListMetrics", hex, "the body is not CBOR of this operation");
    }
    refuses("ListMetrics", "a0 a0", "goes on behind its end");
    refuses(
        "ListMetrics",
        &format!("a1 {namespace} 01"),
        "NUMBER_VALUE can not be converted to a String",
    );
    refuses(
        "ListMetrics",
        &format!("a1 {namespace} 42 6161"),
        "BLOB_VALUE can not be converted to a String",
    );
    refuses(
        "ListMetrics",
        &format!("a1 {namespace} 80"),
        "Start of list found where not expected",
    );
    refuses(
        "ListMetrics",
        &format!("a1 {namespace} a0"),
        "Start of structure or map found",
    );
}

#[test]
fn numbers_and_times_that_cannot_be_read() {
    // Instants without a tag, under another one, of no number.
    let start = "69 537461727454696d65";
    refuses(
        "GetMetricData",
        &format!("a1 {start} 01"),
        "can not be converted to a Timestamp",
    );
    refuses(
        "GetMetricData",
        &format!("a1 {start} c0 01"),
        "can not be converted to a Timestamp",
    );
    refuses(
        "GetMetricData",
        &format!("a1 {start} c1 f97e00"),
        "can not be converted to a Timestamp",
    );
    // Not a number, infinite, too large for the type.
    let threshold = "69 5468726573686f6c64";
    refuses(
        "PutMetricAlarm",
        &format!("a1 {threshold} f97e00"),
        "can not be converted to a Double",
    );
    refuses(
        "PutMetricAlarm",
        &format!("a1 {threshold} fb 7ff0000000000000"),
        "to a Double",
    );
    let period = "66 506572696f64";
    refuses(
        "PutMetricAlarm",
        &format!("a1 {period} 1a 80000000"),
        "can not be converted to an Integer",
    );
    refuses(
        "PutMetricAlarm",
        &format!("a1 {period} f9 3c00"),
        "can not be converted to an Integer",
    );
    // Deep nesting, in a member that nobody knows.
    let deep = format!("a1 6178 {}00", "81".repeat(100_000));
    assert_eq!(decoded("ListMetrics", &deep).expect("passed over"), "{}");
}

/// No body of few bytes' difference to a right one brings the reader down, and none that is cut off
/// is taken.
#[test]
fn damaged_bodies() {
    let cases = json(BOTOCORE);
    let cases = cases.as_array().expect("cases").iter();
    let of_cbor = cases.filter(|case| text(case, "protocol") == "smithy-rpc-v2-cbor");
    for case in of_cbor.filter(|case| text(case, "body").len() < 2_000) {
        let body = BASE64_STANDARD.decode(text(case, "body")).expect("base64");
        for end in 1..body.len() {
            let (model, operation, request) = call(text(case, "operation"), body[..end].to_vec());
            assert!(decode_request(model, operation, &request).is_err(), "{end}");
        }
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut body = body.clone();
                body[at] ^= 1 << bit;
                let (model, operation, request) = call(text(case, "operation"), body);
                let _ = decode_request(model, operation, &request);
            }
        }
    }
}

#[test]
fn responses() {
    let statistics = json(
        r#"{"Label":"l","Datapoints":[{"Timestamp":1440938160,"Sum":3,"Unit":"Count"},
            {"Timestamp":1440938160.5,"Sum":0.1}]}"#,
    );
    for protocol in PROTOCOLS {
        let (model, operation) = operation(protocol, "GetMetricStatistics");
        let output = Output::new(statistics.clone());
        let response = encode_response(model, operation, &output, "id-1");
        let read = decode_response(model, operation, &response)
            .expect("readable")
            .members;
        assert!(same(&read, &statistics), "{read:?}");
    }
    let (model, operation) = operation(Protocol::Cbor, "PutMetricData");
    let response = encode_response(model, operation, &Output::empty(), "id-1");
    assert_eq!((response.status, &*response.body), (200, &b""[..]));
    assert_eq!(response.header("content-type"), None);
    assert_eq!(response.header("smithy-protocol"), Some("rpc-v2-cbor"));
    // A value of the wrong type is our fault, and said.
    let (model, operation) = self::operation(Protocol::Cbor, "GetMetricStatistics");
    let wrong = Output::new(json(r#"{"Label":1}"#));
    assert_eq!(
        encode_response(model, operation, &wrong, "id-1").status,
        500
    );
}

#[test]
fn errors() {
    /// The code in the body, the one in the header, the status; for JSON and CBOR the same.
    #[track_caller]
    fn check(error: &ServiceError, kind: &str, of_query: &str, status: u16) {
        for protocol in [Protocol::Cbor, Protocol::Json10] {
            let response = encode_error(model(protocol), error, "id-1");
            assert_eq!(response.status, status);
            assert_eq!(response.header("x-amzn-query-error"), Some(of_query));
            let (model, operation) = operation(protocol, "PutMetricData");
            let read = decode_response(model, operation, &response).expect_err("an error");
            assert_eq!((&*read.code, &*read.message), (kind, "why"), "{response:?}");
        }
        let response = encode_error(model(Protocol::Query), error, "id-1");
        let (code, _) = of_query.split_once(';').expect("two parts");
        let body = std::str::from_utf8(&response.body).expect("UTF-8");
        assert!(
            body.contains(&format!("<Code>{code}</Code><Message>why</Message>")),
            "{body}"
        );
        assert!(body.contains("xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\""));
        assert_eq!(response.header("x-amzn-query-error"), None);
    }
    let kind = "InvalidParameterCombinationException";
    let of_query = "InvalidParameterCombination;Sender";
    check(
        &ServiceError::new("InvalidParameterCombination", "why"),
        kind,
        of_query,
        400,
    );
    let missing = ServiceError::new("MissingParameter", "why");
    check(
        &missing,
        "MissingRequiredParameterException",
        "MissingParameter;Sender",
        400,
    );
    let gone = ServiceError::new("ResourceNotFound", "why");
    check(&gone, "ResourceNotFound", "ResourceNotFound;Sender", 404);
    let fault = ServiceError::new("InternalServiceError", "why");
    check(
        &fault,
        "InternalServiceFault",
        "InternalServiceError;Receiver",
        500,
    );
    let denied = ServiceError::common(Common::AccessDenied, Protocol::Query, "why");
    check(&denied, "AccessDeniedException", "AccessDenied;Sender", 400);
}

/// What is in the body of a CBOR error.
#[test]
fn the_body_of_an_error() {
    let error = ServiceError::new("InvalidNextToken", "why");
    let response = encode_error(model(Protocol::Cbor), &error, "id-1");
    assert_eq!(response.header("content-type"), Some("application/cbor"));
    assert_eq!(response.header("smithy-protocol"), Some("rpc-v2-cbor"));
    let shown = minicbor::display(&response.body).to_string();
    let kind = "com.amazonaws.cloudwatch.v2010_08_01#InvalidNextToken";
    assert_eq!(
        shown,
        format!(r#"{{"__type": "{kind}", "message": "why"}}"#)
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn packed_bodies() {
    #[track_caller]
    fn check(name: &str, body: Vec<u8>, expected: Result<&str, &str>) {
        let (model, operation) = operation(Protocol::Json10, name);
        let mut request = Request::new(http::Method::POST, "/");
        let encoding = http::HeaderValue::from_static("gzip");
        request.headers.insert("content-encoding", encoding);
        request.body = body.into();
        let found = decode_request(model, operation, &request);
        let found = found
            .map(|input| input.members.to_text())
            .map_err(|error| error.code);
        assert_eq!(found.as_deref().map_err(|code| &**code), expected);
    }
    let body = br#"{"Namespace":"n"}"#;
    check("PutMetricData", gzip(body), Ok(r#"{"Namespace":"n"}"#));
    check(
        "PutMetricData",
        body.to_vec(),
        Err("SerializationException"),
    );
    check(
        "PutMetricData",
        gzip(body)[..20].to_vec(),
        Err("SerializationException"),
    );
    // Nine megabytes of spaces, and two that are no gzip.
    let bomb = gzip(&vec![b' '; 9 << 20]);
    assert!(bomb.len() < 20_000);
    check("PutMetricData", bomb, Err("RequestEntityTooLargeException"));
    check(
        "PutMetricData",
        vec![0; 2 << 20],
        Err("RequestEntityTooLargeException"),
    );
    // No other operation takes them.
    check("ListMetrics", gzip(body), Err("SerializationException"));
}

#[test]
fn paths_that_call_nothing() {
    #[track_caller]
    fn check(path: &str, message: &str) {
        let mut request = Request::new(http::Method::POST, path);
        let protocol = http::HeaderValue::from_static("rpc-v2-cbor");
        request.headers.insert("smithy-protocol", protocol);
        let lost = route(&request).expect_err("nothing is called");
        assert!(
            lost.error.message.contains(message),
            "{}",
            lost.error.message
        );
        let response = lost.answer("id-1");
        assert_eq!(response.header("smithy-protocol"), Some("rpc-v2-cbor"));
    }
    check("/", "`/` names no operation");
    check(
        "/service/GraniteServiceVersion20100801",
        "names no operation",
    );
    check(
        "/service/AWSStepFunctions/operation/StartExecution",
        "AWSStepFunctions.StartExecution is not served",
    );
    check(
        "/service/GraniteServiceVersion20100801/operation/Nothing",
        "has no operation Nothing",
    );
}
