//! Laws that hold for every decision, whatever the policies say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;
use aws::iam::evaluate::Remedy;
use aws::iam::{Effect, PolicyKind};
use parking_lot::Mutex;

use super::asked::letter;
use super::case::{Case, Document, Element, Statement};
use crate::dice::Dice;

/// Problems shown at most.
const PROBLEMS_MAX: usize = 8;

/// A change of a case, and what it may do to the decision: from the old effect to the new.
type Law = (
    &'static str,
    fn(&mut Case, &mut Dice) -> bool,
    fn(Effect, Effect) -> bool,
);

const LAWS: [Law; 9] = [
    ("order says nothing", reversed, |old, new| old == new),
    (
        "the case of actions and keys says nothing",
        recased,
        |old, new| old == new,
    ),
    (
        "statements of one entry each say the same",
        split,
        |old, new| old == new,
    ),
    ("saying it twice says the same", doubled, |old, new| {
        old == new
    }),
    ("a Deny allows nothing", denied, |old, new| {
        new == old || new == Effect::ExplicitDeny
    }),
    (
        "a Deny of all of an identity denies",
        denied_all,
        |_, new| new == Effect::ExplicitDeny,
    ),
    (
        "an Allow of an identity denies nothing",
        allowed,
        |old, new| new == old || (old, new) == (Effect::ImplicitDeny, Effect::Allow),
    ),
    ("a boundary allows nothing", bounded, |old, new| {
        new == old || new != Effect::Allow
    }),
    ("a session policy allows nothing", narrowed, |old, new| {
        new == old || new != Effect::Allow
    }),
];

/// Applies every law to every case, and checks each explanation; the first problems.
pub(crate) fn check(cases: &[Case], seed: u64) -> Vec<String> {
    let problems = Mutex::new(Vec::new());
    each(cases, |at, case| {
        if problems.lock().len() < PROBLEMS_MAX
            && let Err(problem) = check_one(case, &mut Dice::new(seed ^ at as u64))
        {
            let seed = seed + at as u64;
            problems.lock().push(format!("seed {seed}: {problem}"));
        }
    });
    problems.into_inner()
}

/// What our evaluator says of each.
pub(crate) fn decisions(cases: &[Case]) -> Result<Vec<char>> {
    let decided = cases.iter().map(|case| Ok(letter(case.decide()?.effect)));
    decided.collect()
}

/// On all cores.
fn each(cases: &[Case], check: impl Fn(usize, &Case) + Sync) {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, case)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(at).map(|case| (at, case))
                } {
                    check(at, case);
                }
            });
        }
    });
}

fn check_one(case: &Case, dice: &mut Dice) -> Result<(), String> {
    let text = |error: anyhow::Error| format!("{error:#}");
    let effect = case.decide().map_err(text)?.effect;
    for (name, change, may) in LAWS {
        let mut changed = case.clone();
        if change(&mut changed, dice) {
            let new = changed.decide().map_err(text)?.effect;
            if !may(effect, new) {
                let (old, new) = (case.write(), changed.write());
                return Err(format!("{name}: {effect:?} for {old}\n{new:?} for {new}"));
            }
        }
    }
    let explained = case.explain().map_err(text)?;
    if explained.decision != case.decide().map_err(text)? {
        return Err(format!(
            "explained as {:?}: {}",
            explained.decision,
            case.write()
        ));
    }
    remedied(case, effect, &explained.remedies)
}

/// Whoever follows the advice is allowed; who is allowed gets none.
fn remedied(case: &Case, effect: Effect, remedies: &[Remedy]) -> Result<(), String> {
    if (effect == Effect::Allow) != remedies.is_empty() {
        return Err(format!(
            "{effect:?}, advised {remedies:?}: {}",
            case.write()
        ));
    }
    let mut changed = case.clone();
    for remedy in remedies {
        match remedy {
            // What has to be narrowed is the reader's choice.
            Remedy::Narrow(_) => return Ok(()),
            Remedy::Add {
                kind, statement, ..
            } => changed.add(*kind, statement),
        }
    }
    match changed.decide() {
        Ok(decision) if decision.effect == Effect::Allow || remedies.is_empty() => Ok(()),
        decided => Err(format!(
            "advised {remedies:?}, then {decided:?}: {}",
            changed.write()
        )),
    }
}

impl Document {
    pub(crate) fn allowing_everything() -> Document {
        Document {
            version: Some("2012-10-17"),
            statements: vec![Statement::everything(true)],
            more: Vec::new(),
        }
    }
}

impl Statement {
    fn everything(allows: bool) -> Statement {
        let any = || Element {
            not: false,
            entries: vec!["*".to_owned()],
        };
        Statement {
            allows,
            principal: None,
            action: any(),
            resource: Some(any()),
            conditions: Vec::new(),
        }
    }
}

impl Case {
    /// Adds a statement, as JSON text, to the policies of a kind.
    fn add(&mut self, kind: PolicyKind, statement: &str) {
        let empty = || Document {
            version: Some("2012-10-17"),
            statements: Vec::new(),
            more: Vec::new(),
        };
        let document = match kind {
            PolicyKind::Identity => {
                self.identity.push(empty());
                self.identity.last_mut()
            }
            PolicyKind::Boundary => Some(self.boundary.get_or_insert_with(empty)),
            PolicyKind::Session => {
                let session = self.session.get_or_insert_default();
                session.push(empty());
                session.last_mut()
            }
            PolicyKind::Resource | PolicyKind::Trust => {
                Some(self.resource_policy.get_or_insert_with(empty))
            }
        };
        if let Some(document) = document {
            document.more.push(statement.to_owned());
        }
    }
}

