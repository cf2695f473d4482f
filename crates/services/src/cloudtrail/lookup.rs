//! LookupEvents: the events of the audit log, newest first. Source: CloudTrail API reference,
//! "LookupEvents". Texts of errors are ours.

use std::ops::Range;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::lines::Place;

use super::CloudTrail;
use crate::{Answer, Call, page};

/// CloudTrail's history goes back this far.
const HISTORY_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// Events of a page, and what the caller may ask for at most.
const RESULTS_MAX: usize = 50;
/// Events looked at in one call. A page of fewer events, or none, then has a token all the same.
const LOOKED_AT_MAX: usize = 2_000;
/// Events read at once.
const READ_AT_ONCE: usize = 200;

/// What is asked for.
struct Query {
    times_ms: Range<i64>,
    attribute: Option<Attribute>,
    limit: usize,
    /// Everything that must be the same in the next call.
    request: String,
    after: Option<Place>,
}

struct Attribute {
    key: String,
    value: String,
}

/// Events of a page, and the place that the next one begins after.
struct Found {
    events: Vec<Value>,
    more_after: Option<Place>,
}

impl CloudTrail {
    pub(super) async fn lookup_events(&self, call: &Call) -> Result<Answer, ServiceError> {
        let query = Query::of(call)?;
        // There are no Insights events.
        let is_insight = call.text("EventCategory").is_some();
        let found = match &query.attribute {
            _ if is_insight => Found::none(),
            Some(attribute) if attribute.key == "EventId" => {
                self.by_id(call, &query, &attribute.value).await?
            }
            _ => self.by_time(call, &query).await?,
        };
        let mut answer = ObjectBuilder::new();
        answer.add("Events", found.events);
        if let Some(place) = found.more_after {
            let place = format!("{}.{}", place.time_ms, place.number);
            answer.add("NextToken", page::token(&query.request, &place, call.now));
        }
        Ok((&mut answer).into())
    }

    async fn by_id(&self, call: &Call, query: &Query, id: &str) -> Result<Found, ServiceError> {
        let Some(place) = place_of(id).filter(|place| query.times_ms.contains(&place.time_ms))
        else {
            return Ok(Found::none());
        };
        let event = self.trail.event(&call.account, &call.region, place).await?;
        Ok(Found {
            events: event
                .map(|event| shown(place, &event))
                .into_iter()
                .collect(),
            more_after: None,
        })
    }

    async fn by_time(&self, call: &Call, query: &Query) -> Result<Found, ServiceError> {
        let of = (&*call.account, &*call.region);
        let mut found = Found::none();
        let mut after = query.after;
        let mut looked_at = 0;
        loop {
            let times_ms = query.times_ms.clone();
            let read = self.trail.events(of, times_ms, after, READ_AT_ONCE).await?;
            let is_last = read.len() < READ_AT_ONCE;
            looked_at += read.len();
            for (place, event) in &read {
                let attribute = query.attribute.as_ref();
                if attribute.is_none_or(|attribute| attribute.is_of(event)) {
                    if found.events.len() == query.limit {
                        found.more_after = after;
                        return Ok(found);
                    }
                    found.events.push(shown(*place, event));
                }
                after = Some(*place);
            }
            if is_last {
                return Ok(found);
            }
            if looked_at >= LOOKED_AT_MAX {
                found.more_after = after;
                return Ok(found);
            }
        }
    }
}

impl Found {
    fn none() -> Found {
        Found {
            events: Vec::new(),
            more_after: None,
        }
    }
}

impl Query {
    fn of(call: &Call) -> Result<Query, ServiceError> {
        if let Some(violation) = call.violations.first() {
            return Err(refused(&violation.member, &violation.to_string()));
        }
        let attributes = call.list("LookupAttributes");
        if attributes.len() > 1 {
            return Err(ServiceError::new(
                "InvalidLookupAttributesException",
                "The list of lookup attributes can contain only one item.",
            ));
        }
        let attribute = attributes.first().and_then(|attribute| {
            let text = |name| attribute.get(name).and_then(Value::as_str);
            Some(Attribute {
                key: text("AttributeKey")?.to_owned(),
                value: text("AttributeValue")?.to_owned(),
            })
        });
        let time = |name| call.input.get(name).and_then(aws::time::epoch_ms);
        let (start, end) = (time("StartTime"), time("EndTime"));
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(ServiceError::new(
                "InvalidTimeRangeException",
                "The start time must not be after the end time.",
            ));
        }
        let oldest = call.now.0.saturating_sub(HISTORY_MS);
        // Events show seconds: those of the last second are at the end time.
        let end = end.map_or(i64::MAX, |end| {
            end.div_euclid(1_000)
                .saturating_add(1)
                .saturating_mul(1_000)
        });
        let request = format!(
            "LookupEvents {} {} {:?} {:?} {:?}",
            call.account,
            call.region,
            call.input.get("LookupAttributes").map(Value::to_text),
            call.input.get("StartTime").map(Value::to_text),
            call.input.get("EndTime").map(Value::to_text),
        );
        let after =
            call.text("NextToken").map(|token| {
                let position = page::position(&request, token, call.now);
                position.and_then(|position| placed(&position)).ok_or_else(|| {
                ServiceError::new(
                    "InvalidNextTokenException",
                    "The token is not valid, has expired, or was given with other parameters.",
                )
            })
            });
        let limit = call.integer("MaxResults").map(usize::try_from);
        Ok(Query {
            times_ms: start.unwrap_or(oldest).max(oldest)..end,
            attribute,
            limit: limit.and_then(Result::ok).unwrap_or(RESULTS_MAX),
            request,
            after: after.transpose()?,
        })
    }
}

