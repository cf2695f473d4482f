//! An identity provider in tests: signs tokens and lists its keys.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use json::{ObjectBuilder, Value};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RsaKeyPair, RsaPublicKeyComponents,
};

/// PKCS #8 of an RSA key of 2,048 bits that is used here and nowhere else.
const RSA: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDF0ylgm24j3E+MPdBcjox6vgcFBGHxDgMxP74u\
    sbt+66C709av8nXk6ENj7UY/JiNrSY78gHOHx1RVxOkVP6agcpTLsLKJQlzAvBaMX3r55d5WaL9kEChtNBDJZVXH\
    tNqdJ1EQG5BcedhyOoBmGfY5ryx4FQyLpu/gUnM8dCKVvmyBWup2KErDkZbEsn5+4rA7TyBD2VVWYpUVoBjl480Y\
    ftfUPKZDUp2HcbRL2vYBMwR1aplqTB51DQsrz9zzDZKkdQ072BmRT+hRX3soNtZqhNid7qrYFy26vIjm6vjPQX37\
    ImK/OkYr4WLbQOeOVSpS489O0v4//C+3sUenvcHpAgMBAAECggEAS8JEVFTx5xXV+PUrOGb28YKYmZlGENS28ENj\
    B+rUzRRbp9LGovcNoy43sKsLfd+TLOEsuxJOLC9v4rDYOmT34PZAeYkftmUNtFnToMpoBA++CAVxVlbBxKBt1VLT\
    ePmPxyNpbevAa0nWVFiHF5LVst2dABe/iDPUJWot63bmT8XCwq06ev1IP8kL5pk00J0wXqtYW2Env8ta7ZvN/dJw\
    l0YIefE3/a0xxr8qPHHabS20xXgqW3bNk3Lkf3UQB/Pbt74rdql0YFIq+jBFu5zdIz8niNvYa4CSI15sA2fSTXk6\
    4rL38ltY3x1Mg+vDDJ7tNrkzUUrDxoAgO7c40Z1RSQKBgQDn44UmG73e0DLFu8aRNTgB3Wj3UPKFS/BoosFDbiwq\
    gai197l7Qek4IdllcxG09kfrnSjxXvjAYQUZb66nwFLhhOniBkFg8sanJcsksJx4kUzqaSOH+fDLjiPz/k/13tyS\
    c/vyXMk4kbsJwiqXOCwrGHDUb/wGg8K6/I8DmxdvBwKBgQDaZOtG+O0nIWZolx5xgJAr478fzV7a9y1WKC2vHpCV\
    0lt9ZYWoUFPMS5NHkWfQi92Xvcm/LoD947gO7Ht2d8jVHOnFlpoY0//D+LrVW0gbI6e8L2oKFqClAVzWFqZrBvYf\
    sQhsiSsHFv8Ke/aaLkdAfdi8IqYJnPj8AVX+rkcbjwKBgQC1pvLoHnVHtVsAsQ9lMwZz14lhrCS/rPRgU5cIBqdM\
    iROrsKq5VrGmykVuBo1JcGB4vz2Sj65Xrej7uxRbzvpeNeutpu7STny19ZJEZKG+hTx2qPQvkelC3E9n1MG4vuOV\
    SoyEmJD84pRdmaAZo+RdwiCpGiyYweDq7+vsjDL4QwKBgEDrCMkDC7O7CO8EJMeGeNSjEVgJuy2Jlg9rSBErG719\
    VzbSK8XZgt9Sg8gdX+es+8S0ZLkQwMU3oKnG//g6KRe4TYEvgETrF7cQQ7FSPf/bPGwDCBlRmpUR75+wAe4Elrra\
    6+8fYwvreQqLyMUSBpoUDo32Grb200hNuVtIQNjfAoGAbBrABHOm28gc71CC4+PdXYdKvgutQvFoTCgbXav5uO8u\
    H5mB5VGtJysEUS9m+JMISdZXNTHsIYap4ipeFHoul3R468AZgqO4u0YNGzzTI54b5Fdm6Q9rjV5MQOClGdoo9cYD\
    UJWFPjvGjGTN7ufnKS4yHh058+p+MAuN9bjk9+I=";

