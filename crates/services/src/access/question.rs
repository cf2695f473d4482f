//! One thing that a principal wants to do, with everything that decides whether it may.

use std::sync::Arc;

use asl::time::Timestamp;
use aws::iam::evaluate::{self, Effect};
use aws::iam::{
    Attached, Context, Decision, Explanation, Layers, Principal, Remedy, Request, Tag, Values,
};
use aws::time;
use aws::{Common, Protocol, ServiceError};

use super::{Access, Caller, Need};
use crate::call::Client;
use crate::iam::directory::Directory;
use crate::trail::{Denial, Seen, Trail};
use crate::{Call, documents};

/// Condition keys begin so that are looked up only where a policy names one of them.
const RESOURCE_TAGS: [&str; 2] = ["aws:resourcetag/", "iam:resourcetag/"];
const REQUEST_TAG: &str = "aws:RequestTag/";
/// Bytes of a text that policies are asked about: matching takes the product of its length and the
/// pattern's. AWS's longest ARN, name or tag has 2,048 characters.
const TEXT_BYTES_MAX: usize = 8_192;

/// The policies that a principal holds.
#[derive(Clone, Default)]
pub(super) struct Held {
    identity: Arc<[Arc<Attached>]>,
    boundary: Option<Arc<Attached>>,
    session: Option<Arc<[Arc<Attached>]>>,
}

impl Held {
    /// Those of a caller, as they are now. An entity that is gone, or is another of the same name,
    /// holds nothing.
    pub(super) async fn by(
        directory: &Directory,
        caller: &Caller,
    ) -> Result<Held, documents::Error> {
        let mut held = match &*caller.principal {
            Principal::User {
                account, name, id, ..
            } => {
                let user = directory
                    .user(account, name)
                    .await?
                    .filter(|user| user.id == *id);
                user.map(|user| Held {
                    identity: Arc::clone(&user.policies),
                    boundary: user.boundary.clone(),
                    session: None,
                })
            }
            Principal::Role(session) => {
                let role = directory.role(&session.account, &session.role_name).await?;
                role.filter(|role| role.id == session.role_id)
                    .map(|role| Held {
                        identity: Arc::clone(&role.policies),
                        boundary: role.boundary.clone(),
                        session: None,
                    })
            }
            _ => None,
        }
        .unwrap_or_default();
        held.session.clone_from(&caller.session);
        Ok(held)
    }
}

/// One thing that a principal wants to do.
pub(super) struct Question<'q> {
    pub principal: &'q Principal,
    pub need: &'q Need,
    /// The account of the resource; `None` where it names none.
    account: Option<&'q str>,
    context: Context,
    held: Held,
    resource: Option<Arc<Attached>>,
}

