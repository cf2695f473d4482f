//! One environment: a process, its Runtime API, and the one invocation it may have at a time.
//!
//! The owner drives it. Whatever happens outside (a call of the runtime, the end of the process,
//! the deadline) is taken one at a time by [`Environment::advance`], and what a call means where
//! the environment stands is the one `match` in [`Phase::step`].

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep_until};

use crate::code::Code;
use crate::failure::{self, Failure};
use crate::logs::{Log, LogSink, ReportLine, iso_ms, stream_name};
use crate::probe::Interpreter;
use crate::process::{Launch, Process, Spawner};
use crate::runtime_api::{self, Call, CallKind, Event, Reply, Server};
use crate::spec::{FunctionSpec, Invocation, InvokeError, Invoked, Report};
use crate::variables::{Place, log_group, variables};

#[cfg(test)]
mod tests;

/// What AWS gives a runtime to come up before the function's own timeout starts to count.
/// AWS then starts the process anew; here it goes on.
const INIT_TIME: Duration = Duration::from_secs(10);
/// One read from the pipe of a process.
const READ_BYTES: usize = 16 * 1024;
/// Reads in a row, so that a process that floods its log cannot hold off its own deadline.
const READS_MAX: usize = 64;

/// What it takes to start environments.
pub(crate) struct Starter {
    pub(crate) spawner: Spawner,
    pub(crate) bootstraps: crate::bootstrap::Bootstraps,
    /// Holds one folder per live process.
    pub(crate) scratch: PathBuf,
    pub(crate) sink: Option<Arc<dyn LogSink>>,
}

pub(crate) struct Environment {
    pub(crate) spec: Arc<FunctionSpec>,
    pub(crate) started: Instant,
    /// How long the runtime took to come up, until a REPORT line has said so.
    init: Option<Duration>,
    phase: Phase,
    process: Process,
    output: Output,
    log: Log,
    log_group: Arc<str>,
    log_stream: Arc<str>,
    api: Server,
    /// When the current invocation has to be over.
    deadline: Instant,
    _scratch: Scratch,
    _code: Arc<Code>,
}

/// Where an environment stands, as the Runtime API sees it.
enum Phase {
    /// Started; the runtime has not asked for an event yet.
    Init,
    /// The runtime waits for an event.
    Ready(Reply),
    Running {
        request_id: String,
    },
    /// Answered; the runtime has not asked for the next event yet.
    Answered,
}

/// What an owner waits for.
enum Milestone {
    Ready,
    Answered { payload: Bytes, is_error: bool },
    Ended(Ended),
}

/// Why there will be no answer.
enum Ended {
    InitFailed(Bytes),
    TimedOut,
    Exited(ExitStatus),
}

impl Environment {
    /// Starts the process. Its runtime comes up during the first invocation.
    pub(crate) async fn start(
        starter: &Starter,
        spec: &Arc<FunctionSpec>,
        interpreter: &Interpreter,
        code: Arc<Code>,
    ) -> Result<Environment, InvokeError> {
        let failed = |error: io::Error| InvokeError::Start(error.to_string());
        let unique: [u8; 16] = random();
        let stream = stream_name(Timestamp::now(), &spec.version, unique);
        let api = Server::start().await.map_err(failed)?;
        let scratch = Scratch::new(starter.scratch.join(hex::encode(unique))).map_err(failed)?;
        let place = Place {
            api: api.address,
            code: code.folder(),
            scratch: &scratch.folder,
            log_stream: &stream,
        };
        let launch = Launch {
            program: interpreter.path.clone(),
            arguments: starter.bootstraps.arguments(interpreter.language),
            folder: code.folder().to_path_buf(),
            variables: variables(spec, interpreter, &place),
        };
        let group = log_group(spec);
        let sink = starter.sink.as_ref();
        let mut log = Log::new(sink.map(|sink| sink.open(spec, &group, &stream)));
        log.platform(&init_start(spec, interpreter));
        let started = Instant::now();
        let (process, output) = starter.spawner.spawn(launch).await.map_err(failed)?;
        Ok(Environment {
            spec: Arc::clone(spec),
            started,
            init: None,
            phase: Phase::Init,
            process,
            output: Output::new(output).map_err(failed)?,
            log,
            log_group: group.into(),
            log_stream: stream.into(),
            api,
            deadline: started,
            _scratch: scratch,
            _code: code,
        })
    }