fn reversed(case: &mut Case, _: &mut Dice) -> bool {
    case.identity.reverse();
    case.context.reverse();
    case.session.iter_mut().for_each(|it| it.reverse());
    for document in case.documents() {
        document.statements.reverse();
        for statement in &mut document.statements {
            statement.action.entries.reverse();
            statement
                .resource
                .iter_mut()
                .for_each(|it| it.entries.reverse());
            statement
                .principal
                .iter_mut()
                .for_each(|it| it.entries.reverse());
            statement.conditions.reverse();
            statement
                .conditions
                .iter_mut()
                .for_each(|it| it.values.reverse());
        }
    }
    true
}

fn recased(case: &mut Case, dice: &mut Dice) -> bool {
    let mut recase = |text: &mut String| match dice.below(3) {
        0 => text.make_ascii_uppercase(),
        1 => text.make_ascii_lowercase(),
        _ => {}
    };
    for statement in case.statements() {
        statement.action.entries.iter_mut().for_each(&mut recase);
    }
    for (key, _) in &mut case.context {
        recase(key);
    }
    true
}

/// A statement's entries are alternatives, unless they are excluded ones.
fn split(case: &mut Case, _: &mut Dice) -> bool {
    fn alone<T: Clone>(element: &Element<T>) -> Vec<Element<T>> {
        if element.not {
            return vec![element.clone()];
        }
        let entries = element.entries.iter();
        entries
            .map(|it| Element {
                not: false,
                entries: vec![it.clone()],
            })
            .collect()
    }
    let mut changed = false;
    for document in case.documents() {
        let mut statements = Vec::new();
        for statement in &document.statements {
            let resources = statement.resource.as_ref().map(alone);
            let resources: Vec<_> = match resources {
                Some(resources) => resources.into_iter().map(Some).collect(),
                None => vec![None],
            };
            for action in alone(&statement.action) {
                statements.extend(resources.iter().map(|resource| Statement {
                    action: action.clone(),
                    resource: resource.clone(),
                    ..statement.clone()
                }));
            }
        }
        changed |= statements.len() > document.statements.len();
        document.statements = statements;
    }
    changed
}

fn doubled(case: &mut Case, _: &mut Dice) -> bool {
    case.identity.extend(case.identity.clone());
    for document in case.documents() {
        document.statements.extend(document.statements.clone());
    }
    !case.identity.is_empty() || case.resource_policy.is_some()
}

/// Some statement of the case, wherever it stands.
fn some_statement(case: &mut Case, dice: &mut Dice) -> Option<Statement> {
    let mut all: Vec<Statement> = case.statements().map(|it| it.clone()).collect();
    let at = usize::try_from(dice.below(all.len() as u64)).unwrap_or(0);
    (at < all.len()).then(|| all.swap_remove(at))
}

fn identity_of(statement: Statement, allows: bool) -> Document {
    let any = || Element {
        not: false,
        entries: vec!["*".to_owned()],
    };
    let resource = statement.resource.clone().unwrap_or_else(any);
    Document {
        version: Some("2012-10-17"),
        statements: vec![Statement {
            allows,
            principal: None,
            resource: Some(resource),
            ..statement
        }],
        more: Vec::new(),
    }
}

fn denied(case: &mut Case, dice: &mut Dice) -> bool {
    let Some(statement) = some_statement(case, dice) else {
        return false;
    };
    match &mut case.resource_policy {
        Some(document) if dice.one_in(2) => {
            let statements = document.statements.clone();
            let denying = statements.into_iter().map(|it| Statement {
                allows: false,
                ..it
            });
            document.statements.extend(denying.take(1));
            true
        }
        _ => {
            let is_known = case.asker.account().is_some();
            if is_known {
                case.identity.push(identity_of(statement, false));
            }
            is_known
        }
    }
}

fn denied_all(case: &mut Case, _: &mut Dice) -> bool {
    case.identity
        .push(identity_of(Statement::everything(false), false));
    case.asker.account().is_some()
}

fn allowed(case: &mut Case, dice: &mut Dice) -> bool {
    let Some(statement) = some_statement(case, dice) else {
        return false;
    };
    case.identity.push(identity_of(statement, true));
    case.asker.account().is_some()
}

fn bounded(case: &mut Case, dice: &mut Dice) -> bool {
    let may = case.boundary.is_none() && case.asker.account().is_some();
    let statement = some_statement(case, dice).filter(|_| may);
    case.boundary = case
        .boundary
        .take()
        .or(statement.map(|it| identity_of(it, true)));
    may
}

fn narrowed(case: &mut Case, dice: &mut Dice) -> bool {
    let may = case.session.is_none() && matches!(case.asker, super::case::Asker::Session { .. });
    let statement = some_statement(case, dice).filter(|_| may);
    case.session = case
        .session
        .take()
        .or(statement.map(|it| vec![identity_of(it, true)]));
    may
}
