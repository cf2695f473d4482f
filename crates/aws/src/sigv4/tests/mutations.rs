//! Every request that differs in one byte from a signed one is refused, unless it is the same
//! request in another spelling; and all such spellings are listed here.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What may be otherwise in a request that is still accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spelling {
    /// HTTP compares names of headers without regard to case.
    CaseOfHeaderName,
    /// White space around a header's value, and how much of it stands inside.
    SpaceInHeader,
    /// White space and empty parts between the three parts of `authorization`.
    SpaceInAuthorization,
    /// A header that nobody signed.
    UnsignedHeader,
    /// `%2f` for `%2F`, where it is decoded before it is signed.
    CaseOfHex,
    /// `?` with nothing behind, `&` with nothing beside, `k` for `k=`.
    EmptyInQuery,
    /// `//` or `/.` for `/`, where paths are normalised; nothing for `/` alone.
    EmptySegment,
    /// The body of a URL that was presigned for any.
    UnsignedBody,
}

use Spelling::*;

/// A part of a request, as bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Method,
    Uri,
    Body,
    /// Name of the header with this number.
    Name(usize),
    Value(usize),
}

/// A request in parts.
#[derive(Clone)]
struct Wire {
    method: Vec<u8>,
    uri: Vec<u8>,
    body: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Wire {
    fn of(request: &Request) -> Wire {
        let headers = request.headers.iter();
        Wire {
            method: request.method.as_str().into(),
            uri: request.uri.clone().into(),
            body: request.body.to_vec(),
            headers: headers
                .map(|(name, value)| (name.as_str().into(), value.as_bytes().into()))
                .collect(),
        }
    }

    fn parts(&self) -> Vec<Part> {
        let headers = 0..self.headers.len();
        let headers = headers.flat_map(|at| [Part::Name(at), Part::Value(at)]);
        [Part::Method, Part::Uri, Part::Body]
            .into_iter()
            .chain(headers)
            .collect()
    }

    fn part(&mut self, part: Part) -> &mut Vec<u8> {
        match part {
            Part::Method => &mut self.method,
            Part::Uri => &mut self.uri,
            Part::Body => &mut self.body,
            Part::Name(at) => &mut self.headers[at].0,
            Part::Value(at) => &mut self.headers[at].1,
        }
    }

    /// The request, if HTTP has such a one.
    fn request(&self) -> Option<Request> {
        let method = http::Method::from_bytes(&self.method).ok()?;
        let mut request = Request::new(method, String::from_utf8(self.uri.clone()).ok()?);
        for (name, value) in &self.headers {
            let name = http::HeaderName::from_bytes(name).ok()?;
            request
                .headers
                .append(name, http::HeaderValue::from_bytes(value).ok()?);
        }
        request.body = self.body.clone().into();
        Some(request)
    }

    /// Every request with one bit of one byte flipped, one byte removed, or one inserted.
    fn mutations(&self) -> Vec<(Part, Wire)> {
        let mut all = Vec::new();
        for part in self.parts() {
            let original = self.clone().part(part).clone();
            let mut add = |bytes: Vec<u8>| {
                let mut mutated = self.clone();
                *mutated.part(part) = bytes;
                all.push((part, mutated));
            };
            for at in 0..original.len() {
                for bit in 0..8 {
                    let mut bytes = original.clone();
                    bytes[at] ^= 1 << bit;
                    add(bytes);
                }
                let mut bytes = original.clone();
                bytes.remove(at);
                add(bytes);
            }
            for at in 0..=original.len() {
                let same = original.get(at.saturating_sub(1)).copied();
                for new in b" \t/%&=,;?+.0aA\0\n".iter().copied().chain(same) {
                    let mut bytes = original.clone();
                    bytes.insert(at, new);
                    add(bytes);
                }
            }
        }
        all
    }
}

/// What the signer said, whatever the spelling: a second reading of the rules, in other code.
#[derive(PartialEq, Debug)]
struct Meaning {
    method: String,
    path: Vec<Vec<u8>>,
    query: Vec<(Vec<u8>, Vec<u8>)>,
    authorization: BTreeMap<String, String>,
    headers: BTreeMap<String, Vec<String>>,
    body: Option<Vec<u8>>,
}

fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

fn words(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    text.split(['\t', ' '])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Meaning {
    fn of(request: &Request, signed: &BTreeSet<String>, is_s3: bool) -> Meaning {
        let (path, query) = request.uri.split_once('?').unwrap_or((&request.uri, ""));
        let path = if path.is_empty() { "/" } else { path };
        let segments = path.split('/').skip(1);
        let path = match is_s3 {
            true => segments.map(decoded).collect(),
            false => segments
                .map(|it| it.as_bytes().to_vec())
                .collect::<Vec<_>>(),
        };
        let path = match is_s3 {
            true => path,
            false => {
                let is_folder = path.last().is_some_and(|it| it.is_empty() || it == b".");
                let kept = path.into_iter().filter(|it| !it.is_empty() && it != b".");
                kept.chain(is_folder.then(Vec::new)).collect()
            }
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let mut query: Vec<_> = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        query.sort();
        let authorization = request.headers.get_all("authorization").iter();
        let authorization = authorization
            .flat_map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                let (algorithm, rest) = text.split_once(' ').unwrap_or((&text, ""));
                let parts = rest
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
                [("algorithm", algorithm)]
                    .into_iter()
                    .chain(pairs)
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect::<Vec<_>>()
            })
            .collect();
        let headers = request
            .headers
            .keys()
            .filter(|name| signed.contains(name.as_str()));
        let headers = headers
            .map(|name| {
                let values = request.headers.get_all(name).iter();
                let folded = values
                    .map(|value| words(value.as_bytes()).join(" "))
                    .collect();
                (name.as_str().to_owned(), folded)
            })
            .collect();
        let is_presigned_for_s3 = is_s3 && !request.headers.contains_key("authorization");
        Meaning {
            method: request.method.to_string(),
            path,
            query,
            authorization,
            headers,
            body: (!is_presigned_for_s3).then(|| request.body.to_vec()),
        }
    }
}

/// In which spelling an accepted request differs; `None` if it isn't the same request.
fn spelling(
    part: Part,
    wire: &Wire,
    (request, signed): (&Request, &BTreeSet<String>),
    is_s3: bool,
) -> Option<Spelling> {
    let name = |at: usize| String::from_utf8_lossy(&wire.headers[at].0).to_ascii_lowercase();
    let is_same = |mutated: &Request| {
        Meaning::of(request, signed, is_s3) == Meaning::of(mutated, signed, is_s3)
    };
    let mutated = wire.request()?;
    if !is_same(&mutated) {
        return None;
    }
    match part {
        Part::Method => None,
        Part::Body => Some(UnsignedBody),
        Part::Value(at) if name(at) == "authorization" => Some(SpaceInAuthorization),
        Part::Value(at) if signed.contains(&name(at)) => Some(SpaceInHeader),
        Part::Name(_) if mutated.headers == request.headers => Some(CaseOfHeaderName),
        Part::Name(_) | Part::Value(_) => Some(UnsignedHeader),
        Part::Uri => {
            let (path, query) = request.uri.split_once('?').unwrap_or((&request.uri, ""));
            let (new_path, new_query) = mutated.uri.split_once('?').unwrap_or((&mutated.uri, ""));
            let is_hex = request.uri.eq_ignore_ascii_case(&mutated.uri);
            match (path == new_path, query == new_query) {
                _ if is_hex => Some(CaseOfHex),
                (true, _) => Some(EmptyInQuery),
                (false, true) => Some(EmptySegment),
                (false, false) => None,
            }
        }
    }
}

/// Mutates a signed request in every way; the spellings met must be those of `expected`, each.
fn check(request: &Request, service: &str, expected: &[Spelling]) {
    assert_eq!(verified(request, NOW_MS), Ok(()), "{}", request.uri);
    let claim = Claim::read(request, &Rules::at(NOW_MS)).expect("signed");
    let signed = claim
        .signed_headers
        .iter()
        .map(|name| name.to_string())
        .collect();
    let is_s3 = service == "s3";
    let key = SigningKey::derive(KEYS.secret_access_key, claim.scope());
    let (mut refused, mut met) = (0, BTreeMap::new());
    for (part, wire) in Wire::of(request).mutations() {
        let Some(mutated) = wire.request() else {
            continue;
        };
        let accepted = Claim::read(&mutated, &Rules::at(NOW_MS)).is_ok_and(|new| {
            // The key is found by its name, and holds in its scope only.
            let key = if new.scope() == claim.scope() {
                key.clone()
            } else {
                SigningKey::derive(KEYS.secret_access_key, new.scope())
            };
            new.access_key_id == KEYS.access_key_id
                && new.session_token == claim.session_token
                && new.verify(&mutated, &key).is_ok()
        });
        if !accepted {
            refused += 1;
            continue;
        }
        let spelling = spelling(part, &wire, (request, &signed), is_s3);
        let spelling = spelling.unwrap_or_else(|| {
            panic!("accepted with another {part:?}: {mutated:?}\ninstead of {request:?}")
        });
        *met.entry(spelling).or_insert(0) += 1;
    }
    assert!(refused > 4000, "{refused} refused");
    let spellings: Vec<Spelling> = met.keys().copied().collect();
    assert_eq!(spellings, expected, "{} {met:?}", request.uri);
}

fn signed(text: &str, keys: &Credentials<'_>, service: &str) -> Request {
    let mut request = request_of(text);
    sign(&mut request, keys, "us-east-1", service, NOW_MS).expect("signed");
    request
}

#[test]
fn in_headers() {
    let request = signed(
        "POST /2015-03-31/functions/a%20b/x?one=1&two=a%2Fb&three HTTP/1.1\n\
         Host:lambda.us-east-1.amazonaws.com\nContent-Type:application/json;  charset=utf-8\n\
         X-Amz-Target:Some.Thing\nUser-Agent:some agent\n\n{\"a\": 1}",
        &KEYS,
        "lambda",
    );
    let spellings = [
        CaseOfHeaderName,
        SpaceInHeader,
        SpaceInAuthorization,
        UnsignedHeader,
        CaseOfHex,
        EmptyInQuery,
        EmptySegment,
    ];
    check(&request, "lambda", &spellings);
}

#[test]
fn with_a_session_token() {
    let keys = Credentials {
        session_token: Some("IQoJb3JpZ2luX2VjEO//token+="),
        ..KEYS
    };
    let request = signed(
        "POST / HTTP/1.1\nHost:states.us-east-1.amazonaws.com\nX-Amz-Target:AWSStepFunctions.X\n\n\
         {\"input\": \"h\u{e4}l\u{fc}\u{1f980}\"}",
        &keys,
        "states",
    );
    assert!(request.header("x-amz-security-token").is_some());
    let spellings = [
        CaseOfHeaderName,
        SpaceInHeader,
        SpaceInAuthorization,
        EmptyInQuery,
        EmptySegment,
    ];
    check(&request, "states", &spellings);
}

#[test]
fn of_s3() {
    let request = signed(
        "PUT /bucket/h%C3%A4%20b//c.txt?x-id=PutObject HTTP/1.1\nHost:s3.amazonaws.com\n\nbody",
        &KEYS,
        "s3",
    );
    // S3 doesn't normalise: another slash is another key.
    let spellings = [
        CaseOfHeaderName,
        SpaceInHeader,
        SpaceInAuthorization,
        CaseOfHex,
        EmptyInQuery,
    ];
    check(&request, "s3", &spellings);
}

#[test]
fn in_the_query() {
    let keys = Credentials {
        session_token: Some("to/ken+="),
        ..KEYS
    };
    let mut request = request_of(
        "GET /a/b%20c?x=y%2Fz&%C3%BC=%F0%9F%A6%80&k= HTTP/1.1\nHost:h.example:8083\nAccept:*/*",
    );
    presign(&mut request, &keys, "us-east-1", "lambda", NOW_MS, 3600);
    let spellings = [
        CaseOfHeaderName,
        SpaceInHeader,
        UnsignedHeader,
        CaseOfHex,
        EmptyInQuery,
        EmptySegment,
    ];
    check(&request, "lambda", &spellings);
}

#[test]
fn in_the_query_of_s3() {
    let mut request = request_of("PUT /bucket/a%20b HTTP/1.1\nHost:s3.amazonaws.com\n\nany body");
    presign(&mut request, &KEYS, "us-east-1", "s3", NOW_MS, 60);
    let spellings = [
        CaseOfHeaderName,
        SpaceInHeader,
        CaseOfHex,
        EmptyInQuery,
        UnsignedBody,
    ];
    check(&request, "s3", &spellings);
}

/// A header that is there twice is another request, whichever of the two is ours.
#[test]
fn doubled_headers() {
    let keys = Credentials {
        session_token: Some("token"),
        ..KEYS
    };
    let request = signed(
        "POST / HTTP/1.1\nHost:states.us-east-1.amazonaws.com\nX-Amz-Target:AWSStepFunctions.X\n\n{}",
        &keys,
        "states",
    );
    assert_eq!(verified(&request, NOW_MS), Ok(()));
    let names: Vec<http::HeaderName> = request.headers.keys().cloned().collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        for value in [request.header(name.as_str()).expect("ASCII"), "other"] {
            let value = http::HeaderValue::from_str(value).expect("a value");
            let mut behind = request.clone();
            behind.headers.append(name.clone(), value.clone());
            let mut before = request.clone();
            let own = before.headers.insert(name.clone(), value);
            before.headers.append(name.clone(), own.expect("there"));
            for doubled in [behind, before] {
                assert!(verified(&doubled, NOW_MS).is_err(), "accepted: {doubled:?}");
            }
        }
    }
}

