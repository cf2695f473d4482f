//! Sets of characters.

/// Characters as sorted ranges that do not touch, both ends included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ranges(Vec<(char, char)>);

impl Ranges {
    pub(super) fn of(ranges: impl IntoIterator<Item = (char, char)>) -> Ranges {
        let mut sorted: Vec<(char, char)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<(char, char)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if follows(*end).is_none_or(|next| first <= next) => {
                    *end = last.max(*end);
                }
                _ => merged.push((first, last)),
            }
        }
        Ranges(merged)
    }

    pub(super) fn complement(&self) -> Ranges {
        let mut start = Some('\0');
        let mut gaps = Vec::new();
        for (first, last) in &self.0 {
            if let (Some(start), Some(before)) = (start, precedes(*first))
                && start <= before
            {
                gaps.push((start, before));
            }
            start = follows(*last);
        }
        gaps.extend(start.map(|start| (start, char::MAX)));
        Ranges(gaps)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (char, char)> {
        self.0.iter().copied()
    }

    /// The ASCII characters, one bit each.
    fn ascii(&self) -> u128 {
        let bits_below = |code: u32| 1_u128.checked_shl(code).map_or(u128::MAX, |bit| bit - 1);
        self.0.iter().fold(0, |bits, (first, last)| {
            bits | bits_below(u32::from(*last) + 1) & !bits_below(u32::from(*first))
        })
    }

    fn contains(&self, character: char) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < character);
        self.0.get(at).is_some_and(|(first, _)| *first <= character)
    }
}

/// The next character; the step over surrogates included.
fn follows(character: char) -> Option<char> {
    (character..=char::MAX).nth(1)
}

fn precedes(character: char) -> Option<char> {
    ('\0'..character).next_back()
}

/// A set ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Set {
    ranges: Ranges,
    /// One bit for each ASCII character that is in the set.
    ascii: u128,
    is_negated: bool,
    ignores_case: bool,
}

impl Set {
    /// `is_negated` turns the set around after the comparison of cases, as in `[^a]`.
    pub(super) fn new(ranges: Ranges, is_negated: bool, ignores_case: bool) -> Set {
        let ranges = if ignores_case {
            with_folded(&ranges)
        } else {
            ranges
        };
        let members = ranges.ascii();
        let members = if ignores_case {
            in_both_cases(members)
        } else {
            members
        };
        Set {
            ranges,
            ascii: if is_negated { !members } else { members },
            is_negated,
            ignores_case,
        }
    }

    pub(super) fn contains(&self, character: char) -> bool {
        match u8::try_from(character) {
            Ok(code @ ..128) => self.ascii >> code & 1 == 1,
            _ => self.search(character),
        }
    }

    /// The ASCII characters in the set, one bit each.
    pub(super) fn ascii(&self) -> u128 {
        self.ascii
    }

    fn search(&self, character: char) -> bool {
        let is_member = self.ranges.contains(character)
            || self.ignores_case && {
                let upper = fold(character);
                let mut lower = upper.to_lowercase().filter(|lower| fold(*lower) == upper);
                self.ranges.contains(upper) || lower.any(|lower| self.ranges.contains(lower))
            };
        is_member != self.is_negated
    }
}

/// ASCII characters with the other case of each letter.
fn in_both_cases(ascii: u128) -> u128 {
    const LETTERS: u128 = (1 << 26) - 1;
    let letters = (ascii >> b'A' | ascii >> b'a') & LETTERS;
    ascii | letters << b'A' | letters << b'a'
}

/// The ranges with the folded form of each member of the small ones. What is asked for is looked
/// up in both cases anyway; this adds the few characters that share a capital with another one
/// (`ς` and `σ`), for which nobody writes a large range.
fn with_folded(ranges: &Ranges) -> Ranges {
    const SIZE_MAX: u32 = 256;
    let is_small = |(first, last): &(char, char)| u32::from(*last) - u32::from(*first) < SIZE_MAX;
    let members = ranges
        .iter()
        .filter(is_small)
        .flat_map(|(first, last)| first..=last);
    let folded = members.map(|member| (fold(member), fold(member)));
    Ranges::of(ranges.iter().chain(folded))
}

/// `Canonicalize` of ECMAScript without the `u` flag: upper case, if that is one character and
/// does not turn another character into an ASCII one.
fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(folded), None) if !folded.is_ascii() => folded,
        _ => character,
    }
}
