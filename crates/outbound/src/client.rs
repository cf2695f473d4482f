//! The client: one connection for one request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;

use crate::address::Allowed;
use crate::{Error, Fetch, Later, Request, Response, Thumbprint, tls};

/// Requests under way at once; more wait, within their time.
const REQUESTS_MAX: usize = 256;
/// Addresses of one host that are looked at; AWS's own hosts have no more than eight.
const ADDRESSES_MAX: usize = 32;
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Characters of a URL: what browsers take.
const URL_CHARACTERS_MAX: usize = 8_192;

/// Finds the addresses of a host.
pub trait Resolve: Send + Sync {
    /// Its addresses; empty if it has none.
    ///
    /// # Errors
    /// When the host does not exist or nobody can tell.
    fn resolve<'a>(&'a self, host: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.take(ADDRESSES_MAX).map(|a| a.ip()).collect())
        })
    }
}

/// Sends requests to public addresses, and to others that the settings allow.
pub struct Client {
    resolver: Box<dyn Resolve>,
    allowed: Allowed,
    own_authorities: Vec<CertificateDer<'static>>,
    /// Read at the first use: a machine may have some hundred of them.
    authorities: OnceCell<Arc<RootCertStore>>,
    requests: Semaphore,
}

/// Where a URL leads.
struct Target {
    host: String,
    port: u16,
    is_tls: bool,
    authority: Authority,
    /// Path and query.
    path: String,
}

impl Client {
    /// A client that may call, beside what is public, the hosts, addresses and networks of
    /// `allow`, and trusts, beside the machine's authorities, those of the PEM text
    /// `authorities`.
    ///
    /// # Errors
    /// [`Error::Allowed`] and [`Error::Authorities`].
    pub fn new<S: AsRef<str>>(allow: &[S], authorities: &[u8]) -> Result<Client, Error> {
        Ok(Client {
            resolver: Box::new(System),
            allowed: Allowed::parse(allow)?,
            own_authorities: tls::certificates(authorities)?,
            authorities: OnceCell::new(),
            requests: Semaphore::new(REQUESTS_MAX),
        })
    }

    /// The same client with another way to find addresses.
    #[must_use]
    pub fn with_resolver(self, resolver: Box<dyn Resolve>) -> Client {
        Client { resolver, ..self }
    }

    async fn send(&self, target: &Target, request: Request) -> Result<Response, Error> {
        let connect = |reason: &dyn ToString| Error::Connect {
            host: target.host.clone(),
            reason: reason.to_string(),
        };
        let permit = self.requests.acquire().await;
        let _permit = permit.map_err(|error| connect(&error))?;
        let stream = self.connect(target).await?;
        if !target.is_tls {
            return exchange(stream, target, request, None).await;
        }
        let authorities = self.authorities().await.map_err(|e| connect(&e))?;
        let config = tls::config(&authorities, request.thumbprints.clone());
        let config = config.map_err(|error| connect(&error))?;
        let name = ServerName::try_from(target.host.clone()).map_err(|e| connect(&e))?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(|error| {
            match error.get_ref().and_then(|e| e.downcast_ref()) {
                Some(rustls::Error::InvalidCertificate(reason)) => Error::Certificate {
                    host: target.host.clone(),
                    reason: reason.to_string(),
                },
                _ => connect(&error),
            }
        })?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let thumbprint = chain.last().map(|top| Thumbprint::of(top));
        exchange(stream, target, request, thumbprint).await
    }

    /// Connects to the first address that takes it, once all have been checked.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Error> {
        let host = &target.host;
        let resolve = |reason: String| Error::Resolve {
            host: host.clone(),
            reason,
        };
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let found = self.resolver.resolve(host).await;
                found.map_err(|error| resolve(error.to_string()))?
            }
        };
        let checked = self.allowed.check(host, &addresses);
        checked.map_err(|address| Error::Forbidden {
            host: host.clone(),
            address,
        })?;
        let mut failure = resolve("it has no address".to_owned());
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(address, target.port)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    failure = Error::Connect {
                        host: host.clone(),
                        reason: error.to_string(),
                    };
                }
            }
        }
        Err(failure)
    }

    async fn authorities(&self) -> Result<Arc<RootCertStore>, tokio::task::JoinError> {
        let read = async || {
            let own = self.own_authorities.clone();
            let store = tokio::task::spawn_blocking(move || tls::authorities(&own)).await?;
            Ok(Arc::new(store))
        };
        self.authorities.get_or_try_init(read).await.cloned()
    }
}

