//! What executions come to, in the namespace `AWS/States` (Step Functions developer guide,
//! "Monitoring Step Functions metrics using Amazon CloudWatch").
//!
//! What a crash interrupts is not counted, and nothing is counted twice.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use asl::event::{Event, EventKind, ExecutionKind, Start, Text};
use asl::program::{Program, ResourceFamily, StateIndex, StateKind};
use asl::run::Branch;
use aws::Arn;
use engine::{Attempt, Delivery, Observed, Observer, Receipt};
use parking_lot::RwLock;

use super::{MetricKey, Metrics, Series, Unit};
use crate::system;

pub(super) const NAMESPACE: &str = "AWS/States";
/// State machines whose series are at hand; beyond, all are looked up anew.
const MACHINES_MAX: usize = 10_000;
/// The same of the Tasks of a state machine's revisions.
const TASKS_MAX: usize = 1_000;
/// After so long all are looked up anew, so that series of what is gone can be forgotten.
const KEPT_MS: i64 = 60 * 60 * 1_000;

/// Counts executions and what their Tasks do.
pub struct StatesMetrics {
    metrics: Arc<Metrics>,
    machines: RwLock<Machines>,
}

#[derive(Default)]
struct Machines {
    known: HashMap<Name, Arc<Machine>>,
    since_ms: i64,
}

/// What executions are counted under: state machine, version, alias.
type Name = (Text, Option<Text>, Option<Text>);

/// The series of a state machine, or of a version or alias of it as well.
struct Machine {
    place: Place,
    /// Sets of dimensions; each is counted.
    executions: Vec<Executions>,
    tasks: RwLock<KnownTasks>,
}

/// By definition and state; `None` for a state that is no Task.
type KnownTasks = HashMap<(u64, StateIndex), Option<Arc<Tasks>>>;

/// Account and Region.
#[derive(Clone)]
struct Place {
    account: Arc<str>,
    region: Arc<str>,
}

type Dimensions = Vec<(Arc<str>, Arc<str>)>;

struct Executions {
    metrics: Arc<Metrics>,
    place: Place,
    dimensions: Dimensions,
    started: Series,
    succeeded: Series,
    time: Series,
    /// Made with the first that ends.
    billed: OnceLock<Billed>,
}

/// Of Express executions.
struct Billed {
    duration: Series,
    memory: Series,
    memory_used: Series,
}

/// The series of one kind of Task with one resource.
struct Tasks {
    scheduled: Series,
    started: Series,
    succeeded: Series,
    failed: Series,
    timed_out: Series,
    heartbeat_timed_out: Option<Series>,
    schedule_time: Series,
    run_time: Series,
    time: Series,
}

impl StatesMetrics {
    /// Over the metrics of a server.
    pub fn new(metrics: Arc<Metrics>) -> StatesMetrics {
        StatesMetrics {
            metrics,
            machines: RwLock::default(),
        }
    }

    fn machine(&self, start: &Start, now_ms: i64) -> Option<Arc<Machine>> {
        let name = (
            start.state_machine_arn.clone(),
            start.state_machine_version_arn.clone(),
            start.state_machine_alias_arn.clone(),
        );
        let is_fresh = |machines: &Machines| now_ms < machines.since_ms.saturating_add(KEPT_MS);
        {
            let machines = self.machines.read();
            if let Some(machine) = machines.known.get(&name).filter(|_| is_fresh(&machines)) {
                return Some(Arc::clone(machine));
            }
        }
        let machine = Arc::new(Machine::of(&self.metrics, &name)?);
        let mut machines = self.machines.write();
        if !is_fresh(&machines) || machines.known.len() >= MACHINES_MAX {
            machines.known.clear();
            machines.since_ms = now_ms;
        }
        machines.known.insert(name, Arc::clone(&machine));
        Some(machine)
    }
}

impl Observer for StatesMetrics {
    fn wants(&self, definition: u64) -> Option<Delivery> {
        (!system::is_system(definition)).then_some(Delivery::AtMostOnce)
    }

