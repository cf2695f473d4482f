//! The setting `rate_limits`: buckets by operation, written out or AWS's.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The word for AWS's own numbers: the whole setting, or under [`BASE`] beside one's own numbers.
const AWS_WORD: &str = "aws";
/// The key of a table that says which numbers hold for operations it does not name.
const BASE: &str = "base";

/// How often operations may be called.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct RateLimits {
    /// Whether AWS's numbers hold for operations of Step Functions that are not named.
    pub is_aws: bool,
    /// By operation: `StartExecution` of Step Functions, `lambda:Invoke` of another service.
    pub named: BTreeMap<String, Rate>,
}

/// The bucket of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    /// Calls that may come at once.
    pub bucket: u32,
    /// Calls a second that may come for long.
    pub refill_per_second: f64,
    /// A bucket of their own for Express state machines; without it both kinds have one.
    pub express: Option<Bucket>,
}

/// The size of a bucket and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bucket {
    /// Calls that may come at once.
    pub bucket: u32,
    /// Calls a second that may come for long.
    pub refill_per_second: f64,
}

impl Rate {
    /// The bucket of all, or of Standard state machines where Express ones have their own.
    pub(super) fn main(self) -> Bucket {
        Bucket {
            bucket: self.bucket,
            refill_per_second: self.refill_per_second,
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, then {}/s", self.bucket, self.refill_per_second)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.main())?;
        match self.express {
            Some(express) => write!(f, " (Express {express})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.is_aws.then(|| "AWS's".to_owned());
        let named = self.named.iter().map(|(key, rate)| format!("{key} {rate}"));
        let all: Vec<String> = base.into_iter().chain(named).collect();
        match all.is_empty() {
            true => f.write_str("calls are not limited"),
            false => f.write_str(&all.join("; ")),
        }
    }
}

impl<'de> Deserialize<'de> for RateLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads a word or a table.
struct Reader;

fn of_word<E: Error>(word: &str, place: &str) -> Result<RateLimits, E> {
    match word {
        AWS_WORD => Ok(RateLimits {
            is_aws: true,
            named: BTreeMap::new(),
        }),
        _ => Err(E::custom(format!(
            "{place}`{word}` is no word for it; the only one is `{AWS_WORD}`, for AWS's numbers"
        ))),
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = RateLimits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the word \"{AWS_WORD}\", or a table of operations such as `StartExecution = {{ \
             bucket = 1300, refill_per_second = 300 }}`"
        )
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<RateLimits, E> {
        of_word(word, "")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RateLimits, A::Error> {
        let mut limits = RateLimits::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == BASE {
                let word: String = map.next_value()?;
                limits.is_aws = of_word::<A::Error>(&word, "`base`: ")?.is_aws;
            } else {
                limits.named.insert(key, map.next_value()?);
            }
        }
        Ok(limits)
    }
}

/// AWS's numbers for an operation of Step Functions.
pub(super) struct OfAws {
    pub operation: &'static str,
    /// In the Regions of [`LARGE_REGIONS`].
    pub large: Bucket,
    /// In all others.
    pub other: Bucket,
    /// Of Express state machines, where they have a bucket of their own.
    pub express: Option<Bucket>,
}

/// Where AWS grants more.
pub(super) const LARGE_REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// Every operation but StartSyncExecution, which AWS bounds by capacity and not by a bucket.
///
/// Source: Step Functions developer guide, "Quotas related to API action throttling" and "Other
/// quotas".
pub(super) const AWS: &[OfAws] = &[
    OfAws {
        express: Some(of(6_000, 6_000.0)),
        ..regional("StartExecution", of(1_300, 300.0), of(800, 150.0))
    },
    regional("RedriveExecution", of(1_300, 300.0), of(800, 150.0)),
    regional("StopExecution", of(1_000, 200.0), of(500, 25.0)),
    regional("DescribeExecution", of(300, 15.0), of(250, 10.0)),
    regional("ListExecutions", of(200, 5.0), of(100, 2.0)),
    regional("GetActivityTask", of(3_000, 500.0), of(1_500, 300.0)),
    regional("SendTaskSuccess", of(3_000, 500.0), of(1_500, 300.0)),
    regional("SendTaskFailure", of(3_000, 500.0), of(1_500, 300.0)),
    regional("SendTaskHeartbeat", of(3_000, 500.0), of(1_500, 300.0)),
    regional("ListActivities", of(100, 10.0), of(100, 5.0)),
    everywhere("GetExecutionHistory", of(400, 20.0)),
    everywhere("DescribeStateMachine", of(200, 20.0)),
    everywhere("DescribeActivity", of(200, 1.0)),
    everywhere("DescribeMapRun", of(200, 1.0)),
    everywhere("DescribeStateMachineAlias", of(200, 1.0)),
    everywhere("DescribeStateMachineForExecution", of(200, 1.0)),
    everywhere("TagResource", of(200, 1.0)),
    everywhere("UntagResource", of(200, 1.0)),
    everywhere("ListStateMachines", of(100, 5.0)),
    everywhere("ListMapRuns", of(100, 1.0)),
    everywhere("ListTagsForResource", of(100, 1.0)),
    everywhere("ListStateMachineAliases", of(100, 1.0)),
    everywhere("ListStateMachineVersions", of(100, 1.0)),
    everywhere("CreateActivity", of(100, 1.0)),
    everywhere("CreateStateMachine", of(100, 1.0)),
    everywhere("CreateStateMachineAlias", of(100, 1.0)),
    everywhere("DeleteActivity", of(100, 1.0)),
    everywhere("DeleteStateMachine", of(100, 1.0)),
    everywhere("DeleteStateMachineAlias", of(100, 1.0)),
    everywhere("DeleteStateMachineVersion", of(100, 1.0)),
    everywhere("PublishStateMachineVersion", of(100, 1.0)),
    everywhere("UpdateMapRun", of(100, 1.0)),
    everywhere("UpdateStateMachine", of(100, 1.0)),
    everywhere("UpdateStateMachineAlias", of(100, 1.0)),
    everywhere("ValidateStateMachineDefinition", of(100, 1.0)),
    everywhere("TestState", of(1, 1.0)),
];

const fn of(bucket: u32, refill_per_second: f64) -> Bucket {
    Bucket {
        bucket,
        refill_per_second,
    }
}

const fn regional(operation: &'static str, large: Bucket, other: Bucket) -> OfAws {
    OfAws {
        operation,
        large,
        other,
        express: None,
    }
}

const fn everywhere(operation: &'static str, bucket: Bucket) -> OfAws {
    regional(operation, bucket, bucket)
}
