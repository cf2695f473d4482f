//! A shard on a stage: a store in memory, virtual time, and task calls that wait to be answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::compile::compile;
use asl::definition::{Catalogue, MachineType, Resolved};
use asl::event::{Event, Failure, Text};
use asl::program::{Pattern, Program, Resource, ResourceFamily};
use asl::run::{Run, Status};
use asl::time::Timestamp;
use parking_lot::Mutex;
use store::{Batch, EntityId, Memory, SHARDS, ShardId, Store, Write};

use crate::activities::Activities;
use crate::bring::fetch;
use crate::commons::Commons;
use crate::definitions::{DefinitionError, Definitions, Programs};
use crate::deletions::Deletions;
use crate::journal::{self, Journal};
use crate::limits::Config;
use crate::observe::Observers;
use crate::request::{ActivityTask, RedriveError, StartError, StartRequest, Started};
use crate::shard::{Action, Answer, Command, Deferred, Outcome, Prepared, Random, Shard};
use crate::task::{TaskCall, TaskOutcome};

pub(crate) const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:M";
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/R";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
pub(crate) const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:a";
pub(crate) const MISSING_ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:missing";
pub(crate) const JOB: &str = "arn:aws:states:::states:startExecution.sync";
pub(crate) const CALLBACK: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/// Definitions by number, from 1.
pub(crate) struct Texts(pub(crate) Vec<String>);

impl Definitions for Texts {
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        let at = usize::try_from(definition).unwrap().wrapping_sub(1);
        let text = self.0.get(at).ok_or(DefinitionError::Missing(definition))?;
        Ok(program(text))
    }
}

/// Definitions of a machine that has a concurrency limit.
struct Limited {
    texts: Texts,
    limit: Arc<Mutex<Option<u32>>>,
}

impl Definitions for Limited {
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        self.texts.program(definition)
    }

    fn concurrency_max(&self, state_machine_arn: &str) -> Result<Option<u32>, DefinitionError> {
        assert_eq!(state_machine_arn, MACHINE);
        Ok(*self.limit.lock())
    }

    fn activity_exists(&self, activity_arn: &str) -> Result<bool, DefinitionError> {
        Ok(activity_arn != MISSING_ACTIVITY)
    }
}

struct Resources;

impl Catalogue for Resources {
    fn resolve(&self, resource: &str) -> Resolved {
        let (family, pattern) = match resource {
            CALLBACK => {
                let resource_type = "lambda".into();
                let resource = "invoke.waitForTaskToken".into();
                let family = ResourceFamily::Service {
                    resource_type,
                    resource,
                };
                (family, Pattern::WaitForTaskToken)
            }
            JOB => {
                let resource_type = "states".into();
                let resource = "startExecution.sync".into();
                let family = ResourceFamily::Service {
                    resource_type,
                    resource,
                };
                (family, Pattern::RunJob)
            }
            ACTIVITY | MISSING_ACTIVITY => (ResourceFamily::Activity, Pattern::RequestResponse),
            FUNCTION => (ResourceFamily::LambdaFunction, Pattern::RequestResponse),
            _ => return Resolved::Unknown,
        };
        Resolved::Task(Resource {
            arn: resource.into(),
            family,
            pattern,
        })
    }
}

pub(crate) fn program(text: &str) -> Arc<Program> {
    program_of(text, MachineType::Standard)
}

pub(crate) fn program_of(text: &str, machine_type: MachineType) -> Arc<Program> {
    let compiled = compile(text, machine_type, &Resources);
    Arc::new(
        compiled
            .program
            .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)),
    )
}

