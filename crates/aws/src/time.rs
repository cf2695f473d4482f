//! Instants in the spellings of the protocols. In memory an instant is milliseconds since the Unix
//! epoch, UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use json::{Number, Value};

fn timestamp(epoch_ms: i64) -> Timestamp {
    // Beyond the year 9999 there is no spelling left, so such an instant prints as the last one.
    Timestamp::from_millisecond(epoch_ms).unwrap_or(Timestamp::MAX)
}

fn formatted(format: &str, epoch_ms: i64) -> String {
    strtime::format(format, timestamp(epoch_ms)).unwrap_or_default()
}

/// `20150830T123600Z`, as signatures have it.
#[must_use]
pub fn amz_date(epoch_ms: i64) -> String {
    formatted("%Y%m%dT%H%M%SZ", epoch_ms)
}

/// The day of an [`amz_date`]: its first eight characters.
#[must_use]
pub fn amz_day(amz_date: &str) -> &str {
    amz_date.get(..8).unwrap_or(amz_date)
}

/// The instant of `20150830T123600Z`; `None` for any other spelling. By hand, because every signed
/// request needs it.
#[must_use]
pub fn parse_amz_date(text: &str) -> Option<i64> {
    let digits = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let two = |from: usize| i8::try_from(digits(from, from + 2)?).ok();
    if text.len() != 16 || text.get(8..9)? != "T" || text.get(15..)? != "Z" {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, two(4)?, two(6)?);
    let civil = DateTime::new(year, month, day, two(9)?, two(11)?, two(13)?, 0).ok()?;
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond())
}

/// `2015-08-30T12:36:00Z`; with a fraction of three digits where there are milliseconds.
#[must_use]
pub fn iso8601(epoch_ms: i64) -> String {
    let civil = TimeZone::UTC.to_datetime(timestamp(epoch_ms));
    // By hand, because every authorised call needs it.
    let mut text = String::with_capacity("2015-08-30T12:36:00.000Z".len());
    let mut add = |before: &str, number: i16, divisor: i16| {
        text.push_str(before);
        let divisors = std::iter::successors(Some(divisor), |d| (*d > 1).then_some(d / 10));
        let digits = divisors.filter_map(|d| u32::try_from(number / d % 10).ok());
        text.extend(digits.filter_map(|digit| char::from_digit(digit, 10)));
    };
    add("", civil.year(), 1_000);
    add("-", civil.month().into(), 10);
    add("-", civil.day().into(), 10);
    add("T", civil.hour().into(), 10);
    add(":", civil.minute().into(), 10);
    add(":", civil.second().into(), 10);
    if civil.millisecond() != 0 {
        add(".", civil.millisecond(), 100);
    }
    text.push('Z');
    text
}

/// `Sun, 30 Aug 2015 12:36:00 GMT`, as HTTP headers have it.
#[must_use]
pub fn http_date(epoch_ms: i64) -> String {
    formatted("%a, %d %b %Y %H:%M:%S GMT", epoch_ms)
}

/// The instant of an ISO 8601 date and time with its offset; a fraction finer than milliseconds is
/// cut.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(|instant| instant.as_millisecond())
}

/// The instant of an [`http_date`].
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    let zoned = rfc2822::DateTimeParser::new().parse_zoned(text).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// From here on AWS's services, written in Java, print seconds with an exponent.
const EXPONENT_MS_MIN: i64 = 10_000_000_000;

/// The number that stands for an instant in inputs and outputs: seconds, with milliseconds as the
/// fraction, spelled as AWS's services do: `1.762432553123E9`. (Recorded: the length of answers.)
#[must_use]
pub fn epoch_seconds(epoch_ms: i64) -> Value {
    let (seconds, ms) = (epoch_ms.div_euclid(1000), epoch_ms.rem_euclid(1000));
    if let Some(number) = with_exponent(epoch_ms) {
        return Value::from(number);
    }
    if ms == 0 {
        return Value::from(seconds);
    }
    // The nearest double of an instant prints with its three digits for the next 200,000 years.
    #[expect(clippy::cast_precision_loss, reason = "instants are far below 2^53 ms")]
    Value::from(epoch_ms as f64 / 1000.0)
}

/// `1.762432553123E9`; `None` for what Java prints without an exponent.
fn with_exponent(epoch_ms: i64) -> Option<Number> {
    if epoch_ms < EXPONENT_MS_MIN {
        return None;
    }
    let digits = epoch_ms.to_string();
    let (first, rest) = digits.split_at_checked(1)?;
    let fraction = rest.trim_end_matches('0');
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    let exponent = digits.len() - 4;
    format!("{first}.{fraction}E{exponent}").parse().ok()
}

/// The instant an [`epoch_seconds`] number stands for; a fraction finer than milliseconds is
/// rounded.
#[must_use]
pub fn epoch_ms(seconds: &Value) -> Option<i64> {
    const SECONDS_MAX: f64 = 253_402_300_800.0; // The end of the year 9999.
    let seconds = seconds
        .as_f64()
        .filter(|seconds| seconds.abs() <= SECONDS_MAX)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
    Some((seconds * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let ms = 1_440_938_160_000;
        assert_eq!(amz_date(ms), "20150830T123600Z");
        assert_eq!(amz_day(&amz_date(ms)), "20150830");
        assert_eq!(iso8601(ms), "2015-08-30T12:36:00Z");
        assert_eq!(iso8601(ms + 7), "2015-08-30T12:36:00.007Z");
        assert_eq!(iso8601(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso8601(253_402_000_000_120), "9999-12-28T12:26:40.120Z");
        assert_eq!(http_date(ms), "Sun, 30 Aug 2015 12:36:00 GMT");
        assert_eq!(parse_amz_date("20150830T123600Z"), Some(ms));
        assert_eq!(
            parse_iso8601("2015-08-30T14:36:00.0079+02:00"),
            Some(ms + 7)
        );
        assert_eq!(parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT"), Some(ms));
    }

    #[test]
    fn epoch_numbers() {
        for (ms, text) in [
            (0, "0"),
            (1_440_938_160_000, "1.44093816E9"),
            (1_440_938_160_007, "1.440938160007E9"),
            (1_762_432_553_120, "1.76243255312E9"),
            (1_000_000_000_000, "1.0E9"),
            (10_000_000_000, "1.0E7"),
            (9_999_999_999, "9999999.999"),
            (253_402_300_799_999, "2.53402300799999E11"),
            (-1, "-0.001"),
        ] {
            let value = epoch_seconds(ms);
            assert_eq!(value.to_text(), text);
            assert_eq!(epoch_ms(&value), Some(ms));
        }
        let ms = |text: &str| epoch_ms(&json::parse(text).expect("JSON"));
        assert_eq!(ms("1.0005"), Some(1001));
        assert_eq!(ms("1e3"), Some(1_000_000));
        assert_eq!(ms("1e300"), None);
        assert_eq!(ms("\"1\""), None);
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "20150830",
            "2015-08-30T12:36:00Z",
            "20151330T123600Z",
            "20150830T123600",
            "+0150830T123600Z",
            "２0150830T1236",
        ] {
            assert_eq!(parse_amz_date(text), None, "{text}");
        }
        assert_eq!(parse_iso8601("yesterday"), None);
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
