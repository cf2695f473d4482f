//! The first process of an environment. It puts the layers up from inside, starts the runtime, and
//! then does what a first process has to: reap orphans, and end with the runtime, whereupon the
//! kernel ends whatever else is in its namespace.
//!
//! It is a copy of the keeper, which has one thread and no secrets; so between fork and exec
//! ordinary code may run.

use std::borrow::Cow;
use std::ffi::{CString, OsStr};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{ForkResult, Pid, fork};
use rustix::process::{DumpableBehavior, set_child_subreaper, set_dumpable_behavior};
use seccompiler::BpfProgram;

use super::LayerKind::{self, Namespaces as InNamespaces};
use super::plan::{Fault, Namespaces, Plan, Step, Told};
use super::{landlock, messages, privileges, processes, root, seccomp};

/// What it inherits from the keeper.
pub(crate) struct Inherited<'a> {
    /// A file in memory that holds the [`Plan`].
    pub(crate) plan: OwnedFd,
    /// Where the server is told.
    pub(crate) status: OwnedFd,
    /// Both outputs of the runtime.
    pub(crate) output: OwnedFd,
    /// Readable once the keeper has done its part.
    pub(crate) go: io::PipeReader,
    /// Hung up when the keeper is gone.
    pub(crate) lifeline: BorrowedFd<'a>,
    pub(crate) filter: &'a Result<BpfProgram, String>,
}

/// Freeze and thaw; the latter has the higher number, so of both at once it comes last.
pub(crate) const FREEZE: Signal = Signal::SIGUSR1;
pub(crate) const THAW: Signal = Signal::SIGUSR2;

/// The runtime of an environment.
struct Runtime {
    process: Pid,
    /// Whether it is in a namespace of its own, with all it starts.
    has_own_processes: bool,
}

/// Runs the environment to its end.
pub(crate) fn run(inherited: Inherited<'_>) -> ! {
    let Inherited {
        plan,
        status,
        output,
        go,
        lifeline,
        filter,
    } = inherited;
    let started =
        prepare(&plan, &output, &go).and_then(|plan| enter(&plan, &status, lifeline, filter));
    // What is in the plan may be secret, and is not needed any more.
    drop((plan, output, go));
    let told = match started {
        Ok(runtime) => {
            messages::tell(&status, &Told::Started, &[]);
            let ended = reap(&runtime);
            if !runtime.has_own_processes {
                kill_all();
            }
            Told::Ended(ended)
        }
        Err(fault) => Told::Failed(fault),
    };
    messages::tell(&status, &told, &[]);
    std::process::exit(0)
}

impl Plan {
    fn has_own_processes(&self) -> bool {
        self.layers.namespaces != Namespaces::No
    }
}

/// The first steps, in which no layer has a part.
fn prepare(plan: &OwnedFd, output: &OwnedFd, mut go: &io::PipeReader) -> Result<Plan, Fault> {
    let mut prepared = || -> io::Result<Plan> {
        // Waits for the keeper; when that is gone there is nothing to read.
        go.read_exact(&mut [0])?;
        let plan = read_plan(plan)?;
        wait_for_signals()?;
        standard_streams(output)?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        Ok(plan)
    };
    prepared().map_err(|error| Fault::plain(error.to_string()))
}

fn enter(
    plan: &Plan,
    status: &OwnedFd,
    lifeline: BorrowedFd<'_>,
    filter: &Result<BpfProgram, String>,
) -> Result<Runtime, Fault> {
    let general = |error: io::Error| Fault::plain(error.to_string());
    let has_own_processes = plan.has_own_processes();
    if has_own_processes {
        rustix::system::sethostname(b"lambda").step(InNamespaces, || "setting a name".into())?;
        if let Some(addresses) = &plan.listen {
            listen(addresses, status)?;
        }
        root::enter(&plan.view)?;
    } else {
        // Orphans fall to this process, as they do to the first one of a namespace.
        set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| general(error.into()))?;
    }
    confine(plan)?;
    end_with_keeper(has_own_processes, lifeline).map_err(general)?;
    Ok(Runtime {
        process: launch(plan, filter)?,
        has_own_processes,
    })
}

