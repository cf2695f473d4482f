//! Cases from seeds: the parts of a policy are made from what is asked for and then bent a little,
//! so that most of them match or nearly match.

use super::case::{Asker, Case, Condition, Document, Element, KeyValues, Statement, id_of};
use super::words::{
    ACCOUNTS, ASKED, KEYS, Kind, NAMED_SERVICES, NAMES, OPERATORS, ROLES, SERVICES, SESSIONS,
    compared,
};
use crate::dice::Dice;

/// The case of a seed, always the same.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let asker = asker(&mut dice);
    let (action, resource) = dice.pick(&ASKED);
    let own = asker.account().unwrap_or("111122223333").to_owned();
    let account = match asker.account() {
        Some(_) if dice.one_in(3) => dice.pick(&ACCOUNTS).to_owned(),
        _ => own.clone(),
    };
    let account = if resource == "*" { own } else { account };
    let mut case = Case {
        context: context(&mut dice, &asker, &account),
        action: action.to_owned(),
        resource: resource.replace(":A:", &format!(":{account}:")),
        account,
        asker,
        identity: Vec::new(),
        boundary: None,
        session: None,
        resource_policy: None,
    };
    policies(&mut dice, &mut case);
    case
}

fn asker(dice: &mut Dice) -> Asker {
    let account = dice.pick(&ACCOUNTS).to_owned();
    match dice.below(20) {
        0 => Asker::Anonymous,
        1 | 2 => Asker::Service {
            name: dice.pick(&SERVICES).to_owned(),
        },
        3..=10 => Asker::User {
            account,
            path: dice.pick(&["/", "/team/"]).to_owned(),
            name: dice.pick(&NAMES).replace('*', "b"),
        },
        _ => {
            let (path, role) = dice.pick(&ROLES);
            Asker::Session {
                account,
                path: path.to_owned(),
                role: role.to_owned(),
                session: dice.pick(&SESSIONS).to_owned(),
            }
        }
    }
}

/// The keys that follow from who asks, and a handful of the others.
fn context(dice: &mut Dice, asker: &Asker, account: &str) -> Vec<(String, KeyValues)> {
    let mut keys: Vec<(String, KeyValues)> = Vec::new();
    let mut one = |key: &str, value: &str| {
        keys.push((key.to_owned(), KeyValues::One(value.to_owned())));
    };
    one("aws:ResourceAccount", account);
    if let (Some(account), Some(arn)) = (asker.account(), asker.entity_arn()) {
        one("aws:PrincipalAccount", account);
        one("aws:PrincipalArn", &arn);
    }
    match asker {
        Asker::User { name, .. } => {
            one("aws:username", name);
            one("aws:userid", &format!("AIDA{}", id_of(name)));
            one("aws:PrincipalType", "User");
        }
        Asker::Session { role, session, .. } => {
            one("aws:userid", &format!("AROA{}:{session}", id_of(role)));
            one("aws:PrincipalType", "AssumedRole");
        }
        Asker::Service { name } => one("aws:PrincipalServiceName", name),
        Asker::Anonymous => one("aws:userid", "anonymous"),
    }
    for (key, _, has_many, values) in KEYS {
        if dice.one_in(2) {
            continue;
        }
        let values = match has_many {
            true => KeyValues::Many(
                (0..dice.below(4))
                    .map(|_| dice.pick(values).into())
                    .collect(),
            ),
            false => KeyValues::One(dice.pick(values).to_owned()),
        };
        keys.push((key.to_owned(), values));
    }
    keys
}

