//! Terms that occur in a message, or must not.

use super::Invalid;
use super::fields::too_many_regexes;
use super::object::REGEXES_MAX;
use super::regex::Regex;
use super::scan::Scan;

/// `A "b c" -d ?e ?%f+%`.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    /// All must occur.
    all: Vec<Term>,
    /// None may occur.
    none: Vec<Term>,
    /// One at least must occur. Beside other terms they mean nothing (user guide: a mixture of both
    /// "ignores" them).
    any: Vec<Term>,
}

#[derive(Clone, Debug)]
enum Term {
    /// A substring.
    Text(String),
    Regex(Regex),
}

impl Term {
    fn occurs(&self, message: &str) -> bool {
        match self {
            Term::Text(text) => message.contains(text.as_str()),
            Term::Regex(regex) => regex.matches(message),
        }
    }
}

impl Terms {
    pub(super) fn parse(scan: &mut Scan<'_>) -> Result<Terms, Invalid> {
        let mut terms = Terms::default();
        let mut regexes = 0;
        while let Some(first) = scan.peek() {
            let list = match first {
                '-' => &mut terms.none,
                '?' => &mut terms.any,
                _ => &mut terms.all,
            };
            if matches!(first, '-' | '?') {
                scan.eat(first.encode_utf8(&mut [0; 4]));
            }
            let term = term(scan, first)?;
            regexes += usize::from(matches!(term, Term::Regex(_)));
            list.push(term);
        }
        match regexes > REGEXES_MAX {
            true => Err(too_many_regexes()),
            false => Ok(terms),
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.iter().any(|term| term.occurs(message));
        }
        self.all.iter().all(|term| term.occurs(message))
            && !self.none.iter().any(|term| term.occurs(message))
    }
}

fn term(scan: &mut Scan<'_>, first: char) -> Result<Term, Invalid> {
    Ok(match scan.peek_here() {
        Some('"') => Term::Text(scan.between('"', true)?),
        Some('%') => Term::Regex(Regex::parse(&scan.between('%', false)?)?),
        _ => match scan.take_while(|next| !next.is_whitespace()) {
            "" => {
                let reason = format!("no term follows `{first}`; quote it to look for it");
                return Err(Invalid::new(reason));
            }
            text => Term::Text(text.to_owned()),
        },
    })
}
