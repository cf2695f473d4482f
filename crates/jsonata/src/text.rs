//! The functions on strings, numbers and dates, free of the evaluator: they take plain arguments
//! and answer as jsonata-js 2.0.6 does, with its codes and texts. What the reference leaves to its
//! host (a memory limit, an endless loop) ends here by the meter.
//!
//! An [`Error`] made here names neither place nor function; the caller knows both.

pub(crate) mod additions;
pub(crate) mod builder;
pub(crate) mod datetime;
pub(crate) mod encode;
pub(crate) mod format_number;
pub(crate) mod hash;
pub(crate) mod integers;
pub(crate) mod numbers;
pub(crate) mod regex;
pub(crate) mod serialise;
pub(crate) mod strings;

use crate::error::Error;

/// An error with its final text.
fn error(code: &'static str, message: impl Into<String>) -> Error {
    Error {
        code,
        message: message.into(),
        position: None,
        token: None,
        limit: None,
    }
}

/// One step for each 64 bytes a function looks at, and one for looking at all.
fn steps_to_read(text: &str) -> u64 {
    1 + text.len() as u64 / 64
}
