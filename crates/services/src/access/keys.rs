//! Signing keys, derived once a day for each key, Region and service.

use std::collections::HashMap;

use aws::sigv4::{Claim, SigningKey};
use parking_lot::Mutex;

/// Keys of one generation, some 200 bytes each: a key that many services of many Regions see takes
/// one for each.
const KEYS_MAX: usize = 4_096;

/// Derived signing keys. Two generations: a full one becomes the old one, and what nobody used since
/// is forgotten.
#[derive(Default)]
pub(super) struct SigningKeys {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    new: HashMap<String, SigningKey>,
    old: HashMap<String, SigningKey>,
}

impl SigningKeys {
    /// The key that a claim must have been signed with. An access key's secret never changes, so
    /// that its id stands for it.
    pub(super) fn of(&self, claim: &Claim<'_>, secret: &str) -> SigningKey {
        let scope = claim.scope();
        let name = format!(
            "{}/{}/{}/{}",
            claim.access_key_id, scope.date, scope.region, scope.service
        );
        let mut generations = self.generations.lock();
        if let Some(known) = generations.new.get(&name) {
            return known.clone();
        }
        let known = generations.old.remove(&name);
        let key = known.unwrap_or_else(|| SigningKey::derive(secret, scope));
        if generations.new.len() >= KEYS_MAX {
            generations.old = std::mem::take(&mut generations.new);
        }
        generations.new.insert(name, key.clone());
        key
    }
}

#[cfg(test)]
mod tests;
