//! Tasks of activities that wait for workers, and workers that wait for tasks.
//!
//! A task is laid out once its ActivityScheduled is committed, and again after a restart: what is
//! here is never the only place that knows of it. Whoever takes one tells its shard, which records
//! the pick-up, or knows that the task is over; only then the worker gets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::event::{EventId, Text};
use parking_lot::Mutex;
use store::EntityId;
use tokio::sync::oneshot;

/// An attempt of an activity's task.
pub type Task = (EntityId, EventId);

/// The queues of an engine, by the ARN of the activity. A task is in a queue only while it waits,
/// so there are never more than threads of open executions; pollers have their own bound.
#[derive(Debug)]
pub struct Activities {
    pollers_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queues: BTreeMap<Text, Queue>,
    /// Where each task waits.
    places: BTreeMap<Task, (Text, i64)>,
    /// Tasks are numbered as they come; those put back have numbers below all others.
    last: i64,
    first: i64,
    last_poller: u64,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    /// None while somebody waits.
    tasks: BTreeMap<i64, Task>,
    /// Who waits, longest first.
    waiting: BTreeMap<u64, oneshot::Sender<Task>>,
    pollers: usize,
}

impl Activities {
    /// No tasks yet; so many may poll for those of one activity.
    pub fn new(pollers_max: usize) -> Activities {
        Activities {
            pollers_max,
            state: Mutex::default(),
        }
    }

    /// A task waits for a worker.
    pub fn offer(&self, activity_arn: &Text, task: Task) {
        let mut state = self.state.lock();
        state.last += 1;
        let place = state.last;
        state.lay_out(activity_arn, task, place);
    }

    /// A task that was taken waits again, in front of the others.
    pub fn put_back(&self, activity_arn: &Text, task: Task) {
        let mut state = self.state.lock();
        state.first -= 1;
        let place = state.first;
        state.lay_out(activity_arn, task, place);
    }

    /// A task is over, if it still waits.
    pub fn withdraw(&self, task: Task) {
        let mut state = self.state.lock();
        let Some((activity_arn, place)) = state.places.remove(&task) else {
            return;
        };
        if let Some(queue) = state.queues.get_mut(&activity_arn) {
            queue.tasks.remove(&place);
        }
        state.tidy(&activity_arn);
    }

    /// Takes the task that has waited longest.
    pub fn take(&self, activity_arn: &Text) -> Option<Task> {
        let mut state = self.state.lock();
        let (_, task) = state.queues.get_mut(activity_arn)?.tasks.pop_first()?;
        state.places.remove(&task);
        state.tidy(activity_arn);
        Some(task)
    }

    /// Those that wait for tasks of an activity are told that there will be none.
    pub fn delete(&self, activity_arn: &Text) {
        let mut state = self.state.lock();
        if let Some(queue) = state.queues.get_mut(activity_arn) {
            queue.waiting.clear();
        }
    }

    /// Nobody gets a task any more: the engine shuts down.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        for queue in state.queues.values_mut() {
            queue.waiting.clear();
        }
    }

    /// Whether the engine shuts down.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Tasks that wait.
    pub fn len(&self) -> usize {
        self.state.lock().places.len()
    }

    /// Whether no task waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for a task.
    #[cfg(test)]
    pub(crate) fn waiting(&self, activity_arn: &str) -> usize {
        let state = self.state.lock();
        let queue = state.queues.get(activity_arn);
        queue.map_or(0, |queue| queue.waiting.len())
    }

    /// A worker that polls; `None` if too many do.
    pub(crate) fn poll(self: &Arc<Self>, activity_arn: &Text) -> Option<Poller> {
        let mut state = self.state.lock();
        let pollers_max = self.pollers_max;
        let queue = state.queues.entry(activity_arn.clone()).or_default();
        if queue.pollers >= pollers_max {
            return None;
        }
        queue.pollers += 1;
        state.last_poller += 1;
        Some(Poller {
            activities: Arc::clone(self),
            activity_arn: activity_arn.clone(),
            number: state.last_poller,
            hand: Hand::Empty,
        })
    }
}

impl State {
    fn lay_out(&mut self, activity_arn: &Text, task: Task, place: i64) {
        if self.places.contains_key(&task) {
            return;
        }
        let queue = self.queues.entry(activity_arn.clone()).or_default();
        let mut task = task;
        while let Some((_, worker)) = queue.waiting.pop_first() {
            match worker.send(task) {
                Ok(()) => return,
                // It has just left.
                Err(returned) => task = returned,
            }
        }
        queue.tasks.insert(place, task);
        self.places.insert(task, (activity_arn.clone(), place));
    }

    /// A queue that nobody uses goes.
    fn tidy(&mut self, activity_arn: &Text) {
        let queue = self.queues.get(activity_arn);
        if queue.is_some_and(|queue| queue.tasks.is_empty() && queue.pollers == 0) {
            self.queues.remove(activity_arn);
        }
    }
}

/// One worker that polls. It counts until it is dropped; a task it was given and did not let go of
/// is put back then.
#[derive(Debug)]
pub(crate) struct Poller {
    activities: Arc<Activities>,
    activity_arn: Text,
    /// Whoever came first is served first.
    number: u64,
    hand: Hand,
}

#[derive(Debug)]
enum Hand {
    Empty,
    Waits(oneshot::Receiver<Task>),
    Holds(Task),
}

/// The activity was deleted, or the engine shuts down.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Poller {
    /// Waits for a task, and holds it until [`Poller::let_go`].
    pub(crate) async fn next(&mut self) -> Result<Task, Closed> {
        self.line_up();
        if let Hand::Waits(receiver) = &mut self.hand {
            match receiver.await {
                Ok(task) => self.hand = Hand::Holds(task),
                Err(_) => self.hand = Hand::Empty,
            }
        }
        match self.hand {
            Hand::Holds(task) => Ok(task),
            Hand::Empty | Hand::Waits(_) => Err(Closed),
        }
    }

    /// Takes a task or a place in the line.
    fn line_up(&mut self) {
        if !matches!(self.hand, Hand::Empty) {
            return;
        }
        let mut state = self.activities.state.lock();
        if state.is_closed {
            return;
        }
        let Some(queue) = state.queues.get_mut(&self.activity_arn) else {
            return;
        };
        if let Some((_, task)) = queue.tasks.pop_first() {
            state.places.remove(&task);
            self.hand = Hand::Holds(task);
        } else {
            let (sender, receiver) = oneshot::channel();
            queue.waiting.insert(self.number, sender);
            self.hand = Hand::Waits(receiver);
        }
    }

    /// The task it holds is somebody's now, or over.
    pub(crate) fn let_go(&mut self) {
        self.hand = Hand::Empty;
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let held = match &mut self.hand {
            Hand::Empty => None,
            Hand::Holds(task) => Some(*task),
            Hand::Waits(receiver) => {
                receiver.close();
                receiver.try_recv().ok()
            }
        };
        if let Some(task) = held {
            self.activities.put_back(&self.activity_arn, task);
        }
        let mut state = self.activities.state.lock();
        if let Some(queue) = state.queues.get_mut(&self.activity_arn) {
            queue.waiting.remove(&self.number);
            queue.pollers = queue.pollers.saturating_sub(1);
        }
        state.tidy(&self.activity_arn);
    }
}

#[cfg(test)]
mod tests;
