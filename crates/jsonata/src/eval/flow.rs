//! What flows from step to step of a path: no list is made for a single item.

use std::rc::Rc;

use json::{Kind, Value};

use super::Evaluation;
use crate::builder::ListBuilder;
use crate::error::Fault;
use crate::item::{Elements, Item, List, SEQUENCE};

#[derive(Debug)]
pub(crate) enum Flow {
    /// A sequence of nothing.
    Empty,
    /// A sequence of one item.
    One(Item),
    /// An array that is no sequence.
    Whole(Item),
    Sequence(Rc<List>),
}

impl Flow {
    /// What an evaluated node is, `None` for undefined.
    pub(crate) fn of(item: Item) -> Option<Flow> {
        match item {
            Item::Undefined => None,
            Item::List(list) if list.flags.is_sequence => Some(Flow::Sequence(list)),
            item if item.is_array() => Some(Flow::Whole(item)),
            item => Some(Flow::One(item)),
        }
    }

    /// The items that the next step or filter goes through.
    pub(crate) fn elements(&self) -> Elements<'_> {
        match self {
            Flow::Empty => Elements::Items(&[]),
            Flow::One(item) => Elements::Items(std::slice::from_ref(item)),
            Flow::Whole(item) => item.elements().unwrap_or(Elements::Items(&[])),
            Flow::Sequence(list) => Elements::Items(&list.items),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.elements().len() == 0
    }

    /// As an array, a sequence unless it is [`Flow::Whole`].
    pub(crate) fn into_item(self) -> Item {
        match self {
            Flow::Whole(item) => item,
            Flow::Sequence(list) => Item::List(list),
            Flow::Empty => {
                let mut list = List::default();
                list.flags = SEQUENCE;
                Item::List(Rc::new(list))
            }
            Flow::One(item) => Item::List(Rc::new(List::of(item, SEQUENCE))),
        }
    }
}

/// Collects what a step yields for each of its items.
pub(crate) struct Gather<'e> {
    evaluation: &'e Evaluation<'e>,
    count: usize,
    first: Flow,
    rest: Option<ListBuilder<'e>>,
}

impl<'e> Gather<'e> {
    pub(crate) fn new(evaluation: &'e Evaluation<'e>) -> Gather<'e> {
        Gather {
            evaluation,
            count: 0,
            first: Flow::Empty,
            rest: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a JSON value.
    pub(crate) fn add_value(&mut self, value: &Value) -> Result<(), Fault> {
        if let Some(builder) = &mut self.rest {
            self.count += 1;
            return match value.as_array() {
                Some(values) => builder.extend(Elements::Values(values)),
                None => builder.push(Item::Value(value.clone())),
            };
        }
        let item = Item::Value(value.clone());
        self.add(match value.kind() {
            Kind::Array => Flow::Whole(item),
            _ => Flow::One(item),
        })
    }

    pub(crate) fn add(&mut self, flow: Flow) -> Result<(), Fault> {
        self.count += 1;
        if self.count == 1 {
            self.first = flow;
            return Ok(());
        }
        let builder = match &mut self.rest {
            Some(builder) => builder,
            None => {
                let mut builder = self.evaluation.list();
                flatten(
                    std::mem::replace(&mut self.first, Flow::Empty),
                    &mut builder,
                )?;
                self.rest.insert(builder)
            }
        };
        flatten(flow, builder)
    }

    /// The result of the step.
    pub(crate) fn finish(self, is_last: bool) -> Result<Flow, Fault> {
        if let Some(builder) = self.rest {
            return Ok(Flow::Sequence(builder.finish_list(SEQUENCE)));
        }
        Ok(match self.first {
            Flow::Whole(item) if !is_last && item.is_constructed() => Flow::One(item),
            Flow::Whole(item) if !is_last && item.elements().is_none_or(|all| all.len() == 0) => {
                Flow::Empty
            }
            Flow::Sequence(list) if list.flags != SEQUENCE => {
                let mut builder = self.evaluation.list();
                builder.append(Item::List(list))?;
                Flow::Sequence(builder.finish_list(SEQUENCE))
            }
            flow => flow,
        })
    }
}

fn flatten(flow: Flow, builder: &mut ListBuilder<'_>) -> Result<(), Fault> {
    match flow {
        Flow::Empty => Ok(()),
        Flow::One(item) => builder.push(item),
        Flow::Whole(item) if item.is_constructed() => builder.push(item),
        Flow::Whole(item) => match item.elements() {
            Some(elements) => builder.extend(elements),
            None => Ok(()),
        },
        Flow::Sequence(list) => builder.extend(Elements::Items(&list.items)),
    }
}