    fn observe(&self, seen: &Arc<Observed>, _receipt: Option<Receipt>) {
        if seen.start.kind == ExecutionKind::Test {
            return;
        }
        let Some(machine) = self.machine(&seen.start, seen.time.0) else {
            return;
        };
        for event in &seen.events {
            for executions in &machine.executions {
                executions.count(seen, &event.kind);
            }
            if let EventKind::TaskScheduled { state, .. } = &event.kind
                && let Some(tasks) = machine.tasks(&self.metrics, seen, *state)
            {
                tasks.scheduled.record(1.0, seen.time.0);
            }
        }
        for (event, attempt) in seen.attempts() {
            if let Some(tasks) = machine.tasks(&self.metrics, seen, attempt.state) {
                tasks.count(seen, event, &attempt);
            }
        }
    }
}

impl Machine {
    fn of(metrics: &Arc<Metrics>, (machine, version, alias): &Name) -> Option<Machine> {
        let arn = Arn::parse(machine).ok()?;
        let place = Place {
            account: arn.account.into(),
            region: arn.region.into(),
        };
        let own = ("StateMachineArn".into(), Arc::clone(machine));
        let mut sets = vec![vec![own.clone()]];
        for (name, arn) in [("Version", version), ("Alias", alias)] {
            let value = arn.as_deref().and_then(|arn| arn.rsplit_once(':'));
            if let Some((_, value)) = value {
                let mut dimensions = vec![own.clone(), (name.into(), value.into())];
                dimensions.sort();
                sets.push(dimensions);
            }
        }
        let of = |dimensions| Executions::of(metrics, &place, dimensions);
        let executions = sets.into_iter().map(of).collect();
        Some(Machine {
            place,
            executions,
            tasks: RwLock::default(),
        })
    }

    /// The series of a Task's state; `None` for a state that is no Task.
    fn tasks(&self, metrics: &Metrics, seen: &Observed, state: StateIndex) -> Option<Arc<Tasks>> {
        let name = (seen.start.definition, state);
        if let Some(known) = self.tasks.read().get(&name) {
            return known.clone();
        }
        let tasks = Tasks::of(metrics, &self.place, &seen.program, state).map(Arc::new);
        let mut known = self.tasks.write();
        if known.len() >= TASKS_MAX {
            known.clear();
        }
        known.insert(name, tasks.clone());
        tasks
    }
}

fn series(
    metrics: &Metrics,
    place: &Place,
    name: &str,
    unit: Unit,
    dimensions: &Dimensions,
) -> Series {
    metrics.series(&MetricKey {
        account: Arc::clone(&place.account),
        region: Arc::clone(&place.region),
        namespace: NAMESPACE.into(),
        name: name.into(),
        unit,
        dimensions: dimensions.clone(),
    })
}

impl Executions {
    fn of(metrics: &Arc<Metrics>, place: &Place, dimensions: Dimensions) -> Executions {
        let of = |name, unit| series(metrics, place, name, unit, &dimensions);
        Executions {
            metrics: Arc::clone(metrics),
            place: place.clone(),
            started: of("ExecutionsStarted", Unit::Count),
            succeeded: of("ExecutionsSucceeded", Unit::Count),
            time: of("ExecutionTime", Unit::Milliseconds),
            billed: OnceLock::new(),
            dimensions,
        }
    }

    /// One of those that are looked up each time, since they are rare.
    fn record(&self, name: &str, unit: Unit, value: f64, time_ms: i64) {
        series(&self.metrics, &self.place, name, unit, &self.dimensions).record(value, time_ms);
    }

    fn count(&self, seen: &Observed, kind: &EventKind) {
        let time_ms = seen.time.0;
        let one = |name: &str| self.record(name, Unit::Count, 1.0, time_ms);
        let ended = match kind {
            EventKind::ExecutionStarted(_) => return self.started.record(1.0, time_ms),
            EventKind::ExecutionRedriven { .. } => return one("ExecutionsRedriven"),
            EventKind::ExecutionSucceeded { .. } => {
                self.succeeded.record(1.0, time_ms);
                "RedrivenExecutionsSucceeded"
            }
            EventKind::ExecutionFailed(_) => {
                one("ExecutionsFailed");
                "RedrivenExecutionsFailed"
            }
            EventKind::ExecutionAborted(_) => {
                one("ExecutionsAborted");
                "RedrivenExecutionsAborted"
            }
            EventKind::ExecutionTimedOut(_) => {
                one("ExecutionsTimedOut");
                "RedrivenExecutionsTimedOut"
            }
            _ => return,
        };
        // AWS counts a start with 0 when it ends.
        self.started.record(0.0, time_ms);
        self.time
            .record(milliseconds(time_ms - seen.started_at.0), time_ms);
        if seen.redrive_count > 0 {
            one(ended);
        }
        if let Some(billing) = &seen.billing {
            let billed = self.billed.get_or_init(|| self.billed());
            let number = |count: u64| milliseconds(count.try_into().unwrap_or(i64::MAX));
            let record = |series: &Series, count| series.record(number(count), time_ms);
            record(&billed.duration, billing.duration_ms);
            record(&billed.memory, billing.memory_mb);
            record(&billed.memory_used, billing.memory_bytes);
        }
    }

