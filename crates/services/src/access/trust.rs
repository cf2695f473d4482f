//! Who may assume a role without a session of their own: whom an identity provider vouches for.

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Effect, Principal};

use super::question::{Circumstances, Held, Question};
use super::{Access, Need};
use crate::Call;
use crate::iam::directory::RoleEntry;

impl Access {
    /// Whether the root user is one, who shows a secret; not so for `lockstep dev`, where the
    /// administrator is whoever calls.
    pub(crate) fn verifies_root(&self) -> bool {
        self.rules.root.is_some()
    }

    /// Whether the role's trust policy, which alone has a say, lets someone who did not sign the
    /// call do what `need` says.
    ///
    /// # Errors
    /// AccessDenied that begins with `text`, with an authorization id that leads to the
    /// explanation.
    pub(crate) async fn trusts(
        &self,
        call: &Call,
        principal: &Principal,
        need: &Need,
        role: &RoleEntry,
        text: &str,
    ) -> Result<(), ServiceError> {
        let trust = Some(Arc::clone(&role.trust));
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
