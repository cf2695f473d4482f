//! The public keys of identity providers, found by discovery (OpenID Connect Discovery 1.0) and
//! kept for a while.

use std::collections::HashMap;
use std::sync::Arc;

use asl::time::Timestamp;
use json::Value;
use outbound::{Fetch, Request, Thumbprint};
use parking_lot::Mutex;

use super::jwt::{Key, Token};

/// Providers whose keys are kept; an account may have 100 (IAM quotas). One more, and that
/// which was asked longest ago goes.
const PROVIDERS_MAX: usize = 1_000;
/// Keys of one provider; those that rotate theirs have five or so.
const KEYS_MAX: usize = 100;
/// Bytes of a discovery document or a set of keys.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// How long keys count without being asked for again.
const KEPT_MS: i64 = 3_600_000;
/// A key that is not among those that are known makes them be asked for again, so often at most;
/// what failed is tried again after the same time. Anyone can send a token with an unknown key.
const AGAIN_MS: i64 = 60_000;

/// Why a signature can't be judged.
///
/// The texts are those of AWS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "Couldn't retrieve verification key from your identity provider,  please reference \
         AssumeRoleWithWebIdentity documentation for requirements"
    )]
    NoKey,
    #[error("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")]
    Certificate,
}

/// Where the keys of a provider are, and by which certificates it is trusted: what one account
/// trusts by a thumbprint, another need not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Provider {
    /// The issuer: `https://host/path`, byte for byte as tokens name it.
    pub(super) issuer: String,
    pub(super) thumbprints: Vec<Thumbprint>,
}

/// Keys by their provider.
pub(super) struct Keys {
    outbound: Arc<dyn Fetch>,
    providers: Mutex<HashMap<Provider, Arc<Kept>>>,
}

/// What is kept of a provider. Whoever asks for its keys holds it, so that many tokens at a time
/// cost one request.
#[derive(Default)]
struct Kept(tokio::sync::Mutex<Option<Fetched>>);

struct Fetched {
    keys: Arc<[Key]>,
    /// When the provider gave these keys.
    given_ms: i64,
    /// When it was last asked.
    asked_ms: i64,
    /// What came of that, if not the keys.
    error: Option<Error>,
}

impl Keys {
    pub(super) fn new(outbound: Arc<dyn Fetch>) -> Keys {
        Keys {
            outbound,
            providers: Mutex::default(),
        }
    }

    /// Whether a key of the provider signed the token.
    ///
    /// # Errors
    /// [`Error::NoKey`] when none of the provider's keys can have signed it, and
    /// [`Error::Certificate`].
    pub(super) async fn verify(
        &self,
        token: &Token,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let kept = self.kept(provider);
        let mut kept = kept.0.lock().await;
        let within = |from_ms: i64, ms: i64| (0..ms).contains(&now.0.saturating_sub(from_ms));
        if let Some(fetched) = &*kept {
            let known = within(fetched.given_ms, KEPT_MS).then(|| judge(token, &fetched.keys));
            if let Some(is_signed) = known.flatten() {
                return Ok(is_signed);
            }
            if within(fetched.asked_ms, AGAIN_MS) {
                return Err(fetched.error.clone().unwrap_or(Error::NoKey));
            }
        }
        match self.fetch(provider).await {
            Ok(keys) => {
                let is_signed = judge(token, &keys);
                *kept = Some(Fetched {
                    keys: keys.into(),
                    given_ms: now.0,
                    asked_ms: now.0,
                    error: None,
                });
                is_signed.ok_or(Error::NoKey)
            }
            // The keys that are known go on to count: a token with an unknown key, sent while the
            // provider is away, must not keep others out.
            Err(error) => {
                let fetched = kept.get_or_insert_with(|| Fetched {
                    keys: Arc::default(),
                    given_ms: now.0,
                    asked_ms: now.0,
                    error: None,
                });
                fetched.asked_ms = now.0;
                fetched.error = Some(error.clone());
                Err(error)
            }
        }
    }

    fn kept(&self, provider: &Provider) -> Arc<Kept> {
        let mut providers = self.providers.lock();
        if let Some(kept) = providers.get(provider) {
            return Arc::clone(kept);
        }
        if providers.len() >= PROVIDERS_MAX {
            let oldest = providers.iter().min_by_key(|(_, kept)| kept.asked_ms());
            if let Some(oldest) = oldest.map(|(provider, _)| provider.clone()) {
                providers.remove(&oldest);
            }
        }
        Arc::clone(providers.entry(provider.clone()).or_default())
    }

    /// Asks the provider: its discovery document names its issuer, which must be the same, and
    /// where its keys are.
    async fn fetch(&self, provider: &Provider) -> Result<Vec<Key>, Error> {
        let issuer = &provider.issuer;
        let root = issuer.strip_suffix('/').unwrap_or(issuer);
        let discovery = format!("{root}/.well-known/openid-configuration");
        let discovery = self.document(discovery, provider).await?;
        let member = |member| discovery.get(member).and_then(Value::as_str);
        let uri = member("jwks_uri").filter(|uri| uri.starts_with("https://"));
        let (Some(uri), true) = (uri, member("issuer") == Some(issuer)) else {
            tracing::warn!(
                %issuer,
                "the discovery document has another issuer, or no `jwks_uri` with https"
            );
            return Err(Error::NoKey);
        };
        let set = self.document(uri.to_owned(), provider).await?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.unwrap_or_default().iter().take(KEYS_MAX);
        Ok(keys.filter_map(Key::of).collect())
    }

    async fn document(&self, url: String, provider: &Provider) -> Result<Value, Error> {
        let issuer = &provider.issuer;
        let request = Request {
            thumbprints: provider.thumbprints.clone(),
            ..Request::get(url, DOCUMENT_BYTES_MAX)
        };
        let response = self.outbound.fetch(request).await.map_err(|error| {
            tracing::warn!(%issuer, %error, "the keys of an identity provider can't be read");
            match error {
                outbound::Error::Certificate { .. } => Error::Certificate,
                _ => Error::NoKey,
            }
        })?;
        let text = std::str::from_utf8(&response.body).ok();
        match text.and_then(|text| json::parse(text).ok()) {
            Some(document) if response.status == 200 => Ok(document),
            _ => {
                let status = response.status;
                tracing::warn!(%issuer, status, "an identity provider answered no JSON");
                Err(Error::NoKey)
            }
        }
    }
}

impl Kept {
    /// When it was last asked; as if later than all others, as long as it is being asked.
    fn asked_ms(&self) -> i64 {
        let kept = self.0.try_lock();
        kept.map_or(i64::MAX, |kept| {
            kept.as_ref().map_or(i64::MAX, |f| f.asked_ms)
        })
    }
}

/// Whether one of the keys signed the token; `None` when none of them could have. A token that
/// names no key is one of a provider with a single key that fits.
fn judge(token: &Token, keys: &[Key]) -> Option<bool> {
    let fits = |key: &&Key| key.fits(token.algorithm);
    let mut fitting = keys.iter().filter(fits);
    match &token.kid {
        Some(kid) => {
            let mut named = fitting
                .filter(|key| key.kid.as_ref() == Some(kid))
                .peekable();
            named.peek()?;
            Some(named.any(|key| token.is_signed_by(key)))
        }
        None => match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(token.is_signed_by(key)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests;
