//! GetMetricStatistics. Source: CloudWatch API reference, "GetMetricStatistics", and recordings of
//! errors.

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::input::{Span, check, check_period, key};
use super::statistic::Statistic;
use super::{CloudWatch, invalid_combination, invalid_value, number};
use crate::call::epoch_seconds;
use crate::metrics::{Aggregate, Unit};
use crate::{Answer, Call};

const DATAPOINTS_MAX: i64 = 1_440;

/// The statistics that were asked for, each with its name.
struct Wanted<'c> {
    simple: Vec<(&'c str, Statistic)>,
    extended: Vec<(&'c str, Statistic)>,
}

impl CloudWatch {
    pub(super) async fn get_metric_statistics(&self, call: &Call) -> Result<Answer, ServiceError> {
        check(call)?;
        let wanted = Wanted::of(call)?;
        let span = Span::of(call)?;
        let period_s = call.integer("Period").unwrap_or_default();
        check_period("Period", period_s)?;
        let count = span.periods(period_s);
        if count > DATAPOINTS_MAX {
            return Err(invalid_combination(format!(
                "You have requested up to {count} datapoints, which exceeds the limit of \
                 {DATAPOINTS_MAX}. You may reduce the datapoints requested by increasing Period, \
                 or decreasing the time range."
            )));
        }
        let unit = call.text("Unit").and_then(Unit::of_name);
        let key = key(call, &call.input);
        let mut keys = self.metrics.of_any_unit(&key);
        keys.retain(|key| unit.is_none_or(|unit| key.unit == unit));
        let units: Vec<Unit> = keys.iter().map(|key| key.unit).collect();
        let series = keys.into_iter().map(|key| (key, period_s));
        let periods = self.read(&span, series.collect()).await?;
        let mut datapoints = Vec::new();
        for (unit, periods) in units.into_iter().zip(periods) {
            for (time_ms, aggregate) in periods {
                datapoints.push(wanted.datapoint(time_ms, unit, &aggregate));
            }
        }
        let mut answer = ObjectBuilder::new();
        answer.add("Label", &*key.name);
        answer.add("Datapoints", datapoints);
        Ok((&mut answer).into())
    }
}

impl<'c> Wanted<'c> {
    fn of(call: &'c Call) -> Result<Wanted<'c>, ServiceError> {
        let list = |member| {
            let named = |name: &'c Value| {
                let name = name.as_str().unwrap_or_default();
                let statistic = Statistic::of_name(name).ok_or_else(|| {
                    let list = "p0 to p100 with up to ten decimal places";
                    invalid_value(format!(
                        "The value {name} for parameter {member} is not supported; served are \
                         {list}."
                    ))
                })?;
                Ok((name, statistic))
            };
            call.list(member)
                .iter()
                .map(named)
                .collect::<Result<Vec<_>, ServiceError>>()
        };
        let wanted = Wanted {
            simple: list("Statistics")?,
            extended: list("ExtendedStatistics")?,
        };
        if wanted.simple.is_empty() && wanted.extended.is_empty() {
            return Err(invalid_combination(
                "Must specify either Statistics or ExtendedStatistics",
            ));
        }
        Ok(wanted)
    }

    fn datapoint(&self, time_ms: i64, unit: Unit, aggregate: &Aggregate) -> Value {
        let mut datapoint = ObjectBuilder::new();
        datapoint.add("Timestamp", epoch_seconds(asl::time::Timestamp(time_ms)));
        let add = |to: &mut ObjectBuilder, wanted: &[(&str, Statistic)]| {
            for (name, statistic) in wanted {
                if let Some(value) = statistic.value(aggregate) {
                    to.add(*name, number(value));
                }
            }
        };
        add(&mut datapoint, &self.simple);
        datapoint.add("Unit", unit.name());
        if !self.extended.is_empty() {
            let mut extended = ObjectBuilder::new();
            add(&mut extended, &self.extended);
            datapoint.add("ExtendedStatistics", extended.build());
        }
        datapoint.build().into()
    }
}
