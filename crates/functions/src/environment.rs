//! One environment: a process, its Runtime API, and the one invocation it may have at a time.
//!
//! The owner drives it. Whatever happens outside (a call of the runtime, the end of the process,
//! the deadline) is taken one at a time by [`Live::advance`], and what a call means where the
//! environment stands is the one `match` in [`Phase::step`].
//!
//! As on AWS the runtime comes up in an *init phase* of ten seconds before the first invocation.
//! When that fails, it is done anew with a fresh process as a part of the invocation, within the
//! time of the function. Between invocations all of the process stands still.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::code::Code;
use crate::entrypoint::Engine;
use crate::failure::{Cause, Failure, Origin};
use crate::logs::{InitPhase, Log, LogSink, PlatformEvent, Trace, stream_name};
use crate::process::{ENDPOINT, Folders, Launch, Process, Spawner};
use crate::runtime_api::{self, Event, Server};
use crate::spec::{FunctionSpec, Invocation, InvokeError, Invoked, Report};
use crate::variables::{Place, log_group, variables};

mod output;
mod phase;
mod scratch;

use output::Output;
use phase::{Milestone, Phase};
use scratch::Scratch;

/// What it takes to start environments.
pub(crate) struct Starter {
    pub(crate) spawner: Spawner,
    pub(crate) bootstraps: crate::bootstrap::Bootstraps,
    /// Holds one folder per environment.
    pub(crate) scratch: PathBuf,
    pub(crate) sink: Option<Arc<dyn LogSink>>,
    /// See [`crate::PoolConfig::init_timeout`].
    pub(crate) init_timeout: Duration,
}

pub(crate) struct Environment {
    pub(crate) spec: Arc<FunctionSpec>,
    pub(crate) started: Instant,
    engine: Engine,
    code: Arc<Code>,
    layers: Option<Arc<Code>>,
    scratch: Scratch,
    log: Log,
    log_group: Arc<str>,
    log_stream: Arc<str>,
    /// How long the runtime took to come up, until a REPORT line has said so.
    init: Option<Duration>,
    /// The most that was seen: of a process that has ended nothing more is to be seen.
    memory_used_mb: u64,
    /// `None` before the first start, and after a failed one.
    live: Option<Live>,
    /// When the current invocation has to be over.
    deadline: Instant,
}

/// A process and what connects it.
struct Live {
    phase: Phase,
    process: Process,
    output: Output,
    api: Server,
}

impl Environment {
    /// Prepares all but the process: that is started by the first invocation.
    pub(crate) fn new(
        starter: &Starter,
        spec: &Arc<FunctionSpec>,
        engine: Engine,
        code: Arc<Code>,
        layers: Option<Arc<Code>>,
    ) -> Result<Environment, InvokeError> {
        let unique: [u8; 16] = random();
        let group = log_group(spec);
        let stream = stream_name(Timestamp::now(), spec, unique);
        let folder = starter.scratch.join(hex::encode(unique));
        let scratch = Scratch::new(folder).map_err(|error| not_started(&error))?;
        let sink = starter.sink.as_ref();
        let mut log = Log::new(
            sink.map(|sink| sink.open(spec, &group, &stream)),
            &spec.logging,
        );
        log.platform(&PlatformEvent::InitStart {
            spec,
            stream: &stream,
            version: engine.version(),
        });
        for name in layers.as_deref().map(extensions).unwrap_or_default() {
            log.platform(&PlatformEvent::Extension { name: &name });
        }
        let started = Instant::now();
        Ok(Environment {
            spec: Arc::clone(spec),
            started,
            engine,
            code,
            layers,
            scratch,
            log,
            log_group: group.into(),
            log_stream: stream.into(),
            init: None,
            memory_used_mb: 0,
            live: None,
            deadline: started,
        })
    }

    /// Runs one invocation. `None` when a warm process turns out to have ended before it
    /// took the event; then nothing of the user's ran.
    pub(crate) async fn invoke(
        &mut self,
        starter: &Starter,
        invocation: &Invocation,
    ) -> Result<Option<Invoked>, InvokeError> {
        let cold = self.live.is_none();
        let mut ready = if cold {
            let deadline = Instant::now() + starter.init_timeout;
            self.come_up(starter, InitPhase::Init, deadline).await?
        } else {
            self.resume();
            Ok(())
        };
        let began = Instant::now();
        self.deadline = began + self.spec.timeout;
        if ready.is_err() {
            ready = self
                .come_up(starter, InitPhase::Invoke, self.deadline)
                .await?;
        }
        let now = Timestamp::now();
        let trace = Trace::of(invocation, now, random, random);
        let delivered = ready.is_ok() && self.deliver(invocation, &trace, now);
        if !delivered && !cold {
            return Ok(None);
        }
        if invocation.log_tail {
            self.log.keep_tail();
        }
        self.log.platform(&PlatformEvent::Start {
            request_id: &invocation.request_id,
            spec: &self.spec,
            trace: self.shown(&trace),
        });
        let answer = match ready {
            Ok(()) => self.answer(&invocation.request_id).await,
            Err(cause) => Err(cause.failure(&invocation.request_id, self.spec.timeout)),
        };
        Ok(Some(self.conclude(
            invocation,
            &trace,
            began.elapsed(),
            answer,
        )))
    }

