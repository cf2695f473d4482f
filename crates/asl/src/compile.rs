//! From the text of a definition to its diagnostics and its program.
//!
//! The states of the top level, of branches and of item processors are bodies, compiled one after
//! the other: those within a body come after it, so that no nesting is too deep for the stack, and
//! what is known of a body is known of all around it. Every state is read by the table of fields;
//! what is wrong is reported, what can be built is built. Then the transitions of the body are
//! checked as a graph. The program is dropped when there was an error. Each state type has its own
//! file.

mod body;
mod choice;
mod distributed;
mod fail;
mod map;
mod parallel;
mod pass;
mod recovery;
mod references;
mod task;
mod wait;

use std::collections::BTreeSet;
use std::sync::Arc;

use json::{Document, Object, Value};

use crate::definition::{Catalogue, Compiled, MachineType};
use crate::event::Text;
use crate::program::{
    Flow, Next, Paths, Program, Queries, ResourceFamily, State, StateIndex, StateKind,
};
use crate::validate::fields::{self, Fields};
use crate::validate::graph::Graph;
use crate::validate::message::{self, SCHEMA};
use crate::validate::place::{Anchor, Place};
use crate::validate::queries::Setting;
use crate::validate::report::Report;
use crate::validate::schema::{Language, STATE_TYPE_NAMES, StateType};
use crate::validate::scopes::ScopeIndex;
use crate::validate::table::MACHINE;
use crate::validate::{patterns, source, values};
use body::{Around, Bodies};

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
    /// What the executions are that run the body being compiled.
    machine: MachineType,
    catalogue: &'c dyn Catalogue,
    /// The machine's.
    language: Language,
    report: &'c mut Report<'a>,
    bodies: Bodies<'a>,
    /// The transitions of the body being compiled.
    graph: Graph<'a>,
    /// Its scope.
    scope: ScopeIndex,
    /// Its place.
    anchor: Arc<Anchor>,
    /// The state being compiled.
    state: StateIndex,
}

impl<'a> Context<'_, 'a> {
    fn error(&mut self, message: String, place: &Place<'_>) {
        self.report.error(SCHEMA, message, place);
    }

    /// An error whose location AWS gives as `place`, because of its member or element `at`.
    fn error_of(&mut self, message: String, place: &Place<'_>, at: &Place<'_>) {
        self.report.error_within(SCHEMA, message, place, at);
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

    /// Notes the variables that the members of `object` assign: those of a state, a rule or a
    /// catcher.
    fn assigns(&mut self, object: &'a Object, language: Language, place: &Place<'_>) {
        let assign = object.get("Assign").and_then(Value::as_object);
        let place = place.member("Assign");
        for key in assign.into_iter().flat_map(Object::keys) {
            let name = values::assigned_name(language, key);
            if !self.bodies.scopes.assign(self.scope, name) {
                let message = message::outer_variable(name);
                self.report
                    .error_within(SCHEMA, message, &place, &place.member(key));
            }
        }
    }
}

/// Compiles the top level, and all bodies in it.
fn definition<'a>(
    document: &'a Document,
    machine: MachineType,
    catalogue: &dyn Catalogue,
    report: &mut Report<'a>,
) -> Option<Program> {
    let object = document.root.as_object()?;
    source::duplicates(document, report);
    if !patterns::are_few(document, report) {
        return None;
    }
    let setting = Setting::new(Language::JsonPath);
    let fields = fields::read(&MACHINE, setting, object, &Place::ROOT, report);
    let language = fields.text("QueryLanguage").and_then(Language::parse);
    let mut bodies = Bodies::default();
    let scope = bodies.scopes.add(None);
    let mut context = Context {
        machine,
        catalogue,
        language: language.unwrap_or(Language::JsonPath),
        report,
        bodies,
        graph: Graph::new(StateIndex(0), Vec::new()),
        scope,
        anchor: Anchor::root(),
        state: StateIndex(0),
    };
    let around = Around { scope, machine };
    let start = body::open(&fields, &Place::ROOT, around, &mut context);
    let states = body::compile_all(&mut context);
    Some(Program {
        variable_references: references::of_states(&states),
        activities: activities(&states),
        states,
        start: start?,
        timeout_seconds: fields.integer("TimeoutSeconds"),
    })
}

/// The activities that states name, in the order of their ARNs.
fn activities(states: &[State]) -> Vec<Text> {
    let arn = |state: &State| match &state.kind {
        StateKind::Task(task) if task.resource.family == ResourceFamily::Activity => {
            Some(task.resource.arn.clone())
        }
        _ => None,
    };
    let arns: BTreeSet<Text> = states.iter().filter_map(arn).collect();
    arns.into_iter().collect()
}

/// Compiles one state. `None` has been reported.
fn one_state<'a>(
    object: &'a Object,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<(StateKind, Flow)> {
    let Some(state_type) = state_type(object, place, context) else {
        context.graph.set_incomplete();
        return None;
    };
    let language = language(object, place, context);
    let setting = Setting {
        has_result: state_type.has_result(),
        ..Setting::new(language)
    };
    let schema = state_type.schema();
    let mut fields = fields::read(schema, setting, object, place, context.report);
    let is_refused = |name: &&str| object.contains_key(name) && !fields.contains(name);
    if ["Next", "Default", "Catch"].iter().any(is_refused) {
        context.graph.set_incomplete();
    }
    context.assigns(object, language, place);
    recovery::assigns(object, language, place, context);
    let mut flow = flow(language, &mut fields);
    let kind = match state_type {
        StateType::Pass => Some(pass::compile(&mut fields, place, context)),
        StateType::Task => task::compile(&mut fields, &flow, place, context),
        StateType::Choice => Some(choice::compile(&mut fields, language, place, context)),
        StateType::Wait => wait::compile(&mut fields, place, context),
        StateType::Succeed => {
            context.graph.end();
            Some(StateKind::Succeed)
        }
        StateType::Fail => Some(fail::compile(&mut fields, context)),
        StateType::Parallel => Some(parallel::compile(&mut fields, place, context)),
        StateType::Map => map::compile(&mut fields, &mut flow, object, place, context),
    };
    Some((kind?, flow))
}

/// The fields that shape data, as far as the state's type has them.
fn flow(language: Language, fields: &mut Fields<'_>) -> Flow {
    match language {
        Language::JsonPath => Flow::Paths(Box::new(Paths {
            input_path: fields.take_filter("InputPath"),
            parameters: fields.take_template("Parameters"),
            result_selector: fields.take_template("ResultSelector"),
            result_path: fields.take_result_path(),
            output_path: fields.take_filter("OutputPath"),
            assign: fields.take_template("Assign"),
        })),
        Language::Jsonata => Flow::Queries(Box::new(Queries {
            arguments: fields.take_template("Arguments"),
            output: fields.take_template("Output"),
            assign: fields.take_template("Assign"),
        })),
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

/// The state's own query language, or the machine's.
fn language(object: &Object, place: &Place<'_>, context: &mut Context<'_, '_>) -> Language {
    let own = object.get("QueryLanguage").and_then(Value::as_str);
    match (context.language, own.and_then(Language::parse)) {
        (Language::Jsonata, Some(Language::JsonPath)) => {
            context.error(message::LANGUAGE_DOWNGRADE.to_owned(), place);
            Language::JsonPath
        }
        (_, Some(own)) => own,
        (machine, None) => machine,
    }
}

#[cfg(test)]
mod tests;
