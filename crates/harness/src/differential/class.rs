//! Where the two implementations differ, and why.

use json::{Number, Value, View};

use super::{Answer, Difference};

/// Whether two answers are the same to a user: numbers as doubles, members in any order, any error
/// for any error.
pub(super) fn same(ours: &Answer, theirs: &Answer) -> bool {
    match (ours, theirs) {
        (Answer::Value(ours), Answer::Value(theirs)) => same_value(ours, theirs),
        (Answer::Fails(_), Answer::Fails(_)) => true,
        _ => ours == theirs,
    }
}

fn same_value(left: &Value, right: &Value) -> bool {
    match (left.view(), right.view()) {
        (View::Number(left), View::Number(right)) => close(left, right),
        (View::Array(left), View::Array(right)) => {
            let mut pairs = left.iter().zip(right);
            left.len() == right.len() && pairs.all(|(left, right)| same_value(left, right))
        }
        (View::Object(left), View::Object(right)) => {
            let is_same = |(name, value): (&str, &Value)| {
                right
                    .get(name)
                    .is_some_and(|other| same_value(value, other))
            };
            left.len() == right.len() && left.iter().all(is_same)
        }
        _ => left == right,
    }
}

fn close(left: &Number, right: &Number) -> bool {
    let (left, right) = (left.as_f64(), right.as_f64());
    left == right || (left - right).abs() <= 1e-12 * left.abs().max(right.abs())
}

/// A known difference. Each was put to the reference implementation, 2.0.6, which answers as ours
/// does, but for those of AWS, of limits, and where it crashes itself.
struct Class {
    name: &'static str,
    is_it: fn(&Difference) -> bool,
}

