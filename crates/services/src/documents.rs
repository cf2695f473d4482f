//! Typed documents over the store: JSON bodies, a revision check for every change.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use aws::ServiceError;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Expected, Kind, Store};

/// How often a change is tried again when others changed the same document in between.
const CHANGE_ATTEMPTS_MAX: usize = 16;

/// Why a document could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the document `{key}` in the store is damaged: {cause}")]
    Damaged { key: String, cause: String },
    #[error("the document `{0}` is changed by too many callers at once; try again")]
    Contended(String),
    #[error("a store operation was cut off by the shutdown of the server")]
    CutOff,
}

impl From<Error> for ServiceError {
    fn from(error: Error) -> ServiceError {
        ServiceError::new("InternalFailure", error.to_string()).with_status(500)
    }
}

/// A document and the revision it was read at.
#[derive(Clone, Debug)]
pub struct Found<T> {
    pub revision: u64,
    pub body: T,
}

/// Changes that may be under way at a time, each of another document: as many as threads that block
/// are of use.
const LOCKS: usize = 64;

/// The documents of one store. The store blocks, so every access runs on a blocking thread.
#[derive(Clone)]
pub struct Documents {
    store: Arc<dyn Store>,
    /// By the hash of a document's key: see [`Documents::alone`].
    locks: Arc<[Mutex<()>; LOCKS]>,
}

impl Documents {
    pub fn new(store: Arc<dyn Store>) -> Documents {
        Documents {
            store,
            locks: Arc::new(std::array::from_fn(|_| Mutex::new(()))),
        }
    }

    /// Runs a store operation where it may block.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&*store))
            .await
            .map_err(|_| Error::CutOff)?
    }

    /// Runs a store operation on a document after those under way on it, so that revisions differ
    /// only when another process was faster. It goes on to its end also when its caller leaves:
    /// what has to follow from a change belongs into it.
    pub async fn alone<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&dyn Store, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (key, locks) = (key.to_owned(), Arc::clone(&self.locks));
        self.blocking(move |store| {
            let _alone = lock(&*locks, &key).map(Mutex::lock);
            work(store, &key)
        })
        .await
    }

    /// The document, if there is one.
    pub async fn get<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: Kind,
        key: &str,
    ) -> Result<Option<Found<T>>, Error> {
        let key = key.to_owned();
        self.blocking(move |store| read(store, kind, &key)).await
    }

    /// Puts a new document. `false` when there is one already.
    pub async fn create<T: Serialize>(
        &self,
        kind: Kind,
        key: &str,
        body: &T,
    ) -> Result<bool, Error> {
        let bytes = encode(key, body)?;
        self.alone(key, move |store, key| put_new(store, kind, key, &bytes))
            .await
    }

    /// Changes a document: see [`change`].
    pub async fn change<T, R, E>(
        &self,
        kind: Kind,
        key: &str,
        change: impl FnMut(&mut T) -> Result<R, E> + Send + 'static,
    ) -> Result<Option<Result<R, E>>, Error>
    where
        T: Serialize + DeserializeOwned,
        R: Send + 'static,
        E: Send + 'static,
    {
        self.alone(key, move |store, key| {
            self::change(store, kind, key, change)
        })
        .await
    }

    /// Deletes a document at the revision it was read at. `false` when it changed in between.
    pub async fn delete(&self, kind: Kind, key: &str, revision: u64) -> Result<bool, Error> {
        let key = key.to_owned();
        self.blocking(move |store| delete(store, kind, &key, revision))
            .await
    }

    /// Documents whose key begins with `prefix` and is above `after`, in byte order of the keys.
    pub async fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, Error> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.blocking(move |store| list(store, kind, &prefix, after.as_deref(), limit))
            .await
    }
}

/// The lock of a key.
fn lock<'a>(locks: &'a [Mutex<()>], key: &str) -> Option<&'a Mutex<()>> {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let hash = usize::try_from(hasher.finish() >> 32).unwrap_or_default();
    locks.get(hash.checked_rem(locks.len())?)
}

/// Puts a new document. `false` when there is one already. Blocks while the store writes.
pub(crate) fn create<T: Serialize>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
    body: &T,
) -> Result<bool, Error> {
    put_new(store, kind, key, &encode(key, body)?)
}

fn put_new(store: &dyn Store, kind: Kind, key: &str, bytes: &[u8]) -> Result<bool, Error> {
    match store.put_document(kind, key, bytes, Expected::Absent) {
        Ok(_) => Ok(true),
        Err(store::Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Changes a document; `change` is called again on the newer one when somebody else was faster.
/// Blocks while the store reads and writes.
///
/// Answers `None` when there is no such document, and otherwise what `change` gave. Nothing is
/// written when `change` refuses.
pub(crate) fn change<T: Serialize + DeserializeOwned, R, E>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
    mut change: impl FnMut(&mut T) -> Result<R, E>,
) -> Result<Option<Result<R, E>>, Error> {
    for _ in 0..CHANGE_ATTEMPTS_MAX {
        let Some(mut found) = read::<T>(store, kind, key)? else {
            return Ok(None);
        };
        let result = match change(&mut found.body) {
            Ok(result) => result,
            Err(refusal) => return Ok(Some(Err(refusal))),
        };
        let bytes = encode(key, &found.body)?;
        let expected = Expected::Revision(found.revision);
        match store.put_document(kind, key, &bytes, expected) {
            Ok(_) => return Ok(Some(Ok(result))),
            Err(store::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Contended(key.to_owned()))
}

/// Puts a document in the place of the one that was read at a revision. `false` when that changed
/// in between. Blocks while the store writes.
pub(crate) fn replace<T: Serialize>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
    body: &T,
    revision: u64,
) -> Result<bool, Error> {
    let bytes = encode(key, body)?;
    match store.put_document(kind, key, &bytes, Expected::Revision(revision)) {
        Ok(_) => Ok(true),
        Err(store::Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The document, if there is one. Blocks while the store reads.
pub(crate) fn read<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    key: &str,
) -> Result<Option<Found<T>>, Error> {
    let Some(document) = store.document(kind, key)? else {
        return Ok(None);
    };
    Ok(Some(Found {
        revision: document.revision,
        body: decode(key, &document.body)?,
    }))
}

/// Deletes a document at the revision it was read at. `false` when it changed in between. Blocks
/// while the store writes.
pub(crate) fn delete(
    store: &dyn Store,
    kind: Kind,
    key: &str,
    revision: u64,
) -> Result<bool, Error> {
    match store.delete_document(kind, key, Expected::Revision(revision)) {
        Ok(_) => Ok(true),
        Err(store::Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Documents as [`Documents::list`] gives them. Blocks while the store reads.
pub(crate) fn list<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, T)>, Error> {
    let documents = store.list_documents(kind, prefix, after, limit)?;
    let body = |(key, document): (String, store::Document)| {
        let body = decode(&key, &document.body)?;
        Ok((key, body))
    };
    documents.into_iter().map(body).collect()
}

fn encode<T: Serialize>(key: &str, body: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body).map_err(|error| damaged(key, &error))
}

fn decode<T: DeserializeOwned>(key: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| damaged(key, &error))
}

fn damaged(key: &str, error: &serde_json::Error) -> Error {
    Error::Damaged {
        key: key.to_owned(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
