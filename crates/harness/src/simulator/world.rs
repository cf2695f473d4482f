//! Everything together, in virtual time: what happens next is drawn from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use asl::event::{EventId, Text};
use asl::limits::Limits;
use asl::time::Timestamp;
use engine::shard::{Action, Command, Heavy};
use engine::{Answered, Clock, Config, Served, TaskCall, TaskOutcome};
use store::EntityId;

use super::check::Checker;
use super::deletions::Deletion;
use super::disk::Disk;
use super::facts::Facts;
use super::node::{Answers, Node};
use super::outside::{Runner, Wish, start};
use super::trace::Trace;
use super::witness::Witness;
use crate::dice::Dice;

/// Virtual milliseconds in which things go wrong.
pub(super) const TROUBLE_MS: u64 = 120_000;
/// After the trouble everything must come to its end within this time: the longest chain of tasks,
/// plus what a clock that was set back adds.
const PATIENCE_MS: u64 = 4 * 3_600_000;
/// Workers that poll for tasks of the activity.
const WORKERS: usize = 3;
/// Late results still come in this long after the last execution ended.
const AFTERMATH_MS: u64 = 60_000;

/// Looks at what a witness has refused; each refuses some of what is left.
const LOOKS_MAX: usize = 100;

/// A fault of the engine or the store on purpose, which must be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// Calls and answers go out before their commit.
    ActEarly,
    /// After a power failure the last commits are gone.
    LyingDisk,
    /// A repeated result is taken for the attempt that is under way now.
    ApplyTwice,
    /// The engine knows no concurrency limit.
    LooseGate,
    /// A worker shows its task to another one.
    TwoWorkers,
    /// The engine is not told of deletions.
    DeafToDeletions,
}

pub(super) enum Event {
    /// A caller asks.
    Ask(u64),
    /// A caller has waited long enough for this request.
    GiveUp {
        caller: u64,
        request: u64,
    },
    /// A request reaches a thread.
    Arrive {
        at: Place,
        request: u64,
        command: Command,
        has_left: bool,
    },
    /// A state machine is deleted.
    Delete(Text),
    LookAtDeletion(Text),
    /// A worker asks for a task of the activity.
    Poll,
    /// A job was told to stop.
    Cancelled {
        at: Place,
        entity: EntityId,
        attempt: EventId,
    },
    /// A queued execution is let in.
    Admit {
        at: Place,
        entity: EntityId,
    },
    /// A call's outcome reaches the thread that made the call.
    Outcome {
        at: Place,
        entity: EntityId,
        attempt: EventId,
        outcome: TaskOutcome,
    },
    /// A decision that was too heavy for a thread is made.
    Decided {
        at: Place,
        heavy: Box<Heavy>,
    },
    /// A thread looks at what is due.
    Look(Place),
    Commit(Place),
    Report(Place),
    LetOut(Place),
    /// A process starts on the current disk.
    Open,
    /// A process that was overtaken ends.
    End(u64),
    PowerFails,
    TakeOver,
    SetClock,
    TroubleEnds,
}

/// A thread of a node.
pub(super) type Place = (u64, usize);

pub(super) struct Caller {
    pub(super) wish: Wish,
    /// The request that is under way.
    pub(super) request: u64,
}

struct Wall(AtomicI64);

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

