//! Frames: the variables of a function, a block or a tuple, and the frames around them.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::function::Function;
use crate::item::Item;
use crate::ledger::Charge;
use crate::program::{Binding, Place};
use crate::tuple::Tuple;

#[derive(Debug, Default)]
pub(crate) struct Frame {
    parent: Option<Rc<Frame>>,
    /// `None`: not bound yet, so the variable of that name further out is meant.
    slots: RefCell<Vec<Option<Item>>>,
    tuple: Tuple,
    /// Whether the frame is in the list of those that may hold themselves.
    is_listed: Cell<bool>,
    /// What a frame of many variables takes.
    charge: Option<Charge>,
}

impl Frame {
    /// A frame with so many unbound variables, and a tuple, which is empty in most.
    pub(crate) fn new(
        parent: Option<Rc<Frame>>,
        tuple: Tuple,
        slots: usize,
        charge: Option<Charge>,
    ) -> Rc<Frame> {
        Rc::new(Frame {
            parent,
            slots: RefCell::new(vec![None; slots]),
            tuple,
            is_listed: Cell::new(false),
            charge,
        })
    }

    fn above(&self, up: usize) -> Option<&Frame> {
        let mut frame = self;
        for _ in 0..up {
            frame = frame.parent.as_deref()?;
        }
        Some(frame)
    }

    /// What is bound at a place.
    #[inline]
    pub(crate) fn get(&self, place: Place) -> Option<Item> {
        self.with(place, Item::clone)
    }

    /// Looks at what is bound at a place.
    #[inline]
    pub(crate) fn with<T>(&self, place: Place, look: impl Fn(&Item) -> T) -> Option<T> {
        match place {
            Place::Slot(Binding { up, slot }) => {
                let slots = self.above(up)?.slots.borrow();
                slots.get(slot)?.as_ref().map(look)
            }
            Place::Tuple { up, label } => self.above(up)?.tuple.get(label).map(look),
        }
    }

    /// Makes an empty frame one with so many unbound variables; false if somebody else holds it.
    pub(crate) fn refill(self: &mut Rc<Frame>, parent: &Rc<Frame>, slots: usize) -> bool {
        let Some(frame) = Rc::get_mut(self) else {
            return false;
        };
        frame.parent = Some(Rc::clone(parent));
        frame.slots.get_mut().resize(slots, None);
        true
    }

    /// Empties a frame; false if somebody else holds it, or may find it, or if it is too large to
    /// be kept.
    pub(crate) fn empty(self: &mut Rc<Frame>) -> bool {
        let Some(frame) = Rc::get_mut(self).filter(|frame| frame.charge.is_none()) else {
            return false;
        };
        frame.parent = None;
        frame.tuple = Tuple::default();
        frame.slots.get_mut().clear();
        true
    }

    /// Binds a variable of the frame itself, which is new.
    pub(crate) fn set(&self, slot: usize, item: Item) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(slot) {
            *slot = Some(item);
        }
    }

    /// Whether nobody but the caller holds the frame, except functions that only its own variables
    /// hold.
    pub(crate) fn is_held_by_itself(self: &Rc<Frame>) -> bool {
        if !self.is_listed.get() {
            return false;
        }
        let is_own = |item: &&Item| match item {
            Item::Function(function) if Rc::strong_count(function) == 1 => match &**function {
                Function::Closure(closure) => Rc::ptr_eq(&closure.frame, self),
                _ => false,
            },
            _ => false,
        };
        let own = self.slots.borrow().iter().flatten().filter(is_own).count();
        Rc::strong_count(self) == 1 + own
    }

    /// Unbinds all variables, and hands their values to `drop`.
    pub(crate) fn unbind(&self, mut drop: impl FnMut(Item)) {
        for slot in &mut *self.slots.borrow_mut() {
            if let Some(item) = slot.take() {
                drop(item);
            }
        }
    }

    /// Makes variables unbound again.
    pub(crate) fn clear(&self, up: usize, first: usize, count: usize) {
        if let Some(frame) = self.above(up) {
            let mut slots = frame.slots.borrow_mut();
            let cleared: Vec<_> = slots
                .iter_mut()
                .skip(first)
                .take(count)
                .filter_map(Option::take)
                .collect();
            // What is dropped may look at frames itself.
            drop(slots);
            drop(cleared);
        }
    }
}

