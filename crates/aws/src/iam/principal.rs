//! Who asks.

use std::sync::Arc;

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
    /// The account the principal belongs to; none for anonymous and federated callers and services.
    #[must_use]
    pub fn account(&self) -> Option<&Arc<str>> {
        match self {
            Principal::Root { account, .. } | Principal::User { account, .. } => Some(account),
            Principal::Role(session) => Some(&session.account),
            Principal::Anonymous | Principal::Federated { .. } | Principal::Service { .. } => None,
        }
    }

    /// How denials and GetCallerIdentity name it: a session by its session's ARN, a service by its
    /// name.
    #[must_use]
    pub fn arn(&self) -> Arc<str> {
        match self {
            Principal::Anonymous => "anonymous".into(),
            Principal::Root { account, .. } => format!("arn:aws:iam::{account}:root").into(),
            Principal::User { arn, .. } => Arc::clone(arn),
            Principal::Role(session) => session.arn().into(),
            Principal::Federated { provider, .. } => Arc::clone(provider),
            Principal::Service { name, .. } => Arc::clone(name),
        }
    }

    /// `aws:userid`: `AIDA...`, `AROA...:session`, the account of a root user.
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
            Principal::Service { name, .. } => Arc::clone(name),
        }
    }

    /// Whether it is the root user of `account`, whom only an explicit deny of a resource stops.
    #[must_use]
    pub fn is_root_of(&self, account: &str) -> bool {
        matches!(self, Principal::Root { account: own, .. } if **own == *account)
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
}
