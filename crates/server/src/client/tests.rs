use super::*;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

/// Answers one connection with these bytes, and gives the request.
fn server(answer: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        // The bodies of these tests end with the head or shortly after it, in one packet.
        while !String::from_utf8_lossy(&request).contains("\r\n\r\n{") {
            let mut part = [0; 4096];
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the request ended early");
            request.extend_from_slice(&part[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (endpoint, served)
}

fn client(endpoint: &str) -> Result<Client, Error> {
    let server = Server {
        endpoint_url: Some(endpoint.to_owned()),
        region: None,
        profile: None,
    };
    Client::with(&server, &|name| {
        let value = match name {
            "AWS_ACCESS_KEY_ID" => "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY" => "secret",
            "AWS_SESSION_TOKEN" => "the-token",
            "AWS_DEFAULT_REGION" => "eu-west-3",
            _ => return None,
        };
        Some(value.to_owned())
    })
}

fn call(endpoint: &str) -> Result<Value, Error> {
    let input = json::parse(r#"{"stateMachineArn": "a"}"#).unwrap();
    client(endpoint)?.call(Service::Lockstep, "DescribeConcurrency", &input)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

#[test]
fn a_call_is_signed_and_its_answer_read() {
    let body = r#"{"running": 3, "queuedCount": 0, "queued": []}"#;
    let (endpoint, served) = server(&answer("200 OK", "x-amzn-requestid: r\r\n", body));
    let answered = call(&endpoint).unwrap();
    assert_eq!(answered.get("running").and_then(Value::as_i64), Some(3));
    let request = served.join().unwrap();
    let host = endpoint.strip_prefix("http://").unwrap();
    for part in [
        "POST / HTTP/1.1\r\n",
        &format!("host: {host}\r\n"),
        "x-amz-target: Lockstep.DescribeConcurrency\r\n",
        "x-amz-security-token: the-token\r\n",
        "Credential=AKIAEXAMPLE/",
        "/eu-west-3/lockstep/aws4_request",
        "\r\n\r\n{\"stateMachineArn\":\"a\"}",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
}

#[test]
fn what_went_wrong_is_said_with_what_to_do() {
    let ours = "x-amzn-requestid: r\r\n";
    let error = |code: &str| format!(r#"{{"__type": "com.amazon#{code}", "message": "because"}}"#);
    let bad = "400 Bad Request";
    let cases = [
        (
            answer("200 OK", "", "<html>"),
            "what answers at URL is not Lockstep*",
        ),
        (
            answer("404 Not Found", ours, "<html>"),
            "what answers at URL is not Lockstep*",
        ),
        (
            answer(bad, ours, &error("UnknownOperationException")),
            "what answers at URL is not*",
        ),
        (
            "SSH-2.0-OpenSSH\r\n\r\n".to_owned(),
            "there is no answer from URL: the host `127.0.0.1` does not speak HTTP: *",
        ),
        (String::new(), "there is no answer from URL: the host *"),
        (
            answer(bad, ours, &error("ExpiredTokenException")),
            "the credentials have expired (bec*",
        ),
        (
            answer(bad, ours, &error("UnrecognizedClientException")),
            "the server does not take the credentials: because",
        ),
        (
            answer(bad, ours, &error("AccessDeniedException")),
            "AccessDeniedException: because",
        ),
    ];
    for (answer, expected) in cases {
        let (endpoint, served) = server(&answer);
        let said = call(&endpoint).unwrap_err().to_string();
        assert!(served.join().is_ok());
        let said = said.replace(&endpoint, "URL");
        match expected.strip_suffix('*') {
            Some(prefix) => assert!(said.starts_with(prefix), "{said}"),
            None => assert_eq!(said, expected),
        }
    }
}

#[test]
fn endpoints() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = format!("http://{free}");
    let cases = [
        (&*nobody, "nothing listens at *"),
        ("https://127.0.0.1:1", "nothing listens at *"),
        (
            "127.0.0.1:8083",
            "the endpoint `127.0.0.1:8083` is no URL of the form*",
        ),
        ("http://a/b", "the endpoint `http://a/b` is no URL*"),
        ("http://a?b", "the endpoint `http://a?b` is no URL*"),
        ("http://u:p@a", "the endpoint `http://u:p@a` is no URL*"),
        ("ftp://a", "the endpoint `ftp://a` is no URL*"),
    ];
    for (endpoint, expected) in cases {
        let said = call(endpoint).unwrap_err().to_string();
        assert!(said.starts_with(expected.trim_end_matches('*')), "{said}");
    }
    let parsed = Endpoint::parse("http://[::1]:8083/", &|_| None).unwrap();
    let parts = (&*parsed.url, &*parsed.authority);
    assert_eq!(parts, ("http://[::1]:8083", "[::1]:8083"));
    let absent = |name: &str| (name == "AWS_CA_BUNDLE").then(|| "absent.pem".to_owned());
    let error = Endpoint::parse("https://a", &absent)
        .err()
        .unwrap()
        .to_string();
    let expected = "the file of certificate authorities `absent.pem` (AWS_CA_BUNDLE) is unusable: ";
    assert!(error.starts_with(expected), "{error}");
}