fn policies(dice: &mut Dice, case: &mut Case) {
    let has_identity = case.asker.account().is_some();
    if has_identity {
        case.identity = (0..dice.below(3)).map(|_| identity(dice, case)).collect();
        case.boundary = dice.one_in(4).then(|| identity(dice, case));
        if matches!(case.asker, Asker::Session { .. }) && dice.one_in(4) {
            let count = dice.within(1..3);
            case.session = Some((0..count).map(|_| identity(dice, case)).collect());
        }
    }
    // A role always has a trust policy; `*` has no policy.
    let has_policy = case.assumes_role()
        || !has_identity
        || !dice.one_in(2)
        || dice.one_in(2) && Some(&*case.account) != case.asker.account();
    if has_policy && case.resource != "*" {
        case.resource_policy = Some(Document {
            version: dice.pick(&[
                Some("2012-10-17"),
                Some("2012-10-17"),
                Some("2008-10-17"),
                None,
            ]),
            statements: statements(dice, case, true),
            more: Vec::new(),
        });
    }
}

fn identity(dice: &mut Dice, case: &Case) -> Document {
    Document {
        version: Some("2012-10-17"),
        statements: statements(dice, case, false),
        more: Vec::new(),
    }
}

fn statements(dice: &mut Dice, case: &Case, has_principal: bool) -> Vec<Statement> {
    let count = dice.pick(&[1, 1, 2, 2, 3]);
    (0..count)
        .map(|_| statement(dice, case, has_principal))
        .collect()
}

fn statement(dice: &mut Dice, case: &Case, has_principal: bool) -> Statement {
    let allows = !dice.one_in(5);
    let is_trust = has_principal && case.assumes_role();
    Statement {
        allows,
        principal: has_principal.then(|| principal(dice, case, allows)),
        action: match is_trust {
            true => Element {
                not: false,
                entries: vec![
                    dice.pick(&["sts:AssumeRole", "sts:TagSession", "STS:assumerole"])
                        .into(),
                ],
            },
            false => element(dice, |dice| action(dice, &case.action)),
        },
        resource: (!is_trust).then(|| element(dice, |dice| resource(dice, case))),
        conditions: conditions(dice, case),
    }
}

/// One entry or a few; seldom in the negated form.
fn element<T>(dice: &mut Dice, mut entry: impl FnMut(&mut Dice) -> T) -> Element<T> {
    let count = dice.pick(&[1, 1, 1, 2, 3]);
    Element {
        not: dice.one_in(8),
        entries: (0..count).map(|_| entry(dice)).collect(),
    }
}

fn principal(dice: &mut Dice, case: &Case, allows: bool) -> Element<(String, String)> {
    // `NotPrincipal` with `Allow` is legal in a resource's policy, though nobody should write it;
    // in a trust policy it isn't.
    let not = !case.assumes_role() && dice.one_in(if allows { 20 } else { 3 });
    let count = dice.pick(&[1, 1, 1, 2, 3]);
    let mut entries: Vec<_> = (0..count).map(|_| principal_entry(dice, case)).collect();
    // `*` in the short form stands alone.
    if let Some(any) = entries.iter().position(|(kind, _)| kind == "*") {
        entries = vec![entries.swap_remove(any)];
    }
    if not {
        entries.retain(|(_, value)| value != "*");
        // The chain of a session or user, as AWS demands it of Deny with NotPrincipal.
        if dice.one_in(2) || entries.is_empty() {
            let chain = [case.asker.arn(), case.asker.entity_arn()]
                .into_iter()
                .flatten();
            entries.extend(
                chain
                    .filter(|it| it.starts_with("arn:"))
                    .map(|it| ("AWS".into(), it)),
            );
            entries.push((
                "AWS".into(),
                root(case.asker.account().unwrap_or(&case.account)),
            ));
        }
    }
    Element { not, entries }
}

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn principal_entry(dice: &mut Dice, case: &Case) -> (String, String) {
    let aws = |value: String| ("AWS".to_owned(), value);
    let account = case.asker.account().unwrap_or(&case.account).to_owned();
    let entity = || case.asker.entity_arn().unwrap_or_else(|| root(&account));
    if let Asker::Service { name } = &case.asker
        && !dice.one_in(3)
    {
        return ("Service".to_owned(), name.clone());
    }
    match dice.below(12) {
        0 => ("*".to_owned(), "*".to_owned()),
        1 => aws("*".to_owned()),
        2 => aws(account),
        3 => aws(root(&account)),
        4 => aws(root(dice.pick(&ACCOUNTS))),
        5 | 6 if case.asker.account().is_some() => aws(entity()),
        7 if case.asker.account().is_some() => aws(case.asker.arn().unwrap_or_default()),
        8 => {
            let (path, role) = dice.pick(&ROLES);
            aws(format!("arn:aws:iam::{account}:role{path}{role}"))
        }
        9 => {
            let path = dice.pick(&["/", "/team/"]);
            let name = dice.pick(&NAMES).replace('*', "b");
            aws(format!("arn:aws:iam::{account}:user{path}{name}"))
        }
        10 => {
            let ((_, role), session) = (dice.pick(&ROLES), dice.pick(&SESSIONS));
            aws(format!(
                "arn:aws:sts::{account}:assumed-role/{role}/{session}"
            ))
        }
        _ => ("Service".to_owned(), dice.pick(&NAMED_SERVICES).to_owned()),
    }
}

