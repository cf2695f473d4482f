//! `[?(...)]`: comparisons of definite paths and literals, joined by `&&` and `||`.
//!
//! Jayway 2.0.0 has no grammar for filters: it splits the text at `&&` and `||`, and each part at
//! the first operator it knows, whatever is quoted; parentheses are dropped, as `&&` binds tighter.
//! A literal without single quotes is its own text: `10` is compared as a number with a number,
//! `true` as a truth value with one, `null` as nothing, and `"x"` keeps its quotes.

use std::cmp::Ordering;

use json::{Number, Value, View};
use jsonata::Meter;
use regex_lite::{Regex, RegexBuilder};

use super::parse::{self, Setting};
use super::token::Token;
use super::walk::{self, Reached, charge, charge_bytes};
use super::{SelectError, utf16_order};

/// Most memory of a compiled pattern: some hundred characters and repetitions. It also bounds the
/// time a search takes for each byte, and what a definition full of patterns takes.
///
/// The patterns are those of the crate `regex-lite`: linear time, and `\d`, `\w` and the flag `i`
/// know ASCII only, as in Java.
const PATTERN_BYTES_MAX: usize = 1 << 12;

/// What a search costs for each byte, in steps of the meter.
const STEPS_PER_BYTE_SEARCHED: usize = 4;

/// Any of these, each of which is all of its criteria. Both lists run from the last to the first,
/// as Jayway's stack makes them.
#[derive(Clone, Debug)]
pub(super) struct Filter(Box<[Box<[Criterion]>]>);

