//! Deletes what is older than the retention, now and then, in small steps.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use store::Store;

use crate::door::{Gateway, now};

/// How often old executions are looked for.
const INTERVAL_SECONDS: u64 = 3_600;
/// Rows deleted in one step, so that commits get their turn in between.
const ROWS_MAX: usize = 2_000;

/// Never returns; to be aborted.
pub(crate) async fn run(store: Arc<dyn Store>, gateway: Arc<Gateway>, retention_days: u32) {
    let retention_ms = i64::from(retention_days) * 24 * 60 * 60 * 1000;
    // A start under way may still read what was current when the last pass began.
    let mut before = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_secs(INTERVAL_SECONDS)).await;
        match pass(&store, &gateway, retention_ms, &before).await {
            Ok(in_use) => before = in_use,
            Err(error) => tracing::warn!(%error, "old executions could not be deleted"),
        }
    }
}

/// One pass; answers the definitions that are in use.
async fn pass(
    store: &Arc<dyn Store>,
    gateway: &Gateway,
    retention_ms: i64,
    before: &[u64],
) -> Result<Vec<u64>> {
    let horizon = now().0.saturating_sub(retention_ms);
    loop {
        let store = Arc::clone(store);
        let step = move || store.expire(horizon, ROWS_MAX);
        if !tokio::task::spawn_blocking(step).await??.more {
            break;
        }
    }
    let in_use = gateway.services().definitions_in_use().await?;
    let kept = [&in_use, before].concat();
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || store.expire_definitions(&kept)).await??;
    Ok(in_use)
}
