//! What is always the same for every function here, or of the account as a whole.

use aws::ServiceError;
use functions::{UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX};
use json::{ObjectBuilder, Value};
use store::Kind;

use super::address::{Address, LATEST};
use super::concurrency::{ACCOUNT_CONCURRENCY, reserved_in};
use super::function::{self, Function, Snapshot};
use super::layer::Layer;
use super::shown::number;
use super::{Lambda, not_served};
use crate::{Answer, Call};

/// Bytes of all packages of an account (Lambda quotas: 75 GB). Shown, and not enforced: the disk is
/// the bound here.
const CODE_BYTES_MAX: i64 = 80_530_636_800;

/// `RecursiveLoop` of a function that nothing was said of (Lambda API).
const RECURSIVE_LOOP_DEFAULT: &str = "Terminate";

impl Lambda {
    /// No function has a code signing configuration in this version, which AWS shows as its name.
    pub(super) async fn get_function_code_signing_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let function = self.resolve(&Address::of(call)?).await?.function;
        Ok(ObjectBuilder::new()
            .add("FunctionName", function.name)
            .into())
    }

    pub(super) async fn get_account_settings(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = format!("{}/{}/", call.account, call.region);
        let (mut functions, mut bytes) = (0_i64, 0_u64);
        self.each(Kind::Function, &prefix, |function: Function| {
            functions += 1;
            bytes += function.latest.code.size;
            Ok(())
        })
        .await?;
        self.each(Kind::FunctionVersion, &prefix, |version: Snapshot| {
            bytes += version.code.size;
            Ok(())
        })
        .await?;
        self.each(Kind::LayerVersion, &prefix, |layer: Layer| {
            let versions = layer.versions.iter();
            bytes += versions.map(|version| version.code.size).sum::<u64>();
            Ok(())
        })
        .await?;
        let reserved = self
            .documents
            .blocking(move |store| reserved_in(store, &prefix, None))
            .await?;
        let unreserved = ACCOUNT_CONCURRENCY.saturating_sub(reserved);
        let zipped = i64::try_from(ZIPPED_BYTES_MAX).unwrap_or(i64::MAX);
        let limit = ObjectBuilder::new()
            .add("TotalCodeSize", CODE_BYTES_MAX)
            .add("CodeSizeUnzipped", number(UNZIPPED_BYTES_MAX))
            .add("CodeSizeZipped", zipped)
            .add("ConcurrentExecutions", i64::from(ACCOUNT_CONCURRENCY))
            .add("UnreservedConcurrentExecutions", i64::from(unreserved))
            .build();
        let usage = ObjectBuilder::new()
            .add("TotalCodeSize", number(bytes))
            .add("FunctionCount", functions)
            .build();
        Ok(ObjectBuilder::new()
            .add("AccountLimit", limit)
            .add("AccountUsage", usage)
            .into())
    }

    /// Functions run with the interpreters of this host, whose updates are nobody's to hold back.
    pub(super) async fn get_runtime_management_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        self.resolve(&address).await?;
        Ok(runtime_management(&address))
    }

    pub(super) async fn put_runtime_management_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        self.resolve(&address).await?;
        match call.required("UpdateRuntimeOn")? {
            "Auto" => Ok(runtime_management(&address)),
            other => Err(not_served(&format!("UpdateRuntimeOn {other}"))),
        }
    }

    pub(super) async fn get_function_recursion_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let function = self.resolve(&address).await?.function;
        let recursive_loop = function.recursive_loop.as_deref();
        Ok(recursion(recursive_loop.unwrap_or(RECURSIVE_LOOP_DEFAULT)))
    }

    /// Kept and shown. Lambda looks for loops over SQS, S3 and SNS, none of which calls functions
    /// here.
    pub(super) async fn put_function_recursion_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let recursive_loop = call.required("RecursiveLoop")?.to_owned();
        let answer = recursion(&recursive_loop);
        let at = address.clone();
        self.alone(&address, move |store| {
            function::change(store, &at, |function| {
                function.recursive_loop = Some(recursive_loop.clone());
                Ok(())
            })
        })
        .await?;
        Ok(answer)
    }

    /// None can be made in this version.
    pub(super) async fn list_event_source_mappings(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        if call.text("FunctionName").is_some() {
            self.resolve(&Address::of(call)?).await?;
        }
        let none: Vec<Value> = Vec::new();
        Ok(ObjectBuilder::new().add("EventSourceMappings", none).into())
    }
}

fn recursion(recursive_loop: &str) -> Answer {
    ObjectBuilder::new()
        .add("RecursiveLoop", recursive_loop)
        .into()
}

fn runtime_management(address: &Address) -> Answer {
    let qualifier = address.qualifier.as_deref().unwrap_or(LATEST);
    ObjectBuilder::new()
        .add("UpdateRuntimeOn", "Auto")
        .add("FunctionArn", address.arn_of(qualifier))
        .into()
}
