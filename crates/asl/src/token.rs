//! Task tokens: (execution, attempt) under a MAC, so that no table of tokens is needed and a
//! token stays good across restarts and key changes.
//!
//! The text is opaque to its holder: URL-safe base64 of a version byte, the attempt as 8 bytes
//! big-endian, 16 bytes of HMAC-SHA256 under [`Start::token_secret`], and the execution's ARN. The
//! token of an activity's task has another version byte and, behind a line feed, the activity's ARN
//! too: permission to answer such a task is given for the activity.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::event::{EventId, Start, Text};

/// AWS's longest TaskToken is 2,048 characters; ours stay below half of that.
pub const TOKEN_CHARS_MAX: usize = 1_024;

const VERSION: u8 = 1;
const VERSION_OF_ACTIVITY: u8 = 2;
/// Stands in no ARN.
const SEPARATOR: &str = "\n";
const MAC_BYTES: usize = 16;

/// What a token's text says. Whether it may say so, [`verify`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskToken {
    pub execution_arn: Text,
    pub attempt: EventId,
    /// Of a task that a worker took.
    pub activity_arn: Option<Text>,
    pub mac: [u8; MAC_BYTES],
}

/// The token of an attempt. The same attempt always has the same token.
pub fn mint(start: &Start, attempt: EventId) -> String {
    minted(start, attempt, None)
}

/// The token of an attempt whose task a worker of the activity took.
pub fn mint_of_activity(start: &Start, attempt: EventId, activity_arn: &str) -> String {
    minted(start, attempt, Some(activity_arn))
}

fn minted(start: &Start, attempt: EventId, activity_arn: Option<&str>) -> String {
    let mac = hasher(start, attempt, activity_arn).finalize().into_bytes();
    let mut bytes = Vec::with_capacity(1 + 8 + MAC_BYTES + start.execution_arn.len());
    bytes.push(version(activity_arn));
    bytes.extend_from_slice(&attempt.to_be_bytes());
    bytes.extend(mac.iter().take(MAC_BYTES));
    bytes.extend_from_slice(start.execution_arn.as_bytes());
    if let Some(activity_arn) = activity_arn {
        bytes.extend_from_slice(SEPARATOR.as_bytes());
        bytes.extend_from_slice(activity_arn.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

fn version(activity_arn: Option<&str>) -> u8 {
    match activity_arn {
        Some(_) => VERSION_OF_ACTIVITY,
        None => VERSION,
    }
}

/// Takes a token's text apart; `None` for a text that no version of ours made.
pub fn read(text: &str) -> Option<TaskToken> {
    if text.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (attempt, rest) = rest.split_first_chunk::<8>()?;
    let (mac, arns) = rest.split_first_chunk::<MAC_BYTES>()?;
    let arns = std::str::from_utf8(arns).ok()?;
    let (execution_arn, activity_arn) = match *version {
        VERSION => (arns, None),
        VERSION_OF_ACTIVITY => {
            let (execution_arn, activity_arn) = arns.split_once(SEPARATOR)?;
            (execution_arn, Some(activity_arn.into()))
        }
        _ => return None,
    };
    Some(TaskToken {
        execution_arn: execution_arn.into(),
        attempt: EventId::from_be_bytes(*attempt),
        activity_arn,
        mac: *mac,
    })
}

/// Whether this execution made the token. Takes the same time however much of the MAC is right.
pub fn verify(start: &Start, token: &TaskToken) -> bool {
    start.execution_arn == token.execution_arn
        && hasher(start, token.attempt, token.activity_arn.as_deref())
            .verify_truncated_left(&token.mac)
            .is_ok()
}

/// The MAC over what a token says, not yet finished.
fn hasher(start: &Start, attempt: EventId, activity_arn: Option<&str>) -> Hmac<Sha256> {
    // HMAC fills a key that is shorter than its block with zeros.
    let mut key = Key::<Hmac<Sha256>>::default();
    key.iter_mut()
        .zip(start.token_secret)
        .for_each(|(byte, secret)| *byte = secret);
    let mut hasher = Hmac::<Sha256>::new(&key)
        .chain_update([version(activity_arn)])
        .chain_update(attempt.to_be_bytes())
        .chain_update(start.execution_arn.as_bytes());
    if let Some(activity_arn) = activity_arn {
        hasher.update(SEPARATOR.as_bytes());
        hasher.update(activity_arn.as_bytes());
    }
    hasher
}

#[cfg(test)]
mod tests;
