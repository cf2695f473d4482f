//! Mocked responses of tasks: a `MockConfigFile.json`, in the format of Step Functions Local.
//!
//! ```json
//! {"StateMachines": {"orders": {"TestCases": {"retries": {"Charge": "FlakyCharge"}}}},
//!  "MockedResponses": {"FlakyCharge": {
//!      "0-1": {"Throw": {"Error": "Busy", "Cause": "try again"}},
//!      "2": {"Return": {"paid": true}}}}}
//! ```
//!
//! A test case names a mocked response for each Task state. Its keys count the calls of that state
//! in one execution, from 0: first attempts, retries, iterations and loops alike. Source: Step
//! Functions developer guide, "Using mocked service integrations".

mod runner;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use asl::decide::{Call, Input};
use asl::event::{Failure, Text};
use asl::program::{Pattern, Program, StateKind};
use json::{Object, Value};

use crate::files;

pub(crate) use runner::MockedRunner;

/// Longest mock file: room for some sixty payloads of the largest size.
const BYTES_MAX: usize = 16 << 20;

/// A mock file: test cases by the name of their state machine and their own.
#[derive(Debug)]
pub(crate) struct MockFile {
    /// What the file is called in messages.
    name: String,
    machines: BTreeMap<String, BTreeMap<String, Arc<TestCase>>>,
}

/// The mocks of one test case.
#[derive(Debug)]
pub(crate) struct TestCase {
    /// The state machine's name in the file.
    pub machine: String,
    /// The test case's own name.
    pub name: String,
    /// What the test case is, for messages.
    source: String,
    /// By the name of the state.
    states: BTreeMap<String, Arc<Response>>,
}

/// A mocked response.
#[derive(Debug)]
struct Response {
    name: String,
    answers: Vec<Answer>,
}

/// What the calls `first` to `last` are answered with.
#[derive(Debug)]
struct Answer {
    first: u64,
    last: u64,
    outcome: Outcome,
}

/// What a mocked task gives.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Return(Value),
    Throw(Failure),
}

/// Which test case to take, as far as the caller says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    pub state_machine: Option<&'a str>,
    pub test_case: Option<&'a str>,
}

impl MockFile {
    pub(crate) fn read(file: &Path) -> Result<MockFile> {
        let text = files::text(file, "the mocks", BYTES_MAX)?;
        MockFile::parse(&text, &file.display().to_string())
    }

    /// Reads the text of a mock file, which is called `name` in messages.
    pub(crate) fn parse(text: &str, name: &str) -> Result<MockFile> {
        let root = files::json(text, &format!("`{name}`"))?;
        let machines = machines(&root, name);
        Ok(MockFile {
            name: name.to_owned(),
            machines: machines.with_context(|| format!("cannot use the mocks of `{name}`"))?,
        })
    }

    /// The test case of these names.
    pub(crate) fn case(&self, machine: &str, case: &str) -> Option<&TestCase> {
        self.machines.get(machine)?.get(case).map(AsRef::as_ref)
    }

    /// The test case asked for, or the only one.
    pub(crate) fn select(&self, selection: Selection<'_>) -> Result<&Arc<TestCase>> {
        let case = only(
            &self.machines,
            selection.state_machine,
            "state machine",
            "--state-machine",
        )
        .and_then(|(machine, cases)| {
            let case = only(cases, selection.test_case, "test case", "--test-case");
            Ok(case
                .with_context(|| format!("state machine `{machine}`"))?
                .1)
        });
        case.with_context(|| format!("cannot use the mocks of `{}`", self.name))
    }

    /// Why a test case that was asked for is none, and which there are.
    pub(crate) fn unknown(&self, machine: &str, case: &str) -> String {
        let file = &self.name;
        match self.machines.get(machine) {
            None => format!("the mock file `{file}` has no state machine '{machine}'"),
            Some(cases) => format!(
                "the state machine '{machine}' has no test case '{case}' in the mock file \
                 `{file}`; {}",
                names(cases)
            ),
        }
    }
}

impl TestCase {
    /// Refuses names that are no Task states: a typo would leave the state without its mock.
    pub(crate) fn check(&self, program: &Program) -> Result<()> {
        for name in self.states.keys() {
            let found = program.states.iter().find(|state| *state.name == **name);
            match found.map(|state| &state.kind) {
                Some(StateKind::Task(_)) => {}
                Some(_) => bail!(
                    "{} names the state `{name}`, which is no Task; only Tasks have mocks",
                    self.source
                ),
                None => bail!(
                    "{} names the state `{name}`, which the definition does not have",
                    self.source
                ),
            }
        }
        Ok(())
    }

