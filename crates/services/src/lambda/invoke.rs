//! Invoke: runs a function and answers with what it gave.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Common, Protocol, ServiceError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use functions::{
    Architecture, CodeRef, FunctionSpec, Invocation, InvokeError, Invoked, LogSettings, Throttle,
};
use json::ObjectBuilder;
use store::blobs::Digest;
use uuid::Uuid;

use super::address::{Address, LATEST};
use super::function::Function;
use super::{Lambda, PRINCIPAL, UNASSUMABLE};
use crate::iam::directory::RoleEntry;
use crate::seal::Seal;
use crate::sts::session::{self, Holder, Session};
use crate::{Answer, Call};

/// Bytes of a synchronous event (Lambda quotas).
const EVENT_BYTES_MAX: usize = 6_291_456;

impl Lambda {
    pub(super) async fn invoke(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let Some(found) = self
            .documents
            .get::<Function>(store::Kind::Function, &address.key())
            .await?
        else {
            // Recorded: an invocation without a qualifier is one of $LATEST in this text.
            return Err(super::not_found(&format!("{}:{LATEST}", address.arn())));
        };
        let event = event(call)?;
        match call.text("InvocationType").unwrap_or("RequestResponse") {
            "RequestResponse" => {}
            "DryRun" => {
                return Ok(ObjectBuilder::new().add("StatusCode", 204).into());
            }
            other => {
                // Accepting it without keeping it would lose the event at the next restart.
                return Err(super::not_served(&format!("InvocationType {other}")));
            }
        }
        let trace_id = trace_id(call);
        let invocation = Invocation {
            request_id: call.request_id.to_string(),
            payload: event,
            invoked_arn: address.qualified_arn(),
            client_context: client_context(call)?,
            trace_id: Some(trace_id.clone()),
            log_tail: call.text("LogType") == Some("Tail"),
        };
        let acting = self.acting(call, &found.body).await?;
        let spec = Arc::new(self.spec(&found.body, acting));
        let invoked = self
            .pool
            .invoke(&spec, invocation)
            .await
            .map_err(|error| refusal(&error))?;
        Ok(answer(&invoked, trace_id))
    }

    fn spec(&self, function: &Function, acting: Acting) -> FunctionSpec {
        let configuration = &function.configuration;
        let environment = configuration.environment.clone().unwrap_or_default();
        FunctionSpec {
            arn: function.arn.clone(),
            name: function.name.clone(),
            version: LATEST.to_owned(),
            runtime: configuration.runtime.clone(),
            handler: configuration.handler.clone(),
            code: self.code(&function.code.sha256_hex),
            extra_env: self.extra_variables(function, acting),
            environment: environment.into_iter().collect(),
            timeout: Duration::from_secs(configuration.timeout_seconds),
            memory_mb: configuration.memory_mb,
            layers: Vec::new(),
            ephemeral_storage_mb: 512,
            architecture: Architecture::X86_64,
            logging: LogSettings::default(),
            wants_trace: false,
            reserved_concurrency: None,
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
    fn extra_variables(&self, function: &Function, acting: Acting) -> functions::ProcessVariables {
        let own = function.configuration.environment.as_ref();
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
            let credentials = match &acting {
                // There an account's number is its administrator's key.
                Acting::Anyone => {
                    Some([account.as_str(), "lockstep", "lockstep"].map(str::to_owned))
                }
                Acting::Role(role) => credentials(role, &name, &seal),
                Acting::Nobody => None,
            };
            // Without any, the function's calls fail, and say so.
            let names = CREDENTIALS.map(str::to_owned);
            let credentials = credentials
                .into_iter()
                .flat_map(|of| names.clone().into_iter().zip(of));
            variables.iter().cloned().chain(credentials).collect()
        })
    }

    /// Whom the function runs as; its role must let Lambda assume it.
    async fn acting(&self, call: &Call, function: &Function) -> Result<Acting, ServiceError> {
        if !self.access.roles_are_enforced() {
            return Ok(Acting::Anyone);
        }
        let role_arn = &function.configuration.role;
        let role = self
            .access
            .trusting_role(call, role_arn, PRINCIPAL, &function.arn)
            .await?;
        match role {
            Some(role) => Ok(Acting::Role(role)),
            None if self.access.may_lack_role(role_arn).await? => Ok(Acting::Nobody),
            None => Err(ServiceError::common(
                Common::AccessDenied,
                Protocol::RestJson,
                UNASSUMABLE,
            )),
        }
    }
}

/// Whom a function runs as.
enum Acting {
    /// Roles are not looked up.
    Anyone,
    Role(Arc<RoleEntry>),
    /// It has no role, so that its calls fail for want of credentials.
    Nobody,
}

