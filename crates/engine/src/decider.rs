//! The thread that decides: it owns a pipeline and fills its next group while the last one is being
//! committed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use store::{EntityId, Store};

use crate::chance::Chance;
use crate::clock::Clock;
use crate::committer;
use crate::definitions::Programs;
use crate::driver::{Calls, Reply};
use crate::lane::Pool;
use crate::limits::SLEEP_MS_MAX;
use crate::pipeline::{self, Pipeline, Work};
use crate::request::OpenError;
use crate::shard::{Command, Decided, Shard};

/// Everything that reaches a deciding thread.
pub(crate) enum Message {
    /// From a caller, who waits.
    Job {
        command: Command,
        reply: Reply,
    },
    /// From a call that ended.
    Internal(Command),
    /// A decision that was too heavy for this thread.
    Decided(Box<Decided>),
    /// The group under way was committed, but for these parts.
    Committed(Vec<pipeline::Failure>),
    Stop,
}

/// What a deciding thread works with.
pub(crate) struct Parts {
    pub(crate) shard: Shard,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) slow: Pool,
    /// To all deciding threads, by their numbers.
    pub(crate) peers: Vec<Sender<Message>>,
}

/// Tells a queued execution on its thread that it was let in.
pub(crate) fn admit(threads: &[Sender<Message>], entity: EntityId) {
    let at = usize::from(entity.shard().0).checked_rem(threads.len());
    let thread = threads.get(at.unwrap_or_default());
    let told = thread.map(|thread| thread.send(Message::Internal(Command::Admit(entity))));
    if !matches!(told, Some(Ok(()))) {
        tracing::debug!("an execution was let in after the engine's end; it will be so again");
    }
}

/// A deciding thread and its committing one.
pub(crate) struct Thread {
    sender: Sender<Message>,
    handles: Vec<JoinHandle<()>>,
}

impl Thread {
    fn ask_to_stop(&self) {
        if self.sender.send(Message::Stop).is_err() {
            tracing::debug!("a thread of the engine had ended before it was stopped");
        }
    }

    /// Commits what was taken in, and ends both threads.
    pub(crate) fn stop(mut self) {
        self.ask_to_stop();
        for handle in self.handles.drain(..) {
            if handle.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}

/// An engine that was dropped without a shutdown ends as well; nobody waits for it.
impl Drop for Thread {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Starts the two threads of a shard.
pub(crate) fn spawn(
    parts: Parts,
    (sender, messages): (Sender<Message>, Receiver<Message>),
) -> Result<Thread, OpenError> {
    // One group at a time: while it is being committed the next one fills.
    let (work, taken) = crossbeam_channel::bounded(1);
    let Parts {
        shard,
        store,
        programs,
        clock,
        calls,
        slow,
        peers,
    } = parts;
    let committing = committer::Committer {
        store: Arc::clone(&store),
        calls,
        back: sender.clone(),
        observers: shard.commons().observers.clone(),
    };
    let committer = std::thread::Builder::new()
        .name("lockstep-commit".to_owned())
        .spawn(move || committing.run(&taken))?;
    let chance = Chance::from_system()?;
    let decider = Decider {
        pipeline: Pipeline::new(shard, store, programs, clock, chance),
        slow,
        peers,
        back: sender.clone(),
        messages,
        backlog: VecDeque::new(),
        work,
    };
    let decider = std::thread::Builder::new()
        .name("lockstep-decide".to_owned())
        .spawn(move || decider.run())?;
    Ok(Thread {
        sender,
        handles: vec![decider, committer],
    })
}

struct Decider {
    pipeline: Pipeline<Reply>,
    slow: Pool,
    peers: Vec<Sender<Message>>,
    /// Where heavy decisions come back.
    back: Sender<Message>,
    messages: Receiver<Message>,
    /// Taken from the channel while the open group was full; as bounded as the channel.
    backlog: VecDeque<Message>,
    work: Sender<Work<Reply>>,
}

enum Next {
    GoOn,
    Stop,
}

impl Decider {
    fn run(mut self) {
        loop {
            if let Next::Stop = self.take_messages() {
                break;
            }
            self.pipeline.work_off();
            while let Some(heavy) = self.pipeline.take_heavy() {
                self.slow.send(heavy, self.back.clone());
            }
            for entity in self.pipeline.take_admitted() {
                admit(&self.peers, entity);
            }
            self.hand_over();
            if let Next::Stop = self.wait() {
                break;
            }
        }
        self.finish();
    }

    /// Handles what has come, until the group is full.
    fn take_messages(&mut self) -> Next {
        while !self.pipeline.is_full() {
            let message = self
                .backlog
                .pop_front()
                .or_else(|| self.messages.try_recv().ok());
            let Some(message) = message else { break };
            if let Next::Stop = self.take(message) {
                return Next::Stop;
            }
        }
        Next::GoOn
    }

    fn take(&mut self, message: Message) -> Next {
        match message {
            Message::Job { command, reply } => self.pipeline.job(&command, reply),
            Message::Internal(command) => self.pipeline.internal(&command),
            Message::Decided(decided) => self.pipeline.decided(*decided),
            Message::Committed(failed) => self.pipeline.committed(&failed),
            Message::Stop => return Next::Stop,
        }
        Next::GoOn
    }

    /// Hands the open group to the committing thread if that is free. It has room for one, and has
    /// none then. If the thread is gone, nothing is committed any more.
    fn hand_over(&mut self) {
        if let Some(work) = self.pipeline.hand_over()
            && self.work.send(work).is_err()
        {
            tracing::error!("the committing thread is gone");
        }
    }

    /// Sleeps until something comes or is due.
    fn wait(&mut self) -> Next {
        let message = if self.pipeline.is_full() {
            // Only the commit helps.
            self.messages
                .recv_timeout(Duration::from_millis(SLEEP_MS_MAX))
        } else if self.pipeline.has_work() || !self.backlog.is_empty() {
            return Next::GoOn;
        } else {
            self.messages.recv_timeout(self.pipeline.time_to_sleep())
        };
        match message {
            Ok(Message::Stop) => Next::Stop,
            Ok(message @ Message::Committed(_)) => self.take(message),
            Ok(message) if self.pipeline.is_full() => {
                self.backlog.push_back(message);
                Next::GoOn
            }
            Ok(message) => self.take(message),
            Err(RecvTimeoutError::Timeout) => Next::GoOn,
            Err(RecvTimeoutError::Disconnected) => Next::Stop,
        }
    }

    /// Commits what was decided. What waits in the channel is refused by being dropped.
    fn finish(mut self) {
        let patience = Duration::from_millis(SHUTDOWN_MS_MAX);
        while self.pipeline.is_committing() || self.pipeline.has_open() {
            self.hand_over();
            match self.messages.recv_timeout(patience) {
                Ok(Message::Committed(failed)) => self.pipeline.committed(&failed),
                Ok(_) => {}
                Err(_) => return tracing::error!("the last commit did not end"),
            }
        }
    }
}

/// A last commit that takes longer than this will not end.
const SHUTDOWN_MS_MAX: u64 = 10_000;
