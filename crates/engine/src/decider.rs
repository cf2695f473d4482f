//! The thread that decides: it owns a shard, brings in what commands name, and fills the next group
//! while the last one is being committed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use asl::time::Timestamp;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use store::{EntityId, Store};

use crate::bring::fetch;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::committer::{self, Work};
use crate::definitions::Programs;
use crate::driver::{Calls, Reply};
use crate::limits::{
    DUE_BATCH, GROUP_BYTES_MAX, GROUP_COMMANDS_MAX, RETRY_MS, SLEEP_MS_MAX, WAKE_UPS_READ,
};
use crate::request::{Error, OpenError};
use crate::shard::{Action, Answer, Command, Outcome, Shard, Tenure, Verdict};

/// What needs a command brings in one after the other: machine, name, run and program, with room
/// to spare. More would be a fault of the shard.
const NEEDS_MAX: usize = 8;

/// Everything that reaches a deciding thread.
pub(crate) enum Message {
    /// From a caller, who waits.
    Job {
        command: Command,
        reply: Reply,
    },
    /// From a call that ended.
    Internal(Command),
    /// The group under way was committed, but for these parts.
    Committed(Vec<(Tenure, Verdict)>),
    Stop,
}

/// What is let out, or refused, once a group is committed.
pub(crate) struct Effect {
    pub(crate) tenure: Option<Tenure>,
    pub(crate) answer: Answer,
    pub(crate) reply: Option<Reply>,
    pub(crate) actions: Vec<Action>,
}

impl Effect {
    /// Answers a caller whose change was not confirmed, and lets nothing out.
    pub(crate) fn refuse(self, error: Error) {
        if let Some(reply) = self.reply {
            reply.send(self.answer.failed(error));
        }
    }
}

/// What a deciding thread works with.
pub(crate) struct Parts {
    pub(crate) shard: Shard,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) calls: Arc<Calls>,
}

/// A deciding thread and its committing one.
pub(crate) struct Thread {
    sender: Sender<Message>,
    handles: [JoinHandle<()>; 2],
}

impl Thread {
    pub(crate) fn sender(&self) -> Sender<Message> {
        self.sender.clone()
    }

