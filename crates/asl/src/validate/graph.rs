//! The states as a graph: targets must exist, every state must be reachable, and one must end.

use std::collections::BTreeMap;

use crate::program::StateIndex;
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::report::Report;

/// The names of the states of one body, and the transitions seen so far.
pub(crate) struct Graph<'a> {
    /// The index of the first state; those of the others follow.
    first: StateIndex,
    names: Vec<&'a str>,
    indices: BTreeMap<&'a str, StateIndex>,
    transitions: Vec<(StateIndex, StateIndex)>,
    has_end: bool,
    /// A transition could not be read: nothing is said about states nobody seems to go to.
    is_incomplete: bool,
}

impl<'a> Graph<'a> {
    /// `names` in the order of the states' indices.
    pub(crate) fn new(first: StateIndex, names: Vec<&'a str>) -> Graph<'a> {
        let indices = (first.0..).map(StateIndex);
        let indices = names.iter().copied().zip(indices).collect();
        Graph {
            first,
            names,
            indices,
            transitions: Vec::new(),
            has_end: false,
            is_incomplete: false,
        }
    }

    /// The state a field names. `place` is that of the field, whose name the message repeats.
    pub(crate) fn target(
        &mut self,
        field: &str,
        name: &str,
        place: &Place<'_>,
        report: &mut Report<'_>,
    ) -> Option<StateIndex> {
        let target = self.indices.get(name).copied();
        if target.is_none() {
            self.is_incomplete = true;
            report.error(
                message::MISSING_TARGET,
                message::missing_target(field, name),
                place,
            );
        }
        target
    }

    pub(crate) fn connect(&mut self, from: StateIndex, to: StateIndex) {
        self.transitions.push((from, to));
    }

    /// A state ends the workflow, the branch or the iteration.
    pub(crate) fn end(&mut self) {
        self.has_end = true;
    }

    /// A transition was there that could not be read; it has been reported.
    pub(crate) fn set_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    /// Reports unreachable states and a missing end, when all transitions are known: otherwise
    /// these would only repeat what is wrong with a transition. `body` is where `States` lies.
    pub(crate) fn check(&self, start: StateIndex, body: &Place<'_>, report: &mut Report<'_>) {
        if self.is_incomplete {
            return;
        }
        let states = body.member("States");
        let reached = self.reached(start);
        let hits = self.names.iter().zip(reached);
        for (name, _) in hits.filter(|(_, hit)| !hit) {
            let message = message::unreachable(name);
            report.error(message::MISSING_TARGET, message, &states.state(name));
        }
        if !self.has_end {
            let message = message::NO_TERMINAL_STATE.to_owned();
            if body.is_root() {
                report.error_nowhere(message::MISSING_END, message);
            } else {
                report.error(message::MISSING_END, message, body);
            }
        }
    }

    /// Whether control can get to each state. Linear in states and transitions.
    fn reached(&self, start: StateIndex) -> Vec<bool> {
        let mut targets = vec![Vec::new(); self.names.len()];
        for (from, to) in &self.transitions {
            if let Some(targets) = targets.get_mut(self.position(*from)) {
                targets.push(*to);
            }
        }
        let mut reached = vec![false; self.names.len()];
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            let at = self.position(state);
            let Some(is_reached) = reached.get_mut(at) else {
                continue;
            };
            if !*is_reached {
                *is_reached = true;
                open.extend(targets.get(at).into_iter().flatten().copied());
            }
        }
        reached
    }

    fn position(&self, index: StateIndex) -> usize {
        let position = index.0.checked_sub(self.first.0);
        let position = position.and_then(|position| usize::try_from(position).ok());
        position.unwrap_or(usize::MAX)
    }
}
