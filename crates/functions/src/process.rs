//! Operating system processes: how they are started and ended, and what is learnt of them.
//!
//! All are made by the [`crate::sandbox::keeper`], which one thread of this process starts, so that
//! they end when that thread does, however the server dies; a thread of the async runtime may come
//! and go.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rustix::net::RecvFlags;
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::sandbox::forward::{self, Endpoint};
use crate::sandbox::keeper::Keeper;
use crate::sandbox::listener::{Admission, Listener};
use crate::sandbox::peer::Owner;
use crate::sandbox::plan::{Order, Plan, Told, View};
use crate::sandbox::processes::Handle;
use crate::sandbox::watchdog::{Watch, Watchdog, Watched};
use crate::sandbox::{FREEZE, Layer, Network, Sandbox, THAW, messages, outermost, processes};

/// Where the Runtime API is in a network of its own: AWS's address.
const INSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9_001);
/// Where a function is told to send its calls of AWS.
pub(crate) const ENDPOINT: &str = "AWS_ENDPOINT_URL";

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
    /// What may be reached from a network of its own, as a URL. Not the function's to say, whose
    /// own variables may name any endpoint.
    pub(crate) endpoint: Option<String>,
    pub(crate) folders: Folders,
    /// Files and folders of the host that have to be there, though they may lie in somebody's home.
    pub(crate) shown: Vec<PathBuf>,
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
    watch: Watch,
    status: Status,
    exit: Option<Exit>,
    /// Whether the kernel ends all others with the first process.
    has_own_processes: bool,
    /// The runtime, once it was looked for.
    runtime: OnceLock<Option<u32>>,
    forwards: Vec<AbortHandle>,
}

impl Process {
    /// Kills the process and all it started.
    pub(crate) fn kill(&mut self) {
        let watched = &self.watch.watched;
        if !self.has_own_processes && self.exit.is_none() {
            processes::kill_descendants(watched.init);
        }
        watched.signal(Signal::KILL);
    }

    /// Waits for the end of the process. May be given up and called again.
    pub(crate) async fn wait(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.exit {
                return exit;
            }
            let told = self.status.next().await;
            self.note(&told);
        }
    }

    /// Whether the process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        if self.exit.is_none()
            && let Some(told) = self.status.now()
        {
            self.note(&told);
        }
        self.exit.is_none()
    }

    fn note(&mut self, told: &io::Result<Message>) {
        let status = match told {
            Ok(Some((Told::Ended(status), _))) => ExitStatus::from_raw(*status),
            Ok(Some(_)) => return,
            // The first process was killed, and all others with it.
            Ok(None) | Err(_) => ExitStatus::from_raw(Signal::KILL.as_raw()),
        };
        self.exit = Some(Exit {
            status,
            out_of_memory: status.signal() == Some(Signal::KILL.as_raw())
                && self.watch.watched.has_run_out_of_memory(),
        });
    }

    /// Stops the process and all it started where they are, until [`Process::thaw`]. Returns at
    /// once; they stop a moment later.
    pub(crate) fn freeze(&self) {
        let watched = &self.watch.watched;
        watched.is_frozen.store(true, Ordering::Relaxed);
        watched.signal(FREEZE);
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) {
        let watched = &self.watch.watched;
        if watched.is_frozen.swap(false, Ordering::Relaxed) {
            watched.signal(THAW);
        }
    }

    /// The most memory the runtime has used so far, rounded up to whole megabytes.
    pub(crate) fn memory_used_mb(&self) -> u64 {
        let first = || processes::first_child(self.watch.watched.init);
        let peak = self.runtime.get_or_init(first);
        let peak = peak.and_then(|runtime| processes::status_kb(runtime, "VmHWM"));
        peak.unwrap_or(0).div_ceil(1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.forwards.iter().for_each(AbortHandle::abort);
    }
}

/// What the first process of an environment tells.
///
/// The socket keeps messages apart, which the type knows nothing of: it is only waited with.
struct Status {
    socket: UnixStream,
}

type Message = Option<(Told, Vec<OwnedFd>)>;

