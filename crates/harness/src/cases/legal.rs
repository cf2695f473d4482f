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
    "EvaluationFailed",
    "ParallelStateFailed",
    "MapStateFailed",
    // What the state made cannot be used: it does not fit, is too large, has no such member.
    "*StateEntered",
    "TaskSucceeded",
    "LambdaFunctionSucceeded",
];
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
        &["*StateEntered"],
        &[EXITED, &["MapIterationStarted", "ParallelStateStarted"]],
    ),
    (&["PassStateExited"], &[&["PassStateEntered"]]),
    (&["ChoiceStateExited"], &[&["ChoiceStateEntered"]]),
    (&["WaitStateExited"], &[&["WaitStateEntered"]]),
    (&["SucceedStateExited"], &[&["SucceedStateEntered"]]),
    (
        &["TaskStateExited"],
        &[&[
            "TaskSucceeded",
            "TaskFailed",
            "TaskTimedOut",
            "LambdaFunctionSucceeded",
            "LambdaFunctionFailed",
            "LambdaFunctionTimedOut",
            "EvaluationFailed",
            "TaskStateEntered",
        ]],
    ),
    (
        &["TaskScheduled"],
        &[&[
            "TaskStateEntered",
            "TaskFailed",
            "TaskTimedOut",
            "TaskSucceeded",
            "EvaluationFailed",
        ]],
    ),
    (
        &["LambdaFunctionScheduled"],
        &[&[
            "TaskStateEntered",
            "LambdaFunctionFailed",
            "LambdaFunctionTimedOut",
            "LambdaFunctionSucceeded",
            "EvaluationFailed",
        ]],
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
    (&["ParallelStateSucceeded"], &[EXITED]),
    (
        &["ParallelStateExited"],
        &[EXITED, &["ParallelStateFailed"]],
    ),
    (&["MapIterationStarted"], &[EXITED, &["MapStateStarted"]]),
    (
        &["MapStateSucceeded"],
        &[&["MapIterationSucceeded", "MapStateStarted"]],
    ),
    (
        &["MapStateExited"],
        &[&["MapIterationSucceeded", "MapStateStarted", "MapStateFailed"]],
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
