//! Deployment packages: blobs that function documents name, and the end of those that none names.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use store::Kind;
use store::blobs::{Blobs, Digest};

use super::Lambda;
use super::function::{Code, Function, Snapshot};
use super::layer::Layer;
use crate::documents;

/// Documents read at once.
const PAGE: usize = 100;

/// The blobs of one server's packages. Nothing else is kept in them.
pub(super) struct Packages {
    blobs: Arc<dyn Blobs>,
    notes: Mutex<Notes>,
}

/// What one pass of the collection leaves to the next.
#[derive(Default)]
struct Notes {
    /// Put since the last pass began: a document under way may name them.
    put: BTreeSet<Digest>,
    /// Put between the beginnings of the last two passes. No request is under way for that long.
    put_before: BTreeSet<Digest>,
    /// What no document named in the last pass.
    unnamed: BTreeSet<Digest>,
}

impl Packages {
    pub(super) fn new(blobs: Arc<dyn Blobs>) -> Packages {
        Packages {
            blobs,
            notes: Mutex::default(),
        }
    }

    /// Keeps a package. Blocks.
    pub(super) fn put(&self, zip: &[u8]) -> store::Result<Digest> {
        // Noted first: a package that is there already must not be deleted from here on.
        self.notes.lock().put.insert(Digest::of(zip));
        self.blobs.put(zip)
    }

    /// The package with this digest. Blocks.
    pub(super) fn get(&self, digest: Digest) -> store::Result<Option<Vec<u8>>> {
        self.blobs.get(digest)
    }

    /// Begins a pass, before documents are read.
    fn begin_pass(&self) {
        let notes = &mut *self.notes.lock();
        notes.put_before = mem::take(&mut notes.put);
    }

    /// Deletes what is in none of the documents that name `named`, nor was in the last pass, which
    /// may be what an invocation under way still has to load. Says how many. Blocks.
    fn end_pass(&self, named: &BTreeSet<Digest>) -> store::Result<usize> {
        let mut unnamed: BTreeSet<Digest> = self.blobs.list()?.into_iter().collect();
        unnamed.retain(|digest| !named.contains(digest));
        let before = mem::replace(&mut self.notes.lock().unnamed, unnamed.clone());
        let mut deleted = 0;
        for digest in unnamed.intersection(&before) {
            // Held while the file goes, so that who puts the same package now writes it anew.
            let notes = self.notes.lock();
            if !notes.put.contains(digest) && !notes.put_before.contains(digest) {
                self.blobs.delete(*digest)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

impl Lambda {
    /// Deletes the packages that no function had in this pass and the one before; says how many.
    /// Passes are to be further apart than any request or invocation takes to load its package.
    pub async fn collect_packages(&self) -> Result<usize, documents::Error> {
        self.packages.begin_pass();
        let mut named = BTreeSet::new();
        // A digest that can't be read must not pass for a package that nobody needs.
        let mut name = |code: &Code| -> Result<(), documents::Error> {
            named.insert(code.sha256_hex.parse::<Digest>()?);
            Ok(())
        };
        self.each(Kind::Function, "", |function: Function| {
            function.latest.packages().try_for_each(&mut name)
        })
        .await?;
        self.each(Kind::FunctionVersion, "", |version: Snapshot| {
            version.packages().try_for_each(&mut name)
        })
        .await?;
        self.each(Kind::LayerVersion, "", |layer: Layer| {
            let mut packages = layer.versions.iter().map(|version| &version.code);
            packages.try_for_each(&mut name)
        })
        .await?;
        let packages = Arc::clone(&self.packages);
        self.documents
            .blocking(move |_| Ok(packages.end_pass(&named)?))
            .await
    }

    /// Looks at every document of a kind whose key begins so.
    pub(super) async fn each<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: Kind,
        prefix: &str,
        mut look: impl FnMut(T) -> Result<(), documents::Error>,
    ) -> Result<(), documents::Error> {
        let mut after: Option<String> = None;
        loop {
            let page = self
                .documents
                .list::<T>(kind, prefix, after.as_deref(), PAGE)
                .await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            page.into_iter().try_for_each(|(_, body)| look(body))?;
        }
    }
}

#[cfg(test)]
mod tests;
