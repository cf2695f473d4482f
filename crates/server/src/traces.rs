//! Traces of executions, sent to an OpenTelemetry collector over OTLP (HTTP, JSON): one trace per
//! execution, spans per state and attempt. Off unless an endpoint is set.
//!
//! Best effort, as X-Ray's are: what a collector does not take in time is dropped, and the log says
//! so; executions never wait.

mod spans;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use engine::Observed;
use engine::observe::{Delivery, Observer, Receipt};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use outbound::{Fetch, Request};
use parking_lot::Mutex;
use services::states::StoredDefinitions;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::config::Config;

/// Commits that wait to be made spans of, which takes microseconds: they hold the payloads of
/// executions that may have ended.
const WAITING_MAX: usize = 10_000;
/// Requests that wait for the collector, half a megabyte each.
const REQUESTS_MAX: usize = 32;
/// Spans of a request; what collectors are set up for.
const SPANS_MAX: usize = 512;
/// How long a span waits for others.
const PATIENCE: Duration = Duration::from_secs(1);
/// What the end of the server waits for the collector.
const LAST_WORDS: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Pause between warnings about a collector that is gone.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// Tells of executions as they go on.
pub(crate) struct Tracer {
    definitions: Arc<StoredDefinitions>,
    /// Not only those of state machines whose tracing is enabled.
    all: bool,
    waiting: Sender<Arc<Observed>>,
    losses: Arc<Losses>,
}

impl Tracer {
    /// The tracer that the settings ask for, and what sends for it from now on. Inside a runtime.
    pub(crate) fn start(
        config: &Config,
        definitions: &Arc<StoredDefinitions>,
    ) -> Result<Option<(Tracer, Exporting)>> {
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(None);
        };
        let (waiting, told) = channel(WAITING_MAX);
        let (requests, taken) = channel(REQUESTS_MAX);
        let losses = Arc::new(Losses::default());
        let exporter = Exporter::new(endpoint, &config.otlp_headers, &losses)?;
        let gatherer = Gatherer {
            told,
            requests,
            losses: Arc::clone(&losses),
        };
        let tracer = Tracer {
            definitions: Arc::clone(definitions),
            all: config.otlp_all,
            waiting,
            losses,
        };
        let (end, ending) = watch::channel(false);
        let task = tokio::spawn(async move {
            tokio::join!(gatherer.run(ending), exporter.run(taken));
        });
        Ok(Some((tracer, Exporting { end, task })))
    }
}

/// The sending of spans.
pub(crate) struct Exporting {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Exporting {
    /// Sends what was told so far, as long as that takes little time.
    pub(crate) async fn finish(self) {
        self.end.send_replace(true);
        if tokio::time::timeout(LAST_WORDS, self.task).await.is_err() {
            tracing::warn!("the last spans were not taken in time and are lost");
        }
    }
}

impl Observer for Tracer {
    fn wants(&self, definition: u64) -> Option<Delivery> {
        let is_users = !services::system::is_system(definition);
        let wanted = is_users && (self.all || self.definitions.is_traced(definition));
        wanted.then_some(Delivery::AtMostOnce)
    }

    fn observe(&self, seen: &Arc<Observed>, _receipt: Option<Receipt>) {
        if self.waiting.try_send(Arc::clone(seen)).is_err() {
            self.losses
                .warn("executions are faster than their spans are made");
        }
    }
}

/// Says that spans are lost, and not more often than once in a while.
#[derive(Default)]
struct Losses {
    warned: Mutex<Option<Instant>>,
}

impl Losses {
    fn warn(&self, reason: &str) {
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| at.elapsed() >= WARNING_PAUSE) {
            *warned = Some(Instant::now());
            tracing::warn!(reason, "spans are lost");
        }
    }
}

/// Makes spans of what is told, and requests of spans. It never waits for the collector, so that
/// what it is told does not wait either.
struct Gatherer {
    told: Receiver<Arc<Observed>>,
    requests: Sender<Vec<Span>>,
    losses: Arc<Losses>,
}

