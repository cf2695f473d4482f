//! What a function writes, cut into log events, and the lines the platform adds around it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::failure::Failure;
use crate::spec::{FunctionSpec, Report};

#[cfg(test)]
mod tests;

/// What AWS returns of a log: the last 4 KB.
const TAIL_BYTES_MAX: usize = 4_096;
/// The size limit of a CloudWatch event; a longer line becomes several events.
const LINE_BYTES_MAX: usize = 262_144;

/// Where log events go. Called on the path of an invocation: neither this nor what it opens may
/// block.
pub trait LogSink: Send + Sync {
    /// Called when an environment starts, once for its one stream; the place to decide whether its
    /// role may write logs.
    fn open(&self, spec: &Arc<FunctionSpec>, group: &str, stream: &str) -> Box<dyn LogStream>;
}

/// The open log stream of one environment.
pub trait LogStream: Send {
    /// One event. Text that a function wrote ends with a line break as AWS keeps it; `time_ms` is
    /// Unix time.
    fn write(&mut self, time_ms: i64, event: &str);
}

/// The log of one environment.
pub(crate) struct Log {
    sink: Option<Box<dyn LogStream>>,
    /// The line whose end has not come yet.
    line: Vec<u8>,
    /// The end of the current invocation's log, while someone wants it.
    tail: Option<VecDeque<u8>>,
}

impl Log {
    pub(crate) fn new(sink: Option<Box<dyn LogStream>>) -> Log {
        Log {
            sink,
            line: Vec::new(),
            tail: None,
        }
    }

    /// Whether anyone reads; if not, the platform's lines need not be made.
    pub(crate) fn is_read(&self) -> bool {
        self.sink.is_some() || self.tail.is_some()
    }

    /// Starts to keep the tail of an invocation.
    pub(crate) fn keep_tail(&mut self) {
        self.tail = Some(VecDeque::new());
    }

    pub(crate) fn take_tail(&mut self) -> Vec<u8> {
        self.tail.take().map(Vec::from).unwrap_or_default()
    }

    /// One event of the platform.
    pub(crate) fn platform(&mut self, text: &str) {
        if self.is_read() {
            self.emit(text.as_bytes());
        }
    }

    /// Takes what a process wrote, in pieces of any size.
    pub(crate) fn output(&mut self, bytes: &[u8]) {
        if !self.is_read() {
            self.line.clear();
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            // Long lines arrive in pieces no longer than the reader's buffer.
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LINE_BYTES_MAX {
                self.end_line();
            }
        }
    }

    /// Makes an event of a last line without a line break.
    pub(crate) fn end_line(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.emit(&line);
            self.line = line;
            self.line.clear();
        }
    }

    fn emit(&mut self, event: &[u8]) {
        // Runtimes keep an event of several lines together by parting them with `\r`.
        let mut text = String::from_utf8_lossy(event);
        if text.contains('\r') {
            text = text.replace("\r\n", "\n").replace('\r', "\n").into();
        }
        if let Some(tail) = &mut self.tail {
            let end = text.as_bytes();
            let end = end.split_at(end.len().saturating_sub(TAIL_BYTES_MAX)).1;
            tail.extend(end);
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES_MAX));
        }
        if let Some(sink) = &mut self.sink {
            sink.write(Timestamp::now().as_millisecond(), &text);
        }
    }
}

/// `2026-01-02T03:04:05.678Z`
pub(crate) fn iso_ms(now: Timestamp) -> String {
    format!("{now:.3}")
}

/// `yyyy/mm/dd/[<version>]<32 hex digits>`
pub(crate) fn stream_name(now: Timestamp, version: &str, unique: [u8; 16]) -> String {
    format!(
        "{}/[{version}]{}",
        now.strftime("%Y/%m/%d"),
        hex::encode(unique)
    )
}

/// What a REPORT line says.
pub(crate) struct ReportLine<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) report: &'a Report,
    pub(crate) memory_mb: u32,
    pub(crate) failure: Option<&'a Failure>,
}

impl ReportLine<'_> {
    pub(crate) fn text(&self) -> String {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        let report = self.report;
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\t\
             Memory Size: {} MB\tMax Memory Used: {} MB\t",
            self.request_id,
            milliseconds(report.duration),
            report.billed_ms,
            self.memory_mb,
            report.memory_used_mb,
        );
        if let Some(init) = report.init {
            line += &format!("Init Duration: {:.2} ms\t", milliseconds(init));
        }
        if let Some(failure) = self.failure {
            line += &format!("Status: {}", failure.status);
            if failure.status == "error" {
                line += &format!("\tError Type: {}", failure.error_type);
            }
        }
        line.push('\n');
        line
    }
}
