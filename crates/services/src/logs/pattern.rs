//! Filter patterns: which log events a reader wants, in CloudWatch Logs' little languages.
//!
//! Source: the CloudWatch Logs user guide, "Filter pattern syntax". The first character says which
//! language it is: `{` is a test of JSON, `[` names the fields of a line, anything else are terms
//! that occur in the text. What the guide leaves open is marked as unverified where its cases are
//! (`conformance/filter-patterns`).
//!
//! ```
//! use services::logs::pattern::Pattern;
//!
//! let failures = Pattern::parse("{ $.level = ERROR && $.status >= 500 }")?;
//! assert!(failures.matches(r#"{"level": "ERROR", "status": 503}"#));
//! assert!(!failures.matches("ERROR 503"));
//! # Ok::<(), services::logs::pattern::Invalid>(())
//! ```

mod compare;
mod expression;
mod fields;
mod object;
mod regex;
mod scan;
mod text;

use self::fields::Fields;
use self::object::Object;
use self::scan::Scan;
use self::text::Terms;

/// CloudWatch Logs API reference, "filterPattern".
const CHARACTERS_MAX: usize = 1_024;

/// Why a text is no filter pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern: {0}")]
pub struct Invalid(String);

impl Invalid {
    fn new(reason: impl Into<String>) -> Invalid {
        Invalid(reason.into())
    }
}

/// A filter pattern. To match takes time in proportion to the message.
#[derive(Clone, Debug)]
pub struct Pattern(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// An empty pattern: every message.
    All,
    /// `ERROR -"not found"`.
    Text(Terms),
    /// `[ip, user, ..., status = 4*]`.
    Fields(Fields),
    /// `{ $.level = "ERROR" }`.
    Object(Object),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, Invalid> {
        if text.chars().count() > CHARACTERS_MAX {
            let reason = format!("it is longer than {CHARACTERS_MAX} characters");
            return Err(Invalid::new(reason));
        }
        let mut scan = Scan::new(text.trim());
        let kind = match scan.peek() {
            None => Kind::All,
            Some('{') => Kind::Object(Object::parse(&mut scan)?),
            Some('[') => Kind::Fields(Fields::parse(&mut scan)?),
            Some(_) => Kind::Text(Terms::parse(&mut scan)?),
        };
        match scan.peek() {
            None => Ok(Pattern(kind)),
            Some(_) => Err(scan.unexpected("nothing follows")),
        }
    }

    /// Whether a message is one of those the pattern describes.
    #[must_use]
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Text(terms) => terms.matches(message),
            Kind::Fields(fields) => fields.matches(message),
            Kind::Object(object) => object.matches(message),
        }
    }

    /// What the pattern names in a message: `$.selector` of JSON, `$name` or `$1` of fields, with
    /// their values as text. `None` for a message that it does not match.
    #[must_use]
    pub fn extract(&self, message: &str) -> Option<Vec<(String, String)>> {
        if !self.matches(message) {
            return None;
        }
        Some(match &self.0 {
            Kind::All | Kind::Text(_) => Vec::new(),
            Kind::Fields(fields) => fields.extract(message),
            Kind::Object(object) => object.extract(message),
        })
    }
}

#[cfg(test)]
mod tests;
