use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asl::event::Failure;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use store::{Fault, Memory, Store};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::*;
use crate::task::Answered;
use crate::testing::{ACTIVITY, FUNCTION, Texts, machine, request, value};
use crate::{Beside, Config, Engine, Runner, StartRequest, SystemClock, TaskCall, TaskOutcome};

/// Answers what it is asked.
struct Echo;

impl Runner for Echo {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        let parameters = call.call.parameters;
        Box::pin(async move { TaskOutcome::Succeeded(parameters).into() })
    }
}

/// Keeps what it is told.
struct Watcher {
    delivery: Delivery,
    /// How many receipts it drops before it accepts the others.
    refusals: AtomicUsize,
    seen: Mutex<Vec<(Arc<Observed>, bool)>>,
}

impl Watcher {
    fn new(delivery: Delivery, refusals: usize) -> Arc<Watcher> {
        Arc::new(Watcher {
            delivery,
            refusals: AtomicUsize::new(refusals),
            seen: Mutex::default(),
        })
    }

    /// Waits until it was told so many commits.
    async fn told(&self, count: usize) -> Vec<Arc<Observed>> {
        let poll = async {
            while self.seen.lock().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let told = timeout(Duration::from_secs(20), poll).await;
        told.unwrap_or_else(|_| panic!("{:#?}", self.seen.lock()));
        let seen = self.seen.lock();
        seen.iter().map(|(seen, _)| Arc::clone(seen)).collect()
    }
}

impl Observer for Watcher {
    /// All definitions but the fourth.
    fn wants(&self, definition: u64) -> Option<Delivery> {
        (definition != 4).then_some(self.delivery)
    }

