//! Tokens, taken from the source one at a time: whether `/` starts a regex depends on what the
//! parser expects.

use json::Value;

use crate::error::Fault;

/// A token and where it ends, in UTF-16 units.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) position: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    End,
    Operator(&'static str),
    Name(String),
    Variable(String),
    Text(String),
    Number(f64),
    Constant(Value),
    Regex { pattern: String, flags: String },
}

impl TokenKind {
    /// The token as errors name it.
    pub(crate) fn value(&self) -> Value {
        match self {
            TokenKind::End => "(end)".into(),
            TokenKind::Operator(symbol) => (*symbol).into(),
            TokenKind::Name(text) | TokenKind::Variable(text) | TokenKind::Text(text) => {
                text.as_str().into()
            }
            TokenKind::Number(number) => (*number).into(),
            TokenKind::Constant(value) => value.clone(),
            TokenKind::Regex { .. } => Value::empty_object(),
        }
    }
}

/// Longer operators stand before those they start with.
const OPERATORS: [&str; 33] = [
    "..", ":=", "!=", ">=", "<=", "**", "~>", ".", "[", "]", "{", "}", "(", ")", ",", "@", "#",
    ";", ":", "?", "+", "-", "*", "/", "%", "|", "=", "<", ">", "^", "&", "!", "~",
];

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}')
}

fn ends_name(character: char) -> bool {
    is_space(character) || ".[]{}(),@#;:?+-*/%|=<>^&!~".contains(character)
}

