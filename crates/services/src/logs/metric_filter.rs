//! TestMetricFilter.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};

use super::invalid;
use super::pattern::Pattern;
use crate::{Answer, Call};

/// Which of some messages a pattern matches, and what it names in them.
pub(super) fn test(call: &Call) -> Result<Answer, ServiceError> {
    let pattern = Pattern::parse(call.text("filterPattern").unwrap_or_default());
    let pattern = pattern.map_err(|error| invalid(error.to_string()))?;
    let messages = call.list("logEventMessages").iter();
    let messages = messages.filter_map(Value::as_str);
    let matches = (1_i64..).zip(messages).filter_map(|(number, message)| {
        let extracted = pattern.extract(message)?.into_iter();
        let extracted: Object = extracted
            .map(|(name, value)| (name, Value::from(value)))
            .collect();
        let found = ObjectBuilder::new()
            .add("eventNumber", number)
            .add("eventMessage", message)
            .add("extractedValues", extracted)
            .build();
        Some(Value::from(found))
    });
    let matches: Value = matches.collect();
    Ok(ObjectBuilder::new().add("matches", matches).into())
}
