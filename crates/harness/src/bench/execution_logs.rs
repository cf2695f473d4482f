//! What it costs that a state machine logs: executions of one Pass state, four events each, of a
//! machine that logs and of one that does not, in slices that alternate.

use std::time::Duration;

use anyhow::{Context, Result};

use super::load::{Load, Slice};
use super::report::Table;
use super::server::{DEV_ROLE, Server, start_body};
use super::{Setting, payload, progress};

const DEFINITION: &str = r#"{"StartAt":"Only","States":{"Only":{"Type":"Pass","End":true}}}"#;
const CLIENTS: usize = 64;
const INPUT_BYTES: usize = 1_024;
const ROUNDS: u64 = 6;
const EXECUTIONS_PER_ROUND: u64 = 10_000;

/// How much more of the processor an execution may take that logs every event (issue "Functions and
/// observability").
const COST_MAX: f64 = 1.10;

/// By then all records are kept.
const TAIL: Duration = Duration::from_millis(500);

const GROUP: &str = "/bench/executions";

/// What the machines log.
const LEVELS: [(&str, &str, bool); 3] = [
    ("nothing", "OFF", false),
    ("ALL", "ALL", false),
    ("ALL with execution data", "ALL", true),
];

pub(super) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    let data = setting.data("execution-logs")?;
    let server = Server::start(&setting.server, &data)?;
    let group = format!(r#"{{"logGroupName":"{GROUP}"}}"#);
    let mut load = server.load(CLIENTS)?;
    load.call("Logs_20140328.CreateLogGroup", &group)?;
    let kinds = [
        ("Standard", "STANDARD", "StartExecution"),
        ("synchronous Express", "EXPRESS", "StartSyncExecution"),
    ];
    let mut tables = Vec::new();
    for (kind, machine_type, operation) in kinds {
        progress(&format!("execution logs: {kind} executions"));
        let machines: Vec<String> = LEVELS
            .iter()
            .map(|level| create(&mut load, machine_type, level))
            .collect::<Result<_>>()?;
        let measured = slices(setting, &server, &mut load, &machines, operation)?;
        tables.push(table(kind, &measured));
    }
    server.stop()?;
    Ok(tables)
}

/// Slices of each machine in turn; the first round warms up.
fn slices(
    setting: &Setting,
    server: &Server,
    load: &mut Load,
    machines: &[String],
    operation: &str,
) -> Result<Vec<Slice>> {
    let count = setting.scaled(EXECUTIONS_PER_ROUND);
    let mut measured: Vec<Slice> = machines.iter().map(|_| Slice::default()).collect();
    for round in 0..=ROUNDS {
        for (machine, measured) in machines.iter().zip(&mut measured) {
            let before = server.process.usage()?;
            let mut slice = load.run(operation, count, |number| {
                let number = round * count + number;
                let input = payload::order(number, INPUT_BYTES);
                start_body(machine, &format!("e-{number}"), &input)
            })?;
            // Records are written after the answers: they count for the executions they tell of.
            std::thread::sleep(TAIL);
            slice.usage = server.process.usage()?.since(before);
            if round > 0 {
                measured.add(slice);
            }
        }
    }
    Ok(measured)
}

fn table(kind: &str, measured: &[Slice]) -> Table {
    let mut table = Table::new(format!("{kind} executions that log, {CLIENTS} clients"));
    let without = measured.first().map_or(f64::NAN, Slice::cpu_us);
    for ((what, level, _), slice) in LEVELS.iter().zip(measured) {
        let cpu_us = slice.cpu_us();
        table.row(format!("CPU of the server each, {what}"), "µs", cpu_us);
        table.row(format!("rate, {what}"), "/s", slice.per_second());
        table.row(
            format!("bytes written each, {what}"),
            "B",
            slice.written_bytes(),
        );
        if *level != "OFF" {
            table
                .row(format!("CPU, {what} over nothing"), "", cpu_us / without)
                .at_most(COST_MAX);
        }
    }
    table
}

fn create(load: &mut Load, machine_type: &str, level: &(&str, &str, bool)) -> Result<String> {
    let (_, level, includes_data) = level;
    let definition = json::Value::from(DEFINITION).to_text();
    let name = format!("{machine_type}-{level}-{includes_data}");
    let destination = format!("arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*");
    let body = format!(
        r#"{{"name":"{name}","type":"{machine_type}","roleArn":"{DEV_ROLE}",
        "definition":{definition},"loggingConfiguration":{{"level":"{level}",
        "includeExecutionData":{includes_data},"destinations":[{{"cloudWatchLogsLogGroup":
        {{"logGroupArn":"{destination}"}}}}]}}}}"#
    );
    let answer = json::parse(&load.call("CreateStateMachine", &body)?)?;
    let arn = answer.get("stateMachineArn").and_then(json::Value::as_str);
    Ok(arn.context("the answer has no stateMachineArn")?.to_owned())
}