impl Status {
    /// The next message; `None` when the process has ended.
    async fn next(&self) -> io::Result<Message> {
        loop {
            self.socket.readable().await?;
            let receive = || receive(&self.socket);
            match self.socket.try_io(Interest::READABLE, receive) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                message => return message,
            }
        }
    }

    /// The next message if it has arrived.
    fn now(&self) -> Option<io::Result<Message>> {
        match receive(&self.socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            message => Some(message),
        }
    }
}

fn receive(socket: &UnixStream) -> io::Result<Message> {
    messages::receive(socket, RecvFlags::DONTWAIT)
}

/// A process that was made and has not said yet whether it could start.
struct Begun {
    init: u32,
    handle: Handle,
    status: net::UnixStream,
    output: OwnedFd,
}

struct Request {
    order: Order,
    plan: Plan,
    reply: oneshot::Sender<io::Result<Begun>>,
}

/// The thread that has processes started. When it ends, so do they all.
pub(crate) struct Spawner {
    requests: SyncSender<Request>,
    sandbox: Sandbox,
    watchdog: Watchdog,
    started: AtomicU32,
}

impl Spawner {
    /// `pending_max`: how many starts may wait for the thread.
    pub(crate) fn new(pending_max: usize, sandbox: Sandbox) -> io::Result<Spawner> {
        let (requests, receiver) = sync_channel(pending_max);
        thread::Builder::new()
            .name("function-spawner".into())
            .spawn(move || work(&receiver))?;
        Ok(Spawner {
            requests,
            sandbox,
            watchdog: Watchdog::start()?,
            started: AtomicU32::new(0),
        })
    }

    /// What keeps processes from the rest of this host.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.sandbox.report
    }

    /// Where a process will find its folders.
    pub(crate) fn seen(&self, folders: &Folders) -> Seen {
        if self.sandbox.has_own_root() {
            return Seen {
                code: "/var/task".into(),
                layers: "/opt".into(),
                runtime: "/var/runtime".into(),
                scratch: "/tmp".into(),
            };
        }
        Seen {
            code: folders.code.clone(),
            layers: folders.layers.clone().unwrap_or_else(|| "/opt".into()),
            runtime: folders.runtime.clone(),
            scratch: folders.scratch.clone(),
        }
    }

    /// The listener for the Runtime API of a process to come.
    pub(crate) async fn listen(&self) -> io::Result<(Listener, oneshot::Sender<Admission>)> {
        match self.sandbox.network {
            Network::Host => Listener::on_host().await,
            Network::None => Ok(Listener::inside(INSIDE)),
        }
    }

    /// Starts a process; both of its outputs arrive at the returned pipe, in order.
    pub(crate) async fn spawn(&self, launch: Launch) -> io::Result<(Process, OwnedFd)> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (memory_mb, tmp_mb) = (launch.memory_mb, launch.ephemeral_storage_mb);
        let group = self.sandbox.group(number, memory_mb, tmp_mb)?;
        let order = Order {
            namespaces: self.sandbox.layers.namespaces,
            own_network: self.sandbox.network == Network::None,
            number,
            cgroups: group.iter().flat_map(|group| group.doors()).collect(),
        };
        let (plan, endpoint, admission) = self.plan(launch);
        let (reply, answer) = oneshot::channel();
        self.requests
            .try_send(Request { order, plan, reply })
            .map_err(|_| io::Error::other("too many starts wait"))?;
        let begun = answer
            .await
            .map_err(|_| io::Error::other("the spawner thread has ended"))??;
        let watch = self.watchdog.watch(Watched {
            init: begun.init,
            handle: begun.handle,
            memory_bytes_max: u64::from(memory_mb) << 20,
            group,
            is_frozen: AtomicBool::new(false),
            is_out_of_memory: AtomicBool::new(false),
        });
        let mut process = Process {
            watch,
            status: Status {
                socket: UnixStream::from_std(begun.status)?,
            },
            exit: None,
            has_own_processes: self.sandbox.has_own_root(),
            runtime: OnceLock::new(),
            forwards: Vec::new(),
        };
        process.come_up(endpoint, admission).await?;
        Ok((process, begun.output))
    }

    /// What the process has to do, whom it may call besides, and who waits for its listener.
    fn plan(&self, launch: Launch) -> (Plan, Option<Endpoint>, oneshot::Sender<Admission>) {
        let Launch {
            program,
            arguments,
            mut variables,
            endpoint,
            folders,
            shown,
            memory_mb: _,
            ephemeral_storage_mb,
            admission,
        } = launch;
        let folder = self.seen(&folders).code;
        let is_inside = self.sandbox.network == Network::None;
        let endpoint = endpoint.filter(|_| is_inside);
        let endpoint = endpoint.as_deref().and_then(Endpoint::of);
        if let Some(endpoint) = &endpoint {
            variables.insert(ENDPOINT.to_owned(), endpoint.url.clone());
        }
        let addresses = std::iter::once(INSIDE).chain(endpoint.iter().map(|end| end.inside));
        let plan = Plan {
            layers: self.sandbox.layers,
            program: Some(program),
            arguments,
            variables,
            folder,
            listen: is_inside.then(|| addresses.collect()),
            view: View {
                root: self.sandbox.root.clone(),
                code: folders.code,
                layers: folders.layers,
                runtime: folders.runtime,
                scratch: folders.scratch,
                etc: self.sandbox.etc.clone(),
                shown: outermost(shown),
                hidden: self.sandbox.hidden.clone(),
                tmp_mb: ephemeral_storage_mb,
            },
        };
        (plan, endpoint, admission)
    }
}

