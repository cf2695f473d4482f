//! PutMetricData. Source: CloudWatch API reference, "PutMetricData", "MetricDatum", and recordings
//! of errors.

use aws::ServiceError;
use json::Value;

use super::input::{check, dimensions};
use super::{CloudWatch, invalid_combination, invalid_value, missing};
use crate::metrics::{MetricKey, Series, Unit};
use crate::{Answer, Call};

const METRICS_MAX: usize = 1_000;
const VALUES_MAX: usize = 150;
const PAST_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1_000;
const FUTURE_MS_MAX: i64 = 2 * 60 * 60 * 1_000;
/// Values are within 2 to the power of 360, on either side of 0.
const EXPONENT_MAX: i32 = 360;
/// What begins with it AWS's services put themselves, and here the server does.
const RESERVED: &str = "AWS/";

/// One datum, checked.
struct Datum {
    series: Series,
    time_ms: i64,
    values: Values,
}

enum Values {
    /// Each with how often it was seen.
    Each(Vec<(f64, f64)>),
    Sums {
        count: f64,
        sum: f64,
        min: f64,
        max: f64,
    },
}

impl CloudWatch {
    /// All data are looked at before any is recorded.
    pub(super) fn put_metric_data(&self, call: &Call) -> Result<Answer, ServiceError> {
        check(call)?;
        let namespace = call.required("Namespace")?;
        if namespace.starts_with(RESERVED) {
            return Err(invalid_value(format!(
                "The value {namespace} for parameter Namespace is invalid."
            )));
        }
        if !call.list("EntityMetricData").is_empty() {
            return Err(invalid_value(
                "The parameter EntityMetricData is not served by this version of Lockstep.",
            ));
        }
        let data = call.list("MetricData");
        if data.is_empty() {
            return Err(missing("The parameter MetricData is required."));
        }
        check_size("MetricData", data, METRICS_MAX)?;
        let read = |(number, datum)| self.datum(call, namespace, number, datum);
        let data = (1..).zip(data).map(read).collect::<Result<Vec<_>, _>>()?;
        if !data.iter().all(|datum| datum.series.is_kept()) {
            let message = "there are too many metrics in this server; raise `metrics_series_max`";
            return Err(ServiceError::new("LimitExceeded", message));
        }
        for datum in &data {
            datum.record();
        }
        Ok(Answer::empty())
    }

    fn datum(
        &self,
        call: &Call,
        namespace: &str,
        number: usize,
        datum: &Value,
    ) -> Result<Datum, ServiceError> {
        let place = format!("MetricData.member.{number}");
        let text = |member| datum.get(member).and_then(Value::as_str);
        let unit = text("Unit").and_then(Unit::of_name).unwrap_or(Unit::None);
        let resolution = datum.get("StorageResolution").and_then(Value::as_i64);
        if let Some(other) = resolution.filter(|seconds| ![1, 60].contains(seconds)) {
            return Err(invalid_value(format!(
                "The value {other} for parameter {place}.StorageResolution is invalid."
            )));
        }
        let time_ms = time_ms(call, &place, datum)?;
        let values = values(&place, datum)?;
        let key = MetricKey {
            account: call.account.clone(),
            region: call.region.clone(),
            namespace: namespace.into(),
            name: text("MetricName").unwrap_or_default().into(),
            unit,
            dimensions: dimensions(datum.get("Dimensions")),
        };
        Ok(Datum {
            series: self.metrics.series(&key),
            time_ms,
            values,
        })
    }
}

impl Datum {
    fn record(&self) {
        match &self.values {
            Values::Each(values) => self.series.record_each(values, self.time_ms),
            Values::Sums {
                count,
                sum,
                min,
                max,
            } => self
                .series
                .record_statistics(*count, *sum, *min, *max, self.time_ms),
        }
    }
}

fn check_size(name: &str, list: &[Value], max: usize) -> Result<(), ServiceError> {
    if list.len() <= max {
        return Ok(());
    }
    Err(invalid_value(format!(
        "The collection {name} must not have a size greater than {max}."
    )))
}

