use std::sync::Arc;

use json::Value;

use super::*;
use crate::iam::testing::{self, text};

const CASES: &str = include_str!("../../../../../conformance/iam/matching.json");

#[test]
fn actions_and_resources() {
    let user = "arn:aws:iam::111122223333:user/u";
    let principal = testing::principal(user, "/", &Arc::default());
    let mut context = testing::context(&principal, None);
    context.set("svc:star", "*");
    for case in testing::cases(CASES) {
        let written = text(&case, "pattern");
        let pattern = match text(&case, "of") {
            "action" => Pattern::action(written),
            _ => Pattern::resource(written, true),
        };
        let check = |member: &str, expected: bool| {
            let texts = case.get(member).and_then(Value::as_array).expect("texts");
            for text in texts.iter().filter_map(Value::as_str) {
                assert_eq!(
                    pattern.matches(text, &context),
                    expected,
                    "{written} {text}"
                );
            }
        };
        check("matches", true);
        check("differs", false);
    }
}

/// The same rules, tried in every way.
fn tried(pattern: &[u8], text: &[u8], wildcards: Wildcards, colons: usize) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    let is_sixth = colons >= FIELDS - 1;
    let stays = |is_star: bool| match wildcards {
        Wildcards::No | Wildcards::Plain => false,
        Wildcards::Arn => !is_sixth,
        Wildcards::Resource => {
            let end = rest.iter().find(|b| **b != b'*');
            !(is_star && end.is_none_or(|b| *b == b':'))
        }
    };
    match first {
        b'*' => {
            let takes = |len: &usize| {
                let taken = &text[..*len];
                !(stays(true) && taken.contains(&b':'))
            };
            (0..=text.len())
                .filter(takes)
                .any(|len| tried(rest, &text[len..], wildcards, colons))
        }
        b'?' => match text.split_first() {
            Some((b':', _)) if stays(false) => false,
            Some((_, after)) => tried(rest, after, wildcards, colons),
            None => false,
        },
        literal => match text.split_first() {
            Some((c, after)) if c == literal => {
                tried(rest, after, wildcards, colons + usize::from(*c == b':'))
            }
            _ => false,
        },
    }
}

#[test]
fn a_match_is_found_if_there_is_one() {
    let mut dice = testing::Dice::new(1);
    let context = Context::new();
    let mut matches = 0;
    for _ in 0..60_000 {
        let pattern: String = (0..dice.below(9))
            .map(|_| dice.pick(&['a', 'b', ':', '*', '?', '*']))
            .collect();
        let text: String = (0..dice.below(10))
            .map(|_| dice.pick(&['a', 'b', ':']))
            .collect();
        for wildcards in [Wildcards::Plain, Wildcards::Resource] {
            let expected = tried(pattern.as_bytes(), text.as_bytes(), wildcards, 0);
            let found = Pattern::compile(&pattern, wildcards, false).matches(&text, &context);
            assert_eq!(found, expected, "{pattern} {text} {wildcards:?}");
            matches += u32::from(found);
        }
        let fields = |text: &str| format!("arn::{text}");
        let (pattern, text) = (fields(&pattern), fields(&text));
        let expected = tried(pattern.as_bytes(), text.as_bytes(), Wildcards::Arn, 0);
        let found = Pattern::compile(&pattern, Wildcards::Arn, false).matches(&text, &context);
        assert_eq!(found, expected, "{pattern} {text} Arn");
    }
    assert!(matches > 1_000, "{matches}");
}

/// Steps grow with the product of the lengths, not with the number of ways to match.
#[test]
fn hostile_patterns_end() {
    let context = Context::new();
    let resource = format!("arn:aws:s3:::{}", "a:".repeat(1_000));
    for unit in ["a*", "*a", "*:", "*a*:", "?*"] {
        let pattern = format!("arn:aws:s3:::{}b", unit.repeat(500));
        assert!(
            !Pattern::resource(&pattern, true).matches(&resource, &context),
            "{unit}"
        );
    }
}
