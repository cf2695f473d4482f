//! From the text of an expression to a tree: ECMAScript's grammar with its Annex B, which gives a
//! meaning to most of what looks like a mistake.

use super::set::{Ranges, Set};

/// Groups nested deeper than this are refused: each pass recurses, 5 KiB deep for each group in a
/// debug build.
const DEPTH_MAX: usize = 50;

/// Longer expressions are refused: nobody writes them, and compiling takes time without a meter.
const SOURCE_BYTES_MAX: usize = 1 << 16;

#[derive(Debug)]
pub(super) enum Node {
    Empty,
    /// One character out of the set of this number.
    Set(usize),
    Assertion(Assertion),
    /// A group that captures, by its number from 1.
    Group(usize, Box<Node>),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Repeat(Repeat),
}

#[derive(Debug)]
pub(super) struct Repeat {
    pub(super) node: Box<Node>,
    pub(super) min: usize,
    /// `None` if there is no limit.
    pub(super) max: Option<usize>,
    pub(super) is_greedy: bool,
    /// The numbers of the groups within.
    pub(super) groups: std::ops::Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Assertion {
    Start,
    End,
    WordBoundary,
    NotWordBoundary,
}

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) root: Node,
    pub(super) sets: Vec<Set>,
    /// How many groups capture.
    pub(super) groups: usize,
}

/// Parses an expression; the error is the reason alone.
pub(super) fn parse(source: &str, ignores_case: bool) -> Result<Pattern, &'static str> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err("longer than 65,536 bytes");
    }
    let mut parser = Parser {
        rest: source,
        group_count: count_groups(source),
        has_names: source.contains("(?<"),
        groups: 0,
        depth: 0,
        sets: Vec::new(),
        ignores_case,
    };
    let root = parser.alternatives()?;
    if parser.peek().is_some() {
        return Err("Unmatched ')'");
    }
    Ok(Pattern {
        root,
        sets: parser.sets,
        groups: parser.groups,
    })
}

/// How many groups capture: a number behind a backslash is a back-reference only if it is one.
fn count_groups(source: &str) -> usize {
    let mut count = 0;
    let mut in_class = false;
    let mut rest = source.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => {
                rest.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let after = rest.as_str();
                let is_named = after.starts_with("?<")
                    && !after.starts_with("?<=")
                    && !after.starts_with("?<!");
                count += usize::from(is_named || !after.starts_with('?'));
            }
            _ => {}
        }
    }
    count
}

struct Parser<'s> {
    rest: &'s str,
    group_count: usize,
    has_names: bool,
    groups: usize,
    depth: usize,
    sets: Vec<Set>,
    ignores_case: bool,
}

/// What an escape or a place in a class stands for.
enum Atom {
    Character(char),
    Class(Ranges),
    Assertion(Assertion),
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn take(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn alternatives(&mut self) -> Result<Node, &'static str> {
        let mut alternatives = vec![self.sequence()?];
        while self.take("|") {
            alternatives.push(self.sequence()?);
        }
        Ok(match alternatives.pop() {
            Some(only) if alternatives.is_empty() => only,
            last => {
                alternatives.extend(last);
                Node::Alternatives(alternatives)
            }
        })
    }

