//! From the processed tree to a program: names become places in frames, what the expression takes
//! from outside is noted.
//!
//! Scopes are lexical, but whether a variable is bound yet is not: `$x` before `$x := 1` means the
//! `$x` outside. So a variable knows all its places from the inside out.

mod comparison;
mod scan;
mod scope;

use std::collections::HashMap;
use std::sync::Arc;

use json::Text;

use crate::functions::Builtin;
use crate::program::{
    Action, Array, Block, Call, Filter, Global, Group, Kind, Lambda, Node, Outside, Pair, Path,
    Program, Sort, Stage, Step, Tail, Term, Transform, Variable,
};
use crate::references::{self, References};
use crate::syntax::ast::{self, Ast, Slot, Syntax};
use crate::syntax::parser::value_text;
use scope::Scopes;

/// Makes the program of a processed tree.
pub(crate) fn lower(syntax: Syntax) -> (Program, References) {
    let mut labels = Vec::new();
    scan::tuple_variables(&syntax.tree, &mut labels);
    let mut names = Vec::new();
    scan::bound_names(&syntax.tree, &mut names);
    let mut lowering = Lowering {
        ancestry: syntax.ancestry,
        labels,
        scopes: Scopes::default(),
        globals: Vec::new(),
        known_globals: HashMap::new(),
        references: References::default(),
        is_root: true,
    };
    lowering.scopes.open_frame(names);
    let root = lowering.node(*syntax.tree);
    let program = Program {
        root,
        slots: lowering.scopes.close(),
        globals: lowering.globals,
    };
    (program, lowering.references)
}

struct Lowering {
    ancestry: Vec<Slot>,
    /// The names tuples hold something under: of variables as written, of parents as `%n`.
    labels: Vec<String>,
    scopes: Scopes,
    globals: Vec<Global>,
    /// Where each is among them.
    known_globals: HashMap<String, usize>,
    references: References,
    /// Whether the context value is the input document.
    is_root: bool,
}

impl Lowering {
    fn boxed(&mut self, node: Box<Ast>) -> Box<Node> {
        Box::new(self.node(*node))
    }

    fn all(&mut self, nodes: Vec<Ast>) -> Vec<Node> {
        nodes.into_iter().map(|node| self.node(node)).collect()
    }

    /// Lowers what is evaluated with another context value than the document.
    fn inside<T>(&mut self, lower: impl FnOnce(&mut Lowering) -> T) -> T {
        let is_root = std::mem::replace(&mut self.is_root, false);
        let lowered = lower(self);
        self.is_root = is_root;
        lowered
    }

    fn node(&mut self, ast: Ast) -> Node {
        let is_tuple = ast.tuple;
        let is_path = matches!(ast.kind, ast::Kind::Path(_));
        let Ast {
            kind,
            position,
            keep_array,
            predicates,
            group,
            ..
        } = ast;
        let (path_group, tail_group) = if is_path {
            (group, None)
        } else {
            (None, group)
        };
        let shape = Shape {
            position,
            is_tuple,
            cons_array: ast.cons_array,
            keep_singleton: ast.keep_singleton,
            group: path_group,
        };
        let kind = self.kind(kind, shape);
        let tail = if predicates.is_empty() && tail_group.is_none() {
            None
        } else {
            Some(Box::new(self.tail(predicates, tail_group, is_tuple)))
        };
        Node {
            kind,
            position,
            keep_array,
            is_tuple,
            tail,
        }
    }

    fn tail(
        &mut self,
        predicates: Vec<ast::Stage>,
        group: Option<Box<ast::Group>>,
        is_tuple: bool,
    ) -> Tail {
        if is_tuple {
            let mut names = Vec::new();
            scan::bound_in_tail(&predicates, group.as_deref(), &mut names);
            self.scopes.open_tuple(names);
        }
        let (filters, group) = self.inside(|this| {
            let filters = predicates.into_iter().filter_map(|stage| match stage {
                ast::Stage::Filter(predicate) => Some(this.filter(*predicate)),
                ast::Stage::Index(_) => None,
            });
            let filters = filters.collect();
            (filters, group.map(|group| this.group(*group)))
        });
        Tail {
            filters,
            group,
            tuple_slots: if is_tuple { self.scopes.close() } else { 0 },
        }
    }

