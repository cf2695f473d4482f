//! State machines that are being deleted: their executions end at their next transition, and no
//! execution of theirs starts or is redriven.
//!
//! Which they are is kept by the documents of the machines; here is what a decision asks. So it
//! costs a decision one load of a number while no machine is being deleted.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use asl::event::Text;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::limits::MACHINES_GONE_MAX;

/// Machines by their unqualified ARNs. As many as are being deleted, and those gone last.
#[derive(Debug, Default)]
pub struct Deletions {
    /// So that whoever asks takes no lock while no machine is being deleted.
    deleting: AtomicUsize,
    /// The same of those that are gone.
    refusing: AtomicUsize,
    marks: RwLock<Marks>,
    /// Machines of which there is news: of those that are being deleted.
    changed: Mutex<BTreeSet<Text>>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Marks {
    deleting: BTreeSet<Text>,
    /// Starts that were looked up before the machine was gone may still be under way.
    gone: VecDeque<Text>,
}

impl Deletions {
    /// Of a store in which these machines are being deleted.
    pub(crate) fn new(deleting: impl IntoIterator<Item = Text>) -> Deletions {
        let deletions = Deletions::default();
        deletions.change(|marks| marks.deleting.extend(deleting));
        deletions
    }

    fn change(&self, change: impl FnOnce(&mut Marks)) {
        let mut marks = self.marks.write();
        change(&mut marks);
        let deleting = marks.deleting.len();
        self.deleting.store(deleting, Ordering::SeqCst);
        self.refusing
            .store(deleting + marks.gone.len(), Ordering::SeqCst);
    }

    /// A machine is being deleted from now on.
    pub(crate) fn begin(&self, machine_arn: &Text) {
        self.change(|marks| {
            marks.deleting.insert(machine_arn.clone());
        });
        self.tell(machine_arn);
    }

    /// A machine that was being deleted is gone.
    pub fn end(&self, machine_arn: &Text) {
        self.change(|marks| {
            if !marks.deleting.remove(machine_arn) {
                return;
            }
            if marks.gone.len() >= MACHINES_GONE_MAX {
                marks.gone.pop_front();
            }
            marks.gone.push_back(machine_arn.clone());
        });
        self.changed.lock().remove(machine_arn);
    }

    /// There is a new machine of this ARN.
    pub fn forget(&self, machine_arn: &Text) {
        if self.refusing.load(Ordering::SeqCst) > 0 {
            self.change(|marks| {
                marks.deleting.remove(machine_arn);
                marks.gone.retain(|gone| gone != machine_arn);
            });
        }
    }

    /// Whether executions of a machine end at their next transition.
    pub fn is_deleting(&self, machine_arn: &str) -> bool {
        self.deleting.load(Ordering::SeqCst) > 0 && self.marks.read().deleting.contains(machine_arn)
    }

    /// Whether no execution of a machine may start any more, nor be redriven.
    pub(crate) fn refuses(&self, machine_arn: &str) -> bool {
        self.refusing.load(Ordering::SeqCst) > 0 && {
            let marks = self.marks.read();
            marks.deleting.contains(machine_arn) || marks.gone.iter().any(|it| **it == *machine_arn)
        }
    }

    /// Whether any machine is being deleted.
    pub(crate) fn are_any(&self) -> bool {
        self.deleting.load(Ordering::SeqCst) > 0
    }

    /// The machines that are being deleted.
    pub fn all(&self) -> Vec<Text> {
        self.marks.read().deleting.iter().cloned().collect()
    }

    /// An execution of a machine has ended, and that is committed.
    pub(crate) fn tell_end(&self, machine_arn: &Text) {
        if self.is_deleting(machine_arn) {
            self.tell(machine_arn);
        }
    }

    fn tell(&self, machine_arn: &Text) {
        self.changed.lock().insert(machine_arn.clone());
        self.news.notify_one();
    }

    /// The machines whose deletion has begun, or of which an execution has ended meanwhile, since
    /// this was last answered; waits until there are any.
    pub async fn news(&self) -> Vec<Text> {
        loop {
            let changed = std::mem::take(&mut *self.changed.lock());
            if !changed.is_empty() {
                return changed.into_iter().collect();
            }
            self.news.notified().await;
        }
    }
}

#[cfg(test)]
mod tests;
