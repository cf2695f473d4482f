//! A session of temporary credentials, which its token holds: there is no table of sessions.
//!
//! A token is `lockstep1.` and, in URL-safe base64, the session in a compact binary form
//! (`postcard`), sealed for its access key. What callers choose freely in it is bounded by
//! [`PACKED_BYTES_MAX`], so a token stays far below what servers take as a header.

use aws::iam::Principal;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::seal::{Error, Seal};

/// Tells our tokens from AWS's, and this form of them from later ones.
const PREFIX: &str = "lockstep1.";
/// Bytes that session policies and tags may take together: AWS's inline limit of 2,048 characters,
/// and as much again for tags and ARNs. It gives tokens of at most some 6,700 characters.
pub const PACKED_BYTES_MAX: usize = 4_096;
/// No token of ours is longer; checked before anything is decoded.
pub const TOKEN_CHARACTERS_MAX: usize = 8_192;
/// Bytes that sealing adds: a nonce and a tag.
const SEALED_MORE_BYTES: usize = 24 + 16;

/// What a session token says, sealed under the master key. The secret goes into it as well.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub account: String,
    /// `ASIA...`: a token counts for this key only, so it need not hold it.
    #[serde(skip)]
    pub access_key_id: String,
    pub secret_access_key: String,
    pub issued_ms: i64,
    pub expires_ms: i64,
    pub mfa: bool,
    pub holder: Holder,
    /// Documents of inline session policies.
    pub policies: Vec<String>,
    /// ARNs of managed session policies.
    pub policy_arns: Vec<String>,
}

/// Whose session it is. Its policies are read when they are needed, so that a change counts at
/// once.
#[derive(Clone, Serialize, Deserialize)]
pub enum Holder {
    Root,
    /// Of GetSessionToken.
    User {
        name: String,
        id: String,
    },
    /// Of AssumeRole and its kin. A role of the same name with another id is another role.
    Role {
        name: String,
        id: String,
        session_name: String,
        tags: Vec<(String, String)>,
        transitive_tag_keys: Vec<String>,
        source_identity: Option<String>,
        federated_provider: Option<String>,
    },
}

/// Why a token was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a token of this server.
    #[error("not a session token of this server")]
    Foreign,
    /// A token of this server that was changed, or goes with another key.
    #[error("the session token was changed or belongs to another access key")]
    Invalid,
    #[error("the session is over")]
    Expired,
}

impl Session {
    /// The token, opaque to its holder.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn token(&self, seal: &Seal) -> Result<String, Error> {
        self.long_token(seal, 0)
    }

    /// The token, filled up to at least so many characters: whoever wants to know whether a long
    /// one gets through asks for it.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn long_token(&self, seal: &Seal, characters_min: usize) -> Result<String, Error> {
        // A structure of texts and numbers always has a form; `NotOurs` is what is left to say.
        let mut plain = postcard::to_allocvec(self).map_err(|_| Error::NotOurs)?;
        let sealed_min = (characters_min.saturating_sub(PREFIX.len()) * 3).div_ceil(4);
        let plain_min = sealed_min.saturating_sub(SEALED_MORE_BYTES);
        // Whoever reads the session passes over what follows it.
        plain.resize(plain.len().max(plain_min), 0);
        let sealed = seal.seal(&purpose(&self.access_key_id), &plain)?;
        Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The session of a token that came with an access key.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn of_token(
        seal: &Seal,
        token: &str,
        access_key_id: &str,
        now_ms: i64,
    ) -> Result<Session, Refused> {
        let sealed = token.strip_prefix(PREFIX).ok_or(Refused::Foreign)?;
        if sealed.len() > TOKEN_CHARACTERS_MAX {
            return Err(Refused::Invalid);
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed);
        let sealed = sealed.map_err(|_| Refused::Invalid)?;
        let plain = seal.open(&purpose(access_key_id), &sealed);
        let plain = plain.map_err(|_| Refused::Invalid)?;
        let session: Session = postcard::from_bytes(&plain).map_err(|_| Refused::Invalid)?;
        if session.expires_ms <= now_ms {
            return Err(Refused::Expired);
        }
        Ok(Session {
            access_key_id: access_key_id.to_owned(),
            ..session
        })
    }

    /// Bytes of what the caller chose freely: at most [`PACKED_BYTES_MAX`]. Session policies and
    /// their ARNs first, then tags.
    #[must_use]
    pub fn packed_bytes(&self) -> (usize, usize) {
        let texts = |texts: &[String]| texts.iter().map(|text| 2 + text.len()).sum::<usize>();
        let tags = match &self.holder {
            Holder::Root | Holder::User { .. } => 0,
            Holder::Role {
                tags,
                transitive_tag_keys,
                ..
            } => {
                let pairs = tags.iter().map(|(key, value)| 4 + key.len() + value.len());
                pairs.sum::<usize>() + texts(transitive_tag_keys)
            }
        };
        (texts(&self.policies) + texts(&self.policy_arns), tags)
    }

    /// Whether this principal holds temporary credentials.
    #[must_use]
    pub fn is_temporary(principal: &Principal) -> bool {
        match principal {
            Principal::Root { temporary, .. } | Principal::User { temporary, .. } => {
                temporary.is_some()
            }
            Principal::Role(_) | Principal::FederatedUser(_) => true,
            Principal::Anonymous | Principal::Federated { .. } | Principal::Service { .. } => false,
        }
    }
}

