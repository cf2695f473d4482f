//! Functions: their document, and the operations that make, show, change and delete them.

use aws::ServiceError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use functions::ZipError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;
use uuid::Uuid;

use super::address::Address;
use super::configuration::{self, Configuration};
use super::{Lambda, invalid, not_served};
use crate::{Answer, Call, page};

/// Functions of a page when the caller does not say, and at most (Lambda API, ListFunctions).
const PAGE_ITEMS_DEFAULT: usize = 50;

/// A function with everything that hangs on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Function {
    pub name: String,
    pub arn: String,
    pub account: String,
    pub region: String,
    pub modified_ms: i64,
    pub revision_id: String,
    pub code: Code,
    pub configuration: Configuration,
    pub tags: Vec<(String, String)>,
}

/// The deployment package; its bytes are a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Code {
    pub size: u64,
    /// Base64, as the API shows it.
    pub sha256_base64: String,
    /// Hex: the blob's digest.
    pub sha256_hex: String,
}

impl Function {
    /// Marks a change: when, and a revision of its own.
    fn touch(&mut self, call_ms: i64) {
        self.modified_ms = call_ms;
        self.revision_id = Uuid::new_v4().to_string();
    }
}

/// Members that would change what a function is or does, and that this version can't honour.
const UNSERVED: &[&str] = &[
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "DeadLetterConfig",
    "DurableConfig",
    "FileSystemConfigs",
    "ImageConfig",
    "KMSKeyArn",
    "Layers",
    "SnapStart",
    "VpcConfig",
];

/// Refuses what can't be honoured. Empty and default values ask for nothing.
fn check_served(call: &Call) -> Result<(), ServiceError> {
    for member in UNSERVED {
        if call
            .input
            .get(member)
            .is_some_and(|value| !asks_for_nothing(value))
        {
            return Err(not_served(member));
        }
    }
    if call.text("PackageType").is_some_and(|kind| kind != "Zip") {
        return Err(not_served("PackageType Image"));
    }
    if call.flag("Publish") == Some(true) {
        return Err(not_served("Publish"));
    }
    if call
        .list("Architectures")
        .iter()
        .any(|a| a.as_str() == Some("arm64"))
        && !cfg!(target_arch = "aarch64")
    {
        return Err(not_served("Architectures arm64 on this x86_64 machine"));
    }
    check_logging(call)
}

/// What a function prints goes nowhere yet, so only the settings that answers show are taken.
fn check_logging(call: &Call) -> Result<(), ServiceError> {
    let text = |member| call.input.get("LoggingConfig")?.get(member)?.as_str();
    if text("LogFormat").is_some_and(|format| format != "Text") {
        return Err(not_served("LoggingConfig.LogFormat JSON"));
    }
    for member in ["ApplicationLogLevel", "SystemLogLevel", "LogGroup"] {
        if text(member).is_some() {
            return Err(not_served(&format!("LoggingConfig.{member}")));
        }
    }
    Ok(())
}

fn asks_for_nothing(value: &Value) -> bool {
    match value.view() {
        json::View::Null => true,
        json::View::String(text) => text.is_empty() || text == "None",
        json::View::Array(items) => items.is_empty(),
        json::View::Object(members) => members.values().all(asks_for_nothing),
        json::View::Bool(flag) => !flag,
        json::View::Number(_) => false,
    }
}

