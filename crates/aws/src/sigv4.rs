//! AWS Signature Version 4: signing and verifying, one code for both.
//!
//! Sources: the IAM user guide, "AWS Signature Version 4 for API requests", and the public test
//! suite, which the tests of this module run in both directions.
//!
//! Verifying takes two steps because the secret is looked up in between: [`Claim::read`] finds out
//! which key signed, for which region and service, and whether the times are right;
//! [`Claim::verify`] checks the signature against that key.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use http::header::HeaderValue;
use sha2::{Digest, Sha256};

use crate::door::{BadHeader, Request, set};
use crate::time;

mod canonical;
mod claim;

pub(crate) use claim::split;
pub use claim::{Claim, Error, Rules};

/// How far the clocks of caller and server may be apart.
pub const SKEW_MS_MAX: i64 = 15 * 60 * 1000;
/// Longest life of a presigned URL.
pub const PRESIGNED_SECONDS_MAX: u32 = 604_800;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Where a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Query,
}

/// What a caller signs with.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    pub access_key_id: &'a str,
    pub secret_access_key: &'a str,
    /// Of temporary credentials.
    pub session_token: Option<&'a str>,
}

/// Where a signature counts: the day, the region and the service (its signing name).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `YYYYMMDD`.
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

impl Scope<'_> {
    /// S3 signs the path as it is sent; every other service signs it normalised and encoded once
    /// more.
    fn is_s3(&self) -> bool {
        matches!(
            self.service,
            "s3" | "s3express" | "s3-object-lambda" | "s3-outposts"
        )
    }
}

/// The key derived from a secret for one [`Scope`]. Good for a day, so a caller may keep it.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key: four HMACs.
    #[must_use]
    pub fn derive(secret_access_key: &str, scope: Scope<'_>) -> SigningKey {
        let start = [b"AWS4", secret_access_key.as_bytes()].concat();
        let date = hmac(&start, scope.date.as_bytes());
        let region = hmac(&date, scope.region.as_bytes());
        let service = hmac(&region, scope.service.as_bytes());
        SigningKey(hmac(&service, TERMINATOR.as_bytes()))
    }

    fn mac(&self, string_to_sign: &str) -> Hmac<Sha256> {
        let mut mac = keyed(&self.0);
        mac.update(string_to_sign.as_bytes());
        mac
    }

    fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(self.mac(string_to_sign).finalize().into_bytes())
    }

    /// Compares in constant time.
    fn is_signature_of(&self, string_to_sign: &str, signature: &[u8]) -> bool {
        self.mac(string_to_sign).verify_slice(signature).is_ok()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(
        clippy::expect_used,
        reason = "INVARIANT: HMAC takes keys of every length"
    )]
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn sha256_hex(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

/// Signs `request` in its headers: sets `x-amz-date`, for temporary credentials
/// `x-amz-security-token`, for S3 `x-amz-content-sha256`, and `authorization`. All headers then
/// present are signed, except those that proxies change, so `host` must have been set.
///
/// # Errors
/// [`BadHeader`] when the credentials hold a character no header may have.
pub fn sign(
    request: &mut Request,
    credentials: &Credentials<'_>,
    region: &str,
    service: &str,
    now_ms: i64,
) -> Result<(), BadHeader> {
    let amz_date = time::amz_date(now_ms);
    set(&mut request.headers, "x-amz-date", &amz_date)?;
    if let Some(token) = credentials.session_token {
        set(&mut request.headers, "x-amz-security-token", token)?;
    }
    let scope = Scope {
        date: time::amz_day(&amz_date),
        region,
        service,
    };
    if scope.is_s3() && !request.headers.contains_key("x-amz-content-sha256") {
        let hash = sha256_hex(&request.body);
        set(&mut request.headers, "x-amz-content-sha256", &hash)?;
    }
    let names = signable(request);
    let signature = signature(
        request,
        credentials,
        scope,
        &amz_date,
        (&names, Place::Header),
    );
    let value = format!(
        "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={signature}",
        credential(credentials, scope),
        names.join(";"),
    );
    set(&mut request.headers, "authorization", &value)
}

/// Signs `request` in its query, valid for `expires_seconds`: the URL alone then makes the call.
/// Only the header `host` is signed, which must have been set, so the one who uses the URL may send
/// other headers.
pub fn presign(
    request: &mut Request,
    credentials: &Credentials<'_>,
    region: &str,
    service: &str,
    now_ms: i64,
    expires_seconds: u32,
) {
    let amz_date = time::amz_date(now_ms);
    let scope = Scope {
        date: time::amz_day(&amz_date),
        region,
        service,
    };
    let expires = expires_seconds.min(PRESIGNED_SECONDS_MAX).to_string();
    let mut parameters = vec![
        ("X-Amz-Algorithm", ALGORITHM.to_owned()),
        ("X-Amz-Credential", credential(credentials, scope)),
        ("X-Amz-Date", amz_date.clone()),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", "host".to_owned()),
    ];
    if let Some(token) = credentials.session_token {
        parameters.push(("X-Amz-Security-Token", token.to_owned()));
    }
    let mut separator = if request.uri.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        request.uri.push(separator);
        let _ = write!(
            request.uri,
            "{name}={}",
            canonical::encoded(value.as_bytes())
        );
        separator = '&';
    }
    let host = ["host".to_owned()];
    let signature = signature(
        request,
        credentials,
        scope,
        &amz_date,
        (&host, Place::Query),
    );
    let _ = write!(request.uri, "&X-Amz-Signature={signature}");
}

fn credential(credentials: &Credentials<'_>, scope: Scope<'_>) -> String {
    let Scope {
        date,
        region,
        service,
    } = scope;
    format!(
        "{}/{date}/{region}/{service}/{TERMINATOR}",
        credentials.access_key_id
    )
}

fn signature(
    request: &Request,
    credentials: &Credentials<'_>,
    scope: Scope<'_>,
    amz_date: &str,
    (signed_headers, place): (&[String], Place),
) -> String {
    let canonical = canonical::request(request, scope.is_s3(), signed_headers, place);
    let text = string_to_sign(amz_date, scope, &canonical);
    SigningKey::derive(credentials.secret_access_key, scope).sign(&text)
}

fn string_to_sign(amz_date: &str, scope: Scope<'_>, canonical: &str) -> String {
    let Scope {
        date,
        region,
        service,
    } = scope;
    let hash = sha256_hex(canonical.as_bytes());
    format!("{ALGORITHM}\n{amz_date}\n{date}/{region}/{service}/{TERMINATOR}\n{hash}")
}

/// Names of the headers to sign, sorted. Left out are those that hops on the way may change.
fn signable(request: &Request) -> Vec<String> {
    const CHANGED_ON_THE_WAY: [&str; 6] = [
        "authorization",
        "connection",
        "expect",
        "transfer-encoding",
        "user-agent",
        "x-amzn-trace-id",
    ];
    let names = request.headers.keys().map(|name| name.as_str());
    let mut names: Vec<String> = names
        .filter(|name| !CHANGED_ON_THE_WAY.contains(name))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

/// Hash of the payload as the canonical request holds it.
fn payload_hash(request: &Request, is_s3: bool, place: Place) -> String {
    match request
        .headers
        .get("x-amz-content-sha256")
        .map(HeaderValue::as_bytes)
    {
        Some(value) if value == UNSIGNED_PAYLOAD.as_bytes() => UNSIGNED_PAYLOAD.to_owned(),
        None if is_s3 && place == Place::Query => UNSIGNED_PAYLOAD.to_owned(),
        _ => sha256_hex(&request.body),
    }
}

#[cfg(test)]
mod tests;
