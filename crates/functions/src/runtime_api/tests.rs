//! The server over a socket, as a runtime of any kind would use it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::sandbox::listener::Admission;
use crate::sandbox::peer::Owner;

/// Sends one request, answers the call it makes (if it makes one) with 202, and returns the
/// call and the whole answer.
async fn exchange(request: &str) -> (Option<CallKind>, String) {
    let (listener, admission) = Listener::on_host().await.unwrap();
    let mut server = Server::start(listener);
    // The test is the runtime.
    let init = std::process::id();
    let _ = admission.send(Admission::Owner(Owner { init }));
    let address = server.address.to_string();
    let request = request.replace("HOST", &address).replace('\n', "\r\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let call = tokio::select! {
        Some(Call { kind, reply }) = server.calls.recv() => {
            reply.send(accepted()).unwrap();
            stream.read_to_string(&mut answer).await.unwrap();
            Some(kind)
        }
        _ = stream.read_to_string(&mut answer) => None,
    };
    (call, answer)
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\nHost: HOST\nConnection: close\nContent-Length: {length}\n\n{body}"
    )
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\n{headers}Connection: close\n\n")
}

fn of(body: Body, error_type: Option<&str>) -> Posted {
    Posted {
        body,
        error_type: error_type.map(str::to_owned),
    }
}

fn whole(text: &'static str) -> Posted {
    of(Body::Whole(text.into()), None)
}