fn action(dice: &mut Dice, asked: &str) -> String {
    let (service, name) = asked.split_once(':').unwrap_or((asked, "*"));
    match dice.below(12) {
        0 | 1 => "*".to_owned(),
        2 => format!("{service}:*"),
        3..=5 => asked.to_owned(),
        6 => swapped_case(asked),
        7 | 8 => format!("{service}:{}", bent(dice, name)),
        9 => format!("{service}:{}*", front(dice, name)),
        _ => dice.pick(&ASKED).0.to_owned(),
    }
}

fn resource(dice: &mut Dice, case: &Case) -> String {
    if dice.one_in(5) {
        return "*".to_owned();
    }
    let asked = match case.resource.as_str() {
        "*" => "arn:aws:states:us-east-1:111122223333:stateMachine:orders",
        asked => asked,
    };
    let mut fields: Vec<String> = asked.splitn(6, ':').map(str::to_owned).collect();
    // Never the vendor, which IAM wants in full; and IAM's own resources have no Region.
    let has_region = fields.get(2).is_none_or(|service| service != "iam");
    match dice.below(13) {
        0..=2 => {}
        6 | 10 | 11 if !has_region => change(&mut fields, 4, |it| bent(dice, it)),
        3 | 4 => change(&mut fields, 5, |it| bent(dice, it)),
        5 => change(&mut fields, 5, |it| format!("{}*", front(dice, it))),
        6 => change(&mut fields, 3, |it| bent(dice, it)),
        7 => change(&mut fields, 4, |_| "*".to_owned()),
        8 => change(&mut fields, 5, |it| {
            let name = dice.pick(&["ann", "orders"]);
            it.replace(name, variable(dice))
        }),
        9 => change(&mut fields, 5, swapped_case),
        // Short: the last field ends in a wildcard, which may cross colons.
        10 => {
            let kept = usize::try_from(dice.within(3..6)).unwrap_or(5);
            fields.truncate(kept);
            // A short ARN without a Region or account IAM doesn't keep.
            fields.retain(|field| !field.is_empty());
            fields.push("*".to_owned());
        }
        // A field is left out, so that a wildcard has to cross a colon.
        11 => {
            let at = dice.pick(&[3_usize, 4]);
            fields.remove(at);
            change(&mut fields, at.min(3), |_| "*".to_owned());
        }
        _ => change(&mut fields, 5, |it| {
            let (left, right) = it.split_at(it.find([':', '/']).unwrap_or(0));
            format!("*{}", if dice.one_in(2) { right } else { left })
        }),
    }
    fields.join(":")
}

fn change(fields: &mut [String], at: usize, how: impl FnOnce(&str) -> String) {
    if let Some(field) = fields.get_mut(at) {
        *field = how(field);
    }
}

fn variable(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "${aws:username}",
        "${aws:UserName}",
        "${aws:PrincipalTag/team}",
        "${aws:PrincipalTag/team, 'orders'}",
        "${aws:username, 'ann'}",
        "${aws:TagKeys}",
        "${aws:PrincipalType}",
        "${*}",
        "${?}nn",
    ])
}

