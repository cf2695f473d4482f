//! Who asks.

use std::sync::Arc;

use super::Context;
use crate::time;

/// A tag of an entity, a session or a resource.
pub type Tag = (Arc<str>, Arc<str>);

/// Who makes a call, as policies and answers see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An unsigned call.
    Anonymous,
    /// The root user of an account.
    Root {
        account: Arc<str>,
        /// With credentials of GetSessionToken.
        temporary: Option<Temporary>,
    },
    User {
        account: Arc<str>,
        /// With its path: `arn:aws:iam::A:user/path/name`.
        arn: Arc<str>,
        /// `AIDA...`
        id: Arc<str>,
        name: Arc<str>,
        tags: Arc<[Tag]>,
        /// With credentials of GetSessionToken.
        temporary: Option<Temporary>,
    },
    /// A session of a role.
    Role(Arc<RoleSession>),
    /// A session of GetFederationToken.
    FederatedUser(Arc<FederatedUser>),
    /// Whom an identity provider vouches for, before there is a session: who asks
    /// AssumeRoleWithWebIdentity. Only a trust policy lets it do anything.
    Federated {
        /// As a policy's `Federated` names it: `arn:aws:iam::A:oidc-provider/host/path`.
        provider: Arc<str>,
        /// `sub` of its token.
        subject: Arc<str>,
    },
    /// A service of its own accord, as `events.amazonaws.com`.
    Service {
        /// Without a Region: `states.amazonaws.com`.
        name: Arc<str>,
        region: Arc<str>,
        acting: Acting,
    },
}

/// A session of a role: what AssumeRole and its kin made, or a task of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSession {
    pub account: Arc<str>,
    /// With its path: `arn:aws:iam::A:role/path/name`.
    pub role_arn: Arc<str>,
    pub role_name: Arc<str>,
    /// `AROA...`
    pub role_id: Arc<str>,
    pub session_name: Arc<str>,
    /// The role's tags, overlaid by those of the session.
    pub tags: Arc<[Tag]>,
    /// Keys of `tags` that a session made from this one keeps.
    pub transitive_tag_keys: Arc<[Arc<str>]>,
    pub source_identity: Option<Arc<str>>,
    /// The identity provider that vouched: a provider's ARN or `accounts.google.com`.
    pub federated_provider: Option<Arc<str>>,
    pub temporary: Temporary,
}

/// A session of GetFederationToken: it has what its user is allowed, narrowed by the policies that
/// were passed; without any it has only what resources grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedUser {
    pub account: Arc<str>,
    /// Chosen by who asked for the token.
    pub name: Arc<str>,
    /// Of the user who asked for the token.
    pub user_arn: Arc<str>,
    /// `AIDA...` of the user who asked for the token.
    pub user_id: Arc<str>,
    /// Of the session.
    pub tags: Arc<[Tag]>,
    pub temporary: Temporary,
}

/// What is known of temporary credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    /// When they were made: `aws:TokenIssueTime`.
    pub issued_ms: i64,
    /// Whether a second factor was shown.
    pub mfa: bool,
}

/// The resource for which a service acts: the confused-deputy keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acting {
    /// `aws:SourceArn`.
    pub source_arn: Option<Arc<str>>,
    /// `aws:SourceAccount`.
    pub source_account: Option<Arc<str>>,
}

impl Principal {
    /// The account the principal belongs to; none for anonymous and federated callers and
    /// services.
    #[must_use]
    pub fn account(&self) -> Option<&Arc<str>> {
        match self {
            Principal::Root { account, .. } | Principal::User { account, .. } => Some(account),
            Principal::Role(session) => Some(&session.account),
            Principal::FederatedUser(user) => Some(&user.account),
            Principal::Anonymous | Principal::Federated { .. } | Principal::Service { .. } => None,
        }
    }

    /// How denials and GetCallerIdentity name it: a session by its session's ARN, a service by its
    /// name, whom a provider vouches for by the provider.
    #[must_use]
    pub fn arn(&self) -> Arc<str> {
        match self {
            Principal::Anonymous => "anonymous".into(),
            Principal::Root { account, .. } => root_arn(account).into(),
            Principal::User { arn, .. } => Arc::clone(arn),
            Principal::Role(session) => session.arn().into(),
            Principal::Federated { provider, .. } => Arc::clone(provider),
            Principal::FederatedUser(user) => user.arn().into(),
            Principal::Service { name, .. } => Arc::clone(name),
        }
    }

    /// `aws:userid`: `AIDA...`, `AROA...:session`, `A:name` of a federated user, the account of a
    /// root user.
    #[must_use]
    pub fn user_id(&self) -> Arc<str> {
        match self {
            Principal::Anonymous => "anonymous".into(),
            Principal::Root { account, .. } => Arc::clone(account),
            Principal::User { id, .. } => Arc::clone(id),
            Principal::Role(session) => {
                format!("{}:{}", session.role_id, session.session_name).into()
            }
            Principal::Federated { provider, subject } => format!("{provider}:{subject}").into(),
            Principal::FederatedUser(user) => format!("{}:{}", user.account, user.name).into(),
            Principal::Service { name, .. } => Arc::clone(name),
        }
    }

