use json::Value;

use super::{Claim, Credentials, Error, Place, Rules, SigningKey, canonical, presign, sign};
use crate::door::Request;
use crate::model::Protocol;

mod mutations;

const VECTORS: &str = include_str!("../../../../conformance/sigv4/vectors.json");
const BOTOCORE: &str = include_str!("../protocol/fixtures/requests.json");
/// 2015-08-30T12:36:00Z.
const NOW_MS: i64 = 1_440_938_160_000;
const MINUTE_MS: i64 = 60_000;
const KEYS: Credentials<'static> = Credentials {
    access_key_id: "AKIDEXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session_token: None,
};

fn text<'v>(case: &'v Value, name: &str) -> &'v str {
    case.get(name).and_then(Value::as_str).expect(name)
}

fn cases(file: &str) -> Vec<Value> {
    json::parse(file)
        .expect("JSON")
        .as_array()
        .expect("cases")
        .to_vec()
}

/// Reads a request as the suite writes it; an indented line is one more value of the header above.
fn request_of(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.trim_end().lines();
    let first = lines.next().expect("a request line");
    let (method, rest) = first.split_once(' ').expect("a method");
    let uri = rest.strip_suffix(" HTTP/1.1").expect("a version");
    let mut request = Request::new(method.parse().expect("a method"), uri);
    let mut name = None;
    for line in lines {
        let value = if line.starts_with(' ') {
            line
        } else {
            let (header, value) = line.split_once(':').expect("a header");
            name = Some(header.parse::<http::HeaderName>().expect("a name"));
            value
        };
        let name = name.clone().expect("a name");
        request
            .headers
            .append(name, value.trim().parse().expect("a value"));
    }
    request.body = body.to_owned().into();
    request
}

/// What a server does: find the key, derive, verify.
fn verified(request: &Request, now_ms: i64) -> Result<(), Error> {
    let claim = Claim::read(request, &Rules::at(now_ms))?;
    if claim.access_key_id != KEYS.access_key_id {
        return Err(Error::UnknownKey);
    }
    let key = SigningKey::derive(KEYS.secret_access_key, claim.scope());
    claim.verify(request, &key)
}

#[test]
fn public_vectors_verify_and_sign() {
    let cases = cases(VECTORS);
    assert_eq!(cases.len(), 30);
    for case in &cases {
        let name = text(case, "name");
        let unsigned = request_of(text(case, "request"));
        let expected = text(case, "authorization").trim();

        let mut signed = unsigned.clone();
        signed
            .headers
            .insert("authorization", expected.parse().expect("a value"));
        let claim = Claim::read(&signed, &Rules::at(NOW_MS)).expect(name);
        let canonical = canonical::request(&signed, false, &claim.signed_headers, Place::Header);
        assert_eq!(canonical, text(case, "canonical_request"), "{name}");
        assert_eq!(
            super::string_to_sign(&claim.amz_date, claim.scope(), &canonical),
            text(case, "string_to_sign"),
            "{name}"
        );
        assert_eq!(verified(&signed, NOW_MS), Ok(()), "{name}");

        let mut ours = unsigned;
        sign(&mut ours, &KEYS, "us-east-1", "service", NOW_MS).expect(name);
        assert_eq!(ours.header("authorization"), Some(expected), "{name}");
    }
}

fn botocore_request(case: &Value) -> Request {
    let method = text(case, "method").parse().expect("a method");
    let mut request = Request::new(method, text(case, "uri"));
    for header in case
        .get("headers")
        .and_then(Value::as_array)
        .expect("headers")
    {
        let [name, value] = header.as_array().expect("a pair") else {
            panic!("not a pair")
        };
        let name: http::HeaderName = name.as_str().expect("a name").parse().expect("a name");
        let value = value.as_str().expect("a value").parse().expect("a value");
        request.headers.append(name, value);
    }
    request.body = text(case, "body").to_owned().into();
    request
}

