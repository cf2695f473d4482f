use super::*;

#[test]
fn text_is_the_same_short_and_long() {
    for text in [
        "",
        "a",
        "exactly14bytes",
        "fifteen bytes!!",
        "éééééée",
        "ééééééé",
        "éééééééé",
    ] {
        let made = Text::from(text);
        assert_eq!(made.as_str(), text);
        assert_eq!(made, Text::from(text.to_owned()));
        assert_eq!(made, *text);
        assert_ne!(made, Text::from(format!("{text}x")));
        assert_eq!(made.quoted_len(), text.len() + 2);
        assert_eq!(made.clone().address(), made.address());
        assert_eq!(made.address().is_none(), text.len() <= 14);
    }
    assert_eq!(Text::default(), Text::from(""));
}

#[test]
fn order_is_that_of_strings() {
    let texts = [
        "",
        "a",
        "a\0",
        "aa",
        "b",
        "bbbbbbbbbbbbbbbbbbbbbb",
        "bc",
        "é",
        "😀",
    ];
    for left in texts {
        for right in texts {
            assert_eq!(Text::from(left).cmp(&Text::from(right)), left.cmp(right));
        }
    }
}
