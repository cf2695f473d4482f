//! The way out of an environment with a network of its own: to `AWS_ENDPOINT_URL` and nowhere else.
//! A socket inside listens where the function is told to call; what connects there is passed on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Connections of one environment at once; more wait to be taken.
const CONNECTIONS_MAX: usize = 64;
/// How long to wait when the host has no descriptor left.
const PAUSE: Duration = Duration::from_millis(20);

/// Where an endpoint listens, and where the function shall call instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) real: String,
    pub(crate) inside: SocketAddr,
    pub(crate) url: String,
}

impl Endpoint {
    /// Of a URL such as `http://127.0.0.1:8083`; `None` of one that can't be passed on: over TLS
    /// the name of the host has to stay.
    pub(crate) fn of(url: &str) -> Option<Endpoint> {
        let real = url.strip_prefix("http://")?.trim_end_matches('/');
        let (_, port) = real.rsplit_once(':')?;
        let inside = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?));
        Some(Endpoint {
            real: real.to_owned(),
            inside,
            url: format!("http://{inside}"),
        })
    }
}

/// Passes on what connects to the socket, until the task is aborted.
pub(crate) fn start(socket: OwnedFd, real: String) -> io::Result<AbortHandle> {
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    Ok(tokio::spawn(pass_on(listener, real)).abort_handle())
}

async fn pass_on(listener: TcpListener, real: String) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        let Ok((mut inner, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let real = real.clone();
        connections.spawn(async move {
            if let Ok(mut outer) = TcpStream::connect(real).await {
                // A connection that breaks is seen at both its ends.
                let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
            }
        });
    }
}

#[cfg(test)]
mod tests;