fn read_plan(file: &OwnedFd) -> io::Result<Plan> {
    let mut bytes = Vec::new();
    std::fs::File::from(file.try_clone()?).read_to_end(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(io::Error::other)
}

/// The signals this process acts on are taken one by one, by [`reap`].
fn wait_for_signals() -> io::Result<()> {
    use nix::sys::signal::{SigHandler, signal};
    // SAFETY: no handler of ours: the default, which the keeper had changed.
    #[expect(unsafe_code, reason = "handlers may be anything; this is none")]
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    Ok(awaited().thread_block()?)
}

fn awaited() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGTERM, FREEZE, THAW]
        .into_iter()
        .collect()
}

fn standard_streams(output: &OwnedFd) -> io::Result<()> {
    let nothing = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(output)?;
    privileges::close_others_at_exec()
}

/// Listens inside the network of this environment and hands the sockets to the server.
fn listen(addresses: &[std::net::SocketAddr], status: &OwnedFd) -> Result<(), Fault> {
    super::loopback::bring_up().step(InNamespaces, || "a network of its own".into())?;
    let listeners = addresses
        .iter()
        .map(TcpListener::bind)
        .collect::<io::Result<Vec<_>>>()
        .step(InNamespaces, || format!("listening at {addresses:?}"))?;
    let sockets: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
    messages::tell(status, &Told::Listening, &sockets);
    Ok(())
}

/// Gives up rights, for this process and all to come.
fn confine(plan: &Plan) -> Result<(), Fault> {
    let failed = |error: io::Error| Fault::plain(format!("giving up rights: {error}"));
    privileges::drop_bounding();
    let own_user = plan.layers.namespaces == Namespaces::OwnUser;
    if plan.has_own_processes() {
        privileges::become_user(own_user).step(InNamespaces, || "becoming the user".into())?;
    }
    privileges::drop_capabilities().map_err(failed)?;
    let counted = own_user || plan.has_own_processes() && privileges::counts_per_namespace();
    // In memory `/tmp` has a bound of its own.
    let file_bytes_max =
        (!plan.has_own_processes()).then(|| u64::from(plan.view.tmp_mb) * 1_024 * 1_024);
    privileges::limit(counted, file_bytes_max).map_err(failed)
}

/// Another user means that this is forgotten; hence so late.
fn end_with_keeper(has_own_processes: bool, lifeline: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    // Nobody may look into this process; what it was copied from is the keeper's.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let signal = match has_own_processes {
        // The kernel then ends all others with this one.
        true => rustix::process::Signal::KILL,
        false => rustix::process::Signal::TERM,
    };
    rustix::process::set_parent_process_death_signal(Some(signal))?;
    let mut polled = [PollFd::from_borrowed_fd(lifeline, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut polled, Some(&now))? {
        0 => Ok(()),
        _ => Err(io::Error::other("the server has ended")),
    }
}

/// Starts the runtime, and waits until it runs.
fn launch(plan: &Plan, filter: &Result<BpfProgram, String>) -> Result<Pid, Fault> {
    let general = |error: io::Error| Fault::plain(error.to_string());
    let (mut reader, writer) = io::pipe().map_err(general)?;
    // SAFETY: this process has one thread, so its copy may do what it may.
    #[expect(unsafe_code, reason = "fork copies one thread only; there is only one")]
    let forked = unsafe { fork() }.map_err(|error| general(error.into()))?;
    match forked {
        ForkResult::Child => {
            drop(reader);
            // Returns only when something went wrong, or when there is nothing to become.
            if let Err(fault) = become_runtime(plan, filter) {
                let bytes = postcard::to_allocvec(&fault).unwrap_or_default();
                // The end without a fault says that all went well.
                let _ = (&writer).write_all(&bytes);
            }
            std::process::exit(0)
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(general)?;
            if bytes.is_empty() {
                return Ok(child);
            }
            Err(postcard::from_bytes(&bytes)
                .unwrap_or_else(|_| Fault::plain("the runtime did not start")))
        }
    }
}

