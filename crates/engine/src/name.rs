//! Names for executions that the caller did not name. They have the shape of a UUID and hold the
//! number of their entity, so that finding an execution by such a name needs no index.
//!
//! Of the 122 free bits 64 are the entity, 16 check them, and 42 are random: nobody can guess a
//! name that will be given, so a caller's own name never takes one. A name that only looks like
//! one of ours (any UUID does with a chance of 1 in 65,536) costs its finder one more look.

use sha2::{Digest as _, Sha256};
use store::EntityId;

const RANDOM_BITS: u32 = 42;
const CHECK_BITS: u32 = 16;

/// The name of an entity. `random` gives 42 uniform bits (the low ones).
pub fn generate(entity: EntityId, random: u64) -> String {
    let random = random & mask(RANDOM_BITS);
    let tail = check(entity.0, random) << RANDOM_BITS | random;
    // Spread by the tail, or all names of one day would begin with the same dozen zeros.
    let head = entity.0 ^ mix(tail);
    let free = u128::from(head) << (RANDOM_BITS + CHECK_BITS) | u128::from(tail);
    uuid(free)
}

/// The name of an execution that an attempt of another one starts without naming it. The same
/// attempt always gives the same name, so that it finds its child again; nobody else's is the same.
pub fn of_attempt(attempt_id: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(attempt_id.as_bytes()).into();
    let digits = digest
        .iter()
        .take(16)
        .fold(0_u128, |digits, byte| digits << 8 | u128::from(*byte));
    uuid(digits >> 6)
}

/// A UUID of 122 bits: 48 free ones, version 4, 12 free ones, variant 2, 62 free ones.
fn uuid(free: u128) -> String {
    let low = u128::from(mask(62));
    let digits = free >> 74 << 80 | 4 << 76 | (free >> 62 & 0xfff) << 64 | 2 << 62 | free & low;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        digits >> 96,
        digits >> 80 & 0xffff,
        digits >> 64 & 0xffff,
        digits >> 48 & 0xffff,
        digits & u128::from(mask(48))
    )
}

/// The entity a generated name holds; `None` for every other text.
pub fn entity(name: &str) -> Option<EntityId> {
    let bytes = name.as_bytes();
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    if bytes.len() != 36 {
        return None;
    }
    let mut digits: u128 = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if is_hyphen(at) {
            (*byte == b'-').then_some(())?;
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        digits = digits << 4 | u128::from(digit);
    }
    if digits >> 76 & 0xf != 4 || digits >> 62 & 3 != 2 {
        return None;
    }
    let free = digits >> 80 << 74 | (digits >> 64 & 0xfff) << 62 | digits & u128::from(mask(62));
    let tail = low_u64(free) & mask(RANDOM_BITS + CHECK_BITS);
    let entity = low_u64(free >> (RANDOM_BITS + CHECK_BITS)) ^ mix(tail);
    (check(entity, tail & mask(RANDOM_BITS)) == tail >> RANDOM_BITS).then_some(EntityId(entity))
}

fn check(entity: u64, random: u64) -> u64 {
    mix(entity.rotate_left(17) ^ random) >> (64 - CHECK_BITS)
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

fn low_u64(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX)
}

/// The finaliser of splitmix64: every bit of the result depends on every bit of the argument.
pub(crate) fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests;
