//! Expressions made from others: tokens left out, doubled, swapped, replaced by tokens of the same
//! or of another kind, and parts of other expressions put in.

use crate::dice::Dice;

/// Characters of a made expression: beyond, nothing new comes up.
const CHARS_MAX: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Field,
    Variable,
    Number,
    Text,
    Operator,
    Bracket,
    Space,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    text: String,
}

/// All tokens there are, by kind.
pub(super) struct Pool {
    expressions: Vec<Vec<Token>>,
    tokens: Vec<Token>,
}

impl Pool {
    pub(super) fn new<'a>(expressions: impl Iterator<Item = &'a str>) -> Pool {
        let expressions: Vec<Vec<Token>> = expressions.map(tokens).collect();
        let is_meant = |token: &&Token| token.kind != Kind::Space;
        let mut all: Vec<Token> = expressions
            .iter()
            .flatten()
            .filter(is_meant)
            .cloned()
            .collect();
        all.sort_by(|a, b| a.text.cmp(&b.text));
        all.dedup_by(|a, b| a.text == b.text);
        Pool {
            expressions,
            tokens: all,
        }
    }

    /// A mutant of the expression of this number.
    pub(super) fn mutant(&self, at: usize, dice: &mut Dice) -> String {
        let mut tokens = self.expressions[at].clone();
        for _ in 0..dice.pick(&[1, 1, 1, 2, 2, 4]) {
            self.change(&mut tokens, dice);
        }
        let text: String = tokens.into_iter().map(|token| token.text).collect();
        let text = match dice.below(16) {
            0 => format!("[{text}]"),
            1 => format!("$string({text})"),
            2 => format!("({text}) ~> $count()"),
            3 => format!("{{'a': {text}}}"),
            _ => text,
        };
        text.chars().take(CHARS_MAX).collect()
    }

    fn change(&self, tokens: &mut Vec<Token>, dice: &mut Dice) {
        let meant = |token: &Token| token.kind != Kind::Space;
        let places: Vec<usize> = (0..tokens.len()).filter(|at| meant(&tokens[*at])).collect();
        if places.is_empty() {
            tokens.push(self.any(dice));
            return;
        }
        let at = dice.pick(&places);
        match dice.below(10) {
            0 => {
                tokens.remove(at);
            }
            1 => tokens.insert(at, tokens[at].clone()),
            2 => {
                let other = dice.pick(&places);
                tokens.swap(at, other);
            }
            3 => tokens[at] = self.any(dice),
            4 => tokens.insert(at, self.any(dice)),
            5 => {
                let from = usize::try_from(dice.below(self.expressions.len() as u64)).unwrap();
                let part = part(&self.expressions[from], dice);
                let end = (at + 1).min(tokens.len());
                tokens.splice(at..end, part);
            }
            6 if tokens[at].kind == Kind::Number => {
                let number = dice.pick(&["0", "-1", "1", "0.5", "3", "1e10", "1e-7", "100"]);
                tokens[at].text = number.to_owned();
            }
            _ => {
                let kind = tokens[at].kind;
                let same: Vec<&Token> = self.tokens.iter().filter(|it| it.kind == kind).collect();
                tokens[at] = dice.pick(&same).clone();
            }
        }
    }

    fn any(&self, dice: &mut Dice) -> Token {
        let at = dice.below(self.tokens.len() as u64);
        self.tokens[usize::try_from(at).unwrap()].clone()
    }
}

/// A part with as many opening as closing brackets, if there is one.
fn part(tokens: &[Token], dice: &mut Dice) -> Vec<Token> {
    for _ in 0..4 {
        let len = tokens.len() as u64;
        let from = usize::try_from(dice.below(len)).unwrap();
        let count = usize::try_from(dice.within(1..12)).unwrap();
        let part = &tokens[from..(from + count).min(tokens.len())];
        let mut depth = 0_i32;
        let holds = part.iter().all(|token| {
            depth += match token.text.as_str() {
                "(" | "[" | "{" => 1,
                ")" | "]" | "}" => -1,
                _ => 0,
            };
            depth >= 0
        });
        if holds && depth == 0 {
            return part.to_vec();
        }
    }
    Vec::new()
}

/// Splits an expression; joined again the tokens are the same text.
fn tokens(expression: &str) -> Vec<Token> {
    let chars: Vec<char> = expression.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let (kind, len) = token(&chars[at..]);
        let text: String = chars[at..at + len].iter().collect();
        tokens.push(Token { kind, text });
        at += len;
    }
    tokens
}

/// Longer operators first.
const OPERATORS: [&str; 8] = [":=", "!=", "<=", ">=", "..", "~>", "**", "??"];

fn token(rest: &[char]) -> (Kind, usize) {
    let while_true = |test: fn(char) -> bool| rest.iter().take_while(|char| test(**char)).count();
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    match rest[0] {
        char if char.is_whitespace() => (Kind::Space, while_true(char::is_whitespace)),
        '$' => {
            let len = rest[1..]
                .iter()
                .take_while(|char| is_name(**char) || **char == '$');
            (Kind::Variable, 1 + len.count())
        }
        char if char.is_ascii_digit() => (Kind::Number, number(rest)),
        char if is_name(char) => (
            Kind::Field,
            rest.iter().take_while(|char| is_name(**char)).count(),
        ),
        quote @ ('"' | '\'' | '`') => (Kind::Text, quoted(rest, quote)),
        '(' | ')' | '[' | ']' | '{' | '}' => (Kind::Bracket, 1),
        first => {
            let two: String = [Some(&first), rest.get(1)].into_iter().flatten().collect();
            let len = if OPERATORS.contains(&two.as_str()) {
                2
            } else {
                1
            };
            (Kind::Operator, len)
        }
    }
}

fn number(rest: &[char]) -> usize {
    let digits = |from: usize| {
        let digits = rest[from..].iter().take_while(|char| char.is_ascii_digit());
        digits.count()
    };
    let whole = digits(0);
    let is_fraction = rest.get(whole) == Some(&'.');
    match is_fraction && rest.get(whole + 1).is_some_and(char::is_ascii_digit) {
        true => whole + 1 + digits(whole + 1),
        false => whole,
    }
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

#[test]
fn tokens_are_the_text() {
    for text in [
        "$sum(a.b[0]) ~> f",
        "\"a\\\"b\" & 'c",
        "1..5",
        "1.5.`x y`",
        "/a+/i",
        "é := 2",
    ] {
        let joined: String = tokens(text).into_iter().map(|token| token.text).collect();
        assert_eq!(joined, text);
    }
}
