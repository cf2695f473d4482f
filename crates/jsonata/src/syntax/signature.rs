//! Signatures of functions, `<s-nn?:s>`: which arguments a function takes, what it does with a
//! missing one.

use crate::error::Fault;

/// A parsed signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Which types it takes, as a set of [`Type`] bits.
    pub(crate) types: u16,
    pub(crate) count: Count,
    /// Takes the context value if it is missing.
    pub(crate) is_context: bool,
    /// Declared as `a`: anything else becomes an array of one.
    pub(crate) is_array: bool,
    /// What the array holds, the text between `<` and `>`.
    pub(crate) subtype: Option<String>,
    /// The letter before `<`; `None` for a choice.
    letter: Option<char>,
}

/// How many arguments a parameter takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Count {
    #[default]
    One,
    /// One if it fits.
    Optional,
    /// One only if the rest does not fit otherwise (`s-?`).
    Reluctant,
    /// At least one.
    Many,
}

/// The types a signature tells apart, by their letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Number,
    Boolean,
    Null,
    Object,
    Array,
    Function,
    Missing,
}

impl Type {
    pub(crate) fn bit(self) -> u16 {
        1 << (self as u16)
    }

    fn of_letter(letter: char) -> Option<Type> {
        Some(match letter {
            's' => Type::Text,
            'n' => Type::Number,
            'b' => Type::Boolean,
            'l' => Type::Null,
            'o' => Type::Object,
            'a' => Type::Array,
            'f' => Type::Function,
            'm' => Type::Missing,
            _ => return None,
        })
    }

    pub(crate) fn letter(self) -> char {
        match self {
            Type::Text => 's',
            Type::Number => 'n',
            Type::Boolean => 'b',
            Type::Null => 'l',
            Type::Object => 'o',
            Type::Array => 'a',
            Type::Function => 'f',
            Type::Missing => 'm',
        }
    }
}

fn types(letters: &str) -> u16 {
    let bits = letters.chars().filter_map(Type::of_letter).map(Type::bit);
    bits.fold(0, |set, bit| set | bit)
}

/// Arguments are fitted to parameters by recursion, a level for each.
const PARAMETERS_MAX: usize = 100;

impl Signature {
    /// Parses the text between and including `<` and `>`.
    ///
    /// # Errors
    /// S0401 and S0402, at a position from the start of the text; `Limit::Depth` for too many
    /// parameters.
    pub(crate) fn parse(text: &str) -> Result<Signature, Fault> {
        let symbols: Vec<char> = text.chars().collect();
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut at = 1;
        while let Some(symbol) = symbols.get(at).copied().filter(|symbol| *symbol != ':') {
            match symbol {
                '-' => {
                    if let Some(parameter) = parameters.last_mut() {
                        parameter.is_context = true;
                        parameter.count = Count::Optional;
                    }
                }
                '?' => {
                    if let Some(parameter) = parameters.last_mut() {
                        parameter.count = match parameter.count {
                            Count::One => Count::Optional,
                            _ => Count::Reluctant,
                        };
                    }
                }
                '+' => {
                    if let Some(parameter) = parameters.last_mut() {
                        parameter.count = Count::Many;
                    }
                }
                '(' => {
                    let end = closing(&symbols, at, '(', ')');
                    parameters.push(choice(symbols.get(at + 1..end).unwrap_or_default(), at)?);
                    at = end;
                }
                '<' => {
                    let end = closing(&symbols, at, '<', '>');
                    let inside = symbols.get(at + 1..end).unwrap_or_default();
                    set_subtype(parameters.last_mut(), inside, at)?;
                    at = end;
                }
                letter => parameters.extend(single(letter)),
            }
            at += 1;
        }
        if parameters.len() > PARAMETERS_MAX {
            return Err(Fault::too_deep());
        }
        Ok(Signature { parameters })
    }
}

/// The position of the bracket that closes the one at `start`; the end if there is none.
fn closing(symbols: &[char], start: usize, open: char, close: char) -> usize {
    let mut depth = 0;
    for (at, symbol) in symbols.iter().enumerate().skip(start) {
        if *symbol == open {
            depth += 1;
        } else if *symbol == close {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    symbols.len()
}

fn choice(letters: &[char], position: usize) -> Result<Parameter, Fault> {
    let letters: String = letters.iter().collect();
    if letters.contains('<') {
        return Err(Fault::at("S0402", position));
    }
    Ok(Parameter {
        types: types(&letters) | Type::Missing.bit(),
        ..Parameter::default()
    })
}

fn set_subtype(
    parameter: Option<&mut Parameter>,
    inside: &[char],
    position: usize,
) -> Result<(), Fault> {
    match parameter {
        Some(parameter) if matches!(parameter.letter, Some('a' | 'f')) => {
            parameter.subtype = Some(inside.iter().collect());
            Ok(())
        }
        _ => Err(Fault::at("S0401", position)),
    }
}

fn single(letter: char) -> Option<Parameter> {
    let types = match letter {
        's' | 'n' | 'b' | 'l' | 'o' => types(&letter.to_string()) | Type::Missing.bit(),
        'a' | 'x' => types("asnblfom"),
        'f' => types("f"),
        'j' => types("asnblom"),
        _ => return None,
    };
    Some(Parameter {
        types,
        is_array: letter == 'a',
        letter: Some(letter),
        ..Parameter::default()
    })
}
