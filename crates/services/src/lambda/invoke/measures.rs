//! What Lambda measures of invocations: the metrics of `AWS/Lambda` (Lambda guide, "Types of
//! metrics for Lambda functions").

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::lambda::credentials::now_ms;
use crate::lambda::function::Function;
use crate::metrics::{MetricKey, Metrics, Series, Unit};

const NAMESPACE: &str = "AWS/Lambda";
/// Functions and qualifiers whose handles are kept, some 2 KiB each; beyond, all are made anew.
const KEPT_MAX: usize = 10_000;

/// What is measured of every invocation.
#[derive(Clone, Copy)]
pub(in crate::lambda) enum Measure {
    Invocations,
    Errors,
    Throttles,
    /// In milliseconds.
    Duration,
    ConcurrentExecutions,
    AsyncEventsReceived,
    /// In milliseconds, from the acceptance of an event.
    AsyncEventAge,
    AsyncEventsDropped,
    DeadLetterErrors,
    DestinationDeliveryFailures,
}

impl Measure {
    const ALL: [Measure; 10] = [
        Measure::Invocations,
        Measure::Errors,
        Measure::Throttles,
        Measure::Duration,
        Measure::ConcurrentExecutions,
        Measure::AsyncEventsReceived,
        Measure::AsyncEventAge,
        Measure::AsyncEventsDropped,
        Measure::DeadLetterErrors,
        Measure::DestinationDeliveryFailures,
    ];

    fn name_and_unit(self) -> (&'static str, Unit) {
        match self {
            Measure::Invocations => ("Invocations", Unit::Count),
            Measure::Errors => ("Errors", Unit::Count),
            Measure::Throttles => ("Throttles", Unit::Count),
            Measure::Duration => ("Duration", Unit::Milliseconds),
            Measure::ConcurrentExecutions => ("ConcurrentExecutions", Unit::Count),
            Measure::AsyncEventsReceived => ("AsyncEventsReceived", Unit::Count),
            Measure::AsyncEventAge => ("AsyncEventAge", Unit::Milliseconds),
            Measure::AsyncEventsDropped => ("AsyncEventsDropped", Unit::Count),
            Measure::DeadLetterErrors => ("DeadLetterErrors", Unit::Count),
            Measure::DestinationDeliveryFailures => ("DestinationDeliveryFailures", Unit::Count),
        }
    }
}

/// Where values of invocations go.
pub(in crate::lambda) struct Measures {
    metrics: Arc<Metrics>,
    /// By the ARN that is invoked.
    kept: Mutex<HashMap<String, Arc<Measured>>>,
    /// Invocations that run now, by the function's ARN; those of an account under its number and
    /// Region.
    running: Mutex<HashMap<String, u32>>,
}

/// The series of one function, version or alias.
pub(in crate::lambda) struct Measured {
    /// By function, by resource, and of all functions, of each measure; made at the first value.
    series: [OnceLock<[Series; 3]>; Measure::ALL.len()],
    account: Arc<str>,
    region: Arc<str>,
    function: Arc<str>,
    /// The function's name with the qualifier it is invoked by.
    resource: Arc<str>,
}

impl Measures {
    pub(in crate::lambda) fn new(metrics: Arc<Metrics>) -> Measures {
        Measures {
            metrics,
            kept: Mutex::default(),
            running: Mutex::default(),
        }
    }

    /// The series of what is invoked by this ARN.
    pub(in crate::lambda) fn of(&self, function: &Function, invoked_arn: &str) -> Arc<Measured> {
        let mut kept = self.kept.lock();
        if let Some(known) = kept.get(invoked_arn) {
            return Arc::clone(known);
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let qualifier = invoked_arn.strip_prefix(&*function.arn).unwrap_or_default();
        let measured = Arc::new(Measured {
            series: std::array::from_fn(|_| OnceLock::new()),
            account: function.account.as_str().into(),
            region: function.region.as_str().into(),
            function: function.name.as_str().into(),
            resource: format!("{}{qualifier}", function.name).into(),
        });
        kept.insert(invoked_arn.to_owned(), Arc::clone(&measured));
        measured
    }

    /// Records a value under all its dimensions.
    pub(in crate::lambda) fn record(
        &self,
        measured: &Measured,
        measure: Measure,
        value: f64,
        time_ms: i64,
    ) {
        self.record_each(measured, measure, [value; 3], time_ms);
    }

    /// Records a value for the function, one for the resource and one for all.
    fn record_each(&self, measured: &Measured, measure: Measure, values: [f64; 3], time_ms: i64) {
        let Some(series) = measured.series.get(measure as usize) else {
            return;
        };
        let series = series.get_or_init(|| {
            let keys = measured.keys(measure);
            keys.map(|key| self.metrics.series(&key))
        });
        for (series, value) in series.iter().zip(values) {
            series.record(value, time_ms);
        }
    }

    /// Counts an invocation as running until what this gives is dropped. How many run is recorded
    /// at both ends, so that the last value is what there is.
    pub(in crate::lambda) fn begin<'m>(
        &'m self,
        function: &Function,
        measured: &'m Measured,
        time_ms: i64,
    ) -> Running<'m> {
        let place = format!("{}/{}", function.account, function.region);
        let counted = [function.arn.clone(), place];
        let [of_function, of_all] = {
            let mut running = self.running.lock();
            counted.each_ref().map(|key| {
                let count = running.entry(key.clone()).or_default();
                *count += 1;
                *count
            })
        };
        let values = [of_function, of_function, of_all].map(f64::from);
        self.record_each(measured, Measure::ConcurrentExecutions, values, time_ms);
        Running {
            measures: self,
            measured,
            counted,
        }
    }
}

impl Measured {
    fn keys(&self, measure: Measure) -> [MetricKey; 3] {
        let (name, unit) = measure.name_and_unit();
        let function = ("FunctionName".into(), Arc::clone(&self.function));
        let resource = ("Resource".into(), Arc::clone(&self.resource));
        [vec![function.clone()], vec![function, resource], Vec::new()].map(|dimensions| MetricKey {
            account: Arc::clone(&self.account),
            region: Arc::clone(&self.region),
            namespace: NAMESPACE.into(),
            name: name.into(),
            unit,
            dimensions,
        })
    }
}

/// An invocation that runs.
pub(in crate::lambda) struct Running<'m> {
    measures: &'m Measures,
    measured: &'m Measured,
    counted: [String; 2],
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let [of_function, of_all] = {
            let mut running = self.measures.running.lock();
            self.counted.each_ref().map(|key| {
                let Some(count) = running.get_mut(key) else {
                    return 0;
                };
                *count = count.saturating_sub(1);
                let left = *count;
                if left == 0 {
                    running.remove(key);
                }
                left
            })
        };
        let values = [of_function, of_function, of_all].map(f64::from);
        let measure = Measure::ConcurrentExecutions;
        self.measures
            .record_each(self.measured, measure, values, now_ms());
    }
}

#[cfg(test)]
mod tests;