    fn kind(&mut self, kind: ast::Kind, shape: Shape) -> Kind {
        let position = shape.position;
        match kind {
            ast::Kind::Text(text) => Kind::Text(text.into()),
            ast::Kind::Number(number) => Kind::Number(number),
            ast::Kind::Constant(value) => Kind::Constant(value),
            ast::Kind::Name(name) => {
                if self.is_root {
                    self.references.root_fields.push((name.clone(), position));
                }
                Kind::Name(name.into())
            }
            ast::Kind::Wildcard => Kind::Wildcard,
            ast::Kind::Descendant => Kind::Descendant,
            ast::Kind::Parent(slot) => Kind::Parent(self.parent(slot)),
            ast::Kind::Variable(name) => self.variable_node(&name, position, Vec::new()),
            ast::Kind::Path(steps) => Kind::Path(self.path(steps, shape)),
            ast::Kind::Negate(operand) => Kind::Negate(self.boxed(operand)),
            ast::Kind::Array(items) => Kind::Array(Array {
                items: self.all(items),
                is_constructed: shape.cons_array,
            }),
            ast::Kind::Object(group) => Kind::Object(self.group(group)),
            ast::Kind::Binary(operator, left, right) => {
                Kind::Binary(operator, self.boxed(left), self.boxed(right))
            }
            ast::Kind::Bind(left, right) => self.bind(&left, right),
            ast::Kind::Apply(left, right) => Kind::Apply(self.boxed(left), self.boxed(right)),
            ast::Kind::Call(call) => Kind::Call(self.call(call, position)),
            ast::Kind::TailCall(call) => Kind::TailCall(Arc::new(self.call(call, position))),
            ast::Kind::Partial(call) => Kind::Partial(self.call(call, position)),
            ast::Kind::Lambda(lambda) => Kind::Lambda(Arc::new(self.lambda(lambda))),
            ast::Kind::Condition(condition, then, otherwise) => Kind::Condition(
                self.boxed(condition),
                self.boxed(then),
                otherwise.map(|node| self.boxed(node)),
            ),
            ast::Kind::Transform(pattern, update, delete) => Kind::Transform(Arc::new(
                self.transform(*pattern, *update, delete, position),
            )),
            ast::Kind::Block(expressions) => Kind::Block(self.block(expressions)),
            ast::Kind::Regex(regex) => Kind::Regex(regex),
            // The others are gone once a tree is processed.
            _ => Kind::Placeholder,
        }
    }

    fn bind(&mut self, left: &Ast, right: Box<Ast>) -> Kind {
        let right = self.boxed(right);
        let binding = match &left.kind {
            ast::Kind::Variable(name) => {
                self.scopes.bind(name);
                self.scopes.binding(name)
            }
            _ => None,
        };
        binding.map_or(Kind::Placeholder, |binding| Kind::Bind(binding, right))
    }

    fn lambda(&mut self, lambda: ast::Lambda) -> Lambda {
        let mut names = lambda.parameters.clone();
        scan::bound_names(&lambda.body, &mut names);
        self.scopes.open_function(names, &lambda.parameters);
        let parameters = lambda.parameters.iter();
        let parameters = parameters.filter_map(|name| Some(self.scopes.binding(name)?.slot));
        let parameters: Vec<usize> = parameters.collect();
        let body = self.inside(|this| this.node(*lambda.body));
        Lambda {
            comparison: comparison::find(&parameters, &body),
            parameters,
            slots: self.scopes.close(),
            signature: lambda.signature,
            body,
        }
    }

    fn transform(
        &mut self,
        pattern: Ast,
        update: Ast,
        delete: Option<Box<Ast>>,
        position: usize,
    ) -> Transform {
        let clone = self.variable("clone");
        self.inside(|this| Transform {
            pattern: this.node(pattern),
            update: this.node(update),
            delete: delete.map(|node| this.node(*node)),
            position,
            clone,
        })
    }

    fn block(&mut self, expressions: Vec<Ast>) -> Block {
        let mut names = Vec::new();
        for expression in &expressions {
            scan::bound_names(expression, &mut names);
        }
        let outlives = expressions.iter().any(scan::makes_functions);
        let scope = self.scopes.open_block(names, outlives);
        let expressions = self.all(expressions);
        let scope = self.scopes.close_block(scope);
        Block { expressions, scope }
    }

