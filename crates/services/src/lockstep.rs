//! The service `lockstep`: what AWS's API of Step Functions has no operation for. Its errors are
//! those of Step Functions.

mod explain;
mod least_privilege;
pub(crate) mod needs;
pub(crate) mod provenance;

use std::sync::Arc;

use aws::{Service, ServiceError};
use engine::{Concurrency, ExecutionStatus, ListQuery, QueuedExecution};
use json::{ObjectBuilder, Value};

use crate::call::epoch_seconds;
use crate::iam::directory::Directory;
use crate::states::pages::items_max;
use crate::states::read::{Shown, history_query, listed, listed_execution};
use crate::states::sync::billing_details;
use crate::states::{States, arn, engine_error, violation};
use crate::trail::Trail;
use crate::{Answer, Call, Identity, Services, documents};

/// What Lockstep shows beyond AWS, of every account of the server.
pub struct Lockstep {
    states: Arc<States>,
    directory: Arc<Directory>,
    trail: Arc<Trail>,
}

impl Lockstep {
    /// Shows what this service of Step Functions runs, under which roles, and why it was denied.
    pub fn new(states: Arc<States>, identity: &Identity) -> Lockstep {
        Lockstep {
            states,
            directory: Arc::clone(&identity.directory),
            trail: Arc::clone(&identity.trail),
        }
    }

    /// Runs one operation. `None` when it is not served. `services` know what calls need.
    pub async fn handle(
        &self,
        operation: &str,
        call: &Call,
        services: &Services,
    ) -> Option<Result<Answer, ServiceError>> {
        if let Some(error) = violation(Service::Lockstep, operation, call) {
            return Some(Err(error));
        }
        Some(match operation {
            "ListExpressExecutions" => self.list_express_executions(call).await,
            "DescribeExpressExecution" => self.describe_express_execution(call).await,
            "GetExpressExecutionHistory" => self.get_express_execution_history(call).await,
            "DescribeConcurrency" => self.describe_concurrency(call).await,
            "DescribeProvenance" => self.describe_provenance(call).await,
            "ExplainAuthorization" => self.explain_authorization(call).await,
            "GetLeastPrivilege" => self.get_least_privilege(call, services).await,
            _ => return None,
        })
    }

    /// ListExpressExecutions: of the newest 1,000 of a machine within 24 hours those of a version,
    /// an alias or a status, where asked for; the newest first.
    async fn list_express_executions(&self, call: &Call) -> Result<Answer, ServiceError> {
        let machine = self.states.express_listable(call).await?;
        let (version, alias) = arn::qualifiers(call)?;
        let query = ListQuery {
            state_machine_arn: machine.arn.clone(),
            status: call
                .text("statusFilter")
                .and_then(ExecutionStatus::from_name),
            version,
            alias,
            max_results: items_max(call),
            next_token: call.text("nextToken").map(str::to_owned),
        };
        let page = self
            .states
            .reading(move |engine| engine.express_runs(&query))
            .await?;
        let items = page.executions.iter().map(|execution| {
            let mut item = listed_execution(&machine.arn, execution);
            Value::from(item.build())
        });
        Ok(listed("executions", items.collect(), page.next_token))
    }

    /// DescribeExpressExecution, also while it runs.
    async fn describe_express_execution(&self, call: &Call) -> Result<Answer, ServiceError> {
        let arn = arn::express_execution(call)?.to_owned();
        let execution = self
            .states
            .reading(move |engine| engine.express_describe(&arn))
            .await?;
        let shown = Shown {
            start: &execution.start,
            status: execution.status,
            started_at: execution.started_at,
            stopped_at: execution.stopped_at,
            output: execution.output.as_ref(),
            failure: &execution.failure,
        };
        let mut shown = shown.members(true);
        if let Some(billing) = execution.billing {
            shown.add("billingDetails", billing_details(billing));
        }
        Ok((&mut shown).into())
    }

    /// GetExpressExecutionHistory, also while it runs.
    async fn get_express_execution_history(&self, call: &Call) -> Result<Answer, ServiceError> {
        let arn = arn::express_execution(call)?.to_owned();
        let query = history_query(call);
        let page = self
            .states
            .reading(move |engine| engine.express_history(&arn, &query))
            .await?;
        Ok(listed("events", page.events, page.next_token))
    }

    /// DescribeConcurrency: how a state machine stands to its limit (the tag
    /// `lockstep:maxConcurrency`), and which executions wait.
    async fn describe_concurrency(&self, call: &Call) -> Result<Answer, ServiceError> {
        let machine_arn = self.states.existing_arn(call).await?;
        let engine = self.states.engine().clone();
        let read = move || engine.concurrency(&machine_arn);
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|_| documents::Error::CutOff)?;
        let concurrency = read.map_err(|error| engine_error(&error))?;
        Ok(shown(&concurrency))
    }
}

fn shown(concurrency: &Concurrency) -> Answer {
    let mut answer = ObjectBuilder::new();
    if let Some(limit) = concurrency.limit {
        answer.add("limit", u64::from(limit));
    }
    let queued = |execution: &QueuedExecution| {
        ObjectBuilder::new()
            .add("executionArn", &*execution.execution_arn)
            .add("startDate", epoch_seconds(execution.since))
            .add("position", count(execution.position))
            .build()
            .into()
    };
    answer
        .add("running", count(concurrency.running))
        .add("queuedCount", count(concurrency.queued))
        .add(
            "queued",
            concurrency.queue.iter().map(queued).collect::<Value>(),
        );
    (&mut answer).into()
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
