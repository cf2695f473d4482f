//! Which step of a path each `%` means: found by walking up from the `%`, step by step, as the
//! reference does.

use crate::error::Fault;
use crate::syntax::ast::{Ast, Kind, Slot, SlotId};

/// All the slots of an expression.
#[derive(Default)]
pub(crate) struct Ancestry {
    pub(crate) slots: Vec<Slot>,
}

impl Ancestry {
    /// The slot of one more `%`.
    pub(crate) fn add(&mut self) -> SlotId {
        let label = self.slots.len();
        self.slots.push(Slot { label, level: 1 });
        label
    }

    pub(crate) fn level(&self, slot: SlotId) -> i64 {
        self.slots.get(slot).map_or(0, |slot| slot.level)
    }

    pub(crate) fn shift(&mut self, slot: SlotId, by: i64) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.level += by;
        }
    }

    /// Walks up one step, into the node that is it; the level is 0 once the parent is found.
    ///
    /// # Errors
    /// S0217 if the step does not say what its input is.
    pub(crate) fn seek(&mut self, node: &mut Ast, slot: SlotId) -> Result<(), Fault> {
        match &mut node.kind {
            Kind::Name(_) | Kind::Wildcard => {
                self.shift(slot, -1);
                if self.level(slot) == 0 {
                    if let Some(label) = node.ancestor.and_then(|other| self.label(other))
                        && let Some(slot) = self.slots.get_mut(slot)
                    {
                        slot.label = label;
                    }
                    node.ancestor = Some(slot);
                    node.tuple = true;
                }
                Ok(())
            }
            Kind::Parent(_) => {
                self.shift(slot, 1);
                Ok(())
            }
            Kind::Block(expressions) => match expressions.last_mut() {
                Some(last) => {
                    node.tuple = true;
                    self.seek(last, slot)
                }
                None => Ok(()),
            },
            Kind::Path(steps) => {
                node.tuple = true;
                for (at, step) in steps.iter_mut().rev().enumerate() {
                    if at > 0 && self.level(slot) <= 0 {
                        break;
                    }
                    self.seek(step, slot)?;
                }
                Ok(())
            }
            _ => Err(not_derivable(node)),
        }
    }

    pub(crate) fn label(&self, slot: SlotId) -> Option<usize> {
        self.slots.get(slot).map(|slot| slot.label)
    }

    /// Finds the parents that the last step of a path seeks among the steps before it; those it
    /// does not find, the path seeks.
    pub(crate) fn resolve(&mut self, path: &mut Ast) -> Result<(), Fault> {
        let Kind::Path(steps) = &mut path.kind else {
            return Ok(());
        };
        let Some((last, before)) = steps.split_last_mut() else {
            return Ok(());
        };
        let mut slots = last.seeking.clone().unwrap_or_default();
        if let Kind::Parent(slot) = last.kind {
            slots.extend(slot);
        }
        for slot in slots {
            let mut rest = before.iter_mut().rev().peekable();
            while self.level(slot) > 0 {
                let Some(mut step) = rest.next() else {
                    path.seeking.get_or_insert_default().push(slot);
                    break;
                };
                // Of steps that bind one focus after the other only the first has the parent.
                while step.focus.is_some()
                    && let Some(next) = rest.next_if(|next| next.focus.is_some())
                {
                    step = next;
                }
                self.seek(step, slot)?;
            }
        }
        Ok(())
    }
}

/// `node` seeks what `part` within it seeks.
pub(crate) fn push(seeking: &mut Option<Vec<SlotId>>, part: &Ast) {
    let own = match part.kind {
        Kind::Parent(slot) => slot,
        _ => None,
    };
    if part.seeking.is_some() || own.is_some() {
        let slots = seeking.get_or_insert_default();
        slots.extend(part.seeking.iter().flatten());
        slots.extend(own);
    }
}

/// S0217 about a node.
pub(crate) fn not_derivable(node: &Ast) -> Fault {
    let fault = Fault::new("S0217").set_token(node.type_name());
    match node.position {
        // Paths have no place of their own.
        0 => fault,
        position => fault.with_position(position),
    }
}