    /// Runs one invocation. `None` when a warm process turns out to have ended before it
    /// took the event; then nothing of the user's ran.
    pub(crate) async fn invoke(&mut self, invocation: &Invocation) -> Option<Invoked> {
        let cold = matches!(self.phase, Phase::Init);
        let ready = if cold {
            let ready = self
                .ready(self.started + INIT_TIME + self.spec.timeout)
                .await;
            self.init = Some(self.started.elapsed());
            ready
        } else {
            Ok(())
        };
        // What was written while the runtime came up, or since the last invocation, belongs
        // before this one.
        self.output.drain(&mut self.log);
        self.log.end_line();
        let began = Instant::now();
        self.deadline = began + self.spec.timeout;
        if ready.is_ok() && !self.deliver(invocation) && !cold {
            return None;
        }
        if invocation.log_tail {
            self.log.keep_tail();
        }
        let id = &invocation.request_id;
        self.log.platform(&format!(
            "START RequestId: {id} Version: {}\n",
            self.spec.version
        ));
        let answer = match ready {
            Ok(()) => self.answer().await,
            Err(ended) => Err(ended),
        };
        self.output.drain(&mut self.log);
        self.log.end_line();
        Some(self.conclude(invocation, began.elapsed(), answer))
    }

    /// Waits until the runtime asks for the next event, at most until the deadline of the
    /// invocation it answered. Says whether the environment can be used again.
    pub(crate) async fn settle(&mut self) -> bool {
        match self.phase {
            Phase::Answered => self.ready(self.deadline).await.is_ok(),
            _ => false,
        }
    }

