//! The syntax tree. The parser makes it, [`super::process`] gives it its final shape: some kinds
//! stand in it only before, some only after.

use json::Value;

use crate::error::Fault;
use crate::syntax::signature::Signature;
use crate::text::regex::Regex;

/// Trees nest at most this deep; it bounds the recursion of everything that walks them. An
/// evaluation could not go deeper than a quarter of it anyway.
pub(crate) const HEIGHT_MAX: u32 = 400;

/// A processed tree.
pub(crate) struct Syntax {
    pub(crate) tree: Box<Ast>,
    /// The parents that `%` asks for.
    pub(crate) ancestry: Vec<Slot>,
}

/// Which `%` a step keeps its input for.
pub(crate) type SlotId = usize;

/// One `%`, on its way up through the steps of paths.
pub(crate) struct Slot {
    /// Under which number tuples hold the parent.
    pub(crate) label: usize,
    /// How many steps up the parent still is.
    pub(crate) level: i64,
}

/// A node. Positions are in UTF-16 units, behind the token.
pub(crate) struct Ast {
    pub(crate) kind: Kind,
    pub(crate) position: usize,
    pub(crate) height: u32,
    /// `[]` stands behind it.
    pub(crate) keep_array: bool,
    /// Filters behind what is not a step of a path.
    pub(crate) predicates: Vec<Stage>,
    /// Filters and index bindings behind a step of a path.
    pub(crate) stages: Vec<Stage>,
    pub(crate) group: Option<Box<Group>>,
    /// The variable of `@`.
    pub(crate) focus: Option<String>,
    /// The variable of `#`.
    pub(crate) index: Option<String>,
    /// The step keeps its input as a parent.
    pub(crate) ancestor: Option<SlotId>,
    /// It makes or carries tuples.
    pub(crate) tuple: bool,
    /// Parents not yet found within; `None` is not the same as none.
    pub(crate) seeking: Option<Vec<SlotId>>,
    /// An array constructor at the start or the end of a path.
    pub(crate) cons_array: bool,
    /// A path of which some step keeps its array.
    pub(crate) keep_singleton: bool,
}

pub(crate) enum Stage {
    Filter(Box<Ast>),
    Index(String),
}

/// The pairs of an object constructor or of a grouping.
pub(crate) struct Group {
    pub(crate) pairs: Vec<(Ast, Ast)>,
    pub(crate) position: usize,
}

pub(crate) struct SortTerm {
    pub(crate) descending: bool,
    pub(crate) expression: Ast,
}

/// Operators on two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Concatenate,
    Range,
    In,
    And,
    Or,
}

impl Operator {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Concatenate => "&",
            Operator::Range => "..",
            Operator::In => "in",
            Operator::And => "and",
            Operator::Or => "or",
        }
    }
}

pub(crate) enum Kind {
    /// The end of the source where an operand was expected.
    End,
    Name(String),
    Text(String),
    Number(f64),
    /// `true`, `false` or `null`.
    Constant(Value),
    Variable(String),
    Regex(Regex),
    Wildcard,
    Descendant,
    /// `%`; its slot is known once it is processed.
    Parent(Option<SlotId>),
    /// `?` as an argument.
    Placeholder,
    Negate(Box<Ast>),
    Array(Vec<Ast>),
    Object(Group),
    Binary(Operator, Box<Ast>, Box<Ast>),
    Bind(Box<Ast>, Box<Ast>),
    Apply(Box<Ast>, Box<Ast>),
    Call(Call),
    Partial(Call),
    Lambda(Lambda),
    Condition(Box<Ast>, Box<Ast>, Option<Box<Ast>>),
    Transform(Box<Ast>, Box<Ast>, Option<Box<Ast>>),
    Block(Vec<Ast>),

    /// Only before processing.
    Dot(Box<Ast>, Box<Ast>),
    Filter(Box<Ast>, Box<Ast>),
    GroupBy(Box<Ast>, Group),
    OrderBy(Box<Ast>, Vec<SortTerm>),
    Focus(Box<Ast>, String),
    Index(Box<Ast>, String),

    /// Only after processing.
    Path(Vec<Ast>),
    /// Only as a step of a path.
    Sort(Vec<SortTerm>),
    /// A call in the last place of a function body: the caller makes it.
    TailCall(Call),
}

pub(crate) struct Call {
    pub(crate) procedure: Box<Ast>,
    pub(crate) arguments: Vec<Ast>,
}

pub(crate) struct Lambda {
    pub(crate) parameters: Vec<String>,
    pub(crate) signature: Option<Signature>,
    pub(crate) body: Box<Ast>,
}

impl Ast {
    /// A node without parts.
    pub(crate) fn leaf(kind: Kind, position: usize) -> Ast {
        Ast {
            kind,
            position,
            height: 1,
            keep_array: false,
            predicates: Vec::new(),
            stages: Vec::new(),
            group: None,
            focus: None,
            index: None,
            ancestor: None,
            tuple: false,
            seeking: None,
            cons_array: false,
            keep_singleton: false,
        }
    }

    /// A node over parts of which the highest is `height`.
    pub(crate) fn over(kind: Kind, position: usize, height: u32) -> Result<Box<Ast>, Fault> {
        if height >= HEIGHT_MAX {
            return Err(Fault::too_deep());
        }
        let mut node = Ast::leaf(kind, position);
        node.height = height + 1;
        Ok(Box::new(node))
    }

    /// Whether no filters and no grouping stand behind it.
    pub(crate) fn is_bare(&self) -> bool {
        self.predicates.is_empty() && self.group.is_none()
    }

    pub(crate) fn is_variable(&self) -> bool {
        matches!(self.kind, Kind::Variable(_))
    }

    pub(crate) fn is_array_constructor(&self) -> bool {
        matches!(self.kind, Kind::Array(_))
    }

    /// What the reference calls `type`.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::End => "(end)",
            Kind::Name(_) => "name",
            Kind::Text(_) => "string",
            Kind::Number(_) => "number",
            Kind::Constant(_) => "value",
            Kind::Variable(_) => "variable",
            Kind::Regex(_) => "regex",
            Kind::Wildcard => "wildcard",
            Kind::Descendant => "descendant",
            Kind::Parent(_) => "parent",
            Kind::Placeholder => "operator",
            Kind::Negate(_) | Kind::Array(_) | Kind::Object(_) => "unary",
            Kind::Binary(..)
            | Kind::Dot(..)
            | Kind::Filter(..)
            | Kind::GroupBy(..)
            | Kind::OrderBy(..)
            | Kind::Focus(..)
            | Kind::Index(..) => "binary",
            Kind::Bind(..) => "bind",
            Kind::Apply(..) => "apply",
            Kind::Call(_) => "function",
            Kind::Partial(_) => "partial",
            Kind::Lambda(_) | Kind::TailCall(_) => "lambda",
            Kind::Condition(..) => "condition",
            Kind::Transform(..) => "transform",
            Kind::Block(_) => "block",
            Kind::Path(_) => "path",
            Kind::Sort(_) => "sort",
        }
    }
}
