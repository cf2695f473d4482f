//! CBOR bodies: the protocol `rpcv2Cbor` (Smithy 2.0, "Smithy RPC v2 CBOR protocol").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderValue, Method};
use json::{Number, ObjectBuilder, Value, View};
use minicbor::data::{IanaTag, Type};
use minicbor::decode::Error as Malformed;
use minicbor::encode::Error as NotWritten;
use minicbor::{Decoder, Encoder};

use super::scalar::{Mismatch, is_integer_of};
use super::{Output, Unsendable, json_body};
use crate::door::{Request, Response, set};
use crate::error::ServiceError;
use crate::model::{Kind, Model, Operation, ShapeId, Structure};
use crate::route::{RPC_CBOR, SMITHY_PROTOCOL};
use crate::time;

const CONTENT_TYPE: &str = "application/cbor";
/// Deeper than any value of a model that speaks CBOR; each step takes some stack.
const DEPTH_MAX: usize = 64;

impl From<Malformed> for Mismatch {
    fn from(error: Malformed) -> Mismatch {
        Mismatch(format!("the body is not CBOR of this operation: {error}"))
    }
}

/// The members of `shape` in `body`. An empty body has none.
pub(super) fn decode(
    model: &Model,
    shape: Option<ShapeId>,
    body: &[u8],
) -> Result<Value, Mismatch> {
    let structure = shape.and_then(|shape| model.structure(shape));
    let Some(structure) = structure.filter(|_| !body.is_empty()) else {
        return Ok(Value::empty_object());
    };
    let mut reader = Reader {
        model,
        cbor: Decoder::new(body),
    };
    let members = reader.structure(structure, DEPTH_MAX)?;
    if reader.cbor.position() < body.len() {
        return Err(Mismatch("the body goes on behind its end".to_owned()));
    }
    Ok(members)
}

struct Reader<'r> {
    model: &'r Model,
    cbor: Decoder<'r>,
}

