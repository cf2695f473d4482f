//! Standard executions of one Pass state over HTTP, with many stored already.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::load::{Load, Slice};
use super::payload::{Bits, order, order_value};
use super::raw_log::RawLog;
use super::report::Table;
use super::rig::{Machine, NoTasks, Rig, fill};
use super::server::{Server, create_machine, start_body};
use super::{Setting, progress};

const DEFINITION: &str = r#"{"StartAt":"Only","States":{"Only":{"Type":"Pass","End":true}}}"#;
const CLIENTS: usize = 64;
const INPUT_BYTES: usize = 1_024;
const STORED: u64 = 1_000_000;
const ROUNDS: u64 = 6;
const EXECUTIONS_PER_ROUND: u64 = 10_000;
/// Numbers of measured executions begin here, those of stored ones at 0: their names differ.
const MEASURED_FROM: u64 = 1 << 40;

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    let stored = setting.stored.unwrap_or_else(|| setting.scaled(STORED));
    progress(&format!("standard: storing {stored} executions first"));
    let data = setting.data("standard")?;
    let server = Server::start(&setting.server, &data)?;
    let machine = create_machine(&mut server.load(1)?, "bench", DEFINITION)?;
    server.stop()?;
    fill(&data, (&machine, DEFINITION), stored, |machine, number| {
        Ok(machine.request(&random_name(number), order_value(number, INPUT_BYTES)?))
    })?;

    progress("standard: measuring");
    let server = Server::start(&setting.server, &data)?;
    let raw_file = setting.folder.path().join("standard.log");
    let (measured, raw, group) = rounds(setting, &server, &machine, &raw_file)?;
    let resident = server.process.resident_bytes()?;
    let mut table = Table::new(format!(
        "Standard executions of one Pass state, 1 KiB input, names given by {CLIENTS} clients, \
         {stored} executions stored\n  (raw log: the same engine in process, {CLIENTS} callers, \
         no HTTP, {group:.0} executions a group)"
    ));
    table
        .row("CPU of the server each", "µs", measured.cpu_us())
        .beside(raw.cpu_us())
        .at_most(75.0);
    let written = measured.written_bytes();
    table
        .row("bytes written each", "B", written)
        .beside(raw.written_bytes())
        .at_most(4096.0);
    table
        .row("rate", "/s", measured.per_second())
        .beside(raw.per_second());
    table
        .row("p50", "ms", measured.latency_ms(50))
        .beside(raw.latency_ms(50));
    table
        .row("p99", "ms", measured.latency_ms(99))
        .beside(raw.latency_ms(99));
    table.row("memory after it", "MB", resident as f64 / 1e6);
    table
        .row("ready to serve after", "s", server.ready.as_secs_f64())
        .at_most(0.2);
    server.stop()?;
    Ok(vec![table])
}

/// Alternates slices of the server and of the comparator; gives also the comparator's group.
fn rounds(
    setting: &Setting,
    server: &Server,
    machine: &str,
    raw_file: &Path,
) -> Result<(Slice, Slice, f64)> {
    let count = setting.scaled(EXECUTIONS_PER_ROUND);
    let mut load = server.load(CLIENTS)?;
    let log = Arc::new(RawLog::create(raw_file)?);
    let store = Arc::clone(&log) as Arc<_>;
    let raw_rig = Rig::open(RawLog::config(), store, Arc::new(NoTasks), DEFINITION)?;
    let (mut measured, mut raw) = (Slice::default(), Slice::default());
    // The first round warms both up.
    for round in 0..=ROUNDS {
        let first = MEASURED_FROM + round * count;
        let slice = start_slice(server, &mut load, machine, (first, count))?;
        let raw_slice = raw_rig.start(CLIENTS, (first, count), |number| {
            let input = order_value(number, INPUT_BYTES)?;
            Ok(Machine::made_up().request(&random_name(number), input))
        })?;
        if round > 0 {
            measured.add(slice);
            raw.add(raw_slice);
        }
    }
    raw_rig.close();
    let (commits, _) = log.written();
    let group = ((ROUNDS + 1) * count) as f64 / commits as f64;
    Ok((measured, raw, group))
}

fn start_slice(
    server: &Server,
    load: &mut Load,
    machine: &str,
    (first, count): (u64, u64),
) -> Result<Slice> {
    server.slice(load, "StartExecution", count, |number| {
        let number = first + number;
        start_body(machine, &random_name(number), &order(number, INPUT_BYTES))
    })
}

/// A name as SDKs make them: in no order.
fn random_name(number: u64) -> String {
    let mut bits = Bits::new(number.rotate_left(32) ^ 0x6e61_6d65);
    format!("{:016x}-{:016x}", bits.draw(), bits.draw())
}
