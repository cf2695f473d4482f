//! Pictures of numbers: the characters they consist of, their rules (XPath F&O 4.7.3) and what
//! they ask for (4.7.4).

use json::Object;

use crate::error::Error;
use crate::text::error;
use crate::text::integers::regular_interval;

/// The characters with a meaning in pictures.
#[derive(Debug)]
pub(super) struct Symbols {
    pub(super) decimal: char,
    pub(super) grouping: char,
    pub(super) exponent: char,
    pub(super) zero: char,
    digit: char,
    pattern: char,
    pub(super) minus: String,
    percent: String,
    per_mille: String,
}

impl Symbols {
    /// The usual ones, replaced by those of `options`; names that mean nothing are ignored.
    pub(super) fn with_options(options: Option<&Object>) -> Result<Symbols, Error> {
        let mut symbols = Symbols {
            decimal: '.',
            grouping: ',',
            exponent: 'e',
            zero: '0',
            digit: '#',
            pattern: ';',
            minus: "-".to_owned(),
            percent: "%".to_owned(),
            per_mille: "\u{2030}".to_owned(),
        };
        for (name, value) in options.into_iter().flatten() {
            let symbol = match name {
                "decimal-separator" => &mut symbols.decimal,
                "grouping-separator" => &mut symbols.grouping,
                "exponent-separator" => &mut symbols.exponent,
                "zero-digit" => &mut symbols.zero,
                "digit" => &mut symbols.digit,
                "pattern-separator" => &mut symbols.pattern,
                "minus-sign" | "percent" | "per-mille" => {
                    let text = value.as_str().ok_or_else(|| not_text(name))?;
                    *symbols.text_mut(name) = text.to_owned();
                    continue;
                }
                _ => continue,
            };
            let mut characters = value.as_str().ok_or_else(|| not_text(name))?.chars();
            *symbol = match (characters.next(), characters.next()) {
                (Some(character), None) => character,
                _ => {
                    let message = format!("option `{name}` of formatNumber must be one character");
                    return Err(error("", message));
                }
            };
        }
        Ok(symbols)
    }

    fn text_mut(&mut self, name: &str) -> &mut String {
        match name {
            "minus-sign" => &mut self.minus,
            "percent" => &mut self.percent,
            _ => &mut self.per_mille,
        }
    }

    /// The digit of the family, from 0 to 9.
    pub(super) fn digit_of(&self, digit: u32) -> char {
        char::from_u32(u32::from(self.zero) + digit).unwrap_or(self.zero)
    }

    fn is_family_digit(&self, character: char) -> bool {
        (0..10).contains(&u32::from(character).wrapping_sub(u32::from(self.zero)))
    }

    fn is_any_digit(&self, character: char) -> bool {
        character == self.digit || self.is_family_digit(character)
    }

    fn is_active(&self, character: char) -> bool {
        let separators = [self.decimal, self.grouping, self.exponent, self.pattern];
        self.is_any_digit(character) || separators.contains(&character)
    }
}

fn not_text(name: &str) -> Error {
    error(
        "",
        format!("option `{name}` of formatNumber must be a string"),
    )
}

/// What a picture asks for.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) prefix: String,
    pub(super) suffix: String,
    /// What the number is multiplied by: 100 for `%`, 1000 for `‰`.
    pub(super) factor: f64,
    pub(super) has_decimal: bool,
    pub(super) integer_size_min: usize,
    pub(super) fraction_size_min: usize,
    pub(super) fraction_size_max: usize,
    /// 0 if there is no exponent.
    pub(super) exponent_size_min: usize,
    /// How many digits the mantissa has before the point.
    pub(super) scaling: usize,
    /// 0 if the separators do not stand at the multiples of a number.
    pub(super) regular_grouping: usize,
    pub(super) integer_groups: Vec<usize>,
    pub(super) fraction_groups: Vec<usize>,
}

/// The pictures for numbers from zero up and for numbers below.
#[derive(Debug)]
pub(super) struct Pictures {
    pub(super) positive: Picture,
    /// `None`: as the positive ones, with a minus sign before them.
    pub(super) negative: Option<Picture>,
}

/// Analyses one or two pictures.
///
/// # Errors
/// D3080 to D3093.
pub(super) fn analyse(picture: &str, symbols: &Symbols) -> Result<Pictures, Error> {
    let mut parts = picture.splitn(3, symbols.pattern);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() {
        return Err(fault("D3080"));
    }
    let first = Parts::of(first, symbols)?;
    let second = second.map(|part| Parts::of(part, symbols)).transpose()?;
    first.check(symbols)?;
    second.iter().try_for_each(|part| part.check(symbols))?;
    Ok(Pictures {
        positive: first.analyse(symbols),
        negative: second.map(|part| part.analyse(symbols)),
    })
}

