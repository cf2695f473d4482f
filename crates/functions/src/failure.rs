//! The error bodies that the platform itself writes, when no runtime is left to write one.
//!
//! Texts as AWS gives them: an error type, and a message that names the request.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

#[cfg(test)]
mod tests;

/// AWS's bound for what a function may answer: 6 MB and some room for the envelope.
pub(crate) const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// An invocation that ended without an answer from the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The class shown in the REPORT line, such as `Runtime.ExitError`.
    pub(crate) error_type: &'static str,
    /// What the log says before END.
    pub(crate) log_line: String,
    /// The `Status` of the REPORT line.
    pub(crate) status: &'static str,
    pub(crate) payload: Bytes,
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

/// The function ran longer than its timeout. `now` is the ISO time of the log line.
pub(crate) fn timed_out(request_id: &str, timeout: Duration, now: &str) -> Failure {
    let text = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
    Failure {
        error_type: "Sandbox.Timedout",
        payload: body(
            "Sandbox.Timedout",
            &format!("RequestId: {request_id} Error: {text}"),
        ),
        log_line: format!("{now} {request_id} {text}\n"),
        status: "timeout",
    }
}

/// The process ended before it answered.
pub(crate) fn exited(request_id: &str, status: ExitStatus) -> Failure {
    let text = match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_string(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, signal) => {
            format!(
                "Runtime exited with error: signal: {}",
                signal_name(signal.unwrap_or(0))
            )
        }
    };
    let message = format!("RequestId: {request_id} Error: {text}");
    Failure {
        error_type: "Runtime.ExitError",
        payload: body("Runtime.ExitError", &message),
        log_line: format!("{message}\nRuntime.ExitError\n"),
        status: "error",
    }
}

/// The function answered more than [`RESPONSE_BYTES_MAX`] bytes.
pub(crate) fn response_too_large() -> Bytes {
    // The members stand in AWS's order, which here is the other way round.
    let text = format!(
        "{{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size \
         ({RESPONSE_BYTES_MAX} bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}}"
    );
    Bytes::from(text)
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
