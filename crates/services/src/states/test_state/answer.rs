//! What TestState answers.

use asl::test_state::{Inspection, Report, Stage};
use json::{ObjectBuilder, Value};

use super::request::{Level, Request};
use crate::Answer;

pub(super) fn answer(request: &Request, report: &Report) -> Answer {
    let mut answer = ObjectBuilder::new();
    if let Some(output) = &report.output {
        answer.add("output", text(output));
    }
    if let Some(error) = report.failure.error.as_deref() {
        answer.add("error", error);
    }
    if let Some(cause) = report.failure.cause.as_deref() {
        answer.add("cause", cause);
    }
    if request.level == Level::Debug {
        answer.add("inspectionData", inspection(request, &report.inspection));
    }
    if let Some(next) = report.next_state.as_deref() {
        answer.add("nextState", next);
    }
    answer.add("status", report.status.as_str());
    (&mut answer).into()
}

fn inspection(request: &Request, inspection: &Inspection) -> Value {
    let mut shown = ObjectBuilder::new();
    shown.add("input", request.input_text.as_str());
    for (stage, value) in &inspection.stages {
        match stage {
            Stage::MaxConcurrency | Stage::ToleratedFailureCount => {
                shown.add(member(*stage), value.clone())
            }
            Stage::ToleratedFailurePercentage => shown.add(member(*stage), float(value)),
            _ => shown.add(member(*stage), text(value)),
        };
    }
    if !inspection.variables.is_empty() {
        shown.add("variables", text(&inspection.variables.clone().into()));
    }
    let mut details = ObjectBuilder::new();
    if let Some(index) = inspection.catcher {
        details.add("catchIndex", u64::try_from(index).unwrap_or(u64::MAX));
    }
    if let Some((index, wait_ms)) = inspection.retrier {
        details.add("retryIndex", u64::from(index));
        details.add("retryBackoffIntervalSeconds", (wait_ms + 500) / 1_000);
    }
    let details = details.build();
    if !details.is_empty() {
        shown.add("errorDetails", details);
    }
    shown.build().into()
}

/// The member of InspectionData that shows a stage.
fn member(stage: Stage) -> &'static str {
    match stage {
        Stage::AfterInputPath => "afterInputPath",
        Stage::AfterParameters => "afterParameters",
        Stage::AfterArguments => "afterArguments",
        Stage::Result => "result",
        Stage::AfterResultSelector => "afterResultSelector",
        Stage::AfterResultPath => "afterResultPath",
        Stage::AfterItemsPath => "afterItemsPath",
        Stage::AfterItemsPointer => "afterItemsPointer",
        Stage::AfterItemSelector => "afterItemSelector",
        Stage::AfterItemBatcher => "afterItemBatcher",
        Stage::MaxConcurrency => "maxConcurrency",
        Stage::ToleratedFailureCount => "toleratedFailureCount",
        Stage::ToleratedFailurePercentage => "toleratedFailurePercentage",
    }
}

/// A number as AWS writes one whose shape is `float`: in single precision, with a fraction even if
/// that is 0.
fn float(value: &Value) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the shape has single precision"
    )]
    let single = value.as_f64().unwrap_or_default() as f32;
    json::parse(&format!("{single:?}")).unwrap_or_default()
}

/// The JSON text of a value as recorded: with a space after each comma and colon, other than in
/// histories.
fn text(value: &Value) -> String {
    let compact = value.to_text();
    let mut spaced = String::with_capacity(compact.len() + compact.len() / 8);
    let (mut is_within, mut is_escaped) = (false, false);
    for c in compact.chars() {
        spaced.push(c);
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_within => is_escaped = true,
            '"' => is_within = !is_within,
            ',' | ':' if !is_within => spaced.push(' '),
            _ => {}
        }
    }
    spaced
}
