//! Who watches all executions, and must be told of every event at least once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asl::event::{Event, EventId, Text};
use asl::time::Timestamp;
use engine::observe::{Delivery, Observed, Observer, Receipt};
use parking_lot::Mutex;
use store::{EntityId, Memory, Store};

use super::facts::agree;

/// One receipt in so many is refused, of what was not refused before: in the end all is told.
const RECEIPTS_PER_REFUSAL: u64 = 5;

/// What all processes of a life told.
#[derive(Default)]
pub(super) struct Witness(Mutex<Told>);

#[derive(Default)]
struct Told {
    /// By execution and id.
    events: BTreeMap<(Text, EventId), (Timestamp, Event)>,
    receipts: u64,
    refused: BTreeSet<(Text, Timestamp)>,
    contradiction: Option<String>,
}

impl Observer for Witness {
    fn wants(&self, _: u64) -> Option<Delivery> {
        Some(Delivery::AtLeastOnce)
    }

    fn observe(&self, seen: &Arc<Observed>, receipt: Option<Receipt>) {
        let mut told = self.0.lock();
        told.receipts += 1;
        let commit = (seen.start.execution_arn.clone(), seen.time);
        if told.receipts.is_multiple_of(RECEIPTS_PER_REFUSAL) && told.refused.insert(commit) {
            return;
        }
        for event in seen.events.iter().filter(|event| event.id != 0) {
            let key = (seen.start.execution_arn.clone(), event.id);
            let new = (seen.time, event.clone());
            match told.events.get(&key) {
                Some(before) if *before != new => {
                    told.contradiction =
                        Some(format!("{key:?} was told as {before:?} and {new:?}"));
                }
                Some(_) => {}
                None => {
                    told.events.insert(key, new);
                }
            }
        }
        if let Some(receipt) = receipt {
            receipt.accept();
        }
    }
}

impl Witness {
    /// All events of these executions were told as they are committed, and no others.
    pub(super) fn check(
        &self,
        store: &Memory,
        executions: impl Iterator<Item = (Text, EntityId)>,
    ) -> Result<(), String> {
        let told = self.0.lock();
        told.contradiction.clone().map_or(Ok(()), Err)?;
        let left = store.unseen(None, 1).unwrap();
        agree(left.is_empty(), || format!("{left:?} is left to be told"))?;
        let mut committed = BTreeMap::new();
        for (execution_arn, entity) in executions {
            let read = engine::journal::replay(store, entity, 0, |record, event| {
                if event.id != 0 {
                    let key = (execution_arn.clone(), event.id);
                    committed.insert(key, (record.time(), event));
                }
            });
            read.map_err(|error| error.to_string())?;
        }
        let other = committed
            .iter()
            .find(|(key, it)| told.events.get(*key) != Some(*it));
        agree(other.is_none(), || format!("{other:?} was not told so"))?;
        let other = told.events.keys().find(|key| !committed.contains_key(*key));
        agree(other.is_none(), || {
            format!("{other:?} was told and is not committed")
        })?;
        agree(!told.refused.is_empty(), || {
            "nothing was refused".to_owned()
        })
    }
}
