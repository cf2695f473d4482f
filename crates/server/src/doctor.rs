//! `lockstep doctor`: what this machine has, what the store holds, and what to do about the rest.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use functions::sandbox::State;
use store::{Sqlite, SqliteLines, Store};

use crate::config::{self, Config, QUOTAS};
use crate::identity;
use crate::sandbox;

/// Exit code when something is wrong.
const UNWELL: u8 = 1;

/// Executions read at once.
const PAGE: usize = 1_000;
/// Damaged executions listed; with more, a restore is due anyway.
const PROBLEMS_MAX: usize = 20;

/// One line of the report.
enum Finding {
    Good(String),
    /// Works, but not everything will.
    Notice(String),
    /// Must be mended.
    Bad(String),
}

/// Prints what was found. Changes nothing; the store is only opened where there is one.
pub(crate) fn run(config: &Config, out: &mut dyn Write) -> Result<ExitCode> {
    writeln!(out, "lockstep {}", env!("CARGO_PKG_VERSION"))?;
    let mut findings = vec![listen(config), limits(config), rates(config)];
    let slips = config::slips().into_iter();
    findings.extend(slips.map(|slip| Finding::Notice(format!("settings: {slip}"))));
    findings.extend(runtimes());
    findings.extend(store(&config.data));
    findings.extend(logs(&config.data));
    findings.extend(identity(config));
    findings.extend(sandbox(config));
    let mut unwell = false;
    for finding in findings {
        let (mark, text) = match finding {
            Finding::Good(text) => ("ok  ", text),
            Finding::Notice(text) => ("note", text),
            Finding::Bad(text) => {
                unwell = true;
                ("BAD ", text)
            }
        };
        writeln!(out, "{mark}  {text}")?;
    }
    Ok(if unwell {
        ExitCode::from(UNWELL)
    } else {
        ExitCode::SUCCESS
    })
}

fn listen(config: &Config) -> Finding {
    match TcpListener::bind(config.listen) {
        Ok(_) => Finding::Good(format!("port: {} is free", config.listen)),
        Err(error) => Finding::Notice(format!(
            "port: {} cannot be taken ({error}); a server runs there already, or choose --listen",
            config.listen
        )),
    }
}

/// The limits that are not AWS's numbers: a workflow may run here and fail there, or the other way.
fn limits(config: &Config) -> Finding {
    let others: Vec<String> = QUOTAS
        .iter()
        .filter(|quota| (quota.of)(config) != quota.aws)
        .map(|quota| {
            format!(
                "{} = {} (AWS: {})",
                quota.name,
                (quota.of)(config),
                quota.aws
            )
        })
        .collect();
    let mode = match config.strict {
        true => "; strict: none is higher than AWS grants",
        false => "",
    };
    match others.is_empty() {
        true => Finding::Good(format!("limits: all {} are AWS's{mode}", QUOTAS.len())),
        false => Finding::Notice(format!("limits: {}{mode}", others.join(", "))),
    }
}

fn rates(config: &Config) -> Finding {
    let limits = config.rate_limits.clone().unwrap_or_default();
    Finding::Good(format!("rates: {limits}"))
}

fn runtimes() -> Vec<Finding> {
    functions::probe::findings()
        .into_iter()
        .map(|finding| match &finding.interpreter {
            Ok(_) => Finding::Good(format!("functions: {finding}")),
            Err(_) => Finding::Notice(format!("functions: {finding}")),
        })
        .collect()
}

/// What functions are kept from, layer by layer.
fn sandbox(config: &Config) -> Vec<Finding> {
    let layers = match sandbox::layers(config) {
        Ok(layers) => layers,
        Err(error) => return vec![Finding::Bad(format!("sandbox: {error}"))],
    };
    let mut findings: Vec<Finding> = layers
        .into_iter()
        .map(|(layer, is_demanded)| match (&layer.state, is_demanded) {
            (State::Active, _) => Finding::Good(format!("sandbox: {layer}")),
            (State::Missing(_), false) => Finding::Notice(format!("sandbox: {layer}")),
            (State::Missing(_), true) => Finding::Bad(format!(
                "sandbox: {layer}; `serve` refuses to start: {}",
                sandbox::REMEDY
            )),
        })
        .collect();
    findings.push(Finding::Good(match config.function_network.as_str() {
        "none" => "function network: functions reach Lockstep and nothing else".to_owned(),
        _ => "function network: functions reach what this machine does; \
              `function_network = \"none\"` leaves them Lockstep only"
            .to_owned(),
    }));
    findings
}

