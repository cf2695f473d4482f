use super::*;
use crate::seal::KEY_BYTES;

const NOW_MS: i64 = 1_790_000_000_000;

fn session() -> Session {
    let (access_key_id, secret_access_key) = new_key("123456789012").unwrap();
    Session {
        account: "123456789012".into(),
        access_key_id,
        secret_access_key,
        issued_ms: NOW_MS,
        expires_ms: NOW_MS + 3_600_000,
        mfa: false,
        holder: Holder::Role {
            name: "r".repeat(64),
            id: "AROA23456789012345678".into(),
            session_name: "s".repeat(64),
            tags: vec![("team".into(), "blue".into())],
            transitive_tag_keys: vec!["team".into()],
            source_identity: Some("i".repeat(64)),
            federated_provider: Some("p".repeat(300)),
        },
        policies: vec!["{}".into()],
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
    }
}

fn same(a: &Session, b: &Session) -> bool {
    let text = |session: &Session| serde_json::to_string(session).unwrap();
    text(a) == text(b) && a.access_key_id == b.access_key_id
}

#[test]
fn a_token_gives_its_session_back() {
    let seal = Seal::new(&[7; KEY_BYTES]);
    for holder in [
        session().holder,
        Holder::Root,
        Holder::User {
            name: "ada".into(),
            id: "AIDA23456789012345678".into(),
        },
    ] {
        let session = Session {
            holder,
            ..session()
        };
        let token = session.token(&seal).unwrap();
        assert_ne!(token, session.token(&seal).unwrap(), "a nonce of its own");
        let key = &session.access_key_id;
        let opened = Session::of_token(&seal, &token, key, NOW_MS).ok().unwrap();
        assert!(same(&opened, &session));
    }
}

#[test]
fn any_other_token_is_refused() {
    let seal = Seal::new(&[7; KEY_BYTES]);
    let session = session();
    let token = session.token(&seal).unwrap();
    let of = |token: &str, key: &str, now_ms| Session::of_token(&seal, token, key, now_ms).err();
    let key = &session.access_key_id;
    assert_eq!(of(&token, key, session.expires_ms - 1), None);
    assert_eq!(of(&token, key, session.expires_ms), Some(Refused::Expired));
    let other_key = new_key("123456789012").unwrap().0;
    assert_eq!(of(&token, &other_key, NOW_MS), Some(Refused::Invalid));
    // AWS's tokens begin so.
    for foreign in [
        "",
        "IQoJb3JpZ2luX2VjEJr",
        "FwoGZXIvYXdzEJr",
        "lockstep2.AAAA",
    ] {
        assert_eq!(
            of(foreign, key, NOW_MS),
            Some(Refused::Foreign),
            "{foreign}"
        );
    }
    for at in PREFIX.len()..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(of(&changed, key, NOW_MS), Some(Refused::Invalid), "{at}");
        assert_eq!(
            of(token.get(..at).unwrap(), key, NOW_MS),
            Some(Refused::Invalid),
            "{at}"
        );
    }
    let long = format!("{PREFIX}{}", "A".repeat(100_000));
    assert_eq!(of(&long, key, NOW_MS), Some(Refused::Invalid));
    // The seal of a long-term key's secret is no token, though its purpose is a key's id too.
    let sealed = seal.seal(key, b"secret").unwrap();
    let secret = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(sealed));
    assert_eq!(of(&secret, key, NOW_MS), Some(Refused::Invalid));
}

#[test]
fn the_longest_token_fits_a_header() {
    let seal = Seal::new(&[7; KEY_BYTES]);
    let mut longest = session();
    let (policies, tags) = longest.packed_bytes();
    longest.policies[0] = "x".repeat(2 + PACKED_BYTES_MAX - policies - tags);
    let (policies, tags) = longest.packed_bytes();
    assert_eq!(policies + tags, PACKED_BYTES_MAX);
    let token = longest.token(&seal).unwrap();
    assert!(token.len() < 6_700, "{}", token.len());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(token.chars().all(plain), "it needs no escapes anywhere");
    assert!(Session::of_token(&seal, &token, &longest.access_key_id, NOW_MS).is_ok());
}

#[test]
fn a_token_is_as_long_as_it_is_asked_for() {
    let seal = Seal::new(&[7; KEY_BYTES]);
    let session = session();
    let shortest = session.token(&seal).unwrap().len();
    for min in [
        1,
        shortest - 1,
        shortest,
        shortest + 1,
        2_000,
        2_001,
        2_002,
        2_003,
        4_096,
    ] {
        let token = session.long_token(&seal, min).unwrap();
        let expected = min.max(shortest)..=min.max(shortest) + 1;
        assert!(expected.contains(&token.len()), "{min}: {}", token.len());
        let opened = Session::of_token(&seal, &token, &session.access_key_id, NOW_MS);
        assert!(same(&opened.ok().unwrap(), &session), "{min}");
    }
}

#[test]
fn keys_look_like_those_of_aws() {
    for account in ["000000000000", "123456789012", "999999999999"] {
        let (id, secret) = new_key(account).unwrap();
        assert_eq!((id.len(), secret.len()), (20, 40));
        let digits = id.strip_prefix("ASIA").unwrap();
        let plain = |b: u8| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b);
        assert!(digits.bytes().all(plain), "{id}");
        assert_ne!((id.clone(), secret), new_key(account).unwrap());
        assert_eq!(account_of_key(&id).as_deref(), Some(account));
    }
    // The second was published with the account it belongs to.
    for (id, account) in [
        ("ASIA7777777777777777", None),
        ("ASIAQNZGKIQY56JQ7WML", Some("029608264753")),
        ("AKIAIOSFODNN7EXAMPLE", Some("581039954779")),
        ("ASIA12345678", None),
        ("XXXXQNZGKIQY56JQ7WML", None),
    ] {
        assert_eq!(account_of_key(id).as_deref(), account, "{id}");
    }
}
