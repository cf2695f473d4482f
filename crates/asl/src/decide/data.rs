//! The flow of data through a state: InputPath, templates, ResultPath, OutputPath, and the limit
//! on what leaves it.

use json::Value;

use super::Refusal;
use super::step::{Fault, Step, failure};
use crate::context::Context;
use crate::jsonpath::SelectError;
use crate::program::{Filter, Flow, Paths, ResultPath};
use crate::template::{Scope, Template, TemplateFailure, ValuePath};

pub(super) fn paths<'a>(context: &Context<'a>) -> Result<&'a Paths, Fault> {
    match &context.state.flow {
        Flow::Paths(paths) => Ok(paths),
        Flow::Queries(_) => Err(Refusal::ForeignProgram.into()),
    }
}

/// InputPath or OutputPath applied to a value.
pub(super) fn filter(
    filter: &Filter,
    value: &Value,
    context: &Context<'_>,
) -> Result<Value, Fault> {
    match filter {
        Filter::All => Ok(value.clone()),
        Filter::Nothing => Ok(Value::empty_object()),
        Filter::Path(path) => select(path, value, context),
    }
}

/// The value of a path field; `States.Runtime` if there is none.
pub(super) fn select(
    path: &ValuePath,
    value: &Value,
    context: &Context<'_>,
) -> Result<Value, Fault> {
    let missing =
        |error: SelectError| Fault::runtime(format!("Invalid path '{}' : {error}", path.text));
    path.select(&Scope::new(value, context)).map_err(missing)
}

/// Parameters or ResultSelector; without one the value itself.
pub(super) fn shape(
    template: Option<&Template>,
    value: Value,
    context: &Context<'_>,
) -> Result<Value, Fault> {
    match template {
        None => Ok(value),
        Some(template) => {
            let failed = |failure: TemplateFailure| Fault::runtime(failure.to_string());
            template
                .evaluate(&Scope::new(&value, context))
                .map_err(failed)
        }
    }
}

/// ResultPath: the result, put into the state's raw input.
pub(super) fn place(path: &ResultPath, raw: &Value, result: Value) -> Result<Value, Fault> {
    match path {
        ResultPath::Replace => Ok(result),
        ResultPath::Discard => Ok(raw.clone()),
        ResultPath::Into(path) => path.place(raw, result).map_err(|_| Fault::Raised {
            error: "States.ResultPathMatchFailure",
            text: format!(
                "Unable to apply ReferencePath {} to input {raw}",
                path.as_text()
            ),
        }),
    }
}

/// Refuses a payload above the limit with AWS's text, which names the state, the function or the
/// service. Refuses also what nests so deep that no JSON parser would read it back, our journal's
/// neither: a loop of `{"a.$": "$"}` gets there with a few bytes a round.
pub(super) fn limit(value: &Value, bytes_max: usize, name: &str) -> Result<(), Fault> {
    if value.depth() > json::DEPTH_MAX {
        return Err(Fault::runtime(format!(
            "The state/task '{name}' returned a result that nests deeper than {} levels.",
            json::DEPTH_MAX
        )));
    }
    if value.size() <= bytes_max {
        return Ok(());
    }
    let cause = format!(
        "The state/task '{name}' returned a result with a size exceeding the maximum number of \
         bytes service limit."
    );
    Err(Fault::Failed(failure("States.DataLimitExceeded", cause)))
}

/// The output of a state without a result: its input through InputPath and OutputPath.
pub(super) fn pass_on(step: &Step<'_>) -> Result<Value, Fault> {
    let context = step.context()?;
    let paths = paths(&context)?;
    let effective = filter(&paths.input_path, &context.visit.input, &context)?;
    let output = filter(&paths.output_path, &effective, &context)?;
    limit(&output, step.payload_bytes_max(), &context.state.name)?;
    Ok(output)
}
