//! Forgets what was accepted, and tells again what was not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use asl::apply::apply;
use asl::run::Run;
use store::{EntityId, Store, Unseen};

use super::ledger::Due;
use super::{Ledger, Observed, Observers, Ticket};
use crate::definitions::Programs;
use crate::journal::Journal;
use crate::request::{Error, OpenError};

/// What is accepted within this time is forgotten by one write of the store; what is refused has so
/// much time to be room for.
const GATHER: Duration = Duration::from_secs(1);

/// Tickets told again at once. Their executions are folded once for all of them, so some are worth
/// it; what they show stays in memory until it is accepted.
const TICKETS_READ: usize = 64;

/// The thread; it ends when this is dropped.
pub(crate) struct Thread {
    observers: Observers,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts a thread, unless nobody watches.
    pub(crate) fn spawn(
        store: Arc<dyn Store>,
        programs: Arc<Programs>,
        observers: &Observers,
    ) -> Result<Option<Thread>, OpenError> {
        if observers.is_empty() {
            return Ok(None);
        }
        let clerk = Clerk::new(store, programs, observers.clone());
        let handle = std::thread::Builder::new()
            .name("lockstep-observe".to_owned())
            .spawn(move || clerk.run())?;
        Ok(Some(Thread {
            observers: observers.clone(),
            handle: Some(handle),
        }))
    }

    /// Forgets what was accepted, and ends the thread. Nothing is committed any more.
    pub(crate) fn stop(mut self) {
        self.observers.finish();
        self.observers.ledger().stop();
        if let Some(Err(_)) = self.handle.take().map(JoinHandle::join) {
            tracing::error!("the thread that tells observers again panicked");
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.observers.ledger().stop();
    }
}

/// The thread's work, which a simulation does without it.
pub struct Clerk {
    store: Arc<dyn Store>,
    programs: Arc<Programs>,
    observers: Observers,
}

/// Records that are to be told, by their numbers, each with its ticket.
type Records = BTreeMap<u32, Arc<Ticket>>;

impl Clerk {
    /// For the observers of an engine on this store.
    pub fn new(store: Arc<dyn Store>, programs: Arc<Programs>, observers: Observers) -> Clerk {
        Clerk {
            store,
            programs,
            observers,
        }
    }

    /// Does what there is to do at this moment.
    pub fn look(&self) {
        self.settle(&self.ledger().due());
    }

    /// Until the engine ends. What is refused then is told by the next one.
    fn run(&self) {
        loop {
            let due = self.ledger().wait(GATHER);
            self.settle(&due);
            if due.has_stopped {
                return;
            }
        }
    }

    fn settle(&self, due: &Due) {
        if !due.seen.is_empty() {
            match self.store.seen(&due.seen) {
                Ok(()) => self.ledger().forgotten(&due.seen),
                Err(error) => tracing::debug!(%error, "what was seen is not forgotten yet"),
            }
        }
        if due.is_behind
            && !due.has_stopped
            && let Err(error) = self.catch_up()
        {
            tracing::warn!(%error, "what observers have not seen can't be read now");
            self.ledger().look_again();
        }
    }

    fn ledger(&self) -> &Arc<Ledger> {
        self.observers.ledger()
    }

    /// Tells what the store has and nobody holds, page by page, as fast as it is taken.
    fn catch_up(&self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.store.unseen(after, TICKETS_READ)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.ticket);
            if !self.ledger().wait_for(&self.tell(page)) {
                return Ok(());
            }
        }
    }

    /// Tells what nobody holds, and says which tickets that are.
    fn tell(&self, page: Vec<Unseen>) -> Vec<u64> {
        let mut tickets = Vec::new();
        let mut of_entity: BTreeMap<EntityId, Records> = BTreeMap::new();
        for Unseen { ticket, records } in page {
            let Some(ticket) = self.ledger().take(ticket) else {
                continue;
            };
            // What can't be read is refused by whoever finds that out.
            ticket.is_told();
            tickets.push(ticket.number);
            for (entity, number) in records {
                let records = of_entity.entry(entity).or_default();
                records.insert(number, Arc::clone(&ticket));
            }
        }
        for (entity, mut records) in of_entity {
            let Err(error) = self.tell_records(entity, &mut records) else {
                continue;
            };
            let may_pass = match &error {
                Error::Journal(_) => false,
                Error::Definition(error) => error.may_pass(),
                _ => true,
            };
            if may_pass {
                records.values().for_each(|ticket| ticket.refuse());
            }
            tracing::warn!(
                %error, may_pass, entity = entity.0,
                "what happened in an execution can't be told to who watches it"
            );
        }
        tickets
    }

    /// Tells records of an execution, which are taken out. Those that have expired meanwhile are
    /// told to nobody.
    fn tell_records(&self, entity: EntityId, records: &mut Records) -> Result<(), Error> {
        let mut journal = Journal::new(&*self.store, entity, 0);
        let (mut run, mut program) = (Run::default(), None);
        while !records.is_empty()
            && let Some((number, time, events)) = journal.next_commit()?
        {
            let ticket = records.get(&number).cloned();
            let before = ticket.is_some().then(|| run.clone());
            events.iter().for_each(|event| apply(&mut run, time, event));
            if let (Some(ticket), Some(before), Some(start)) = (ticket, before, &run.start) {
                let program = match &program {
                    Some(program) => program,
                    None => program.insert(self.programs.get(start.definition)?),
                };
                let seen = Observed::new(program, before, &run, time, events);
                if let Some(seen) = seen.map(Arc::new) {
                    self.observers.tell_again(&seen, &ticket);
                }
                records.remove(&number);
            }
        }
        Ok(())
    }
}
