//! The Amazon States Language, pure: a definition becomes diagnostics and a [`program::Program`];
//! [`decide`](decide::decide) turns one input from outside into events and effects, and
//! [`apply`](apply::apply) folds events into a [`run::Run`]. No clock, no randomness, no I/O.
//!
//! ```
//! use asl::decide::{Allowance, Input, Moment, decide};
//! use asl::definition::{Catalogue, MachineType, Resolved};
//! use asl::event::Start;
//! use asl::run::{Run, Status};
//! use asl::time::Timestamp;
//!
//! struct NoTasks;
//! impl Catalogue for NoTasks {
//!     fn resolve(&self, _resource: &str) -> Resolved {
//!         Resolved::Unknown
//!     }
//! }
//!
//! let definition = r#"{"StartAt": "A", "States": {"A": {
//!     "Type": "Wait", "SecondsPath": "$.seconds", "OutputPath": "$.word", "End": true}}}"#;
//! let compiled = asl::compile::compile(definition, MachineType::Standard, &NoTasks);
//! let program = compiled.program.expect("a definition without errors");
//!
//! let start = Box::new(Start {
//!     input: json::parse(r#"{"seconds": 10, "word": "done"}"#)?,
//!     ..Start::default()
//! });
//! let allowance = Allowance::Inline;
//! let moment = Moment { now: Timestamp(0), random: 0, allowance };
//! let begun = decide(&program, &Run::default(), moment, Input::Start(start)).unwrap();
//! assert_eq!(begun.run.deadline(), Some(Timestamp(10_000)));
//!
//! let moment = Moment { now: Timestamp(10_000), ..moment };
//! let ended = decide(&program, &begun.run, moment, Input::DeadlineReached).unwrap();
//! assert_eq!(ended.run.status, Status::Succeeded);
//! assert_eq!(ended.run.end.unwrap().output, Some("done".into()));
//! # Ok::<(), json::ParseError>(())
//! ```

pub mod apply;
pub mod choice;
pub mod compile;
pub mod context;
pub mod decide;
pub mod definition;
pub mod event;
pub mod history;
pub mod intrinsics;
pub mod item_reader;
pub mod jsonpath;
pub mod limits;
pub mod program;
pub mod query;
pub mod run;
pub mod template;
pub mod test_state;
pub mod time;
pub mod token;
pub mod validate;