impl<'q> Question<'q> {
    /// Asked at a time and in a Region, by a client if it came over a socket. `resource` is the
    /// resource's own policy.
    pub(super) fn new(
        principal: &'q Principal,
        need: &'q Need,
        held: Held,
        resource: Option<Arc<Attached>>,
        around: &Circumstances<'_>,
    ) -> Question<'q> {
        let account = account_of(&need.resource);
        let mut context = Context::new();
        principal.add_to(&mut context, around.now.0);
        around.add_to(&mut context);
        if let Some(account) = account {
            context.set("aws:ResourceAccount", account);
        }
        for (key, values) in &need.context {
            context.put(Arc::clone(key), values.clone());
        }
        Question {
            principal,
            need,
            account,
            context,
            held,
            resource,
        }
    }

    /// Whether the tags of the resource matter: a policy in play names them.
    pub(super) fn asks_for_tags(&self) -> bool {
        self.policies().any(|attached| {
            RESOURCE_TAGS
                .iter()
                .any(|prefix| attached.policy.names_key(prefix))
        })
    }

    /// Adds the tags of the resource. One that does not exist yet has those that the request gives
    /// it.
    pub(super) fn add_tags(&mut self, tags: Option<Vec<Tag>>) {
        let given = || {
            let context = self.need.context.iter();
            let tag = |(key, values): &(Arc<str>, Values)| match values {
                Values::One(value) => {
                    let key = key.strip_prefix(REQUEST_TAG)?;
                    Some((Arc::from(key), Arc::clone(value)))
                }
                Values::Many(_) => None,
            };
            context.filter_map(tag).collect()
        };
        for (key, value) in tags.unwrap_or_else(given) {
            if self.need.action.starts_with("iam:") {
                self.context
                    .set(format!("iam:ResourceTag/{key}"), Arc::clone(&value));
            }
            self.context.set(format!("aws:ResourceTag/{key}"), value);
        }
    }

    /// Adds the resource's own policy, if it has one.
    pub(super) fn add_policy(&mut self, policy: Option<Arc<Attached>>) {
        self.resource = policy.or(self.resource.take());
    }

    pub(super) fn decide(&self) -> Decision {
        evaluate::decide(&self.request(), &self.layers())
    }

    pub(super) fn is_allowed(&self) -> bool {
        self.decide().effect == Effect::Allow
    }

    fn request(&self) -> Request<'_> {
        Request {
            principal: self.principal,
            action: &self.need.action,
            resource: &self.need.resource,
            resource_account: self.account,
            context: &self.context,
        }
    }

    fn layers(&self) -> Layers<'_> {
        Layers {
            identity: &self.held.identity,
            boundary: self.held.boundary.as_deref(),
            session: self.held.session.as_deref(),
            resource: self.resource.as_deref(),
        }
    }

    fn policies(&self) -> impl Iterator<Item = &Arc<Attached>> {
        let held = &self.held;
        let session = held.session.iter().flat_map(|session| session.iter());
        let others = held.boundary.iter().chain(&self.resource);
        held.identity.iter().chain(session).chain(others)
    }

    /// The error of a denied call, once its explanation is kept.
    pub(super) async fn denied(
        &self,
        decision: Decision,
        call: &Call,
        trail: &Trail,
    ) -> ServiceError {
        let text = evaluate::denial(&self.request(), &self.layers(), decision);
        self.denied_with(&text, call, trail).await
    }

    /// The same with a text of its own.
    pub(super) async fn denied_with(&self, text: &str, call: &Call, trail: &Trail) -> ServiceError {
        let own = self.principal.account().map(|account| &**account);
        let account = own.or(self.account).unwrap_or(&call.account);
        // The policy of a resource in another account is not the caller's to read.
        let is_own = |attached: &&Arc<Attached>| {
            account_of(&attached.source.attached_to).is_none_or(|owner| owner == account)
        };
        let mut explanation = evaluate::explain(&self.request(), &self.layers());
        if let Some(foreign) = self.resource.as_ref().filter(|policy| !is_own(policy)) {
            hide(&mut explanation, &foreign.source.uri);
        }
        let denial = Denial {
            account: account.into(),
            region: Arc::clone(&call.region),
            time_ms: call.now.0,
            caller_arn: self.principal.arn(),
            request_id: Arc::clone(&call.request_id),
            operation: format!("{}:{}", call.service.signing_name(), call.operation).into(),
            need: self.need.clone(),
            context: self.context.clone(),
            explanation,
            policies: self
                .policies()
                .filter(is_own)
                .map(|attached| Seen::from(&**attached))
                .collect(),
        };
        match trail.denied(denial).await {
            Some(id) => access_denied(call, with_id(text, &call.region, &id)),
            // In a flood, or when the log can't be written: denied all the same.
            None => access_denied(call, text.to_owned()),
        }
    }
}

/// When and where something is asked.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'c> {
    pub now: Timestamp,
    pub region: &'c Arc<str>,
    /// `None` within the process.
    pub client: Option<&'c Client>,
}