/// Region and key that a request is routed by are those that were signed, whatever else the header
/// has in it.
#[test]
fn a_scope_beside_the_signed_one() {
    let text =
        "POST / HTTP/1.1\nHost:h.example\nX-Amz-Target:AWSStepFunctions.ListActivities\n\n{}";
    let request = signed(text, &KEYS, "states");
    let header = request.header("authorization").expect("signed").to_owned();
    let (algorithm, parts) = header.split_once(' ').expect("parts");
    let other = "Credential=OTHER/20260102/eu-west-1/states/aws4_request";
    for spelling in [
        format!("{algorithm} {other}, {parts}"),
        format!("{algorithm} {parts}, {other}"),
        format!("{algorithm} X{other}, {parts}"),
        format!("{algorithm} {parts}, X{other}"),
        format!("{algorithm} X={other}, {parts}"),
        format!("{algorithm} X= {other}, {parts}"),
        format!("{other} {parts}"),
        format!("{algorithm} , ,{parts},,"),
    ] {
        let mut changed = request.clone();
        let value = http::HeaderValue::from_str(&spelling).expect("a value");
        changed.headers.insert("authorization", value);
        let Ok(claim) = Claim::read(&changed, &Rules::at(NOW_MS)) else {
            continue;
        };
        let route = crate::route::route(&changed).expect("served");
        assert_eq!(route.region, claim.region, "{spelling}");
        assert_eq!(route.access_key_id, Some(claim.access_key_id), "{spelling}");
    }
}

