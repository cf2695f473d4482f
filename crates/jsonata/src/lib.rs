//! The JSONata language (2.0.x, as AWS Step Functions has it) over [`json::Value`]: compiled once,
//! run many times, without converting values, metered instead of timed.

mod error;
mod meter;

pub use error::{Error, Limit};
pub use meter::{Allowance, Meter};
