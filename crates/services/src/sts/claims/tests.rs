use super::*;
use crate::sts::tests::issuer::Issuer;

const NOW: i64 = 1_790_000_000;
/// The members that every good token has, to be continued.
const GOOD: &str = r#""sub": "ada", "aud": "app", "exp": 1790000001"#;

fn claims(issuer: &Issuer, text: &str) -> Result<Claims, ServiceError> {
    let token = Token::parse(&issuer.token("ES256", text)).unwrap();
    let clients = ["app".to_owned(), "web".to_owned()];
    Claims::of(&token, &clients, Timestamp(NOW * 1_000 + 999))
}

const INVALID: &str = "InvalidIdentityToken";
const EXPIRED: &str = "ExpiredTokenException";

/// Claims by themselves, the code and the text that refuse them.
const REFUSED: &[(&str, &str, &str)] = &[
    ("{}", INVALID, "Missing a required claim: exp"),
    (
        r#"{"exp": "1790000001"}"#,
        INVALID,
        "the claim `exp` is not a number of seconds",
    ),
    (
        r#"{"exp": 1e300}"#,
        INVALID,
        "the claim `exp` is not a number of seconds",
    ),
    (
        r#"{"exp": 1790000000}"#,
        EXPIRED,
        "Token expired: current date/time 1790000000 must be before the expiration date/time \
         1790000000",
    ),
    (
        r#"{"exp": -1}"#,
        EXPIRED,
        "Token expired: current date/time 1790000000 must be before the expiration date/time -1",
    ),
    (
        r#"{"exp": 1790000001, "nbf": 1790000061}"#,
        INVALID,
        "the token is not valid yet: its claim `nbf` is to come",
    ),
    (
        r#"{"exp": 1790000001, "iat": 1790000061}"#,
        INVALID,
        "the token is not valid yet: its claim `iat` is to come",
    ),
    (
        r#"{"exp": 1790000001, "iat": true}"#,
        INVALID,
        "the claim `iat` is not a number of seconds",
    ),
];

