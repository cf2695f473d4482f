//! Evaluation: one `evaluate` for each node, as in the reference, so that what counts as depth and
//! what order things happen in are the same.

mod array;
mod call;
mod equal;
mod field;
mod filter;
mod flow;
mod group;
mod leave;
mod operator;
mod order;
mod partial;
mod path;
mod transform;
mod truth;
mod tuples;
mod validate;
mod wildcard;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use json::Value;

use crate::builder::ListBuilder;
use crate::error::{Error, Fault, Limit};
use crate::frame::{Cycles, Frame};
use crate::function::{Closure, Function};
use crate::functions::Builtin;
use crate::item::{Flags, Item, List, SEQUENCE};
use crate::ledger::{Charge, Ledger, bytes_freed_with};
use crate::meter::Meter;
use crate::program::{Block, Kind, Lambda, Node, Outside, Program, Scope, Variable};
use crate::tuple::{Tail, Tuple};
use crate::{Environment, Outcome};

pub(crate) use leave::object as object_item;
pub(crate) use operator::{compare_text, holds, text_of_number};
pub(crate) use order::merge_sort;

pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// What a closure takes, and the frame it holds.
const CLOSURE_BYTES: usize = 448;

/// How many frames are kept to be used again: more calls than that rarely end at a time.
const IDLE_MAX: usize = 32;

/// Frames of more variables than this are charged one by one.
const FEW_SLOTS: usize = 16;

/// One evaluation of an expression.
pub(crate) struct Evaluation<'e> {
    pub(crate) meter: &'e Meter,
    pub(crate) environment: &'e dyn Environment,
    program: &'e Program,
    /// The input document.
    document: Item,
    depth: Cell<u32>,
    /// How deep calls that builtins make are nested.
    nested_calls: Cell<u32>,
    /// What the names from outside mean, once they are used.
    globals: Vec<OnceCell<Item>>,
    /// Where each builtin was called last, 0 if nowhere.
    sites: [Cell<usize>; Builtin::COUNT],
    cycles: Cycles,
    /// Frames to be used again.
    idle: RefCell<Vec<Rc<Frame>>>,
    /// What lists, functions and values that are gone took.
    pub(crate) ledger: Ledger,
}

/// Evaluates a program.
pub(crate) fn run(
    program: &Program,
    input: Option<&Value>,
    environment: &dyn Environment,
    meter: &Meter,
) -> std::result::Result<Outcome, Error> {
    let document = input.map_or(Item::Undefined, |value| Item::Value(value.clone()));
    let evaluation = Evaluation {
        meter,
        environment,
        program,
        document: document.clone(),
        depth: Cell::new(0),
        nested_calls: Cell::new(0),
        globals: program.globals.iter().map(|_| OnceCell::new()).collect(),
        sites: [const { Cell::new(0) }; Builtin::COUNT],
        cycles: Cycles::default(),
        idle: RefCell::default(),
        ledger: Ledger::default(),
    };
    let bytes_before = meter.bytes_left();
    let outcome = evaluation.outcome(document).map_err(Fault::finish);
    drop(evaluation);
    let kept = match &outcome {
        Ok(Outcome::Value(value)) => value.size(),
        _ => 0,
    };
    meter.keep_only(bytes_before, kept);
    outcome
}

