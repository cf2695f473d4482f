//! One suite for all events.

use super::*;
use crate::SqliteLines;
use crate::lines::MemoryLines;
use proptest::prelude::*;

/// Runs a case against every kind of log.
fn on_all(case: impl Fn(&dyn Events)) {
    case(&MemoryLines::default());
    let folder = tempfile::tempdir().unwrap();
    case(&SqliteLines::open(folder.path()).unwrap());
}

const GROUP: GroupId = GroupId(1);
const HOUR: i64 = 3_600_000;
const EVERYTHING: Range<Place> = Place::at(i64::MIN)..Place::END;
use Order::{NewestFirst, OldestFirst};

fn batch(group: u64, stream: u64, ingested_ms: i64, events: &[(i64, &str)]) -> Batch {
    let event = |(time_ms, message): &(i64, &str)| Event {
        time_ms: *time_ms,
        message: (*message).into(),
    };
    Batch {
        group: GroupId(group),
        stream: StreamId(stream),
        name: format!("stream {stream}").into(),
        ingested_ms,
        events: events.iter().map(event).collect(),
    }
}

fn texts(page: &Page) -> String {
    let texts: Vec<&str> = page.events.iter().map(|found| &*found.message).collect();
    texts.join(" ")
}

fn bound(events: usize, bytes: usize) -> Bound {
    Bound { events, bytes }
}

fn all(log: &dyn Events, group: u64) -> String {
    let scope = Scope {
        group: GroupId(group),
        streams: Streams::All,
    };
    texts(
        &log.events(&scope, EVERYTHING, OldestFirst, Bound::default())
            .unwrap(),
    )
}

/// Two streams of a group whose events overlap, late ones, and others.
fn filled(log: &dyn Events) {
    let append = |batches: &[Batch]| log.append_events(batches.to_vec()).unwrap();
    append(&[
        batch(1, 10, 1, &[(5, "c"), (3, "a"), (5, "d")]),
        batch(1, 20, 1, &[(4, "b"), (9 * HOUR, "i")]),
        batch(2, 30, 1, &[(5, "other")]),
    ]);
    append(&[batch(1, 20, 2, &[(5, "e"), (HOUR, "h"), (7, "g")])]);
    append(&[batch(1, 10, 3, &[(6, "f")]), batch(1, 11, 3, &[])]);
    append(&[]);
}

const ALWAYS: (i64, i64) = (0, i64::MAX);

/// Reads a group at times and checks what is found, by its messages.
fn check(
    log: &dyn Events,
    streams: Streams<'_>,
    (from_ms, until_ms): (i64, i64),
    (order, bound): (Order, Bound),
    expected: &str,
) -> Page {
    let scope = Scope {
        group: GROUP,
        streams,
    };
    let places = Place::at(from_ms)..Place::at(until_ms);
    let page = log.events(&scope, places.clone(), order, bound).unwrap();
    let given = (streams, &places, order, bound);
    assert_eq!(texts(&page), expected, "{given:?}");
    for found in &page.events {
        assert!(places.contains(&found.place));
    }
    page
}

#[test]
fn events_are_read_by_time_and_arrival() {
    on_all(|log| {
        filled(log);
        let (oldest, newest) = (
            (OldestFirst, Bound::default()),
            (NewestFirst, Bound::default()),
        );
        let all = Streams::All;
        check(log, all, ALWAYS, oldest, "a b c d e f g h i");
        check(log, all, ALWAYS, newest, "i h g f e d c b a");
        check(log, all, (5, 7), oldest, "c d e f");
        check(log, all, (5, 7), newest, "f e d c");
        check(log, all, (8, HOUR), oldest, "");
        check(log, all, (7, 5), oldest, "");
        check(log, all, (HOUR, i64::MAX), newest, "i h");
        let one = |number| Streams::One(StreamId(number));
        check(log, one(10), ALWAYS, oldest, "a c d f");
        check(log, one(10), (4, 6), newest, "d c");
        check(log, one(30), ALWAYS, oldest, "");
        check(log, one(11), ALWAYS, oldest, "");
        let some = BTreeSet::from([StreamId(20), StreamId(30), StreamId(77)]);
        check(log, Streams::Of(&some), ALWAYS, oldest, "b e g h i");
        let prefixed = Streams::Prefixed("stream 1");
        check(log, prefixed, ALWAYS, newest, "f d c a");
        check(log, Streams::Prefixed("no"), ALWAYS, oldest, "");
    });
}

