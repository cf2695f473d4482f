//! Looks after the memory of all environments, ten times a second: the kernel's own bound, where
//! there is one, has room for `/tmp`, and where there is none this is the bound.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::process::Signal;

use super::cgroups::Group;
use super::processes::{self, Handle, Tree};

const PAUSE: Duration = Duration::from_millis(100);
/// A frozen environment is looked at once in so many times: a timer of its own may let it go on.
const FROZEN_LOOKS: u32 = 10;
/// Where the kernel does not count, this is how many processes an environment may have.
const PROCESSES_MAX: usize = 1_024;

/// One environment.
pub(crate) struct Watched {
    /// Its first process, as number and as handle.
    pub(crate) init: u32,
    pub(crate) handle: Handle,
    pub(crate) memory_bytes_max: u64,
    pub(crate) group: Option<Group>,
    pub(crate) is_frozen: AtomicBool,
    pub(crate) is_out_of_memory: AtomicBool,
}

impl Watched {
    /// Sends to the first process; nothing happens when that has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        self.handle.signal(signal);
    }

    /// Whether the environment was, or is about to be, killed for its memory.
    pub(crate) fn has_run_out_of_memory(&self) -> bool {
        self.is_out_of_memory.load(Ordering::Relaxed)
            || self
                .group
                .as_ref()
                .is_some_and(Group::has_run_out_of_memory)
    }

    fn check(&self, tree: &mut Option<Tree>) {
        let used = match &self.group {
            Some(group) => group.memory_bytes().unwrap_or(0),
            None => {
                let processes = tree.get_or_insert_with(Tree::read).descendants(self.init);
                if processes.len() > PROCESSES_MAX {
                    self.signal(Signal::KILL);
                }
                processes::memory_bytes(&processes)
            }
        };
        if used > self.memory_bytes_max {
            self.is_out_of_memory.store(true, Ordering::Relaxed);
            self.signal(Signal::KILL);
        }
    }
}

/// The thread that looks. It ends with this.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    watched: HashMap<u32, Arc<Watched>>,
    /// Groups whose processes are about to end.
    leaving: Vec<Arc<Watched>>,
    is_closing: bool,
}

/// Ends the watch over one environment when dropped.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    pub(crate) watched: Arc<Watched>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if let Some(watched) = state.watched.remove(&self.watched.init)
            && watched.group.is_some()
        {
            state.leaving.push(watched);
        }
    }
}

impl Watchdog {
    pub(crate) fn start() -> io::Result<Watchdog> {
        let shared = Arc::new(Shared::default());
        let looked_at = Arc::clone(&shared);
        thread::Builder::new()
            .name("function-watchdog".into())
            .spawn(move || look(&looked_at))?;
        Ok(Watchdog { shared })
    }

    pub(crate) fn watch(&self, watched: Watched) -> Watch {
        let watched = Arc::new(watched);
        let mut state = self.shared.state.lock();
        state.watched.insert(watched.init, Arc::clone(&watched));
        self.shared.changed.notify_one();
        Watch {
            shared: Arc::clone(&self.shared),
            watched,
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.state.lock().is_closing = true;
        self.shared.changed.notify_one();
    }
}

fn look(shared: &Shared) {
    let mut looks = 0;
    loop {
        let watched: Vec<Arc<Watched>> = {
            let mut state = shared.state.lock();
            if state.is_closing {
                return;
            }
            if state.watched.is_empty() && state.leaving.is_empty() {
                shared.changed.wait(&mut state);
            } else {
                shared.changed.wait_for(&mut state, PAUSE);
            }
            state.leaving.retain_mut(is_there);
            state.watched.values().cloned().collect()
        };
        looks = (looks + 1) % FROZEN_LOOKS;
        // One list of all processes serves all environments.
        let mut tree = None;
        for watched in watched {
            if looks == 0 || !watched.is_frozen.load(Ordering::Relaxed) {
                watched.check(&mut tree);
            }
        }
    }
}

/// Whether the group of an environment that has ended still has to be removed.
fn is_there(watched: &mut Arc<Watched>) -> bool {
    match Arc::get_mut(watched) {
        Some(Watched {
            group: Some(group), ..
        }) => !group.remove(),
        Some(_) => false,
        None => true,
    }
}
