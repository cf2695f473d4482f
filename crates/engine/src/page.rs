//! nextToken: where the next page begins. Opaque to callers, and no token but ours is taken.
//!
//! Hex of the position, the time it was made, and a MAC over both and over what was asked for, so
//! that a token cannot be changed, used for another request, or used after a day.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use store::{Expected, Kind, Store};

use asl::time::Timestamp;

use crate::chance::system_bytes;
use crate::limits::PAGE_TOKEN_MS_MAX;
use crate::request::{OpenError, ReadError};

/// The document that holds the key: tokens outlive a restart.
const KEY_DOCUMENT: &str = "engine/page-token-key";

const MAC_BYTES: usize = 16;
const TOKEN_BYTES: usize = 8 + 8 + MAC_BYTES;

/// Signs tokens.
pub(crate) struct PageKey([u8; 32]);

impl PageKey {
    /// The key of a store, made when there is none.
    pub(crate) fn of_store(store: &dyn Store) -> Result<PageKey, OpenError> {
        let key = || -> Result<Option<[u8; 32]>, OpenError> {
            let document = store.document(Kind::Setting, KEY_DOCUMENT)?;
            Ok(document.and_then(|document| document.body.try_into().ok()))
        };
        if let Some(key) = key()? {
            return Ok(PageKey(key));
        }
        let made = system_bytes()?;
        match store.put_document(Kind::Setting, KEY_DOCUMENT, &made, Expected::Any) {
            Ok(_) => Ok(PageKey(made)),
            Err(error) => Err(error.into()),
        }
    }

    /// The token of a position. `request` is everything that must not change between pages.
    pub(crate) fn seal(&self, position: u64, request: &str, now: Timestamp) -> String {
        let mut token = [0; TOKEN_BYTES];
        let mac = self.mac(position, now.0, request).finalize().into_bytes();
        let bytes = position
            .to_be_bytes()
            .into_iter()
            .chain(now.0.to_be_bytes());
        token
            .iter_mut()
            .zip(bytes.chain(mac))
            .for_each(|(place, byte)| *place = byte);
        token.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The position of a request's nextToken; `None` if it has none.
    pub(crate) fn position(
        &self,
        token: Option<&str>,
        request: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, ReadError> {
        let open = |token| {
            self.open(token, request, now)
                .ok_or(ReadError::InvalidToken)
        };
        token.map(open).transpose()
    }

    /// The position of a token that was made for this request and has not expired.
    pub(crate) fn open(&self, token: &str, request: &str, now: Timestamp) -> Option<u64> {
        let bytes = from_hex(token)?;
        let (position, rest) = bytes.split_first_chunk::<8>()?;
        let (made_at, mac) = rest.split_first_chunk::<8>()?;
        let position = u64::from_be_bytes(*position);
        let made_at = i64::from_be_bytes(*made_at);
        self.mac(position, made_at, request)
            .verify_truncated_left(mac)
            .ok()?;
        (now.0 - made_at < PAGE_TOKEN_MS_MAX).then_some(position)
    }

    fn mac(&self, position: u64, made_at: i64, request: &str) -> Hmac<Sha256> {
        // HMAC fills a key that is shorter than its block with zeros.
        let mut key = Key::<Hmac<Sha256>>::default();
        key.iter_mut()
            .zip(self.0)
            .for_each(|(byte, secret)| *byte = secret);
        Hmac::<Sha256>::new(&key)
            .chain_update(position.to_be_bytes())
            .chain_update(made_at.to_be_bytes())
            .chain_update(request.as_bytes())
    }
}

fn from_hex(text: &str) -> Option<[u8; TOKEN_BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; TOKEN_BYTES];
    if pairs.len() != TOKEN_BYTES || !odd.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
