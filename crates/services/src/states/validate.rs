//! ValidateStateMachineDefinition.

use asl::compile::compile;
use asl::definition::{Compiled, DIAGNOSTICS_MAX, Diagnostic, MachineType, Severity};
use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::{Integrations, States, settings};
use crate::{Answer, Call};

impl States {
    pub(super) async fn validate_state_machine_definition(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let definition = settings::definition(call.required("definition")?)?.to_owned();
        let machine = match call.text("type") {
            Some("EXPRESS") => MachineType::Express,
            _ => MachineType::Standard,
        };
        let work = move || compile(&definition, machine, &Integrations);
        let compiled = self.documents.blocking(move |_| Ok(work())).await?;
        let with_warnings = call.text("severity") == Some("WARNING");
        let asked = call
            .integer("maxResults")
            .and_then(|asked| usize::try_from(asked).ok());
        let items = asked.filter(|asked| *asked > 0).unwrap_or(DIAGNOSTICS_MAX);
        Ok(judged(&compiled, with_warnings, items))
    }
}

/// The answer: `severity` hides warnings unless they are asked for, and never an error.
fn judged(compiled: &Compiled, with_warnings: bool, items: usize) -> Answer {
    let shown = |diagnostic: &&Diagnostic| with_warnings || diagnostic.severity == Severity::Error;
    let shown: Vec<Value> = compiled
        .diagnostics
        .iter()
        .filter(shown)
        .map(item)
        .collect();
    // Errors come first: where there was room for more, what was left out are warnings.
    let may_lack_shown = with_warnings || shown.len() >= DIAGNOSTICS_MAX;
    let truncated = (compiled.truncated && may_lack_shown) || shown.len() > items;
    let is_valid = compiled.program.is_some();
    ObjectBuilder::new()
        .add("result", if is_valid { "OK" } else { "FAIL" })
        .add(
            "diagnostics",
            shown.into_iter().take(items).collect::<Value>(),
        )
        .add("truncated", truncated)
        .into()
}

fn item(diagnostic: &Diagnostic) -> Value {
    let mut item = ObjectBuilder::new();
    item.add("severity", diagnostic.severity.as_str())
        .add("code", diagnostic.code)
        .add("message", diagnostic.message.as_str());
    if let Some(location) = &diagnostic.location {
        item.add("location", location.as_str());
    }
    item.build().into()
}
