use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const DAY_MS: u64 = 24 * 3_600 * 1_000;

#[test]
fn a_token_opens_for_its_request_within_a_day() {
    let key = PageKey([7; 32]);
    for position in [0, 1, u64::MAX] {
        let token = key.seal(position, "list a", NOW);
        assert_eq!(key.open(&token, "list a", NOW), Some(position));
        assert_eq!(
            key.open(&token, "list a", NOW.plus_ms(DAY_MS - 1)),
            Some(position)
        );
        assert_eq!(key.open(&token, "list a", NOW.plus_ms(DAY_MS)), None);
        assert_eq!(key.open(&token, "list b", NOW), None);
        assert_eq!(PageKey([8; 32]).open(&token, "list a", NOW), None);
    }
}

#[test]
fn a_changed_token_does_not_open() {
    let key = PageKey([7; 32]);
    let token = key.seal(5, "list", NOW);
    for at in 0..token.len() {
        let mut changed = token.clone();
        let digit = if token.as_bytes()[at] == b'0' {
            "1"
        } else {
            "0"
        };
        changed.replace_range(at..=at, digit);
        assert_eq!(key.open(&changed, "list", NOW), None, "{changed}");
    }
    for text in [
        "",
        "x",
        "zz",
        &token.to_uppercase(),
        &format!("{token}00"),
        "é",
    ] {
        assert_eq!(key.open(text, "list", NOW), None, "{text}");
    }
}

#[test]
fn the_key_stays_with_the_store() {
    let store = store::Memory::new();
    let token = PageKey::of_store(&store).unwrap().seal(5, "list", NOW);
    assert_eq!(
        PageKey::of_store(&store).unwrap().open(&token, "list", NOW),
        Some(5)
    );
    let other = store::Memory::new();
    assert_eq!(
        PageKey::of_store(&other).unwrap().open(&token, "list", NOW),
        None
    );
}
