//! What a signed request says about itself, and whether it is true.

use std::borrow::Cow;

use hex::FromHex;
use http::header::HeaderValue;
use percent_encoding::percent_decode_str;

use super::{
    ALGORITHM, PRESIGNED_SECONDS_MAX, Place, SKEW_MS_MAX, Scope, SigningKey, TERMINATOR,
    UNSIGNED_PAYLOAD, canonical, sha256_hex, string_to_sign,
};
use crate::door::Request;
use crate::error::{Common, ServiceError};
use crate::model::Protocol;
use crate::time;

/// What [`Claim::read`] holds a request against.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub now_ms: i64,
    /// [`SKEW_MS_MAX`] unless configured otherwise.
    pub skew_ms_max: i64,
    /// Signing name of the service that is called, when routing found one without the scope.
    pub service: Option<&'a str>,
}

impl Rules<'_> {
    /// AWS's rules at `now_ms`.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        Rules {
            now_ms,
            skew_ms_max: SKEW_MS_MAX,
            service: None,
        }
    }
}

/// Why a request isn't authentic. The texts are AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No `authorization` header and no `X-Amz-Algorithm` in the query.
    #[error("Missing Authentication Token")]
    Missing,
    /// Something is absent, doubled or ill-formed.
    #[error("{0}")]
    Incomplete(String),
    /// The times are wrong, or the scope is another service's.
    #[error("{0}")]
    Scope(String),
    /// The body isn't the one whose hash the header `x-amz-content-sha256` gives.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadHash,
    /// The key doesn't exist, is inactive, or doesn't go with the session token.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The signature isn't that of this request under this key.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details."
    )]
    Mismatch,
}

impl Error {
    /// The error as a service of `protocol` answers it.
    #[must_use]
    pub fn answer(&self, protocol: Protocol) -> ServiceError {
        let common = match self {
            Error::Missing => Common::MissingAuthenticationToken,
            Error::Incomplete(_) => Common::IncompleteSignature,
            Error::Scope(_) | Error::PayloadHash | Error::Mismatch => Common::InvalidSignature,
            Error::UnknownKey => Common::UnrecognizedClient,
            Error::ExpiredToken => Common::ExpiredToken,
        };
        let message = match (self, protocol) {
            (Error::Missing, Protocol::Query) => {
                "Request is missing Authentication Token".to_owned()
            }
            _ => self.to_string(),
        };
        ServiceError::common(common, protocol, message)
    }
}

/// A signature as a request carries it. Nothing of it is proven before [`Claim::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'r> {
    pub access_key_id: Cow<'r, str>,
    /// `YYYYMMDD`.
    pub date: Cow<'r, str>,
    pub region: Cow<'r, str>,
    /// Signing name.
    pub service: Cow<'r, str>,
    /// Of temporary credentials.
    pub session_token: Option<Cow<'r, str>>,
    pub(super) amz_date: Cow<'r, str>,
    pub(super) signed_headers: Vec<Cow<'r, str>>,
    signature: [u8; 32],
    place: Place,
}

