//! DecodeAuthorizationMessage: what led to a denial, told by its authorization id.

use aws::ServiceError;
use aws::iam::{Effect, Values};
use json::{ObjectBuilder, Value};

use super::Sts;
use crate::trail::Denial;
use crate::{Answer, Call};

impl Sts {
    /// AWS encodes the message in the text of some denials; ours name an authorization id, which
    /// stands for it.
    pub(super) async fn decode_authorization_message(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let id = call.required("EncodedMessage")?;
        let denial = self.identity.trail.denial(&call.account, &call.region, id);
        let denial = denial.await?.ok_or_else(|| {
            let message = "The specified authorization message is invalid.";
            ServiceError::new("InvalidAuthorizationMessageException", message)
        })?;
        Ok(ObjectBuilder::new()
            .add("DecodedMessage", decoded(&denial).to_text())
            .into())
    }
}

/// As AWS shows it (STS API reference, DecodeAuthorizationMessage; EC2's troubleshooting page).
fn decoded(denial: &Denial) -> Value {
    let decision = denial.explanation.decision;
    let matched = denial
        .explanation
        .checks
        .iter()
        .flat_map(|check| &check.matched);
    let statements = matched.map(|statement| {
        let effect = if statement.denies { "DENY" } else { "ALLOW" };
        ObjectBuilder::new()
            .add("statementId", statement.sid.as_deref().unwrap_or_default())
            .add("effect", effect)
            .add("policy", &*statement.policy)
            .build()
            .into()
    });
    let conditions = denial.context.iter().map(|(key, values)| {
        let values: Vec<&str> = match values {
            Values::One(value) => vec![value],
            Values::Many(values) => values.iter().map(|value| &**value).collect(),
        };
        let value = |value: &str| ObjectBuilder::new().add("value", value).build().into();
        ObjectBuilder::new()
            .add("key", key)
            .add("values", items(values.into_iter().map(value)))
            .build()
            .into()
    });
    let text = |key: &str| match denial.context.get(key) {
        Some(Values::One(value)) => value.to_string(),
        _ => String::new(),
    };
    let principal = ObjectBuilder::new()
        .add("id", text("aws:userid"))
        .add("arn", &*denial.caller_arn)
        .build();
    let context = ObjectBuilder::new()
        .add("principal", principal)
        .add("action", &*denial.need.action)
        .add("resource", &*denial.need.resource)
        .add("conditions", items(conditions))
        .build();
    ObjectBuilder::new()
        .add("allowed", false)
        .add("explicitDeny", decision.effect == Effect::ExplicitDeny)
        .add("matchedStatements", items(statements))
        .add("failures", items(std::iter::empty()))
        .add("context", context)
        .build()
        .into()
}

fn items(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    ObjectBuilder::new().add("items", items).build().into()
}
