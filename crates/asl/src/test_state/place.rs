//! The state under test among others: alone in a definition made around it, or one of many.

use std::collections::BTreeSet;

use json::{ObjectBuilder, Value};

use crate::definition::Diagnostic;
use crate::program::{Next, Program, State, StateIndex, StateKind};

/// The name of a state that is given without one, as AWS shows it.
pub const SINGLE_STATE_NAME: &str = "StateName";

/// A definition with the state that is given by itself, named [`SINGLE_STATE_NAME`]. The states it
/// goes to, which a test never enters, are made up. What is no JSON object comes back as it is.
pub fn as_definition(state: &str) -> String {
    let Ok(parsed) = json::parse(state) else {
        return state.to_owned();
    };
    if parsed.as_object().is_none() {
        return state.to_owned();
    }
    let name = Value::from(SINGLE_STATE_NAME);
    let targets: BTreeSet<&str> = targets_of(&parsed).into_iter().collect();
    let (start, mut others) = match targets.contains(SINGLE_STATE_NAME) {
        true => gate(&targets),
        false => (name.clone(), String::new()),
    };
    for target in targets.into_iter().filter(|it| *it != SINGLE_STATE_NAME) {
        let target = Value::from(target);
        others.push_str(&format!(r#",{target}:{{"Type":"Succeed"}}"#));
    }
    format!(r#"{{"StartAt":{start},"States":{{{name}:{state}{others}}}}}"#)
}

/// What is said about the state itself in a definition that [`as_definition`] made around it, and
/// not about what was made up. Of a text that is no JSON object, everything.
pub fn of_single_state(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = format!("/States/{SINGLE_STATE_NAME}");
    let is_own = |diagnostic: &Diagnostic| {
        let location = diagnostic.location.as_deref().unwrap_or_default();
        let rest = location.strip_prefix(&*place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match diagnostics.iter().any(is_own) {
        true => diagnostics.into_iter().filter(is_own).collect(),
        false => diagnostics,
    }
}

/// For a state whose next one has its own name, which might have no end to go to: a state before it
/// that leads to it or to an end. Its name, and both as members of `States`.
fn gate(taken: &BTreeSet<&str>) -> (Value, String) {
    let free = (0..).map(|number| format!("Made up {number}"));
    let free = free.filter(|name| !taken.contains(name.as_str()));
    let mut free = free.map(Value::from);
    let (gate, end) = (
        free.next().unwrap_or_default(),
        free.next().unwrap_or_default(),
    );
    let members = format!(
        r#",{gate}:{{"Type":"Choice","Choices":[{{"Variable":"$","IsNull":true,
            "Next":"{SINGLE_STATE_NAME}"}}],"Default":{end}}},{end}:{{"Type":"Succeed"}}"#
    );
    (gate, members)
}

/// The names of states that a state goes to, as written.
fn targets_of(state: &Value) -> Vec<&str> {
    let each = |list: &str, field: &'static str| {
        let elements = state.get(list).and_then(Value::as_array);
        let elements = elements.unwrap_or_default().iter();
        elements.filter_map(move |element| element.get(field)?.as_str())
    };
    let own = ["Next", "Default"].into_iter();
    let own = own.filter_map(|field| state.get(field)?.as_str());
    own.chain(each("Choices", "Next"))
        .chain(each("Catch", "Next"))
        .collect()
}

/// The state of this name, on whatever level: names are unique in the whole definition.
pub fn find(program: &Program, name: &str) -> Option<StateIndex> {
    let named = |state: &State| &*state.name == name;
    let position = program.states.iter().position(named)?;
    u32::try_from(position).ok().map(StateIndex)
}

/// `Map` of the context object, for a state in the body of a Map: the first iteration, whose item
/// is the state's input (unverified; AWS's guide says that the index is 0).
pub(super) fn map_item(program: &Program, state: StateIndex, input: &Value) -> Option<Value> {
    if !is_in_map(program, state) {
        return None;
    }
    let item = ObjectBuilder::new()
        .add("Index", 0)
        .add("Value", input.clone())
        .add("Source", "STATE_DATA")
        .build();
    Some(ObjectBuilder::new().add("Item", item).build().into())
}

/// Whether control gets to the state from the first one of a Map's body.
fn is_in_map(program: &Program, state: StateIndex) -> bool {
    let bodies = program.states.iter().filter_map(|state| match &state.kind {
        StateKind::Map(map) => Some(map.body),
        _ => None,
    });
    is_reached(program, bodies.collect(), state)
}

/// Whether `inner` is a state of the branches or of the body of `outer`, however deep.
pub fn is_within(program: &Program, outer: StateIndex, inner: StateIndex) -> bool {
    let first = match program.state(outer).map(|state| &state.kind) {
        Some(StateKind::Parallel(parallel)) => parallel.branches.clone(),
        Some(StateKind::Map(map)) => vec![map.body],
        _ => Vec::new(),
    };
    is_reached(program, first, inner)
}

/// Whether control gets to `state` from one of the states that are `open`.
fn is_reached(program: &Program, mut open: Vec<StateIndex>, state: StateIndex) -> bool {
    let mut seen = vec![false; program.states.len()];
    while let Some(index) = open.pop() {
        if index == state {
            return true;
        }
        let seen = usize::try_from(index.0)
            .ok()
            .and_then(|at| seen.get_mut(at));
        let is_new = seen.is_some_and(|seen| !std::mem::replace(seen, true));
        if let Some(state) = program.state(index).filter(|_| is_new) {
            open.extend(targets(state));
        }
    }
    false
}

/// The states a state goes to, and those its branches or iterations begin with.
fn targets(state: &State) -> Vec<StateIndex> {
    let (next, recovery, below) = match &state.kind {
        StateKind::Pass(pass) => (Some(pass.next), None, Vec::new()),
        StateKind::Wait(wait) => (Some(wait.next), None, Vec::new()),
        StateKind::Task(task) => (Some(task.next), Some(&task.recovery), Vec::new()),
        StateKind::Choice(choice) => {
            let rules = choice.rules.iter().map(|rule| rule.next);
            (None, None, rules.chain(choice.default).collect())
        }
        StateKind::Parallel(it) => (Some(it.next), Some(&it.recovery), it.branches.clone()),
        StateKind::Map(map) => (Some(map.next), Some(&map.recovery), vec![map.body]),
        StateKind::Succeed | StateKind::Fail(_) => (None, None, Vec::new()),
    };
    let mut targets = below;
    if let Some(Next::State(next)) = next {
        targets.push(next);
    }
    targets.extend(recovery.iter().flat_map(|it| &it.catch).map(|it| it.next));
    targets
}
