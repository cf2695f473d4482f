//! What a definition tells of the calls its executions will make.

use aws::integrations::{Resolution, TaskResource, resolve};
use json::{Object, ObjectBuilder, Value, View};

/// One thing a state does, and what it does it with.
pub(super) struct Step {
    pub(super) state: String,
    /// The Task's `Resource`, or that of a Map's reader or writer, as written.
    pub(super) resource: String,
    pub(super) work: Work,
    pub(super) parameters: Template,
    pub(super) role: Role,
}

/// What needs permission.
pub(super) enum Work {
    Task(TaskResource),
    /// The child workflow executions of a distributed Map.
    Children {
        /// What their ARNs have behind the state machine's name; drawn when absent.
        label: Option<String>,
    },
    /// ItemReader, by its action of S3: `getObject`.
    ReadItems(String),
    /// ResultWriter.
    WriteResults,
}

/// Under which role a call is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The state machine's.
    Own,
    /// The `Credentials` of the state.
    Assumed(String),
    /// The same, found at run time.
    Unknown,
}

/// Parameters or Arguments, as far as they are known before an execution fills them.
#[derive(Clone)]
pub(super) enum Template {
    /// Nothing of it is filled.
    Constant(Value),
    /// With members `k.$`.
    Paths(Value),
    /// With strings `{% ... %}`.
    Queries(Value),
    /// The state's whole input, or what one expression makes.
    Unknown,
}

/// Values in which something stands for what isn't known.
pub(super) enum Parameters<'s> {
    Known(Value),
    /// Every member may be anything.
    Unknown(&'s str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Paths,
    Queries,
}

impl Language {
    fn of(object: &Value) -> Option<Language> {
        match object.get("QueryLanguage")?.as_str()? {
            "JSONata" => Some(Language::Queries),
            _ => Some(Language::Paths),
        }
    }

    /// The template of a field; an absent one is the state's input.
    fn template(self, field: Option<&Value>) -> Template {
        match (field, self) {
            (None, _) => Template::Unknown,
            (Some(value), Language::Queries) if is_query(value) => Template::Unknown,
            (Some(value), Language::Queries) => Template::Queries(value.clone()),
            (Some(value), Language::Paths) => Template::Paths(value.clone()),
        }
    }

    /// `Parameters`, in JSONata `Arguments`.
    fn parameters(self, state: &Value) -> Template {
        self.template(state.get(match self {
            Language::Paths => "Parameters",
            Language::Queries => "Arguments",
        }))
    }
}

/// Every step of a definition that was taken, in the order of its states.
pub(super) fn steps(definition: &Value) -> Vec<Step> {
    let language = Language::of(definition).unwrap_or(Language::Paths);
    let mut steps = Vec::new();
    add_states(definition, language, &mut steps);
    steps
}

/// Definitions nest no deeper than parsed JSON does (`json::DEPTH_MAX`): that bounds the recursion.
fn add_states(machine: &Value, language: Language, steps: &mut Vec<Step>) {
    let states = machine.get("States").and_then(Value::as_object);
    for (name, state) in states.into_iter().flat_map(Object::iter) {
        let own = Language::of(state).unwrap_or(language);
        match state.get("Type").and_then(Value::as_str) {
            Some("Task") => steps.extend(task(name, state, own)),
            Some("Map") => {
                let body = state.get("ItemProcessor").or_else(|| state.get("Iterator"));
                if let Some(body) = body {
                    add_distributed(name, state, body, own, steps);
                    add_states(body, language, steps);
                }
            }
            Some("Parallel") => {
                let branches = state.get("Branches").and_then(Value::as_array);
                for branch in branches.unwrap_or_default() {
                    add_states(branch, language, steps);
                }
            }
            _ => {}
        }
    }
}

fn task(name: &str, state: &Value, language: Language) -> Option<Step> {
    let resource = state.get("Resource")?.as_str()?;
    let Resolution::Task(task) = resolve(resource) else {
        return None;
    };
    Some(Step {
        state: name.to_owned(),
        resource: resource.to_owned(),
        work: Work::Task(task),
        parameters: language.parameters(state),
        role: role(state, language),
    })
}

