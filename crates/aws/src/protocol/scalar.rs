//! Scalars as text, as forms, XML, headers and paths have them.

use json::{Number, Value, View};

use crate::error::{Common, ServiceError};
use crate::model::{Instants, Kind, Protocol};
use crate::time;

/// A value that isn't of the type the model wants; the text is AWS's. The caller gets
/// `SerializationException`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch(pub(super) String);

impl Mismatch {
    pub(super) fn answer(self, protocol: Protocol) -> ServiceError {
        ServiceError::common(Common::Serialization, protocol, self.0)
    }

    /// `found` (`STRING_VALUE`) where a value of type `kind` belongs.
    pub(super) fn converting(found: &str, kind: &Kind) -> Mismatch {
        let wanted = match kind {
            Kind::String => "a String",
            Kind::Blob => "a Blob",
            Kind::Boolean => "a Boolean",
            Kind::Integer => "an Integer",
            Kind::Long => "a Long",
            Kind::Float => "a Float",
            Kind::Double => "a Double",
            Kind::Timestamp => "a Timestamp",
            Kind::List { .. } => "a List",
            Kind::Map { .. } => "a Map",
            Kind::Structure(_) | Kind::Document => "a Structure",
        };
        Mismatch(format!("{found} can not be converted to {wanted}"))
    }
}

/// Whether `value` is an integer that the shape can hold.
pub(super) fn is_integer_of(kind: &Kind, number: &Number) -> bool {
    let value = number.as_i64();
    match kind {
        Kind::Integer => value.is_some_and(|value| i32::try_from(value).is_ok()),
        _ => value.is_some(),
    }
}

/// The value of a scalar of type `kind` written as `text`.
pub(super) fn from_text(kind: &Kind, text: &str) -> Result<Value, Mismatch> {
    let refused = || Mismatch::converting("STRING_VALUE", kind);
    Ok(match kind {
        Kind::String | Kind::Blob => Value::from(text),
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Value::from_bool(true),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Value::from_bool(false),
        Kind::Integer => Value::from(text.trim().parse::<i32>().map_err(|_| refused())?),
        Kind::Long => Value::from(text.trim().parse::<i64>().map_err(|_| refused())?),
        Kind::Float | Kind::Double => {
            let number = text.trim().parse::<f64>().ok().and_then(Number::from_f64);
            Value::from(number.ok_or_else(refused)?)
        }
        Kind::Timestamp => {
            let ms = time::parse_iso8601(text).or_else(|| time::parse_http_date(text));
            let ms = ms.or_else(|| time::epoch_ms(&json::parse(text).ok()?));
            time::epoch_seconds(ms.ok_or_else(refused)?)
        }
        Kind::Boolean
        | Kind::List { .. }
        | Kind::Map { .. }
        | Kind::Structure(_)
        | Kind::Document => return Err(refused()),
    })
}

/// The text of a scalar; `None` for arrays, objects and `null`.
pub(super) fn to_text(kind: &Kind, value: &Value, instants: Instants) -> Option<String> {
    if matches!(kind, Kind::Timestamp) {
        let ms = time::epoch_ms(value)?;
        return Some(match instants {
            Instants::Iso8601 => time::iso8601(ms),
            Instants::HttpDate => time::http_date(ms),
        });
    }
    match value.view() {
        View::String(text) => Some(text.to_owned()),
        View::Number(number) => Some(number.as_text().to_owned()),
        View::Bool(value) => Some(value.to_string()),
        View::Null | View::Array(_) | View::Object(_) => None,
    }
}
