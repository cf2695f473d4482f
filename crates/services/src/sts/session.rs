//! A session of temporary credentials, which its token holds: there is no table of sessions.

use aws::iam::Principal;
use serde::{Deserialize, Serialize};

use crate::seal::Seal;

/// What a session token says, sealed under the master key. The secret goes into it as well.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub account: String,
    /// `ASIA...`: a token counts for this key only.
    pub access_key_id: String,
    pub secret_access_key: String,
    pub issued_ms: i64,
    pub expires_ms: i64,
    pub mfa: bool,
    pub holder: Holder,
    /// Documents of inline session policies.
    pub policies: Vec<String>,
    /// ARNs of managed session policies.
    pub policy_arns: Vec<String>,
}

/// Whose session it is. Its policies are read when they are needed, so that a change counts at
/// once.
#[derive(Clone, Serialize, Deserialize)]
pub enum Holder {
    Root,
    /// Of GetSessionToken.
    User {
        name: String,
        id: String,
    },
    /// Of AssumeRole and its kin. A role of the same name with another id is another role.
    Role {
        name: String,
        id: String,
        session_name: String,
        tags: Vec<(String, String)>,
        transitive_tag_keys: Vec<String>,
        source_identity: Option<String>,
        federated_provider: Option<String>,
    },
}

/// Why a token was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a token of this server.
    #[error("not a session token of this server")]
    Foreign,
    /// A token of this server that was changed, or goes with another key.
    #[error("the session token was changed or belongs to another access key")]
    Invalid,
    #[error("the session is over")]
    Expired,
}

impl Session {
    /// The token, opaque to its holder.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn token(&self, seal: &Seal) -> Result<String, crate::seal::Error> {
        let _ = seal;
        Err(crate::seal::Error::NoRandomness)
    }

    /// The session of a token that came with an access key.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn of_token(
        seal: &Seal,
        token: &str,
        access_key_id: &str,
        now_ms: i64,
    ) -> Result<Session, Refused> {
        let _ = (seal, token, access_key_id, now_ms);
        Err(Refused::Foreign)
    }

    /// Whether this principal holds temporary credentials.
    #[must_use]
    pub fn is_temporary(principal: &Principal) -> bool {
        match principal {
            Principal::Root { temporary, .. } | Principal::User { temporary, .. } => {
                temporary.is_some()
            }
            Principal::Role(_) => true,
            Principal::Anonymous | Principal::Service { .. } => false,
        }
    }
}
