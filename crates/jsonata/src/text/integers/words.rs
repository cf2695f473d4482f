//! Numbers in English words.

use crate::error::Error;
use crate::meter::Meter;
use crate::text::numbers::count_of;
use crate::text::regex::{self, Regex};

const SMALL: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];

const SMALL_ORDINALS: [&str; 20] = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
];

const TENS: [&str; 8] = [
    "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety",
];

const MAGNITUDES: [(f64, &str); 4] = [
    (1e12, "Trillion"),
    (1e9, "Billion"),
    (1e6, "Million"),
    (1e3, "Thousand"),
];

/// The words of an integer that is finite and not negative, each with a capital.
pub(super) fn of_number(value: f64, is_ordinal: bool, meter: &Meter) -> Result<String, Error> {
    let mut words = String::new();
    push(value, "", is_ordinal, &mut words);
    meter.make(words.len())?;
    meter.refund(words.len());
    Ok(words)
}

/// Appends a number; `joint` stands before it. Above a trillion, trillions are counted in words
/// again, which makes the largest double 26 levels deep.
fn push(number: f64, joint: &str, is_ordinal: bool, words: &mut String) {
    words.push_str(joint);
    let magnitude = MAGNITUDES.into_iter().find(|(factor, _)| number >= *factor);
    if let Some((factor, name)) = magnitude {
        let count = (number / factor).floor();
        push(count, "", false, words);
        words.push(' ');
        words.push_str(name);
        push_rest(number - count * factor, is_ordinal, words);
    } else if number >= 100.0 {
        push_below_hundred(number / 100.0, false, words);
        words.push_str(" Hundred");
        push_rest(number % 100.0, is_ordinal, words);
    } else {
        push_below_hundred(number, is_ordinal, words);
    }
}

/// Appends what remains below a hundred or a thousand.
fn push_rest(number: f64, is_ordinal: bool, words: &mut String) {
    if number > 0.0 {
        let joint = if number < 100.0 { " and " } else { ", " };
        push(number, joint, is_ordinal, words);
    } else if is_ordinal {
        words.push_str("th");
    }
}

fn push_below_hundred(number: f64, is_ordinal: bool, words: &mut String) {
    let number = count_of(number);
    let small = if is_ordinal { SMALL_ORDINALS } else { SMALL };
    if let Some(word) = small.get(number) {
        words.push_str(word);
        return;
    }
    let tens = TENS
        .get((number / 10).wrapping_sub(2))
        .copied()
        .unwrap_or_default();
    match small.get(number % 10) {
        Some(unit) if !number.is_multiple_of(10) => {
            words.push_str(tens);
            words.push('-');
            words.push_str(unit);
        }
        _ if is_ordinal => words.push_str(&ordinal_of_ten(tens)),
        _ => words.push_str(tens),
    }
}

/// `Twentieth` of `Twenty`.
fn ordinal_of_ten(tens: &str) -> String {
    format!("{}ieth", tens.strip_suffix('y').unwrap_or(tens))
}

/// All words that stand for numbers, in lower case, with their numbers.
fn values() -> impl Iterator<Item = (String, f64)> {
    let small = SMALL
        .into_iter()
        .zip(0..)
        .chain(SMALL_ORDINALS.into_iter().zip(0..));
    let small = small.map(|(word, value)| (word.to_owned(), f64::from(value)));
    let tens = TENS.into_iter().zip(2..).flat_map(|(word, tens)| {
        let value = f64::from(tens * 10);
        [(word.to_owned(), value), (ordinal_of_ten(word), value)]
    });
    let hundred = [("Hundred", 100.0)];
    let large = hundred
        .into_iter()
        .chain(MAGNITUDES.map(|(value, word)| (word, value)));
    let large =
        large.flat_map(|(word, value)| [(word.to_owned(), value), (format!("{word}th"), value)]);
    let all = small.chain(tens).chain(large);
    all.map(|(word, value)| (word.to_lowercase(), value))
}

/// All words that stand for numbers, in lower case.
pub(in crate::text) fn names() -> impl Iterator<Item = String> {
    values().map(|(word, _)| word)
}

/// The number that words in lower case stand for; NaN if one of them stands for none.
pub(super) fn value(words: &str, meter: &Meter) -> Result<f64, Error> {
    let separator = Regex::compile(r",\s|\sand\s|[\s\\-]", "")?;
    let words = regex::split(words, &separator, None, meter)?;
    let mut sum = 0.0;
    let mut last = 0.0;
    for word in &words {
        meter.step(64)?;
        let word = word.as_str().unwrap_or_default();
        let value = values()
            .find(|(name, _)| name == word)
            .map_or(f64::NAN, |(_, value)| value);
        if value < 100.0 {
            if last >= 1000.0 {
                sum += last;
                last = 0.0;
            }
            last += value;
        } else {
            last *= value;
        }
    }
    Ok(sum + last)
}
