//! Who may do what: who signed a request, and whether that principal may make the call.

mod authenticate;
mod authorise;
mod keys;
pub mod need;
mod question;
mod replays;
mod trust;

use std::sync::Arc;

use asl::time::Timestamp;
use aws::ServiceError;
use aws::iam::{Acting, Attached, Effect, Principal, RoleSession, Temporary};
use json::Value;

use crate::Call;
use crate::iam::directory::{Directory, RoleEntry};
use crate::seal::Seal;
use crate::trail::Trail;

use keys::SigningKeys;
use question::{Circumstances, Held, Question};
use replays::Replays;

pub use authenticate::Authenticated;
pub(crate) use authenticate::NOT_TRUSTED;
pub use need::{Class, Facts, Need};
pub use question::authorization_id;

/// How callers are known.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The account of the root user, and of access keys that nobody made where they count.
    pub account: Arc<str>,
    /// `None`: an access key that nobody made is the administrator of an account (`lockstep dev`
    /// on loopback). Otherwise every signature is verified, and this is the root user's.
    pub root: Option<RootCredentials>,
    /// How far the clocks of caller and server may be apart.
    pub skew_ms_max: i64,
    /// Whether a management call that changes something may be sent once only within the skew.
    pub refuses_replays: bool,
    /// With mocks, roles are not looked up: tasks may do everything, and no role need exist.
    pub roles_are_enforced: bool,
    /// Whether a function may name a role that nobody made (`lockstep dev`): it then runs without
    /// credentials. Tools for local work name roles that exist nowhere.
    pub function_roles_may_be_missing: bool,
}

/// The root user's access key.
#[derive(Clone)]
pub struct RootCredentials {
    pub access_key_id: Arc<str>,
    pub secret_access_key: Arc<str>,
}

impl std::fmt::Debug for RootCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootCredentials({}, ..)", self.access_key_id)
    }
}

/// Who calls, with what narrows the session.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Arc<Principal>,
    /// Session policies.
    pub session: Option<Arc<[Arc<Attached>]>>,
    /// The access key the call was signed with.
    pub access_key_id: Option<Arc<str>>,
}

impl From<Principal> for Caller {
    /// A principal whose session nothing narrows.
    fn from(principal: Principal) -> Caller {
        Caller {
            principal: Arc::new(principal),
            session: None,
            access_key_id: None,
        }
    }
}

impl Caller {
    /// The root user of an account.
    #[must_use]
    pub fn root(account: &str) -> Caller {
        Caller::from(Principal::Root {
            account: account.into(),
            temporary: None,
        })
    }

    /// As in denials and GetCallerIdentity.
    #[must_use]
    pub fn arn(&self) -> Arc<str> {
        self.principal.arn()
    }
}

/// Authentication and authorisation of every call.
pub struct Access {
    directory: Arc<Directory>,
    seal: Arc<Seal>,
    trail: Arc<Trail>,
    rules: Rules,
    /// The root user, whom nothing needs to be looked up for.
    root: Caller,
    signing_keys: SigningKeys,
    replays: Replays,
}

/// The service that runs state machines and acts under their roles.
const STATES: &str = "states.amazonaws.com";

impl Access {
    #[must_use]
    pub fn new(
        directory: Arc<Directory>,
        seal: Arc<Seal>,
        trail: Arc<Trail>,
        rules: Rules,
    ) -> Access {
        let mut root = Caller::root(&rules.account);
        root.access_key_id = rules
            .root
            .as_ref()
            .map(|root| Arc::clone(&root.access_key_id));
        Access {
            directory,
            seal,
            trail,
            root,
            signing_keys: SigningKeys::default(),
            replays: Replays::new(rules.skew_ms_max),
            rules,
        }
    }

    /// Whether the caller is beyond all policies: the root user of the account, or with mocks any
    /// role.
    fn is_unlimited(&self, principal: &Principal, account: &str) -> bool {
        match principal {
            Principal::Role(_) => !self.rules.roles_are_enforced,
            other => other.is_root_of(account),
        }
    }

    /// Whether the caller may pass `role_arn` to a service, which then acts under it, and the
    /// service may assume it: `iam:PassRole`, then the role's trust policy for `service`
    /// (`states.amazonaws.com`) acting for `resource_arn` (`aws:SourceArn`).
    ///
    /// # Errors
    /// AccessDenied in AWS's words; for a trust policy that does not name the service, and for a
    /// role that does not exist, what `not_trusted` gives.
    pub async fn pass_role(
        &self,
        call: &Call,
        role_arn: &str,
        service: &str,
        resource_arn: &str,
        not_trusted: impl FnOnce() -> ServiceError + Send,
    ) -> Result<(), ServiceError> {
        let is_foreign = |account: &str| *account != *call.account;
        if self.rules.roles_are_enforced && question::account_of(role_arn).is_some_and(is_foreign) {
            let text = "Cross-account pass role is not allowed.".to_owned();
            return Err(question::access_denied(call, text));
        }
        if !self.is_unlimited(&call.caller.principal, &call.account) {
            let need = Need::new("iam:PassRole", role_arn)
                .with("iam:PassedToService", service)
                .with("iam:AssociatedResourceArn", resource_arn);
            self.allow(call, &need).await?;
        }
        if !self.rules.roles_are_enforced {
            return Ok(());
        }
        match self
            .trusting_role(call, role_arn, service, resource_arn)
            .await?
        {
            Some(_) => Ok(()),
            None => Err(not_trusted()),
        }
    }

    /// Whether a function may go without this role: nobody made it, and that is allowed.
    pub(crate) async fn may_lack_role(&self, role_arn: &str) -> Result<bool, ServiceError> {
        let may_be_missing = self.rules.function_roles_may_be_missing;
        Ok(may_be_missing && self.role(role_arn).await?.is_none())
    }

