//! What can go wrong, with the codes, texts and positions of the reference implementation.

use std::fmt;

use json::Value;

/// Why an expression does not compile, or why its evaluation ended without a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The reference's code (`T2001`, `S0202`, `D3030`); empty where the reference has none.
    pub code: &'static str,
    /// The reference's text with its placeholders filled in.
    pub message: String,
    /// Where in the source, in UTF-16 units from 0, behind the token at fault (as the reference
    /// counts); `None` where it knows no place.
    pub position: Option<usize>,
    /// The token at fault, as the reference reports it.
    pub token: Option<String>,
    /// Set when a limit ended the evaluation.
    pub limit: Option<Limit>,
}

/// The limits of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Steps,
    Bytes,
    Depth,
}

impl Error {
    pub(crate) fn limit(limit: Limit) -> Error {
        let (code, message) = match limit {
            Limit::Steps => (
                "U1001",
                "Expression evaluation timeout: Check for infinite loop",
            ),
            Limit::Bytes => ("", "Expression evaluation memory limit exceeded"),
            Limit::Depth => (
                "U1001",
                "Stack overflow error: Check for non-terminating recursive function.  Consider \
                 rewriting as tail-recursive.",
            ),
        };
        Error {
            code,
            message: message.to_owned(),
            position: None,
            token: None,
            limit: Some(limit),
        }
    }
}

impl fmt::Display for Error {
    /// As AWS shows it: `T1006: Attempted to invoke a non-function`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.code.is_empty() {
            write!(formatter, "{}: ", self.code)?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// An error on its way out: small, and its text may still lack the token, which a function call
/// further out may be the first to know.
#[derive(Debug)]
pub(crate) struct Fault(Box<Pending>);

#[derive(Debug)]
struct Pending {
    error: Error,
    lacks_token: bool,
}

/// Values in messages are cut off here; a cause of AWS holds no more.
const INSERT_LEN_MAX: usize = 32 * 1024;

impl Fault {
    /// An error of the reference without inserts.
    pub(crate) fn new(code: &'static str) -> Fault {
        Fault::filled(code, &[])
    }

    /// An error of the reference; each insert is a name in its text and what stands for it.
    pub(crate) fn filled(code: &'static str, inserts: &[(&str, &str)]) -> Fault {
        let mut message = template(code).to_owned();
        for (name, text) in inserts {
            message = message.replace(&format!("{{{{{name}}}}}"), text);
        }
        let lacks_token = message.contains("{{token}}");
        Fault(Box::new(Pending {
            error: Error {
                code,
                message,
                position: None,
                token: None,
                limit: None,
            },
            lacks_token,
        }))
    }

    /// An error of the reference about a value, as JSON or `undefined`.
    pub(crate) fn of_value(code: &'static str, value: &str) -> Fault {
        Fault::filled(code, &[("value", value)])
    }

    /// An error at a place.
    pub(crate) fn at(code: &'static str, position: usize) -> Fault {
        Fault::new(code).with_position(position)
    }

    /// A syntax error about a token.
    pub(crate) fn with_token(code: &'static str, position: usize, token: &Value) -> Fault {
        Fault::filled(code, &[("token", &token.to_text())])
            .with_position(position)
            .about(token)
    }

    /// A syntax error about a token where something else was expected.
    pub(crate) fn expected(
        code: &'static str,
        position: usize,
        token: &Value,
        expected: &Value,
    ) -> Fault {
        let inserts = [("value", expected.to_text()), ("token", token.to_text())];
        Fault::filled(
            code,
            &inserts
                .each_ref()
                .map(|(name, text)| (*name, text.as_str())),
        )
        .with_position(position)
        .about(token)
    }

    /// The source nests too deep.
    pub(crate) fn too_deep() -> Fault {
        Error::limit(Limit::Depth).into()
    }

    pub(crate) fn with_position(mut self, position: usize) -> Fault {
        self.0.error.position = Some(position);
        self
    }

