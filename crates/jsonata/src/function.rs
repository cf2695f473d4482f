//! Functions as values.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use json::Text;

use crate::frame::Frame;
use crate::functions::Builtin;
use crate::item::Item;
use crate::ledger::Charge;
use crate::program::{Lambda, Transform};
use crate::text::regex::{Match, Regex};

#[derive(Debug)]
pub(crate) enum Function {
    Builtin(Builtin),
    Closure(Closure),
    Partial(Partial),
    /// A regular expression: finds the first match in a text.
    Matcher(Regex),
    /// Finds the next match.
    Next(Box<Next>),
    Transformer(Transformer),
}

/// A function definition and what it was defined among.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) frame: Rc<Frame>,
    pub(crate) input: Item,
    /// Where it was called last, 0 if nowhere: errors within are reported there.
    pub(crate) site: Cell<usize>,
    pub(crate) _charge: Option<Charge>,
}

/// A function some of whose arguments are given; `None` are those that are not.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) function: Rc<Function>,
    pub(crate) arguments: Vec<Option<Item>>,
    pub(crate) depth: usize,
    pub(crate) _charge: Charge,
}

#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) regex: Regex,
    pub(crate) text: Text,
    pub(crate) previous: Match,
}

#[derive(Debug)]
pub(crate) struct Transformer {
    pub(crate) transform: Arc<Transform>,
    pub(crate) frame: Rc<Frame>,
}

impl Function {
    /// How many arguments it takes, as higher-order functions see it.
    pub(crate) fn arity(&self) -> usize {
        match self {
            Function::Builtin(builtin) => builtin.arity(),
            Function::Closure(closure) => closure.lambda.parameters.len(),
            Function::Partial(partial) => partial
                .arguments
                .iter()
                .filter(|argument| argument.is_none())
                .count(),
            Function::Matcher(_) => 2,
            Function::Next(_) => 0,
            Function::Transformer(_) => 1,
        }
    }

    /// Levels of functions that hold each other, but for frames.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Function::Closure(closure) => 1 + closure.input.depth(),
            Function::Partial(partial) => partial.depth,
            _ => 1,
        }
    }

    /// Whether the reference has it as a Javascript function, which counts as false.
    pub(crate) fn is_native(&self) -> bool {
        matches!(self, Function::Matcher(_) | Function::Next(_))
    }
}
