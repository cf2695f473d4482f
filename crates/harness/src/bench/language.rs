//! The language alone, without engine and disk: whole executions decided and folded in this
//! process, JSONata beside the crate `jsonata-core`, whose values are converted beforehand, and
//! policies evaluated.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use asl::decide::{Allowance, Decision, Input, Moment, decide};
use asl::event::Start;
use asl::program::Program;
use asl::run::{Run, Status};
use asl::time::Timestamp;
use json::Value;
use jsonata::{Environment, Meter, Outcome};
use jsonata_core::value::JValue;

use super::load::middle;
use super::report::Table;
use super::{Setting, progress, rig};
use crate::instructions::iam::Asked;

/// Rounds of each measurement; the one in the middle counts.
const ROUNDS: usize = 21;
/// What is quicker than this is repeated within a round.
const ROUND_US_MIN: f64 = 2_000.0;
const TIMES_MAX: u32 = 1 << 20;
const MAP_ITEMS: usize = 5_000;
const PARALLEL_BRANCHES: usize = 100;
const CHAIN: usize = 200;

/// What realistic workflows do with data.
const SHAPES: [(&str, &str); 5] = [
    (
        "object building",
        r#"items.{"id": id, "n": name, "p": price * 1.1, "v": vendor.name}"#,
    ),
    (
        "filter + sort",
        "items[price > 500 and inStock]^(>price).name",
    ),
    (
        "map/reduce over 1,000",
        "$reduce($map(numbers, function($v){$v * 2 + 1}), function($a, $b){$a + $b})",
    ),
    (
        "string building",
        r#"$join(items.(name & ": " & $string(price) & " (" & category & ")"), ", ")"#,
    ),
    ("merge", "$merge(items.{name: price})"),
];

/// An expression that JSONata states of the chain evaluate.
const OUTPUT: &str = r#"{"total": $states.input.total + 1, "name": $states.input.name}"#;

pub(crate) fn measure(_: &Setting) -> Result<Vec<Table>> {
    Ok(vec![
        threads()?,
        jsonata_states()?,
        beside_core()?,
        authorisation()?,
    ])
}

fn threads() -> Result<Table> {
    progress("language: threads");
    let mut table = Table::new("Threads of one execution, decided (no engine, no disk)");
    let map = rig::program(
        r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":
        {"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#,
    )?;
    let items = Value::from_iter((0..MAP_ITEMS).map(|at| item(at as i64)));
    let ms = time_us(|| execution(&map, &items))? / 1e3;
    table
        .row(format!("inline Map of {MAP_ITEMS} Pass"), "ms", ms)
        .at_most(15.0);
    let branch = r#"{"StartAt":"P%","States":{"P%":{"Type":"Pass","End":true}}}"#;
    let branches = (0..PARALLEL_BRANCHES).map(|at| branch.replace('%', &at.to_string()));
    let branches = branches.collect::<Vec<_>>().join(",");
    let parallel = rig::program(&format!(
        r#"{{"StartAt":"F","States":{{"F":
        {{"Type":"Parallel","End":true,"Branches":[{branches}]}}}}}}"#
    ))?;
    let ms = time_us(|| execution(&parallel, &item(1)))? / 1e3;
    table
        .row(format!("Parallel of {PARALLEL_BRANCHES}"), "ms", ms)
        .at_most(0.3);
    Ok(table)
}

