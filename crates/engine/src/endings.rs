//! Who waits for the end of an execution.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use asl::event::Text;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Subscriptions by the ARN of the execution. Their number is bounded by the driver.
///
/// Whoever subscribes looks at the execution *afterwards*: an end that the look does not show yet
/// is committed later, and told.
#[derive(Clone, Debug, Default)]
pub struct Endings {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// So that an end costs nothing while nobody waits for any.
    count: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    by_arn: BTreeMap<Text, BTreeMap<u64, oneshot::Sender<()>>>,
}

/// A subscription: a future that is done when the execution has ended. Dropped, it is withdrawn.
#[derive(Debug)]
pub struct Ending {
    shared: Arc<Shared>,
    execution_arn: Text,
    number: u64,
    told: oneshot::Receiver<()>,
}

impl Endings {
    /// Subscribes to the end of an execution.
    pub fn subscribe(&self, execution_arn: &Text) -> Ending {
        let (sender, told) = oneshot::channel();
        let mut waiting = self.shared.waiting.lock();
        waiting.last += 1;
        let number = waiting.last;
        let of_execution = waiting.by_arn.entry(execution_arn.clone()).or_default();
        of_execution.insert(number, sender);
        self.shared.count.fetch_add(1, Ordering::SeqCst);
        Ending {
            shared: Arc::clone(&self.shared),
            execution_arn: execution_arn.clone(),
            number,
            told,
        }
    }

    /// Whether anybody waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.shared.count.load(Ordering::SeqCst) > 0
    }

    /// The end of this execution is committed.
    pub(crate) fn tell(&self, execution_arn: &Text) {
        if !self.is_awaited() {
            return;
        }
        let waiting = self.shared.waiting.lock().by_arn.remove(execution_arn);
        for sender in waiting.into_iter().flat_map(BTreeMap::into_values) {
            self.shared.count.fetch_sub(1, Ordering::SeqCst);
            if sender.send(()).is_err() {
                tracing::debug!("whoever waited for an end has left");
            }
        }
    }
}

impl Future for Ending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // The sender stays until it has sent.
        Pin::new(&mut self.told).poll(context).map(|_| ())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting.lock();
        let Some(of_execution) = waiting.by_arn.get_mut(&self.execution_arn) else {
            return;
        };
        if of_execution.remove(&self.number).is_some() {
            self.shared.count.fetch_sub(1, Ordering::SeqCst);
        }
        if of_execution.is_empty() {
            waiting.by_arn.remove(&self.execution_arn);
        }
    }
}

#[cfg(test)]
mod tests;
