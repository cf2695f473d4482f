//! What AWS demands of the JSONata expressions of a definition beyond their grammar: they take the
//! state's input from `$states`, not from `$`, and of `$states` only what their field has.

use json::Value;
use jsonata::Variable;

use crate::definition::DIAGNOSTICS_MAX;
use crate::query::{Query, QueryError};
use crate::template::Template;
use crate::validate::lint::each_string;
use crate::validate::message::{self, SCHEMA};
use crate::validate::place::{Place, pointer_steps};
use crate::validate::report::Report;
use crate::validate::schema::{Kind, Language};

/// What surrounds a field: how its expressions are written, and what they see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) language: Language,
    /// `$states.result` exists in Assign and Output.
    pub(crate) has_result: bool,
    /// `$states.errorOutput` exists in Assign and Output.
    pub(crate) has_error_output: bool,
}

impl Setting {
    /// Of an object whose expressions see input and context only.
    pub(crate) fn new(language: Language) -> Setting {
        Setting {
            language,
            has_result: false,
            has_error_output: false,
        }
    }

    /// The setting of one field of the object, and of what lies in it.
    pub(crate) fn of_field(self, name: &str) -> Setting {
        match name {
            "Assign" | "Output" => self,
            "Catch" => Setting {
                has_error_output: true,
                ..Setting::new(self.language)
            },
            _ => Setting::new(self.language),
        }
    }

    /// Whether `$states` has the member.
    fn has(self, member: &str) -> bool {
        match member {
            "input" | "context" => true,
            "result" => self.has_result,
            "errorOutput" => self.has_error_output,
            _ => false,
        }
    }
}

/// The expression that stands for the whole value of a field which may hold one.
pub(crate) fn dynamic(kind: Kind, setting: Setting, value: &Value) -> Option<&str> {
    let is_dynamic = matches!(
        kind,
        Kind::DynamicText
            | Kind::DynamicInteger { .. }
            | Kind::Percentage
            | Kind::Timestamp
            | Kind::Condition
    );
    let text = value.as_str()?;
    let is_query = Query::is_query(text) || is_half_open(text);
    (is_dynamic && setting.language == Language::Jsonata && is_query).then_some(text)
}

/// Whether a string opens an expression and doesn't close it, or the other way round. (Developer
/// guide, "Transforming data with JSONata": improper opening or closing is an error. Outer spaces
/// make the string a literal, as recorded.)
fn is_half_open(text: &str) -> bool {
    text.starts_with("{%") != text.ends_with("%}") || matches!(text, "{%}")
}

/// Compiles one expression.
pub(crate) fn query(
    text: &str,
    setting: Setting,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Box<Query>> {
    if is_half_open(text) {
        report.error(SCHEMA, message::half_open_query(&place.field()), place);
        return None;
    }
    match Query::parse(text, &place.field()) {
        Ok(query) => {
            check(&query, setting, place, place, report);
            Some(Box::new(query))
        }
        Err(error) => {
            report.error(SCHEMA, syntax(&error), place);
            None
        }
    }
}

/// Compiles the template of a JSONata state. AWS gives the field as the location, whatever lies
/// deeper.
pub(crate) fn template(
    value: &Value,
    setting: Setting,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Template> {
    let mut is_closed = true;
    each_string(value, place, &mut |text, at| {
        if is_half_open(text) {
            is_closed = false;
            let message = message::half_open_query(&at.field());
            report.error_within(SCHEMA, message, place, at);
        }
    });
    match Template::compile_queries(value, &place.field()) {
        Ok(template) => {
            let mut queries = template.queries().into_iter();
            each_string(value, place, &mut |text, at| {
                let is_query = Query::is_query(text);
                if let Some(query) = is_query.then(|| queries.next()).flatten() {
                    check(query, setting, place, at, report);
                }
            });
            is_closed.then_some(template)
        }
        Err(errors) => {
            for error in &errors {
                let steps = pointer_steps(value, &error.pointer);
                place.below(&steps, &mut |at| {
                    report.error_within(SCHEMA, syntax(error), place, at);
                });
            }
            None
        }
    }
}

fn syntax(error: &QueryError) -> String {
    message::invalid_query(
        &error.location,
        &error.expression,
        &error.reason.to_string(),
    )
}

/// Reports what an expression names that its field does not have. The error's location is `place`,
/// the expression stands `at`.
fn check(
    query: &Query,
    setting: Setting,
    place: &Place<'_>,
    at: &Place<'_>,
    report: &mut Report<'_>,
) {
    let names = query.analysis();
    let mut problems = Vec::new();
    if !names.root_input.is_empty() {
        problems.push(message::ROOT_IN_QUERY.to_owned());
    }
    let fields = names.root_fields.iter();
    problems.extend(fields.map(|(name, _)| message::field_in_query(name)));
    let states = names.variables.iter().filter(|it| it.name == "states");
    problems.extend(states.filter_map(|states| misplaced(states, setting)));
    problems.dedup();
    for problem in problems.iter().take(DIAGNOSTICS_MAX) {
        let message = message::refused_query(&query.location, &query.source, problem);
        report.error_within(SCHEMA, message, place, at);
    }
}

/// What is wrong with one use of `$states`.
fn misplaced(states: &Variable, setting: Setting) -> Option<String> {
    let member = states.members.first()?;
    (!setting.has(member)).then(|| match member.as_str() {
        "result" | "errorOutput" => message::misplaced_states(member),
        _ => message::unknown_states(member),
    })
}
