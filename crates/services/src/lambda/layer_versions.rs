//! The operations on layers and their versions.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::{Kind, Store};

use super::layer::{Layer, LayerAddress, LayerVersion};
use super::pages::Pages;
use super::permissions::{self, Grant, Kept};
use super::shown::{last_modified, number};
use super::{Lambda, invalid, missing};
use crate::documents;
use crate::{Answer, Call};

/// Layers read at once.
const PAGE: usize = 50;

impl Lambda {
    pub(super) async fn publish_layer_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = LayerAddress::of(call)?;
        if *address.account != *call.account {
            return Err(ServiceError::new("AccessDeniedException", "").with_status(403));
        }
        let content = call.input.get("Content").cloned().unwrap_or_default();
        let version = LayerVersion {
            number: 0,
            code: self.take_code(&content).await?,
            created_ms: call.now.0,
            description: call.text("Description").unwrap_or_default().to_owned(),
            runtimes: texts(call, "CompatibleRuntimes"),
            architectures: texts(call, "CompatibleArchitectures"),
            license: call.text("LicenseInfo").map(str::to_owned),
        };
        let name = address.name.clone();
        let published = self
            .documents
            .alone(&address.key(), move |store, key| {
                publish(store, key, &name, &version)
            })
            .await?;
        Ok(shown_with_content(&address, &published))
    }

    pub(super) async fn get_layer_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        let (address, number) = (LayerAddress::of(call)?, version_number(call)?);
        self.shown_layer_version(&address, number).await
    }

    pub(super) async fn get_layer_version_by_arn(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let arn = call.required("Arn")?;
        match LayerAddress::parse(arn) {
            Some((address, Some(number))) if *address.region == *call.region => {
                self.shown_layer_version(&address, number).await
            }
            Some((_, Some(_))) => Err(missing("The resource you requested does not exist.")),
            _ => Err(invalid(format!("{arn} is not the ARN of a layer version"))),
        }
    }

    async fn shown_layer_version(
        &self,
        address: &LayerAddress,
        number: u64,
    ) -> Result<Answer, ServiceError> {
        let version = self.layer_version(address, number).await?;
        let version =
            version.ok_or_else(|| missing("The resource you requested does not exist."))?;
        Ok(shown_with_content(address, &version))
    }

    /// The newest version of each layer that fits what the call asks for.
    pub(super) async fn list_layers(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = format!("{}/{}/", call.account, call.region);
        let wanted = Wanted::of(call);
        let pages = Pages::of(call, &format!("{prefix} {wanted:?}"))?;
        let (mut after, limit) = (pages.after.clone(), pages.limit + 1);
        let mut layers: Vec<(String, (String, LayerVersion))> = Vec::new();
        while layers.len() < limit {
            let page = self
                .documents
                .list::<Layer>(Kind::LayerVersion, &prefix, after.as_deref(), PAGE)
                .await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            layers.extend(page.into_iter().filter_map(|(key, layer)| {
                let mut versions = layer.versions.into_iter().rev();
                let newest = versions.find(|version| wanted.fits(version))?;
                Some((key, (layer.name, newest)))
            }));
        }
        Ok(pages.answer("Layers", layers, |(name, newest)| {
            let address = LayerAddress {
                region: call.region.to_string(),
                account: call.account.to_string(),
                name: name.clone(),
            };
            let newest = shown(&address, newest).build();
            Value::from(
                ObjectBuilder::new()
                    .add("LayerName", name.as_str())
                    .add("LayerArn", address.arn())
                    .add("LatestMatchingVersion", newest)
                    .build(),
            )
        }))
    }

    /// Newest first.
    pub(super) async fn list_layer_versions(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = LayerAddress::of(call)?;
        let wanted = Wanted::of(call);
        let pages = Pages::of(call, &format!("{} {wanted:?}", address.key()))?;
        let before = pages
            .after
            .as_deref()
            .and_then(|after| after.parse::<u64>().ok());
        let found = self
            .documents
            .get::<Layer>(Kind::LayerVersion, &address.key())
            .await?;
        let versions = found
            .into_iter()
            .flat_map(|layer| layer.body.versions.into_iter().rev());
        let versions = versions
            .filter(|version| before.is_none_or(|before| version.number < before))
            .filter(|version| wanted.fits(version))
            .take(pages.limit + 1)
            .map(|version| (version.number.to_string(), version))
            .collect();
        Ok(pages.answer("LayerVersions", versions, |version| {
            shown(&address, version).build().into()
        }))
    }

    /// A version that is not there is deleted already. Functions that have it keep it.
    pub(super) async fn delete_layer_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        let (address, number) = (LayerAddress::of(call)?, version_number(call)?);
        let arn = address.version_arn(number);
        self.documents
            .alone(&address.key(), move |store, key| {
                permissions::forget(store, &arn)?;
                documents::change(store, Kind::LayerVersion, key, |layer: &mut Layer| {
                    layer.versions.retain(|version| version.number != number);
                    Ok::<(), documents::Error>(())
                })
            })
            .await?
            .transpose()?;
        Ok(Answer::empty())
    }

    pub(super) async fn add_layer_version_permission(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let organization = call.text("OrganizationId").map(|id| {
            let id = ObjectBuilder::new().add("aws:PrincipalOrgID", id).build();
            ObjectBuilder::new().add("StringEquals", id).build()
        });
        let grant = Grant {
            sid: call.required("StatementId")?.to_owned(),
            action: call.required("Action")?.to_owned(),
            principal: call.required("Principal")?.to_owned(),
            condition: organization.unwrap_or_default(),
            revision_id: call.text("RevisionId").map(str::to_owned),
        };
        let (statement, revision_id) = self
            .on_layer_policy(call, move |policy| policy.grant(&grant))
            .await?;
        Ok(ObjectBuilder::new()
            .add("Statement", statement)
            .add("RevisionId", revision_id)
            .into())
    }

    pub(super) async fn remove_layer_version_permission(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let sid = call.required("StatementId")?.to_owned();
        let revision_id = call.text("RevisionId").map(str::to_owned);
        self.on_layer_policy(call, move |policy| {
            policy.revoke(&sid, revision_id.as_deref())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn get_layer_version_policy(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        self.on_layer_policy(call, |policy| policy.shown()).await
    }

    /// Does work on the policy of the layer version that a call names, while nobody deletes that.
    async fn on_layer_policy<R: Send + 'static>(
        &self,
        call: &Call,
        work: impl FnOnce(Kept<'_>) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError> {
        let (address, number) = (LayerAddress::of(call)?, version_number(call)?);
        let (arn, keeper) = (address.version_arn(number), self.policy_keeper());
        self.documents
            .alone(&address.key(), move |store, key| {
                let layer = documents::read::<Layer>(store, Kind::LayerVersion, key)?;
                let versions = layer.into_iter().flat_map(|layer| layer.body.versions);
                let mut numbers = versions.map(|version| version.number);
                Ok(match numbers.any(|other| other == number) {
                    true => work(keeper.of(store, &arn)),
                    false => Err(missing(format!("Layer version {arn} does not exist."))),
                })
            })
            .await?
    }
}

/// Gives a version the next number and keeps it.
fn publish(
    store: &dyn Store,
    key: &str,
    name: &str,
    version: &LayerVersion,
) -> Result<LayerVersion, documents::Error> {
    let none = Layer {
        name: name.to_owned(),
        last_version: 0,
        versions: Vec::new(),
    };
    documents::create(store, Kind::LayerVersion, key, &none)?;
    let published = documents::change(store, Kind::LayerVersion, key, |layer: &mut Layer| {
        layer.last_version += 1;
        let number = layer.last_version;
        let version = LayerVersion {
            number,
            ..version.clone()
        };
        layer.versions.push(version.clone());
        Ok::<LayerVersion, documents::Error>(version)
    })?;
    published.ok_or_else(|| documents::Error::Contended(key.to_owned()))?
}

/// What a list of layers is narrowed to.
#[derive(Debug)]
struct Wanted {
    runtime: Option<String>,
    architecture: Option<String>,
}

impl Wanted {
    fn of(call: &Call) -> Wanted {
        Wanted {
            runtime: call.text("CompatibleRuntime").map(str::to_owned),
            architecture: call.text("CompatibleArchitecture").map(str::to_owned),
        }
    }

    fn fits(&self, version: &LayerVersion) -> bool {
        let has = |wanted: &Option<String>, given: &[String]| {
            wanted.as_ref().is_none_or(|wanted| given.contains(wanted))
        };
        has(&self.runtime, &version.runtimes) && has(&self.architecture, &version.architectures)
    }
}

fn texts(call: &Call, member: &str) -> Vec<String> {
    let texts = call.list(member).iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn version_number(call: &Call) -> Result<u64, ServiceError> {
    let number = call.integer("VersionNumber").unwrap_or_default();
    u64::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| invalid("Layer Version Cannot be less than 1"))
}

/// The members of a version in lists.
fn shown(address: &LayerAddress, version: &LayerVersion) -> ObjectBuilder {
    let mut shown = ObjectBuilder::new();
    shown
        .add("LayerVersionArn", address.version_arn(version.number))
        .add("Version", number(version.number))
        .add("Description", version.description.as_str())
        .add("CreatedDate", last_modified(version.created_ms));
    let texts = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
    if !version.runtimes.is_empty() {
        let runtimes: Value = texts(&version.runtimes);
        shown.add("CompatibleRuntimes", runtimes);
    }
    if !version.architectures.is_empty() {
        let architectures: Value = texts(&version.architectures);
        shown.add("CompatibleArchitectures", architectures);
    }
    if let Some(license) = &version.license {
        shown.add("LicenseInfo", license.as_str());
    }
    shown
}

fn shown_with_content(address: &LayerAddress, version: &LayerVersion) -> Answer {
    let content = ObjectBuilder::new()
        .add("Location", super::code::location(&version.code))
        .add("CodeSha256", version.code.sha256_base64.as_str())
        .add("CodeSize", number(version.code.size))
        .build();
    let mut answer = shown(address, version);
    answer.add("LayerArn", address.arn());
    answer.add("Content", content);
    (&mut answer).into()
}
