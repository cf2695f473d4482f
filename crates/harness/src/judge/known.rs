//! `conformance/iam/differences-from-judge.json`: why classes of differences are right, and how
//! often the gate's cases meet them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use json::Value;

use super::SEVERAL;
use super::dialect::DIFFERENCES;

pub(crate) struct Known {
    cases: u64,
    several: u64,
    differences: Vec<Entry>,
}

struct Entry {
    name: String,
    /// What AWS documents, and where.
    documented: String,
    /// What the judge does.
    judge: String,
    count: u64,
}

fn number(value: &Value, name: &str) -> Result<u64> {
    let number = value.get(name).and_then(Value::as_i64);
    number
        .and_then(|number| u64::try_from(number).ok())
        .with_context(|| format!("no number `{name}`"))
}

fn text(value: &Value, name: &str) -> Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("no text `{name}`"))
}

impl Known {
    pub(crate) fn read(file: &Path) -> Result<Known> {
        let read = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        let value = json::parse(&read).map_err(|error| anyhow!("{}: {error}", file.display()))?;
        let differences = value.get("differences").and_then(Value::as_array);
        let differences = differences.context("no list `differences`")?.iter();
        Ok(Known {
            cases: number(&value, "cases")?,
            several: number(&value, SEVERAL)?,
            differences: differences
                .map(|entry| {
                    Ok(Entry {
                        name: text(entry, "name")?,
                        documented: text(entry, "documented")?,
                        judge: text(entry, "judge")?,
                        count: number(entry, "count")?,
                    })
                })
                .collect::<Result<_>>()?,
        })
    }

    /// What of it isn't so. Counts are compared for the cases of the gate only.
    pub(crate) fn problems(
        &self,
        cases: u64,
        seed: u64,
        counts: &BTreeMap<&'static str, u64>,
    ) -> Vec<String> {
        let mut problems: Vec<String> = DIFFERENCES
            .iter()
            .filter(|class| self.differences.iter().all(|it| it.name != class.name))
            .map(|class| format!("`{}` has no reason in the file", class.name))
            .collect();
        let several = (SEVERAL, self.several);
        let known = self.differences.iter().map(|it| (&*it.name, it.count));
        for (name, count) in known.chain([several]) {
            let met = counts.get(name).copied().unwrap_or(0);
            let is_gate = (cases, seed) == (self.cases, 0);
            if is_gate && (met != count || met == 0) {
                problems.push(format!(
                    "`{name}` was met {met} times, the file says {count}: look why, then \
                     `judge --update` (a class that is met no more is removed)"
                ));
            }
        }
        problems
    }

    pub(crate) fn with_counts(mut self, cases: u64, counts: &BTreeMap<&'static str, u64>) -> Known {
        let met = |name: &str| counts.get(name).copied().unwrap_or(0);
        self.cases = cases;
        self.several = met(SEVERAL);
        for entry in &mut self.differences {
            entry.count = met(&entry.name);
        }
        self
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut out = format!("{{\n  \"cases\": {},\n", self.cases);
        let _ = write!(
            out,
            "  \"{SEVERAL}\": {},\n  \"differences\": [",
            self.several
        );
        for (index, entry) in self.differences.iter().enumerate() {
            let quoted = |text: &str| Value::from(text).to_text();
            let _ = write!(
                out,
                "{}\n    {{\n      \"name\": {},\n      \"count\": {},\n      \"documented\": \
                 {},\n      \"judge\": {}\n    }}",
                if index == 0 { "" } else { "," },
                quoted(&entry.name),
                entry.count,
                quoted(&entry.documented),
                quoted(&entry.judge),
            );
        }
        out.push_str("\n  ]\n}\n");
        std::fs::write(file, out).with_context(|| format!("cannot write `{}`", file.display()))
    }
}
