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
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Lambda's own bound on open files.
const OPEN_FILES_MAX: u64 = 1_024;

/// What to start.
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) folder: PathBuf,
    /// The whole environment: nothing is inherited.
    pub(crate) variables: BTreeMap<String, String>,
}

/// Where a process sees what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    /// Its code: `/var/task`, or the folder it was unpacked to.
    pub(crate) task: PathBuf,
    /// Its layers: `/opt`.
    pub(crate) opt: PathBuf,
    /// Our bootstraps: `/var/runtime`.
    pub(crate) runtime: PathBuf,
    /// A folder of its own: `/tmp`.
    pub(crate) tmp: PathBuf,
}

/// A running process, leader of its own group. Dropping it kills the group.
pub(crate) struct Process {
    pub(crate) child: Child,
    group: Option<Pid>,
}

impl Process {
    /// Kills the process and all it started in its group.
    pub(crate) fn kill(&mut self) {
        // Once only: later the number may belong to someone else.
        if let Some(group) = self.group.take() {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }

    /// Stops the process and all it started in its group, between invocations.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Undoes [`Process::freeze`].
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended; the owner learns that from elsewhere.
            let _ = killpg(group, signal);
        }
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
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
        let _ = reply.send(start(&launch));
    }
}

fn start(launch: &Launch) -> io::Result<(Process, OwnedFd)> {
    let (reader, writer): (PipeReader, _) = io::pipe()?;
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .current_dir(&launch.folder)
        .env_clear()
        .envs(&launch.variables)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    confine(&mut command)?;
    let child = command.spawn()?;
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