/// A definition of these states, the first of which is called `A`.
pub(crate) fn machine(states: &str) -> String {
    format!(r#"{{"StartAt": "A", "States": {{{states}}}}}"#)
}

pub(crate) fn value(text: &str) -> json::Value {
    json::parse(text).unwrap()
}

pub(crate) fn failure(error: &str, cause: &str) -> Failure {
    Failure {
        error: Some(error.into()),
        cause: Some(cause.into()),
    }
}

pub(crate) fn request(name: Option<&str>, input: &str) -> StartRequest {
    let parsed = value(input);
    let is_compact = parsed.to_text() == input;
    StartRequest {
        state_machine_arn: MACHINE.into(),
        state_machine_name: "M".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        role_arn: ROLE.into(),
        definition: 1,
        name: name.map(Text::from),
        input: parsed,
        input_text: (!is_compact).then(|| input.into()),
        trace_header: None,
        ..StartRequest::default()
    }
}

/// The whole journal of an entity.
pub(crate) fn events(store: &dyn Store, entity: EntityId) -> Vec<(Timestamp, Event)> {
    let mut journal = Journal::new(store, entity, 0);
    let mut events = Vec::new();
    while let Some(record) = journal.next_record().unwrap() {
        let mut of_record = record.events();
        while let Some(event) = journal.next_event(&mut of_record).unwrap() {
            events.push((record.time(), event));
        }
    }
    events
}

pub(crate) struct Stage {
    pub(crate) store: Memory,
    pub(crate) shard: Shard,
    pub(crate) programs: Programs,
    pub(crate) config: Config,
    pub(crate) definitions: Vec<String>,
    pub(crate) now: Timestamp,
    pub(crate) draws: u64,
    /// Calls let out and not answered.
    pub(crate) calls: BTreeMap<(EntityId, u64), TaskCall>,
    pub(crate) abandoned: Vec<(EntityId, u64)>,
    /// Jobs waited for, and jobs to be stopped, each with what the call answered.
    pub(crate) watches: BTreeMap<(EntityId, u64), json::Value>,
    pub(crate) cancels: BTreeMap<(EntityId, u64), Option<json::Value>>,
    pub(crate) activities: Activities,
    /// The concurrency limit of the machine.
    pub(crate) limit: Arc<Mutex<Option<u32>>>,
}

impl Stage {
    pub(crate) fn new(definitions: &[String]) -> Stage {
        Stage::with(Memory::new(), definitions, Config::default())
    }

    pub(crate) fn with(store: Memory, definitions: &[String], config: Config) -> Stage {
        let limit = Arc::new(Mutex::new(None));
        Stage::limited(store, definitions, config, limit)
    }

    fn limited(
        store: Memory,
        definitions: &[String],
        config: Config,
        limit: Arc<Mutex<Option<u32>>>,
    ) -> Stage {
        let texts = Texts(definitions.to_vec());
        let programs = Programs::new(Arc::new(Limited {
            texts,
            limit: Arc::clone(&limit),
        }));
        let shard = open(&store, config);
        Stage {
            store,
            shard,
            programs,
            config,
            definitions: definitions.to_vec(),
            now: Timestamp(1_700_000_000_000),
            draws: 0,
            calls: BTreeMap::new(),
            abandoned: Vec::new(),
            watches: BTreeMap::new(),
            cancels: BTreeMap::new(),
            activities: Activities::new(10),
            limit,
        }
    }

    /// The engine dies and another one takes the store over.
    pub(crate) fn crash(&self) -> Stage {
        let limit = Arc::clone(&self.limit);
        let store = self.store.crash();
        let mut stage = Stage::limited(store, &self.definitions, self.config, limit);
        stage.now = self.now;
        stage.draws = self.draws;
        stage
    }

    /// Handles a command without committing it.
    pub(crate) fn handle(&mut self, command: &Command) -> Outcome {
        self.draws += 1;
        let random = [self.draws, self.draws * 3, self.draws * 5, self.draws * 7];
        loop {
            let need = match self.shard.handle(command, self.now, random) {
                Ok(outcome) => return outcome,
                Err(Deferred::Need(need)) => need,
                Err(Deferred::Heavy(entity)) => {
                    self.decide_slowly(command, entity, random);
                    continue;
                }
            };
            match fetch(&self.store, &self.programs, &need) {
                Ok(brought) => self.shard.bring(brought),
                Err(error) => return Outcome::failed(command, error),
            }
        }
    }

    /// Makes the decision of a command that is too heavy, at once.
    fn decide_slowly(&mut self, command: &Command, entity: EntityId, random: Random) {
        let heavy = loop {
            match self.shard.prepare(command, entity, self.now, random) {
                Ok(Prepared::Heavy(heavy)) => break heavy,
                Err(Deferred::Need(need)) => {
                    let brought = fetch(&self.store, &self.programs, &need).unwrap();
                    self.shard.bring(brought);
                }
                other => panic!("{other:?}"),
            }
        };
        self.shard.bring_decided(heavy.decide());
    }

    /// Commits the open group; true if all of it was durable.
    pub(crate) fn commit(&mut self) -> bool {
        use crate::shard::Verdict;
        let group = self.shard.take_group();
        let answers = self.store.commit(&group.batches);
        let failed: Vec<_> = answers
            .iter()
            .zip(&group.tenures)
            .filter_map(|(answer, tenure)| match answer {
                store::Committed::Ok => None,
                store::Committed::Fenced => Some((*tenure, Verdict::Lost)),
                store::Committed::Unknown => Some((*tenure, Verdict::Doubtful(None))),
            })
            .collect();
        self.shard.group_done(&failed);
        failed.is_empty()
    }

    pub(crate) fn let_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Call(entity, call) => {
                    let attempt = call.call.attempt;
                    let before = self.calls.insert((entity, attempt), *call);
                    assert!(before.is_none(), "a call was made twice");
                }
                Action::Watch(entity, call, response) => {
                    let attempt = call.call.attempt;
                    let before = self.watches.insert((entity, attempt), response);
                    assert!(before.is_none(), "a job is waited for twice");
                }
                Action::Cancel(entity, call, response) => {
                    let attempt = call.call.attempt;
                    let before = self.cancels.insert((entity, attempt), response);
                    assert!(before.is_none(), "a job is stopped twice");
                }
                Action::Express(run) => panic!("nothing runs {run:?} here"),
                Action::Offer {
                    entity,
                    attempt,
                    activity_arn,
                } => self.activities.offer(&activity_arn, (entity, attempt)),
                Action::Abandon {
                    entity, attempt, ..
                } => {
                    self.calls.remove(&(entity, attempt));
                    self.watches.remove(&(entity, attempt));
                    self.activities.withdraw((entity, attempt));
                    self.abandoned.push((entity, attempt));
                }
            }
        }
    }

    /// Handles a command and commits it.
    pub(crate) fn ask(&mut self, command: &Command) -> Answer {
        let outcome = self.handle(command);
        assert!(self.commit());
        self.let_out(outcome.actions);
        outcome.answer
    }

    pub(crate) fn start(&mut self, request: StartRequest) -> Result<Started, StartError> {
        match self.ask(&Command::Start(Box::new(request))) {
            Answer::Started(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn status(&self, entity: EntityId) -> (Status, u8) {
        let row = self.store.execution(entity).unwrap().unwrap();
        (self.run(entity).status, row.status)
    }

    pub(crate) fn started(&mut self, input: &str) -> (Text, EntityId) {
        let arn = self.start(request(None, input)).unwrap().execution_arn;
        let entity = self.entity(&arn);
        (arn, entity)
    }

    pub(crate) fn entity(&self, execution_arn: &str) -> EntityId {
        crate::bring::find_execution(&self.store, execution_arn)
            .unwrap()
            .unwrap()
    }

    pub(crate) fn run(&self, entity: EntityId) -> Run {
        journal::load(&self.store, entity).unwrap().unwrap().run
    }

    pub(crate) fn redrive(
        &mut self,
        execution_arn: &Text,
        client_token: Option<&str>,
    ) -> Result<Timestamp, RedriveError> {
        let command = Command::Redrive {
            execution_arn: execution_arn.clone(),
            client_token: client_token.map(Text::from),
        };
        match self.ask(&command) {
            Answer::Redriven(result) => result,
            other => panic!("{other:?}"),
        }
    }

    /// A worker asks for a task, and gets the first that is still good.
    pub(crate) fn work(&mut self, worker_name: &str) -> Option<ActivityTask> {
        while let Some((entity, attempt)) = self.activities.take(&ACTIVITY.into()) {
            let worker_name = Some(Text::from(worker_name));
            let command = Command::PickUp {
                entity,
                attempt,
                worker_name,
            };
            match self.ask(&command) {
                Answer::PickedUp(Ok(None)) => {}
                Answer::PickedUp(Ok(Some(task))) => return Some(task),
                other => panic!("{other:?}"),
            }
        }
        None
    }

    /// Answers the oldest call under way.
    pub(crate) fn answer(&mut self, outcome: TaskOutcome) {
        let ((entity, attempt), _) = self.calls.pop_first().unwrap();
        self.ask(&Command::Outcome {
            entity,
            attempt,
            answered: Box::new(outcome.into()),
        });
    }

    /// Handles what is due, owed or has its turn, until nothing is.
    pub(crate) fn work_off(&mut self) {
        loop {
            let due = self.shard.take_due(self.now, 10);
            let mut commands: Vec<_> = due.into_iter().map(Command::Due).collect();
            commands.extend(self.shard.take_turn().map(Command::Continue));
            commands.extend(self.shard.take_owed().map(Command::Owed));
            commands.extend(self.shard.take_admitted().into_iter().map(Command::Admit));
            if commands.is_empty() {
                return;
            }
            for command in commands {
                let answer = self.ask(&command);
                assert!(matches!(answer, Answer::Internal(Ok(()))), "{answer:?}");
            }
        }
    }

    /// Lets time pass up to the next deadline, if there is one.
    pub(crate) fn sleep(&mut self) -> bool {
        self.work_off();
        let Some(due) = self.shard.next_due() else {
            return false;
        };
        self.now = self.now.max(due);
        self.work_off();
        true
    }
}

fn open(store: &Memory, config: Config) -> Shard {
    let all: Vec<ShardId> = (0..SHARDS).map(ShardId).collect();
    let acquired = store.acquire(&all).unwrap();
    let owned = all
        .into_iter()
        .zip(acquired)
        .map(|(shard, (epoch, seq))| (shard, epoch, seq));
    let last = store.last_entity().unwrap().map_or(0, EntityId::counter);
    let commons = Commons::new(last + 1, Deletions::default(), Observers::default());
    crate::pipeline::count_open(store, &commons).unwrap();
    let commons = Arc::new(commons);
    let mut shard = Shard::new(config, owned, commons);
    crate::pipeline::restore(store, |row| shard.restore(row)).unwrap();
    shard
}

/// A store that holds the same execution, with one byte of a record changed.
pub(crate) fn tampered(store: &Memory, entity: EntityId, record: u32, at: usize) -> Memory {
    let copy = Memory::new();
    let shard = entity.shard();
    let (epoch, sequence) = copy.acquire(&[shard]).unwrap()[0];
    copy.machine_number(MACHINE).unwrap();
    let row = store.execution(entity).unwrap().unwrap();
    let mut writes = vec![Write::OpenExecution(row)];
    for stored in store.journal(entity, 0, usize::MAX).unwrap() {
        let mut bytes = stored.bytes;
        if stored.number == record {
            let at = at % bytes.len();
            bytes[at] ^= 1;
        }
        writes.push(Write::Append {
            entity,
            number: stored.number,
            record: bytes,
        });
    }
    let batch = Batch {
        shard,
        epoch,
        sequence: sequence + 1,
        writes,
    };
    assert_eq!(copy.commit(&[batch]), [store::Committed::Ok]);
    copy
}