    fn call(&mut self, call: ast::Call, position: usize) -> Call {
        let name = match &call.procedure.kind {
            ast::Kind::Path(steps) => steps.first().map(|step| (step, true)),
            _ => Some((&*call.procedure, false)),
        };
        let token = name.and_then(|(node, _)| node_value(node));
        let meant = match (name, &token) {
            (Some((_, true)), Some(name)) => Some((name.clone(), self.variable(name))),
            _ => None,
        };
        let arguments = self.all(call.arguments);
        let procedure = match call.procedure.kind {
            ast::Kind::Variable(ref name) if call.procedure.is_bare() => {
                self.function_name(name, call.procedure.position)
            }
            _ => self.node(*call.procedure),
        };
        Call {
            procedure: Box::new(procedure),
            arguments,
            position,
            token,
            meant,
        }
    }

    /// A variable that is called.
    fn function_name(&mut self, name: &str, position: usize) -> Node {
        let known = self.references.variables.len();
        let kind = self.variable_node(name, position, Vec::new());
        let is_nowhere = matches!(&kind, Kind::Variable(it) if it.places.is_empty());
        if let Some(variable) = self.references.variables.get(known) {
            let function = (variable.name.clone(), variable.position);
            self.references
                .functions
                .extend(is_nowhere.then_some(function));
            self.references.variables.truncate(known);
        }
        Node {
            kind,
            position,
            keep_array: false,
            is_tuple: false,
            tail: None,
        }
    }

    fn variable_node(&mut self, name: &str, position: usize, members: Vec<String>) -> Kind {
        if self.is_root && matches!(name, "" | "$") {
            self.references.root_input.push(position);
        }
        if name.is_empty() {
            return Kind::Context;
        }
        let variable = self.variable(name);
        if !self.scopes.is_bound(name, self.label_of(name))
            && variable.outside != Outside::Input
            && Builtin::find(name).is_none()
        {
            self.references.variables.push(references::Variable {
                name: name.to_owned(),
                position,
                members,
            });
        }
        Kind::Variable(variable)
    }

    fn variable(&mut self, name: &str) -> Variable {
        let (places, is_certain) = self.scopes.places(name, self.label_of(name));
        let outside = match name {
            _ if is_certain => Outside::Nothing,
            "$" => Outside::Input,
            _ => Outside::Global(self.global(name)),
        };
        Variable {
            places: places.into(),
            outside,
        }
    }

    fn label_of(&self, name: &str) -> Option<usize> {
        self.labels.iter().position(|label| label == name)
    }

    fn global(&mut self, name: &str) -> usize {
        if let Some(known) = self.known_globals.get(name) {
            return *known;
        }
        let at = self.globals.len();
        self.globals.push(Global {
            name: name.to_owned(),
            builtin: Builtin::find(name),
        });
        self.known_globals.insert(name.to_owned(), at);
        at
    }

    fn label(&mut self, name: String) -> usize {
        let known = self.labels.iter().position(|label| *label == name);
        known.unwrap_or_else(|| {
            self.labels.push(name);
            self.labels.len() - 1
        })
    }

    /// The label of what a `%` means. No variable is called so.
    fn parent_label(&mut self, slot: usize) -> usize {
        let number = self.ancestry.get(slot).map_or(slot, |slot| slot.label);
        self.label(format!("%{number}"))
    }

    fn parent(&mut self, slot: Option<usize>) -> Variable {
        let label = slot.map(|slot| self.parent_label(slot));
        let (places, _) = self.scopes.places("%", label);
        Variable {
            places: places.into(),
            outside: Outside::Nothing,
        }
    }

    fn path(&mut self, steps: Vec<Ast>, shape: Shape) -> Path {
        let tuples_from = steps.iter().position(|step| step.tuple);
        let members = members(&steps);
        let mut tuple_names = Vec::new();
        if let Some(from) = tuples_from {
            scan::bound_in_steps(steps.get(from..).unwrap_or_default(), &mut tuple_names);
            scan::bound_in_tail(&[], shape.group.as_deref(), &mut tuple_names);
        }
        let mut members = Some(members);
        let mut lowered = Vec::with_capacity(steps.len());
        for (at, step) in steps.into_iter().enumerate() {
            if tuples_from == Some(at) {
                self.scopes.open_tuple(std::mem::take(&mut tuple_names));
            }
            let step = if at == 0 {
                self.step(step, true, members.take().unwrap_or_default())
            } else {
                self.inside(|this| this.step(step, false, Vec::new()))
            };
            lowered.push(step);
        }
        let group = shape
            .group
            .map(|group| self.inside(|this| this.group(*group)));
        Path {
            is_plain: is_plain(&lowered)
                && tuples_from.is_none()
                && group.is_none()
                && !shape.keep_singleton,
            steps: lowered,
            keep_singleton: shape.keep_singleton,
            is_tuple: shape.is_tuple,
            tuples_from,
            tuple_slots: tuples_from.map_or(0, |_| self.scopes.close()),
            group,
        }
    }

