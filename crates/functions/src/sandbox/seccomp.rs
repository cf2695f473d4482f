//! System calls that no function needs and that reach into the kernel or into other processes.
//!
//! A list of what is refused, not of what is allowed: interpreters, their libraries and programs
//! that users bring make nearly every other call. Refused calls fail with `EPERM`, as for any
//! process without rights; `clone3`, whose flags a filter can't see, with `ENOSYS`, upon which the
//! C library takes `clone`.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

#[cfg(test)]
mod tests;

/// Refused whatever their arguments.
const REFUSED: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The kernel and the machine.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // Large and often broken parts of the kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Memory that outlives the process that made it, unseen by whoever watches processes.
    libc::SYS_shmget,
    libc::SYS_mq_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
];

/// Each makes a namespace.
const NAMESPACE_FLAGS: [i32; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    // CLONE_NEWTIME
    0x80,
];

/// Families of sockets that a function may open: local, IP, and netlink, by which C libraries ask
/// for the host's addresses. Without rights nothing can be changed through it.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// The number of a call of the x32 interface has this bit.
const X32_BIT: u32 = 0x4000_0000;

/// The filter in the kernel's language. The error names what is wrong with this machine.
pub(crate) fn program() -> Result<BpfProgram, String> {
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| format!("there is no filter for {}", std::env::consts::ARCH))?;
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let refused: BpfProgram =
        SeccompFilter::new(refused_rules()?, SeccompAction::Allow, refuse, arch)
            .and_then(TryInto::try_into)
            .map_err(|error| error.to_string())?;
    // The compiler knows one answer for all rules. The other ones stand in front.
    let mut program = own_numbers_only();
    program.extend(refuse_call(libc::SYS_clone3, libc::ENOSYS));
    program.extend(refused);
    Ok(program)
}

/// The same without files in memory, which whoever looks at processes does not see: for where no
/// control group counts them.
pub(crate) fn without_memory_files(program: &BpfProgram) -> BpfProgram {
    let mut all = refuse_call(libc::SYS_memfd_create, libc::EPERM);
    all.extend_from_slice(program);
    all
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refused_rules() -> Result<Rules, String> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let namespaces = NAMESPACE_FLAGS.map(|flag| {
        let flag = u64::from(flag.cast_unsigned());
        rule([(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    rules.insert(libc::SYS_clone, collect(namespaces)?);
    let other_family =
        FAMILIES.map(|family| (0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned())));
    rules.insert(libc::SYS_socket, vec![rule(other_family)?]);
    // TIOCSTI types into the terminal of whoever started the server, TIOCLINUX pastes into it.
    let typing =
        [libc::TIOCSTI, libc::TIOCLINUX].map(|request| rule([(1, SeccompCmpOp::Eq, request)]));
    rules.insert(libc::SYS_ioctl, collect(typing)?);
    Ok(rules)
}

fn collect<const N: usize>(
    rules: [Result<SeccompRule, String>; N],
) -> Result<Vec<SeccompRule>, String> {
    rules.into_iter().collect()
}

/// All conditions have to hold: number of the argument, comparison, value.
fn rule<const N: usize>(conditions: [(u8, SeccompCmpOp, u64); N]) -> Result<SeccompRule, String> {
    conditions
        .into_iter()
        .map(|(argument, operator, value)| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        })
        .collect::<Result<Vec<_>, _>>()
        .and_then(SeccompRule::new)
        .map_err(|error| error.to_string())
}

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// On x86-64 each call has a second number, of the x32 interface, which lists by number miss.
fn own_numbers_only() -> BpfProgram {
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    vec![
        instruction(LOAD, 0, 0, 0),
        instruction(JUMP_IF_LEAST, 0, 1, X32_BIT),
        returns(libc::ENOSYS),
    ]
}

/// Other interfaces of the kernel may give the number to another call: an error all the same.
fn refuse_call(call: i64, error: i32) -> BpfProgram {
    vec![
        instruction(LOAD, 0, 0, 0),
        instruction(JUMP_IF_EQUAL, 0, 1, u32::try_from(call).unwrap_or(u32::MAX)),
        returns(error),
    ]
}

fn returns(error: i32) -> sock_filter {
    instruction(
        RETURN,
        0,
        0,
        libc::SECCOMP_RET_ERRNO | error.cast_unsigned(),
    )
}
