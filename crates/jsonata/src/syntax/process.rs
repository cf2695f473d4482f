//! What the parser made becomes what can be evaluated: chains of `.` become paths with steps,
//! filters go to the steps they stand behind, `%` finds its step, calls in the last place of a
//! function become tail calls. Rule by rule the `processAST` of the reference.

use crate::error::Fault;
use crate::syntax::ancestry::{self, Ancestry};
use crate::syntax::ast::{Ast, Call, Group, Kind, SortTerm, Stage, Syntax};
use crate::syntax::parser::value_text;

type Processed = Result<Box<Ast>, Fault>;

/// Processes a tree.
pub(crate) fn process(tree: Box<Ast>) -> Result<Syntax, Fault> {
    let mut processor = Processor {
        ancestry: Ancestry::default(),
    };
    let tree = processor.node(tree)?;
    if tree.seeking.is_some() || matches!(tree.kind, Kind::Parent(_)) {
        return Err(ancestry::not_derivable(&tree));
    }
    Ok(Syntax {
        tree,
        ancestry: processor.ancestry.slots,
    })
}

struct Processor {
    ancestry: Ancestry,
}

/// A path of one step.
fn path_of(step: Ast) -> Box<Ast> {
    let height = step.height;
    let mut path = Ast::leaf(Kind::Path(vec![step]), 0);
    path.height = height;
    Box::new(path)
}

fn into_path(node: Box<Ast>) -> Box<Ast> {
    match node.kind {
        Kind::Path(_) => node,
        _ => path_of(*node),
    }
}

/// What filters and bindings behind a node belong to: the last step of a path, or the node.
#[expect(
    clippy::indexing_slicing,
    reason = "INVARIANT: a path has at least one step"
)]
fn filtered(node: &mut Ast) -> &mut Ast {
    match node {
        Ast {
            kind: Kind::Path(steps),
            ..
        } => {
            let last = steps.len() - 1;
            &mut steps[last]
        }
        node => node,
    }
}

impl Processor {
    fn node(&mut self, mut node: Box<Ast>) -> Processed {
        let position = node.position;
        let keep_array = node.keep_array;
        let mut result = match std::mem::replace(&mut node.kind, Kind::End) {
            Kind::Dot(left, right) => self.dot(left, right)?,
            Kind::Filter(left, predicate) => self.filter(left, predicate, position)?,
            Kind::GroupBy(left, group) => self.group_by(left, group, position)?,
            Kind::OrderBy(left, terms) => self.order_by(left, terms, position)?,
            Kind::Focus(left, variable) => self.focus(left, variable, position, keep_array)?,
            Kind::Index(left, variable) => self.index(left, variable)?,
            Kind::End => return Err(Fault::at("S0207", position).set_token("(end)")),
            kind @ Kind::Name(_) => {
                node.kind = kind;
                let mut path = path_of(*node);
                path.keep_singleton = keep_array;
                path
            }
            kind => {
                node.kind = kind;
                self.parts(node)?
            }
        };
        result.keep_array |= keep_array;
        Ok(result)
    }

