//! The patterns of StringMatches.

/// Literal texts with anything between two of them. Matching takes no backtracking: each text is
/// looked for once, from where the one before it ended.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    first: Box<str>,
    /// Empty if the pattern has no wildcard; else the texts after each.
    after_wildcards: Box<[Box<str>]>,
}

impl Pattern {
    /// Reads a pattern: `*` stands for any text, `\*` for `*` and `\\` for `\`. The error tells
    /// about another use of `\`, which the States Language forbids.
    pub(super) fn parse(pattern: &str) -> Result<Pattern, String> {
        let mut texts = vec![String::new()];
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            let literal = match char {
                '*' => {
                    texts.push(String::new());
                    continue;
                }
                '\\' => chars
                    .next()
                    .filter(|escaped| matches!(escaped, '*' | '\\'))
                    .ok_or_else(|| {
                        format!(
                            "Pattern `{pattern}` has a `\\` that is not followed by `*` or `\\`"
                        )
                    })?,
                _ => char,
            };
            if let Some(text) = texts.last_mut() {
                text.push(literal);
            }
        }
        let mut texts = texts.into_iter().map(String::into_boxed_str);
        let first = texts.next().unwrap_or_default();
        Ok(Pattern {
            first,
            after_wildcards: texts.collect(),
        })
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((last, between)) = self.after_wildcards.split_last() else {
            return *self.first == *text;
        };
        let rest = text
            .strip_prefix(&*self.first)
            .and_then(|rest| rest.strip_suffix(&**last));
        let found = between.iter().try_fold(rest, |rest, wanted| match rest {
            Some(rest) => rest.split_once(&**wanted).map(|(_, after)| Some(after)),
            None => None,
        });
        found.is_some_and(|rest| rest.is_some())
    }
}
