//! The Security Token Service: who is calling, and temporary credentials.

mod assume_role;
mod authorization_message;
mod claims;
mod jwt;
mod keys;
pub(crate) mod needs;
pub mod session;
mod tags;
mod web_identity;

use aws::iam::Principal;
use aws::{Common, Protocol, ServiceError};
use json::ObjectBuilder;

use self::keys::Keys;
use self::session::Holder;
use crate::{Answer, Call, Foundations, Identity};

/// Seconds a user's own session lasts unless it is asked otherwise; a root user's at most an hour
/// (STS API reference, GetSessionToken).
const USER_SECONDS_DEFAULT: i64 = 43_200;
const ROOT_SECONDS_MAX: i64 = 3_600;

/// STS over the directory of IAM.
pub struct Sts {
    identity: Identity,
    keys: Keys,
}

impl Sts {
    pub(crate) fn new(foundations: &Foundations) -> Sts {
        Sts {
            identity: foundations.identity.clone(),
            keys: Keys::new(foundations.outbound.clone()),
        }
    }

    /// Runs one operation. `None` when it is not served.
    ///
    /// The caller must have been authorised.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        needs::facts(operation)?;
        if let Some(violation) = violation(call) {
            return Some(Err(violation));
        }
        Some(match operation {
            "AssumeRole" => self.assume_role(call).await,
            "AssumeRoleWithWebIdentity" => self.assume_role_with_web_identity(call).await,
            "DecodeAuthorizationMessage" => self.decode_authorization_message(call).await,
            "GetAccessKeyInfo" => self.get_access_key_info(call).await,
            "GetCallerIdentity" => Ok(get_caller_identity(call)),
            "GetSessionToken" => self.get_session_token(call),
            _ => return None,
        })
    }

    fn get_session_token(&self, call: &Call) -> Result<Answer, ServiceError> {
        refuse_mfa(call)?;
        let asked = call
            .integer("DurationSeconds")
            .unwrap_or(USER_SECONDS_DEFAULT);
        let (account, seconds, holder) = match &*call.caller.principal {
            Principal::Root { account, .. } => (account, asked.min(ROOT_SECONDS_MAX), Holder::Root),
            Principal::User {
                account, name, id, ..
            } => {
                let (name, id) = (name.to_string(), id.to_string());
                (account, asked, Holder::User { name, id })
            }
            _ => {
                let message = "Cannot call GetSessionToken with session credentials";
                return Err(assume_role::denied(message.to_owned()));
            }
        };
        let session = assume_role::new_session(call, account, seconds, holder)?;
        Ok(self.credentials(call, &session)?.build().into())
    }

    /// The account of a key, whether or not the key is active. A temporary key's is in its id, as
    /// in AWS.
    async fn get_access_key_info(&self, call: &Call) -> Result<Answer, ServiceError> {
        let id = call.required("AccessKeyId")?;
        let account = match self.identity.directory.access_key(id).await? {
            Some(key) => Some(key.account.to_string()),
            None => session::account_of_key(id),
        };
        let account =
            account.ok_or_else(|| validation(format!("`{id}` is not the id of an access key")))?;
        Ok(ObjectBuilder::new().add("Account", account).into())
    }
}

fn get_caller_identity(call: &Call) -> Answer {
    ObjectBuilder::new()
        .add("UserId", &*call.caller.principal.user_id())
        .add("Account", &*call.account)
        .add("Arn", &*call.caller.arn())
        .into()
}

/// No user has a second factor in this version, so none can be shown. The text is AWS's.
fn refuse_mfa(call: &Call) -> Result<(), ServiceError> {
    match call.text("SerialNumber").or(call.text("TokenCode")) {
        None => Ok(()),
        Some(_) => Err(assume_role::denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your \
             MFA serial number is valid and associated with this user."
                .to_owned(),
        )),
    }
}

fn violation(call: &Call) -> Option<ServiceError> {
    let model = aws::Service::Sts.model().ok()?;
    ServiceError::violations(model, &call.violations)
}

fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::common(Common::Validation, Protocol::Query, message)
}

#[cfg(test)]
mod tests;
