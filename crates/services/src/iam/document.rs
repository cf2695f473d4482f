//! Policy documents as they come in and go out.

use aws::ServiceError;
use aws::iam::{Policy, Purpose};

/// Refuses a document that IAM would not keep, in IAM's words.
pub(super) fn check(document: &str, purpose: Purpose) -> Result<(), ServiceError> {
    match Policy::parse(document, purpose) {
        Ok(_) => Ok(()),
        Err(malformed) => Err(ServiceError::new(
            "MalformedPolicyDocument",
            malformed.to_string(),
        )),
    }
}

/// The size that quotas count: white space is free.
pub(crate) fn counted_bytes(document: &str) -> usize {
    let counted = document.chars().filter(|char| !char.is_whitespace());
    counted.map(char::len_utf8).sum()
}

/// Documents travel URL-encoded in answers (RFC 3986: a space is `%20`).
pub(super) fn url_encoded(document: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(document, ENCODED).to_string()
}
