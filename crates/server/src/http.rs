//! The listener: HTTP/1.1 connections to [`aws::door::Request`]s and back.

mod body;

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws::door::{Request, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::body::Room;

/// Connections open at once; more wait in the kernel's backlog. A long poll holds one, and AWS
/// allows 1,000 pollers per activity.
const CONNECTIONS_MAX: usize = 8_192;
/// Bytes of a request's head; AWS's own limit for all headers together is lower.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// A client that sends its head slower than this is cut off.
const HEAD_READ_SECONDS_MAX: u64 = 30;
/// How long requests under way may take once a stop was asked for.
const DRAIN_SECONDS_MAX: u64 = 5;

/// Answers one request that came from `peer`.
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, peer: IpAddr, request: Request) -> impl Future<Output = Response> + Send;
}

/// Takes the address. A port that is in use is said so, with what to do.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on `{address}`; is another server running there? choose --listen")
    })
}

/// Serves until `stop` turns true, then lets requests under way finish, for a bounded time.
pub(crate) async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let room = Arc::new(Room::default());
    let mut connections = JoinSet::new();
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stopped(&mut stop) => break,
        };
        let Ok(slot) = slot else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (handler, stop) = (Arc::clone(&handler), stop.clone());
                let room = Arc::clone(&room);
                connections.spawn(async move {
                    connection(stream, peer.ip(), handler, room, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: others must close before accepting works again.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), drained)
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way at the end and were cut off");
    }
}

/// Until a stop is asked for, or whoever could ask is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn connection<H: Handler>(
    stream: TcpStream,
    peer: IpAddr,
    handler: Arc<H>,
    room: Arc<Room>,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and awaited: Nagle's algorithm would only delay them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| {
        let (handler, room) = (Arc::clone(&handler), Arc::clone(&room));
        async move { Ok::<_, Infallible>(answer(&*handler, peer, &room, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_READ_SECONDS_MAX))
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer<H: Handler>(
    handler: &H,
    peer: IpAddr,
    room: &Room,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let held = match room.read(body).await {
        Ok(held) => held,
        Err(refusal) => return encode(refusal.answer()),
    };
    let uri = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut call = Request::new(parts.method, uri);
    call.headers = parts.headers;
    call.body = held.bytes;
    let response = handler.handle(peer, call).await;
    drop(held.room);
    encode(response)
}

fn encode(response: Response) -> hyper::Response<Full<Bytes>> {
    let status = hyper::StatusCode::from_u16(response.status)
        .unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = hyper::Response::new(Full::new(response.body));
    *answer.status_mut() = status;
    *answer.headers_mut() = response.headers;
    answer
}
