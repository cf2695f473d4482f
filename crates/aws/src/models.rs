//! The models embedded in this build.

use std::sync::LazyLock;

use crate::model::{Error, Model};

/// A service with an embedded model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    Iam,
    Lambda,
    Logs,
    States,
    Sts,
}

type Loaded = LazyLock<Result<Model, Error>>;

static IAM: Loaded = LazyLock::new(|| Model::parse(include_str!("../../../models/iam.json")));
static LAMBDA: Loaded = LazyLock::new(|| Model::parse(include_str!("../../../models/lambda.json")));
static LOGS: Loaded = LazyLock::new(|| Model::parse(include_str!("../../../models/logs.json")));
static STATES: Loaded = LazyLock::new(|| Model::parse(include_str!("../../../models/states.json")));
static STS: Loaded = LazyLock::new(|| Model::parse(include_str!("../../../models/sts.json")));

impl Service {
    /// All services with a model.
    pub const ALL: [Service; 5] = [
        Service::Iam,
        Service::Lambda,
        Service::Logs,
        Service::States,
        Service::Sts,
    ];

    /// The service's model, compiled at the first call (some milliseconds) and kept.
    ///
    /// # Errors
    /// [`Error`] when the file in this build is broken; then every call says so.
    pub fn model(self) -> Result<&'static Model, &'static Error> {
        let loaded = match self {
            Service::Iam => &IAM,
            Service::Lambda => &LAMBDA,
            Service::Logs => &LOGS,
            Service::States => &STATES,
            Service::Sts => &STS,
        };
        LazyLock::force(loaded).as_ref()
    }

    /// Name in credential scopes and IAM actions.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        match self {
            Service::Iam => "iam",
            Service::Lambda => "lambda",
            Service::Logs => "logs",
            Service::States => "states",
            Service::Sts => "sts",
        }
    }

    /// The service of a credential scope.
    #[must_use]
    pub fn of_signing_name(name: &str) -> Option<Service> {
        Service::ALL
            .into_iter()
            .find(|service| service.signing_name() == name)
    }

    /// What precedes the dot in `X-Amz-Target`, known without the model.
    pub(crate) fn target_prefix(self) -> Option<&'static str> {
        match self {
            Service::Logs => Some("Logs_20140328"),
            Service::States => Some("AWSStepFunctions"),
            Service::Iam | Service::Lambda | Service::Sts => None,
        }
    }

    /// The API version, known without the model.
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Service::Iam => "2010-05-08",
            Service::Lambda => "2015-03-31",
            Service::Logs => "2014-03-28",
            Service::States => "2016-11-23",
            Service::Sts => "2011-06-15",
        }
    }

    pub(crate) fn is_query(self) -> bool {
        matches!(self, Service::Iam | Service::Sts)
    }
}
