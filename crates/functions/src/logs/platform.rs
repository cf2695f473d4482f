//! The events that the platform adds to a log, as lines of text or as JSON.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::iso_ms;
use crate::failure::{Failure, Origin};
use crate::spec::{FunctionSpec, Invocation, LogLevel, Report};

#[cfg(test)]
mod tests;

/// Where a runtime comes up: before the first invocation, or as a part of it when that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitPhase {
    Init,
    Invoke,
}

impl InitPhase {
    fn name(self) -> &'static str {
        match self {
            InitPhase::Init => "init",
            InitPhase::Invoke => "invoke",
        }
    }
}

/// The trace an invocation belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// `Root=1-…;Parent=…;Sampled=0`
    pub(crate) header: String,
}

impl Trace {
    /// The trace of the caller, or one that starts here.
    pub(crate) fn of(
        invocation: &Invocation,
        now: Timestamp,
        root: impl FnOnce() -> [u8; 12],
        parent: impl FnOnce() -> [u8; 8],
    ) -> Trace {
        let made_up = || {
            let (root, parent) = (hex::encode(root()), hex::encode(parent()));
            let seconds = now.as_second();
            format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0")
        };
        Trace {
            header: invocation.trace_id.clone().unwrap_or_else(made_up),
        }
    }

    fn part(&self, name: &str) -> &str {
        let mut parts = self.header.split(';');
        parts
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    }

    pub(crate) fn is_sampled(&self) -> bool {
        self.part("Sampled") == "1"
    }

    fn json(&self) -> Value {
        json!({
            "spanId": self.part("Parent"),
            "type": "X-Amzn-Trace-Id",
            "value": self.header,
        })
    }
}

/// The state of an extension here, and why.
const NOT_STARTED: &str = "NotStarted";
const UNSUPPORTED: &str = "Extension.NotSupported";

/// What the platform tells.
pub(crate) enum PlatformEvent<'a> {
    /// An environment starts.
    InitStart {
        spec: &'a FunctionSpec,
        stream: &'a str,
        /// Of the host's interpreter.
        version: Option<&'a str>,
    },
    /// A layer brings a program that AWS would start beside the runtime. It is not started.
    Extension { name: &'a str },
    /// The runtime did not come up.
    InitReport {
        phase: InitPhase,
        duration: Duration,
        status: &'a str,
        error_type: Cow<'a, str>,
    },
    Start {
        request_id: &'a str,
        spec: &'a FunctionSpec,
        trace: Option<&'a Trace>,
    },
    /// Why there is no answer.
    Fault { line: &'a str },
    End {
        request_id: &'a str,
        report: &'a Report,
        failure: Option<&'a Failure>,
        produced_bytes: usize,
    },
    Report {
        request_id: &'a str,
        report: &'a Report,
        memory_mb: u32,
        failure: Option<&'a Failure>,
        trace: Option<&'a Trace>,
    },
}

impl PlatformEvent<'_> {
    /// As in AWS's table "System log level event mapping".
    pub(crate) fn level(&self) -> LogLevel {
        match self {
            PlatformEvent::InitReport { .. }
            | PlatformEvent::Extension { .. }
            | PlatformEvent::Fault { .. } => LogLevel::Warn,
            PlatformEvent::InitStart { .. } | PlatformEvent::Start { .. } => LogLevel::Info,
            PlatformEvent::End { failure: None, .. } => LogLevel::Debug,
            PlatformEvent::Report { failure: None, .. } => LogLevel::Info,
            PlatformEvent::End { .. } | PlatformEvent::Report { .. } => LogLevel::Warn,
        }
    }

    /// The line of a log in text.
    pub(crate) fn text(&self) -> Option<String> {
        Some(match self {
            PlatformEvent::InitStart { spec, version, .. } => format!(
                "INIT_START Runtime Version: {}\tRuntime Version ARN: {}\n",
                runtime_version(spec, *version),
                runtime_version_arn(&spec.runtime, &spec.region),
            ),
            PlatformEvent::Extension { name } => format!(
                "EXTENSION\tName: {name}\tState: {NOT_STARTED}\tEvents: []\t\
                 Error Type: {UNSUPPORTED}\n"
            ),
            PlatformEvent::InitReport {
                phase,
                duration,
                status,
                error_type,
            } => {
                let error_type = match *status {
                    "timeout" => String::new(),
                    _ => format!("\tError Type: {error_type}"),
                };
                format!(
                    "INIT_REPORT Init Duration: {:.2} ms\tPhase: {}\t\
                     Status: {status}{error_type}\n",
                    milliseconds(*duration),
                    phase.name(),
                )
            }
            PlatformEvent::Start {
                request_id, spec, ..
            } => format!("START RequestId: {request_id} Version: {}\n", spec.version),
            PlatformEvent::Fault { line } => (*line).to_owned(),
            PlatformEvent::End { request_id, .. } => format!("END RequestId: {request_id}\n"),
            PlatformEvent::Report {
                request_id,
                report,
                memory_mb,
                failure,
                trace,
            } => report_line(request_id, report, *memory_mb, *failure, *trace),
        })
    }

    /// The record of a log in JSON, as a line.
    pub(crate) fn json(&self, now: Timestamp) -> Option<String> {
        let (kind, record) = self.record()?;
        let record = json!({ "time": iso_ms(now), "type": kind, "record": record });
        Some(format!("{record}\n"))
    }

    fn record(&self) -> Option<(&'static str, Value)> {
        Some(match self {
            PlatformEvent::InitStart {
                spec,
                stream,
                version,
            } => (
                "platform.initStart",
                json!({
                    "initializationType": "on-demand",
                    "phase": "init",
                    "runtimeVersion": runtime_version(spec, *version),
                    "runtimeVersionArn": runtime_version_arn(&spec.runtime, &spec.region),
                    "functionName": spec.name,
                    "functionVersion": spec.version,
                    "instanceId": stream,
                    "instanceMaxMemory": u64::from(spec.memory_mb) * 1_048_576,
                }),
            ),
            PlatformEvent::Extension { name } => (
                "platform.extension",
                json!({
                    "name": name,
                    "state": NOT_STARTED,
                    "events": [],
                    "errorType": UNSUPPORTED,
                }),
            ),
            PlatformEvent::InitReport {
                phase,
                duration,
                status,
                error_type,
            } => (
                "platform.initReport",
                json!({
                    "initializationType": "on-demand",
                    "phase": phase.name(),
                    "status": status,
                    "errorType": error_type,
                    "metrics": { "durationMs": rounded(*duration) },
                }),
            ),
            // The records that follow say it.
            PlatformEvent::Fault { .. } => return None,
            PlatformEvent::Start { .. }
            | PlatformEvent::End { .. }
            | PlatformEvent::Report { .. } => return self.invocation_record(),
        })
    }

    fn invocation_record(&self) -> Option<(&'static str, Value)> {
        let (kind, request_id, metrics, failure, trace) = match self {
            PlatformEvent::Start {
                request_id,
                spec,
                trace,
            } => {
                let mut record = json!({ "requestId": request_id, "version": spec.version });
                add(&mut record, "tracing", trace.map(Trace::json));
                return Some(("platform.start", record));
            }
            PlatformEvent::End {
                request_id,
                report,
                failure,
                produced_bytes,
            } => {
                let metrics = json!({
                    "durationMs": rounded(report.duration),
                    "producedBytes": produced_bytes,
                });
                ("platform.runtimeDone", request_id, metrics, failure, None)
            }
            PlatformEvent::Report {
                request_id,
                report,
                memory_mb,
                failure,
                trace,
            } => {
                let metrics = report_metrics(report, *memory_mb);
                ("platform.report", request_id, metrics, failure, *trace)
            }
            _ => return None,
        };
        let status = failure.map_or("success", |failure| failure.status);
        let mut record = json!({ "requestId": request_id, "status": status });
        let error_type = failure.map(|failure| failure.error_type.as_ref().into());
        add(&mut record, "errorType", error_type);
        add(&mut record, "metrics", Some(metrics));
        add(&mut record, "tracing", trace.map(Trace::json));
        Some((kind, record))
    }
}

