//! The keeper: a small process that makes all environments and is their parent.
//!
//! The server has many threads and much memory, which a fork would copy, secrets and all. So the
//! pool starts this program once more, with a variable that says what for, and before `main` that
//! process becomes the keeper: one thread, no secrets, a megabyte or two. It takes orders from the
//! server, makes a process in namespaces of its own for each ([`super::init`] takes over there),
//! and answers with a handle to it. What the environment is to become travels past it in a file in
//! memory.
//!
//! The kernel kills the keeper when the server's thread that started it ends, however it does,
//! and the environments when the keeper ends. So none outlives the server.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::libc;
use nix::unistd::Pid;
use rustix::net::RecvFlags;
use seccompiler::BpfProgram;

use super::LayerKind;
use super::files::{GROUP, USER};
use super::init::{self, Inherited};
use super::plan::{Fault, Namespaces, Order, Step};
use super::{messages, privileges, processes, seccomp};

/// Says to this program that it is the keeper.
const VARIABLE: &str = "LOCKSTEP_FUNCTION_KEEPER";
/// The first of the users that environments get from root, and how many there are: beyond those
/// that container tools hand out, below those that mean something of their own.
const USERS_FROM: u32 = 1_900_000_000;
const USERS: u32 = 65_536;

/// The server's handle. Dropping it ends the keeper, and with it all environments.
pub(crate) struct Keeper {
    process: Child,
    socket: OwnedFd,
}

impl Keeper {
    /// Starts it. It lives no longer than the thread that calls this.
    pub(crate) fn start() -> io::Result<Keeper> {
        if std::env::var_os(VARIABLE).is_some() {
            // Else, were the section below lost to a linker, this program would start itself for
            // ever.
            return Err(io::Error::other("this program cannot start functions"));
        }
        let (socket, its_own) = messages::pair()?;
        let process = Command::new("/proc/self/exe")
            .arg0("lockstep-functions")
            .env_clear()
            .env(VARIABLE, "1")
            .current_dir("/")
            .stdin(Stdio::from(its_own))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Keeper { process, socket })
    }

    /// Has an environment made: its first process, as number and as handle. The descriptors are
    /// those of the plan, of the status, and of the output.
    pub(crate) fn order(
        &self,
        order: &Order,
        descriptors: [BorrowedFd<'_>; 3],
    ) -> io::Result<Result<(u32, OwnedFd), Fault>> {
        messages::send(&self.socket, order, &descriptors)?;
        let answer = messages::receive(&self.socket, RecvFlags::empty())?;
        let (answer, mut handles) = answer
            .ok_or_else(|| io::Error::other("the process that starts functions has ended"))?;
        Ok(match (answer, handles.pop()) {
            (Ok(number), Some(handle)) => Ok((number, handle)),
            (Ok(number), None) => {
                // Nobody would look after it.
                processes::kill(number);
                Err(Fault::plain("there is no descriptor left"))
            }
            (Err(fault), _) => Err(fault),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The C library calls what stands in this section before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
#[expect(
    unsafe_code,
    reason = "what stands in that section is called: it has to be a function"
)]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    if std::env::var_os(VARIABLE).is_some() {
        let kept = keep();
        // Seen only where somebody else set the variable: the server's keeper has no terminal.
        if let Err(error) = &kept {
            eprintln!("{VARIABLE} is set, which Lockstep does for itself only; unset it ({error})");
        }
        std::process::exit(i32::from(kept.is_err()));
    }
}

/// Serves orders until the server is gone.
fn keep() -> io::Result<()> {
    let mut lifeline = settle()?;
    let filter = seccomp::program();
    let socket = rustix::stdio::stdin();
    while let Some((order, descriptors)) = messages::receive(socket, RecvFlags::empty())? {
        let made = make(&order, descriptors, &mut lifeline, &filter);
        let (answer, handle) = match made {
            Ok((number, handle)) => (Ok(number), Some(handle)),
            Err(fault) => (Err(fault), None),
        };
        let handles: Vec<BorrowedFd<'_>> = handle.iter().map(AsFd::as_fd).collect();
        messages::tell(socket, &answer, &handles);
    }
    Ok(())
}

/// A pipe that is hung up when the keeper ends.
struct Lifeline {
    reader: PipeReader,
    /// The keeper's alone: its children let go of it.
    writer: Option<PipeWriter>,
}

/// Parts from the server's terminal and descriptors.
fn settle() -> io::Result<Lifeline> {
    use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    rustix::process::setsid()?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    // SAFETY: no handler of ours; it spares the keeper to reap.
    #[expect(unsafe_code, reason = "handlers may be anything; this is none")]
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }?;
    privileges::close_others()?;
    rustix::thread::set_name(c"lockstep-keeper")?;
    let (reader, writer) = io::pipe()?;
    Ok(Lifeline {
        reader,
        writer: Some(writer),
    })
}