impl Gatherer {
    /// Until the server ends; then what was told before.
    async fn run(mut self, mut ending: watch::Receiver<bool>) {
        let mut spans: Vec<Span> = Vec::new();
        let mut ticks = interval(PATIENCE);
        loop {
            tokio::select! {
                Some(seen) = self.told.recv() => spans.extend(spans::ended(&seen)),
                _ = ticks.tick(), if !spans.is_empty() => {
                    self.hand_over(std::mem::take(&mut spans));
                }
                // Whoever could say so is gone, or says so.
                _ = ending.changed() => break,
            }
            while spans.len() >= SPANS_MAX {
                let rest = spans.split_off(SPANS_MAX);
                self.hand_over(std::mem::replace(&mut spans, rest));
            }
        }
        while let Ok(seen) = self.told.try_recv() {
            spans.extend(spans::ended(&seen));
        }
        let mut rest = spans.into_iter().peekable();
        while rest.peek().is_some() {
            let some = rest.by_ref().take(SPANS_MAX).collect();
            // It ends after this one.
            let _ = self.requests.send(some).await;
        }
    }

    fn hand_over(&self, spans: Vec<Span>) {
        if self.requests.try_send(spans).is_err() {
            self.losses.warn("the collector is slower than executions");
        }
    }
}

/// Sends spans to the collector.
struct Exporter {
    client: outbound::Client,
    url: String,
    headers: HeaderMap,
    losses: Arc<Losses>,
}

impl Exporter {
    fn new(endpoint: &str, headers: &[String], losses: &Arc<Losses>) -> Result<Exporter> {
        let no_url = || {
            format!(
                "`otlp_endpoint` is `{endpoint}`: no URL of the form http://HOST:PORT, where a \
                 collector takes OTLP over HTTP"
            )
        };
        let uri: Uri = endpoint.parse().with_context(no_url)?;
        // `collector` alone would be read as a host, and `collector:4318` as one with a port.
        let (Some(host), Some(_)) = (uri.host(), uri.scheme()) else {
            bail!(no_url());
        };
        let host = host.trim_matches(['[', ']']);
        // Whoever sets the endpoint may mean a private address.
        let client = outbound::Client::new(&[host], &[])?;
        let url = match endpoint.ends_with("/v1/traces") {
            true => endpoint.to_owned(),
            false => format!("{}/v1/traces", endpoint.trim_end_matches('/')),
        };
        Ok(Exporter {
            client,
            url,
            headers: headers_of(headers)?,
            losses: Arc::clone(losses),
        })
    }

    /// Sends what is gathered, until nobody gathers any more.
    async fn run(self, mut taken: Receiver<Vec<Span>>) {
        while let Some(spans) = taken.recv().await {
            if let Err(reason) = self.sent(spans).await {
                self.losses.warn(&format!("`{}`: {reason}", self.url));
            }
        }
    }

    async fn sent(&self, spans: Vec<Span>) -> Result<(), String> {
        let body = serde_json::to_vec(&request(spans)).map_err(|error| error.to_string())?;
        let request = Request {
            method: Method::POST,
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: body.into(),
            timeout: TIMEOUT,
            body_bytes_max: ANSWER_BYTES_MAX,
            thumbprints: Vec::new(),
        };
        let answer = self.client.fetch(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            200..300 => Ok(()),
            status => Err(format!("the collector answered {status}")),
        }
    }
}

fn headers_of(lines: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for line in lines {
        // The value may be a secret: only the name is told.
        let Some((name, value)) = line.split_once('=') else {
            bail!(
                "an entry of `otlp_headers` has no `=`; one looks like `Authorization=Bearer ...`"
            );
        };
        let bad = || format!("`otlp_headers` has a header `{name}` that HTTP does not allow");
        let name: HeaderName = name.trim().parse().with_context(bad)?;
        headers.insert(name, value.trim().parse().with_context(bad)?);
    }
    Ok(headers)
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let text = |name: &str, value: &str| {
        spans::attribute(name, AnyValueKind::StringValue(value.to_owned()))
    };
    let version = env!("CARGO_PKG_VERSION");
    let scope = InstrumentationScope {
        name: "lockstep".to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    };
    let resource = Resource {
        attributes: vec![
            text("service.name", "lockstep"),
            text("service.version", version),
        ],
        ..Resource::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
