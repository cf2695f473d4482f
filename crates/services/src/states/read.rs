//! DescribeExecution, DescribeStateMachineForExecution, GetExecutionHistory, ListExecutions.

use asl::event::{Failure, Start, Text};
use asl::time::Timestamp;
use aws::ServiceError;
use engine::{Description, Engine, ExecutionStatus, HistoryQuery, ListQuery, ReadError, Summary};
use json::{Object, ObjectBuilder, Value};
use store::blobs::Digest;

use super::pages::items_max;
use super::{
    States, arn, engine_error, execution_does_not_exist, invalid_token, resource_not_found,
    type_not_supported,
};
use crate::call::epoch_seconds;
use crate::documents;
use crate::lockstep::provenance::RevisionFacts;
use crate::{Answer, Call};

impl States {
    /// Runs a read of the engine where it may block.
    pub(crate) async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Engine) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let engine = self.engine.clone();
        let read = tokio::task::spawn_blocking(move || read(&engine)).await;
        read.map_err(|_| documents::Error::CutOff)?
            .map_err(|error| match &error {
                ReadError::DoesNotExist(arn) => execution_does_not_exist(arn),
                ReadError::InvalidToken => invalid_token(),
                ReadError::Engine(error) => engine_error(error),
            })
    }

    pub(super) async fn description(&self, call: &Call) -> Result<Description, ServiceError> {
        let arn = arn::execution(call)?.to_owned();
        self.reading(move |engine| engine.describe(&arn)).await
    }

    pub(super) async fn describe_execution(&self, call: &Call) -> Result<Answer, ServiceError> {
        let execution = self.description(call).await?;
        let mut shown = described(&execution, with_data(call));
        self.show_redrive(&execution, &mut shown).await?;
        Ok((&mut shown).into())
    }

    /// Recorded: a failed execution is redrivable without a reason.
    async fn show_redrive(
        &self,
        execution: &Description,
        shown: &mut ObjectBuilder,
    ) -> Result<(), ServiceError> {
        shown.add("redriveCount", u64::from(execution.redrive_count));
        if let Some(redriven_at) = execution.redriven_at {
            shown.add("redriveDate", epoch_seconds(redriven_at));
        }
        let reason = match &execution.redrivable {
            Err(reason) => Some(reason.to_string()),
            Ok(()) => self.is_deleted(&execution.start.state_machine_arn).await?,
        };
        match reason {
            Some(reason) => shown
                .add("redriveStatus", "NOT_REDRIVABLE")
                .add("redriveStatusReason", reason),
            None => shown.add("redriveStatus", "REDRIVABLE"),
        };
        Ok(())
    }

    pub(super) async fn describe_state_machine_for_execution(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let start = self.description(call).await?.start;
        let revision = self.revision(start.definition).await?;
        let mut shown = ObjectBuilder::new();
        shown
            .add("stateMachineArn", &*start.state_machine_arn)
            .add("name", &*start.state_machine_name)
            .add("roleArn", &*start.role_arn)
            .add("updateDate", revision.update_date());
        self.show_revision(revision, call, &mut shown).await?;
        Ok((&mut shown).into())
    }

    /// What tells a revision from others.
    pub(crate) async fn revision_facts(&self, number: u64) -> Result<RevisionFacts, ServiceError> {
        let revision = self.revision(number).await?;
        Ok(RevisionFacts {
            updated: revision.update_date(),
            definition: Digest::of(revision.definition.as_bytes()),
            id: revision.revision_id,
        })
    }

    pub(super) async fn get_execution_history(&self, call: &Call) -> Result<Answer, ServiceError> {
        let arn = arn::execution(call)?.to_owned();
        let query = history_query(call);
        let page = self
            .reading(move |engine| engine.history(&arn, &query))
            .await?;
        Ok(listed("events", page.events, page.next_token))
    }

    pub(super) async fn list_executions(&self, call: &Call) -> Result<Answer, ServiceError> {
        let status = list_filter(call)?;
        // Also tells whether the state machine, version or alias exists.
        let machine = self.listable(call).await?;
        if machine.is_express {
            return Err(type_not_supported());
        }
        let arn = machine.arn.clone();
        let (version, alias) = arn::qualifiers(call)?;
        let query = ListQuery {
            state_machine_arn: arn.clone(),
            status,
            version,
            alias,
            max_results: items_max(call),
            next_token: call.text("nextToken").map(str::to_owned),
        };
        let page = self.reading(move |engine| engine.list(&query)).await?;
        let items = page
            .executions
            .iter()
            .map(|execution| item(&arn, execution));
        Ok(listed("executions", items.collect(), page.next_token))
    }
}

/// The page of a history that a call asks for.
pub(crate) fn history_query(call: &Call) -> HistoryQuery {
    HistoryQuery {
        max_results: items_max(call),
        reverse_order: call.flag("reverseOrder").unwrap_or(false),
        include_execution_data: call.flag("includeExecutionData").unwrap_or(true),
        next_token: call.text("nextToken").map(str::to_owned),
    }
}

