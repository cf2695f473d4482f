//! Object constructors and grouping: items are grouped by key, then each group makes a value.

use std::collections::HashMap;
use std::rc::Rc;

use json::{ObjectBuilder, Text, Value};

use super::flow::Flow;
use super::{Evaluation, Result, leave};
use crate::error::Fault;
use crate::frame::Frame;
use crate::item::{ARRAY, Elements, Item};
use crate::meter::Meter;
use crate::program::{Group, Pair};

/// Up to this many keys are searched one after the other.
const SCAN_LEN_MAX: usize = 16;

/// What a group takes, in elements of lists: its key, its place in the index, its list.
const GROUP_ELEMENTS: usize = 6;

/// The groups found so far, in the order of their first items.
pub(super) struct Groups<T> {
    pub(super) entries: Vec<Entry<T>>,
    index: HashMap<Text, usize>,
    /// In elements of lists.
    pub(super) charged: usize,
}

/// A group: its key, the pair that made it, its items.
pub(super) struct Entry<T> {
    pub(super) key: Text,
    pub(super) pair: usize,
    pub(super) items: Vec<T>,
}

impl<T> Groups<T> {
    pub(super) fn new() -> Groups<T> {
        Groups {
            entries: Vec::new(),
            index: HashMap::new(),
            charged: 0,
        }
    }

    fn charge(&mut self, elements: usize, meter: &Meter) -> Result<()> {
        self.charged += elements;
        Ok(meter.elements(0, elements)?)
    }

    fn find(&self, key: &Text) -> Option<usize> {
        if self.entries.len() <= SCAN_LEN_MAX {
            return self.entries.iter().position(|entry| entry.key == *key);
        }
        self.index.get(key.as_str()).copied()
    }

    /// Adds an item to the group of a key.
    ///
    /// # Errors
    /// D1009 if another pair made that key.
    pub(super) fn add(
        &mut self,
        (key, pair): (Text, usize),
        item: T,
        position: usize,
        meter: &Meter,
    ) -> Result<()> {
        self.charge(1, meter)?;
        if let Some(at) = self.find(&key)
            && let Some(entry) = self.entries.get_mut(at)
        {
            if entry.pair != pair {
                let key = Value::from(key).to_text();
                return Err(Fault::of_value("D1009", &key).with_position(position));
            }
            entry.items.push(item);
            return Ok(());
        }
        self.charge(GROUP_ELEMENTS, meter)?;
        if self.entries.len() == SCAN_LEN_MAX {
            let known = self.entries.iter().enumerate();
            self.index = known.map(|(at, entry)| (entry.key.clone(), at)).collect();
        }
        if self.entries.len() >= SCAN_LEN_MAX {
            self.index.insert(key.clone(), self.entries.len());
        }
        self.entries.push(Entry {
            key,
            pair,
            items: vec![item],
        });
        Ok(())
    }
}

