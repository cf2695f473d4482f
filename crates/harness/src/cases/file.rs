//! Case files: many cases, each with a definition and a run.

use asl::decide::Allowance;
use asl::event::{ExecutionKind, Start, Text};
use asl::limits::Limits;

use super::render::expand;

/// A file of cases. Written back it differs in the expected lines only.
pub(crate) struct File {
    /// What stands above the first case.
    preface: String,
    pub(crate) cases: Vec<Case>,
}

/// One execution.
pub(crate) struct Case {
    pub(crate) name: String,
    /// From `===` to `--- run`, as written.
    head: String,
    pub(crate) settings: Settings,
    /// The text of the definition.
    pub(crate) definition: String,
    pub(crate) blocks: Vec<Block>,
}

/// An input and what it must cause.
pub(crate) struct Block {
    /// Without the `> `.
    pub(crate) input: String,
    pub(crate) expected: Vec<String>,
}

/// What a case changes about how executions are usually started.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    /// The random bits of every decision.
    pub(crate) random: u64,
    pub(crate) allowance: Allowance,
    /// Of what an input causes, only how the execution ends is shown: for cases that judge values.
    pub(crate) shows_ends_only: bool,
    pub(crate) version_arn: Option<Text>,
    pub(crate) alias_arn: Option<Text>,
    pub(crate) kind: ExecutionKind,
    /// The state machine's concurrency limit is reached: what starts or is redriven is queued.
    pub(crate) queues: bool,
    /// ARNs of activities that do not exist.
    pub(crate) missing_activities: Vec<Text>,
    /// The state machine is deleted right after the execution has started.
    pub(crate) is_deleting: bool,
}

pub(crate) const EXECUTION_NAME: &str = "run";
pub(crate) const MACHINE_ARN: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:machine";
pub(crate) const EXECUTION_ARN: &str =
    "arn:aws:states:us-east-1:123456789012:execution:machine:run";
const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/machine";

impl File {
    pub(crate) fn parse(text: &str) -> Result<File, String> {
        let mut parts = text.split("\n=== ");
        let first = parts.next().unwrap_or_default();
        let (preface, first) = match first.strip_prefix("=== ") {
            Some(case) => (String::new(), Some(case)),
            None => (format!("{first}\n"), None),
        };
        let cases = first
            .into_iter()
            .chain(parts)
            .map(Case::parse)
            .collect::<Result<_, _>>()?;
        Ok(File { preface, cases })
    }

    pub(crate) fn to_text(&self) -> String {
        let cases: Vec<String> = self.cases.iter().map(Case::to_text).collect();
        format!("{}{}", self.preface, cases.join("\n"))
    }
}

impl Case {
    /// `text` begins behind the `=== ` of the case.
    fn parse(text: &str) -> Result<Case, String> {
        let name = text.lines().next().unwrap_or_default().to_owned();
        let missing = |what: &str| format!("case `{name}` has no `{what}`");
        let (head, run) = text
            .split_once("\n--- run\n")
            .ok_or_else(|| missing("--- run"))?;
        let (above, definition) = head
            .split_once("\n--- definition\n")
            .ok_or_else(|| missing("--- definition"))?;
        let settings = match above.split_once("\n--- settings\n") {
            Some((_, settings)) => {
                Settings::parse(settings).map_err(|why| format!("case `{name}`: {why}"))?
            }
            None => Settings::default(),
        };
        let mut blocks: Vec<Block> = Vec::new();
        for line in run.lines().filter(|line| !line.is_empty()) {
            match (line.strip_prefix("> "), blocks.last_mut()) {
                (Some(input), _) => {
                    blocks.push(Block {
                        input: input.to_owned(),
                        expected: Vec::new(),
                    });
                }
                (None, Some(block)) => block.expected.push(line.to_owned()),
                (None, None) => return Err(format!("case `{name}`: `{line}` before any input")),
            }
        }
        let definition = expand(definition);
        let head = format!("=== {head}\n--- run\n");
        Ok(Case {
            name,
            head,
            settings,
            definition,
            blocks,
        })
    }

    fn to_text(&self) -> String {
        let mut text = self.head.clone();
        for block in &self.blocks {
            text.push_str(&format!("> {}\n", block.input));
            block
                .expected
                .iter()
                .for_each(|line| text.push_str(&format!("{line}\n")));
        }
        text
    }

    /// No source tells what AWS does here.
    pub(crate) fn is_unverified(&self) -> bool {
        self.head
            .lines()
            .any(|line| line.starts_with("# unverified"))
    }

    /// What this case's execution starts with.
    pub(crate) fn start(&self, input_text: &str) -> Start {
        self.settings.start(&self.name, input_text)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: Limits::default(),
            random: 0,
            allowance: Allowance::Full,
            shows_ends_only: false,
            version_arn: None,
            alias_arn: None,
            kind: ExecutionKind::Standard,
            queues: false,
            missing_activities: Vec::new(),
            is_deleting: false,
        }
    }
}

impl Settings {
    /// What an execution starts with. `name` is for whoever has to find it.
    pub(crate) fn start(&self, name: &str, input_text: &str) -> Start {
        let input = json::parse(input_text)
            .unwrap_or_else(|error| panic!("{name}: `{input_text}`: {error}"));
        let is_compact = input.to_text() == input_text;
        Start {
            execution_arn: EXECUTION_ARN.into(),
            execution_name: EXECUTION_NAME.into(),
            state_machine_arn: MACHINE_ARN.into(),
            state_machine_name: "machine".into(),
            state_machine_version_arn: self.version_arn.clone(),
            state_machine_alias_arn: self.alias_arn.clone(),
            role_arn: ROLE_ARN.into(),
            definition: 1,
            input,
            input_text: (!is_compact).then(|| input_text.into()),
            trace_header: None,
            started_by: None,
            tags: None,
            mock_case: None,
            kind: self.kind,
            limits: self.limits,
            token_secret: *b"case-token-key-0",
        }
    }

    fn parse(text: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        for line in text.lines() {
            let (name, value) = line
                .split_once(' ')
                .ok_or(format!("`{line}` has no value"))?;
            let number = || {
                value
                    .parse::<u64>()
                    .map_err(|_| format!("`{value}`: a number"))
            };
            let limit = || u32::try_from(number()?).map_err(|_| format!("`{value}`: too large"));
            match name {
                "random" => settings.random = number()?,
                "allowance" if value == "inline" => settings.allowance = Allowance::Inline,
                "shown" if value == "ends" => settings.shows_ends_only = true,
                "starts" if value == "queued" => settings.queues = true,
                "missing_activity" => settings.missing_activities.push(value.into()),
                "machine" if value == "deleted" => settings.is_deleting = true,
                "kind" if value == "express" => settings.kind = ExecutionKind::Express,
                "kind" if value == "sync express" => settings.kind = ExecutionKind::SyncExpress,
                "kind" if value == "test" => settings.kind = ExecutionKind::Test,
                "version_arn" => settings.version_arn = Some(value.into()),
                "alias_arn" => settings.alias_arn = Some(value.into()),
                "payload_bytes_max" => settings.limits.payload_bytes_max = limit()?,
                "history_events_max" => settings.limits.history_events_max = limit()?,
                "map_concurrency_max" => settings.limits.map_concurrency_max = limit()?,
                "variables_bytes_max" => settings.limits.variables_bytes_max = limit()?,
                "transitions_per_decision_max" => {
                    settings.limits.transitions_per_decision_max = limit()?;
                }
                _ => return Err(format!("there is no setting `{name}`")),
            }
        }
        Ok(settings)
    }
}
