//! `OpenExecutionCount` and `OpenExecutionLimit` of each account and Region (Step Functions
//! developer guide, "Monitoring Step Functions metrics using Amazon CloudWatch").

use std::sync::Arc;

use engine::Engine;

use super::states::NAMESPACE;
use super::{MetricKey, Metrics, Unit};

impl Metrics {
    /// Records how many Standard executions are open at this time in each account and Region that
    /// has had any since the engine opened, and how many may be.
    #[expect(
        clippy::cast_precision_loss,
        reason = "executions are counted in millions, and exact up to 2^53"
    )]
    pub fn record_open_executions(&self, engine: &Engine, limit: u64, time_ms: i64) {
        for place in engine.places() {
            let record = |name: &str, value: u64| {
                let key = MetricKey {
                    account: Arc::clone(&place.account),
                    region: Arc::clone(&place.region),
                    namespace: NAMESPACE.into(),
                    name: name.into(),
                    unit: Unit::Count,
                    dimensions: Vec::new(),
                };
                self.record(&key, value as f64, time_ms);
            };
            record("OpenExecutionCount", place.open_executions());
            record("OpenExecutionLimit", limit);
        }
    }
}
