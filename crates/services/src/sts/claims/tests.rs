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

#[test]
fn claims_that_are_refused() {
    let issuer = Issuer::new();
    let malformed = |claim: &str| {
        format!("the claim `https://aws.amazon.com/{claim}` does not have the form that STS takes")
    };
    let (tags, source) = (malformed("tags"), malformed("source_identity"));
    let tagged = |tags: &str| format!(r#"{{{GOOD}, "https://aws.amazon.com/tags": {tags}}}"#);
    let cases: Vec<(String, &str, &str)> = [
        ("{}", INVALID, "Missing a required claim: exp"),
        (r#"{"exp": "1790000001"}"#, INVALID, "the claim `exp` is not a number of seconds"),
        (r#"{"exp": 1e300}"#, INVALID, "the claim `exp` is not a number of seconds"),
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
        (r#"{"exp": 1790000001, "sub": "ada"}"#, INVALID, "Missing a required claim: aud"),
        (r#"{"exp": 1790000001, "aud": []}"#, INVALID, "Missing a required claim: aud"),
        (r#"{"exp": 1790000001, "aud": 1}"#, INVALID, "Missing a required claim: aud"),
        (r#"{"exp": 1790000001, "aud": [["app"]]}"#, INVALID, "Missing a required claim: aud"),
        (r#"{"exp": 1790000001, "aud": "App"}"#, INVALID, "Incorrect token audience"),
        (r#"{"exp": 1790000001, "aud": "app "}"#, INVALID, "Incorrect token audience"),
        (r#"{"exp": 1790000001, "aud": ["app", "x"]}"#, INVALID, "Incorrect token audience"),
        (
            r#"{"exp": 1790000001, "aud": "app", "azp": "x"}"#,
            INVALID,
            "Incorrect token audience",
        ),
        (
            r#"{"exp": 1790000001, "aud": "app", "azp": ["app"]}"#,
            INVALID,
            "Incorrect token audience",
        ),
        (r#"{"exp": 1790000001, "aud": "app"}"#, INVALID, "Missing a required claim: sub"),
        (
            r#"{"exp": 1790000001, "aud": "app", "sub": 7}"#,
            INVALID,
            "Missing a required claim: sub",
        ),
        (
            r#"{"exp": 1790000001, "aud": "app", "sub": "ada", "SUB": "root"}"#,
            INVALID,
            "two of the token's claims differ in the case of their name only",
        ),
    ]
    .into_iter()
    .map(|(text, code, message)| (text.to_owned(), code, message))
    .chain([
        (tagged("[]"), INVALID, &*tags),
        (tagged(r#"{"principal_tags": []}"#), INVALID, &*tags),
        (tagged(r#"{"principal_tags": {"a": 1}}"#), INVALID, &*tags),
        (tagged(r#"{"principal_tags": {"a": ["b", "c"]}}"#), INVALID, &*tags),
        (tagged(r#"{"transitive_tag_keys": {}}"#), INVALID, &*tags),
        (
            format!(r#"{{{GOOD}, "https://aws.amazon.com/source_identity": ["ada"]}}"#),
            INVALID,
            &*source,
        ),
    ])
    .collect();
    for (text, code, message) in cases {
        let error = claims(&issuer, &text).err().unwrap();
        assert_eq!((&*error.code, &*error.message), (code, message), "{text}");
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
