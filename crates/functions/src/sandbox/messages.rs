//! Small messages between the server, the keeper and the environments, over local sockets that keep
//! messages apart and carry descriptors.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message: a few paths, or one error.
const BYTES_MAX: usize = 16 * 1024;
/// The most descriptors with one message.
const DESCRIPTORS_MAX: usize = 4;

/// Two ends of a connection.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// A file that lies in memory only, and holds what is too long or too secret for a message.
pub(crate) fn in_memory(contents: &impl Serialize) -> io::Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let bytes = postcard::to_allocvec(contents).map_err(io::Error::other)?;
    let mut file = File::from(memfd_create("plan", MemfdFlags::CLOEXEC)?);
    file.write_all(&bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// Sends one message.
pub(crate) fn send(
    socket: impl AsFd,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = postcard::to_allocvec(message).map_err(io::Error::other)?;
    if bytes.len() > BYTES_MAX {
        return Err(io::Error::other("a message is too long"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors with a message"));
    }
    let text = [IoSlice::new(&bytes)];
    sendmsg(socket, &text, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Sends, where the other side may be gone and that is its own affair.
pub(crate) fn tell(socket: impl AsFd, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) {
    let _ = send(socket, message, descriptors);
}

/// The next message; `None` when the other side is gone.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
    flags: RecvFlags,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let read = loop {
        let mut text = [IoSliceMut::new(&mut bytes)];
        match recvmsg(
            &socket,
            &mut text,
            &mut control,
            flags | RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            read => break read?.bytes,
        }
    };
    let descriptors = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    match bytes.get(..read) {
        None | Some([]) => Ok(None),
        Some(message) => {
            let message = postcard::from_bytes(message).map_err(io::Error::other)?;
            Ok(Some((message, descriptors)))
        }
    }
}
