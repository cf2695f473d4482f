//! Access keys of users. The secret is shown once and kept sealed.

use aws::ServiceError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity as _};
use super::name::{self, Pointer};
use super::renamable;
use super::user::User;
use super::{date, limit_exceeded, list, no_such_entity, unique_of};
use crate::documents::{self, Found};
use crate::seal::Seal;
use crate::{Answer, Call};

/// Access keys of one user (IAM quotas).
pub(super) const KEYS_MAX: usize = 2;
/// Random bytes of a secret: 40 characters, as AWS's have.
const SECRET_BYTES: usize = 30;

/// An access key in the document of its user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccessKey {
    pub id: String,
    pub active: bool,
    created_ms: i64,
    /// Sealed for the key's id, base64.
    sealed_secret: String,
    last_used: Option<LastUsed>,
}

/// When a key last signed a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastUsed {
    pub time_ms: i64,
    pub service: String,
    pub region: String,
}

fn name_key(id: &str) -> String {
    format!("access-key/{id}")
}

fn not_found(id: &str) -> ServiceError {
    no_such_entity(format!("The Access Key with id {id} cannot be found"))
}

impl AccessKey {
    fn status(&self) -> &'static str {
        match self.active {
            true => "Active",
            false => "Inactive",
        }
    }

    /// The `AccessKeyMetadata` structure.
    fn shown(&self, user_name: &str) -> ObjectBuilder {
        let mut shown = ObjectBuilder::new();
        shown
            .add("UserName", user_name)
            .add("AccessKeyId", self.id.as_str())
            .add("Status", self.status())
            .add("CreateDate", date(self.created_ms));
        shown
    }

    /// The secret, if it was sealed under this master key.
    pub(super) fn secret(&self, seal: &Seal) -> Option<String> {
        let sealed = BASE64_STANDARD.decode(&self.sealed_secret).ok()?;
        String::from_utf8(seal.open(&self.id, &sealed).ok()?).ok()
    }
}

/// The user who has the key, and its account.
pub(super) fn holder(
    store: &dyn Store,
    id: &str,
) -> Result<Option<(String, Found<User>)>, documents::Error> {
    let Some(pointer) = name::lookup(store, &name_key(id))? else {
        return Ok(None);
    };
    let key = renamable::key(&pointer.account, &pointer.id);
    let found: Option<Found<User>> = documents::read(store, Kind::User, &key)?;
    let holds = |user: &Found<User>| user.body.access_keys.iter().any(|key| key.id == id);
    let found = found.filter(holds);
    Ok(found.map(|user| (pointer.account, user)))
}

/// The key's name is made before the user gets the key: see [`name`].
pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let user = account.named::<User>(call)?;
    if user.access_keys.len() >= KEYS_MAX {
        return Err(limit_exceeded("AccessKeysPerUser", KEYS_MAX));
    }
    let id = unique_of("AKIA", 16);
    let secret = secret()?;
    let sealed = account.seal.seal(&id, secret.as_bytes());
    let access_key = AccessKey {
        sealed_secret: BASE64_STANDARD.encode(sealed.map_err(|error| failed(&error))?),
        id,
        active: true,
        created_ms: call.now.0,
        last_used: None,
    };
    let pointer = Pointer {
        account: account.id.to_owned(),
        id: user.id.clone(),
    };
    name::point(account.store, &name_key(&access_key.id), &pointer)?;
    account.change(call, |user: &mut User| {
        user.access_keys.push(access_key.clone());
        Ok(())
    })?;
    let mut shown = access_key.shown(&user.name);
    shown.add("SecretAccessKey", secret);
    Ok(ObjectBuilder::new().add("AccessKey", shown.build()).into())
}

fn failed(error: &crate::seal::Error) -> ServiceError {
    ServiceError::new("ServiceFailure", error.to_string()).with_status(500)
}

fn secret() -> Result<String, ServiceError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| failed(&crate::seal::Error::NoRandomness))?;
    Ok(BASE64_STANDARD.encode(bytes))
}

pub(super) fn update(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let id = call.required("AccessKeyId")?;
    let active = match call.required("Status")? {
        "Active" => true,
        "Inactive" => false,
        status => {
            let message = format!("The status of an access key can't be set to {status}.");
            return Err(ServiceError::new("InvalidInput", message));
        }
    };
    account.change(call, |user: &mut User| {
        let mut keys = user.access_keys.iter_mut();
        let key = keys.find(|key| key.id == id);
        key.ok_or_else(|| not_found(id))?.active = active;
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let id = call.required("AccessKeyId")?;
    account.change(call, |user: &mut User| {
        let place = user.access_keys.iter().position(|key| key.id == id);
        user.access_keys.remove(place.ok_or_else(|| not_found(id))?);
        Ok(())
    })?;
    name::drop(account.store, &name_key(id))?;
    Ok(Answer::empty())
}

pub(super) fn list(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let user = account.named::<User>(call)?;
    let keys = user.access_keys.iter().enumerate();
    let keys = keys.map(|(at, key)| (at.to_string(), key.shown(&user.name).build().into()));
    list::answer(call, "ListAccessKeys", "AccessKeyMetadata", keys.collect())
}

pub(super) fn get_last_used(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let id = call.required("AccessKeyId")?;
    let holder = holder(account.store, id)?.filter(|(owner, _)| owner == account.id);
    let (_, user) = holder.ok_or_else(|| not_found(id))?;
    let mut keys = user.body.access_keys.iter();
    let last_used = keys.find(|key| key.id == id);
    let last_used = last_used.and_then(|key| key.last_used.as_ref());
    let mut shown = ObjectBuilder::new();
    match last_used {
        Some(last) => shown
            .add("LastUsedDate", date(last.time_ms))
            .add("ServiceName", last.service.as_str())
            .add("Region", last.region.as_str()),
        None => shown.add("ServiceName", "N/A").add("Region", "N/A"),
    };
    Ok(ObjectBuilder::new()
        .add("UserName", user.body.name.as_str())
        .add("AccessKeyLastUsed", Value::from(shown.build()))
        .into())
}

/// Keeps when a key was last used.
pub(super) fn note_use(
    store: &dyn Store,
    id: &str,
    used: &LastUsed,
) -> Result<(), documents::Error> {
    let Some((account, found)) = holder(store, id)? else {
        return Ok(());
    };
    let key = found.body.key(&account);
    documents::change(store, Kind::User, &key, |user: &mut User| {
        let mut keys = user.access_keys.iter_mut();
        if let Some(key) = keys.find(|key| key.id == id) {
            key.last_used = Some(used.clone());
        }
        Ok::<(), documents::Error>(())
    })?;
    Ok(())
}