impl<'r> Claim<'r> {
    /// Reads the signature of `request` and checks all that needs no key: form, times and scope.
    ///
    /// # Errors
    /// [`Error::Missing`] for an unsigned request, [`Error::Incomplete`], [`Error::Scope`].
    pub fn read(request: &'r Request, rules: &Rules<'_>) -> Result<Claim<'r>, Error> {
        let is_presigned = parameter(request, "X-Amz-Algorithm").is_some();
        // Of two headers one would be verified and another perhaps read elsewhere.
        let is_doubled = request.headers.get_all("authorization").iter().count() > 1;
        let claim = match (request.headers.get("authorization"), is_presigned) {
            (None, false) => return Err(Error::Missing),
            (Some(_), _) if is_presigned || is_doubled => {
                return Err(incomplete(
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter \
                     or the Authorization header should be specified",
                ));
            }
            (Some(header), _) => from_header(request, header)?,
            (None, true) => from_query(request)?,
        };
        claim.check_times(request, rules)?;
        claim.check_scope(request, rules)?;
        Ok(claim)
    }

    /// Where the signature counts.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            date: &self.date,
            region: &self.region,
            service: &self.service,
        }
    }

    /// The signature itself: by it a request is known again. Whether it is one, only
    /// [`Claim::verify`] says.
    #[must_use]
    pub fn signature(&self) -> &[u8; 32] {
        &self.signature
    }

    /// Whether the URL alone makes the call.
    #[must_use]
    pub fn is_presigned(&self) -> bool {
        self.place == Place::Query
    }

    /// Checks that `request`, body included, is what the holder of `key` signed.
    ///
    /// # Errors
    /// [`Error::Mismatch`], [`Error::PayloadHash`], and [`Error::Incomplete`] for a body signed
    /// chunk by chunk.
    pub fn verify(&self, request: &Request, key: &SigningKey) -> Result<(), Error> {
        match request
            .headers
            .get("x-amz-content-sha256")
            .map(HeaderValue::as_bytes)
        {
            Some(hash) if hash.starts_with(b"STREAMING-") => {
                return Err(incomplete(
                    "a body signed chunk by chunk (`x-amz-content-sha256: STREAMING-..`) is not \
                     served by this version of Lockstep: send it in one piece",
                ));
            }
            None => {}
            Some(hash) if hash == UNSIGNED_PAYLOAD.as_bytes() => {}
            Some(hash) if hash == sha256_hex(&request.body).as_bytes() => {}
            Some(_) => return Err(Error::PayloadHash),
        }
        let is_s3 = self.scope().is_s3();
        let canonical = canonical::request(request, is_s3, &self.signed_headers, self.place);
        let text = string_to_sign(&self.amz_date, self.scope(), &canonical);
        if key.is_signature_of(&text, &self.signature) {
            Ok(())
        } else {
            Err(Error::Mismatch)
        }
    }

    fn check_times(&self, request: &Request, rules: &Rules<'_>) -> Result<(), Error> {
        let signed_ms = time::parse_amz_date(&self.amz_date).ok_or_else(|| {
            Error::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601",
                self.amz_date
            ))
        })?;
        let late_ms = match self.place {
            Place::Query => presigned_ms(request)?,
            Place::Header => rules.skew_ms_max,
        };
        let earliest = rules.now_ms.saturating_sub(late_ms);
        let latest = rules.now_ms.saturating_add(rules.skew_ms_max);
        let (what, bound, sign, allowed_ms) = match signed_ms {
            early if early < earliest => ("expired: ", earliest, '-', late_ms),
            late if late > latest => ("not yet current: ", latest, '+', rules.skew_ms_max),
            _ => return Ok(()),
        };
        let relation = if sign == '-' {
            "now earlier"
        } else {
            "still later"
        };
        let (signed, bound, now) = (
            &self.amz_date,
            time::amz_date(bound),
            time::amz_date(rules.now_ms),
        );
        let minutes = allowed_ms / 60_000;
        Err(Error::Scope(format!(
            "Signature {what}{signed} is {relation} than {bound} ({now} {sign} {minutes} min.)"
        )))
    }

    fn check_scope(&self, request: &Request, rules: &Rules<'_>) -> Result<(), Error> {
        let wrong = |text: String| Err(Error::Scope(text));
        if !self.signed_headers.iter().any(|name| name == "host") {
            return wrong(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
                    .to_owned(),
            );
        }
        // It says what the signer wants; any other could be put in its place.
        let has_target = request.headers.contains_key("x-amz-target");
        if has_target && !self.signed_headers.iter().any(|n| n == "x-amz-target") {
            return wrong(
                "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            );
        }
        let mut amz = request
            .headers
            .keys()
            .map(|n| n.as_str())
            .filter(|n| n.starts_with("x-amz-"));
        if self.scope().is_s3() && !amz.all(|sent| self.signed_headers.iter().any(|n| n == sent)) {
            return wrong("There were headers present in the request which were not signed".into());
        }
        if !crate::route::is_region(&self.region) {
            return wrong(format!(
                "Credential should be scoped to a valid Region, not '{}'.",
                self.region
            ));
        }
        if let Some(service) = rules.service.filter(|service| *service != self.service) {
            return wrong(format!(
                "Credential should be scoped to correct service: '{service}'."
            ));
        }
        if self.date != time::amz_day(&self.amz_date) {
            return wrong(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP: '{}' != '{}', from '{}'.",
                self.date,
                time::amz_day(&self.amz_date),
                self.amz_date
            ));
        }
        Ok(())
    }
}

fn incomplete(text: &str) -> Error {
    Error::Incomplete(text.to_owned())
}

