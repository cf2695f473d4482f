use super::*;

const SKEW_MS: i64 = 900_000;

fn signature(number: u64) -> [u8; 32] {
    let mut signature = [7; 32];
    let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    signature[..8].copy_from_slice(&random.to_le_bytes());
    signature
}

#[test]
fn a_signature_is_taken_once_for_as_long_as_it_counts() {
    let replays = Replays::new(SKEW_MS);
    let now_ms = 1_790_000_000_000;
    assert!(replays.take(&signature(1), now_ms));
    assert!(replays.take(&signature(2), now_ms));
    // Signed at the end of the skew ahead of the clock, it counts until twice the skew later.
    for later_ms in [0, 1, SKEW_MS, 2 * SKEW_MS - 1, 2 * SKEW_MS] {
        assert!(
            !replays.take(&signature(1), now_ms + later_ms),
            "{later_ms}"
        );
    }
    let later_ms = now_ms + 2 * SKEW_MS + 1;
    assert!(replays.take(&signature(3), later_ms));
    assert!(!replays.take(&signature(2), later_ms));
    // Long after, their times refuse them, and they are forgotten.
    let much_later_ms = later_ms + 2 * SKEW_MS + 1;
    assert!(replays.take(&signature(4), much_later_ms));
    assert!(replays.take(&signature(1), much_later_ms));
}

#[test]
fn memory_is_bounded() {
    let replays = Replays::new(SKEW_MS);
    let most = u64::try_from(SIGNATURES_MAX).unwrap();
    for number in 0..3 * most {
        assert!(replays.take(&signature(number), 0));
    }
    // The newest are known whatever their number.
    assert!(!replays.take(&signature(3 * most - 1), 0));
    assert!(!replays.take(&signature(2 * most), 0));
    let generations = replays.generations.lock();
    assert!(generations.new.len() <= SIGNATURES_MAX);
    assert!(generations.new.capacity() <= SIGNATURES_MAX);
}
