//! What a token of an identity provider claims, and what follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use asl::time::Timestamp;
use aws::ServiceError;
use aws::iam::Values;
use json::{Value, View};

use super::jwt::Token;
use super::tags::Tag;

/// Seconds by which the provider's clock may be ahead of ours.
const LEEWAY_SECONDS: i64 = 60;
/// Claims of AWS's own begin so: tags, source identity.
const AWS_PREFIX: &str = "https://aws.amazon.com/";

/// The claims of a token whose signature is right.
pub(super) struct Claims {
    /// Who: `sub`.
    pub(super) subject: String,
    /// For whom the token was made: `azp` if it is there, else `aud`.
    pub(super) audience: Vec<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<String>,
    all: Value,
}

/// The issuer of a token: whose keys must be asked for.
///
/// # Errors
/// InvalidIdentityToken.
pub(super) fn issuer(token: &Token) -> Result<&str, ServiceError> {
    token
        .claims
        .get("iss")
        .and_then(Value::as_str)
        .ok_or_else(|| missing("iss"))
}

impl Claims {
    /// The claims of a token at a time, for one of the clients of a provider.
    ///
    /// # Errors
    /// ExpiredTokenException, InvalidIdentityToken; the first that applies.
    pub(super) fn of(
        token: &Token,
        client_ids: &[String],
        now: Timestamp,
    ) -> Result<Claims, ServiceError> {
        let claims = &token.claims;
        check_times(claims, now.0.div_euclid(1_000))?;
        check_names(claims)?;
        let audience = claims.get("aud").and_then(texts);
        let audience = audience.filter(|audience| !audience.is_empty());
        let audience = audience.ok_or_else(|| missing("aud"))?;
        // Who was authorized is who it was made for (OpenID Connect Core 1.0, section 2).
        let audience = match claims.get("azp") {
            None => audience,
            Some(authorized) => {
                let authorized = authorized.as_str();
                vec![
                    authorized
                        .ok_or_else(|| invalid("Incorrect token audience"))?
                        .to_owned(),
                ]
            }
        };
        if !audience.iter().all(|client| client_ids.contains(client)) {
            return Err(invalid("Incorrect token audience"));
        }
        let subject = claims.get("sub").and_then(Value::as_str);
        let (tags, transitive) = tags(claims)?;
        let source_identity = match claims.get(&format!("{AWS_PREFIX}source_identity")) {
            None => None,
            Some(source) => Some(
                source
                    .as_str()
                    .ok_or_else(|| malformed("source_identity"))?,
            ),
        };
        Ok(Claims {
            subject: subject.ok_or_else(|| missing("sub"))?.to_owned(),
            audience,
            tags,
            transitive,
            source_identity: source_identity.map(str::to_owned),
            all: claims.clone(),
        })
    }

    /// The condition keys of the claims, `host/path:sub` for a provider at `https://host/path`.
    ///
    /// Texts and lists of texts; `aud` is who the token was made for, and where that is `azp`,
    /// `oaud` is what `aud` says (IAM user guide, "Available keys for web identity federation").
    pub(super) fn keys(&self, provider_url: &str) -> Vec<(Arc<str>, Values)> {
        let key = |claim: &str| Arc::from(format!("{provider_url}:{claim}"));
        let claims = self.all.as_object();
        let mut keys: Vec<(Arc<str>, Values)> = Vec::new();
        for (claim, value) in claims.iter().flat_map(|claims| claims.iter()) {
            let is_authorized = self.all.get("azp").is_some();
            let name = match &*claim.to_ascii_lowercase() {
                "azp" if is_authorized => "aud",
                "aud" if is_authorized => "oaud",
                "oaud" => continue,
                own if own.starts_with(AWS_PREFIX) => continue,
                _ => claim,
            };
            let values = match (value.as_str(), texts(value)) {
                (Some(one), _) => Values::One(one.into()),
                (None, Some(many)) => {
                    Values::Many(many.iter().map(|v| v.as_str().into()).collect())
                }
                (None, None) => continue,
            };
            keys.push((key(name), values));
        }
        keys
    }
}