fn make(
    order: &Order,
    descriptors: Vec<OwnedFd>,
    lifeline: &mut Lifeline,
    filter: &Result<BpfProgram, String>,
) -> Result<(u32, OwnedFd), Fault> {
    let general = |error: io::Error| Fault::plain(error.to_string());
    let [plan, status, output] = <[OwnedFd; 3]>::try_from(descriptors)
        .map_err(|_| Fault::plain("there is no descriptor left"))?;
    let (go, ready) = io::pipe().map_err(general)?;
    let forked = fork_into(order).step(LayerKind::Namespaces, || {
        "namespaces are not to be had".into()
    })?;
    let Some(child) = forked else {
        drop(ready);
        drop(lifeline.writer.take());
        init::run(Inherited {
            plan,
            status,
            output,
            go,
            lifeline: lifeline.reader.as_fd(),
            filter,
        });
    };
    let made = || {
        let number = u32::try_from(child.as_raw()).unwrap_or_default();
        let process = rustix::process::Pid::from_raw(child.as_raw());
        let process = process.ok_or_else(|| Fault::plain("no process"))?;
        let handle = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty())
            .map_err(|error| general(error.into()))?;
        name_users(order, number).step(LayerKind::Namespaces, || "naming users".into())?;
        for group in &order.cgroups {
            fs::write(group, number.to_string())
                .step(LayerKind::Cgroups, || format!("`{}`", group.display()))?;
        }
        (&ready).write_all(&[1]).map_err(general)?;
        Ok((number, handle))
    };
    // Without the byte it waits for, the child ends.
    made()
}

/// Copies this process into the namespaces of a new environment. `None` in the copy.
#[expect(unsafe_code, reason = "neither rustix nor nix forks into namespaces")]
fn fork_into(order: &Order) -> io::Result<Option<Pid>> {
    let mut flags = libc::SIGCHLD;
    if order.namespaces != Namespaces::No {
        flags |= libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS;
        if order.own_network {
            flags |= libc::CLONE_NEWNET;
        }
    }
    // SAFETY: without a stack of its own the copy goes on here as after fork. This process has one
    // thread, so whatever the copy does finds all locks free.
    let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match i32::try_from(child) {
        Ok(0) => Ok(None),
        Ok(child) if child > 0 => Ok(Some(Pid::from_raw(child))),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Says who the users of the environment are on the host. Inside it is AWS's number in any case.
fn name_users(order: &Order, process: u32) -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let own = USERS_FROM + order.number % USERS;
    let (users, groups) = match order.namespaces {
        Namespaces::No => return Ok(()),
        Namespaces::SameUser => {
            // An ordinary user has to give up more groups first.
            fs::write(format!("/proc/{process}/setgroups"), "deny")?;
            (
                format!("{USER} {} 1", user.as_raw()),
                format!("{GROUP} {} 1", group.as_raw()),
            )
        }
        // The second user is root, who puts the environment together.
        Namespaces::OwnUser => (
            format!("0 0 1\n{USER} {own} 1"),
            format!("0 0 1\n{GROUP} {own} 1"),
        ),
    };
    fs::write(format!("/proc/{process}/gid_map"), groups)?;
    fs::write(format!("/proc/{process}/uid_map"), users)
}
