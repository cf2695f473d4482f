use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi";

/// A server that answers every connection with the same bytes; how often it was connected to.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: &'static [u8], tls: Option<ServerConfig>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, answer).await,
                        Some(config) => {
                            let acceptor = TlsAcceptor::from(Arc::new(config));
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, answer).await;
                            }
                        }
                    }
                });
            }
        });
        Server { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    if answer.is_empty() {
        // Never answers.
        std::future::pending::<()>().await;
    }
    let echo = answer == b"echo";
    let body = if echo { head.as_slice() } else { answer };
    if echo {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).await;
    }
    let _ = stream.write_all(body).await;
    let _ = stream.shutdown().await;
}

fn request(url: String) -> Request {
    Request {
        timeout: Duration::from_secs(5),
        ..Request::get(url, 1_000)
    }
}

/// Certificates of a server, and what a client may trust them by.
struct Chain {
    config: ServerConfig,
    authority_pem: String,
    top: Thumbprint,
}

struct Kind {
    name: &'static str,
    is_over: bool,
    is_self_signed: bool,
}

fn chain(kind: &Kind) -> Chain {
    let mut leaf = CertificateParams::new(vec![kind.name.to_owned()]).unwrap();
    if kind.is_over {
        leaf.not_before = rcgen::date_time_ymd(2000, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(2001, 1, 1);
    }
    let leaf_key = KeyPair::generate().unwrap();
    let (shown, authority) = if kind.is_self_signed {
        let certificate = leaf.self_signed(&leaf_key).unwrap();
        (vec![certificate.der().clone()], certificate)
    } else {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        (vec![leaf.der().clone(), authority.der().clone()], authority)
    };
    let top = Thumbprint::of(shown.last().unwrap());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(shown, key)
        .unwrap();
    Chain {
        config,
        authority_pem: authority.pem(),
        top,
    }
}

#[tokio::test]
async fn a_certificate_is_trusted_by_an_authority_or_a_thumbprint() {
    let kind = Kind {
        name: "localhost",
        is_over: false,
        is_self_signed: false,
    };
    let foreign = || Kind {
        name: "elsewhere.test",
        ..kind
    };
    let over = || Kind {
        is_over: true,
        ..kind
    };
    let own = || Kind {
        is_self_signed: true,
        ..kind
    };
    let same = || Kind { ..kind };
    // The certificate; whether its authority is trusted, whether its thumbprint is; the answer.
    for (at, (kind, by_authority, by_thumbprint, is_trusted)) in [
        (same(), true, false, true),
        (same(), false, true, true),
        (same(), true, true, true),
        (same(), false, false, false),
        (foreign(), true, true, false),
        (over(), true, false, false),
        (over(), false, true, false),
        (own(), false, true, true),
        (own(), false, false, false),
    ]
    .into_iter()
    .enumerate()
    {
        let chain = chain(&kind);
        let server = Server::start(OK, Some(chain.config)).await;
        let pem = if by_authority {
            &*chain.authority_pem
        } else {
            ""
        };
        let client = Client::new(&["localhost"], pem.as_bytes()).unwrap();
        let other = Thumbprint([7; 20]);
        let thumbprints = vec![other, if by_thumbprint { chain.top } else { other }];
        let request = Request {
            thumbprints,
            ..request(format!("https://localhost:{}/", server.port))
        };
        match client.fetch(request).await {
            Ok(response) => {
                assert!(is_trusted, "{at}");
                assert_eq!(response.thumbprint, Some(chain.top), "{at}");
                assert_eq!(&response.body[..], b"hi");
            }
            Err(Error::Certificate { host, .. }) => {
                assert!(!is_trusted && host == "localhost", "{at}");
            }
            Err(error) => panic!("{at}: {error}"),
        }
    }
}

#[tokio::test]
async fn answers_are_taken_whole_or_not_at_all() {
    let kept = |text: String| -> &'static [u8] { Box::leak(text.into_bytes().into()) };
    // Hyper looks at the size of a head between two reads.
    let long_head = "x".repeat(4 * HEAD_BYTES_MAX);
    let long_head = kept(format!("HTTP/1.1 200 OK\r\nx: {long_head}\r\n\r\n"));
    let long_body = kept(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_001)));
    let host = || "127.0.0.1".to_owned();
    let too_large = Error::TooLarge {
        host: host(),
        bytes_max: 1_000,
    };
    let timeout = Error::Timeout {
        host: host(),
        timeout_ms: 300,
    };
    let http = Error::Http {
        host: host(),
        reason: String::new(),
    };
    let cases: Vec<(&'static [u8], Result<u16, &Error>)> = vec![
        (OK, Ok(200)),
        (b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", Ok(404)),
        (
            // Followed, it would be another connection.
            b"HTTP/1.1 302 Found\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n",
            Ok(302),
        ),
        (long_body, Err(&too_large)),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            Ok(200),
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
            Err(&http),
        ),
        (long_head, Err(&http)),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Err(&http)),
        (b"", Err(&timeout)),
    ];
    for (answer, expected) in cases {
        let server = Server::start(answer, None).await;
        let client = Client::new(&["127.0.0.0/8"], b"").unwrap();
        let mut request = request(format!("http://127.0.0.1:{}/a", server.port));
        if answer.is_empty() {
            request.timeout = Duration::from_millis(300);
        }
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        match (client.fetch(request).await, expected) {
            (Ok(response), Ok(status)) => assert_eq!(response.status, status, "{shown}"),
            (Err(Error::Http { host: h, .. }), Err(Error::Http { .. })) => {
                assert_eq!(h, host(), "{shown}");
            }
            (Err(error), Err(expected)) => assert_eq!(error, *expected, "{shown}"),
            (given, expected) => panic!(
                "{shown}: {:?}, expected {expected:?}",
                given.map(|g| g.status)
            ),
        }
        assert_eq!(server.connections(), 1, "{shown}");
    }
}

