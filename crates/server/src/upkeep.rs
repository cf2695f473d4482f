//! Deletes what is older than its retention, and packages that no function has any more, now and
//! then, in small steps.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use store::Store;

use crate::door::{Gateway, now};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The first look comes soon, so that a server that is never up for long cleans up too.
const FIRST_SECONDS: u64 = 60;
/// How often old executions are looked for.
const INTERVAL_SECONDS: u64 = 3_600;
/// Rows deleted in one step, so that commits get their turn in between.
const ROWS_MAX: usize = 2_000;
/// A start that read a state machine's definition has named it in the store within this time.
const START_SECONDS_MAX: u64 = 60;

/// How long what has ended is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// Executions.
    pub(crate) executions_days: u32,
    /// The audit log and what explains denials.
    pub(crate) audit_days: u32,
}

/// Removes state machines that are being deleted. Never returns; to be aborted.
pub(crate) async fn finish_deletions(gateway: Arc<Gateway>) {
    gateway.services().finish_deletions().await;
}

/// Never returns; to be aborted.
pub(crate) async fn run(store: Arc<dyn Store>, gateway: Arc<Gateway>, retention: Retention) {
    let retention_ms = i64::from(retention.executions_days) * DAY_MS;
    tokio::time::sleep(Duration::from_secs(FIRST_SECONDS)).await;
    loop {
        if let Err(error) = pass(&store, &gateway, retention_ms).await {
            tracing::warn!(%error, "old executions could not be deleted");
        }
        let horizon = now()
            .0
            .saturating_sub(i64::from(retention.audit_days) * DAY_MS);
        match gateway.services().identity().trail.expire(horizon).await {
            Ok(0) => {}
            Ok(days) => tracing::info!(days, "old days of the audit log were dropped"),
            Err(error) => tracing::warn!(%error, "old days of the audit log could not be dropped"),
        }
        if let Err(error) = gateway.services().logs().expire(now().0).await {
            tracing::warn!(%error, "expired log events could not be deleted");
        }
        match gateway.services().collect_packages().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "packages that no function has were deleted"),
            Err(error) => {
                tracing::warn!(%error, "packages that no function has could not be deleted");
            }
        }
        tokio::time::sleep(Duration::from_secs(INTERVAL_SECONDS)).await;
    }
}

async fn pass(store: &Arc<dyn Store>, gateway: &Gateway, retention_ms: i64) -> Result<()> {
    let horizon = now().0.saturating_sub(retention_ms);
    loop {
        let store = Arc::clone(store);
        let step = move || store.expire(horizon, ROWS_MAX);
        if !tokio::task::spawn_blocking(step).await??.more {
            break;
        }
    }
    // What was current a while ago may be what a start under way has read. What was added since is
    // above all that was named then, and is not judged: the update that adds it may come later.
    let mut in_use = gateway.services().definitions_in_use().await?;
    let highest = in_use.iter().max().copied().unwrap_or_default();
    tokio::time::sleep(Duration::from_secs(START_SECONDS_MAX)).await;
    let later = gateway.services().definitions_in_use().await?;
    in_use.extend(later.into_iter().filter(|number| *number <= highest));
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || store.expire_definitions(&in_use)).await??;
    Ok(())
}
