//! Signing keys, derived once a day for each key, Region and service.

use std::collections::HashMap;
use std::sync::Arc;

use aws::sigv4::{Claim, SigningKey};
use parking_lot::Mutex;

/// Keys of one generation, some 300 bytes each: a key that many services of many Regions see takes
/// one for each.
const KEYS_MAX: usize = 4_096;

/// Derived signing keys. Two generations: a full one becomes the old one, and what nobody used
/// since is forgotten.
#[derive(Default)]
pub(super) struct SigningKeys {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    new: HashMap<String, Derived>,
    old: HashMap<String, Derived>,
}

/// Derived from the secret: of many sessions two may have the same random id.
#[derive(Clone)]
struct Derived {
    secret: Arc<str>,
    key: SigningKey,
}

impl SigningKeys {
    /// The key that a claim must have been signed with.
    pub(super) fn of(&self, claim: &Claim<'_>, secret: &Arc<str>) -> SigningKey {
        let scope = claim.scope();
        let name = format!(
            "{}/{}/{}/{}",
            claim.access_key_id, scope.date, scope.region, scope.service
        );
        let mut generations = self.generations.lock();
        let is_of = |derived: &&Derived| derived.secret == *secret;
        if let Some(known) = generations.new.get(&name).filter(is_of) {
            return known.key.clone();
        }
        let known = generations.old.remove(&name);
        let derived = known
            .filter(|known| is_of(&known))
            .unwrap_or_else(|| Derived {
                secret: Arc::clone(secret),
                key: SigningKey::derive(secret, scope),
            });
        if generations.new.len() >= KEYS_MAX {
            generations.old = std::mem::take(&mut generations.new);
        }
        let key = derived.key.clone();
        generations.new.insert(name, derived);
        key
    }
}

#[cfg(test)]
mod tests;
