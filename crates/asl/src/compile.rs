//! From the text of a definition to its diagnostics and its program.
//!
//! One pass reads every state by the table of fields, reports what is wrong and builds what can be
//! built; a second pass over the transitions checks the graph. The program is dropped when there
//! was an error. Each state type has its own file.

mod choice;
mod fail;
mod pass;
mod recovery;
mod task;
mod unserved;
mod wait;

use json::{Document, Object, Value};

use crate::definition::{Catalogue, Compiled, MachineType};
use crate::event::Text;
use crate::program::{Flow, Next, Paths, Program, State, StateIndex, StateKind};
use crate::validate::fields::{self, Fields};
use crate::validate::graph::Graph;
use crate::validate::message::{self, SCHEMA};
use crate::validate::place::Place;
use crate::validate::report::Report;
use crate::validate::schema::{MACHINE, STATE_NAME_CHARS_MAX, STATE_TYPE_NAMES, Schema, StateType};
use crate::validate::{source, values};

/// Compiles a definition: everything there is to say about it, and the program when nothing of
/// that is an error. Takes time linear in the text.
///
/// ```
/// use asl::definition::{Catalogue, MachineType, Resolved};
///
/// struct NoTasks;
/// impl Catalogue for NoTasks {
///     fn resolve(&self, _resource: &str) -> Resolved {
///         Resolved::Unknown
///     }
/// }
///
/// let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}"#;
/// let compiled = asl::compile::compile(text, MachineType::Standard, &NoTasks);
/// assert!(compiled.program.is_none());
/// assert_eq!(compiled.diagnostics[0].location.as_deref(), Some("/States/A/Next"));
/// ```
pub fn compile(text: &str, machine: MachineType, catalogue: &dyn Catalogue) -> Compiled {
    match source::parse(text) {
        Err(diagnostic) => Compiled {
            program: None,
            diagnostics: vec![diagnostic],
            truncated: false,
        },
        Ok(document) => {
            let mut report = Report::new(&document);
            let program = definition(&document, machine, catalogue, &mut report);
            let program = program.filter(|_| !report.has_errors());
            let (diagnostics, truncated) = report.finish();
            Compiled {
                program,
                diagnostics,
                truncated,
            }
        }
    }
}

/// What one state needs to know of the others, and where it reports to.
struct Context<'c, 'a> {
    machine: MachineType,
    catalogue: &'c dyn Catalogue,
    /// The machine's.
    language: Language,
    graph: Graph<'a>,
    report: &'c mut Report<'a>,
    /// The state being compiled.
    state: StateIndex,
}

impl Context<'_, '_> {
    fn error(&mut self, message: String, place: &Place<'_>) {
        self.report.error(SCHEMA, message, place);
    }

    /// Where a field of the current state leads. `None` has been reported.
    fn target(&mut self, fields: &Fields<'_>, name: &str, place: &Place<'_>) -> Option<StateIndex> {
        let Some(text) = fields.text(name) else {
            self.graph.set_incomplete();
            return None;
        };
        self.follow(name, text, &place.member(name))
    }

    /// Adds a transition from the current state to the one that the field at `place` names.
    fn follow(&mut self, field: &str, name: &str, place: &Place<'_>) -> Option<StateIndex> {
        let target = self.graph.target(field, name, place, self.report)?;
        self.graph.connect(self.state, target);
        Some(target)
    }

    /// `Next` or `End`.
    fn next(&mut self, fields: &Fields<'_>, place: &Place<'_>) -> Next {
        let has_next = fields.contains("Next");
        let target = has_next
            .then(|| self.target(fields, "Next", place))
            .flatten();
        if fields.contains("End") {
            self.graph.end();
        } else if !has_next {
            self.graph.set_incomplete();
        }
        target.map_or(Next::End, Next::State)
    }
}

/// How a state's expressions are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    /// The `QueryLanguage` of a machine or state; a word that is neither has been reported.
    fn of(object: &Object) -> Option<Language> {
        match object.get("QueryLanguage")?.as_str()? {
            "JSONPath" => Some(Language::JsonPath),
            "JSONata" => Some(Language::Jsonata),
            _ => None,
        }
    }
}

