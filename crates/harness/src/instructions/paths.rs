//! The hot paths: what each prepares, and the operation that is repeated.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result};
use asl::choice::Condition;
use asl::decide::{Allowance, Decision, Input, Moment, decide};
use asl::event::Start;
use asl::jsonpath;
use asl::program::Program;
use asl::run::Run;
use asl::template::{Outside, Scope, Template};
use asl::time::Timestamp;
use aws::Request;
use engine::record::{Compressor, Encoder};
use http::HeaderValue;
use json::Value;
use jsonata::Meter;
use store::{Batch, Committed, EntityId, Memory, ShardId, Store, Write};

use crate::bench::payload::{order, order_value};
use crate::bench::rig;

/// Something that is done for every request or state.
pub(super) struct Path {
    pub(super) name: &'static str,
    /// Operations of the shorter of the two runs.
    pub(super) times: u64,
    /// Does it so many times.
    pub(super) run: fn(u64) -> Result<()>,
}

pub(super) const PATHS: &[Path] = &[
    Path {
        name: "json-parse-1KiB",
        times: 500,
        run: json_parse,
    },
    Path {
        name: "json-check-1KiB",
        times: 500,
        run: json_check,
    },
    Path {
        name: "json-write-1KiB",
        times: 500,
        run: json_write,
    },
    Path {
        name: "with-member-200KiB",
        times: 1_000,
        run: with_member,
    },
    Path {
        name: "jsonpath-select",
        times: 1_000,
        run: jsonpath_select,
    },
    Path {
        name: "template-evaluate",
        times: 1_000,
        run: template_evaluate,
    },
    Path {
        name: "choice-evaluate",
        times: 1_000,
        run: choice_evaluate,
    },
    Path {
        name: "jsonata-evaluate",
        times: 500,
        run: jsonata_evaluate,
    },
    Path {
        name: "decide-100-pass",
        times: 20,
        run: decide_pass,
    },
    Path {
        name: "decide-map-100-pass",
        times: 20,
        run: decide_map,
    },
    Path {
        name: "decide-parallel-20",
        times: 50,
        run: decide_parallel,
    },
    Path {
        name: "decide-100-jsonata",
        times: 20,
        run: decide_jsonata,
    },
    Path {
        name: "decide-task-result",
        times: 500,
        run: decide_task,
    },
    Path {
        name: "record-encode",
        times: 500,
        run: record_encode,
    },
    Path {
        name: "record-encode-100-states",
        times: 20,
        run: record_encode_chain,
    },
    Path {
        name: "record-decode-fold",
        times: 500,
        run: record_fold,
    },
    Path {
        name: "record-fold-map-100",
        times: 20,
        run: record_fold_map,
    },
    Path {
        name: "aws-decode-start",
        times: 500,
        run: aws_decode,
    },
    Path {
        name: "aws-route",
        times: 1_000,
        run: aws_route,
    },
    Path {
        name: "iam-evaluate-10",
        times: 1_000,
        run: super::iam::evaluate,
    },
];

const INPUT_BYTES: usize = 1_024;
const MOMENT: Moment = Moment {
    now: Timestamp(1_767_225_600_000),
    random: 7,
    allowance: Allowance::Inline,
};

pub(super) fn repeat<T>(times: u64, mut operation: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(operation());
    }
}

fn json_parse(times: u64) -> Result<()> {
    let text = order(1, INPUT_BYTES);
    json::parse(&text)?;
    repeat(times, || json::parse(black_box(&text)));
    Ok(())
}

/// What is done with an input that nobody has looked into.
fn json_check(times: u64) -> Result<()> {
    let text: Arc<str> = order(1, INPUT_BYTES).into();
    json::parse_lazy(Arc::clone(&text))?;
    repeat(times, || json::parse_lazy(Arc::clone(black_box(&text))));
    Ok(())
}

fn json_write(times: u64) -> Result<()> {
    let value = json::parse(&order(1, INPUT_BYTES))?;
    repeat(times, || black_box(&value).to_text());
    Ok(())
}

