//! ListMetrics. Source: CloudWatch API reference, "ListMetrics".

use std::sync::Arc;

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::input::check;
use super::{CloudWatch, invalid_value};
use crate::metrics::MetricKey;
use crate::{Answer, Call, page};

const PAGE_MAX: usize = 500;
const FILTERS_MAX: usize = 10;
const HOUR_MS: i64 = 60 * 60 * 1_000;
/// A metric without values for two weeks is not listed.
const ACTIVE_MS: i64 = 14 * 24 * HOUR_MS;
/// `RecentlyActive=PT3H`
const RECENTLY_ACTIVE_MS: i64 = 3 * HOUR_MS;

impl CloudWatch {
    pub(super) fn list_metrics(&self, call: &Call) -> Result<Answer, ServiceError> {
        check(call)?;
        let filters = call.list("Dimensions");
        if filters.len() > FILTERS_MAX {
            return Err(invalid_value(format!(
                "The collection Dimensions must not have a size greater than {FILTERS_MAX}."
            )));
        }
        if call
            .text("OwningAccount")
            .is_some_and(|account| *account != *call.account)
        {
            return Err(invalid_value(
                "The parameter OwningAccount names an account that is not linked to this one.",
            ));
        }
        let request = request_of(call);
        let from = match call.text("NextToken") {
            None => 0,
            Some(token) => position(&request, token, call)?,
        };
        let span = match call.text("RecentlyActive") {
            Some(_) => RECENTLY_ACTIVE_MS,
            None => ACTIVE_MS,
        };
        let since_ms = call.now.0 - span;
        let mut keys = self.metrics.active(&call.account, &call.region, since_ms);
        keys.retain(|key| is_wanted(key, call, filters));
        // Values of one metric may come in several units.
        keys.dedup_by(|one, other| identity(one) == identity(other));
        Ok(answer(call, &keys, from, &request))
    }
}

fn answer(call: &Call, keys: &[Arc<MetricKey>], from: usize, request: &str) -> Answer {
    let on_page = keys.iter().skip(from).take(PAGE_MAX);
    let metrics: Vec<Value> = on_page.map(|key| shown(key)).collect();
    let count = metrics.len();
    let mut answer = ObjectBuilder::new();
    answer.add("Metrics", metrics);
    let until = from.saturating_add(PAGE_MAX);
    if keys.len() > until {
        let token = page::token(request, &until.to_string(), call.now);
        answer.add("NextToken", token);
    }
    if call.flag("IncludeLinkedAccounts") == Some(true) {
        answer.add("OwningAccounts", vec![Value::from(&*call.account); count]);
    }
    (&mut answer).into()
}

/// What must be the same in the call for the next page.
fn request_of(call: &Call) -> String {
    let input = call
        .input
        .as_object()
        .map(|input| input.without("NextToken"));
    let input = input.map(Value::from).unwrap_or_default();
    format!(
        "ListMetrics {} {} {}",
        call.account,
        call.region,
        input.to_text()
    )
}

fn position(request: &str, token: &str, call: &Call) -> Result<usize, ServiceError> {
    let position = page::position(request, token, call.now);
    let position = position.and_then(|position| position.parse().ok());
    position.ok_or_else(|| {
        let message = "Request parameter NextToken is invalid";
        ServiceError::new("InvalidNextToken", message)
    })
}

type Identity<'k> = (&'k str, &'k str, &'k [(Arc<str>, Arc<str>)]);

fn identity(key: &MetricKey) -> Identity<'_> {
    (&key.namespace, &key.name, &key.dimensions)
}

/// Whether a metric passes the filters; of its dimensions, those that are named.
fn is_wanted(key: &MetricKey, call: &Call, filters: &[Value]) -> bool {
    let is = |member, text: &str| call.text(member).is_none_or(|wanted| wanted == text);
    let has = |filter: &Value| {
        let text = |member| filter.get(member).and_then(Value::as_str);
        key.dimensions.iter().any(|(name, value)| {
            text("Name") == Some(name) && text("Value").is_none_or(|wanted| *wanted == **value)
        })
    };
    is("Namespace", &key.namespace) && is("MetricName", &key.name) && filters.iter().all(has)
}

fn shown(key: &MetricKey) -> Value {
    let dimension = |(name, value): &(Arc<str>, Arc<str>)| -> Value {
        let mut dimension = ObjectBuilder::with_capacity(2);
        dimension.add("Name", &**name).add("Value", &**value);
        dimension.build().into()
    };
    let mut metric = ObjectBuilder::with_capacity(3);
    metric.add("Namespace", &*key.namespace);
    metric.add("MetricName", &*key.name);
    let dimensions = key.dimensions.iter().map(dimension);
    metric.add("Dimensions", dimensions.collect::<Vec<Value>>());
    metric.build().into()
}
