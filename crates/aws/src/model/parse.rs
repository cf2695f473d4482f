//! From the text of a model file to its tables.

use std::collections::BTreeMap;

use json::{Object, Value};

use super::{
    Constraints, ErrorTrait, Http, Instants, Kind, Location, Member, Model, Operation, Protocol,
    Reference, Segment, Shape, ShapeId, Structure,
};
use crate::pattern::Pattern;

/// Why a text is no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text isn't JSON.
    #[error("the model is not JSON: {0}")]
    Json(String),
    /// Something is absent or of the wrong type.
    #[error("the model has no usable `{0}`")]
    Missing(String),
    /// A name that leads nowhere, or a word this build doesn't know.
    #[error("`{place}` of the model says `{word}`, which is not known here")]
    Unknown { place: String, word: String },
}

type Names<'a> = BTreeMap<&'a str, ShapeId>;

impl Model {
    /// Compiles the text of a file made by `models/trim.py`.
    ///
    /// # Errors
    /// [`Error`], naming the place; a broken model never panics.
    pub fn parse(text: &str) -> Result<Model, Error> {
        Model::compiled(text, None)
    }

    /// The same of a service that speaks several protocols, as it is in one of them.
    ///
    /// # Errors
    /// [`Error`], naming the place; a broken model never panics.
    pub fn speaking(protocol: Protocol, text: &str) -> Result<Model, Error> {
        Model::compiled(text, Some(protocol))
    }

    fn compiled(text: &str, spoken: Option<Protocol>) -> Result<Model, Error> {
        let root = json::parse(text).map_err(|error| Error::Json(error.to_string()))?;
        let metadata = member(&root, "metadata")?;
        let shapes = member(&root, "shapes")?
            .as_object()
            .ok_or_else(|| missing("shapes"))?;
        let names: Names<'_> = shapes
            .keys()
            .zip(0..)
            .map(|(name, index)| (name, ShapeId(index)))
            .collect();
        let compiled = shapes
            .iter()
            .map(|(name, value)| shape(name, value, &names));
        let shapes: Vec<Shape> = compiled.collect::<Result<_, _>>()?;
        let operations = member(&root, "operations")?
            .as_object()
            .ok_or_else(|| missing("operations"))?;
        let mut operations: Vec<Operation> = operations
            .iter()
            .map(|(name, value)| operation(name, value, &names))
            .collect::<Result<_, _>>()?;
        operations.sort_by(|a, b| a.name.cmp(&b.name));
        let text = |name: &str| boxed(metadata.get(name).and_then(Value::as_str));
        let signing_name = match text("signingName") {
            name if name.is_empty() => text("endpointPrefix"),
            name => name,
        };
        let protocol = spoken.map_or_else(|| protocol(metadata), Ok)?;
        if !matches!(protocol, Protocol::Query | Protocol::RestXml) {
            refuse_renamed_members(&shapes)?;
        }
        let is_error = |id: &ShapeId| shapes.get(id.0 as usize).is_some_and(|s| s.error.is_some());
        Ok(Model {
            protocol,
            signing_name,
            endpoint_prefix: text("endpointPrefix"),
            api_version: text("apiVersion"),
            target_prefix: text("targetPrefix"),
            // Query models give the address alone, S3's an object.
            xml_namespace: match namespace(metadata) {
                Some(address) => address.into(),
                None => text("xmlNamespace"),
            },
            error_namespace: text("errorNamespace"),
            query_compatible: flag(metadata, "queryCompatible"),
            errors: names.values().copied().filter(is_error).collect(),
            operations,
            shapes,
        })
    }
}

/// JSON bodies are passed on as they are, and CBOR has no other names either, so a member can't
/// have another name there.
fn refuse_renamed_members(shapes: &[Shape]) -> Result<(), Error> {
    for shape in shapes {
        let Kind::Structure(structure) = &shape.kind else {
            continue;
        };
        if structure
            .body_members()
            .any(|member| member.reference.location_name.is_some())
        {
            return Err(unknown(&shape.name, "locationName"));
        }
    }
    Ok(())
}