#[test]
fn botocore_requests_verify_and_sign() {
    for case in cases(BOTOCORE) {
        let name = text(&case, "operation");
        let request = botocore_request(&case);
        assert_eq!(verified(&request, NOW_MS), Ok(()), "{name}");

        let claim = Claim::read(&request, &Rules::at(NOW_MS)).expect(name);
        assert_eq!(claim.service, text(&case, "service"));
        let token = request.header("x-amz-security-token").map(str::to_owned);
        assert_eq!(claim.session_token.as_deref(), token.as_deref());
        let mut ours = request.clone();
        for header in ["authorization", "x-amz-date", "x-amz-security-token"] {
            ours.headers.remove(header);
        }
        let keys = Credentials {
            session_token: token.as_deref(),
            ..KEYS
        };
        sign(&mut ours, &keys, &claim.region, &claim.service, NOW_MS).expect(name);
        assert_eq!(
            ours.header("authorization"),
            request.header("authorization"),
            "{name}"
        );
    }
}

fn sample() -> Request {
    let mut request = request_of(
        "POST /2015-03-31/functions/a%20b/x?one=1&two=a%2Fb HTTP/1.1\n\
         Host:lambda.us-east-1.amazonaws.com\nContent-Type:application/json\n\
         X-Amz-Target:Some.Thing\n\n{\"a\": 1}",
    );
    sign(&mut request, &KEYS, "us-east-1", "lambda", NOW_MS).expect("signed");
    request
}

#[test]
fn another_secret_is_refused() {
    let request = sample();
    let claim = Claim::read(&request, &Rules::at(NOW_MS)).expect("well formed");
    let key = SigningKey::derive("another", claim.scope());
    assert_eq!(claim.verify(&request, &key), Err(Error::Mismatch));
}

#[test]
fn presigned_urls() {
    let mut request = request_of("GET /a/b%20c?x=y%2Fz HTTP/1.1\nHost:h.example:8083");
    let keys = Credentials {
        session_token: Some("to/ken+="),
        ..KEYS
    };
    presign(&mut request, &keys, "us-east-1", "lambda", NOW_MS, 3600);
    assert_eq!(verified(&request, NOW_MS), Ok(()));
    let claim = Claim::read(&request, &Rules::at(NOW_MS)).expect("well formed");
    assert_eq!(claim.session_token.as_deref(), Some("to/ken+="));

    let last = NOW_MS + 60 * MINUTE_MS;
    assert_eq!(verified(&request, last), Ok(()));
    let expired = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
                   (20150830T133601Z - 60 min.)";
    assert_eq!(
        verified(&request, last + 1000),
        Err(Error::Scope(expired.to_owned()))
    );

    // Any header but those that are signed may be added, as browsers do.
    request
        .headers
        .insert("accept", http::HeaderValue::from_static("*/*"));
    assert_eq!(verified(&request, NOW_MS), Ok(()));
    for expires in ["0", "604801", "x", ""] {
        let mut odd = request.clone();
        odd.uri = odd
            .uri
            .replace("X-Amz-Expires=3600", &format!("X-Amz-Expires={expires}"));
        let refused = verified(&odd, NOW_MS).expect_err("an odd life");
        let text = "X-Amz-Expires must be a number between 1 and 604800 seconds";
        assert_eq!(refused, Error::Incomplete(text.to_owned()));
    }
}

#[test]
fn presigned_uploads_to_s3() {
    let mut request = request_of("PUT /bucket/a%20b HTTP/1.1\nHost:s3.amazonaws.com");
    presign(&mut request, &KEYS, "us-east-1", "s3", NOW_MS, 60);
    request.body = "any body".into();
    assert_eq!(verified(&request, NOW_MS), Ok(()));
}

#[test]
fn parameters_cannot_hide_as_signatures() {
    let mut request = sample();
    request.uri.push_str("&X-Amz-Signature=x");
    assert_eq!(verified(&request, NOW_MS), Err(Error::Mismatch));
}

#[test]
fn s3_signs_the_path_as_it_is() {
    for uri in ["/bucket/a//b/../c", "/bucket/a%20b%2Fc", "/bucket/", "/"] {
        let mut request = Request::new(http::Method::PUT, uri);
        request
            .headers
            .insert("host", http::HeaderValue::from_static("s3.amazonaws.com"));
        request.body = "data".into();
        sign(&mut request, &KEYS, "us-east-1", "s3", NOW_MS).expect("signed");
        assert!(request.header("x-amz-content-sha256").is_some());
        assert_eq!(verified(&request, NOW_MS), Ok(()), "{uri}");

        let mut other = request.clone();
        other.body = "tada".into();
        assert_eq!(verified(&other, NOW_MS), Err(Error::PayloadHash), "{uri}");
        let mut unsigned_header = request.clone();
        unsigned_header
            .headers
            .insert("x-amz-acl", http::HeaderValue::from_static("public-read"));
        let text = "There were headers present in the request which were not signed";
        assert_eq!(
            verified(&unsigned_header, NOW_MS),
            Err(Error::Scope(text.to_owned()))
        );
    }
}

