//! Pictures of integers.

use crate::error::Error;
use crate::text::error;

/// An analysed picture.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::text) struct Picture {
    pub(in crate::text) primary: Primary,
    pub(in crate::text) case: Case,
    pub(in crate::text) is_ordinal: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::text) enum Primary {
    Decimal(Decimal),
    Letters,
    Roman,
    Words,
    /// Anything without a digit, which XPath takes for the first of a sequence.
    Sequence(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::text) enum Case {
    Upper,
    Lower,
    Title,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::text) struct Decimal {
    /// The zero of the family of digits.
    pub(in crate::text) zero: char,
    /// How many digits there are at least.
    pub(in crate::text) mandatory: usize,
    pub(in crate::text) optional: usize,
    pub(in crate::text) grouping: Grouping,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::text) enum Grouping {
    /// The same separator all the way up.
    Regular { every: usize, character: char },
    /// Just the separators of the picture, from the right.
    Listed(Vec<Separator>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::text) struct Separator {
    /// How many digits stand on the right of it.
    pub(in crate::text) position: usize,
    pub(in crate::text) character: char,
}

impl Decimal {
    /// An ASCII digit in the family of the picture.
    pub(super) fn shift(&self, digit: char) -> char {
        moved(digit, '0', self.zero)
    }

    /// A digit of the family in ASCII.
    pub(super) fn unshift(&self, digit: char) -> char {
        moved(digit, self.zero, '0')
    }
}

/// The character as far from `to` as this one is from `from`.
fn moved(character: char, from: char, to: char) -> char {
    let code = u32::from(character).wrapping_sub(u32::from(from));
    char::from_u32(code.wrapping_add(u32::from(to))).unwrap_or(character)
}

/// The zeros of the families of digits in the basic plane.
const ZEROS: [char; 37] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}',
    '\u{1040}', '\u{1090}', '\u{17e0}', '\u{1810}', '\u{1946}', '\u{19d0}', '\u{1a80}', '\u{1a90}',
    '\u{1b50}', '\u{1bb0}', '\u{1c40}', '\u{1c50}', '\u{a620}', '\u{a8d0}', '\u{a900}', '\u{a9d0}',
    '\u{a9f0}', '\u{aa50}', '\u{abf0}', '\u{ff10}',
];

/// Analyses a picture: the part before the last semicolon, and the modifier behind it.
///
/// # Errors
/// D3131 for digits of several families.
pub(in crate::text) fn analyse(picture: &str) -> Result<Picture, Error> {
    let (primary, modifier) = picture.rsplit_once(';').unwrap_or((picture, ""));
    let (primary, case) = match primary {
        "A" => (Primary::Letters, Case::Upper),
        "a" => (Primary::Letters, Case::Lower),
        "I" => (Primary::Roman, Case::Upper),
        "i" => (Primary::Roman, Case::Lower),
        "W" => (Primary::Words, Case::Upper),
        "Ww" => (Primary::Words, Case::Title),
        "w" => (Primary::Words, Case::Lower),
        pattern => (analyse_decimal(pattern)?, Case::Lower),
    };
    Ok(Picture {
        primary,
        case,
        is_ordinal: modifier.starts_with('o'),
    })
}

fn analyse_decimal(pattern: &str) -> Result<Primary, Error> {
    let (mut mandatory, mut optional) = (0, 0);
    let mut zero = None;
    let mut separators = Vec::new();
    for character in pattern.chars().rev() {
        let family = ZEROS
            .into_iter()
            .find(|zero| (0..10).contains(&u32::from(character).wrapping_sub(u32::from(*zero))));
        if let Some(family) = family {
            mandatory += 1;
            if zero.is_some_and(|zero| zero != family) {
                let message =
                    "In a decimal digit pattern, all digits must be from the same decimal group";
                return Err(error("D3131", message));
            }
            zero = Some(family);
        } else if character == '#' {
            optional += 1;
        } else {
            let position = mandatory + optional;
            separators.push(Separator {
                position,
                character,
            });
        }
    }
    let Some(zero) = zero else {
        return Ok(Primary::Sequence(pattern.to_owned()));
    };
    Ok(Primary::Decimal(Decimal {
        zero,
        mandatory,
        optional,
        grouping: grouping_of(separators),
    }))
}

fn grouping_of(separators: Vec<Separator>) -> Grouping {
    let positions: Vec<usize> = separators
        .iter()
        .map(|separator| separator.position)
        .collect();
    let every = regular_interval(&positions);
    match separators.first() {
        Some(first)
            if every > 0
                && separators
                    .iter()
                    .all(|separator| separator.character == first.character) =>
        {
            Grouping::Regular {
                every,
                character: first.character,
            }
        }
        _ => Grouping::Listed(separators),
    }
}

/// The distance of separators that stand at its multiples, with none missing; 0 if they do not.
pub(in crate::text) fn regular_interval(positions: &[usize]) -> usize {
    let mut sorted = positions.to_vec();
    sorted.sort_unstable();
    let interval = sorted.first().copied().unwrap_or(0);
    let is_regular = sorted
        .iter()
        .zip(1..)
        .all(|(position, number)| *position == interval * number);
    if is_regular { interval } else { 0 }
}
