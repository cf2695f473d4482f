//! The thread that commits: one group after the other, and lets out what each covers.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use store::{Batch, Committed, Store};

use crate::decider::{Effect, Message};
use crate::driver::Calls;
use crate::request::Error;
use crate::shard::{Group, Tenure, Verdict};

/// A group, and what waits for it.
pub(crate) struct Work {
    pub(crate) group: Group,
    pub(crate) effects: Vec<Effect>,
}

pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) back: Sender<Message>,
}

impl Committer {
    /// Until the deciding thread is gone.
    pub(crate) fn run(self, taken: &Receiver<Work>) {
        while let Ok(work) = taken.recv() {
            let failed = self.commit(&work.group);
            // First of all the next group: it is filled already.
            if self.back.send(Message::Committed(failed.clone())).is_err() {
                tracing::debug!("the deciding thread ended before its last commit");
            }
            for effect in work.effects {
                self.let_out(effect, &failed);
            }
        }
    }

    /// What of the group is not durable now.
    fn commit(&self, group: &Group) -> Vec<(Tenure, Verdict)> {
        if group.batches.is_empty() {
            return Vec::new();
        }
        let answers = self.store.commit(&group.batches);
        let mut failed = Vec::new();
        for (at, (batch, tenure)) in group.batches.iter().zip(&group.tenures).enumerate() {
            // A store that forgot a batch has not promised anything about it.
            let answer = answers.get(at).copied().unwrap_or(Committed::Unknown);
            if let Some(verdict) = self.verdict(answer, batch) {
                failed.push((*tenure, verdict));
            }
        }
        failed
    }

    fn verdict(&self, answer: Committed, batch: &Batch) -> Option<Verdict> {
        match answer {
            Committed::Ok => None,
            Committed::Fenced => {
                tracing::error!(shard = batch.shard.0, "another process took a shard over");
                Some(Verdict::Lost)
            }
            Committed::Unknown => {
                let trouble = self.store.trouble().unwrap_or_default();
                tracing::error!(shard = batch.shard.0, trouble, "a commit is in doubt");
                let sequence = self.store.sequence(batch.shard);
                let is_applied = sequence.is_ok_and(|sequence| sequence >= batch.sequence);
                (!is_applied).then_some(Verdict::Doubtful)
            }
        }
    }

    fn let_out(&self, effect: Effect, failed: &[(Tenure, Verdict)]) {
        if failed
            .iter()
            .any(|(tenure, _)| effect.tenure == Some(*tenure))
        {
            return effect.refuse(Error::NotConfirmed);
        }
        for action in effect.actions {
            self.calls.act(action, &self.back);
        }
        if let Some(reply) = effect.reply {
            reply.send(effect.answer);
        }
    }
}
