//! Trust in the other end's certificate: authorities, or a thumbprint that was named beforehand.

use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sha1::{Digest as _, Sha1};

use crate::Error;

/// SHA-1 of a certificate, as IAM names those of identity providers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 20]);

impl Thumbprint {
    #[must_use]
    pub fn of(certificate: &[u8]) -> Thumbprint {
        Thumbprint(Sha1::digest(certificate).into())
    }

    /// Of 40 hexadecimal digits, whatever their case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Thumbprint> {
        let mut bytes = [0; 20];
        let digits = text.as_bytes();
        if digits.len() != 40 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Thumbprint(bytes))
    }
}

impl std::fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// The certificates of a PEM text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.map_err(|error| Error::Authorities(error.to_string()))
}

/// The authorities this machine trusts, and `more`.
///
/// A machine without any still gets a store: what needs one then fails with the name of its host.
pub(crate) fn authorities(more: &[CertificateDer<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "some of the machine's certificate authorities can't be read");
    }
    // Authorities that rustls can't read (of unknown forms) are of no use to it.
    let (_, unread) = store.add_parsable_certificates(native.certs);
    if unread > 0 {
        tracing::debug!(unread, "certificate authorities of an unknown form");
    }
    store.add_parsable_certificates(more.iter().cloned());
    store
}

/// A configuration for one connection.
pub(crate) fn config(
    authorities: &Arc<RootCertStore>,
    thumbprints: Vec<Thumbprint>,
) -> Result<ClientConfig, rustls::Error> {
    let verifier = Verifier {
        authorities: verifier(Arc::clone(authorities)),
        thumbprints,
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// `None` without any authority.
fn verifier(store: Arc<RootCertStore>) -> Option<Arc<WebPkiServerVerifier>> {
    let builder = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&PROVIDER));
    builder.build().ok()
}

/// Trusts what an authority vouches for; failing that, a chain whose last certificate has a known
/// thumbprint and which is sound in every other way: names, dates, signatures.
#[derive(Debug)]
struct Verifier {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    thumbprints: Vec<Thumbprint>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let by_authority = self.authorities.as_ref().map(|a| verify(a));
        let error = match by_authority.unwrap_or(Err(unknown)) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        let top = intermediates.last().unwrap_or(end_entity);
        if !self.thumbprints.contains(&Thumbprint::of(top)) {
            return Err(error);
        }
        let mut store = RootCertStore::empty();
        store.add(top.clone().into_owned())?;
        verifier(Arc::new(store)).map_or(Err(error), |verifier| verify(&verifier))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
