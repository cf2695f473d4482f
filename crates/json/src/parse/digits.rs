//! The text of numbers: how far it reaches, eight bytes at a time.

/// What is wrong with a number, at an offset into it.
#[derive(Clone, Copy)]
pub(crate) enum NumberFault {
    LeadingZeroes(usize),
    NoDigit {
        at: usize,
        expected: &'static str,
        end: &'static str,
    },
}

/// The length of the number at the start of `bytes`, if there is a whole one.
pub(crate) fn number_len(bytes: &[u8]) -> Option<usize> {
    scan_number(bytes).ok()
}

/// Marks some bit of every byte that is not a digit; only the lowest mark is to be believed.
fn non_digits(word: u64) -> u64 {
    const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    const SIXES: u64 = 0x0606_0606_0606_0606;
    // A byte is a digit if its high half is 3, and still is when 6 is added. A carry reaches only
    // bytes above one that is no digit itself.
    let above_nine = (word.wrapping_add(SIXES) & HIGH_HALVES) ^ THREES;
    ((word & HIGH_HALVES) ^ THREES) | above_nine
}

/// The length of an integer of few digits, which most numbers are. `None` if `scan_number` has
/// to look at it.
#[inline]
pub(crate) fn short_integer_len(bytes: &[u8]) -> Option<usize> {
    let word = u64::from_le_bytes(*bytes.first_chunk::<8>()?);
    let sign = u32::from(word & 0xff == u64::from(b'-')) * 8;
    let digits = word >> sign;
    // The zeros that come in from above are no digits, so there is a mark unless all are digits.
    let len = non_digits(digits).trailing_zeros() / 8;
    let is_sound = len == 1 || digits & 0xff != u64::from(b'0');
    // Seven digits at most, so that the byte after them is still there.
    if len == 0 || len * 8 + sign >= 64 || !is_sound {
        return None;
    }
    let after = (digits >> (len * 8)) & 0xff;
    let is_integer = ![b'.', b'e', b'E'].map(u64::from).contains(&after);
    is_integer.then_some((len + sign / 8) as usize)
}

/// The number of digits at the start of `bytes`.
fn digits_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let others = non_digits(u64::from_le_bytes(*chunk));
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The length of the number at the start of `bytes`, which begins with a digit or a minus sign.
pub(crate) fn scan_number(bytes: &[u8]) -> Result<usize, NumberFault> {
    let digits_from = |at: usize| digits_len(bytes.get(at..).unwrap_or_default());
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits_from(at);
    if whole == 0 {
        let expected = "expected digit (0-9) to follow minus sign, for valid numeric value";
        return Err(NumberFault::NoDigit {
            at,
            expected,
            end: ": No digit following minus sign",
        });
    }
    if whole > 1 && bytes.get(at) == Some(&b'0') {
        return Err(NumberFault::LeadingZeroes(at + 1));
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let fraction = digits_from(at);
        if fraction == 0 {
            let expected = "Decimal point not followed by a digit";
            return Err(NumberFault::NoDigit {
                at,
                expected,
                end: " in a Number value",
            });
        }
        at += fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits_from(at);
        if exponent == 0 {
            let expected = "Exponent indicator not followed by a digit";
            let end = ": expected a digit for number exponent";
            return Err(NumberFault::NoDigit { at, expected, end });
        }
        at += exponent;
    }
    Ok(at)
}