const CLASSES: &[Class] = &[
    Class {
        name: "functions that AWS added or took away",
        is_it: |it| {
            let names = [
                "partition",
                "range",
                "hash",
                "random",
                "uuid",
                "parse",
                "eval",
            ];
            names.iter().any(|name| it.names(name))
        },
    },
    Class {
        name: "our limits: AWS's, and those of this test",
        is_it: |it| it.ours_fails("U1001:") || it.ours_fails("Expression evaluation memory limit"),
    },
    Class {
        name: "the other never ends, crashes, or meets limits of its own",
        is_it: |it| {
            it.theirs == Answer::Dies
                || ["U1001", "D1011", "D1012", "recursion limit"]
                    .iter()
                    .any(|text| it.theirs_fails(text))
        },
    },
    Class {
        name: "`??` and `?:` came after 2.0",
        is_it: |it| {
            (it.has("??") || it.has("?:")) && it.ours_fails("The symbol \"?\"")
                || it.ours_fails("The symbol \":\"")
        },
    },
    Class {
        name: "2.0 reads quotes and backslashes within a name as part of it",
        is_it: |it| {
            let is_syntax = it.theirs_fails("Parse error") || it.ours_fails("S020");
            is_syntax && it.has_glued_name()
        },
    },
    Class {
        name: "2.0 has `..` in array constructors only",
        is_it: |it| it.ours_fails("\"..\"") && !it.theirs_fails(""),
    },
    Class {
        name: "2.0 refuses a left side of `:=` that is no variable before it evaluates",
        is_it: |it| it.ours_fails("S0212") && !it.theirs_fails(""),
    },
    Class {
        name: "2.0 gives NaN for what $parseInteger cannot read",
        is_it: |it| it.names("parseInteger"),
    },
    Class {
        name: "2.0 takes milliseconds with a fraction",
        is_it: |it| it.theirs_fails("requires an integer"),
    },
    Class {
        name: "2.0 ignores characters of a signature that it does not know",
        is_it: |it| it.theirs_fails("in signature"),
    },
    Class {
        name: "2.0 refuses a regular expression when it is met, as JavaScript does",
        is_it: |it| it.ours_fails("Invalid regular expression"),
    },
    Class {
        name: "2.0 sorts and compares strings by UTF-16 units",
        is_it: |it| it.names("sort") && !it.expression.is_ascii(),
    },
    Class {
        name: "2.0 takes fewer and more arguments than the other",
        is_it: |it| it.theirs_fails("T041") || it.theirs_fails("() requires "),
    },
    Class {
        name: "2.0 calls a value that is no function only when it is reached",
        is_it: |it| it.theirs_fails("T1006") && it.theirs_fails("Parse error"),
    },
    Class {
        name: "2.0 shows 15 digits of a number, also of a whole one",
        is_it: |it| (it.names("string") || it.has("&")) && it.has_long_number(),
    },
    Class {
        name: "2.0 crashes where an argument is undefined; ours is undefined, or does without it",
        is_it: |it| {
            it.theirs_fails("requires a number and a string")
                || it.theirs_fails("matcher function argument")
                || it.theirs_fails("pattern must be")
                || it.names("contains") && it.theirs == Answer::Undefined
        },
    },
    Class {
        name: "parts of pictures of dates that the other leaves out",
        is_it: |it| it.ours_fails("D3132"),
    },
    Class {
        name: "2.0 looks at arguments and keys before there is anything to do with them",
        is_it: |it| {
            [
                "does not match function signature",
                "T1003",
                "T2001",
                "T2002",
                "D1002",
            ]
            .iter()
            .any(|text| it.ours_fails(text))
        },
    },
    Class {
        name: "2.0 makes dates of NaN for a timezone that is none; ours refuses it",
        is_it: |it| it.ours_fails("The timezone must be"),
    },
    Class {
        name: "numbers that are not finite: texts, as AWS has it",
        is_it: |it| it.makes("\"NaN\"") || it.makes("\"Infinity\"") || it.makes("\"-Infinity\""),
    },
    Class {
        name: "the other rounds to places beyond what a double has, otherwise",
        is_it: |it| it.names("round"),
    },
    Class {
        name: "a lone surrogate is U+FFFD in our texts, and refused",
        is_it: |it| it.ours_fails("D3140") && it.has("\u{fffd}"),
    },
    Class {
        name: "the other escapes fewer characters of a URL",
        is_it: |it| it.names("encodeUrl") || it.names("encodeUrlComponent"),
    },
    Class {
        name: "2.0 rounds the radix before it looks at it",
        is_it: |it| it.names("formatBase"),
    },
    Class {
        name: "where a regular expression may begin, and which are none",
        is_it: |it| {
            it.has("/") && it.theirs_fails("Parse error: S0101")
                || it.ours_fails("S0301")
                || it.ours_fails("The symbol \"/\"")
                || it.ours_fails("S0302")
                || it.has("/") && (it.ours_fails("S0201") || it.ours_fails("S0202"))
        },
    },
    Class {
        name: "the other's regular expressions have nested classes, as Rust's have",
        is_it: |it| {
            let users = ["replace", "match", "contains", "split"];
            it.has("/") && users.iter().any(|name| it.names(name))
        },
    },
    Class {
        name: "2.0 refuses `%` without a parent before it evaluates",
        is_it: |it| it.ours_fails("S0217"),
    },
    Class {
        name: "2.0 looks at both ends of a range before one of them is undefined",
        is_it: |it| it.ours_fails("T2003") || it.ours_fails("T2004"),
    },
    Class {
        name: "2.0 takes characters of a signature that it does not know",
        is_it: |it| it.theirs_fails("Invalid signature"),
    },
    Class {
        name: "2.0 sorts before it compares: `a = b^(c)` is `(a = b)^(c)`",
        is_it: |it| it.has("^("),
    },
    Class {
        name: "a function as a condition is true in 2.0, and an error where 2.0 makes it one",
        is_it: |it| {
            let tests = ["?", "$boolean", " and ", " or ", "[$"];
            let is_tested = tests.iter().any(|text| it.has(text));
            is_tested && says_no(&it.theirs) || it.has_tested_function()
        },
    },
    Class {
        name: "2.0 has no order of functions, and a function is equal to itself",
        is_it: |it| {
            let is_equal = !says_no(&it.ours) && says_no(&it.theirs) && it.has("=");
            it.ours_fails("T2010") || it.ours_fails("T2009") || is_equal
        },
    },
    Class {
        name: "another clock",
        is_it: |it| {
            ["millis", "now", "toMillis"]
                .iter()
                .any(|name| it.names(name))
        },
    },
    Class {
        name: "2.0 replaces by the text `undefined`, and only where there is something to replace",
        is_it: |it| it.theirs_fails("when the replacement is a function"),
    },
    Class {
        name: "2.0 looks at what a transform inserts, and changes each place once",
        is_it: |it| it.has("~>") && it.has("|"),
    },
    Class {
        name: "2.0 refuses numbers out of range where it meets them",
        is_it: |it| it.ours_fails("D1001"),
    },
    Class {
        name: "2.0 cuts strings at places that are no whole numbers otherwise",
        is_it: |it| it.names("substring"),
    },
    Class {
        name: "2.0 encodes the low bytes of characters",
        is_it: |it| it.names("base64encode"),
    },
    Class {
        name: "2.0 has no numbers with a plus sign",
        is_it: |it| it.names("number"),
    },
    Class {
        name: "`%` beside `#`: the other finds a parent there",
        is_it: |it| it.has("%") && it.has("#"),
    },
    Class {
        name: "2.0 finds the parent of a step that leads nowhere",
        is_it: |it| it.theirs_fails("S0217"),
    },
    Class {
        name: "pictures of numbers that the other reads otherwise",
        is_it: |it| it.names("formatNumber") || it.names("formatInteger"),
    },
    Class {
        name: "2.0 decodes Base64 to bytes, each of which is a character",
        is_it: |it| it.theirs_fails("Invalid UTF-8 in decoded base64"),
    },
    Class {
        name: "2.0 reads `λ` as a part of a name",
        is_it: |it| it.has("λ") && it.theirs_fails("Parse error"),
    },
    Class {
        name: "the other refuses a step that calls its own item",
        is_it: |it| it.has(".$(") && it.theirs_fails("T1006"),
    },
    Class {
        name: "a matcher of the user's own that leaves parts out: ours fills them in",
        is_it: |it| it.names("match") && it.has("function"),
    },
    Class {
        name: "another chance",
        is_it: |it| it.names("shuffle"),
    },
    Class {
        name: "2.0 refuses a number as a step",
        is_it: |it| it.ours_fails("S0213"),
    },
    Class {
        name: "2.0 crashes where nothing is grouped behind `#` or `@`",
        is_it: |it| (it.has("#") || it.has("@")) && it.has("{"),
    },
    Class {
        name: "the other has null in a sequence where 2.0 has nothing",
        is_it: |it| {
            let has_null = |answer: &Answer| match answer {
                Answer::Value(value) => value.to_text().contains("null"),
                _ => false,
            };
            has_null(&it.theirs) && !has_null(&it.ours)
        },
    },
    Class {
        name: "2.0 binds `$$`",
        is_it: |it| it.theirs_fails("S0212") || it.theirs_fails("S0214"),
    },
];

