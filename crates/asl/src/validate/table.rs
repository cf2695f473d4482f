//! The table of fields: which object may have which, of what kind, in which query language, and
//! which it must have.
//!
//! Sources: the Amazon States Language specification, the developer guide's pages on each state
//! type and on the query languages, and the ranges AWS documents for timeouts and retriers.

use super::schema::{Field, Group, Kind, Language, STATE_TYPE_NAMES, Schema};

/// Every schema that is no state's, by the name tests and documents use.
pub(crate) const PARTS: [(&str, &Schema); 12] = [
    ("Machine", &MACHINE),
    ("Branch", &BRANCH),
    ("ItemProcessor", &ITEM_PROCESSOR),
    ("ProcessorConfig", &PROCESSOR_CONFIG),
    ("ItemReader", &ITEM_READER),
    ("ReaderConfig", &READER_CONFIG),
    ("ItemBatcher", &ITEM_BATCHER),
    ("ResultWriter", &RESULT_WRITER),
    ("WriterConfig", &WRITER_CONFIG),
    ("Retrier", &RETRIER),
    ("Catcher", &CATCHER),
    ("Rule", &RULE),
];

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        is_required: false,
        language: None,
    }
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        is_required: true,
        ..optional(name, kind)
    }
}

/// An optional field of JSONPath states.
const fn json_path(name: &'static str, kind: Kind) -> Field {
    Field {
        language: Some(Language::JsonPath),
        ..optional(name, kind)
    }
}

/// An optional field of JSONata states.
const fn jsonata(name: &'static str, kind: Kind) -> Field {
    Field {
        language: Some(Language::Jsonata),
        ..optional(name, kind)
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
/// Java's largest int, which is what an unlimited Map Run reports.
const COUNT_MAX: u64 = 2_147_483_647;

const QUERY_LANGUAGE: Field = optional("QueryLanguage", Kind::OneOf(&["JSONPath", "JSONata"]));
const POSITIVE_SECONDS: Kind = Kind::Integer {
    minimum: 1,
    maximum: SECONDS_MAX,
};
const TIMEOUT: Kind = Kind::DynamicInteger {
    minimum: 1,
    maximum: SECONDS_MAX,
};
const COUNT: Kind = Kind::DynamicInteger {
    minimum: 0,
    maximum: COUNT_MAX,
};

/// The top level. AWS lists missing fields in this order.
pub(crate) const MACHINE: Schema = Schema {
    parts: &[
        BODY,
        &[
            optional("Version", Kind::OneOf(&["1.0"])),
            optional("TimeoutSeconds", POSITIVE_SECONDS),
            QUERY_LANGUAGE,
        ],
    ],
    groups: &[],
};

/// What the top level, branches and item processors share.
const BODY: &[Field] = &[
    required("States", Kind::Object),
    required("StartAt", Kind::StateName),
    optional("Comment", Kind::Text),
];

/// An element of `Branches`.
pub(crate) const BRANCH: Schema = Schema {
    parts: &[BODY],
    groups: &[],
};

/// `ItemProcessor`, or `Iterator` of old definitions.
pub(crate) const ITEM_PROCESSOR: Schema = Schema {
    parts: &[BODY, &[optional("ProcessorConfig", Kind::Object)]],
    groups: &[],
};

pub(crate) const PROCESSOR_CONFIG: Schema = Schema {
    parts: &[&[
        optional("Mode", Kind::OneOf(&["INLINE", "DISTRIBUTED"])),
        optional("ExecutionType", Kind::OneOf(&["STANDARD", "EXPRESS"])),
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
    json_path("InputPath", Kind::Filter),
    json_path("OutputPath", Kind::Filter),
];
const OUTPUT: &[Field] = &[jsonata("Output", Kind::Template)];
const ASSIGN: &[Field] = &[optional("Assign", Kind::Assign)];
const PARAMETERS: &[Field] = &[
    json_path("Parameters", Kind::Template),
    json_path("ResultPath", Kind::ResultPath),
];
const ARGUMENTS: &[Field] = &[jsonata("Arguments", Kind::Template)];
/// Of the states that can fail and be tried again.
const RECOVERY: &[Field] = &[
    json_path("ResultSelector", Kind::Template),
    optional("Retry", Kind::Objects(&RETRIER)),
    optional("Catch", Kind::Objects(&CATCHER)),
];

pub(crate) const PASS: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        PARAMETERS,
        &[json_path("Result", Kind::Any)],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[NEXT_OR_END],
};

pub(crate) const TASK: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        PARAMETERS,
        &[
            required("Resource", Kind::Text),
            optional("TimeoutSeconds", TIMEOUT),
            json_path("TimeoutSecondsPath", Kind::ReferencePath),
            optional("HeartbeatSeconds", TIMEOUT),
            json_path("HeartbeatSecondsPath", Kind::ReferencePath),
            optional("Credentials", Kind::Credentials),
        ],
        RECOVERY,
        ARGUMENTS,
        ASSIGN,
        OUTPUT,
    ],
    groups: &[
        NEXT_OR_END,
        at_most_one(&["TimeoutSeconds", "TimeoutSecondsPath"]),
        at_most_one(&["HeartbeatSeconds", "HeartbeatSecondsPath"]),
    ],
};

pub(crate) const CHOICE: Schema = Schema {
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

pub(crate) const WAIT: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        &[
            optional(
                "Seconds",
                Kind::DynamicInteger {
                    minimum: 0,
                    maximum: SECONDS_MAX,
                },
            ),
            json_path("SecondsPath", Kind::ReferencePath),
            optional("Timestamp", Kind::Timestamp),
            json_path("TimestampPath", Kind::ReferencePath),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[
        NEXT_OR_END,
        exactly_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]),
    ],
};

