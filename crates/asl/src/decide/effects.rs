//! What the outside must do, settled at the end of a decision.

use std::collections::BTreeSet;

use super::Effect;
use super::step::Step;
use crate::run::Branch;

impl Step<'_> {
    /// Whoever works on a call is told that nobody waits for it.
    pub(super) fn abandon_calls(&mut self) {
        let threads = self.run.branches.iter().map(AsRef::as_ref);
        let calling = threads.filter_map(Branch::calling);
        self.effects
            .extend(calling.map(|(_, call)| Effect::Abandon {
                attempt: call.attempt,
            }));
    }

    /// A call that this very decision cut is not made at all, and who was never called need not be
    /// told. An attempt is abandoned once, whatever ends it. Jobs that are no longer wanted are
    /// cancelled after all else.
    pub(super) fn settle_effects(&mut self) {
        let mut abandoned = BTreeSet::new();
        let mut effects = std::mem::take(&mut self.effects);
        effects.retain(|effect| match effect {
            Effect::Abandon { attempt } => {
                abandoned.insert(*attempt) && *attempt <= self.last_event_before
            }
            Effect::Call(_) | Effect::Watch { .. } | Effect::Cancel(..) => true,
        });
        if !abandoned.is_empty() {
            effects.retain(|effect| match effect {
                Effect::Call(call) | Effect::Watch { call, .. } => {
                    !abandoned.contains(&call.attempt)
                }
                Effect::Abandon { .. } | Effect::Cancel(..) => true,
            });
        }
        let cancels = self.run.cancels.iter().skip(self.cancels_before);
        effects.extend(cancels.filter_map(|cancel| {
            let call = cancel.call(self.program)?;
            Some(Effect::Cancel(call, cancel.response.clone()))
        }));
        self.effects = effects;
    }
}