fn with_member(times: u64) -> Result<()> {
    let value = json::parse(&order(1, 200 << 10))?;
    repeat(times, || black_box(&value).with_member("step", true.into()));
    Ok(())
}

fn jsonpath_select(times: u64) -> Result<()> {
    let value = json::parse(&order(1, INPUT_BYTES))?;
    let path = jsonpath::Path::parse("$.order.items[2].article")?;
    let meter = meter();
    path.select(&value, &meter)?;
    repeat(times, || path.select(black_box(&value), &meter));
    Ok(())
}

/// Nothing these cases evaluate asks for it.
struct NoOutside;

impl Outside for NoOutside {
    fn context(&self) -> Value {
        Value::default()
    }

    fn variable(&self, _: &str) -> Option<Value> {
        None
    }

    fn random(&self) -> u64 {
        MOMENT.random
    }

    fn now_ms(&self) -> i64 {
        MOMENT.now.0
    }
}

/// More than any repetition takes.
fn meter() -> Meter {
    Meter::new(jsonata::Allowance {
        steps: u64::MAX,
        bytes: u64::MAX,
        ..jsonata::Allowance::FULL
    })
}

fn template_evaluate(times: u64) -> Result<()> {
    let template = r#"{"id.$":"$.id","kind":"order","detail":{"lines.$":"$.order.items"}}"#;
    let template = Template::compile(&json::parse(template)?);
    let template = template.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let input = json::parse(&order(1, INPUT_BYTES))?;
    let meter = meter();
    let scope = Scope::new(&input, &NoOutside, &meter);
    let evaluated = template.evaluate(&scope);
    evaluated.map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
    repeat(times, || template.evaluate(black_box(&scope)));
    Ok(())
}

fn choice_evaluate(times: u64) -> Result<()> {
    let rule = r#"{"And":[{"Variable":"$.order.paid","BooleanEquals":false},
        {"Variable":"$.step","NumericLessThan":10},
        {"Not":{"Variable":"$.id","StringEquals":"none"}}]}"#;
    let condition = Condition::compile(&json::parse(rule)?);
    let condition = condition.map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let input = json::parse(&order(1, INPUT_BYTES))?;
    let meter = meter();
    let scope = Scope::new(&input, &NoOutside, &meter);
    let holds = condition.evaluate(&scope);
    anyhow::ensure!(
        holds.is_ok_and(|holds| holds),
        "the condition does not hold"
    );
    repeat(times, || condition.evaluate(black_box(&scope)));
    Ok(())
}

/// Variables are not asked for.
struct NoEnvironment;

impl jsonata::Environment for NoEnvironment {
    fn variable(&self, _: &str) -> Option<Value> {
        None
    }

    fn now_ms(&self) -> i64 {
        MOMENT.now.0
    }

    fn random(&self) -> u64 {
        MOMENT.random
    }
}

fn jsonata_evaluate(times: u64) -> Result<()> {
    let source = r#"{"id": id, "lines": order.items[quantity > 20].{"a": article, "q": quantity},
        "count": $sum(order.items.quantity)}"#;
    let expression = jsonata::compile(source)?;
    let input = json::parse(&order(1, INPUT_BYTES))?;
    let meter = meter();
    let outcome = expression.evaluate(Some(&input), &NoEnvironment, &meter)?;
    let has_lines = matches!(&outcome, jsonata::Outcome::Value(it) if it.get("lines").is_some());
    anyhow::ensure!(has_lines, "no lines: {outcome:?}");
    repeat(times, || {
        expression.evaluate(Some(black_box(&input)), &NoEnvironment, &meter)
    });
    Ok(())
}

