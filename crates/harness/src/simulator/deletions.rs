//! Deletions of state machines, as the service makes them: a document says that one has begun, the
//! engine is told, and once all that was decided before is committed the machine is watched until
//! none of its executions is open. Then it is gone, and made anew at once.

use std::collections::BTreeSet;

use asl::event::Text;
use engine::ExecutionStatus;
use store::{Expected, Kind, SHARDS, ShardId, Store};

use super::machines::MACHINES;
use super::node::Node;
use super::outside::Wish;
use super::world::{Event, Sabotage, TROUBLE_MS, World};

/// How often it is looked whether a machine has open executions.
const LOOK_MS: u64 = 700;

/// What is under way of one.
pub(super) struct Deletion {
    /// Shards of which it is not known whether all that was decided before is committed.
    unconfirmed: BTreeSet<u16>,
}

/// The machines whose deletion has begun, as the engine asks for them.
pub(super) fn begun(store: &dyn Store) -> Vec<String> {
    let documents = store.list_documents(Kind::StateMachine, "", None, MACHINES.len());
    let documents = documents.unwrap().into_iter();
    documents.map(|(arn, _)| arn).collect()
}

impl World {
    /// The process that serves, if it is awake.
    fn serving(&mut self) -> Option<(u64, &mut Node)> {
        let now = self.now;
        let (number, node) = self.nodes.iter_mut().next_back()?;
        (node.sleeps_until <= now).then_some((*number, node))
    }

    /// Draws which machines are deleted, and when.
    pub(super) fn plan_deletions(&mut self) {
        let machines: Vec<&Text> = MACHINES.iter().map(|machine| &machine.arn).collect();
        for _ in 0..self.dice.pick(&[0, 0, 1, 2]) {
            let machine_arn = self.dice.pick(&machines).clone();
            let at = self.dice.below(TROUBLE_MS);
            self.later(at, Event::Delete(machine_arn));
        }
    }

    /// DeleteStateMachine.
    pub(super) fn delete(&mut self, machine_arn: &Text) {
        let is_deaf = self.sabotage == Sabotage::DeafToDeletions;
        let Some((number, node)) = self.serving() else {
            let again = Event::Delete(machine_arn.clone());
            return self.later(LOOK_MS, again);
        };
        let store = node.disk.committed();
        let kind = Kind::StateMachine;
        store
            .put_document(kind, machine_arn, b"{}", Expected::Any)
            .unwrap();
        let mut admitted = Vec::new();
        if !is_deaf {
            admitted = node.commons().begin_deletion(machine_arn);
        }
        let threads = node.threads.len();
        for entity in admitted {
            let at = (number, usize::from(entity.shard().0) % threads);
            self.later(0, Event::Admit { at, entity });
        }
        self.note(&format!("{machine_arn} is being deleted"));
        let unconfirmed = (0..SHARDS).collect();
        self.deletions
            .insert(machine_arn.clone(), Deletion { unconfirmed });
        for shard in (0..SHARDS).map(ShardId) {
            let machine_arn = machine_arn.clone();
            self.wish(0, Wish::Confirm { machine_arn, shard });
        }
    }

    /// All that was decided for a shard before the deletion is committed. With the last shard the
    /// deletion is acknowledged.
    pub(super) fn confirmed(&mut self, machine_arn: &Text, shard: ShardId) -> Result<(), String> {
        let Some(deletion) = self.deletions.get_mut(machine_arn) else {
            return Ok(());
        };
        if !deletion.unconfirmed.remove(&shard.0) || !deletion.unconfirmed.is_empty() {
            return Ok(());
        }
        self.note(&format!("the deletion of {machine_arn} is acknowledged"));
        self.checker.check(self.disk.committed(), &self.facts)?;
        self.checker.note_deletion(machine_arn);
        self.later(0, Event::LookAtDeletion(machine_arn.clone()));
        Ok(())
    }

    /// Ends a deletion once no execution is open.
    pub(super) fn look_at_deletion(&mut self, machine_arn: &Text) -> Result<(), String> {
        let open = [ExecutionStatus::Running, ExecutionStatus::Queued];
        let open = open.map(ExecutionStatus::code);
        let store = self.disk.committed();
        let machine = store.machine_number(machine_arn).unwrap();
        let is_open = store.count_executions(Some(machine), &open).unwrap() > 0;
        if is_open || self.serving().is_none() {
            let again = Event::LookAtDeletion(machine_arn.clone());
            self.later(LOOK_MS, again);
            return Ok(());
        }
        self.checker.check(self.disk.committed(), &self.facts)?;
        self.checker.forget_deletion(machine_arn);
        let (store, kind) = (self.disk.committed(), Kind::StateMachine);
        store
            .delete_document(kind, machine_arn, Expected::Any)
            .unwrap();
        if let Some((_, node)) = self.serving() {
            let deletions = &node.commons().deletions;
            deletions.end(machine_arn);
            deletions.forget(machine_arn);
        }
        self.deletions.remove(machine_arn);
        self.note(&format!("{machine_arn} is gone"));
        Ok(())
    }
}