    /// What a call is answered with; `None` if its state has no mock.
    ///
    /// # Errors
    /// The mock has no answer for the call's number.
    pub(crate) fn outcome(&self, call: &Call) -> Option<Result<&Outcome>> {
        let response = self.states.get(&*call.state_name)?;
        let number = u64::from(call.number);
        let covers = |answer: &&Answer| (answer.first..=answer.last).contains(&number);
        let answer = response.answers.iter().find(covers).ok_or_else(|| {
            anyhow!(
                "state `{}` calls `{}` once more, and the mocked response `{}` has no key for \
                 call {number} (they count from 0, retries and iterations included); add the key \
                 `\"{number}\"` or a range that holds it, such as `\"{number}-99\"`",
                call.state_name,
                call.resource.arn,
                response.name
            )
        });
        Some(answer.map(|answer| &answer.outcome))
    }

    /// How a call ends where nothing but the mock can answer.
    ///
    /// # Errors
    /// Its state has no mock, or the mock no answer for its number.
    pub(crate) fn answer(&self, call: &Call) -> Result<Input> {
        let outcome = self
            .outcome(call)
            .unwrap_or_else(|| Err(self.without_mock(call)));
        let attempt = call.attempt;
        Ok(match outcome?.clone() {
            Outcome::Return(output) => Input::TaskSucceeded { attempt, output },
            Outcome::Throw(failure) => Input::TaskFailed { attempt, failure },
        })
    }

    fn without_mock(&self, call: &Call) -> anyhow::Error {
        let state = &*call.state_name;
        anyhow!(
            "state `{state}` calls `{}`, and {} has no mock for it; add \
             `\"{state}\": \"<name of a mocked response>\"` to the test case",
            call.resource.arn,
            self.source
        )
    }
}

/// Whether a mocked call answers twice: that the job or callback was taken on, then its result,
/// which is the mock's.
pub(crate) fn is_submitted(call: &Call) -> bool {
    match call.resource.pattern {
        Pattern::RequestResponse => false,
        Pattern::RunJob | Pattern::WaitForTaskToken => true,
    }
}

/// What such a call answers first. A mock does not say.
pub(crate) fn submission() -> Value {
    Value::empty_object()
}

/// Why a call without any mocks is not made, and how to mock it.
pub(crate) fn unmocked(call: &Call, machine: &str) -> anyhow::Error {
    let state = &*call.state_name;
    anyhow!(
        "state `{state}` calls `{}`, and `lockstep run` makes no calls: mock its response with \
         `--mocks FILE`, where FILE holds\n  \
         {{\"StateMachines\": {{\"{machine}\": {{\"TestCases\": {{\"first\": {{\"{state}\": \
         \"Answer\"}}}}}}}},\n   \"MockedResponses\": {{\"Answer\": {{\"0\": {{\"Return\": \
         {{}}}}}}}}}}",
        call.resource.arn
    )
}

/// Everything in the file, checked.
fn machines(root: &Value, file: &str) -> Result<BTreeMap<String, BTreeMap<String, Arc<TestCase>>>> {
    let machines = member(root, "StateMachines", "the file")?;
    let responses = member(root, "MockedResponses", "the file")?.iter();
    let response = |(name, response): (&str, &Value)| {
        let answers = answers(response).with_context(|| format!("mocked response `{name}`"))?;
        let name = name.to_owned();
        Ok((name.clone(), Arc::new(Response { name, answers })))
    };
    let responses: BTreeMap<_, _> = responses.map(response).collect::<Result<_>>()?;
    let machine = |(machine, body): (&str, &Value)| {
        let cases = member(body, "TestCases", &format!("state machine `{machine}`"))?;
        let case = |(case, states): (&str, &Value)| {
            let states = mocked(case, states, &responses)
                .with_context(|| format!("state machine `{machine}`"))?;
            let source = format!("test case `{case}` of state machine `{machine}` in `{file}`");
            let case = TestCase {
                machine: machine.to_owned(),
                name: case.to_owned(),
                source,
                states,
            };
            Ok((case.name.clone(), Arc::new(case)))
        };
        Ok((
            machine.to_owned(),
            cases.iter().map(case).collect::<Result<_>>()?,
        ))
    };
    machines.iter().map(machine).collect()
}

