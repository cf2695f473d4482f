//! What a call needs to be allowed, and what is always true of an operation.

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Attached, Tag};

use super::{Lambda, SERVED};
use crate::Call;
use crate::access::{Facts, Need};

impl Lambda {
    /// What is always true of an operation. `None` when it is not served.
    pub(crate) fn facts(operation: &str) -> Option<Facts> {
        SERVED.binary_search(&operation).ok()?;
        Some(match operation {
            "Invoke" => Facts::CHANGES_DATA,
            reading if reading.starts_with("Get") || reading.starts_with("List") => Facts::READS,
            _ => Facts::CHANGES,
        })
    }

    /// What a call needs, all of it.
    #[expect(clippy::unused_async, reason = "functions are looked up")]
    pub(crate) async fn needs(
        &self,
        operation: &str,
        call: &Call,
    ) -> Result<Vec<Need>, ServiceError> {
        let named = call.text("FunctionName").or_else(|| call.text("Resource"));
        let action = match operation {
            "Invoke" => "lambda:InvokeFunction".to_owned(),
            other => format!("lambda:{other}"),
        };
        Ok(vec![Need::new(action, named.unwrap_or("*"))])
    }

    /// The tags of a function. `None` when it does not exist.
    #[expect(clippy::unused_async, reason = "the function is looked up")]
    pub(crate) async fn tags_of(&self, arn: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let _ = arn;
        Ok(None)
    }

    /// The resource policy of a function. None can be given to one in this version.
    #[expect(clippy::unused_async, reason = "the function is looked up")]
    pub(crate) async fn policy_of(&self, arn: &str) -> Result<Option<Arc<Attached>>, ServiceError> {
        let _ = arn;
        Ok(None)
    }
}
