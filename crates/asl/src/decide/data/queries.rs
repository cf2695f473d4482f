//! JSONata: Arguments, Output, Assign over `$states`.

use json::Value;

use super::{Data, Language};
use crate::decide::step::{Exit, Fault};
use crate::program::{Catcher, Queries, Rule};
use crate::template::{Scope, Template};
use crate::test_state::Stage;

impl Language for Queries {
    fn input(&self, data: &Data<'_>) -> Result<Value, Fault> {
        Ok(data.context.visit.input.clone())
    }

    fn arguments(&self, input: Value, data: &Data<'_>) -> Result<Value, Fault> {
        let arguments = match &self.arguments {
            None => input,
            Some(template) => data.fill(template, &input)?,
        };
        data.see(Stage::AfterArguments, &arguments);
        Ok(arguments)
    }

    fn leave(&self, input: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        let scope = data.scope(&input);
        let templates = (self.assign.as_ref(), self.output.as_ref());
        exit(templates, &input, &scope, data)
    }

    fn leave_with(&self, result: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        data.see(Stage::Result, &result);
        let mut scope = data.scope(&data.context.visit.input);
        scope.result = Some(&result);
        let templates = (self.assign.as_ref(), self.output.as_ref());
        exit(templates, &result, &scope, data)
    }

    fn choose(&self, rule: &Rule, input: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        let scope = data.scope(&input);
        let templates = (rule.assign.as_ref(), rule.output.as_ref());
        exit(templates, &input, &scope, data)
    }

    fn catch(&self, catcher: &Catcher, error: Value, data: &Data<'_>) -> Result<Exit, Fault> {
        let mut scope = data.scope(&data.context.visit.input);
        scope.error_output = Some(&error);
        let templates = (catcher.assign.as_ref(), catcher.output.as_ref());
        exit(templates, &error, &scope, data)
    }
}

/// Assign and Output; without Output the value itself.
fn exit(
    (assign, output): (Option<&Template>, Option<&Template>),
    value: &Value,
    scope: &Scope<'_>,
    data: &Data<'_>,
) -> Result<Exit, Fault> {
    Ok(Exit {
        assigned: data.assign(assign, scope)?,
        output: match output {
            None => value.clone(),
            Some(template) => template.evaluate(scope)?,
        },
    })
}
