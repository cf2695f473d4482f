//! Fail: the end, with an error and a cause of the author's.

use json::Value;

use super::data::{self, Data};
use super::failure::{Failed, How};
use super::step::{Fault, Go, Step};
use crate::event::{Failure, Text};
use crate::program::{Fail, TextSource};
use crate::template::shown;

pub(super) fn enter(step: &mut Step<'_>, fail: &Fail) -> Result<Go, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.input()?;
    let error = text(fail.error.as_ref(), "ErrorPath", &input, &data)?;
    let cause = text(fail.cause.as_ref(), "CausePath", &input, &data)?;
    let failure = Failure { error, cause }.cut();
    Ok(Go::Raise(Failed::new(failure, How::Error)))
}

fn text(
    source: Option<&TextSource>,
    field: &str,
    input: &Value,
    data: &Data<'_>,
) -> Result<Option<Text>, Fault> {
    let scope = data.scope(input);
    let reference = match source {
        None => return Ok(None),
        Some(TextSource::Text(text)) => return Ok(Some(text.clone())),
        Some(TextSource::Query(query)) => return Ok(Some(query.evaluate_text(&scope)?)),
        Some(TextSource::Reference(reference)) => reference,
    };
    let found = reference.evaluate(field, &scope)?;
    let not_text = || {
        let (found, text) = (shown(&found), reference.text());
        Fault::runtime(format!(
            "The {field} field refers to value {found} which is not a valid string: {text}"
        ))
    };
    Ok(Some(found.as_str().ok_or_else(not_text)?.into()))
}
