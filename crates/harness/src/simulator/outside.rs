//! The outside: callers with wishes, and what runs the calls.

use std::sync::Arc;

use asl::decide::Call;
use asl::event::{EventId, Failure, Text};
use asl::program::Pattern;
use asl::token;
use engine::shard::{Command, TokenInput, route};
use engine::{StartRequest, TaskCall, TaskOutcome};
use json::Value;
use store::{EntityId, ShardId};

use super::facts::Attempt;
use super::machines::{LIMITED, MACHINES, Machine};
use crate::dice::Dice;

/// What a caller wants, and asks for until it gets a definite answer.
#[derive(Clone)]
pub(super) enum Wish {
    Start {
        request: StartRequest,
        input: Arc<str>,
    },
    Stop {
        execution_arn: Text,
    },
    Redrive {
        execution_arn: Text,
        client_token: Text,
    },
    /// All that was decided for a shard before a deletion is committed.
    Confirm {
        machine_arn: Text,
        shard: ShardId,
    },
    /// A worker takes a task that it was handed.
    PickUp {
        node: u64,
        entity: EntityId,
        attempt: EventId,
    },
    /// `mark` is that of the result; a heartbeat has none.
    Token {
        token: Arc<str>,
        attempt: Attempt,
        mark: Option<u64>,
        input: TokenInput,
    },
}

impl Wish {
    pub(super) fn command(&self) -> Command {
        match self {
            Wish::Start { request, .. } => Command::Start(Box::new(request.clone())),
            Wish::Stop { execution_arn } => Command::Stop {
                execution_arn: execution_arn.clone(),
                failure: failure("Stopped", "by its caller"),
            },
            Wish::Redrive {
                execution_arn,
                client_token,
            } => Command::Redrive {
                execution_arn: execution_arn.clone(),
                client_token: Some(client_token.clone()),
            },
            Wish::Confirm { shard, .. } => Command::Confirm(*shard),
            Wish::PickUp {
                entity, attempt, ..
            } => Command::PickUp {
                entity: *entity,
                attempt: *attempt,
                worker_name: Some("worker".into()),
            },
            Wish::Token { token, input, .. } => Command::Token {
                token: token::read(token).unwrap(),
                input: input.clone(),
            },
        }
    }

    /// By which the driver finds the shard.
    pub(super) fn shard(&self) -> ShardId {
        match self {
            Wish::Start { request, .. } => match request.fixed_name() {
                Some(name) => {
                    let arn = engine::arn::execution(&request.state_machine_arn, &name);
                    route(&arn.unwrap())
                }
                None => route(&request.state_machine_arn),
            },
            Wish::Stop { execution_arn } | Wish::Redrive { execution_arn, .. } => {
                route(execution_arn)
            }
            Wish::Confirm { shard, .. } => *shard,
            Wish::PickUp { entity, .. } => entity.shard(),
            Wish::Token { attempt, .. } => route(&attempt.0),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Wish::Start { request, input } => {
                let StartRequest {
                    name, started_by, ..
                } = request;
                format!("start {name:?} {started_by:?} {input}")
            }
            Wish::Stop { execution_arn } => format!("stop {execution_arn}"),
            Wish::Redrive {
                execution_arn,
                client_token,
            } => format!("redrive {execution_arn} {client_token}"),
            Wish::Confirm { machine_arn, shard } => format!("confirm {machine_arn} {shard:?}"),
            Wish::PickUp {
                node,
                entity,
                attempt,
            } => format!("pick up from {node} {entity:?} {attempt}"),
            Wish::Token { attempt, input, .. } => format!("token {attempt:?} {input:?}"),
        }
    }
}

/// A start by one of a few names, or by none, or by an attempt of one of a few parents. Names and
/// inputs repeat; what an attempt starts is always the same.
pub(super) fn start(dice: &mut Dice, has_room: bool) -> Wish {
    let parent = dice.one_in(6).then(|| dice.below(4));
    let mut of_parent = parent.map(Dice::new);
    let started_by = parent.map(|number| Text::from(format!("parent#{number}")));
    let dice = of_parent.as_mut().unwrap_or(dice);
    let machine = MACHINES
        .iter()
        .filter(|machine| has_room || &*machine.name != "endless");
    let machines: Vec<&Machine> = machine.collect();
    let machine = dice.pick(&machines);
    let is_named = started_by.is_none() && !dice.one_in(3);
    let name = is_named.then(|| Text::from(format!("job-{}", dice.below(3))));
    let input: Arc<str> = format!(
        r#"{{"nonce":{},"seconds":{},"list":{}}}"#,
        dice.below(2),
        dice.pick(&[1, 8]),
        dice.pick(&["[]", "[1]", "[1,2,3]", "[1,2,3]"])
    )
    .into();
    let request = StartRequest {
        state_machine_arn: machine.arn.clone(),
        state_machine_name: machine.name.clone(),
        role_arn: "arn:aws:iam::000000000000:role/simulated".into(),
        definition: machine.number,
        name,
        input: json::parse(&input).unwrap(),
        started_by,
        concurrency_max: (&*machine.name == LIMITED).then_some(1),
        ..StartRequest::default()
    };
    Wish::Start { request, input }
}

fn failure(error: &str, cause: &str) -> Failure {
    Failure {
        error: Some(error.into()),
        cause: Some(cause.into()),
    }
}

/// What becomes of one call: when what comes back.
#[derive(Default)]
pub(super) struct Fate {
    /// From the call itself.
    pub(super) outcomes: Vec<(u64, TaskOutcome)>,
    /// From the holder of its token.
    pub(super) wishes: Vec<(u64, Wish)>,
    /// The marks of all results.
    pub(super) marks: Vec<u64>,
}

