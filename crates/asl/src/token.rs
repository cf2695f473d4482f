//! Task tokens: (execution, attempt) under a MAC, so that no table of tokens is needed and a
//! token stays good across restarts and key changes.
//!
//! The text is opaque to its holder: URL-safe base64 of a version byte, the attempt as 8 bytes
//! big-endian, 16 bytes of HMAC-SHA256 under [`Start::token_secret`], and the execution's ARN.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::event::{EventId, Start};

/// AWS's longest TaskToken is 2,048 characters; ours stay below half of that.
pub const TOKEN_CHARS_MAX: usize = 1_024;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 16;

/// What a token's text says. Whether it may say so, [`verify`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskToken {
    pub execution_arn: String,
    pub attempt: EventId,
    pub mac: [u8; MAC_BYTES],
}

/// The token of an attempt. The same attempt always has the same token.
pub fn mint(start: &Start, attempt: EventId) -> String {
    let mac = hasher(start, attempt).finalize().into_bytes();
    let mut bytes = Vec::with_capacity(1 + 8 + MAC_BYTES + start.execution_arn.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&attempt.to_be_bytes());
    bytes.extend(mac.iter().take(MAC_BYTES));
    bytes.extend_from_slice(start.execution_arn.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Takes a token's text apart; `None` for a text that no version of ours made.
pub fn read(text: &str) -> Option<TaskToken> {
    if text.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (attempt, rest) = rest.split_first_chunk::<8>()?;
    let (mac, arn) = rest.split_first_chunk::<MAC_BYTES>()?;
    (*version == VERSION).then_some(())?;
    Some(TaskToken {
        execution_arn: String::from_utf8(arn.to_vec()).ok()?,
        attempt: EventId::from_be_bytes(*attempt),
        mac: *mac,
    })
}

/// Whether this execution made the token. Takes the same time however much of the MAC is right.
pub fn verify(start: &Start, token: &TaskToken) -> bool {
    *start.execution_arn == *token.execution_arn
        && hasher(start, token.attempt)
            .verify_truncated_left(&token.mac)
            .is_ok()
}

/// The MAC over what a token says, not yet finished.
fn hasher(start: &Start, attempt: EventId) -> Hmac<Sha256> {
    // HMAC fills a key that is shorter than its block with zeros.
    let mut key = Key::<Hmac<Sha256>>::default();
    key.iter_mut()
        .zip(start.token_secret)
        .for_each(|(byte, secret)| *byte = secret);
    Hmac::<Sha256>::new(&key)
        .chain_update([VERSION])
        .chain_update(attempt.to_be_bytes())
        .chain_update(start.execution_arn.as_bytes())
}

#[cfg(test)]
mod tests;