impl Reader<'_> {
    /// The next value, which is of type `shape`; `None` for a null.
    fn value(&mut self, shape: ShapeId, depth: usize) -> Result<Option<Value>, Mismatch> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Mismatch(format!(
                "the body is nested more than {DEPTH_MAX} deep"
            )));
        };
        let found = self.cbor.datatype()?;
        let kind = &self.model.shape(shape).kind;
        let value = match (kind, found) {
            (_, Type::Null | Type::Undefined) => {
                self.cbor.skip()?;
                return Ok(None);
            }
            (Kind::Structure(structure), Type::Map | Type::MapIndef) => {
                self.structure(structure, depth)?
            }
            (Kind::List { member, .. }, Type::Array | Type::ArrayIndef) => {
                self.list(member.shape, depth)?
            }
            (Kind::Map { value, .. }, Type::Map | Type::MapIndef) => {
                self.map(value.shape, depth)?
            }
            (Kind::String, Type::String | Type::StringIndef) => self.text()?.into(),
            (Kind::Blob, Type::Bytes | Type::BytesIndef) => self.blob()?.into(),
            (Kind::Boolean, Type::Bool) => Value::from_bool(self.cbor.bool()?),
            (Kind::Timestamp, Type::Tag) => self.instant()?,
            (Kind::Float | Kind::Double, Type::F16 | Type::F32 | Type::F64) => {
                // What is no number (infinite, undefined) JSON has no spelling for.
                let number = Number::from_f64(self.cbor.f64()?);
                number
                    .ok_or_else(|| Mismatch::converting("NUMBER_VALUE", kind))?
                    .into()
            }
            (Kind::Float | Kind::Double, _) if is_whole(found) => self.whole()?.into(),
            (Kind::Integer | Kind::Long, _) if is_whole(found) => {
                let number = self.whole()?;
                if !is_integer_of(kind, &number) {
                    return Err(Mismatch::converting("NUMBER_VALUE", kind));
                }
                number.into()
            }
            _ => return Err(mismatch(kind, found)),
        };
        Ok(Some(value))
    }

    /// Whether a list or map of `left` entries, or of unknown length, goes on; counts down.
    fn goes_on(&mut self, left: &mut Option<u64>) -> Result<bool, Mismatch> {
        match left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None if self.cbor.datatype()? == Type::Break => {
                self.cbor.skip()?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    /// Members that the model doesn't have are passed over.
    fn structure(&mut self, structure: &Structure, depth: usize) -> Result<Value, Mismatch> {
        let mut members = ObjectBuilder::new();
        let mut left = self.cbor.map()?;
        while self.goes_on(&mut left)? {
            let name = self.text()?;
            match structure.member(&name) {
                Some(member) => {
                    if let Some(value) = self.value(member.reference.shape, depth)? {
                        members.add(member.name.clone(), value);
                    }
                }
                None => self.cbor.skip()?,
            }
        }
        Ok(members.build().into())
    }

    fn list(&mut self, member: ShapeId, depth: usize) -> Result<Value, Mismatch> {
        let mut elements = Vec::new();
        let mut left = self.cbor.array()?;
        while self.goes_on(&mut left)? {
            elements.push(self.value(member, depth)?.unwrap_or_default());
        }
        Ok(elements.into())
    }

    fn map(&mut self, value: ShapeId, depth: usize) -> Result<Value, Mismatch> {
        let mut entries = ObjectBuilder::new();
        let mut left = self.cbor.map()?;
        while self.goes_on(&mut left)? {
            let key = self.text()?;
            entries.add(key.as_str(), self.value(value, depth)?.unwrap_or_default());
        }
        Ok(entries.build().into())
    }

    /// A string, whole or in pieces.
    fn text(&mut self) -> Result<String, Mismatch> {
        Ok(self.cbor.str_iter()?.collect::<Result<String, _>>()?)
    }

    fn blob(&mut self) -> Result<String, Mismatch> {
        let mut bytes = Vec::new();
        for piece in self.cbor.bytes_iter()? {
            bytes.extend_from_slice(piece?);
        }
        Ok(BASE64.encode(bytes))
    }

    /// A whole number within 64 bits.
    fn whole(&mut self) -> Result<Number, Mismatch> {
        let number = self.cbor.int()?;
        let signed = i64::try_from(number).map(Number::from_i64);
        let number = signed.or_else(|_| u64::try_from(number).map(Number::from_u64));
        number.map_err(|_| Mismatch::converting("NUMBER_VALUE", &Kind::Long))
    }

    /// Seconds since the epoch under tag 1.
    fn instant(&mut self) -> Result<Value, Mismatch> {
        let refused = || Mismatch::converting("NUMBER_VALUE", &Kind::Timestamp);
        if self.cbor.tag()? != IanaTag::Timestamp.tag() {
            return Err(refused());
        }
        let seconds = match self.cbor.datatype()? {
            Type::F16 | Type::F32 | Type::F64 => Number::from_f64(self.cbor.f64()?),
            found if is_whole(found) => Some(self.whole()?),
            _ => None,
        };
        let ms = time::epoch_ms(&seconds.ok_or_else(refused)?.into());
        Ok(time::epoch_seconds(ms.ok_or_else(refused)?))
    }
}

fn is_whole(found: Type) -> bool {
    use Type::{I8, I16, I32, I64, Int, U8, U16, U32, U64};
    matches!(found, U8 | U16 | U32 | U64 | I8 | I16 | I32 | I64 | Int)
}

/// The words AWS has for a value of the wrong type.
fn mismatch(kind: &Kind, found: Type) -> Mismatch {
    match found {
        Type::Map | Type::MapIndef => {
            Mismatch("Start of structure or map found where not expected.".to_owned())
        }
        Type::Array | Type::ArrayIndef => {
            Mismatch("Start of list found where not expected".to_owned())
        }
        Type::String | Type::StringIndef => Mismatch::converting("STRING_VALUE", kind),
        Type::Bytes | Type::BytesIndef => Mismatch::converting("BLOB_VALUE", kind),
        Type::Bool => Mismatch::converting("BOOLEAN_VALUE", kind),
        Type::Tag => Mismatch::converting("TAG_VALUE", kind),
        _ => Mismatch::converting("NUMBER_VALUE", kind),
    }
}

/// Why a value has no CBOR.
enum Unwritable {
    Type(String),
    Bytes,
}

impl<E> From<NotWritten<E>> for Unwritable {
    fn from(_: NotWritten<E>) -> Unwritable {
        Unwritable::Bytes
    }
}

impl From<Unwritable> for Unsendable {
    fn from(unwritable: Unwritable) -> Unsendable {
        match unwritable {
            Unwritable::Type(text) => Unsendable::Type(text),
            Unwritable::Bytes => Unsendable::Type("the value can't be written as CBOR".to_owned()),
        }
    }
}

type Written = Result<(), Unwritable>;

/// The members of `shape`, those the model has, as CBOR.
fn encoded(model: &Model, shape: ShapeId, members: &Value) -> Result<Vec<u8>, Unsendable> {
    let mut bytes = Vec::with_capacity(members.size());
    let mut writer = Writer {
        model,
        cbor: Encoder::new(&mut bytes),
    };
    writer.value(shape, members)?;
    Ok(bytes)
}

struct Writer<'w> {
    model: &'w Model,
    cbor: Encoder<&'w mut Vec<u8>>,
}