/// `AWS4-HMAC-SHA256 Credential=.., SignedHeaders=.., Signature=..`
fn from_header<'r>(request: &'r Request, header: &'r HeaderValue) -> Result<Claim<'r>, Error> {
    let header = header
        .to_str()
        .map_err(|_| incomplete("Authorization header is not ASCII."))?;
    let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
    if algorithm != ALGORITHM {
        return Err(Error::Incomplete(format!(
            "Unsupported AWS 'algorithm': '{algorithm}'."
        )));
    }
    let (mut credential, mut headers, mut signature) = (None, None, None);
    for pair in rest
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Error::Incomplete(format!(
                "'{pair}' not a valid key=value pair (missing equal-sign) in Authorization \
                 header: '{header}'."
            )));
        };
        let part = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        // Of two one would be verified and another perhaps read elsewhere.
        if part.replace(value).is_some() {
            return Err(Error::Incomplete(format!(
                "Authorization header has more than one '{name}' parameter. Authorization={header}"
            )));
        }
    }
    let amz_date = match (request.header("x-amz-date"), request.header("date")) {
        (Some(date), _) => Some(Cow::Borrowed(date)),
        (None, Some(date)) => Some(match time::parse_http_date(date) {
            Some(ms) => Cow::Owned(time::amz_date(ms)),
            None => Cow::Borrowed(date),
        }),
        (None, None) => None,
    };
    match (credential, headers, signature, amz_date) {
        (Some(credential), Some(headers), Some(signature), Some(amz_date)) => Raw {
            credential: Cow::Borrowed(credential),
            signed_headers: Cow::Borrowed(headers),
            signature: Cow::Borrowed(signature),
            amz_date,
            session_token: request.header("x-amz-security-token").map(Cow::Borrowed),
            place: Place::Header,
        }
        .claim(),
        (credential, headers, signature, amz_date) => {
            let mut text = String::new();
            for (part, name) in [
                (credential, "Credential"),
                (signature, "Signature"),
                (headers, "SignedHeaders"),
            ] {
                if part.is_none() {
                    text += &format!("Authorization header requires '{name}' parameter. ");
                }
            }
            if amz_date.is_none() {
                text += "Authorization header requires existence of either a 'X-Amz-Date' or a \
                         'Date' header. ";
            }
            Err(Error::Incomplete(format!("{text}Authorization={header}")))
        }
    }
}

/// `?X-Amz-Algorithm=..&X-Amz-Credential=..&..`
fn from_query(request: &Request) -> Result<Claim<'_>, Error> {
    let required = |name: &str| {
        parameter(request, name).ok_or_else(|| {
            Error::Incomplete(format!(
                "AWS query-string parameters must include '{name}'. Re-examine the query-string \
                 parameters."
            ))
        })
    };
    let algorithm = required("X-Amz-Algorithm")?;
    if algorithm != ALGORITHM {
        return Err(Error::Incomplete(format!(
            "Unsupported AWS 'algorithm': '{algorithm}'."
        )));
    }
    required("X-Amz-Expires")?;
    Raw {
        credential: required("X-Amz-Credential")?,
        signed_headers: required("X-Amz-SignedHeaders")?,
        signature: required("X-Amz-Signature")?,
        amz_date: required("X-Amz-Date")?,
        session_token: parameter(request, "X-Amz-Security-Token"),
        place: Place::Query,
    }
    .claim()
}

/// The parts of a signature before they are looked into.
struct Raw<'r> {
    credential: Cow<'r, str>,
    signed_headers: Cow<'r, str>,
    signature: Cow<'r, str>,
    amz_date: Cow<'r, str>,
    session_token: Option<Cow<'r, str>>,
    place: Place,
}

impl<'r> Raw<'r> {
    fn claim(self) -> Result<Claim<'r>, Error> {
        let fields: Result<[Cow<'r, str>; 5], _> = split(&self.credential, '/').try_into();
        let Ok([access_key_id, date, region, service, terminator]) = fields else {
            return Err(Error::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{}'",
                self.credential
            )));
        };
        if terminator != TERMINATOR {
            return Err(Error::Scope(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}'"
            )));
        }
        // A signature is 64 lower-case hex digits. Anything else can't be one, and that is all
        // the caller learns.
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let signature = <[u8; 32]>::from_hex(&*self.signature).ok();
        let signature = signature.filter(|_| self.signature.bytes().all(is_hex));
        Ok(Claim {
            access_key_id,
            date,
            region,
            service,
            session_token: self.session_token,
            amz_date: self.amz_date,
            signed_headers: split(&self.signed_headers, ';'),
            signature: signature.ok_or(Error::Mismatch)?,
            place: self.place,
        })
    }
}

/// The parts of `text`, borrowed for as long as `text` was.
pub(crate) fn split<'r>(text: &Cow<'r, str>, separator: char) -> Vec<Cow<'r, str>> {
    match text {
        Cow::Borrowed(text) => text.split(separator).map(Cow::Borrowed).collect(),
        Cow::Owned(text) => text
            .split(separator)
            .map(|p| Cow::Owned(p.to_owned()))
            .collect(),
    }
}

/// How long the presigned `request` lives.
fn presigned_ms(request: &Request) -> Result<i64, Error> {
    let text = parameter(request, "X-Amz-Expires").unwrap_or_default();
    match text.parse::<u32>() {
        Ok(seconds) if (1..=PRESIGNED_SECONDS_MAX).contains(&seconds) => {
            Ok(i64::from(seconds) * 1000)
        }
        _ => Err(incomplete(
            "X-Amz-Expires must be a number between 1 and 604800 seconds",
        )),
    }
}

/// Value of query parameter `name`, decoded.
fn parameter<'r>(request: &'r Request, name: &str) -> Option<Cow<'r, str>> {
    let mut pairs = request
        .query()
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    percent_decode_str(value).decode_utf8().ok()
}
