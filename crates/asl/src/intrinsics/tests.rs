use jsonata::{Allowance, Meter};

use super::*;
use crate::context::Chance;
use crate::template::testing::{Fixed, list, text};
use crate::template::{Failure, Outside, Reference, Scope};

const CASES: &str = include_str!("../../../../conformance/intrinsics/cases.json");

/// What a call makes of an input: the value, or the reason why there is none.
enum Answer {
    Ok(Value),
    Failure(String),
    Refused(String),
}

fn answer(call: &str, input: &Value, outside: &dyn Outside) -> Answer {
    let compiled = match Call::parse(call) {
        Ok(call) => Reference::Call(Box::new(call)),
        Err(error) => return Answer::Refused(error.reason),
    };
    let meter = Meter::new(Allowance::FULL);
    match compiled.evaluate("k.$", &Scope::new(input, outside, &meter)) {
        Ok(value) => Answer::Ok(value),
        Err(Failure::Intrinsic {
            call: named,
            reason,
        }) => {
            assert_eq!(&*named, call);
            Answer::Failure(reason)
        }
        Err(failure) => panic!("{call}: {failure}"),
    }
}

/// The input of the file, with the long members it describes.
fn input(file: &Value) -> Value {
    let repeated = file.get("repeat").and_then(Value::as_object).unwrap();
    let input = file.get("input").unwrap().clone();
    repeated.iter().fold(input, |input, (name, what)| {
        let times = what.index(1).and_then(Value::as_i64).unwrap();
        let times = usize::try_from(times).unwrap();
        let long = match what.index(0).unwrap().view() {
            json::View::String(text) => Value::from(text.repeat(times)),
            json::View::Array([element]) => Value::from(vec![element.clone(); times]),
            _ => panic!("{what}"),
        };
        input.with_member(name, long)
    })
}

#[test]
fn functions_answer() {
    let file = json::parse(CASES).unwrap();
    let input = input(&file);
    let mut wrong = Vec::new();
    for case in list(&file, "cases") {
        let answer = answer(text(case, "call"), &input, &Fixed::of(&file));
        let (member, said) = match answer {
            Answer::Ok(value) => ("ok", value),
            Answer::Failure(reason) => ("failure", reason.into()),
            Answer::Refused(reason) => ("refused", reason.into()),
        };
        if case.get(member).map(Value::to_text) != Some(said.to_text()) {
            wrong.push(format!("{case}\n    {member}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_has_cases_of_each_kind() {
    let file = json::parse(CASES).unwrap();
    let cases_of = |function: &Function, member: &str| {
        let cases = list(&file, "cases").iter();
        let call = format!("{}(", function.name);
        cases
            .filter(|case| text(case, "call").contains(&call) && case.get(member).is_some())
            .count()
    };
    for function in &FUNCTIONS {
        let name = function.name;
        let failures = cases_of(function, "failure") + cases_of(function, "refused");
        assert!(cases_of(function, "ok") > 0, "{name} never succeeds");
        assert!(failures > 0, "{name} never fails");
        assert!(cases_of(function, "limit") > 0, "{name} has no limits");
        assert_eq!(Function::named(name).map(|found| found.name), Some(name));
    }
    let mut names: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    names.dedup();
    assert_eq!(names.len(), FUNCTIONS.len());
}

#[test]
fn chance_is_uniform_and_a_seed_repeats_it() {
    let outside = Fixed::of(&Value::null());
    let drawn = |call: String| match answer(&call, &Value::null(), &outside) {
        Answer::Ok(value) => value.as_i64().unwrap(),
        Answer::Failure(reason) | Answer::Refused(reason) => panic!("{call}: {reason}"),
    };
    let mut seen = [0; 6];
    for seed in 0..600 {
        let call = format!("States.MathRandom(-3, 3, {seed})");
        let number = drawn(call.clone());
        assert_eq!(drawn(call), number);
        seen[usize::try_from(number + 3).unwrap()] += 1;
    }
    assert!(
        seen.iter().all(|count| (60..140).contains(count)),
        "{seen:?}"
    );
    let numbers: Vec<_> = (0..9)
        .map(|_| drawn("States.MathRandom(0, 1000000)".into()))
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] != pair[1]),
        "{numbers:?}"
    );
    // The widest range of all; no sum overflows.
    let widest = "States.MathRandom(-9223372036854775808, 9223372036854775807";
    let extremes: Vec<_> = (0..9)
        .map(|seed| drawn(format!("{widest}, {seed})")))
        .collect();
    assert!(extremes.iter().any(|number| *number < 0));
    assert!(extremes.iter().any(|number| *number > 0));
}

/// Whatever a call is given, it ends within the allowance.
#[test]
fn hostile_calls_are_stopped() {
    let wide: Vec<Value> = (0..40_000).map(Value::from).collect();
    let shared = (0..12).fold(Value::from("x"), |inner, _| vec![inner; 10].into());
    let input = Value::empty_object()
        .with_member("wide", wide.into())
        .with_member("shared", shared)
        .with_member("text", ",".repeat(200_000).into());
    let outside = Fixed::of(&Value::null());
    let allowance = Allowance {
        steps: 1_000_000,
        ..Allowance::FULL
    };
    let check = |call: &str, is_ok: bool| {
        let reference = Reference::parse(call).unwrap();
        let meter = Meter::new(allowance);
        match reference.evaluate("k.$", &Scope::new(&input, &outside, &meter)) {
            Ok(_) => assert!(is_ok, "{call}"),
            Err(failure) => assert!(failure.is_exhaustion() && !is_ok, "{call}: {failure}"),
        }
    };
    check("States.ArrayUnique($.wide)", true);
    check("States.ArrayContains($.wide, -1)", true);
    check("States.StringSplit($.text, $.text)", true);
    check("States.ArrayUnique($.shared)", false);
    check("States.JsonToString($.shared)", false);
    check("States.Format('{}', $.shared)", false);
    let merges = "$.wide, ".repeat(10_000);
    check(&format!("States.Array({merges} 1)"), true);
    let partitions = "States.ArrayPartition($.wide, 1), ".repeat(100);
    check(&format!("States.Array({partitions} 1)"), false);
}

/// 256 KiB of different elements are told apart in linear time: a hundred times as many take about
/// a hundred times the steps.
#[test]
fn unique_is_linear() {
    let steps = |count: i64| {
        let elements: Vec<Value> = (0..count).map(|n| vec![Value::from(n)].into()).collect();
        let (input, outside) = (Value::from(elements), Fixed::of(&Value::null()));
        let meter = Meter::new(Allowance::FULL);
        let call = Reference::parse("States.ArrayUnique($)").unwrap();
        let made = call.evaluate("k.$", &Scope::new(&input, &outside, &meter));
        assert_eq!(made.unwrap(), input);
        Allowance::FULL.steps - meter.steps_left()
    };
    assert!(steps(30_000) < steps(300) * 120);
}

/// The same seed gives the same bits in every build: definitions rely on it.
#[test]
fn seeds_are_stable() {
    assert_eq!(Chance::new(0).draw(), 0xE220_A839_7B1D_CDAF);
}
