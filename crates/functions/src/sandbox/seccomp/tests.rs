use super::*;

/// Runs the program as the kernel does, on a call with its first two arguments.
fn answer(program: &BpfProgram, arch: u32, call: u32, arguments: [u32; 2]) -> u32 {
    let load = |offset: u32| match offset {
        0 => call,
        4 => arch,
        16 => arguments[0],
        24 => arguments[1],
        _ => 0,
    };
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let step = &program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
        match step.code {
            0x20 => accumulator = load(step.k),
            0x54 => accumulator &= step.k,
            0x05 => at += step.k as usize,
            0x15 => at += jump(accumulator == step.k),
            0x25 => at += jump(accumulator > step.k),
            0x35 => at += jump(accumulator >= step.k),
            0x06 => return step.k,
            other => panic!("{other:#x}"),
        }
    }
}

#[test]
fn calls_are_refused_by_number_and_argument() {
    const ARCH: u32 = if cfg!(target_arch = "x86_64") {
        0xC000_003E
    } else {
        0xC000_00B7
    };
    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    let error = |number: i32| libc::SECCOMP_RET_ERRNO | number.cast_unsigned();
    let flags = |flags: i32| flags.cast_unsigned();
    let thread = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_THREAD;
    let program = program().unwrap();
    let mut cases = vec![
        (libc::SYS_read, [0, 0], ALLOW),
        (libc::SYS_execve, [0, 0], ALLOW),
        (libc::SYS_ptrace, [0, 0], error(libc::EPERM)),
        (libc::SYS_clone3, [0, 0], error(libc::ENOSYS)),
        (libc::SYS_clone, [flags(libc::SIGCHLD), 0], ALLOW),
        (libc::SYS_clone, [flags(thread), 0], ALLOW),
        (libc::SYS_socket, [flags(libc::AF_INET), 0], ALLOW),
        (libc::SYS_socket, [flags(libc::AF_UNIX), 0], ALLOW),
        (
            libc::SYS_socket,
            [flags(libc::AF_PACKET), 0],
            error(libc::EPERM),
        ),
        (
            libc::SYS_socket,
            [flags(libc::AF_VSOCK), 0],
            error(libc::EPERM),
        ),
        (libc::SYS_ioctl, [1, 0x5401], ALLOW),
        (libc::SYS_ioctl, [1, 0x5412], error(libc::EPERM)),
    ];
    for flag in NAMESPACE_FLAGS {
        let both = [flags(thread | flag), 0];
        cases.push((libc::SYS_clone, both, error(libc::EPERM)));
    }
    for call in REFUSED {
        cases.push((*call, [7, 7], error(libc::EPERM)));
    }
    for (call, arguments, expected) in cases {
        let number = u32::try_from(call).unwrap();
        let found = answer(&program, ARCH, number, arguments);
        assert_eq!(found, expected, "call {call} with {arguments:?}");
        if cfg!(target_arch = "x86_64") {
            let found = answer(&program, ARCH, number | X32_BIT, arguments);
            assert_eq!(found, error(libc::ENOSYS), "x32 call {call}");
        }
    }
    // Another interface of the kernel, where numbers mean other calls.
    let found = answer(&program, 0x4000_0003, 1, [0, 0]);
    assert_eq!(found, libc::SECCOMP_RET_KILL_PROCESS);
}
