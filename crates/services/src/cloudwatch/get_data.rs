//! GetMetricData. Source: CloudWatch API reference, "GetMetricData", "MetricDataQuery".

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::evaluate::{LINEAR, Operand, REPEAT, Refused, Scope, Series};
use super::expression::{Expression, parse};
use super::input::{Span, check, check_period, key};
use super::statistic::Statistic;
use super::{CloudWatch, number};
use crate::call::epoch_seconds;
use crate::metrics::{MetricKey, Unit};
use crate::{Answer, Call, page};

const QUERIES_MAX: usize = 500;
/// Datapoints of one answer.
const DATAPOINTS_MAX: usize = 100_800;
/// Periods of all metrics together that one call may ask for: ten pages. Each page reads them anew.
const PERIODS_MAX: i64 = 1_008_000;
/// Metrics read at once: a read holds up the minutes that leave memory.
const READ_AT_ONCE: usize = 16;

/// One query.
struct Query<'c> {
    id: &'c str,
    /// Where it has none, AWS's: a metric's name, an expression's id.
    label: &'c str,
    is_returned: bool,
    asks: Asks,
}

enum Asks {
    Metric {
        keys: Vec<Arc<MetricKey>>,
        period_s: i64,
        statistic: Statistic,
    },
    Expression(Expression),
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationError", message)
}

impl CloudWatch {
    pub(super) async fn get_metric_data(&self, call: &Call) -> Result<Answer, ServiceError> {
        check(call)?;
        let span = Span::of(call)?;
        let queries = self.queries(call)?;
        check_periods(&span, &queries)?;
        let page = Page::of(call)?;
        let series = self.series(&span, &queries).await?;
        let results = evaluated(&span, &queries, series)?;
        Ok(page.answer(call, &results))
    }

    fn queries<'c>(&self, call: &'c Call) -> Result<Vec<Query<'c>>, ServiceError> {
        let queries = call.list("MetricDataQueries");
        if queries.is_empty() {
            return Err(invalid(
                "The parameter MetricDataQueries must not be empty.",
            ));
        }
        if queries.len() > QUERIES_MAX {
            return Err(invalid(format!(
                "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
            )));
        }
        let mut ids = HashSet::new();
        let mut found = Vec::with_capacity(queries.len());
        for (number, query) in (1..).zip(queries) {
            let place = format!("MetricDataQueries.member.{number}");
            let query = self.query(call, &place, query)?;
            if !ids.insert(query.id) {
                return Err(invalid(format!(
                    "The id '{}' of {place} is the id of another query.",
                    query.id
                )));
            }
            found.push(query);
        }
        Ok(found)
    }

    fn query<'c>(
        &self,
        call: &'c Call,
        place: &str,
        query: &'c Value,
    ) -> Result<Query<'c>, ServiceError> {
        let text = |member| query.get(member).and_then(Value::as_str);
        let id = text("Id").unwrap_or_default();
        if !is_id(id) {
            return Err(invalid(format!(
                "The value {id} for parameter {place}.Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        if text("AccountId").is_some_and(|account| *account != *call.account) {
            return Err(invalid(format!(
                "The parameter {place}.AccountId names an account that is not linked to this one."
            )));
        }
        let label = text("Label");
        if label.is_some_and(|label| label.contains("${")) {
            return Err(invalid(format!(
                "The parameter {place}.Label is dynamic (`${{...}}`), which is not served by this \
                 version of Lockstep."
            )));
        }
        let (default_label, asks) = match (query.get("MetricStat"), text("Expression")) {
            (Some(stat), None) => self.metric(call, place, stat)?,
            (None, Some(expression)) => {
                let parsed = parse(expression).map_err(|refused| in_expression(id, &refused))?;
                (id, Asks::Expression(parsed))
            }
            _ => {
                return Err(invalid(format!(
                    "Either {place}.MetricStat or {place}.Expression must be specified, and not \
                     both."
                )));
            }
        };
        Ok(Query {
            id,
            label: label.unwrap_or(default_label),
            is_returned: query.get("ReturnData").and_then(Value::as_bool) != Some(false),
            asks,
        })
    }

    fn metric<'c>(
        &self,
        call: &Call,
        place: &str,
        stat: &'c Value,
    ) -> Result<(&'c str, Asks), ServiceError> {
        let text = |member| stat.get(member).and_then(Value::as_str);
        let name = text("Stat").unwrap_or_default();
        let statistic = Statistic::of_name(name).ok_or_else(|| {
            invalid(format!(
                "The value {name} for parameter {place}.MetricStat.Stat is not supported."
            ))
        })?;
        let period_s = stat
            .get("Period")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        check_period(&format!("{place}.MetricStat.Period"), period_s)?;
        let metric = stat.get("Metric").unwrap_or(stat);
        let named = |member| metric.get(member).and_then(Value::as_str);
        if named("Namespace").is_none() || named("MetricName").is_none() {
            return Err(invalid(format!(
                "The parameters {place}.MetricStat.Metric.Namespace and \
                 {place}.MetricStat.Metric.MetricName are required."
            )));
        }
        let unit = text("Unit").and_then(Unit::of_name);
        let mut keys = self.metrics.of_any_unit(&key(call, metric));
        keys.retain(|key| unit.is_none_or(|unit| key.unit == unit));
        let asks = Asks::Metric {
            keys,
            period_s,
            statistic,
        };
        Ok((named("MetricName").unwrap_or_default(), asks))
    }

    /// The series of the queries for metrics, by id.
    async fn series<'q>(
        &self,
        span: &Span,
        queries: &'q [Query<'_>],
    ) -> Result<HashMap<&'q str, Operand>, ServiceError> {
        let mut found = HashMap::with_capacity(queries.len());
        let metrics: Vec<_> = queries.iter().filter_map(Query::metric).collect();
        for some in metrics.chunks(READ_AT_ONCE) {
            let wanted = some.iter().flat_map(|(_, keys, period_s, _)| {
                let keys = keys.iter().cloned();
                keys.map(|key| (key, *period_s))
            });
            let mut read = self.read(span, wanted.collect()).await?.into_iter();
            for (id, keys, period_s, statistic) in some {
                let mut periods = BTreeMap::new();
                for of_unit in read.by_ref().take(keys.len()) {
                    for (period, aggregate) in of_unit {
                        add(&mut periods, period, aggregate);
                    }
                }
                let value = |(time, aggregate)| Some((time, statistic.value(&aggregate)?));
                let series = Series {
                    period_s: *period_s,
                    points: periods.into_iter().filter_map(value).collect(),
                };
                found.insert(*id, Operand::Series(series));
            }
        }
        Ok(found)
    }
}

