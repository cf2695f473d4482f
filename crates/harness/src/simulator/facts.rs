//! What the outside was told and what it did: the promises the store is held to.

use std::collections::{BTreeMap, BTreeSet};

use asl::event::{EventId, Text};
use asl::time::Timestamp;

/// An execution's ARN and the id of a Scheduled event.
pub(super) type Attempt = (Text, EventId);

#[derive(Default)]
pub(super) struct Facts {
    /// Acknowledged starts, each with its input and its start date.
    pub(super) started: BTreeMap<Text, (String, Timestamp)>,
    /// Acknowledged stops, each with its stop dates: a redriven execution may end again.
    pub(super) stopped: BTreeSet<(Text, Timestamp)>,
    /// Acknowledged redrives, each with its client token and its redrive date.
    pub(super) redriven: BTreeSet<(Text, Text, Timestamp)>,
    /// Acknowledged starts by the attempts of parents.
    children: BTreeMap<Text, Text>,
    /// Tasks of activities given to workers.
    pub(super) picked_up: BTreeSet<Attempt>,
    /// Jobs that were told to stop.
    pub(super) cancelled: BTreeSet<Attempt>,
    /// Names that were refused because they are taken.
    pub(super) taken: BTreeSet<Text>,
    /// Results acknowledged to the holder of a task token, by their marks.
    pub(super) acknowledged: BTreeMap<Attempt, u64>,
    /// The calls that were made.
    pub(super) called: BTreeSet<Attempt>,
    /// Which attempt a result was made for, by its mark.
    pub(super) made_for: BTreeMap<u64, Attempt>,
    pub(super) clock_went_back: bool,
}

impl Facts {
    pub(super) fn start(&mut self, arn: &Text, input: &str, at: Timestamp) -> Result<(), String> {
        let told = (input.to_owned(), at);
        let before = self.started.entry(arn.clone()).or_insert(told.clone());
        agree(*before == told, || {
            format!("start of {arn} was acknowledged as {before:?} and as {told:?}")
        })
    }

    pub(super) fn child(&mut self, attempt_id: &Text, arn: &Text) -> Result<(), String> {
        let before = self
            .children
            .entry(attempt_id.clone())
            .or_insert(arn.clone());
        agree(before == arn, || {
            format!("attempt {attempt_id} started {before} and {arn}")
        })
    }

    /// An attempt of a parent that has its child is never told that there is none.
    pub(super) fn no_child(&self, attempt_id: Option<&Text>) -> Result<(), String> {
        let child = attempt_id.and_then(|attempt_id| self.children.get(attempt_id));
        agree(child.is_none(), || {
            format!("the start of {child:?} was acknowledged and refused")
        })
    }

    pub(super) fn pick_up(&mut self, attempt: Attempt) -> Result<(), String> {
        let problem = format!("task {attempt:?} was given to two workers");
        agree(self.picked_up.insert(attempt), || problem)
    }

    pub(super) fn acknowledge(&mut self, attempt: &Attempt, mark: u64) -> Result<(), String> {
        let before = self.acknowledged.insert(attempt.clone(), mark);
        agree(before.is_none(), || {
            format!("results {before:?} and {mark} of {attempt:?} were both acknowledged")
        })
    }
}

/// A rule that must hold.
pub(super) fn agree(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}
