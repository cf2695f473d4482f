//! The models embedded in this build.
//!
//! Not every service with a model is served. [`Service`] names those that are, [`Embedded`] all
//! whose shapes are known: the others are called by Tasks, or stand for their answers in TestState.

use std::sync::LazyLock;

use crate::model::{Error, Model, Protocol};

/// A service that this server answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    CloudTrail,
    CloudWatch,
    Iam,
    /// Explains denials. It signs as `iam` and is told apart from it by its paths.
    IamToolbox,
    Lambda,
    /// What AWS has no call for: Express executions and their histories, concurrency limits.
    Lockstep,
    Logs,
    States,
    Sts,
}

/// A service whose model is in this build, served or not.
#[derive(Debug)]
pub struct Embedded {
    /// Name of the model's file, and of the service in our own lists: `iam-toolbox`. But for that
    /// one it is the signing name.
    pub name: &'static str,
    /// Name in credential scopes and IAM actions: `states`.
    pub signing_name: &'static str,
    /// The service as resources of the form `aws-sdk:<service>:<action>` name it: `sfn`; empty for
    /// what no SDK has.
    pub sdk_id: &'static str,
    /// The server's side of it.
    pub served: Option<Service>,
    model: Loaded,
    /// The model as it is in further protocols, for who is called in them.
    others: &'static [(Protocol, &'static Loaded)],
}

type Loaded = LazyLock<Result<Model, Error>>;

/// One entry of the table. The text is parsed at the first call of [`Embedded::model`]: none of a
/// server's start, and no memory but that of the binary, for a service that nobody calls.
macro_rules! embedded {
    ($file:literal, $sdk_id:literal, $served:expr) => {
        embedded!($file, $file, $sdk_id, $served)
    };
    ($file:literal, $signing_name:literal, $sdk_id:literal, $served:expr) => {
        Embedded {
            name: $file,
            signing_name: $signing_name,
            sdk_id: $sdk_id,
            served: $served,
            model: LazyLock::new(|| {
                Model::parse(include_str!(concat!("../../../models/", $file, ".json")))
            }),
            others: &[],
        }
    };
}

const CLOUDWATCH_TEXT: &str = include_str!("../../../models/monitoring.json");

/// Of its protocols the one that everything compatible with AWS knows comes first: we call it so.
static CLOUDWATCH: Embedded = Embedded {
    name: "monitoring",
    signing_name: "monitoring",
    sdk_id: "cloudwatch",
    served: Some(Service::CloudWatch),
    model: LazyLock::new(|| Model::speaking(Protocol::Query, CLOUDWATCH_TEXT)),
    others: &[
        (Protocol::Cbor, &CLOUDWATCH_CBOR),
        (Protocol::Json10, &CLOUDWATCH_JSON),
    ],
};
static CLOUDWATCH_CBOR: Loaded = LazyLock::new(|| Model::speaking(Protocol::Cbor, CLOUDWATCH_TEXT));
static CLOUDWATCH_JSON: Loaded =
    LazyLock::new(|| Model::speaking(Protocol::Json10, CLOUDWATCH_TEXT));

static CLOUDTRAIL: Embedded = embedded!("cloudtrail", "cloudtrail", Some(Service::CloudTrail));
static IAM: Embedded = embedded!("iam", "iam", Some(Service::Iam));
static IAM_TOOLBOX: Embedded = embedded!(
    "iam-toolbox",
    "iam",
    "iamtoolbox",
    Some(Service::IamToolbox)
);
static LAMBDA: Embedded = embedded!("lambda", "lambda", Some(Service::Lambda));
static LOCKSTEP: Embedded = embedded!("lockstep", "", Some(Service::Lockstep));
static LOGS: Embedded = embedded!("logs", "cloudwatchlogs", Some(Service::Logs));
static STATES: Embedded = embedded!("states", "sfn", Some(Service::States));
static STS: Embedded = embedded!("sts", "sts", Some(Service::Sts));
static DYNAMODB: Embedded = embedded!("dynamodb", "dynamodb", None);
static EVENTS: Embedded = embedded!("events", "eventbridge", None);
static S3: Embedded = embedded!("s3", "s3", None);
static SNS: Embedded = embedded!("sns", "sns", None);
static SQS: Embedded = embedded!("sqs", "sqs", None);

static ALL: [&Embedded; 14] = [
    &CLOUDTRAIL,
    &DYNAMODB,
    &EVENTS,
    &IAM,
    &IAM_TOOLBOX,
    &LAMBDA,
    &LOCKSTEP,
    &LOGS,
    &CLOUDWATCH,
    &S3,
    &SNS,
    &SQS,
    &STATES,
    &STS,
];

