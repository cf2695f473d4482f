//! Whose socket is at the other end of a connection.

use std::fs;
use std::net::SocketAddr;

use super::processes;

/// An environment, as the owner of sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    /// The first process of the environment; all others descend from it.
    pub(crate) init: u32,
}

impl Owner {
    /// Whether a process of the environment holds the socket that is connected from `peer` to
    /// `here`.
    pub(crate) async fn holds(self, peer: SocketAddr, here: SocketAddr) -> bool {
        tokio::task::spawn_blocking(move || self.has(peer, here))
            .await
            .unwrap_or(false)
    }

    fn has(self, peer: SocketAddr, here: SocketAddr) -> bool {
        let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let Some(inode) = inode(&table, peer, here) else {
            return false;
        };
        let wanted = format!("socket:[{inode}]");
        processes::descendants(self.init)
            .into_iter()
            .any(|process| holds(process, &wanted))
    }
}

/// The number of the socket with these two ends, in the kernel's table of them.
fn inode(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<&str> {
    let (local, remote) = (shown(local)?, shown(remote)?);
    table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let ends = (fields.next()?, fields.next()?);
        // State, queues, timer, retransmissions, user and time-out stand before the number.
        (ends == (local.as_str(), remote.as_str())).then(|| fields.nth(6))?
    })
}

/// Address and port in the kernel's way: the four bytes as a number of this host.
fn shown(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else {
        return None;
    };
    let number = u32::from_ne_bytes(address.ip().octets());
    Some(format!("{number:08X}:{:04X}", address.port()))
}

fn holds(process: u32, wanted: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == wanted))
}

#[cfg(test)]
mod tests;
