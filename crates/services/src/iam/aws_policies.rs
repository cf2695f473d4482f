//! The managed policies of AWS, as data: `models/managed-policies.json`, one a line.

use std::sync::LazyLock;

use asl::time::Timestamp;
use serde::Deserialize;

use super::managed_policy::{ManagedPolicy, Version};

/// What stands for the account in their ARNs.
pub(super) const ACCOUNT: &str = "aws";
/// How their ARNs begin.
pub(super) const PREFIX: &str = "arn:aws:iam::aws:policy/";
/// How the ARNs begin of those that only service-linked roles have.
pub(super) const SERVICE_LINKED: &str = "arn:aws:iam::aws:policy/aws-service-role/";

static TEXT: &str = include_str!("../../../../models/managed-policies.json");

/// All that a line holds before the document, which may be long.
#[derive(Debug, Deserialize)]
struct Head {
    name: String,
    path: String,
    id: String,
    version: u32,
    created: String,
    updated: String,
}

struct Line {
    head: Head,
    document: &'static str,
}

/// What stands between the head and the document of a line, and after the document.
const DOCUMENT: &str = ",\"document\":";
const END: &str = "}";

/// Sorted by name, as the file is. Read when first asked for: some ten milliseconds.
static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| TEXT.lines().filter_map(line).collect());

fn line(text: &'static str) -> Option<Line> {
    let (head, document) = text.split_once(DOCUMENT)?;
    Some(Line {
        head: serde_json::from_str(&format!("{head}{END}")).ok()?,
        document: document.strip_suffix(END)?,
    })
}

impl Line {
    fn arn(&self) -> String {
        let Head { path, name, .. } = &self.head;
        format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}")
    }

    /// As a managed policy with the one version that is known, its default.
    fn policy(&self) -> ManagedPolicy {
        let head = &self.head;
        let time = |text| Timestamp::parse_rfc3339(text).map_or(0, |time| time.0);
        ManagedPolicy {
            name: head.name.clone(),
            path: head.path.clone(),
            id: head.id.clone(),
            arn: self.arn(),
            description: None,
            created_ms: time(&head.created),
            updated_ms: time(&head.updated),
            tags: Vec::new(),
            default_version: head.version,
            last_version: head.version,
            versions: vec![Version {
                number: head.version,
                created_ms: time(&head.updated),
                document: self.document.into(),
            }],
        }
    }
}

/// The policy of AWS with this ARN.
pub(super) fn find(arn: &str) -> Option<ManagedPolicy> {
    let name = arn.rsplit('/').next()?;
    let at = LINES.binary_search_by(|line| line.head.name.as_str().cmp(name));
    let line = LINES.get(at.ok()?)?;
    (line.arn() == arn).then(|| line.policy())
}

/// All of them, by name.
pub(super) fn all() -> impl Iterator<Item = ManagedPolicy> {
    LINES.iter().map(Line::policy)
}

#[cfg(test)]
mod tests;
