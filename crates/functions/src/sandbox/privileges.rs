//! What a process of a function may not have: rights of its own, more than so many files and
//! processes, a core dump.

use std::io;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

use super::files::{GROUP, USER};

/// Lambda's own bounds on open files, and on processes and threads.
const OPEN_FILES_MAX: u64 = 1_024;
const PROCESSES_MAX: u64 = 1_024;

/// Becomes the user of the function, where there are users of its own.
pub(crate) fn become_user(drops_groups: bool) -> io::Result<()> {
    use rustix::fs::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    if drops_groups {
        set_thread_groups(&[])?;
    }
    let (user, group) = (Uid::from_raw(USER), Gid::from_raw(GROUP));
    // One thread is all this process has.
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    Ok(())
}

/// Gives up all capabilities, and with them the way to get any.
pub(crate) fn drop_bounding() {
    for capability in CapabilitySet::all().iter() {
        // Without the right to, there is none left that matters.
        let _ = remove_capability_from_bounding_set(capability);
    }
}

/// Gives up what is left.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    // Linux before 4.3 has none of these.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none)?;
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

/// Sets the bounds. Memory is none of them: V8 maps far more than it uses. Processes are counted
/// only where the user is nobody else's.
pub(crate) fn limit(counts_processes: bool, file_bytes_max: Option<u64>) -> io::Result<()> {
    let mut bounds = vec![
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, OPEN_FILES_MAX),
    ];
    if counts_processes {
        bounds.push((Resource::RLIMIT_NPROC, PROCESSES_MAX));
    }
    if let Some(bytes) = file_bytes_max {
        bounds.push((Resource::RLIMIT_FSIZE, bytes));
    }
    for (resource, wanted) in bounds {
        let (_, hard) = getrlimit(resource)?;
        let bound = wanted.min(hard);
        setrlimit(resource, bound, bound)?;
    }
    Ok(())
}

/// Whether the kernel counts processes per user *namespace*: since Linux 5.14. Before, those of the
/// server's user would count, too.
pub(crate) fn counts_per_namespace() -> bool {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 14)
}

/// Marks all descriptors above the standard ones to be closed by exec.
pub(crate) fn close_others_at_exec() -> io::Result<()> {
    close_range(libc::CLOSE_RANGE_CLOEXEC)
}

/// Closes all descriptors above the standard ones: those that the server itself inherited from
/// whoever started it. Only for a process that has opened none yet.
pub(crate) fn close_others() -> io::Result<()> {
    close_range(0)
}

#[expect(unsafe_code, reason = "a system call that neither std nor nix offers")]
fn close_range(flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: takes no pointers; the callers say why no descriptor in use is closed.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) };
    match result {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // Linux before 5.11: then only what the server opened itself is closed.
            error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
            error if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            error => Err(error),
        },
    }
}
