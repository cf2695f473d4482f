//! Our JSONata against the crate `jsonata-core`, on mutants of the official suite's expressions:
//! ours always ends within its meter, and where the two differ, a class of [`class`] says why.
//!
//! ```text
//! LOCKSTEP_SEED=17 cargo test -p harness mutants -- --nocapture       one mutant
//! LOCKSTEP_SEEDS=100000 cargo test -p harness mutants -- --nocapture  many, with the counts
//! ```
//!
//! With `LOCKSTEP_DIFFERENCES=FILE` every difference that no class explains is written there, one
//! JSON object to a line, for whoever wants to ask a third implementation.

mod class;
mod mutate;
mod other;
mod source;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use json::{ObjectBuilder, Value};
use jsonata::{Allowance, Environment, Meter, Outcome};
use parking_lot::Mutex;

use crate::dice::Dice;
use crate::seeds::variable;
use mutate::Pool;
use other::Other;
use source::Source;

/// Mutants of the gate.
const SEEDS: u64 = 4_000;
/// Differences shown at most.
const SHOWN_MAX: usize = 40;
/// Steps of an evaluation of ours: fewer than users have, so that bombs end soon in a debug build.
const STEPS: u64 = 400_000;
/// So many steps take far less, also in a debug build beside other tests.
const SECONDS_MAX: Duration = Duration::from_secs(20);

/// What an implementation says.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Value(Value),
    Undefined,
    Function,
    Fails(String),
    /// No answer at all.
    Dies,
}

impl Answer {
    fn write(&self) -> Value {
        let (name, value) = match self {
            Answer::Value(value) => ("value", value.clone()),
            Answer::Undefined => ("undefined", true.into()),
            Answer::Function => ("function", true.into()),
            Answer::Fails(text) => ("fails", text.as_str().into()),
            Answer::Dies => ("dies", true.into()),
        };
        ObjectBuilder::new().add(name, value).build().into()
    }

    fn read(text: &str) -> Answer {
        let value = json::parse(text).unwrap_or_default();
        match value.as_object().and_then(|object| object.iter().next()) {
            Some(("value", value)) => Answer::Value(value.clone()),
            Some(("undefined", _)) => Answer::Undefined,
            Some(("function", _)) => Answer::Function,
            Some(("fails", text)) => Answer::Fails(text.as_str().unwrap_or_default().to_owned()),
            _ => Answer::Dies,
        }
    }
}

/// No variables; a fixed time; numbers from a counter.
struct Surroundings(Cell<u64>);

impl Environment for Surroundings {
    fn variable(&self, _: &str) -> Option<Value> {
        None
    }

    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }

    fn random(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        self.0.get()
    }
}

fn ours(expression: &str, data: Option<&Value>) -> Answer {
    let meter = Meter::new(Allowance {
        steps: STEPS,
        ..Allowance::FULL
    });
    let surroundings = Surroundings(Cell::new(1));
    let evaluated = jsonata::compile(expression)
        .and_then(|compiled| compiled.evaluate(data, &surroundings, &meter));
    match evaluated {
        Ok(Outcome::Undefined) => Answer::Undefined,
        Ok(Outcome::Function) => Answer::Function,
        Ok(Outcome::Value(value)) => Answer::Value(value),
        Err(error) => Answer::Fails(error.to_string()),
    }
}

/// A mutant, and what both say.
struct Difference {
    seed: u64,
    expression: String,
    data: Option<Value>,
    ours: Answer,
    theirs: Answer,
}

#[derive(Default)]
struct Tally {
    /// Differences of each class.
    classes: BTreeMap<&'static str, usize>,
    agreed: usize,
    unexplained: Vec<Difference>,
    broken: Vec<String>,
    deaths: usize,
}

fn mutant(pool: &Pool, sources: &[Source], seed: u64) -> (String, Option<Value>) {
    let mut dice = Dice::new(seed);
    let at = usize::try_from(dice.below(sources.len() as u64)).unwrap();
    (pool.mutant(at, &mut dice), sources[at].data.clone())
}

