//! Who may assume a role without a session of their own: whom an identity provider vouches for.

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Attached, Effect, Policy, PolicyKind, Principal, Purpose, Source};

use super::question::{Circumstances, Held, Question};
use super::{Access, Need};
use crate::Call;

/// Of a role that is not there: it trusts nobody.
const NOBODY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

impl Access {
    /// The trust policy of a role. One that is not there refuses as one that trusts nobody, so that
    /// nobody learns which roles there are.
    pub(super) async fn trust_of(&self, role_arn: &str) -> Result<Arc<Attached>, ServiceError> {
        Ok(match self.role(role_arn).await? {
            Some(role) => Arc::clone(&role.trust),
            None => Arc::new(Attached {
                policy: Policy::kept(NOBODY, Purpose::Trust),
                source: Source {
                    kind: PolicyKind::Trust,
                    uri: format!("{role_arn}#trust").into(),
                    managed: false,
                    attached_to: role_arn.into(),
                },
            }),
        })
    }

    /// Whether the root user is one, who shows a secret; not so for `lockstep dev`, where the
    /// administrator is whoever calls.
    pub(crate) fn verifies_root(&self) -> bool {
        self.rules.root.is_some()
    }

    /// Whether the trust policy of the role that is the need's resource, which alone has a say,
    /// lets someone who did not sign the call do what `need` says.
    ///
    /// # Errors
    /// AccessDenied that begins with `text`, with an authorization id that leads to the
    /// explanation; when the store can't be read.
    pub(crate) async fn trusts(
        &self,
        call: &Call,
        principal: &Principal,
        need: &Need,
        text: &str,
    ) -> Result<(), ServiceError> {
        let trust = Some(self.trust_of(&need.resource).await?);
        let around = Circumstances::of(call);
        let question = Question::new(principal, need, Held::default(), trust, &around);
        match question.decide().effect {
            Effect::Allow => Ok(()),
            Effect::ExplicitDeny | Effect::ImplicitDeny => {
                Err(question.denied_with(text, call, &self.trail).await)
            }
        }
    }
}
