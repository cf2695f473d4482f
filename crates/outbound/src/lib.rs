//! The one HTTP client for everything that leaves the server.
//!
//! Where a request goes is often chosen by a caller, so the client is built against being used to
//! reach what only the server can reach: a host is resolved once, every one of its addresses must
//! be public (or allowed by a setting), and the connection goes to one of the checked addresses.
//! Redirects are not followed, proxies of the environment are not used, and time and size are
//! bounded.
//!
//! ```
//! # fn main() -> Result<(), outbound::Error> {
//! let client = outbound::Client::new(&["keys.example.internal", "10.1.0.0/16"], &[])?;
//! let request = outbound::Request::get("https://keys.example.internal/jwks", 65_536);
//! let fetched = outbound::Fetch::fetch(&client, request);
//! # drop(fetched);
//! # Ok(())
//! # }
//! ```

mod address;
mod client;
mod tls;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

pub use address::is_public;
pub use client::{Client, Resolve};
pub use tls::Thumbprint;

/// A future that a trait object answers with.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends requests out of the server. [`Client`] does; tests put something of their own here.
pub trait Fetch: Send + Sync {
    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`Error`]: there is no answer.
    fn fetch(&self, request: Request) -> Later<'_, Result<Response, Error>>;
}

/// A request and what its answer may cost.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// With `http` or `https`; a name and a password in it are refused.
    pub url: String,
    /// `Host` and the headers that frame the body are set by the client.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From resolving the host to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes the answer's body may have.
    pub body_bytes_max: usize,
    /// Certificates that are trusted although no authority vouches for them.
    pub thumbprints: Vec<Thumbprint>,
}

impl Request {
    /// Time for a request that a caller waits for.
    const TIMEOUT: Duration = Duration::from_secs(10);

    /// A GET for a small document that a caller waits for.
    #[must_use]
    pub fn get(url: impl Into<String>, body_bytes_max: usize) -> Request {
        Request {
            method: Method::GET,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Request::TIMEOUT,
            body_bytes_max,
            thumbprints: Vec::new(),
        }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Of the last certificate that the server showed; `None` without TLS.
    pub thumbprint: Option<Thumbprint>,
}

/// Why there is no answer. Texts name the host only: paths and queries may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the URL can't be called: {reason}")]
    Url { reason: String },
    #[error("`{0}` is neither a host, an address nor a network (`10.1.0.0/16`)")]
    Allowed(String),
    #[error("the file of certificate authorities can't be read: {0}")]
    Authorities(String),
    #[error("the host `{host}` can't be resolved: {reason}")]
    Resolve { host: String, reason: String },
    #[error(
        "the host `{host}` is at `{address}`, which is not a public address: to call it, add the \
         host or its network to the setting `outbound_allow`"
    )]
    Forbidden { host: String, address: IpAddr },
    #[error("the host `{host}` can't be reached: {reason}")]
    Connect { host: String, reason: String },
    /// The host's certificate is not trusted.
    #[error("the certificate of `{host}` is not trusted: {reason}")]
    Certificate { host: String, reason: String },
    #[error("the host `{host}` gave no whole answer within {timeout_ms} ms")]
    Timeout { host: String, timeout_ms: u128 },
    #[error("the answer of `{host}` is larger than {bytes_max} bytes")]
    TooLarge { host: String, bytes_max: usize },
    #[error("the host `{host}` does not speak HTTP: {reason}")]
    Http { host: String, reason: String },
}
