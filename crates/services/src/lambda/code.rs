//! Deployment packages of functions and layers: what a call brings, checked and kept.

use std::sync::Arc;

use aws::ServiceError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use functions::{UNZIPPED_BYTES_MAX, ZipError};
use json::Value;

use super::configuration::UsedLayer;
use super::function::Code;
use super::served::asks_for_nothing;
use super::{Lambda, invalid};

/// Where code may come from beside the call itself.
const ELSEWHERE: [&str; 5] = [
    "ImageUri",
    "S3Bucket",
    "S3Key",
    "S3ObjectVersion",
    "SourceKMSKeyArn",
];

impl Lambda {
    /// Checks the package in `Code`, `Content` or UpdateFunctionCode's own members, and keeps it.
    pub(super) async fn take_code(&self, given: &Value) -> Result<Code, ServiceError> {
        for member in ELSEWHERE {
            if given
                .get(member)
                .is_some_and(|value| !asks_for_nothing(value))
            {
                return Err(elsewhere(member, given));
            }
        }
        let Some(zip) = given.get("ZipFile").and_then(Value::as_str) else {
            return Err(invalid("Please provide a source for function code."));
        };
        let zip = BASE64_STANDARD.decode(zip).map_err(|error| {
            let reason = error.to_string();
            invalid(ZipError::Unreadable { reason }.to_string())
        })?;
        let packages = Arc::clone(&self.packages);
        self.documents
            .blocking(move |_| {
                Ok(match functions::check_zip(&zip) {
                    Ok(facts) => {
                        packages.put(&zip)?;
                        Ok(Code {
                            size: facts.code_size,
                            unzipped_size: facts.unzipped_size,
                            sha256_base64: facts.code_sha256,
                            sha256_hex: facts.sha256,
                        })
                    }
                    Err(error) => Err(error),
                })
            })
            .await?
            .map_err(|error| match error {
                ZipError::ZippedTooLarge => {
                    ServiceError::new("RequestEntityTooLargeException", error.to_string())
                        .with_status(413)
                }
                ZipError::Io(_) => ServiceError::new("ServiceException", error.to_string())
                    .with_field("Type", "Service"),
                _ => invalid(error.to_string()),
            })
    }
}

fn elsewhere(member: &str, given: &Value) -> ServiceError {
    if member == "ImageUri" && given.get("FunctionName").is_some() {
        return invalid(
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        );
    }
    invalid(format!(
        "{member} is not served by this version of Lockstep: give the package itself as ZipFile"
    ))
}

/// Refuses code that is too large together with its layers.
pub(super) fn check_size(code: &Code, layers: &[UsedLayer]) -> Result<(), ServiceError> {
    let unzipped = |code: &Code| code.unzipped_size;
    let of_layers = layers.iter().map(|layer| unzipped(&layer.code));
    let size = unzipped(code) + of_layers.sum::<u64>();
    if size <= UNZIPPED_BYTES_MAX {
        return Ok(());
    }
    Err(invalid(format!(
        "Function code combined with layers exceeds the maximum allowed size of \
         {UNZIPPED_BYTES_MAX} bytes. The actual size is {size} bytes."
    )))
}

/// AWS gives a presigned URL into a bucket of its own. There is none here, and a link that answers
/// nothing would be worse than naming the package.
pub(super) fn location(code: &Code) -> String {
    format!("sha256:{}", code.sha256_hex)
}
