use http_body_util::{Full, StreamBody};
use hyper::body::Frame;

use super::*;

type Frames = Vec<Result<Frame<Bytes>, std::io::Error>>;

fn streamed(frames: Frames) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
    StreamBody::new(futures_util::stream::iter(frames))
}

fn frames(parts: &[&'static str]) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
    let frame = |part: &&'static str| Ok(Frame::data(Bytes::from_static(part.as_bytes())));
    streamed(parts.iter().map(frame).collect())
}

#[tokio::test]
async fn a_body_is_read_whole() {
    let room = Room::of(10);
    for (parts, whole) in [
        (&[][..], ""),
        (&["abc"], "abc"),
        (&["abc", "de", "", "f"], "abcdef"),
    ] {
        let held = room.read(frames(parts)).await.unwrap();
        assert_eq!(&*held.bytes, whole.as_bytes());
    }
    assert_eq!(room.bytes.available_permits(), 10);
}

#[tokio::test]
async fn all_bodies_together_have_so_much_room() {
    let room = Room::of(10);
    let first = room.read(frames(&["1234", "567"])).await.unwrap();
    let second = room.read(frames(&["abcd"])).await;
    assert_eq!(second.unwrap_err(), Refusal::NoRoom);
    let cut_off = room.read(frames(&["ab", "cd"])).await;
    assert_eq!(cut_off.unwrap_err(), Refusal::NoRoom);
    // What was refused takes no room, and what is dropped gives its room back.
    let third = room.read(frames(&["abc"])).await.unwrap();
    drop((first, third));
    assert_eq!(room.bytes.available_permits(), 10);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_breaks_off_is_refused() {
    let room = Room::default();
    let large = Full::new(Bytes::from(vec![0; BODY_BYTES_MAX + 1]));
    assert_eq!(room.read(large).await.unwrap_err(), Refusal::TooLarge);
    // As an AWS SDK understands it.
    let answer = Refusal::TooLarge.answer();
    let code = answer.header("x-amzn-errortype");
    assert_eq!(
        (answer.status, code),
        (413, Some("RequestEntityTooLargeException"))
    );
    assert!(String::from_utf8_lossy(&answer.body).contains("smaller than 70167211 bytes"));
    let broken: Frames = vec![
        Ok(Frame::data(Bytes::from_static(b"abc"))),
        Err(std::io::Error::other("gone")),
    ];
    assert_eq!(
        room.read(streamed(broken)).await.unwrap_err(),
        Refusal::Broken
    );
    assert_eq!(room.bytes.available_permits(), BODIES_BYTES_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let room = Room::of(10);
    let endless = StreamBody::new(futures_util::stream::pending::<Result<_, std::io::Error>>());
    assert_eq!(room.read(endless).await.unwrap_err(), Refusal::TooSlow);
}
