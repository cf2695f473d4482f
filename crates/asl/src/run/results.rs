//! The results of branches or iterations, as they come in.

use std::sync::Arc;

use json::Value;

/// How many results lie together. A clone costs one count for each chunk, and one result changed
/// copies one chunk: a Map of thousands of items is decided once for each of them.
const CHUNK: usize = 64;

/// Results by index, until all are in. Once the text of their array is larger than a payload may
/// be, only that fact is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    chunks: Vec<Arc<Vec<Value>>>,
    /// The text of the values without what stands between them.
    bytes: usize,
    count: usize,
    too_large: bool,
}

impl Results {
    /// Keeps the result at `index`. Each index comes once.
    pub(crate) fn put(&mut self, index: usize, value: Value, bytes_max: usize) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(value.size());
        // A comma or bracket for each, and the last bracket.
        if self.bytes.saturating_add(self.count + 1) > bytes_max {
            self.too_large = true;
            self.chunks = Vec::new();
        }
        if self.too_large {
            return;
        }
        let (chunk, at) = (index / CHUNK, index % CHUNK);
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, Arc::default);
        }
        if let Some(chunk) = self.chunks.get_mut(chunk) {
            let values = Arc::make_mut(chunk);
            if values.len() <= at {
                values.resize(at + 1, Value::null());
            }
            if let Some(slot) = values.get_mut(at) {
                *slot = value;
            }
        }
    }

    /// The array of all results in order; `None` if it would be too large for a payload.
    pub fn to_array(&self) -> Option<Value> {
        if self.too_large {
            return None;
        }
        let values = self.chunks.iter().flat_map(|chunk| chunk.iter().cloned());
        let mut all = Vec::with_capacity(self.count);
        all.extend(values);
        Some(all.into())
    }
}
