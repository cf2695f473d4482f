//! Names that may change: those of users and groups, the ids of access keys, the aliases of
//! accounts.
//!
//! The document of a user or group lies under its unique id. A name points there; whether the
//! entity still has it, its own document says. So renaming is one write, the entity's: names are
//! made before it and dropped after it, and one that a crash left behind means nothing.

use serde::{Deserialize, Serialize};
use store::{Expected, Kind, Store};

use crate::documents::{self, Error};

/// Where the owner of a name lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pointer {
    pub account: String,
    pub id: String,
}

/// What the name points to.
pub(super) fn lookup(store: &dyn Store, name: &str) -> Result<Option<Pointer>, Error> {
    Ok(documents::read(store, Kind::Name, name)?.map(|found| found.body))
}

/// Points the name to an entity, whatever it pointed to.
pub(super) fn point(store: &dyn Store, name: &str, to: &Pointer) -> Result<(), Error> {
    let body = serde_json::to_vec(to).map_err(|error| Error::Damaged {
        key: name.to_owned(),
        cause: error.to_string(),
    })?;
    store.put_document(Kind::Name, name, &body, Expected::Any)?;
    Ok(())
}

/// Forgets the name.
pub(super) fn drop(store: &dyn Store, name: &str) -> Result<(), Error> {
    store.delete_document(Kind::Name, name, Expected::Any)?;
    Ok(())
}