impl Lambda {
    pub(super) async fn create_function(&self, call: &Call) -> Result<Answer, ServiceError> {
        check_served(call)?;
        let address = Address::of(call)?;
        if *address.account != *call.account {
            // Recorded: for a function of another account the text is empty.
            return Err(ServiceError::new("AccessDeniedException", "").with_status(403));
        }
        configuration::check_name(&address.name)?;
        let configuration = Configuration::of_create(call)?;
        let code = call.input.get("Code").cloned().unwrap_or_default();
        let code = self.take_code(&code).await?;
        let tags = super::tags::of(call)?;
        self.pass_role(call, &configuration.role, &address.arn())
            .await?;
        let mut function = Function {
            name: address.name.clone(),
            arn: address.arn(),
            account: address.account.clone(),
            region: address.region.clone(),
            modified_ms: call.now.0,
            revision_id: String::new(),
            code,
            configuration,
            tags,
        };
        function.touch(call.now.0);
        if !self
            .documents
            .create(Kind::Function, &address.key(), &function)
            .await?
        {
            let message = format!("Function already exist: {}", address.name);
            return Err(
                ServiceError::new("ResourceConflictException", message).with_field("Type", "User")
            );
        }
        Ok(configuration::shown(&function, &function.arn, false).into())
    }