fn report_line(
    request_id: &str,
    report: &Report,
    memory_mb: u32,
    failure: Option<&Failure>,
    trace: Option<&Trace>,
) -> String {
    let mut line = format!(
        "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {} ms\t\
         Memory Size: {memory_mb} MB\tMax Memory Used: {} MB\t",
        milliseconds(report.duration),
        report.billed_ms,
        report.memory_used_mb,
    );
    if let Some(init) = report.init {
        line += &format!("Init Duration: {:.2} ms\t", milliseconds(init));
    }
    match failure {
        // What a handler raises is its own affair.
        None
        | Some(Failure {
            origin: Origin::Handler,
            ..
        }) => {}
        Some(Failure {
            status, error_type, ..
        }) => {
            line += &format!("Status: {status}");
            if *status == "error" {
                line += &format!("\tError Type: {error_type}");
            }
        }
    }
    line.push('\n');
    if let Some(trace) = trace {
        let (root, segment) = (trace.part("Root"), trace.part("Parent"));
        line += &format!("XRAY TraceId: {root}\tSegmentId: {segment}\tSampled: true\t\n");
    }
    line
}

fn report_metrics(report: &Report, memory_mb: u32) -> Value {
    let mut metrics = json!({
        "durationMs": rounded(report.duration),
        "billedDurationMs": report.billed_ms,
        "memorySizeMB": memory_mb,
        "maxMemoryUsedMB": report.memory_used_mb,
    });
    add(
        &mut metrics,
        "initDurationMs",
        report.init.map(|init| rounded(init).into()),
    );
    metrics
}

fn add(record: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (record.as_object_mut(), value) {
        Map::insert(members, name.to_owned(), value);
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// To the microsecond, as AWS gives it.
fn rounded(duration: Duration) -> f64 {
    (milliseconds(duration) * 1_000.0).round() / 1_000.0
}

/// `python:3.12 (host 3.11.7)`: AWS has the number of its own build where the host's stands.
fn runtime_version(spec: &FunctionSpec, host: Option<&str>) -> String {
    let at = spec.runtime.find(|c: char| c.is_ascii_digit() || c == '.');
    let (name, number) = spec.runtime.split_at(at.unwrap_or(spec.runtime.len()));
    let shown = format!("{name}:{}", number.trim_start_matches('.'));
    match host {
        Some(host) => format!("{shown} (host {host})"),
        None => shown,
    }
}

/// The ARN in INIT_START and in a function's `RuntimeVersionConfig`. AWS has one for each build of
/// a runtime; here it is one for each runtime and Region.
pub fn runtime_version_arn(runtime: &str, region: &str) -> String {
    let digest = hex::encode(Sha256::digest(runtime));
    format!("arn:aws:lambda:{region}::runtime:{digest}")
}
