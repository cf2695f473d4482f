//! Workers of activities, jobs, gates, and who waits for the ends of executions.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use asl::event::{EventId, Text};
use asl::token;
use engine::shard::{Answer, Command};
use engine::{Error, TaskCall};
use store::{EntityId, Store};

use super::facts::agree;
use super::machines::{ACTIVITY, LIMITED, MACHINES};
use super::outside::{Fate, Wish};
use super::trouble::Settled;
use super::world::{Event, Place, Sabotage, World};

impl World {
    /// A worker asks a process for a task, as the driver's long poll does; and again later.
    pub(super) fn poll(&mut self) {
        let again = self.dice.within(300..5_000);
        self.later(again, Event::Poll);
        let nodes: Vec<u64> = self.nodes.keys().copied().collect();
        let Some(newest) = nodes.last().copied() else {
            return;
        };
        let node = match self.in_trouble && self.dice.one_in(5) {
            true => self.dice.pick(&nodes),
            false => newest,
        };
        let Some(polled) = self.nodes.get(&node) else {
            return;
        };
        let activity = Text::from(ACTIVITY);
        let Some((entity, attempt)) = polled.activities.take(&activity) else {
            return;
        };
        let thread = usize::from(entity.shard().0) % polled.threads.len();
        let wish = Wish::PickUp {
            node,
            entity,
            attempt,
        };
        let request = self.number();
        let has_left = self.dice.one_in(8);
        self.note(&format!(
            "request {request}: {}, has left: {has_left}",
            wish.name()
        ));
        if has_left {
            polled_again(self, node, (entity, attempt));
        }
        let command = wish.command();
        self.requests.insert(request, (0, wish));
        let delay = self.dice.below(3);
        let arrives = Event::Arrive {
            at: (node, thread),
            request,
            command,
            has_left,
        };
        self.later(delay, arrives);
    }

    /// What the worker got.
    pub(super) fn picked_up(&mut self, wish: &Wish, answer: &Answer) -> Result<Settled, String> {
        let Wish::PickUp {
            node,
            entity,
            attempt,
        } = wish
        else {
            return Err(format!("{}: {answer:?}", wish.name()));
        };
        let task = match answer {
            Answer::PickedUp(Ok(None)) => return Ok(Settled::Done),
            Answer::PickedUp(Ok(Some(task))) => task,
            Answer::PickedUp(Err(Error::Refused { .. } | Error::Journal(_))) => {
                return Err(format!("{}: {answer:?}", wish.name()));
            }
            _ => {
                polled_again(self, *node, (*entity, *attempt));
                return Ok(Settled::Done);
            }
        };
        let token = token::read(&task.task_token).ok_or("a token that is none")?;
        agree(token.attempt == *attempt, || {
            format!("{}: the task of attempt {}", wish.name(), token.attempt)
        })?;
        let attempt = (Text::from(token.execution_arn), token.attempt);
        self.facts.pick_up(attempt.clone())?;
        if self.sabotage == Sabotage::TwoWorkers {
            self.facts.pick_up(attempt.clone())?;
        }
        // The answer may not reach the worker.
        if self.in_trouble && self.dice.one_in(12) {
            return Ok(Settled::Done);
        }
        let token: Arc<str> = task.task_token.as_str().into();
        let fate = self.runner.work(&attempt, &token);
        for mark in fate.marks {
            self.facts.made_for.insert(mark, attempt.clone());
        }
        for (delay, wish) in fate.wishes {
            self.wish(delay, wish);
        }
        Ok(Settled::Done)
    }

    /// A job is waited for.
    pub(super) fn watch(&mut self, at: Place, entity: EntityId, task: &TaskCall) {
        let attempt = (task.execution_arn.clone(), task.call.attempt);
        self.note(&format!("{at:?} watches {entity:?} {attempt:?}"));
        self.last_attempts.insert(entity, attempt.1);
        let Fate {
            outcomes, marks, ..
        } = self.runner.watch(task);
        for mark in marks {
            self.facts.made_for.insert(mark, attempt.clone());
        }
        for (delay, outcome) in outcomes {
            let attempt = attempt.1;
            self.later(
                delay,
                Event::Outcome {
                    at,
                    entity,
                    attempt,
                    outcome,
                },
            );
        }
    }

