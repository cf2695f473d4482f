//! What a test of one state sees of it at work, and what it puts in the place of the execution.
//!
//! Outside a test there is no probe, and nothing is noted.

use std::cell::RefCell;
use std::collections::BTreeMap;

use json::Value;

use crate::event::Failure;

/// Something that a test may look at, on the way of data through the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    AfterInputPath,
    /// JSONPath: Parameters.
    AfterParameters,
    /// JSONata: Arguments.
    AfterArguments,
    /// The raw result.
    Result,
    AfterResultSelector,
    AfterResultPath,
    /// The items of a Map.
    AfterItemsPath,
    /// The node of an ItemReader's file that holds the items.
    AfterItemsPointer,
    /// An array of the inputs of a Map's iterations.
    AfterItemSelector,
    AfterItemBatcher,
    /// A number, as the two below.
    MaxConcurrency,
    ToleratedFailureCount,
    ToleratedFailurePercentage,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) stages: BTreeMap<Stage, Value>,
    /// How the state failed, whatever became of it.
    pub(crate) failure: Option<Failure>,
    /// The catcher that took the failure.
    pub(crate) catcher: Option<usize>,
    /// Of a Map: how many it would make.
    pub(crate) iterations: Option<usize>,
}

/// The eyes of a test, and its hands.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// The context object but for `Map`, instead of what the execution would show.
    pub(crate) context: Option<Value>,
    /// `Map` of the context object, for a state within the body of a Map.
    pub(crate) map: Option<Value>,
    /// How often the retrier that matches has been used, and `$$.State.RetryCount`.
    pub(crate) retries: u32,
    pub(crate) seen: RefCell<Seen>,
}

impl Probe {
    /// The value at a stage; the last attempt's stays. Kept out of the way of executions, which
    /// have no probe.
    #[cold]
    pub(crate) fn see(&self, stage: Stage, value: &Value) {
        self.change(|seen| {
            seen.stages.insert(stage, value.clone());
        });
    }

    /// The state failed.
    pub(crate) fn see_failure(&self, failure: &Failure) {
        self.change(|seen| seen.failure = Some(failure.clone()));
    }

    /// A catcher took the failure.
    pub(crate) fn see_catcher(&self, index: usize) {
        self.change(|seen| seen.catcher = Some(index));
    }

    /// A Map would make so many iterations.
    pub(crate) fn see_iterations(&self, count: usize) {
        self.change(|seen| seen.iterations = Some(count));
    }

    /// What was seen so far, to be handed out.
    pub(crate) fn take(&self) -> Seen {
        self.seen.take()
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        // Nobody holds on to what was seen: a second borrow cannot be.
        if let Ok(mut seen) = self.seen.try_borrow_mut() {
            change(&mut seen);
        }
    }
}
