//! The table of fields: which object may have which, of what kind, and which it must have.
//!
//! Sources: the Amazon States Language specification, the developer guide's pages on each state
//! type, and the ranges AWS documents for timeouts and retriers.

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

    /// The fields of a state of this type in JSONPath; `None` for a type not served yet.
    pub(crate) fn schema(self) -> Option<&'static Schema> {
        match self {
            StateType::Task => Some(&TASK),
            StateType::Wait => Some(&WAIT),
            StateType::Pass => Some(&PASS),
            StateType::Succeed => Some(&SUCCEED),
            StateType::Fail => Some(&FAIL),
            StateType::Choice => Some(&CHOICE),
            StateType::Parallel | StateType::Map => None,
        }
    }
}

/// What an object may hold.
#[derive(Debug)]
pub(crate) struct Schema {
    parts: &'static [&'static [Field]],
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
    /// Text beside which a `...Path` field exists.
    LiteralText,
    /// The literal `true`.
    True,
    OneOf(&'static [&'static str]),
    Integer {
        minimum: u64,
        maximum: u64,
    },
    /// A number, also with a fraction, not below 1.
    Factor,
    /// The name of a state.
    StateName,
    /// InputPath and OutputPath: a path, or `null`.
    Filter,
    /// A reference path into the input, or `null`.
    ResultPath,
    ReferencePath,
    /// A path or an intrinsic function.
    PathOrIntrinsic,
    Template,
    Timestamp,
    ErrorNames,
    /// An array with at least one element, read by the state type's own file.
    NonEmptyArray,
    /// An array of objects, none of which need be there.
    Objects(&'static Schema),
    Credentials,
    /// AWS has it, Lockstep will.
    NotServed,
    /// Refused in JSONPath states.
    JsonataOnly,
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        is_required: false,
    }
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        is_required: true,
    }
}

const fn at_most_one(names: &'static [&'static str]) -> Group {
    Group {
        names,
        is_required: false,
    }
}

const fn exactly_one(names: &'static [&'static str]) -> Group {
    Group {
        names,
        is_required: true,
    }
}

/// TimeoutSeconds, Wait's Seconds, IntervalSeconds and MaxAttempts end here.
pub(crate) const SECONDS_MAX: u64 = 99_999_999;
/// 366 days.
const DELAY_SECONDS_MAX: u64 = 31_622_400;
pub(crate) const STATE_NAME_CHARS_MAX: usize = 80;

const QUERY_LANGUAGE: Field = optional("QueryLanguage", Kind::OneOf(&["JSONPath", "JSONata"]));
const POSITIVE_SECONDS: Kind = Kind::Integer {
    minimum: 1,
    maximum: SECONDS_MAX,
};

/// The top level. AWS lists missing fields in this order.
pub(crate) const MACHINE: Schema = Schema {
    parts: &[&[
        required("States", Kind::Any),
        required("StartAt", Kind::StateName),
        optional("Comment", Kind::Text),
        optional("Version", Kind::OneOf(&["1.0"])),
        optional("TimeoutSeconds", POSITIVE_SECONDS),
        QUERY_LANGUAGE,
    ]],
    groups: &[],
};

const COMMON: &[Field] = &[
    required("Type", Kind::OneOf(STATE_TYPE_NAMES)),
    optional("Comment", Kind::Text),
    QUERY_LANGUAGE,
];
const NEXT: &[Field] = &[
    optional("Next", Kind::StateName),
    optional("End", Kind::True),
];
const NEXT_OR_END: Group = exactly_one(&["Next", "End"]);
const FILTERS: &[Field] = &[
    optional("InputPath", Kind::Filter),
    optional("OutputPath", Kind::Filter),
];
const OUTPUT: &[Field] = &[optional("Output", Kind::JsonataOnly)];
const ASSIGN: &[Field] = &[optional("Assign", Kind::NotServed)];
const PARAMETERS: &[Field] = &[
    optional("Parameters", Kind::Template),
    optional("ResultPath", Kind::ResultPath),
];

const PASS: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        PARAMETERS,
        &[optional("Result", Kind::Any)],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[NEXT_OR_END],
};

const TASK: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        PARAMETERS,
        &[
            required("Resource", Kind::Text),
            optional("ResultSelector", Kind::Template),
            optional("TimeoutSeconds", POSITIVE_SECONDS),
            optional("TimeoutSecondsPath", Kind::ReferencePath),
            optional("HeartbeatSeconds", POSITIVE_SECONDS),
            optional("HeartbeatSecondsPath", Kind::ReferencePath),
            optional("Credentials", Kind::Credentials),
            optional("Retry", Kind::Objects(&RETRIER)),
            optional("Catch", Kind::Objects(&CATCHER)),
            optional("Arguments", Kind::JsonataOnly),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[
        NEXT_OR_END,
        at_most_one(&["TimeoutSeconds", "TimeoutSecondsPath"]),
        at_most_one(&["HeartbeatSeconds", "HeartbeatSecondsPath"]),
    ],
};

const CHOICE: Schema = Schema {
    parts: &[
        COMMON,
        FILTERS,
        &[
            required("Choices", Kind::NonEmptyArray),
            optional("Default", Kind::StateName),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[],
};

const WAIT: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        &[
            optional(
                "Seconds",
                Kind::Integer {
                    minimum: 0,
                    maximum: SECONDS_MAX,
                },
            ),
            optional("SecondsPath", Kind::ReferencePath),
            optional("Timestamp", Kind::Timestamp),
            optional("TimestampPath", Kind::ReferencePath),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[
        NEXT_OR_END,
        exactly_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]),
    ],
};

const SUCCEED: Schema = Schema {
    parts: &[COMMON, FILTERS, OUTPUT],
    groups: &[],
};

const FAIL: Schema = Schema {
    parts: &[
        COMMON,
        &[
            optional("Error", Kind::LiteralText),
            optional("ErrorPath", Kind::PathOrIntrinsic),
            optional("Cause", Kind::LiteralText),
            optional("CausePath", Kind::PathOrIntrinsic),
        ],
    ],
    groups: &[
        at_most_one(&["Error", "ErrorPath"]),
        at_most_one(&["Cause", "CausePath"]),
    ],
};

pub(crate) const RETRIER: Schema = Schema {
    parts: &[&[
        required("ErrorEquals", Kind::ErrorNames),
        optional("IntervalSeconds", POSITIVE_SECONDS),
        optional(
            "MaxAttempts",
            Kind::Integer {
                minimum: 0,
                maximum: SECONDS_MAX,
            },
        ),
        optional("BackoffRate", Kind::Factor),
        optional(
            "MaxDelaySeconds",
            Kind::Integer {
                minimum: 1,
                maximum: DELAY_SECONDS_MAX,
            },
        ),
        optional("JitterStrategy", Kind::OneOf(&["FULL", "NONE"])),
        optional("Comment", Kind::Text),
    ]],
    groups: &[],
};

pub(crate) const CATCHER: Schema = Schema {
    parts: &[
        &[
            required("ErrorEquals", Kind::ErrorNames),
            required("Next", Kind::StateName),
            optional("ResultPath", Kind::ResultPath),
            optional("Comment", Kind::Text),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[],
};

/// A rule of a Choice state, without the members that make its condition.
pub(crate) const RULE: Schema = Schema {
    parts: &[
        &[
            required("Next", Kind::StateName),
            optional("Comment", Kind::Text),
            optional("Condition", Kind::JsonataOnly),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[],
};
