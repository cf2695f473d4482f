//! The states of the top level, of a branch or of an item processor.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use json::Object;

use super::{Context, one_state};
use crate::definition::MachineType;
use crate::event::Text;
use crate::program::{State, StateIndex};
use crate::validate::fields::Fields;
use crate::validate::graph::Graph;
use crate::validate::place::{Anchor, Place};
use crate::validate::scopes::{ScopeIndex, Scopes};
use crate::validate::table::STATE_NAME_CHARS_MAX;
use crate::validate::{message, values};

/// What is known of all bodies, and those that wait.
#[derive(Default)]
pub(super) struct Bodies<'a> {
    /// The names of all states: unique in the whole definition.
    names: BTreeSet<&'a str>,
    /// States that have an index.
    len: u32,
    waiting: VecDeque<Body<'a>>,
    /// The labels of all distributed Maps: unique, too.
    pub(super) labels: BTreeSet<&'a str>,
    pub(super) scopes: Scopes<'a>,
}

/// A body that has its indices, and whose states have not been looked at.
struct Body<'a> {
    anchor: Arc<Anchor>,
    states: &'a Object,
    first: StateIndex,
    start: Option<StateIndex>,
    graph: Graph<'a>,
    scope: ScopeIndex,
    machine: MachineType,
}

/// What is around the states of a body.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// Their variables'.
    pub(super) scope: ScopeIndex,
    /// What the executions are that run them.
    pub(super) machine: MachineType,
}

/// Gives the states of the body at `place` their indices and sets it aside. The index of its first
/// state; `None` has been reported.
pub(super) fn open<'a>(
    fields: &Fields<'a>,
    place: &Place<'_>,
    around: Around,
    context: &mut Context<'_, 'a>,
) -> Option<StateIndex> {
    let states = fields.object("States")?;
    let states_place = place.member("States");
    if states.is_empty() {
        context.error(message::EMPTY.to_owned(), &states_place);
        return None;
    }
    for name in states.keys() {
        if !context.bodies.names.insert(name) {
            let message = message::duplicate_state(name);
            let place = states_place.state(name);
            context
                .report
                .error(message::DUPLICATE_STATE, message, &place);
        }
    }
    let first = StateIndex(context.bodies.len);
    context.bodies.len += u32::try_from(states.len()).ok()?;
    let mut graph = Graph::new(first, states.keys().collect());
    let start = fields.text("StartAt").and_then(|start| {
        let place = place.member("StartAt");
        graph.target("StartAt", start, &place, context.report)
    });
    context.bodies.waiting.push_back(Body {
        anchor: Anchor::at(place, &context.anchor),
        states,
        first,
        start,
        graph,
        scope: around.scope,
        machine: around.machine,
    });
    start
}

/// Opens a body within the one being compiled. It has a scope of its own.
pub(super) fn open_inner<'a>(
    fields: &Fields<'a>,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<StateIndex> {
    let around = Around {
        scope: context.bodies.scopes.add(Some(context.scope)),
        machine: context.machine,
    };
    open(fields, place, around, context)
}

/// Opens the body of a distributed Map within the one being compiled. Executions of their own run
/// it, and those see no variables of others.
pub(super) fn open_distributed<'a>(
    fields: &Fields<'a>,
    place: &Place<'_>,
    machine: MachineType,
    context: &mut Context<'_, 'a>,
) -> Option<StateIndex> {
    let scope = context.bodies.scopes.add(None);
    open(fields, place, Around { scope, machine }, context)
}

/// Compiles all bodies, in the order of their states' indices. Where a state cannot be made the
/// table has a gap, and its indices are wrong: there is an error then, and no program.
pub(super) fn compile_all(context: &mut Context<'_, '_>) -> Vec<State> {
    let mut compiled = Vec::new();
    while let Some(body) = context.bodies.waiting.pop_front() {
        compile(body, &mut compiled, context);
    }
    compiled
}

fn compile<'a>(body: Body<'a>, compiled: &mut Vec<State>, context: &mut Context<'_, 'a>) {
    context.graph = body.graph;
    context.scope = body.scope;
    context.machine = body.machine;
    context.anchor = Arc::clone(&body.anchor);
    let place = Place::anchored(&body.anchor);
    let states = place.member("States");
    for (index, (name, value)) in (body.first.0..).map(StateIndex).zip(body.states.members()) {
        context.state = index;
        let place = states.state(name);
        if !(1..=STATE_NAME_CHARS_MAX).contains(&name.chars().count()) {
            let message = message::STATE_NAME_LENGTH.to_owned();
            context.report.error(message::STATE_NAME, message, &place);
        }
        let Some(object) = values::object(value, &place, context.report) else {
            context.graph.set_incomplete();
            continue;
        };
        let made = one_state(object, &place, context);
        compiled.extend(made.map(|(kind, flow)| State {
            name: Text::from(name.as_str()),
            kind,
            flow,
        }));
    }
    if let Some(start) = body.start {
        context.graph.check(start, &place, context.report);
    }
}
