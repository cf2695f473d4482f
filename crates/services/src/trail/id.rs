//! Authorization ids: where a denial lies, and a secret that lies there too, so that an id can't be
//! made up. Who has an id still sees denials of the own account only.

use std::fmt;

use store::lines::Place;

/// Digits of the largest `u64` in base 36.
const SECRET_DIGITS: usize = 13;
/// Enough for the year 5188.
const TIME_DIGITS: usize = 9;
const RADIX: u32 = 36;

/// An authorization id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub place: Place,
    pub secret: u64,
}

impl Id {
    /// `None` for what is no id of ours.
    pub(super) fn parse(text: &str) -> Option<Id> {
        let is_digit = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        if !text.bytes().all(is_digit) {
            return None;
        }
        let (secret, rest) = text.split_at_checked(SECRET_DIGITS)?;
        let (time_ms, number) = rest.split_at_checked(TIME_DIGITS)?;
        let place = Place {
            time_ms: i64::from_str_radix(time_ms, RADIX).ok()?,
            number: u64::from_str_radix(number, RADIX).ok()?,
        };
        let secret = u64::from_str_radix(secret, RADIX).ok()?;
        Some(Id { place, secret })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The clock is not before 1970.
        let time_ms = u64::try_from(self.place.time_ms).unwrap_or_default();
        f.write_str(&base_36(self.secret, SECRET_DIGITS))?;
        f.write_str(&base_36(time_ms, TIME_DIGITS))?;
        f.write_str(&base_36(self.place.number, 1))
    }
}

/// With leading zeros.
fn base_36(number: u64, digits_min: usize) -> String {
    let mut digits = Vec::with_capacity(SECRET_DIGITS);
    let mut rest = number;
    while rest > 0 || digits.len() < digits_min {
        let digit = u32::try_from(rest % u64::from(RADIX)).unwrap_or_default();
        digits.push(char::from_digit(digit, RADIX).unwrap_or_default());
        rest /= u64::from(RADIX);
    }
    digits.iter().rev().collect()
}

/// A fresh secret; `None` when the operating system gives no random bytes.
pub(super) fn secret() -> Option<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_its_place_and_secret() {
        let check = |secret, time_ms, number, text: &str| {
            let place = Place { time_ms, number };
            let id = Id { place, secret };
            assert_eq!(id.to_string(), text);
            assert_eq!(Id::parse(text), Some(id));
        };
        check(0, 0, 0, "00000000000000000000000");
        check(
            u64::MAX,
            1_790_000_000_000,
            1_000_000,
            "3w5e11264sgsf0mubbs7i8lfls",
        );
        check(36, 1, u64::MAX, "00000000000100000000013w5e11264sgsf");
        let longest = Id {
            place: Place {
                time_ms: 101_559_956_668_415,
                number: u64::MAX,
            },
            secret: u64::MAX,
        };
        assert_eq!(longest.to_string().len(), 35);
        for text in [
            "",
            "0",
            "0000000000000000000000",
            "zzzzzzzzzzzzz0000000000",
            "0000000000000000000000A",
            "000000000000000000000+1",
            "+0000000000000000000001",
            "00000000000000000000000zzzzzzzzzzzzzz",
            "é0000000000000000000000",
        ] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}
