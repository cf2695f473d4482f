//! The loopback interface of a network namespace, which is down at first.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::libc;

/// `IFF_UP`, as wide as the kernel has it here.
const UP: libc::c_short = 1;

/// Switches `lo` on, in the namespace of this process. A socket of any kind is the way to ask: one
/// is bound to no address, which works with the interface down.
#[expect(unsafe_code, reason = "a request that neither std nor nix offers")]
pub(crate) fn bring_up() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: all zero is a request without a name.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, letter) in request.ifr_name.iter_mut().zip(*b"lo") {
        *place = letter.cast_signed();
    }
    request.ifr_ifru.ifru_flags = UP;
    // SAFETY: the request holds what this one reads, and outlives the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
