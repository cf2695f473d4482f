use outbound::{Later, Response};

use super::*;
use crate::sts::tests::issuer::Issuer;

const ISSUER: &str = "https://issuer.test/a";
const DISCOVERY: &str = "https://issuer.test/a/.well-known/openid-configuration";
const SET: &str = "https://keys.test/set";

/// Answers from a list of documents, in turn if there are several at a URL; remembers what it was
/// asked for.
#[derive(Default)]
struct Web {
    documents: Mutex<Vec<(String, Result<String, outbound::Error>)>>,
    asked: Mutex<Vec<String>>,
}

impl Web {
    fn put(&self, url: &str, answer: Result<String, outbound::Error>) {
        let mut documents = self.documents.lock();
        documents.retain(|(other, _)| other != url);
        documents.push((url.to_owned(), answer));
    }

    fn count(&self) -> usize {
        self.asked.lock().len()
    }
}

impl Fetch for Web {
    fn fetch(&self, request: Request) -> Later<'_, Result<Response, outbound::Error>> {
        self.asked.lock().push(request.url.clone());
        let documents = self.documents.lock();
        let found = documents.iter().find(|(url, _)| *url == request.url);
        let answer = match found {
            Some((_, Ok(body))) => Ok(response(200, body)),
            Some((_, Err(error))) => Err(error.clone()),
            None => Ok(response(404, "{}")),
        };
        Box::pin(async move {
            // Others get to run: what is asked for at a time is asked for once.
            tokio::task::yield_now().await;
            answer
        })
    }
}

fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: http::HeaderMap::new(),
        body: body.to_owned().into(),
        thumbprint: None,
    }
}

