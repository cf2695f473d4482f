//! Lists in the making: each element is charged before it is there.

use std::rc::Rc;

use json::Value;

use crate::error::Fault;
use crate::item::{Elements, Flags, Item, List, OPAQUE_DEPTH_MAX};
use crate::ledger::{LIST_BYTES, Ledger};
use crate::meter::{ELEMENT_BYTES, Meter};

pub(crate) struct ListBuilder<'m> {
    meter: &'m Meter,
    list: List,
}

impl<'m> ListBuilder<'m> {
    pub(crate) fn new(meter: &'m Meter, ledger: &Ledger) -> ListBuilder<'m> {
        ledger.settle(meter);
        let mut list = List::default();
        list.ledger = Some(ledger.clone());
        ListBuilder { meter, list }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.items.len()
    }

    #[inline]
    pub(crate) fn push(&mut self, item: Item) -> Result<(), Fault> {
        if self.list.items.is_empty() {
            self.charge_list()?;
        }
        self.meter.element(self.list.items.len())?;
        self.list.charged += ELEMENT_BYTES;
        self.add(item)
    }

    fn charge(&mut self, count: usize) -> Result<(), Fault> {
        if self.list.items.is_empty() && count > 0 {
            self.charge_list()?;
        }
        self.meter.elements(self.list.items.len(), count)?;
        self.list.charged += count * ELEMENT_BYTES;
        Ok(())
    }

    fn charge_list(&mut self) -> Result<(), Fault> {
        self.meter.make(LIST_BYTES)?;
        self.list.charged += LIST_BYTES;
        Ok(())
    }

    pub(crate) fn extend(&mut self, elements: Elements<'_>) -> Result<(), Fault> {
        self.charge(elements.len())?;
        match elements {
            Elements::Values(values) => {
                self.list
                    .items
                    .extend(values.iter().cloned().map(Item::Value));
                Ok(())
            }
            Elements::Items(items) => items.iter().try_for_each(|item| self.add(item.clone())),
        }
    }

    pub(crate) fn extend_numbers(
        &mut self,
        count: usize,
        number: impl Fn(usize) -> f64,
    ) -> Result<(), Fault> {
        self.charge(count)?;
        self.list
            .items
            .extend((0..count).map(|at| Item::Number(number(at))));
        Ok(())
    }

    /// What the reference's `append` does: an array adds its elements, anything else itself.
    pub(crate) fn append(&mut self, item: Item) -> Result<(), Fault> {
        match item {
            Item::Undefined => Ok(()),
            Item::List(list) if self.list.items.is_empty() => {
                // Nothing to copy if nobody else has the list.
                match Rc::try_unwrap(list) {
                    Ok(list) => self.list = list,
                    Err(list) => self.extend(Elements::Items(&list.items))?,
                }
                Ok(())
            }
            item => match item.elements() {
                Some(elements) => self.extend(elements),
                None => self.push(item),
            },
        }
    }

    #[inline]
    fn add(&mut self, item: Item) -> Result<(), Fault> {
        if !matches!(item, Item::Value(_)) {
            self.note(&item)?;
        }
        self.list.items.push(item);
        Ok(())
    }

    fn note(&mut self, item: &Item) -> Result<(), Fault> {
        self.list.is_opaque |= item.is_opaque();
        self.list.depth = self.list.depth.max(item.depth_around());
        if self.list.depth > OPAQUE_DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        Ok(())
    }

    pub(crate) fn finish(self, flags: Flags) -> Item {
        Item::List(self.finish_list(flags))
    }

    pub(crate) fn finish_list(mut self, flags: Flags) -> Rc<List> {
        self.list.flags = flags;
        Rc::new(self.list)
    }

    /// The only item of the list.
    pub(crate) fn into_only_item(mut self) -> Item {
        self.list.items.pop().unwrap_or_default()
    }
}

/// A list of elements that have been charged already.
pub(crate) fn array_of(values: Vec<Value>) -> Item {
    Item::Value(values.into())
}
