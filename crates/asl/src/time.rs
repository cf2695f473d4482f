//! Instants of milliseconds, and their RFC 3339 text. The calendar is the proleptic Gregorian one.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

const MS_PER_SECOND: i64 = 1_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01: the calendar is counted in years that begin in March,
/// so that the leap day is a year's last.
const DAYS_TO_EPOCH: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

impl Timestamp {
    /// Reads a date-time as the States Language demands it: RFC 3339 with an upper-case `T` and
    /// an upper-case `Z` or an offset. Digits beyond the millisecond are read and dropped.
    ///
    /// ```
    /// use asl::time::Timestamp;
    /// assert_eq!(Timestamp::parse_rfc3339("1970-01-01T01:00:00.0019+01:00"), Some(Timestamp(1)));
    /// assert_eq!(Timestamp::parse_rfc3339("1970-01-01 00:00:00Z"), None);
    /// ```
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let mut scan = Scan(text.as_bytes());
        let (year, ()) = (scan.number(4)?, scan.expect(b'-')?);
        let (month, ()) = (scan.number(2)?, scan.expect(b'-')?);
        let (day, ()) = (scan.number(2)?, scan.expect(b'T')?);
        let (hour, ()) = (scan.number(2)?, scan.expect(b':')?);
        let (minute, ()) = (scan.number(2)?, scan.expect(b':')?);
        let second = scan.number(2)?;
        let ms = scan.fraction_ms()?;
        let offset_seconds = scan.offset_seconds()?;
        let date_is_real = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !scan.0.is_empty() || !date_is_real || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days_since_epoch(year, month, day) * SECONDS_PER_DAY
            + hour * 3_600
            + minute * 60
            + second
            - offset_seconds;
        Some(Timestamp(seconds * MS_PER_SECOND + ms))
    }

    /// `2026-01-02T03:04:05.678Z`; without a fraction when it is zero, as AWS writes it.
    pub fn to_iso(self) -> String {
        self.to_string()
    }

    /// Later by this much; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(ms))
    }

    /// Later by this much; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Timestamp {
        self.plus_ms(seconds.saturating_mul(1_000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(MS_PER_SECOND);
        let ms = self.0.rem_euclid(MS_PER_SECOND);
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute) = (second_of_day / 3_600, second_of_day / 60 % 60);
        let second = second_of_day % 60;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if ms != 0 {
            write!(f, ".{ms:03}")?;
        }
        f.write_str("Z")
    }
}

/// What is left of the text.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// Exactly so many digits.
    fn number(&mut self, digits: u32) -> Option<i64> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 10 + self.digit()?;
        }
        Some(number)
    }

    fn digit(&mut self) -> Option<i64> {
        let byte = self.next()?;
        byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
    }

    /// `.` and one digit or more, or nothing.
    fn fraction_ms(&mut self) -> Option<i64> {
        if self.0.first() != Some(&b'.') {
            return Some(0);
        }
        self.next();
        let mut ms = self.digit()? * 100;
        let mut weight = 10;
        while self.0.first().is_some_and(u8::is_ascii_digit) {
            ms += self.digit()? * weight;
            weight /= 10;
        }
        Some(ms)
    }

    fn offset_seconds(&mut self) -> Option<i64> {
        let sign = match self.next()? {
            b'Z' => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, ()) = (self.number(2)?, self.expect(b':')?);
        let minutes = self.number(2)?;
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH
}

/// The inverse, `civil_from_days`: year, month, day.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