fn missing(place: &str) -> Error {
    Error::Missing(place.to_owned())
}

fn unknown(place: &str, word: &str) -> Error {
    Error::Unknown {
        place: place.to_owned(),
        word: word.to_owned(),
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Error> {
    value.get(name).ok_or_else(|| missing(name))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn boxed(text: Option<&str>) -> Box<str> {
    text.unwrap_or_default().into()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn protocol(metadata: &Value) -> Result<Protocol, Error> {
    match (text(metadata, "protocol"), text(metadata, "jsonVersion")) {
        (Some("json"), Some("1.0")) => Ok(Protocol::Json10),
        (Some("json"), Some("1.1")) => Ok(Protocol::Json11),
        (Some("query"), _) => Ok(Protocol::Query),
        (Some("smithy-rpc-v2-cbor"), _) => Ok(Protocol::Cbor),
        (Some("rest-json"), _) => Ok(Protocol::RestJson),
        (Some("rest-xml"), _) => Ok(Protocol::RestXml),
        (other, _) => Err(unknown("protocol", other.unwrap_or_default())),
    }
}

fn operation(name: &str, value: &Value, names: &Names<'_>) -> Result<Operation, Error> {
    let body = |key: &str| {
        value
            .get(key)
            .map(|r| reference(name, r, names).map(|r| r.shape))
            .transpose()
    };
    let errors = value
        .get("errors")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let errors = errors
        .iter()
        .map(|error| Ok(reference(name, error, names)?.shape));
    Ok(Operation {
        name: name.into(),
        input: body("input")?,
        output: body("output")?,
        errors: errors.collect::<Result<_, Error>>()?,
        http: value
            .get("http")
            .map(|binding| http(name, binding))
            .transpose()?,
        result_wrapper: text(value, "resultWrapper").map(Into::into),
        host_prefix: boxed(text(value, "hostPrefix")),
        gzip: flag(value, "gzip"),
        unsigned: flag(value, "unsigned"),
        request_element: value
            .get("input")
            .and_then(|input| text(input, "locationName"))
            .map(Into::into),
        request_namespace: value.get("input").and_then(namespace).map(Into::into),
    })
}

/// The address of the XML namespace that a use of a shape declares.
fn namespace(value: &Value) -> Option<&str> {
    text(value.get("xmlNamespace")?, "uri")
}

/// How a shape spells instants, if it says so.
fn instants(name: &str, value: &Value) -> Result<Option<Instants>, Error> {
    match text(value, "timestampFormat") {
        None => Ok(None),
        Some("iso8601") => Ok(Some(Instants::Iso8601)),
        Some("rfc822") => Ok(Some(Instants::HttpDate)),
        Some(other) => Err(unknown(name, other)),
    }
}

/// Prefix and address of the namespace that a shape's element declares.
fn xml_prefix(value: &Value) -> Option<(Box<str>, Box<str>)> {
    let prefix = text(value.get("xmlNamespace")?, "prefix")?;
    Some((prefix.into(), namespace(value)?.into()))
}

fn http(operation: &str, value: &Value) -> Result<Http, Error> {
    let method = text(value, "method").unwrap_or_default();
    let uri = text(value, "uri").ok_or_else(|| missing(operation))?;
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let segment = |text: &str| match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        Some(label) => match label.strip_suffix('+') {
            Some(greedy) => Segment::Greedy(greedy.into()),
            None => Segment::Label(label.into()),
        },
        None => Segment::Literal(text.into()),
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let status = value.get("status").and_then(Value::as_i64);
    Ok(Http {
        method: method.parse().map_err(|_| unknown(operation, method))?,
        path: path
            .split('/')
            .filter(|text| !text.is_empty())
            .map(segment)
            .collect(),
        query: pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        status: status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(200),
    })
}

fn shape(name: &str, value: &Value, names: &Names<'_>) -> Result<Shape, Error> {
    let of = |key: &str| {
        value
            .get(key)
            .ok_or_else(|| missing(name))
            .and_then(|r| reference(name, r, names))
    };
    let flattened = flag(value, "flattened");
    let kind = match text(value, "type").unwrap_or_default() {
        "structure" if flag(value, "document") => Kind::Document,
        "structure" => Kind::Structure(structure(name, value, names)?),
        "list" => Kind::List {
            member: of("member")?,
            flattened,
        },
        "map" => Kind::Map {
            key: of("key")?,
            value: of("value")?,
            flattened,
        },
        "string" => Kind::String,
        "blob" => Kind::Blob,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "timestamp" => Kind::Timestamp,
        other => return Err(unknown(name, other)),
    };
    Ok(Shape {
        name: name.into(),
        kind,
        sensitive: flag(value, "sensitive"),
        constraints: constraints(value),
        error: flag(value, "exception").then(|| error(name, value)),
        instants: instants(name, value)?,
        xml_prefix: xml_prefix(value),
    })
}

fn structure(name: &str, value: &Value, names: &Names<'_>) -> Result<Structure, Error> {
    let required = value
        .get("required")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let payload = text(value, "payload");
    let mut out = Structure {
        event_stream: flag(value, "eventstream"),
        ..Structure::default()
    };
    let members = value
        .get("members")
        .and_then(Value::as_object)
        .map(Object::members);
    for (key, entry) in members.unwrap_or_default() {
        if payload == Some(key.as_str()) {
            out.payload = Some(out.members.len());
        }
        out.members.push(Member {
            name: key.clone(),
            required: required
                .iter()
                .any(|name| name.as_str() == Some(key.as_str())),
            idempotency_token: flag(entry, "idempotencyToken"),
            reference: reference(name, entry, names)?,
        });
    }
    Ok(out)
}

fn constraints(value: &Value) -> Constraints {
    let number = |key: &str| value.get(key).and_then(Value::as_f64);
    let choices = value
        .get("enum")
        .and_then(Value::as_array)
        .unwrap_or_default();
    Constraints {
        min: number("min"),
        max: number("max"),
        pattern: text(value, "pattern").map(Pattern::new),
        choices: choices
            .iter()
            .filter_map(Value::as_str)
            .map(Into::into)
            .collect(),
    }
}

fn error(name: &str, value: &Value) -> ErrorTrait {
    let given = value.get("error");
    let status = given
        .and_then(|e| e.get("httpStatusCode"))
        .and_then(Value::as_i64);
    ErrorTrait {
        code: given.and_then(|e| text(e, "code")).unwrap_or(name).into(),
        status: status.and_then(|status| u16::try_from(status).ok()),
        fault: flag(value, "fault") || status.is_some_and(|status| status >= 500),
    }
}

/// A bare name, or an object with `shape` and the traits of this use.
fn reference(place: &str, value: &Value, names: &Names<'_>) -> Result<Reference, Error> {
    let name = value
        .as_str()
        .or_else(|| text(value, "shape"))
        .ok_or_else(|| missing(place))?;
    let location = match text(value, "location") {
        None => Location::Body,
        Some("header") => Location::Header,
        Some("headers") => Location::Headers,
        Some("uri") => Location::Path,
        Some("querystring") => Location::Query,
        Some("statusCode") => Location::Status,
        Some(other) => return Err(unknown(place, other)),
    };
    // Traits that no codec here follows must not pass unnoticed.
    for unserved in ["hostLabel", "jsonvalue", "timestampFormat"] {
        if value.get(unserved).is_some() {
            return Err(unknown(place, unserved));
        }
    }
    Ok(Reference {
        shape: *names.get(name).ok_or_else(|| unknown(place, name))?,
        location_name: text(value, "locationName").map(Into::into),
        location,
        flattened: flag(value, "flattened"),
        xml_attribute: flag(value, "xmlAttribute"),
        xml_namespace: namespace(value).map(Into::into),
    })
}
