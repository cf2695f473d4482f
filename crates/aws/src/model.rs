//! A service model: the operations and shapes of one API, compiled to tables.
//!
//! The text is a file of `models/`, made from botocore by `models/trim.py`. Names are resolved
//! once, at [`Model::parse`]; the codec then walks indices. See [`crate::models`] for those
//! embedded in this build.

use json::Text;

use crate::pattern::Pattern;

mod parse;

pub use parse::Error;

/// How requests and responses of a service look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `awsJson1_0`: a JSON object in the body, the operation in `X-Amz-Target`.
    Json10,
    /// `awsJson1_1`: the same with another content type.
    Json11,
    /// `awsQuery`: a form in, XML out.
    Query,
    /// `rpcv2Cbor`: a CBOR map in the body, service and operation in the path.
    Cbor,
    /// `restJson1`: method and path name the operation.
    RestJson,
    /// `restXml`: the same with XML bodies.
    RestXml,
}

impl Protocol {
    /// Whether method and path name the operation.
    #[must_use]
    pub fn is_rest(self) -> bool {
        matches!(self, Protocol::RestJson | Protocol::RestXml)
    }
}

/// One service.
#[derive(Debug)]
pub struct Model {
    pub protocol: Protocol,
    /// Name in credential scopes: `states`.
    pub signing_name: Box<str>,
    /// First label of the host name.
    pub endpoint_prefix: Box<str>,
    /// The model's version: `2016-11-23`.
    pub api_version: Box<str>,
    /// What precedes the dot in `X-Amz-Target`, and the service in a path of `rpcv2Cbor`; empty
    /// unless the service speaks one of them.
    pub target_prefix: Box<str>,
    /// Namespace of XML answers; empty where there is none.
    pub xml_namespace: Box<str>,
    /// Namespace of modelled errors in `__type`; empty where AWS sends none.
    pub error_namespace: Box<str>,
    /// Whether errors in other protocols also name the code that they have in the query protocol,
    /// which SDKs show.
    pub query_compatible: bool,
    /// Sorted by name.
    pub(crate) operations: Vec<Operation>,
    pub(crate) shapes: Vec<Shape>,
    /// Shapes that are errors, sorted by code.
    pub(crate) errors: Vec<ShapeId>,
}

/// Index of a shape in its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShapeId(pub(crate) u32);

/// One operation.
#[derive(Debug)]
pub struct Operation {
    pub name: Box<str>,
    pub input: Option<ShapeId>,
    pub output: Option<ShapeId>,
    /// Errors the model lists for it.
    pub errors: Vec<ShapeId>,
    /// Of rest protocols.
    pub http: Option<Http>,
    /// Element around the output in query answers.
    pub result_wrapper: Option<Box<str>>,
    /// What SDKs put in front of the host: `sync-`.
    pub host_prefix: Box<str>,
    /// Whether its requests may come packed with gzip.
    pub gzip: bool,
    /// Whether AWS takes it without a signature.
    pub unsigned: bool,
    /// Name and namespace of the element around an XML request whose body isn't one member.
    pub request_element: Option<Box<str>>,
    pub request_namespace: Option<Box<str>>,
}

/// Binding of an operation to method, path and status.
#[derive(Debug)]
pub struct Http {
    pub method: http::Method,
    pub path: Vec<Segment>,
    /// Literal query parameters that belong to the operation: `("List", "ALL")`.
    pub query: Vec<(Box<str>, Box<str>)>,
    /// Status of a success.
    pub status: u16,
}

/// One segment of a path pattern.
#[derive(Debug, PartialEq, Eq)]
pub enum Segment {
    Literal(Box<str>),
    /// `{Name}`: one segment.
    Label(Box<str>),
    /// `{Name+}`: all the rest.
    Greedy(Box<str>),
}

/// A type of the model.
#[derive(Debug)]
pub struct Shape {
    pub name: Box<str>,
    pub kind: Kind,
    /// Values are not repeated in messages.
    pub sensitive: bool,
    pub constraints: Constraints,
    /// What makes it an error, if it is one.
    pub error: Option<ErrorTrait>,
    /// How an instant of this shape is spelled, where that isn't the usual spelling of its place.
    pub instants: Option<Instants>,
    /// Prefix and address of an XML namespace that its element declares: `xsi`.
    pub xml_prefix: Option<(Box<str>, Box<str>)>,
}

