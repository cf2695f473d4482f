//! What was read of the store, for as long as IAM does not change.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// Entries of one sort: more roles than AWS lets an account have, some kilobytes each. Beyond, all
/// are read anew: a read costs some ten microseconds.
const ENTRIES_MAX: usize = 4_096;
/// Bytes of a key: an account and the longest ARN (2,048). Names come from callers who need not be
/// allowed anything, as long as they like; what has a longer one does not exist.
const KEY_BYTES_MAX: usize = 2_112;

/// Entities by their keys. That there is none is kept as well.
pub(super) struct Kept<T> {
    entries: RwLock<HashMap<String, Read<T>>>,
}

/// What was read.
struct Read<T> {
    /// Of IAM, when it was read.
    generation: u64,
    found: Option<Arc<T>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept {
            entries: RwLock::default(),
        }
    }
}

impl<T> Kept<T> {
    /// What is known of `key` in this generation; `Some(None)`: that there is none.
    #[expect(
        clippy::option_option,
        reason = "INVARIANT: that nothing is known differs from knowing that there is none"
    )]
    pub(super) fn get(&self, key: &str, generation: u64) -> Option<Option<Arc<T>>> {
        let entries = self.entries.read();
        let read = entries.get(key)?;
        (read.generation == generation).then(|| read.found.clone())
    }

    pub(super) fn put(&self, key: String, generation: u64, found: Option<Arc<T>>) {
        if key.len() > KEY_BYTES_MAX {
            return;
        }
        let mut entries = self.entries.write();
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, Read { generation, found });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_be_called_is_not_kept() {
        let kept = Kept::<u8>::default();
        for (bytes, is_kept) in [(1, true), (KEY_BYTES_MAX, true), (KEY_BYTES_MAX + 1, false)] {
            let key = "k".repeat(bytes);
            kept.put(key.clone(), 1, None);
            assert_eq!(kept.get(&key, 1).is_some(), is_kept, "{bytes}");
        }
    }
}
