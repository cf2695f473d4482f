//! Random numbers that cannot be guessed: keys of task tokens are made of them.

use sha2::{Digest as _, Sha256};

use crate::request::OpenError;
use crate::shard::Random;

/// SHA-256 of a key from the system and a counter: some hundred nanoseconds a draw, and no draw can
/// fail.
pub struct Chance {
    key: [u8; 32],
    draws: u64,
}

impl Chance {
    pub(crate) fn from_system() -> Result<Chance, OpenError> {
        Ok(Chance::from_key(system_bytes()?))
    }

    /// The same numbers for the same key: for simulations.
    pub fn from_key(key: [u8; 32]) -> Chance {
        Chance { key, draws: 0 }
    }

    pub(crate) fn draw(&mut self) -> Random {
        self.draws += 1;
        let hash = Sha256::new()
            .chain_update(self.key)
            .chain_update(self.draws.to_le_bytes());
        let bytes: [u8; 32] = hash.finalize().into();
        let (words, _) = bytes.as_chunks::<8>();
        let mut random = Random::default();
        random
            .iter_mut()
            .zip(words)
            .for_each(|(bits, word)| *bits = u64::from_le_bytes(*word));
        random
    }
}

/// Bytes from the system's source of randomness.
pub(crate) fn system_bytes() -> Result<[u8; 32], OpenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| OpenError::Random(error.to_string()))?;
    Ok(bytes)
}