/// Asks both, and sorts the difference.
fn compare(other: &mut Other, seed: u64, (expression, data): (String, Option<Value>)) -> Verdict {
    let begun = Instant::now();
    let answer = catch_unwind(AssertUnwindSafe(|| ours(&expression, data.as_ref())));
    let Ok(ours) = answer else {
        return Verdict::Broken(format!("seed {seed} panics: {expression}"));
    };
    if begun.elapsed() > SECONDS_MAX {
        let elapsed = begun.elapsed();
        return Verdict::Broken(format!("seed {seed} takes {elapsed:?}: {expression}"));
    }
    let theirs = other.ask(&expression, data.as_ref());
    if class::same(&ours, &theirs) {
        return Verdict::Agreed;
    }
    let difference = Difference {
        seed,
        expression,
        data,
        ours,
        theirs,
    };
    match class::explain(&difference) {
        Some(class) => Verdict::Explained(class),
        None => Verdict::Unexplained(Box::new(difference)),
    }
}

enum Verdict {
    Agreed,
    Explained(&'static str),
    Unexplained(Box<Difference>),
    /// A panic, or no end.
    Broken(String),
}

impl Difference {
    fn to_json(&self) -> Value {
        let mut object = ObjectBuilder::new();
        object.add("seed", self.seed);
        object.add("expression", self.expression.as_str());
        if let Some(data) = &self.data {
            object.add("data", data.clone());
        }
        object.add("ours", self.ours.write());
        object.add("theirs", self.theirs.write());
        object.build().into()
    }

    fn show(&self) -> String {
        let Difference {
            seed,
            expression,
            data,
            ours,
            theirs,
        } = self;
        let short = |text: String| text.chars().take(600).collect::<String>();
        let data = data.as_ref().map_or_else(String::new, Value::to_text);
        format!(
            "seed {seed}: {expression}\n  data   {}\n  ours   {}\n  theirs {}",
            short(data),
            short(ours.write().to_text()),
            short(theirs.write().to_text()),
        )
    }
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Agreed => self.agreed += 1,
            Verdict::Explained(class) => *self.classes.entry(class).or_default() += 1,
            Verdict::Unexplained(difference) => self.unexplained.push(*difference),
            Verdict::Broken(text) => self.broken.push(text),
        }
    }
}

fn run(seeds: impl Iterator<Item = u64> + Send, sources: &[Source]) -> Tally {
    let pool = Pool::new(sources.iter().map(|source| source.expression.as_str()));
    let (seeds, tally) = (Mutex::new(seeds), Mutex::new(Tally::default()));
    let work = || {
        let mut other = Other::new();
        loop {
            let Some(seed) = seeds.lock().next() else {
                break;
            };
            let verdict = compare(&mut other, seed, mutant(&pool, sources, seed));
            tally.lock().count(verdict);
        }
        tally.lock().deaths += other.deaths;
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    tally.into_inner()
}

fn show(seed: u64, sources: &[Source]) {
    let pool = Pool::new(sources.iter().map(|source| source.expression.as_str()));
    let (expression, data) = mutant(&pool, sources, seed);
    let ours = ours(&expression, data.as_ref());
    let theirs = Other::new().ask(&expression, data.as_ref());
    let difference = Difference {
        seed,
        expression,
        data,
        ours,
        theirs,
    };
    println!("{}\n  {:?}", difference.show(), class::explain(&difference));
}

#[test]
fn mutants_are_answered_alike_or_the_difference_is_known() {
    let (one, many) = (variable("LOCKSTEP_SEED"), variable("LOCKSTEP_SEEDS"));
    let (sources, has_suite) = source::all(many.is_some());
    // Our own cases are harder on the clock than the suite's.
    let gate = if has_suite { SEEDS } else { SEEDS / 4 };
    let tally = match (one, many) {
        (Some(seed), _) => {
            show(seed, &sources);
            run(std::iter::once(seed), &sources)
        }
        (None, seeds) => run(0..seeds.unwrap_or(gate), &sources),
    };
    let Tally {
        classes,
        agreed,
        mut unexplained,
        broken,
        deaths,
    } = tally;
    println!("{agreed} agree; differences by class: {classes:#?}; the other died {deaths} times");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    if let Some(file) = std::env::var_os("LOCKSTEP_DIFFERENCES") {
        let lines = unexplained.iter().map(Difference::to_json);
        let lines: Vec<String> = lines.map(|line| format!("{line}\n")).collect();
        std::fs::write(file, lines.concat()).unwrap();
    }
    let count = unexplained.len();
    unexplained.truncate(SHOWN_MAX);
    let shown: Vec<String> = unexplained.iter().map(Difference::show).collect();
    assert!(count == 0, "{count} unexplained:\n{}", shown.join("\n"));
}
