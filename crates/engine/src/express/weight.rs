//! What the events of a run take in memory.

use std::collections::HashSet;
use std::mem::size_of;

use asl::event::{Event, EventKind, Failure, Start};
use asl::time::Timestamp;
use json::{Object, Value, View};

/// Payloads and parts of them that are smaller are counted each time they are met: most are not
/// shared, and knowing them again costs as much as what they take.
const SHARED_BYTES_MIN: usize = 256;

/// What a member of a container takes besides its text: two handles and a node.
const MEMBER_BYTES: usize = 64;

/// Counts bytes. What several payloads share is counted once, by the identity of its nodes; these
/// are all held by the events counted, so none is given to another value meanwhile.
#[derive(Debug, Default)]
pub(super) struct Weight {
    seen: HashSet<usize>,
    bytes: usize,
}

impl Weight {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts an event that is kept.
    pub(super) fn add(&mut self, event: &Event) {
        self.bytes += size_of::<(Timestamp, Event)>();
        match &event.kind {
            EventKind::ExecutionStarted(start) => {
                self.bytes +=
                    size_of::<Start>() + start.input_text.as_ref().map_or(0, |it| it.len());
                self.value(&start.input);
            }
            EventKind::StateEntered { input: payload, .. }
            | EventKind::MapIterationStarted { input: payload, .. }
            | EventKind::StateExited {
                output: payload,
                assigned: None,
                ..
            }
            | EventKind::ExecutionSucceeded { output: payload }
            | EventKind::TaskScheduled {
                parameters: payload,
                ..
            }
            | EventKind::TaskSubmitted {
                output: payload, ..
            }
            | EventKind::TaskSucceeded {
                output: payload, ..
            }
            | EventKind::MapStarted { items: payload, .. } => self.value(payload),
            EventKind::StateExited {
                output,
                assigned: Some(assigned),
                ..
            } => {
                self.value(output);
                self.object(assigned);
            }
            EventKind::ExecutionFailed(failure)
            | EventKind::ExecutionAborted(failure)
            | EventKind::ExecutionTimedOut(failure)
            | EventKind::TaskFailed { failure, .. }
            | EventKind::TaskTimedOut { failure, .. }
            | EventKind::EvaluationFailed { failure, .. } => self.failure(failure),
            EventKind::TaskServed { served, .. } => {
                let parts = [&served.function, &served.role_policies];
                parts
                    .into_iter()
                    .flatten()
                    .for_each(|part| self.value(part));
            }
            _ => {}
        }
    }

    fn failure(&mut self, failure: &Failure) {
        let texts = [&failure.error, &failure.cause];
        let lens = texts.into_iter().flatten().map(|text| text.len());
        self.bytes += lens.sum::<usize>();
    }

    fn value(&mut self, value: &Value) {
        let size = value.size();
        if size < SHARED_BYTES_MIN {
            self.bytes += size;
            return;
        }
        if value.address().is_some_and(|node| !self.seen.insert(node)) {
            return;
        }
        // Nothing is parsed to be counted.
        if value.is_unread() {
            self.bytes += size;
            return;
        }
        match value.view() {
            View::Object(object) => self.object(object),
            View::Array(elements) => {
                self.bytes += elements.len() * MEMBER_BYTES;
                elements.iter().for_each(|element| self.value(element));
            }
            _ => self.bytes += size,
        }
    }

    fn object(&mut self, object: &Object) {
        for (name, value) in object.members() {
            self.bytes += MEMBER_BYTES + name.as_str().len();
            self.value(value);
        }
    }
}
