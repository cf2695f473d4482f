//! Where the Runtime API of one environment listens, and who may connect.
//!
//! With the network of the host the listener is on a free port of 127.0.0.1, which every process
//! of this host can reach, and `AWS_LAMBDA_RUNTIME_API` is no more than host and port: there is
//! no room for a secret. So each connection is asked for its owner: the socket at its other end
//! has to belong to a process of the environment. In a network namespace of its own the
//! environment's listener is made inside and served from here; nobody else can reach it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::peer::Owner;

/// What the spawner tells the listener once the environment is there.
pub(crate) enum Admission {
    /// Connections come from processes of this environment only.
    Owner(Owner),
    /// The listener that was made inside the environment's network.
    Inside(OwnedFd),
}

/// The listener of one environment.
pub(crate) struct Listener {
    address: SocketAddr,
    bound: Bound,
    told: oneshot::Receiver<Admission>,
}

enum Bound {
    /// On the host; whom to let in is not known before the process is there.
    Host(TcpListener),
    Guarded(TcpListener, Owner),
    Inside(TcpListener),
    /// Will be made inside.
    Nowhere,
}

impl Listener {
    /// Listens on a free port of the host. The sender goes into [`crate::process::Launch`].
    pub(crate) async fn on_host() -> io::Result<(Listener, oneshot::Sender<Admission>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Listener::new(address, Bound::Host(listener)))
    }

    /// Will listen at `address` inside the environment's own network.
    pub(crate) fn inside(address: SocketAddr) -> (Listener, oneshot::Sender<Admission>) {
        Listener::new(address, Bound::Nowhere)
    }

    fn new(address: SocketAddr, bound: Bound) -> (Listener, oneshot::Sender<Admission>) {
        let (tell, told) = oneshot::channel();
        let listener = Listener {
            address,
            bound,
            told,
        };
        (listener, tell)
    }

    /// What the function is told: `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection of the environment. Others are closed. Waits for ever when the
    /// process did not start.
    pub(crate) async fn accept(&mut self) -> io::Result<TcpStream> {
        if matches!(self.bound, Bound::Host(_) | Bound::Nowhere) {
            match (&mut self.told).await {
                Ok(admission) => self.admit(admission)?,
                Err(_) => std::future::pending().await,
            }
        }
        loop {
            match &self.bound {
                Bound::Inside(listener) => return Ok(listener.accept().await?.0),
                Bound::Guarded(listener, owner) => {
                    let (stream, peer) = listener.accept().await?;
                    if owner.holds(peer, self.address).await {
                        return Ok(stream);
                    }
                    tracing::warn!(%peer, "a stranger called a function's Runtime API");
                }
                Bound::Host(_) | Bound::Nowhere => std::future::pending().await,
            }
        }
    }

    fn admit(&mut self, admission: Admission) -> io::Result<()> {
        let before = std::mem::replace(&mut self.bound, Bound::Nowhere);
        self.bound = match (before, admission) {
            (Bound::Host(listener), Admission::Owner(owner)) => Bound::Guarded(listener, owner),
            (_, Admission::Inside(socket)) => {
                let listener = std::net::TcpListener::from(socket);
                listener.set_nonblocking(true)?;
                Bound::Inside(TcpListener::from_std(listener)?)
            }
            (other, Admission::Owner(_)) => other,
        };
        Ok(())
    }
}