/// A beginning of `text`.
fn front(dice: &mut Dice, text: &str) -> String {
    let count = dice.below(text.len() as u64);
    text.chars()
        .take(usize::try_from(count).unwrap_or(0))
        .collect()
}

/// `text` with a character or a stretch of it as a wildcard, or with one too many.
fn bent(dice: &mut Dice, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return dice.pick(&["", "*"]).to_owned();
    }
    let place = |dice: &mut Dice, end: usize| usize::try_from(dice.below(end as u64)).unwrap_or(0);
    for _ in 0..dice.within(1..3) {
        let at = place(dice, characters.len());
        match dice.below(4) {
            0 => {
                characters.splice(at..=at, ['?']);
            }
            1 => {
                let end = at + place(dice, characters.len() - at) + 1;
                characters.splice(at..end, ['*']);
            }
            2 => characters.insert(at, '*'),
            _ => characters.insert(at, '?'),
        }
    }
    characters.into_iter().collect()
}

fn swapped_case(text: &str) -> String {
    let swapped = |it: char| match it.is_ascii_uppercase() {
        true => it.to_ascii_lowercase(),
        false => it.to_ascii_uppercase(),
    };
    text.chars().map(swapped).collect()
}

fn conditions(dice: &mut Dice, case: &Case) -> Vec<Condition> {
    let count = dice.pick(&[0, 0, 0, 1, 1, 2]);
    let mut all: Vec<Condition> = Vec::new();
    for _ in 0..count {
        let made = condition(dice, case);
        let is_same = |it: &&Condition| {
            it.operator == made.operator && it.key.eq_ignore_ascii_case(&made.key)
        };
        if all.iter().find(is_same).is_none() {
            all.push(made);
        }
    }
    all
}

fn condition(dice: &mut Dice, case: &Case) -> Condition {
    let (operator, kind) = dice.pick(&OPERATORS);
    // Mostly a key of the operator's own kind, present or not.
    let (key, key_kind, has_many, known) = loop {
        let found = dice.pick(&KEYS);
        if found.1 == kind || dice.one_in(60) {
            break found;
        }
    };
    let key = if dice.one_in(6) {
        swapped_case(key)
    } else {
        key.to_owned()
    };
    if dice.one_in(15) {
        let values = vec![dice.pick(&["true", "false"]).to_owned()];
        return Condition {
            operator: "Null".into(),
            key,
            values,
        };
    }
    let count = dice.pick(&[1, 1, 2, 3]);
    // IAM keeps no policy that compares with a date that is none.
    let is_free = kind != Kind::Date;
    let values = (0..count)
        .map(|_| match (present(case, &key), dice.below(4)) {
            // As it is, or so that its wildcards are characters.
            (Some(value), 0) if is_free => value.replace('*', "${*}").replace('?', "${?}"),
            (Some(value), 1) if is_free => value.to_owned(),
            (_, 2) if is_free => dice.pick(known).to_owned(),
            _ if is_free && dice.one_in(30) => dice.pick(compared(Kind::Text)).to_owned(),
            _ if is_free => dice.pick(compared(key_kind)).to_owned(),
            _ => dice.pick(compared(kind)).to_owned(),
        })
        .collect();
    let qualifier = match (has_many, dice.below(8)) {
        (true, 0..=2) | (false, 0) => "ForAnyValue:",
        (true, 3..=6) | (false, 1) => "ForAllValues:",
        _ => "",
    };
    let suffix = if dice.one_in(6) { "IfExists" } else { "" };
    Condition {
        operator: format!("{qualifier}{operator}{suffix}"),
        key,
        values,
    }
}

/// A value that the request has for `key`.
fn present<'c>(case: &'c Case, key: &str) -> Option<&'c str> {
    let known = case
        .context
        .iter()
        .find(|(it, _)| it.eq_ignore_ascii_case(key))?;
    match &known.1 {
        KeyValues::One(value) => Some(value),
        KeyValues::Many(values) => values.first().map(String::as_str),
    }
}
