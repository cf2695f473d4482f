use super::*;
use crate::sts::tests::issuer::{Issuer, WEAK_KEY, WEAK_TOKEN, base64};

const CLAIMS: &str = r#"{"iss": "https://issuer.test", "sub": "ada"}"#;

fn keys(issuer: &Issuer) -> Vec<Key> {
    issuer
        .keys()
        .iter()
        .map(|key| Key::of(key).unwrap())
        .collect()
}

fn key(text: &str) -> Option<Key> {
    Key::of(&json::parse(text).unwrap())
}

#[test]
fn every_algorithm_verifies_with_its_own_key_only() {
    let issuer = Issuer::new();
    let keys = keys(&issuer);
    for (algorithm, signer) in [
        ("RS256", 0),
        ("RS384", 0),
        ("RS512", 0),
        ("ES256", 1),
        ("ES384", 2),
    ] {
        let token = Token::parse(&issuer.token(algorithm, CLAIMS)).unwrap();
        for (at, key) in keys.iter().enumerate() {
            let is_signer = at == signer;
            assert_eq!(token.is_signed_by(key), is_signer, "{algorithm}, key {at}");
            assert_eq!(
                key.fits(token.algorithm),
                is_signer,
                "{algorithm}, key {at}"
            );
        }
        for stranger in &self::keys(&Issuer::new())[1..] {
            assert!(!token.is_signed_by(stranger), "{algorithm}");
        }
    }
}

#[test]
fn a_changed_token_is_signed_by_nobody() {
    let issuer = Issuer::new();
    let keys = keys(&issuer);
    let token = issuer.token("ES256", CLAIMS);
    let is_signed = |text: &str| {
        let token = Token::parse(text);
        token.is_ok_and(|token| keys.iter().any(|key| token.is_signed_by(key)))
    };
    assert!(is_signed(&token));
    for at in 0..token.len() {
        for other in ["A", "B", ".", "=", " ", "+"] {
            if token.get(at..=at) != Some(other) {
                let mut changed = token.clone();
                changed.replace_range(at..=at, other);
                assert!(!is_signed(&changed), "{at}: {other}");
            }
        }
        assert!(!is_signed(token.get(..at).unwrap()), "cut at {at}");
    }
}

