use super::*;
use crate::Allowance;
use crate::error::Limit;

fn meter() -> Meter {
    Meter::new(Allowance::FULL)
}

/// All matches, with their groups in parentheses.
fn found(text: &str, source: &str, flags: &str) -> String {
    let result = Regex::compile(source, flags)
        .and_then(|regex| matches(text, &regex, None, &meter()))
        .map(|values| {
            let shown = values.iter().map(|value| {
                let matched = value.get("match").and_then(Value::as_str).unwrap();
                let groups = value.get("groups").and_then(Value::as_array).unwrap();
                let groups = groups.iter().map(|group| group.as_str().unwrap_or("-"));
                match groups.collect::<Vec<_>>().as_slice() {
                    [] => matched.to_owned(),
                    groups => format!("{matched}({})", groups.join(",")),
                }
            });
            shown.collect::<Vec<_>>().join(" ")
        });
    result.unwrap_or_else(|error| error.to_string())
}

fn check(cases: &[(&str, &str, &str, &str)]) {
    for (source, flags, text, expected) in cases {
        assert_eq!(
            found(text, source, flags),
            *expected,
            "/{source}/{flags} in {text:?}"
        );
    }
}

#[test]
fn repetitions() {
    check(&[
        ("ab", "", "xxababx", "ab ab"),
        ("a+", "", "aabaaa", "aa aaa"),
        ("a+?", "", "aa", "a a"),
        ("a{2}", "", "aaaaa", "aa aa"),
        ("a{2,}", "", "aaaaa", "aaaaa"),
        ("a{1,2}b", "", "aaab", "aab"),
        ("a{2,3}?", "", "aaaa", "aa aa"),
        ("xa{0}b", "", "xb", "xb"),
        ("(a+|b+)c", "", "aabbc", "bbc(bb)"),
        ("a|ab", "", "ab", "a"),
        ("(?:a|ab)c", "", "abc", "abc"),
        ("(a)|b", "", "ab", "a(a) b(-)"),
        // Groups are empty again when a repetition begins, and an optional one that matches
        // nothing does not count.
        ("(?:(a)|(b))+", "", "ab", "ab(-,b)"),
        ("x(a*)*", "", "xb", "x(-)"),
        ("x(a*)+", "", "xb", "x()"),
        ("x(a?){0,2}b", "", "xb", "xb(-)"),
        ("(?:|a)+b", "", "aab", "aab"),
        // Braces that are no quantifier are themselves.
        ("a{", "", "a{", "a{"),
        ("a{,2}", "", "a{,2}", "a{,2}"),
        ("a{x}]", "", "a{x}]", "a{x}]"),
    ]);
}

#[test]
fn classes_and_escapes() {
    check(&[
        ("[a-c]+", "", "xabcd", "abc"),
        ("[^a-c]+", "", "xabcd", "x d"),
        ("[]|a", "", "a", "a"),
        ("[^]", "", "\n", "\n"),
        ("[[]", "", "[", "["),
        (r"[\]\\-]+", "", r"a\]-", r"\]-"),
        (r"[\d-x]+", "", "1-x2a", "1-x2"),
        ("[a-]+", "", "-a", "-a"),
        (r"[\b]", "", "\u{8}", "\u{8}"),
        ("[&&--~~]+", "", "&-~", "&-~"),
        (r"\d+", "", "a12٣", "12"),
        (r"\w+", "", "aé_1", "a _1"),
        (r"\W", "", "aé", "é"),
        (r"\s+", "", "a \t\u{a0}\u{feff}b", " \t\u{a0}\u{feff}"),
        (r"\S+", "", "a b", "a b"),
        (r"\D", "", "1a", "a"),
        (r"\x41\u0042\t\0\cI", "", "AB\t\0\t", "AB\t\0\t"),
        (r"\uD83D\uDE00", "", "😀", "😀"),
        (r"\uD83D", "", "😀", ""),
        (
            r"\101\7\8\x4\u00\c1\k\z",
            "",
            "A\u{7}8x4u00\\c1kz",
            "A\u{7}8x4u00\\c1kz",
        ),
        (".", "", "a\n\r\u{2028}😀", "a 😀"),
        ("[é-ü]+", "", "aéöz", "éö"),
    ]);
}

#[test]
fn assertions() {
    check(&[
        ("^a", "", "a\na", "a"),
        ("^a", "m", "a\na", "a a"),
        ("a$", "", "a\na", "a"),
        ("a$", "m", "a\na\r\n", "a a"),
        (r"\ba", "", "a ba é_a a", "a a"),
        (r"a\B", "", "a ab", "a"),
        (r"\bé", "", "é aé", "é"),
        ("(?:^|,)x", "", "x,x", "x ,x"),
    ]);
}