    /// Waits until the runtime asks for the next event, at most until the deadline of the
    /// invocation it answered, and stops the process there. Says whether the environment can be
    /// used again.
    pub(crate) async fn settle(&mut self) -> bool {
        let Some(live) = &mut self.live else {
            return false;
        };
        let ready = matches!(live.phase, Phase::Answered)
            && live.ready(&mut self.log, self.deadline).await.is_ok();
        if ready {
            live.output.drain(&mut self.log);
            live.process.freeze();
        }
        ready
    }

    /// Whether an idle process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.live.as_mut().is_some_and(|live| {
            matches!(&live.phase, Phase::Ready(reply) if !reply.is_closed())
                && live.process.is_alive()
        })
    }

    /// Lets a stopped process go on. What it wrote after its last invocation belongs before the
    /// next one.
    fn resume(&mut self) {
        if let Some(live) = &mut self.live {
            self.log.end_line();
            live.process.thaw();
        }
    }

    /// Starts the process and waits until its runtime asks for an event.
    async fn come_up(
        &mut self,
        starter: &Starter,
        phase: InitPhase,
        deadline: Instant,
    ) -> Result<Result<(), Cause>, InvokeError> {
        let began = Instant::now();
        let mut ready = match self.boot(starter).await? {
            Ok(mut live) => {
                let ready = live.ready(&mut self.log, deadline).await;
                live.output.drain(&mut self.log);
                self.live = Some(live);
                ready
            }
            Err(cause) => Err(cause),
        };
        self.log.end_line();
        let took = began.elapsed();
        match &mut ready {
            Ok(()) if phase == InitPhase::Init => self.init = Some(took),
            Ok(()) => {}
            Err(cause) => {
                // Dropping it kills it.
                self.live = None;
                self.log.platform(&PlatformEvent::InitReport {
                    phase,
                    duration: took,
                    status: cause.status(),
                    error_type: cause.error_type(),
                });
            }
        }
        Ok(ready)
    }

    /// Starts the process.
    async fn boot(&mut self, starter: &Starter) -> Result<Result<Live, Cause>, InvokeError> {
        let (listener, admission) = starter
            .spawner
            .listen()
            .await
            .map_err(|error| not_started(&error))?;
        let folders = Folders {
            code: self.code.folder().to_path_buf(),
            layers: self.layers.as_ref().map(|code| code.folder().to_path_buf()),
            runtime: starter.bootstraps.folder().to_path_buf(),
            scratch: self.scratch.folder.clone(),
        };
        let seen = starter.spawner.seen(&folders);
        let start = match self.engine.entrypoint(&self.spec, &folders, &seen) {
            Ok(start) => start,
            Err(cause) => return Ok(Err(cause)),
        };
        let api = Server::start(listener);
        let place = Place {
            api: api.address,
            seen: &seen,
            log_stream: &self.log_stream,
        };
        let added = (self.spec.extra_env)();
        let launch = Launch {
            program: start.program,
            arguments: start.arguments,
            endpoint: endpoint(&added),
            variables: variables(&self.spec, &self.engine, &place, added),
            folders,
            shown: self.engine.shown(),
            memory_mb: self.spec.memory_mb,
            ephemeral_storage_mb: self.spec.ephemeral_storage_mb,
            admission,
        };
        let (process, output) = match starter.spawner.spawn(launch).await {
            Ok(spawned) => spawned,
            Err(error) => match self.engine.not_executable(&error) {
                Some(cause) => return Ok(Err(cause)),
                None => return Err(not_started(&error)),
            },
        };
        Ok(Ok(Live {
            phase: Phase::Init,
            process,
            output: Output::new(output).map_err(|error| not_started(&error))?,
            api,
        }))
    }

    async fn answer(&mut self, request_id: &str) -> Result<Bytes, Failure> {
        let cause = loop {
            let Some(live) = &mut self.live else {
                // Not without a runtime that came up.
                break Cause::TimedOut;
            };
            match live.advance(&mut self.log, self.deadline).await {
                Milestone::Answered(answer) => return answer,
                Milestone::Ended(cause) => break cause,
                // Comes only before an invocation and after it, see [`Phase::step`].
                Milestone::Ready => {}
            }
        };
        Err(cause.failure(request_id, self.spec.timeout))
    }

    /// Hands the event to the waiting runtime; false when nobody waits any more.
    fn deliver(&mut self, invocation: &Invocation, trace: &Trace, now: Timestamp) -> bool {
        let Some(live) = &mut self.live else {
            return false;
        };
        let running = Phase::Running {
            request_id: invocation.request_id.clone(),
        };
        let Phase::Ready(reply) = std::mem::replace(&mut live.phase, running) else {
            return false;
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        let answer = runtime_api::deliver(Event {
            request_id: &invocation.request_id,
            deadline_ms: now.as_millisecond().saturating_add(left_ms),
            invoked_arn: &invocation.invoked_arn,
            trace_id: &trace.header,
            client_context: invocation.client_context.as_deref(),
            payload: invocation.payload.clone(),
        });
        reply.send(answer).is_ok()
    }

    /// Writes the last lines of the invocation's log and makes what the caller gets.
    fn conclude(
        &mut self,
        invocation: &Invocation,
        trace: &Trace,
        duration: Duration,
        answer: Result<Bytes, Failure>,
    ) -> Invoked {
        if let Some(live) = &mut self.live {
            live.output.drain(&mut self.log);
        }
        self.log.end_line();
        let failure = answer.as_ref().err();
        let report = self.report(duration, failure);
        let request_id = invocation.request_id.as_str();
        if let Some(line) = failure.and_then(|failure| failure.log_line.as_deref()) {
            self.log.platform(&PlatformEvent::Fault { line });
        }
        self.log.platform(&PlatformEvent::End {
            request_id,
            report: &report,
            failure,
            produced_bytes: answer.as_ref().map_or(0, Bytes::len),
        });
        self.log.platform(&PlatformEvent::Report {
            request_id,
            report: &report,
            memory_mb: self.spec.memory_mb,
            failure,
            trace: self.shown(trace),
        });
        if failure.is_some_and(Failure::is_fatal) {
            // Dropping it kills it. An answer that comes later finds nobody.
            self.live = None;
        }
        let log_tail = self.log.take_tail();
        let executed_version = self.spec.version.clone();
        match answer {
            Ok(payload) => Invoked::Ok {
                payload,
                log_tail,
                executed_version,
                report,
            },
            Err(failure) => Invoked::FunctionError {
                payload: failure.payload,
                log_tail,
                executed_version,
                report,
            },
        }
    }

    /// The trace, if the log shall name it.
    fn shown<'a>(&self, trace: &'a Trace) -> Option<&'a Trace> {
        (self.spec.wants_trace || trace.is_sampled()).then_some(trace)
    }

    fn report(&mut self, duration: Duration, failure: Option<&Failure>) -> Report {
        let billed_ms = duration.as_nanos().div_ceil(1_000_000);
        let used_now = self
            .live
            .as_ref()
            .map_or(0, |live| live.process.memory_used_mb());
        self.memory_used_mb = self.memory_used_mb.max(used_now);
        Report {
            duration,
            billed_ms: u64::try_from(billed_ms).unwrap_or(u64::MAX),
            init: self.init.take(),
            memory_used_mb: self.memory_used_mb,
            log_group: Arc::clone(&self.log_group),
            log_stream: Arc::clone(&self.log_stream),
            timed_out: failure.is_some_and(|failure| failure.status == "timeout"),
            out_of_memory: failure.is_some_and(|failure| failure.origin == Origin::Memory),
        }
    }
}

