//! What executions feel while others evaluate expressions that never end by themselves.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::load::{Load, Slice};
use super::report::Table;
use super::server::{Server, create_machine, start_body};
use super::{Setting, progress};

/// Hostile executions under way at a time, and the others' clients.
const HOSTILE: usize = 4;
const CLIENTS: usize = 10;
const EXECUTIONS: u64 = 100;
/// A hostile evaluation takes about a second; all of them have ended long before this.
const END_SECONDS_MAX: u64 = 120;

/// Ways never to end, or to fill the memory.
const BOMBS: [(&str, &str); 4] = [
    (
        "endless tail recursion",
        "($f := function($n){$f($n + 1)}; $f(0))",
    ),
    (
        "doubled text",
        "($f := function($t){$f($t & $t)}; $f(\"x\"))",
    ),
    ("distinct of 200,000", "$count($distinct([1..200000]))"),
    (
        "sort of 200,000",
        "$count($sort([1..200000], function($a, $b){$a < $b}))",
    ),
];

const HARMLESS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    let data = setting.data("hostile")?;
    let server = Server::start(&setting.server, &data)?;
    let mut load = server.load(CLIENTS)?;
    let harmless = create_machine(&mut load, "harmless", HARMLESS)?;
    let mut table = Table::new(format!(
        "{EXECUTIONS} executions while {HOSTILE} hostile ones are under way"
    ));
    let alone = executions(&mut load, &harmless, "alone")?;
    table.row("nothing hostile, p99", "ms", alone.latency_ms(99));
    for (name, expression) in BOMBS {
        progress(&format!("hostile: {name}"));
        let machine = format!("bomb-{}", name.replace([' ', ','], "-"));
        let output = json::Value::from(format!("{{% {expression} %}}"));
        let bomb = create_machine(
            &mut load,
            &machine,
            &format!(
                r#"{{"QueryLanguage":"JSONata","StartAt":"B","States":
                {{"B":{{"Type":"Pass","Output":{output},"End":true}}}}}}"#
            ),
        )?;
        let mut bombs = Vec::new();
        for number in 0..HOSTILE {
            let body = start_body(&bomb, &format!("b{number}"), "{}");
            let answer = json::parse(&load.call("StartExecution", &body)?)?;
            let arn = answer.get("executionArn").and_then(json::Value::as_str);
            bombs.push(arn.context("the answer has no executionArn")?.to_owned());
        }
        let others = executions(&mut load, &harmless, &machine)?;
        let took = ended(&mut load, &bombs)?;
        table
            .row(
                format!("{name}, p99 of the others"),
                "ms",
                others.latency_ms(99),
            )
            .at_most(100.0);
        table.row(
            format!("{name}, until all had ended"),
            "s",
            took.as_secs_f64(),
        );
    }
    let memory = server.process.resident_bytes_max()? as f64 / f64::from(1 << 20);
    table.row("memory of the server at most", "MiB", memory);
    server.stop()?;
    Ok(vec![table])
}

fn executions(load: &mut Load, machine: &str, names: &str) -> Result<Slice> {
    load.run("StartExecution", EXECUTIONS, |number| {
        start_body(machine, &format!("{names}-{number}"), "{}")
    })
}

/// Waits until these executions have ended.
fn ended(load: &mut Load, executions: &[String]) -> Result<Duration> {
    let begun = Instant::now();
    for arn in executions {
        let body = format!(r#"{{"executionArn":"{arn}"}}"#);
        while load
            .call("DescribeExecution", &body)?
            .contains(r#""status":"RUNNING""#)
        {
            if begun.elapsed() > Duration::from_secs(END_SECONDS_MAX) {
                bail!("`{arn}` has not ended after {END_SECONDS_MAX} s");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(begun.elapsed())
}