/// A token is sealed for its key, apart from the secrets of long-term keys.
fn purpose(access_key_id: &str) -> String {
    format!("session {access_key_id}")
}

/// The digits of base32 (RFC 4648), which AWS's ids are written in.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Bytes of an access key's id behind its prefix of four letters.
const ID_BYTES: usize = 10;
/// Where an id holds its account: below the first bit, above the random ones.
const ACCOUNT_SHIFT: u32 = 39;
const ACCOUNT_BITS: u32 = 40;

/// A new temporary key: id (`ASIA` and 16 of `A-Z2-7`) and secret (40 characters).
///
/// As in AWS, the id holds its account (base32; bits 1 to 40 of 80), which GetAccessKeyInfo reads.
///
/// # Errors
/// [`Error::NoRandomness`].
pub fn new_key(account: &str) -> Result<(String, String), Error> {
    let mut random = [0; ID_BYTES + 30];
    getrandom::fill(&mut random).map_err(|_| Error::NoRandomness)?;
    let (id, secret) = random.split_at(ID_BYTES);
    let random_bits = id.iter().fold(0_u128, |bits, b| bits << 8 | u128::from(*b));
    let account = account.parse::<u128>().unwrap_or_default();
    let bits = account << ACCOUNT_SHIFT | random_bits & ((1 << ACCOUNT_SHIFT) - 1) | 1 << 79;
    let digits = (0..16).rev().filter_map(|at| {
        let digit = usize::try_from(bits >> (at * 5) & 31).ok()?;
        BASE32.get(digit).map(|digit| char::from(*digit))
    });
    let id = "ASIA".chars().chain(digits).collect();
    Ok((id, BASE64_STANDARD_NO_PAD.encode(secret)))
}

/// The account that an access key's id holds; `None` for an id that AWS would not give.
#[must_use]
pub fn account_of_key(access_key_id: &str) -> Option<String> {
    let digits = access_key_id
        .strip_prefix("ASIA")
        .or_else(|| access_key_id.strip_prefix("AKIA"))?;
    if digits.len() != 16 {
        return None;
    }
    let bits = digits.bytes().try_fold(0_u128, |bits, b| {
        let digit = BASE32.iter().position(|digit| *digit == b)?;
        Some(bits << 5 | u128::try_from(digit).ok()?)
    })?;
    let account = bits >> ACCOUNT_SHIFT & ((1 << ACCOUNT_BITS) - 1);
    (account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

#[cfg(test)]
mod tests;