fn time_ms(call: &Call, place: &str, datum: &Value) -> Result<i64, ServiceError> {
    let Some(given) = datum.get("Timestamp").and_then(aws::time::epoch_ms) else {
        return Ok(call.now.0);
    };
    let refused = |bound: &str| {
        Err(invalid_value(format!(
            "The parameter {place}.Timestamp must specify a time {bound}."
        )))
    };
    if given < call.now.0 - PAST_MS_MAX {
        return refused("no more than two weeks in the past");
    }
    if given > call.now.0 + FUTURE_MS_MAX {
        return refused("no more than two hours in the future");
    }
    Ok(given)
}

/// The values, given in exactly one of three ways.
fn values(place: &str, datum: &Value) -> Result<Values, ServiceError> {
    let given = ["Value", "Values", "StatisticValues"].map(|member| datum.get(member));
    let both = |one: &str, other: &str| {
        Err(invalid_combination(format!(
            "The parameters {place}.{one} and {place}.{other} are mutually exclusive and you have \
             specified both."
        )))
    };
    let counts = datum.get("Counts");
    match given {
        [Some(_), Some(_), _] => both("Value", "Values"),
        [Some(_), _, Some(_)] => both("Value", "StatisticValues"),
        [_, Some(_), Some(_)] => both("Values", "StatisticValues"),
        [Some(_), ..] if counts.is_some() => both("Value", "Counts"),
        [_, _, Some(_)] if counts.is_some() => both("StatisticValues", "Counts"),
        [Some(value), ..] => {
            let value = finite(&format!("{place}.Value"), value)?;
            Ok(Values::Each(vec![(value, 1.0)]))
        }
        [_, Some(values), _] => each(place, values, counts),
        [_, _, Some(sums)] => statistic_values(&format!("{place}.StatisticValues"), sums),
        [None, None, None] => Err(missing("At least one of the parameters must be specified.")),
    }
}

fn each(place: &str, values: &Value, counts: Option<&Value>) -> Result<Values, ServiceError> {
    let values = values.as_array().unwrap_or_default();
    check_size(&format!("{place}.Values"), values, VALUES_MAX)?;
    if values.is_empty() {
        return Err(missing(format!(
            "The parameter {place}.Values is required."
        )));
    }
    let counts = counts.map(|counts| counts.as_array().unwrap_or_default());
    if counts.is_some_and(|counts| counts.len() != values.len()) {
        return Err(invalid_value(format!(
            "The parameters {place}.Values and {place}.Counts must be of the same size."
        )));
    }
    let pair = |(at, value)| {
        let number = at + 1;
        let value = finite(&format!("{place}.Values.member.{number}"), value)?;
        let count = counts.and_then(|counts| counts.get(at));
        let count = count.map(|count| positive(&format!("{place}.Counts.member.{number}"), count));
        Ok((value, count.transpose()?.unwrap_or(1.0)))
    };
    let pairs = values.iter().enumerate().map(pair);
    Ok(Values::Each(pairs.collect::<Result<_, ServiceError>>()?))
}

fn statistic_values(place: &str, sums: &Value) -> Result<Values, ServiceError> {
    let member = |name: &str| sums.get(name).unwrap_or(sums);
    let of = |name: &str| finite(&format!("{place}.{name}"), member(name));
    let (min, max) = (of("Minimum")?, of("Maximum")?);
    if min > max {
        return Err(invalid_value(format!(
            "The parameter {place}.Minimum must be less than or equal to the parameter \
             {place}.Maximum."
        )));
    }
    Ok(Values::Sums {
        count: positive(&format!("{place}.SampleCount"), member("SampleCount"))?,
        sum: of("Sum")?,
        min,
        max,
    })
}

fn invalid(name: &str, value: &Value) -> ServiceError {
    let value = value.to_text();
    invalid_value(format!(
        "The value {value} for parameter {name} is invalid."
    ))
}

/// A value within CloudWatch's bounds.
fn finite(name: &str, value: &Value) -> Result<f64, ServiceError> {
    let bound = 2_f64.powi(EXPONENT_MAX);
    let found = value.as_f64().filter(|value| value.abs() <= bound);
    found.ok_or_else(|| invalid(name, value))
}

/// A count.
fn positive(name: &str, value: &Value) -> Result<f64, ServiceError> {
    let count = finite(name, value)?;
    if count <= 0.0 {
        return Err(invalid(name, value));
    }
    Ok(count)
}