fn jsonata_states() -> Result<Table> {
    progress("language: JSONata states");
    let mut table = Table::new(format!("A JSONata state (chain of {CHAIN}, divided)"));
    let states = (1..=CHAIN).map(|at| {
        let next = match at {
            CHAIN => r#""End":true"#.to_owned(),
            _ => format!(r#""Next":"S{}""#, at + 1),
        };
        let output = Value::from(format!("{{% {OUTPUT} %}}"));
        format!(r#""S{at}":{{"Type":"Pass","Output":{output},{next}}}"#)
    });
    let program = rig::program(&format!(
        r#"{{"QueryLanguage":"JSONata","StartAt":"S1","States":{{{}}}}}"#,
        states.collect::<Vec<_>>().join(",")
    ))?;
    let input = json::parse(r#"{"total":1,"name":"Ada Lovelace"}"#)?;
    let state_us = time_us(|| execution(&program, &input))? / CHAIN as f64;
    let world = World(Value::empty_object().with_member("input", input));
    let expression = jsonata::compile(OUTPUT)?;
    let evaluation_us = time_us(|| evaluate(&expression, None, &world))?;
    table.row("the state", "µs", state_us);
    table.row("its evaluation alone", "µs", evaluation_us);
    table
        .row("beyond its evaluation", "µs", state_us - evaluation_us)
        .at_most(5.0);
    Ok(table)
}

fn beside_core() -> Result<Table> {
    let mut table =
        Table::new("JSONata as often as jsonata-core does it (its conversion not counted)");
    let data = document();
    let text = data.to_text();
    let core_data = JValue::from_json_str(&text).map_err(|error| anyhow::anyhow!("{error}"))?;
    for (name, source) in SHAPES {
        progress(&format!("language: {name}"));
        let expression = jsonata::compile(source)?;
        let world = World(Value::null());
        let ours = time_us(|| evaluate(&expression, Some(&data), &world))?;
        let core = jsonata_core::Expression::compile(source)
            .map_err(|error| anyhow::anyhow!("{}", error.display_message()))?;
        let theirs = time_us(|| match core.evaluate(&core_data) {
            Ok(value) => {
                black_box(value);
                Ok(())
            }
            Err(error) => bail!("jsonata-core: {}", error.message()),
        })?;
        table.row(name, "µs", ours);
        table
            .row(format!("{name}, times jsonata-core"), "", theirs / ours)
            .at_least(1.0);
    }
    Ok(table)
}

/// What every call and every task is asked for.
fn authorisation() -> Result<Table> {
    progress("language: policies");
    let mut table = Table::new("Authorisation of a call, decided from compiled policies");
    let asked = Asked::new()?;
    let us = time_us(|| {
        black_box(asked.decide());
        Ok(())
    })?;
    table
        .row("ten statements of a role", "µs", us)
        .at_most(20.0);
    Ok(table)
}

/// The time one call takes in the round in the middle, in microseconds.
fn time_us(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut round = |times: u32| -> Result<f64> {
        let begun = Instant::now();
        for _ in 0..times {
            work()?;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(times))
    };
    round(1)?;
    let mut times = 1;
    while times < TIMES_MAX && round(times)? * f64::from(times) < ROUND_US_MIN {
        times *= 2;
    }
    let rounds = (0..ROUNDS)
        .map(|_| round(times))
        .collect::<Result<Vec<_>>>()?;
    Ok(middle(&rounds))
}

/// Decides an execution of states that wait for nothing, from its start to its end.
fn execution(program: &Program, input: &Value) -> Result<()> {
    let start = Box::new(Start {
        input: input.clone(),
        ..Start::default()
    });
    let moment = Moment {
        now: Timestamp(0),
        random: 0,
        allowance: Allowance::Full,
    };
    let decided = |run: &Run, input: Input| -> Result<Decision> {
        let refused = |refusal| anyhow::anyhow!("the decision was refused: {refusal:?}");
        decide(program, run, moment, input).map_err(refused)
    };
    let mut decision = decided(&Run::default(), Input::Start(start))?;
    while decision.yielded {
        decision = decided(&decision.run, Input::Continue)?;
    }
    let status = decision.run.status;
    ensure!(status == Status::Succeeded, "the execution is {status:?}");
    black_box(decision);
    Ok(())
}

/// `$states` and nothing else.
struct World(Value);

impl Environment for World {
    fn variable(&self, name: &str) -> Option<Value> {
        (name == "states").then(|| self.0.clone())
    }

    fn now_ms(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        4
    }
}

fn evaluate(expression: &jsonata::Expression, data: Option<&Value>, world: &World) -> Result<()> {
    let meter = Meter::new(jsonata::Allowance::FULL);
    match expression.evaluate(data, world, &meter)? {
        Outcome::Value(value) => {
            black_box(value);
            Ok(())
        }
        _ => None.context("the expression has no value"),
    }
}

fn item(number: i64) -> Value {
    Value::empty_object().with_member("id", number.into())
}

/// A thousand articles, and the numbers up to a thousand.
fn document() -> Value {
    let article = |at: i64| {
        let category = match at % 4 {
            0 => "Electronics",
            1 => "Clothing",
            2 => "Books",
            _ => "Home",
        };
        let vendor = Value::empty_object().with_member("name", format!("V{}", at % 10).into());
        Value::empty_object()
            .with_member("id", at.into())
            .with_member("name", format!("Product {at}").into())
            .with_member("category", category.into())
            .with_member("price", (10.0 + at as f64 * 2.5).into())
            .with_member("inStock", (at % 2 == 0).into())
            .with_member("vendor", vendor)
    };
    Value::empty_object()
        .with_member("items", (0..1_000).map(article).collect())
        .with_member("numbers", (0..1_000_i64).map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is compared says the same on both sides.
    #[test]
    fn shapes_mean_the_same_to_both() {
        let data = document();
        let core_data = JValue::from_json_str(&data.to_text()).unwrap();
        for (name, source) in SHAPES {
            let expression = jsonata::compile(source).unwrap();
            let meter = Meter::new(jsonata::Allowance::FULL);
            let ours = expression.evaluate(Some(&data), &World(Value::null()), &meter);
            let Ok(Outcome::Value(ours)) = ours else {
                panic!("{name}: {ours:?}")
            };
            let core = jsonata_core::Expression::compile(source).unwrap();
            let theirs = core.evaluate(&core_data).unwrap().to_json_string().unwrap();
            assert_eq!(ours, json::parse(&theirs).unwrap(), "{name}");
        }
    }
}
