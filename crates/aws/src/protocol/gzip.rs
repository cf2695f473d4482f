//! Requests whose body is packed with gzip (Smithy 2.0, trait `requestCompression`).

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::door::Request;
use crate::error::{Common, ServiceError};
use crate::model::{Model, Operation};

/// What a body may have as it was sent: AWS takes 1 MB of PutMetricData, the only operation here.
const SENT_BYTES_MAX: usize = 1 << 20;
/// What it may have unpacked: 1,000 metrics of 150 values each are 3 MB of CBOR.
const BYTES_MAX: usize = 8 << 20;

/// The request with its body unpacked; `None` where it isn't packed, or the operation doesn't take
/// that (then the body is what it is, and unreadable).
///
/// # Errors
/// When it is no gzip, or too large.
pub(super) fn unpacked(
    model: &Model,
    operation: &Operation,
    request: &Request,
) -> Result<Option<Request>, ServiceError> {
    if !operation.gzip {
        return Ok(None);
    }
    let too_large = |what: &str, max: usize| {
        let message = format!("The {what} of the request exceeds {max} bytes.");
        ServiceError::common(Common::RequestTooLarge, model.protocol, message)
    };
    if request.body.len() > SENT_BYTES_MAX {
        return Err(too_large("body", SENT_BYTES_MAX));
    }
    if !is_packed(request) {
        return Ok(None);
    }
    let (body, is_sound) = read(&request.body, BYTES_MAX + 1);
    if !is_sound {
        let message = "the body is not gzip, though the header `Content-Encoding` says so";
        return Err(ServiceError::common(
            Common::Serialization,
            model.protocol,
            message,
        ));
    }
    if body.len() > BYTES_MAX {
        return Err(too_large("unpacked body", BYTES_MAX));
    }
    Ok(Some(Request {
        body: Bytes::from(body),
        ..request.clone()
    }))
}

/// Whether the body is said to be packed.
pub(crate) fn is_packed(request: &Request) -> bool {
    let encoding = request.header("content-encoding");
    encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"))
}

/// The first bytes of a packed body, as far as it can be read.
pub(crate) fn start_of(packed: &[u8], max: usize) -> Vec<u8> {
    read(packed, max).0
}

/// At most `max` bytes, and whether they could be read without an error.
fn read(packed: &[u8], max: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let max = u64::try_from(max).unwrap_or(u64::MAX);
    let read = GzDecoder::new(packed).take(max).read_to_end(&mut body);
    (body, read.is_ok())
}
