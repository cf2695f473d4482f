//! Requests and their answers, and what goes wrong around a commit.

use engine::pipeline::{self, Failure};
use engine::shard::{Answer, Group, Verdict};
use engine::{Error, ExecutionStatus, RedriveError, StartError, StopError, TokenError, journal};
use store::{Fault, Store, Write};

use super::disk::Mishap;
use super::outside::Wish;
use super::trace::hash;
use super::world::{Event, Place, World};

/// What a request came to.
pub(super) enum Settled {
    Done,
    AskAgain,
}

impl World {
    /// Sends a caller's request to a node: to the newest, or to one that was overtaken.
    pub(super) fn ask(&mut self, caller: u64) {
        let request = self.number();
        let Some(asking) = self.callers.get_mut(&caller) else {
            return;
        };
        asking.request = request;
        let wish = asking.wish.clone();
        let nodes: Vec<u64> = self.nodes.keys().copied().collect();
        let newest = nodes.last().copied();
        // A deletion is the business of the process that serves.
        let is_of_newest = matches!(wish, Wish::Confirm { .. });
        let node = match self.dice.one_in(5) && self.in_trouble && !is_of_newest {
            true => newest.map(|_| self.dice.pick(&nodes)),
            false => newest,
        };
        let patience = self.dice.within(2_000..20_000);
        self.later(patience, Event::GiveUp { caller, request });
        let Some(node) = node else { return };
        let threads = self.nodes[&node].threads.len();
        let at = (node, usize::from(wish.shard().0) % threads);
        self.note(&format!("{at:?} request {request}: {}", wish.name()));
        let command = wish.command();
        self.requests.insert(request, (caller, wish));
        let delay = self.dice.below(3);
        let arrives = Event::Arrive {
            at,
            request,
            command,
            has_left: false,
        };
        self.later(delay, arrives);
    }

    pub(super) fn give_up(&mut self, caller: u64, request: u64) {
        let asking = self.callers.get(&caller);
        if asking.is_some_and(|asking| asking.request == request) {
            self.note(&format!("request {request} is given up"));
            self.ask(caller);
        }
    }

    /// Takes what was let out. It counts even if it does not reach its caller.
    pub(super) fn take_answers(&mut self) -> Result<(), String> {
        let answers = std::mem::take(&mut *self.answers.borrow_mut());
        for (request, answer) in answers {
            self.note(&format!("request {request} is answered: {answer:?}"));
            let Some((caller, wish)) = self.requests.remove(&request) else {
                return Err(format!("request {request} is answered twice"));
            };
            let settled = self.settle(&wish, &answer)?;
            let is_lost = self.in_trouble && self.dice.one_in(12);
            let is_current = self
                .callers
                .get(&caller)
                .is_some_and(|asking| asking.request == request);
            match settled {
                _ if is_lost => {}
                Settled::Done => {
                    self.callers.remove(&caller);
                }
                Settled::AskAgain if is_current => {
                    let delay = self.dice.within(10..2_000);
                    self.later(delay, Event::Ask(caller));
                }
                Settled::AskAgain => {}
            }
        }
        Ok(())
    }

