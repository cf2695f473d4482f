//! The calendar of ECMAScript: the Gregorian one at all times, years as astronomers count them,
//! 8.64e15 milliseconds before and after 1970.

use crate::text::numbers::integer_of;

pub(super) const DAY_MS: i64 = 86_400_000;

/// The last instant of ECMAScript.
const MILLIS_MAX: f64 = 8.64e15;

/// An instant taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    millis: i64,
    year: i64,
    /// From 0.
    month: i64,
    day: i64,
}

impl Moment {
    /// `None` beyond the range of ECMAScript; fractions of milliseconds are cut off.
    pub(super) fn of(millis: f64) -> Option<Moment> {
        if millis.is_nan() || millis.abs() > MILLIS_MAX {
            return None;
        }
        let millis = integer_of(millis);
        let (year, month, day) = date_of(millis.div_euclid(DAY_MS));
        Some(Moment {
            millis,
            year,
            month,
            day,
        })
    }

    /// The value of a component of pictures that is a number; `None` for any other one.
    pub(super) fn component(&self, component: char) -> Option<i64> {
        let in_day = self.millis.rem_euclid(DAY_MS);
        let hour = in_day / 3_600_000;
        Some(match component {
            'Y' => self.year,
            'M' => self.month + 1,
            'D' => self.day,
            'd' => self.today() - day_number(self.year, 0, 1) + 1,
            'F' => weekday(self.millis.div_euclid(DAY_MS)),
            'W' => self.week(Period::Year),
            'w' => self.week(Period::Month),
            'X' => self.week_year(),
            'x' => self.week_month(),
            'H' => hour,
            'h' if hour % 12 == 0 => 12,
            'h' => hour % 12,
            'P' => i64::from(hour >= 12),
            'm' => in_day / 60_000 % 60,
            's' => in_day / 1000 % 60,
            'f' => in_day % 1000,
            _ => return None,
        })
    }

    /// The number of the day; like the first days of periods, in the wrong century for the years
    /// from 0 to 99.
    fn today(&self) -> i64 {
        day_number(self.year, self.month, self.day)
    }

    fn start_of(&self, period: Period, distance: i64) -> i64 {
        match period {
            Period::Year => first_week(self.year + distance, 0),
            Period::Month => {
                let months = self.month + distance;
                first_week(self.year + months.div_euclid(12), months.rem_euclid(12))
            }
        }
    }

    /// The week of the year or month, by the rule of ISO 8601: the first one has its Thursday in
    /// it. Days before it belong to the period before, and days behind the last one to the next.
    fn week(&self, period: Period) -> i64 {
        let today = self.today();
        let week_since = |start: i64| (today - start).div_euclid(7) + 1;
        let start = self.start_of(period, 0);
        if today < start {
            return week_since(self.start_of(period, -1));
        }
        let is_last = match period {
            // Only what is behind the last full week can be the first one of the next period.
            Period::Year => today - start > 51 * 7,
            Period::Month => today - start > 3 * 7,
        };
        if is_last && today >= self.start_of(period, 1) {
            return 1;
        }
        week_since(start)
    }

    fn week_year(&self) -> i64 {
        self.year + self.period_of_week(Period::Year)
    }

    fn week_month(&self) -> i64 {
        (self.month + self.period_of_week(Period::Month)).rem_euclid(12) + 1
    }

    /// Whether the week belongs to the period before (-1), this one or the next one.
    fn period_of_week(&self, period: Period) -> i64 {
        if self.millis < self.start_of(period, 0) * DAY_MS {
            -1
        } else {
            i64::from(self.millis >= self.start_of(period, 1) * DAY_MS)
        }
    }
}

#[derive(Clone, Copy)]
enum Period {
    Year,
    Month,
}

/// The number of the Monday on which the first week of a month begins.
fn first_week(year: i64, month: i64) -> i64 {
    let first = day_number(year, month, 1);
    let weekday = weekday(first);
    if weekday > 4 {
        first + 8 - weekday
    } else {
        first - (weekday - 1)
    }
}

/// From 1 (Monday) to 7; the first of January 1970 was a Thursday.
fn weekday(day_number: i64) -> i64 {
    (day_number + 3).rem_euclid(7) + 1
}

/// Days since 1970 as `Date.UTC` counts them, which takes the years 0 to 99 for 1900 to 1999.
/// `month` counts from 0.
pub(super) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if (0..100).contains(&year) {
        year + 1900
    } else {
        year
    };
    true_day_number(year, month, day)
}

/// Days since 1970; month (from 0) and day may be out of range.
pub(super) fn true_day_number(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12));
    let year = if month < 2 { year - 1 } else { year };
    let in_year = (153 * ((month + 10) % 12) + 2) / 5;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between the first of March of the year 0 and 1970.
    year * 365 + leap_days + in_year + day - 1 - 719_468
}

/// Year, month from 0, day.
fn date_of(day_number: i64) -> (i64, i64, i64) {
    const FOUR_CENTURIES: i64 = 146_097;
    let days = day_number + 719_468;
    let (era, in_era) = (
        days.div_euclid(FOUR_CENTURIES),
        days.rem_euclid(FOUR_CENTURIES),
    );
    let in_era_year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * in_era_year + in_era_year / 4 - in_era_year / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = in_era_year + era * 400 + i64::from(month < 2);
    (year, month, day)
}

/// `Date.UTC` of year, month (from 0), day, hour, minute, second and millisecond, each of which may
/// be out of range; NaN if one is NaN or the instant beyond the range.
pub(super) fn date_utc(parts: [f64; 7]) -> f64 {
    // Beyond this nothing is left in range by what the other parts add.
    if !parts.iter().all(|part| part.abs() <= 2.0 * MILLIS_MAX) {
        return f64::NAN;
    }
    let [year, month, day, hour, minute, second, millisecond] = parts.map(integer_of);
    if year.abs().max(month.abs()) > 10_000_000 {
        return f64::NAN;
    }
    let time = hour as f64 * 3_600_000.0
        + minute as f64 * 60_000.0
        + second as f64 * 1000.0
        + millisecond as f64;
    let days = day_number(year, month, 1) as f64 + (day - 1) as f64;
    let millis = days * DAY_MS as f64 + time;
    if millis.abs() <= MILLIS_MAX {
        millis
    } else {
        f64::NAN
    }
}