    fn observe(&self, seen: &Arc<Observed>, receipt: Option<Receipt>) {
        self.seen.lock().push((Arc::clone(seen), receipt.is_some()));
        let less_one = |left: usize| left.checked_sub(1);
        let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
        if let Some(receipt) = receipt
            && self.refusals.fetch_update(set, get, less_one).is_err()
        {
            receipt.accept();
        }
    }
}

struct World {
    runtime: Runtime,
    store: Arc<Memory>,
    engine: Engine,
}

fn open(store: Arc<Memory>, watchers: &[&Arc<Watcher>]) -> World {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let call = |resource: &str| {
        format!(r#""A": {{"Type": "Task", "Resource": "{resource}", "End": true}}"#)
    };
    let definitions = vec![
        machine(r#""A": {"Type": "Pass", "End": true}"#),
        machine(&call(FUNCTION)),
        machine(&call(ACTIVITY)),
        machine(r#""A": {"Type": "Pass", "End": true}"#),
        machine(r#""A": {"Type": "Fail", "Error": "E"}"#),
    ];
    let watchers = watchers
        .iter()
        .map(|it| Arc::clone(it) as Arc<dyn Observer>);
    let engine = Engine::open_observed(
        Config::default(),
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::new(Echo),
        Arc::new(Texts(definitions)),
        Arc::new(SystemClock),
        runtime.handle().clone(),
        Beside {
            observers: watchers.collect(),
            runs: None,
        },
    );
    World {
        runtime,
        store,
        engine: engine.unwrap(),
    }
}

fn of(definition: u64) -> StartRequest {
    StartRequest {
        definition,
        ..request(None, "{\"a\":1}")
    }
}

/// Waits until the store has nothing left to be shown.
async fn forgotten(store: &Memory) {
    let poll = async {
        while !store.unseen(None, 1).unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let done = timeout(Duration::from_secs(20), poll).await;
    done.unwrap_or_else(|_| panic!("{:?}", store.unseen(None, 99)));
}

/// Ids of events, those of internal ones left out.
fn ids(seen: &[Arc<Observed>]) -> Vec<EventId> {
    let events = seen.iter().flat_map(|seen| &seen.events);
    events.map(|event| event.id).filter(|id| *id != 0).collect()
}

#[test]
fn what_is_committed_is_told_with_all_that_belongs_to_it() {
    let (logs, metrics) = (
        Watcher::new(Delivery::AtLeastOnce, 0),
        Watcher::new(Delivery::AtMostOnce, 0),
    );
    let world = open(Arc::default(), &[&logs, &metrics]);
    world.runtime.block_on(async {
        world.engine.start(of(4)).await.unwrap();
        let started = world.engine.start(of(2)).await.unwrap();
        for watcher in [&logs, &metrics] {
            let told = watcher.told(2).await;
            assert_eq!(ids(&told), [1, 2, 3, 4, 5, 6, 7]);
            let [first, second] = [&told[0], &told[1]];
            assert_eq!(first.start.execution_arn, started.execution_arn);
            assert_eq!(first.time, started.started_at);
            assert_eq!(second.started_at, started.started_at);
            let attempts = [first.attempts(), second.attempts()].concat();
            let attempt = attempts[0].1;
            assert_eq!((attempt.id, attempt.scheduled_at), (3, first.time));
            assert_eq!(attempt.started_at, Some(first.time));
            let all: Vec<_> = attempts.iter().map(|(event, it)| (event.id, *it)).collect();
            assert_eq!(all, [(4, attempt), (5, attempt)]);
        }
        let with_receipt = |watcher: &Watcher| watcher.seen.lock().iter().all(|(_, it)| *it);
        assert!(with_receipt(&logs) && !with_receipt(&metrics));
        forgotten(&world.store).await;
        world.engine.shutdown().await;
    });
    assert_eq!(logs.seen.lock().len(), 2, "nothing is told again");
}

#[test]
fn when_a_worker_picked_a_task_up_is_told() {
    let watcher = Watcher::new(Delivery::AtMostOnce, 0);
    let world = open(Arc::default(), &[&watcher]);
    world.runtime.block_on(async {
        world.engine.start(of(3)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let wait = Duration::from_secs(20);
        let task = world.engine.activity_task(ACTIVITY, None, wait).await;
        let token = task.unwrap().unwrap().task_token;
        let ended = world.engine.task_succeeded(&token, value("1")).await;
        ended.unwrap();
        let told = watcher.told(3).await;
        let attempts: Vec<_> = told.iter().flat_map(|seen| seen.attempts()).collect();
        let [(_, started), (_, ended)] = attempts[..] else {
            panic!("{attempts:?}");
        };
        assert_eq!(started, ended);
        assert_eq!(ended.scheduled_at, told[0].time);
        assert_eq!(ended.started_at, Some(told[1].time));
        assert!(told[1].time > told[0].time);
        let written = world.store.unseen(None, 9).unwrap();
        assert_eq!(written, [], "what is wanted at most once is not written");
        world.engine.shutdown().await;
    });
}

/// What is told again is what was told, though it was read from the journal.
fn assert_same(first: &[Arc<Observed>], again: &[Arc<Observed>]) {
    assert_eq!(first.len(), again.len());
    for (first, again) in first.iter().zip(again) {
        assert_eq!(first.events, again.events);
        assert_eq!(first.before, again.before);
        assert_eq!((&first.start, first.time), (&again.start, again.time));
        assert_eq!(first.started_at, again.started_at);
    }
}

#[test]
fn what_is_refused_is_told_again() {
    let watcher = Watcher::new(Delivery::AtLeastOnce, 2);
    let world = open(Arc::default(), &[&watcher]);
    world.runtime.block_on(async {
        world.engine.start(of(2)).await.unwrap();
        let told = watcher.told(4).await;
        assert_same(&told[..2], &told[2..]);
        forgotten(&world.store).await;
        world.engine.shutdown().await;
    });
}

#[test]
fn what_was_not_accepted_before_a_crash_is_told_after_it() {
    let watcher = Watcher::new(Delivery::AtLeastOnce, usize::MAX);
    let world = open(Arc::default(), &[&watcher]);
    let (told, store) = world.runtime.block_on(async {
        world.engine.start(of(2)).await.unwrap();
        world.engine.start(of(5)).await.unwrap();
        let mut told = watcher.told(3).await;
        let crashed = world.store.crash();
        world.engine.shutdown().await;
        told.truncate(3);
        (told, crashed)
    });
    let watcher = Watcher::new(Delivery::AtLeastOnce, 0);
    let world = open(Arc::new(store), &[&watcher]);
    world.runtime.block_on(async {
        let mut again = watcher.told(3).await;
        // Executions are told in the order of their numbers.
        let number = |seen: &Arc<Observed>| (seen.start.execution_arn.clone(), seen.time);
        let mut told = told;
        told.sort_by_key(number);
        again.sort_by_key(number);
        assert_same(&told, &again);
        forgotten(&world.store).await;
        world.engine.shutdown().await;
    });
}

#[test]
fn what_may_or_may_not_be_committed_is_told_if_it_is() {
    let check = |fault, told| {
        let watcher = Watcher::new(Delivery::AtLeastOnce, 0);
        let world = open(Arc::default(), &[&watcher]);
        world.runtime.block_on(async {
            world.engine.start(of(1)).await.unwrap();
            world.store.plan([fault]);
            let doubtful = world.engine.start(of(1)).await;
            assert_eq!(doubtful.is_ok(), fault != Fault::UnknownNotApplied);
            let seen = watcher.told(told).await;
            assert_eq!(ids(&seen), [1, 2, 3, 4].repeat(told));
            forgotten(&world.store).await;
            world.engine.shutdown().await;
        });
        assert_eq!(watcher.seen.lock().len(), told);
    };
    check(Fault::None, 2);
    check(Fault::UnknownApplied, 2);
    check(Fault::UnknownNotApplied, 1);
}

#[test]
fn express_executions_are_told_as_they_happen() {
    let watcher = Watcher::new(Delivery::AtLeastOnce, 0);
    let world = open(Arc::default(), &[&watcher]);
    world.runtime.block_on(async {
        let end = world.engine.run_express(of(2)).await.unwrap();
        let told = watcher.told(2).await;
        assert_eq!(ids(&told), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(told[0].start.execution_arn, end.execution_arn);
        assert_eq!(told[0].billing, None);
        assert_eq!(told[1].billing, Some(end.billing));
        assert!(watcher.seen.lock().iter().all(|(_, receipt)| !receipt));
        let started = world.engine.start_express(of(5)).await.unwrap();
        let last = Arc::clone(watcher.told(3).await.last().unwrap());
        assert_eq!(last.start.execution_arn, started.execution_arn);
        let failure = Failure {
            error: Some("E".into()),
            cause: None,
        };
        let ended = last.events.last().map(|event| &event.kind);
        assert_eq!(ended, Some(&EventKind::ExecutionFailed(failure)));
        assert_eq!(world.store.unseen(None, 9).unwrap(), []);
        world.engine.shutdown().await;
    });
}