fn role(state: &Value, language: Language) -> Role {
    let Some(credentials) = state.get("Credentials") else {
        return Role::Own;
    };
    match credentials.get("RoleArn").and_then(Value::as_str) {
        Some(arn) if language == Language::Queries && is_expression(arn) => Role::Unknown,
        Some(arn) => Role::Assumed(arn.to_owned()),
        None => Role::Unknown,
    }
}

/// What a Map of mode DISTRIBUTED does beside what is in it.
fn add_distributed(
    name: &str,
    state: &Value,
    body: &Value,
    language: Language,
    steps: &mut Vec<Step>,
) {
    let config = body.get("ProcessorConfig");
    let mode = config.and_then(|config| config.get("Mode")?.as_str());
    if mode != Some("DISTRIBUTED") {
        return;
    }
    let text = |object: &Value, member| Some(object.get(member)?.as_str()?.to_owned());
    let step = |resource: String, work, parameters| Step {
        state: name.to_owned(),
        resource,
        work,
        parameters,
        role: Role::Own,
    };
    let label = text(state, "Label");
    let children = Work::Children { label };
    steps.push(step(String::new(), children, Template::Unknown));
    if let Some(reader) = state.get("ItemReader") {
        let resource = text(reader, "Resource").unwrap_or_default();
        let action = resource.rsplit(':').next().unwrap_or_default().to_owned();
        let parameters = language.parameters(reader);
        steps.push(step(resource, Work::ReadItems(action), parameters));
    }
    // Without a Resource, a writer only says what the result looks like.
    if let Some(writer) = state.get("ResultWriter")
        && let Some(resource) = text(writer, "Resource")
    {
        let parameters = language.parameters(writer);
        steps.push(step(resource, Work::WriteResults, parameters));
    }
}

fn is_expression(text: &str) -> bool {
    text.starts_with("{%") && text.ends_with("%}")
}

fn is_query(value: &Value) -> bool {
    value.as_str().is_some_and(is_expression)
}

impl Template {
    /// The parameters with `stand_in` for whatever is filled at run time.
    pub(super) fn filled<'s>(&self, stand_in: &'s str) -> Parameters<'s> {
        match self {
            Template::Constant(value) => Parameters::Known(value.clone()),
            Template::Paths(value) => Parameters::Known(paths_filled(value, stand_in)),
            Template::Queries(value) => Parameters::Known(queries_filled(value, stand_in)),
            Template::Unknown => Parameters::Unknown(stand_in),
        }
    }
}

fn paths_filled(value: &Value, stand_in: &str) -> Value {
    match value.view() {
        View::Object(object) => {
            let mut filled = ObjectBuilder::with_capacity(object.len());
            for (name, member) in object {
                match name.strip_suffix(".$") {
                    Some(name) => filled.add(name.to_owned(), stand_in),
                    None => filled.add(name.to_owned(), paths_filled(member, stand_in)),
                };
            }
            filled.build().into()
        }
        View::Array(items) => items
            .iter()
            .map(|item| paths_filled(item, stand_in))
            .collect(),
        _ => value.clone(),
    }
}

fn queries_filled(value: &Value, stand_in: &str) -> Value {
    match value.view() {
        View::Object(object) => {
            let mut filled = ObjectBuilder::with_capacity(object.len());
            for (name, member) in object {
                filled.add(name.to_owned(), queries_filled(member, stand_in));
            }
            filled.build().into()
        }
        View::Array(items) => items
            .iter()
            .map(|item| queries_filled(item, stand_in))
            .collect(),
        View::String(text) if is_expression(text) => stand_in.into(),
        _ => value.clone(),
    }
}

impl Parameters<'_> {
    /// A member that is text.
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        match self {
            Parameters::Known(value) => value.get(member)?.as_str(),
            Parameters::Unknown(stand_in) => Some(stand_in),
        }
    }

    /// A member that is no text; what isn't known has none.
    pub(super) fn member(&self, member: &str) -> Option<&Value> {
        match self {
            Parameters::Known(value) => value.get(member),
            Parameters::Unknown(_) => None,
        }
    }
}