/// How a place spells instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instants {
    Iso8601,
    HttpDate,
}

/// What a shape is made of.
#[derive(Debug)]
pub enum Kind {
    Structure(Structure),
    List {
        member: Reference,
        flattened: bool,
    },
    Map {
        key: Reference,
        value: Reference,
        flattened: bool,
    },
    String,
    Blob,
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    Timestamp,
    /// Any JSON value.
    Document,
}

#[derive(Debug, Default)]
pub struct Structure {
    pub members: Vec<Member>,
    /// Index of the member that is the whole body (rest protocols).
    pub payload: Option<usize>,
    /// Whether the body is a stream of events, which no codec here reads or writes.
    pub event_stream: bool,
}

impl Structure {
    /// The member `name`, exactly as spelled.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.name.as_str() == name)
    }

    /// The member that is the whole body, if there is one.
    #[must_use]
    pub fn payload_member(&self) -> Option<&Member> {
        self.members.get(self.payload?)
    }

    /// The members that travel together in the body.
    pub fn body_members(&self) -> impl Iterator<Item = &Member> {
        let in_body = |member: &&Member| member.reference.location == Location::Body;
        self.members.iter().filter(in_body)
    }
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    pub name: Text,
    pub required: bool,
    /// The server makes up a value when the client gives none; SDKs send a fresh UUID.
    pub idempotency_token: bool,
    pub reference: Reference,
}

impl Member {
    /// Name of the element, parameter, header or label that carries it.
    #[must_use]
    pub fn wire_name(&self) -> &str {
        self.reference.name_or(self.name.as_str())
    }
}

impl Reference {
    /// The name on the wire, which is `default` unless the model says otherwise.
    #[must_use]
    pub fn name_or<'a>(&'a self, default: &'a str) -> &'a str {
        self.location_name.as_deref().unwrap_or(default)
    }
}

/// A use of a shape, with what this use adds.
#[derive(Debug)]
pub struct Reference {
    pub shape: ShapeId,
    /// Name on the wire where it differs: XML element, query parameter, header, label.
    pub location_name: Option<Box<str>>,
    pub location: Location,
    pub flattened: bool,
    /// An attribute of its parent's element, not an element.
    pub xml_attribute: bool,
    /// The namespace its XML element declares.
    pub xml_namespace: Option<Box<str>>,
}

/// Where a member of a rest operation travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    Body,
    Header,
    /// A map whose entries are headers; the location name is what their names begin with.
    Headers,
    Path,
    Query,
    Status,
}

/// Bounds on values.
#[derive(Debug, Default)]
pub struct Constraints {
    /// Least length (characters, bytes of a blob, elements) or value.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub pattern: Option<Pattern>,
    /// Allowed strings in the order AWS's messages have them; empty for any.
    pub choices: Vec<Box<str>>,
}

/// What the model says of an error.
#[derive(Debug)]
pub struct ErrorTrait {
    /// As on the wire: `NoSuchEntity` of `NoSuchEntityException`.
    pub code: Box<str>,
    /// HTTP status, where the model has one.
    pub status: Option<u16>,
    /// The server's fault, not the caller's.
    pub fault: bool,
}

impl Model {
    /// The operation `name`, exactly as spelled.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        let at = self
            .operations
            .binary_search_by(|operation| (*operation.name).cmp(name))
            .ok()?;
        self.operations.get(at)
    }

    /// All operations, sorted by name.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The shape `id` of this model.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        #[expect(
            clippy::indexing_slicing,
            reason = "INVARIANT: Model::parse checks every reference"
        )]
        &self.shapes[id.0 as usize]
    }

    /// The structure `id`; `None` when the shape is something else.
    #[must_use]
    pub fn structure(&self, id: ShapeId) -> Option<&Structure> {
        match &self.shape(id).kind {
            Kind::Structure(structure) => Some(structure),
            _ => None,
        }
    }

    /// The error whose shape name is `code`, or else the first that has it as its code.
    #[must_use]
    pub fn error(&self, code: &str) -> Option<&Shape> {
        let shapes = || self.errors.iter().map(|id| self.shape(*id));
        let of_code = |shape: &&Shape| {
            let error = shape.error.as_ref();
            error.is_some_and(|error| &*error.code == code)
        };
        let named = shapes().find(|shape| &*shape.name == code);
        named.or_else(|| shapes().find(of_code))
    }
}

#[cfg(test)]
mod tests;
