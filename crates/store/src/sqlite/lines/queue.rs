//! Many callers, one commit: who comes first writes for all that wait, and the next group fills
//! while that one syncs.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::{Condvar, Mutex};

/// Requests that may wait. Callers beyond wait for a place: there are no more of them than threads.
const WAITING_MAX: usize = 1_024;

/// A group is written once it has this many bytes, so that its transaction stays short.
const GROUP_BYTES: usize = 4 << 20;

/// How much a request adds to a group.
pub(super) trait Weighs {
    fn bytes(&self) -> usize;
}

/// Requests and their answers.
pub(super) struct Queue<R, A> {
    state: Mutex<State<R, A>>,
    changed: Condvar,
}

struct State<R, A> {
    next_ticket: u64,
    waiting: VecDeque<(u64, R)>,
    answers: BTreeMap<u64, A>,
    is_writing: bool,
}

impl<R, A> Default for Queue<R, A> {
    fn default() -> Queue<R, A> {
        Queue {
            state: Mutex::new(State {
                next_ticket: 0,
                waiting: VecDeque::new(),
                answers: BTreeMap::new(),
                is_writing: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<R: Weighs, A> Queue<R, A> {
    /// Waits until somebody's `write` answered the request. `write` gets the requests of a group in
    /// their order and answers each of them.
    pub(super) fn answer(&self, request: R, write: impl Fn(&[R]) -> Vec<A>) -> A {
        let mut state = self.state.lock();
        while state.waiting.len() >= WAITING_MAX {
            self.changed.wait(&mut state);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back((ticket, request));
        loop {
            if let Some(answer) = state.answers.remove(&ticket) {
                return answer;
            }
            if state.is_writing {
                self.changed.wait(&mut state);
                continue;
            }
            state.is_writing = true;
            let (tickets, group) = state.group();
            drop(state);
            let answers = write(&group);
            state = self.state.lock();
            state.is_writing = false;
            state.answers.extend(tickets.into_iter().zip(answers));
            self.changed.notify_all();
        }
    }
}

impl<R: Weighs, A> State<R, A> {
    fn group(&mut self) -> (Vec<u64>, Vec<R>) {
        let mut tickets = Vec::new();
        let mut group = Vec::new();
        let mut bytes = 0;
        while bytes < GROUP_BYTES
            && let Some((ticket, request)) = self.waiting.pop_front()
        {
            bytes += request.bytes();
            tickets.push(ticket);
            group.push(request);
        }
        (tickets, group)
    }
}

#[cfg(test)]
impl<R, A> Queue<R, A> {
    /// How many requests there were.
    pub(super) fn handed_in(&self) -> u64 {
        self.state.lock().next_ticket
    }
}