    /// Moves the place, which was counted from the start of a part of the source.
    pub(crate) fn shifted(self, by: usize) -> Fault {
        let position = self.0.error.position.unwrap_or(0);
        self.with_position(position + by)
    }

    /// Names the place, if it is known: 0 stands for none.
    pub(crate) fn with_known_position(self, position: usize) -> Fault {
        match position {
            0 => self,
            position => self.with_position(position),
        }
    }

    pub(crate) fn error(&self) -> &Error {
        &self.0.error
    }

    fn about(mut self, token: &Value) -> Fault {
        self.0.error.token = Some(
            token
                .as_str()
                .map_or_else(|| token.to_text(), str::to_owned),
        );
        self
    }

    pub(crate) fn set_token(mut self, token: &str) -> Fault {
        self.0.error.token = Some(token.to_owned());
        self
    }

    /// Names the token unless the error already does.
    pub(crate) fn or_token(self, token: Option<&str>) -> Fault {
        match token {
            Some(token) if self.0.error.token.is_none() => self.set_token(token),
            _ => self,
        }
    }

    /// Names the place unless the error already does.
    pub(crate) fn or_position(self, position: usize) -> Fault {
        // The reference takes 0 for no position.
        if self.0.error.position.unwrap_or(0) == 0 {
            self.with_position(position)
        } else {
            self
        }
    }

