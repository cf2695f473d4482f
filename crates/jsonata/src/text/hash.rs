//! AWS's `$hash`.

use sha2::Digest as _;

use super::error;
use super::serialise::quoted;
use crate::error::Error;
use crate::meter::Meter;

/// `$hash`: the digest of the UTF-8 text, in lower-case hexadecimal digits.
///
/// # Errors
/// D3137 for an algorithm other than `MD5`, `SHA-1`, `SHA-256`, `SHA-384` and `SHA-512` (written
/// just so); those of the meter.
pub(crate) fn hash(text: &str, algorithm: &str, meter: &Meter) -> Result<String, Error> {
    // The slowest of them takes some 100 cycles for 16 bytes.
    meter.step(1 + text.len() as u64 / 16)?;
    let digest = match algorithm {
        "MD5" => md5::Md5::digest(text).to_vec(),
        "SHA-1" => sha1::Sha1::digest(text).to_vec(),
        "SHA-256" => sha2::Sha256::digest(text).to_vec(),
        "SHA-384" => sha2::Sha384::digest(text).to_vec(),
        "SHA-512" => sha2::Sha512::digest(text).to_vec(),
        _ => {
            let message = format!(
                "Second argument of hash function must be one of MD5, SHA-1, SHA-256, SHA-384 and \
                 SHA-512; got: {}",
                quoted(algorithm)
            );
            return Err(error("D3137", message));
        }
    };
    meter.make(digest.len() * 2)?;
    Ok(hex::encode(digest))
}

#[cfg(test)]
mod tests;
