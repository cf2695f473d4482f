//! The page `/metrics` for Prometheus: what AWS's services measure, under CloudWatch's names and
//! dimensions in snake case, and what only this server has. Metrics that users put are not on it.
//!
//! Without a listener of its own the page is for callers on this machine only: its labels name
//! state machines and functions.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Result;
use aws::door::{Request, Response};
use engine::Engine;
use http::{HeaderValue, Method};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use services::metrics::{BOUNDS_MS, MetricKey, Metrics, Total, Unit};

use super::process::Process;
use crate::guard::{self, Hosts};
use crate::http::Handler;

const PATH: &str = "/metrics";
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Headers by which proxies name whom they speak for.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Metrics whose newest value counts, not their sum.
const GAUGES: [&str; 5] = [
    "ConcurrentExecutions",
    "OpenExecutionCount",
    "OpenExecutionLimit",
    "ProvisionedConcurrentExecutions",
    "UnreservedConcurrentExecutions",
];

/// What the page is made of.
#[derive(Clone)]
pub(crate) struct Page {
    pub metrics: Arc<Metrics>,
    pub engine: Engine,
}

impl Page {
    /// Whether a request asks for the page. A signed one is for AWS: S3 might have a bucket
    /// `metrics`.
    pub(crate) fn is_asked_for(request: &Request) -> bool {
        let is_signed =
            request.header("authorization").is_some() || request.query().contains("X-Amz-");
        request.method == Method::GET && request.path() == PATH && !is_signed
    }

    /// The page, for a caller on this machine.
    pub(crate) async fn answer_near(&self, peer: IpAddr, request: &Request) -> Response {
        if is_near(peer, request) {
            return self.answer().await;
        }
        let text = "`/metrics` is for callers on this machine; set `metrics_listen` to open a \
                    listener for others\n";
        Response::new(403, text)
    }

    async fn answer(&self) -> Response {
        let page = self.clone();
        // Some megabytes where there are many series.
        match tokio::task::spawn_blocking(move || page.text()).await {
            Ok(Ok(text)) => {
                let mut response = Response::new(200, text);
                let value = HeaderValue::from_static(CONTENT_TYPE);
                response.headers.insert(http::header::CONTENT_TYPE, value);
                response
            }
            Ok(Err(error)) => unwritten(&error),
            Err(error) => unwritten(&error.into()),
        }
    }

    fn text(&self) -> Result<String> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Aws(self.metrics.totals())));
        registry.register_collector(Box::new(Own {
            counters: self.metrics.counters(),
            open_executions: self.engine.open_executions(),
            process: Process::now(),
        }));
        let mut page = String::new();
        text::encode(&mut page, &registry)?;
        Ok(page)
    }
}

/// Whether a caller is on this machine. One whom a proxy on this machine speaks for may not be.
fn is_near(peer: IpAddr, request: &Request) -> bool {
    let is_forwarded = FORWARDED.iter().any(|name| request.header(name).is_some());
    peer.to_canonical().is_loopback() && !is_forwarded
}

fn unwritten(error: &anyhow::Error) -> Response {
    tracing::error!(%error, "the page of metrics could not be made");
    Response::new(500, "the page of metrics could not be made\n")
}

/// A listener that has nothing but the page.
impl Handler for Page {
    async fn handle(&self, _peer: IpAddr, request: Request) -> Response {
        if let Err(refused) = guard::check(&request, Hosts::Any) {
            return Response::new(403, format!("{refused}\n"));
        }
        if request.method == Method::GET && request.path() == PATH {
            return self.answer().await;
        }
        Response::new(404, "here is `/metrics` only\n")
    }
}

/// Series of AWS's services, those of a family together.
#[derive(Debug)]
struct Aws(Vec<(Arc<MetricKey>, Total)>);

/// How Prometheus sees a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Its sum only grows.
    Counter,
    Gauge,
    /// Milliseconds.
    Histogram,
}

impl Shape {
    fn of(key: &MetricKey) -> Shape {
        match key.unit {
            _ if GAUGES.contains(&&*key.name) => Shape::Gauge,
            Unit::Count | Unit::Bytes => Shape::Counter,
            Unit::Milliseconds => Shape::Histogram,
            _ => Shape::Gauge,
        }
    }

    fn metric_type(self) -> MetricType {
        match self {
            Shape::Counter => MetricType::Counter,
            Shape::Gauge => MetricType::Gauge,
            Shape::Histogram => MetricType::Histogram,
        }
    }
}

