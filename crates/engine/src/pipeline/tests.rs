use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use asl::event::Text;
use asl::program::Program;
use asl::run::Status;
use store::Memory;

use super::*;
use crate::definitions::{DefinitionError, Definitions};
use crate::journal;
use crate::limits::HEAVY_MAX;
use crate::request::StopError;
use crate::testing::{ACTIVITY, MACHINE, Texts, failure, machine, request};

type Answers = Rc<RefCell<Vec<Answer>>>;

struct Ticket(Answers);

impl Caller for Ticket {
    fn answer(self, answer: Answer) {
        self.0.borrow_mut().push(answer);
    }
}

struct Wall(AtomicI64);

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct Stage {
    store: Arc<Memory>,
    wall: Arc<Wall>,
    pipeline: Pipeline<Ticket>,
    answers: Answers,
}

/// Looks at some ten thousand values: more than a deciding thread may.
fn heavy(name: &str, next: &str) -> String {
    format!(
        r#""{name}": {{"Type": "Pass", "Parameters": {{"found.$": "$..n"}},
        "ResultPath": "$.result", {next}}}"#
    )
}

fn endless() -> String {
    let rest = r#""B": {"Type": "Choice", "Default": "A",
        "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "C"}]},
        "C": {"Type": "Succeed"}"#;
    machine(&[&heavy("A", r#""Next": "B""#), rest].join(","))
}

fn twice() -> String {
    let states = [
        heavy("A", r#""Next": "B""#),
        heavy("B", r#""OutputPath": "$.result.found[0]", "End": true"#),
    ];
    machine(&states.join(","))
}

fn input() -> String {
    format!(r#"{{"n": 1, "all": [{}]}}"#, ["[]"; 60_000].join(","))
}

impl Stage {
    fn new(definition: &str, config: Config) -> Stage {
        Stage::of(Memory::new(), definition, config)
    }

    fn of(store: Memory, definition: &str, config: Config) -> Stage {
        let light = machine(r#""A": {"Type": "Pass", "End": true}"#);
        let texts = Texts(vec![definition.to_owned(), light]);
        Stage::with(store, Arc::new(texts), config)
    }

    fn with(store: Memory, definitions: Arc<dyn Definitions>, config: Config) -> Stage {
        let programs = Arc::new(Programs::new(definitions));
        let shards = open(&config, 1, &store, &programs, Vec::new());
        let shard = shards.unwrap().remove(0);
        let chance = Chance::from_key([7; 32]);
        let wall = Arc::new(Wall(AtomicI64::new(1_700_000_000_000)));
        let store = Arc::new(store);
        Stage {
            store: Arc::clone(&store),
            wall: Arc::clone(&wall),
            pipeline: Pipeline::new(shard, store, programs, wall, chance),
            answers: Answers::default(),
        }
    }

    fn job(&mut self, command: &Command) {
        self.pipeline.job(command, Ticket(Rc::clone(&self.answers)));
    }

    /// Everything but what is on the slow lane.
    fn work(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        loop {
            self.pipeline.work_off();
            let Some(work) = self.pipeline.hand_over() else {
                return actions;
            };
            let failed = commit(&*self.store, &work.group);
            self.pipeline.committed(&failed);
            for effect in work.effects {
                effect.let_out(&failed, |action| actions.push(action));
            }
        }
    }

    fn start(&mut self, definition: u64, input: &str) -> Text {
        let mut request = request(None, input);
        request.definition = definition;
        self.job(&Command::Start(Box::new(request)));
        self.work();
        match self.answers.borrow_mut().pop() {
            Some(Answer::Started(Ok(started))) => started.execution_arn,
            other => panic!("{other:?}"),
        }
    }

    fn status(&self, execution_arn: &str) -> Status {
        let entity = crate::bring::find_execution(&*self.store, execution_arn);
        let loaded = journal::load(&*self.store, entity.unwrap().unwrap()).unwrap();
        loaded.unwrap().run.status
    }

    fn stop(&mut self, execution_arn: &Text) {
        self.job(&Command::Stop {
            execution_arn: execution_arn.clone(),
            failure: failure("Stopped", "by hand"),
        });
        self.work();
    }

    fn stops(&self) -> Vec<Result<Timestamp, StopError>> {
        let answers = std::mem::take(&mut *self.answers.borrow_mut());
        let answers = answers.into_iter().map(|answer| match answer {
            Answer::Stopped(result) => result,
            other => panic!("{other:?}"),
        });
        answers.collect()
    }
}

/// Can't always tell whether there is an activity.
struct Moody {
    texts: Texts,
    is_silent: AtomicBool,
}

impl Definitions for Moody {
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        self.texts.program(definition)
    }

    fn activity_exists(&self, activity_arn: &str) -> Result<bool, DefinitionError> {
        match self.is_silent.load(Ordering::Relaxed) {
            true => Err(DefinitionError::NoActivity(
                activity_arn.to_owned(),
                "the disk is busy".to_owned(),
            )),
            false => Ok(true),
        }
    }
}

#[test]
fn what_cannot_be_told_now_is_asked_again() {
    let waits = machine(&format!(
        r#""A": {{"Type": "Wait", "Seconds": 60, "Next": "B"}},
           "B": {{"Type": "Task", "Resource": "{ACTIVITY}", "End": true}}"#
    ));
    let moody = Arc::new(Moody {
        texts: Texts(vec![waits]),
        is_silent: AtomicBool::new(false),
    });
    let store = Memory::new();
    let definitions = Arc::clone(&moody) as Arc<dyn Definitions>;
    let mut stage = Stage::with(store, definitions, Config::default());
    stage.start(1, "{}");
    // Nobody knows of the activity any more, and for a while nobody can be asked.
    stage.pipeline.commons().forget_activity(ACTIVITY);
    moody.is_silent.store(true, Ordering::Relaxed);
    stage.wall.0.fetch_add(60_000, Ordering::Relaxed);
    assert!(stage.work().is_empty());
    moody.is_silent.store(false, Ordering::Relaxed);
    stage.wall.0.fetch_add(1_000, Ordering::Relaxed);
    let actions = stage.work();
    assert!(matches!(&*actions, [Action::Offer { .. }]), "{actions:?}");
}

#[test]
fn heavy_decisions_are_made_elsewhere_and_recorded_in_order() {
    let mut stage = Stage::new(&twice(), Config::default());
    // Nobody waits for the first state to be decided.
    let arn = stage.start(1, &input());
    assert_eq!(stage.status(&arn), Status::Running);
    let first = stage.pipeline.take_heavy().unwrap();
    assert!(stage.pipeline.take_heavy().is_none());
    // Others go on meanwhile.
    let other = stage.start(2, "{}");
    assert_eq!(stage.status(&other), Status::Succeeded);
    stage.pipeline.decided(first.decide());
    stage.work();
    let second = stage.pipeline.take_heavy().unwrap();
    stage.pipeline.decided(second.decide());
    stage.work();
    assert_eq!(stage.status(&arn), Status::Succeeded);
    assert!(stage.pipeline.take_heavy().is_none());
    assert_eq!(stage.pipeline.shard.figures().slow, 0);
}

#[test]
fn what_comes_for_an_execution_on_the_slow_lane_waits_for_its_turn() {
    let mut stage = Stage::new(&endless(), Config::default());
    let arn = stage.start(1, &input());
    for _ in 0..3 {
        let heavy = stage.pipeline.take_heavy().unwrap();
        stage.pipeline.decided(heavy.decide());
        stage.work();
    }
    let heavy = stage.pipeline.take_heavy().unwrap();
    stage.stop(&arn);
    stage.stop(&arn);
    assert!(stage.stops().is_empty());
    stage.pipeline.decided(heavy.decide());
    stage.work();
    let stops = stage.stops();
    let dates: Vec<Timestamp> = stops.into_iter().map(Result::unwrap).collect();
    assert!(dates.len() == 2 && dates[0] == dates[1], "{dates:?}");
    assert_eq!(stage.status(&arn), Status::Aborted);
    assert!(stage.pipeline.take_heavy().is_none());
}

#[test]
fn an_evicted_execution_takes_its_decision_all_the_same() {
    let config = Config {
        cache_bytes_max: 1,
        ..Config::default()
    };
    let mut stage = Stage::new(&twice(), config);
    let arn = stage.start(1, &input());
    for _ in 0..2 {
        let heavy = stage.pipeline.take_heavy().unwrap();
        stage.start(2, "{}");
        assert_eq!(stage.pipeline.shard.figures().loaded, 0);
        stage.pipeline.decided(heavy.decide());
        stage.work();
    }
    assert_eq!(stage.status(&arn), Status::Succeeded);
}

#[test]
fn a_decision_on_what_was_not_committed_is_made_again() {
    let mut stage = Stage::new(&twice(), Config::default());
    let arn = stage.start(1, &input());
    let first = stage.pipeline.take_heavy().unwrap();
    stage.pipeline.decided(first.decide());
    // The turn that yielded is decided upon before its commit, which fails.
    stage.pipeline.work_off();
    let void = stage.pipeline.take_heavy().unwrap();
    let work = stage.pipeline.hand_over().unwrap();
    let failed: Vec<Failure> = work
        .group
        .tenures
        .iter()
        .map(|tenure| (*tenure, Verdict::Doubtful(None)))
        .collect();
    stage.pipeline.committed(&failed);
    stage.pipeline.decided(void.decide());
    assert_eq!(stage.status(&arn), Status::Running);
    for _ in 0..4 {
        stage.wall.0.fetch_add(1_000, Ordering::Relaxed);
        stage.work();
        while let Some(heavy) = stage.pipeline.take_heavy() {
            stage.pipeline.decided(heavy.decide());
            stage.work();
        }
    }
    assert_eq!(stage.status(&arn), Status::Succeeded);
}

#[test]
fn a_crash_on_the_slow_lane_loses_nothing() {
    let mut stage = Stage::new(&twice(), Config::default());
    let arn = stage.start(1, &input());
    let lost = stage.pipeline.take_heavy().unwrap();
    let mut stage = Stage::of(stage.store.crash(), &twice(), Config::default());
    drop(lost);
    stage.work();
    while let Some(heavy) = stage.pipeline.take_heavy() {
        stage.pipeline.decided(heavy.decide());
        stage.work();
    }
    assert_eq!(stage.status(&arn), Status::Succeeded);
}

#[test]
fn executions_beyond_the_room_of_the_lane_wait_as_numbers() {
    let mut stage = Stage::new(&twice(), Config::default());
    let count = HEAVY_MAX + 5;
    let arns: Vec<Text> = (0..count).map(|_| stage.start(1, &input())).collect();
    let mut under_way: VecDeque<Heavy> = VecDeque::new();
    let mut most = 0;
    loop {
        under_way.extend(std::iter::from_fn(|| stage.pipeline.take_heavy()));
        most = most.max(under_way.len());
        let Some(heavy) = under_way.pop_front() else {
            break;
        };
        stage.pipeline.decided(heavy.decide());
        stage.work();
    }
    assert_eq!(most, HEAVY_MAX);
    assert!(
        arns.iter()
            .all(|arn| stage.status(arn) == Status::Succeeded)
    );
}

#[test]
fn a_slow_decision_from_before_a_deletion_does_not_count() {
    let mut stage = Stage::new(&endless(), Config::default());
    let arn = stage.start(1, &input());
    let heavy = stage.pipeline.take_heavy().unwrap();
    let decided = heavy.decide();
    let deletions = &stage.pipeline.commons().deletions;
    deletions.begin(&MACHINE.into());
    stage.pipeline.decided(decided);
    stage.work();
    assert_eq!(stage.status(&arn), Status::Aborted);
    assert!(stage.pipeline.take_heavy().is_none());
}

/// Machines that were being deleted when the engine ended.
struct Deleting(Texts);

impl Definitions for Deleting {
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        self.0.program(definition)
    }

    fn machines_deleting(&self) -> Result<Vec<String>, DefinitionError> {
        Ok(vec![MACHINE.to_owned()])
    }
}

#[test]
fn a_deletion_goes_on_after_a_restart() {
    let waits =
        machine(r#""A": {"Type": "Wait", "Seconds": 60, "Next": "B"}, "B": {"Type": "Succeed"}"#);
    let mut stage = Stage::new(&waits, Config::default());
    let arn = stage.start(1, "{}");
    let texts = Arc::new(Deleting(Texts(vec![waits])));
    let mut stage = Stage::with(stage.store.crash(), texts, Config::default());
    stage.wall.0.fetch_add(60_000, Ordering::Relaxed);
    stage.work();
    assert_eq!(stage.status(&arn), Status::Aborted);
}