    /// The error, its text complete.
    pub(crate) fn finish(self) -> Error {
        let Pending {
            mut error,
            lacks_token,
        } = *self.0;
        if lacks_token {
            let token = error.token.as_deref();
            let raw = token.unwrap_or("undefined");
            let quoted = token.map_or_else(|| raw.to_owned(), |token| Value::from(token).to_text());
            error.message = error
                .message
                .replace("{{{token}}}", raw)
                .replace("{{token}}", &quoted);
        }
        error
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault(Box::new(Pending {
            error,
            lacks_token: false,
        }))
    }
}

/// A value as it stands in a message.
pub(crate) fn insert(value: &Value) -> String {
    if value.size() <= INSERT_LEN_MAX {
        return value.to_text();
    }
    match value.as_str() {
        Some(text) => {
            let start: String = text.chars().take(INSERT_LEN_MAX / 4).collect();
            Value::from(start).to_text()
        }
        None => "...".to_owned(),
    }
}

/// The texts of the reference for what the evaluator and the parser find.
const TEMPLATES: [(&str, &str); 58] = [
    (
        "S0101",
        "String literal must be terminated by a matching quote",
    ),
    ("S0102", "Number out of range: {{token}}"),
    ("S0103", "Unsupported escape sequence: \\{{token}}"),
    (
        "S0104",
        "The escape sequence \\u must be followed by 4 hex digits",
    ),
    (
        "S0105",
        "Quoted property name must be terminated with a backquote (`)",
    ),
    ("S0106", "Comment has no closing tag"),
    ("S0201", "Syntax error: {{token}}"),
    ("S0202", "Expected {{value}}, got {{token}}"),
    ("S0203", "Expected {{value}} before end of expression"),
    ("S0204", "Unknown operator: {{token}}"),
    ("S0206", "Unknown expression type: {{token}}"),
    ("S0207", "Unexpected end of expression"),
    (
        "S0208",
        "Parameter {{value}} of function definition must be a variable name (start with $)",
    ),
    (
        "S0209",
        "A predicate cannot follow a grouping expression in a step",
    ),
    ("S0210", "Each step can only have one grouping expression"),
    (
        "S0211",
        "The symbol {{token}} cannot be used as a unary operator",
    ),
    (
        "S0212",
        "The left side of := must be a variable name (start with $)",
    ),
    (
        "S0213",
        "The literal value {{value}} cannot be used as a step within a path expression",
    ),
    (
        "S0214",
        "The right side of {{token}} must be a variable name (start with $)",
    ),
    (
        "S0215",
        "A context variable binding must precede any predicates on a step",
    ),
    (
        "S0216",
        "A context variable binding must precede the 'order-by' clause on a step",
    ),
    (
        "S0217",
        "The object representing the 'parent' cannot be derived from this expression",
    ),
    ("S0301", "Empty regular expressions are not allowed"),
    ("S0302", "No terminating / in regular expression"),
    (
        "S0401",
        "Type parameters can only be applied to functions and arrays",
    ),
    (
        "S0402",
        "Choice groups containing parameterized types are not supported",
    ),
    (
        "T0410",
        "Argument {{index}} of function {{token}} does not match function signature",
    ),
    (
        "T0411",
        "Context value is not a compatible type with argument {{index}} of function {{token}}",
    ),
    (
        "T0412",
        "Argument {{index}} of function {{token}} must be an array of {{type}}",
    ),
    ("D1001", "Number out of range: {{value}}"),
    ("D1002", "Cannot negate a non-numeric value: {{value}}"),
    (
        "T1003",
        "Key in object structure must evaluate to a string; got: {{value}}",
    ),
    ("D1004", "Regular expression matches zero length string"),
    (
        "T1005",
        "Attempted to invoke a non-function. Did you mean ${{{token}}}?",
    ),
    ("T1006", "Attempted to invoke a non-function"),
    (
        "T1007",
        "Attempted to partially apply a non-function. Did you mean ${{{token}}}?",
    ),
    ("T1008", "Attempted to partially apply a non-function"),
    (
        "D1009",
        "Multiple key definitions evaluate to same key: {{value}}",
    ),
    (
        "T1010",
        "The matcher function argument passed to function {{token}} does not return the correct \
         object structure",
    ),
    (
        "T2001",
        "The left side of the {{token}} operator must evaluate to a number",
    ),
    (
        "T2002",
        "The right side of the {{token}} operator must evaluate to a number",
    ),
    (
        "T2003",
        "The left side of the range operator (..) must evaluate to an integer",
    ),
    (
        "T2004",
        "The right side of the range operator (..) must evaluate to an integer",
    ),
    (
        "T2006",
        "The right side of the function application operator ~> must be a function",
    ),
    (
        "T2007",
        "Type mismatch when comparing values {{value}} and {{value2}} in order-by clause",
    ),
    (
        "T2008",
        "The expressions within an order-by clause must evaluate to numeric or string values",
    ),
    (
        "T2009",
        "The values {{value}} and {{value2}} either side of operator {{token}} must be of the \
         same data type",
    ),
    (
        "T2010",
        "The expressions either side of operator {{token}} must evaluate to numeric or string \
         values",
    ),
    (
        "T2011",
        "The insert/update clause of the transform expression must evaluate to an object: \
         {{value}}",
    ),
    (
        "T2012",
        "The delete clause of the transform expression must evaluate to a string or array of \
         strings: {{value}}",
    ),
    (
        "T2013",
        "The transform expression clones the input object using the $clone() function.  This has \
         been overridden in the current scope by a non-function.",
    ),
    (
        "D2014",
        "The size of the sequence allocated by the range operator (..) must not exceed 1e6.  \
         Attempted to allocate {{value}}.",
    ),
    (
        "D3001",
        "Attempting to invoke string function on Infinity or NaN",
    ),
    (
        "D3012",
        "Attempted to replace a matched string with a non-string value",
    ),
    (
        "D3050",
        "The second argument of reduce function must be a function with at least two arguments",
    ),
    (
        "D3070",
        "The single argument form of the sort function can only be applied to an array of \
         strings or an array of numbers.  Use the second argument to specify a comparison function",
    ),
    (
        "D3138",
        "The $single() function expected exactly 1 matching result.  Instead it matched more.",
    ),
    (
        "D3139",
        "The $single() function expected exactly 1 matching result.  Instead it matched 0.",
    ),
];

fn template(code: &str) -> &'static str {
    let found = TEMPLATES.iter().find(|(known, _)| *known == code);
    found.map_or("", |(_, text)| *text)
}
