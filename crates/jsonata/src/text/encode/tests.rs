use super::*;
use crate::Allowance;

type Function = fn(&str, &Meter) -> Result<String, Error>;

fn check(function: Function, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let meter = Meter::new(Allowance::FULL);
        let result = function(text, &meter).unwrap_or_else(|error| error.to_string());
        assert_eq!(result, *expected, "{text}");
    }
}

#[test]
fn base64() {
    let cases = [
        ("", ""),
        ("hello:world", "aGVsbG86d29ybGQ="),
        ("a", "YQ=="),
        ("é", "6Q=="),
        // Of other characters only the low byte of each UTF-16 unit is left.
        ("é€😀", "6aw9AA=="),
    ];
    check(base64_encode, &cases);
    let cases = [
        ("", ""),
        ("aGVsbG86d29ybGQ=", "hello:world"),
        ("YQ", "a"),
        ("YQ==YQ==", "a"),
        ("Y Q\n==", "a"),
        ("Y!Q==", "a"),
        ("YWJjZ", "abc"),
        ("Y", ""),
        ("a-_b", "kïÛ"),
        ("=YQ==", ""),
    ];
    check(base64_decode, &cases);
}

#[test]
fn urls() {
    let cases = [
        ("", ""),
        ("?x=test é", "?x=test%20%C3%A9"),
        (
            "https://e.com/a b?c=[d]#e",
            "https://e.com/a%20b?c=%5Bd%5D#e",
        ),
        ("-_.!~*'();/?:@&=+$,#", "-_.!~*'();/?:@&=+$,#"),
        ("100%", "100%25"),
        (
            "\u{fffd}",
            "D3140: Malformed URL passed to $encodeUrl(): \"\u{fffd}\"",
        ),
    ];
    check(encode_url, &cases);
    let cases = [
        ("?x=test", "%3Fx%3Dtest"),
        ("-_.!~*'()", "-_.!~*'()"),
        ("a/b&c😀", "a%2Fb%26c%F0%9F%98%80"),
        (
            "\u{fffd}",
            "D3140: Malformed URL passed to $encodeUrlComponent(): \"\u{fffd}\"",
        ),
    ];
    check(encode_url_component, &cases);
    let cases = [
        ("", ""),
        ("?x=%E2%82%ac+%41", "?x=€+A"),
        ("%2F%3b%23%25", "%2F%3b%23%"),
        ("%f0%9f%98%80", "😀"),
        (
            "%E0%A4%A",
            "D3140: Malformed URL passed to $decodeUrl(): \"%E0%A4%A\"",
        ),
    ];
    check(decode_url, &cases);
    let cases = [
        ("%3Fx%3Dtest%2F", "?x=test/"),
        (
            "%E0%A4%A",
            "D3140: Malformed URL passed to $decodeUrlComponent(): \"%E0%A4%A\"",
        ),
    ];
    check(decode_url_component, &cases);
    let malformed = [
        "%",
        "%4",
        "%2G",
        "%80",
        "%C0%80",
        "%ED%A0%80",
        "%F4%90%80%80",
        "%E4%BD",
        "%é",
    ];
    for text in malformed {
        let meter = Meter::new(Allowance::FULL);
        assert_eq!(
            decode_url_component(text, &meter).unwrap_err().code,
            "D3140",
            "{text}"
        );
    }
}
