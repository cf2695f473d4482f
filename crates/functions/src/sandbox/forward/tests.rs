use std::os::fd::OwnedFd;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[test]
fn endpoints_that_can_be_passed_on() {
    let cases = [
        ("http://127.0.0.1:8083", Some(("127.0.0.1:8083", 8083))),
        ("http://0.0.0.0:80/", Some(("0.0.0.0:80", 80))),
        (
            "http://lockstep.internal:8083",
            Some(("lockstep.internal:8083", 8083)),
        ),
        ("https://lockstep.internal:8083", None),
        ("http://127.0.0.1", None),
        ("", None),
    ];
    for (url, expected) in cases {
        let found = Endpoint::of(url);
        let found = found
            .as_ref()
            .map(|end| (end.real.as_str(), end.inside.port()));
        assert_eq!(found, expected, "{url}");
    }
}

#[tokio::test]
async fn bytes_go_both_ways() {
    let real = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = inside.local_addr().unwrap();
    let task = start(
        OwnedFd::from(inside),
        real.local_addr().unwrap().to_string(),
    )
    .unwrap();
    let mut function = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = real.accept().await.unwrap();
    function.write_all(b"ping").await.unwrap();
    let mut bytes = [0; 4];
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ping");
    server.write_all(b"pong").await.unwrap();
    function.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"pong");
    drop(server);
    assert_eq!(function.read(&mut bytes).await.unwrap(), 0);
    task.abort();
}
