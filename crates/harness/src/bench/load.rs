//! The load generator: a fixed number of clients, each with a connection of its own, each sending
//! its next request when the last one was answered.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;

use super::client::Connection;
use super::process::Usage;

/// No slice takes longer, or something hangs.
const SLICE_SECONDS_MAX: u64 = 300;

/// Clients with open connections. One thread serves them all, so that the server has the rest.
pub(crate) struct Load {
    runtime: Runtime,
    connections: Vec<Connection>,
}

/// What a number of units took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slice {
    pub(crate) units: u64,
    pub(crate) elapsed: Duration,
    /// One for each unit, in no order; empty where nobody waited for single units.
    pub(crate) latencies: Vec<Duration>,
    /// Of the process that did the work.
    pub(crate) usage: Usage,
}

impl Load {
    pub(crate) fn open(address: SocketAddr, clients: usize) -> Result<Load> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let opening = try_join_all((0..clients).map(|_| Connection::open(address)));
        let connections = runtime.block_on(opening)?;
        Ok(Load {
            runtime,
            connections,
        })
    }

    /// One call of the first client.
    pub(crate) fn call(&mut self, operation: &str, body: &str) -> Result<String> {
        let connection = self.connections.first_mut();
        let connection = connection.ok_or_else(|| anyhow::anyhow!("there is no client"))?;
        let answer = self.runtime.block_on(connection.call(operation, body))?;
        Ok(answer.to_owned())
    }

    /// Sends `count` requests whose bodies `body` makes from a running number.
    pub(crate) fn run(
        &mut self,
        operation: &str,
        count: u64,
        body: impl Fn(u64) -> String,
    ) -> Result<Slice> {
        let next = Cell::new(0);
        let begun = Instant::now();
        let client = async |connection: &mut Connection| -> Result<Vec<Duration>> {
            let mut latencies = Vec::new();
            loop {
                let number = next.get();
                if number >= count {
                    return Ok(latencies);
                }
                next.set(number + 1);
                let body = body(number);
                let sent = Instant::now();
                connection.call(operation, &body).await?;
                latencies.push(sent.elapsed());
            }
        };
        let all = try_join_all(self.connections.iter_mut().map(client));
        let bound = Duration::from_secs(SLICE_SECONDS_MAX);
        let latencies = self
            .runtime
            .block_on(async { tokio::time::timeout(bound, all).await })??;
        let latencies: Vec<Duration> = latencies.into_iter().flatten().collect();
        ensure!(
            latencies.len() as u64 == count,
            "some requests were not answered"
        );
        Ok(Slice {
            units: count,
            elapsed: begun.elapsed(),
            latencies,
            usage: Usage::default(),
        })
    }
}

impl Slice {
    /// Adds another slice of the same work.
    pub(crate) fn add(&mut self, other: Slice) {
        self.units += other.units;
        self.elapsed += other.elapsed;
        self.latencies.extend(other.latencies);
        self.usage = self.usage.and(other.usage);
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.units as f64 / self.elapsed.as_secs_f64()
    }

    /// Processor time of a unit, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.usage.cpu.as_secs_f64() * 1e6 / self.units as f64
    }

    /// Bytes written for a unit.
    pub(crate) fn written_bytes(&self) -> f64 {
        self.usage.written_bytes as f64 / self.units as f64
    }

    /// The latency that `percent` of the units did not exceed, in milliseconds.
    pub(crate) fn latency_ms(&self, percent: usize) -> f64 {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies
            .get(at)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// The round in the middle: what disturbed single rounds does not move it.
pub(crate) fn middle(rounds: &[f64]) -> f64 {
    let mut rounds = rounds.to_vec();
    rounds.sort_unstable_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_add_up() {
        let slice = |units: u64, ms: u64| Slice {
            units,
            elapsed: Duration::from_millis(ms),
            latencies: (1..=units).map(Duration::from_millis).collect(),
            usage: Usage {
                cpu: Duration::from_millis(ms),
                written_bytes: units * 10,
            },
        };
        let mut sum = slice(100, 500);
        assert!((sum.latency_ms(50) - 51.0).abs() < 1e-9);
        assert!((sum.latency_ms(99) - 100.0).abs() < 1e-9);
        sum.add(slice(100, 1_500));
        assert!((sum.per_second() - 100.0).abs() < 1e-9);
        assert!((sum.cpu_us() - 10_000.0).abs() < 1e-6);
        assert!((sum.written_bytes() - 10.0).abs() < 1e-9);
        assert!(Slice::default().latency_ms(99).abs() < 1e-9);
        assert!((middle(&[900.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    }
}