/// The frame so many frames up.
fn ancestor(frame: &Rc<Frame>, up: usize) -> Option<Rc<Frame>> {
    let mut frame = frame;
    for _ in 0..up {
        frame = frame.parent.as_ref()?;
    }
    Some(Rc::clone(frame))
}

/// The frames that may hold themselves, by a function they bind: emptied when an evaluation ends,
/// so that none is left behind.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    frames: RefCell<Vec<Weak<Frame>>>,
    /// The list is freed of what is gone when it is this long.
    sweep_at: Cell<usize>,
}

impl Cycles {
    /// Binds a variable.
    pub(crate) fn bind(&self, frame: &Rc<Frame>, binding: Binding, item: Item) {
        let Some(target) = ancestor(frame, binding.up) else {
            return;
        };
        // Only a function can hold a frame, and only a binding can close the circle: whatever a
        // new frame starts with is older than the frame.
        if item.depth() > 0 && !target.is_listed.replace(true) {
            self.add(Rc::downgrade(&target));
        }
        let mut slots = target.slots.borrow_mut();
        let before = slots
            .get_mut(binding.slot)
            .and_then(|slot| slot.replace(item));
        drop(slots);
        drop(before);
    }

    fn add(&self, frame: Weak<Frame>) {
        let mut frames = self.frames.borrow_mut();
        if frames.len() >= self.sweep_at.get() {
            frames.retain(|frame| frame.strong_count() > 0);
            self.sweep_at.set((frames.len() * 2).max(64));
        }
        frames.push(frame);
    }
}

impl Drop for Cycles {
    fn drop(&mut self) {
        for frame in self.frames.take() {
            if let Some(frame) = frame.upgrade() {
                let slots = frame.slots.take();
                drop(slots);
            }
        }
    }
}

/// Chains of functions and frames have no bound; so they are dropped with a list of work.
impl Drop for Frame {
    fn drop(&mut self) {
        let mut work = Work::default();
        work.take(self);
        work.finish();
    }
}

#[derive(Default)]
struct Work {
    frames: Vec<Rc<Frame>>,
    items: Vec<Item>,
}

impl Work {
    fn take(&mut self, frame: &mut Frame) {
        self.frame(frame.parent.take());
        for item in frame.slots.get_mut().drain(..).flatten() {
            self.item(item);
        }
        let tuple = std::mem::take(&mut frame.tuple);
        self.item(tuple.context);
        let mut rest = tuple.bindings;
        while let Some(binding) = rest.take().and_then(Rc::into_inner) {
            self.item(binding.item);
            rest = binding.earlier;
        }
    }

    fn frame(&mut self, frame: Option<Rc<Frame>>) {
        if let Some(frame) = frame
            && Rc::strong_count(&frame) == 1
        {
            self.frames.push(frame);
        }
    }

    fn item(&mut self, item: Item) {
        if matches!(item, Item::Function(_) | Item::List(_) | Item::Object(_)) && item.depth() > 0 {
            self.items.push(item);
        }
    }

    fn finish(mut self) {
        loop {
            if let Some(item) = self.items.pop() {
                self.dismantle(item);
            } else if let Some(frame) = self.frames.pop() {
                if let Some(mut frame) = Rc::into_inner(frame) {
                    self.take(&mut frame);
                }
            } else {
                break;
            }
        }
    }

    fn dismantle(&mut self, item: Item) {
        match item {
            Item::List(list) => {
                for item in Rc::into_inner(list)
                    .into_iter()
                    .flat_map(|mut list| std::mem::take(&mut list.items))
                {
                    self.item(item);
                }
            }
            Item::Object(object) => {
                let members = Rc::into_inner(object).into_iter();
                for (_, item) in members.flat_map(|object| object.members) {
                    self.item(item);
                }
            }
            Item::Function(function) => match Rc::into_inner(function) {
                Some(Function::Closure(closure)) => {
                    self.item(closure.input);
                    self.frame(Some(closure.frame));
                }
                Some(Function::Transformer(transformer)) => self.frame(Some(transformer.frame)),
                Some(Function::Partial(partial)) => {
                    self.item(Item::Function(partial.function));
                    for argument in partial.arguments.into_iter().flatten() {
                        self.item(argument);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
