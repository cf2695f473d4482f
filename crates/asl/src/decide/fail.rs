//! Fail: the end, with an error and a cause of the author's.

use super::Refusal;
use super::step::{Fault, Go, Step};
use crate::context::Context;
use crate::event::{Failure, Text};
use crate::program::{Fail, TextSource};
use crate::template::Scope;

pub(super) fn enter(step: &mut Step<'_>, fail: &Fail) -> Result<Go, Fault> {
    let context = step.context()?;
    let error = text(fail.error.as_ref(), "ErrorPath", &context)?;
    let cause = text(fail.cause.as_ref(), "CausePath", &context)?;
    step.fail(Failure { error, cause }.cut())
}

fn text(
    source: Option<&TextSource>,
    field: &str,
    context: &Context<'_>,
) -> Result<Option<Text>, Fault> {
    let path = match source {
        None => return Ok(None),
        Some(TextSource::Text(text)) => return Ok(Some(text.clone())),
        Some(TextSource::Reference(path)) => path,
        Some(TextSource::Query(_)) => return Err(Refusal::ForeignProgram.into()),
    };
    let (input, path_text) = (&context.visit.input, path.text());
    let found = path.evaluate(&Scope::new(input, context)).map_err(|_| {
        Fault::runtime(format!(
            "The JSONPath '{path_text}' specified for the field '{field}' could not be found in \
             the input '{input}'"
        ))
    })?;
    let not_text = || {
        Fault::runtime(format!(
            "The {field} field refers to value {found} which is not a valid string: {path_text}"
        ))
    };
    Ok(Some(found.as_str().ok_or_else(not_text)?.into()))
}
