//! What a schema is: the fields an object may have, of what kind each is, which it must have, and
//! in which query language. The schemas themselves are in [`super::table`].

use super::table;

/// How a state's expressions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    /// As `QueryLanguage` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::JsonPath => "JSONPath",
            Language::Jsonata => "JSONata",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Language> {
        match name {
            "JSONPath" => Some(Language::JsonPath),
            "JSONata" => Some(Language::Jsonata),
            _ => None,
        }
    }
}

/// The types of states, in the order AWS lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateType {
    Task,
    Wait,
    Pass,
    Succeed,
    Fail,
    Choice,
    Parallel,
    Map,
}

/// `Type` as AWS lists its values.
pub(crate) const STATE_TYPE_NAMES: &[&str] = &[
    "Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map",
];

impl StateType {
    pub(crate) fn parse(name: &str) -> Option<StateType> {
        match name {
            "Task" => Some(StateType::Task),
            "Wait" => Some(StateType::Wait),
            "Pass" => Some(StateType::Pass),
            "Succeed" => Some(StateType::Succeed),
            "Fail" => Some(StateType::Fail),
            "Choice" => Some(StateType::Choice),
            "Parallel" => Some(StateType::Parallel),
            "Map" => Some(StateType::Map),
            _ => None,
        }
    }

    pub(crate) fn schema(self) -> &'static Schema {
        match self {
            StateType::Task => &table::TASK,
            StateType::Wait => &table::WAIT,
            StateType::Pass => &table::PASS,
            StateType::Succeed => &table::SUCCEED,
            StateType::Fail => &table::FAIL,
            StateType::Choice => &table::CHOICE,
            StateType::Parallel => &table::PARALLEL,
            StateType::Map => &table::MAP,
        }
    }

    /// Whether `$states.result` means something in its Assign and Output.
    pub(crate) fn has_result(self) -> bool {
        matches!(self, StateType::Task | StateType::Parallel | StateType::Map)
    }
}

/// What an object may hold.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(super) parts: &'static [&'static [Field]],
    /// Groups of fields that exclude each other.
    pub(crate) groups: &'static [Group],
}

impl Schema {
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.parts.iter().copied().flatten()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.name == name)
    }
}

/// One member an object may have.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    /// The language it belongs to; `None` for both.
    pub(crate) language: Option<Language>,
}

impl Field {
    pub(crate) fn is_of(&self, language: Language) -> bool {
        self.language.is_none_or(|own| own == language)
    }
}

/// Fields of which at most one may be given, or exactly one.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) names: &'static [&'static str],
    pub(crate) is_required: bool,
}

/// What the value of a field must look like, and what it is read into.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any JSON value, kept as written.
    Any,
    Text,
    /// Text beside which a `...Path` field exists; in JSONata also an expression.
    DynamicText,
    /// The literal `true`.
    True,
    OneOf(&'static [&'static str]),
    Integer {
        minimum: u64,
        maximum: u64,
    },
    /// An integer; in JSONata also an expression.
    DynamicInteger {
        minimum: u64,
        maximum: u64,
    },
    /// A number from 0 to 100, also with a fraction; in JSONata also an expression.
    Percentage,
    /// A number, also with a fraction, not below 1.
    Factor,
    /// The name of a state.
    StateName,
    /// InputPath and OutputPath: a path, or `null`.
    Filter,
    /// A reference path into the input, or `null`.
    ResultPath,
    ReferencePath,
    /// A reference path into the input or a variable, not into the context object.
    DataPath,
    /// A path or an intrinsic function.
    PathOrIntrinsic,
    /// A payload template; in JSONata any JSON with expressions in it.
    Template,
    /// A template whose members are variables.
    Assign,
    /// An array or object with expressions in it, or an expression.
    Items,
    /// A time; in JSONata also an expression.
    Timestamp,
    /// JSONata: `true`, `false` or an expression.
    Condition,
    ErrorNames,
    /// The Label of a distributed Map.
    Label,
    /// A JSON pointer.
    Pointer,
    /// An array of strings.
    Texts,
    /// An array with at least one element, read by the state type's own file.
    NonEmptyArray,
    /// An object, read by the state type's own file.
    Object,
    /// An array of objects, none of which need be there.
    Objects(&'static Schema),
    Credentials,
}
