//! What a function writes, cut into log events, and the lines the platform adds around it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::spec::{FunctionSpec, LogFormat, LogLevel, LogSettings};

mod platform;
#[cfg(test)]
mod tests;

pub use platform::runtime_version_arn;
pub(crate) use platform::{InitPhase, PlatformEvent, Trace};

/// What AWS returns of a log: the last 4 KB.
const TAIL_BYTES_MAX: usize = 4_096;
/// The size limit of a CloudWatch event, 256 KB, less the 26 bytes each is charged for. A longer
/// line becomes several events.
const LINE_BYTES_MAX: usize = 262_144 - 26;

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
    settings: LogSettings,
    /// The line whose end has not come yet.
    line: Vec<u8>,
    /// The end of the current invocation's log, while someone wants it.
    tail: Option<VecDeque<u8>>,
}

impl Log {
    pub(crate) fn new(sink: Option<Box<dyn LogStream>>, settings: &LogSettings) -> Log {
        Log {
            sink,
            settings: settings.clone(),
            line: Vec::new(),
            tail: None,
        }
    }

    /// Whether anyone reads; if not, the platform's lines need not be made.
    fn is_read(&self) -> bool {
        self.sink.is_some() || self.tail.is_some()
    }

    /// Starts to keep the tail of an invocation.
    pub(crate) fn keep_tail(&mut self) {
        self.tail = Some(VecDeque::new());
    }

    pub(crate) fn take_tail(&mut self) -> Vec<u8> {
        self.tail.take().map(Vec::from).unwrap_or_default()
    }

    /// One event of the platform, in the format of the function.
    pub(crate) fn platform(&mut self, event: &PlatformEvent<'_>) {
        if !self.is_read() {
            return;
        }
        let now = Timestamp::now();
        let text = match self.settings.format {
            LogFormat::Text => event.text(),
            LogFormat::Json if event.level() < self.settings.system_level => None,
            LogFormat::Json => event.json(now),
        };
        if let Some(text) = text {
            self.emit(now, &text);
        }
    }

    /// Takes what a process wrote, in pieces of any size.
    pub(crate) fn output(&mut self, bytes: &[u8]) {
        if !self.is_read() {
            self.line.clear();
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            while self.line.len() > LINE_BYTES_MAX {
                let rest = self.line.split_off(cut(&self.line));
                self.end_line();
                self.line = rest;
            }
            if self.line.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    /// Makes an event of a last line without a line break.
    pub(crate) fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        if self.keeps(&line) {
            // Runtimes keep an event of several lines together by parting them with `\r`.
            let mut text = String::from_utf8_lossy(&line);
            if text.contains('\r') {
                text = text.replace("\r\n", "\n").replace('\r', "\n").into();
            }
            self.emit(Timestamp::now(), &text);
        }
        line.clear();
        self.line = line;
    }

    /// With JSON logs, a record that names its level is dropped when that is too low.
    fn keeps(&self, line: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Record<'a> {
            #[serde(borrow)]
            level: Cow<'a, str>,
        }
        if self.settings.format == LogFormat::Text || !line.starts_with(b"{") {
            return true;
        }
        let level = serde_json::from_slice::<Record<'_>>(line).ok();
        level
            .and_then(|record| LogLevel::parse(&record.level.to_ascii_uppercase()))
            .is_none_or(|level| level >= self.settings.application_level)
    }

    fn emit(&mut self, now: Timestamp, text: &str) {
        if let Some(tail) = &mut self.tail {
            let end = text.as_bytes();
            let end = end.split_at(end.len().saturating_sub(TAIL_BYTES_MAX)).1;
            tail.extend(end);
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES_MAX));
        }
        if let Some(sink) = &mut self.sink {
            sink.write(now.as_millisecond(), text);
        }
    }
}

/// Where a line that is too long is cut: not within a character.
fn cut(line: &[u8]) -> usize {
    let is_start = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    // A character has four bytes at most.
    let mut ends = (LINE_BYTES_MAX - 3..=LINE_BYTES_MAX).rev();
    ends.find(is_start).unwrap_or(LINE_BYTES_MAX)
}

/// `2026-01-02T03:04:05.678Z`
pub(crate) fn iso_ms(now: Timestamp) -> String {
    format!("{now:.3}")
}

/// `yyyy/mm/dd/[<version>]<32 hex digits>`; in a group that functions may share, the name stands
/// before the version.
pub(crate) fn stream_name(now: Timestamp, spec: &FunctionSpec, unique: [u8; 16]) -> String {
    let name = match &spec.logging.group {
        Some(_) => spec.name.as_str(),
        None => "",
    };
    format!(
        "{}/{name}[{}]{}",
        now.strftime("%Y/%m/%d"),
        spec.version,
        hex::encode(unique)
    )
}
