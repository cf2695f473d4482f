//! One suite for all lines.

use super::*;
use crate::SqliteLines;
use crate::tests::{DAY, JANUARY};

/// Runs a case against every kind of lines.
fn on_all(case: impl Fn(&dyn Lines)) {
    case(&MemoryLines::default());
    let folder = tempfile::tempdir().unwrap();
    case(&SqliteLines::open(folder.path()).unwrap());
}

fn line(time_ms: i64, text: &str) -> Line {
    Line {
        time_ms: JANUARY + time_ms,
        bytes: text.as_bytes().to_vec(),
    }
}

fn texts(lines: &[(Place, Line)]) -> String {
    let texts = lines.iter().map(|(place, line)| {
        assert_eq!(place.time_ms, line.time_ms);
        String::from_utf8(line.bytes.clone()).unwrap()
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn lines_are_read_by_time() {
    on_all(|lines| {
        let append = |stream, appended: &[Line]| lines.append(stream, appended).unwrap();
        // Late lines, two of one time, a day's last and the next one's first, other streams.
        let first = append("audit/1/r", &[line(5, "b"), line(3, "a"), line(5, "c")]);
        append("audit/2/r", &[line(5, "other")]);
        append("denials/1/r", &[line(5, "another")]);
        append("audit/1/r", &[line(DAY, "f"), line(DAY - 1, "e")]);
        let last = append("audit/1/r", &[line(4 * DAY, "g"), line(6, "d")]);
        append("audit/1/r", &[]);

        let check = |(from, until), order, after: Option<Place>, limit, expected: &str| {
            let times = JANUARY + from..JANUARY + until;
            let found = lines.read("audit/1/r", times, order, after, limit).unwrap();
            let given = ((from, until), order, after, limit);
            assert_eq!(texts(&found), expected, "{given:?}");
        };
        use Order::{NewestFirst, OldestFirst};
        let all = (0, 9 * DAY);
        check(all, OldestFirst, None, 9, "a b c d e f g");
        check(all, NewestFirst, None, 9, "g f e d c b a");
        check(all, OldestFirst, None, 3, "a b c");
        check(all, NewestFirst, None, 3, "g f e");
        check(all, NewestFirst, None, 0, "");
        check((5, DAY), OldestFirst, None, 9, "b c d e");
        check((4, 5), OldestFirst, None, 9, "");
        check((5, 5), OldestFirst, None, 9, "");
        check((9, 5), OldestFirst, None, 9, "");
        check((-DAY, 4), OldestFirst, None, 9, "a");
        check((DAY, 9 * DAY), NewestFirst, None, 9, "g f");
        // After a line that has another of its time behind it, after the ends, and after places
        // that have no line.
        check(all, OldestFirst, Some(first[0]), 2, "c d");
        check(all, NewestFirst, Some(first[2]), 2, "b a");
        check(all, OldestFirst, Some(last[0]), 9, "");
        check(all, NewestFirst, Some(first[1]), 9, "");
        let nowhere = Place {
            time_ms: JANUARY + 2 * DAY,
            number: 77,
        };
        check(all, OldestFirst, Some(nowhere), 9, "g");
        check(all, NewestFirst, Some(nowhere), 9, "f e d c b a");
        let none = lines.read("audit/3/r", JANUARY..i64::MAX, OldestFirst, None, 9);
        assert_eq!(none.unwrap(), []);
        let end = lines.read("audit/1/r", i64::MIN..i64::MAX, NewestFirst, None, 1);
        assert_eq!(texts(&end.unwrap()), "g");
    });
}

#[test]
fn a_line_is_found_at_its_place_in_its_stream_only() {
    on_all(|lines| {
        let place = lines.append("denials/1/r", &[line(5, "a")]).unwrap()[0];
        let check = |stream, (time_ms, number), expected: Option<Line>| {
            let place = Place { time_ms, number };
            assert_eq!(lines.line(stream, place).unwrap(), expected, "{place:?}");
        };
        let Place { time_ms, number } = place;
        check("denials/1/r", (time_ms, number), Some(line(5, "a")));
        check("denials/2/r", (time_ms, number), None);
        check("audit/1/r", (time_ms, number), None);
        check("denials/1/r", (time_ms + 1, number), None);
        check("denials/1/r", (time_ms + DAY, number), None);
        check("denials/1/r", (time_ms, number + 1), None);
    });
}

#[test]
fn days_expire_by_kind_and_no_place_comes_twice() {
    on_all(|lines| {
        let times = [0, DAY - 1, DAY, 2 * DAY];
        let appended = times.map(|time_ms| line(time_ms, &(time_ms / DAY).to_string()));
        let mut places = lines.append("audit/1/r", &appended).unwrap();
        lines.append("audit/2/r", &appended).unwrap();
        lines.append("denials/1/r", &appended).unwrap();
        let check = |kind, before_ms, dropped, stream, expected: &str| {
            assert_eq!(lines.expire(kind, JANUARY + before_ms).unwrap(), dropped);
            let left = lines.read(stream, 0..i64::MAX, Order::OldestFirst, None, 9);
            assert_eq!(texts(&left.unwrap()), expected, "{kind} {before_ms}");
        };
        check("audit", DAY - 1, 0, "audit/1/r", "0 0 1 2");
        check("audit", DAY, 1, "audit/1/r", "1 2");
        check("audit", DAY, 0, "audit/2/r", "1 2");
        check("audit", 2 * DAY - 1, 0, "denials/1/r", "0 0 1 2");
        check("audit/1", 9 * DAY, 0, "audit/1/r", "1 2");
        check("audit", 9 * DAY, 2, "audit/1/r", "");
        check("denials", 9 * DAY, 3, "denials/1/r", "");
        assert_eq!(lines.line("audit/1/r", places[0]).unwrap(), None);
        // The same times again.
        places.extend(lines.append("audit/1/r", &appended).unwrap());
        check("audit", 0, 0, "audit/1/r", "0 0 1 2");
        let count = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), count);
    });
}