    fn settle(&mut self, wish: &Wish, answer: &Answer) -> Result<Settled, String> {
        let unexpected = || Err(format!("{}: {answer:?}", wish.name()));
        match (wish, answer) {
            (Wish::Start { request, input }, Answer::Started(Ok(started))) => {
                let arn = &started.execution_arn;
                self.facts.start(arn, input, started.started_at)?;
                if let Some(attempt_id) = &request.started_by {
                    self.facts.child(attempt_id, arn)?;
                }
                self.await_end(arn);
                if self.dice.one_in(6) {
                    let delay = self.dice.below(30_000);
                    let execution_arn = arn.clone();
                    self.wish(delay, Wish::Stop { execution_arn });
                }
                self.wish_redrives(arn);
            }
            (
                Wish::Start { request, input },
                Answer::Started(Err(StartError::AlreadyExists(arn))),
            ) if request.started_by.is_none() => {
                self.facts.taken.insert(arn.clone());
                return self.refused_rightly(arn, input);
            }
            (Wish::Start { request, .. }, Answer::Started(Err(StartError::Deleting(_)))) => {
                self.facts.no_child(request.started_by.as_ref())?;
            }
            (Wish::Redrive { .. }, Answer::Redriven(Err(RedriveError::Deleting))) => {}
            (Wish::Confirm { machine_arn, shard }, Answer::Confirmed(Ok(()))) => {
                self.confirmed(machine_arn, *shard)?;
            }
            (_, Answer::Confirmed(Err(_))) => return Ok(Settled::AskAgain),
            (Wish::Stop { execution_arn }, Answer::Stopped(Ok(at))) => {
                self.facts.stopped.insert((execution_arn.clone(), *at));
            }
            (
                Wish::Redrive {
                    execution_arn,
                    client_token,
                },
                Answer::Redriven(Ok(at)),
            ) => {
                let redrive = (execution_arn.clone(), client_token.clone(), *at);
                self.facts.redriven.insert(redrive);
                self.await_end(execution_arn);
            }
            (Wish::Redrive { .. }, Answer::Redriven(Err(RedriveError::NotRedrivable(_)))) => {}
            (Wish::PickUp { .. }, Answer::PickedUp(_)) => return self.picked_up(wish, answer),
            (Wish::Token { attempt, mark, .. }, Answer::Token(Ok(()))) => {
                if let Some(mark) = mark {
                    self.facts.acknowledge(attempt, *mark)?;
                }
            }
            (Wish::Token { .. }, Answer::Token(Err(TokenError::TimedOut))) => {}
            (_, Answer::Started(Err(StartError::Engine(error))))
            | (_, Answer::Stopped(Err(StopError::Engine(error))))
            | (_, Answer::Redriven(Err(RedriveError::Engine(error))))
            | (_, Answer::Token(Err(TokenError::Engine(error)))) => match error {
                Error::Refused { .. } | Error::Journal(_) => return unexpected(),
                _ => return Ok(Settled::AskAgain),
            },
            _ => return unexpected(),
        }
        Ok(Settled::Done)
    }

    /// A name is refused if its execution has another input or has ended.
    fn refused_rightly(&self, arn: &str, input: &str) -> Result<Settled, String> {
        let store = self.disk.committed();
        let entity = engine::bring::find_execution(store, arn).map_err(|it| it.to_string())?;
        let entity = entity.ok_or_else(|| format!("{arn} is taken and does not exist"))?;
        let loaded = journal::load(store, entity).map_err(|it| it.to_string())?;
        let run = loaded.ok_or_else(|| format!("{arn} has no journal"))?.run;
        let is_same = run
            .start
            .as_ref()
            .is_some_and(|it| it.input.to_text() == input);
        // One that was redriven had ended when it was asked for.
        if is_same && !run.status.is_terminal() && run.redrives.count == 0 {
            return Err(format!("the same start of {arn} was refused while it runs"));
        }
        Ok(Settled::Done)
    }

    /// The group goes to the store; in trouble, anything may happen on the way.
    pub(super) fn commit(&mut self, at: Place) -> Result<(), String> {
        let crash = self.in_trouble && self.dice.one_in(60);
        let crash_after = crash.then(|| self.dice.below(4));
        if crash_after == Some(0) {
            self.note(&format!("{at:?} crashes before its commit"));
            return self.crash(at.0);
        }
        let mishap = self.in_trouble && self.dice.one_in(25);
        let mishap = mishap.then(|| {
            self.dice.pick(&[
                Mishap::Fault(Fault::UnknownApplied),
                Mishap::Fault(Fault::UnknownNotApplied),
                Mishap::Fault(Fault::Fenced),
                Mishap::Stolen,
            ])
        });
        let Some(node) = self.nodes.get_mut(&at.0) else {
            return Ok(());
        };
        let thread = &mut node.threads[at.1];
        let disk = node.disk.clone();
        disk.plan(mishap);
        let committed = thread.commit(&disk);
        // A group without batches did not meet it.
        disk.plan(None);
        let Some((group, failed)) = committed else {
            return Ok(());
        };
        self.note_commit(at, &group, &failed, mishap);
        if crash_after.is_none() {
            let node = self.nodes.get(&at.0).ok_or("the node is gone")?;
            pipeline::show(&node.commons().observers, group, &failed);
        }
        self.checker.hold_limit(self.disk.committed())?;
        let is_newest = self.nodes.keys().next_back() == Some(&at.0);
        let is_lost = failed.iter().any(|(_, verdict)| *verdict == Verdict::Lost);
        if is_newest && (is_lost || mishap == Some(Mishap::Stolen)) {
            let delay = self.dice.below(200);
            self.later(delay, Event::TakeOver);
        }
        let thread = &mut self.nodes.get_mut(&at.0).ok_or("the node is gone")?.threads[at.1];
        match crash_after {
            None => {
                for event in [Event::Report(at), Event::LetOut(at)] {
                    let delay = self.dice.below(2);
                    self.later(delay, event);
                }
                return Ok(());
            }
            Some(1) => {}
            Some(2) => thread.report(),
            Some(_) => {
                let max = self.dice.below(3);
                let actions = thread.let_out(usize::try_from(max).unwrap());
                self.act(at, actions);
                self.take_answers()?;
            }
        }
        self.note(&format!("{at:?} crashes after its commit"));
        self.crash(at.0)
    }