#[test]
fn cases_do_not_count() {
    check(&[
        ("aB", "i", "AbabAB", "Ab ab AB"),
        ("[a-c]+", "i", "xABCd", "ABC"),
        ("[^a]", "i", "aAb", "b"),
        ("É", "i", "éÉ", "é É"),
        ("[à-ü]+", "i", "ÀÜ", "ÀÜ"),
        ("Σ", "i", "σςΣ", "σ ς Σ"),
        ("ς", "i", "σ", "σ"),
        ("ß", "i", "SSß", "ß"),
        // Neither the long s nor the Kelvin sign is an ASCII letter in another case.
        ("s|k", "i", "\u{17f}\u{212a}", ""),
        (r"\w", "i", "\u{17f}\u{212a}", ""),
        (r"\S+", "i", "Éa", "Éa"),
    ]);
}

#[test]
fn expressions_that_are_refused() {
    let fault =
        |source: &str, reason: &str| format!("Invalid regular expression: /{source}/: {reason}");
    let many = "(a{100}){1000}";
    let deep = format!("{}a{}", "(".repeat(51), ")".repeat(51));
    let groups = "(a)".repeat(2000);
    let cases = [
        ("(", "Unterminated group"),
        ("a)", "Unmatched ')'"),
        ("[a", "Unterminated character class"),
        ("[b-a]", "Range out of order in character class"),
        ("*a", "Nothing to repeat"),
        ("a**", "Nothing to repeat"),
        ("^*", "Nothing to repeat"),
        (r"\b+", "Nothing to repeat"),
        ("{1}", "Nothing to repeat"),
        ("a{2,1}", "numbers out of order in {} quantifier"),
        ("\\", "\\ at end of pattern"),
        ("(?x)", "Invalid group"),
        ("(?<1>a", "Unterminated group"),
        ("(?<>a)", "Invalid capture group name"),
        ("(?=a)", "look-around is not supported"),
        ("(?!a)", "look-around is not supported"),
        ("(?<=a)", "look-around is not supported"),
        ("(?<!a)", "look-around is not supported"),
        (r"(a)\1", "back-references are not supported"),
        (r"(?<n>a)\k<n>", "back-references are not supported"),
        (many, "too large: its repetitions and groups multiply"),
        (
            "a{99999999999999999999}",
            "too large: its repetitions and groups multiply",
        ),
        (&groups, "too large: its repetitions and groups multiply"),
        (&deep, "groups nest deeper than 50"),
    ];
    for (source, reason) in cases {
        assert_eq!(found("", source, ""), fault(source, reason));
    }
    assert_eq!(
        found("", "a", "g"),
        "Invalid regular expression: /a/g: Invalid flags"
    );
    assert_eq!(
        found("", "a", "ii"),
        "Invalid regular expression: /a/ii: Invalid flags"
    );
}

#[test]
fn empty_matches() {
    let empty = "D1004: Regular expression matches zero length string";
    check(&[
        ("a*", "", "", ""),
        ("a*", "", "aa", "aa"),
        ("a*", "", "ab", empty),
        ("a*", "", "ba", empty),
        ("^", "", "ab", empty),
        ("$", "", "ab", ""),
    ]);
}

#[test]
fn one_match_after_the_other() {
    let regex = Regex::compile("(é)|(b)", "i").unwrap();
    let text = "😀Éxb";
    let first = regex.first(text, &meter()).unwrap().unwrap();
    assert_eq!((first.start, first.end, first.span.clone()), (2, 3, 4..6));
    assert_eq!(first.text(text), "É");
    assert_eq!(first.group_texts(text), [Some("É"), None]);
    let second = regex.after(text, &first, &meter()).unwrap().unwrap();
    assert_eq!(
        (second.start, second.end, second.span.clone()),
        (4, 5, 7..8)
    );
    assert_eq!(second.group_texts(text), [None, Some("b")]);
    assert_eq!(regex.after(text, &second, &meter()), Ok(None));
}

#[test]
fn matching() {
    let cases = [
        (
            "ababbabbcc",
            "ab(b)?",
            None,
            r#"[{"match":"ab","index":0,"groups":[null]},{"match":"abb","index":2,"groups":["b"]},{"match":"abb","index":5,"groups":["b"]}]"#,
        ),
        (
            "aaa",
            "a",
            Some(2.0),
            r#"[{"match":"a","index":0,"groups":[]},{"match":"a","index":1,"groups":[]}]"#,
        ),
        (
            "aaa",
            "a",
            Some(0.5),
            r#"[{"match":"a","index":0,"groups":[]}]"#,
        ),
        ("aaa", "a", Some(0.0), "[]"),
        ("aaa", "b", None, "[]"),
        (
            "aaa",
            "a",
            Some(-1.0),
            "D3040: Third argument of match function must evaluate to a positive number",
        ),
    ];
    for (text, source, limit, expected) in cases {
        let regex = Regex::compile(source, "").unwrap();
        let result = matches(text, &regex, limit, &meter());
        let result = result.map(|values| Value::from(values).to_text());
        assert_eq!(
            result.unwrap_or_else(|error| error.to_string()),
            expected,
            "{source}"
        );
    }
}