#[test]
fn an_unsigned_payload_is_the_signers_choice_only() {
    let unsigned = http::HeaderValue::from_static("UNSIGNED-PAYLOAD");
    let mut request = request_of("PUT /b/k HTTP/1.1\nHost:s3.amazonaws.com\n\nbody");
    request
        .headers
        .insert("x-amz-content-sha256", unsigned.clone());
    sign(&mut request, &KEYS, "us-east-1", "s3", NOW_MS).expect("signed");
    request.body = "another".into();
    assert_eq!(verified(&request, NOW_MS), Ok(()));

    // One who didn't sign can't declare the payload unsigned.
    let mut request = sample();
    request.headers.insert("x-amz-content-sha256", unsigned);
    request.body = "another".into();
    assert_eq!(verified(&request, NOW_MS), Err(Error::Mismatch));

    let streaming = http::HeaderValue::from_static("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    request.headers.insert("x-amz-content-sha256", streaming);
    let refused = verified(&request, NOW_MS).expect_err("not served");
    assert!(refused.to_string().contains("not served"), "{refused}");
}

#[test]
fn skew() {
    let request = sample();
    let late = NOW_MS + 15 * MINUTE_MS;
    let early = NOW_MS - 15 * MINUTE_MS;
    assert_eq!(verified(&request, late), Ok(()));
    assert_eq!(verified(&request, early), Ok(()));
    let check = |now_ms, expected: &str| {
        assert_eq!(
            verified(&request, now_ms),
            Err(Error::Scope(expected.to_owned()))
        );
    };
    check(
        late + 1000,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
         (20150830T125101Z - 15 min.)",
    );
    check(
        early - 1000,
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
         (20150830T122059Z + 15 min.)",
    );
    let rules = Rules {
        skew_ms_max: 60 * MINUTE_MS,
        ..Rules::at(late + 1000)
    };
    assert!(Claim::read(&request, &rules).is_ok());
}

/// Reads `sample()` with its header `authorization` changed.
fn refusal(change: impl Fn(&str) -> String) -> Error {
    let mut request = sample();
    let header = change(request.header("authorization").expect("signed"));
    request
        .headers
        .insert("authorization", header.parse().expect("a value"));
    verified(&request, NOW_MS).expect_err("refused")
}

#[test]
fn ill_formed_headers() {
    let check = |from: &str, to: &str, expected: &str| {
        let error = refusal(|header| {
            assert!(header.contains(from), "{header}");
            header.replace(from, to)
        });
        let text = error.to_string();
        assert!(text.starts_with(expected), "{text}");
        assert!(
            matches!(error, Error::Incomplete(_) | Error::Scope(_)),
            "{error:?}"
        );
    };
    check(
        "AWS4-HMAC-SHA256",
        "Bearer",
        "Unsupported AWS 'algorithm': 'Bearer'.",
    );
    let absent = "Authorization header requires 'Credential' parameter. Authorization=";
    check("Credential=", "X=", absent);
    check(
        "SignedHeaders=",
        "X=",
        "Authorization header requires 'SignedHeaders' parameter. ",
    );
    check(
        "Signature=",
        "X=",
        "Authorization header requires 'Signature' parameter. ",
    );
    check(
        "SignedHeaders=",
        "SignedHeaders",
        "'SignedHeaderscontent-type;host;x-amz-date;x-amz-target' not a valid key=value pair \
         (missing equal-sign) in Authorization header: 'AWS4-",
    );
    let five = "Credential must have exactly 5 slash-delimited elements, e.g. \
                keyid/date/region/service/term, got 'AKIDEXAMPLE/20150830/us-east-1/lambda'";
    check("/aws4_request", "", five);
    let terminator = "Credential should be scoped with a valid terminator: 'aws4_request'";
    check("aws4_request", "aws5_request", terminator);
    let region = "Credential should be scoped to a valid Region, not ''.";
    check("us-east-1", "", region);
    let host = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    check("host;", "", host);
    let day = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
               from HTTP: '20150831' != '20150830', from '20150830T123600Z'.";
    check("20150830/", "20150831/", day);
}

#[test]
fn only_lower_case_hex_is_a_signature() {
    for change in [
        str::to_uppercase,
        |hex: &str| hex.replace('a', "g"),
        |hex: &str| hex.repeat(2),
    ] {
        let changed = |header: &str| {
            let (start, signature) = header.split_once("Signature=").expect("signed");
            format!("{start}Signature={}", change(signature))
        };
        assert_eq!(refusal(changed), Error::Mismatch);
    }
}

#[test]
fn missing_and_doubled() {
    let unsigned = request_of("GET / HTTP/1.1\nHost:h");
    assert_eq!(verified(&unsigned, NOW_MS), Err(Error::Missing));
    let mut both = sample();
    both.uri.push_str("&X-Amz-Algorithm=AWS4-HMAC-SHA256");
    let refused = verified(&both, NOW_MS).expect_err("two signatures");
    assert!(
        refused
            .to_string()
            .starts_with("Only one auth mechanism allowed"),
        "{refused}"
    );
    let mut half = unsigned;
    half.uri = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned();
    let text = "AWS query-string parameters must include 'X-Amz-Expires'. Re-examine the \
                query-string parameters.";
    assert_eq!(
        verified(&half, NOW_MS),
        Err(Error::Incomplete(text.to_owned()))
    );
    let mut no_date = sample();
    no_date.headers.remove("x-amz-date");
    let refused = verified(&no_date, NOW_MS).expect_err("no date").to_string();
    let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                header. Authorization=AWS4";
    assert!(refused.starts_with(text), "{refused}");
    let mut odd_date = sample();
    odd_date
        .headers
        .insert("x-amz-date", http::HeaderValue::from_static("yesterday"));
    let refused = verified(&odd_date, NOW_MS)
        .expect_err("no date")
        .to_string();
    let text = "Date must be in ISO-8601 'basic format'. Got 'yesterday'.";
    assert!(refused.starts_with(text), "{refused}");
}

#[test]
fn the_scope_must_be_the_services() {
    let request = sample();
    let rules = |service| Rules {
        service: Some(service),
        ..Rules::at(NOW_MS)
    };
    assert!(Claim::read(&request, &rules("lambda")).is_ok());
    let text = "Credential should be scoped to correct service: 'states'.";
    let refused = Claim::read(&request, &rules("states")).expect_err("another service");
    assert_eq!(refused, Error::Scope(text.to_owned()));
}

#[test]
fn answers() {
    let check = |error: Error, [json, rest, query]: [(&str, u16); 3]| {
        for (protocol, (code, status)) in [
            (Protocol::Json10, json),
            (Protocol::RestJson, rest),
            (Protocol::Query, query),
        ] {
            let answer = error.answer(protocol);
            assert_eq!((&*answer.code, answer.status), (code, Some(status)));
            let is_told_otherwise = error == Error::Missing && protocol == Protocol::Query;
            match is_told_otherwise {
                true => assert_eq!(answer.message, "Request is missing Authentication Token"),
                false => assert_eq!(answer.message, error.to_string()),
            }
        }
    };
    let code = "MissingAuthenticationTokenException";
    check(
        Error::Missing,
        [
            (code, 400),
            (code, 403),
            ("MissingAuthenticationToken", 403),
        ],
    );
    let code = "UnrecognizedClientException";
    check(
        Error::UnknownKey,
        [(code, 400), (code, 403), ("InvalidClientTokenId", 403)],
    );
    let code = "ExpiredTokenException";
    check(
        Error::ExpiredToken,
        [(code, 400), (code, 403), ("ExpiredToken", 403)],
    );
    let code = "InvalidSignatureException";
    let wrong = [(code, 400), (code, 403), ("SignatureDoesNotMatch", 403)];
    check(Error::Mismatch, wrong);
    check(Error::PayloadHash, wrong);
    check(Error::Scope("x".into()), wrong);
    let code = "IncompleteSignatureException";
    let incomplete = Error::Incomplete("x".into());
    check(
        incomplete,
        [(code, 400), (code, 403), ("IncompleteSignature", 400)],
    );

    let texts = [
        (Error::Missing, "Missing Authentication Token"),
        (
            Error::UnknownKey,
            "The security token included in the request is invalid.",
        ),
        (
            Error::ExpiredToken,
            "The security token included in the request is expired",
        ),
        (
            Error::Mismatch,
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}