    /// Whether an idle process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(&self.phase, Phase::Ready(reply) if !reply.is_closed())
            && matches!(self.process.child.try_wait(), Ok(None))
    }

    async fn ready(&mut self, deadline: Instant) -> Result<(), Ended> {
        loop {
            match self.advance(deadline).await {
                Milestone::Ready => return Ok(()),
                Milestone::Ended(ended) => return Err(ended),
                // Comes only while an invocation runs, see [`Phase::step`].
                Milestone::Answered { .. } => {}
            }
        }
    }

    async fn answer(&mut self) -> Result<(Bytes, bool), Ended> {
        loop {
            match self.advance(self.deadline).await {
                Milestone::Answered { payload, is_error } => return Ok((payload, is_error)),
                Milestone::Ended(ended) => return Err(ended),
                // Comes only before an invocation and after it, see [`Phase::step`].
                Milestone::Ready => {}
            }
        }
    }

    /// Takes what happens, one thing at a time, until the owner has something to do.
    async fn advance(&mut self, deadline: Instant) -> Milestone {
        let mut alarm = pin!(sleep_until(deadline));
        loop {
            // In this order: an answer in time counts though the process ended right after,
            // and no amount of output holds off the deadline.
            let call = tokio::select! {
                biased;
                () = &mut alarm => return Milestone::Ended(Ended::TimedOut),
                Some(call) = self.api.calls.recv() => call,
                status = self.process.child.wait() => {
                    let status = status.unwrap_or_else(|_| ExitStatus::from_raw(9));
                    return Milestone::Ended(Ended::Exited(status));
                }
                () = self.output.pump(&mut self.log), if self.output.open => continue,
            };
            if let Some(milestone) = self.phase.step(call) {
                return milestone;
            }
        }
    }

    /// Hands the event to the waiting runtime; false when nobody waits any more.
    fn deliver(&mut self, invocation: &Invocation) -> bool {
        let running = Phase::Running {
            request_id: invocation.request_id.clone(),
        };
        let Phase::Ready(reply) = std::mem::replace(&mut self.phase, running) else {
            return false;
        };
        let timeout_ms = i64::try_from(self.spec.timeout.as_millis()).unwrap_or(i64::MAX);
        let now = Timestamp::now();
        let made_up;
        let trace_id = match &invocation.trace_id {
            Some(given) => given,
            None => {
                made_up = new_trace_id(now);
                &made_up
            }
        };
        let answer = runtime_api::deliver(Event {
            request_id: &invocation.request_id,
            deadline_ms: now.as_millisecond().saturating_add(timeout_ms),
            invoked_arn: &invocation.invoked_arn,
            trace_id,
            client_context: invocation.client_context.as_deref(),
            payload: invocation.payload.clone(),
        });
        reply.send(answer).is_ok()
    }

    /// Writes the last lines of the invocation's log and makes what the caller gets.
    fn conclude(
        &mut self,
        invocation: &Invocation,
        duration: Duration,
        answer: Result<(Bytes, bool), Ended>,
    ) -> Invoked {
        let id = &invocation.request_id;
        let (payload, is_error, failure) = match answer {
            Ok((payload, is_error)) => (payload, is_error, None),
            Err(Ended::InitFailed(payload)) => (payload, true, None),
            Err(Ended::TimedOut) => {
                let now = iso_ms(Timestamp::now());
                failed(failure::timed_out(id, self.spec.timeout, &now))
            }
            Err(Ended::Exited(status)) => failed(failure::exited(id, status)),
        };
        let timed_out = failure
            .as_ref()
            .is_some_and(|failure| failure.status == "timeout");
        let report = Report {
            duration,
            billed_ms: u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX),
            init: self.init.take(),
            memory_used_mb: self.process.id().map_or(0, memory_used_mb),
            log_group: Arc::clone(&self.log_group),
            log_stream: Arc::clone(&self.log_stream),
            timed_out,
            out_of_memory: false,
        };
        if self.log.is_read() {
            if let Some(failure) = &failure {
                self.log.platform(&failure.log_line);
            }
            self.log.platform(&format!("END RequestId: {id}\n"));
            let line = ReportLine {
                request_id: id,
                report: &report,
                memory_mb: self.spec.memory_mb,
                failure: failure.as_ref(),
            };
            self.log.platform(&line.text());
        }
        if failure.is_some() {
            self.process.kill();
        }
        let log_tail = self.log.take_tail();
        let executed_version = self.spec.version.clone();
        if is_error {
            Invoked::FunctionError {
                payload,
                log_tail,
                executed_version,
                report,
            }
        } else {
            Invoked::Ok {
                payload,
                log_tail,
                executed_version,
                report,
            }
        }
    }
}

fn failed(failure: Failure) -> (Bytes, bool, Option<Failure>) {
    (failure.payload.clone(), true, Some(failure))
}

impl Phase {
    /// The legal calls of a runtime. Any other is refused and changes nothing.
    fn step(&mut self, Call { kind, reply }: Call) -> Option<Milestone> {
        match (&*self, kind) {
            (Phase::Init | Phase::Answered, CallKind::Next) => {
                *self = Phase::Ready(reply);
                Some(Milestone::Ready)
            }
            // The runtime's connection broke, and it asks again.
            (Phase::Ready(before), CallKind::Next) if before.is_closed() => {
                *self = Phase::Ready(reply);
                Some(Milestone::Ready)
            }
            (Phase::Init, CallKind::InitError { posted }) => {
                let (payload, _, told) = posted.settle();
                // A runtime that does not wait to be told is no problem, here and below.
                let _ = reply.send(told);
                Some(Milestone::Ended(Ended::InitFailed(payload)))
            }
            (
                Phase::Running {
                    request_id: current,
                },
                CallKind::Response { request_id, posted },
            ) if *current == request_id => {
                let (payload, is_error, told) = posted.settle();
                let _ = reply.send(told);
                *self = Phase::Answered;
                Some(Milestone::Answered { payload, is_error })
            }
            (
                Phase::Running {
                    request_id: current,
                },
                CallKind::Error { request_id, posted },
            ) if *current == request_id => {
                let (payload, _, told) = posted.settle();
                let _ = reply.send(told);
                *self = Phase::Answered;
                Some(Milestone::Answered {
                    payload,
                    is_error: true,
                })
            }
            (_, CallKind::Response { .. } | CallKind::Error { .. }) => {
                let _ = reply.send(runtime_api::invalid_request_id());
                None
            }
            (phase, CallKind::Next) => {
                let _ = reply.send(runtime_api::invalid_transition(phase.name(), "Ready"));
                None
            }
            (phase, CallKind::InitError { .. }) => {
                let _ = reply.send(runtime_api::invalid_transition(phase.name(), "InitError"));
                None
            }
        }
    }

