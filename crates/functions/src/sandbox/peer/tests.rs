use std::net::{TcpListener, TcpStream};
use std::process;

use super::*;

#[tokio::test]
async fn a_connection_belongs_to_the_process_that_made_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    let stream = TcpStream::connect(here).unwrap();
    let (_accepted, peer) = listener.accept().unwrap();
    assert_eq!(peer, stream.local_addr().unwrap());

    let ours = Owner {
        init: process::id(),
    };
    assert!(ours.holds(peer, here).await);
    let mut other = process::Command::new("sleep").arg("60").spawn().unwrap();
    assert!(!Owner { init: other.id() }.holds(peer, here).await);
    other.kill().unwrap();
    other.wait().unwrap();
    // No such connection.
    assert!(!ours.holds("127.0.0.2:1".parse().unwrap(), here).await);
    assert!(!ours.holds("127.0.0.1:1".parse().unwrap(), here).await);
    assert!(!ours.holds("[::1]:1".parse().unwrap(), here).await);
}

#[test]
fn the_kernels_table_is_read() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  \
                 timeout inode\n   0: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 \
                 00000000  1000        0 4711 1 0000000000000000 20 4 30 10 -1\n";
    let end = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    if cfg!(target_endian = "little") {
        assert_eq!(inode(table, end(0x1F90), end(0xC001)), Some("4711"));
    }
    assert_eq!(inode(table, end(0xC001), end(0x1F90)), None);
}