    /// What the policies of a role are now, for executions to keep; `None` for another caller, and
    /// where roles are not looked up.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn policy_versions(&self, caller: &Caller) -> Result<Option<Value>, ServiceError> {
        let Principal::Role(session) = &*caller.principal else {
            return Ok(None);
        };
        if !self.rules.roles_are_enforced {
            return Ok(None);
        }
        let role = self.directory.role(&session.account, &session.role_name);
        Ok(role.await?.map(|role| role.policy_versions.clone()))
    }

    /// Whether roles are looked up at all.
    pub(crate) fn roles_are_enforced(&self) -> bool {
        self.rules.roles_are_enforced
    }

    /// The role that a service acts under for a resource. `None` for one that does not trust the
    /// service, or does not exist.
    pub(crate) async fn trusting_role(
        &self,
        call: &Call,
        role_arn: &str,
        service: &str,
        resource_arn: &str,
    ) -> Result<Option<Arc<RoleEntry>>, ServiceError> {
        self.role_that_trusts((call.now, &call.region), role_arn, service, resource_arn)
            .await
    }

    /// The same, at a time in a Region.
    pub(crate) async fn role_that_trusts(
        &self,
        (now, region): (Timestamp, &Arc<str>),
        role_arn: &str,
        service: &str,
        resource_arn: &str,
    ) -> Result<Option<Arc<RoleEntry>>, ServiceError> {
        let service = Service {
            name: service,
            source_arn: Some(resource_arn),
        };
        let around = Circumstances {
            now,
            region,
            client: None,
        };
        let role = self.role(role_arn).await?;
        Ok(role.filter(|role| service.may_assume(role, &around)))
    }

    /// Whether a call's caller is allowed one thing on a resource without a policy of its own.
    async fn allow(&self, call: &Call, need: &Need) -> Result<(), ServiceError> {
        let question = self.question(call, need, None).await?;
        self.answer(call, &question).await
    }

    /// Nothing, or the denial.
    async fn answer(&self, call: &Call, question: &Question<'_>) -> Result<(), ServiceError> {
        let decision = question.decide();
        match decision.effect {
            Effect::Allow => Ok(()),
            Effect::ExplicitDeny | Effect::ImplicitDeny => {
                Err(question.denied(decision, call, &self.trail).await)
            }
        }
    }

    /// Whether the role itself would be allowed to do this: asked before something is kept that
    /// could never work.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn role_may(
        &self,
        call: &Call,
        role_arn: &str,
        need: &Need,
    ) -> Result<bool, ServiceError> {
        self.role_may_at((call.now, &call.region), role_arn, need)
            .await
    }

    /// The same, at a time in a Region.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) async fn role_may_at(
        &self,
        (now, region): (Timestamp, &Arc<str>),
        role_arn: &str,
        need: &Need,
    ) -> Result<bool, ServiceError> {
        if !self.rules.roles_are_enforced {
            return Ok(true);
        }
        let Some(role) = self.role(role_arn).await? else {
            return Ok(false);
        };
        let session = role_session(&role, "lockstep", now);
        let caller = Caller::from(Principal::Role(Arc::new(session)));
        let held = Held::by(&self.directory, &caller).await?;
        let around = Circumstances {
            now,
            region,
            client: None,
        };
        let question = Question::new(&caller.principal, need, held, None, &around);
        Ok(question.is_allowed())
    }

    /// The role with exactly this ARN, its path included.
    async fn role(&self, arn: &str) -> Result<Option<Arc<RoleEntry>>, ServiceError> {
        let (Some(account), Some((_, name))) = (question::account_of(arn), arn.rsplit_once('/'))
        else {
            return Ok(None);
        };
        let role = self.directory.role(account, name).await?;
        Ok(role.filter(|role| *role.arn == *arn))
    }
}

/// A session of a role as its ARN tells it, that nobody looked up.
fn bare_session(role_arn: &str, name: &str, now: Timestamp) -> RoleSession {
    let role_name = role_arn.rsplit('/').next().unwrap_or_default();
    RoleSession {
        account: question::account_of(role_arn).unwrap_or_default().into(),
        role_arn: role_arn.into(),
        role_name: role_name.into(),
        role_id: "".into(),
        session_name: name.into(),
        tags: Arc::default(),
        transitive_tag_keys: Arc::default(),
        source_identity: None,
        federated_provider: None,
        temporary: Temporary {
            issued_ms: now.0,
            mfa: false,
        },
    }
}

/// A session of a role that nothing narrows, without tags of its own.
fn role_session(role: &RoleEntry, name: &str, now: Timestamp) -> RoleSession {
    RoleSession {
        role_id: Arc::clone(&role.id),
        tags: Arc::clone(&role.tags),
        ..bare_session(&role.arn, name, now)
    }
}

/// A service that wants to act under a role, for a resource.
struct Service<'s> {
    name: &'s str,
    source_arn: Option<&'s str>,
}

impl Service<'_> {
    /// Whether the role's trust policy lets it.
    fn may_assume(&self, role: &RoleEntry, around: &Circumstances<'_>) -> bool {
        let source_account = self.source_arn.and_then(question::account_of);
        let principal = Principal::Service {
            name: self.name.into(),
            region: Arc::clone(around.region),
            acting: Acting {
                source_arn: self.source_arn.map(Arc::from),
                source_account: source_account.map(Arc::from),
            },
        };
        let need = Need::new("sts:AssumeRole", Arc::clone(&role.arn));
        let trust = Some(Arc::clone(&role.trust));
        let around = Circumstances {
            client: None,
            ..*around
        };
        Question::new(&principal, &need, Held::default(), trust, &around).is_allowed()
    }
}

#[cfg(test)]
mod tests;
