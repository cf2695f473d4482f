//! Groups and streams in the store: a document for each.
//!
//! Streams are made and groups deleted one after the other under the lock of the group, so that no
//! stream is left of a group that is gone. What lies under a number that is gone (documents of
//! streams, events) is removed after it. A document, the note, is there from before the name goes
//! until all of it is gone, so that a deletion which a crash cut off can be finished.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asl::time::Timestamp;
use aws::ServiceError;
use serde::{Deserialize, Serialize};
use store::{Expected, Kind, Store};

use super::names::{self, stream_key};
use super::numbers::Numbers;
use crate::documents::{self, Documents, Error};
use crate::quota::Quota;

/// Groups of an account in a Region (CloudWatch Logs user guide, "CloudWatch Logs quotas").
pub(super) const GROUPS_MAX: usize = 1_000_000;
/// How often a deletion is tried again when another process changed the group in between.
const DELETE_ATTEMPTS_MAX: usize = 16;
/// Documents read at once.
const PAGE: usize = 1_000;
/// How the keys of notes begin.
const NOTES: &str = "logs/deleted/";

/// The number of a group. One that is deleted and made again has another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub(crate) struct GroupId(pub u64);

/// The number of a stream, of no other one in any group.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub(crate) struct StreamId(pub u64);

/// What a group is for, and what can be done with it (CloudWatch Logs user guide, "Log classes").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Class {
    #[default]
    Standard,
    InfrequentAccess,
    Delivery,
}

/// A group. Part of the store's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogGroup {
    pub id: GroupId,
    pub name: String,
    pub created_ms: i64,
    pub class: Class,
    /// Events older than this many days are gone; `None` keeps them for ever.
    pub retention_days: Option<u32>,
    /// DeleteLogGroup refuses.
    pub is_protected: bool,
    pub tags: BTreeMap<String, String>,
}

impl LogGroup {
    /// A group as CreateLogGroup makes it from a name alone. It gets its number in the store.
    pub(super) fn new(name: &str, now: Timestamp) -> LogGroup {
        LogGroup {
            id: GroupId::default(),
            name: name.to_owned(),
            created_ms: now.0,
            class: Class::default(),
            retention_days: None,
            is_protected: false,
            tags: BTreeMap::new(),
        }
    }
}

/// A stream. Part of the store's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogStream {
    pub id: StreamId,
    pub name: String,
    pub created_ms: i64,
}

/// What making a group came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MadeGroup {
    Done,
    Exists,
    /// The account has [`GROUPS_MAX`] of them.
    Full,
}

/// What CreateLogStream came to.
pub(super) enum Made {
    Stream(LogGroup, LogStream),
    /// There is one of this name.
    Exists(LogGroup, LogStream),
    NoGroup,
}

/// Groups and streams by their names.
#[derive(Clone)]
pub(crate) struct Directory {
    pub(super) documents: Documents,
    numbers: Arc<Numbers>,
    quota: Arc<Quota>,
    deletions: Arc<AtomicU64>,
}

/// A group or a stream that is being deleted. Part of the store's format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Gone {
    pub group: GroupId,
    /// The key of the group's document.
    key: String,
    /// A stream with its name, of a group that stays.
    stream: Option<(StreamId, String)>,
}

impl Gone {
    /// The stream; `None` when it is the whole group.
    pub(super) fn stream(&self) -> Option<StreamId> {
        self.stream.as_ref().map(|(id, _)| *id)
    }

    /// The key of the note.
    fn note(&self) -> String {
        match &self.stream {
            None => format!("{NOTES}{:016x}", self.group.0),
            Some((stream, _)) => format!("{NOTES}{:016x}/{:016x}", self.group.0, stream.0),
        }
    }

    fn remember(&self, store: &dyn Store) -> Result<(), Error> {
        // There is one already where a deletion got no further before.
        documents::create(store, Kind::Setting, &self.note(), self)?;
        Ok(())
    }

    fn forget(&self, store: &dyn Store) -> Result<(), Error> {
        store.delete_document(Kind::Setting, &self.note(), Expected::Any)?;
        Ok(())
    }

    /// Whether the name still leads to it: the deletion ended before it began.
    fn is_there(&self, store: &dyn Store) -> Result<bool, Error> {
        let Some((id, name)) = &self.stream else {
            let found = documents::read::<LogGroup>(store, Kind::LogGroup, &self.key)?;
            return Ok(found.is_some_and(|found| found.body.id == self.group));
        };
        let key = stream_key(self.group, name);
        let found = documents::read::<LogStream>(store, Kind::LogStream, &key)?;
        Ok(found.is_some_and(|found| found.body.id == *id))
    }
}

impl Directory {
    pub(super) fn new(documents: Documents, groups_max: usize) -> Directory {
        Directory {
            documents,
            numbers: Arc::default(),
            quota: Quota::new(Kind::LogGroup, groups_max),
            deletions: Arc::default(),
        }
    }

