use super::*;
use http::Method;

fn check_headers(headers: &[(&'static str, &str)], allowed: bool) {
    let mut request = Request::new(Method::POST, "/");
    for (name, value) in headers {
        request.headers.insert(*name, value.parse().unwrap());
    }
    let ours = check(&request, Hosts::Ours);
    assert_eq!(ours.is_ok(), allowed, "{headers:?}");
    // Where every signature is verified only the name of the host does not matter.
    let any = check(&request, Hosts::Any);
    let is_host = matches!(ours, Err(Refused::ForeignHost(_)));
    assert_eq!(any.is_ok(), ours.is_ok() || is_host, "{headers:?}");
}

#[test]
fn only_our_own_pages_and_clients() {
    for (host, allowed) in [
        ("127.0.0.1:8083", true),
        ("localhost", true),
        ("LocalHost:8083", true),
        ("LOCALHOST.evil.com", false),
        ("notlocalhost", false),
        ("sync-localhost:8083", true),
        ("sync-127.0.0.1:8083", true),
        ("[::1]:8083", true),
        ("states.localhost:8083", true),
        ("sync-localhost.", false),
        ("states.us-east-1.amazonaws.com", true),
        ("sync-states.eu-west-1.amazonaws.com:443", true),
        ("states.cn-north-1.amazonaws.com.cn", true),
        ("sync-states.us-east-1.localhost:8083", true),
        ("page.s3.us-east-1.amazonaws.com", false),
        ("states.evil.us-east-1.amazonaws.com", false),
        ("states.us-east-1.amazonaws.com.evil.com", false),
        ("evil.com", false),
        ("evil.com:8083", false),
        ("127.0.0.1.evil.com", false),
        ("192.168.0.1", false),
        ("", false),
    ] {
        check_headers(&[("host", host)], allowed);
        let origin = format!("http://{host}");
        check_headers(&[("host", host), ("origin", &origin)], allowed);
    }
    for origin in [
        "null",
        "localhost",
        "http://localhost:3000",
        "http://127.0.0.1:8083",
        "http://other.localhost:8083",
        "http://localhost:8083@evil.com",
        "http://localhost",
    ] {
        check_headers(&[("host", "localhost:8083"), ("origin", origin)], false);
    }
    check_headers(&[("origin", "http://localhost:8083")], false);
    check_headers(&[("origin", "null")], false);
    check_headers(&[("sec-fetch-site", "cross-site")], false);
    check_headers(&[("sec-fetch-site", "same-site")], false);
    check_headers(&[("sec-fetch-site", "none")], true);
    check_headers(&[("sec-fetch-site", "same-origin")], true);
    check_headers(&[], true);
}
