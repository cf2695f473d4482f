//! Tokens and ids with 56 digits, as AWS's have: a `3`, a time, a number and a check.

use store::events::{Place, StreamId};

/// Digits of a time in milliseconds: till the year 33,658.
const TIME_DIGITS: usize = 15;
const TIME_MS_MAX: i64 = 999_999_999_999_999;
/// Digits that hold any number of 64 bits.
const NUMBER_DIGITS: usize = 20;
const DIGITS: usize = 1 + TIME_DIGITS + 2 * NUMBER_DIGITS;

/// In which direction a token of GetLogEvents goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// The id of an event: no other event has it, and it never changes.
pub(super) fn event_id(place: Place) -> String {
    digits(place, 0)
}

/// A token after events at a time, which PutLogEvents answers and nobody needs.
pub(super) fn of_sequence(stream: StreamId, time_ms: i64) -> String {
    digits(Place::at(time_ms), stream.0)
}

/// `f/<digits>/s` or `b/<digits>/s`: goes on in a stream at a place, which is the first one after
/// the token's gap. The same gap has the same token.
pub(super) fn of_gap(stream: StreamId, gap: Place, direction: Direction) -> String {
    let letter = match direction {
        Direction::Forward => 'f',
        Direction::Backward => 'b',
    };
    format!("{letter}/{}/s", digits(gap, stream.0))
}

/// What a token says; `None` when it isn't one of this stream.
pub(super) fn gap(stream: StreamId, token: &str) -> Option<(Place, Direction)> {
    let (letter, rest) = token.split_once('/')?;
    let direction = match letter {
        "f" => Direction::Forward,
        "b" => Direction::Backward,
        _ => return None,
    };
    let digits = rest.strip_suffix("/s")?;
    let is_numeric = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (time, rest) = digits.get(1..)?.split_at_checked(TIME_DIGITS)?;
    let (number, _) = rest.split_at_checked(NUMBER_DIGITS)?;
    let place = Place {
        time_ms: time.parse().ok()?,
        number: number.parse().ok()?,
    };
    let is_ours = is_numeric && self::digits(place, stream.0) == digits;
    is_ours.then_some((place, direction))
}

fn digits(place: Place, of: u64) -> String {
    let time_ms = place.time_ms.clamp(0, TIME_MS_MAX);
    let check = check([time_ms.cast_unsigned(), place.number, of]);
    format!(
        "3{time_ms:0TIME_DIGITS$}{:0NUMBER_DIGITS$}{check:0NUMBER_DIGITS$}",
        place.number
    )
}

/// FNV-1a. A token is no secret and grants nothing: this tells a token from a mistake.
fn check(parts: [u64; 3]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_stream_only() {
        let (one, two) = (StreamId(1), StreamId(2));
        let place = Place {
            time_ms: 1_790_000_000_000,
            number: 77,
        };
        let end = Place {
            time_ms: TIME_MS_MAX,
            number: u64::MAX,
        };
        let token = of_gap(one, place, Direction::Forward);
        assert_eq!(token.len(), 2 + DIGITS + 2);
        assert!(token.starts_with("f/3001790000000000"));
        assert_eq!(event_id(Place::END).len(), DIGITS);
        assert_eq!(of_sequence(two, 0).len(), DIGITS);
        let check = |stream, token: &str, expected| {
            assert_eq!(gap(stream, token), expected, "{token}");
        };
        check(one, &token, Some((place, Direction::Forward)));
        check(two, &token, None);
        let last = of_gap(two, Place::END, Direction::Backward);
        check(two, &last, Some((end, Direction::Backward)));
        check(
            one,
            &token.replace('f', "b"),
            Some((place, Direction::Backward)),
        );
        check(one, &token.replace('f', "x"), None);
        check(one, &token.replace("77", "78"), None);
        check(one, &token.replace("/s", ""), None);
        check(one, &token.replace("/3", "/4"), None);
        check(one, &token.replace("/3", "/+"), None);
        check(one, "f//s", None);
        check(one, "f/é/s", None);
        check(one, "", None);
    }
}