/// The states of a test case with their responses.
fn mocked(
    case: &str,
    states: &Value,
    responses: &BTreeMap<String, Arc<Response>>,
) -> Result<BTreeMap<String, Arc<Response>>> {
    let states = states
        .as_object()
        .ok_or_else(|| anyhow!("test case `{case}` must be an object of state names"))?;
    let mocked = |(state, name): (&str, &Value)| {
        let name = name
            .as_str()
            .context("its value must be the name of a mocked response");
        let response = name.and_then(|name| {
            let response = responses.get(name).cloned();
            response
                .ok_or_else(|| anyhow!("there is no mocked response `{name}` in MockedResponses"))
        });
        let response = response.with_context(|| format!("test case `{case}`, state `{state}`"))?;
        Ok((state.to_owned(), response))
    };
    states.iter().map(mocked).collect()
}

/// The entry of that name; without a name the only entry there is.
fn only<'a, T>(
    among: &'a BTreeMap<String, T>,
    name: Option<&str>,
    what: &str,
    flag: &str,
) -> Result<(&'a str, &'a T)> {
    let entry = match (name, among.first_key_value(), among.len()) {
        (_, None, _) => bail!("it has no {what}"),
        (Some(name), Some(_), _) => among
            .get_key_value(name)
            .ok_or_else(|| anyhow!("no {what} `{name}`; {}", names(among)))?,
        (None, Some(first), 1) => first,
        (None, Some(_), _) => bail!("which {what}? {}; choose with {flag}", names(among)),
    };
    Ok((entry.0, entry.1))
}

fn names<T>(among: &BTreeMap<String, T>) -> String {
    let names: Vec<String> = among.keys().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "there are none".to_owned(),
        false => format!("there are {}", names.join(", ")),
    }
}

fn member<'a>(of: &'a Value, name: &str, whose: &str) -> Result<&'a Object> {
    of.get(name)
        .and_then(Value::as_object)
        .ok_or_else(|| anyhow!("{whose} must have an object `{name}`"))
}

/// The answers of a mocked response, in the order of the calls.
fn answers(response: &Value) -> Result<Vec<Answer>> {
    let keys = response
        .as_object()
        .context("it must be an object with keys such as `0` and `1-2`")?;
    let mut answers = Vec::with_capacity(keys.len());
    for (key, value) in keys {
        let (first, last) = range(key).ok_or_else(|| {
            anyhow!("the key `{key}` is neither a number such as `0` nor a range such as `1-2`")
        })?;
        let outcome = outcome(value).with_context(|| format!("key `{key}`"))?;
        answers.push(Answer {
            first,
            last,
            outcome,
        });
    }
    answers.sort_by_key(|answer| answer.first);
    for (one, next) in answers.iter().zip(answers.iter().skip(1)) {
        if next.first <= one.last {
            bail!("two keys answer call {}", next.first);
        }
    }
    Ok(answers)
}

/// `3` or `1-2`.
fn range(key: &str) -> Option<(u64, u64)> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let (first, last) = key.split_once('-').unwrap_or((key, key));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

fn outcome(value: &Value) -> Result<Outcome> {
    let shape = "it must be an object with either `Return` or `Throw`";
    let members = value.as_object().context(shape)?;
    match (members.get("Return"), members.get("Throw"), members.len()) {
        (Some(output), None, 1) => Ok(Outcome::Return(output.clone())),
        (None, Some(thrown), 1) => throw(thrown).map(Outcome::Throw),
        _ => bail!(shape),
    }
}

fn throw(thrown: &Value) -> Result<Failure> {
    let shape = "`Throw` must be an object with the texts `Error` and `Cause`";
    let members = thrown.as_object().context(shape)?;
    let mut failure = Failure::default();
    for (name, value) in members {
        let text = Some(Text::from(value.as_str().context(shape)?));
        match name {
            "Error" => failure.error = text,
            "Cause" => failure.cause = text,
            _ => bail!("{shape}; it has `{name}`"),
        }
    }
    failure.error.is_some().then_some(failure).context(shape)
}

#[cfg(test)]
mod tests;