impl Embedded {
    /// Every embedded model, sorted by name.
    #[must_use]
    pub fn all() -> &'static [&'static Embedded] {
        &ALL
    }

    /// The service of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Embedded> {
        ALL.into_iter().find(|known| known.name == name)
    }

    /// The service of a credential scope; of `iam` IAM itself.
    #[must_use]
    pub fn of_signing_name(name: &str) -> Option<&'static Embedded> {
        ALL.into_iter().find(|known| known.signing_name == name)
    }

    /// The service of a resource of the form `aws-sdk:<id>:<action>`.
    #[must_use]
    pub fn of_sdk_id(id: &str) -> Option<&'static Embedded> {
        ALL.into_iter()
            .find(|known| known.sdk_id == id && !id.is_empty())
    }

    /// The service's model, compiled at the first call (some milliseconds) and kept.
    ///
    /// # Errors
    /// [`Error`] when the file in this build is broken; then every call says so.
    pub fn model(&'static self) -> Result<&'static Model, &'static Error> {
        LazyLock::force(&self.model).as_ref()
    }

    /// The model in each protocol that the service speaks.
    pub fn models(&'static self) -> impl Iterator<Item = Result<&'static Model, &'static Error>> {
        let others = self.others.iter().map(|(_, model)| *model);
        std::iter::once(&self.model)
            .chain(others)
            .map(|model| LazyLock::force(model).as_ref())
    }

    /// The model as it is in `protocol`; where the service doesn't speak that, in its own.
    ///
    /// # Errors
    /// As [`Embedded::model`].
    pub fn model_in(&'static self, protocol: Protocol) -> Result<&'static Model, &'static Error> {
        let mut others = self.others.iter();
        match others.find(|(other, _)| *other == protocol) {
            Some((_, model)) => LazyLock::force(model).as_ref(),
            None => self.model(),
        }
    }
}

impl Service {
    /// All served services.
    pub const ALL: [Service; 9] = [
        Service::CloudTrail,
        Service::CloudWatch,
        Service::Iam,
        Service::IamToolbox,
        Service::Lambda,
        Service::Lockstep,
        Service::Logs,
        Service::States,
        Service::Sts,
    ];

    /// The service's entry among the embedded models.
    #[must_use]
    pub fn embedded(self) -> &'static Embedded {
        match self {
            Service::CloudTrail => &CLOUDTRAIL,
            Service::CloudWatch => &CLOUDWATCH,
            Service::Iam => &IAM,
            Service::IamToolbox => &IAM_TOOLBOX,
            Service::Lambda => &LAMBDA,
            Service::Lockstep => &LOCKSTEP,
            Service::Logs => &LOGS,
            Service::States => &STATES,
            Service::Sts => &STS,
        }
    }

    /// The service's model, compiled at the first call (some milliseconds) and kept.
    ///
    /// # Errors
    /// [`Error`] when the file in this build is broken; then every call says so.
    pub fn model(self) -> Result<&'static Model, &'static Error> {
        self.embedded().model()
    }

    /// The service's name, which no other has: `iam-toolbox`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.embedded().name
    }

    /// Name in credential scopes and IAM actions.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        self.embedded().signing_name
    }

    /// The served service of a credential scope; of `iam` IAM itself.
    #[must_use]
    pub fn of_signing_name(name: &str) -> Option<Service> {
        Service::ALL
            .into_iter()
            .find(|service| service.signing_name() == name)
    }

    /// What precedes the dot in `X-Amz-Target`, or stands for the service in a path of `rpcv2Cbor`,
    /// known without the model.
    pub(crate) fn target_prefix(self) -> Option<&'static str> {
        match self {
            Service::CloudTrail => Some("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
            Service::CloudWatch => Some("GraniteServiceVersion20100801"),
            Service::Lockstep => Some("Lockstep"),
            Service::Logs => Some("Logs_20140328"),
            Service::States => Some("AWSStepFunctions"),
            Service::Iam | Service::IamToolbox | Service::Lambda | Service::Sts => None,
        }
    }

    /// The API version, known without the model.
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Service::CloudTrail => "2013-11-01",
            Service::CloudWatch => "2010-08-01",
            Service::Iam => "2010-05-08",
            Service::IamToolbox => "2018-05-10",
            Service::Lambda => "2015-03-31",
            Service::Lockstep => "2026-01-01",
            Service::Logs => "2014-03-28",
            Service::States => "2016-11-23",
            Service::Sts => "2011-06-15",
        }
    }

    pub(crate) fn speaks_cbor(self) -> bool {
        self == Service::CloudWatch
    }

    pub(crate) fn is_query(self) -> bool {
        matches!(self, Service::CloudWatch | Service::Iam | Service::Sts)
    }
}