#[test]
fn a_page_has_so_many_events_and_bytes_but_one_event_at_least() {
    on_all(|log| {
        filled(log);
        let all = Streams::All;
        let page = |order, (events, bytes), expected| {
            check(log, all, ALWAYS, (order, bound(events, bytes)), expected)
        };
        let three = page(OldestFirst, (3, 999), "a b c");
        assert_eq!(three.next.map(|next| next.time_ms), Some(5));
        // Each counts 26 bytes beside its message.
        let two = page(NewestFirst, (9, 80), "i h");
        assert_eq!(two.next.map(|next| next.time_ms), Some(7));
        page(OldestFirst, (9, 1), "a");
        page(OldestFirst, (0, 0), "a");
        let nine = page(OldestFirst, (9, 9 * 27), "a b c d e f g h i");
        assert_eq!(nine.next, None);
        let found = &nine.events[4];
        let shown = (&*found.stream, found.ingested_ms, found.place.time_ms);
        assert_eq!(shown, ("stream 20", 2, 5));
    });
}

/// Pages of a group in either direction, one after the other.
fn paged(log: &dyn Events, order: Order, bound: Bound) -> Vec<Found> {
    let scope = Scope {
        group: GROUP,
        streams: Streams::All,
    };
    let mut places = EVERYTHING;
    let mut found = Vec::new();
    loop {
        let page = log.events(&scope, places.clone(), order, bound).unwrap();
        found.extend(page.events);
        match (page.next, order) {
            (None, _) => return found,
            (Some(next), OldestFirst) => {
                assert!(next > places.start, "a read gets on");
                places.start = next;
            }
            (Some(next), NewestFirst) => {
                assert!(next < places.end, "a read gets on");
                places.end = next;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pages_put_together_are_all_events_in_order(
        batches in prop::collection::vec(
            (0..5_u64, prop::collection::vec(0..2_000_000_i64, 1..12)), 1..20),
        limit in 1..20_usize,
    ) {
        on_all(|log| {
            let mut expected = Vec::new();
            for (at, (stream, times)) in batches.iter().enumerate() {
                let message = format!("{at}");
                let events: Vec<_> = times.iter().map(|time| (*time, &*message)).collect();
                log.append_events(vec![batch(1, *stream, 0, &events)]).unwrap();
                expected.extend(times.iter().map(|time| (*time, message.clone())));
            }
            expected.sort_by_key(|(time, _)| *time);
            let shown = |found: &[Found]| -> Vec<(i64, String)> {
                let shown = found.iter();
                shown.map(|found| (found.place.time_ms, found.message.to_string())).collect()
            };
            let forward = paged(log, OldestFirst, bound(limit, 1 << 20));
            assert_eq!(shown(&forward), expected);
            let mut backward = paged(log, NewestFirst, bound(limit, 1 << 20));
            backward.reverse();
            assert_eq!(backward, forward);
        });
    }
}

#[test]
fn streams_have_ends_and_groups_a_size() {
    on_all(|log| {
        filled(log);
        let bounds = |streams: &[u64]| {
            let streams: Vec<StreamId> = streams.iter().map(|id| StreamId(*id)).collect();
            let bounds = log.bounds(&streams).unwrap().into_iter();
            let shown = |found: StreamBounds| (found.first_ms, found.last_ms, found.ingested_ms);
            bounds.map(|found| found.map(shown)).collect::<Vec<_>>()
        };
        let expected = [Some((4, 9 * HOUR, 2)), None, Some((3, 6, 3)), None];
        assert_eq!(bounds(&[20, 11, 10, 77]), expected);
        let sizes = |groups: &[GroupId]| log.stored_bytes(groups).unwrap();
        assert_eq!(sizes(&[GroupId(2), GroupId(9), GROUP]), [31, 0, 9 * 27]);
        assert_eq!(log.groups(None, 9).unwrap(), [GROUP, GroupId(2)]);
        assert_eq!(log.groups(None, 1).unwrap(), [GROUP]);
        assert_eq!(log.groups(Some(GROUP), 9).unwrap(), [GroupId(2)]);
        // Retention: a row goes once all of it is old.
        while log.expire_events(GROUP, HOUR).unwrap() {}
        assert_eq!(all(log, 1), "h i");
        assert_eq!(bounds(&[20, 10]), [Some((HOUR, 9 * HOUR, 2)), None]);
        assert_eq!(sizes(&[GROUP, GroupId(2)]), [2 * 27, 31]);
    });
}

#[test]
fn what_is_dropped_is_never_seen_again() {
    on_all(|log| {
        filled(log);
        log.drop_stream(GROUP, StreamId(20)).unwrap();
        assert_eq!(all(log, 1), "a c d f");
        assert_eq!(log.bounds(&[StreamId(20)]).unwrap(), [None]);
        // Late events for it are left out, those beside them aren't.
        let late = [
            batch(1, 20, 9, &[(5, "late")]),
            batch(1, 10, 9, &[(99, "z")]),
        ];
        log.append_events(late.to_vec()).unwrap();
        while log.sweep().unwrap() {}
        log.append_events(late[..1].to_vec()).unwrap();
        assert_eq!(all(log, 1), "a c d f z");
        assert_eq!(log.stored_bytes(&[GROUP]).unwrap(), [5 * 27]);
        // A stream that is dropped before its first events.
        log.drop_stream(GROUP, StreamId(40)).unwrap();
        log.append_events(vec![batch(1, 40, 9, &[(5, "late")])])
            .unwrap();
        assert_eq!(all(log, 1), "a c d f z");

        log.drop_group(GROUP).unwrap();
        log.append_events(vec![batch(1, 10, 9, &[(5, "late")])])
            .unwrap();
        log.append_events(vec![batch(1, 50, 9, &[(5, "late")])])
            .unwrap();
        assert_eq!((&*all(log, 1), &*all(log, 2)), ("", "other"));
        while log.sweep().unwrap() {}
        assert_eq!((&*all(log, 1), &*all(log, 2)), ("", "other"));
        assert_eq!(log.groups(None, 9).unwrap(), [GroupId(2)]);
        assert_eq!(log.stored_bytes(&[GROUP]).unwrap(), [0]);
    });
}

#[test]
fn a_read_does_so_much_work_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLines::open(folder.path()).unwrap();
    let large = "x".repeat(900_000);
    for second in 0..12 {
        let time_ms = second * 60_000;
        let events = [(time_ms, &*large)];
        log.append_events(vec![batch(1, 10, 0, &events)]).unwrap();
    }
    log.append_events(vec![batch(1, 20, 0, &[(12 * 60_000, "found")])])
        .unwrap();
    let check = |order, expected: &[usize]| {
        let scope = Scope {
            group: GROUP,
            streams: Streams::All,
        };
        let mut places = EVERYTHING;
        let mut counts = Vec::new();
        loop {
            let page = log.events(&scope, places.clone(), order, bound(10_000, 64 << 20));
            let page = page.unwrap();
            counts.push(page.events.len());
            match (page.next, order) {
                (None, _) => break,
                (Some(next), OldestFirst) => places.start = next,
                (Some(next), NewestFirst) => places.end = next,
            }
        }
        assert_eq!(counts, expected);
    };
    // Eight MiB at a time, however much may be answered.
    check(OldestFirst, &[10, 3]);
    check(NewestFirst, &[11, 2]);
}
