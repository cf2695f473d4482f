use super::*;

#[test]
fn words_of_a_shell() {
    let cases = [
        ("plain-1_2.json", "plain-1_2.json"),
        (
            "arn:aws:iam::1:role/a@b,c=d+e",
            "arn:aws:iam::1:role/a@b,c=d+e",
        ),
        ("", "''"),
        ("two words", "'two words'"),
        ("it's", r"'it'\''s'"),
        ("$(rm)", "'$(rm)'"),
        ("a;b", "'a;b'"),
        ("~", "'~'"),
        ("a\nb", "'a\nb'"),
        ("日", "'日'"),
    ];
    for (text, expected) in cases {
        assert_eq!(quoted(text), expected);
    }
}

#[test]
fn entities() {
    let cases = [
        ("arn:aws:iam::1:role/r", Some(("role", "r"))),
        ("arn:aws:iam::1:user/a/b/u", Some(("user", "u"))),
        ("arn:aws:iam::1:root", None),
        ("arn:aws:iam::1:group/g", None),
        ("states.amazonaws.com", None),
    ];
    for (arn, expected) in cases {
        assert_eq!(entity(arn), expected, "{arn}");
    }
}