/// The operation is part of what is signed.
#[test]
fn an_unsigned_target() {
    let mut request = signed("POST / HTTP/1.1\nHost:h.example\n\n{}", &KEYS, "states");
    assert_eq!(verified(&request, NOW_MS), Ok(()));
    let target = http::HeaderValue::from_static("AWSStepFunctions.ListActivities");
    request.headers.insert("x-amz-target", target);
    let refused = verified(&request, NOW_MS).expect_err("not signed");
    assert!(matches!(refused, Error::Scope(_)), "{refused:?}");
}

/// To the second, on both sides.
#[test]
fn times() {
    let header = signed("POST / HTTP/1.1\nHost:h.example\n\n{}", &KEYS, "states");
    let mut url = request_of("GET /a HTTP/1.1\nHost:h.example");
    presign(&mut url, &KEYS, "us-east-1", "lambda", NOW_MS, 90);
    let mut longest = request_of("GET /a HTTP/1.1\nHost:h.example");
    presign(&mut longest, &KEYS, "us-east-1", "lambda", NOW_MS, 604_800);
    // Request, seconds before the signer's time, seconds after it.
    for (request, before, after) in [(header, 900, 900), (url, 900, 90), (longest, 900, 604_800)] {
        let at = |seconds: i64| verified(&request, NOW_MS + seconds * 1000);
        for seconds in [-before, 1 - before, 0, after - 1, after] {
            assert_eq!(at(seconds), Ok(()), "{seconds} s: {}", request.uri);
        }
        for seconds in [-before - 1, after + 1, -86_400, 700_000] {
            assert!(at(seconds).is_err(), "{seconds} s: {}", request.uri);
        }
    }
}
