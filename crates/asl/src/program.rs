//! The compiled definition: names are resolved to indices, paths, templates and expressions parsed
//! once.
//!
//! All states of all bodies lie in one table, as AWS demands names unique in the whole definition.

use std::sync::Arc;

use json::Value;

use crate::choice::Condition;
use crate::definition::MachineType;
use crate::event::Text;
use crate::jsonpath::Path;
use crate::query::Query;
use crate::template::{Reference, Template, ValuePath};
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
    /// The variables each state reads, for the states that read any: DescribeStateMachine's
    /// `variableReferences`.
    pub variable_references: Vec<(Text, Vec<Text>)>,
    /// The ARNs of the activities whose tasks its states are, each once: what has to exist for
    /// [`decide`](crate::decide::decide) to schedule them.
    pub activities: Vec<Text>,
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
    pub flow: Flow,
}

#[derive(Debug)]
pub enum StateKind {
    Pass(Box<Pass>),
    Task(Box<Task>),
    Choice(Box<Choice>),
    Wait(Box<Wait>),
    Succeed,
    Fail(Box<Fail>),
    Parallel(Box<Parallel>),
    Map(Box<Map>),
}

/// How data gets into a state, through it and out of it: the state's query language.
#[derive(Debug)]
pub enum Flow {
    Paths(Box<Paths>),
    Queries(Box<Queries>),
}

/// The fields of a JSONPath state. Those its type does not have keep their defaults.
#[derive(Debug, Default)]
pub struct Paths {
    pub input_path: Filter,
    /// Parameters of a Pass, Task or Parallel.
    pub parameters: Option<Template>,
    pub result_selector: Option<Template>,
    pub result_path: ResultPath,
    pub output_path: Filter,
    pub assign: Option<Template>,
}

/// The fields of a JSONata state.
#[derive(Debug, Default)]
pub struct Queries {
    pub arguments: Option<Template>,
    pub output: Option<Template>,
    pub assign: Option<Template>,
}

/// A field's value: written as it is, or found at run time.
#[derive(Debug)]
pub enum Dynamic<T> {
    Literal(T),
    /// A `...Path` field.
    Path(ValuePath),
    /// `{% ... %}`
    Query(Box<Query>),
}

/// Where control goes after a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    State(StateIndex),
    /// The end of the execution, or of the branch or iteration the state belongs to.
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
    /// JSONPath: `Result`.
    pub result: Option<Value>,
    pub next: Next,
}

#[derive(Debug)]
pub struct Task {
    pub resource: Resource,
    pub timeout: Option<Dynamic<u64>>,
    pub heartbeat: Option<Dynamic<u64>>,
    /// `Credentials`: a template that makes `{"RoleArn": ...}`.
    pub credentials: Option<Template>,
    /// What the parameters are checked against once they are made; `None` where the definition
    /// tells which members they have, and was checked.
    pub members: Option<Box<Members>>,
    pub recovery: Recovery,
    pub next: Next,
}

/// The members that a Task's parameters must have, and may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    pub required: Vec<&'static str>,
    /// `None` when they are free, or not all are known.
    pub known: Option<Vec<&'static str>>,
}

/// What a Task calls, as the catalogue resolved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The `Resource` field as written.
    pub arn: Text,
    pub family: ResourceFamily,
    pub pattern: Pattern,
}

impl Resource {
    /// Whether somebody gets a token that ends the task: a callback's, or an activity's worker.
    pub(crate) fn gives_token(&self) -> bool {
        self.pattern == Pattern::WaitForTaskToken || self.family == ResourceFamily::Activity
    }
}

/// Which history events a Task writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceFamily {
    /// A Lambda function's ARN: `LambdaFunction…` events.
    LambdaFunction,
    /// An activity's ARN: `Activity…` events. Nobody is called; a worker asks for the task.
    Activity,
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
    /// `.sync`, `.sync:2`: when the job that the call started has ended.
    RunJob,
}

#[derive(Debug)]
pub struct Choice {
    pub rules: Vec<Rule>,
    /// The state's own Assign and Output hold for it.
    pub default: Option<StateIndex>,
}

#[derive(Debug)]
pub struct Rule {
    pub condition: Test,
    pub assign: Option<Template>,
    /// JSONata only.
    pub output: Option<Template>,
    pub next: StateIndex,
}

/// Whether a rule holds.
#[derive(Debug)]
pub enum Test {
    /// JSONPath: `Variable` and operators.
    Paths(Condition),
    /// JSONata: `Condition` is an expression.
    Query(Box<Query>),
    /// JSONata: `Condition` is a literal.
    Literal(bool),
}

#[derive(Debug)]
pub struct Wait {
    pub until: WaitUntil,
    pub next: Next,
}

#[derive(Debug)]
pub enum WaitUntil {
    Seconds(Dynamic<u64>),
    Timestamp(Dynamic<Timestamp>),
}

#[derive(Debug)]
pub struct Fail {
    pub error: Option<TextSource>,
    pub cause: Option<TextSource>,
}

