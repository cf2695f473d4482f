//! What expressions see, and what may be asked for only once.

use std::cell::OnceCell;

use json::Value;
use jsonata::Meter;

/// What paths, intrinsic functions and JSONata expressions of one field see.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// `$`, or `$states.input`.
    pub input: &'a Value,
    /// `$states.result`, where the field has one.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`, in a catcher.
    pub error_output: Option<&'a Value>,
    pub outside: &'a dyn Outside,
    /// What the evaluation may use; several may share it.
    pub meter: &'a Meter,
}

impl<'a> Scope<'a> {
    /// What a field sees that has neither a result nor an error output.
    pub fn new(input: &'a Value, outside: &'a dyn Outside, meter: &'a Meter) -> Scope<'a> {
        Scope {
            input,
            result: None,
            error_output: None,
            outside,
            meter,
        }
    }
}

/// What an expression may ask for beyond the value it works on. Each is made only when asked.
pub trait Outside {
    /// `$$`, or `$states.context`.
    fn context(&self) -> Value;

    /// The value of `$name` on entry of the state; `None` if nothing was assigned.
    fn variable(&self, name: &str) -> Option<Value>;

    /// 64 uniform bits, others each time.
    fn random(&self) -> u64;

    /// Milliseconds since the epoch, the same throughout a decision.
    fn now_ms(&self) -> i64;
}

/// What it takes to build the context object: some twenty allocations.
const CONTEXT_STEPS: u64 = 20;

/// One evaluation of a field, or of the conditions of a Choice: builds the context object at most
/// once, however many expressions the field holds.
pub(crate) struct Evaluation<'a> {
    pub(crate) scope: &'a Scope<'a>,
    context: OnceCell<Value>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(scope: &'a Scope<'a>) -> Evaluation<'a> {
        Evaluation {
            scope,
            context: OnceCell::new(),
        }
    }

    pub(crate) fn context(&self) -> &Value {
        self.context.get_or_init(|| {
            // What it takes is counted, and never refused.
            let _ = self.scope.meter.step(CONTEXT_STEPS);
            self.scope.outside.context()
        })
    }
}
