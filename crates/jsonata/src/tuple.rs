//! Tuples: what a step of a path yields once variables are bound along the way.

use std::rc::Rc;
use std::sync::Arc;

use crate::frame::Frame;
use crate::item::Item;
use crate::program::Call;

/// A context value, and what is bound to reach it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuple {
    pub(crate) context: Item,
    pub(crate) bindings: Option<Rc<Binding>>,
}

/// A variable or a parent; tuples that come from the same one share the rest.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) label: usize,
    pub(crate) item: Item,
    pub(crate) earlier: Option<Rc<Binding>>,
}

impl Tuple {
    /// A tuple without bindings.
    pub(crate) fn of(context: Item) -> Tuple {
        Tuple {
            context,
            bindings: None,
        }
    }

    pub(crate) fn bind(&mut self, label: usize, item: Item) {
        let earlier = self.bindings.take();
        self.bindings = Some(Rc::new(Binding {
            label,
            item,
            earlier,
        }));
    }

    pub(crate) fn get(&self, label: usize) -> Option<&Item> {
        self.bindings()
            .find(|binding| binding.label == label)
            .map(|binding| &binding.item)
    }

    /// The bindings, the latest first; one that is bound anew hides the earlier one.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Binding> {
        std::iter::successors(self.bindings.as_deref(), |binding| {
            binding.earlier.as_deref()
        })
    }

    /// The labels bound, each once.
    pub(crate) fn labels(&self) -> Vec<usize> {
        let mut labels: Vec<usize> = self.bindings().map(|binding| binding.label).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Takes over the context and the bindings of another tuple.
    pub(crate) fn assign(&mut self, other: &Tuple) {
        self.context = other.context.clone();
        for label in other.labels() {
            if let Some(item) = other.get(label) {
                self.bind(label, item.clone());
            }
        }
    }
}

/// A call in the last place of a function, on its way to the caller, who makes it.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) call: Arc<Call>,
    pub(crate) input: Item,
    pub(crate) frame: Rc<Frame>,
}
