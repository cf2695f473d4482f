//! How many of something an account may have in a Region: state machines, activities, log groups.

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
pub(crate) struct Quota {
    kind: Kind,
    pub(crate) max: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// By the prefix of the documents' keys. As many as accounts and Regions made something here.
    by_prefix: HashMap<String, usize>,
    /// Documents deleted so far.
    deletions: u64,
}

/// How often documents are counted again because one was deleted meanwhile, which may have been
/// counted. After that the count may be too high by some.
const COUNTS_MAX: usize = 8;

/// A place for one more document. Given back when it is dropped without being taken.
pub(crate) struct Place {
    quota: Arc<Quota>,
    prefix: String,
    is_taken: bool,
}

impl Quota {
    pub(crate) fn new(kind: Kind, max: usize) -> Arc<Quota> {
        Arc::new(Quota {
            kind,
            max,
            counts: Mutex::default(),
        })
    }

    /// A place for a document whose key begins with `prefix`; `None` when there is none left.
    pub(crate) async fn place(
        self: &Arc<Quota>,
        documents: &Documents,
        prefix: String,
    ) -> Result<Option<Place>, documents::Error> {
        for count in 1..=COUNTS_MAX {
            let deletions = {
                let counts = self.counts.lock();
                if counts.by_prefix.contains_key(&prefix) {
                    break;
                }
                counts.deletions
            };
            let counted = self.count(documents, &prefix).await?;
            let mut counts = self.counts.lock();
            if counts.deletions == deletions || count == COUNTS_MAX {
                // Another one may have counted at the same time, and have given places since.
                counts.by_prefix.entry(prefix.clone()).or_insert(counted);
            }
        }
        let mut counts = self.counts.lock();
        let count = counts.by_prefix.entry(prefix.clone()).or_default();
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
    pub(crate) fn deleted(&self, prefix: &str) {
        let mut counts = self.counts.lock();
        counts.deletions += 1;
        if let Some(count) = counts.by_prefix.get_mut(prefix) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Place {
    /// The document was created.
    pub(crate) fn taken(mut self) {
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
