use proptest::prelude::*;

use super::*;

fn event(time_ms: i64, message: &str) -> Event {
    Event {
        time_ms,
        message: message.into(),
    }
}

#[test]
fn rows_end_by_time_and_by_bytes() {
    let check = |events: Vec<Event>, expected: &[(i64, i64, u64)]| {
        let rows = packed(events.clone());
        let shape: Vec<_> = rows
            .iter()
            .map(|row| (row.first_ms, row.last_ms, row.count))
            .collect();
        assert_eq!(shape, expected);
        let size: usize = events.iter().map(Event::size).sum();
        assert_eq!(rows.iter().map(|row| row.size).sum::<u64>(), size as u64);
    };
    check(vec![], &[]);
    check(vec![event(7, "")], &[(7, 7, 1)]);
    check(vec![event(9, "b"), event(3, "a")], &[(3, 9, 2)]);
    let (near, far) = (event(SPAN_MS_MAX, "b"), event(SPAN_MS_MAX + 1, "c"));
    let rows = [(0, SPAN_MS_MAX, 2), (SPAN_MS_MAX + 1, SPAN_MS_MAX + 1, 1)];
    check(vec![event(0, "a"), near, far], &rows);
    check(
        vec![event(i64::MIN, "a"), event(i64::MAX, "b")],
        &[(i64::MIN, i64::MIN, 1), (i64::MAX, i64::MAX, 1)],
    );
    let large = "x".repeat(TEXT_BYTES - 1);
    let many = [&*large, "y", "z", &large, &large].map(|message| event(1, message));
    check(many.to_vec(), &[(1, 1, 2), (1, 1, 2), (1, 1, 1)]);
}

#[test]
fn text_that_repeats_is_compressed() {
    let events: Vec<Event> = (0..100)
        .map(|number| event(number, &format!("{number} the same words again and again")))
        .collect();
    let row = packed(events).remove(0);
    assert!(row.bytes.len() * 2 < usize::try_from(row.size).unwrap());
}

#[test]
fn damaged_bytes_are_no_events() {
    let whole = packed(vec![event(5, &"words ".repeat(100))])
        .remove(0)
        .bytes;
    assert!(unpacked(5, &whole).is_some());
    for len in 0..whole.len() {
        assert_eq!(unpacked(5, &whole[..len]), None, "{len}");
    }
    let check = |bytes: &[u8]| assert_eq!(unpacked(5, bytes), None, "{bytes:?}");
    check(&[2, 0, 0]);
    check(&[RAW, 0, 2, b'a']);
    check(&[RAW, 0, 1, 0xff]);
    check(&[
        RAW, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
    ]);
    check(&[LZ4, 0xff, 0xff, 0x03, 0]);
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(
        events in prop::collection::vec((0..3_000_000_i64, "[a-c\\PC]{0,40}"), 0..60)
    ) {
        let events: Vec<Event> = events.iter().map(|(time, text)| event(*time, text)).collect();
        let mut sorted = events.clone();
        sorted.sort_by_key(|event| event.time_ms);
        let mut found = Vec::new();
        for row in packed(events) {
            prop_assert!(row.last_ms - row.first_ms <= SPAN_MS_MAX);
            let events = unpacked(row.first_ms, &row.bytes).unwrap();
            prop_assert_eq!(events.len() as u64, row.count);
            prop_assert_eq!(events.first().map(|event| event.time_ms), Some(row.first_ms));
            prop_assert_eq!(events.last().map(|event| event.time_ms), Some(row.last_ms));
            found.extend(events);
        }
        prop_assert_eq!(found, sorted);
    }
}
