//! Sealed bytes: what must not be read by whoever holds the store alone.
//!
//! Secrets (access keys) are kept sealed under a master key that lies outside the store, and a
//! session token is a sealed session, so that no table of sessions is needed.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals and opens under one master key.
pub struct Seal {
    cipher: XChaCha20Poly1305,
}

/// Why bytes could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the bytes are not what was sealed under this master key for this purpose")]
    NotOurs,
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

/// A new master key.
///
/// # Errors
/// [`Error::NoRandomness`].
pub fn random_key() -> Result<[u8; KEY_BYTES], Error> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|_| Error::NoRandomness)?;
    Ok(key)
}

impl Seal {
    /// A seal under `master_key`.
    #[must_use]
    pub fn new(master_key: &[u8; KEY_BYTES]) -> Seal {
        Seal {
            cipher: XChaCha20Poly1305::new(&Key::from(*master_key)),
        }
    }

    /// Seals `secret` for `purpose` (the key's id, say): opened for another, it is refused.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| Error::NoRandomness)?;
        let payload = Payload {
            msg: secret,
            aad: purpose.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::NotOurs)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Seal::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`Error::NotOurs`] when a bit of it, the purpose or the master key differs.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, msg) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(Error::NotOurs)?;
        let payload = Payload {
            msg,
            aad: purpose.as_bytes(),
        };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.map_err(|_| Error::NotOurs)
    }
}

// A master key must never be printed.
impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_for_the_purpose_opens() {
        let seal = Seal::new(&[7; KEY_BYTES]);
        let sealed = seal.seal("AKIA1", b"secret").unwrap();
        assert_eq!(seal.open("AKIA1", &sealed).unwrap(), b"secret");
        assert_ne!(sealed, seal.seal("AKIA1", b"secret").unwrap());
        assert_eq!(seal.open("AKIA2", &sealed), Err(Error::NotOurs));
        let other = Seal::new(&[8; KEY_BYTES]);
        assert_eq!(other.open("AKIA1", &sealed), Err(Error::NotOurs));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open("AKIA1", &changed), Err(Error::NotOurs), "{at}");
            assert_eq!(
                seal.open("AKIA1", &sealed[..at]),
                Err(Error::NotOurs),
                "{at}"
            );
        }
        assert_eq!(format!("{seal:?}"), "Seal(..)");
    }
}
