use super::Pattern;
use crate::models::Service;

/// Every pattern of every embedded model can be checked.
#[test]
fn embedded_patterns() {
    let mut count = 0;
    for service in Service::ALL {
        let model = service.model().expect("the embedded model compiles");
        for shape in &model.shapes {
            if let Some(pattern) = &shape.constraints.pattern {
                assert!(pattern.is_checked(), "{} {pattern:?}", shape.name);
                count += 1;
            }
        }
    }
    assert!(count > 150, "{count} patterns");
}

fn check(pattern: &str, good: &[&str], bad: &[&str]) {
    let compiled = Pattern::new(pattern);
    for text in good {
        assert!(compiled.matches(text), "{pattern} should match {text:?}");
    }
    for text in bad {
        assert!(
            !compiled.matches(text),
            "{pattern} should not match {text:?}"
        );
    }
}

#[test]
fn java_patterns() {
    check(
        r"[\w+=,.@-]+",
        &["a_B9+=,.@-"],
        &["", "a b", "é", "a\n", "a/b"],
    );
    check(r"[\w-_]*", &["a-b_c", ""], &["a.b"]);
    check(
        r"\d{12}",
        &["123456789012"],
        &["12345678901", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢"],
    );
    check(r"[^\s]+", &["a.b", "\u{a0}"], &["a b", "a\tb"]);
    check(r"\S{2,3}", &["ab"], &["a", "a b"]);
    check(".*", &["", "anything"], &["two\nlines", "two\u{2028}lines"]);
    check(r"[\s\S]*", &["two\nlines"], &[]);
    check(r"\p{ASCII}*", &["~!"], &["é"]);
    check(
        r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$",
        &["été 1_.:/=+-@"],
        &["a#b"],
    );
    check(
        r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)",
        &["/", "/a/b/"],
        &["", "a", "/a", "//"],
    );
    check(r"[a-zA-Z0-9-_]+", &["a-_9"], &["a b", ""]);
    check(
        r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
        &["", "arn:aws:s3:x"],
        &["arn"],
    );
}

#[test]
fn hand_written_checks() {
    check(
        r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
        &["a", "1a", "-", "1.0"],
        &["", "12", "a b"],
    );
    check(
        r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        &["a1", "1-"],
        &["1", "", "a.b"],
    );
    check(
        r"((?!^\d+$)^[0-9a-zA-Z-_]+$)",
        &["a1", "1-"],
        &["1", "", "a.b"],
    );
    check(
        r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        &["abc", "a-b", "a-b-c", &"a".repeat(63)],
        &["ab", "a--b", "-ab", "ab-", "aBc", &"a".repeat(64)],
    );
    check(
        r"[0-9A-Za-z\.\-_]*(?<!\.)",
        &["", "a", "a.b", ".a"],
        &["a.", ".", "a b"],
    );
    check(
        r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)",
        &["a", "_ b", "systemx.y", "system"],
        &["", "system.x", "-a", "a$b"],
    );
    check(
        concat!(
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?",
            r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?",
            r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?"
        ),
        &[
            "f",
            "f:live",
            "f:1a",
            "123456789012:f",
            "arn:aws:lambda:eu-west-1:123456789012:function:f:live",
        ],
        &["", "f:", "f:1", "f:live:x", "arn:aws:s3:::b"],
    );
    assert_eq!(Pattern::new("a+").as_str(), "a+");
}