/// Compiles the top level.
fn definition<'a>(
    document: &'a Document,
    machine: MachineType,
    catalogue: &dyn Catalogue,
    report: &mut Report<'a>,
) -> Option<Program> {
    let object = document.root.as_object()?;
    let root = Place::ROOT;
    source::duplicates(document, report);
    let fields = fields::read(&MACHINE, object, &root, report);
    let language = Language::of(object).unwrap_or(Language::JsonPath);
    if language == Language::Jsonata {
        report.not_served("the QueryLanguage 'JSONata'", &root.member("QueryLanguage"));
    }
    let states = values::object(fields.value("States")?, &root.member("States"), report)?;
    if states.is_empty() {
        report.error(SCHEMA, message::EMPTY.to_owned(), &root.member("States"));
        return None;
    }
    let graph = Graph::new(states.keys().collect());
    let state = StateIndex(0);
    let mut context = Context {
        machine,
        catalogue,
        language,
        graph,
        report,
        state,
    };
    let compiled = all_states(states, &mut context);
    let start = fields.text("StartAt")?;
    let start = context
        .graph
        .target("StartAt", start, &root.member("StartAt"), context.report)?;
    context.graph.check(start, context.report);
    Some(Program {
        states: compiled,
        start,
        timeout_seconds: fields.integer("TimeoutSeconds"),
        variable_references: Vec::new(),
    })
}

/// Compiles every state. Where one cannot be made the table has a gap, and its indices are wrong:
/// there is an error then, and no program.
fn all_states(states: &Object, context: &mut Context<'_, '_>) -> Vec<State> {
    let place = Place::ROOT.member("States");
    let mut compiled = Vec::with_capacity(states.len());
    for (index, (name, value)) in (0..).map(StateIndex).zip(states.members()) {
        context.state = index;
        let place = place.member(name);
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
    compiled
}

/// Compiles one state, or follows its transitions only when it is one that is not served.
fn one_state(
    object: &Object,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Option<(StateKind, Flow)> {
    let Some(state_type) = state_type(object, place, context) else {
        context.graph.set_incomplete();
        return None;
    };
    let Some(schema) = served(state_type, object, place, context) else {
        unserved::follow(state_type, object, place, context);
        return None;
    };
    let mut fields = fields::read(schema, object, place, context.report);
    let paths = paths(&mut fields);
    let kind = match state_type {
        StateType::Pass => Some(pass::compile(&mut fields, place, context)),
        StateType::Task => task::compile(&mut fields, &paths, place, context),
        StateType::Choice => Some(choice::compile(&mut fields, place, context)),
        StateType::Wait => wait::compile(&mut fields, place, context),
        StateType::Succeed => {
            context.graph.end();
            Some(StateKind::Succeed)
        }
        StateType::Fail => Some(fail::compile(&mut fields, context)),
        StateType::Parallel | StateType::Map => None,
    };
    Some((kind?, Flow::Paths(Box::new(paths))))
}

/// The fields that shape data, as far as the state's type has them.
fn paths(fields: &mut Fields<'_>) -> Paths {
    Paths {
        input_path: fields.take_filter("InputPath"),
        parameters: fields.take_template("Parameters"),
        result_selector: fields.take_template("ResultSelector"),
        result_path: fields.take_result_path(),
        output_path: fields.take_filter("OutputPath"),
        assign: None,
    }
}

fn state_type(
    object: &Object,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Option<StateType> {
    let Some(value) = object.get("Type") else {
        context.error(message::required(&["Type"]), place);
        return None;
    };
    let at = place.member("Type");
    let name = values::one_of("Type", STATE_TYPE_NAMES, value, &at, context.report)?;
    StateType::parse(name)
}

/// The fields of a state that is served; what is not is refused by name.
fn served(
    state_type: StateType,
    object: &Object,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Option<&'static Schema> {
    match (context.language, Language::of(object)) {
        (Language::Jsonata, Some(Language::JsonPath)) => {
            context.error(message::LANGUAGE_DOWNGRADE.to_owned(), place);
            return None;
        }
        // The machine's language has been refused.
        (Language::Jsonata, _) => return None,
        (Language::JsonPath, Some(Language::Jsonata)) => {
            let at = place.member("QueryLanguage");
            context
                .report
                .not_served("the QueryLanguage 'JSONata'", &at);
            return None;
        }
        (Language::JsonPath, _) => {}
    }
    let schema = state_type.schema();
    if schema.is_none() {
        let name = object
            .get("Type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let what = format!("the state type '{name}'");
        context.report.not_served(&what, &place.member("Type"));
    }
    schema
}

#[cfg(test)]
mod tests;