    fn step(&mut self, mut ast: Ast, is_first: bool, members: Vec<String>) -> Step {
        let stages = std::mem::take(&mut ast.stages);
        let focus = ast.focus.take().map(|name| self.label(name));
        let index = ast.index.take().map(|name| self.label(name));
        let ancestor = ast.ancestor.map(|slot| self.parent_label(slot));
        let is_whole = is_first && ast.cons_array;
        let action = match ast.kind {
            ast::Kind::Sort(terms) => Action::Sort(self.sort(terms, ast.position)),
            ast::Kind::Variable(ref name) => {
                let kind = self.variable_node(name, ast.position, members);
                ast.kind = ast::Kind::End;
                let mut node = self.node(ast);
                node.kind = kind;
                Action::Evaluate(node)
            }
            _ => Action::Evaluate(self.node(ast)),
        };
        let stages = self.inside(|this| {
            let lower = |stage| match stage {
                ast::Stage::Filter(predicate) => Stage::Filter(this.filter(*predicate)),
                ast::Stage::Index(name) => Stage::Index(this.label(name)),
            };
            stages.into_iter().map(lower).collect()
        });
        Step {
            action,
            stages,
            focus,
            index,
            ancestor,
            is_whole,
        }
    }

    fn sort(&mut self, terms: Vec<ast::SortTerm>, position: usize) -> Sort {
        let terms = self.inside(|this| {
            let lower = |term: ast::SortTerm| Term {
                descending: term.descending,
                expression: this.node(term.expression),
            };
            terms.into_iter().map(lower).collect()
        });
        Sort { terms, position }
    }

    fn filter(&mut self, predicate: Ast) -> Filter {
        match predicate.kind {
            ast::Kind::Number(number) => Filter::At(number.floor()),
            _ => Filter::Predicate(self.node(predicate)),
        }
    }

    fn group(&mut self, group: ast::Group) -> Group {
        let lower = |(key, value): (Ast, Ast)| Pair {
            literal: literal_key(&key),
            key: self.node(key),
            value: self.node(value),
        };
        let pairs: Vec<Pair> = group.pairs.into_iter().map(lower).collect();
        let mut keys: Vec<_> = pairs
            .iter()
            .filter_map(|pair| pair.literal.as_ref())
            .collect();
        keys.sort();
        keys.dedup();
        Group {
            is_plain: keys.len() == pairs.len(),
            pairs,
            position: group.position,
        }
    }
}

/// What a node needs besides its kind.
struct Shape {
    position: usize,
    is_tuple: bool,
    cons_array: bool,
    keep_singleton: bool,
    group: Option<Box<ast::Group>>,
}

/// Whether steps are nothing but fields, of the context value or of a variable.
fn is_plain(steps: &[Step]) -> bool {
    let is_start = |step: &Step| match &step.action {
        Action::Evaluate(node) => {
            node.is_variable() && node.tail.is_none() && step.stages.is_empty()
        }
        Action::Sort(_) => false,
    };
    let mut steps = steps.iter();
    let starts = steps
        .next()
        .is_some_and(|step| is_start(step) || step.plain_name().is_some());
    starts && steps.all(|step| step.plain_name().is_some())
}

/// The field names that directly follow the first step.
fn members(steps: &[Ast]) -> Vec<String> {
    let names = steps.iter().skip(1).map_while(|step| match &step.kind {
        ast::Kind::Name(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

fn literal_key(key: &Ast) -> Option<Text> {
    match &key.kind {
        ast::Kind::Text(text) if key.is_bare() => Some(text.as_str().into()),
        _ => None,
    }
}

/// What errors call a function: the reference's `value` of the node.
fn node_value(node: &Ast) -> Option<Text> {
    match &node.kind {
        ast::Kind::Parent(_)
        | ast::Kind::Block(_)
        | ast::Kind::Lambda(_)
        | ast::Kind::Condition(..)
        | ast::Kind::Transform(..)
        | ast::Kind::Regex(_)
        | ast::Kind::Path(_) => None,
        _ => Some(value_text(node).into()),
    }
}
