//! A compiled expression: the tree that is evaluated, its names resolved to places in frames.

use std::sync::Arc;

use json::{Text, Value};

use crate::functions::Builtin;
use crate::syntax::ast::Operator;
use crate::syntax::signature::Signature;
use crate::text::regex::Regex;

/// All of an expression.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) root: Node,
    /// How many variables the outermost frame holds.
    pub(crate) slots: usize,
    /// The names looked up outside, each once.
    pub(crate) globals: Vec<Global>,
}

/// A name that may be bound outside the expression.
#[derive(Debug)]
pub(crate) struct Global {
    pub(crate) name: String,
    /// What it means if it is not bound.
    pub(crate) builtin: Option<Builtin>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// In UTF-16 units, behind the token; 0 if unknown.
    pub(crate) position: usize,
    pub(crate) keep_array: bool,
    /// Whether the value may be a stream of tuples, so that filters get frames of tuples.
    pub(crate) is_tuple: bool,
    /// Filters and a grouping behind the node.
    pub(crate) tail: Option<Box<Tail>>,
}

#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) filters: Vec<Filter>,
    pub(crate) group: Option<Group>,
    /// How many variables may be bound in the frame of a tuple.
    pub(crate) tuple_slots: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Text(Value),
    Number(f64),
    Constant(Value),
    /// A field of the context value.
    Name(Text),
    Wildcard,
    Descendant,
    /// `%`: what the tuples hold under a label.
    Parent(Variable),
    /// `$`
    Context,
    Variable(Variable),
    Path(Path),
    Negate(Box<Node>),
    Array(Array),
    Object(Group),
    Binary(Operator, Box<Node>, Box<Node>),
    Bind(Binding, Box<Node>),
    Apply(Box<Node>, Box<Node>),
    Call(Call),
    TailCall(Arc<Call>),
    Partial(Call),
    Placeholder,
    Lambda(Arc<Lambda>),
    Condition(Box<Node>, Box<Node>, Option<Box<Node>>),
    Transform(Arc<Transform>),
    Block(Block),
    Regex(Regex),
}

/// Where `:=` binds: a variable of the frame so many frames up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) up: usize,
    pub(crate) slot: usize,
}

/// Where a variable may be found: the places in turn, then outside.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) places: Box<[Place]>,
    pub(crate) outside: Outside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Slot(Binding),
    /// What the tuple of the frame so many frames up holds under a label.
    Tuple {
        up: usize,
        label: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// `$$`
    Input,
    /// An index into [`Program::globals`].
    Global(usize),
    /// Bound within or nowhere.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) steps: Vec<Step>,
    /// A single result stays in its array.
    pub(crate) keep_singleton: bool,
    /// The value is the stream of tuples itself.
    pub(crate) is_tuple: bool,
    /// The first step that makes tuples.
    pub(crate) tuples_from: Option<usize>,
    /// How many variables may be bound in the frame of a tuple.
    pub(crate) tuple_slots: usize,
    pub(crate) group: Option<Group>,
    /// Nothing but fields, of the context value or of a variable.
    pub(crate) is_plain: bool,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) stages: Vec<Stage>,
    /// Labels in the tuple: of the variables of `@` and `#`, and of the parent.
    pub(crate) focus: Option<usize>,
    pub(crate) index: Option<usize>,
    pub(crate) ancestor: Option<usize>,
    /// An array constructor at the start of a path: it is evaluated once, for the whole input.
    pub(crate) is_whole: bool,
}

#[derive(Debug)]
pub(crate) enum Action {
    Evaluate(Node),
    Sort(Sort),
}

#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) terms: Vec<Term>,
    pub(crate) position: usize,
}

#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) descending: bool,
    pub(crate) expression: Node,
}

#[derive(Debug)]
pub(crate) enum Stage {
    Filter(Filter),
    /// A label under which tuples get their position.
    Index(usize),
}

#[derive(Debug)]
pub(crate) enum Filter {
    /// A literal number.
    At(f64),
    Predicate(Node),
}

#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) items: Vec<Node>,
    /// Stays one item in the result of a path.
    pub(crate) is_constructed: bool,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) position: usize,
    /// All keys are different literals: nothing to group for a single item.
    pub(crate) is_plain: bool,
}

#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) key: Node,
    pub(crate) literal: Option<Text>,
    pub(crate) value: Node,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) procedure: Box<Node>,
    pub(crate) arguments: Vec<Node>,
    pub(crate) position: usize,
    /// What errors call the function.
    pub(crate) token: Option<Text>,
    /// The variable that was meant if `procedure` is a field name.
    pub(crate) meant: Option<(Text, Variable)>,
}

#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) parameters: Vec<usize>,
    pub(crate) slots: usize,
    pub(crate) signature: Option<Signature>,
    pub(crate) body: Node,
    /// The function compares the same fields of its two arguments, and does nothing else.
    pub(crate) comparison: Option<Comparison>,
}

/// `$a.f < $b.f` of the parameters `$a` and `$b`, or the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) operator: Operator,
    /// Whether the second argument stands on the left.
    pub(crate) is_swapped: bool,
}

impl Comparison {
    /// What stands on the left and on the right for two arguments.
    pub(crate) fn sides<T>(self, first: T, second: T) -> (T, T) {
        if self.is_swapped {
            (second, first)
        } else {
            (first, second)
        }
    }
}

impl Step {
    /// The field, if the step is nothing but that.
    #[inline]
    pub(crate) fn plain_name(&self) -> Option<&Text> {
        match &self.action {
            Action::Evaluate(Node {
                kind: Kind::Name(name),
                tail: None,
                ..
            }) if self.stages.is_empty() => Some(name),
            _ => None,
        }
    }
}

impl Node {
    pub(crate) fn is_variable(&self) -> bool {
        matches!(self.kind, Kind::Variable(_) | Kind::Context)
    }
}

impl Lambda {
    /// A function that returns nothing.
    pub(crate) fn nothing() -> Lambda {
        Lambda {
            parameters: Vec::new(),
            slots: 0,
            signature: None,
            comparison: None,
            body: Node {
                kind: Kind::Placeholder,
                position: 0,
                keep_array: false,
                is_tuple: false,
                tail: None,
            },
        }
    }
}

#[derive(Debug)]
pub(crate) struct Transform {
    pub(crate) pattern: Node,
    pub(crate) update: Node,
    pub(crate) delete: Option<Node>,
    pub(crate) position: usize,
    /// `$clone`, if the expression binds it.
    pub(crate) clone: Variable,
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) expressions: Vec<Node>,
    pub(crate) scope: Scope,
}

/// Where the variables of a block live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It binds none.
    None,
    /// In slots of the frame so many frames up: no function can outlive the block with them.
    Shared {
        up: usize,
        first: usize,
        count: usize,
    },
    /// In a frame of its own.
    Own { slots: usize },
}
