//! Filter patterns.

/// Why a text is no filter pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern")]
pub struct Invalid;
