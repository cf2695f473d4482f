//! Reading the bodies of requests, within bounds: of one, and of all that are held.

use std::sync::Arc;
use std::time::Duration;

use aws::door::Response;
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body's bytes: Lambda's limit for CreateFunction, the largest of any request we take.
pub(super) const BODY_BYTES_MAX: usize = 70_167_211;
/// Bytes of all bodies that are held at once. Anyone who reaches the port can send them, signed or
/// not, before it is known who it is: room for seven of the largest, or for 8,192 connections with
/// 64 KB each.
const BODIES_BYTES_MAX: usize = 512 * 1024 * 1024;
/// A client that sends its body slower than this is cut off: the largest takes 230 KB/s.
const READ_SECONDS_MAX: u64 = 300;

/// The room for the bodies of all requests.
pub(super) struct Room {
    bytes: Arc<Semaphore>,
}

/// A body, and the room it takes until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    pub bytes: Bytes,
    /// `None` of an empty body.
    pub room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    TooLarge,
    /// Other bodies take all the room.
    NoRoom,
    TooSlow,
    Broken,
}

impl Refusal {
    pub(super) fn answer(self) -> Response {
        let (status, text) = match self {
            Refusal::TooLarge => return too_large(),
            Refusal::NoRoom => (
                503,
                "the bodies of other requests take all the room there is: try again",
            ),
            Refusal::TooSlow => (408, "the request body came too slowly"),
            Refusal::Broken => (400, "the request body could not be read to its end"),
        };
        Response::new(status, text)
    }
}

/// Lambda's error: whoever sends that much sends a package.
fn too_large() -> Response {
    let code = "RequestEntityTooLargeException";
    let message = format!("Request must be smaller than {BODY_BYTES_MAX} bytes");
    let text = format!(r#"{{"__type":"{code}","Type":"User","message":"{message}"}}"#);
    let mut response = Response::new(413, text);
    let json = HeaderValue::from_static("application/json");
    response.headers.insert(CONTENT_TYPE, json);
    let code = HeaderValue::from_static(code);
    response.headers.insert("x-amzn-errortype", code);
    response
}

impl Default for Room {
    fn default() -> Room {
        Room::of(BODIES_BYTES_MAX)
    }
}

impl Room {
    fn of(bytes: usize) -> Room {
        Room {
            bytes: Arc::new(Semaphore::new(bytes)),
        }
    }

    /// Reads a whole body.
    pub(super) async fn read<B>(&self, body: B) -> Result<Held, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        // Who says beforehand that it is too large is told at once, and keeps the body.
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(Refusal::TooLarge);
        }
        let limit = Duration::from_secs(READ_SECONDS_MAX);
        let read = tokio::time::timeout(limit, self.read_whole(body)).await;
        read.unwrap_or(Err(Refusal::TooSlow))
    }

    async fn read_whole<B>(&self, mut body: B) -> Result<Held, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let mut held = Held {
            bytes: Bytes::new(),
            room: None,
        };
        // Most bodies are one frame, which is taken as it is.
        let mut more = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                tracing::debug!(%error, "a request body could not be read");
                Refusal::Broken
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if held.bytes.len() + more.len() + data.len() > BODY_BYTES_MAX {
                return Err(Refusal::TooLarge);
            }
            self.take(data.len(), &mut held.room)?;
            if held.bytes.is_empty() {
                held.bytes = data;
            } else {
                more.extend_from_slice(&data);
            }
        }
        if !more.is_empty() {
            held.bytes = [&*held.bytes, &*more].concat().into();
        }
        Ok(held)
    }

    /// Adds to the room that a body takes.
    fn take(&self, bytes: usize, room: &mut Option<OwnedSemaphorePermit>) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::TooLarge)?;
        let taken = Arc::clone(&self.bytes).try_acquire_many_owned(bytes);
        let taken = taken.map_err(|_| Refusal::NoRoom)?;
        match room {
            Some(room) => room.merge(taken),
            None => *room = Some(taken),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