/// A definition of so many states of a kind in a row.
fn chain(len: usize, members: impl Fn(usize) -> String) -> String {
    let states: Vec<String> = (1..=len)
        .map(|at| match at < len {
            true => format!(r#""S{at}":{{{},"Next":"S{}"}}"#, members(at), at + 1),
            false => format!(r#""S{at}":{{{},"End":true}}"#, members(at)),
        })
        .collect();
    format!(r#"{{"StartAt":"S1","States":{{{}}}}}"#, states.join(","))
}

fn start() -> Result<Input> {
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
    Ok(Input::Start(Box::new(Start {
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:orders:first".into(),
        execution_name: "first".into(),
        state_machine_arn: machine.into(),
        state_machine_name: "orders".into(),
        role_arn: "arn:aws:iam::123456789012:role/orders".into(),
        definition: 1,
        input: order_value(1, INPUT_BYTES)?,
        ..Start::default()
    })))
}

fn decided(program: &Program, run: &Run, input: Input) -> Result<Decision> {
    let decision = decide(program, run, MOMENT, input);
    decision.map_err(|refusal| anyhow::anyhow!("refused: {refusal:?}"))
}

/// Decides an execution of this definition, which ends with its first decision.
fn decide_whole(definition: &str, times: u64) -> Result<()> {
    let program = rig::program(definition)?;
    let (run, input) = (Run::default(), start()?);
    let ended = decided(&program, &run, input.clone())?.run;
    anyhow::ensure!(ended.end.is_some(), "the execution has not ended");
    repeat(times, || {
        decide(&program, black_box(&run), MOMENT, input.clone())
    });
    Ok(())
}

fn decide_pass(times: u64) -> Result<()> {
    decide_whole(&chain(100, |_| r#""Type":"Pass""#.to_owned()), times)
}

/// A Map of 100 iterations.
fn map() -> String {
    let items: Value = (0..100_i64).map(Value::from).collect();
    let definition = r#"{"StartAt":"I","States":{"I":{"Type":"Pass","Result":ITEMS,"Next":"M"},
        "M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"P","States":
        {"P":{"Type":"Pass","End":true}}}}}}"#;
    definition.replace("ITEMS", &items.to_text())
}

fn decide_map(times: u64) -> Result<()> {
    decide_whole(&map(), times)
}

fn decide_parallel(times: u64) -> Result<()> {
    let branch = |at| format!(r#"{{"StartAt":"P{at}","States":{{"P{at}":{PASS}}}}}"#);
    let branches: Vec<String> = (0..20).map(branch).collect();
    let definition = format!(
        r#"{{"StartAt":"F","States":{{"F":{{"Type":"Parallel","End":true,"Branches":[{}]}}}}}}"#,
        branches.join(",")
    );
    decide_whole(&definition, times)
}

const PASS: &str = r#"{"Type":"Pass","End":true}"#;

fn decide_jsonata(times: u64) -> Result<()> {
    let output = r#""Output":{"id":"{% $states.input.id %}","n":"{% 1 + 2 * 3 %}"}"#;
    let members = |_| format!(r#""Type":"Pass","QueryLanguage":"JSONata",{output}"#);
    decide_whole(&chain(100, members), times)
}

fn task(_: usize) -> String {
    r#""Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:f""#.to_owned()
}

fn decide_task(times: u64) -> Result<()> {
    let program = rig::program(&chain(2, task))?;
    let run = decided(&program, &Run::default(), start()?)?.run;
    let input = task_result(&program, &run)?;
    decided(&program, &run, input.clone())?;
    repeat(times, || {
        decide(&program, black_box(&run), MOMENT, input.clone())
    });
    Ok(())
}

/// A result of 1 KiB for the call that a run waits for.
fn task_result(program: &Program, run: &Run) -> Result<Input> {
    let calls = run.owed_calls(program);
    let call = calls.first().context("the run waits for no call")?;
    Ok(Input::TaskSucceeded {
        attempt: call.attempt,
        output: order_value(2, INPUT_BYTES)?,
    })
}

const ENTITY: EntityId = EntityId(64);

fn record_encode(times: u64) -> Result<()> {
    let program = rig::program(&chain(2, task))?;
    let begun = decided(&program, &Run::default(), start()?)?;
    let result = decided(&program, &begun.run, task_result(&program, &begun.run)?)?;
    let mut compressor = Compressor::default();
    let mut encoder = Encoder::new(ENTITY);
    encoder.encode(begun.time, &begun.events, &mut compressor);
    repeat(times, || {
        // A clone, so that every record is this execution's second one.
        black_box(&encoder)
            .clone()
            .encode(result.time, &result.events, &mut compressor)
    });
    Ok(())
}

/// One record of a chain whose states change one member each.
fn record_encode_chain(times: u64) -> Result<()> {
    let states = |at| format!(r#""Type":"Pass","Result":{at},"ResultPath":"$.step""#);
    let program = rig::program(&chain(100, states))?;
    let ended = decided(&program, &Run::default(), start()?)?;
    let mut compressor = Compressor::default();
    repeat(times, || {
        Encoder::new(ENTITY).encode(ended.time, black_box(&ended.events), &mut compressor)
    });
    Ok(())
}

fn record_fold(times: u64) -> Result<()> {
    let program = rig::program(&chain(2, task))?;
    let begun = decided(&program, &Run::default(), start()?)?;
    let result = decided(&program, &begun.run, task_result(&program, &begun.run)?)?;
    fold(times, &[begun, result])
}

/// A Map that has ended.
fn record_fold_map(times: u64) -> Result<()> {
    let program = rig::program(&map())?;
    let ended = decided(&program, &Run::default(), start()?)?;
    anyhow::ensure!(ended.run.end.is_some(), "the Map has not ended");
    fold(times, &[ended])
}

/// Reads the records of these decisions back.
fn fold(times: u64, decisions: &[Decision]) -> Result<()> {
    let (mut compressor, mut encoder) = (Compressor::default(), Encoder::new(ENTITY));
    let store = Memory::new();
    let shard = ShardId(0);
    let acquired = store.acquire(&[shard])?;
    let (epoch, sequence) = acquired.first().copied().context("no shard")?;
    let writes = (0..).zip(decisions).map(|(number, decision)| {
        let record = encoder.encode(decision.time, &decision.events, &mut compressor);
        Write::Append {
            entity: ENTITY,
            number,
            record,
        }
    });
    let writes = writes.collect();
    let answers = store.commit(&[Batch {
        shard,
        epoch,
        sequence: sequence + 1,
        writes,
    }]);
    anyhow::ensure!(answers == [Committed::Ok], "the commit failed: {answers:?}");
    let loaded = engine::journal::load(&store, ENTITY)?.context("the journal is empty")?;
    let last = decisions.last().context("no decision")?;
    anyhow::ensure!(loaded.run == last.run, "the fold differs");
    repeat(times, || {
        engine::journal::load(black_box(&store), ENTITY).is_ok()
    });
    Ok(())
}

fn start_request() -> Request {
    let mut request = Request::new(http::Method::POST, "/");
    let headers = [
        ("host", "127.0.0.1:8083"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "AWSStepFunctions.StartExecution"),
        ("x-amz-date", "20260101T000000Z"),
        (
            "user-agent",
            "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux",
        ),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/states/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=f7c3bc1d808e04732adf679965ccc34ca7ae3441f7c3bc1d808e04732adf6799",
        ),
    ];
    for (name, value) in headers {
        request
            .headers
            .insert(name, HeaderValue::from_static(value));
    }
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
    let body = crate::bench::server::start_body(machine, "first", &order(1, INPUT_BYTES));
    request.body = body.into();
    request
}

fn aws_route(times: u64) -> Result<()> {
    let request = start_request();
    let routed = aws::route::route(&request);
    anyhow::ensure!(routed.is_ok(), "the request was not routed");
    drop(routed);
    repeat(times, || aws::route::route(black_box(&request)).is_ok());
    Ok(())
}

fn aws_decode(times: u64) -> Result<()> {
    let request = start_request();
    let Ok(route) = aws::route::route(&request) else {
        anyhow::bail!("the request was not routed");
    };
    let decode = || aws::protocol::decode_request(route.model, route.operation, &request);
    anyhow::ensure!(
        decode()?.violations.is_empty(),
        "the request has violations"
    );
    repeat(times, || decode().is_ok());
    Ok(())
}