    /// The names of AWS's public runtime emulator.
    fn name(&self) -> &'static str {
        match self {
            Phase::Init => "Started",
            Phase::Ready(_) => "Ready",
            Phase::Running { .. } => "Running",
            Phase::Answered => "RuntimeResponseSent",
        }
    }
}

fn init_start(spec: &FunctionSpec, interpreter: &Interpreter) -> String {
    let runtime = spec
        .runtime
        .replace("python", "python:")
        .replace("nodejs", "nodejs:");
    let version = &interpreter.version;
    format!("INIT_START Runtime Version: {runtime} (host {version})\n")
}

/// The most memory the process has used so far, rounded up to whole megabytes.
fn memory_used_mb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0).div_ceil(1_024)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The kernel's generator does not fail once the machine is up; were it to, ids would
    // repeat and nothing else.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

fn new_trace_id(now: Timestamp) -> String {
    let (root, parent) = (random::<12>(), random::<8>());
    let (root, parent) = (hex::encode(root), hex::encode(parent));
    format!(
        "Root=1-{:08x}-{root};Parent={parent};Sampled=0",
        now.as_second()
    )
}

/// The pipe that carries both outputs of a process.
struct Output {
    pipe: pipe::Receiver,
    /// Whether anyone still holds the other end.
    open: bool,
    buffer: Box<[u8]>,
}

impl Output {
    fn new(pipe: OwnedFd) -> io::Result<Output> {
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Output {
            pipe: pipe::Receiver::from_owned_fd(pipe)?,
            open: true,
            buffer,
        })
    }

    /// Waits for output and passes it on. Loses nothing when dropped while it waits.
    async fn pump(&mut self, log: &mut Log) {
        if self.pipe.readable().await.is_err() {
            self.open = false;
            return;
        }
        self.read(log, |pipe, buffer| pipe.try_read(buffer));
    }

    /// Passes on what is there now. Asks the kernel, not the event loop: what a process wrote
    /// before it answered has to be in the log of that invocation.
    fn drain(&mut self, log: &mut Log) {
        self.read(log, |pipe, buffer| Ok(nix::unistd::read(pipe, buffer)?));
    }

    fn read(
        &mut self,
        log: &mut Log,
        read: impl Fn(&pipe::Receiver, &mut [u8]) -> io::Result<usize>,
    ) {
        for _ in 0..READS_MAX {
            match read(&self.pipe, &mut self.buffer) {
                Ok(count) if count > 0 => log.output(self.buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.open = false;
                    return;
                }
            }
        }
    }
}

/// A folder that lives as long as its process.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new(folder: PathBuf) -> io::Result<Scratch> {
        std::fs::create_dir(&folder)?;
        Ok(Scratch { folder })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let remove = |folder: &Path| {
            if let Err(error) = std::fs::remove_dir_all(folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, folder = %folder.display(), "scratch folder stays");
            }
        };
        // What a function left may be large.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let folder = std::mem::take(&mut self.folder);
                runtime.spawn_blocking(move || remove(&folder));
            }
            Err(_) => remove(&self.folder),
        }
    }
}
