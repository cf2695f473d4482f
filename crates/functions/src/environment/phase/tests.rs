use hyper::StatusCode;
use tokio::sync::oneshot;

use super::*;
use crate::runtime_api::{Answer, Body, Posted};

fn call(kind: CallKind) -> (Call, oneshot::Receiver<Answer>) {
    let (reply, answer) = oneshot::channel();
    (Call { kind, reply }, answer)
}

fn posted(text: &'static str) -> Posted {
    Posted {
        body: Body::Whole(text.into()),
        error_type: None,
    }
}

fn next() -> CallKind {
    CallKind::Next
}

fn response(id: &str) -> CallKind {
    CallKind::Response {
        request_id: id.into(),
        posted: posted("1"),
    }
}

fn error(id: &str) -> CallKind {
    CallKind::Error {
        request_id: id.into(),
        posted: posted("2"),
    }
}

fn init_error() -> CallKind {
    CallKind::InitError(posted("3"))
}

fn phase(name: &str) -> Phase {
    let waiting = || oneshot::channel().0;
    match name {
        "Started" => Phase::Init,
        // The receiver is gone: the connection of that call broke.
        "Ready, broken" => Phase::Ready(waiting()),
        "Running" => Phase::Running {
            request_id: "7".into(),
        },
        "RuntimeResponseSent" => Phase::Answered,
        other => panic!("{other}"),
    }
}

/// Phase, call, what the owner learns, what the runtime is told.
#[test]
fn the_legal_calls_of_a_runtime() {
    let cases: Vec<(&str, CallKind, &str, Option<u16>)> = vec![
        ("Started", next(), "ready", None),
        ("Started", init_error(), "init failed", Some(202)),
        ("Started", response("7"), "nothing", Some(400)),
        ("Ready, broken", next(), "ready", None),
        ("Ready, broken", response("7"), "nothing", Some(400)),
        ("Running", response("7"), "answered", Some(202)),
        ("Running", error("7"), "error", Some(202)),
        ("Running", response("8"), "nothing", Some(400)),
        ("Running", error("8"), "nothing", Some(400)),
        ("Running", next(), "nothing", Some(403)),
        ("Running", init_error(), "nothing", Some(403)),
        ("RuntimeResponseSent", next(), "ready", None),
        // A second answer.
        ("RuntimeResponseSent", response("7"), "nothing", Some(400)),
        ("RuntimeResponseSent", error("7"), "nothing", Some(400)),
        ("RuntimeResponseSent", init_error(), "nothing", Some(403)),
    ];
    for (from, kind, expected, status) in cases {
        let what = format!("{from}: {kind:?}");
        let mut phase = phase(from);
        let (call, mut answer) = call(kind);
        let learnt = match phase.step(call) {
            None => "nothing",
            Some(Milestone::Ready) => "ready",
            Some(Milestone::Answered(Ok(_))) => "answered",
            Some(Milestone::Answered(Err(_))) => "error",
            Some(Milestone::Ended(Cause::InitFailed(_))) => "init failed",
            Some(Milestone::Ended(_)) => "ended",
        };
        assert_eq!(learnt, expected, "{what}");
        let told = answer.try_recv().ok().map(|answer| answer.status());
        assert_eq!(
            told,
            status.map(|code| StatusCode::from_u16(code).unwrap()),
            "{what}"
        );
    }
}

#[test]
fn a_runtime_that_waits_cannot_wait_twice() {
    let (first, kept) = call(next());
    let mut phase = Phase::Ready(first.reply);
    let (second, mut answer) = call(next());
    assert!(phase.step(second).is_none());
    assert_eq!(answer.try_recv().unwrap().status(), StatusCode::FORBIDDEN);
    drop(kept);
}