pub(crate) struct Lexer<'s> {
    rest: &'s str,
    position: usize,
    previous: Option<char>,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str) -> Lexer<'s> {
        Lexer {
            rest: source,
            position: 0,
            previous: None,
        }
    }

    /// The next token. `is_infix`: an operator is expected, so `/` divides.
    pub(crate) fn next(&mut self, is_infix: bool) -> Result<Token, Fault> {
        self.skip_blank()?;
        let kind = match self.peek() {
            None => TokenKind::End,
            Some('/') if !is_infix => {
                self.bump();
                self.regex()?
            }
            Some(quote @ ('"' | '\'')) => self.text(quote)?,
            Some('`') => self.quoted_name()?,
            Some(_) => self.other()?,
        };
        Ok(Token {
            kind,
            position: self.position,
        })
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        self.position += character.len_utf16();
        self.previous = Some(character);
        Some(character)
    }

    /// Takes `len` bytes.
    fn take(&mut self, len: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.position += taken.encode_utf16().count();
        self.previous = taken.chars().next_back().or(self.previous);
        taken
    }

    fn skip_blank(&mut self) -> Result<(), Fault> {
        loop {
            while self.peek().is_some_and(is_space) {
                self.bump();
            }
            if !self.rest.starts_with("/*") {
                return Ok(());
            }
            let inside = self.rest.get(2..).unwrap_or_default();
            match inside.find("*/") {
                Some(len) => self.take(len + 4),
                None => return Err(Fault::at("S0106", self.position)),
            };
        }
    }

    fn other(&mut self) -> Result<TokenKind, Fault> {
        if let Some(operator) = self.operator() {
            return Ok(operator);
        }
        let number = self.number()?;
        Ok(number.unwrap_or_else(|| self.name()))
    }

    fn operator(&mut self) -> Option<TokenKind> {
        let operator = OPERATORS
            .into_iter()
            .find(|operator| self.rest.starts_with(operator))?;
        self.take(operator.len());
        Some(TokenKind::Operator(operator))
    }

    fn number(&mut self) -> Result<Option<TokenKind>, Fault> {
        let len = number_len(self.rest);
        if len == 0 {
            return Ok(None);
        }
        let digits = self.rest.get(..len).unwrap_or_default();
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.take(len);
                Ok(Some(TokenKind::Number(number)))
            }
            _ => Err(Fault::with_token("S0102", self.position, &digits.into())),
        }
    }

    fn quoted_name(&mut self) -> Result<TokenKind, Fault> {
        self.bump();
        match self.rest.find('`') {
            Some(len) => {
                let name = self.take(len).to_owned();
                self.bump();
                Ok(TokenKind::Name(name))
            }
            None => {
                self.take(self.rest.len());
                Err(Fault::at("S0105", self.position))
            }
        }
    }

    fn name(&mut self) -> TokenKind {
        let len = self.rest.find(ends_name).unwrap_or(self.rest.len());
        let word = self.take(len);
        if let Some(variable) = word.strip_prefix('$') {
            return TokenKind::Variable(variable.to_owned());
        }
        match word {
            "or" => TokenKind::Operator("or"),
            "in" => TokenKind::Operator("in"),
            "and" => TokenKind::Operator("and"),
            "true" => TokenKind::Constant(true.into()),
            "false" => TokenKind::Constant(false.into()),
            "null" => TokenKind::Constant(Value::null()),
            name => TokenKind::Name(name.to_owned()),
        }
    }

    fn text(&mut self, quote: char) -> Result<TokenKind, Fault> {
        self.bump();
        let mut units = Units::default();
        loop {
            // An escape reports the place of the character behind the backslash.
            match self.peek() {
                None => return Err(Fault::at("S0101", self.position)),
                Some('\\') => {
                    self.bump();
                    self.escape(&mut units)?;
                }
                Some(character) => {
                    self.bump();
                    if character == quote {
                        return Ok(TokenKind::Text(units.finish()));
                    }
                    units.push(character);
                }
            }
        }
    }

    fn escape(&mut self, units: &mut Units) -> Result<(), Fault> {
        let position = self.position;
        let character = self.bump();
        units.push(match character {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                units.push_unit(self.hex_digits(position)?);
                return Ok(());
            }
            other => {
                let token = other.map(String::from).unwrap_or_default();
                return Err(Fault::with_token("S0103", position, &token.into()));
            }
        });
        Ok(())
    }

    /// Up to four hexadecimal digits, as the reference has it: fewer only at the end.
    fn hex_digits(&mut self, position: usize) -> Result<u16, Fault> {
        let octets: String = self.rest.chars().take(4).collect();
        let is_hex = !octets.is_empty() && octets.chars().all(|octet| octet.is_ascii_hexdigit());
        match u16::from_str_radix(&octets, 16) {
            Ok(unit) if is_hex => {
                self.take(octets.len());
                Ok(unit)
            }
            _ => Err(Fault::at("S0104", position)),
        }
    }

    /// What stands between `/` and the next `/` outside all brackets, and the flags behind it.
    fn regex(&mut self) -> Result<TokenKind, Fault> {
        let start = self.rest;
        let mut depth = 0_i64;
        let mut backslashes = 0;
        while let Some(character) = self.peek() {
            if character == '/' && depth == 0 && backslashes % 2 == 0 {
                let pattern = start
                    .get(..start.len() - self.rest.len())
                    .unwrap_or_default();
                if pattern.is_empty() {
                    return Err(Fault::at("S0301", self.position));
                }
                self.bump();
                let is_flag = |character: char| matches!(character, 'i' | 'm');
                let len = self.rest.find(|other| !is_flag(other));
                let flags = self.take(len.unwrap_or(self.rest.len()));
                return Ok(TokenKind::Regex {
                    pattern: pattern.to_owned(),
                    flags: flags.to_owned(),
                });
            }
            if self.previous != Some('\\') {
                match character {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth -= 1,
                    _ => {}
                }
            }
            backslashes = if character == '\\' {
                backslashes + 1
            } else {
                0
            };
            self.bump();
        }
        Err(Fault::at("S0302", self.position))
    }
}

/// The length of the number a text starts with: no sign, no leading zeros.
fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut len = match bytes.first() {
        Some(b'0') => 1,
        _ => digits(0),
    };
    if len == 0 {
        return 0;
    }
    if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        if digits(len + 1 + sign) > 0 {
            len += 1 + sign + digits(len + 1 + sign);
        }
    }
    len
}

/// Text from characters and UTF-16 units. A half of a surrogate pair without the other becomes
/// U+FFFD, as in every text that leaves AWS.
#[derive(Default)]
struct Units {
    text: String,
    high: Option<u16>,
}

impl Units {
    fn push(&mut self, character: char) {
        if self.high.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        self.text.push(character);
    }

    fn push_unit(&mut self, unit: u16) {
        let pair = self.high.map(|high| [high, unit]);
        if let Some(pair) = pair
            && let Some(Ok(character)) = char::decode_utf16(pair).next()
        {
            self.high = None;
            self.text.push(character);
            return;
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => self.push(character),
            None => {
                if self.high.take().is_some() {
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
                if unit < 0xdc00 {
                    self.high = Some(unit);
                } else {
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
    }

    fn finish(mut self) -> String {
        if self.high.is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        self.text
    }
}
