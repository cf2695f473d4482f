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

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use asl::decide::{Call, Input};
use asl::event::{Failure, Text};
use asl::program::{Program, StateKind};
use json::{Object, Value};

/// The mocks of one test case, and how often each state has been answered.
#[derive(Debug)]
pub(crate) struct Mocks {
    /// The state machine's name in the file.
    pub machine: String,
    /// What the test case is, for messages.
    source: String,
    /// By the name of the state.
    states: BTreeMap<String, Mocked>,
}

/// The mocked response of one state.
#[derive(Debug)]
struct Mocked {
    name: String,
    answers: Vec<Answer>,
    /// Calls answered so far.
    calls: u64,
}

/// What the calls `first` to `last` are answered with.
#[derive(Debug)]
struct Answer {
    first: u64,
    last: u64,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Outcome {
    Return(Value),
    Throw(Failure),
}

/// Which test case to take, as far as the caller says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    pub state_machine: Option<&'a str>,
    pub test_case: Option<&'a str>,
}

impl Mocks {
    /// Reads the text of a mock file, which is called `file` in messages.
    pub(crate) fn parse(text: &str, file: &str, selection: Selection<'_>) -> Result<Mocks> {
        let root = json::parse(text).map_err(|error| anyhow!("`{file}` is not JSON: {error}"))?;
        let mocks = select(&root, selection).and_then(|(machine, case, named)| {
            let source = format!("test case `{case}` of state machine `{machine}` in `{file}`");
            let responses = member(&root, "MockedResponses", "the file")?;
            let mocked = |(state, name): (&str, &Value)| {
                let mocked = Mocked::named(name, responses)
                    .with_context(|| format!("test case `{case}`, state `{state}`"))?;
                Ok((state.to_string(), mocked))
            };
            let states = named.iter().map(mocked).collect::<Result<_>>()?;
            Ok(Mocks {
                machine: machine.to_owned(),
                source,
                states,
            })
        });
        mocks.with_context(|| format!("cannot use the mocks of `{file}`"))
    }

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

    /// The answer to a call. With a task token it stands for SendTaskSuccess or SendTaskFailure.
    pub(crate) fn answer(&mut self, call: &Call) -> Result<Input> {
        let attempt = call.attempt;
        Ok(match self.outcome(call)? {
            Outcome::Return(output) => Input::TaskSucceeded { attempt, output },
            Outcome::Throw(failure) => Input::TaskFailed { attempt, failure },
        })
    }

    fn outcome(&mut self, call: &Call) -> Result<Outcome> {
        let state = &*call.state_name;
        let Some(mocked) = self.states.get_mut(state) else {
            bail!(
                "state `{state}` calls `{}`, and {} has no mock for it; add \
                 `\"{state}\": \"<name of a mocked response>\"` to the test case",
                call.resource.arn,
                self.source
            );
        };
        let number = mocked.calls;
        mocked.calls += 1;
        let covers = |answer: &&Answer| (answer.first..=answer.last).contains(&number);
        let Some(answer) = mocked.answers.iter().find(covers) else {
            bail!(
                "state `{state}` calls `{}` once more, and the mocked response `{}` has no key for \
                 call {number} (they count from 0, retries and iterations included); add the key \
                 `\"{number}\"` or a range that holds it, such as `\"{number}-99\"`",
                call.resource.arn,
                mocked.name
            );
        };
        Ok(answer.outcome.clone())
    }
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

/// The test case asked for, or the only one: names of the machine and of the case, and its states.
fn select<'a>(root: &'a Value, selection: Selection<'a>) -> Result<(&'a str, &'a str, &'a Object)> {
    let machines = member(root, "StateMachines", "the file")?;
    let (machine, body) = only(
        machines,
        selection.state_machine,
        "state machine",
        "--state-machine",
    )?;
    let whose = format!("state machine `{machine}`");
    let cases = member(body, "TestCases", &whose)?;
    let (case, states) =
        only(cases, selection.test_case, "test case", "--test-case").with_context(|| whose)?;
    let states = states
        .as_object()
        .ok_or_else(|| anyhow!("test case `{case}` must be an object of state names"))?;
    Ok((machine, case, states))
}

/// The member of that name; without a name the only member there is.
fn only<'a>(
    among: &'a Object,
    name: Option<&str>,
    what: &str,
    flag: &str,
) -> Result<(&'a str, &'a Value)> {
    let mut members = among.iter();
    let names = || {
        let names: Vec<String> = among.keys().map(|name| format!("`{name}`")).collect();
        format!("there are {}", names.join(", "))
    };
    match (name, members.next(), among.len()) {
        (Some(name), Some(first), _) => std::iter::once(first)
            .chain(members)
            .find(|(other, _)| *other == name)
            .ok_or_else(|| anyhow!("no {what} `{name}`; {}", names())),
        (None, Some(first), 1) => Ok(first),
        (_, None, _) => bail!("it has no {what}"),
        (None, Some(_), _) => bail!("which {what}? {}; choose with {flag}", names()),
    }
}

fn member<'a>(of: &'a Value, name: &str, whose: &str) -> Result<&'a Object> {
    of.get(name)
        .and_then(Value::as_object)
        .ok_or_else(|| anyhow!("{whose} must have an object `{name}`"))
}

impl Mocked {
    fn named(name: &Value, responses: &Object) -> Result<Mocked> {
        let name = name
            .as_str()
            .context("its value must be the name of a mocked response")?;
        let response = responses
            .get(name)
            .ok_or_else(|| anyhow!("there is no mocked response `{name}` in MockedResponses"))?;
        let answers = answers(response).with_context(|| format!("mocked response `{name}`"))?;
        Ok(Mocked {
            name: name.to_owned(),
            answers,
            calls: 0,
        })
    }
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
