use super::*;

#[test]
fn plain_prefix_stops_at_the_first_special_byte() {
    for len in 0..100 {
        for at in 0..=len {
            for special in ["\"", "\\", "\0", "\u{1f}", "\n"] {
                let text = "a".repeat(at) + special + &"\"".repeat(len - at);
                assert_eq!(plain_prefix(text.as_bytes()), at, "{text:?}");
            }
        }
        assert_eq!(plain_prefix("é\u{7f}".repeat(len).as_bytes()), len * 3);
    }
}

#[test]
fn plain_bytes_are_told_from_special_ones() {
    for byte in 0..=u8::MAX {
        let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
        for len in [1, 8, 32, 40] {
            assert_eq!(
                plain_prefix(&vec![byte; len]),
                if is_special { 0 } else { len }
            );
        }
    }
}

#[test]
fn strings_are_written_as_jackson_writes_them() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = String::new();
        write_quoted(text, &mut out);
        assert_eq!(out, expected);
        assert_eq!(quoted_len(text), expected.len());
        let contents = expected
            .strip_prefix('"')
            .unwrap()
            .strip_suffix('"')
            .unwrap();
        assert_eq!(decode(contents), text);
    }
    check("", r#""""#);
    check("plain", r#""plain""#);
    check("a\"b\\c", r#""a\"b\\c""#);
    check("\u{8}\t\n\u{c}\r", r#""\b\t\n\f\r""#);
    check(
        "\0\u{1}\u{b}\u{f}\u{10}\u{1a}\u{1f}",
        r#""\u0000\u0001\u000B\u000F\u0010\u001A\u001F""#,
    );
    check(
        "/ \u{7f} \u{85} é \u{2028} 😀",
        "\"/ \u{7f} \u{85} é \u{2028} 😀\"",
    );
}

#[test]
fn escapes_are_decoded() {
    #[track_caller]
    fn check(raw: &str, expected: &str) {
        assert_eq!(decode(raw), expected);
    }
    check(r"\/\u0041\u00e9\u00E9\u20ac", "/Aéé€");
    check(r"\ud83d\ude00!", "😀!");
    check(r"\uD83D", "\u{fffd}");
    check(r"\ude00\ud83d", "\u{fffd}\u{fffd}");
    check(r"\ud83d\ud83d\ude00", "\u{fffd}😀");
    check(r"\ud83d\n", "\u{fffd}\n");
}
