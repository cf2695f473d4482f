//! How many regular expressions a definition holds. They are compiled with it, and each takes far
//! more memory than text.

use json::Document;

use crate::query::Query;
use crate::validate::lint::each_string;
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::report::Report;

/// Regular expressions of one definition. Each keeps 4 KiB and more, so that all of a usual kind
/// take two megabytes, twice as much as the largest text of a definition.
const PATTERNS_MAX: usize = 500;

/// Whether the definition may be compiled; if not, that has been reported.
pub(crate) fn are_few(document: &Document, report: &mut Report<'_>) -> bool {
    let mut count = 0_usize;
    each_string(&document.root, &Place::ROOT, &mut |text, place| {
        let before = count;
        count += in_text(text);
        if before <= PATTERNS_MAX && count > PATTERNS_MAX {
            let message = message::too_many_patterns(PATTERNS_MAX);
            report.error(message::SCHEMA, message, place);
        }
    });
    count <= PATTERNS_MAX
}

/// No fewer than there are.
fn in_text(text: &str) -> usize {
    if Query::is_query(text) {
        let slashes = text.match_indices('/');
        slashes.filter(|(at, _)| can_begin(text, *at)).count()
    } else if text.starts_with('$') || text.starts_with("States.") {
        text.matches("=~").count()
    } else {
        0
    }
}

/// Whether the slash `at` may begin a regular expression of JSONata: behind an operand it divides.
fn can_begin(source: &str, at: usize) -> bool {
    let before = source.get(..at).unwrap_or_default().trim_end();
    let is_operand = |end: char| end.is_alphanumeric() || "_$)]}'\"`".contains(end);
    let is_operator = |word: &&str| before.ends_with(word);
    !before.ends_with(is_operand) || ["and", "or", "in"].iter().any(is_operator)
}
