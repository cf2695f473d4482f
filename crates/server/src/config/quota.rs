//! AWS's quotas that are settings here, and what AWS makes of a wish for more.
//!
//! Source: Step Functions developer guide, "Step Functions service quotas".

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::Config;

/// One of AWS's quotas.
pub(crate) struct Quota {
    /// The setting.
    pub name: &'static str,
    /// AWS's number, which is the setting's default.
    pub aws: u64,
    /// How far AWS raises it on request.
    pub raised_to: Raised,
    /// What the setting says.
    pub of: fn(&Config) -> u64,
}

/// How far AWS raises a quota on request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raised {
    Never,
    UpTo(u64),
    /// AWS names no bound.
    Unbounded,
}

/// Every setting that is one of AWS's quotas.
pub(crate) const QUOTAS: &[Quota] = &[
    fixed("retention_days", 90, |it| it.retention_days.into()),
    fixed("payload_bytes_max", 262_144, |it| {
        it.payload_bytes_max.into()
    }),
    fixed("variables_bytes_max", 10 * 1024 * 1024, |it| {
        it.variables_bytes_max.into()
    }),
    fixed("history_events_max", 25_000, |it| {
        it.history_events_max.into()
    }),
    fixed("map_concurrency_max", 40, |it| {
        it.map_concurrency_max.into()
    }),
    fixed("express_seconds_max", 300, |it| it.express_seconds_max),
    fixed("pollers_per_activity_max", 1_000, |it| {
        count(it.pollers_per_activity_max)
    }),
    fixed("tags_max", 50, |it| count(it.tags_max)),
    Quota {
        name: "open_executions_max",
        aws: 1_000_000,
        raised_to: Raised::Unbounded,
        of: |it| it.open_executions_max,
    },
    Quota {
        name: "state_machines_max",
        aws: 100_000,
        raised_to: Raised::UpTo(150_000),
        of: |it| count(it.state_machines_max),
    },
    Quota {
        name: "activities_max",
        aws: 100_000,
        raised_to: Raised::UpTo(150_000),
        of: |it| count(it.activities_max),
    },
    Quota {
        name: "versions_max",
        aws: 1_000,
        raised_to: Raised::Unbounded,
        of: |it| count(it.versions_max),
    },
    Quota {
        name: "aliases_max",
        aws: 100,
        raised_to: Raised::Unbounded,
        of: |it| count(it.aliases_max),
    },
];

const fn fixed(name: &'static str, aws: u64, of: fn(&Config) -> u64) -> Quota {
    Quota {
        name,
        aws,
        raised_to: Raised::Never,
        of,
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Refuses what AWS would not grant.
pub(super) fn check(config: &Config) -> Result<()> {
    for quota in QUOTAS {
        let (name, value) = (quota.name, (quota.of)(config));
        let most = match quota.raised_to {
            Raised::Never => quota.aws,
            Raised::UpTo(most) => most,
            Raised::Unbounded => continue,
        };
        if value > most {
            bail!(
                "`{name}` is {value}, and AWS grants no more than {most}; lower it, or unset \
                 `strict`"
            );
        }
    }
    Ok(())
}

/// The settings with AWS's numbers, as `--help` shows them.
pub(crate) fn help() -> String {
    let mut help =
        "Limits, in the file or as LOCKSTEP_ variables [default: AWS's numbers]:".to_owned();
    for quota in QUOTAS {
        let raised = match quota.raised_to {
            Raised::Never => String::new(),
            Raised::UpTo(most) => format!("; AWS raises it to {most}"),
            Raised::Unbounded => "; AWS raises it on request".to_owned(),
        };
        let _ = write!(help, "\n  {:<26}{}{raised}", quota.name, quota.aws);
    }
    help.push_str(
        "\n  strict = true refuses to start with more than AWS would grant.\n  rate_limits = \
         \"aws\" throttles operations as AWS does, a table in the file as it says;\n  without it \
         nothing is throttled.",
    );
    help
}
