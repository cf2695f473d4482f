//! How an invocation fails, and the error bodies that the platform itself writes, when no runtime
//! is left to write one.
//!
//! Texts as AWS gives them: an error type, and a message that names the request.

use std::borrow::Cow;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::logs::iso_ms;
use crate::process::Exit;

#[cfg(test)]
mod tests;

/// AWS's bound for what a function may answer: 6 MB and some room for the envelope.
pub(crate) const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// An invocation that gives an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) payload: Bytes,
    /// The class shown in the log, such as `Runtime.ExitError`.
    pub(crate) error_type: Cow<'static, str>,
    /// `Status` of the REPORT line: `error` or `timeout`.
    pub(crate) status: &'static str,
    /// What the log says before END.
    pub(crate) log_line: Option<String>,
    pub(crate) origin: Origin,
}

/// Where a failure comes from, and so what is left after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The runtime reported it and goes on.
    Handler,
    /// The platform refused the answer; the runtime goes on.
    Answer,
    /// There is no runtime any more, or must not be.
    Process,
    /// As before; it was killed for its memory.
    Memory,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The runtime reported an error instead of asking for an event.
    InitFailed(Failure),
    /// There is no program to start; the text says which.
    InvalidEntrypoint(String),
    TimedOut,
    Exited(Exit),
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "errorType")]
    error_type: &'a str,
    #[serde(rename = "errorMessage")]
    message: &'a str,
}

fn body(error_type: &str, message: &str) -> Bytes {
    // Two strings always serialise.
    serde_json::to_vec(&Body {
        error_type,
        message,
    })
    .unwrap_or_default()
    .into()
}

impl Failure {
    /// What a runtime posted as an error; `named` is the type it gave beside the body.
    pub(crate) fn reported(payload: Bytes, named: Option<&str>) -> Failure {
        #[derive(Deserialize)]
        struct Given<'a> {
            #[serde(rename = "errorType", borrow)]
            error_type: Option<Cow<'a, str>>,
        }
        let given = || {
            serde_json::from_slice::<Given<'_>>(&payload)
                .ok()?
                .error_type
        };
        let error_type = match named {
            Some(named) => Some(named.to_owned()),
            None => given().map(Cow::into_owned),
        };
        Failure {
            error_type: error_type.map_or("Runtime.Unknown".into(), Cow::Owned),
            payload,
            status: "error",
            log_line: None,
            origin: Origin::Handler,
        }
    }

    /// The function answered more than [`RESPONSE_BYTES_MAX`] bytes.
    pub(crate) fn response_too_large() -> Failure {
        // The members stand in AWS's order, which here is the other way round.
        let text = format!(
            "{{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size \
             ({RESPONSE_BYTES_MAX} bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}}"
        );
        Failure {
            payload: text.into(),
            error_type: "Function.ResponseSizeTooLarge".into(),
            status: "error",
            log_line: None,
            origin: Origin::Answer,
        }
    }

    /// Whether the process cannot be used again.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(self.origin, Origin::Process | Origin::Memory)
    }
}

impl Cause {
    /// `Status` in the log.
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Cause::TimedOut => "timeout",
            Cause::InitFailed(_) | Cause::InvalidEntrypoint(_) | Cause::Exited(_) => "error",
        }
    }

    /// The class shown in the log.
    pub(crate) fn error_type(&self) -> Cow<'static, str> {
        match self {
            Cause::InitFailed(failure) => init_error_type(&failure.error_type),
            Cause::InvalidEntrypoint(_) => "Runtime.InvalidEntrypoint".into(),
            Cause::TimedOut => "Sandbox.Timedout".into(),
            Cause::Exited(exit) if exit.out_of_memory => "Runtime.OutOfMemory".into(),
            Cause::Exited(_) => "Runtime.ExitError".into(),
        }
    }

    /// What an invocation gets of it.
    pub(crate) fn failure(self, request_id: &str, timeout: Duration) -> Failure {
        let (error_type, status) = (self.error_type(), self.status());
        let (kind, text, log_line, origin) = match self {
            Cause::InitFailed(failure) => {
                return Failure {
                    error_type,
                    origin: Origin::Process,
                    ..failure
                };
            }
            Cause::TimedOut => {
                let text = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
                let line = format!("{} {request_id} {text}\n", iso_ms(Timestamp::now()));
                ("Sandbox.Timedout", text, Some(line), Origin::Process)
            }
            Cause::InvalidEntrypoint(text) => {
                ("Runtime.InvalidEntrypoint", text, None, Origin::Process)
            }
            Cause::Exited(exit) if exit.out_of_memory => (
                "Runtime.ExitError",
                exit_text(exit.status),
                None,
                Origin::Memory,
            ),
            Cause::Exited(exit) => (
                "Runtime.ExitError",
                exit_text(exit.status),
                None,
                Origin::Process,
            ),
        };
        let message = format!("RequestId: {request_id} Error: {text}");
        Failure {
            payload: body(kind, &message),
            log_line: Some(log_line.unwrap_or_else(|| format!("{message}\n{kind}\n"))),
            error_type,
            status,
            origin,
        }
    }
}

/// AWS shows types of its own and of functions that have the form of its own; all else is unknown.
fn init_error_type(given: &str) -> Cow<'static, str> {
    let known = ["Runtime.", "Function."].into_iter().any(|prefix| {
        given.strip_prefix(prefix).is_some_and(|name| {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
    });
    match known {
        true => Cow::Owned(given.to_owned()),
        false if given.starts_with("Function.") => "Function.Unknown".into(),
        false => "Runtime.Unknown".into(),
    }
}

fn exit_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_string(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, signal) => {
            format!(
                "Runtime exited with error: signal: {}",
                signal_name(signal.unwrap_or(0))
            )
        }
    }
}

/// Signals as AWS's platform, written in Go, prints them.
fn signal_name(signal: i32) -> String {
    use nix::sys::signal::Signal;
    let name = match Signal::try_from(signal) {
        Ok(Signal::SIGHUP) => "hangup",
        Ok(Signal::SIGINT) => "interrupt",
        Ok(Signal::SIGQUIT) => "quit",
        Ok(Signal::SIGILL) => "illegal instruction",
        Ok(Signal::SIGTRAP) => "trace/breakpoint trap",
        Ok(Signal::SIGABRT) => "aborted",
        Ok(Signal::SIGBUS) => "bus error",
        Ok(Signal::SIGFPE) => "floating point exception",
        Ok(Signal::SIGKILL) => "killed",
        Ok(Signal::SIGUSR1) => "user defined signal 1",
        Ok(Signal::SIGSEGV) => "segmentation fault",
        Ok(Signal::SIGUSR2) => "user defined signal 2",
        Ok(Signal::SIGPIPE) => "broken pipe",
        Ok(Signal::SIGALRM) => "alarm clock",
        Ok(Signal::SIGTERM) => "terminated",
        _ => return format!("signal {signal}"),
    };
    name.to_string()
}
