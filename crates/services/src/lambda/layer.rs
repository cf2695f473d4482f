//! Layers: packages that functions share, by versions that never change.

use aws::{Arn, ServiceError};
use json::Value;
use serde::{Deserialize, Serialize};
use store::Kind;

use super::configuration::UsedLayer;
use super::function::Code;
use super::{Lambda, invalid, missing};
use crate::{Call, documents};

/// Layers of a function (Lambda quotas).
pub(super) const LAYERS_MAX: usize = 5;

/// A layer with its versions. One document, so that a number is never given twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Layer {
    pub name: String,
    /// The number given last, also when that version was deleted since.
    pub last_version: u64,
    /// By their numbers.
    pub versions: Vec<LayerVersion>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LayerVersion {
    pub number: u64,
    pub code: Code,
    pub created_ms: i64,
    pub description: String,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub license: Option<String>,
}

/// Where a layer lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LayerAddress {
    pub region: String,
    pub account: String,
    pub name: String,
}

impl LayerAddress {
    /// The layer that a call's `LayerName`, a name or an ARN, means.
    pub(super) fn of(call: &Call) -> Result<LayerAddress, ServiceError> {
        let text = call.required("LayerName")?;
        if !text.starts_with("arn:") {
            return Ok(LayerAddress {
                region: call.region.to_string(),
                account: call.account.to_string(),
                name: text.to_owned(),
            });
        }
        match LayerAddress::parse(text) {
            Some((address, None)) if *address.region == *call.region => Ok(address),
            Some((address, None)) => Err(missing(format!(
                "Layers from '{}' are not reachable in this region ('{}')",
                address.region, call.region
            ))),
            _ => Err(invalid(format!("{text} is not the ARN of a layer"))),
        }
    }

    /// The layer of an ARN, and the number of the version if that has one.
    pub(super) fn parse(arn: &str) -> Option<(LayerAddress, Option<u64>)> {
        let arn = Arn::parse(arn).ok().filter(|arn| arn.service == "lambda")?;
        let resource = arn.resource.strip_prefix("layer:")?;
        let (name, number) = match resource.split_once(':') {
            Some((name, number)) => (name, Some(number.parse().ok()?)),
            None => (resource, None),
        };
        let address = LayerAddress {
            region: arn.region.clone(),
            account: arn.account.clone(),
            name: name.to_owned(),
        };
        Some((address, number))
    }

    /// The key of the layer's document.
    pub(super) fn key(&self) -> String {
        format!("{}/{}/{}", self.account, self.region, self.name)
    }

    pub(super) fn arn(&self) -> String {
        let LayerAddress {
            region,
            account,
            name,
        } = self;
        format!("arn:aws:lambda:{region}:{account}:layer:{name}")
    }

    pub(super) fn version_arn(&self, number: u64) -> String {
        format!("{}:{number}", self.arn())
    }
}

impl Lambda {
    /// The layers that a call's `Layers` name; `None` when it has no such member.
    pub(super) async fn layers_of(
        &self,
        call: &Call,
    ) -> Result<Option<Vec<UsedLayer>>, ServiceError> {
        if call.input.get("Layers").is_none() {
            return Ok(None);
        }
        let arns: Vec<&str> = call
            .list("Layers")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        if arns.len() > LAYERS_MAX {
            return Err(invalid(format!(
                "Cannot reference more than {LAYERS_MAX} layers."
            )));
        }
        let mut used: Vec<UsedLayer> = Vec::new();
        for arn in arns {
            let layer = self.used_layer(call, arn).await?;
            let of_layer = |arn: &str| arn.rsplit_once(':').map(|(layer, _)| layer.to_owned());
            if let Some(other) = used.iter().find(|it| of_layer(&it.arn) == of_layer(arn)) {
                return Err(invalid(format!(
                    "Two different versions of the same layer are not allowed to be referenced in \
                     the same function. {} and {arn} are versions of the same layer.",
                    other.arn
                )));
            }
            used.push(layer);
        }
        Ok(Some(used))
    }

    async fn used_layer(&self, call: &Call, arn: &str) -> Result<UsedLayer, ServiceError> {
        let absent = || invalid(format!("Layer version {arn} does not exist."));
        let Some((address, Some(number))) = LayerAddress::parse(arn) else {
            return Err(absent());
        };
        if *address.region != *call.region {
            return Err(invalid(format!(
                "Layers are not in the same region as the function. Layers are expected to be in \
                 region {}.",
                call.region
            )));
        }
        let version = self.layer_version(&address, number).await?;
        Ok(UsedLayer {
            arn: arn.to_owned(),
            code: version.ok_or_else(absent)?.code,
        })
    }

    pub(super) async fn layer_version(
        &self,
        address: &LayerAddress,
        number: u64,
    ) -> Result<Option<LayerVersion>, documents::Error> {
        let found = self
            .documents
            .get::<Layer>(Kind::LayerVersion, &address.key())
            .await?;
        let versions = found.into_iter().flat_map(|layer| layer.body.versions);
        Ok(versions
            .into_iter()
            .find(|version| version.number == number))
    }
}