fn discovery(issuer: &str, keys: &str) -> String {
    format!(r#"{{"issuer": "{issuer}", "jwks_uri": "{keys}"}}"#)
}

fn provider() -> Provider {
    Provider {
        issuer: ISSUER.to_owned(),
        thumbprints: Vec::new(),
    }
}

fn serving(issuer: &Issuer) -> Arc<Web> {
    let web = Arc::new(Web::default());
    web.put(DISCOVERY, Ok(discovery(ISSUER, SET)));
    web.put(SET, Ok(issuer.key_set()));
    web
}

fn away() -> outbound::Error {
    outbound::Error::Connect {
        host: "issuer.test".to_owned(),
        reason: "refused".to_owned(),
    }
}

async fn verify(keys: &Keys, token: &str, now_ms: i64) -> Result<bool, Error> {
    let token = Token::parse(token).unwrap();
    keys.verify(&token, &provider(), Timestamp(now_ms)).await
}

/// What a provider may answer, and what comes of a good token then.
#[tokio::test]
async fn what_providers_answer() {
    let issuer = Issuer::new();
    let token = issuer.token("ES256", "{}");
    let set = issuer.key_set();
    let large = "x".repeat(10);
    let untrusted = outbound::Error::Certificate {
        host: "issuer.test".to_owned(),
        reason: "unknown issuer".to_owned(),
    };
    let good = || Ok(discovery(ISSUER, SET));
    let twice = format!("{}{}", set.trim_end_matches("]}"), ",{\"kty\":\"oct\"},7]}");
    for (document, keys, expected) in [
        (good(), Ok(set.clone()), Ok(true)),
        (good(), Ok(twice), Ok(true)),
        (good(), Ok(Issuer::new().key_set()), Ok(false)),
        (good(), Ok("{}".to_owned()), Err(Error::NoKey)),
        (good(), Ok(r#"{"keys": []}"#.to_owned()), Err(Error::NoKey)),
        (good(), Ok("<html>".to_owned()), Err(Error::NoKey)),
        (good(), Err(away()), Err(Error::NoKey)),
        (good(), Err(untrusted.clone()), Err(Error::Certificate)),
        (Err(untrusted), Ok(set.clone()), Err(Error::Certificate)),
        (Err(away()), Ok(set.clone()), Err(Error::NoKey)),
        (Ok("{}".to_owned()), Ok(set.clone()), Err(Error::NoKey)),
        (Ok(large), Ok(set.clone()), Err(Error::NoKey)),
        // The issuer must be the same byte for byte, and the keys come with TLS.
        (
            Ok(discovery("https://issuer.test/a/", SET)),
            Ok(set.clone()),
            Err(Error::NoKey),
        ),
        (
            Ok(discovery("https://thief.test", SET)),
            Ok(set.clone()),
            Err(Error::NoKey),
        ),
        (
            Ok(discovery(ISSUER, "http://keys.test/set")),
            Ok(set.clone()),
            Err(Error::NoKey),
        ),
        (
            Ok(discovery(ISSUER, "file:///etc/passwd")),
            Ok(set),
            Err(Error::NoKey),
        ),
    ] {
        let web = Arc::new(Web::default());
        web.put(DISCOVERY, document.clone());
        web.put(SET, keys.clone());
        let keys_of = Keys::new(web);
        let given = verify(&keys_of, &token, 0).await;
        assert_eq!(given, expected, "{document:?} {keys:?}");
    }
}

/// `kid` chooses among the keys of the provider and leads nowhere else.
#[tokio::test]
async fn which_key_a_token_means() {
    let issuer = Issuer::new();
    let by = |header: &str| issuer.sign("ES256", header, "{}");
    for (token, expected) in [
        (by(r#"{"alg": "ES256", "kid": "p256"}"#), Ok(true)),
        // One key of the kind: it must be that.
        (by(r#"{"alg": "ES256"}"#), Ok(true)),
        (by(r#"{"alg": "ES256", "kid": ""}"#), Err(Error::NoKey)),
        (by(r#"{"alg": "ES256", "kid": "P256"}"#), Err(Error::NoKey)),
        (by(r#"{"alg": "ES256", "kid": "rsa"}"#), Err(Error::NoKey)),
        (by(r#"{"alg": "RS256", "kid": "rsa"}"#), Ok(false)),
        (by(r#"{"alg": "RS256", "kid": "p256"}"#), Err(Error::NoKey)),
        (
            by(r#"{"alg": "ES256", "kid": "../../etc/passwd"}"#),
            Err(Error::NoKey),
        ),
        (
            by(r#"{"alg": "ES256", "kid": "https://thief.test/keys"}"#),
            Err(Error::NoKey),
        ),
        (
            by(r#"{"alg": "ES256", "kid": "p256' OR '1'='1"}"#),
            Err(Error::NoKey),
        ),
    ] {
        let web = serving(&issuer);
        let keys = Keys::new(Arc::clone(&web) as Arc<dyn Fetch>);
        assert_eq!(verify(&keys, &token, 0).await, expected, "{token}");
        assert_eq!(*web.asked.lock(), [DISCOVERY, SET], "{token}");
    }
    // Two keys that fit, and none is named.
    let web = serving(&issuer);
    let mut all = issuer.keys();
    all.extend(Issuer::new().keys());
    let set = Value::from(json::ObjectBuilder::new().add("keys", all).build());
    web.put(SET, Ok(set.to_text()));
    let keys = Keys::new(web);
    let given = verify(&keys, &by(r#"{"alg": "ES256"}"#), 0).await;
    assert_eq!(given, Err(Error::NoKey));
    let given = verify(&keys, &by(r#"{"alg": "ES256", "kid": "p256"}"#), 0).await;
    assert_eq!(given, Ok(true), "one of two keys of a name signed it");
}

/// Steps of one provider's life: after so many milliseconds, a token; what comes of it, and how
/// many documents were asked for until then.
#[tokio::test]
async fn keys_are_kept_and_asked_for_again() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let web = serving(&old);
    let keys = Keys::new(Arc::clone(&web) as Arc<dyn Fetch>);
    let known = old.token("RS256", "{}");
    let rotated = new.sign("ES256", r#"{"alg": "ES256", "kid": "next"}"#, "{}");
    let next = new.keys().swap_remove(1).with_member("kid", "next".into());
    let next = format!(
        r#"{{"keys": [{}, {}]}}"#,
        old.keys()[0].to_text(),
        next.to_text()
    );
    let step = async |at_ms: i64, token: &str, expected: Result<bool, Error>, asked: usize| {
        assert_eq!(verify(&keys, token, at_ms).await, expected, "at {at_ms}");
        assert_eq!(web.count(), asked, "at {at_ms}");
    };
    step(0, &known, Ok(true), 2).await;
    step(1_000, &known, Ok(true), 2).await;
    step(2_000, &rotated, Err(Error::NoKey), 2).await;
    web.put(SET, Ok(next));
    step(AGAIN_MS - 1, &rotated, Err(Error::NoKey), 2).await;
    step(AGAIN_MS, &rotated, Ok(true), 4).await;
    step(AGAIN_MS + 1, &known, Ok(true), 4).await;
    // The provider is away: what is known goes on, what is not is not asked for all the time.
    web.put(DISCOVERY, Err(away()));
    let strange = new.token("ES384", "{}");
    step(2 * AGAIN_MS, &strange, Err(Error::NoKey), 5).await;
    step(2 * AGAIN_MS + 1, &strange, Err(Error::NoKey), 5).await;
    step(2 * AGAIN_MS + 2, &known, Ok(true), 5).await;
    step(3 * AGAIN_MS, &strange, Err(Error::NoKey), 6).await;
    // What is too old has to be given again.
    step(AGAIN_MS + KEPT_MS, &known, Err(Error::NoKey), 7).await;
    web.put(DISCOVERY, Ok(discovery(ISSUER, SET)));
    step(AGAIN_MS + KEPT_MS + 1, &known, Err(Error::NoKey), 7).await;
    step(2 * AGAIN_MS + KEPT_MS, &known, Ok(true), 9).await;
}

#[tokio::test]
async fn many_tokens_at_a_time_cost_one_request() {
    let issuer = Issuer::new();
    let web = serving(&issuer);
    let keys = Keys::new(Arc::clone(&web) as Arc<dyn Fetch>);
    let token = issuer.token("ES256", "{}");
    let calls = (0..50).map(|_| verify(&keys, &token, 0));
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    let all = std::future::poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            std::task::Poll::Ready(given) => {
                assert_eq!(given, Ok(true));
                false
            }
            std::task::Poll::Pending => true,
        });
        match calls.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    });
    all.await;
    assert_eq!(web.count(), 2);
}

/// What one account trusts by a thumbprint another doesn't get from what is kept.
#[tokio::test]
async fn thumbprints_tell_providers_apart() {
    let issuer = Issuer::new();
    let web = serving(&issuer);
    let keys = Keys::new(Arc::clone(&web) as Arc<dyn Fetch>);
    let token = Token::parse(&issuer.token("ES256", "{}")).unwrap();
    for (thumbprints, asked) in [(vec![], 2), (vec![Thumbprint([7; 20])], 4), (vec![], 4)] {
        let provider = Provider {
            thumbprints,
            ..provider()
        };
        let given = keys.verify(&token, &provider, Timestamp(0)).await;
        assert_eq!((given, web.count()), (Ok(true), asked));
    }
}

#[tokio::test]
async fn providers_that_are_kept_have_a_bound() {
    let issuer = Issuer::new();
    let keys = Keys::new(Arc::new(Web::default()));
    let token = Token::parse(&issuer.token("ES256", "{}")).unwrap();
    for at in 0..PROVIDERS_MAX + 10 {
        let provider = Provider {
            issuer: format!("https://{at}.test"),
            thumbprints: Vec::new(),
        };
        let now = Timestamp(i64::try_from(at).unwrap());
        assert_eq!(keys.verify(&token, &provider, now).await, Err(Error::NoKey));
    }
    let kept = keys.providers.lock();
    assert_eq!(kept.len(), PROVIDERS_MAX);
    let is_kept = |at: usize| {
        kept.keys()
            .any(|p| p.issuer == format!("https://{at}.test"))
    };
    assert!(!is_kept(9) && is_kept(10));
}