/// A sub-picture taken apart.
struct Parts {
    picture: Vec<char>,
    text: String,
    prefix: Vec<char>,
    suffix: Vec<char>,
    active: Vec<char>,
    mantissa: Vec<char>,
    exponent: Option<Vec<char>>,
    integer: Vec<char>,
    fraction: Vec<char>,
}

impl Parts {
    fn of(text: &str, symbols: &Symbols) -> Result<Parts, Error> {
        let picture: Vec<char> = text.chars().collect();
        let is_border =
            |character: &char| symbols.is_active(*character) && *character != symbols.exponent;
        // The reference stumbles over a picture without any; there is no digit in it, then.
        let start = picture
            .iter()
            .position(is_border)
            .ok_or_else(|| fault("D3085"))?;
        let end = picture
            .iter()
            .rposition(is_border)
            .map_or(start, |last| last + 1);
        let (before, suffix) = picture.split_at(end);
        let (prefix, active) = before.split_at(start);
        // The reference counts this position from the start of the picture, but takes the active
        // part apart with it, so an exponent works only without a prefix.
        let is_exponent = |at: &usize| picture.get(*at) == Some(&symbols.exponent);
        let (mantissa, exponent) = match (start..=end).find(is_exponent) {
            Some(at) => {
                let exponent = active.get(at + 1..).unwrap_or_default();
                (active.get(..at).unwrap_or(active), Some(exponent.to_vec()))
            }
            None => (active, None),
        };
        let (integer, fraction) = match position_of(mantissa, symbols.decimal) {
            Some(at) => {
                let (integer, fraction) = mantissa.split_at(at);
                (integer, fraction.get(1..).unwrap_or_default())
            }
            None => (mantissa, suffix),
        };
        Ok(Parts {
            text: text.to_owned(),
            prefix: prefix.to_vec(),
            suffix: suffix.to_vec(),
            active: active.to_vec(),
            mantissa: mantissa.to_vec(),
            exponent,
            integer: integer.to_vec(),
            fraction: fraction.to_vec(),
            picture,
        })
    }

    /// Checks the rules; of several that are broken the last one is reported.
    fn check(&self, symbols: &Symbols) -> Result<(), Error> {
        let broken = [
            (self.repeats(&symbols.decimal.to_string()), "D3081"),
            (self.repeats(&symbols.percent), "D3082"),
            (self.repeats(&symbols.per_mille), "D3083"),
            (
                self.has(&symbols.percent) && self.has(&symbols.per_mille),
                "D3084",
            ),
            (
                !self
                    .mantissa
                    .iter()
                    .any(|character| symbols.is_any_digit(*character)),
                "D3085",
            ),
            (
                !self
                    .active
                    .iter()
                    .all(|character| symbols.is_active(*character)),
                "D3086",
            ),
            (self.has_group_at_point(symbols), "D3087"),
            (
                !self.picture.contains(&symbols.decimal)
                    && self.integer.last() == Some(&symbols.grouping),
                "D3088",
            ),
            (
                self.picture
                    .windows(2)
                    .any(|pair| pair == [symbols.grouping; 2]),
                "D3089",
            ),
            (self.has_digit_before_optional(symbols), "D3090"),
            (self.has_digit_behind_optional(symbols), "D3091"),
            (
                self.exponent
                    .as_ref()
                    .is_some_and(|exponent| !exponent.is_empty())
                    && (self.has(&symbols.percent) || self.has(&symbols.per_mille)),
                "D3092",
            ),
            (
                self.exponent.as_ref().is_some_and(|exponent| {
                    let is_digit = |character: &char| symbols.is_family_digit(*character);
                    exponent.is_empty() || !exponent.iter().all(is_digit)
                }),
                "D3093",
            ),
        ];
        let last = broken.iter().rfind(|(is_broken, _)| *is_broken);
        last.map_or(Ok(()), |(_, code)| Err(fault(code)))
    }

    fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    fn repeats(&self, text: &str) -> bool {
        self.text.find(text) != self.text.rfind(text)
    }

    fn has_group_at_point(&self, symbols: &Symbols) -> bool {
        let Some(at) = position_of(&self.picture, symbols.decimal) else {
            return false;
        };
        [at.wrapping_sub(1), at + 1]
            .into_iter()
            .any(|at| self.picture.get(at) == Some(&symbols.grouping))
    }

    fn has_digit_before_optional(&self, symbols: &Symbols) -> bool {
        let optional = position_of(&self.integer, symbols.digit).unwrap_or(0);
        count_of(self.integer.iter().take(optional), |character| {
            symbols.is_family_digit(character)
        }) > 0
    }

    fn has_digit_behind_optional(&self, symbols: &Symbols) -> bool {
        let mut behind = self.fraction.iter().rev();
        let is_optional = |character: &&char| **character == symbols.digit;
        self.fraction.contains(&symbols.digit)
            && behind
                .by_ref()
                .take_while(|character| !is_optional(character))
                .any(|character| symbols.is_family_digit(*character))
    }