    /// Whether it is the root user of `account`, whom only an explicit deny of a resource stops.
    #[must_use]
    pub fn is_root_of(&self, account: &str) -> bool {
        matches!(self, Principal::Root { account: own, .. } if **own == *account)
    }

    /// Sets the condition keys that follow from who asks, with which credentials, and for whom:
    /// `aws:PrincipalArn`, `aws:userid`, `aws:PrincipalTag/...`, `aws:TokenIssueTime`,
    /// `aws:SourceArn` and their kin. Source: "AWS global condition context keys".
    pub fn add_to(&self, context: &mut Context, now_ms: i64) {
        // Nothing here forwards the credentials of a user to another service.
        context.set("aws:ViaAWSService", "false");
        match self {
            Principal::Anonymous => {
                context.set("aws:PrincipalType", "Anonymous");
                context.set("aws:userid", "anonymous");
            }
            Principal::Federated { .. } => context.set("aws:PrincipalIsAWSService", "false"),
            Principal::Root { account, temporary } => {
                self.add_identity(context, "Account", root_arn(account), account);
                add_temporary(context, temporary.as_ref(), now_ms);
            }
            Principal::User {
                account,
                arn,
                name,
                tags,
                temporary,
                ..
            } => {
                self.add_identity(context, "User", Arc::clone(arn), account);
                context.set("aws:username", Arc::clone(name));
                add_tags(context, tags);
                add_temporary(context, temporary.as_ref(), now_ms);
            }
            Principal::Role(session) => {
                let arn = Arc::clone(&session.role_arn);
                self.add_identity(context, "AssumedRole", arn, &session.account);
                session.add_to(context, now_ms);
            }
            Principal::FederatedUser(user) => {
                self.add_identity(context, "FederatedUser", user.arn(), &user.account);
                add_tags(context, &user.tags);
                add_temporary(context, Some(&user.temporary), now_ms);
            }
            Principal::Service {
                name,
                region,
                acting,
            } => add_service(context, name, region, acting),
        }
    }

    fn add_identity(
        &self,
        context: &mut Context,
        kind: &str,
        arn: impl Into<Arc<str>>,
        account: &Arc<str>,
    ) {
        context.set("aws:PrincipalArn", arn);
        context.set("aws:PrincipalType", kind);
        context.set("aws:PrincipalAccount", Arc::clone(account));
        context.set("aws:userid", self.user_id());
        context.set("aws:PrincipalIsAWSService", "false");
    }
}

impl RoleSession {
    /// `arn:aws:sts::A:assumed-role/name/session`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:sts::{}:assumed-role/{}/{}",
            self.account, self.role_name, self.session_name
        )
    }

    fn add_to(&self, context: &mut Context, now_ms: i64) {
        add_tags(context, &self.tags);
        add_temporary(context, Some(&self.temporary), now_ms);
        if let Some(identity) = &self.source_identity {
            context.set("aws:SourceIdentity", Arc::clone(identity));
        }
        if let Some(provider) = &self.federated_provider {
            context.set("aws:FederatedProvider", Arc::clone(provider));
        }
    }
}

impl FederatedUser {
    /// `arn:aws:sts::A:federated-user/name`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:sts::{}:federated-user/{}", self.account, self.name)
    }
}

fn root_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn add_tags(context: &mut Context, tags: &[Tag]) {
    for (key, value) in tags {
        context.set(format!("aws:PrincipalTag/{key}"), Arc::clone(value));
    }
}

/// Long-lived credentials have none of these keys.
fn add_temporary(context: &mut Context, temporary: Option<&Temporary>, now_ms: i64) {
    let Some(temporary) = temporary else { return };
    context.set("aws:TokenIssueTime", time::iso8601(temporary.issued_ms));
    let shown = if temporary.mfa { "true" } else { "false" };
    context.set("aws:MultiFactorAuthPresent", shown);
    if temporary.mfa {
        let age_ms = now_ms.saturating_sub(temporary.issued_ms).max(0);
        context.set("aws:MultiFactorAuthAge", (age_ms / 1000).to_string());
    }
}

fn add_service(context: &mut Context, name: &Arc<str>, region: &str, acting: &Acting) {
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", Arc::clone(name));
    let mut names = vec![Arc::clone(name)];
    names.extend(regional(name, region));
    context.set_many("aws:PrincipalServiceNamesList", names);
    if let Some(arn) = &acting.source_arn {
        context.set("aws:SourceArn", Arc::clone(arn));
    }
    if let Some(account) = &acting.source_account {
        context.set("aws:SourceAccount", Arc::clone(account));
    }
}

/// `states.us-east-1.amazonaws.com` of `states.amazonaws.com`.
fn regional(name: &str, region: &str) -> Option<Arc<str>> {
    let (service, domain) = name.split_once('.')?;
    (!region.is_empty()).then(|| format!("{service}.{region}.{domain}").into())
}

#[cfg(test)]
mod tests;
