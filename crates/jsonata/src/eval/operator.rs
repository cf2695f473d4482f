//! Operators on two values, and the one on one.

use std::cmp::Ordering;
use std::rc::Rc;

use json::{Value, View};

use super::leave::value_of;
use super::{Evaluation, Result};
use crate::error::{Error, Fault, Limit};
use crate::frame::Frame;
use crate::item::{Elements, Item, SEQUENCE};
use crate::program::{Kind, Node};
use crate::syntax::ast::Operator;
use crate::text::builder::Builder;
use crate::text::numbers::{count_of, string_text_of};
use crate::text::serialise;

/// The longest range the reference makes.
const RANGE_LEN_MAX: f64 = 1e7;

impl Evaluation<'_> {
    pub(super) fn binary(
        &self,
        operator: Operator,
        left: &Node,
        right: &Node,
        position: usize,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        if operator == Operator::Concatenate {
            let mut text = Builder::new(self.meter);
            self.concatenate(left, right, position, input, frame, &mut text)?;
            return Ok(text.finish().into());
        }
        let left = self.evaluate(left, input, frame)?;
        if matches!(operator, Operator::And | Operator::Or) {
            // The reference reports the operator whatever went wrong on its right.
            let result = self.boolean(operator, &left, right, input, frame);
            return result.map_err(|fault| at_operator(fault, operator, position));
        }
        let right = self.evaluate(right, input, frame)?;
        let result = match operator {
            Operator::Equal | Operator::NotEqual => {
                self.equality(operator == Operator::Equal, &left, &right)
            }
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => self.comparison(operator, &left, &right),
            Operator::In => self.includes(&left, &right),
            Operator::Range => self.range(&left, &right),
            _ => self.arithmetic(operator, &left, &right),
        };
        result.map_err(|fault| at_operator(fault, operator, position))
    }

    fn boolean(
        &self,
        operator: Operator,
        left: &Item,
        right: &Node,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        let left = self.truth(left)?;
        if left == (operator == Operator::Or) {
            return Ok(left.into());
        }
        let right = self.evaluate(right, input, frame)?;
        Ok(self.truth(&right)?.into())
    }

    fn arithmetic(&self, operator: Operator, left: &Item, right: &Item) -> Result<Item> {
        let left = self.operand(left, "T2001")?;
        let right = self.operand(right, "T2002")?;
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(Item::Undefined);
        };
        Ok(Item::Number(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            _ => left % right,
        }))
    }

    #[inline]
    fn operand(&self, item: &Item, code: &'static str) -> Result<Option<f64>> {
        match self.numeric(item)? {
            None if !item.is_undefined() => Err(Fault::new(code)),
            number => Ok(number),
        }
    }

    fn equality(&self, wanted: bool, left: &Item, right: &Item) -> Result<Item> {
        if left.is_undefined() || right.is_undefined() {
            return Ok(false.into());
        }
        Ok((self.equal(left, right)? == wanted).into())
    }

    pub(crate) fn comparison(&self, operator: Operator, left: &Item, right: &Item) -> Result<Item> {
        if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
            return Ok(holds(operator, left.partial_cmp(&right)).into());
        }
        for side in [left, right] {
            if !side.is_undefined() && side.as_number().is_none() && side.as_str().is_none() {
                return Err(Fault::new("T2010"));
            }
        }
        if left.is_undefined() || right.is_undefined() {
            return Ok(Item::Undefined);
        }
        let Some(ordering) = self.compare(left, right)? else {
            let values = [("value", self.shown(left)), ("value2", self.shown(right))];
            let inserts = values.each_ref().map(|(name, text)| (*name, text.as_str()));
            return Err(Fault::filled("T2009", &inserts));
        };
        Ok(holds(operator, ordering).into())
    }

    /// How two numbers or two strings compare; `None` for anything else.
    pub(crate) fn compare(&self, left: &Item, right: &Item) -> Result<Option<Option<Ordering>>> {
        if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
            return Ok(Some(left.partial_cmp(&right)));
        }
        if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
            self.meter.step(left.len().min(right.len()) as u64 / 64)?;
            return Ok(Some(Some(compare_text(left, right))));
        }
        Ok(None)
    }

    fn includes(&self, left: &Item, right: &Item) -> Result<Item> {
        if left.is_undefined() || right.is_undefined() {
            return Ok(false.into());
        }
        let Some(elements) = right.elements() else {
            return Ok(self.same(left, right)?.into());
        };
        for element in elements.iter() {
            if self.same(&element, left)? {
                return Ok(true.into());
            }
        }
        Ok(false.into())
    }

    fn range(&self, left: &Item, right: &Item) -> Result<Item> {
        let integer = |item: &Item, code| match item.as_number() {
            Some(number) if number.is_finite() && number.fract() == 0.0 => Ok(Some(number)),
            None if item.is_undefined() => Ok(None),
            _ => Err(Fault::new(code)),
        };
        let first = integer(left, "T2003")?;
        let last = integer(right, "T2004")?;
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(Item::Undefined);
        };
        if first > last {
            return Ok(Item::Undefined);
        }
        let len = last - first + 1.0;
        if len > RANGE_LEN_MAX {
            return Err(Fault::of_value("D2014", &value_of(len).to_text()));
        }
        let mut builder = self.list();
        builder.extend_numbers(count_of(len), |at| first + at as f64)?;
        Ok(builder.finish(SEQUENCE))
    }

    /// Appends both operands of `&`. A chain of them makes one text.
    fn concatenate(
        &self,
        left: &Node,
        right: &Node,
        position: usize,
        input: &Item,
        frame: &Rc<Frame>,
        text: &mut Builder<'_>,
    ) -> Result<()> {
        let located = |fault| at_operator(fault, Operator::Concatenate, position);
        match &left.kind {
            Kind::Binary(Operator::Concatenate, first, second) if left.tail.is_none() => {
                self.enter()?;
                self.concatenate(first, second, left.position, input, frame, text)?;
                self.exit();
            }
            _ => {
                let left = self.evaluate(left, input, frame)?;
                self.append_text(&left, text).map_err(located)?;
            }
        }
        let right = self.evaluate(right, input, frame)?;
        self.append_text(&right, text).map_err(located)
    }

    /// Appends what `$string` makes of an item.
    pub(crate) fn append_text(&self, item: &Item, text: &mut Builder<'_>) -> Result<()> {
        match item {
            Item::Undefined | Item::Function(_) => Ok(()),
            Item::Value(value) => match value.view() {
                View::String(piece) => Ok(text.push_str(piece)?),
                View::Bool(true) => Ok(text.push_str("true")?),
                View::Bool(false) => Ok(text.push_str("false")?),
                View::Null => Ok(text.push_str("null")?),
                _ => Ok(text.push_str(&self.text_of_value(value)?)?),
            },
            Item::Number(number) => Ok(text.push_str(&text_of_number(*number)?)?),
            item => {
                let value = self.value_without_functions(&item.unwrapped())?;
                Ok(text.push_str(&self.text_of_value(&value)?)?)
            }
        }
    }

    /// `$string` of a value.
    pub(crate) fn text_of_value(&self, value: &Value) -> Result<String> {
        Ok(serialise::string(value, false, self.meter)?)
    }

    pub(super) fn negate(
        &self,
        operand: &Node,
        position: usize,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        let operand = self.evaluate(operand, input, frame)?;
        match self.numeric(&operand)? {
            Some(number) => Ok(Item::Number(-number)),
            None if operand.is_undefined() => Ok(Item::Undefined),
            None => Err(Fault::of_value("D1002", &self.shown(&operand))
                .with_position(position)
                .set_token("-")),
        }
    }
}