    /// Rises whenever a group or a stream is deleted: whoever keeps numbers in memory looks them up
    /// anew then.
    pub(crate) fn deletions(&self) -> u64 {
        self.deletions.load(Ordering::Acquire)
    }

    /// The group of a key ([`names::key`](super::names::key)).
    pub(crate) async fn group(&self, key: &str) -> Result<Option<LogGroup>, Error> {
        let found = self.documents.get(Kind::LogGroup, key).await?;
        Ok(found.map(|found| found.body))
    }

    /// Groups whose key begins with `prefix` and is above `after`, with their keys, in their order.
    /// With an empty prefix those of every account and Region.
    pub(crate) async fn groups(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, LogGroup)>, Error> {
        self.documents
            .list(Kind::LogGroup, prefix, after, limit)
            .await
    }

    /// A stream of a group.
    pub(crate) async fn stream(
        &self,
        group: GroupId,
        name: &str,
    ) -> Result<Option<LogStream>, Error> {
        let key = stream_key(group, name);
        let found = self.documents.get(Kind::LogStream, &key).await?;
        Ok(found.map(|found| found.body))
    }

    /// Streams of a group whose name begins with `prefix` and is above `after`, by their names.
    pub(crate) async fn streams(
        &self,
        group: GroupId,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogStream>, Error> {
        let after = after.map(|after| stream_key(group, after));
        let prefix = stream_key(group, prefix);
        let found = self
            .documents
            .list(Kind::LogStream, &prefix, after.as_deref(), limit)
            .await?;
        Ok(found.into_iter().map(|(_, stream)| stream).collect())
    }

    /// The stream of this name in the group of this name, made if there is none; so is the group
    /// where `makes_group`. `None` where it is not there, and may not or can't be made.
    pub(crate) async fn ensure_stream(
        &self,
        account: &str,
        region: &str,
        group: &str,
        stream: &str,
        makes_group: bool,
        now: Timestamp,
    ) -> Result<Option<(LogGroup, LogStream)>, Error> {
        let key = names::key(account, region, group);
        let made = self.make_stream(&key, stream, now).await?;
        let made = match made {
            Made::NoGroup if makes_group => {
                // Somebody else may make it first, which is as good.
                self.make_group(&key, LogGroup::new(group, now)).await?;
                self.make_stream(&key, stream, now).await?
            }
            made => made,
        };
        Ok(match made {
            Made::Stream(group, stream) | Made::Exists(group, stream) => Some((group, stream)),
            Made::NoGroup => None,
        })
    }

    /// Makes a group.
    pub(super) async fn make_group(
        &self,
        key: &str,
        mut group: LogGroup,
    ) -> Result<MadeGroup, Error> {
        let place = self.quota.place(&self.documents, prefix(key)).await?;
        let Some(place) = place else {
            return Ok(match self.group(key).await? {
                Some(_) => MadeGroup::Exists,
                None => MadeGroup::Full,
            });
        };
        let numbers = Arc::clone(&self.numbers);
        self.documents
            .alone(key, move |store, key| {
                group.id = GroupId(numbers.next(store)?);
                if !documents::create(store, Kind::LogGroup, key, &group)? {
                    return Ok(MadeGroup::Exists);
                }
                place.taken();
                Ok(MadeGroup::Done)
            })
            .await
    }

    /// Changes the group of a key. `None` when there is none.
    pub(super) async fn change_group<R: Send + 'static>(
        &self,
        key: &str,
        change: impl FnMut(&mut LogGroup) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<Option<Result<R, ServiceError>>, Error> {
        self.documents.change(Kind::LogGroup, key, change).await
    }

    /// Makes a stream in the group of a key.
    pub(super) async fn make_stream(
        &self,
        key: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Made, Error> {
        let (name, numbers) = (name.to_owned(), Arc::clone(&self.numbers));
        self.documents
            .alone(key, move |store, key| {
                make_stream(store, key, &numbers, name, now)
            })
            .await
    }

    /// Deletes the group of a key, with its streams, if `may` does not object. What is left are its
    /// events: once they are gone as well, the note is to be [`forgotten`](Directory::forget).
    pub(super) async fn delete_group(
        &self,
        key: &str,
        may: impl Fn(&LogGroup) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Option<Result<Gone, ServiceError>>, Error> {
        let this = self.clone();
        self.documents
            .alone(key, move |store, key| this.remove_group(store, key, may))
            .await
    }

    fn remove_group(
        &self,
        store: &dyn Store,
        key: &str,
        may: impl Fn(&LogGroup) -> Result<(), ServiceError>,
    ) -> Result<Option<Result<Gone, ServiceError>>, Error> {
        for _ in 0..DELETE_ATTEMPTS_MAX {
            let Some(group) = documents::read::<LogGroup>(store, Kind::LogGroup, key)? else {
                return Ok(None);
            };
            if let Err(refusal) = may(&group.body) {
                return Ok(Some(Err(refusal)));
            }
            let gone = Gone {
                group: group.body.id,
                key: key.to_owned(),
                stream: None,
            };
            gone.remember(store)?;
            if documents::delete(store, Kind::LogGroup, key, group.revision)? {
                self.quota.deleted(&prefix(key));
                self.deletions.fetch_add(1, Ordering::AcqRel);
                delete_streams(store, gone.group)?;
                return Ok(Some(Ok(gone)));
            }
            gone.forget(store)?;
        }
        Err(Error::Contended(key.to_owned()))
    }

    /// Deletes a stream of the group of a key, as [`delete_group`](Directory::delete_group) does.
    /// `Err` when there is no such group, `None` no such stream.
    pub(super) async fn delete_stream(
        &self,
        key: &str,
        name: &str,
    ) -> Result<Result<Option<Gone>, NoGroup>, Error> {
        let (this, name) = (self.clone(), name.to_owned());
        self.documents
            .alone(key, move |store, key| {
                let Some(group) = documents::read::<LogGroup>(store, Kind::LogGroup, key)? else {
                    return Ok(Err(NoGroup));
                };
                let group = group.body.id;
                let stream_key = stream_key(group, &name);
                let found = documents::read::<LogStream>(store, Kind::LogStream, &stream_key)?;
                let Some(stream) = found else {
                    return Ok(Ok(None));
                };
                let gone = Gone {
                    group,
                    key: key.to_owned(),
                    stream: Some((stream.body.id, name)),
                };
                gone.remember(store)?;
                // Streams never change, so that one that did was deleted by somebody else.
                documents::delete(store, Kind::LogStream, &stream_key, stream.revision)?;
                this.deletions.fetch_add(1, Ordering::AcqRel);
                Ok(Ok(Some(gone)))
            })
            .await
    }

    /// Deletions that a crash cut off after the name was gone, and of which events may be left. One
    /// that did not come so far is forgotten: whoever wanted it was not told that it is done.
    pub(super) async fn unfinished(&self) -> Result<Vec<Gone>, Error> {
        let notes = self
            .documents
            .list::<Gone>(Kind::Setting, NOTES, None, PAGE)
            .await?;
        let mut unfinished = Vec::new();
        for (_, gone) in notes {
            // Not while the deletion is under way.
            let key = gone.key.clone();
            let left = self.documents.alone(&key, move |store, _| {
                if gone.is_there(store)? {
                    gone.forget(store)?;
                    return Ok(None);
                }
                if gone.stream.is_none() {
                    delete_streams(store, gone.group)?;
                }
                Ok(Some(gone))
            });
            unfinished.extend(left.await?);
        }
        Ok(unfinished)
    }

    /// Nothing is left of a group or a stream.
    pub(super) async fn forget(&self, gone: Gone) -> Result<(), Error> {
        self.documents
            .blocking(move |store| gone.forget(store))
            .await
    }
}

/// There is no group of that name.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoGroup;

/// How the keys of the groups of the same account and Region begin.
fn prefix(key: &str) -> String {
    let slash = key.match_indices('/').nth(1);
    let prefix = slash.and_then(|(at, _)| key.get(..=at));
    prefix.unwrap_or(key).to_owned()
}

fn make_stream(
    store: &dyn Store,
    key: &str,
    numbers: &Numbers,
    name: String,
    now: Timestamp,
) -> Result<Made, Error> {
    let Some(group) = documents::read::<LogGroup>(store, Kind::LogGroup, key)? else {
        return Ok(Made::NoGroup);
    };
    let key = stream_key(group.body.id, &name);
    if let Some(found) = documents::read(store, Kind::LogStream, &key)? {
        return Ok(Made::Exists(group.body, found.body));
    }
    let stream = LogStream {
        id: StreamId(numbers.next(store)?),
        name,
        created_ms: now.0,
    };
    if documents::create(store, Kind::LogStream, &key, &stream)? {
        return Ok(Made::Stream(group.body, stream));
    }
    match documents::read(store, Kind::LogStream, &key)? {
        Some(found) => Ok(Made::Exists(group.body, found.body)),
        None => Err(Error::Contended(key)),
    }
}

/// Deletes the documents of all streams of a group.
fn delete_streams(store: &dyn Store, group: GroupId) -> Result<(), Error> {
    let prefix = stream_key(group, "");
    loop {
        let found = store.list_documents(Kind::LogStream, &prefix, None, PAGE)?;
        if found.is_empty() {
            return Ok(());
        }
        for (key, _) in found {
            store.delete_document(Kind::LogStream, &key, Expected::Any)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Directory {
        /// What a crash leaves right before the name of a group goes.
        pub(in crate::logs) async fn note_deletion(&self, key: &str, group: GroupId) {
            let gone = Gone {
                group,
                key: key.to_owned(),
                stream: None,
            };
            let noted = self.documents.blocking(move |store| gone.remember(store));
            noted.await.unwrap();
        }
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix("1/eu-west-1//a/b"), "1/eu-west-1/");
    }
}
