//! Keeps the metrics: moves the minutes that are over to the disk, and drops old days. Shows them
//! to Prometheus ([`Page`]).

mod page;
mod process;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use engine::Engine;
use services::metrics::{MINUTE_MS, Metrics, Which};

use crate::door::now;

pub(crate) use page::Page;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long after its end a minute leaves memory: what was measured in it is recorded by then.
const LATE_MS: i64 = 2_000;

/// The metrics of before.
pub(crate) async fn load(metrics: &Arc<Metrics>) -> Result<()> {
    let metrics = Arc::clone(metrics);
    Ok(tokio::task::spawn_blocking(move || metrics.load(now().0)).await??)
}

/// Moves every minute when it is over, and once a day drops old ones; once a minute measures what
/// has to be looked at. Never returns; to be aborted.
pub(crate) async fn keep(
    metrics: Arc<Metrics>,
    retention_days: u32,
    engine: Engine,
    open_executions_max: u64,
) {
    let mut expired_on = None;
    loop {
        let into_minute = (now().0 - LATE_MS).rem_euclid(MINUTE_MS);
        let rest = u64::try_from(MINUTE_MS - into_minute).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(rest)).await;
        flush(&metrics, Which::Ended).await;
        metrics.record_open_executions(&engine, open_executions_max, now().0);
        let today = now().0.div_euclid(DAY_MS);
        if expired_on.replace(today) != Some(today) {
            expire(&metrics, retention_days).await;
        }
    }
}

/// Moves minutes from memory to the disk.
pub(crate) async fn flush(metrics: &Arc<Metrics>, which: Which) {
    let metrics = Arc::clone(metrics);
    let flushed = tokio::task::spawn_blocking(move || metrics.flush(now().0, which)).await;
    match flushed {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a minute of metrics could not be kept"),
        Err(error) => tracing::warn!(%error, "a minute of metrics was not kept"),
    }
}

async fn expire(metrics: &Arc<Metrics>, retention_days: u32) {
    let horizon = now().0.saturating_sub(i64::from(retention_days) * DAY_MS);
    let metrics = Arc::clone(metrics);
    match tokio::task::spawn_blocking(move || metrics.expire(horizon)).await {
        Ok(Ok(0)) => {}
        Ok(Ok(days)) => tracing::info!(days, "old days of metrics were dropped"),
        Ok(Err(error)) => tracing::warn!(%error, "old days of metrics could not be dropped"),
        Err(error) => tracing::warn!(%error, "old days of metrics were not dropped"),
    }
}
