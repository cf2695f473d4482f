//! The official suite of the language, 2.0.6, and our own cases: data in files, one runner each.

mod official;
mod own;

use std::cell::Cell;
use std::path::PathBuf;

use json::{Number, Value, View};

use crate::{Allowance, Environment, Meter, Outcome, compile};

/// Variables from a case; a fixed moment; numbers from a counter.
struct Bindings {
    variables: Value,
    random: Cell<u64>,
}

impl Bindings {
    fn new(variables: Value) -> Bindings {
        Bindings {
            variables,
            random: Cell::new(1),
        }
    }
}

impl Environment for Bindings {
    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.get(name).cloned()
    }

    fn now_ms(&self) -> i64 {
        1_700_000_000_123
    }

    fn random(&self) -> u64 {
        let next = self
            .random
            .get()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(12_345);
        self.random.set(next);
        next ^ (next >> 31)
    }
}

/// A path within the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Runs a test on a thread with more stack than tests have: cases of the suite go five times as
/// deep as an evaluation may otherwise.
fn with_stack(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(test);
    if let Err(cause) = thread.unwrap().join() {
        std::panic::resume_unwind(cause);
    }
}

/// Whether two values are the same as the reference's tests see it: numbers as doubles. `sorted`:
/// whatever the order of elements.
fn same(left: &Value, right: &Value, sorted: bool) -> bool {
    match (left.view(), right.view()) {
        (View::Number(left), View::Number(right)) => close(left, right),
        (View::Array(left), View::Array(right)) if sorted => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|left| right.iter().any(|right| same(left, right, sorted)))
        }
        (View::Array(left), View::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right, sorted))
        }
        (View::Object(left), View::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| {
                    right
                        .get(name)
                        .is_some_and(|other| same(value, other, sorted))
                })
        }
        _ => left == right,
    }
}

fn close(left: &Number, right: &Number) -> bool {
    let (left, right) = (left.as_f64(), right.as_f64());
    left == right || (left - right).abs() <= 1e-13 * left.abs().max(right.abs())
}