impl Writer<'_> {
    fn value(&mut self, shape: ShapeId, value: &Value) -> Written {
        let shape = self.model.shape(shape);
        let cbor = &mut self.cbor;
        match (&shape.kind, value.view()) {
            (Kind::Structure(structure), View::Object(object)) => {
                let members = structure.members.iter().filter_map(|member| {
                    let value = object.get(member.name.as_str())?;
                    (!value.is_null()).then_some((member, value))
                });
                let members: Vec<_> = members.collect();
                cbor.map(length(members.len()))?;
                for (member, value) in members {
                    self.cbor.str(member.name.as_str())?;
                    self.value(member.reference.shape, value)?;
                }
            }
            (Kind::List { member, .. }, View::Array(elements)) => {
                cbor.array(length(elements.len()))?;
                for element in elements {
                    self.value(member.shape, element)?;
                }
            }
            (Kind::Map { value, .. }, View::Object(object)) => {
                cbor.map(length(object.len()))?;
                for (key, entry) in object {
                    self.cbor.str(key)?;
                    self.value(value.shape, entry)?;
                }
            }
            (_, View::Null) => {
                cbor.null()?;
            }
            (kind, _) => return self.scalar(kind, &shape.name, value),
        }
        Ok(())
    }

    fn scalar(&mut self, kind: &Kind, name: &str, value: &Value) -> Written {
        let wrong = || Unwritable::Type(format!("a value of `{name}` has the wrong type"));
        let cbor = &mut self.cbor;
        match (kind, value.view()) {
            (Kind::String, View::String(text)) => {
                cbor.str(text)?;
            }
            (Kind::Blob, View::String(text)) => {
                cbor.bytes(&BASE64.decode(text).map_err(|_| wrong())?)?;
            }
            (Kind::Boolean, View::Bool(flag)) => {
                cbor.bool(flag)?;
            }
            (Kind::Float | Kind::Double, View::Number(number)) => {
                cbor.f64(number.as_f64())?;
            }
            (Kind::Integer | Kind::Long, View::Number(number)) => {
                cbor.i64(number.as_i64().ok_or_else(wrong)?)?;
            }
            (Kind::Timestamp, _) => {
                let ms = time::epoch_ms(value).ok_or_else(wrong)?;
                let cbor = cbor.tag(IanaTag::Timestamp)?;
                match ms % 1_000 {
                    0 => {
                        cbor.i64(ms / 1_000)?;
                    }
                    _ => {
                        cbor.f64(time::epoch_seconds(ms).as_f64().ok_or_else(wrong)?)?;
                    }
                }
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A response whose body is CBOR, or nothing at all.
fn response(status: u16, body: Option<Vec<u8>>) -> Response {
    let has_body = body.is_some();
    let mut response = Response::new(status, body.unwrap_or_default());
    let protocol = HeaderValue::from_static(RPC_CBOR);
    response.headers.insert(SMITHY_PROTOCOL, protocol);
    if has_body {
        let value = HeaderValue::from_static(CONTENT_TYPE);
        response.headers.insert(http::header::CONTENT_TYPE, value);
    }
    response
}

/// An operation without output answers nothing, not even an empty map.
pub(super) fn encode_response(
    model: &Model,
    operation: &Operation,
    output: &Output,
) -> Result<Response, Unsendable> {
    let body = operation
        .output
        .map(|shape| encoded(model, shape, &output.members));
    Ok(response(200, body.transpose()?))
}

/// `members` are those of an error in JSON, all of them strings.
pub(super) fn encode_error(members: &json::Object, status: u16) -> Response {
    let mut bytes = Vec::with_capacity(members.size());
    let mut cbor = Encoder::new(&mut bytes);
    let texts = members
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)));
    let texts: Vec<(&str, &str)> = texts.collect();
    let mut write = || -> Result<(), NotWritten<core::convert::Infallible>> {
        cbor.map(length(texts.len()))?;
        for (name, text) in &texts {
            cbor.str(name)?.str(text)?;
        }
        Ok(())
    };
    // Writing to memory doesn't fail; the status would still tell.
    let _ = write();
    response(status, Some(bytes))
}

pub(super) fn encode_request(
    model: &Model,
    operation: &Operation,
    members: &Value,
) -> Result<Request, Unsendable> {
    let uri = format!(
        "/service/{}/operation/{}",
        model.target_prefix, operation.name
    );
    let mut request = Request::new(Method::POST, uri);
    set(&mut request.headers, SMITHY_PROTOCOL, RPC_CBOR)?;
    set(&mut request.headers, "accept", CONTENT_TYPE)?;
    if let Some(input) = operation.input {
        set(&mut request.headers, "content-type", CONTENT_TYPE)?;
        request.body = Bytes::from(encoded(model, input, members)?);
    }
    Ok(request)
}

/// The error in a CBOR answer, which is read as the one of a JSON answer.
pub(super) fn decode_error(response: &Response) -> ServiceError {
    let mut cbor = Decoder::new(&response.body);
    let mut members = ObjectBuilder::new();
    // What can't be read is an error without a name, as in JSON.
    let _ = (|| -> Result<(), Malformed> {
        for entry in cbor.map_iter::<&str, minicbor::data::Token<'_>>()? {
            if let (name, minicbor::data::Token::String(text)) = entry? {
                members.add(name, text);
            }
        }
        Ok(())
    })();
    json_body::error_of(&members.build().into(), response)
}