/// Whether a comparison is true. What is not a number compares with nothing.
#[inline]
pub(crate) fn holds(operator: Operator, ordering: Option<Ordering>) -> bool {
    ordering.is_some_and(|ordering| match operator {
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

/// `$string` of a number.
pub(crate) fn text_of_number(number: f64) -> Result<String> {
    if !number.is_finite() {
        return Err(Fault::new("D3001"));
    }
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Ok(value_of(number).to_text());
    }
    Ok(string_text_of(number))
}

fn at_operator(fault: Fault, operator: Operator, position: usize) -> Fault {
    if fault.is_limit() {
        return fault;
    }
    fault.with_position(position).set_token(operator.symbol())
}

/// The order of UTF-16 units: characters beyond U+FFFF start with a surrogate, so they come before
/// those from U+E000 on.
pub(crate) fn compare_text(left: &str, right: &str) -> Ordering {
    let both = left.chars().zip(right.chars());
    match both.into_iter().find(|(left, right)| left != right) {
        Some((left, right)) => {
            let key = |character: char| {
                let mut units = [0; 2];
                character.encode_utf16(&mut units).first().copied()
            };
            key(left).cmp(&key(right)).then(left.cmp(&right))
        }
        None => left.len().cmp(&right.len()),
    }
}

impl Error {
    fn is_limit(&self) -> bool {
        matches!(self.limit, Some(Limit::Steps | Limit::Bytes | Limit::Depth))
    }
}

impl Fault {
    fn is_limit(&self) -> bool {
        self.error().is_limit()
    }
}

/// The items of whatever an operand is.
pub(crate) fn items_of(item: &Item) -> Elements<'_> {
    item.elements()
        .unwrap_or(Elements::Items(std::slice::from_ref(item)))
}