    fn analyse(&self, symbols: &Symbols) -> Picture {
        let is_family = |character| symbols.is_family_digit(character);
        let is_any = |character| symbols.is_any_digit(character);
        let mandatory = count_of(self.integer.iter(), is_family);
        let mut integer_size_min = mandatory;
        let mut fraction_size_min = count_of(self.fraction.iter(), is_family);
        let mut fraction_size_max = count_of(self.fraction.iter(), is_any);
        let has_exponent = self.exponent.is_some();
        if integer_size_min == 0 && fraction_size_max == 0 {
            if has_exponent {
                fraction_size_min = 1;
                fraction_size_max = 1;
            } else {
                integer_size_min = 1;
            }
        }
        if has_exponent && integer_size_min == 0 && self.integer.contains(&symbols.digit) {
            integer_size_min = 1;
        }
        if integer_size_min == 0 && fraction_size_min == 0 {
            fraction_size_min = 1;
        }
        let integer_groups = self.groups(&self.integer, Side::Right, symbols);
        let exponent = self.exponent.iter().flatten();
        Picture {
            prefix: self.prefix.iter().collect(),
            suffix: self.suffix.iter().collect(),
            factor: if self.has(&symbols.percent) {
                100.0
            } else if self.has(&symbols.per_mille) {
                1000.0
            } else {
                1.0
            },
            has_decimal: self.picture.contains(&symbols.decimal),
            integer_size_min,
            fraction_size_min,
            fraction_size_max,
            exponent_size_min: count_of(exponent, is_family),
            scaling: mandatory,
            regular_grouping: regular_interval(&integer_groups),
            integer_groups,
            fraction_groups: self.groups(&self.fraction, Side::Left, symbols),
        }
    }

    /// How many digits stand on one side of each grouping separator in `part`. From the second on
    /// the reference looks for the separators in the integer part, whatever the part.
    fn groups(&self, part: &[char], side: Side, symbols: &Symbols) -> Vec<usize> {
        let positions = |characters: &[char]| -> Vec<usize> {
            let is_separator = |(_, character): &(usize, &char)| **character == symbols.grouping;
            let found = characters.iter().enumerate().filter(is_separator);
            found.map(|(at, _)| at).collect()
        };
        let Some(first) = position_of(part, symbols.grouping) else {
            return Vec::new();
        };
        let others = positions(&self.integer)
            .into_iter()
            .filter(|at| *at > first);
        let mut digits_before = vec![0];
        for character in part {
            let before = digits_before.last().copied().unwrap_or(0);
            digits_before.push(before + usize::from(symbols.is_any_digit(*character)));
        }
        let all = digits_before.last().copied().unwrap_or(0);
        std::iter::once(first)
            .chain(others)
            .map(|at| {
                let before = digits_before.get(at).copied().unwrap_or(all);
                match side {
                    Side::Left => before,
                    Side::Right => all - before,
                }
            })
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

fn position_of(characters: &[char], wanted: char) -> Option<usize> {
    characters.iter().position(|character| *character == wanted)
}

fn count_of<'c>(
    characters: impl Iterator<Item = &'c char>,
    is_counted: impl Fn(char) -> bool,
) -> usize {
    characters
        .filter(|character| is_counted(**character))
        .count()
}

fn fault(code: &'static str) -> Error {
    let message = match code {
        "D3080" => "The picture string must only contain a maximum of two sub-pictures",
        "D3081" => {
            "The sub-picture must not contain more than one instance of the 'decimal-separator' \
             character"
        }
        "D3082" => {
            "The sub-picture must not contain more than one instance of the 'percent' character"
        }
        "D3083" => {
            "The sub-picture must not contain more than one instance of the 'per-mille' character"
        }
        "D3084" => "The sub-picture must not contain both a 'percent' and a 'per-mille' character",
        "D3085" => {
            "The mantissa part of a sub-picture must contain at least one character that is either \
             an 'optional digit character' or a member of the 'decimal digit family'"
        }
        "D3086" => {
            "The sub-picture must not contain a passive character that is preceded by an active \
             character and that is followed by another active character"
        }
        "D3087" => {
            "The sub-picture must not contain a 'grouping-separator' character that appears \
             adjacent to a 'decimal-separator' character"
        }
        "D3088" => {
            "The sub-picture must not contain a 'grouping-separator' at the end of the integer part"
        }
        "D3089" => {
            "The sub-picture must not contain two adjacent instances of the 'grouping-separator' \
             character"
        }
        "D3090" => {
            "The integer part of the sub-picture must not contain a member of the 'decimal digit \
             family' that is followed by an instance of the 'optional digit character'"
        }
        "D3091" => {
            "The fractional part of the sub-picture must not contain an instance of the 'optional \
             digit character' that is followed by a member of the 'decimal digit family'"
        }
        "D3092" => {
            "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a \
             character treated as an 'exponent-separator'"
        }
        _ => {
            "The exponent part of the sub-picture must comprise only of one or more characters \
             that are members of the 'decimal digit family'"
        }
    };
    error(code, message)
}