pub(crate) const SUCCEED: Schema = Schema {
    parts: &[COMMON, FILTERS, OUTPUT],
    groups: &[],
};

pub(crate) const FAIL: Schema = Schema {
    parts: &[
        COMMON,
        &[
            optional("Error", Kind::DynamicText),
            json_path("ErrorPath", Kind::PathOrIntrinsic),
            optional("Cause", Kind::DynamicText),
            json_path("CausePath", Kind::PathOrIntrinsic),
        ],
    ],
    groups: &[
        at_most_one(&["Error", "ErrorPath"]),
        at_most_one(&["Cause", "CausePath"]),
    ],
};

pub(crate) const PARALLEL: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        PARAMETERS,
        &[required("Branches", Kind::NonEmptyArray)],
        RECOVERY,
        ARGUMENTS,
        ASSIGN,
        OUTPUT,
    ],
    groups: &[NEXT_OR_END],
};

/// `Parameters` and `Iterator` are the names ItemSelector and ItemProcessor had until 2022.
///
/// The tolerance is for failures of a distributed Map; AWS accepts its fields on an inline one,
/// where they do nothing (recorded).
pub(crate) const MAP: Schema = Schema {
    parts: &[
        COMMON,
        NEXT,
        FILTERS,
        PARAMETERS,
        &[
            optional("ItemProcessor", Kind::Object),
            optional("Iterator", Kind::Object),
            json_path("ItemsPath", Kind::ReferencePath),
            jsonata("Items", Kind::Items),
            optional("ItemSelector", Kind::Template),
            optional("MaxConcurrency", COUNT),
            json_path("MaxConcurrencyPath", Kind::DataPath),
            optional("ToleratedFailureCount", COUNT),
            json_path("ToleratedFailureCountPath", Kind::DataPath),
            optional("ToleratedFailurePercentage", Kind::Percentage),
            json_path("ToleratedFailurePercentagePath", Kind::DataPath),
            optional("ItemReader", Kind::Object),
            optional("ItemBatcher", Kind::Object),
            optional("ResultWriter", Kind::Object),
            optional("Label", Kind::Label),
        ],
        RECOVERY,
        ASSIGN,
        OUTPUT,
    ],
    groups: &[
        NEXT_OR_END,
        exactly_one(&["ItemProcessor", "Iterator"]),
        at_most_one(&["ItemSelector", "Parameters"]),
        at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"]),
        at_most_one(&["ToleratedFailureCount", "ToleratedFailureCountPath"]),
        at_most_one(&[
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ]),
    ],
};

