//! Where the log lines of functions go: CloudWatch Logs, if the role of the function may write
//! there.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use asl::time::Timestamp;
use functions::FunctionSpec;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::Lambda;
use super::address::Address;
use super::credentials::now_ms;
use crate::access::Need;
use crate::logs::names::{group_arn, stream_arn};
use crate::logs::{LogEvent, LogRecord, Writer};

/// Events of an environment that wait until it is known whether its role may write them: reading
/// that takes some 100 µs, and a function writes some ten lines in that time.
const UNDECIDED_MAX: usize = 1_000;
/// Denials that were warned of; beyond, they are warned of again.
const WARNED_MAX: usize = 10_000;

/// The sink of a pool. The pool is made before the services, so it [learns](LogSink::bind) where
/// events go later; functions are invoked by the services only.
#[derive(Clone, Default)]
pub struct LogSink {
    bound: Arc<OnceLock<Arc<Bound>>>,
}

/// Where events go.
struct Bound {
    lambda: Arc<Lambda>,
    writer: Arc<Writer>,
    runtime: Handle,
    /// Roles and groups, of those that may not write.
    warned: Mutex<HashSet<(String, String)>>,
}

/// What a role may do with the log of an environment.
#[derive(Clone, Copy)]
enum Verdict {
    MayWrite { may_make_group: bool },
    MayNot,
}

impl LogSink {
    /// Sets where events go, once.
    pub(crate) fn bind(&self, lambda: Arc<Lambda>, writer: Arc<Writer>, runtime: Handle) {
        let bound = Bound {
            lambda,
            writer,
            runtime,
            warned: Mutex::default(),
        };
        // A second one would be the same.
        let _ = self.bound.set(Arc::new(bound));
    }
}

impl functions::LogSink for LogSink {
    fn open(
        &self,
        spec: &Arc<FunctionSpec>,
        group: &str,
        stream: &str,
    ) -> Box<dyn functions::LogStream> {
        let Some(bound) = self.bound.get() else {
            return Box::new(Stream::closed());
        };
        let log = Arc::new(Log {
            account: spec.account.as_str().into(),
            region: spec.region.as_str().into(),
            group: group.into(),
            stream: stream.into(),
            writer: Arc::clone(&bound.writer),
            state: Mutex::new(State::Undecided(Vec::new())),
        });
        let (deciding, spec) = (Arc::clone(&log), Arc::clone(spec));
        let lambda = Arc::clone(bound);
        bound.runtime.spawn(async move {
            let verdict = lambda.verdict(&spec, &deciding).await;
            deciding.decide(verdict);
        });
        Box::new(Stream(Some(log)))
    }
}

impl Bound {
    /// What the function's role may do, now that an environment starts.
    async fn verdict(&self, spec: &FunctionSpec, log: &Log) -> Verdict {
        let address = Address {
            region: spec.region.clone(),
            account: spec.account.clone(),
            name: spec.name.clone(),
            qualifier: Some(spec.version.clone()),
        };
        let role = match self.lambda.find(&address, 1.0).await {
            Ok(Some(resolved)) => resolved.snapshot().configuration.role.clone(),
            // It was deleted while it started.
            Ok(None) => return Verdict::MayNot,
            Err(error) => {
                tracing::error!(function = spec.arn, %error, "a function's log is not kept");
                return Verdict::MayNot;
            }
        };
        match self.judged(&role, log).await {
            Ok(verdict) => verdict,
            Err(error) => {
                tracing::error!(function = spec.arn, %error, "a function's log is not kept");
                Verdict::MayNot
            }
        }
    }

    async fn judged(&self, role: &str, log: &Log) -> Result<Verdict, aws::ServiceError> {
        let access = &self.lambda.access;
        if access.may_lack_role(role).await? {
            let may_make_group = true;
            return Ok(Verdict::MayWrite { may_make_group });
        }
        let group = group_arn(&log.account, &log.region, &log.group);
        let stream = stream_arn(&log.account, &log.region, &log.group, &log.stream);
        let around = (Timestamp(now_ms()), &log.region);
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            let need = Need::new(action, stream.as_str());
            if !access.role_may_at(around, role, &need).await? {
                self.warn(role, action, &group);
                return Ok(Verdict::MayNot);
            }
        }
        let make_group = Need::new("logs:CreateLogGroup", format!("{group}:*"));
        let may_make_group = access.role_may_at(around, role, &make_group).await?;
        Ok(Verdict::MayWrite { may_make_group })
    }

    /// Says once for a role and a group that nothing is kept, and what would change that.
    fn warn(&self, role: &str, action: &str, group: &str) {
        let mut warned = self.warned.lock();
        if warned.len() >= WARNED_MAX {
            warned.clear();
        }
        if !warned.insert((role.to_owned(), group.to_owned())) {
            return;
        }
        let statement = format!(
            "{{\"Effect\":\"Allow\",\"Action\":[\"logs:CreateLogGroup\",\"logs:CreateLogStream\",\
             \"logs:PutLogEvents\"],\"Resource\":\"{group}:*\"}}"
        );
        tracing::warn!(
            role,
            action,
            group,
            allow = statement,
            "the log of a function is not kept: its role may not write it"
        );
    }
}

/// The log of one environment.
struct Log {
    account: Arc<str>,
    region: Arc<str>,
    group: Arc<str>,
    stream: Arc<str>,
    writer: Arc<Writer>,
    state: Mutex<State>,
}

enum State {
    /// What came so far.
    Undecided(Vec<LogEvent>),
    Writing {
        may_make_group: bool,
    },
    Closed,
}

impl Log {
    fn decide(&self, verdict: Verdict) {
        let mut state = self.state.lock();
        let decided = match verdict {
            Verdict::MayWrite { may_make_group } => State::Writing { may_make_group },
            Verdict::MayNot => State::Closed,
        };
        let before = std::mem::replace(&mut *state, decided);
        // Under the lock, so that nothing newer comes first; handing over never blocks.
        if let (State::Undecided(events), Verdict::MayWrite { may_make_group }) = (before, verdict)
            && !events.is_empty()
        {
            self.hand_over(may_make_group, events);
        }
    }

    fn write(&self, event: LogEvent) {
        let mut state = self.state.lock();
        match &mut *state {
            State::Undecided(events) if events.len() < UNDECIDED_MAX => events.push(event),
            State::Undecided(_) | State::Closed => {}
            State::Writing { may_make_group } => self.hand_over(*may_make_group, vec![event]),
        }
    }

    fn hand_over(&self, makes_group: bool, events: Vec<LogEvent>) {
        self.writer.write(LogRecord {
            account: Arc::clone(&self.account),
            region: Arc::clone(&self.region),
            group: Arc::clone(&self.group),
            stream: Arc::clone(&self.stream),
            makes_group,
            may_measure: true,
            events,
        });
    }
}

/// `None`: nothing is kept.
struct Stream(Option<Arc<Log>>);

impl Stream {
    fn closed() -> Stream {
        Stream(None)
    }
}

impl functions::LogStream for Stream {
    fn write(&mut self, time_ms: i64, event: &str) {
        if let Some(log) = &self.0 {
            log.write(LogEvent {
                time_ms,
                message: event.into(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