/// The same, each beside `exp`.
const REFUSED_IN_TIME: &[(&str, &str)] = &[
    (r#""sub": "ada""#, "Missing a required claim: aud"),
    (r#""aud": []"#, "Missing a required claim: aud"),
    (r#""aud": 1"#, "Missing a required claim: aud"),
    (r#""aud": [["app"]]"#, "Missing a required claim: aud"),
    (r#""aud": "App""#, "Incorrect token audience"),
    (r#""aud": "app ""#, "Incorrect token audience"),
    (r#""aud": ["app", "x"]"#, "Incorrect token audience"),
    (r#""aud": "app", "azp": "x""#, "Incorrect token audience"),
    (
        r#""aud": "app", "azp": ["app"]"#,
        "Incorrect token audience",
    ),
    (r#""aud": "app""#, "Missing a required claim: sub"),
    (r#""aud": "app", "sub": 7"#, "Missing a required claim: sub"),
    (
        r#""aud": "app", "sub": "ada", "SUB": "root""#,
        "two of the token's claims differ in the case of their name only",
    ),
    (r#"T: []"#, TAGS),
    (r#"T: {"principal_tags": []}"#, TAGS),
    (r#"T: {"principal_tags": {"a": 1}}"#, TAGS),
    (r#"T: {"principal_tags": {"a": ["b", "c"]}}"#, TAGS),
    (r#"T: {"transitive_tag_keys": {}}"#, TAGS),
    (r#"S: ["ada"]"#, SOURCE_IDENTITY),
];
const TAGS: &str = "the claim `https://aws.amazon.com/tags` does not have the form that STS takes";
const SOURCE_IDENTITY: &str =
    "the claim `https://aws.amazon.com/source_identity` does not have the form that STS takes";

#[test]
fn claims_that_are_refused() {
    let issuer = Issuer::new();
    let check = |text: &str, code: &str, message: &str| {
        let error = claims(&issuer, text).err().unwrap();
        assert_eq!((&*error.code, &*error.message), (code, message), "{text}");
    };
    for (text, code, message) in REFUSED {
        check(text, code, message);
    }
    for (text, message) in REFUSED_IN_TIME {
        let own = |name: &str| format!(r#"{GOOD}, "https://aws.amazon.com/{name}":"#);
        let text = match text.split_once(": ") {
            Some(("T", tags)) => format!("{{{} {tags}}}", own("tags")),
            Some(("S", source)) => format!("{{{} {source}}}", own("source_identity")),
            _ => format!(r#"{{"exp": 1790000001, {text}}}"#),
        };
        check(&text, INVALID, message);
    }
}

#[test]
fn claims_that_are_taken() {
    let issuer = Issuer::new();
    for more in [
        "",
        r#", "nbf": 1790000060, "iat": 1790000060"#,
        r#", "nbf": 0.5, "iat": 1789999999.9"#,
        r#", "azp": "web""#,
        r#", "jti": null, "other": {"a": [1]}"#,
    ] {
        let taken = claims(&issuer, &format!("{{{GOOD}{more}}}"));
        assert_eq!(taken.ok().unwrap().subject, "ada", "{more}");
    }
}

#[test]
fn tags_and_source_identity() {
    let issuer = Issuer::new();
    let nested = r#""https://aws.amazon.com/tags": {"principal_tags": {"a": ["1"], "b": "2"},
        "transitive_tag_keys": ["a"]}"#;
    let flat = r#""https://aws.amazon.com/tags/principal_tags/a": "1",
        "https://aws.amazon.com/tags/principal_tags/b": ["2"],
        "https://aws.amazon.com/tags/transitive_tag_keys": ["a"]"#;
    for form in [nested, flat] {
        let source = r#""https://aws.amazon.com/source_identity": "ada@test""#;
        let claims = claims(&issuer, &format!("{{{GOOD}, {form}, {source}}}"));
        let claims = claims.ok().unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(claims.tags, [pair("a", "1"), pair("b", "2")], "{form}");
        assert_eq!(claims.transitive, ["a"], "{form}");
        assert_eq!(claims.source_identity.as_deref(), Some("ada@test"));
        let keys = claims.keys("issuer.test/p");
        assert!(
            !keys.iter().any(|(key, _)| key.contains("amazon")),
            "{keys:?}"
        );
    }
}

#[test]
fn condition_keys_of_claims() {
    let issuer = Issuer::new();
    let check = |more: &str, expected: &[(&str, &[&str])]| {
        let claims = claims(&issuer, &format!("{{{GOOD}{more}}}")).ok().unwrap();
        let mut keys: Vec<(String, Vec<String>)> = claims
            .keys("issuer.test/p")
            .into_iter()
            .map(|(key, values)| match values {
                Values::One(one) => (key.to_string(), vec![one.to_string()]),
                Values::Many(many) => {
                    let many = many.iter().map(ToString::to_string);
                    (key.to_string(), many.chain([String::new()]).collect())
                }
            })
            .collect();
        keys.sort();
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(key, values)| {
                let values = values.iter().map(|value| (*value).to_owned());
                (format!("issuer.test/p:{key}"), values.collect())
            })
            .collect();
        assert_eq!(keys, expected, "{more}");
    };
    // An empty text at the end marks a key of several values.
    check("", &[("aud", &["app"]), ("sub", &["ada"])]);
    check(
        r#", "amr": ["pwd", "mfa"], "repository": "o/r", "iat": 1, "x": {"y": "z"}"#,
        &[
            ("amr", &["pwd", "mfa", ""]),
            ("aud", &["app"]),
            ("repository", &["o/r"]),
            ("sub", &["ada"]),
        ],
    );
    check(
        r#", "azp": "web", "oaud": "forged""#,
        &[("aud", &["web"]), ("oaud", &["app"]), ("sub", &["ada"])],
    );
    check(
        r#", "oaud": "forged""#,
        &[("aud", &["app"]), ("sub", &["ada"])],
    );
}
