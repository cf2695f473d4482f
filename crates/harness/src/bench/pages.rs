//! Pages of a long list of executions and of a long history, over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine::StartRequest;

use super::load::{Load, middle};
use super::report::Table;
use super::rig::{Machine, fill};
use super::server::{Server, create_machine, start_body};
use super::{Setting, progress};

/// One of so many executions was started by the version, and fails.
const RARE_EVERY: u64 = 100_000;
/// Fails if it is asked to: rare among those that succeed.
const MAY_FAIL: &str = r#"{"StartAt":"Which","States":{
    "Which":{"Type":"Choice","Default":"Good",
        "Choices":[{"Variable":"$.fail","IsPresent":true,"Next":"Bad"}]},
    "Good":{"Type":"Succeed"},"Bad":{"Type":"Fail","Error":"Asked"}}}"#;
const STORED: u64 = 1_000_000;
/// Pages of each kind that are timed; the one in the middle is shown.
const PAGES: usize = 21;
/// AWS's largest page.
const PAGE_RESULTS_MAX: u64 = 1_000;

/// Each pass has 2 events, each iteration 4 more, and there are 5 besides: just below 25,000.
const ITEMS: u64 = 4_165;
const MAP: &str = r#"{"StartAt":"Each","States":{"Each":{"Type":"Map","End":true,
    "ItemProcessor":{"StartAt":"One","States":{
        "One":{"Type":"Pass","Next":"Two"},"Two":{"Type":"Pass","End":true}}}}}}"#;
/// Goes on until its history is full: 25,000 events in some 3,000 commits.
const LOOP: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":0,"Next":"B"},
    "B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","Next":"D"},
    "D":{"Type":"Choice","Default":"A",
        "Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"E"}]},
    "E":{"Type":"Succeed"}}}"#;
/// A history of so many events is read so often, in either direction.
const READS: usize = 15;
const EVENTS_PER_SECOND_MIN: f64 = 200_000.0;
/// An execution that takes longer has failed.
const RUN_SECONDS_MAX: u64 = 60;

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    Ok(vec![lists(setting)?, histories(setting)?])
}