pub(super) struct World {
    pub(super) sabotage: Sabotage,
    pub(super) dice: Dice,
    pub(super) trace: Trace,
    pub(super) now: u64,
    pub(super) in_trouble: bool,
    queue: BTreeMap<(u64, u64), Event>,
    wall: Arc<Wall>,
    pub(super) set_by: i64,
    pub(super) config: Config,
    pub(super) disk: Arc<Disk>,
    pub(super) nodes: BTreeMap<u64, Node>,
    last_node: u64,
    pub(super) callers: BTreeMap<u64, Caller>,
    /// Who asked what, by request: also of requests that were given up.
    pub(super) requests: BTreeMap<u64, (u64, Wish)>,
    last_number: u64,
    pub(super) answers: Answers,
    pub(super) runner: Runner,
    /// Attempts given up whose results do not come any more.
    pub(super) abandoned: BTreeSet<(u64, EntityId, EventId)>,
    /// The call made last for an execution.
    pub(super) last_attempts: BTreeMap<EntityId, EventId>,
    /// Deletions under way, by machine.
    pub(super) deletions: BTreeMap<Text, Deletion>,
    pub(super) facts: Facts,
    pub(super) checker: Checker,
    witness: Arc<Witness>,
    ended_at: Option<u64>,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Sabotage) -> World {
        let mut dice = Dice::new(seed);
        let limits = Limits {
            history_events_max: dice.pick(&[40, 120, 400]),
            map_concurrency_max: dice.pick(&[1, 2, 40]),
            transitions_per_decision_max: dice.pick(&[1, 5, 500]),
            ..Limits::default()
        };
        let config = Config {
            limits,
            shard_threads: usize::try_from(dice.within(1..4)).unwrap(),
            cache_bytes_max: dice.pick(&[1, 6 << 10, 8 << 20]),
            calls_max: dice.pick(&[1, 4, 1_024]),
            watches_max: dice.pick(&[1, 1_024]),
            ..Config::default()
        };
        let limit = dice.pick(&[1, 1, 2]);
        let told = (sabotage != Sabotage::LooseGate).then_some(limit);
        let disk = Disk::new(dice.fork(), sabotage == Sabotage::LyingDisk, told);
        disk.fail_reads(dice.pick(&[0, 200, 30]));
        let runner = Runner {
            dice: dice.fork(),
            last_mark: 0,
        };
        let mut world = World {
            sabotage,
            dice,
            trace: Trace::default(),
            now: 0,
            in_trouble: true,
            queue: BTreeMap::new(),
            wall: Arc::new(Wall(AtomicI64::new(0))),
            set_by: 1_700_000_000_000,
            config,
            disk: Arc::new(disk),
            nodes: BTreeMap::new(),
            last_node: 0,
            callers: BTreeMap::new(),
            requests: BTreeMap::new(),
            last_number: 0,
            answers: Answers::default(),
            runner,
            abandoned: BTreeSet::new(),
            last_attempts: BTreeMap::new(),
            deletions: BTreeMap::new(),
            facts: Facts::default(),
            checker: Checker::new(limit),
            witness: Arc::default(),
            ended_at: None,
        };
        world.note(&format!("seed {seed}, {config:?}"));
        world.set_up();
        world
    }

    /// Draws what comes from outside and what goes wrong.
    fn set_up(&mut self) {
        self.later(0, Event::Open);
        for _ in 0..self.dice.within(8..25) {
            let has_room = self.config.limits.history_events_max < 200;
            let wish = start(&mut self.dice, has_room);
            let at = self.dice.below(TROUBLE_MS * 3 / 4);
            let copies = self.dice.pick(&[1, 1, 2, 3]);
            for _ in 0..copies {
                let delay = self.dice.below(20);
                self.wish(at + delay, wish.clone());
            }
        }
        for kind in 0..3 {
            for _ in 0..self.dice.pick(&[0, 1, 3]) {
                let at = self.dice.below(TROUBLE_MS);
                let event = match kind {
                    0 => Event::PowerFails,
                    1 => Event::TakeOver,
                    _ => Event::SetClock,
                };
                self.later(at, event);
            }
        }
        for _ in 0..WORKERS {
            self.later(0, Event::Poll);
        }
        self.plan_deletions();
        self.later(TROUBLE_MS, Event::TroubleEnds);
    }

    /// Lives through it all.
    pub(super) fn run(&mut self) -> Result<(), String> {
        while let Some(((time, _), event)) = self.queue.pop_first() {
            self.now = time;
            let wall = self.set_by.saturating_add(i64::try_from(time).unwrap());
            self.wall.0.store(wall, Ordering::Relaxed);
            self.happen(event)?;
            self.take_answers()?;
            if self.is_over()? {
                self.hold_node()?;
                self.checker.check(self.disk.committed(), &self.facts)?;
                return self.hold_witness();
            }
        }
        Err("nothing happens any more".to_owned())
    }

    /// Who watches was told everything, or is now.
    fn hold_witness(&mut self) -> Result<(), String> {
        let node = self.nodes.values().next_back().ok_or("no node is left")?;
        (0..LOOKS_MAX).for_each(|_| node.clerk.look());
        self.witness
            .check(self.disk.committed(), self.checker.executions())
    }

    fn is_over(&mut self) -> Result<bool, String> {
        if self.in_trouble {
            return Ok(false);
        }
        if let Some(ended_at) = self.ended_at {
            return Ok(self.now >= ended_at + AFTERMATH_MS);
        }
        let is_late = self.now > TROUBLE_MS + PATIENCE_MS;
        let has_ended =
            self.callers.is_empty() && self.disk.has_ended() && self.deletions.is_empty();
        if !has_ended && !is_late {
            return Ok(false);
        }
        self.checker.check(self.disk.committed(), &self.facts)?;
        if !has_ended {
            let waiting = self.callers.values().map(|caller| caller.wish.name());
            let waiting: Vec<String> = waiting.collect();
            let running = self.checker.unfinished();
            return Err(format!(
                "stuck: executions {running:#?}, callers {waiting:#?}"
            ));
        }
        self.note("everything has ended");
        self.ended_at = Some(self.now);
        Ok(false)
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Ask(caller) => self.ask(caller),
            Event::GiveUp { caller, request } => self.give_up(caller, request),
            Event::Delete(machine_arn) => self.delete(&machine_arn),
            Event::LookAtDeletion(machine_arn) => return self.look_at_deletion(&machine_arn),
            Event::Poll => self.poll(),
            Event::Open => self.open(),
            Event::End(node) => self.end(node),
            Event::PowerFails => return self.power_fails(),
            Event::TakeOver => return self.take_over(),
            Event::SetClock => self.set_clock(),
            Event::TroubleEnds => self.trouble_ends(),
            Event::Arrive { at, .. }
            | Event::Cancelled { at, .. }
            | Event::Admit { at, .. }
            | Event::Outcome { at, .. }
            | Event::Decided { at, .. }
            | Event::Look(at)
            | Event::Commit(at)
            | Event::Report(at)
            | Event::LetOut(at) => return self.happen_at(at, event),
        }
        Ok(())
    }

    /// What happens in a thread: later if its process is paused, never if that has ended.
    fn happen_at(&mut self, at: Place, event: Event) -> Result<(), String> {
        let Some(node) = self.nodes.get_mut(&at.0) else {
            return Ok(());
        };
        if node.sleeps_until > self.now {
            let sleeps_until = node.sleeps_until;
            if let Event::Look(_) = event {
                node.threads[at.1].looks_at = sleeps_until;
            }
            self.later(sleeps_until - self.now, event);
            return Ok(());
        }
        let thread = &mut node.threads[at.1];
        match event {
            Event::Arrive {
                request,
                command,
                has_left,
                ..
            } => {
                let answers = Answers::clone(&self.answers);
                let ticket = super::node::Ticket {
                    request,
                    answers,
                    has_left,
                };
                thread.pipeline.job(&command, ticket);
                self.look_in(at, 0);
            }
            Event::Outcome {
                entity,
                attempt,
                outcome,
                ..
            } => self.outcome(at, entity, attempt, outcome),
            Event::Cancelled {
                entity, attempt, ..
            } => self.internal(at, &Command::Cancelled { entity, attempt }),
            Event::Admit { entity, .. } => self.internal(at, &Command::Admit(entity)),
            Event::Decided { heavy, .. } => {
                let entity = heavy.entity();
                thread.pipeline.decided(heavy.decide());
                self.note(&format!("{at:?} decided {entity:?} slowly"));
                self.look_in(at, 0);
            }
            Event::Look(_) if thread.looks_at == self.now => self.look(at),
            Event::Commit(_) => return self.commit(at),
            Event::Report(_) => {
                thread.report();
                thread.rest();
                self.look_in(at, 0);
            }
            Event::LetOut(_) => {
                let actions = thread.let_out(usize::MAX);
                thread.rest();
                self.act(at, actions);
                self.look_in(at, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn look(&mut self, at: Place) {
        let Some(node) = self.nodes.get_mut(&at.0) else {
            return;
        };
        if at.1 == 0 {
            node.clerk.look();
        }
        let thread = &mut node.threads[at.1];
        thread.looks_at = u64::MAX;
        thread.pipeline.work_off();
        let heavy: Vec<Heavy> = std::iter::from_fn(|| thread.pipeline.take_heavy()).collect();
        let has_work = thread.hand_over();
        self.pass_on(at);
        for heavy in heavy {
            // In any order, and long after what came for others.
            let delay = self.dice.pick(&[0, 3, 200, 5_000]);
            let heavy = Box::new(heavy);
            self.later(delay, Event::Decided { at, heavy });
        }
        let Some(node) = self.nodes.get_mut(&at.0) else {
            return;
        };
        let thread = &mut node.threads[at.1];
        if has_work {
            let early = match self.sabotage {
                Sabotage::ActEarly => thread.act_early(),
                _ => Vec::new(),
            };
            self.act(at, early);
            let slow = self.in_trouble && self.dice.one_in(10);
            let delay = self.dice.below(if slow { 4_000 } else { 4 });
            self.later(delay, Event::Commit(at));
        }
        let thread = &self.nodes[&at.0].threads[at.1];
        let sleep = match thread.pipeline.has_work() {
            true => 1,
            false => u64::try_from(thread.pipeline.time_to_sleep().as_millis()).unwrap(),
        };
        self.look_in(at, sleep.max(1));
    }

    pub(super) fn look_in(&mut self, at: Place, delay: u64) {
        let time = self.now + delay;
        let Some(node) = self.nodes.get_mut(&at.0) else {
            return;
        };
        let thread = &mut node.threads[at.1];
        if time < thread.looks_at {
            thread.looks_at = time;
            self.later(delay, Event::Look(at));
        }
    }

    fn outcome(&mut self, at: Place, entity: EntityId, attempt: EventId, outcome: TaskOutcome) {
        if self.abandoned.contains(&(at.0, entity, attempt)) {
            return;
        }
        let attempt = match self.sabotage {
            Sabotage::ApplyTwice => self.last_attempts[&entity],
            _ => attempt,
        };
        self.note(&format!(
            "{at:?} outcome of {entity:?} {attempt}: {outcome:?}"
        ));
        let command = Command::Outcome {
            entity,
            attempt,
            answered: Box::new(Answered {
                // Every other call says what served it.
                served: (attempt % 2 == 0).then(|| Box::new(served(attempt))),
                outcome,
            }),
        };
        if let Some(node) = self.nodes.get_mut(&at.0) {
            node.threads[at.1].pipeline.internal(&command);
        }
        self.look_in(at, 0);
    }

    /// Does what was let out of a thread.
    pub(super) fn act(&mut self, at: Place, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Call(entity, call) => self.call(at, entity, &call),
                Action::Watch(entity, call, _) => self.watch(at, entity, &call),
                Action::Cancel(entity, call, _) => self.cancel(at, entity, &call),
                Action::Offer {
                    entity,
                    attempt,
                    activity_arn,
                } => {
                    if let Some(node) = self.nodes.get(&at.0) {
                        node.activities.offer(&activity_arn, (entity, attempt));
                    }
                    self.note(&format!("{at:?} offers {entity:?} {attempt:?}"));
                }
                Action::Express(run) => self.note(&format!("{at:?} runs {:?}", run.entity)),
                Action::Abandon {
                    entity, attempt, ..
                } => {
                    self.note(&format!("{at:?} gives up {entity:?} {attempt}"));
                    if let Some(node) = self.nodes.get(&at.0) {
                        node.activities.withdraw((entity, attempt));
                    }
                    // Or else the result comes late.
                    if self.dice.one_in(2) {
                        self.abandoned.insert((at.0, entity, attempt));
                    }
                }
            }
        }
    }

    fn call(&mut self, at: Place, entity: EntityId, task: &TaskCall) {
        let attempt = (task.execution_arn.clone(), task.call.attempt);
        self.note(&format!("{at:?} calls {entity:?} {attempt:?}"));
        self.last_attempts.insert(entity, attempt.1);
        let fate = self.runner.run(task);
        for mark in fate.marks {
            self.facts.made_for.insert(mark, attempt.clone());
        }
        // A stop meets the result, in either order.
        if let Some((delay, _)) = fate.outcomes.first()
            && self.dice.one_in(12)
        {
            let execution_arn = attempt.0.clone();
            let delay = (delay + self.dice.below(6)).saturating_sub(3);
            self.wish(delay, Wish::Stop { execution_arn });
        }
        for (delay, outcome) in fate.outcomes {
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
        for (delay, wish) in fate.wishes {
            self.wish(delay, wish);
        }
        self.facts.called.insert(attempt);
    }

    /// A caller begins to ask for something.
    pub(super) fn wish(&mut self, delay: u64, wish: Wish) {
        let caller = self.number();
        let request = 0;
        self.callers.insert(caller, Caller { wish, request });
        self.later(delay, Event::Ask(caller));
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Things of the same time happen in an order that is drawn.
    pub(super) fn later(&mut self, delay: u64, event: Event) {
        let number = self.number();
        let order = self.dice.draw() << 32 | number;
        self.queue.insert((self.now + delay, order), event);
    }

    pub(super) fn note(&mut self, text: &str) {
        self.trace.note(self.now, text);
    }

    fn open(&mut self) {
        let clock: Arc<dyn Clock> = self.wall.clone();
        let key = self.dice.draw().to_le_bytes();
        let mut whole = [0; 32];
        whole[..8].copy_from_slice(&key);
        match Node::open(&self.disk, &self.config, &clock, whole, &self.witness) {
            Ok(node) => {
                let threads = node.threads.len();
                self.last_node += 1;
                let number = self.last_node;
                self.note(&format!("node {number} opens"));
                self.nodes.insert(number, node);
                (0..threads).for_each(|thread| self.look_in((number, thread), 0));
            }
            Err(error) => {
                self.note(&format!("no node opens: {error}"));
                self.later(500, Event::Open);
            }
        }
    }

    fn trouble_ends(&mut self) {
        self.note("the trouble ends");
        self.in_trouble = false;
        self.disk.fail_reads(0);
        if self.nodes.is_empty() {
            self.later(0, Event::Open);
        }
    }
}

/// What a call says of what served it.
fn served(attempt: EventId) -> Served {
    Served {
        function: Some(attempt.into()),
        role_policies: Some((attempt / 8).into()),
    }
}