/// Draws fates, and gives every result a mark of its own.
pub(super) struct Runner {
    pub(super) dice: Dice,
    pub(super) last_mark: u64,
}

impl Runner {
    pub(super) fn run(&mut self, task: &TaskCall) -> Fate {
        let mut fate = Fate::default();
        match task.call.resource.pattern {
            Pattern::RequestResponse => self.function(&task.call, &mut fate),
            Pattern::RunJob => self.job(&mut fate),
            Pattern::WaitForTaskToken => self.callback(task, &mut fate),
        }
        fate
    }

    /// In time, late, twice, another time with another result, or never.
    fn function(&mut self, call: &Call, fate: &mut Fate) {
        if call.deadline.is_some() && self.dice.one_in(6) {
            return;
        }
        let delay = self.delay();
        let outcome = self.outcome(fate);
        fate.outcomes.push((delay, outcome.clone()));
        if self.dice.one_in(4) {
            let again = match self.dice.one_in(2) {
                true => outcome,
                false => self.outcome(fate),
            };
            fate.outcomes.push((self.delay(), again));
        }
    }

    /// A job begins, or does not.
    fn job(&mut self, fate: &mut Fate) {
        let outcome = match self.dice.one_in(12) {
            true => self.failed(fate),
            false => TaskOutcome::Submitted(json::parse(r#"{"job":1}"#).unwrap()),
        };
        fate.outcomes.push((self.delay(), outcome.clone()));
        if self.dice.one_in(6) {
            fate.outcomes.push((self.delay(), outcome));
        }
    }

    /// How a job ends: as a function does.
    pub(super) fn watch(&mut self, task: &TaskCall) -> Fate {
        let mut fate = Fate::default();
        self.function(&task.call, &mut fate);
        fate
    }

    /// What a worker does with a task: heartbeats, one result or two, or nothing.
    pub(super) fn work(&mut self, attempt: &Attempt, token: &Arc<str>) -> Fate {
        let mut fate = Fate::default();
        if self.dice.one_in(6) {
            return fate;
        }
        let wish = |mark: Option<u64>, input: TokenInput| Wish::Token {
            token: Arc::clone(token),
            attempt: attempt.clone(),
            mark,
            input,
        };
        let mut at = self.delay();
        for _ in 0..self.dice.pick(&[0, 0, 1, 3]) {
            fate.wishes.push((at, wish(None, TokenInput::Heartbeat)));
            at += self.dice.within(1_000..13_000);
        }
        for _ in 0..self.dice.pick(&[1, 1, 2]) {
            let input = self.result(&mut fate);
            let wish = wish(fate.marks.last().copied(), input);
            fate.wishes.push((at + self.dice.below(3), wish));
        }
        fate
    }

    fn result(&mut self, fate: &mut Fate) -> TokenInput {
        match self.outcome(fate) {
            TaskOutcome::Failed(failure) => TokenInput::Failed(failure),
            TaskOutcome::Succeeded(output) | TaskOutcome::Submitted(output) => {
                TokenInput::Succeeded(output)
            }
        }
    }

    fn callback(&mut self, task: &TaskCall, fate: &mut Fate) {
        let submitted = match self.dice.one_in(12) {
            true => self.failed(fate),
            false => TaskOutcome::Submitted(json::parse("{}").unwrap()),
        };
        fate.outcomes.push((self.delay(), submitted));
        let may_be_silent =
            task.call.deadline.is_some() || task.execution_arn.contains(":execution:hurry:");
        if may_be_silent && self.dice.one_in(6) {
            return;
        }
        let mut at = self.delay();
        for _ in 0..self.dice.pick(&[0, 0, 1, 3]) {
            fate.wishes
                .push((at, token_wish(task, None, TokenInput::Heartbeat)));
            at += self.dice.within(1_000..11_000);
        }
        // The second is refused, whichever it is.
        for _ in 0..self.dice.pick(&[1, 1, 2]) {
            let input = self.result(fate);
            let wish = token_wish(task, fate.marks.last().copied(), input);
            fate.wishes.push((at + self.dice.below(3), wish));
        }
    }

    fn delay(&mut self) -> u64 {
        let upto = self.dice.pick(&[5, 50, 2_000, 9_000, 40_000]);
        self.dice.below(upto)
    }

    fn outcome(&mut self, fate: &mut Fate) -> TaskOutcome {
        if self.dice.one_in(3) {
            return self.failed(fate);
        }
        let mark = self.mark(fate);
        let again = self.dice.one_in(2);
        let output = format!(r#"{{"mark": {mark}, "again": {again}}}"#);
        let output: Value = json::parse(&output).unwrap();
        TaskOutcome::Succeeded(output)
    }

    fn failed(&mut self, fate: &mut Fate) -> TaskOutcome {
        let mark = self.mark(fate).to_string();
        TaskOutcome::Failed(failure(self.dice.pick(&["Busy", "Busy", "Broken"]), &mark))
    }

    fn mark(&mut self, fate: &mut Fate) -> u64 {
        self.last_mark += 1;
        fate.marks.push(self.last_mark);
        self.last_mark
    }
}

fn token_wish(task: &TaskCall, mark: Option<u64>, input: TokenInput) -> Wish {
    let payload = task.call.parameters.get("Payload");
    let token = payload.and_then(|payload| payload.get("token")?.as_str());
    let attempt: EventId = task.call.attempt;
    Wish::Token {
        token: token.unwrap().into(),
        attempt: (task.execution_arn.clone(), attempt),
        mark,
        input,
    }
}
