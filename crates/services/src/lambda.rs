//! Lambda: functions that Tasks call, run as processes of this machine.

mod address;
mod alias;
mod asynchronous;
mod code;
mod concurrency;
mod configuration;
mod create;
mod credentials;
mod delete;
mod event_invoke;
mod function;
mod invoke;
mod layer;
mod layer_versions;
pub mod log_sink;
mod needs;
mod packages;
mod pages;
mod permissions;
mod read;
pub mod remote;
mod served;
mod settings;
mod shown;
mod tags;
mod update;
mod version;

use std::sync::Arc;

use aws::ServiceError;
use functions::Pool;

use crate::access::Access;
use crate::documents::Documents;
use crate::seal::Seal;
use crate::{Answer, Call, Foundations};

use invoke::Invoking;
use packages::Packages;

/// Lambda of every account and region of the server.
pub struct Lambda {
    access: Arc<Access>,
    documents: Documents,
    packages: Arc<Packages>,
    pool: Pool,
    seal: Arc<Seal>,
    /// Where functions find this server.
    endpoint: Arc<str>,
    invoking: Invoking,
}

impl Lambda {
    pub(crate) fn new(foundations: &Foundations) -> Lambda {
        Lambda {
            access: Arc::clone(&foundations.identity.access),
            documents: Documents::new(foundations.store.clone()),
            packages: Arc::new(Packages::new(Arc::clone(&foundations.blobs))),
            pool: foundations.functions.clone(),
            seal: Arc::clone(&foundations.identity.seal),
            endpoint: foundations.endpoint.as_str().into(),
            invoking: Invoking::new(foundations),
        }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        Lambda::facts(operation)?;
        if let Some(error) = violation(call) {
            return Some(Err(error));
        }
        Some(match operation {
            "AddLayerVersionPermission" => self.add_layer_version_permission(call).await,
            "AddPermission" => self.add_permission(call).await,
            "CreateAlias" => self.create_alias(call).await,
            "CreateFunction" => self.create_function(call).await,
            "DeleteAlias" => self.delete_alias(call).await,
            "DeleteFunction" => self.delete_function(call).await,
            "DeleteFunctionConcurrency" => self.delete_function_concurrency(call).await,
            "DeleteFunctionEventInvokeConfig" => {
                self.delete_function_event_invoke_config(call).await
            }
            "DeleteLayerVersion" => self.delete_layer_version(call).await,
            "GetAccountSettings" => self.get_account_settings(call).await,
            "GetAlias" => self.get_alias(call).await,
            "GetFunction" => self.get_function(call).await,
            "GetFunctionCodeSigningConfig" => self.get_function_code_signing_config(call).await,
            "GetFunctionConcurrency" => self.get_function_concurrency(call).await,
            "GetFunctionConfiguration" => self.get_function_configuration(call).await,
            "GetFunctionEventInvokeConfig" => self.get_function_event_invoke_config(call).await,
            "GetFunctionRecursionConfig" => self.get_function_recursion_config(call).await,
            "GetLayerVersion" => self.get_layer_version(call).await,
            "GetLayerVersionByArn" => self.get_layer_version_by_arn(call).await,
            "GetLayerVersionPolicy" => self.get_layer_version_policy(call).await,
            "GetPolicy" => self.get_policy(call).await,
            "GetRuntimeManagementConfig" => self.get_runtime_management_config(call).await,
            "Invoke" => self.invoke(call).await,
            "ListAliases" => self.list_aliases(call).await,
            "ListEventSourceMappings" => self.list_event_source_mappings(call).await,
            "ListFunctionEventInvokeConfigs" => self.list_function_event_invoke_configs(call).await,
            "ListFunctions" => self.list_functions(call).await,
            "ListLayerVersions" => self.list_layer_versions(call).await,
            "ListLayers" => self.list_layers(call).await,
            "ListTags" => self.list_tags(call).await,
            "ListVersionsByFunction" => self.list_versions_by_function(call).await,
            "PublishLayerVersion" => self.publish_layer_version(call).await,
            "PublishVersion" => self.publish_version(call).await,
            "PutFunctionConcurrency" => self.put_function_concurrency(call).await,
            "PutFunctionEventInvokeConfig" => self.put_function_event_invoke_config(call).await,
            "PutFunctionRecursionConfig" => self.put_function_recursion_config(call).await,
            "PutRuntimeManagementConfig" => self.put_runtime_management_config(call).await,
            "RemoveLayerVersionPermission" => self.remove_layer_version_permission(call).await,
            "RemovePermission" => self.remove_permission(call).await,
            "TagResource" => self.tag_resource(call).await,
            "UntagResource" => self.untag_resource(call).await,
            "UpdateAlias" => self.update_alias(call).await,
            "UpdateFunctionCode" => self.update_function_code(call).await,
            "UpdateFunctionConfiguration" => self.update_function_configuration(call).await,
            "UpdateFunctionEventInvokeConfig" => {
                self.update_function_event_invoke_config(call).await
            }
            _ => return None,
        })
    }

    /// Refuses a role that the caller may not pass to Lambda, or that Lambda may not assume.
    async fn pass_role(
        &self,
        call: &Call,
        role_arn: &str,
        function_arn: &str,
    ) -> Result<(), ServiceError> {
        let passed = self
            .access
            .pass_role(call, role_arn, PRINCIPAL, function_arn, unassumable)
            .await;
        match passed {
            Err(error) if error == unassumable() && self.access.may_lack_role(role_arn).await? => {
                tracing::warn!(
                    role = role_arn,
                    function = function_arn,
                    "nobody made this role: the function will run without credentials"
                );
                Ok(())
            }
            passed => passed,
        }
    }
}

fn violation(call: &Call) -> Option<ServiceError> {
    let model = aws::Service::Lambda.model().ok()?;
    ServiceError::violations(model, &call.violations)
}

/// Whom the roles of functions trust.
const PRINCIPAL: &str = "lambda.amazonaws.com";

const UNASSUMABLE: &str = "The role defined for the function cannot be assumed by Lambda.";

fn unassumable() -> ServiceError {
    invalid(UNASSUMABLE)
}

/// The error for a function, a version or an alias that is not there.
fn not_found(arn: &str) -> ServiceError {
    missing(format!("Function not found: {arn}"))
}

fn missing(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ResourceNotFoundException", message).with_field("Type", "User")
}

fn conflict(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ResourceConflictException", message).with_field("Type", "User")
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterValueException", message).with_field("Type", "User")
}

/// A member of the API that this version does not serve.
fn not_served(member: &str) -> ServiceError {
    invalid(format!(
        "{member} is not served by this version of Lockstep; leave it out"
    ))
}

#[cfg(test)]
pub(crate) mod tests;
