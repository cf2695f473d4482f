//! The JSONata language (2.0.x, as AWS Step Functions has it) over [`json::Value`]: compiled once,
//! run many times, without converting values, metered instead of timed.
//!
//! ```
//! use jsonata::{Allowance, Environment, Meter, Outcome, compile};
//!
//! struct Outside(json::Value);
//!
//! impl Environment for Outside {
//!     fn variable(&self, name: &str) -> Option<json::Value> {
//!         (name == "order").then(|| self.0.clone())
//!     }
//!     fn now_ms(&self) -> i64 {
//!         0
//!     }
//!     fn random(&self) -> u64 {
//!         4
//!     }
//! }
//!
//! let expression = compile("{ 'total': $sum($order.lines.(price * count)) }")?;
//! assert_eq!(expression.references().variables[0].members, ["lines"]);
//!
//! let order = r#"{ "lines": [{ "price": 2.5, "count": 2 }, { "price": 1, "count": 1 }] }"#;
//! let outside = Outside(json::parse(order)?);
//! let outcome = expression.evaluate(None, &outside, &Meter::new(Allowance::FULL))?;
//! assert_eq!(outcome, Outcome::Value(json::parse(r#"{ "total": 6 }"#)?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is built
//!
//! `syntax` reads the source, `lower` turns names into places in frames, which makes a `program`;
//! `eval` evaluates it over items, with the builtins of `functions`, whose work on text is
//! in `text`. Up to `lower` and in `eval` all follows the reference implementation rule by rule:
//! the same results, errors and depth come from doing the same things in the same order.
//!
//! - Nothing here looks at a clock, and no loop or recursion is without a meter or a bound.
//! - A JSON value is never copied to be looked at; numbers and the order of members stay as
//!   written.
//! - Whatever a function holds is gone when the evaluation is.
//!
//! # Where it differs from the reference
//!
//! - There is no `$eval`; `$partition`, `$range`, `$hash`, `$uuid`, `$parse` and the seed of
//!   `$random` are AWS's.
//! - Numbers that are not finite leave as text (`"Infinity"`, `"NaN"`), as on AWS.
//! - Objects keep the order of their members; Javascript puts integers first.
//! - Half a surrogate pair becomes U+FFFD; a text of UTF-8 cannot hold it.
//! - Undefined is never an element of an array: `a[$count(b) = 0]` selects nothing where there is
//!   no `a`.
//! - `$clone` and transforms keep numbers as written instead of cutting them to 15 digits.
//! - Where the reference fails with an error of Javascript itself, the result is undefined, or the
//!   error has a code.

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

/// Longer expressions are refused: compiling has no meter, and some of what it does (names of
/// labels and of functions) takes time in their number times the length.
const SOURCE_BYTES_MAX: usize = 64 << 10;

/// Compiles an expression.
///
/// # Errors
/// The first place that is not JSONata, with the reference's code, text and position.
pub fn compile(source: &str) -> Result<Expression, Error> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(Error {
            code: "",
            message: format!("The expression is longer than {SOURCE_BYTES_MAX} bytes"),
            position: None,
            token: None,
            limit: None,
        });
    }
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