/// Headers of tokens that an RSA key signed rightly.
const HEADERS: &[(&str, Refused)] = &[
    ("[]", Refused::Form),
    ("\"RS256\"", Refused::Form),
    (r#"{"alg": "RS256""#, Refused::Form),
    (r#"{"alg": "none", "alg": "RS256"}"#, Refused::Form),
    (r#"{"alg": "RS256", "kid": 1}"#, Refused::Form),
    (r#"{"alg": "RS256", "kid": ["rsa"]}"#, Refused::Form),
    ("{}", Refused::Algorithm),
    (r#"{"alg": null}"#, Refused::Algorithm),
    (r#"{"alg": ["RS256"]}"#, Refused::Algorithm),
    (r#"{"alg": "rs256"}"#, Refused::Algorithm),
    (r#"{"alg": "RS256 "}"#, Refused::Algorithm),
    (r#"{"alg": "PS256"}"#, Refused::Algorithm),
    (r#"{"alg": "ES512"}"#, Refused::Algorithm),
    (r#"{"alg": "EdDSA"}"#, Refused::Algorithm),
    (r#"{"alg": "RS256", "crit": ["exp"]}"#, Refused::Critical),
    (r#"{"alg": "RS256", "crit": []}"#, Refused::Critical),
    (
        r#"{"alg": "RS256", "b64": false, "crit": ["b64"]}"#,
        Refused::Critical,
    ),
];

/// Claims of such tokens: no objects, or none that is read in one way only.
const NO_CLAIMS: &[&str] = &[
    "",
    "[]",
    "null",
    "\u{feff}{}",
    r#"{"sub": "a", "sub": "b"}"#,
    r#"{"a": {"b": 1, "b": 2}}"#,
    "{\"sub\": 'a'}",
    "{} {}",
    "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
];

/// What is no token, and what is one of a kind that is never taken.
#[test]
fn hostile_tokens_are_refused_before_a_key_is_asked_for() {
    let issuer = Issuer::new();
    let check = |token: &str, refused: &Refused| {
        assert_eq!(Token::parse(token).err().as_ref(), Some(refused), "{token}");
    };
    for (header, refused) in HEADERS {
        check(&issuer.sign("RS256", header, CLAIMS), refused);
    }
    for claims in NO_CLAIMS {
        let token = issuer.sign("RS256", r#"{"alg": "RS256"}"#, claims);
        check(&token, &Refused::Form);
    }
    for algorithm in ["none", "None", "nOnE", ""] {
        let header = base64(format!(r#"{{"alg": "{algorithm}"}}"#).as_bytes());
        let claims = base64(CLAIMS.as_bytes());
        check(&format!("{header}.{claims}."), &Refused::Algorithm);
    }
    // The provider's public key, which everybody has, taken for a shared secret.
    for algorithm in ["HS256", "HS384", "HS512"] {
        let header = format!(r#"{{"alg": "{algorithm}", "kid": "rsa"}}"#);
        check(&shared(&issuer, &header), &Refused::Algorithm);
    }
    let good = issuer.token("RS256", CLAIMS);
    assert!(Token::parse(&good).is_ok());
    for no_token in [
        String::new(),
        "a".to_owned(),
        "..".to_owned(),
        "eyJ.eyJ.eyJ".to_owned(),
        "2YotnFZFEjr1zCsicMWpAA".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
    ] {
        check(&no_token, &Refused::Form);
    }
}

/// A token signed with the public RSA key as the secret of an HMAC.
fn shared(issuer: &Issuer, header: &str) -> String {
    let signed = format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(CLAIMS.as_bytes())
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, issuer.public_key());
    let tag = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64(tag.as_ref()))
}

/// A signature of nothing, of another kind, or in another form is no signature.
#[test]
fn hostile_signatures_do_not_verify() {
    let issuer = Issuer::new();
    let keys = keys(&issuer);
    let header = |alg: &str| base64(format!(r#"{{"alg": "{alg}"}}"#).as_bytes());
    let signed = |alg: &str| format!("{}.{}", header(alg), base64(CLAIMS.as_bytes()));
    let zero = |alg: &str, bytes: usize| format!("{}.{}", signed(alg), base64(&vec![0; bytes]));
    // RS256's signature under the header of ES256, and the other way round.
    let mixed = |alg: &str, by: &str| issuer.sign(by, &format!(r#"{{"alg": "{alg}"}}"#), CLAIMS);
    for token in [
        format!("{}.", signed("RS256")),
        format!("{}.", signed("ES256")),
        zero("RS256", 256),
        zero("ES256", 64),
        zero("ES384", 96),
        mixed("ES256", "RS256"),
        mixed("RS256", "ES256"),
        mixed("RS384", "RS256"),
        mixed("ES384", "ES256"),
        shared(&issuer, r#"{"alg": "RS256"}"#),
    ] {
        let parsed = Token::parse(&token).unwrap();
        assert!(!keys.iter().any(|key| parsed.is_signed_by(key)), "{token}");
    }
    let weak = Token::parse(WEAK_TOKEN).unwrap();
    assert!(!weak.is_signed_by(&key(WEAK_KEY).unwrap()), "1,024 bits");
}

/// What a token says of its key plays no part.
#[test]
fn keys_in_tokens_are_not_looked_at() {
    let (issuer, thief) = (Issuer::new(), Issuer::new());
    let own = thief.keys().swap_remove(1).to_text();
    let header = format!(
        r#"{{"alg": "ES256", "kid": "p256", "jwk": {own}, "jku": "https://thief.test/keys",
            "x5u": "https://thief.test/x", "x5c": ["AAAA"], "x5t": "AAAA"}}"#
    );
    let is_signed = |token: &str| {
        let token = Token::parse(token).unwrap();
        keys(&issuer).iter().any(|key| token.is_signed_by(key))
    };
    assert!(!is_signed(&thief.sign("ES256", &header, CLAIMS)));
    assert!(is_signed(&issuer.sign("ES256", &header, CLAIMS)));
}

#[test]
fn keys_of_other_kinds_are_passed_over() {
    let issuer = Issuer::new();
    let [rsa, p256, _] = issuer.keys().try_into().unwrap();
    let rsa_but = |name: &str, value: &str| rsa.with_member(name, value.into()).to_text();
    let p256_but = |name: &str, value: &str| p256.with_member(name, value.into()).to_text();
    for jwk in [
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        r#"{"kty": "oct", "k": "AAAA"}"#.to_owned(),
        r#"{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}"#.to_owned(),
        r#"{"kty": "RSA", "e": "AQAB"}"#.to_owned(),
        rsa_but("use", "enc"),
        rsa_but("kty", "rsa"),
        rsa_but("n", "!"),
        p256_but("crv", "secp256k1"),
        p256_but("crv", "P-384"),
        p256_but("x", "AAAA"),
        p256_but("y", ""),
    ] {
        assert!(key(&jwk).is_none(), "{jwk}");
    }
    let token = Token::parse(&issuer.token("RS256", CLAIMS)).unwrap();
    for (jwk, fits) in [
        (rsa.to_text(), true),
        (rsa_but("alg", "RS256"), true),
        (rsa_but("alg", "RS512"), false),
        (rsa_but("alg", "HS256"), false),
        (rsa_but("alg", "RSA-OAEP"), false),
        // A leading zero is no part of the number.
        (
            rsa_but("n", &{
                let n = bytes(rsa.get("n").unwrap().as_str().unwrap()).unwrap();
                base64(&[&[0], n.as_slice()].concat())
            }),
            true,
        ),
    ] {
        let key = key(&jwk).unwrap();
        assert_eq!(key.fits(token.algorithm), fits, "{jwk}");
        assert!(!fits || token.is_signed_by(&key), "{jwk}");
    }
    let point = p256_but("x", &base64(&[0; 32]));
    let token = Token::parse(&issuer.token("ES256", CLAIMS)).unwrap();
    assert!(
        !token.is_signed_by(&key(&point).unwrap()),
        "not on the curve"
    );
}
