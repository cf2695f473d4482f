//! Synchronous Express executions of one Pass state over HTTP.

use anyhow::Result;

use super::load::Slice;
use super::payload::order;
use super::report::Table;
use super::server::{Server, create_machine_of};
use super::{Setting, progress};

const DEFINITION: &str = r#"{"StartAt":"Only","States":{"Only":{"Type":"Pass","End":true}}}"#;
const CLIENTS: usize = 64;
const INPUT_BYTES: usize = 1_024;
const ROUNDS: u64 = 6;
const EXECUTIONS_PER_ROUND: u64 = 20_000;

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    progress("express: measuring");
    let data = setting.data("express")?;
    let server = Server::start(&setting.server, &data)?;
    let machine = create_machine_of(&mut server.load(1)?, "bench", DEFINITION, "EXPRESS")?;
    let count = setting.scaled(EXECUTIONS_PER_ROUND);
    let mut table = Table::new(format!(
        "StartSyncExecution of one Pass state, {CLIENTS} clients"
    ));
    for (what, input_bytes, cpu_us_max) in [
        ("a small input", None, Some(50.0)),
        ("1 KiB", Some(INPUT_BYTES), None),
    ] {
        let mut load = server.load(CLIENTS)?;
        let mut measured = Slice::default();
        // The first round warms up.
        for round in 0..=ROUNDS {
            let slice = server.slice(&mut load, "StartSyncExecution", count, |number| {
                let number = round * count + number;
                let input = match input_bytes {
                    Some(bytes) => order(number, bytes),
                    None => format!(r#"{{"number":{number}}}"#),
                };
                body(&machine, &input)
            })?;
            if round > 0 {
                measured.add(slice);
            }
        }
        let row = table.row(
            format!("CPU of the server each, {what}"),
            "µs",
            measured.cpu_us(),
        );
        if let Some(cpu_us_max) = cpu_us_max {
            row.at_most(cpu_us_max);
        }
        table.row(format!("rate, {what}"), "/s", measured.per_second());
        table.row(format!("p50, {what}"), "ms", measured.latency_ms(50));
        table.row(format!("p99, {what}"), "ms", measured.latency_ms(99));
        table.row(
            format!("bytes written each, {what}"),
            "B",
            measured.written_bytes(),
        );
    }
    let resident = server.process.resident_bytes()?;
    table.row("memory after it", "MB", resident as f64 / 1e6);
    server.stop()?;
    Ok(vec![table])
}

/// The body of a StartSyncExecution.
fn body(machine: &str, input: &str) -> String {
    let mut body = format!(r#"{{"stateMachineArn":"{machine}","input":"#);
    json::Value::from(input).write_to(&mut body);
    body.push('}');
    body
}
