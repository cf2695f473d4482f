//! Whom functions run as, and the credentials of their processes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use asl::time::Timestamp;
use aws::{Common, Protocol, ServiceError};

use super::function::Function;
use super::{Lambda, PRINCIPAL, UNASSUMABLE};
use crate::iam::directory::RoleEntry;
use crate::seal::Seal;
use crate::sts::session::{self, Holder, Session};

/// Of a new process: it lives for an hour at most, and then ends its last invocation.
const CREDENTIALS_MS: i64 = 2 * 60 * 60 * 1_000;

/// Whom a function runs as.
#[derive(Clone)]
pub(super) enum Acting {
    /// Roles are not looked up.
    Anyone,
    Role(Arc<RoleEntry>),
    /// It has no role, so that its calls fail for want of credentials.
    Nobody,
}

/// Temporary credentials, as SDKs take them from variables.
pub(super) struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

impl Keys {
    /// The variables of a process.
    pub(super) fn variables(self) -> [(String, String); 3] {
        [
            ("AWS_ACCESS_KEY_ID".to_owned(), self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), self.secret_access_key),
            ("AWS_SESSION_TOKEN".to_owned(), self.session_token),
        ]
    }
}

impl Acting {
    /// Credentials for a function of this account and name, from now on for two hours.
    pub(super) fn keys(&self, account: &str, name: &str, seal: &Seal) -> Option<Keys> {
        match self {
            // There an account's number is its administrator's key.
            Acting::Anyone => Some(Keys {
                access_key_id: account.to_owned(),
                secret_access_key: "lockstep".to_owned(),
                session_token: "lockstep".to_owned(),
            }),
            Acting::Role(role) => of_role(role, name, seal),
            Acting::Nobody => None,
        }
    }
}

/// A session of the function's role, named after the function as in AWS.
fn of_role(role: &RoleEntry, name: &str, seal: &Seal) -> Option<Keys> {
    let issued_ms = now_ms();
    let made = session::new_key(&role.account).and_then(|(access_key_id, secret)| {
        let session = Session {
            account: role.account.to_string(),
            access_key_id,
            secret_access_key: secret,
            issued_ms,
            expires_ms: issued_ms + CREDENTIALS_MS,
            mfa: false,
            holder: Holder::Role {
                name: role.name.to_string(),
                id: role.id.to_string(),
                session_name: name.to_owned(),
                tags: Vec::new(),
                transitive_tag_keys: Vec::new(),
                source_identity: None,
                federated_provider: None,
            },
            policies: Vec::new(),
            policy_arns: Vec::new(),
        };
        let session_token = session.token(seal)?;
        Ok(Keys {
            access_key_id: session.access_key_id,
            secret_access_key: session.secret_access_key,
            session_token,
        })
    });
    made.inspect_err(|error| tracing::error!(function = name, %error, "no credentials were made"))
        .ok()
}

impl Lambda {
    /// Whom a version of a function with this role runs as at a time. The role must let Lambda
    /// assume it.
    pub(super) async fn acting(
        &self,
        function: &Function,
        role_arn: &str,
        now: Timestamp,
    ) -> Result<Acting, ServiceError> {
        if !self.access.roles_are_enforced() {
            return Ok(Acting::Anyone);
        }
        let region = function.region.as_str().into();
        let role = self
            .access
            .role_that_trusts((now, &region), role_arn, PRINCIPAL, &function.arn)
            .await?;
        match role {
            Some(role) => Ok(Acting::Role(role)),
            None if self.access.may_lack_role(role_arn).await? => Ok(Acting::Nobody),
            None => Err(ServiceError::common(
                Common::AccessDenied,
                Protocol::RestJson,
                UNASSUMABLE,
            )),
        }
    }
}

/// The wall-clock time: a process may be made long after the call that asks for it.
pub(super) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