/// `Error` / `ErrorPath`, `Cause` / `CausePath`.
#[derive(Debug)]
pub enum TextSource {
    Text(Text),
    Reference(Reference),
    Query(Box<Query>),
}

#[derive(Debug)]
pub struct Parallel {
    /// The first state of each branch.
    pub branches: Vec<StateIndex>,
    pub recovery: Recovery,
    pub next: Next,
}

#[derive(Debug)]
pub struct Map {
    pub items: Items,
    /// ItemSelector, or `Parameters` of old definitions.
    pub item_selector: Option<Template>,
    /// 0 and absent: no limit of the author's.
    pub max_concurrency: Option<Dynamic<u64>>,
    /// Which share of its items may fail. On an inline Map it is shown and does nothing.
    pub tolerance: Tolerance,
    /// Mode DISTRIBUTED; `None` for an inline Map.
    pub distributed: Option<Box<Distributed>>,
    /// The first state of the ItemProcessor.
    pub body: StateIndex,
    pub recovery: Recovery,
    pub next: Next,
}

impl Map {
    /// Whether its items come from outside the execution.
    pub fn has_reader(&self) -> bool {
        let distributed = self.distributed.as_ref();
        distributed.is_some_and(|distributed| distributed.item_reader.is_some())
    }
}

/// ToleratedFailureCount and ToleratedFailurePercentage, each of which is 0 when absent.
#[derive(Debug, Default)]
pub struct Tolerance {
    pub count: Option<Dynamic<u64>>,
    /// From 0 to 100.
    pub percentage: Option<Dynamic<f64>>,
}

/// What only a distributed Map has.
#[derive(Debug)]
pub struct Distributed {
    /// ExecutionType: that of its child workflow executions.
    pub execution_type: MachineType,
    /// What the ARNs of its Map Runs are made with; drawn when absent.
    pub label: Option<Text>,
    pub item_reader: Option<ItemReader>,
    pub item_batcher: Option<ItemBatcher>,
    pub result_writer: Option<ResultWriter>,
}

/// Items from outside the execution.
#[derive(Debug)]
pub struct ItemReader {
    pub resource: ReaderResource,
    /// `Parameters`, in JSONata `Arguments`.
    pub arguments: Option<Template>,
    pub config: ReaderConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderResource {
    /// `arn:aws:states:::s3:getObject`: the items are in one file.
    GetObject,
    /// `arn:aws:states:::s3:listObjectsV2`: the items are objects of a bucket.
    ListObjects,
}

/// `ReaderConfig`; names and values are AWS's.
#[derive(Debug, Default)]
pub struct ReaderConfig {
    pub input_type: Option<InputType>,
    /// CSV only: where the names of the columns are.
    pub csv_headers: Option<CsvHeaders>,
    pub csv_delimiter: CsvDelimiter,
    /// JSON only: a JSON pointer (RFC 6901) to the node that holds the items.
    pub items_pointer: Option<Text>,
    /// 0 and absent: all.
    pub max_items: Option<Dynamic<u64>>,
    pub manifest_type: Option<ManifestType>,
    /// Transformation LOAD_AND_FLATTEN: the items are those in the objects that are listed.
    pub loads_objects: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputType {
    Csv,
    Json,
    JsonLines,
    Manifest,
    Parquet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvHeaders {
    FirstRow,
    Given(Box<[Text]>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvDelimiter {
    #[default]
    Comma,
    Pipe,
    Semicolon,
    Space,
    Tab,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestType {
    AthenaData,
    S3Inventory,
}

/// Several items for each child workflow execution.
#[derive(Debug, Default)]
pub struct ItemBatcher {
    pub max_items_per_batch: Option<Dynamic<u64>>,
    /// In bytes.
    pub max_input_bytes_per_batch: Option<Dynamic<u64>>,
    /// What each batch gets beside its items.
    pub batch_input: Option<Template>,
}

/// Where the results go, and in which form.
#[derive(Debug, Default)]
pub struct ResultWriter {
    /// Whether there is a `Resource`, which can only be `arn:aws:states:::s3:putObject`: the
    /// results go to a bucket.
    pub exports: bool,
    /// `Parameters`, in JSONata `Arguments`.
    pub arguments: Option<Template>,
    /// Absent: NONE for exported results, COMPACT for others.
    pub transformation: Option<Transformation>,
    /// OutputType JSONL instead of JSON.
    pub json_lines: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transformation {
    None,
    Compact,
    Flatten,
}

/// Where a Map's items come from.
#[derive(Debug)]
pub enum Items {
    /// Neither ItemsPath nor Items: the effective input.
    Input,
    /// ItemsPath.
    Path(ValuePath),
    /// JSONata: Items.
    Template(Template),
}

/// Retry and Catch.
#[derive(Debug, Default)]
pub struct Recovery {
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
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
    /// JSONPath only.
    pub result_path: ResultPath,
    pub assign: Option<Template>,
    /// JSONata only.
    pub output: Option<Template>,
    pub next: StateIndex,
}
