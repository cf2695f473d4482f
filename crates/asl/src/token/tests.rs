use super::{TOKEN_CHARS_MAX, mint, mint_of_activity, read, verify};
use crate::decide::tests::start_of;

#[test]
fn what_is_minted_is_read_and_verified() {
    let start = start_of("{}");
    for attempt in [1, 3, 25_000, u64::MAX] {
        let text = mint(&start, attempt);
        assert_eq!(
            text,
            mint(&start, attempt),
            "the same attempt, the same token"
        );
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        let token = read(&text).unwrap();
        assert_eq!(
            (&*token.execution_arn, token.attempt),
            (&*start.execution_arn, attempt)
        );
        assert!(verify(&start, &token));
    }
}

/// Tokens outlive upgrades: this one is what the first version mints (made with Python's hmac).
#[test]
fn the_first_format_stays_readable() {
    let text = "AQAAAAAAAAADQ03zGj2CDn7LqpbK0izae2Fybjphd3M6c3RhdGVzOnVzLWVh\
                c3QtMToxMjM0NTY3ODkwMTI6ZXhlY3V0aW9uOm06ZQ";
    let token = read(text).unwrap();
    assert!(verify(&start_of("{}"), &token));
    assert_eq!(
        (token.attempt, &*token.execution_arn),
        (3, &*start_of("{}").execution_arn)
    );
}

const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:a";

/// A worker may say so to whoever gave it permission for the activity: nobody else can.
#[test]
fn an_activity_is_part_of_its_tasks_tokens() {
    let start = start_of("{}");
    let token = read(&mint_of_activity(&start, 3, ACTIVITY)).unwrap();
    assert_eq!(token.activity_arn.as_deref(), Some(ACTIVITY));
    assert_eq!(
        (&*token.execution_arn, token.attempt),
        (&*start.execution_arn, 3)
    );
    assert!(verify(&start, &token));
    let other = ACTIVITY.replace(":a", ":b");
    for claimed in [None, Some(other.into())] {
        let mut changed = token.clone();
        changed.activity_arn = claimed;
        assert!(!verify(&start, &changed));
    }
    let mut claimed = read(&mint(&start, 3)).unwrap();
    claimed.activity_arn = Some(ACTIVITY.into());
    assert!(!verify(&start, &claimed));
}

#[test]
fn the_longest_arns_fit() {
    let mut start = start_of("{}");
    let name = "n".repeat(80);
    start.execution_arn =
        format!("arn:aws-us-gov:states:us-gov-west-1:123456789012:execution:{name}:{name}").into();
    assert!(mint(&start, u64::MAX).len() < TOKEN_CHARS_MAX / 2);
    let activity = format!("arn:aws-us-gov:states:us-gov-west-1:123456789012:activity:{name}");
    assert!(mint_of_activity(&start, u64::MAX, &activity).len() < TOKEN_CHARS_MAX);
}

#[test]
fn others_are_refused() {
    let start = start_of("{}");
    let token = read(&mint(&start, 3)).unwrap();
    let mut changed = token.clone();
    changed.attempt = 4;
    assert!(!verify(&start, &changed), "another attempt");
    for byte in 0..16 {
        let mut changed = token.clone();
        changed.mac[byte] ^= 1;
        assert!(!verify(&start, &changed), "byte {byte} of the MAC");
    }
    let mut other = start.clone();
    other.token_secret[0] ^= 1;
    assert!(!verify(&other, &token), "another secret");
    let mut other = start;
    other.execution_arn = "arn:aws:states:us-east-1:123456789012:execution:m:f".into();
    assert!(!verify(&other, &token), "another execution");
    let mut forged = token;
    forged.execution_arn = other.execution_arn.clone();
    assert!(!verify(&other, &forged), "another execution's MAC");
}

#[test]
fn texts_that_are_no_tokens() {
    let text = mint(&start_of("{}"), 3);
    for no_token in [
        "",
        "x",
        "not a token",
        "AQAA",
        "////",
        text.split_at(20).0,
        &format!("{text}="),
        &format!(" {text}"),
        &text.replacen("AQ", "Ag", 1),
        &text.replacen("AQ", "Aw", 1),
        &"A".repeat(TOKEN_CHARS_MAX + 1),
    ] {
        assert_eq!(read(no_token), None, "{no_token}");
    }
}
