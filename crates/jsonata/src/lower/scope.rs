//! Scopes: which variables live in which frame, while a tree is lowered.

use std::collections::{HashMap, HashSet};

use crate::program::{Binding, Place, Scope};

#[derive(Default)]
pub(crate) struct Scopes(Vec<Open>);

/// A scope around the node that is being lowered.
struct Open {
    /// The variables that are bound in it somewhere, and their slots.
    names: HashMap<String, usize>,
    /// The variables in slots before this one are bound from the start.
    certain: usize,
    /// The others that `:=` has bound, as far as the tree is lowered.
    bound: HashSet<String>,
    /// It is that of a function, which runs later than where it stands.
    is_function: bool,
    frame: Frame,
}

enum Frame {
    /// A frame with so many slots.
    Own { slots: usize },
    /// The frame of a tuple, which also holds what the tuple does.
    Tuple { slots: usize },
    /// Slots in the frame of the scope at an index.
    Shared { host: usize },
}

/// Gives each name a slot, a repeated one the same.
fn number(names: Vec<String>, first: usize) -> HashMap<String, usize> {
    let mut numbered = HashMap::new();
    for name in names {
        let slot = first + numbered.len();
        numbered.entry(name).or_insert(slot);
    }
    numbered
}

impl Scopes {
    pub(crate) fn open_frame(&mut self, names: Vec<String>) {
        let names = number(names, 0);
        let frame = Frame::Own { slots: names.len() };
        self.open(names, 0, false, frame);
    }

    /// A function; its parameters are the first of the names.
    pub(crate) fn open_function(&mut self, names: Vec<String>, parameters: &[String]) {
        let names = number(names, 0);
        let parameters: HashSet<&String> = parameters.iter().collect();
        let frame = Frame::Own { slots: names.len() };
        self.open(names, parameters.len(), true, frame);
    }

    fn open(
        &mut self,
        names: HashMap<String, usize>,
        certain: usize,
        is_function: bool,
        frame: Frame,
    ) {
        self.0.push(Open {
            names,
            certain,
            bound: HashSet::new(),
            is_function,
            frame,
        });
    }

    /// The later steps of a path whose values are tuples.
    pub(crate) fn open_tuple(&mut self, names: Vec<String>) {
        let names = number(names, 0);
        let frame = Frame::Tuple { slots: names.len() };
        self.open(names, 0, false, frame);
    }

    /// A block. `outlives`: it makes functions, which may outlive it.
    pub(crate) fn open_block(&mut self, names: Vec<String>, outlives: bool) -> Scope {
        if names.is_empty() {
            return Scope::None;
        }
        if outlives {
            self.open_frame(names);
            return Scope::Own { slots: 0 };
        }
        let is_host = |open: &Open| matches!(open.frame, Frame::Own { .. });
        let host = self.0.iter().rposition(is_host).unwrap_or(0);
        let first = self.slots(host);
        let names = number(names, first);
        let count = names.len();
        if let Some(Open {
            frame: Frame::Own { slots },
            ..
        }) = self.0.get_mut(host)
        {
            *slots += count;
        }
        let up = self.frames_above(host);
        self.open(names, 0, false, Frame::Shared { host });
        Scope::Shared { up, first, count }
    }

    /// Closes a block that was opened as `scope`.
    pub(crate) fn close_block(&mut self, scope: Scope) -> Scope {
        match scope {
            Scope::None => scope,
            Scope::Shared { .. } => {
                self.0.pop();
                scope
            }
            Scope::Own { .. } => Scope::Own {
                slots: self.close(),
            },
        }
    }

    /// Closes the innermost scope; returns how many slots its frame has.
    pub(crate) fn close(&mut self) -> usize {
        let slots = self.slots(self.0.len().saturating_sub(1));
        self.0.pop();
        slots
    }

    fn slots(&self, at: usize) -> usize {
        match self.0.get(at).map(|open| &open.frame) {
            Some(Frame::Own { slots } | Frame::Tuple { slots }) => *slots,
            _ => 0,
        }
    }

    /// How many frames lie between here and the frame of the scope at an index.
    fn frames_above(&self, at: usize) -> usize {
        let above = self.0.iter().skip(at + 1);
        let is_frame = |open: &&Open| !matches!(open.frame, Frame::Shared { .. });
        above.filter(is_frame).count()
    }

    /// Where `:=` binds a name that the innermost scope knows.
    pub(crate) fn binding(&self, name: &str) -> Option<Binding> {
        let open = self.0.last()?;
        let slot = open.names.get(name)?;
        Some(self.place(self.0.len() - 1, open, *slot))
    }

    /// `:=` has bound a name in the innermost scope.
    pub(crate) fn bind(&mut self, name: &str) {
        if let Some(open) = self.0.last_mut() {
            open.bound.insert(name.to_owned());
        }
    }

    /// Whether a name that stands here means a variable of the expression, not one outside: it has
    /// been bound before. In a function it means that also when it is bound after: the function
    /// runs later.
    pub(crate) fn is_bound(&self, name: &str, label: Option<usize>) -> bool {
        let mut is_later = false;
        self.0.iter().rev().any(|open| {
            let is_tuple = matches!(open.frame, Frame::Tuple { .. });
            let is_known = open
                .names
                .get(name)
                .is_some_and(|slot| is_later || is_tuple || *slot < open.certain);
            let is_bound = is_known || open.bound.contains(name) || is_tuple && label.is_some();
            is_later |= open.is_function;
            is_bound
        })
    }

    fn place(&self, at: usize, open: &Open, slot: usize) -> Binding {
        let host = match open.frame {
            Frame::Shared { host } => host,
            _ => at,
        };
        Binding {
            up: self.frames_above(host),
            slot,
        }
    }

    /// The places of a variable from the inside out, and whether it is bound in the last one for
    /// certain. `label`: what tuples may hold it under.
    pub(crate) fn places(&self, name: &str, label: Option<usize>) -> (Vec<Place>, bool) {
        let mut places = Vec::new();
        for (at, open) in self.0.iter().enumerate().rev() {
            if let Some(slot) = open.names.get(name) {
                places.push(Place::Slot(self.place(at, open, *slot)));
                if *slot < open.certain {
                    return (places, true);
                }
            }
            if let Frame::Tuple { .. } = open.frame
                && let Some(label) = label
            {
                let up = self.frames_above(at);
                places.push(Place::Tuple { up, label });
            }
        }
        (places, false)
    }
}
