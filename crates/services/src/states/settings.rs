//! What a state machine is configured with beside definition and role. What needs a part that this
//! version lacks is refused by name.

use aws::ServiceError;
use json::Value;

use super::machine::Publication;
use super::not_served;
use crate::Call;

/// Longest definition, in bytes of UTF-8 (developer guide, "Quotas"). The model counts characters.
const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// A definition that may be looked at.
pub(super) fn definition(text: &str) -> Result<&str, ServiceError> {
    match text.len() <= DEFINITION_BYTES_MAX {
        true => Ok(text),
        false => {
            // As for one that has too many characters.
            let message = format!(
                "1 validation error detected: Value at 'definition' failed to satisfy constraint: \
                 Member must have length less than or equal to {DEFINITION_BYTES_MAX}"
            );
            Err(ServiceError::new("ValidationException", message))
        }
    }
}

/// What CreateStateMachine or UpdateStateMachine publishes.
pub(super) fn publication(call: &Call) -> Result<Publication, ServiceError> {
    let publish = call.flag("publish") == Some(true);
    let description = call.text("versionDescription").map(str::to_owned);
    if description.is_some() && !publish {
        let message = "Version description can only be set when publish is true";
        return Err(ServiceError::new("ValidationException", message));
    }
    Ok(Publication {
        publish,
        description,
    })
}

/// Whether a call asks for traces; `None` when it does not say. Its error is the API's ("Your
/// `tracingConfiguration` key does not match, or `enabled` has not been set to true or false"), its
/// text ours.
pub(super) fn tracing(call: &Call) -> Result<Option<bool>, ServiceError> {
    let Some(asked) = call.object("tracingConfiguration") else {
        return Ok(None);
    };
    let enabled = asked.get("enabled").and_then(Value::as_bool);
    enabled.map(Some).ok_or_else(|| {
        let message = "Invalid Tracing Configuration: 'enabled' must be set to true or false";
        ServiceError::new("InvalidTracingConfiguration", message)
    })
}

/// Refuses an `encryptionConfiguration` that contradicts itself, or that nothing here can honour.
pub(super) fn check_encryption(call: &Call) -> Result<(), ServiceError> {
    let Some(asked) = call.object("encryptionConfiguration") else {
        return Ok(());
    };
    let has_key = asked.get("kmsKeyId").is_some();
    let has_period = asked.get("kmsDataKeyReusePeriodSeconds").is_some();
    let refused = |what: &str| {
        let message = format!("Invalid Encryption Configuration: {what}");
        Err(ServiceError::new("InvalidEncryptionConfiguration", message))
    };
    match is_customer_managed(call) {
        false if has_key => refused("'kmsKeyId' is for the type 'CUSTOMER_MANAGED_KMS_KEY' only"),
        false if has_period => refused(
            "'kmsDataKeyReusePeriodSeconds' is for the type 'CUSTOMER_MANAGED_KMS_KEY' only",
        ),
        true if !has_key => refused("the type 'CUSTOMER_MANAGED_KMS_KEY' needs a 'kmsKeyId'"),
        true => {
            let what = "Invalid Encryption Configuration: the key type 'CUSTOMER_MANAGED_KMS_KEY' \
                        is";
            Err(not_served("InvalidEncryptionConfiguration", what))
        }
        false => Ok(()),
    }
}

/// Whether a call asks for encryption by a key of the caller's.
pub(super) fn is_customer_managed(call: &Call) -> bool {
    let asked = call.object("encryptionConfiguration");
    let key_type = asked.and_then(|asked| asked.get("type"));
    key_type.and_then(Value::as_str) == Some("CUSTOMER_MANAGED_KMS_KEY")
}