    /// Checks the package of `Code` (or of UpdateFunctionCode's own members) and keeps it.
    async fn take_code(&self, code: &Value) -> Result<Code, ServiceError> {
        for member in ["ImageUri", "S3Bucket", "S3Key", "SourceKMSKeyArn"] {
            if code
                .get(member)
                .is_some_and(|value| !asks_for_nothing(value))
            {
                return Err(not_served(&format!("Code.{member}")));
            }
        }
        let Some(zip) = code.get("ZipFile").and_then(Value::as_str) else {
            return Err(invalid("Please provide a source for function code."));
        };
        let zip = BASE64_STANDARD.decode(zip).map_err(|error| {
            let reason = error.to_string();
            invalid(ZipError::Unreadable { reason }.to_string())
        })?;
        let packages = std::sync::Arc::clone(&self.packages);
        self.documents
            .blocking(move |_| {
                Ok(match functions::check_zip(&zip) {
                    Ok(facts) => {
                        packages.put(&zip)?;
                        Ok(Code {
                            size: facts.code_size,
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

    pub(super) async fn get_function(&self, call: &Call) -> Result<Answer, ServiceError> {
        let (address, found) = self.named(call).await?;
        let function = found.body;
        // AWS gives a presigned URL into a bucket of its own. There is none here, and a link that
        // answers nothing would be worse than naming the package.
        let code = ObjectBuilder::new()
            .add("RepositoryType", "Lockstep")
            .add("Location", format!("sha256:{}", function.code.sha256_hex))
            .build();
        let mut answer = ObjectBuilder::new();
        answer
            .add(
                "Configuration",
                configuration::shown(&function, &address.qualified_arn(), false),
            )
            .add("Code", code);
        if !function.tags.is_empty() {
            answer.add("Tags", super::tags::shown(&function.tags));
        }
        Ok((&mut answer).into())
    }

    pub(super) async fn get_function_configuration(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let (address, found) = self.named(call).await?;
        Ok(configuration::shown(&found.body, &address.qualified_arn(), false).into())
    }

    /// No function has a code signing configuration in this version, which AWS shows as its name.
    pub(super) async fn get_function_code_signing_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let (_, found) = self.named(call).await?;
        Ok(ObjectBuilder::new()
            .add("FunctionName", found.body.name.as_str())
            .into())
    }

    pub(super) async fn list_functions(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = format!("{}/{}/", call.account, call.region);
        let request = format!("ListFunctions {prefix}");
        let after = match call.text("Marker").filter(|marker| !marker.is_empty()) {
            None => None,
            Some(marker) => Some(
                page::position(&request, marker, call.now)
                    .ok_or_else(|| invalid("The Marker is not one of this list, or too old."))?,
            ),
        };
        let limit = call
            .integer("MaxItems")
            .and_then(|limit| usize::try_from(limit).ok());
        let limit = limit
            .unwrap_or(PAGE_ITEMS_DEFAULT)
            .clamp(1, PAGE_ITEMS_DEFAULT);
        let mut listed = self
            .documents
            .list::<Function>(Kind::Function, &prefix, after.as_deref(), limit + 1)
            .await?;
        let more = listed.len() > limit;
        listed.truncate(limit);
        let mut answer = ObjectBuilder::new();
        if let Some((last, _)) = listed.last().filter(|_| more) {
            answer.add("NextMarker", page::token(&request, last, call.now));
        }
        let with_version = call.text("FunctionVersion") == Some("ALL");
        let shown = listed.iter().map(|(_, function)| {
            let suffix = if with_version { ":$LATEST" } else { "" };
            let arn = format!("{}{suffix}", function.arn);
            Value::from(configuration::shown(function, &arn, true))
        });
        answer.add("Functions", shown.collect::<Value>());
        Ok((&mut answer).into())
    }

    pub(super) async fn list_versions_by_function(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let (_, found) = self.named(call).await?;
        let arn = format!("{}:{}", found.body.arn, super::address::LATEST);
        let latest = Value::from(configuration::shown(&found.body, &arn, true));
        Ok(ObjectBuilder::new().add("Versions", vec![latest]).into())
    }

    pub(super) async fn update_function_code(&self, call: &Call) -> Result<Answer, ServiceError> {
        check_served(call)?;
        let address = Address::of(call)?;
        self.function(&address).await?;
        let code = self.take_code(&call.input).await?;
        let dry_run = call.flag("DryRun") == Some(true);
        let (expected, now) = (call.text("RevisionId").map(str::to_owned), call.now.0);
        let changed = move |function: &mut Function| {
            check_revision(function, expected.as_deref())?;
            function.code = code.clone();
            function.touch(now);
            Ok(function.clone())
        };
        let function = if dry_run {
            let mut function = self.function(&address).await?.body;
            changed(&mut function)?
        } else {
            let function = self.change(&address, changed).await?;
            self.pool.forget(&function.arn);
            function
        };
        Ok(configuration::shown(&function, &address.qualified_arn(), false).into())
    }

    pub(super) async fn update_function_configuration(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        check_served(call)?;
        let address = Address::of(call)?;
        if let Some(role) = call.text("Role") {
            self.function(&address)
                .await?
                .body
                .configuration
                .updated(call)?;
            self.pass_role(call, role, &address.arn()).await?;
        }
        let update = call.clone();
        let function = self
            .change(&address, move |function| {
                // Laid over what is there then: another update may have come in between.
                let configuration = function.configuration.updated(&update)?;
                check_revision(function, update.text("RevisionId"))?;
                function.configuration = configuration;
                function.touch(update.now.0);
                Ok(function.clone())
            })
            .await?;
        self.pool.forget(&function.arn);
        Ok(configuration::shown(&function, &address.qualified_arn(), false).into())
    }

    /// The package stays until a collection finds that no other function has the same one.
    pub(super) async fn delete_function(&self, call: &Call) -> Result<Answer, ServiceError> {
        let (address, found) = self.named(call).await?;
        if address.qualifier.is_some() {
            return Err(invalid(
                "$LATEST version cannot be deleted without deleting the function.",
            ));
        }
        if !self
            .documents
            .delete(Kind::Function, &address.key(), found.revision)
            .await?
        {
            let message = format!(
                "The operation cannot be performed at this time. An update is in progress for \
                 resource: {}",
                found.body.arn
            );
            return Err(
                ServiceError::new("ResourceConflictException", message).with_field("Type", "User")
            );
        }
        self.pool.forget(&found.body.arn);
        Ok(ObjectBuilder::new().add("StatusCode", 204).into())
    }
}

fn check_revision(function: &Function, expected: Option<&str>) -> Result<(), ServiceError> {
    if expected.is_none_or(|expected| expected == function.revision_id) {
        return Ok(());
    }
    let message = "The Revision Id provided does not match the latest Revision Id. Call the \
                   GetFunction/GetAlias API to retrieve the latest Revision Id";
    Err(ServiceError::new("PreconditionFailedException", message).with_field("Type", "User"))
}
