//! What the inputs of several operations have in common.

use std::ops::Range;
use std::sync::Arc;

use aws::constraint::{Rule, Violation};
use aws::{Service, ServiceError};
use json::Value;

use super::{invalid_value, missing};
use crate::Call;
use crate::metrics::{MINUTE_MS, MetricKey, Unit};

/// Refuses an input that breaks constraints of the model, in the words CloudWatch has for what is
/// absent and for enumerations; the others are those of all services.
pub(super) fn check(call: &Call) -> Result<(), ServiceError> {
    let Some(first) = call.violations.first() else {
        return Ok(());
    };
    let name = parameter(&first.member);
    match first.rule {
        Rule::Required => Err(missing(format!("The parameter {name} is required."))),
        Rule::LengthMin if first.value == "Value ''" => {
            Err(missing(format!("The parameter {name} is required.")))
        }
        Rule::Enum => Err(invalid_value(format!(
            "The parameter {name} must be a value in the set [ {} ]",
            choices(first)
        ))),
        _ => {
            let model = Service::CloudWatch.model().ok();
            let error = model.and_then(|model| ServiceError::violations(model, &call.violations));
            error.map_or(Ok(()), Err)
        }
    }
}

/// `MetricData.member.1.Unit` of the path `metricData.1.member.unit`.
fn parameter(path: &str) -> String {
    let mut name = String::with_capacity(path.len());
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        if !name.is_empty() {
            name.push('.');
        }
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            steps.next_if_eq(&"member");
            name.push_str("member.");
            name.push_str(step);
        } else {
            let mut chars = step.chars();
            name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
            name.push_str(chars.as_str());
        }
    }
    name
}

/// `a, b` of `Member must satisfy enum value set: [a, b]`, which elements of a list have in
/// brackets of their own.
fn choices(violation: &Violation) -> &str {
    let list = violation.constraint.split_once("enum value set: [");
    let list = list.and_then(|(_, list)| list.split_once(']'));
    list.map(|(list, _)| list).unwrap_or_default()
}

/// The pairs of a list of dimensions, in order of their names.
pub(super) fn dimensions(list: Option<&Value>) -> Vec<(Arc<str>, Arc<str>)> {
    let list = list.and_then(Value::as_array).unwrap_or_default();
    let text = |dimension: &Value, member| {
        let text = dimension.get(member).and_then(Value::as_str);
        text.unwrap_or_default().into()
    };
    let pair = |dimension| (text(dimension, "Name"), text(dimension, "Value"));
    let mut dimensions: Vec<_> = list.iter().map(pair).collect();
    dimensions.sort();
    dimensions
}

/// The series that `metric` (members Namespace, MetricName, Dimensions) names, in some unit.
pub(super) fn key(call: &Call, metric: &Value) -> MetricKey {
    let text = |member| metric.get(member).and_then(Value::as_str);
    MetricKey {
        account: Arc::clone(&call.account),
        region: Arc::clone(&call.region),
        namespace: text("Namespace").unwrap_or_default().into(),
        name: text("MetricName").unwrap_or_default().into(),
        unit: Unit::None,
        dimensions: dimensions(metric.get("Dimensions")),
    }
}

/// The time span and how it is cut: periods begin at the start, which is that of a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub times_ms: Range<i64>,
}

impl Span {
    /// StartTime, rounded down to a minute, until EndTime.
    pub(super) fn of(call: &Call) -> Result<Span, ServiceError> {
        let instant = |member| call.input.get(member).and_then(aws::time::epoch_ms);
        let (Some(start), Some(end)) = (instant("StartTime"), instant("EndTime")) else {
            return Err(missing(
                "The parameters StartTime and EndTime are required.",
            ));
        };
        if start >= end {
            return Err(invalid_value(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        Ok(Span {
            times_ms: start.saturating_sub(start.rem_euclid(MINUTE_MS))..end,
        })
    }

    /// How many periods there are.
    pub(super) fn periods(&self, period_s: i64) -> i64 {
        let length = self.times_ms.end.saturating_sub(self.times_ms.start);
        // Whole milliseconds: a part of a period counts.
        (length - 1).div_euclid(period_s.max(1) * 1_000) + 1
    }

    /// The beginning of the period that `time_ms` is in.
    pub(super) fn period_of(&self, time_ms: i64, period_s: i64) -> i64 {
        let since = time_ms.saturating_sub(self.times_ms.start);
        time_ms - since.rem_euclid(period_s.max(1) * 1_000)
    }
}

/// Refuses a period that isn't one of AWS's.
pub(super) fn check_period(name: &str, period_s: i64) -> Result<(), ServiceError> {
    if [1, 5, 10, 20, 30].contains(&period_s) || period_s > 0 && period_s % 60 == 0 {
        return Ok(());
    }
    Err(invalid_value(format!(
        "The parameter {name} must be 1, 5, 10, 20, 30, or any multiple of 60."
    )))
}