/// Condition keys are told apart without regard to case: a claim `SUB`, which a user may have a say
/// in, must not be taken for `sub`.
fn check_names(claims: &Value) -> Result<(), ServiceError> {
    let claims = claims.as_object();
    let mut seen = BTreeSet::new();
    for name in claims.iter().flat_map(|claims| claims.keys()) {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(invalid(
                "two of the token's claims differ in the case of their name only",
            ));
        }
    }
    Ok(())
}

fn check_times(claims: &Value, now: i64) -> Result<(), ServiceError> {
    let seconds = |claim: &str| match claims.get(claim) {
        None => Ok(None),
        Some(time) => match time.as_f64() {
            // Far beyond any date, and exact in a double.
            Some(seconds) if seconds.abs() < 1e15 => {
                #[expect(clippy::cast_possible_truncation, reason = "INVARIANT: below 1e15")]
                let seconds = seconds.floor() as i64;
                Ok(Some(seconds))
            }
            _ => Err(invalid(format!(
                "the claim `{claim}` is not a number of seconds"
            ))),
        },
    };
    let expires = seconds("exp")?.ok_or_else(|| missing("exp"))?;
    if expires <= now {
        let message = format!(
            "Token expired: current date/time {now} must be before the expiration date/time \
             {expires}"
        );
        return Err(ServiceError::new("ExpiredTokenException", message));
    }
    for claim in ["nbf", "iat"] {
        if seconds(claim)?.is_some_and(|from| from > now + LEEWAY_SECONDS) {
            let message = format!("the token is not valid yet: its claim `{claim}` is to come");
            return Err(invalid(message));
        }
    }
    Ok(())
}

/// Session tags: nested, `"https://aws.amazon.com/tags": {"principal_tags": {"k": ["v"]},
/// "transitive_tag_keys": ["k"]}`, or flat, `"https://aws.amazon.com/tags/principal_tags/k": "v"`
/// (IAM user guide, "Passing session tags using AssumeRoleWithWebIdentity").
fn tags(claims: &Value) -> Result<(Vec<Tag>, Vec<String>), ServiceError> {
    let wrong = || malformed("tags");
    let value = |value: &Value| match texts(value).as_deref() {
        Some([one]) => Ok(one.clone()),
        _ => Err(wrong()),
    };
    let mut tags = Vec::new();
    let mut transitive = Vec::new();
    if let Some(nested) = claims.get(&format!("{AWS_PREFIX}tags")) {
        let nested = nested.as_object().ok_or_else(wrong)?;
        if let Some(principal) = nested.get("principal_tags") {
            for (key, tag) in principal.as_object().ok_or_else(wrong)?.iter() {
                tags.push((key.to_owned(), value(tag)?));
            }
        }
        if let Some(keys) = nested.get("transitive_tag_keys") {
            transitive.extend(texts(keys).ok_or_else(wrong)?);
        }
    }
    let flat_tags = format!("{AWS_PREFIX}tags/principal_tags/");
    let flat_keys = format!("{AWS_PREFIX}tags/transitive_tag_keys");
    for (claim, tag) in claims.as_object().iter().flat_map(|claims| claims.iter()) {
        if let Some(key) = claim.strip_prefix(&*flat_tags) {
            tags.push((key.to_owned(), value(tag)?));
        } else if *claim == *flat_keys {
            transitive.extend(texts(tag).ok_or_else(wrong)?);
        }
    }
    Ok((tags, transitive))
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value.view() {
        View::String(text) => Some(vec![text.to_owned()]),
        View::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidIdentityToken", message)
}

fn missing(claim: &str) -> ServiceError {
    invalid(format!("Missing a required claim: {claim}"))
}

fn malformed(claim: &str) -> ServiceError {
    invalid(format!(
        "the claim `{AWS_PREFIX}{claim}` does not have the form that STS takes"
    ))
}

#[cfg(test)]
mod tests;
