//! A version of a function as the pool of processes takes it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use functions::{CodeRef, FunctionSpec, ProcessVariables};
use store::blobs::Digest;

use crate::lambda::Lambda;
use crate::lambda::configuration::Configuration;
use crate::lambda::credentials::Acting;
use crate::lambda::function::{Function, Resolved};

impl Lambda {
    pub(super) fn spec(&self, resolved: &Resolved, acting: Acting) -> FunctionSpec {
        let (function, snapshot) = (&resolved.function, resolved.snapshot());
        let configuration = &snapshot.configuration;
        let environment = configuration.environment.clone().unwrap_or_default();
        let layers = configuration.layers.iter();
        FunctionSpec {
            arn: function.arn.clone(),
            name: function.name.clone(),
            version: snapshot.version.clone(),
            runtime: configuration.runtime.clone(),
            handler: configuration.handler.clone(),
            code: self.code(&snapshot.code.sha256_hex),
            layers: layers
                .map(|used| self.code(&used.code.sha256_hex))
                .collect(),
            role: configuration.role.clone(),
            extra_env: self.extra_variables(function, configuration, acting),
            environment: environment.into_iter().collect(),
            timeout: Duration::from_secs(configuration.timeout_seconds),
            memory_mb: configuration.memory_mb,
            ephemeral_storage_mb: configuration.ephemeral_storage_mb,
            architecture: configuration.architecture(),
            logging: configuration.logging.settings(),
            wants_trace: configuration.tracing_mode == "Active",
            reserved_concurrency: function.reserved_concurrency,
            region: function.region.clone(),
            account: function.account.clone(),
        }
    }

    fn code(&self, sha256: &str) -> CodeRef {
        let (packages, digest) = (Arc::clone(&self.packages), sha256.parse::<Digest>());
        let load = move || {
            let digest = digest.as_ref().map_err(ToString::to_string)?;
            match packages.get(*digest) {
                Ok(Some(zip)) => Ok(Bytes::from(zip)),
                Ok(None) => Err(format!("the package {digest} is not in the store")),
                Err(error) => Err(error.to_string()),
            }
        };
        CodeRef {
            sha256: sha256.to_owned(),
            load: Arc::new(load),
        }
    }

    /// What a function needs to call this server. Where the function itself says which endpoint to
    /// call, it calls that one.
    fn extra_variables(
        &self,
        function: &Function,
        configuration: &Configuration,
        acting: Acting,
    ) -> ProcessVariables {
        let own = configuration.environment.as_ref();
        let variables: Vec<(String, String)> = [
            ("AWS_ENDPOINT_URL", &*self.endpoint),
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ]
        .into_iter()
        .filter(|(name, _)| own.is_none_or(|own| !own.contains_key(*name)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let seal = Arc::clone(&self.seal);
        let (account, name) = (function.account.clone(), function.name.clone());
        Arc::new(move || {
            // Without any, the function's calls fail, and say so.
            let keys = acting.keys(&account, &name, &seal).into_iter();
            let credentials = keys.flat_map(|keys| keys.variables());
            variables.iter().cloned().chain(credentials).collect()
        })
    }
}