fn become_runtime(plan: &Plan, filter: &Result<BpfProgram, String>) -> Result<(), Fault> {
    let general = |error: io::Error| Fault::plain(error.to_string());
    rustix::process::setsid().map_err(|error| general(error.into()))?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| general(error.into()))?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .map_err(|error| general(error.into()))?;
    std::env::set_current_dir(&plan.folder)
        .map_err(|error| Fault::plain(format!("`{}`: {error}", plan.folder.display())))?;
    if plan.layers.landlock {
        landlock::confine(&plan.view, plan.has_own_processes())?;
    }
    let program = plan
        .program
        .as_ref()
        .map(|program| c_text(program.as_os_str()));
    let arguments: Vec<CString> = program
        .iter()
        .cloned()
        .chain(plan.arguments.iter().map(|argument| c_text(argument)))
        .collect();
    let variables: Vec<CString> = plan
        .variables
        .iter()
        .map(|(name, value)| c_text(OsStr::new(&format!("{name}={value}"))))
        .collect();
    if plan.layers.seccomp {
        let mut filter = Cow::Borrowed(
            filter
                .as_ref()
                .step(LayerKind::Seccomp, || "making the filter".into())?,
        );
        if !plan.layers.cgroups {
            filter = Cow::Owned(seccomp::without_memory_files(&filter));
        }
        seccompiler::apply_filter(&filter)
            .step(LayerKind::Seccomp, || "setting the filter".into())?;
    }
    let Some(program) = program else {
        return Ok(());
    };
    let Err(error) = nix::unistd::execve(&program, &arguments, &variables);
    Err(Fault {
        not_started: Some(error as i32),
        ..Fault::plain(format!("`{}`: {error}", program.to_string_lossy()))
    })
}

/// Text with a NUL inside can't be handed over; who made it has refused it before.
fn c_text(text: &OsStr) -> CString {
    CString::new(text.as_bytes()).unwrap_or_default()
}

/// Waits for the runtime, and does what else comes up. The result is the kernel's.
fn reap(runtime: &Runtime) -> i32 {
    let awaited = awaited();
    loop {
        match awaited.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(status) = reap_ended(runtime.process) {
                    return status;
                }
            }
            Ok(FREEZE) => signal_all(runtime, Signal::SIGSTOP),
            Ok(THAW) => signal_all(runtime, Signal::SIGCONT),
            // The keeper is gone, where the kernel would not end the others with this one.
            Ok(Signal::SIGTERM) if !runtime.has_own_processes => return libc::SIGKILL,
            _ => {}
        }
    }
}

/// Takes all children that have ended. `Some` when the runtime was among them.
#[expect(unsafe_code, reason = "the kernel's own number of how a child ended")]
fn reap_ended(runtime: Pid) -> Option<i32> {
    let mut found = None;
    loop {
        let mut status = 0;
        // SAFETY: the number is written to a variable that outlives the call.
        let child = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        match child {
            ended if ended == runtime.as_raw() => found = Some(status),
            ended if ended > 0 => {}
            _ => return found,
        }
    }
}

fn signal_all(runtime: &Runtime, signal: Signal) {
    if runtime.has_own_processes {
        // All in the namespace but this one. Fails only when there is none.
        let _ = nix::sys::signal::kill(Pid::from_raw(-1), signal);
    } else {
        for process in processes::descendants(std::process::id())
            .into_iter()
            .skip(1)
        {
            send(process, signal);
        }
    }
}

/// Ends all that descends from this process; new ones may come up meanwhile.
fn kill_all() {
    loop {
        let left = processes::descendants(std::process::id());
        if left.len() < 2 {
            return;
        }
        for process in left.into_iter().skip(1) {
            send(process, Signal::SIGKILL);
        }
        reap_ended(Pid::from_raw(0));
    }
}

fn send(process: u32, signal: Signal) {
    if let Ok(process) = i32::try_from(process) {
        // It may have ended meanwhile.
        let _ = nix::sys::signal::kill(Pid::from_raw(process), signal);
    }
}
