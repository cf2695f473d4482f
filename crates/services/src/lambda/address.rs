//! How a call names a function: a name, `account:function:name`, or an ARN, each with an optional
//! qualifier.

use aws::{Arn, ServiceError};

use super::invalid;
use crate::Call;

/// The version that changes.
pub(super) const LATEST: &str = "$LATEST";

/// Characters of a function's name (Lambda API reference, "FunctionName").
const NAME_CHARS_MAX: usize = 64;

/// Where a function lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub region: String,
    pub account: String,
    pub name: String,
    pub qualifier: Option<String>,
}

impl Address {
    /// The address in the call's `FunctionName` and `Qualifier`.
    pub(super) fn of(call: &Call) -> Result<Address, ServiceError> {
        let text = call.required("FunctionName")?;
        let mut address = Address::parse(text, call)?;
        check_name(&address.name)?;
        if let Some(qualifier) = call.text("Qualifier") {
            if address
                .qualifier
                .as_deref()
                .is_some_and(|derived| derived != qualifier)
            {
                return Err(invalid(
                    "The derived qualifier from the function name does not match the specified \
                     qualifier.",
                ));
            }
            address.qualifier = Some(qualifier.to_owned());
        }
        Ok(address)
    }

    /// The address of a whole function in the call's `FunctionName`.
    pub(super) fn of_function(call: &Call) -> Result<Address, ServiceError> {
        let address = Address::of(call)?;
        if address.qualifier.is_some() {
            return Err(invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do \
                 not support this operation. Please specify either a function name or an \
                 unqualified function ARN.",
            ));
        }
        Ok(address)
    }

    /// The address in a text, completed by the account and region of the call.
    pub(super) fn parse(text: &str, call: &Call) -> Result<Address, ServiceError> {
        let here = |name: &str, qualifier: Option<&str>| Address {
            region: call.region.to_string(),
            account: call.account.to_string(),
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        };
        if !text.starts_with("arn:") {
            let partial = text.split_once(":function:");
            let (account, name) = partial.map_or((None, text), |(a, name)| (Some(a), name));
            let (name, qualifier) = name
                .split_once(':')
                .map_or((name, None), |(name, q)| (name, Some(q)));
            let mut address = here(name, qualifier);
            if let Some(account) = account {
                account.clone_into(&mut address.account);
            }
            return Ok(address);
        }
        let arn = Arn::parse(text).ok().filter(|arn| arn.service == "lambda");
        let named = arn
            .as_ref()
            .and_then(|arn| arn.function_name_and_qualifier());
        let (Some(arn), Some((name, qualifier))) = (&arn, named) else {
            return Err(invalid(format!("{text} is not the ARN of a function")));
        };
        if *arn.region != *call.region {
            let message = format!(
                "Functions from '{}' are not reachable in this region ('{}')",
                arn.region, call.region
            );
            return Err(
                ServiceError::new("ResourceNotFoundException", message).with_field("Type", "User")
            );
        }
        let mut address = here(name, qualifier);
        address.account.clone_from(&arn.account);
        Ok(address)
    }

    /// The key of the function's document.
    pub(super) fn key(&self) -> String {
        format!("{}/{}/{}", self.account, self.region, self.name)
    }

    /// What the keys of documents that belong to the function begin with.
    pub(super) fn prefix(&self) -> String {
        format!("{}/", self.key())
    }

    /// The key of a published version's document; keys follow each other as versions do.
    pub(super) fn version_key(&self, number: &str) -> String {
        format!("{}{number:0>20}", self.prefix())
    }

    /// The key of an alias's document.
    pub(super) fn alias_key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// The key of the document that says how events of a version or an alias are treated.
    pub(super) fn config_key(&self, qualifier: &str) -> String {
        format!("{}{qualifier}", self.prefix())
    }

    /// The ARN without a qualifier.
    pub(super) fn arn(&self) -> String {
        Arn::function("aws", &self.region, &self.account, &self.name).to_string()
    }

    /// The ARN with a qualifier.
    pub(super) fn arn_of(&self, qualifier: &str) -> String {
        format!("{}:{qualifier}", self.arn())
    }

    /// The ARN with the qualifier, if the caller gave one.
    pub(super) fn qualified_arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => self.arn_of(qualifier),
            None => self.arn(),
        }
    }
}

/// The model's limit is that of an ARN with a name in it; a name itself is shorter.
fn check_name(name: &str) -> Result<(), ServiceError> {
    if name.len() <= NAME_CHARS_MAX {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy \
         constraint: Member must have length less than or equal to {NAME_CHARS_MAX}"
    )))
}
