//! Operating system processes: how they are started, what they may do to the host, and that
//! none of them outlives the server.
//!
//! Three things keep a function from surviving its server. The kernel kills it when the thread
//! that started it ends (`PR_SET_PDEATHSIG`), however the server dies, kill -9 included; this
//! is set between fork and exec, so it also holds for a runtime that has not come up yet and
//! for those that are not ours. Its group is killed with it on timeouts and at shutdown. And a
//! runtime whose connection breaks ends by itself.
//!
//! Because the signal follows the *thread*, all processes are started by one thread that
//! lives as long as the pool; a thread of the async runtime may come and go.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::sandbox::listener::{Admission, Listener};
use crate::sandbox::peer::Owner;
use crate::sandbox::processes;

/// Lambda's own bound on open files.
const OPEN_FILES_MAX: u64 = 1_024;

/// The folders of one environment on the host.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// The unpacked package.
    pub(crate) code: PathBuf,
    /// The merged layers, if the function has any.
    pub(crate) layers: Option<PathBuf>,
    /// What [`crate::bootstrap::Bootstraps`] wrote.
    pub(crate) runtime: PathBuf,
    /// A folder of its own, removed with the process.
    pub(crate) scratch: PathBuf,
}

/// Where the process finds them: AWS's places in the sandbox, else the real ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `/var/task`
    pub(crate) code: PathBuf,
    /// `/opt`
    pub(crate) layers: PathBuf,
    /// `/var/runtime`
    pub(crate) runtime: PathBuf,
    /// `/tmp`
    pub(crate) scratch: PathBuf,
}

/// What to start.
pub(crate) struct Launch {
    /// As the process sees it: see [`Seen`].
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) folders: Folders,
    /// The host's interpreter that has to be there, if any: it may lie in somebody's home.
    pub(crate) interpreter: Option<PathBuf>,
    pub(crate) memory_mb: u32,
    pub(crate) ephemeral_storage_mb: u32,
    /// From [`Spawner::listen`].
    pub(crate) admission: oneshot::Sender<Admission>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    /// It was killed for its memory.
    pub(crate) out_of_memory: bool,
}

/// A running process with all it started. Dropping it kills them all.
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
}

impl Process {
    /// Kills the process and all it started.
    pub(crate) fn kill(&mut self) {
        // Once only: later the number may belong to someone else.
        if let Some(group) = self.group.take() {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }

    /// Waits for the end of the process. May be given up and called again.
    pub(crate) async fn wait(&mut self) -> Exit {
        let status = self.child.wait().await;
        Exit {
            status: status.unwrap_or_else(|_| ExitStatus::from_raw(9)),
            out_of_memory: false,
        }
    }

    /// Whether the process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops the process and all it started where they are, until [`Process::thaw`].
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = killpg(group, signal);
        }
    }

    /// The most memory the process has used so far, rounded up to whole megabytes.
    pub(crate) fn memory_used_mb(&self) -> u64 {
        let peak = self
            .child
            .id()
            .and_then(|id| processes::status_kb(id, "VmHWM"));
        peak.unwrap_or(0).div_ceil(1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Request {
    launch: Launch,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<(Process, OwnedFd)>>,
}

/// The thread that starts processes. When it ends, so do they all.
pub(crate) struct Spawner {
    requests: SyncSender<Request>,
}

impl Spawner {
    /// `pending_max`: how many starts may wait for the thread.
    pub(crate) fn new(pending_max: usize) -> io::Result<Spawner> {
        let (requests, receiver) = sync_channel(pending_max);
        thread::Builder::new()
            .name("function-spawner".into())
            .spawn(move || work(&receiver))?;
        Ok(Spawner { requests })
    }

    /// Where a process will find its folders.
    pub(crate) fn seen(&self, folders: &Folders) -> Seen {
        Seen {
            code: folders.code.clone(),
            layers: folders.layers.clone().unwrap_or_else(|| "/opt".into()),
            runtime: folders.runtime.clone(),
            scratch: folders.scratch.clone(),
        }
    }

    /// The listener for the Runtime API of a process to come.
    pub(crate) async fn listen(&self) -> io::Result<(Listener, oneshot::Sender<Admission>)> {
        Listener::on_host().await
    }

    /// Starts a process; both of its outputs arrive at the returned pipe, in order.
    pub(crate) async fn spawn(&self, launch: Launch) -> io::Result<(Process, OwnedFd)> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            launch,
            runtime: Handle::current(),
            reply,
        };
        self.requests
            .try_send(request)
            .map_err(|_| io::Error::other("too many starts wait"))?;
        answer
            .await
            .map_err(|_| io::Error::other("the spawner thread has ended"))?
    }
}

fn work(requests: &Receiver<Request>) {
    while let Ok(Request {
        launch,
        runtime,
        reply,
    }) = requests.recv()
    {
        // The async runtime is the one that will be told of the process's end.
        let _entered = runtime.enter();
        // When nobody waits any more the process is dropped with the answer, and so killed.
        let _ = reply.send(start(launch));
    }
}

fn start(launch: Launch) -> io::Result<(Process, OwnedFd)> {
    let (reader, writer): (PipeReader, _) = io::pipe()?;
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .current_dir(&launch.folders.code)
        .env_clear()
        .envs(&launch.variables)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    confine(&mut command)?;
    let child = command.spawn()?;
    if let Some(init) = child.id() {
        let _ = launch.admission.send(Admission::Owner(Owner { init }));
    }
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .map(Pid::from_raw);
    Ok((Process { child, group }, reader.into()))
}

/// Arranges what the child does to itself before it becomes the runtime.
#[expect(
    unsafe_code,
    reason = "code between fork and exec; see the comment inside"
)]
fn confine(command: &mut Command) -> io::Result<()> {
    let (_, files_hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let files = files_hard.min(OPEN_FILES_MAX);
    let server = nix::unistd::getpid();
    let in_child = move || -> io::Result<()> {
        use nix::sys::resource::setrlimit;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        setrlimit(Resource::RLIMIT_NOFILE, files, files)?;
        #[cfg(target_os = "linux")]
        {
            use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
            // A program with the set-user-id bit would clear the death signal.
            set_no_new_privs()?;
            set_pdeathsig(Signal::SIGKILL)?;
            close_inherited()?;
        }
        // The server may have died before the signal was set.
        if nix::unistd::getppid() != server {
            return Err(nix::errno::Errno::ESRCH.into());
        }
        Ok(())
    };
    // SAFETY: system calls that are safe after fork, no allocation and no locks: the child has
    // one thread and may have inherited locks that others held.
    unsafe { command.pre_exec(in_child) };
    Ok(())
}

/// Marks all descriptors above the standard ones to be closed by exec, also those which the
/// server itself inherited from whoever started it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call that neither std nor nix offers")]
fn close_inherited() -> io::Result<()> {
    use nix::libc::{CLOSE_RANGE_CLOEXEC, SYS_close_range, c_uint, syscall};
    // SAFETY: changes flags of descriptors of this process only; takes no pointers.
    let result = unsafe { syscall(SYS_close_range, 3, c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
    match result {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // Linux before 5.11: then only what the server opened itself is closed.
            error if error.raw_os_error() == Some(nix::libc::ENOSYS) => Ok(()),
            error if error.raw_os_error() == Some(nix::libc::EINVAL) => Ok(()),
            error => Err(error),
        },
    }
}
