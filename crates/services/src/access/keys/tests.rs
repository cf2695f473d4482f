use aws::Request;
use aws::sigv4::{Credentials, Rules, sign};

use super::*;

const NOW_MS: i64 = 1_790_000_000_000;

fn signed(credentials: &Credentials<'_>, region: &str) -> Request {
    let mut request = Request::new(http::Method::POST, "/");
    request.headers.insert("host", "localhost".parse().unwrap());
    sign(&mut request, credentials, region, "states", NOW_MS).unwrap();
    request
}

#[test]
fn a_key_is_kept_for_its_scope_and_the_number_of_keys_is_bounded() {
    let keys = SigningKeys::default();
    let credentials = Credentials {
        access_key_id: "AKIA1",
        secret_access_key: "secret",
        session_token: None,
    };
    let verify = |region: &str, secret: &str| {
        let request = signed(&credentials, region);
        let claim = Claim::read(&request, &Rules::at(NOW_MS)).unwrap();
        claim
            .verify(&request, &keys.of(&claim, &secret.into()))
            .is_ok()
    };
    for region in ["eu-west-1", "eu-west-2", "eu-west-1"] {
        assert!(verify(region, "secret"));
        // Two sessions may have the same id: the key of one is not that of the other.
        assert!(!verify(region, "another"));
        assert!(verify(region, "secret"));
    }
    let secret: Arc<str> = "secret".into();
    for at in 0..2 * KEYS_MAX + 10 {
        let request = signed(&credentials, &format!("region-{at}"));
        let claim = Claim::read(&request, &Rules::at(NOW_MS)).unwrap();
        keys.of(&claim, &secret);
    }
    let generations = keys.generations.lock();
    assert!(generations.new.len() <= KEYS_MAX && generations.old.len() <= KEYS_MAX);
}
