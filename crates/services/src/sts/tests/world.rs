//! A whole set of services, and calls that take the way the door gives them.

use std::sync::Arc;

use aws::protocol::{decode_request, encode_request};
use aws::sigv4::{self, Credentials};
use engine::{Answered, Engine, SystemClock, TaskCall};
use functions::{Pool, PoolConfig};
use http::HeaderValue;
use json::{ObjectBuilder, Value};
use outbound::{Fetch, Later, Request, Response};
use store::{Memory, Store};
use tokio::runtime::Handle;

use super::issuer::Issuer;
use crate::access::{RootCredentials, Rules};
use crate::seal::{KEY_BYTES, Seal};
use crate::states::StoredDefinitions;
use crate::{Answer, Call, Foundations, Identity, Limits, ServiceError, Services};

pub(super) const ACCOUNT: &str = "123456789012";
const ROOT_KEY: (&str, &str) = ("AKIAROOTROOTROOTROOT", "root-secret");

/// Services over an empty store, and an identity provider at `https://issuer.test`.
///
/// A step's input may say as whom it calls: `"$as"` is the credentials that an earlier step
/// answered, or `"nobody"`; without it the root user calls. A member that is
/// `{"$token": {..claims}}` stands for a token with these claims, signed by the provider; its
/// `exp` and `iat` are seconds from now.
pub(super) struct World {
    services: Services,
    issuer: Arc<Issuer>,
    verifies: bool,
    _folder: tempfile::TempDir,
}

struct Idle;

impl engine::Runner for Idle {
    fn run(&self, _: TaskCall) -> std::pin::Pin<Box<dyn Future<Output = Answered> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// The provider's documents, and nothing else.
struct Web(Arc<Issuer>);

impl Fetch for Web {
    fn fetch(&self, request: Request) -> Later<'_, Result<Response, outbound::Error>> {
        let documents = [
            (
                "https://issuer.test/.well-known/openid-configuration",
                r#"{"issuer": "https://issuer.test", "jwks_uri": "https://issuer.test/keys"}"#
                    .to_owned(),
            ),
            ("https://issuer.test/keys", self.0.key_set()),
        ];
        let found = documents.into_iter().find(|(url, _)| *url == request.url);
        let answer = found.map(|(_, body)| Response {
            status: 200,
            headers: http::HeaderMap::new(),
            body: body.into(),
            thumbprint: None,
        });
        let answer = answer.ok_or_else(|| outbound::Error::Resolve {
            host: request.url,
            reason: "no such host".to_owned(),
        });
        Box::pin(std::future::ready(answer))
    }
}

impl World {
    /// For a case: with `"verifies": true` the root user has to show its secret.
    pub(super) fn new(case: &Value) -> World {
        let issuer = Arc::new(Issuer::new());
        let verifies = case.get("verifies").and_then(Value::as_bool) == Some(true);
        World::with(Arc::new(Web(Arc::clone(&issuer))), issuer, verifies)
    }

