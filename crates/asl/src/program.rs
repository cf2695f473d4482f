//! The compiled definition: names are resolved to indices, paths and templates parsed once.
//!
//! All states of all bodies lie in one table, as AWS demands names unique in the whole definition.

use std::sync::Arc;

use json::Value;

use crate::choice::Condition;
use crate::event::Text;
use crate::jsonpath::Path;
use crate::template::{Template, ValuePath};
use crate::time::Timestamp;

/// Index into [`Program::states`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateIndex(pub u32);

/// A definition that passed validation.
#[derive(Debug)]
pub struct Program {
    pub states: Vec<State>,
    pub start: StateIndex,
    /// Top-level TimeoutSeconds.
    pub timeout_seconds: Option<u64>,
}

impl Program {
    /// The state at an index of this program; `None` only for an index of another program.
    pub fn state(&self, index: StateIndex) -> Option<&State> {
        self.states.get(usize::try_from(index.0).ok()?)
    }
}

/// One state: what all share, and what its type adds.
#[derive(Debug)]
pub struct State {
    pub name: Text,
    pub kind: StateKind,
}

#[derive(Debug)]
pub enum StateKind {
    Pass(Box<Pass>),
    Task(Box<Task>),
    Choice(Box<Choice>),
    Wait(Box<Wait>),
    Succeed(Box<Succeed>),
    Fail(Box<Fail>),
}

/// Where control goes after a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    State(StateIndex),
    End,
}

/// InputPath or OutputPath.
#[derive(Debug, Default)]
pub enum Filter {
    /// Absent, or `$`: everything.
    #[default]
    All,
    /// `null`: `{}`.
    Nothing,
    Path(ValuePath),
}

/// ResultPath.
#[derive(Debug, Default)]
pub enum ResultPath {
    /// Absent, or `$`: the result replaces the input.
    #[default]
    Replace,
    /// `null`: the result is dropped.
    Discard,
    /// A reference path below `$`.
    Into(Path),
}

#[derive(Debug)]
pub struct Pass {
    pub input_path: Filter,
    pub output_path: Filter,
    pub result_path: ResultPath,
    pub parameters: Option<Template>,
    pub result: Option<Value>,
    pub next: Next,
}

#[derive(Debug)]
pub struct Task {
    pub input_path: Filter,
    pub output_path: Filter,
    pub result_path: ResultPath,
    pub parameters: Option<Template>,
    pub result_selector: Option<Template>,
    pub resource: Resource,
    pub timeout: Seconds,
    pub heartbeat: Seconds,
    /// `Credentials.RoleArn`.
    pub credentials_role_arn: Option<Template>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    pub next: Next,
}

/// What a Task calls, as the catalogue resolved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The `Resource` field as written.
    pub arn: Text,
    pub family: ResourceFamily,
    pub pattern: Pattern,
}

/// Which history events a Task writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceFamily {
    /// A Lambda function's ARN: `LambdaFunction…` events.
    LambdaFunction,
    /// `arn:aws:states:::…`: `Task…` events with `resourceType` (`lambda`) and `resource`
    /// (`invoke.waitForTaskToken`).
    Service { resource_type: Text, resource: Text },
}

/// When a Task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// When the call answers.
    RequestResponse,
    /// When SendTaskSuccess or SendTaskFailure brings its token.
    WaitForTaskToken,
}

/// A literal number of seconds, a path to one, or neither.
#[derive(Debug, Default)]
pub enum Seconds {
    #[default]
    Absent,
    Literal(u64),
    Path(ValuePath),
}

#[derive(Debug)]
pub struct Choice {
    pub input_path: Filter,
    pub output_path: Filter,
    pub rules: Vec<Rule>,
    pub default: Option<StateIndex>,
}

#[derive(Debug)]
pub struct Rule {
    pub condition: Condition,
    pub next: StateIndex,
}

#[derive(Debug)]
pub struct Wait {
    pub input_path: Filter,
    pub output_path: Filter,
    pub until: WaitUntil,
    pub next: Next,
}

#[derive(Debug)]
pub enum WaitUntil {
    Seconds(u64),
    SecondsPath(ValuePath),
    Timestamp(Timestamp),
    TimestampPath(ValuePath),
}

#[derive(Debug)]
pub struct Succeed {
    pub input_path: Filter,
    pub output_path: Filter,
}

#[derive(Debug)]
pub struct Fail {
    pub error: Option<TextOrPath>,
    pub cause: Option<TextOrPath>,
}

/// `Error` / `ErrorPath`, `Cause` / `CausePath`.
#[derive(Debug)]
pub enum TextOrPath {
    Text(Text),
    Path(ValuePath),
}

#[derive(Debug)]
pub struct Retrier {
    pub error_equals: Arc<[Text]>,
    pub interval_seconds: u64,
    pub attempts_max: u64,
    pub backoff_rate: f64,
    pub delay_seconds_max: Option<u64>,
    /// JitterStrategy FULL: uniform between 0 and the computed delay.
    pub jitter: bool,
}

#[derive(Debug)]
pub struct Catcher {
    pub error_equals: Arc<[Text]>,
    pub result_path: ResultPath,
    pub next: StateIndex,
}
