//! The other implementation, in a process of its own: it may never answer, use up all memory or
//! crash, and the test goes on.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use json::{ObjectBuilder, Value};
use jsonata_core::evaluator::EvaluatorOptions;
use jsonata_core::value::JValue;
use nix::sys::resource::{Resource, setrlimit};

use super::Answer;

/// Set for the process that answers.
const VARIABLE: &str = "LOCKSTEP_OTHER_JSONATA";
/// Answers begin with it, as the test runner prints too.
const MARK: &str = "answer ";
/// The other's own time limit is looked at between its steps only.
const TIMEOUT_MS: u64 = 400;
const PATIENCE: Duration = Duration::from_millis(2_000);
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// A process that answers one expression after the other.
pub(super) struct Other {
    running: Option<Running>,
    /// How often it had to be started anew.
    pub(super) deaths: usize,
}

struct Running {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Other {
    pub(super) fn new() -> Other {
        Other {
            running: None,
            deaths: 0,
        }
    }

    /// What the other says; [`Answer::Dies`] if it ends or does not answer.
    pub(super) fn ask(&mut self, expression: &str, data: Option<&Value>) -> Answer {
        let mut question = ObjectBuilder::new();
        question.add("expression", expression);
        if let Some(data) = data {
            question.add("data", data.clone());
        }
        let running = self.running.get_or_insert_with(start);
        let asked = writeln!(running.questions, "{}", Value::from(question.build()));
        let answer = asked
            .ok()
            .and_then(|()| running.answers.recv_timeout(PATIENCE).ok());
        let Some(answer) = answer else {
            self.running = None;
            self.deaths += 1;
            return Answer::Dies;
        };
        Answer::read(&answer)
    }
}

fn start() -> Running {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "differential::other::answers_questions",
            "--nocapture",
        ])
        .env(VARIABLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let questions = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, answers) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            // The runner's own words may stand before the mark.
            let Some((_, answer)) = line.split_once(MARK) else {
                continue;
            };
            if sender.send(answer.to_owned()).is_err() {
                return;
            }
        }
    });
    Running {
        child,
        questions,
        answers,
    }
}

/// No test by itself: the process that [`start`] starts.
#[test]
fn answers_questions() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    setrlimit(Resource::RLIMIT_AS, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX).unwrap();
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let question = json::parse(&line).unwrap();
        let expression = question.get("expression").and_then(Value::as_str).unwrap();
        let data = question.get("data").map(Value::to_text);
        let answer = evaluate(expression, data.as_deref());
        println!("{MARK}{}", answer.write());
    }
}

fn evaluate(expression: &str, data: Option<&str>) -> Answer {
    let compiled = match jsonata_core::Expression::compile(expression) {
        Ok(compiled) => compiled,
        Err(error) => return Answer::Fails(error.display_message()),
    };
    let data = match data.map(JValue::from_json_str) {
        None => JValue::Undefined,
        Some(Ok(data)) => data,
        Some(Err(error)) => return Answer::Fails(format!("data: {error}")),
    };
    let options = EvaluatorOptions {
        timeout_ms: Some(TIMEOUT_MS),
        ..EvaluatorOptions::default()
    };
    match compiled.evaluate_with_options(&data, options) {
        Err(error) => Answer::Fails(error.message().to_owned()),
        Ok(value) if value.is_undefined() => Answer::Undefined,
        Ok(value) if has_function(&value) => Answer::Function,
        Ok(value) => match value.to_json_string().map(|text| json::parse(&text)) {
            Ok(Ok(value)) => Answer::Value(value),
            why => Answer::Fails(format!("no JSON: {why:?}")),
        },
    }
}

fn has_function(value: &JValue) -> bool {
    if value.is_function() || value.is_regex() {
        return true;
    }
    match (value.as_array(), value.as_object()) {
        (Some(items), _) => items.iter().any(has_function),
        (_, Some(members)) => members.values().any(has_function),
        _ => false,
    }
}
