//! The condition keys of a request.

use std::sync::Arc;

/// The values of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Of a key with one value.
    One(Arc<str>),
    /// Of a key that may have several (`aws:TagKeys`); also when it has one or none.
    Many(Vec<Arc<str>>),
}

/// What most requests have keys for: the list is made once.
const KEYS_USUAL: usize = 24;

/// Condition keys and their values. Names are compared without regard to case, as in AWS; a key is
/// kept as it was set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    // A request has some fifteen keys: a list is faster than a map, and keeps the order.
    keys: Vec<(Arc<str>, Values)>,
}

impl Context {
    #[must_use]
    pub const fn new() -> Context {
        Context { keys: Vec::new() }
    }

    /// Sets a key with one value.
    pub fn set(&mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) {
        self.put(key.into(), Values::One(value.into()));
    }

    /// Sets a key that may have several values.
    pub fn set_many(&mut self, key: impl Into<Arc<str>>, values: Vec<Arc<str>>) {
        self.put(key.into(), Values::Many(values));
    }

    /// Sets a key.
    pub fn put(&mut self, key: Arc<str>, values: Values) {
        let known = self
            .keys
            .iter_mut()
            .find(|(k, _)| k.eq_ignore_ascii_case(&key));
        match known {
            Some((_, present)) => *present = values,
            None => {
                if self.keys.is_empty() {
                    self.keys.reserve(KEYS_USUAL);
                }
                self.keys.push((key, values));
            }
        }
    }

    /// The values of a key, whatever the case of its name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Values> {
        let mut keys = self.keys.iter();
        keys.find(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, values)| values)
    }

    /// Every key, in the order it was set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.keys.iter().map(|(key, values)| (&**key, values))
    }
}