/// The status that ListExecutions filters by. There are no Map Runs, so one that is named does not
/// exist.
fn list_filter(call: &Call) -> Result<Option<ExecutionStatus>, ServiceError> {
    let refused = |message: &str| Err(ServiceError::new("ValidationException", message));
    match (call.text("stateMachineArn"), call.text("mapRunArn")) {
        (Some(_), None) => {}
        (None, Some(_)) => return Err(resource_not_found(arn::map_run(call)?)),
        (Some(_), Some(_)) => {
            return refused("Only one of stateMachineArn or mapRunArn must be specified");
        }
        (None, None) => {
            let message = "Either stateMachineArn or mapRunArn must be specified";
            return Err(ServiceError::new("ValidationException", message)
                .with_field("reason", "MISSING_REQUIRED_PARAMETER"));
        }
    }
    match (call.text("redriveFilter"), call.text("statusFilter")) {
        (Some(_), _) => refused("redriveFilter can only be specified with mapRunArn"),
        (None, Some("PENDING_REDRIVE")) => {
            refused("statusFilter PENDING_REDRIVE can only be specified with mapRunArn")
        }
        (None, status) => Ok(status.and_then(ExecutionStatus::from_name)),
    }
}

/// A page: its items and, if there are more, the token for the next one.
pub(crate) fn listed(
    member: &'static str,
    items: Vec<Value>,
    next_token: Option<String>,
) -> Answer {
    let mut answer = ObjectBuilder::new();
    answer.add(member, items);
    if let Some(token) = next_token {
        answer.add("nextToken", token);
    }
    (&mut answer).into()
}

/// An `ExecutionListItem`.
fn item(machine_arn: &str, execution: &Summary) -> Value {
    let mut item = listed_execution(machine_arn, execution);
    item.add("redriveCount", u64::from(execution.redrive_count));
    if let Some(redriven_at) = execution.redriven_at {
        item.add("redriveDate", epoch_seconds(redriven_at));
    }
    item.build().into()
}

/// What lists show of an execution, Standard or Express.
pub(crate) fn listed_execution(machine_arn: &str, execution: &Summary) -> ObjectBuilder {
    let mut item = ObjectBuilder::with_capacity(10);
    item.add("executionArn", &*execution.execution_arn)
        .add("stateMachineArn", machine_arn)
        .add("name", &*execution.name)
        .add("status", execution.status.name())
        .add("startDate", epoch_seconds(execution.started_at));
    if let Some(stopped_at) = execution.stopped_at {
        item.add("stopDate", epoch_seconds(stopped_at));
    }
    let qualifiers = [
        (
            "stateMachineVersionArn",
            &execution.state_machine_version_arn,
        ),
        ("stateMachineAliasArn", &execution.state_machine_alias_arn),
    ];
    show_texts(&mut item, qualifiers);
    item
}

/// Shows those texts that there are.
fn show_texts<const N: usize>(
    shown: &mut ObjectBuilder,
    texts: [(&'static str, &Option<Text>); N],
) {
    for (member, text) in texts {
        if let Some(text) = text {
            shown.add(member, &**text);
        }
    }
}

/// Whether the caller wants inputs, outputs and definitions (`includedData`).
pub(super) fn with_data(call: &Call) -> bool {
    call.text("includedData") != Some("METADATA_ONLY")
}

/// An execution, Standard or Express, as Describe operations show it.
pub(crate) struct Shown<'a> {
    pub start: &'a Start,
    pub status: ExecutionStatus,
    pub started_at: Timestamp,
    pub stopped_at: Option<Timestamp>,
    pub output: Option<&'a Value>,
    pub failure: &'a Failure,
}

impl Shown<'_> {
    /// The members that Standard and Express executions share; without inputs and outputs unless
    /// they are wanted.
    pub(crate) fn members(&self, with_data: bool) -> ObjectBuilder {
        let start = self.start;
        let mut shown = ObjectBuilder::with_capacity(20);
        shown
            .add("executionArn", &*start.execution_arn)
            .add("stateMachineArn", &*start.state_machine_arn)
            .add("name", &*start.execution_name)
            .add("status", self.status.name())
            .add("startDate", epoch_seconds(self.started_at));
        if let Some(stopped_at) = self.stopped_at {
            shown.add("stopDate", epoch_seconds(stopped_at));
        }
        if with_data {
            match &start.input_text {
                Some(text) => shown.add("input", &**text),
                None => shown.add("input", start.input.to_text()),
            };
        }
        shown.add("inputDetails", included(with_data));
        if let Some(output) = self.output {
            if with_data {
                shown.add("output", output.to_text());
            }
            shown.add("outputDetails", included(with_data));
        }
        let optional = [
            ("error", &self.failure.error),
            ("cause", &self.failure.cause),
            ("traceHeader", &start.trace_header),
            ("stateMachineVersionArn", &start.state_machine_version_arn),
            ("stateMachineAliasArn", &start.state_machine_alias_arn),
        ];
        show_texts(&mut shown, optional);
        shown
    }
}

/// The members of DescribeExecution but those on redrives.
fn described(execution: &Description, with_data: bool) -> ObjectBuilder {
    let shown = Shown {
        start: &execution.start,
        status: execution.status,
        started_at: execution.started_at,
        stopped_at: execution.stopped_at,
        output: execution.output.as_ref(),
        failure: &execution.failure,
    };
    shown.members(with_data)
}

pub(super) fn included(included: bool) -> Object {
    ObjectBuilder::new().add("included", included).build()
}
