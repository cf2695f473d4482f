//! CreateFunction.

use aws::ServiceError;
use store::{Kind, Store};

use super::address::{Address, LATEST};
use super::configuration::Configuration;
use super::function::{Function, Snapshot};
use super::shown::{Moment, shown};
use super::{Lambda, code, conflict, served, version};
use crate::documents;
use crate::{Answer, Call};

impl Lambda {
    pub(super) async fn create_function(&self, call: &Call) -> Result<Answer, ServiceError> {
        served::check(call)?;
        let address = Address::of_function(call)?;
        if *address.account != *call.account {
            // Recorded: for a function of another account the text is empty.
            return Err(ServiceError::new("AccessDeniedException", "").with_status(403));
        }
        let mut configuration = Configuration::of_create(call)?;
        configuration.layers = self.layers_of(call).await?.unwrap_or_default();
        let code = call.input.get("Code").cloned().unwrap_or_default();
        let code = self.take_code(&code).await?;
        code::check_size(&code, &configuration.layers)?;
        let tags = super::tags::of(call)?;
        self.pass_role(call, &configuration.role, &address.arn())
            .await?;
        let mut latest = Snapshot {
            version: LATEST.to_owned(),
            modified_ms: 0,
            revision_id: String::new(),
            code,
            configuration,
            own_description: None,
        };
        latest.touch(call.now.0);
        let function = Function {
            name: address.name.clone(),
            arn: address.arn(),
            account: address.account.clone(),
            region: address.region.clone(),
            latest,
            tags,
            last_version: 0,
            reserved_concurrency: None,
            recursive_loop: None,
        };
        let publishes = call.flag("Publish") == Some(true);
        let (function, made) = self
            .alone(&address.clone(), move |store| {
                create(store, &address, function, publishes)
            })
            .await?;
        self.pool.expect_runtime(&made.configuration.runtime);
        // Recorded: the ARN stays unqualified also where a version is published at once.
        Ok(shown(&function, &made, &function.arn, Moment::Creating).into())
    }
}

/// Keeps a new function, and its first version if that is published at once.
fn create(
    store: &dyn Store,
    address: &Address,
    function: Function,
    publishes: bool,
) -> Result<(Function, Snapshot), ServiceError> {
    if !documents::create(store, Kind::Function, &address.key(), &function)? {
        return Err(conflict(format!(
            "Function already exist: {}",
            address.name
        )));
    }
    if publishes {
        return version::publish(store, address, None, |_| Ok(()));
    }
    let latest = function.latest.clone();
    Ok((function, latest))
}
