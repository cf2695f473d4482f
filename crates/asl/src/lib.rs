//! The Amazon States Language, pure: a definition becomes diagnostics and a [`program::Program`];
//! [`decide`](decide::decide) turns one input from outside into events and effects, and
//! [`apply`](apply::apply) folds events into a [`run::Run`]. No clock, no randomness, no I/O.

pub mod apply;
pub mod choice;
pub mod compile;
pub mod context;
pub mod decide;
pub mod definition;
pub mod event;
pub mod history;
pub mod jsonpath;
pub mod limits;
pub mod program;
pub mod run;
pub mod template;
pub mod time;
pub mod token;
pub mod validate;
