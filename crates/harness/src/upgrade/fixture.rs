//! Fixture files, and the build that wrote them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use asl::apply::apply;
use asl::event::{Event, EventKind, Failure};
use asl::history;
use asl::run::Run;
use asl::token;
use engine::ExecutionStatus;
use store::Memory;

use crate::cases::{Commit, File, Journal, play};

/// An execution that is half-way.
pub(super) struct Execution {
    pub(super) name: String,
    pub(super) definition: String,
    /// Given out, and to be used.
    pub(super) token: Option<String>,
    /// What it waits for, in milliseconds since the epoch.
    due_ms: Option<i64>,
    pub(super) journal: Journal,
    pub(super) recorded: Vec<String>,
    pub(super) continued: Vec<String>,
}

impl Execution {
    /// A store with this execution and what it waits for.
    pub(super) fn store(&self) -> Memory {
        let run = self.journal.load().expect("records of a known format").run;
        let program = super::Definition(self.definition.clone());
        let program = engine::Definitions::program(&program, 1).unwrap();
        let owes_calls = !run.owed_calls(&program).is_empty();
        assert_eq!(
            due_ms(&run),
            self.due_ms,
            "{}: delays stay as recorded",
            self.name
        );
        self.journal
            .store(ExecutionStatus::from(run.status), self.due_ms, owes_calls)
    }
}

/// The wake-up row's time.
fn due_ms(run: &Run) -> Option<i64> {
    let due = if run.is_yielded() {
        Some(run.time)
    } else {
        run.deadline()
    };
    due.map(|at| at.0)
}

/// What that build did otherwise: other texts, and everything seven seconds later.
fn as_another_build(event: &Event) -> Event {
    let reword = |failure: &Failure| Failure {
        cause: failure.cause.as_ref().map(|cause| {
            let text = cause.replace(
                "An error occurred while executing the state",
                "In the state",
            );
            text.replace(
                "exceeding the maximum number of bytes service limit",
                "over the limit",
            )
            .into()
        }),
        ..failure.clone()
    };
    let kind = match &event.kind {
        EventKind::TaskFailed { state, failure } => EventKind::TaskFailed {
            state: *state,
            failure: reword(failure),
        },
        EventKind::ExecutionFailed(failure) => EventKind::ExecutionFailed(reword(failure)),
        EventKind::WaitUntil { until } => EventKind::WaitUntil {
            until: until.plus_seconds(7),
        },
        EventKind::RetryAt {
            retrier,
            retries,
            until,
        } => EventKind::RetryAt {
            retrier: *retrier,
            retries: *retries,
            until: until.plus_seconds(7),
        },
        kind => kind.clone(),
    };
    Event {
        kind,
        ..event.clone()
    }
}

/// The executions of a case file, as the other build would have left them.
pub(super) fn halfway(path: &Path) -> Vec<Execution> {
    let file = File::parse(&fs::read_to_string(path).unwrap()).unwrap();
    let halfway = |case| {
        let played = play(case);
        let program = Arc::clone(&played.last.program);
        let commits: Vec<Commit> = played
            .steps
            .iter()
            .filter_map(|step| step.commit.as_ref())
            .map(|commit| Commit {
                time: commit.time,
                events: commit.events.iter().map(as_another_build).collect(),
            })
            .collect();
        let mut run = Run::default();
        let mut recorded = Vec::new();
        for Commit { time, events } in &commits {
            for event in events {
                apply(&mut run, *time, event);
                let start = run.start.as_ref().unwrap();
                let shown = history::render(&program, start, *time, event, true);
                recorded.extend(shown.map(|shown| shown.to_text()));
            }
        }
        let start = run.start.as_ref().unwrap();
        let calling = run.branches.iter().find_map(|thread| thread.calling());
        let waiting = calling.filter(|(_, call)| call.submitted.is_some());
        Execution {
            name: case.name.clone(),
            definition: case.definition.clone(),
            due_ms: due_ms(&run),
            token: waiting.map(|(_, call)| token::mint(start, call.attempt)),
            journal: Journal::of(commits.iter()),
            recorded,
            continued: Vec::new(),
        }
    };
    file.cases.iter().map(halfway).collect()
}

pub(super) fn to_text(executions: &[Execution]) -> String {
    let mut text = String::new();
    for execution in executions {
        let Execution {
            name,
            definition,
            token,
            due_ms,
            journal,
            recorded,
            continued,
        } = execution;
        let _ = writeln!(
            text,
            "=== {name}\n--- definition\n{definition}\n--- journal"
        );
        if let Some(token) = token {
            let _ = writeln!(text, "token {token}");
        }
        if let Some(due_ms) = due_ms {
            let _ = writeln!(text, "due {due_ms}");
        }
        for record in &journal.records {
            let hex: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(text, "record {hex}");
        }
        for (part, lines) in [("recorded", recorded), ("continued", continued)] {
            let _ = writeln!(text, "--- {part}");
            lines
                .iter()
                .for_each(|line| text.push_str(&format!("{line}\n")));
        }
    }
    text
}

pub(super) fn parse(text: &str) -> Vec<Execution> {
    let sections = text.split("=== ").skip(1);
    sections
        .map(|section| execution(section).expect("the form the module tells"))
        .collect()
}

fn execution(section: &str) -> Option<Execution> {
    let (name, rest) = section.split_once("\n--- definition\n")?;
    let (definition, rest) = rest.split_once("\n--- journal\n")?;
    let (journal, rest) = rest.split_once("\n--- recorded\n")?;
    let (recorded, continued) = rest.split_once("--- continued\n")?;
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    let after = |word| {
        journal
            .lines()
            .filter_map(move |line| line.strip_prefix(word))
    };
    Some(Execution {
        name: name.to_owned(),
        definition: definition.to_owned(),
        token: after("token ").next().map(str::to_owned),
        due_ms: after("due ").next().and_then(|due| due.parse().ok()),
        journal: Journal {
            records: after("record ").map(bytes).collect::<Option<_>>()?,
        },
        recorded: lines(recorded),
        continued: lines(continued),
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}
