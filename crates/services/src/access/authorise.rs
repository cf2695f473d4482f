//! Whether a call may be made: everything it needs, against the policies of its caller and of the
//! resources.

use std::sync::Arc;

use aws::iam::{Attached, Principal, Tag};
use aws::{Arn, Common, Service, ServiceError, sigv4};

use super::Need;
use super::question::{access_denied, account_of, protocol};
use crate::{Call, Services};

/// What a session token of GetSessionToken is good for at STS.
const OF_SESSION_TOKENS: [&str; 2] = ["AssumeRole", "GetCallerIdentity"];
/// How the ARNs of Lambda's resources begin.
const OF_LAMBDA: &str = "arn:aws:lambda:";
/// What only long-term credentials get.
const OF_LONG_TERM_KEYS: [&str; 2] = ["GetFederationToken", "GetSessionToken"];

impl Services {
    /// Whether nothing can keep the caller from making the call, so that what it needs need not be
    /// asked: the root user of the account, in an API where all resources are the account's own.
    #[must_use]
    pub fn is_unlimited(&self, call: &Call) -> bool {
        let reaches_elsewhere = matches!(call.service, Service::Lambda | Service::Sts);
        match &*call.caller.principal {
            Principal::Root {
                account,
                temporary: None,
            } => *account == call.account && !reaches_elsewhere,
            _ => false,
        }
    }

    /// Whether the caller may make the call, which needs all of `needs`. An operation has a say of
    /// its own beside this: whether a role may be passed, or assumed.
    ///
    /// # Errors
    /// AccessDenied in AWS's words, with an authorization id that leads to the explanation.
    pub async fn authorise(&self, call: &Call, needs: &[Need]) -> Result<(), ServiceError> {
        if self.is_unlimited(call) {
            return Ok(());
        }
        check_session(call)?;
        if !needs.iter().all(Need::is_judgeable) {
            return Err(too_long(call));
        }
        for need in needs {
            self.check(call, need).await?;
        }
        Ok(())
    }

    async fn check(&self, call: &Call, need: &Need) -> Result<(), ServiceError> {
        let access = &self.identity.access;
        let owner = account_of(&need.resource).unwrap_or(&call.account);
        if access.is_unlimited(&call.caller.principal, owner) {
            return Ok(());
        }
        let policy = self.policy_of(need).await?;
        let mut question = access.question(call, need, policy).await?;
        if question.asks_for_tags() {
            question.add_tags(self.tags_of(&need.resource).await?);
        }
        if need.resource.starts_with(OF_LAMBDA) {
            if question.is_allowed() {
                return Ok(());
            }
            // That of a function only allows: it is read where the caller's own policies don't.
            question.add_policy(self.lambda.policy_of(&need.resource).await?);
        }
        access.answer(call, &question).await
    }

    /// The policy of the resource itself, where it may deny. A role's speaks of who may assume it,
    /// and nothing else.
    async fn policy_of(&self, need: &Need) -> Result<Option<Arc<Attached>>, ServiceError> {
        let Ok(arn) = Arn::parse(&need.resource) else {
            return Ok(None);
        };
        Ok(match &*arn.service {
            "iam" if need.action.starts_with("sts:") && arn.resource_type() == "role" => {
                Some(self.identity.access.trust_of(&need.resource).await?)
            }
            _ => None,
        })
    }

    /// The tags of a resource. `None` when it does not exist, or can have none.
    async fn tags_of(&self, resource: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let Ok(arn) = Arn::parse(resource) else {
            return Ok(None);
        };
        match &*arn.service {
            "iam" => self.iam.tags_of(resource).await,
            "lambda" => self.lambda.tags_of(resource).await,
            "logs" => self.logs.tags_of(resource).await,
            "states" => self.states.tags_of(resource).await,
            _ => Ok(None),
        }
    }
}

/// The error of a call with a text that no API takes: the constraint it breaks.
fn too_long(call: &Call) -> ServiceError {
    let model = call.service.model();
    let violation = model
        .ok()
        .and_then(|model| ServiceError::violations(model, &call.violations));
    violation.unwrap_or_else(|| {
        let text = "A name, an ARN or a tag of the request is longer than any may be.";
        ServiceError::common(Common::Validation, protocol(call), text)
    })
}

/// What a session of GetSessionToken is not for (STS API reference, GetSessionToken).
fn check_session(call: &Call) -> Result<(), ServiceError> {
    let temporary = match &*call.caller.principal {
        Principal::Root { temporary, .. } | Principal::User { temporary, .. } => temporary.as_ref(),
        Principal::Role(session) => Some(&session.temporary),
        _ => None,
    };
    let Some(temporary) = temporary else {
        return Ok(());
    };
    let operation = call.operation;
    let is_role = matches!(&*call.caller.principal, Principal::Role(_));
    let refused = match call.service {
        Service::Sts if is_role => OF_LONG_TERM_KEYS.contains(&operation),
        Service::Sts => !OF_SESSION_TOKENS.contains(&operation),
        Service::Iam if !is_role && !temporary.mfa => {
            // AWS does not know such a session at IAM at all.
            let message = sigv4::Error::UnknownKey.to_string();
            let common = Common::UnrecognizedClient;
            return Err(ServiceError::common(common, protocol(call), message));
        }
        _ => false,
    };
    match refused {
        true => Err(access_denied(
            call,
            format!("Cannot call {operation} with session credentials"),
        )),
        false => Ok(()),
    }
}
