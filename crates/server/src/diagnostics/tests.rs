use super::*;

#[track_caller]
fn check(text: &str, marked: &str, expected: Option<&str>) {
    let start = text.find(marked).unwrap();
    let span = Span {
        start,
        end: start + marked.len(),
        line: text
            .bytes()
            .take(start)
            .filter(|byte| *byte == b'\n')
            .count()
            + 1,
        column: 0,
    };
    assert_eq!(excerpt(text, span).as_deref(), expected, "{marked}");
}

#[test]
fn the_line_at_fault() {
    check(
        "{\n  \"é\": 1\n}",
        "1",
        Some("    2 |   \"é\": 1\n      |        ^"),
    );
    check(
        "{\n\t\"ab\": 1\n}",
        "\"ab\"",
        Some("    2 |  \"ab\": 1\n      |  ^^^^"),
    );
    check("{\r\n}", "{\r\n}", Some("    1 | {\n      | ^"));
    check("a\n\nb", "\nb", None);
}

#[test]
fn a_long_line_is_cut_around_the_fault() {
    let text = format!("{}X{}", "a".repeat(1_000), "b".repeat(1_000));
    let expected = format!(
        "    1 | {}X{}\n      | {}^",
        "a".repeat(48),
        "b".repeat(47),
        " ".repeat(48)
    );
    check(&text, "X", Some(&expected));
    let start = format!("X{}", "b".repeat(1_000));
    let expected = format!("    1 | X{}\n      | ^", "b".repeat(95));
    check(&start, "X", Some(&expected));
    // What is marked ends with what is shown.
    let whole = "b".repeat(1_000);
    let expected = format!("    1 | {}\n      | {}", "b".repeat(96), "^".repeat(96));
    check(&whole, &whole, Some(&expected));
}

#[test]
fn spans_beyond_the_text_are_left_out() {
    let span = Span {
        start: 5,
        end: 9,
        line: 1,
        column: 6,
    };
    assert_eq!(excerpt("{}", span), None);
}