impl Collector for Aws {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let is_same = |(one, _): &(Arc<MetricKey>, Total), (other, _): &(Arc<MetricKey>, Total)| {
            family(one) == family(other)
        };
        for family in self.0.chunk_by(is_same) {
            let Some((first, _)) = family.first() else {
                continue;
            };
            if !first.namespace.starts_with("AWS/") {
                continue;
            }
            let (name, help) = (name_of(first), help_of(first));
            let shape = Shape::of(first);
            let metric_type = shape.metric_type();
            let mut encoder = encoder.encode_descriptor(&name, &help, None, metric_type)?;
            for (key, total) in family {
                let labels = labels_of(key);
                encode(encoder.encode_family(&labels)?, shape, total)?;
            }
        }
        Ok(())
    }
}

type Family<'k> = (&'k str, &'k str, Unit);

fn family(key: &MetricKey) -> Family<'_> {
    (&key.namespace, &key.name, key.unit)
}

fn encode(mut encoder: MetricEncoder<'_>, shape: Shape, total: &Total) -> fmt::Result {
    match shape {
        Shape::Counter => encoder.encode_counter::<NoLabelSet, f64, f64>(&total.sum, None),
        Shape::Gauge => encoder.encode_gauge(&total.last),
        Shape::Histogram => {
            let bounds = BOUNDS_MS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(total.buckets).collect();
            let count = total.buckets.iter().sum();
            encoder.encode_histogram::<NoLabelSet>(total.sum, count, &buckets, None)
        }
    }
}

/// `aws_states_executions_started`; of times `aws_states_execution_time_milliseconds`.
fn name_of(key: &MetricKey) -> String {
    let mut name = snake_case(&key.namespace.replace('/', "_"));
    name.push('_');
    name.push_str(&snake_case(&key.name));
    match key.unit {
        Unit::Milliseconds => name.push_str("_milliseconds"),
        Unit::Megabytes => name.push_str("_megabytes"),
        _ => {}
    }
    name
}

fn help_of(key: &MetricKey) -> String {
    format!(
        "{} of the namespace {} in CloudWatch",
        key.name, key.namespace
    )
}

fn labels_of(key: &MetricKey) -> Vec<(String, String)> {
    let mut labels = vec![
        ("account".to_owned(), key.account.to_string()),
        ("region".to_owned(), key.region.to_string()),
    ];
    let dimensions = key.dimensions.iter();
    labels.extend(dimensions.map(|(name, value)| (snake_case(name), value.to_string())));
    labels
}

/// `state_machine_arn` of `StateMachineArn`; what a label may not hold is `_`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    let mut was_lower = false;
    for char in name.chars() {
        if char.is_ascii_uppercase() && was_lower {
            snake.push('_');
        }
        was_lower = char.is_ascii_lowercase() || char.is_ascii_digit();
        let is_allowed = char.is_ascii_alphanumeric();
        snake.push(if is_allowed {
            char.to_ascii_lowercase()
        } else {
            '_'
        });
    }
    snake
}

/// What only this server has.
#[derive(Debug)]
struct Own {
    counters: Vec<(&'static str, &'static str, u64)>,
    open_executions: u64,
    process: Process,
}

impl Collector for Own {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, value) in &self.counters {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            encoder.encode_counter::<NoLabelSet, u64, f64>(value, None)?;
        }
        let mut gauge = |name: &str, help: &str, value: f64| {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            encoder.encode_gauge(&value)
        };
        let open = whole(self.open_executions);
        let help = "Standard executions that are open, of all accounts and Regions";
        gauge("lockstep_open_executions", help, open)?;
        let Process {
            cpu_seconds,
            resident_bytes,
            open_files,
            started_seconds,
        } = self.process;
        let help = "Memory that is in use";
        gauge("process_resident_memory_bytes", help, whole(resident_bytes))?;
        gauge(
            "process_open_fds",
            "Open files and sockets",
            whole(open_files),
        )?;
        let help = "When the process began, in seconds since the epoch";
        gauge("process_start_time_seconds", help, started_seconds)?;
        let name = "process_cpu_seconds";
        let help = "Processor time, that of the system included";
        let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, f64, f64>(&cpu_seconds, None)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "INVARIANT: a gauge may be off by one part in 2 to the power of 53"
)]
fn whole(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