/// The error of a member that breaks a constraint of the model.
fn refused(member: &str, message: &str) -> ServiceError {
    let member = member.split('.').next().unwrap_or(member);
    let code = match member.to_ascii_lowercase().as_str() {
        "eventcategory" => "InvalidEventCategoryException",
        "maxresults" => "InvalidMaxResultsException",
        "nexttoken" => "InvalidNextTokenException",
        _ => "InvalidLookupAttributesException",
    };
    ServiceError::new(code, message)
}

impl Attribute {
    fn is_of(&self, event: &Value) -> bool {
        let is = |text: Option<&str>| text == Some(&*self.value);
        let text = |name| event.get(name).and_then(Value::as_str);
        match &*self.key {
            "EventName" => is(text("eventName")),
            "EventSource" => is(text("eventSource")),
            "ReadOnly" => is(Some(read_only(event))),
            "Username" => is(user_name(event)),
            "AccessKeyId" => is(access_key_id(event)),
            "ResourceType" => resources(event).any(|(_, kind)| is(kind)),
            "ResourceName" => resources(event).any(|(arn, _)| {
                let name = arn.rsplit(['/', ':']).next();
                arn == self.value || is(name)
            }),
            _ => false,
        }
    }
}

/// An event as LookupEvents shows it.
fn shown(place: Place, event: &Value) -> Value {
    let id = event_id(place);
    let text = |name| event.get(name).and_then(Value::as_str);
    let mut shown = ObjectBuilder::new();
    shown
        .add("EventId", &*id)
        .add("EventName", text("eventName").unwrap_or_default())
        .add("ReadOnly", read_only(event));
    if let Some(key) = access_key_id(event) {
        shown.add("AccessKeyId", key);
    }
    let time_ms = place.time_ms.div_euclid(1_000) * 1_000;
    shown
        .add("EventTime", aws::time::epoch_seconds(time_ms))
        .add("EventSource", text("eventSource").unwrap_or_default());
    if let Some(name) = user_name(event) {
        shown.add("Username", name);
    }
    let resource = |(arn, kind): (&str, Option<&str>)| -> Value {
        let mut resource = ObjectBuilder::new();
        if let Some(kind) = kind {
            resource.add("ResourceType", kind);
        }
        resource.add("ResourceName", arn).build().into()
    };
    shown.add(
        "Resources",
        resources(event).map(resource).collect::<Value>(),
    );
    let whole = event.with_member("eventID", id.as_str().into());
    shown.add("CloudTrailEvent", whole.to_text());
    shown.build().into()
}

fn read_only(event: &Value) -> &'static str {
    match event.get("readOnly").and_then(Value::as_bool) {
        Some(true) => "true",
        _ => "false",
    }
}

fn access_key_id(event: &Value) -> Option<&str> {
    event.get("userIdentity")?.get("accessKeyId")?.as_str()
}

/// Of a user its name, of a session of a role the session's, of a root user `root`.
fn user_name(event: &Value) -> Option<&str> {
    let identity = event.get("userIdentity")?;
    let text = |name| identity.get(name).and_then(Value::as_str);
    match text("type")? {
        "Root" => Some("root"),
        "AssumedRole" | "FederatedUser" => text("arn")?.rsplit('/').next(),
        _ => text("userName"),
    }
}

/// ARN and type of each resource.
fn resources(event: &Value) -> impl Iterator<Item = (&str, Option<&str>)> {
    let resources = event.get("resources").and_then(Value::as_array);
    resources.into_iter().flatten().filter_map(|resource| {
        let arn = resource.get("ARN")?.as_str()?;
        Some((arn, resource.get("type").and_then(Value::as_str)))
    })
}

/// The id of an event is its place, in the form of a UUID (version 8, RFC 9562).
fn event_id(place: Place) -> String {
    let time_ms = u64::try_from(place.time_ms).unwrap_or_default();
    let number = u128::from(place.number);
    let custom = (number >> 62) << 64 | (number & (u128::MAX >> 66));
    let bytes = (u128::from(time_ms) << 80 | custom).to_be_bytes();
    let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    id.to_string()
}

/// The place in an id.
fn place_of(id: &str) -> Option<Place> {
    let bits = uuid::Uuid::try_parse(id).ok()?.as_u128();
    let number = (bits >> 64 & 0xfff) << 62 | (bits & (u128::MAX >> 66));
    let place = Place {
        time_ms: i64::try_from(bits >> 80).ok()?,
        number: u64::try_from(number).ok()?,
    };
    (event_id(place) == id).then_some(place)
}

/// The place in a token.
fn placed(position: &str) -> Option<Place> {
    let (time_ms, number) = position.split_once('.')?;
    Some(Place {
        time_ms: time_ms.parse().ok()?,
        number: number.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_a_place() {
        for (time_ms, number) in [
            (0, 0),
            (1_790_000_000_000, 1),
            (1_790_000_000_000, 1 << 61),
            (1_790_000_000_000, (1 << 62) + 5),
            ((1 << 48) - 1, u64::MAX),
        ] {
            let place = Place { time_ms, number };
            let id = event_id(place);
            assert_eq!(id.len(), 36);
            assert_eq!(place_of(&id), Some(place), "{id}");
        }
        for id in ["", "x", "00000000-0000-4000-8000-000000000000"] {
            assert_eq!(place_of(id), None, "{id}");
        }
    }
}
