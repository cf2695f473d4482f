//! Metric math: the value of an expression.

use std::collections::{BTreeMap, HashMap};

use super::expression::{Expression, Operator};
use super::input::Span;

/// Points that the expressions of one call may make in between: a second of work.
const POINTS_MAX: usize = 5_000_000;

/// What is refused, in words that follow `Error in expression 'e1': `.
pub(super) type Refused = String;

/// Values at times, each the beginning of a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    pub period_s: i64,
    pub points: BTreeMap<i64, f64>,
}

/// What an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Number(f64),
    Text(String),
    Series(Series),
    /// In order.
    Many(Vec<Series>),
}

/// What an expression can name.
pub(super) struct Scope<'s> {
    pub span: &'s Span,
    /// By the ids of their queries; those that are evaluated already.
    pub known: HashMap<&'s str, Operand>,
    /// The ids of queries that are metrics, in order.
    pub metrics: Vec<&'s str>,
    /// Points made so far.
    pub made: usize,
}

impl Scope<'_> {
    pub(super) fn evaluate(&mut self, expression: &Expression) -> Result<Operand, Refused> {
        let operand = match expression {
            Expression::Number(number) => Operand::Number(*number),
            Expression::Text(text) => Operand::Text(text.clone()),
            Expression::Name(name) => {
                let known = self.known.get(name.as_str()).cloned();
                known.ok_or_else(|| format!("Unrecognized identifier `{name}`"))?
            }
            Expression::List(list) => Operand::Many(self.many(list)?),
            Expression::Negative(inner) => {
                let zero = Operand::Number(0.0);
                binary(Operator::Minus, zero, self.evaluate(inner)?)?
            }
            Expression::Binary(operator, left, right) => {
                let left = self.evaluate(left)?;
                binary(*operator, left, self.evaluate(right)?)?
            }
            Expression::Call(name, arguments) => {
                let arguments: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|argument| self.evaluate(argument))
                    .collect();
                self.call(name, arguments?)?
            }
        };
        self.made += match &operand {
            Operand::Series(series) => series.points.len(),
            Operand::Many(many) => many.iter().map(|series| series.points.len()).sum(),
            Operand::Number(_) | Operand::Text(_) => 0,
        };
        if self.made > POINTS_MAX {
            return Err(format!(
                "the expressions make more than {POINTS_MAX} datapoints"
            ));
        }
        Ok(operand)
    }

    fn many(&mut self, list: &[Expression]) -> Result<Vec<Series>, Refused> {
        let mut many = Vec::new();
        for element in list {
            match self.evaluate(element)? {
                Operand::Series(series) => many.push(series),
                Operand::Many(others) => many.extend(others),
                Operand::Number(_) | Operand::Text(_) => {
                    return Err("an array has an element that is no time series".to_owned());
                }
            }
        }
        Ok(many)
    }

    fn call(&self, name: &str, arguments: Vec<Operand>) -> Result<Operand, Refused> {
        let count = arguments.len();
        let mut arguments = arguments.into_iter();
        match (name, arguments.next(), arguments.next(), arguments.next()) {
            ("METRICS", None, ..) => Ok(self.metrics("")),
            ("METRICS", Some(Operand::Text(part)), None, _) => Ok(self.metrics(&part)),
            ("IF", Some(condition), Some(then), or) if count <= 3 => choice(&condition, &then, or),
            ("FILL", Some(of), Some(with), None) => each(of, |series| self.fill(&series, &with)),
            ("PERIOD", Some(Operand::Series(series)), None, _) => {
                Ok(Operand::Number(seconds(series.period_s)))
            }
            ("ABS", Some(of), None, _) => map(of, f64::abs),
            ("CEIL", Some(of), None, _) => map(of, f64::ceil),
            ("FLOOR", Some(of), None, _) => map(of, f64::floor),
            ("DIFF", Some(of), None, _) => each(of, |series| Ok(changes(&series, |d, _| d))),
            ("RATE", Some(of), None, _) => each(of, |series| Ok(changes(&series, |d, s| d / s))),
            ("RUNNING_SUM", Some(of), None, _) => each(of, |series| Ok(running_sum(series))),
            ("METRIC_COUNT", Some(Operand::Many(many)), None, _) => {
                Ok(Operand::Number(many.iter().map(|_| 1.0).sum()))
            }
            (name, Some(of), None, _) if reduction(name).is_some() => {
                reduce(of, reduction(name).unwrap_or(sum))
            }
            (known, ..) if FUNCTIONS.contains(&known) => {
                Err(format!("the arguments of `{known}` are not those it takes"))
            }
            (name, ..) => Err(format!(
                "the function `{name}` is not served by this version of Lockstep; served are {}",
                FUNCTIONS.join(", ")
            )),
        }
    }

    /// The metrics of the call whose ids have `part` in them.
    fn metrics(&self, part: &str) -> Operand {
        let ids = self.metrics.iter().filter(|id| id.contains(part));
        let many = ids.filter_map(|id| match self.known.get(id) {
            Some(Operand::Series(series)) => Some(series.clone()),
            _ => None,
        });
        Operand::Many(many.collect())
    }

    /// The series with a value in every period of the span, where `with` has one.
    fn fill(&self, series: &Series, with: &Operand) -> Result<Series, Refused> {
        let count = self.span.periods(series.period_s);
        if usize::try_from(count).map_or(true, |count| count > POINTS_MAX) {
            return Err(format!("`FILL` makes more than {POINTS_MAX} datapoints"));
        }
        let step_ms = series.period_s.max(1) * 1_000;
        let times = (0..count).map(|at| self.span.times_ms.start + at * step_ms);
        let known = |time: i64| series.points.get(&time).copied();
        let filled = times.filter_map(|time| {
            let value = known(time).or_else(|| filling(series, with, time));
            Some((time, value?))
        });
        match with {
            Operand::Number(_) | Operand::Series(_) => {}
            Operand::Text(word) if word == REPEAT || word == LINEAR => {}
            _ => return Err("`FILL` fills with a number, a metric, REPEAT or LINEAR".to_owned()),
        }
        Ok(Series {
            period_s: series.period_s,
            points: filled.collect(),
        })
    }
}

