//! The names errors can have.

/// Matches every error that can be matched at all.
pub(crate) const ALL: &str = "States.ALL";

/// Names that begin with `States.` are AWS's own. (ASL specification, "Errors"; developer guide,
/// "Handling errors".) Besides these there is `States.Http.StatusCode.` with three digits.
pub const RESERVED: &[&str] = &[
    ALL,
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// Whether a name claims to be AWS's and is not.
pub(crate) fn is_unknown_reserved(name: &str) -> bool {
    name.starts_with("States.")
        && !RESERVED.contains(&name)
        && !name
            .strip_prefix("States.Http.StatusCode.")
            .is_some_and(is_status_code)
}

fn is_status_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}