/// The fields of a Map that an inline one cannot have.
pub(crate) const DISTRIBUTED_ONLY: &[&str] =
    &["ItemReader", "ItemBatcher", "ResultWriter", "Label"];

/// Whether the field of an object is one of a distributed Map.
pub(super) fn is_distributed(object: &str, field: &str) -> bool {
    let is_part = matches!(
        object,
        "ItemReader" | "ReaderConfig" | "ItemBatcher" | "ResultWriter" | "WriterConfig"
    );
    is_part || object == "Map" && DISTRIBUTED_ONLY.contains(&field)
}

/// What readers and writers hand to S3.
const S3_ARGUMENTS: &[Field] = &[
    json_path("Parameters", Kind::Template),
    jsonata("Arguments", Kind::Template),
];

pub(crate) const ITEM_READER: Schema = Schema {
    parts: &[
        &[
            required("Resource", Kind::Text),
            optional("ReaderConfig", Kind::Object),
        ],
        S3_ARGUMENTS,
    ],
    groups: &[],
};

pub(crate) const READER_CONFIG: Schema = Schema {
    parts: &[&[
        optional(
            "InputType",
            Kind::OneOf(&["CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"]),
        ),
        optional("CSVHeaderLocation", Kind::OneOf(&["FIRST_ROW", "GIVEN"])),
        optional("CSVHeaders", Kind::Texts),
        optional(
            "CSVDelimiter",
            Kind::OneOf(&["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]),
        ),
        optional("ItemsPointer", Kind::Pointer),
        optional("MaxItems", COUNT),
        json_path("MaxItemsPath", Kind::DataPath),
        optional(
            "ManifestType",
            Kind::OneOf(&["ATHENA_DATA", "S3_INVENTORY"]),
        ),
        optional("Transformation", Kind::OneOf(&["NONE", "LOAD_AND_FLATTEN"])),
    ]],
    groups: &[at_most_one(&["MaxItems", "MaxItemsPath"])],
};

/// A batch is the input of an execution.
const BATCH_BYTES_MAX: u64 = 262_144;

pub(crate) const ITEM_BATCHER: Schema = Schema {
    parts: &[&[
        optional(
            "MaxItemsPerBatch",
            Kind::DynamicInteger {
                minimum: 1,
                maximum: COUNT_MAX,
            },
        ),
        json_path("MaxItemsPerBatchPath", Kind::DataPath),
        optional(
            "MaxInputBytesPerBatch",
            Kind::DynamicInteger {
                minimum: 1,
                maximum: BATCH_BYTES_MAX,
            },
        ),
        json_path("MaxInputBytesPerBatchPath", Kind::DataPath),
        optional("BatchInput", Kind::Template),
    ]],
    groups: &[
        at_most_one(&["MaxItemsPerBatch", "MaxItemsPerBatchPath"]),
        at_most_one(&["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"]),
    ],
};

pub(crate) const RESULT_WRITER: Schema = Schema {
    parts: &[
        &[
            optional("Resource", Kind::Text),
            optional("WriterConfig", Kind::Object),
        ],
        S3_ARGUMENTS,
    ],
    groups: &[],
};

pub(crate) const WRITER_CONFIG: Schema = Schema {
    parts: &[&[
        required(
            "Transformation",
            Kind::OneOf(&["NONE", "COMPACT", "FLATTEN"]),
        ),
        required("OutputType", Kind::OneOf(&["JSON", "JSONL"])),
    ]],
    groups: &[],
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
            json_path("ResultPath", Kind::ResultPath),
            optional("Comment", Kind::Text),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[],
};

/// A rule of a Choice state; in JSONPath without the members that make its condition.
pub(crate) const RULE: Schema = Schema {
    parts: &[
        &[
            required("Next", Kind::StateName),
            Field {
                is_required: true,
                ..jsonata("Condition", Kind::Condition)
            },
            optional("Comment", Kind::Text),
        ],
        ASSIGN,
        OUTPUT,
    ],
    groups: &[],
};