/// Who is believed to be who, what is enforced, and whether the files with secrets are private.
fn identity(config: &Config) -> Vec<Finding> {
    let replays = match config.refuse_replays {
        None => "taken once by `serve`, and by `dev` as often as they come",
        Some(true) => "taken once",
        Some(false) => "taken as often as they come",
    };
    let data_calls = match config.audit_data_calls {
        true => "all calls",
        false => "management calls and denials, no data calls",
    };
    let mut findings = vec![
        Finding::Good(
            "identity: IAM decides every call, and every task as its role; `serve` verifies every \
             signature, `dev` on loopback takes any other key than IAM's for the root user's"
                .to_owned(),
        ),
        Finding::Good(format!(
            "signatures: they count for {} seconds; management calls that change something are \
             {replays}",
            config.clock_skew_seconds
        )),
        Finding::Good(format!(
            "audit log: {data_calls}, kept for {} days",
            config.audit_retention_days
        )),
    ];
    let root = identity::root_credentials_file(config);
    let root_problem = identity::problem(&root);
    let master = identity::master_key_file(config);
    let master_problem = identity::problem(&master).or_else(|| another_key(config));
    for (what, file, problem) in [
        ("root user's key", root, root_problem),
        ("master key", master, master_problem),
    ] {
        let name = file.display();
        findings.push(match (problem, file.exists()) {
            (Some(problem), _) => Finding::Bad(format!("{what}: {problem}")),
            (None, true) => Finding::Good(format!("{what}: `{name}` is private")),
            (None, false) => Finding::Good(format!("{what}: none in `{name}` yet")),
        });
    }
    if !config.is_on_loopback() {
        findings.push(Finding::Notice(format!(
            "transport: {} is plain HTTP and not this machine's alone; put it behind a proxy that \
             speaks TLS",
            config.listen
        )));
    }
    findings
}

/// Why the master key does not open what this store has sealed. A store that can't be opened tells
/// that itself.
fn another_key(config: &Config) -> Option<String> {
    if !Sqlite::exists(&config.data) {
        return None;
    }
    let store = Sqlite::open(&config.data).ok()?;
    let seal = identity::seal_of(config, &store);
    seal.err().map(|error| format!("{error:#}"))
}

fn store(data: &Path) -> Vec<Finding> {
    let place = data.display();
    if !Sqlite::exists(data) {
        return vec![Finding::Good(format!(
            "store: none at {place} yet; the server makes it"
        ))];
    }
    let checked = match Sqlite::open(data) {
        Ok(store) => store.check().and_then(|mut found| {
            found.problems.extend(journals(&store)?);
            Ok(found)
        }),
        Err(locked @ store::Error::Locked { .. }) => {
            let text = format!("store: {locked}; it is not checked while that server runs");
            return vec![Finding::Notice(text)];
        }
        Err(error) => return vec![Finding::Bad(format!("store: {error}"))],
    };
    match checked {
        Ok(found) if found.problems.is_empty() => vec![Finding::Good(format!(
            "store: {place} is sound: {} executions, {} waiting, {} documents, {} definitions, \
             {} bytes",
            found.executions, found.wake_ups, found.documents, found.definitions, found.bytes
        ))],
        Ok(found) => {
            found
                .problems
                .into_iter()
                .map(|problem| Finding::Bad(format!("store: {problem}")))
        }
        .collect(),
        Err(error) => vec![Finding::Bad(format!("store: {error}"))],
    }
}

/// The audit log, metrics, log events and Express executions, where there are any.
fn logs(data: &Path) -> Vec<Finding> {
    if !SqliteLines::exists(data) {
        return Vec::new();
    }
    let checked = match SqliteLines::open(data) {
        // The store says so already.
        Err(store::Error::Locked { .. }) => return Vec::new(),
        opened => opened.and_then(|lines| lines.check()),
    };
    match checked {
        Ok(found) if found.problems.is_empty() => vec![Finding::Good(format!(
            "logs: {} is sound: {} lines of the audit log and of metrics, {} log events, {} \
             Express executions",
            data.join("lines.db").display(),
            found.lines,
            found.events,
            found.runs
        ))],
        Ok(found) => {
            let bad = |problem| Finding::Bad(format!("logs: {problem}"));
            found.problems.into_iter().map(bad).collect()
        }
        Err(error) => vec![Finding::Bad(format!("logs: {error}"))],
    }
}

/// Folds every execution's journal; answers the executions that can't be, each with the record at
/// fault.
fn journals(store: &Sqlite) -> store::Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut after = None;
    loop {
        let page = store.executions(after, PAGE)?;
        for entity in &page {
            if let Err(error) = engine::journal::load(store, *entity) {
                problems.push(error.to_string());
            }
            if problems.len() == PROBLEMS_MAX {
                problems.push("more executions are damaged; the first are listed".to_owned());
                return Ok(problems);
            }
        }
        match page.last() {
            Some(last) => after = Some(*last),
            None => return Ok(problems),
        }
    }
}

#[cfg(test)]
mod tests;