    /// Commits what was taken in, and ends both threads.
    pub(crate) fn stop(self) {
        // If the thread is gone there is nothing to stop.
        let _ = self.sender.send(Message::Stop);
        for handle in self.handles {
            if handle.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}

/// Reads all wake-up rows of a store, page by page.
pub(crate) fn restore(
    store: &dyn Store,
    mut take: impl FnMut(store::WakeUp),
) -> Result<(), OpenError> {
    let mut after = None;
    loop {
        let page = store.wake_ups(after, WAKE_UPS_READ)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.entity);
        page.into_iter().for_each(&mut take);
    }
}

/// Starts the two threads of a shard.
pub(crate) fn spawn(parts: Parts) -> Result<Thread, OpenError> {
    let (sender, messages) = crossbeam_channel::unbounded();
    // One group at a time: while it is being committed the next one fills.
    let (work, taken) = crossbeam_channel::bounded(1);
    let Parts {
        shard,
        store,
        programs,
        clock,
        calls,
    } = parts;
    let committing = committer::Committer {
        store: Arc::clone(&store),
        calls,
        back: sender.clone(),
    };
    let committer = std::thread::Builder::new()
        .name("lockstep-commit".to_owned())
        .spawn(move || committing.run(&taken))?;
    let chance = Chance::from_system()?;
    let decider = Decider {
        shard,
        store,
        programs,
        clock,
        chance,
        messages,
        backlog: VecDeque::new(),
        work,
        is_committing: false,
        effects: Vec::new(),
        doubt_until: Timestamp::default(),
    };
    let decider = std::thread::Builder::new()
        .name("lockstep-decide".to_owned())
        .spawn(move || decider.run())?;
    Ok(Thread {
        sender,
        handles: [decider, committer],
    })
}

struct Decider {
    shard: Shard,
    store: Arc<dyn Store>,
    programs: Arc<Programs>,
    clock: Arc<dyn Clock>,
    chance: Chance,
    messages: Receiver<Message>,
    /// Taken from the channel while the open group was full; as bounded as the channel.
    backlog: VecDeque<Message>,
    work: Sender<Work>,
    is_committing: bool,
    /// Of the open group.
    effects: Vec<Effect>,
    /// When the store is asked again about commits in doubt.
    doubt_until: Timestamp,
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
            self.settle_doubts();
            self.work_off();
            self.hand_over();
            if let Next::Stop = self.wait() {
                break;
            }
        }
        self.finish();
    }

    /// Handles what has come, until the group is full.
    fn take_messages(&mut self) -> Next {
        while !self.is_full() {
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
            Message::Job { command, reply } => {
                let outcome = self.carry_out(&command);
                self.keep(outcome, Some(reply));
            }
            Message::Internal(command) => self.internal(&command),
            Message::Committed(failed) => self.committed(&failed),
            Message::Stop => return Next::Stop,
        }
        Next::GoOn
    }

    /// Handles deadlines, turns and owed calls: some of each, so that callers are not kept waiting.
    fn work_off(&mut self) {
        let now = self.clock.now();
        for entity in self.shard.take_due(now, DUE_BATCH) {
            self.internal(&Command::Due(entity));
        }
        for _ in 0..DUE_BATCH {
            let Some(entity) = self.shard.take_owed() else {
                break;
            };
            self.internal(&Command::Owed(entity));
        }
        if !self.is_full()
            && let Some(entity) = self.shard.take_turn()
        {
            self.internal(&Command::Continue(entity));
        }
    }

    fn internal(&mut self, command: &Command) {
        let outcome = self.carry_out(command);
        if let Answer::Internal(Err(error)) = &outcome.answer {
            self.complain(command, error);
        }
        self.keep(outcome, None);
    }

    /// What nobody waits for must not be forgotten if the reason may pass.
    fn complain(&mut self, command: &Command, error: &Error) {
        let entity: Option<EntityId> = match command {
            Command::Outcome { entity, .. }
            | Command::Due(entity)
            | Command::Continue(entity)
            | Command::Owed(entity) => Some(*entity),
            Command::Start(_) | Command::Stop { .. } | Command::Token { .. } => None,
        };
        tracing::error!(%error, entity = entity.map(|entity| entity.0), "an execution is stuck");
        let may_pass = matches!(error, Error::Store(_) | Error::NotConfirmed);
        if let Some(entity) = entity.filter(|_| may_pass) {
            self.shard
                .retry_due(entity, self.clock.now().plus_ms(RETRY_MS));
        }
    }

    /// Handles a command, bringing in what it needs.
    fn carry_out(&mut self, command: &Command) -> Outcome {
        let random = self.chance.draw();
        for _ in 0..NEEDS_MAX {
            let need = match self.shard.handle(command, self.clock.now(), random) {
                Ok(outcome) => return outcome,
                Err(need) => need,
            };
            match fetch(&*self.store, &self.programs, &need) {
                Ok(brought) => self.shard.bring(brought),
                Err(error) => return Outcome::failed(command, error),
            }
        }
        tracing::error!(?command, "a command needs more than there is");
        Outcome::failed(command, Error::NotConfirmed)
    }

    fn keep(&mut self, outcome: Outcome, reply: Option<Reply>) {
        let Outcome {
            tenure,
            actions,
            answer,
        } = outcome;
        if reply.is_some() || !actions.is_empty() {
            self.effects.push(Effect {
                tenure,
                answer,
                reply,
                actions,
            });
        }
    }

    fn committed(&mut self, failed: &[(Tenure, Verdict)]) {
        self.is_committing = false;
        self.shard.group_done(failed);
        if failed.is_empty() {
            return;
        }
        let is_void = |effect: &mut Effect| {
            failed
                .iter()
                .any(|(tenure, _)| effect.tenure == Some(*tenure))
        };
        for effect in self.effects.extract_if(.., is_void) {
            effect.refuse(Error::NotConfirmed);
        }
    }

    /// Asks the store about commits in doubt, now and then.
    fn settle_doubts(&mut self) {
        let doubtful = self.shard.doubtful();
        let now = self.clock.now();
        if doubtful.is_empty() || now < self.doubt_until {
            return;
        }
        self.doubt_until = now.plus_ms(RETRY_MS);
        for shard in doubtful {
            match self.store.sequence(shard) {
                Ok(sequence) => self.shard.resume(shard, sequence),
                Err(error) => return tracing::error!(%error, "the store does not answer"),
            }
        }
    }

    /// Hands the open group to the committing thread if that is free.
    fn hand_over(&mut self) {
        let has_writes = self.shard.has_writes();
        if self.is_committing || (self.effects.is_empty() && !has_writes) {
            return;
        }
        let work = Work {
            group: self.shard.take_group(),
            effects: std::mem::take(&mut self.effects),
        };
        // It has room for one, and has none now. If the thread is gone, so is the process.
        self.is_committing = self.work.send(work).is_ok();
    }

    /// Sleeps until something comes or is due.
    fn wait(&mut self) -> Next {
        let message = if self.is_full() {
            // Only the commit helps.
            self.messages
                .recv_timeout(Duration::from_millis(SLEEP_MS_MAX))
        } else if self.shard.has_work() || !self.backlog.is_empty() {
            return Next::GoOn;
        } else {
            self.messages.recv_timeout(self.time_to_sleep())
        };
        match message {
            Ok(Message::Stop) => Next::Stop,
            Ok(message @ Message::Committed(_)) => self.take(message),
            Ok(message) if self.is_full() => {
                self.backlog.push_back(message);
                Next::GoOn
            }
            Ok(message) => self.take(message),
            Err(RecvTimeoutError::Timeout) => Next::GoOn,
            Err(RecvTimeoutError::Disconnected) => Next::Stop,
        }
    }

    /// Until the next deadline by the wall clock, but no longer than until that clock may have been
    /// set.
    fn time_to_sleep(&self) -> Duration {
        let now = self.clock.now();
        let left = self.shard.next_due().map(|due| due.0.saturating_sub(now.0));
        let left = left.map_or(SLEEP_MS_MAX, |ms| u64::try_from(ms).unwrap_or_default());
        Duration::from_millis(left.min(SLEEP_MS_MAX))
    }

    fn is_full(&self) -> bool {
        self.effects.len() >= GROUP_COMMANDS_MAX || self.shard.open_bytes() >= GROUP_BYTES_MAX
    }

    /// Commits what was decided. What waits in the channel is refused by being dropped.
    fn finish(mut self) {
        let patience = Duration::from_millis(SHUTDOWN_MS_MAX);
        while self.is_committing || !self.effects.is_empty() || self.shard.has_writes() {
            self.hand_over();
            match self.messages.recv_timeout(patience) {
                Ok(Message::Committed(failed)) => self.committed(&failed),
                Ok(_) => {}
                Err(_) => return tracing::error!("the last commit did not end"),
            }
        }
    }
}

/// A last commit that takes longer than this will not end.
const SHUTDOWN_MS_MAX: u64 = 10_000;
