//! Users and groups: they lie under their unique ids, and their names may change (see [`name`]).

use aws::ServiceError;
use store::Store;

use super::account::Account;
use super::name::{self, Pointer};
use super::no_such_entity;
use super::policies::Holder;
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// An entity whose name may change. Names are unique ignoring case.
pub(super) trait Renamable: Holder {
    /// Unique, and never given again.
    fn id(&self) -> &str;

    /// What UpdateUser and its kin change.
    fn name_and_path_mut(&mut self) -> (&mut String, &mut String);
}

/// The key of the document of an entity.
pub(super) fn key(account: &str, id: &str) -> String {
    format!("{account}/{id}")
}

fn name_key<E: Renamable>(account: &str, name: &str) -> String {
    format!("{}/{account}/{}", E::WORD, name.to_ascii_lowercase())
}

pub(super) fn not_found<E: Renamable>(name: &str) -> ServiceError {
    no_such_entity(format!("The {} with name {name} cannot be found.", E::WORD))
}

/// The entity of this name, whatever the case, to be changed.
pub(super) fn find_document<E: Renamable>(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<Found<E>>, documents::Error> {
    let Some(pointer) = name::lookup(store, &name_key::<E>(account, name))? else {
        return Ok(None);
    };
    let found: Option<Found<E>> = documents::read(store, E::KIND, &key(account, &pointer.id))?;
    Ok(found.filter(|found| found.body.name().eq_ignore_ascii_case(name)))
}

/// The entity of this name, whatever the case.
pub(super) fn find<E: Renamable>(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<E>, documents::Error> {
    Ok(find_document(store, account, name)?.map(|found| found.body))
}

/// Refuses a name that an entity of this kind has.
pub(super) fn check_free<E: Renamable>(
    account: &Account<'_>,
    name: &str,
) -> Result<(), ServiceError> {
    if find::<E>(account.store, account.id, name)?.is_none() {
        return Ok(());
    }
    let kind = E::NAME.trim_end_matches("Name");
    let message = format!("{kind} with name {name} already exists.");
    Err(super::entity_already_exists(message))
}

/// Makes a name before its entity has it.
pub(super) fn take_name<E: Renamable>(
    account: &Account<'_>,
    entity: &E,
    name: &str,
) -> Result<(), ServiceError> {
    let pointer = Pointer {
        account: account.id.to_owned(),
        id: entity.id().to_owned(),
    };
    name::point(account.store, &name_key::<E>(account.id, name), &pointer)?;
    Ok(())
}

/// Forgets a name once its entity has it no more.
pub(super) fn drop_name<E: Renamable>(
    account: &Account<'_>,
    name: &str,
) -> Result<(), ServiceError> {
    name::drop(account.store, &name_key::<E>(account.id, name))?;
    Ok(())
}

/// UpdateUser, UpdateGroup: a new name is made before the entity gets it, and the old one dropped
/// after.
pub(super) fn update<E: Renamable>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let entity = account.named::<E>(call)?;
    let new_name = call.text(&format!("New{}", E::NAME));
    let new_name = new_name.unwrap_or(entity.name());
    let is_other = !new_name.eq_ignore_ascii_case(entity.name());
    if is_other {
        check_free::<E>(account, new_name)?;
        take_name(account, &entity, new_name)?;
    }
    account.change(call, |entity: &mut E| {
        let (name, path) = entity.name_and_path_mut();
        new_name.clone_into(name);
        if let Some(new_path) = call.text("NewPath") {
            new_path.clone_into(path);
        }
        Ok(())
    })?;
    if is_other {
        drop_name::<E>(account, entity.name())?;
    }
    Ok(Answer::empty())
}