impl<'c> Circumstances<'c> {
    pub(super) fn of(call: &'c Call) -> Circumstances<'c> {
        Circumstances {
            now: call.now,
            region: &call.region,
            client: call.client.address.map(|_| &call.client),
        }
    }

    /// The condition keys that every call has.
    fn add_to(&self, context: &mut Context) {
        context.set("aws:CurrentTime", time::iso8601(self.now.0));
        context.set("aws:EpochTime", self.now.0.div_euclid(1_000).to_string());
        context.set("aws:RequestedRegion", Arc::clone(self.region));
        // The server speaks plain HTTP; what never leaves the process nobody can read on its way.
        let is_secure = self.client.is_none();
        context.set(
            "aws:SecureTransport",
            if is_secure { "true" } else { "false" },
        );
        let Some(client) = self.client else { return };
        if let Some(address) = client.address {
            context.set("aws:SourceIp", address.to_canonical().to_string());
        }
        let headers = [
            ("aws:UserAgent", &client.user_agent),
            ("aws:referer", &client.referer),
        ];
        for (key, header) in headers {
            let text = header.as_ref().and_then(|header| header.to_str().ok());
            // Whoever sends a longer one might as well have sent none.
            if let Some(text) = text.filter(|text| text.len() <= TEXT_BYTES_MAX) {
                context.set(key, text);
            }
        }
    }
}

impl Need {
    /// Whether policies can be asked about it. What is longer breaks a constraint of its API, so
    /// that nobody may do it.
    pub(super) fn is_judgeable(&self) -> bool {
        let fits = |text: &Arc<str>| text.len() <= TEXT_BYTES_MAX;
        let fit = |(key, values): &(Arc<str>, Values)| {
            fits(key)
                && match values {
                    Values::One(value) => fits(value),
                    Values::Many(values) => values.iter().all(fits),
                }
        };
        fits(&self.resource) && self.context.iter().all(fit)
    }
}

/// Takes out of an explanation which statements of a policy matched.
fn hide(explanation: &mut Explanation, policy: &str) {
    for check in &mut explanation.checks {
        check.matched.retain(|matched| *matched.policy != *policy);
    }
    let tells = |remedy: &Remedy| match remedy {
        Remedy::Narrow(matched) => *matched.policy == *policy,
        Remedy::Add { .. } => false,
    };
    explanation.remedies.retain(|remedy| !tells(remedy));
}

/// The account of an ARN. `None` for `*`, for what is no ARN, and for what belongs to nobody, as
/// AWS's managed policies.
pub(super) fn account_of(resource: &str) -> Option<&str> {
    let rest = resource.strip_prefix("arn:")?;
    let account = rest.split(':').nth(3)?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then_some(account)
}

/// What comes right before the id at the end of a denial.
const BEFORE_ID: &str =
    "or call the GetRequestAuthorizationDetails API with the following authorization id: ";

fn with_id(text: &str, region: &str, id: &str) -> String {
    format!(
        "{text}. Go to https://{region}.console.aws.amazon.com/iam/home?region={region}\
         #/authorization-details/{id} for complete details, {BEFORE_ID}{id}"
    )
}

/// The authorization id that the text of a denial ends in.
#[must_use]
pub fn authorization_id(text: &str) -> Option<&str> {
    text.rsplit_once(BEFORE_ID).map(|(_, id)| id)
}

/// AccessDenied as the service of the call has it.
pub(super) fn access_denied(call: &Call, text: String) -> ServiceError {
    ServiceError::common(Common::AccessDenied, protocol(call), text)
}

pub(super) fn protocol(call: &Call) -> Protocol {
    call.service
        .model()
        .map_or(Protocol::Json10, |model| model.protocol)
}

impl Access {
    /// A question of this call.
    pub(super) async fn question<'q>(
        &self,
        call: &'q Call,
        need: &'q Need,
        resource: Option<Arc<Attached>>,
    ) -> Result<Question<'q>, ServiceError> {
        let held = Held::by(&self.directory, &call.caller).await?;
        let principal = &*call.caller.principal;
        Ok(Question::new(
            principal,
            need,
            held,
            resource,
            &Circumstances::of(call),
        ))
    }
}

#[cfg(test)]
mod tests;
