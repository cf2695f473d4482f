//! What can go wrong, with the codes, texts and positions of the reference implementation.

use std::fmt;

/// Why an expression does not compile, or why its evaluation ended without a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The reference's code (`T2001`, `S0202`, `D3030`); empty where the reference has none.
    pub code: &'static str,
    /// The reference's text with its placeholders filled in.
    pub message: String,
    /// Where in the source, in UTF-16 units from 0, behind the token at fault (as the reference
    /// counts); `None` where it knows no place.
    pub position: Option<usize>,
    /// The token at fault, as the reference reports it.
    pub token: Option<String>,
    /// Set when a limit ended the evaluation.
    pub limit: Option<Limit>,
}

/// The limits of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Steps,
    Bytes,
    Depth,
}

impl Error {
    pub(crate) fn limit(limit: Limit) -> Error {
        let (code, message) = match limit {
            Limit::Steps => (
                "U1001",
                "Expression evaluation timeout: Check for infinite loop",
            ),
            Limit::Bytes => ("", "Expression evaluation memory limit exceeded"),
            Limit::Depth => (
                "U1001",
                "Stack overflow error: Check for non-terminating recursive function.  Consider \
                 rewriting as tail-recursive.",
            ),
        };
        Error {
            code,
            message: message.to_owned(),
            position: None,
            token: None,
            limit: Some(limit),
        }
    }
}

impl fmt::Display for Error {
    /// As AWS shows it: `T1006: Attempted to invoke a non-function`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.code.is_empty() {
            write!(formatter, "{}: ", self.code)?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
