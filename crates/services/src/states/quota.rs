//! How many state machines and activities an account may have in a Region.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::IgnoredAny;
use store::Kind;

use crate::documents::{self, Documents};

/// Documents counted at once.
const PAGE: usize = 1_000;

/// Counts the documents of a kind, once for each account and Region, and keeps count from then on:
/// to count at each creation would read them all.
pub(super) struct Quota {
    kind: Kind,
    pub max: usize,
    /// By the prefix of the documents' keys. As many as accounts and Regions made something here.
    counts: Mutex<HashMap<String, usize>>,
}

/// A place for one more document. Given back when it is dropped without being taken.
pub(super) struct Place {
    quota: Arc<Quota>,
    prefix: String,
    is_taken: bool,
}

impl Quota {
    pub(super) fn new(kind: Kind, max: usize) -> Arc<Quota> {
        Arc::new(Quota {
            kind,
            max,
            counts: Mutex::default(),
        })
    }

    /// A place for a document whose key begins with `prefix`; `None` when there is none left.
    pub(super) async fn place(
        self: &Arc<Quota>,
        documents: &Documents,
        prefix: String,
    ) -> Result<Option<Place>, documents::Error> {
        if !self.counts.lock().contains_key(&prefix) {
            let counted = self.count(documents, &prefix).await?;
            // Another one may have counted at the same time, and have given places since.
            self.counts.lock().entry(prefix.clone()).or_insert(counted);
        }
        let mut counts = self.counts.lock();
        let count = counts.entry(prefix.clone()).or_default();
        if *count >= self.max {
            return Ok(None);
        }
        *count += 1;
        Ok(Some(Place {
            quota: Arc::clone(self),
            prefix,
            is_taken: false,
        }))
    }

    async fn count(&self, documents: &Documents, prefix: &str) -> Result<usize, documents::Error> {
        let mut count = 0;
        let mut after: Option<String> = None;
        loop {
            let page = documents
                .list::<IgnoredAny>(self.kind, prefix, after.as_deref(), PAGE)
                .await?;
            count += page.len();
            match page.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => return Ok(count),
            }
        }
    }

    /// A document with this prefix was deleted.
    pub(super) fn deleted(&self, prefix: &str) {
        if let Some(count) = self.counts.lock().get_mut(prefix) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Place {
    /// The document was created.
    pub(super) fn taken(mut self) {
        self.is_taken = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_taken {
            self.quota.deleted(&self.prefix);
        }
    }
}