fn lists(setting: &Setting) -> Result<Table> {
    let stored = setting.stored.unwrap_or_else(|| setting.scaled(STORED));
    progress(&format!("pages: storing {stored} executions first"));
    let data = setting.data("pages")?;
    let server = Server::start(&setting.server, &data)?;
    let machine = create_machine(&mut server.load(1)?, "pages", MAY_FAIL)?;
    let publish = format!(r#"{{"stateMachineArn":"{machine}"}}"#);
    let version = server
        .load(1)?
        .call("PublishStateMachineVersion", &publish)?;
    let version = json::parse(&version)?;
    let version = version
        .get("stateMachineVersionArn")
        .and_then(json::Value::as_str);
    let version: Arc<str> = version.context("there is no version")?.into();
    server.stop()?;
    let of_version = Arc::clone(&version);
    fill(
        &data,
        (&machine, MAY_FAIL),
        stored,
        move |machine, number| request(machine, &of_version, number),
    )?;

    progress("pages: measuring lists");
    let server = Server::start(&setting.server, &data)?;
    let mut load = server.load(1)?;
    let mut table = Table::new(format!(
        "ListExecutions, {stored} executions of one machine"
    ));
    let member = |name: &str, value: &str| format!(r#","{name}":"{value}""#);
    let plain = member("stateMachineArn", &machine);
    let failed = plain.clone() + &member("statusFilter", "FAILED");
    let running = plain.clone() + &member("statusFilter", "RUNNING");
    let of_version = member("stateMachineArn", &version);
    let cases = [
        ("the first 100", &plain, 100, 0),
        ("the first 1,000", &plain, PAGE_RESULTS_MAX, 0),
        ("1,000 in the middle", &plain, PAGE_RESULTS_MAX, stored / 2),
        ("a status that is rare", &failed, 100, 0),
        ("a status nobody has", &running, 100, 0),
        ("a version that is rare", &of_version, 100, 0),
    ];
    for (what, members, max, skipped) in cases {
        let token = skip(&mut load, members, skipped)?;
        let body = format!(r#"{{"maxResults":{max}{members}{token}}}"#);
        let ms = page_ms(&mut load, &body)?;
        table.row(format!("a page: {what}"), "ms", ms).at_most(5.0);
    }
    server.stop()?;
    Ok(table)
}

/// Every so many executions fail, and were started by the version.
fn request(machine: &Machine, version: &Arc<str>, number: u64) -> Result<StartRequest> {
    let is_rare = number % RARE_EVERY == 7;
    let input = json::parse(if is_rare { r#"{"fail":1}"# } else { "{}" })?;
    Ok(StartRequest {
        state_machine_version_arn: is_rare.then(|| Arc::clone(version)),
        ..machine.request(&format!("run-{number}"), input)
    })
}

/// The token behind so many executions, as a member of the next request.
fn skip(load: &mut Load, members: &str, mut count: u64) -> Result<String> {
    let mut token = String::new();
    while count > 0 {
        let max = count.min(PAGE_RESULTS_MAX);
        let body = format!(r#"{{"maxResults":{max}{members}{token}}}"#);
        let answer = json::parse(&load.call("ListExecutions", &body)?)?;
        let next = answer.get("nextToken").and_then(json::Value::as_str);
        token = format!(r#","nextToken":"{}""#, next.context("the list is shorter")?);
        count -= max;
    }
    Ok(token)
}

/// Milliseconds of a page, the one in the middle of some.
fn page_ms(load: &mut Load, body: &str) -> Result<f64> {
    let mut taken = Vec::new();
    for _ in 0..PAGES {
        let asked = Instant::now();
        load.call("ListExecutions", body)?;
        taken.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(middle(&taken))
}

fn histories(setting: &Setting) -> Result<Table> {
    progress("pages: measuring histories");
    let data = setting.data("history")?;
    let server = Server::start(&setting.server, &data)?;
    let mut load = server.load(1)?;
    let items: Vec<String> = (0..ITEMS)
        .map(|item| format!(r#"{{"item":{item}}}"#))
        .collect();
    let map = run_to_its_end(&mut load, "map", MAP, &format!("[{}]", items.join(",")))?;
    let chain = run_to_its_end(&mut load, "loop", LOOP, r#"{"order":7}"#)?;
    let mut table = Table::new("GetExecutionHistory, 1,000 events a page".to_owned());
    let reverse = r#","reverseOrder":true"#;
    for (arn, what, members) in [
        (&map, "of a Map, forward", ""),
        (&map, "of a Map, backward", reverse),
        (
            &map,
            "of a Map, without data",
            r#","includeExecutionData":false"#,
        ),
        (&chain, "of a loop, forward", ""),
        (&chain, "of a loop, backward", reverse),
    ] {
        let (mut rates, mut cpu, mut events) = (Vec::new(), Vec::new(), 0);
        for _ in 0..READS {
            let before = server.process.usage()?;
            let begun = Instant::now();
            events = read_history(&mut load, arn, members)?;
            rates.push(events as f64 / begun.elapsed().as_secs_f64());
            let used = server.process.usage()?.since(before);
            cpu.push(used.cpu.as_secs_f64() * 1e6 / events as f64);
        }
        let what = format!("{events} events {what}");
        table
            .row(&what, "events/s", middle(&rates))
            .at_least(EVENTS_PER_SECOND_MIN);
        table.row(what + ", CPU each", "µs", middle(&cpu));
    }
    server.stop()?;
    Ok(table)
}

/// Starts an execution and waits for its end; gives its ARN.
fn run_to_its_end(load: &mut Load, name: &str, definition: &str, input: &str) -> Result<String> {
    let machine = create_machine(load, name, definition)?;
    let answer = load.call("StartExecution", &start_body(&machine, "long", input))?;
    let answer = json::parse(&answer)?;
    let arn = answer.get("executionArn").and_then(json::Value::as_str);
    let arn = arn.context("the answer has no executionArn")?.to_owned();
    let body = format!(r#"{{"executionArn":"{arn}"}}"#);
    let deadline = Instant::now() + Duration::from_secs(RUN_SECONDS_MAX);
    while load.call("DescribeExecution", &body)?.contains("RUNNING") {
        ensure!(Instant::now() < deadline, "{arn} does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(arn)
}

/// Reads all pages of a history; gives how many events there are.
fn read_history(load: &mut Load, arn: &str, members: &str) -> Result<u64> {
    let (mut events, mut token) = (0, String::new());
    loop {
        let body = format!(
            r#"{{"executionArn":"{arn}","maxResults":{PAGE_RESULTS_MAX}{members}{token}}}"#
        );
        let page = load.call("GetExecutionHistory", &body)?;
        // What the client takes to read the page is not what is measured: it looks for little.
        events += page.matches(r#""previousEventId":"#).count() as u64;
        let Some((_, rest)) = page.rsplit_once(r#""nextToken":""#) else {
            return Ok(events);
        };
        let (next, _) = rest.split_once('"').context("the token has no end")?;
        token = format!(r#","nextToken":"{next}""#);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_valid() {
        for definition in [MAY_FAIL, MAP, LOOP] {
            super::super::rig::program(definition).unwrap();
        }
    }
}
