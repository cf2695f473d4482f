//! The builtin functions: one table of names, signatures and what they do.

mod aggregate;
mod array;
mod distinct;
mod higher;
mod matching;
mod number;
mod object;
mod other;
mod sort;
mod text;

use std::sync::LazyLock;

use crate::eval::{Evaluation, Result};
use crate::item::Item;
use crate::syntax::signature::Signature;

/// A builtin function, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Builtin(usize);

struct Entry {
    name: &'static str,
    signature: &'static str,
    /// How many parameters the implementation of the reference declares: higher-order functions
    /// give it no more.
    arity: usize,
    run: Run,
}

/// The arguments have been checked against the signature; those that are missing at the end are
/// undefined.
type Run = fn(&Evaluation<'_>, &mut [Item]) -> Result<Item>;

const fn entry(name: &'static str, signature: &'static str, arity: usize, run: Run) -> Entry {
    Entry {
        name,
        signature,
        arity,
        run,
    }
}

static TABLE: [Entry; Builtin::COUNT] = [
    entry("sum", "<a<n>:n>", 1, aggregate::sum),
    entry("count", "<a:n>", 1, aggregate::count),
    entry("max", "<a<n>:n>", 1, aggregate::max),
    entry("min", "<a<n>:n>", 1, aggregate::min),
    entry("average", "<a<n>:n>", 1, aggregate::average),
    entry("string", "<x-b?:s>", 1, text::string),
    entry("substring", "<s-nn?:s>", 3, text::substring),
    entry("substringBefore", "<s-s:s>", 2, text::substring_before),
    entry("substringAfter", "<s-s:s>", 2, text::substring_after),
    entry("lowercase", "<s-:s>", 1, text::lowercase),
    entry("uppercase", "<s-:s>", 1, text::uppercase),
    entry("length", "<s-:n>", 1, text::length),
    entry("trim", "<s-:s>", 1, text::trim),
    entry("pad", "<s-ns?:s>", 3, text::pad),
    entry("match", "<s-f<s:o>n?:a<o>>", 3, matching::matches),
    entry("contains", "<s-(sf):b>", 2, matching::contains),
    entry("replace", "<s-(sf)(sf)n?:s>", 4, matching::replace),
    entry("split", "<s-(sf)n?:a<s>>", 3, matching::split),
    entry("join", "<a<s>s?:s>", 2, text::join),
    entry("formatNumber", "<n-so?:s>", 3, number::format_number),
    entry("formatBase", "<n-n?:s>", 2, number::format_base),
    entry("formatInteger", "<n-s:s>", 2, number::format_integer),
    entry("parseInteger", "<s-s:n>", 2, number::parse_integer),
    entry("number", "<(nsb)-:n>", 1, number::number),
    entry("floor", "<n-:n>", 1, number::floor),
    entry("ceil", "<n-:n>", 1, number::ceil),
    entry("round", "<n-n?:n>", 2, number::round),
    entry("abs", "<n-:n>", 1, number::abs),
    entry("sqrt", "<n-:n>", 1, number::sqrt),
    entry("power", "<n-n:n>", 2, number::power),
    entry("random", "<n?:n>", 0, number::random),
    entry("boolean", "<x-:b>", 1, other::boolean),
    entry("not", "<x-:b>", 1, other::not),
    entry("map", "<af>", 2, higher::map),
    entry("zip", "<a+>", 0, array::zip),
    entry("filter", "<af>", 2, higher::filter),
    entry("single", "<af?>", 2, higher::single),
    entry("reduce", "<afj?:j>", 3, higher::reduce),
    entry("sift", "<o-f?:o>", 2, object::sift),
    entry("keys", "<x-:a<s>>", 1, object::keys),
    entry("lookup", "<x-s:x>", 2, object::lookup),
    entry("append", "<xx:a>", 2, array::append),
    entry("exists", "<x:b>", 1, other::exists),
    entry("spread", "<x-:a<o>>", 1, object::spread),
    entry("merge", "<a<o>:o>", 1, object::merge),
    entry("reverse", "<a:a>", 1, array::reverse),
    entry("each", "<o-f:a>", 2, object::each),
    entry("error", "<s?:x>", 1, other::error),
    entry("assert", "<bs?:x>", 2, other::assert),
    entry("type", "<x:s>", 1, other::type_name),
    entry("sort", "<af?:a>", 2, sort::sort),
    entry("shuffle", "<a:a>", 1, array::shuffle),
    entry("distinct", "<x:x>", 1, distinct::distinct),
    entry("base64encode", "<s-:s>", 1, text::base64_encode),
    entry("base64decode", "<s-:s>", 1, text::base64_decode),
    entry(
        "encodeUrlComponent",
        "<s-:s>",
        1,
        text::encode_url_component,
    ),
    entry("encodeUrl", "<s-:s>", 1, text::encode_url),
    entry(
        "decodeUrlComponent",
        "<s-:s>",
        1,
        text::decode_url_component,
    ),
    entry("decodeUrl", "<s-:s>", 1, text::decode_url),
    entry("toMillis", "<s-s?:n>", 2, number::to_millis),
    entry("fromMillis", "<n-s?s?:s>", 3, number::from_millis),
    entry("clone", "<(oa)-:o>", 1, other::clone),
    entry("now", "<s?s?:s>", 2, number::now),
    entry("millis", "<:n>", 0, number::millis),
    // Added by AWS; `eval` of the reference is not there.
    entry("partition", "<an?:a>", 2, array::partition),
    entry("range", "<nnn?:a>", 3, array::range),
    entry("hash", "<ss?:s>", 2, text::hash),
    entry("uuid", "<:s>", 0, other::uuid),
    entry("parse", "<s:x>", 1, other::parse),
];

static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    let parse = |entry: &Entry| {
        Signature::parse(entry.signature).unwrap_or_else(|_| Signature {
            parameters: Vec::new(),
        })
    };
    TABLE.iter().map(parse).collect()
});

static NOTHING: Signature = Signature {
    parameters: Vec::new(),
};

impl Builtin {
    pub(crate) const COUNT: usize = 69;

    pub(crate) fn find(name: &str) -> Option<Builtin> {
        TABLE
            .iter()
            .position(|entry| entry.name == name)
            .map(Builtin)
    }

    pub(crate) fn index(self) -> usize {
        self.0
    }

    pub(crate) fn arity(self) -> usize {
        TABLE.get(self.0).map_or(0, |entry| entry.arity)
    }

    pub(crate) fn signature(self) -> &'static Signature {
        SIGNATURES.get(self.0).unwrap_or(&NOTHING)
    }

    pub(crate) fn run(self, evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
        evaluation.meter.step(1)?;
        match TABLE.get(self.0) {
            Some(entry) => (entry.run)(evaluation, arguments),
            None => Ok(Item::Undefined),
        }
    }
}

/// The argument at a place, taken.
fn take(arguments: &mut [Item], at: usize) -> Item {
    arguments
        .get_mut(at)
        .map(std::mem::take)
        .unwrap_or_default()
}

fn text_at(arguments: &[Item], at: usize) -> Option<&str> {
    arguments.get(at).and_then(Item::as_str)
}

fn number_at(arguments: &[Item], at: usize) -> Option<f64> {
    arguments.get(at).and_then(Item::as_number)
}

#[cfg(test)]
mod tests;