    fn sequence(&mut self) -> Result<Node, &'static str> {
        let mut nodes = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let first_group = self.groups + 1;
            let is_assertion = ["^", "$", "\\b", "\\B"]
                .iter()
                .any(|mark| self.rest.starts_with(mark));
            let node = self.term()?;
            if is_assertion && self.quantifier().is_some() {
                return Err("Nothing to repeat");
            }
            let node = self.quantified(node, first_group)?;
            nodes.push(node);
        }
        Ok(match nodes.pop() {
            None => Node::Empty,
            Some(only) if nodes.is_empty() => only,
            last => {
                nodes.extend(last);
                Node::Sequence(nodes)
            }
        })
    }

    fn term(&mut self) -> Result<Node, &'static str> {
        if self.quantifier().is_some() {
            return Err("Nothing to repeat");
        }
        let Some(character) = self.next() else {
            return Ok(Node::Empty);
        };
        match character {
            '^' => Ok(Node::Assertion(Assertion::Start)),
            '$' => Ok(Node::Assertion(Assertion::End)),
            '(' => self.group(),
            '[' => self.class(),
            '.' => Ok(self.set(line_ends(), true)),
            '\\' => {
                let atom = self.escape()?;
                Ok(self.atom(atom))
            }
            other => Ok(self.atom(Atom::Character(other))),
        }
    }

    fn atom(&mut self, atom: Atom) -> Node {
        match atom {
            Atom::Character(character) => self.set(Ranges::of([(character, character)]), false),
            Atom::Class(ranges) => self.set(ranges, false),
            Atom::Assertion(assertion) => Node::Assertion(assertion),
        }
    }

    fn set(&mut self, ranges: Ranges, is_negated: bool) -> Node {
        self.sets
            .push(Set::new(ranges, is_negated, self.ignores_case));
        Node::Set(self.sets.len() - 1)
    }

    fn group(&mut self) -> Result<Node, &'static str> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("groups nest deeper than 50");
        }
        let look_around = ["?=", "?!", "?<=", "?<!"];
        if look_around.iter().any(|mark| self.rest.starts_with(mark)) {
            return Err("look-around is not supported");
        }
        let number = if self.take("?:") {
            None
        } else {
            if self.take("?<") {
                self.group_name()?;
            } else if self.peek() == Some('?') {
                return Err("Invalid group");
            }
            self.groups += 1;
            Some(self.groups)
        };
        let node = self.alternatives()?;
        if !self.take(")") {
            return Err("Unterminated group");
        }
        self.depth -= 1;
        Ok(match number {
            Some(number) => Node::Group(number, Box::new(node)),
            None => node,
        })
    }

    /// The name of a group; names are of no use in JSONata.
    fn group_name(&mut self) -> Result<(), &'static str> {
        let fault = "Invalid capture group name";
        let (name, rest) = self.rest.split_once('>').ok_or(fault)?;
        let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
        if name.is_empty() || !name.chars().all(is_letter) {
            return Err(fault);
        }
        self.rest = rest;
        Ok(())
    }

    fn quantified(&mut self, node: Node, first_group: usize) -> Result<Node, &'static str> {
        let Some((min, max)) = self.quantifier() else {
            return Ok(node);
        };
        if max.is_some_and(|max| max < min) {
            return Err("numbers out of order in {} quantifier");
        }
        let is_greedy = !self.take("?");
        Ok(Node::Repeat(Repeat {
            node: Box::new(node),
            min,
            max,
            is_greedy,
            groups: first_group..self.groups + 1,
        }))
    }

    /// The least and the greatest number of times, if a quantifier comes next. A brace that does
    /// not begin a quantifier is itself.
    fn quantifier(&mut self) -> Option<(usize, Option<usize>)> {
        if self.take("*") {
            return Some((0, None));
        }
        if self.take("+") {
            return Some((1, None));
        }
        if self.take("?") {
            return Some((0, Some(1)));
        }
        let (bounds, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().unwrap_or(usize::MAX))
        };
        let bounds = match bounds.split_once(',') {
            None => number(bounds).map(|count| (count, Some(count)))?,
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        self.rest = rest;
        Some(bounds)
    }

    fn class(&mut self) -> Result<Node, &'static str> {
        let is_negated = self.take("^");
        let mut ranges = Vec::new();
        while !self.take("]") {
            let first = self.class_atom()?;
            if !self.rest.starts_with('-') || self.rest.starts_with("-]") {
                add_atom(first, &mut ranges);
                continue;
            }
            self.take("-");
            match (first, self.class_atom()?) {
                (Atom::Character(first), Atom::Character(last)) if first <= last => {
                    ranges.push((first, last));
                }
                (Atom::Character(_), Atom::Character(_)) => {
                    return Err("Range out of order in character class");
                }
                (first, last) => {
                    add_atom(first, &mut ranges);
                    ranges.push(('-', '-'));
                    add_atom(last, &mut ranges);
                }
            }
        }
        Ok(self.set(Ranges::of(ranges), is_negated))
    }

    fn class_atom(&mut self) -> Result<Atom, &'static str> {
        match self.next().ok_or("Unterminated character class")? {
            '\\' if self.take("b") => Ok(Atom::Character('\u{8}')),
            '\\' if self.take("B") => Ok(Atom::Character('B')),
            '\\' if self.rest.starts_with(|digit: char| digit.is_ascii_digit()) => {
                Ok(Atom::Character(self.octal_or_digit()))
            }
            '\\' => self.escape(),
            other => Ok(Atom::Character(other)),
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<Atom, &'static str> {
        if self.rest.starts_with(|digit| matches!(digit, '1'..='9')) {
            return self.digits();
        }
        if self.has_names && self.rest.starts_with("k<") {
            return Err(BACK_REFERENCE);
        }
        if self.peek() == Some('0') {
            return Ok(Atom::Character(self.octal_or_digit()));
        }
        let before = self.rest;
        let letter = self.next().ok_or("\\ at end of pattern")?;
        Ok(match letter {
            'd' => Atom::Class(digits()),
            'D' => Atom::Class(digits().complement()),
            'w' => Atom::Class(word_characters()),
            'W' => Atom::Class(word_characters().complement()),
            's' => Atom::Class(spaces()),
            'S' => Atom::Class(spaces().complement()),
            'b' => Atom::Assertion(Assertion::WordBoundary),
            'B' => Atom::Assertion(Assertion::NotWordBoundary),
            't' => Atom::Character('\t'),
            'n' => Atom::Character('\n'),
            'v' => Atom::Character('\u{b}'),
            'f' => Atom::Character('\u{c}'),
            'r' => Atom::Character('\r'),
            'c' => Atom::Character(match self.control() {
                Some(control) => control,
                None => {
                    self.rest = before;
                    '\\'
                }
            }),
            'x' => self
                .hexadecimal(2)
                .map_or(Atom::Character('x'), character_or_none),
            'u' => self.unicode(),
            other => Atom::Character(other),
        })
    }

    /// A number that begins with 1 to 9: a back-reference if there is such a group.
    fn digits(&mut self) -> Result<Atom, &'static str> {
        let len = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.rest.get(..len).unwrap_or_default();
        if digits.parse().unwrap_or(usize::MAX) <= self.group_count {
            return Err(BACK_REFERENCE);
        }
        Ok(Atom::Character(self.octal_or_digit()))
    }

    /// Up to three octal digits below 256, or a digit that is itself.
    fn octal_or_digit(&mut self) -> char {
        let mut code = 0_u8;
        let mut len = 0;
        for byte in self.rest.bytes().take(3) {
            let digit = byte.wrapping_sub(b'0');
            let next = code.checked_mul(8).and_then(|code| code.checked_add(digit));
            let (0..=7, Some(next)) = (digit, next) else {
                break;
            };
            code = next;
            len += 1;
        }
        if len == 0 {
            return self.next().unwrap_or('\0');
        }
        self.rest = self.rest.get(len..).unwrap_or_default();
        char::from(code)
    }

    /// The control character of a letter behind `\c`. Without a letter the backslash is itself.
    fn control(&mut self) -> Option<char> {
        let letter = u8::try_from(self.peek()?).ok()?;
        letter.is_ascii_alphabetic().then(|| {
            self.next();
            char::from(letter % 32)
        })
    }

    fn hexadecimal(&mut self, len: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(len)?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| is_hexadecimal)?;
        self.rest = rest;
        Some(value)
    }

    /// `\uD83D\uDE00` are two units of one character.
    fn unicode(&mut self) -> Atom {
        let Some(unit) = self.hexadecimal(4) else {
            return Atom::Character('u');
        };
        let after_first = self.rest;
        if (0xd800..0xdc00).contains(&unit)
            && self.take("\\u")
            && let Some(low) = self.hexadecimal(4)
            && (0xdc00..0xe000).contains(&low)
        {
            return character_or_none(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        }
        self.rest = after_first;
        character_or_none(unit)
    }
}

const BACK_REFERENCE: &str = "back-references are not supported";

/// Half of a surrogate pair is in no text.
fn character_or_none(code: u32) -> Atom {
    char::from_u32(code).map_or_else(|| Atom::Class(Ranges::default()), Atom::Character)
}

fn add_atom(atom: Atom, ranges: &mut Vec<(char, char)>) {
    match atom {
        Atom::Character(character) => ranges.push((character, character)),
        Atom::Class(class) => ranges.extend(class.iter()),
        // Within a class `\b` and `\B` are characters.
        Atom::Assertion(_) => {}
    }
}

fn digits() -> Ranges {
    Ranges::of([('0', '9')])
}

fn word_characters() -> Ranges {
    Ranges::of([('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

fn line_ends() -> Ranges {
    Ranges::of([('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')])
}

fn spaces() -> Ranges {
    Ranges::of([
        ('\t', '\r'),
        (' ', ' '),
        ('\u{a0}', '\u{a0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200a}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202f}', '\u{202f}'),
        ('\u{205f}', '\u{205f}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{feff}', '\u{feff}'),
    ])
}
