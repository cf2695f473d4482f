//! Which uses of access keys were noted a short while ago.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::iam::access_key::LastUsed;

/// How long the use of a key goes unnoted after one that was, of the same service and Region:
/// AWS's own record is hours late, and a write for every call would be one too many.
const NOTED_EVERY_MS: i64 = 15 * 60 * 1000;
/// Keys remembered; beyond, all are noted anew.
const KEYS_MAX: usize = 4_096;

#[derive(Default)]
pub(super) struct Uses {
    noted: Mutex<HashMap<String, LastUsed>>,
}

impl Uses {
    /// Whether this use is to be noted; then it counts as noted.
    pub(super) fn is_news(&self, id: &str, used: &LastUsed) -> bool {
        let mut noted = self.noted.lock();
        let is_same = |last: &LastUsed| {
            last.service == used.service
                && last.region == used.region
                && used.time_ms < last.time_ms.saturating_add(NOTED_EVERY_MS)
        };
        if noted.get(id).is_some_and(is_same) {
            return false;
        }
        if noted.len() >= KEYS_MAX {
            noted.clear();
        }
        noted.insert(id.to_owned(), used.clone());
        true
    }
}
