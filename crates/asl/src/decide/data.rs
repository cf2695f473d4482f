//! The flow of data through a state, in its query language, and the limits on what leaves it.
//!
//! A state type asks for its effective input and its arguments, and leaves with or without a
//! result. What these are in JSONPath is in `paths`, in JSONata in `queries`.

mod paths;
mod queries;

use json::{Object, Value};
use jsonata::Meter;

use super::step::{Exit, Fault, Step, failure};
use crate::apply::{FEW_VARIABLES, replaced_bytes, variables_bytes};
use crate::context::Context;
use crate::limits::Limits;
use crate::program::{Catcher, Flow, Rule};
use crate::template::{Scope, Template, ValuePath};
use crate::test_state::Stage;

/// How data flows in one query language.
trait Language {
    /// What the state works on.
    fn input(&self, data: &Data<'_>) -> Result<Value, Fault>;

    /// What a Task, Parallel or Pass makes of it.
    fn arguments(&self, input: Value, data: &Data<'_>) -> Result<Value, Fault>;

    /// Output and variables of a state that has no result.
    fn leave(&self, input: Value, data: &Data<'_>) -> Result<Exit, Fault>;

    /// Output and variables of a state that has one.
    fn leave_with(&self, result: Value, data: &Data<'_>) -> Result<Exit, Fault>;

    /// Output and variables of a Choice whose rule holds.
    fn choose(&self, rule: &Rule, input: Value, data: &Data<'_>) -> Result<Exit, Fault>;

    /// Output and variables after a failure.
    fn catch(&self, catcher: &Catcher, error: Value, data: &Data<'_>) -> Result<Exit, Fault>;
}

/// The data of a state visit.
#[derive(Clone, Copy)]
pub(super) struct Data<'s> {
    pub(super) context: &'s Context<'s>,
    meter: &'s Meter,
}

/// The data of the state the thread is in.
pub(super) fn of<'s>(step: &'s Step<'_>, context: &'s Context<'s>) -> Data<'s> {
    let meter = &step.meter;
    Data { context, meter }
}

/// Leaves a state that has no result.
pub(super) fn leave(step: &Step<'_>) -> Result<Exit, Fault> {
    let context = step.context()?;
    let data = of(step, &context);
    let exit = data.leave(data.input()?)?;
    data.limit(&exit.output, &context.state.name)?;
    Ok(exit)
}

/// Leaves a state with its result.
pub(super) fn leave_with(step: &Step<'_>, result: Value) -> Result<Exit, Fault> {
    let context = step.context()?;
    let data = of(step, &context);
    let exit = data.leave_with(result)?;
    data.limit(&exit.output, &context.state.name)?;
    Ok(exit)
}

impl<'s> Data<'s> {
    fn language(&self) -> &'s dyn Language {
        match &self.context.state.flow {
            Flow::Paths(paths) => &**paths,
            Flow::Queries(queries) => &**queries,
        }
    }

    /// Whether the state's query language is JSONata.
    pub(super) fn is_queries(&self) -> bool {
        matches!(self.context.state.flow, Flow::Queries(_))
    }

    /// What the state works on.
    pub(super) fn input(&self) -> Result<Value, Fault> {
        self.language().input(self)
    }

    /// Shows a test, if there is one, how far the data has come.
    #[inline]
    pub(super) fn see(&self, stage: Stage, value: &Value) {
        if let Some(probe) = self.context.probe {
            probe.see(stage, value);
        }
    }

    /// What a Task calls with, what the branches of a Parallel begin with, what a Pass passes.
    pub(super) fn arguments(&self, input: Value) -> Result<Value, Fault> {
        self.language().arguments(input, self)
    }

    pub(super) fn leave(&self, input: Value) -> Result<Exit, Fault> {
        self.language().leave(input, self)
    }

    pub(super) fn leave_with(&self, result: Value) -> Result<Exit, Fault> {
        self.language().leave_with(result, self)
    }

    pub(super) fn choose(&self, rule: &Rule, input: Value) -> Result<Exit, Fault> {
        self.language().choose(rule, input, self)
    }

    pub(super) fn catch(&self, catcher: &Catcher, error: Value) -> Result<Exit, Fault> {
        self.language().catch(catcher, error, self)
    }

    /// What a field sees that has neither a result nor an error output.
    pub(super) fn scope<'v>(&'v self, input: &'v Value) -> Scope<'v> {
        Scope::new(input, self.context, self.meter)
    }

    /// A template that is filled from the state's input: ItemSelector, Items, Credentials.
    pub(super) fn fill(&self, template: &Template, input: &Value) -> Result<Value, Fault> {
        Ok(template.evaluate(&self.scope(input))?)
    }

    /// The value of a path field; `States.Runtime` if there is none.
    pub(super) fn select(&self, path: &ValuePath, input: &Value) -> Result<Value, Fault> {
        Ok(path.evaluate(&self.scope(input))?)
    }

    /// What an Assign writes; `None` if it writes nothing. Its expressions see the variables as
    /// they were when the state was entered.
    fn assign(
        &self,
        assign: Option<&Template>,
        scope: &Scope<'_>,
    ) -> Result<Option<Object>, Fault> {
        let Some(template) = assign else {
            return Ok(None);
        };
        let assigned = template.evaluate(scope)?;
        let Some(assigned) = assigned.as_object().filter(|object| !object.is_empty()) else {
            return Ok(None);
        };
        let assigned = assigned.clone();
        self.limit_depth(&assigned.clone().into())?;
        self.limit_variables(&assigned)?;
        Ok(Some(assigned))
    }

    fn limit_variables(&self, assigned: &Object) -> Result<(), Fault> {
        let name = &self.context.state.name;
        let limits = self.limits();
        let bytes: usize = assigned.values().map(Value::size).sum();
        let exceeded = |what: &str, bytes_max: u32| {
            let cause = format!(
                "The variables assigned by the state '{name}' exceed the maximum of {bytes_max} \
                 bytes {what}."
            );
            Fault::Failed(failure(DATA_LIMIT, cause))
        };
        if bytes > limits.payload_bytes_max() {
            return Err(exceeded("for one assignment", limits.payload_bytes_max));
        }
        let run = self.context.run;
        let own = run.branch(self.context.branch).map(|it| &it.variables);
        let own = own.cloned().unwrap_or_default();
        // What it takes is counted, and never refused. Few are looked for among all; each of
        // thousands in an index, in memory that nobody has touched for long.
        let steps = match assigned.len() {
            few @ ..=FEW_VARIABLES => few * (2 + own.len() / 16),
            many => many * 16 + own.len(),
        };
        let _ = self.meter.step(count(steps));
        let freed = replaced_bytes(&own, assigned);
        let held = run.variables_bytes + variables_bytes(assigned);
        if held.saturating_sub(count(freed)) > u64::from(limits.variables_bytes_max) {
            return Err(exceeded("for all variables", limits.variables_bytes_max));
        }
        Ok(())
    }

    /// Refuses a payload above the limit with AWS's text, which names the state, the function or
    /// the service; and one that nests too deep.
    pub(super) fn limit(&self, value: &Value, name: &str) -> Result<(), Fault> {
        self.limit_depth(value)?;
        if value.size() > self.limits().payload_bytes_max() {
            return Err(too_large(name));
        }
        Ok(())
    }

    /// Refuses what nests so deep that no JSON parser would read it back, our journal's neither: a
    /// loop of `{"a.$": "$"}` gets there with a few bytes a round.
    fn limit_depth(&self, value: &Value) -> Result<(), Fault> {
        if value.depth() <= json::DEPTH_MAX {
            return Ok(());
        }
        let (name, levels) = (&self.context.state.name, json::DEPTH_MAX);
        Err(Fault::runtime(format!(
            "The state/task '{name}' returned a result that nests deeper than {levels} levels."
        )))
    }

    fn limits(&self) -> Limits {
        let start = self.context.run.start.as_ref();
        start.map(|start| start.limits).unwrap_or_default()
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

const DATA_LIMIT: &str = "States.DataLimitExceeded";

/// The failure of a payload above the limit.
pub(super) fn too_large(name: &str) -> Fault {
    let cause = format!(
        "The state/task '{name}' returned a result with a size exceeding the maximum number of \
         bytes service limit."
    );
    Fault::Failed(failure(DATA_LIMIT, cause))
}