impl Process {
    /// Waits until the runtime runs.
    async fn come_up(
        &mut self,
        endpoint: Option<Endpoint>,
        admission: oneshot::Sender<Admission>,
    ) -> io::Result<()> {
        let init = self.watch.watched.init;
        let mut admitted = Admission::Owner(Owner { init });
        loop {
            match self.status.next().await? {
                Some((Told::Listening, sockets)) => {
                    let mut sockets = sockets.into_iter();
                    if let Some(api) = sockets.next() {
                        admitted = Admission::Inside(api);
                    }
                    if let (Some(socket), Some(endpoint)) = (sockets.next(), &endpoint) {
                        let real = endpoint.real.clone();
                        self.forwards.push(forward::start(socket, real)?);
                    }
                }
                Some((Told::Started, _)) => {
                    // Nobody need be waiting for it.
                    let _ = admission.send(admitted);
                    return Ok(());
                }
                Some((Told::Failed(fault), _)) => return Err(fault.into()),
                Some((Told::Ended(_), _)) | None => {
                    return Err(io::Error::other("it was killed while it came up"));
                }
            }
        }
    }
}

fn work(requests: &Receiver<Request>) {
    let mut keeper = None;
    while let Ok(Request { order, plan, reply }) = requests.recv() {
        let mut begun = begin(&mut keeper, &order, &plan);
        if keeper.is_none() {
            // It may have been killed; a new one says whether it was that.
            begun = begin(&mut keeper, &order, &plan);
        }
        // When nobody waits any more the process is dropped with the answer, and so killed.
        let _ = reply.send(begun);
    }
}

/// Has one environment made. There is no keeper afterwards if it does not answer: with it all
/// environments end, so that any other failure must leave it alone.
fn begin(kept: &mut Option<Keeper>, order: &Order, plan: &Plan) -> io::Result<Begun> {
    let (reader, output) = io::pipe()?;
    let (status, its_own) = messages::pair()?;
    let plan = messages::in_memory(plan)?;
    let keeper = match kept.take() {
        Some(keeper) => keeper,
        None => Keeper::start()?,
    };
    let made = keeper.order(order, [plan.as_fd(), its_own.as_fd(), output.as_fd()])?;
    *kept = Some(keeper);
    let (init, handle) = made.map_err(io::Error::from)?;
    let handle = Handle::new(handle);
    let status = net::UnixStream::from(status);
    status.set_nonblocking(true)?;
    Ok(Begun {
        init,
        handle,
        status,
        output: reader.into(),
    })
}
