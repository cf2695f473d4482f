//! The thread that commits: one group after the other, and lets out what each covers.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use store::Store;

use crate::decider::Message;
use crate::driver::{Calls, Reply};
use crate::observe::Observers;
use crate::pipeline::{self, Work};

pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) back: Sender<Message>,
    pub(crate) observers: Observers,
}

impl Committer {
    /// Until the deciding thread is gone.
    pub(crate) fn run(self, taken: &Receiver<Work<Reply>>) {
        while let Ok(work) = taken.recv() {
            let failed = pipeline::commit(&*self.store, &work.group);
            // First of all the next group: it is filled already.
            if self.back.send(Message::Committed(failed.clone())).is_err() {
                tracing::debug!("the deciding thread ended before its last commit");
            }
            for effect in work.effects {
                effect.let_out(&failed, |action| self.calls.act(action, &self.back));
            }
            pipeline::show(&self.observers, work.group, &failed);
        }
    }
}