    /// Processes what a node that stays what it is consists of.
    fn parts(&mut self, mut node: Box<Ast>) -> Processed {
        let mut seeking = None;
        match &mut node.kind {
            Kind::Parent(slot) => {
                *slot = Some(self.ancestry.add());
                // The reference forgets where it stands.
                node.position = 0;
            }
            Kind::Negate(_) => return self.negate(node),
            Kind::Array(items) => self.all(items, &mut seeking)?,
            Kind::Block(expressions) => {
                self.all(expressions, &mut seeking)?;
                node.cons_array = expressions.iter().any(starts_with_array);
            }
            Kind::Object(group) => {
                for (key, value) in &mut group.pairs {
                    self.one(key)?;
                    ancestry::push(&mut seeking, key);
                    self.one(value)?;
                    ancestry::push(&mut seeking, value);
                }
            }
            Kind::Binary(_, left, right) => {
                self.one(left)?;
                self.one(right)?;
                ancestry::push(&mut seeking, left);
                ancestry::push(&mut seeking, right);
            }
            Kind::Bind(left, right) => {
                self.one(left)?;
                self.one(right)?;
                ancestry::push(&mut seeking, right);
            }
            Kind::Apply(left, right) => {
                self.one(left)?;
                self.one(right)?;
                node.keep_array = left.keep_array || right.keep_array;
            }
            Kind::Call(call) | Kind::Partial(call) => {
                self.all(&mut call.arguments, &mut seeking)?;
                self.one(&mut call.procedure)?;
            }
            Kind::Lambda(lambda) => {
                self.one(&mut lambda.body)?;
                mark_tail_calls(&mut lambda.body);
            }
            Kind::Condition(condition, then, otherwise) => {
                for part in [condition, then].into_iter().chain(otherwise) {
                    self.one(part)?;
                    ancestry::push(&mut seeking, part);
                }
            }
            Kind::Transform(pattern, update, delete) => {
                for part in [pattern, update].into_iter().chain(delete) {
                    self.one(part)?;
                }
            }
            _ => {}
        }
        node.seeking = seeking;
        Ok(node)
    }

    fn one(&mut self, node: &mut Ast) -> Result<(), Fault> {
        let taken = std::mem::replace(node, Ast::leaf(Kind::End, 0));
        *node = *self.node(Box::new(taken))?;
        Ok(())
    }

    fn all(&mut self, nodes: &mut [Ast], seeking: &mut Option<Vec<usize>>) -> Result<(), Fault> {
        for node in nodes {
            self.one(node)?;
            ancestry::push(seeking, node);
        }
        Ok(())
    }

    fn negate(&mut self, mut node: Box<Ast>) -> Processed {
        let Kind::Negate(operand) = &mut node.kind else {
            return Ok(node);
        };
        self.one(operand)?;
        if let Kind::Number(number) = &mut operand.kind {
            *number = -*number;
            let literal = std::mem::replace(&mut **operand, Ast::leaf(Kind::End, 0));
            return Ok(Box::new(literal));
        }
        let mut seeking = None;
        ancestry::push(&mut seeking, operand);
        node.seeking = seeking;
        Ok(node)
    }

    fn dot(&mut self, left: Box<Ast>, right: Box<Ast>) -> Processed {
        let left = self.node(left)?;
        let parent = match left.kind {
            Kind::Parent(slot) => slot,
            _ => None,
        };
        let mut result = into_path(left);
        if let Some(slot) = parent {
            result.seeking = Some(vec![slot]);
        }
        let mut right = self.node(right)?;
        let Kind::Path(steps) = &mut result.kind else {
            return Ok(result);
        };
        match right.kind {
            Kind::Path(more) => steps.extend(more),
            _ => {
                right.stages.append(&mut right.predicates);
                steps.push(*right);
            }
        }
        for step in &mut *steps {
            if matches!(step.kind, Kind::Number(_) | Kind::Constant(_)) {
                let value = value_text(step);
                return Err(Fault::of_value("S0213", &value).with_position(step.position));
            }
            if let Kind::Text(text) = &mut step.kind {
                step.kind = Kind::Name(std::mem::take(text));
            }
        }
        result.keep_singleton |= steps.iter().any(|step| step.keep_array);
        if let Some(first) = steps.first_mut() {
            first.cons_array |= first.is_array_constructor();
        }
        if let Some(last) = steps.last_mut() {
            last.cons_array |= last.is_array_constructor();
        }
        self.ancestry.resolve(&mut result)?;
        Ok(result)
    }