/// The class of a difference; `None` if nobody knows why.
pub(super) fn explain(difference: &Difference) -> Option<&'static str> {
    let class = CLASSES.iter().find(|class| (class.is_it)(difference))?;
    Some(class.name)
}

/// False, empty or nothing, also as a text.
fn says_no(answer: &Answer) -> bool {
    match answer {
        Answer::Value(value) => {
            let text = value.to_text();
            ["false", "\"false\"", "{}", "\"{}\"", "[]"].contains(&text.as_str())
        }
        answer => *answer == Answer::Undefined,
    }
}

impl Difference {
    fn ours_fails(&self, part: &str) -> bool {
        matches!(&self.ours, Answer::Fails(text) if text.contains(part))
    }

    fn theirs_fails(&self, part: &str) -> bool {
        matches!(&self.theirs, Answer::Fails(text) if text.contains(part))
    }

    /// Whether our value holds a text.
    fn makes(&self, part: &str) -> bool {
        matches!(&self.ours, Answer::Value(value) if value.to_text().contains(part))
    }

    fn has(&self, part: &str) -> bool {
        self.expression.contains(part)
    }

    /// Whether `$name` occurs.
    fn names(&self, name: &str) -> bool {
        let parts = self.expression.split('$').skip(1);
        let is_part_of_name = |char: char| char.is_alphanumeric() || char == '_';
        parts
            .filter_map(|part| part.strip_prefix(name))
            .any(|rest| !rest.starts_with(is_part_of_name))
    }

    /// `$name ?`
    fn has_tested_function(&self) -> bool {
        let parts = self.expression.split('?').collect::<Vec<_>>();
        parts.iter().rev().skip(1).any(|before| {
            let before = before.trim_end();
            let name = before.rsplit(|char: char| !char.is_alphanumeric()).next();
            let name = name.unwrap_or_default();
            before.ends_with(&format!("${name}"))
        })
    }

    /// A number of more digits than a double keeps, in the expression or in its data.
    fn has_long_number(&self) -> bool {
        let data = self.data.as_ref().map(Value::to_text);
        let texts = [Some(self.expression.clone()), data];
        let mut parts = texts
            .iter()
            .flatten()
            .flat_map(|text| text.split(|char: char| !char.is_ascii_digit() && char != '.'));
        parts.any(|digits| digits.len() > 15)
    }

    /// A quote or a backslash directly behind a name or a variable.
    fn has_glued_name(&self) -> bool {
        let mut before = ' ';
        self.expression.chars().any(|char| {
            let is_name = before.is_alphanumeric() || "_$".contains(before);
            let is_glued = is_name && "\"'`".contains(char) || char == '\\';
            before = char;
            is_glued
        })
    }
}
