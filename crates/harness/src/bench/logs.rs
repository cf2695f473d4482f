//! Log events over HTTP: put in batches as agents send them, then read back.

use anyhow::{Context, Result};
use json::{ObjectBuilder, Value};

use super::load::{Load, Slice};
use super::report::Table;
use super::server::Server;
use super::{Setting, payload, progress};

const GROUP: &str = "/bench/orders";

/// Clients, each with a stream of its own, as many functions at a time.
const CLIENTS: usize = 8;

/// A line of a program's log.
const MESSAGE_BYTES: usize = 150;

/// Log events a second that a server must take (issue "Functions and observability").
const EVENTS_PER_SECOND: f64 = 10_000.0;

/// Batches of so many events, and how many of them.
const BATCHES: [(u64, u64); 3] = [(5, 8_000), (100, 4_000), (1_000, 400)];

/// Pages read of each kind.
const PAGES: u64 = 200;

pub(super) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    let data = setting.data("logs")?;
    let server = Server::start(&setting.server, &data)?;
    let mut load = server.load(CLIENTS)?;
    make(&mut load)?;
    let mut put = Table::new("PutLogEvents, 8 clients, a stream each, events of 150 bytes");
    for (events, batches) in BATCHES {
        let batches = setting.scaled(batches);
        progress(&format!("logs: {batches} batches of {events} events"));
        let mut slice = server.slice(&mut load, PUT, batches, |number| batch(number, events))?;
        let latency_ms = slice.latency_ms(50);
        slice.units *= events;
        figures(
            &mut put,
            &format!("batches of {events}"),
            &slice,
            latency_ms,
        );
    }
    let mut read = Table::new("reads of a page, one client");
    let mut one = server.load(1)?;
    let shapes = [
        (
            "GetLogEvents, the newest 1,000",
            GET,
            r#","logStreamName":"0","limit":1000"#,
        ),
        (
            "FilterLogEvents, the oldest 1,000",
            FILTER,
            r#","limit":1000"#,
        ),
        ("FilterLogEvents, 100 that match a term", FILTER, MATCHING),
    ];
    for (what, operation, more) in shapes {
        progress(&format!("logs: {what}"));
        let body = format!(r#"{{"logGroupName":"{GROUP}"{more}}}"#);
        let pages = setting.scaled(PAGES);
        let slice = server.slice(&mut one, operation, pages, |_| body.clone())?;
        read.row(format!("{what}, p50"), "ms", slice.latency_ms(50));
        read.row(format!("{what}, CPU"), "µs", slice.cpu_us());
    }
    server.stop()?;
    Ok(vec![put, read])
}

const PUT: &str = "Logs_20140328.PutLogEvents";
const GET: &str = "Logs_20140328.GetLogEvents";
const FILTER: &str = "Logs_20140328.FilterLogEvents";

/// One event in ten has this term.
const MATCHING: &str = r#","limit":100,"filterPattern":"ERROR""#;

fn make(load: &mut Load) -> Result<()> {
    let group = format!(r#"{{"logGroupName":"{GROUP}"}}"#);
    load.call("Logs_20140328.CreateLogGroup", &group)?;
    for stream in 0..CLIENTS {
        let stream = format!(r#"{{"logGroupName":"{GROUP}","logStreamName":"{stream}"}}"#);
        load.call("Logs_20140328.CreateLogStream", &stream)
            .context("the group was made, its stream wasn't")?;
    }
    Ok(())
}

/// The body of a PutLogEvents: lines that have much in common, as lines of a log do.
fn batch(number: u64, events: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let now_ms = now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
    let mut bits = payload::Bits::new(number);
    let event = |at: u64| {
        let level = if at.is_multiple_of(10) {
            "ERROR"
        } else {
            "INFO"
        };
        let mut message = format!("[{level}] request {number}-{at} of customer 4711: order ");
        bits.text(24, &mut message);
        message += " was taken and is on its way to the warehouse";
        message.extend(std::iter::repeat_n(
            '.',
            MESSAGE_BYTES.saturating_sub(message.len()),
        ));
        let mut event = ObjectBuilder::new();
        let event = event.add("timestamp", now_ms).add("message", message);
        Value::from(event.build())
    };
    let events: Vec<Value> = (0..events).map(event).collect();
    let stream = (number % CLIENTS as u64).to_string();
    let mut body = ObjectBuilder::new();
    let body = body
        .add("logGroupName", GROUP)
        .add("logStreamName", stream)
        .add("logEvents", events);
    Value::from(body.build()).to_text()
}

fn figures(table: &mut Table, what: &str, slice: &Slice, latency_ms: f64) {
    let rate = table.row(format!("{what}: events"), "/s", slice.per_second());
    rate.at_least(EVENTS_PER_SECOND);
    table.row(
        format!("{what}: server CPU per event"),
        "µs",
        slice.cpu_us(),
    );
    table.row(
        format!("{what}: written per event"),
        "bytes",
        slice.written_bytes(),
    );
    table.row(format!("{what}: batch p50"), "ms", latency_ms);
}
