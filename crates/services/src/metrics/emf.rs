//! Metrics inside log lines: CloudWatch's embedded metric format (CloudWatch user guide,
//! "Specification: Embedded metric format").

use std::sync::Arc;

use json::{Object, Value};

use super::{MetricKey, Unit};

/// Metrics of one directive, dimensions of one set, and values of one metric, as the specification
/// has them.
const METRICS_MAX: usize = 100;
const DIMENSIONS_MAX: usize = 30;
const VALUES_MAX: usize = 100;
/// Sets of dimensions and directives of one line: the specification has no bound, so that one line
/// of 256 KiB could name millions of series.
const SETS_MAX: usize = 30;
const DIRECTIVES_MAX: usize = 30;
/// Values that one line brings.
const POINTS_MAX: usize = 10_000;
/// Characters of a namespace or name, and of a dimension's value.
const NAME_MAX: usize = 255;
const DIMENSION_VALUE_MAX: usize = 1_024;
/// Namespaces that AWS's services put into, which no log line may.
const RESERVED: &str = "AWS/";

/// A value found in a log line: its series, the value, milliseconds since the epoch.
pub type Point = (MetricKey, f64, i64);

/// The values that a log line brings; none unless it is in the embedded metric format. What of it
/// breaks the specification is passed over, as CloudWatch does. A line without a marker costs a
/// search in its text.
#[must_use]
pub fn points(account: &Arc<str>, region: &Arc<str>, message: &str) -> Vec<Point> {
    if !message.starts_with('{') || !message.contains("\"CloudWatchMetrics\"") {
        return Vec::new();
    }
    let line = json::parse(message).ok();
    let Some(line) = line.as_ref().and_then(Value::as_object) else {
        return Vec::new();
    };
    let Some(about) = line.get("_aws") else {
        return Vec::new();
    };
    let Some(time_ms) = about.get("Timestamp").and_then(Value::as_i64) else {
        return Vec::new();
    };
    let mut points = Vec::new();
    for directive in elements(about.get("CloudWatchMetrics"), DIRECTIVES_MAX) {
        let place = Place {
            account,
            region,
            line,
            time_ms,
        };
        place.directive(directive, &mut points);
    }
    points
}

/// The first `max` elements of a list; none where there is no list.
fn elements(list: Option<&Value>, max: usize) -> impl Iterator<Item = &Value> {
    let list = list.and_then(Value::as_array).unwrap_or_default();
    list.iter().take(max)
}

/// Whether a namespace, or the name of a metric or dimension, is one that PutMetricData takes.
fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.chars().count()) && !name.starts_with(':')
}

struct Place<'l> {
    account: &'l Arc<str>,
    region: &'l Arc<str>,
    line: &'l Object,
    time_ms: i64,
}

impl Place<'_> {
    fn directive(&self, directive: &Value, points: &mut Vec<Point>) {
        let namespace = directive.get("Namespace").and_then(Value::as_str);
        let is_open = |name: &&str| is_name(name) && !name.starts_with(RESERVED);
        let Some(namespace) = namespace.filter(is_open) else {
            return;
        };
        let namespace: Arc<str> = namespace.into();
        let sets = elements(directive.get("Dimensions"), SETS_MAX);
        let sets: Vec<_> = sets.filter_map(|set| self.dimensions(set)).collect();
        for metric in elements(directive.get("Metrics"), METRICS_MAX) {
            let name = metric.get("Name").and_then(Value::as_str);
            let Some(name) = name.filter(|name| is_name(name)) else {
                continue;
            };
            let unit = metric.get("Unit").and_then(Value::as_str);
            let unit = unit.and_then(Unit::of_name).unwrap_or(Unit::None);
            let values = self.values(name);
            for dimensions in &sets {
                let key = MetricKey {
                    account: Arc::clone(self.account),
                    region: Arc::clone(self.region),
                    namespace: Arc::clone(&namespace),
                    name: name.into(),
                    unit,
                    dimensions: dimensions.clone(),
                };
                let room = POINTS_MAX.saturating_sub(points.len());
                let point = |value: &f64| (key.clone(), *value, self.time_ms);
                points.extend(values.iter().map(point).take(room));
            }
        }
    }

    /// A set of dimensions with their values in the line; `None` where one has none.
    fn dimensions(&self, set: &Value) -> Option<Vec<(Arc<str>, Arc<str>)>> {
        let names = set
            .as_array()
            .filter(|names| names.len() <= DIMENSIONS_MAX)?;
        let pair = |name: &Value| {
            let name = name.as_str().filter(|name| is_name(name))?;
            let value = self.line.get(name)?.as_str()?;
            let is_fit = (1..=DIMENSION_VALUE_MAX).contains(&value.chars().count());
            is_fit.then(|| (name.into(), value.into()))
        };
        let mut dimensions: Vec<_> = names.iter().map(pair).collect::<Option<_>>()?;
        dimensions.sort();
        Some(dimensions)
    }

    /// The value of a metric, or all of a list.
    fn values(&self, name: &str) -> Vec<f64> {
        let Some(value) = self.line.get(name) else {
            return Vec::new();
        };
        match value.as_array() {
            Some(values) => values
                .iter()
                .take(VALUES_MAX)
                .filter_map(Value::as_f64)
                .collect(),
            None => value.as_f64().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