fn add(
    periods: &mut BTreeMap<i64, crate::metrics::Aggregate>,
    period: i64,
    aggregate: crate::metrics::Aggregate,
) {
    periods
        .entry(period)
        .and_modify(|known| known.merge(&aggregate))
        .or_insert(aggregate);
}

impl Query<'_> {
    fn metric(&self) -> Option<(&str, &[Arc<MetricKey>], i64, Statistic)> {
        match &self.asks {
            Asks::Metric {
                keys,
                period_s,
                statistic,
            } => Some((self.id, keys, *period_s, *statistic)),
            Asks::Expression(_) => None,
        }
    }
}

fn is_id(id: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    id.starts_with(|first: char| first.is_ascii_lowercase()) && id.bytes().all(is_of_id)
}

fn check_periods(span: &Span, queries: &[Query<'_>]) -> Result<(), ServiceError> {
    let metrics = queries.iter().filter_map(Query::metric);
    let count: i64 = metrics
        .map(|(_, _, period_s, _)| span.periods(period_s))
        .sum();
    if count <= PERIODS_MAX {
        return Ok(());
    }
    Err(invalid(format!(
        "You have requested up to {count} datapoints, which exceeds the limit of {PERIODS_MAX}. \
         You may reduce the datapoints requested by increasing Period, or decreasing the time \
         range."
    )))
}

fn in_expression(id: &str, refused: &Refused) -> ServiceError {
    invalid(format!("Error in expression '{id}': {refused}"))
}

/// What one query is answered with: an expression may make several.
struct Outcome<'q> {
    id: &'q str,
    label: &'q str,
    points: BTreeMap<i64, f64>,
}

/// The results of the queries whose data is to be returned, in their order.
fn evaluated<'q>(
    span: &Span,
    queries: &'q [Query<'_>],
    known: HashMap<&'q str, Operand>,
) -> Result<Vec<Outcome<'q>>, ServiceError> {
    let metrics = queries.iter().filter_map(Query::metric);
    let mut scope = Scope {
        span,
        known,
        metrics: metrics.map(|(id, ..)| id).collect(),
        made: 0,
    };
    // Not ids, since those begin in lower case.
    for word in [REPEAT, LINEAR] {
        scope.known.insert(word, Operand::Text(word.to_owned()));
    }
    for query in in_order(queries)? {
        if let Asks::Expression(expression) = &query.asks {
            let value = scope.evaluate(expression);
            let value = value.map_err(|refused| in_expression(query.id, &refused))?;
            scope.known.insert(query.id, value);
        }
    }
    let mut outcomes = Vec::new();
    for query in queries.iter().filter(|query| query.is_returned) {
        let many = match scope.known.remove(query.id) {
            Some(Operand::Series(series)) => vec![series],
            Some(Operand::Many(many)) => many,
            _ => {
                let refused = "the expression must make a time series, or an array of them";
                return Err(in_expression(query.id, &refused.to_owned()));
            }
        };
        outcomes.extend(many.into_iter().map(|series| Outcome {
            id: query.id,
            label: query.label,
            points: series.points,
        }));
    }
    Ok(outcomes)
}