impl Evaluation<'_> {
    fn outcome(&self, document: Item) -> Result<Outcome> {
        let input = if document.is_array() {
            wrapped(document)
        } else {
            document
        };
        let frame = Frame::new(None, Tuple::default(), self.program.slots, None);
        let result = self.evaluate(&self.program.root, &input, &frame)?;
        self.leave_with(result.unwrapped())
    }

    /// Evaluates a node with a context value.
    pub(crate) fn evaluate(&self, node: &Node, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        self.enter()?;
        let result = self.kind(node, input, frame);
        // Most results go as they are; taking them apart costs more than the rest of this.
        if node.tail.is_none() && !matches!(result, Ok(Item::List(_))) {
            self.exit();
            return result;
        }
        self.finish(node, result?, frame)
    }

    fn finish(&self, node: &Node, mut result: Item, frame: &Rc<Frame>) -> Result<Item> {
        if let Some(tail) = &node.tail {
            result = self.tail(tail, node.is_tuple, result, frame)?;
        }
        self.exit();
        match result {
            Item::List(list) => Ok(self.settle(list, node.keep_array)),
            result => Ok(result),
        }
    }

    /// Goes down one level.
    #[inline]
    fn enter(&self) -> Result<()> {
        let depth = self.depth.get() + 1;
        if depth > self.meter.depth_max() {
            return Err(Error::limit(Limit::Depth).into());
        }
        self.depth.set(depth);
        self.meter.step(1)?;
        Ok(())
    }

    /// Goes down one level and up again, so many times.
    #[inline]
    fn enter_many(&self, times: usize) -> Result<()> {
        if self.depth.get() >= self.meter.depth_max() {
            return Err(Error::limit(Limit::Depth).into());
        }
        Ok(self.meter.step(times as u64)?)
    }

    /// Goes up again. (After an error nothing does: it ends the evaluation.)
    #[inline]
    fn exit(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    fn kind(&self, node: &Node, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        match &node.kind {
            Kind::Path(path) => self.path(path, node.keep_array, input, frame),
            Kind::Number(number) => Ok(Item::Number(*number)),
            Kind::Text(value) | Kind::Constant(value) => Ok(Item::Value(value.clone())),
            Kind::Variable(variable) | Kind::Parent(variable) => Ok(self.variable(variable, frame)),
            Kind::Context => Ok(input.unwrapped()),
            Kind::Binary(operator, left, right) => {
                self.binary(*operator, left, right, node.position, input, frame)
            }
            Kind::Call(call) => self.call(call, None, input, frame),
            Kind::Condition(condition, then, otherwise) => {
                let condition = self.evaluate(condition, input, frame)?;
                if self.truth(&condition)? {
                    self.evaluate(then, input, frame)
                } else {
                    let evaluate = |node| self.evaluate(node, input, frame);
                    otherwise.as_deref().map_or(Ok(Item::Undefined), evaluate)
                }
            }
            Kind::Block(block) => self.block(block, input, frame),
            Kind::Bind(binding, right) => {
                let value = self.evaluate(right, input, frame)?;
                self.cycles.bind(frame, *binding, value.clone());
                Ok(value)
            }
            Kind::Object(group) => self.object(group, input, frame),
            Kind::Array(array) => self.array(array, input, frame),
            Kind::Lambda(lambda) => self.closure(lambda, input, frame),
            Kind::TailCall(call) => Ok(Item::Tail(Rc::new(Tail {
                call: Arc::clone(call),
                input: input.clone(),
                frame: Rc::clone(frame),
            }))),
            Kind::Name(name) => self.lookup(input, name),
            Kind::Wildcard => self.wildcard(input),
            Kind::Descendant => self.descendants(input),
            Kind::Negate(operand) => self.negate(operand, node.position, input, frame),
            Kind::Apply(left, right) => self.apply_to(left, right, node.position, input, frame),
            Kind::Partial(call) => self.partial(call, input, frame),
            Kind::Transform(transform) => Ok(self.transformer(transform, frame)),
            Kind::Regex(regex) => {
                let function = Function::Matcher(regex.clone());
                Ok(Item::Function(Rc::new(function)))
            }
            Kind::Placeholder => Ok(Item::Undefined),
        }
    }

    /// A sequence of one item stands for the item, an empty one for nothing.
    pub(crate) fn settle(&self, list: Rc<List>, keep_array: bool) -> Item {
        if !list.flags.is_sequence || list.items.len() > 1 {
            return Item::List(list);
        }
        let keeps = keep_array || list.flags.keeps_singleton;
        match list.items.first() {
            None => Item::Undefined,
            Some(item) if !keeps => item.clone(),
            Some(_) if list.flags.keeps_singleton => Item::List(list),
            Some(item) => kept(item.clone()),
        }
    }

    fn variable(&self, variable: &Variable, frame: &Frame) -> Item {
        for place in &variable.places {
            if let Some(item) = frame.get(*place) {
                return item;
            }
        }
        match variable.outside {
            Outside::Input => self.document.clone(),
            Outside::Global(at) => self.global(at),
            Outside::Nothing => Item::Undefined,
        }
    }

    /// Looks at what a variable is bound to within the expression, or, once it is known, outside.
    #[inline]
    fn with_variable<T>(
        &self,
        variable: &Variable,
        frame: &Frame,
        look: impl Fn(&Item) -> T,
    ) -> Option<T> {
        let bound = variable
            .places
            .iter()
            .find_map(|place| frame.with(*place, &look));
        bound.or_else(|| match variable.outside {
            Outside::Input => Some(look(&self.document)),
            Outside::Global(at) => Some(look(&self.global(at))),
            Outside::Nothing => Some(look(&Item::Undefined)),
        })
    }

    /// What a name means that the expression does not bind.
    fn global(&self, at: usize) -> Item {
        let (Some(cell), Some(global)) = (self.globals.get(at), self.program.globals.get(at))
        else {
            return Item::Undefined;
        };
        let find = || match (self.environment.variable(&global.name), global.builtin) {
            (Some(value), _) => Item::Value(value),
            (None, Some(builtin)) => Item::Function(Rc::new(Function::Builtin(builtin))),
            (None, None) => Item::Undefined,
        };
        cell.get_or_init(find).clone()
    }

    fn block(&self, block: &Block, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        match block.scope {
            Scope::None => self.in_turn(&block.expressions, input, frame),
            Scope::Shared { up, first, count } => {
                self.meter.step(count as u64 / 8)?;
                frame.clear(up, first, count);
                self.in_turn(&block.expressions, input, frame)
            }
            Scope::Own { slots } => {
                let frame = self.new_frame(frame, slots)?;
                let result = self.in_turn(&block.expressions, input, &frame);
                self.release_frame(frame);
                result
            }
        }
    }

    fn in_turn(&self, nodes: &[Node], input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        let mut result = Item::Undefined;
        for node in nodes {
            result = self.evaluate(node, input, frame)?;
        }
        Ok(result)
    }

    fn closure(&self, lambda: &Arc<Lambda>, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        self.ledger.settle(self.meter);
        self.meter.make(CLOSURE_BYTES)?;
        let function = Function::Closure(Closure {
            lambda: Arc::clone(lambda),
            frame: Rc::clone(frame),
            input: input.clone(),
            site: Cell::new(0),
            _charge: Some(Charge::new(CLOSURE_BYTES, &self.ledger)),
        });
        if function.depth() > crate::item::OPAQUE_DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        Ok(Item::Function(Rc::new(function)))
    }
}

