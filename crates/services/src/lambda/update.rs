//! UpdateFunctionCode and UpdateFunctionConfiguration: changes of `$LATEST`.

use aws::ServiceError;

use super::address::{Address, LATEST};
use super::configuration;
use super::function::{self, Function, Snapshot};
use super::shown::{Moment, shown};
use super::{Lambda, code, invalid, served, version};
use crate::{Answer, Call};

impl Lambda {
    pub(super) async fn update_function_code(&self, call: &Call) -> Result<Answer, ServiceError> {
        served::check(call)?;
        let address = changing(call)?;
        self.resolve(&address).await?;
        let code = self.take_code(&call.input).await?;
        let asked = call.clone();
        let update = move |function: &mut Function| {
            check_revision(&function.latest, asked.text("RevisionId"))?;
            let latest = &mut function.latest;
            code::check_size(&code, &latest.configuration.layers)?;
            latest.code = code.clone();
            if let Some(architecture) = configuration::architecture(&asked) {
                latest.configuration.architecture = architecture;
            }
            latest.touch(asked.now.0);
            Ok(function.clone())
        };
        self.update_code(&address, call, update).await
    }

    async fn update_code(
        &self,
        address: &Address,
        call: &Call,
        mut update: impl FnMut(&mut Function) -> Result<Function, ServiceError> + Send + 'static,
    ) -> Result<Answer, ServiceError> {
        if call.flag("DryRun") == Some(true) {
            let mut function = self.resolve(address).await?.function;
            let function = update(&mut function)?;
            let arn = address.qualified_arn();
            return Ok(shown(&function, &function.latest, &arn, Moment::Settled).into());
        }
        let publishes = call.flag("Publish") == Some(true);
        let at = address.clone();
        let (function, made) = self
            .alone(address, move |store| {
                let function = function::change(store, &at, update)?;
                if publishes {
                    return version::publish(store, &at, None, |_| Ok(()));
                }
                let latest = function.latest.clone();
                Ok((function, latest))
            })
            .await?;
        self.pool.forget(&function.arn);
        let arn = match publishes {
            true => address.arn_of(&made.version),
            false => address.qualified_arn(),
        };
        Ok(shown(&function, &made, &arn, Moment::Updating).into())
    }

    pub(super) async fn update_function_configuration(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        served::check(call)?;
        let address = changing(call)?;
        let current = self.resolve(&address).await?.function.latest;
        let layers = self.layers_of(call).await?;
        if let Some(role) = call.text("Role") {
            current.configuration.updated(call)?;
            self.pass_role(call, role, &address.arn()).await?;
        }
        let (update, at) = (call.clone(), address.clone());
        let function = self
            .alone(&address, move |store| {
                function::change(store, &at, |function| {
                    // Laid over what is there then: another update may have come in between.
                    let latest = &mut function.latest;
                    let mut configuration = latest.configuration.updated(&update)?;
                    check_revision(latest, update.text("RevisionId"))?;
                    if let Some(layers) = &layers {
                        configuration.layers.clone_from(layers);
                    }
                    code::check_size(&latest.code, &configuration.layers)?;
                    latest.configuration = configuration;
                    latest.touch(update.now.0);
                    Ok(function.clone())
                })
            })
            .await?;
        self.pool.forget(&function.arn);
        self.pool
            .expect_runtime(&function.latest.configuration.runtime);
        let arn = address.qualified_arn();
        Ok(shown(&function, &function.latest, &arn, Moment::Updating).into())
    }
}

/// The address of an update: published versions stay as they are.
fn changing(call: &Call) -> Result<Address, ServiceError> {
    let address = Address::of(call)?;
    match address.qualifier.as_deref() {
        None | Some(LATEST) => Ok(address),
        Some(qualifier) => Err(invalid(format!(
            "Only the $LATEST version of a function can be updated, not {qualifier}."
        ))),
    }
}

pub(super) fn check_revision(
    snapshot: &Snapshot,
    expected: Option<&str>,
) -> Result<(), ServiceError> {
    match expected.is_none_or(|expected| expected == snapshot.revision_id) {
        true => Ok(()),
        false => Err(wrong_revision()),
    }
}

/// The error of a call that names a revision of a function or an alias that was before.
pub(super) fn wrong_revision() -> ServiceError {
    let message = "The Revision Id provided does not match the latest Revision Id. Call the \
                   GetFunction/GetAlias API to retrieve the latest Revision Id";
    ServiceError::new("PreconditionFailedException", message).with_field("Type", "User")
}