    /// A job is told to stop, which takes a while.
    pub(super) fn cancel(&mut self, at: Place, entity: EntityId, task: &TaskCall) {
        let attempt = (task.execution_arn.clone(), task.call.attempt);
        self.note(&format!("{at:?} cancels {entity:?} {attempt:?}"));
        let delay = self.dice.pick(&[0, 5, 3_000, 30_000]);
        let cancelled = Event::Cancelled {
            at,
            entity,
            attempt: attempt.1,
        };
        self.facts.cancelled.insert(attempt);
        self.later(delay, cancelled);
    }

    /// Hands commands that come from inside to a thread.
    pub(super) fn internal(&mut self, at: Place, command: &Command) {
        self.note(&format!("{at:?} {command:?}"));
        if let Some(node) = self.nodes.get_mut(&at.0) {
            node.threads[at.1].pipeline.internal(command);
        }
        self.look_in(at, 0);
    }

    /// Tells executions that a gate has let in, each on its thread.
    pub(super) fn pass_on(&mut self, at: Place) {
        let Some(node) = self.nodes.get_mut(&at.0) else {
            return;
        };
        let threads = node.threads.len();
        for entity in node.threads[at.1].pipeline.take_admitted() {
            let at = (at.0, usize::from(entity.shard().0) % threads);
            let delay = self.dice.below(3);
            self.later(delay, Event::Admit { at, entity });
        }
    }

    /// Somebody waits for the end of an execution that is open: subscribes, and then looks.
    pub(super) fn await_end(&mut self, execution_arn: &Text) {
        if self.dice.one_in(2) {
            return;
        }
        let Some(node) = self.nodes.values_mut().next_back() else {
            return;
        };
        let ending = node.commons().endings.subscribe(execution_arn);
        let store = self.disk.committed();
        let entity = engine::bring::find_execution(store, execution_arn).unwrap();
        let row = entity.and_then(|entity| store.execution(entity).unwrap());
        if row.is_some_and(|row| row.stopped_ms.is_none()) {
            node.endings.push((execution_arn.clone(), ending));
        }
    }

    /// Redrives of an execution, some of them repeated.
    pub(super) fn wish_redrives(&mut self, execution_arn: &Text) {
        for number in 0..self.dice.pick(&[0, 0, 1, 2]) {
            let wish = Wish::Redrive {
                execution_arn: execution_arn.clone(),
                client_token: format!("redrive-{number}").into(),
            };
            let delay = self.dice.below(100_000);
            for copy in 0..self.dice.pick(&[1, 1, 2]) {
                let later = copy * self.dice.below(9_000);
                self.wish(delay + later, wish.clone());
            }
        }
    }

    /// Once all has ended, the process that serves knows it.
    pub(super) fn hold_node(&mut self) -> Result<(), String> {
        let Some(node) = self.nodes.values_mut().next_back() else {
            return Err("no process serves".to_owned());
        };
        let mut context = Context::from_waker(Waker::noop());
        for (arn, ending) in &mut node.endings {
            let is_told = Pin::new(ending).poll(&mut context) == Poll::Ready(());
            agree(is_told, || format!("the end of {arn} was not told"))?;
        }
        let commons = node.commons();
        let deleting = commons.deletions.all();
        agree(deleting.is_empty(), || {
            format!("{deleting:?} count as being deleted")
        })?;
        let open = commons.open_executions();
        agree(open == 0, || format!("{open} executions count as open"))?;
        let machine = MACHINES.iter().find(|it| &*it.name == LIMITED).unwrap();
        let view = commons.gates.view(&machine.arn, 1);
        let is_empty = view
            .as_ref()
            .is_none_or(|it| (it.running, it.queued) == (0, 0));
        agree(is_empty, || format!("nobody is at the gate: {view:?}"))?;
        agree(node.activities.is_empty(), || "tasks are left".to_owned())
    }
}

/// A task that a worker did not get waits again, if the process still lives.
fn polled_again(world: &World, node: u64, task: (EntityId, EventId)) {
    if let Some(node) = world.nodes.get(&node) {
        node.activities.put_back(&ACTIVITY.into(), task);
    }
}