/// A token that is signed rightly, by an RSA key of 1,024 bits, and that key.
pub(crate) const WEAK_TOKEN: &str = "\
    eyJhbGciOiJSUzI1NiIsImtpZCI6IndlYWsifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0In0.lxv9XatUY\
    Z0wTgQ-7Zq7LZW8hEvQ-6cOIV1aQq0LhYlqQxYdwjvL3OsiEybuCfQVZP1ltEOYkvrsL-\
    _QEPOemwvV47ZDT96-IhFe0iXTwAPKh8xomvO-\
    WX7fCm0n6q4lyuUh9R0tSQXxUpmy1rTGCVUFFl01IRNV50zcyBpQIXM";
pub(crate) const WEAK_KEY: &str = r#"{"kty": "RSA", "kid": "weak", "e": "AQAB", "n": "n50ZCeCxy9_jM7lBZePaqLxMSg2d4SX3kapIA7w1uZEatxnj7NxiAPp4XTHGlVXLUQteRKJfAC0-VMpgwZUAQ26qvDH61G-9u8wvwHUN2cpm36zzl_8UkBZ-Mse0ZPBllfzLWs0bfhvvrEzDVh2-_nyvk684eHYGADLgmXmm9Os"}"#;

/// The provider: an RSA key `rsa` and ECDSA keys `p256` and `p384`.
pub(crate) struct Issuer {
    rsa: RsaKeyPair,
    p256: Ecdsa,
    p384: Ecdsa,
}

struct Ecdsa {
    pair: EcdsaKeyPair,
    curve: &'static str,
}

impl Ecdsa {
    fn new(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Ecdsa {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Ecdsa { pair, curve }
    }

    fn jwk(&self, kid: &str) -> Value {
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        object(&[
            ("kty", "EC"),
            ("kid", kid),
            ("crv", self.curve),
            ("x", &base64(x)),
            ("y", &base64(y)),
        ])
    }
}

impl Issuer {
    pub(crate) fn new() -> Issuer {
        let rsa = BASE64_STANDARD.decode(RSA).unwrap();
        Issuer {
            rsa: RsaKeyPair::from_pkcs8(&rsa).unwrap(),
            p256: Ecdsa::new(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            p384: Ecdsa::new(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
        }
    }

    /// Its keys, as it lists them.
    pub(crate) fn keys(&self) -> Vec<Value> {
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public_key());
        let rsa = object(&[
            ("kty", "RSA"),
            ("kid", "rsa"),
            ("use", "sig"),
            ("n", &base64(&rsa.n)),
            ("e", &base64(&rsa.e)),
        ]);
        vec![rsa, self.p256.jwk("p256"), self.p384.jwk("p384")]
    }

    pub(crate) fn key_set(&self) -> String {
        let mut set = ObjectBuilder::new();
        Value::from(set.add("keys", self.keys()).build()).to_text()
    }

    /// The RSA key as it is published, for who takes it for a shared secret.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.rsa.public_key().as_ref()
    }

    /// A token with this header and these claims, both JSON as they stand, signed by the key that
    /// goes with `algorithm`.
    pub(crate) fn sign(&self, algorithm: &str, header: &str, claims: &str) -> String {
        let signed = format!(
            "{}.{}",
            base64(header.as_bytes()),
            base64(claims.as_bytes())
        );
        let signature = self.signature(algorithm, signed.as_bytes());
        format!("{signed}.{}", base64(&signature))
    }

    /// The usual token.
    pub(crate) fn token(&self, algorithm: &str, claims: &str) -> String {
        let kid = match algorithm {
            "ES256" => "p256",
            "ES384" => "p384",
            _ => "rsa",
        };
        let header = format!(r#"{{"alg": "{algorithm}", "kid": "{kid}", "typ": "JWT"}}"#);
        self.sign(algorithm, &header, claims)
    }

    fn signature(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let padding = match algorithm {
            "ES256" => {
                return self
                    .p256
                    .pair
                    .sign(&random, signed)
                    .unwrap()
                    .as_ref()
                    .to_vec();
            }
            "ES384" => {
                return self
                    .p384
                    .pair
                    .sign(&random, signed)
                    .unwrap()
                    .as_ref()
                    .to_vec();
            }
            "RS384" => &RSA_PKCS1_SHA384,
            "RS512" => &RSA_PKCS1_SHA512,
            _ => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        self.rsa
            .sign(padding, &random, signed, &mut signature)
            .unwrap();
        signature
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn object(members: &[(&'static str, &str)]) -> Value {
    let mut object = ObjectBuilder::new();
    for (name, value) in members {
        object.add(*name, *value);
    }
    object.build().into()
}