    fn filter(&mut self, left: Box<Ast>, predicate: Box<Ast>, position: usize) -> Processed {
        let mut result = self.node(left)?;
        let is_path = matches!(result.kind, Kind::Path(_));
        if filtered(&mut result).group.is_some() {
            return Err(Fault::at("S0209", position));
        }
        let predicate = self.node(predicate)?;
        let step = filtered(&mut result);
        for slot in predicate.seeking.iter().flatten() {
            if self.ancestry.level(*slot) == 1 {
                self.ancestry.seek(step, *slot)?;
            } else {
                self.ancestry.shift(*slot, -1);
            }
        }
        if predicate.seeking.is_some() {
            ancestry::push(&mut step.seeking, &predicate);
        }
        let stages = if is_path {
            &mut step.stages
        } else {
            &mut step.predicates
        };
        stages.push(Stage::Filter(predicate));
        Ok(result)
    }

    fn group_by(&mut self, left: Box<Ast>, mut group: Group, position: usize) -> Processed {
        let mut result = self.node(left)?;
        if result.group.is_some() {
            return Err(Fault::at("S0210", position));
        }
        for (key, value) in &mut group.pairs {
            self.one(key)?;
            self.one(value)?;
        }
        result.group = Some(Box::new(group));
        Ok(result)
    }

    fn order_by(&mut self, left: Box<Ast>, mut terms: Vec<SortTerm>, position: usize) -> Processed {
        let left = self.node(left)?;
        let mut result = into_path(left);
        let mut seeking = None;
        for term in &mut terms {
            self.one(&mut term.expression)?;
            ancestry::push(&mut seeking, &term.expression);
        }
        let mut sort = Ast::leaf(Kind::Sort(terms), position);
        sort.seeking = seeking;
        if let Kind::Path(steps) = &mut result.kind {
            steps.push(sort);
        }
        self.ancestry.resolve(&mut result)?;
        Ok(result)
    }

    fn focus(
        &mut self,
        left: Box<Ast>,
        variable: String,
        position: usize,
        keep_array: bool,
    ) -> Processed {
        let mut result = self.node(left)?;
        let step = filtered(&mut result);
        if !step.stages.is_empty() || !step.predicates.is_empty() {
            return Err(Fault::at("S0215", position));
        }
        if matches!(step.kind, Kind::Sort(_)) {
            return Err(Fault::at("S0216", position));
        }
        step.keep_array |= keep_array;
        step.focus = Some(variable);
        step.tuple = true;
        Ok(result)
    }

    fn index(&mut self, left: Box<Ast>, variable: String) -> Processed {
        let mut left = self.node(left)?;
        if !matches!(left.kind, Kind::Path(_)) {
            let mut predicates = std::mem::take(&mut left.predicates);
            left.stages.append(&mut predicates);
        }
        let mut result = into_path(left);
        let step = filtered(&mut result);
        if step.stages.is_empty() {
            step.index = Some(variable);
        } else {
            step.stages.push(Stage::Index(variable));
        }
        step.tuple = true;
        Ok(result)
    }
}

fn starts_with_array(node: &Ast) -> bool {
    match &node.kind {
        Kind::Path(steps) => steps.first().is_some_and(|step| step.cons_array),
        _ => node.cons_array,
    }
}

/// Marks the calls that a function body ends with: the caller of the function makes them, so they
/// need no depth.
fn mark_tail_calls(node: &mut Ast) {
    match &mut node.kind {
        Kind::Call(call) if node.predicates.is_empty() => {
            let end = || Box::new(Ast::leaf(Kind::End, 0));
            let call = Call {
                procedure: std::mem::replace(&mut call.procedure, end()),
                arguments: std::mem::take(&mut call.arguments),
            };
            let (position, height) = (node.position, node.height);
            // What else stands at the node is lost, as in the reference.
            *node = Ast::leaf(Kind::TailCall(call), position);
            node.height = height;
        }
        Kind::Condition(_, then, otherwise) => {
            mark_tail_calls(then);
            otherwise.iter_mut().for_each(|node| mark_tail_calls(node));
        }
        Kind::Block(expressions) => expressions.last_mut().into_iter().for_each(mark_tail_calls),
        _ => {}
    }
}