#[test]
fn splitting() {
    let cases = [
        ("a, b;c", "[,;] *", None, r#"["a","b","c"]"#),
        ("a, b;c", "[,;] *", Some(2.0), r#"["a","b"]"#),
        ("a, b;c", "[,;] *", Some(0.0), "[]"),
        ("abc", "x", None, r#"["abc"]"#),
        ("abc", "x", Some(0.0), "[]"),
        (",", ",", None, r#"["",""]"#),
        ("", ",", None, r#"[""]"#),
        (
            "a",
            ",",
            Some(-2.0),
            "D3020: Third argument of split function must evaluate to a positive number",
        ),
    ];
    for (text, source, limit, expected) in cases {
        let regex = Regex::compile(source, "").unwrap();
        let result = split(text, &regex, limit, &meter());
        let result = result.map(|values| Value::from(values).to_text());
        assert_eq!(
            result.unwrap_or_else(|error| error.to_string()),
            expected,
            "{text} {source}"
        );
    }
}

#[test]
fn replacing() {
    let cases = [
        ("John Smith", r"(\w+)\s(\w+)", "$2, $1", None, "Smith, John"),
        ("265USD", r"([0-9]+)USD", "$$$1", None, "$265"),
        ("abc", "b", "[$0$1$2]", None, "a[b]c"),
        ("abc", "b", "$", None, "a$c"),
        ("abc", "b", "$x$", None, "a$x$c"),
        ("abc", "(b)", "$12", None, "ab2c"),
        ("abc", "(b)", "$2x", None, "axc"),
        ("abc", "(x)?b", "<$1>", None, "a<>c"),
        (
            "abcdefghijk",
            "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)",
            "$11$12$110$9",
            None,
            "ka2k0i",
        ),
        ("aaa", "a", "b", Some(2.0), "bba"),
        ("aaa", "a", "b", Some(0.0), "aaa"),
        ("aaa", "b", "x", None, "aaa"),
        (
            "aaa",
            "a",
            "b",
            Some(-1.0),
            "D3011: Fourth argument of replace function must evaluate to a positive number",
        ),
        (
            "aaa",
            "b*",
            "x",
            None,
            "D1004: Regular expression matches zero length string",
        ),
    ];
    for (text, source, replacement, limit, expected) in cases {
        let regex = Regex::compile(source, "").unwrap();
        let result = replace(text, &regex, replacement, limit, &meter());
        assert_eq!(
            result.unwrap_or_else(|error| error.to_string()),
            expected,
            "{source}"
        );
    }
}

#[test]
fn hostile_expressions_are_linear() {
    let many_as = "a".repeat(30_000);
    for source in [
        "(a+)+$",
        "(a*)*b",
        "(a|aa)+c",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*)(.*)(.*)x",
    ] {
        let regex = Regex::compile(source, "").unwrap();
        let steps = meter();
        regex.first(&many_as, &steps).unwrap();
        let used = Allowance::FULL.steps - steps.steps_left();
        assert!(used < 3_000_000, "{source}: {used}");
    }
}

#[test]
fn what_costs_more_ends_with_the_meter() {
    // Each search looks at all that follows.
    let regex = Regex::compile("a(?:.*b)?", "").unwrap();
    let error = matches(&"a".repeat(30_000), &regex, None, &meter()).unwrap_err();
    assert_eq!(error.limit, Some(Limit::Steps));
    let regex = Regex::compile("x", "").unwrap();
    let text = "x".repeat(1 << 20);
    let error = replace(&text, &regex, &"$0".repeat(100), None, &meter()).unwrap_err();
    assert!(error.limit.is_some());
    let error = matches(&text, &regex, None, &meter()).unwrap_err();
    assert!(error.limit.is_some());
}

#[test]
fn ordinary_work_is_cheap() {
    let text = "alpha, beta ,gamma;".repeat(13_000);
    let regex = Regex::compile(r"\s*[,;]\s*", "").unwrap();
    let meter = meter();
    assert_eq!(split(&text, &regex, None, &meter).unwrap().len(), 39_001);
    let used = Allowance::FULL.steps - meter.steps_left();
    assert!(used < 4_000_000, "{used}");
}
