//! Fields of a line, separated by blanks: `[ip, user, ..., status = 4*, bytes > 1000]`.

use super::Invalid;
use super::compare::Comparison;
use super::expression::Expression;
use super::object::REGEXES_MAX;
use super::scan::{Scan, is_name};

/// Names and conditions of the fields of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    /// Those before `...`, or all.
    first: Vec<Field>,
    /// Those after `...`; `None` where there is none, and the number of fields must be right.
    last: Option<Vec<Field>>,
}

/// What a pattern says of one field.
#[derive(Clone, Debug, Default)]
struct Field {
    /// Empty for one that has no name.
    name: String,
    condition: Option<Expression<Comparison>>,
}

impl Fields {
    pub(super) fn parse(scan: &mut Scan<'_>) -> Result<Fields, Invalid> {
        scan.expect("[")?;
        if scan.eat("]") {
            // API reference, TestMetricFilter: `[]` is a line of any fields.
            let last = Some(Vec::new());
            return Ok(Fields {
                last,
                ..Fields::default()
            });
        }
        let mut fields = Fields::default();
        let mut regexes = 0;
        loop {
            if scan.eat("...") {
                if fields.last.is_some() {
                    return Err(Invalid::new("`...` may stand there once"));
                }
                fields.last = Some(Vec::new());
            } else {
                let field = Field::parse(scan, &mut regexes)?;
                fields
                    .last
                    .as_mut()
                    .unwrap_or(&mut fields.first)
                    .push(field);
            }
            if scan.eat("]") {
                break;
            }
            scan.expect(",")?;
        }
        match regexes > REGEXES_MAX {
            true => Err(too_many_regexes()),
            false => Ok(fields),
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let named = self.first.len() + self.last.as_ref().map_or(0, Vec::len);
        let mut values: Vec<&str> = Vec::new();
        let fits = match self.last {
            Some(_) => {
                values.extend(split(message));
                values.len() >= named
            }
            // One more than there may be is enough to know.
            None => {
                values.extend(split(message).take(named + 1));
                values.len() == named
            }
        };
        let mut said = self.said(values.len());
        fits && said.all(|(at, field)| {
            let value = values.get(at).copied().unwrap_or_default();
            let condition = field.condition.as_ref();
            condition.is_none_or(|condition| condition.holds(&|test| test.holds(value)))
        })
    }

    /// The fields that are spoken of, with their places in a line of `count` fields.
    fn said(&self, count: usize) -> impl Iterator<Item = (usize, &Field)> {
        let last = self.last.as_deref().unwrap_or_default();
        let from = count.saturating_sub(last.len());
        self.first.iter().enumerate().chain((from..).zip(last))
    }

    /// All fields of a line that matches; those without a name under their numbers.
    pub(super) fn extract(&self, message: &str) -> Vec<(String, String)> {
        let values: Vec<&str> = split(message).collect();
        let mut names: Vec<String> = (1..=values.len()).map(|it| it.to_string()).collect();
        for (at, field) in self.said(values.len()) {
            if let (Some(name), false) = (names.get_mut(at), field.name.is_empty()) {
                name.clone_from(&field.name);
            }
        }
        let named = names.iter().zip(values);
        named
            .map(|(name, value)| (format!("${name}"), value.to_owned()))
            .collect()
    }
}

pub(super) fn too_many_regexes() -> Invalid {
    Invalid::new(format!(
        "it has more than {REGEXES_MAX} regular expressions"
    ))
}

impl Field {
    /// A name, a condition of it, or nothing.
    fn parse(scan: &mut Scan<'_>, regexes: &mut usize) -> Result<Field, Invalid> {
        let before = scan.clone();
        let name = name_of(scan).to_owned();
        if matches!(scan.peek(), None | Some(',' | ']')) {
            let condition = None;
            return Ok(Field { name, condition });
        }
        *scan = before;
        let mut name = String::new();
        let condition = Expression::parse(scan, &mut |scan| {
            let found = name_of(scan);
            if found.is_empty() {
                return Err(scan.unexpected("the name of a field belongs"));
            }
            if !name.is_empty() && name != found {
                return Err(Invalid::new(format!(
                    "`{found}` is tested where another field is; a field has one name"
                )));
            }
            found.clone_into(&mut name);
            let comparison = Comparison::parse(scan, ends)?;
            let comparison = comparison.ok_or_else(|| scan.unexpected("a comparison belongs"))?;
            *regexes += usize::from(comparison.has_regex());
            Ok(comparison)
        })?;
        Ok(Field {
            name,
            condition: Some(condition),
        })
    }
}

fn name_of<'p>(scan: &mut Scan<'p>) -> &'p str {
    scan.peek();
    scan.take_while(is_name)
}

/// Where a value without quotes ends.
fn ends(next: char) -> bool {
    next.is_whitespace() || matches!(next, ',' | ']' | ')' | '&' | '|')
}

/// The fields of a line. What stands in quotes or in brackets is one, without these.
fn split(message: &str) -> impl Iterator<Item = &str> {
    let mut rest = message;
    // A mark that is not closed once is not closed further on either: it is not looked for again.
    let mut marks = [('"', '"', true), ('[', ']', true)];
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let mark = marks.iter_mut().find(|(open, _, _)| *open == first);
        if let Some((open, close, is_closed)) = mark.filter(|(_, _, is_closed)| *is_closed) {
            let inner = rest.strip_prefix(*open).unwrap_or(rest);
            match inner.split_once(*close) {
                Some((field, after)) => {
                    rest = after;
                    return Some(field);
                }
                None => *is_closed = false,
            }
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(field)
    })
}
