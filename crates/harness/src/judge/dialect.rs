//! Where the judge reads a policy otherwise than AWS documents it.
//!
//! A class of differences isn't a pardon: it says how to put the case so that the peculiarity no
//! longer matters, and then both must agree. Most are put to the judge in words that it reads as
//! AWS would; the others are put to our evaluator in words that make it read as the judge does.

mod conditions;
mod principals;
mod resources;

use super::case::Case;

/// Who is asked in other words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

/// A class of differences; its reason is in `conformance/iam/differences-from-judge.json`.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    /// Says whether there was anything to change.
    pub(crate) reword: fn(&mut Case) -> bool,
}

const fn theirs(name: &'static str, reword: fn(&mut Case) -> bool) -> Difference {
    Difference {
        name,
        side: Side::Theirs,
        reword,
    }
}

const fn ours(name: &'static str, reword: fn(&mut Case) -> bool) -> Difference {
    Difference {
        name,
        side: Side::Ours,
        reword,
    }
}

/// In the order in which they are applied where several apply.
pub(crate) const DIFFERENCES: &[Difference] = &[
    theirs("variables-need-version-2012", conditions::version),
    theirs("empty-values-are-values", conditions::empty_variables),
    theirs("no-variable-without-a-value", conditions::unresolved),
    theirs("variables-in-fields-of-arns", conditions::in_arns),
    theirs("literal-variables-in-equality", conditions::literals),
    theirs("empty-keys-are-absent", conditions::empty_keys),
    theirs("for-all-values-of-empty-text", conditions::for_all_of_empty),
    theirs("if-exists-with-a-qualifier", conditions::if_exists),
    theirs(
        "several-values-without-a-qualifier",
        conditions::unqualified,
    ),
    theirs("dates-as-seconds", conditions::seconds),
    theirs("values-of-another-type", conditions::unreadable),
    theirs("addresses-in-other-forms", conditions::addresses),
    theirs("regional-service-principals", principals::regional),
    theirs("roles-are-their-arn", principals::roles),
    theirs("not-principal-lists-the-chain", principals::chain),
    theirs("short-arns-in-full", resources::short),
    theirs("wildcards-cross-colons-at-the-end", resources::crossing),
    theirs("wildcards-in-the-resource-type", resources::types),
    ours("wildcards-stay-between-colons", resources::within),
    ours("case-of-arn-fields", resources::fields),
    theirs("direct-grants-of-sessions", principals::direct),
];

/// The case as it is put to one side, under the classes chosen; and which of them changed it.
pub(crate) fn reworded(
    case: &Case,
    side: Side,
    classes: impl Iterator<Item = usize>,
) -> (Case, Vec<usize>) {
    let (mut case, mut changed) = (case.clone(), Vec::new());
    for class in classes {
        let known = DIFFERENCES.get(class).filter(|it| it.side == side);
        if known.is_some_and(|it| (it.reword)(&mut case)) {
            changed.push(class);
        }
    }
    (case, changed)
}
