//! DescribeProvenance: what an execution was made of: the revision it runs, the tags of its
//! deployment, and which code and which policies served each of its calls.

use std::sync::Arc;

use asl::event::{EventId, Served, Start};
use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::blobs::Digest;

use super::Lockstep;
use crate::states::arn::{self, Execution};
use crate::{Answer, Call};

impl Lockstep {
    /// Of a Standard execution, or of an Express one while it is listed.
    pub(super) async fn describe_provenance(&self, call: &Call) -> Result<Answer, ServiceError> {
        let execution = arn::any_execution(call)?;
        let arn = call.required("executionArn")?.to_owned();
        let states = &self.states;
        let (start, served) = match execution {
            Execution::Standard => {
                let read = move |engine: &engine::Engine| {
                    Ok((engine.describe(&arn)?.start, engine.served(&arn)?))
                };
                states.reading(read).await?
            }
            Execution::Express => {
                let read = move |engine: &engine::Engine| {
                    Ok((
                        engine.express_describe(&arn)?.start,
                        engine.express_served(&arn)?,
                    ))
                };
                states.reading(read).await?
            }
        };
        let revision = states.revision_facts(start.definition).await?;
        Ok(shown(&start, &revision, &served))
    }
}

/// What tells a revision from others.
pub(crate) struct RevisionFacts {
    /// Absent before the first update.
    pub(crate) id: Option<String>,
    pub(crate) updated: Value,
    pub(crate) definition: Digest,
}

fn shown(start: &Arc<Start>, revision: &RevisionFacts, served: &[(EventId, Served)]) -> Answer {
    let mut answer = ObjectBuilder::new();
    answer
        .add("executionArn", &*start.execution_arn)
        .add("stateMachineArn", &*start.state_machine_arn)
        .add("roleArn", &*start.role_arn)
        .add("definitionSha256", revision.definition.to_string())
        .add("revisionDate", revision.updated.clone());
    if let Some(id) = &revision.id {
        answer.add("revisionId", id.as_str());
    }
    if let Some(arn) = &start.state_machine_version_arn {
        answer.add("stateMachineVersionArn", &**arn);
    }
    if let Some(arn) = &start.state_machine_alias_arn {
        answer.add("stateMachineAliasArn", &**arn);
    }
    answer.add(
        "tags",
        start.tags.clone().unwrap_or_else(Value::empty_object),
    );
    answer.add("calls", calls(served));
    (&mut answer).into()
}

/// Each call with the policies in force then, which the journal names only where they changed.
fn calls(served: &[(EventId, Served)]) -> Value {
    let mut policies: Option<&Value> = None;
    let calls = served.iter().map(|(attempt, served)| {
        policies = served.role_policies.as_ref().or(policies);
        let mut call = ObjectBuilder::new();
        call.add("scheduledEventId", *attempt);
        if let Some(function) = &served.function {
            call.add("function", function.clone());
        }
        if let Some(policies) = policies {
            call.add("rolePolicies", policies.clone());
        }
        Value::from(call.build())
    });
    calls.collect()
}
