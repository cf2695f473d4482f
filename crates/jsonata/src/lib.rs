//! The JSONata language (2.0.x, as AWS Step Functions has it) over [`json::Value`]: compiled once,
//! run many times, without converting values, metered instead of timed.

mod builder;
mod error;
mod eval;
mod frame;
mod function;
mod functions;
mod item;
mod ledger;
mod lower;
mod meter;
mod program;
mod references;
#[cfg(test)]
mod suite;
mod syntax;
mod text;
mod tuple;

use std::sync::Arc;

use json::Value;

pub use error::{Error, Limit};
pub use meter::{Allowance, Meter};
pub use references::{References, Variable};

/// A compiled expression. A clone is one reference count; it may be shared between threads.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: String,
    program: program::Program,
    references: References,
}

/// What an expression evaluates to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing: a path that leads nowhere, an empty sequence.
    Undefined,
    Value(Value),
    /// The result is a function, or holds one somewhere within.
    Function,
}

/// What lies outside an expression.
pub trait Environment {
    /// The value of a variable that the expression does not bind itself. Asked at most once for
    /// each name in an evaluation, and only when the variable is used.
    fn variable(&self, name: &str) -> Option<Value>;
    /// Milliseconds since 1970-01-01T00:00:00Z; the same for the whole evaluation.
    fn now_ms(&self) -> i64;
    /// The next 64 random bits, others at each call.
    fn random(&self) -> u64;
}

/// Compiles an expression.
///
/// # Errors
/// The first place that is not JSONata, with the reference's code, text and position.
pub fn compile(source: &str) -> Result<Expression, Error> {
    let syntax = syntax::parse(source).map_err(error::Fault::finish)?;
    let (program, references) = lower::lower(syntax);
    Ok(Expression(Arc::new(Compiled {
        source: source.to_owned(),
        program,
        references,
    })))
}

impl Expression {
    /// Evaluates the expression; `input` is what `$` and `$$` stand for.
    ///
    /// # Errors
    /// With the code and text of the reference, or the [`Limit`] that the evaluation met.
    pub fn evaluate(
        &self,
        input: Option<&Value>,
        environment: &dyn Environment,
        meter: &Meter,
    ) -> Result<Outcome, Error> {
        eval::run(&self.0.program, input, environment, meter)
    }

    /// The text that was compiled.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What the expression names that is not bound within it.
    pub fn references(&self) -> &References {
        &self.0.references
    }
}