    fn billed(&self) -> Billed {
        let of = |name, unit| series(&self.metrics, &self.place, name, unit, &self.dimensions);
        Billed {
            duration: of("ExpressExecutionBilledDuration", Unit::Milliseconds),
            memory: of("ExpressExecutionBilledMemory", Unit::Megabytes),
            memory_used: of("ExpressExecutionMemory", Unit::Bytes),
        }
    }
}

impl Tasks {
    fn of(metrics: &Metrics, place: &Place, program: &Program, state: StateIndex) -> Option<Tasks> {
        let StateKind::Task(task) = &program.state(state)?.kind else {
            return None;
        };
        // What precedes the names of times, of counts, and the dimension.
        let (times, counts, dimension) = match &task.resource.family {
            ResourceFamily::LambdaFunction => {
                ("LambdaFunction", "LambdaFunctions", "LambdaFunctionArn")
            }
            ResourceFamily::Activity => ("Activity", "Activities", "ActivityArn"),
            ResourceFamily::Service { .. } => (
                "ServiceIntegration",
                "ServiceIntegrations",
                "ServiceIntegrationResourceArn",
            ),
        };
        let dimensions = vec![(dimension.into(), Arc::clone(&task.resource.arn))];
        let of = |start: &str, end: &str, unit| {
            series(metrics, place, &format!("{start}{end}"), unit, &dimensions)
        };
        let count = |end| of(counts, end, Unit::Count);
        let time = |end| of(times, end, Unit::Milliseconds);
        let is_activity = task.resource.family == ResourceFamily::Activity;
        Some(Tasks {
            scheduled: count("Scheduled"),
            started: count("Started"),
            succeeded: count("Succeeded"),
            failed: count("Failed"),
            timed_out: count("TimedOut"),
            heartbeat_timed_out: is_activity.then(|| count("HeartbeatTimedOut")),
            schedule_time: time("ScheduleTime"),
            run_time: time("RunTime"),
            time: time("Time"),
        })
    }

    fn count(&self, seen: &Observed, event: &Event, attempt: &Attempt) {
        let now_ms = seen.time.0;
        let since_scheduled = milliseconds(now_ms - attempt.scheduled_at.0);
        let ended = match &event.kind {
            EventKind::TaskStarted { .. } => {
                self.started.record(1.0, now_ms);
                return self.schedule_time.record(since_scheduled, now_ms);
            }
            EventKind::TaskSucceeded { .. } => &self.succeeded,
            EventKind::TaskFailed { .. } => &self.failed,
            EventKind::TaskTimedOut { .. } => match &self.heartbeat_timed_out {
                Some(series) if missed_heartbeat(seen, event) => series,
                _ => &self.timed_out,
            },
            _ => return,
        };
        ended.record(1.0, now_ms);
        self.time.record(since_scheduled, now_ms);
        if let Some(started_at) = attempt.started_at {
            self.run_time
                .record(milliseconds(now_ms - started_at.0), now_ms);
        }
    }
}

/// Whether a task timed out before its TimeoutSeconds ran out: its worker fell silent.
fn missed_heartbeat(seen: &Observed, event: &Event) -> bool {
    let calling = seen.before.branch(event.branch).and_then(Branch::calling);
    calling.is_some_and(|(_, calling)| calling.deadline.is_none_or(|at| seen.time < at))
}

/// A number of milliseconds, or of megabytes, which a float holds exactly.
#[expect(
    clippy::cast_precision_loss,
    reason = "INVARIANT: no execution lasts 2 to the power of 53 milliseconds"
)]
fn milliseconds(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
