//! A provider that is really asked over TLS, on this machine.

use std::net::IpAddr;
use std::sync::Arc;

use json::{ObjectBuilder, Value};
use outbound::{Client, Fetch, Later, Request, Resolve, Response, Thumbprint};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer as Authority, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::issuer::Issuer;
use super::world::{ACCOUNT, World};
use crate::testing;

const NOW_MS: i64 = 1_790_000_000_000;
const HOST: &str = "issuer.test";

/// Certificates of a provider.
struct Certificates {
    config: ServerConfig,
    authority_pem: String,
    authority: Thumbprint,
}

fn certificates() -> Certificates {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let leaf = leaf
        .signed_by(&leaf_key, &Authority::new(params, key))
        .unwrap();
    let shown = vec![leaf.der().clone(), authority.der().clone()];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(shown, key)
        .unwrap();
    Certificates {
        config,
        authority_pem: authority.pem(),
        authority: Thumbprint::of(authority.der()),
    }
}

/// Serves the documents of the provider; gives the port.
async fn serve(config: ServerConfig, issuer: Arc<Issuer>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that trusts nobody leaves here.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let body = match head.starts_with(b"GET /keys ") {
                true => issuer.key_set(),
                false => {
                    format!(r#"{{"issuer": "https://{HOST}", "jwks_uri": "https://{HOST}/keys"}}"#)
                }
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    port
}

/// The real client. Providers have no port in their URLs, and the one of HTTPS belongs to others.
struct AtPort {
    client: Client,
    port: u16,
}

impl Fetch for AtPort {
    fn fetch(&self, request: Request) -> Later<'_, Result<Response, outbound::Error>> {
        let url = request.url.replace(HOST, &format!("{HOST}:{}", self.port));
        self.client.fetch(Request { url, ..request })
    }
}

struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Later<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::ready(Ok(vec![IpAddr::from([127, 0, 0, 1])])))
    }
}

async fn send(world: &World, operation: &str, members: &[(&'static str, Value)]) -> Value {
    let mut input = ObjectBuilder::new();
    for (name, value) in members {
        input.add(*name, value.clone());
    }
    let input = Value::from(input.build());
    let service = match operation.starts_with("Assume") {
        true => aws::Service::Sts,
        false => aws::Service::Iam,
    };
    let call = testing::call(service, operation, &input, NOW_MS);
    match world.answer(operation, &call).await.unwrap() {
        Ok(answer) => answer.members,
        Err(error) => Value::from(format!("{}: {}", error.code, error.message)),
    }
}

/// What a good token comes to.
async fn assume(world: &World, thumbprint: Thumbprint) -> Value {
    let thumbprint = Value::from(thumbprint.to_string());
    let clients: Value = [Value::from("app")].into_iter().collect();
    let provider = [
        ("Url", format!("https://{HOST}").into()),
        ("ClientIDList", clients),
        ("ThumbprintList", [thumbprint].into_iter().collect()),
    ];
    send(world, "CreateOpenIDConnectProvider", &provider).await;
    let trust = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
            "Principal": {{"Federated": "arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"}},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {{"StringEquals": {{"{HOST}:sub": "ada"}}}}}}}}"#
    );
    let role = [
        ("RoleName", "deploy".into()),
        ("AssumeRolePolicyDocument", trust.into()),
    ];
    send(world, "CreateRole", &role).await;
    let claims = format!(r#"{{"iss": "https://{HOST}", "sub": "ada", "aud": "app", "exp": 60}}"#);
    let token = world.token(&json::parse(&claims).unwrap(), NOW_MS);
    let input = [
        ("$as", "nobody".into()),
        (
            "RoleArn",
            format!("arn:aws:iam::{ACCOUNT}:role/deploy").into(),
        ),
        ("RoleSessionName", "pipeline".into()),
        ("WebIdentityToken", token.into()),
    ];
    send(world, "AssumeRoleWithWebIdentity", &input).await
}

#[tokio::test]
async fn a_provider_is_trusted_by_its_authority_or_its_thumbprint() {
    const NO_KEY: &str = "InvalidIdentityToken: Couldn't retrieve verification key from your \
                          identity provider,  please reference AssumeRoleWithWebIdentity \
                          documentation for requirements";
    const NOT_TRUSTED: &str = "InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate \
                               doesn't match configured thumbprint";
    for (is_allowed, by_authority, by_thumbprint, expected) in [
        (true, true, false, None),
        (true, false, true, None),
        (true, false, false, Some(NOT_TRUSTED)),
        (false, true, true, Some(NO_KEY)),
    ] {
        let issuer = Arc::new(Issuer::new());
        let certificates = certificates();
        let port = serve(certificates.config, Arc::clone(&issuer)).await;
        let allowed: &[&str] = if is_allowed { &["127.0.0.1"] } else { &[] };
        let pem = if by_authority {
            &*certificates.authority_pem
        } else {
            ""
        };
        let client = Client::new(allowed, pem.as_bytes()).unwrap();
        let client = client.with_resolver(Box::new(Here));
        let world = World::with(Arc::new(AtPort { client, port }), issuer, false);
        let thumbprint = match by_thumbprint {
            true => certificates.authority,
            false => Thumbprint([7; 20]),
        };
        let given = assume(&world, thumbprint).await;
        match expected {
            Some(error) => assert_eq!(given.as_str(), Some(error)),
            None => {
                let provider = given.get("Provider").and_then(Value::as_str);
                assert_eq!(provider, Some("https://issuer.test"), "{given}");
            }
        }
    }
}
