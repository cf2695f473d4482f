//! Groups and streams in the store: a document for each.
//!
//! Streams are made and groups deleted one after the other under the lock of the group, so that no
//! stream is left of a group that is gone. What lies under a number that is gone (documents of
//! streams, events) is removed after it; a document says so until that is done, and whoever finds
//! one after a crash goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asl::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::names::stream_key;
use super::numbers::Numbers;
use crate::documents::{self, Documents, Error};

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
    deletions: Arc<AtomicU64>,
}

impl Directory {
    pub(super) fn new(documents: Documents) -> Directory {
        Directory {
            documents,
            numbers: Arc::default(),
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
    /// where `makes_group`, which otherwise must be there (`None`).
    pub(crate) async fn ensure_stream(
        &self,
        account: &str,
        region: &str,
        group: &str,
        stream: &str,
        makes_group: bool,
        now: Timestamp,
    ) -> Result<Option<(LogGroup, LogStream)>, Error> {
        let key = super::names::key(account, region, group);
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

    /// Makes a group. `false` when there is one already.
    pub(super) async fn make_group(&self, key: &str, mut group: LogGroup) -> Result<bool, Error> {
        let numbers = Arc::clone(&self.numbers);
        self.documents
            .alone(key, move |store, key| {
                group.id = GroupId(numbers.next(store)?);
                documents::create(store, Kind::LogGroup, key, &group)
            })
            .await
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