impl Evaluation<'_> {
    pub(super) fn object(&self, group: &Group, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        match input.elements() {
            Some(elements) => self.group(group, elements, frame),
            None if group.is_plain => self.plain_object(group, input, frame),
            None => self.group(group, Elements::Items(std::slice::from_ref(input)), frame),
        }
    }

    pub(super) fn group_flow(&self, group: &Group, flow: Flow, frame: &Rc<Frame>) -> Result<Item> {
        match flow {
            Flow::One(item) if group.is_plain => self.plain_object(group, &item, frame),
            flow => self.group(group, flow.elements(), frame),
        }
    }

    /// The object of a single item and keys that are different literals.
    fn plain_object(&self, group: &Group, item: &Item, frame: &Rc<Frame>) -> Result<Item> {
        self.make_object(group.pairs.len())?;
        let mut builder = ObjectBuilder::with_capacity(group.pairs.len());
        let mut pairs = group.pairs.iter();
        while let Some(pair) = pairs.next() {
            let value = self.evaluate(&pair.value, item, frame)?;
            if value.is_opaque() {
                return self.opaque_object(&mut builder, pair, value, pairs, item, frame);
            }
            if let Some(key) = &pair.literal
                && !value.is_undefined()
            {
                builder.add(key, self.value(value)?.unwrap_or_default());
            }
        }
        Ok(leave::object(builder.build()))
    }

    /// The rest of an object of which a value turned out to be one that JSON cannot hold.
    fn opaque_object<'p>(
        &self,
        builder: &mut ObjectBuilder,
        pair: &'p Pair,
        value: Item,
        pairs: impl Iterator<Item = &'p Pair>,
        item: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        let before = builder.build();
        let known = before.members().iter();
        let mut members: Vec<(Text, Item)> = known
            .map(|(name, value)| (name.clone(), Item::Value(value.clone())))
            .collect();
        members.extend(pair.literal.clone().map(|key| (key, value)));
        for pair in pairs {
            let value = self.evaluate(&pair.value, item, frame)?;
            if let Some(key) = &pair.literal
                && !value.is_undefined()
            {
                members.push((key.clone(), value));
            }
        }
        self.object_of(members)
    }

    fn group(&self, group: &Group, elements: Elements<'_>, frame: &Rc<Frame>) -> Result<Item> {
        if let ([pair], 0..=1) = (&*group.pairs, elements.len()) {
            let item = elements.get(0).unwrap_or_default();
            return self.only_group(pair, group.position, &item, frame);
        }
        let mut groups = Groups::new();
        let mut add = |item: Item| {
            for (at, pair) in group.pairs.iter().enumerate() {
                let key = self.key(pair, group.position, &item, frame)?;
                if let Some(key) = key {
                    groups.add((key, at), item.clone(), group.position, self.meter)?;
                }
            }
            Ok::<(), Fault>(())
        };
        if elements.len() == 0 {
            add(Item::Undefined)?;
        }
        elements.iter().try_for_each(add)?;
        let mut members = Vec::with_capacity(groups.entries.len());
        for entry in groups.entries {
            let context = self.context_of(entry.items)?;
            if let Some(pair) = group.pairs.get(entry.pair) {
                let value = self.evaluate(&pair.value, &context, frame)?;
                if !value.is_undefined() {
                    members.push((entry.key, value));
                }
            }
        }
        self.meter.refund_elements(groups.charged);
        self.object_of(members)
    }

    /// The object of a single item and a single pair: nothing has to be grouped.
    fn only_group(
        &self,
        pair: &Pair,
        position: usize,
        item: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        let mut members = Vec::new();
        if let Some(key) = self.key(pair, position, item, frame)? {
            let value = self.evaluate(&pair.value, item, frame)?;
            if !value.is_undefined() {
                members.push((key, value));
            }
        }
        self.object_of(members)
    }

    /// The key a pair makes of an item.
    ///
    /// # Errors
    /// T1003 if it is no string.
    pub(super) fn key(
        &self,
        pair: &Pair,
        position: usize,
        item: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Option<Text>> {
        if let Some(key) = &pair.literal {
            self.meter.step(1)?;
            return Ok(Some(key.clone()));
        }
        let key = self.evaluate(&pair.key, item, frame)?;
        if key.is_undefined() {
            return Ok(None);
        }
        match key.as_value().and_then(Value::to_shared_text) {
            Some(key) => Ok(Some(key)),
            None => Err(Fault::of_value("T1003", &self.shown(&key)).with_position(position)),
        }
    }

    /// What the value of a group is evaluated with: a single item as it is, more of them as an
    /// array, arrays among them flattened.
    fn context_of(&self, mut items: Vec<Item>) -> Result<Item> {
        if items.len() == 1 {
            return Ok(items.pop().unwrap_or_default());
        }
        let mut builder = self.list();
        for item in items {
            match item.elements() {
                Some(elements) => builder.extend(elements)?,
                None => builder.push(item)?,
            }
        }
        Ok(builder.finish(ARRAY))
    }
}