impl Evaluation<'_> {
    pub(crate) fn list(&self) -> ListBuilder<'_> {
        ListBuilder::new(self.meter, &self.ledger)
    }

    /// Drops an item, and gives back what goes with it.
    #[inline]
    fn release(&self, item: Item) {
        let bytes = bytes_freed_with(&item);
        if bytes > 0 {
            self.ledger.credit(bytes);
        }
        drop(item);
    }

    /// A frame with so many unbound variables.
    fn new_frame(&self, parent: &Rc<Frame>, slots: usize) -> Result<Rc<Frame>> {
        let charge = self.frame_charge(slots)?;
        let idle = match charge {
            None => self.idle.borrow_mut().pop(),
            Some(_) => None,
        };
        if let Some(mut frame) = idle
            && frame.refill(parent, slots)
        {
            return Ok(frame);
        }
        let parent = Some(Rc::clone(parent));
        Ok(Frame::new(parent, Tuple::default(), slots, charge))
    }

    /// The frame of a tuple.
    fn tuple_frame(&self, parent: &Rc<Frame>, tuple: Tuple, slots: usize) -> Result<Rc<Frame>> {
        let charge = self.frame_charge(slots)?;
        Ok(Frame::new(Some(Rc::clone(parent)), tuple, slots, charge))
    }

    /// What a frame takes. That of few variables is within what a call or a function takes.
    fn frame_charge(&self, slots: usize) -> Result<Option<Charge>> {
        if slots <= FEW_SLOTS {
            return Ok(None);
        }
        let bytes = slots.saturating_mul(size_of::<Option<Item>>());
        self.ledger.settle(self.meter);
        self.meter.make(bytes)?;
        Ok(Some(Charge::new(bytes, &self.ledger)))
    }

    /// Drops a frame unless somebody else holds it; it is kept to be used again.
    fn release_frame(&self, mut frame: Rc<Frame>) {
        if Rc::strong_count(&frame) > 1 && !frame.is_held_by_itself() {
            return;
        }
        frame.unbind(|item| self.release(item));
        if self.idle.borrow().len() < IDLE_MAX && frame.empty() {
            self.idle.borrow_mut().push(frame);
        }
    }

    /// Whether walks through the value may recurse.
    pub(crate) fn check_depth(&self, value: &Value) -> Result<()> {
        path::check_depth(value)
    }
}

/// An input document that is an array, as one item.
fn wrapped(document: Item) -> Item {
    let flags = Flags {
        is_wrapper: true,
        ..SEQUENCE
    };
    Item::List(Rc::new(List::of(document, flags)))
}

/// A sequence of one item that stays a sequence.
fn kept(item: Item) -> Item {
    let flags = Flags {
        keeps_singleton: true,
        ..SEQUENCE
    };
    Item::List(Rc::new(List::of(item, flags)))
}
