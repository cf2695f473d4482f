//! Lambda: functions that Tasks call, run as processes of this machine.

mod address;
mod configuration;
mod function;
mod invoke;
mod needs;
mod packages;
mod tags;

use std::sync::Arc;

use aws::ServiceError;
use functions::Pool;
use store::Kind;

use crate::access::Access;
use crate::documents::{Documents, Found};
use crate::seal::Seal;
use crate::{Answer, Call, Foundations};

use address::Address;
use function::Function;
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
            "CreateFunction" => self.create_function(call).await,
            "DeleteFunction" => self.delete_function(call).await,
            "GetFunction" => self.get_function(call).await,
            "GetFunctionCodeSigningConfig" => self.get_function_code_signing_config(call).await,
            "GetFunctionConfiguration" => self.get_function_configuration(call).await,
            "Invoke" => self.invoke(call).await,
            "ListFunctions" => self.list_functions(call).await,
            "ListTags" => self.list_tags(call).await,
            "ListVersionsByFunction" => self.list_versions_by_function(call).await,
            "TagResource" => self.tag_resource(call).await,
            "UntagResource" => self.untag_resource(call).await,
            "UpdateFunctionCode" => self.update_function_code(call).await,
            "UpdateFunctionConfiguration" => self.update_function_configuration(call).await,
            _ => return None,
        })
    }

    /// The function at an address, or AWS's error.
    async fn function(&self, address: &Address) -> Result<Found<Function>, ServiceError> {
        let found = self.documents.get(Kind::Function, &address.key()).await?;
        found.ok_or_else(|| not_found(&address.qualified_arn()))
    }

    /// The function that the call's `FunctionName` and `Qualifier` name.
    async fn named(&self, call: &Call) -> Result<(Address, Found<Function>), ServiceError> {
        let address = Address::of(call)?;
        let found = self.function(&address).await?;
        Ok((address, found))
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

    /// Changes the function at an address.
    async fn change<R: Send + 'static>(
        &self,
        address: &Address,
        change: impl FnMut(&mut Function) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError> {
        let changed = self
            .documents
            .change(Kind::Function, &address.key(), change)
            .await?;
        changed.ok_or_else(|| not_found(&address.qualified_arn()))?
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

fn not_found(arn: &str) -> ServiceError {
    ServiceError::new(
        "ResourceNotFoundException",
        format!("Function not found: {arn}"),
    )
    .with_field("Type", "User")
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