/// The variables that SDKs take credentials from.
const CREDENTIALS: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Of a new process: it lives for an hour at most, and then ends its last invocation.
const CREDENTIALS_MS: i64 = 2 * 60 * 60 * 1_000;

/// A session of the function's role, named after the function as in AWS.
fn credentials(role: &RoleEntry, name: &str, seal: &Seal) -> Option<[String; 3]> {
    let issued_ms = now_ms();
    let made = session::new_key(&role.account).and_then(|(access_key_id, secret)| {
        let session = Session {
            account: role.account.to_string(),
            access_key_id,
            secret_access_key: secret,
            issued_ms,
            expires_ms: issued_ms + CREDENTIALS_MS,
            mfa: false,
            holder: Holder::Role {
                name: role.name.to_string(),
                id: role.id.to_string(),
                session_name: name.to_owned(),
                tags: Vec::new(),
                transitive_tag_keys: Vec::new(),
                source_identity: None,
                federated_provider: None,
            },
            policies: Vec::new(),
            policy_arns: Vec::new(),
        };
        let token = session.token(seal)?;
        Ok([session.access_key_id, session.secret_access_key, token])
    });
    made.inspect_err(|error| tracing::error!(function = name, %error, "no credentials were made"))
        .ok()
}

/// The wall-clock time: a process may be made long after the call that asks for it.
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// The event: the request's body, which must be JSON; nothing stands for `{}`.
fn event(call: &Call) -> Result<Bytes, ServiceError> {
    let body = call.body.clone().unwrap_or_default();
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    if body.len() > EVENT_BYTES_MAX {
        let message = format!(
            "{} byte payload is too large for the RequestResponse invocation type (limit \
             {EVENT_BYTES_MAX} bytes)",
            body.len()
        );
        return Err(
            ServiceError::new("RequestTooLargeException", message).with_field("Type", "User")
        );
    }
    let problem = match std::str::from_utf8(&body) {
        Ok(text) => json::parse_lazy(text.into())
            .err()
            .map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    match problem {
        None => Ok(body),
        Some(problem) => {
            let message = format!(
                "Could not parse request body into json: Could not parse payload into json: \
                 {problem}"
            );
            Err(ServiceError::new("InvalidRequestContentException", message)
                .with_field("Type", "User"))
        }
    }
}

fn client_context(call: &Call) -> Result<Option<String>, ServiceError> {
    let Some(text) = call.text("ClientContext") else {
        return Ok(None);
    };
    let decoded = BASE64_STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map(Some).ok_or_else(|| {
        ServiceError::new(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        )
        .with_field("Type", "User")
    })
}

/// The X-Ray header of a trace that starts here and is not sampled.
fn trace_id(call: &Call) -> String {
    let (seconds, random) = (call.now.0.div_euclid(1000), Uuid::new_v4().as_u128());
    let (root, parent) = (random >> 32, random & u128::from(u64::MAX));
    format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0")
}

fn answer(invoked: &Invoked, trace_id: String) -> Answer {
    let mut members = ObjectBuilder::new();
    members.add("StatusCode", 200);
    let (Invoked::Ok {
        executed_version, ..
    }
    | Invoked::FunctionError {
        executed_version, ..
    }) = invoked;
    if let Invoked::FunctionError { .. } = invoked {
        members.add("FunctionError", "Unhandled");
    }
    if !invoked.log_tail().is_empty() {
        members.add("LogResult", BASE64_STANDARD.encode(invoked.log_tail()));
    }
    members.add("ExecutedVersion", executed_version.as_str());
    let mut answer = Answer::from(&mut members);
    answer.body = Some(invoked.payload().clone());
    // Lambda's front answers with these on every invocation (recorded).
    answer.headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-amzn-remapped-content-length", "0".to_owned()),
        ("x-amzn-trace-id", trace_id),
    ];
    answer
}

/// AWS's error for a function that could not run.
fn refusal(error: &InvokeError) -> ServiceError {
    match error {
        InvokeError::Throttled(throttle) => {
            let reason = match throttle {
                Throttle::ReservedConcurrency => {
                    "ReservedFunctionConcurrentInvocationLimitExceeded"
                }
                Throttle::Concurrency => "ConcurrentInvocationLimitExceeded",
            };
            ServiceError::new("TooManyRequestsException", "Rate Exceeded.")
                .with_field("Reason", reason)
                .with_field("Type", "User")
        }
        InvokeError::RuntimeUnsupported { .. } | InvokeError::RuntimeMissing { .. } => {
            ServiceError::new("InvalidRuntimeException", error.to_string())
                .with_field("Type", "User")
        }
        InvokeError::Code(_) | InvokeError::Start(_) | InvokeError::ShuttingDown => {
            ServiceError::new("ServiceException", error.to_string()).with_field("Type", "Service")
        }
    }
}