pub(super) const REPEAT: &str = "REPEAT";
pub(super) const LINEAR: &str = "LINEAR";

/// Every function that is served.
const FUNCTIONS: [&str; 18] = [
    "ABS",
    "AVG",
    "CEIL",
    "COUNT",
    "DATAPOINT_COUNT",
    "DIFF",
    "FILL",
    "FLOOR",
    "IF",
    "MAX",
    "METRICS",
    "METRIC_COUNT",
    "MIN",
    "PERIOD",
    "RATE",
    "RUNNING_SUM",
    "STDDEV",
    "SUM",
];

/// The value for a time at which the series has none.
fn filling(series: &Series, with: &Operand, time: i64) -> Option<f64> {
    let before = || series.points.range(..time).next_back();
    match with {
        Operand::Number(number) => Some(*number),
        Operand::Series(other) => other.points.get(&time).copied(),
        Operand::Text(word) if word == REPEAT => before().map(|(_, value)| *value),
        Operand::Text(_) => {
            let (from, first) = before()?;
            let (until, last) = series.points.range(time..).next()?;
            let part = seconds(time - from) / seconds(until - from);
            Some(first + (last - first) * part)
        }
        Operand::Many(_) => None,
    }
}

type Reduction = fn(&[f64]) -> f64;

fn reduction(name: &str) -> Option<Reduction> {
    Some(match name {
        "AVG" => |values| sum(values) / count(values),
        "COUNT" | "DATAPOINT_COUNT" => count,
        "MAX" => |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "MIN" => |values| values.iter().copied().fold(f64::INFINITY, f64::min),
        "STDDEV" => deviation,
        "SUM" => sum,
        _ => return None,
    })
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn count(values: &[f64]) -> f64 {
    values.iter().map(|_| 1.0).sum()
}

fn deviation(values: &[f64]) -> f64 {
    let mean = sum(values) / count(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / count(values)).sqrt()
}

/// Of one series a number, of several a series: at each time what they have then.
fn reduce(of: Operand, reduction: Reduction) -> Result<Operand, Refused> {
    match of {
        Operand::Series(series) => {
            let values: Vec<f64> = series.points.into_values().collect();
            Ok(Operand::Number(reduction(&values)))
        }
        Operand::Many(many) => {
            let period_s = many
                .iter()
                .map(|series| series.period_s)
                .max()
                .unwrap_or(60);
            let mut at: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for (time, value) in many.into_iter().flat_map(|series| series.points) {
                at.entry(time).or_default().push(value);
            }
            let points = at.iter().map(|(time, values)| (*time, reduction(values)));
            Ok(Operand::Series(finite(period_s, points)))
        }
        Operand::Number(_) | Operand::Text(_) => Err(NO_SERIES.to_owned()),
    }
}

const NO_SERIES: &str = "a number or text stands where a metric belongs";

/// The same of one series or of each of several.
fn each(
    of: Operand,
    mut change: impl FnMut(Series) -> Result<Series, Refused>,
) -> Result<Operand, Refused> {
    match of {
        Operand::Series(series) => Ok(Operand::Series(change(series)?)),
        Operand::Many(many) => {
            let changed: Result<Vec<Series>, Refused> = many.into_iter().map(change).collect();
            Ok(Operand::Many(changed?))
        }
        Operand::Number(_) | Operand::Text(_) => Err(NO_SERIES.to_owned()),
    }
}

fn map(of: Operand, change: fn(f64) -> f64) -> Result<Operand, Refused> {
    match of {
        Operand::Number(number) => Ok(Operand::Number(change(number))),
        of => each(of, |series| {
            let points = series
                .points
                .iter()
                .map(|(time, value)| (*time, change(*value)));
            Ok(finite(series.period_s, points))
        }),
    }
}

/// A value that is no number (of a division by 0) is none.
fn finite(period_s: i64, points: impl Iterator<Item = (i64, f64)>) -> Series {
    Series {
        period_s,
        points: points.filter(|(_, value)| value.is_finite()).collect(),
    }
}

/// For every two neighbours what `of` makes of their difference and the seconds between them.
fn changes(series: &Series, of: fn(f64, f64) -> f64) -> Series {
    let neighbours = series.points.iter().zip(series.points.iter().skip(1));
    let points = neighbours.map(|((from, one), (time, other))| {
        (*time, of(other - one, seconds(time - from) / 1_000.0))
    });
    finite(series.period_s, points)
}

fn running_sum(mut series: Series) -> Series {
    let mut sum = 0.0;
    for value in series.points.values_mut() {
        sum += *value;
        *value = sum;
    }
    series
}

/// IF: at each time of the condition one or the other; nothing where that has none.
fn choice(condition: &Operand, then: &Operand, or: Option<Operand>) -> Result<Operand, Refused> {
    let or = or.unwrap_or_else(|| Operand::Series(Series::default()));
    let at = |operand: &Operand, time: i64| match operand {
        Operand::Number(number) => Some(*number),
        Operand::Series(series) => series.points.get(&time).copied(),
        Operand::Text(_) | Operand::Many(_) => None,
    };
    for operand in [condition, then, &or] {
        if matches!(operand, Operand::Text(_) | Operand::Many(_)) {
            return Err("`IF` takes metrics and numbers, no arrays and texts".to_owned());
        }
    }
    match condition {
        Operand::Series(condition) => {
            let points = condition.points.iter().filter_map(|(time, value)| {
                let chosen = if *value == 0.0 { &or } else { then };
                Some((*time, at(chosen, *time)?))
            });
            Ok(Operand::Series(finite(condition.period_s, points)))
        }
        Operand::Number(number) if *number == 0.0 => Ok(or),
        _ => Ok(then.clone()),
    }
}

fn binary(operator: Operator, left: Operand, right: Operand) -> Result<Operand, Refused> {
    use Operand::{Many, Number, Series as One, Text};
    match (left, right) {
        (Text(_), _) | (_, Text(_)) => Err(NO_SERIES.to_owned()),
        (Many(_), Many(_)) => Err("an operator stands between two arrays".to_owned()),
        (Number(left), Number(right)) => Ok(Number(apply(operator, left, right))),
        (Many(many), right) => {
            let each = many
                .into_iter()
                .map(|left| binary(operator, One(left), right.clone()));
            together(each)
        }
        (left, Many(many)) => {
            let each = many
                .into_iter()
                .map(|right| binary(operator, left.clone(), One(right)));
            together(each)
        }
        (One(left), Number(right)) => {
            let value = |(time, left): (&i64, &f64)| (*time, apply(operator, *left, right));
            Ok(One(finite(left.period_s, left.points.iter().map(value))))
        }
        (Number(left), One(right)) => {
            let value = |(time, right): (&i64, &f64)| (*time, apply(operator, left, *right));
            Ok(One(finite(right.period_s, right.points.iter().map(value))))
        }
        (One(left), One(right)) => {
            let points = left.points.iter().filter_map(|(time, left)| {
                let right = right.points.get(time)?;
                Some((*time, apply(operator, *left, *right)))
            });
            Ok(One(finite(left.period_s.max(right.period_s), points)))
        }
    }
}

fn together(each: impl Iterator<Item = Result<Operand, Refused>>) -> Result<Operand, Refused> {
    let series = each.filter_map(|operand| match operand {
        Ok(Operand::Series(series)) => Some(Ok(series)),
        Ok(_) => None,
        Err(refused) => Some(Err(refused)),
    });
    Ok(Operand::Many(series.collect::<Result<_, Refused>>()?))
}

fn apply(operator: Operator, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operator {
        Operator::Or => truth(left != 0.0 || right != 0.0),
        Operator::And => truth(left != 0.0 && right != 0.0),
        Operator::Equal => truth(left.total_cmp(&right).is_eq()),
        Operator::NotEqual => truth(left.total_cmp(&right).is_ne()),
        Operator::LessOrEqual => truth(left <= right),
        Operator::GreaterOrEqual => truth(left >= right),
        Operator::Less => truth(left < right),
        Operator::Greater => truth(left > right),
        Operator::Plus => left + right,
        Operator::Minus => left - right,
        Operator::Times => left * right,
        Operator::Divided => left / right,
        Operator::Power => left.powf(right),
    }
}

/// A whole number of times, none of which is beyond the 53 bits of a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "INVARIANT: times of the next thousand years are less than 2 to the power of 53"
)]
fn seconds(count: i64) -> f64 {
    count as f64
}