impl Fetch for Client {
    fn fetch(&self, request: Request) -> Later<'_, Result<Response, Error>> {
        Box::pin(async move {
            let target = target(&request.url)?;
            let timeout = request.timeout;
            match tokio::time::timeout(timeout, self.send(&target, request)).await {
                Ok(answered) => answered,
                Err(_) => Err(Error::Timeout {
                    host: target.host,
                    timeout_ms: timeout.as_millis(),
                }),
            }
        })
    }
}

fn target(url: &str) -> Result<Target, Error> {
    let refused = |reason: &str| Error::Url {
        reason: reason.to_owned(),
    };
    if url.len() > URL_CHARACTERS_MAX {
        return Err(refused("it is too long"));
    }
    let uri: Uri = url.parse().map_err(|_| refused("it is not a URL"))?;
    let parts = uri.into_parts();
    let is_tls = match parts.scheme {
        Some(scheme) if scheme == Scheme::HTTPS => true,
        Some(scheme) if scheme == Scheme::HTTP => false,
        _ => return Err(refused("it begins with neither `https://` nor `http://`")),
    };
    let authority = parts.authority.ok_or_else(|| refused("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(refused("it holds a name or a password"));
    }
    // An IPv6 address stands in brackets.
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host = bare.unwrap_or(host).to_owned();
    if host.is_empty() {
        return Err(refused("it names no host"));
    }
    let has_port = authority.as_str().len() > authority.host().len();
    let port = match authority.port_u16() {
        Some(0) => return Err(refused("port 0 can't be called")),
        Some(port) => port,
        None if has_port => return Err(refused("its port is not a number up to 65535")),
        None if is_tls => 443,
        None => 80,
    };
    let path = parts.path_and_query;
    let path = path.as_ref().map_or("/", |path| path.as_str());
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    Ok(Target {
        host,
        port,
        is_tls,
        authority,
        path,
    })
}

/// Sends the request over a connection and reads the answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    request: Request,
    thumbprint: Option<Thumbprint>,
) -> Result<Response, Error> {
    let http = |error: hyper::Error| Error::Http {
        host: target.host.clone(),
        reason: error.to_string(),
    };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .map_err(http)?;
    let answered = async {
        let response = sender.send_request(outgoing(target, &request)?).await;
        let (parts, body) = response.map_err(http)?.into_parts();
        let body = Limited::new(body, request.body_bytes_max).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => http(*error),
            Err(error) => {
                debug_assert!(error.is::<LengthLimitError>(), "the other error of Limited");
                Error::TooLarge {
                    host: target.host.clone(),
                    bytes_max: request.body_bytes_max,
                }
            }
        })?;
        Ok(Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.to_bytes(),
            thumbprint,
        })
    };
    // The connection is driven here and ends with the request: nothing outlives the caller. What
    // it fails with, the request fails with as well.
    tokio::pin!(answered);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        _ended = connection => answered.await,
    }
}

fn outgoing(target: &Target, request: &Request) -> Result<http::Request<Full<Bytes>>, Error> {
    let unfit = |_| Error::Url {
        reason: "it does not fit into a request".to_owned(),
    };
    let mut outgoing = http::Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = target.path.parse().map_err(unfit)?;
    *outgoing.headers_mut() = request.headers.clone();
    let headers = outgoing.headers_mut();
    for framing in [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(framing);
    }
    let host = HeaderValue::from_str(target.authority.as_str());
    let host = host.map_err(|_| Error::Url {
        reason: "its host can't stand in a header".to_owned(),
    })?;
    headers.insert(header::HOST, host);
    let agent = HeaderValue::from_static(concat!("lockstep/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(agent);
    Ok(outgoing)
}

#[cfg(test)]
mod tests;