#[derive(Clone, Debug)]
enum Criterion {
    /// `@.a` or `!@.a`; a member that is `null` counts as absent.
    Exists { path: Box<[Token]>, wanted: bool },
    Compare {
        left: Operand,
        comparison: Comparison,
        right: Operand,
    },
    /// `@.a =~ /x/i`
    Matches {
        target: Operand,
        pattern: Box<Regex>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// In the order in which Jayway looks for them.
const COMPARISONS: [(&str, Option<Comparison>); 7] = [
    ("==", Some(Comparison::Equal)),
    (">=", Some(Comparison::GreaterOrEqual)),
    ("<=", Some(Comparison::LessOrEqual)),
    ("!=", Some(Comparison::NotEqual)),
    ("<", Some(Comparison::Less)),
    (">", Some(Comparison::Greater)),
    ("=~", None),
];

#[derive(Clone, Debug)]
enum Operand {
    /// A path from `@`.
    Item(Box<[Token]>),
    /// A path from `$`.
    Root(Box<[Token]>),
    Literal(Box<str>),
    Pattern(Box<Regex>),
}

/// What an operand stands for, for one node.
enum Meaning<'v> {
    Node(&'v Value),
    Made(Value),
    Literal(&'v str),
    Pattern,
}

/// A [`Meaning`] as it is compared.
#[derive(Clone, Copy)]
enum Scalar<'v> {
    Null,
    Bool(bool),
    Number(&'v Number),
    String(&'v str),
    /// Containers are the same or cannot be compared.
    Container(&'v Value),
    Pattern,
}

impl Filter {
    /// Compiles `?(...)`; the error is the reason.
    pub(super) fn parse(text: &str) -> Result<Filter, String> {
        let inner = text.strip_prefix('?').map(parse::trim);
        let inner = inner.and_then(|inner| inner.strip_prefix('(')?.strip_suffix(')'));
        let inner = inner.ok_or("a filter must start with `[?(` and end with `)]`")?;
        if !is_balanced(inner) {
            return Err("the brackets of the filter are not balanced".into());
        }
        let any = inner.split("||").map(|all| {
            let mut criteria = all
                .split("&&")
                .map(Criterion::parse)
                .collect::<Result<Vec<_>, String>>()?;
            criteria.reverse();
            Ok(criteria.into_boxed_slice())
        });
        let mut any = any.collect::<Result<Vec<_>, String>>()?;
        any.reverse();
        Ok(Filter(any.into()))
    }

    /// Whether the filter accepts a node of the document `root`.
    pub(super) fn accepts(
        &self,
        item: &Value,
        root: &Value,
        meter: &Meter,
    ) -> Result<bool, SelectError> {
        for all in &self.0 {
            if all_hold(all, item, root, meter)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn all_hold(
    criteria: &[Criterion],
    item: &Value,
    root: &Value,
    meter: &Meter,
) -> Result<bool, SelectError> {
    for criterion in criteria {
        if !criterion.holds(item, root, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether brackets outside of single quotes come in pairs, and the quotes too.
fn is_balanced(text: &str) -> bool {
    let (mut round, mut square, mut is_quoted, mut before) = (0_i64, 0_i64, false, ' ');
    for char in text.chars() {
        match char {
            '\'' if before != '\\' => is_quoted = !is_quoted,
            '(' if !is_quoted => round += 1,
            ')' if !is_quoted => round -= 1,
            '[' if !is_quoted => square += 1,
            ']' if !is_quoted => square -= 1,
            _ => {}
        }
        if round < 0 || square < 0 {
            return false;
        }
        before = char;
    }
    round == 0 && square == 0 && !is_quoted
}

impl Criterion {
    fn parse(text: &str) -> Result<Criterion, String> {
        let text = parse::trim(text).trim_start_matches(['[', '?', '(', ' ']);
        let text = text.trim_end_matches([')', ' ']);
        if text.is_empty() || text.starts_with(['&', '|']) {
            return Err("a criterion of the filter is missing".into());
        }
        let found = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| Some((text.split_once(sign)?, comparison)));
        let Some(((left, right), comparison)) = found else {
            return existence(text);
        };
        let left = parse::trim(left);
        // Before a comparison a negation has no meaning, and Jayway passes over it.
        let negated = left.strip_prefix('!').filter(|path| path.starts_with('@'));
        let left = Operand::parse(negated.unwrap_or(left))?;
        let right = Operand::parse(parse::trim(right))?;
        match (comparison, left, right) {
            (Some(comparison), left, right) => Ok(Criterion::Compare {
                left,
                comparison: *comparison,
                right,
            }),
            (None, Operand::Pattern(pattern), target)
            | (None, target, Operand::Pattern(pattern)) => {
                Ok(Criterion::Matches { target, pattern })
            }
            (None, ..) => Err(format!("`{text}` has no pattern; write `=~ /pattern/`")),
        }
    }

    /// What it costs to find the operands.
    fn steps(&self) -> usize {
        match self {
            Criterion::Exists { path, .. } => 1 + path.len(),
            Criterion::Compare { left, right, .. } => 1 + left.steps() + right.steps(),
            Criterion::Matches { target, .. } => 1 + target.steps(),
        }
    }

    fn holds(&self, item: &Value, root: &Value, meter: &Meter) -> Result<bool, SelectError> {
        charge(meter, self.steps())?;
        match self {
            Criterion::Exists { path, wanted } => exists(path, item).map(|is| is == *wanted),
            Criterion::Compare {
                left,
                comparison,
                right,
            } => {
                let Some(left) = left.meaning(item, root)? else {
                    return Ok(false);
                };
                let Some(right) = right.meaning(item, root)? else {
                    return Ok(false);
                };
                let (left, right) = (left.scalar(), right.scalar());
                charge_bytes(meter, left.len().saturating_add(right.len()))?;
                comparison.holds(left, right)
            }
            Criterion::Matches { target, pattern } => {
                let Some(target) = target.meaning(item, root)? else {
                    return Ok(false);
                };
                matches(target.scalar(), pattern, meter)
            }
        }
    }
}

fn existence(text: &str) -> Result<Criterion, String> {
    let (path, wanted) = match text.strip_prefix('!') {
        Some(path) if path.starts_with('@') => (path, false),
        _ => (text, true),
    };
    if !path.starts_with(['$', '@']) {
        return Err(format!("`{text}` has no operator and is no path"));
    }
    Ok(Criterion::Exists {
        path: parse::tokens(path, Setting::Filter)?.into(),
        wanted,
    })
}

/// Whether the path leads to something else than `null`. It starts at the node even if it is
/// written with `$`: so does Jayway. Of a list of properties every one must be there.
fn exists(path: &[Token], item: &Value) -> Result<bool, SelectError> {
    let reached = match walk::definite(path, item) {
        Ok(reached) => reached,
        Err(lost) if lost.miss.is_absence() => return Ok(false),
        Err(lost) => return Err(lost.error(path, item)),
    };
    Ok(match (reached, path.last()) {
        (Reached::Node(node), _) => !node.is_null(),
        (Reached::Made(object), Some(Token::Properties(names))) => {
            names.iter().all(|name| object.get(name).is_some())
        }
        (Reached::Made(_), _) => true,
    })
}

fn matches(target: Scalar<'_>, pattern: &Regex, meter: &Meter) -> Result<bool, SelectError> {
    let made;
    let text = match target {
        Scalar::Null | Scalar::Pattern => return Ok(false),
        Scalar::Bool(true) => "true",
        Scalar::Bool(false) => "false",
        Scalar::Number(number) => number.as_text(),
        Scalar::String(text) => text,
        Scalar::Container(value) => {
            charge_bytes(meter, value.size())?;
            made = value.to_text();
            &made
        }
    };
    charge(meter, text.len().saturating_mul(STEPS_PER_BYTE_SEARCHED))?;
    Ok(pattern.is_match(text))
}

impl Operand {
    fn parse(text: &str) -> Result<Operand, String> {
        let tokens = |text| parse::tokens(text, Setting::Filter).map(Vec::into_boxed_slice);
        if text.starts_with('@') {
            return Ok(Operand::Item(tokens(text)?));
        }
        if text.starts_with('$') {
            return Ok(Operand::Root(tokens(text)?));
        }
        if text.starts_with("!@") {
            return Err(format!(
                "`{text}`: only a check of existence can be negated"
            ));
        }
        if let Some(quoted) = text
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''))
        {
            return Ok(Operand::Literal(quoted.into()));
        }
        if let Some((pattern, flag)) = text
            .strip_prefix('/')
            .and_then(|rest| rest.rsplit_once('/'))
            && matches!(flag, "" | "i")
        {
            return Ok(Operand::Pattern(Box::new(regex(pattern, flag == "i")?)));
        }
        Ok(Operand::Literal(text.into()))
    }

    fn steps(&self) -> usize {
        match self {
            Operand::Item(path) | Operand::Root(path) => path.len(),
            Operand::Literal(_) | Operand::Pattern(_) => 0,
        }
    }

    /// `None` if a path leads nowhere: then no comparison holds.
    fn meaning<'v>(
        &'v self,
        item: &'v Value,
        root: &'v Value,
    ) -> Result<Option<Meaning<'v>>, SelectError> {
        let (path, start) = match self {
            Operand::Item(path) => (path, item),
            Operand::Root(path) => (path, root),
            Operand::Literal(text) => return Ok(Some(Meaning::Literal(text))),
            Operand::Pattern(_) => return Ok(Some(Meaning::Pattern)),
        };
        match walk::definite(path, start) {
            Ok(Reached::Node(node)) => Ok(Some(Meaning::Node(node))),
            Ok(Reached::Made(value)) => Ok(Some(Meaning::Made(value))),
            Err(lost) if lost.miss.is_absence() => Ok(None),
            Err(lost) => Err(lost.error(path, start)),
        }
    }
}

/// A pattern must match the whole text, as `Matcher.matches` demands.
fn regex(pattern: &str, ignores_case: bool) -> Result<Regex, String> {
    RegexBuilder::new(&format!("\\A(?:{pattern})\\z"))
        .case_insensitive(ignores_case)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|_| format!("the pattern `/{pattern}/` is not valid, or too large"))
}

impl Meaning<'_> {
    fn scalar(&self) -> Scalar<'_> {
        let value = match self {
            Meaning::Node(node) => node,
            Meaning::Made(value) => value,
            Meaning::Literal(text) => return Scalar::String(text),
            Meaning::Pattern => return Scalar::Pattern,
        };
        match value.view() {
            View::Null => Scalar::Null,
            View::Bool(bool) => Scalar::Bool(bool),
            View::Number(number) => Scalar::Number(number),
            View::String(text) => Scalar::String(text),
            View::Array(_) | View::Object(_) => Scalar::Container(value),
        }
    }
}

impl Scalar<'_> {
    fn is_null(self) -> bool {
        matches!(self, Scalar::Null)
    }

    /// The bytes a comparison may have to look at.
    fn len(self) -> usize {
        match self {
            Scalar::Number(number) => number.as_text().len(),
            Scalar::String(text) => text.len(),
            Scalar::Null | Scalar::Bool(_) | Scalar::Container(_) | Scalar::Pattern => 0,
        }
    }

    fn is_nullish(self) -> bool {
        matches!(self, Scalar::Null | Scalar::String("null"))
    }
}

impl Comparison {
    fn holds(self, left: Scalar<'_>, right: Scalar<'_>) -> Result<bool, SelectError> {
        let is_equality = matches!(self, Comparison::Equal | Comparison::NotEqual);
        if !is_equality && left.is_null() != right.is_null() {
            return Ok(false);
        }
        // Jayway compares the right side with the left; the sides differ in what they convert.
        let Some(order) = compare(right, left)? else {
            return Ok(false);
        };
        Ok(match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_gt(),
            Comparison::LessOrEqual => order.is_ge(),
            Comparison::Greater => order.is_lt(),
            Comparison::GreaterOrEqual => order.is_le(),
        })
    }
}

/// `None` if the two cannot be compared: then even `!=` is false.
fn compare(right: Scalar<'_>, left: Scalar<'_>) -> Result<Option<Ordering>, SelectError> {
    let order = match (right, left) {
        (Scalar::Container(right), Scalar::Container(left)) if right.ptr_eq(left) => {
            Ordering::Equal
        }
        _ if right.is_nullish() || left.is_nullish() => left.is_nullish().cmp(&right.is_nullish()),
        (Scalar::String(right), Scalar::String(left)) if right.contains("\\'") => {
            utf16_order(&right.replace("\\'", "'"), left)
        }
        (Scalar::String(right), Scalar::String(left)) => utf16_order(right, left),
        (Scalar::Number(right), Scalar::Number(left)) => right.cmp(left),
        (Scalar::String(text), Scalar::Number(left)) => {
            let right = decimal(text).ok_or_else(|| {
                SelectError::Invalid(format!("`{text}` can not be compared with a number"))
            })?;
            right.cmp(left)
        }
        (Scalar::String(right), Scalar::Bool(left)) => {
            right.eq_ignore_ascii_case("true").cmp(&left)
        }
        (Scalar::Bool(right), Scalar::Bool(left)) => right.cmp(&left),
        _ => return Ok(None),
    };
    Ok(Some(order))
}

/// Reads a number as Java's `BigDecimal` does, which takes `+5`, `.5`, `5.` and `007` too.
fn decimal(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // JSON wants a digit on both sides of the point and no leading zeros.
    let whole = whole.trim_start_matches('0');
    let zero = if whole.is_empty() { "0" } else { "" };
    format!("{sign}{zero}{whole}.{fraction}0e{exponent}")
        .parse()
        .ok()
}
