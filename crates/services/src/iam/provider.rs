//! OIDC identity providers: whose tokens AssumeRoleWithWebIdentity takes.

use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity};
use super::tags::{self, Tag, Tagged};
use super::{date, limit_exceeded, no_such_entity};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// IAM quotas.
const CLIENT_IDS_MAX: usize = 100;
/// API reference, CreateOpenIDConnectProvider, "ThumbprintList".
const THUMBPRINTS_MAX: usize = 5;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Provider {
    /// Without the scheme, which is `https`.
    pub url: String,
    pub created_ms: i64,
    pub client_ids: Vec<String>,
    pub thumbprints: Vec<String>,
    pub tags: Vec<Tag>,
}

pub(super) fn key(account: &str, url: &str) -> String {
    format!("{account}/{url}")
}

/// The provider of this URL, without the scheme.
pub(super) fn find(
    store: &dyn Store,
    account: &str,
    url: &str,
) -> Result<Option<Provider>, documents::Error> {
    let found = documents::read(store, Kind::IdentityProvider, &key(account, url))?;
    Ok(found.map(|found| found.body))
}

impl Entity for Provider {
    const KIND: Kind = Kind::IdentityProvider;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<Provider>, ServiceError> {
        let text = call.required("OpenIDConnectProviderArn")?;
        let invalid = || ServiceError::new("InvalidInput", format!("ARN {text} is not valid."));
        let arn = Arn::parse(text).map_err(|_| invalid())?;
        let url = arn.resource.strip_prefix("oidc-provider/");
        let url = url.filter(|_| arn.service == "iam").ok_or_else(invalid)?;
        let found = match arn.account == account.id {
            true => account.read(&key(account.id, url))?,
            false => None,
        };
        found.ok_or_else(|| {
            no_such_entity(format!("OpenIDConnect Provider not found for arn {text}"))
        })
    }

    fn key(&self, account: &str) -> String {
        key(account, &self.url)
    }
}

impl Tagged for Provider {
    const QUOTA: &'static str = "TagsPerOpenIdConnectProvider";

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Provider {
    pub(super) fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", self.url)
    }

    /// The `GetOpenIDConnectProvider` answer.
    fn shown(&self) -> Answer {
        let mut shown = ObjectBuilder::new();
        shown
            .add("Url", self.url.as_str())
            .add("ClientIDList", texts(&self.client_ids))
            .add("ThumbprintList", texts(&self.thumbprints))
            .add("CreateDate", date(self.created_ms));
        tags::add(&mut shown, &self.tags);
        (&mut shown).into()
    }
}

fn texts(list: &[String]) -> Value {
    list.iter().map(|text| Value::from(text.as_str())).collect()
}

/// What a URL names a provider by: all but the scheme. `None` for one that is no provider's.
fn identity_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let host = rest.split('/').next()?;
    let is_plain = |char: char| char.is_ascii_graphic() && !['?', '#', '@'].contains(&char);
    let is_host = !host.is_empty() && !host.contains(':');
    (is_host && rest.chars().all(is_plain)).then_some(rest)
}

/// Without a thumbprint the provider's certificate must come from an authority that is trusted
/// anyway: none is fetched from the provider here.
pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let url = identity_of(call.required("Url")?).ok_or_else(|| {
        let message = "Invalid Open ID Connect Provider URL";
        ServiceError::new("ValidationError", message).with_status(400)
    })?;
    let provider = Provider {
        url: url.to_owned(),
        created_ms: call.now.0,
        client_ids: client_ids(call)?,
        thumbprints: thumbprints(call)?,
        tags: tags::of(call)?,
    };
    if account.read::<Provider>(&key(account.id, url))?.is_some() {
        let message = format!("Provider with url https://{url} already exists.");
        return Err(super::entity_already_exists(message));
    }
    let limit = account.quotas.identity_providers_max;
    account.check_room::<Provider>("OpenIdConnectProvidersPerAccount", limit)?;
    account.create(&provider)?;
    let mut answer = ObjectBuilder::new();
    answer.add("OpenIDConnectProviderArn", provider.arn(account.id));
    tags::add(&mut answer, &provider.tags);
    Ok((&mut answer).into())
}

fn client_ids(call: &Call) -> Result<Vec<String>, ServiceError> {
    let mut ids: Vec<String> = Vec::new();
    for id in call.list("ClientIDList").iter().filter_map(Value::as_str) {
        if !ids.iter().any(|other| other == id) {
            ids.push(id.to_owned());
        }
    }
    check_client_ids(&ids)?;
    Ok(ids)
}

fn check_client_ids(ids: &[String]) -> Result<(), ServiceError> {
    match ids.len() > CLIENT_IDS_MAX {
        true => Err(limit_exceeded(
            "ClientIdsPerOpenIdConnectProvider",
            CLIENT_IDS_MAX,
        )),
        false => Ok(()),
    }
}

fn thumbprints(call: &Call) -> Result<Vec<String>, ServiceError> {
    let list = call.list("ThumbprintList");
    if list.len() > THUMBPRINTS_MAX {
        let message = format!("Thumbprint list must contain fewer than {THUMBPRINTS_MAX} entries.");
        return Err(ServiceError::new("InvalidInput", message));
    }
    let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    let is_hex = |text: &&str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !texts.iter().all(is_hex) {
        let message = "A thumbprint must be the hexadecimal SHA-1 of a certificate.";
        return Err(ServiceError::new("InvalidInput", message));
    }
    Ok(texts.into_iter().map(str::to_ascii_lowercase).collect())
}

pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    Ok(account.named::<Provider>(call)?.shown())
}

/// Not paged.
pub(super) fn list(account: &Account<'_>, _: &Call) -> Result<Answer, ServiceError> {
    let providers = account.all::<Provider>()?;
    let shown = |provider: &Provider| {
        let arn = provider.arn(account.id);
        Value::from(ObjectBuilder::new().add("Arn", arn).build())
    };
    let providers: Value = providers.iter().map(shown).collect();
    Ok(ObjectBuilder::new()
        .add("OpenIDConnectProviderList", providers)
        .into())
}

pub(super) fn add_client_id(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let id = call.required("ClientID")?;
    account.change(call, |provider: &mut Provider| {
        if !provider.client_ids.iter().any(|other| other == id) {
            provider.client_ids.push(id.to_owned());
        }
        check_client_ids(&provider.client_ids)
    })?;
    Ok(Answer::empty())
}

pub(super) fn remove_client_id(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let id = call.required("ClientID")?;
    account.change(call, |provider: &mut Provider| {
        provider.client_ids.retain(|other| other != id);
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn update_thumbprints(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let thumbprints = thumbprints(call)?;
    account.change(call, |provider: &mut Provider| {
        provider.thumbprints.clone_from(&thumbprints);
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// What is not there is deleted already.
pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    match Provider::named(account, call) {
        Ok(found) => account.delete(&found)?,
        Err(error) if error.code == "NoSuchEntity" => {}
        Err(error) => return Err(error),
    }
    Ok(Answer::empty())
}