#[tokio::test]
async fn calls_are_told_apart() {
    let streamed = "POST /2018-06-01/runtime/invocation/7/response HTTP/1.1\nHost: HOST\n\
                    Connection: close\nTransfer-Encoding: chunked\n\
                    Trailer: Lambda-Runtime-Function-Error-Type\n\n2\nab\n1\nc\n0\n";
    let cases = [
        (
            get("/2018-06-01/runtime/invocation/next", "Host: HOST\n"),
            CallKind::Next,
        ),
        (
            post("/2018-06-01/runtime/invocation/7/response", "{}"),
            CallKind::Response {
                request_id: "7".into(),
                posted: whole("{}"),
            },
        ),
        (
            post("/2018-06-01/runtime/invocation/7/response", ""),
            CallKind::Response {
                request_id: "7".into(),
                posted: whole(""),
            },
        ),
        (
            post("/2018-06-01/runtime/invocation/7/error", "{}"),
            CallKind::Error {
                request_id: "7".into(),
                posted: whole("{}"),
            },
        ),
        (
            post("/2018-06-01/runtime/init/error", "{}"),
            CallKind::InitError(whole("{}")),
        ),
        (
            post("/2018-06-01/runtime/init/error", "{}").replace(
                "Connection",
                "Lambda-Runtime-Function-Error-Type: Runtime.Bad\nConnection",
            ),
            CallKind::InitError(of(Body::Whole("{}".into()), Some("Runtime.Bad"))),
        ),
        (
            format!("{streamed}\n"),
            CallKind::Response {
                request_id: "7".into(),
                posted: whole("abc"),
            },
        ),
        (
            format!(
                "{streamed}Lambda-Runtime-Function-Error-Type: Broke\n\
                 Lambda-Runtime-Function-Error-Body: eyJhIjoxfQ==\n\n"
            ),
            CallKind::Response {
                request_id: "7".into(),
                posted: of(Body::Broken("{\"a\":1}".into()), None),
            },
        ),
    ];
    for (request, expected) in cases {
        let (call, answer) = exchange(&request).await;
        assert_eq!(call, Some(expected), "{request}");
        assert!(answer.starts_with("HTTP/1.1 202 "), "{request}: {answer}");
        assert!(
            answer.ends_with("{\"status\":\"OK\"}\n"),
            "{request}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_call_of_this_runtime_is_refused() {
    let next = "/2018-06-01/runtime/invocation/next";
    let cases = [
        (
            get("/2020-01-01/extension/event/next", "Host: HOST\n"),
            "404",
            "NotFound",
        ),
        (
            get("/2018-06-01/runtime/restore/next", "Host: HOST\n"),
            "404",
            "NotFound",
        ),
        (
            post("/2018-06-01/runtime/restore/error", "{}"),
            "404",
            "NotFound",
        ),
        (
            get("/2018-06-01/runtime/invocation/7/response", "Host: HOST\n"),
            "405",
            "MethodNotAllowed",
        ),
        (
            post("/2018-06-01/runtime/invocation/next", ""),
            "405",
            "MethodNotAllowed",
        ),
        (get("/", "Host: HOST\n"), "404", "NotFound"),
        // What a browser would send, from a page of its own name or of one that points here.
        (
            get(next, "Host: HOST\nOrigin: http://evil.example\n"),
            "403",
            "AccessDenied",
        ),
        (
            get(next, "Host: HOST\nOrigin: null\n"),
            "403",
            "AccessDenied",
        ),
        (
            get(next, "Host: HOST\nSec-Fetch-Site: cross-site\n"),
            "403",
            "AccessDenied",
        ),
        (get(next, "Host: evil.example\n"), "403", "AccessDenied"),
        (get(next, "Host: localhost\n"), "403", "AccessDenied"),
        (get(next, ""), "403", "AccessDenied"),
    ];
    for (request, status, error_type) in cases {
        let (call, answer) = exchange(&request).await;
        assert_eq!(call, None, "{request}");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        assert!(
            answer.contains(&format!("\"errorType\":\"{error_type}\"")),
            "{request}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_body_over_the_bound_is_read_and_not_kept() {
    let path = "/2018-06-01/runtime/invocation/7/response";
    let too_large = || Posted {
        body: Body::TooLarge,
        error_type: None,
    };
    let (call, _) = exchange(&post(path, &"x".repeat(RESPONSE_BYTES_MAX + 1))).await;
    assert_eq!(
        call,
        Some(CallKind::Response {
            request_id: "7".into(),
            posted: too_large()
        })
    );
    let (answer, told) = too_large().into_answer();
    let body = answer.unwrap_err().payload;
    assert!(body.ends_with(b"\"errorType\":\"Function.ResponseSizeTooLarge\"}"));
    assert_eq!(told.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn an_event_carries_its_headers() {
    let answer = deliver(Event {
        request_id: "id",
        deadline_ms: 1_700_000_000_123,
        invoked_arn: "arn:live",
        trace_id: "Root=1-2-3",
        client_context: Some("{\"custom\":\n\"é\"}"),
        payload: Bytes::from_static(b"{}"),
    });
    let cases = [
        ("lambda-runtime-aws-request-id", "id"),
        ("lambda-runtime-deadline-ms", "1700000000123"),
        ("lambda-runtime-invoked-function-arn", "arn:live"),
        ("lambda-runtime-trace-id", "Root=1-2-3"),
        ("lambda-runtime-client-context", "{\"custom\": \"é\"}"),
        ("content-type", "application/json"),
    ];
    for (name, value) in cases {
        assert_eq!(
            answer.headers()[name].as_bytes(),
            value.as_bytes(),
            "{name}"
        );
    }
    assert_eq!(answer.status(), StatusCode::OK);
}

/// However many connections post, only so much is in memory until the owner takes it.
#[tokio::test]
async fn bodies_wait_for_each_other() {
    let (listener, admission) = Listener::on_host().await.unwrap();
    let mut server = Server::start(listener);
    let init = std::process::id();
    let _ = admission.send(Admission::Owner(Owner { init }));
    let request = post("/2018-06-01/runtime/invocation/7/response", "{}")
        .replace("HOST", &server.address.to_string())
        .replace('\n', "\r\n");
    let mut streams = Vec::new();
    for _ in 0..BODIES_MAX + 1 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let mut taken = Vec::new();
    for _ in 0..BODIES_MAX {
        taken.push(server.calls.recv().await.unwrap());
    }
    let soon = Duration::from_millis(200);
    assert!(
        tokio::time::timeout(soon, server.calls.recv())
            .await
            .is_err()
    );
    let _ = taken.pop().unwrap().reply.send(accepted());
    assert!(server.calls.recv().await.is_some());
}