impl Live {
    /// Waits for the runtime to ask for an event.
    async fn ready(&mut self, log: &mut Log, deadline: Instant) -> Result<(), Cause> {
        loop {
            match self.advance(log, deadline).await {
                Milestone::Ready => return Ok(()),
                Milestone::Ended(cause) => return Err(cause),
                // Comes only while an invocation runs, see [`Phase::step`].
                Milestone::Answered(_) => {}
            }
        }
    }

    /// Takes what happens, one thing at a time, until the owner has something to do.
    async fn advance(&mut self, log: &mut Log, deadline: Instant) -> Milestone {
        let mut alarm = pin!(sleep_until(deadline));
        loop {
            // In this order: an answer in time counts though the process ended right after,
            // and no amount of output holds off the deadline.
            let call = tokio::select! {
                biased;
                () = &mut alarm => return Milestone::Ended(Cause::TimedOut),
                Some(call) = self.api.calls.recv() => call,
                exit = self.process.wait() => return Milestone::Ended(Cause::Exited(exit)),
                () = self.output.pump(log), if self.output.open => continue,
            };
            if let Some(milestone) = self.phase.step(call) {
                return milestone;
            }
        }
    }
}

/// Where the server says that AWS is.
fn endpoint(added: &[(String, String)]) -> Option<String> {
    let found = added.iter().find(|(name, _)| name == ENDPOINT);
    found.map(|(_, url)| url.clone())
}

/// The programs that layers bring for AWS to start beside a runtime.
fn extensions(layers: &Code) -> Vec<String> {
    let found = std::fs::read_dir(layers.folder().join("extensions"));
    let mut names: Vec<String> = (found.into_iter().flatten().flatten())
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn not_started(error: &io::Error) -> InvokeError {
    InvokeError::Start(error.to_string())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The kernel's generator does not fail once the machine is up; were it to, ids would
    // repeat and nothing else.
    let _ = getrandom::fill(&mut bytes);
    bytes
}
