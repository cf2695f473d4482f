//! JSON Web Tokens (RFC 7515, 7519) as identity providers sign them: RSA and ECDSA only.
//!
//! What a token says of its key (`jku`, `jwk`, `x5u`, `x5c`) is never looked at: the key comes from
//! the provider, and `kid` only tells which of its keys.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use json::Value;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// Containers within containers; the claims that AWS knows have three.
const DEPTH_MAX: usize = 16;

/// A token whose form is right; nothing of it is believed yet.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) algorithm: Algorithm,
    /// Which key of the provider signed it.
    pub(super) kid: Option<String>,
    pub(super) claims: Value,
    /// Header and claims as they were signed.
    signed: String,
    signature: Vec<u8>,
}

/// Why a text is no token that can be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// The text is AWS's.
    #[error(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access \
         Token)"
    )]
    Form,
    /// `none`, `HS256`, or one this version has no code for.
    #[error(
        "the token's signature algorithm is not one of RS256, RS384, RS512, ES256 and ES384: let \
         the identity provider sign with one of these"
    )]
    Algorithm,
    /// RFC 7515, section 4.1.11: whoever does not understand an extension must refuse it.
    #[error("the token's header names critical extensions, of which none are understood")]
    Critical,
}

/// How tokens may be signed: never without a key, never with a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
}

impl Algorithm {
    fn of_name(name: &str) -> Option<Algorithm> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            _ => return None,
        })
    }

    /// With RSA, keys of 2,048 to 8,192 bits.
    fn how(self) -> How {
        match self {
            Algorithm::Rs256 => How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Es256 => How::Ecdsa("P-256", &ECDSA_P256_SHA256_FIXED),
            Algorithm::Es384 => How::Ecdsa("P-384", &ECDSA_P384_SHA384_FIXED),
        }
    }
}

enum How {
    Rsa(&'static RsaParameters),
    /// With the name of its curve.
    Ecdsa(&'static str, &'static EcdsaVerificationAlgorithm),
}

impl Token {
    /// Takes a token apart: three parts of URL-safe base64 without padding, two of which are JSON
    /// objects without repeated names.
    pub(super) fn parse(text: &str) -> Result<Token, Refused> {
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Form)?;
        let header = object(header).ok_or(Refused::Form)?;
        let claims = object(claims).ok_or(Refused::Form)?;
        let signature = bytes(signature).ok_or(Refused::Form)?;
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(Refused::Form)?.to_owned()),
        };
        if header.get("crit").is_some() {
            return Err(Refused::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.and_then(Algorithm::of_name);
        Ok(Token {
            algorithm: algorithm.ok_or(Refused::Algorithm)?,
            kid,
            claims,
            signed: signed.to_owned(),
            signature,
        })
    }

    /// Whether `key` signed it.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        let (signed, signature) = (self.signed.as_bytes(), self.signature.as_slice());
        match (self.algorithm.how(), &key.material) {
            (How::Rsa(parameters), Material::Rsa(components)) => {
                components.verify(parameters, signed, signature).is_ok()
            }
            (How::Ecdsa(curve, algorithm), Material::Ecdsa { curve: of, point }) => {
                let key = UnparsedPublicKey::new(algorithm, point);
                *of == curve && key.verify(signed, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// A public key of a provider (RFC 7517).
#[derive(Debug)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    /// What the provider uses it for, if it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Ecdsa {
        curve: &'static str,
        /// Uncompressed: 4, x, y.
        point: Vec<u8>,
    },
}

impl Key {
    /// A key as a set of keys (`JWKS`) lists it. `None` for a key of another kind or purpose.
    pub(super) fn of(jwk: &Value) -> Option<Key> {
        let text = |member| jwk.get(member).and_then(Value::as_str);
        let number = |member| text(member).and_then(bytes);
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let material = match text("kty")? {
            "RSA" => {
                let n = number("n")?;
                // Some providers write a leading zero, which is no part of the number.
                let zeros = n.iter().take_while(|byte| **byte == 0).count();
                Material::Rsa(RsaPublicKeyComponents {
                    n: n.get(zeros..)?.to_vec(),
                    e: number("e")?,
                })
            }
            "EC" => {
                let (curve, bytes) = match text("crv")? {
                    "P-256" => ("P-256", 32),
                    "P-384" => ("P-384", 48),
                    _ => return None,
                };
                let (x, y) = (number("x")?, number("y")?);
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                if x.len() != bytes || y.len() != bytes {
                    return None;
                }
                Material::Ecdsa { curve, point }
            }
            _ => return None,
        };
        Some(Key {
            kid: text("kid").map(str::to_owned),
            algorithm: text("alg").map(str::to_owned),
            material,
        })
    }

    /// Whether a token of this algorithm could be signed by it: its kind fits, and what the
    /// provider says it is for.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        let named = self.algorithm.as_deref().map(Algorithm::of_name);
        let is_meant = named.is_none_or(|named| named == Some(algorithm));
        is_meant
            && match (algorithm.how(), &self.material) {
                (How::Rsa(_), Material::Rsa(_)) => true,
                (How::Ecdsa(curve, _), Material::Ecdsa { curve: of, .. }) => *of == curve,
                _ => false,
            }
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

fn object(part: &str) -> Option<Value> {
    let text = String::from_utf8(bytes(part)?).ok()?;
    let document = json::parse_spanned(&text).ok()?;
    let is_plain = document.duplicates.is_empty() && document.root.depth() <= DEPTH_MAX;
    (is_plain && document.root.as_object().is_some()).then_some(document.root)
}

#[cfg(test)]
mod tests;
