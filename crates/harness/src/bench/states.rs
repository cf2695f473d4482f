//! What each further state costs: long chains against short ones, over HTTP.

use std::fmt::Write as _;

use anyhow::Result;

use super::load::{Load, Slice, middle};
use super::payload::order;
use super::report::Table;
use super::server::{Server, create_machine, start_body};
use super::{Setting, progress};

/// States of the long chains: as many as the issue asks of the changed member, and few enough that
/// no execution has to yield.
const LONG: usize = 201;
const SHORT: usize = 1;
/// Many short rounds: what disturbs one of them is not in the middle of their differences.
const ROUNDS: u64 = 20;

/// What the states of a chain do.
struct Kind {
    name: &'static str,
    what: &'static str,
    /// The members of state number `.0`.
    members: fn(usize) -> String,
    /// Most CPU of a further state at 1 KiB, in microseconds.
    cpu_us_max: f64,
    /// At 200 KiB, as often that of 1 KiB.
    times_max: Option<f64>,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "pass",
        what: "plain Pass",
        members: |_| String::new(),
        cpu_us_max: 0.5,
        times_max: Some(2.0),
    },
    Kind {
        name: "result",
        what: "Result",
        members: |at| format!(r#""Result":{{"step":{at}}},"#),
        cpu_us_max: 1.0,
        times_max: None,
    },
    Kind {
        name: "result-path",
        what: "ResultPath",
        members: |at| format!(r#""Result":{at},"ResultPath":"$.step","#),
        cpu_us_max: 1.0,
        times_max: Some(3.0),
    },
    Kind {
        name: "json-path",
        what: "JSONPath in Parameters",
        members: |_| r#""Parameters":{"order.$":"$.order"},"#.to_owned(),
        cpu_us_max: 2.0,
        times_max: None,
    },
];

/// A payload and how it is sent.
struct Size {
    what: &'static str,
    input_bytes: usize,
    clients: usize,
    executions_per_round: u64,
}

const SMALL: Size = Size {
    what: "1 KiB",
    input_bytes: 1_024,
    clients: 64,
    executions_per_round: 500,
};
const LARGE: Size = Size {
    what: "200 KiB",
    input_bytes: 200 << 10,
    clients: 8,
    executions_per_round: 40,
};

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    let data = setting.data("states")?;
    let server = Server::start(&setting.server, &data)?;
    let mut states = Table::new(format!(
        "Each further state (chains of {LONG} states less chains of {SHORT}, divided)"
    ));
    let mut large = Table::new("Payloads of 200 KiB");
    for kind in &KINDS {
        progress(&format!("states: {}", kind.what));
        let small = chains(setting, &server, kind, &SMALL)?;
        let what = format!("CPU of a further state, {}", kind.what);
        states
            .row(what, "µs", small.further_cpu_us())
            .at_most(kind.cpu_us_max);
        let Some(times_max) = kind.times_max else {
            continue;
        };
        let big = chains(setting, &server, kind, &LARGE)?;
        let times = big.further_cpu_us() / small.further_cpu_us();
        let what = format!("CPU of a further state, {}", kind.what);
        large.row(&what, "µs", big.further_cpu_us());
        large
            .row(what, "times that of 1 KiB", times)
            .at_most(times_max);
        match kind.name {
            "pass" => show_start(&mut large, &big),
            _ => show_copies(&mut large, &big),
        }
    }
    server.stop()?;
    Ok(vec![states, large])
}

fn show_start(table: &mut Table, chains: &Chains) {
    let short = &chains.short;
    table
        .row("CPU of StartExecution", "µs", middle(&chains.short_cpu_us))
        .at_most(1_200.0);
    table.row("StartExecution, rate", "/s", short.per_second());
    table.row("StartExecution, p50", "ms", short.latency_ms(50));
    table.row("StartExecution, p99", "ms", short.latency_ms(99));
    table.row(
        "written of StartExecution",
        "payloads",
        payloads(short.written_bytes()),
    );
}

fn show_copies(table: &mut Table, chains: &Chains) {
    let (short, long) = (chains.short.written_bytes(), chains.long.written_bytes());
    let what = format!("written by {LONG} states that change a member");
    table.row(&what, "payloads", payloads(long));
    let what = format!("of it beyond {SHORT} state");
    table
        .row(what, "payloads", payloads(long - short))
        .at_most(1.0);
}

fn payloads(bytes: f64) -> f64 {
    bytes / LARGE.input_bytes as f64
}

/// Executions of short and of long chains.
#[derive(Default)]
struct Chains {
    short: Slice,
    long: Slice,
    /// CPU of a short chain in each round, in microseconds.
    short_cpu_us: Vec<f64>,
    /// CPU of a long chain less that of a short one in each round, in microseconds.
    differences_us: Vec<f64>,
}

impl Chains {
    /// CPU of one of the further states, in microseconds.
    fn further_cpu_us(&self) -> f64 {
        middle(&self.differences_us) / (LONG - SHORT) as f64
    }
}

fn chains(setting: &Setting, server: &Server, kind: &Kind, size: &Size) -> Result<Chains> {
    let mut load = server.load(size.clients)?;
    let name = |len: usize| format!("{}-{len}", kind.name);
    let short = create_machine(&mut load, &name(SHORT), &chain(SHORT, kind.members))?;
    let long = create_machine(&mut load, &name(LONG), &chain(LONG, kind.members))?;
    let count = setting.scaled(size.executions_per_round);
    let mut sums = Chains::default();
    let round = |load: &mut Load, machine: &str, round: u64| {
        server.slice(load, "StartExecution", count, |number| {
            let name = format!("{}-{round}-{number}", size.input_bytes);
            start_body(
                machine,
                &name,
                &order(round * count + number, size.input_bytes),
            )
        })
    };
    // The first round warms up.
    for number in 0..=ROUNDS {
        let of_short = round(&mut load, &short, number)?;
        let of_long = round(&mut load, &long, number)?;
        if number > 0 {
            sums.short_cpu_us.push(of_short.cpu_us());
            sums.differences_us
                .push(of_long.cpu_us() - of_short.cpu_us());
            sums.short.add(of_short);
            sums.long.add(of_long);
        }
    }
    progress(&format!(
        "  {}: {:.1} µs for {SHORT} state, {:.1} µs for {LONG}",
        size.what,
        middle(&sums.short_cpu_us),
        middle(&sums.short_cpu_us) + middle(&sums.differences_us)
    ));
    Ok(sums)
}

/// A definition with so many Pass states in a row.
fn chain(len: usize, members: fn(usize) -> String) -> String {
    let mut text = String::from(r#"{"StartAt":"S1","States":{"#);
    for at in 1..=len {
        let (comma, members) = (if at > 1 { "," } else { "" }, members(at));
        // Writing to a String does not fail.
        let _ = match at < len {
            true => write!(
                text,
                r#"{comma}"S{at}":{{"Type":"Pass",{members}"Next":"S{next}"}}"#,
                next = at + 1
            ),
            false => write!(
                text,
                r#"{comma}"S{at}":{{"Type":"Pass",{members}"End":true}}"#
            ),
        };
    }
    text.push_str("}}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_valid_definitions() {
        for kind in &KINDS {
            let program = super::super::rig::program(&chain(LONG, kind.members)).unwrap();
            assert_eq!(program.states.len(), LONG);
        }
    }
}
