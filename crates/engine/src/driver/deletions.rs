//! DeleteStateMachine, as far as it is about executions. The machines themselves are kept by the
//! caller, who says what became of them.

use std::sync::Arc;

use asl::event::Text;
use futures_util::future::try_join_all;
use store::{ExecutionFilter, SHARDS, ShardId, Store};

use super::{Engine, mismatched};
use crate::pipeline::OPEN;
use crate::request::Error;
use crate::shard::{Answer, Command};

impl Engine {
    /// A state machine (unqualified ARN) is being deleted, and that is stored. From now on none of
    /// its executions enters another state: each is aborted where it would. Those that wait for the
    /// machine's concurrency limit are aborted at once. No execution starts and none is redriven.
    pub fn machine_deleting(&self, state_machine_arn: &str) {
        let commons = &self.shared.commons;
        self.admit(commons.begin_deletion(&Text::from(state_machine_arn)));
    }

    /// It is gone, and that is stored.
    pub fn machine_deleted(&self, state_machine_arn: &str) {
        let deletions = &self.shared.commons.deletions;
        deletions.end(&Text::from(state_machine_arn));
    }

    /// An Express machine (unqualified ARN) is gone, and that is stored: its executions are listed
    /// no more. Those under way go on. Blocks.
    pub fn express_machine_deleted(&self, state_machine_arn: &str) {
        self.express().forget(state_machine_arn);
    }

    /// There is a new machine of this ARN, and that is stored. Blocks.
    pub fn machine_created(&self, state_machine_arn: &str) {
        let deletions = &self.shared.commons.deletions;
        deletions.forget(&Text::from(state_machine_arn));
        // What a crash kept from being forgotten with an earlier one.
        self.express().forget(state_machine_arn);
    }

    /// The machines that are being deleted.
    pub fn machines_deleting(&self) -> Vec<Text> {
        self.shared.commons.deletions.all()
    }

    /// The machines whose deletion has begun, or of which an execution has ended meanwhile, since
    /// this was last answered; waits until there are any.
    pub async fn deletion_news(&self) -> Vec<Text> {
        self.shared.commons.deletions.news().await
    }

    /// Whether a machine that is being deleted has no open execution any more, and so never will:
    /// of one that this engine does not know to be deleted, another may start.
    ///
    /// # Errors
    /// What the store failed with, or that a commit is in doubt: to be asked again later.
    pub async fn has_emptied(&self, state_machine_arn: &str) -> Result<bool, Error> {
        let deletions = &self.shared.commons.deletions;
        if !deletions.is_deleting(state_machine_arn) || self.has_open(state_machine_arn).await? {
            return Ok(false);
        }
        // Starts that were decided before the machine was marked are in the store afterwards.
        let shards = (0..SHARDS).map(|shard| self.confirm(ShardId(shard)));
        try_join_all(shards).await?;
        Ok(!self.has_open(state_machine_arn).await?)
    }

    async fn has_open(&self, state_machine_arn: &str) -> Result<bool, Error> {
        let store = Arc::clone(&self.shared.store);
        let arn = state_machine_arn.to_owned();
        let looking = tokio::task::spawn_blocking(move || has_open(&*store, &arn));
        looking.await.map_err(|_| Error::ShuttingDown)?
    }

    async fn confirm(&self, shard: ShardId) -> Result<(), Error> {
        match self.ask(shard, Command::Confirm(shard)).await? {
            Answer::Confirmed(result) => result,
            other => Err(mismatched(&other)),
        }
    }
}

fn has_open(store: &dyn Store, machine_arn: &str) -> Result<bool, Error> {
    let Some(machine) = store.known_machine(machine_arn)? else {
        return Ok(false);
    };
    let open = ExecutionFilter {
        machine,
        statuses: OPEN.to_vec(),
        ..ExecutionFilter::default()
    };
    Ok(!store.list_executions(&open, None, 1)?.is_empty())
}
