//! JSONPath: InputPath, Parameters, ResultSelector, ResultPath, OutputPath; `$` in Assign.

use json::Value;

use super::{Data, Language};
use crate::decide::step::{Exit, Fault};
use crate::program::{Catcher, Filter, Paths, ResultPath, Rule};
use crate::template::Template;
use crate::test_state::Stage;

impl Language for Paths {
    fn input(&self, data: &Data<'_>) -> Result<Value, Fault> {
        let input = filter(&self.input_path, &data.context.visit.input, data)?;
        data.see(Stage::AfterInputPath, &input);
        Ok(input)
    }

    fn arguments(&self, input: Value, data: &Data<'_>) -> Result<Value, Fault> {
        let arguments = shape(self.parameters.as_ref(), input, data)?;
        data.see(Stage::AfterParameters, &arguments);
        Ok(arguments)
    }

    /// `$` in Assign: the effective input.
    fn leave(&self, input: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        Ok(Exit {
            assigned: data.assign(self.assign.as_ref(), &data.scope(&input))?,
            output: filter(&self.output_path, &input, data)?,
        })
    }

    /// `$` in Assign: the raw result, as in ResultSelector.
    fn leave_with(&self, result: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        data.see(Stage::Result, &result);
        let assigned = data.assign(self.assign.as_ref(), &data.scope(&result))?;
        let selected = shape(self.result_selector.as_ref(), result, data)?;
        data.see(Stage::AfterResultSelector, &selected);
        let placed = place(&self.result_path, selected, data)?;
        data.see(Stage::AfterResultPath, &placed);
        Ok(Exit {
            assigned,
            output: filter(&self.output_path, &placed, data)?,
        })
    }

    /// `$` in Assign: the effective input.
    fn choose(&self, rule: &Rule, input: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        Ok(Exit {
            assigned: data.assign(rule.assign.as_ref(), &data.scope(&input))?,
            output: filter(&self.output_path, &input, data)?,
        })
    }

    /// `$` in Assign: the error output. ResultSelector and OutputPath do not apply.
    fn catch(&self, catcher: &Catcher, error: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        Ok(Exit {
            assigned: data.assign(catcher.assign.as_ref(), &data.scope(&error))?,
            output: place(&catcher.result_path, error, data)?,
        })
    }
}

/// InputPath or OutputPath applied to a value.
fn filter(filter: &Filter, value: &Value, data: &Data<'_>) -> Result<Value, Fault> {
    match filter {
        Filter::All => Ok(value.clone()),
        Filter::Nothing => Ok(Value::empty_object()),
        Filter::Path(path) => data.select(path, value),
    }
}

/// Parameters or ResultSelector; without one the value itself.
fn shape(template: Option<&Template>, value: Value, data: &Data<'_>) -> Result<Value, Fault> {
    match template {
        None => Ok(value),
        Some(template) => data.fill(template, &value),
    }
}

/// ResultPath: the result, put into the state's raw input.
fn place(path: &ResultPath, result: Value, data: &Data<'_>) -> Result<Value, Fault> {
    let raw = &data.context.visit.input;
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
