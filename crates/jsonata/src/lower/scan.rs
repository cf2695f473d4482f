//! What has to be known about a part of the tree before it is lowered.

use crate::syntax::ast::{Ast, Group, Kind, Stage};

/// Calls `visit` for each part of a node, but not for filters, groupings and stages behind it.
fn parts<'a>(node: &'a Ast, visit: &mut dyn FnMut(&'a Ast)) {
    match &node.kind {
        Kind::Negate(part) => visit(part),
        Kind::Array(parts) | Kind::Block(parts) | Kind::Path(parts) => {
            parts.iter().for_each(visit);
        }
        Kind::Object(group) => pairs(group, visit),
        Kind::Binary(_, left, right) | Kind::Bind(left, right) | Kind::Apply(left, right) => {
            visit(left);
            visit(right);
        }
        Kind::Call(call) | Kind::Partial(call) | Kind::TailCall(call) => {
            visit(&call.procedure);
            call.arguments.iter().for_each(visit);
        }
        Kind::Lambda(lambda) => visit(&lambda.body),
        Kind::Condition(first, second, third) | Kind::Transform(first, second, third) => {
            visit(first);
            visit(second);
            third.iter().for_each(|part| visit(part));
        }
        Kind::Sort(terms) => terms.iter().for_each(|term| visit(&term.expression)),
        _ => {}
    }
}

fn pairs<'a>(group: &'a Group, visit: &mut dyn FnMut(&'a Ast)) {
    for (key, value) in &group.pairs {
        visit(key);
        visit(value);
    }
}

fn filters<'a>(stages: &'a [Stage], visit: &mut dyn FnMut(&'a Ast)) {
    for stage in stages {
        if let Stage::Filter(predicate) = stage {
            visit(predicate);
        }
    }
}

fn all_parts<'a>(node: &'a Ast, visit: &mut dyn FnMut(&'a Ast)) {
    parts(node, visit);
    filters(&node.predicates, visit);
    filters(&node.stages, visit);
    if let Some(group) = &node.group {
        pairs(group, visit);
    }
}

/// The variables of `@` and `#` anywhere in a tree.
pub(crate) fn tuple_variables(node: &Ast, names: &mut Vec<String>) {
    let mut add = |name: &String| {
        if !names.contains(name) {
            names.push(name.clone());
        }
    };
    node.focus.iter().chain(&node.index).for_each(&mut add);
    for stage in &node.stages {
        if let Stage::Index(name) = stage {
            add(name);
        }
    }
    all_parts(node, &mut |part| tuple_variables(part, names));
}

/// Whether there is a function definition or a transform in a tree.
pub(crate) fn makes_functions(node: &Ast) -> bool {
    let mut found = matches!(node.kind, Kind::Lambda(_) | Kind::Transform(..));
    if !found {
        all_parts(node, &mut |part| found = found || makes_functions(part));
    }
    found
}

/// The variables that `:=` binds in the scope the node itself is in.
pub(crate) fn bound_names(node: &Ast, names: &mut Vec<String>) {
    if let Kind::Bind(left, _) = &node.kind
        && let Kind::Variable(name) = &left.kind
    {
        names.push(name.clone());
    }
    match &node.kind {
        Kind::Block(_) | Kind::Lambda(_) => {}
        Kind::Path(steps) => {
            let tuples_from = steps.iter().position(|step| step.tuple);
            bound_in_steps(
                steps
                    .get(..tuples_from.unwrap_or(steps.len()))
                    .unwrap_or_default(),
                names,
            );
            if tuples_from.is_none() {
                bound_in_tail(&[], node.group.as_deref(), names);
            }
            return;
        }
        _ => parts(node, &mut |part| bound_names(part, names)),
    }
    if !node.tuple {
        bound_in_tail(&node.predicates, node.group.as_deref(), names);
    }
}

/// Those of steps of a path, and of the stages behind them.
pub(crate) fn bound_in_steps(steps: &[Ast], names: &mut Vec<String>) {
    for step in steps {
        bound_names(step, names);
        filters(&step.stages, &mut |part| bound_names(part, names));
    }
}

/// Those of filters and a grouping.
pub(crate) fn bound_in_tail(stages: &[Stage], group: Option<&Group>, names: &mut Vec<String>) {
    filters(stages, &mut |part| bound_names(part, names));
    if let Some(group) = group {
        pairs(group, &mut |part| bound_names(part, names));
    }
}
