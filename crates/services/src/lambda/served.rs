//! Which members of a request this version can't honour.

use aws::ServiceError;
use json::Value;

use super::configuration::host_architecture;
use super::not_served;
use crate::Call;

/// Members that would change what a function is or does.
const UNSERVED: &[&str] = &[
    "AcceleratorConfig",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "DurableConfig",
    "FileSystemConfigs",
    "ImageConfig",
    "KMSKeyArn",
    "PublishTo",
    "RuntimeConfig",
    "SnapStart",
    "TenancyConfig",
    "VpcConfig",
];

/// Refuses what can't be honoured. Empty and default values ask for nothing.
pub(super) fn check(call: &Call) -> Result<(), ServiceError> {
    for member in UNSERVED {
        let given = call.input.get(member);
        if given.is_some_and(|value| !asks_for_nothing(value)) {
            return Err(not_served(member));
        }
    }
    if call.text("PackageType").is_some_and(|kind| kind != "Zip") {
        return Err(not_served("PackageType Image"));
    }
    let host = host_architecture();
    if call
        .list("Architectures")
        .iter()
        .any(|asked| asked.as_str() == Some("arm64") && host != "arm64")
    {
        return Err(not_served(&format!(
            "Architectures arm64 on this {host} machine"
        )));
    }
    Ok(())
}

pub(super) fn asks_for_nothing(value: &Value) -> bool {
    match value.view() {
        json::View::Null => true,
        json::View::String(text) => text.is_empty() || text == "None",
        json::View::Array(items) => items.is_empty(),
        json::View::Object(members) => members.values().all(asks_for_nothing),
        json::View::Bool(flag) => !flag,
        json::View::Number(_) => false,
    }
}
