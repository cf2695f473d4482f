//! Time to be ready, memory of an idle server, and what is due after a start.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use asl::time::Timestamp;
use store::{Sqlite, Store as _};

use super::load::Load;
use super::payload::order_value;
use super::report::Table;
use super::rig::fill;
use super::server::{Server, create_machine, start_body};
use super::{Setting, progress};

const WAITING: u64 = 100_000;
const INPUT_BYTES: usize = 1_024;
/// Far ahead, and within the 2^31 - 1 seconds that a Wait may take.
const FAR_YEAR: &str = "2080";
/// The Wait of one execution ends this long after it began: while no server runs.
const DUE_SECONDS: u64 = 1;
/// An idle server has let go by then what its start took.
const IDLE_SECONDS: u64 = 3;
/// A timer that has not fired by then never will.
const FIRED_SECONDS_MAX: u64 = 30;
/// Rows read at once.
const WAITING_READ: usize = 4_096;
/// Starts of the server; the middle one is shown.
const STARTS: usize = 5;

const WAIT: &str = r#"{"StartAt":"Wait","States":{"Wait":{"Type":"Wait",
    "TimestampPath":"$.until","End":true}}}"#;

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    progress("ready: an empty store");
    let mut table = Table::new("Start and memory of the server");
    let empty = setting.data("ready-empty")?;
    let (ready, resident) = idle(&setting.server, &empty)?;
    table
        .row("ready to serve, empty store", "s", ready)
        .at_most(0.2);
    table
        .row("idle memory, empty store", "MB", resident)
        .at_most(30.0);

    let waiting = setting.scaled(WAITING);
    progress(&format!("ready: storing {waiting} waiting executions"));
    let data = setting.data("ready-waiting")?;
    let (machine, due) = fill_waiting(setting, &data, waiting)?;
    let server = Server::start(&setting.server, &data)?;
    let begun = Instant::now();
    let mut load = server.load(1)?;
    load.call(
        "StartExecution",
        &start_body(&machine, "after", &input_until(FAR_YEAR, 0)?),
    )?;
    let start_answer = server.ready.as_secs_f64() + begun.elapsed().as_secs_f64();
    wait_for_end(&mut load, &due)?;
    let fired = server.ready.as_secs_f64() + begun.elapsed().as_secs_f64();
    server.stop()?;
    let (ready, resident) = idle(&setting.server, &data)?;
    table
        .row(format!("ready to serve, {waiting} waiting"), "s", ready)
        .at_most(0.2);
    table
        .row(format!("idle memory, {waiting} waiting"), "MB", resident)
        .at_most(30.0);
    table
        .row("a timer due before the start fires after", "s", fired)
        .at_most(1.0);
    table
        .row("StartExecution answers after", "s", start_answer)
        .at_most(1.0);
    Ok(vec![table])
}

/// Starts a server a few times: seconds until it was ready (the middle one), and its memory in MB.
fn idle(server: &Path, data: &Path) -> Result<(f64, f64)> {
    let mut ready = Vec::new();
    for _ in 1..STARTS {
        let server = Server::start(server, data)?;
        ready.push(server.ready);
        server.stop()?;
    }
    let server = Server::start(server, data)?;
    ready.push(server.ready);
    std::thread::sleep(Duration::from_secs(IDLE_SECONDS));
    let resident = server.process.resident_bytes()? as f64 / 1e6;
    server.stop()?;
    ready.sort_unstable();
    let middle = ready.get(STARTS / 2).context("no start was measured")?;
    Ok((middle.as_secs_f64(), resident))
}

/// Puts executions into the store that wait for long, and one whose Wait is over when this returns:
/// the ARNs of the machine and of that one.
fn fill_waiting(setting: &Setting, data: &Path, count: u64) -> Result<(String, String)> {
    let server = Server::start(&setting.server, data)?;
    let machine = create_machine(&mut server.load(1)?, "waiting", WAIT)?;
    server.stop()?;
    fill(data, (&machine, WAIT), count, |machine, number| {
        let input = json::parse_lazy(input_until(FAR_YEAR, number)?.into())?;
        Ok(machine.request(&format!("waiting-{number}"), input))
    })?;
    check_waiting(data, count)?;
    let until = now()?.plus_seconds(DUE_SECONDS);
    let server = Server::start(&setting.server, data)?;
    let input = format!(r#"{{"until":"{until}"}}"#);
    let answer = server
        .load(1)?
        .call("StartExecution", &start_body(&machine, "due", &input))?;
    server.stop()?;
    std::thread::sleep(Duration::from_secs(2 * DUE_SECONDS));
    let answer = json::parse(&answer)?;
    let execution = answer.get("executionArn").and_then(json::Value::as_str);
    Ok((
        machine,
        execution
            .context("the answer has no executionArn")?
            .to_owned(),
    ))
}

/// Fails unless so many executions wait: figures of a store where they have ended would lie.
fn check_waiting(data: &Path, count: u64) -> Result<()> {
    let store = Sqlite::open(data)?;
    let (mut waiting, mut after) = (0, None);
    loop {
        let rows = store.wake_ups(after, WAITING_READ)?;
        let Some(last) = rows.last() else { break };
        after = Some(last.entity);
        waiting += rows.len() as u64;
    }
    ensure!(
        waiting == count,
        "{waiting} of {count} executions wait; the others have ended"
    );
    Ok(())
}

/// An input of 1 KiB that waits until the end of a year.
fn input_until(year: &str, seed: u64) -> Result<String> {
    let until = format!("{year}-12-31T00:00:00Z");
    let around = r#","until":"""#.len() + until.len();
    let order = order_value(seed, INPUT_BYTES - around)?;
    Ok(order.with_member("until", until.as_str().into()).to_text())
}

fn wait_for_end(load: &mut Load, execution: &str) -> Result<()> {
    let body = format!(r#"{{"executionArn":"{execution}"}}"#);
    let deadline = Instant::now() + Duration::from_secs(FIRED_SECONDS_MAX);
    while Instant::now() < deadline {
        if load.call("DescribeExecution", &body)?.contains("SUCCEEDED") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    anyhow::bail!("the timer of {execution} did not fire within {FIRED_SECONDS_MAX} s")
}

fn now() -> Result<Timestamp> {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Timestamp(i64::try_from(since_epoch.as_millis())?))
}