/// The queries so that each comes after those it names.
fn in_order<'q, 'c>(queries: &'q [Query<'c>]) -> Result<Vec<&'q Query<'c>>, ServiceError> {
    let mut waiting: Vec<(&Query<'c>, HashSet<&str>)> = queries
        .iter()
        .map(|query| {
            let mut names = HashSet::new();
            if let Asks::Expression(expression) = &query.asks {
                collect_names(expression, &mut names);
            }
            names.retain(|name| queries.iter().any(|other| other.id == *name));
            (query, names)
        })
        .collect();
    let mut ordered: Vec<&Query<'c>> = Vec::with_capacity(queries.len());
    let mut done: HashSet<&str> = HashSet::new();
    while !waiting.is_empty() {
        let count = waiting.len();
        waiting.retain(|(query, names)| {
            let is_ready = names.iter().all(|name| done.contains(name));
            if is_ready {
                ordered.push(query);
                done.insert(query.id);
            }
            !is_ready
        });
        if let Some((query, _)) = waiting.first().filter(|_| waiting.len() == count) {
            let refused = "the expression names itself, at once or through others";
            return Err(in_expression(query.id, &refused.to_owned()));
        }
    }
    Ok(ordered)
}

/// The ids that an expression names. Its depth is bounded by its parser.
fn collect_names<'e>(expression: &'e Expression, names: &mut HashSet<&'e str>) {
    match expression {
        Expression::Number(_) | Expression::Text(_) => {}
        Expression::Name(name) => {
            names.insert(name);
        }
        Expression::List(list) | Expression::Call(_, list) => {
            for inner in list {
                collect_names(inner, names);
            }
        }
        Expression::Negative(inner) => collect_names(inner, names),
        Expression::Binary(_, left, right) => {
            collect_names(left, names);
            collect_names(right, names);
        }
    }
}

/// Which datapoints one answer has, of all results one after the other.
struct Page {
    from: usize,
    length: usize,
    is_ascending: bool,
    request: String,
}

impl Page {
    fn of(call: &Call) -> Result<Page, ServiceError> {
        let length = match call.integer("MaxDatapoints") {
            None => DATAPOINTS_MAX,
            Some(asked) => match usize::try_from(asked) {
                Ok(asked) if (1..=DATAPOINTS_MAX).contains(&asked) => asked,
                _ => {
                    return Err(invalid(format!(
                        "The value {asked} for parameter MaxDatapoints is not within 1 and \
                         {DATAPOINTS_MAX}."
                    )));
                }
            },
        };
        let input = call
            .input
            .as_object()
            .map(|input| input.without("NextToken"));
        let input = input.map(Value::from).unwrap_or_default().to_text();
        let request = format!("GetMetricData {} {} {input}", call.account, call.region);
        let from = match call.text("NextToken") {
            None => 0,
            Some(token) => {
                let position = page::position(&request, token, call.now);
                let position = position.and_then(|position| position.parse().ok());
                position.ok_or_else(|| {
                    let message = "Request parameter NextToken is invalid";
                    ServiceError::new("InvalidNextToken", message)
                })?
            }
        };
        Ok(Page {
            from,
            length,
            is_ascending: call.text("ScanBy") == Some("TimestampAscending"),
            request,
        })
    }

    fn answer(&self, call: &Call, outcomes: &[Outcome<'_>]) -> Answer {
        let until = self.from.saturating_add(self.length);
        let mut results = Vec::with_capacity(outcomes.len());
        let mut begin = 0;
        for outcome in outcomes {
            let end = begin + outcome.points.len();
            // Each page has those it holds datapoints of, and the first all that come to nothing.
            let is_here = begin < until && end > self.from;
            let is_empty_here = outcome.points.is_empty() && self.from == 0;
            if is_here || is_empty_here {
                let skipped = self.from.saturating_sub(begin);
                let taken = until.min(end).saturating_sub(begin.max(self.from));
                results.push(self.result(outcome, skipped, taken, end <= until));
            }
            begin = end;
        }
        let mut answer = ObjectBuilder::new();
        answer.add("MetricDataResults", results);
        if begin > until {
            let token = page::token(&self.request, &until.to_string(), call.now);
            answer.add("NextToken", token);
        }
        answer.add("Messages", Vec::<Value>::new());
        (&mut answer).into()
    }

    fn result(&self, outcome: &Outcome<'_>, skip: usize, take: usize, is_whole: bool) -> Value {
        let points = outcome.points.iter();
        let points: Vec<_> = match self.is_ascending {
            true => points.skip(skip).take(take).collect(),
            false => points.rev().skip(skip).take(take).collect(),
        };
        let instant = |(time, _): &(&i64, &f64)| epoch_seconds(asl::time::Timestamp(**time));
        let mut result = ObjectBuilder::new();
        result.add("Id", outcome.id);
        result.add("Label", outcome.label);
        result.add("Timestamps", points.iter().map(instant).collect::<Vec<_>>());
        let values = points.iter().map(|(_, value)| number(**value));
        result.add("Values", values.collect::<Vec<_>>());
        result.add(
            "StatusCode",
            if is_whole { "Complete" } else { "PartialData" },
        );
        result.build().into()
    }
}