    pub(super) fn with(outbound: Arc<dyn Fetch>, issuer: Arc<Issuer>, verifies: bool) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let (key, secret) = ROOT_KEY;
        let root = RootCredentials {
            access_key_id: key.into(),
            secret_access_key: secret.into(),
        };
        let identity = Identity::new(
            Arc::clone(&store),
            Arc::new(store::lines::MemoryLines::default()),
            Seal::new(&[7; KEY_BYTES]),
            Rules {
                account: ACCOUNT.into(),
                root: verifies.then_some(root),
                skew_ms_max: sigv4::SKEW_MS_MAX,
                refuses_replays: false,
                roles_are_enforced: true,
                function_roles_may_be_missing: false,
            },
        );
        let engine = Engine::open(
            engine::Config::default(),
            Arc::clone(&store),
            Arc::new(Idle),
            Arc::new(StoredDefinitions::new(Arc::clone(&store))),
            Arc::new(SystemClock),
            Handle::current(),
        );
        let services = Services::new(&Foundations {
            logs: crate::testing::logs(&store),
            metrics: crate::testing::metrics(),
            store,
            blobs: Arc::new(store::blobs::MemoryBlobs::default()),
            engine: engine.unwrap(),
            functions: Pool::new(PoolConfig::new(folder.path())).unwrap(),
            identity,
            outbound,
            endpoint: "http://127.0.0.1:1".to_owned(),
            remote_functions: Vec::new(),
            payload_bytes_max: 262_144,
            limits: Limits::default(),
        });
        World {
            services,
            issuer,
            verifies,
            _folder: folder,
        }
    }

    /// Answers a call of a script.
    pub(super) async fn answer(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        let (input, caller) = self.prepared(call);
        let request = request(call, &input, caller);
        let route = aws::route::route(&request).unwrap();
        let facts = Services::facts(route.service, operation)?;
        Some(match self.call(call, &request, &route, facts).await {
            Ok(call) => self.services.handle(call.service, operation, &call).await?,
            Err(error) => Err(error),
        })
    }

    /// Hands a call over that no encoder would write.
    pub(super) async fn handed(&self, call: &Call) -> Result<Answer, ServiceError> {
        let handled = self.services.handle(call.service, call.operation, call);
        handled.await.expect("served")
    }

    /// The call of a request, once it may be made.
    async fn call(
        &self,
        like: &Call,
        request: &aws::Request,
        route: &aws::route::Route<'_>,
        facts: crate::Facts,
    ) -> Result<Call, ServiceError> {
        let access = &self.services.identity().access;
        let peer = aws::Caller::Signed {
            peer: None,
            attempt: None,
        };
        let who = access
            .authenticate(request, route, facts, &peer, like.now)
            .await?;
        let input = decode_request(route.model, route.operation, request)?;
        let call = Call {
            caller: who.caller,
            account: who.account,
            region: who.region,
            input: input.members,
            violations: input.violations,
            ..like.clone()
        };
        let needs = self.services.needs(&call).await?;
        self.services.authorise(&call, &needs).await?;
        Ok(call)
    }

    /// The input with its tokens, and as whom it is sent.
    fn prepared(&self, call: &Call) -> (Value, Option<Signer>) {
        let mut input = ObjectBuilder::new();
        let mut caller = Some(match self.verifies {
            true => Signer::new(ROOT_KEY.0, ROOT_KEY.1, None),
            false => Signer::new("test", "test", None),
        });
        for (name, value) in call.input.as_object().into_iter().flat_map(|o| o.iter()) {
            match (name, value.get("$token")) {
                ("$as", _) => caller = Signer::of(value),
                (_, Some(claims)) => {
                    input.add(name.to_owned(), self.token(claims, call.now.0));
                }
                (_, None) => {
                    input.add(name.to_owned(), value.clone());
                }
            }
        }
        (input.build().into(), caller)
    }

    pub(super) fn token(&self, claims: &Value, now_ms: i64) -> String {
        let mut absolute = claims.clone();
        for name in ["exp", "iat"] {
            if let Some(seconds) = claims.get(name).and_then(Value::as_i64) {
                absolute = absolute.with_member(name, (now_ms / 1_000 + seconds).into());
            }
        }
        self.issuer.token("RS256", &absolute.to_text())
    }
}

struct Signer {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Signer {
    fn new(access_key_id: &str, secret_access_key: &str, token: Option<&str>) -> Signer {
        Signer {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            session_token: token.map(str::to_owned),
        }
    }

    fn of(value: &Value) -> Option<Signer> {
        let text = |member| value.get(member).and_then(Value::as_str);
        match value.as_str() {
            Some("nobody") => None,
            Some(other) => panic!("who is {other}?"),
            None => Some(Signer::new(
                text("AccessKeyId").unwrap(),
                text("SecretAccessKey").unwrap(),
                text("SessionToken"),
            )),
        }
    }
}

fn request(call: &Call, input: &Value, caller: Option<Signer>) -> aws::Request {
    let model = call.service.model().unwrap();
    let operation = model.operation(call.operation).unwrap();
    let mut request = encode_request(model, operation, input, None).unwrap();
    let host = HeaderValue::from_static("localhost");
    request.headers.insert("host", host);
    if let Some(caller) = caller {
        let credentials = Credentials {
            access_key_id: &caller.access_key_id,
            secret_access_key: &caller.secret_access_key,
            session_token: caller.session_token.as_deref(),
        };
        let service = &model.signing_name;
        sigv4::sign(&mut request, &credentials, "eu-west-1", service, call.now.0).unwrap();
    }
    request
}