#[tokio::test]
async fn the_client_frames_the_request_itself() {
    let server = Server::start(b"echo", None).await;
    let client = Client::new(&["localhost"], b"").unwrap();
    let mut sent = request(format!("http://localhost:{}?q=1", server.port));
    sent.method = http::Method::POST;
    sent.body = Bytes::from_static(b"body");
    for (name, value) in [
        ("host", "evil"),
        ("content-length", "99"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("x-own", "1"),
    ] {
        sent.headers.insert(name, HeaderValue::from_static(value));
    }
    let echo = client.fetch(sent).await.unwrap().body;
    let echo = String::from_utf8_lossy(&echo).to_lowercase();
    assert!(echo.starts_with("post /?q=1 http/1.1\r\n"), "{echo}");
    assert!(echo.contains(&format!("\r\nhost: localhost:{}\r\n", server.port)));
    assert!(echo.contains("\r\ncontent-length: 4\r\n"), "{echo}");
    assert!(echo.contains("\r\nx-own: 1\r\n") && echo.contains("\r\nuser-agent: lockstep/"));
    for gone in ["evil", "length: 99", "chunked", "upgrade"] {
        assert!(!echo.contains(gone), "{gone}: {echo}");
    }
}

/// Every way to write this machine's address ends before a connection.
#[tokio::test]
async fn what_is_not_public_is_not_called() {
    let server = Server::start(OK, None).await;
    let client = Client::new::<&str>(&[], b"").unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0x0.0x0.0x1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "\u{ff11}27.0.0.1",
        "1.1.1.1@127.0.0.1",
        "1.1.1.1:80@127.0.0.1",
        "1.1.1.1\\@127.0.0.1",
        "127.0.0.1#.example.com",
    ] {
        let url = format!("http://{host}:{}/", server.port);
        let error = client.fetch(request(url)).await.err();
        let known = matches!(
            error,
            Some(Error::Forbidden { .. } | Error::Resolve { .. } | Error::Url { .. })
        );
        assert!(known, "{host}: {error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_is_no_url_for_a_client_is_refused() {
    let client = Client::new::<&str>(&[], b"").unwrap();
    let long = format!("https://example.com/{}", "x".repeat(URL_CHARACTERS_MAX));
    for url in [
        "",
        "/a",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https://:443/",
        "https://a:b@example.com/",
        "https://a@example.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://example.com/\r\nhost: a",
        "https://exa mple.com/",
        &long,
    ] {
        let error = client.fetch(request(url.to_owned())).await.err();
        assert!(matches!(error, Some(Error::Url { .. })), "{url}: {error:?}");
    }
}

/// Answers with one list after the other.
struct Stub {
    lists: Vec<Vec<&'static str>>,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Stub {
    fn resolve<'a>(&'a self, _: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>> {
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let list = self.lists[at % self.lists.len()].iter();
        let addresses = list.map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(addresses) })
    }
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_called() {
    let server = Server::start(OK, None).await;
    let fetch = async |allow: &[&str], lists: Vec<Vec<&'static str>>| {
        let asked = Arc::new(AtomicUsize::new(0));
        let stub = Stub {
            lists,
            asked: Arc::clone(&asked),
        };
        let client = Client::new(allow, b"")
            .unwrap()
            .with_resolver(Box::new(stub));
        let answer = client
            .fetch(request(format!("http://a.test:{}/", server.port)))
            .await;
        (answer.map(|a| a.status), asked.load(Ordering::SeqCst))
    };
    // Asked again, the host would be at an address that is forbidden.
    let rebound = vec![vec!["127.0.0.1"], vec!["169.254.169.254"]];
    assert_eq!(fetch(&["127.0.0.1"], rebound).await, (Ok(200), 1));
    // One that answers nowhere, then one that does.
    let second = vec![vec!["127.0.0.9", "127.0.0.1"]];
    assert_eq!(fetch(&["a.test"], second).await, (Ok(200), 1));
    let calls = server.connections();
    let forbidden = |address: &str| Error::Forbidden {
        host: "a.test".to_owned(),
        address: address.parse().unwrap(),
    };
    for (list, address) in [
        (vec!["127.0.0.1"], "127.0.0.1"),
        (vec!["1.1.1.1", "127.0.0.1"], "127.0.0.1"),
        (vec!["127.0.0.1", "1.1.1.1"], "127.0.0.1"),
        (vec!["::ffff:127.0.0.1"], "::ffff:127.0.0.1"),
    ] {
        assert_eq!(fetch(&[], vec![list]).await, (Err(forbidden(address)), 1));
    }
    let (nowhere, _) = fetch(&[], vec![vec![]]).await;
    assert!(matches!(nowhere, Err(Error::Resolve { .. })), "{nowhere:?}");
    assert_eq!(server.connections(), calls);
}