    fn note_commit(&mut self, at: Place, group: &Group, failed: &[Failure], it: Option<Mishap>) {
        let number = group.number;
        self.note(&format!("{at:?} group {number}, {it:?}, failed {failed:?}"));
        for batch in &group.batches {
            let (shard, sequence) = (batch.shard.0, batch.sequence);
            for write in &batch.writes {
                let text = match write {
                    Write::Append {
                        entity,
                        number,
                        record,
                    } => format!("append {entity:?} {number} {:x}", hash(record)),
                    other => format!("{other:?}"),
                };
                self.note(&format!("  {shard}:{sequence} {text}"));
            }
        }
    }

    /// One process dies, or the power fails under all of them.
    fn crash(&mut self, node: u64) -> Result<(), String> {
        if self.dice.one_in(2) {
            return self.power_fails();
        }
        self.nodes.remove(&node);
        self.after_crash()
    }

    pub(super) fn power_fails(&mut self) -> Result<(), String> {
        self.note("the power fails");
        self.nodes.clear();
        self.disk = self.disk.crash().into();
        let reads_per_failure = self.dice.pick(&[0, 200, 30]);
        let reads_per_failure = if self.in_trouble {
            reads_per_failure
        } else {
            0
        };
        self.disk.fail_reads(reads_per_failure);
        self.after_crash()
    }

    fn after_crash(&mut self) -> Result<(), String> {
        self.checker.check(self.disk.committed(), &self.facts)?;
        let delay = self.dice.pick(&[10, 1_000, 15_000]);
        self.later(delay, Event::Open);
        Ok(())
    }

    /// A new process takes the shards over while the old one is paused; that wakes up later.
    pub(super) fn take_over(&mut self) -> Result<(), String> {
        self.note("another process takes over");
        let until = self.now + self.dice.below(20_000);
        let old: Vec<u64> = self.nodes.keys().copied().collect();
        for number in old {
            if let Some(node) = self.nodes.get_mut(&number) {
                node.sleeps_until = until;
            }
            self.later(40_000, Event::End(number));
        }
        self.later(0, Event::Open);
        self.checker.check(self.disk.committed(), &self.facts)
    }

    pub(super) fn set_clock(&mut self) {
        let by = i64::try_from(self.dice.below(600_000)).unwrap();
        let by = if self.dice.one_in(2) { by } else { -by };
        self.set_by += by;
        self.facts.clock_went_back |= by < 0;
        self.note(&format!("the clock is set by {by} ms"));
    }

    pub(super) fn end(&mut self, node: u64) {
        if self.nodes.remove(&node).is_some() {
            self.note(&format!("node {node} ends"));
        }
    }
}

impl super::disk::Disk {
    /// Whether no execution is open, and none owes anything.
    pub(super) fn has_ended(&self) -> bool {
        let open = [ExecutionStatus::Running, ExecutionStatus::Queued];
        let store = self.committed();
        let open = store.count_executions(None, &open.map(ExecutionStatus::code));
        open.unwrap() == 0 && store.wake_ups(None, 1).unwrap().is_empty()
    }
}
