//! Which type of event may name which as its previous one: what AWS's recordings show, and what
//! follows from them for the states and errors that no recording has.

/// A row: the types of events, and the types of their previous events; `*` stands for any text.
type Row = (&'static [&'static str], &'static [&'static [&'static str]]);

/// What a thread's end by a failure may be.
const FAILURE: &[&str] = &[
    "FailStateEntered",
    "TaskFailed",
    "TaskTimedOut",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "ActivityFailed",
    "ActivityTimedOut",
    "EvaluationFailed",
    "ParallelStateFailed",
    "MapStateFailed",
    // A state that is taken up again fails again.
    "ExecutionRedriven",
    // What the state made cannot be used: it does not fit, is too large, has no such member.
    "*StateEntered",
    "TaskSucceeded",
    "LambdaFunctionSucceeded",
    "ActivitySucceeded",
];
/// After a redrive a thread goes on from there.
const REDRIVEN: &[&str] = &["ExecutionRedriven"];
/// What a Parallel or Map made of its results cannot be used, or they are too large together.
const RESULTS: &[&str] = &[
    "*StateExited",
    "*StateSucceeded",
    "MapIterationSucceeded",
    "MapStateStarted",
];
const EXITED: &[&str] = &["*StateExited"];

const ROWS: &[Row] = &[
    (
        &["ExecutionStarted", "ExecutionAborted", "ExecutionTimedOut"],
        &[],
    ),
    (&["ExecutionSucceeded", "MapIterationSucceeded"], &[EXITED]),
    (
        &["ExecutionFailed"],
        &[FAILURE, &["MapStateStarted", "*StateSucceeded"]],
    ),
    (
        &["ExecutionRedriven"],
        &[&["ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"]],
    ),
    (
        &["*StateEntered"],
        &[
            EXITED,
            REDRIVEN,
            &["MapIterationStarted", "ParallelStateStarted"],
        ],
    ),
    (&["PassStateExited"], &[&["PassStateEntered"], REDRIVEN]),
    (&["ChoiceStateExited"], &[&["ChoiceStateEntered"], REDRIVEN]),
    (&["WaitStateExited"], &[&["WaitStateEntered"], REDRIVEN]),
    (
        &["SucceedStateExited"],
        &[&["SucceedStateEntered"], REDRIVEN],
    ),
    (
        &["TaskStateExited"],
        &[&[
            "TaskSucceeded",
            "TaskFailed",
            "TaskTimedOut",
            "LambdaFunctionSucceeded",
            "LambdaFunctionFailed",
            "LambdaFunctionTimedOut",
            "ActivitySucceeded",
            "ActivityFailed",
            "ActivityTimedOut",
            "EvaluationFailed",
            "TaskStateEntered",
        ]],
    ),
    (
        &["TaskScheduled"],
        &[
            REDRIVEN,
            &[
                "TaskStateEntered",
                "TaskFailed",
                "TaskTimedOut",
                "TaskSucceeded",
                "EvaluationFailed",
            ],
        ],
    ),
    (
        &["LambdaFunctionScheduled"],
        &[
            REDRIVEN,
            &[
                "TaskStateEntered",
                "LambdaFunctionFailed",
                "LambdaFunctionTimedOut",
                "LambdaFunctionSucceeded",
                "EvaluationFailed",
            ],
        ],
    ),
    (
        &["ActivityScheduled"],
        &[
            REDRIVEN,
            &[
                "TaskStateEntered",
                "ActivityFailed",
                "ActivityTimedOut",
                "ActivitySucceeded",
                "EvaluationFailed",
            ],
        ],
    ),
    (&["ActivityStarted"], &[&["ActivityScheduled"]]),
    (
        // Nobody picked it up in time, or a mock answered without a worker.
        &["ActivitySucceeded", "ActivityFailed", "ActivityTimedOut"],
        &[&["ActivityStarted", "ActivityScheduled"]],
    ),
    (&["TaskStarted"], &[&["TaskScheduled"]]),
    (&["LambdaFunctionStarted"], &[&["LambdaFunctionScheduled"]]),
    (&["TaskSubmitted"], &[&["TaskStarted"]]),
    (
        &["TaskSucceeded", "TaskFailed", "TaskTimedOut"],
        &[&["TaskStarted", "TaskSubmitted"]],
    ),
    (
        &[
            "LambdaFunctionSucceeded",
            "LambdaFunctionFailed",
            "LambdaFunctionTimedOut",
        ],
        &[&["LambdaFunctionStarted"]],
    ),
    (
        &["*StateAborted", "MapIterationAborted", "MapIterationFailed"],
        &[FAILURE, RESULTS],
    ),
    (
        &["ParallelStateStarted", "ParallelStateFailed"],
        &[FAILURE, RESULTS],
    ),
    (&["MapStateStarted", "MapStateFailed"], &[FAILURE, RESULTS]),
    (&["ParallelStateSucceeded"], &[EXITED, REDRIVEN]),
    (
        &["ParallelStateExited"],
        &[EXITED, REDRIVEN, &["ParallelStateFailed"]],
    ),
    (
        &["MapIterationStarted"],
        &[EXITED, REDRIVEN, &["MapStateStarted"]],
    ),
    (
        &["MapStateSucceeded"],
        &[&["MapIterationSucceeded", "MapStateStarted"], REDRIVEN],
    ),
    (
        &["MapStateExited"],
        &[
            &["MapIterationSucceeded", "MapStateStarted", "MapStateFailed"],
            REDRIVEN,
        ],
    ),
    (&["EvaluationFailed"], &[FAILURE, RESULTS]),
];

/// Types whose previous event is none, always or at the begin of an execution.
const FIRST: &[&str] = &[
    "ExecutionStarted",
    "ExecutionAborted",
    "ExecutionTimedOut",
    "*StateEntered",
];

/// Whether an event of a type may name an event of another as its previous one, or none.
pub(super) fn may_follow(kind: &str, previous: Option<&str>) -> bool {
    let Some(previous) = previous else {
        return any(FIRST, kind);
    };
    let row = ROWS.iter().find(|(kinds, _)| any(kinds, kind));
    row.is_some_and(|(_, before)| before.iter().any(|names| any(names, previous)))
}

fn any(patterns: &[&str], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => *pattern == name,
        })
}

#[test]
fn every_type_of_event_has_a_row() {
    for kind in asl::history::EVENT_TYPES {
        assert!(ROWS.iter().any(|(kinds, _)| any(kinds, kind)), "{kind}");
    }
}
