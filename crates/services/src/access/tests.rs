//! Who signed a request, and what that is worth.

use aws::route::route;
use aws::sigv4::{Credentials, presign, sign};
use aws::{Arn, Request};
use json::Value;
use store::{Memory, Store};

use super::*;
use crate::iam::Iam;
use crate::seal::KEY_BYTES;
use crate::sts::session::{Holder, Session};
use crate::{Identity, Services};

const NOW_MS: i64 = 1_790_000_000_000;
const ACCOUNT: &str = "123456789012";
const ROOT: Key = Key {
    id: "AKIAROOTROOTROOTROOT",
    secret: "root-secret",
    token: None,
};

const UNKNOWN: &str = "The security token included in the request is invalid.";
const MISMATCH: &str = "The request signature we calculated does not match*";

#[derive(Clone, Copy)]
struct Key<'k> {
    id: &'k str,
    secret: &'k str,
    token: Option<&'k str>,
}

struct World {
    identity: Identity,
    iam: Iam,
}

/// With `verifies` as in `lockstep serve`, else as in `lockstep dev` on loopback.
fn world(verifies: bool) -> World {
    let root = RootCredentials {
        access_key_id: ROOT.id.into(),
        secret_access_key: ROOT.secret.into(),
    };
    let rules = Rules {
        account: ACCOUNT.into(),
        root: verifies.then_some(root),
        skew_ms_max: 900_000,
        refuses_replays: verifies,
        roles_are_enforced: true,
        function_roles_may_be_missing: !verifies,
    };
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let lines = Arc::new(store::lines::MemoryLines::default());
    let seal = Seal::new(&[5; KEY_BYTES]);
    let identity = Identity::new(Arc::clone(&store), lines, seal, rules);
    World {
        iam: Iam::sharing(store, &identity),
        identity,
    }
}

/// A call of an operation of Step Functions or STS, not signed.
fn unsigned(operation: &str) -> Request {
    let is_states = aws::Service::States
        .model()
        .is_ok_and(|model| model.operation(operation).is_some());
    let mut request = Request::new(http::Method::POST, "/");
    let (name, value) = match is_states {
        true => {
            request.body = "{}".into();
            ("x-amz-target", format!("AWSStepFunctions.{operation}"))
        }
        false => {
            request.body = format!("Action={operation}&Version=2011-06-15").into();
            (
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            )
        }
    };
    request.headers.insert(name, value.parse().unwrap());
    request.headers.insert("host", "localhost".parse().unwrap());
    request
}

fn signed(operation: &str, key: Key<'_>, at_ms: i64) -> Request {
    let mut request = unsigned(operation);
    let is_states = request.headers.contains_key("x-amz-target");
    let service = if is_states { "states" } else { "sts" };
    sign(&mut request, &credentials(key), "eu-west-1", service, at_ms).unwrap();
    request
}

fn credentials(key: Key<'_>) -> Credentials<'_> {
    Credentials {
        access_key_id: key.id,
        secret_access_key: key.secret,
        session_token: key.token,
    }
}

impl World {
    async fn who(&self, request: &Request, now_ms: i64) -> Result<Authenticated, ServiceError> {
        let route = route(request).unwrap();
        let facts = Services::facts(route.service, &route.operation.name).unwrap();
        let caller = aws::Caller::Signed {
            peer: None,
            attempt: None,
        };
        let access = &self.identity.access;
        let now = Timestamp(now_ms);
        access
            .authenticate(request, &route, facts, &caller, now)
            .await
    }

    /// Whether a request is its signer's: `Ok` the ARN, or the error's code and text.
    async fn check(&self, what: &str, request: &Request, expected: Result<&str, (&str, &str)>) {
        let given = self.who(request, NOW_MS).await;
        let given = given.map(|known| known.caller.arn().to_string());
        let fits = match (&given, expected) {
            (Ok(arn), Ok(wanted)) => arn == wanted,
            (Err(error), Err((code, text))) => {
                let is_text = match text.strip_suffix('*') {
                    Some(prefix) => error.message.starts_with(prefix),
                    None => error.message == text,
                };
                error.code == code && is_text
            }
            _ => false,
        };
        assert!(fits, "{what}: {given:?}, not {expected:?}");
    }

    async fn must(&self, operation: &'static str, input: &str) -> Value {
        let made = self.iam.send(operation, input).await;
        made.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// A new user with a key.
    async fn user(&self, name: &str) -> (String, String) {
        self.must("CreateUser", &format!("{{'UserName': '{name}'}}"))
            .await;
        let made = self
            .must("CreateAccessKey", &format!("{{'UserName': '{name}'}}"))
            .await;
        let key = made.get("AccessKey").unwrap();
        let text = |member| key.get(member).and_then(Value::as_str).unwrap().to_owned();
        (text("AccessKeyId"), text("SecretAccessKey"))
    }

    /// A role that Step Functions may assume for one state machine.
    async fn role(&self, name: &str) {
        let trust = r#"{'RoleName': 'NAME', 'AssumeRolePolicyDocument': '{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\", \"Principal\": {\"Service\": \"states.amazonaws.com\"}, \"Condition\": {\"ArnLike\": {\"aws:SourceArn\": \"arn:aws:states:*:*:stateMachine:m\"}}}}'}"#;
        let input = trust.replace("NAME", name).replace(r#"\""#, "\u{1}");
        let input = input.replace('\'', "\"").replace('\u{1}', r#"\""#);
        self.must("CreateRole", &input).await;
    }

    /// The id of an entity.
    async fn id(&self, kind: &str, name: &str) -> String {
        let got = self.must_get(kind, name).await;
        let entity = got.get(kind).unwrap();
        entity
            .get(&format!("{kind}Id"))
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    }

    async fn must_get(&self, kind: &str, name: &str) -> Value {
        let operation = if kind == "Role" { "GetRole" } else { "GetUser" };
        self.must(operation, &format!("{{'{kind}Name': '{name}'}}"))
            .await
    }

    /// Who holds a session `s` of a role.
    async fn holder(&self, role: &str) -> Holder {
        Holder::Role {
            name: role.to_owned(),
            id: self.id("Role", role).await,
            session_name: "s".to_owned(),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            federated_provider: None,
        }
    }

    fn token(&self, session: &Session) -> String {
        session.token(&self.identity.seal).unwrap()
    }
}

fn session(holder: Holder) -> Session {
    Session {
        account: ACCOUNT.to_owned(),
        access_key_id: "ASIASESSIONSESSION22".to_owned(),
        secret_access_key: "session-secret".to_owned(),
        issued_ms: NOW_MS,
        expires_ms: NOW_MS + 3_600_000,
        mfa: false,
        holder,
        policies: Vec::new(),
        policy_arns: Vec::new(),
    }
}

#[tokio::test]
async fn a_server_that_verifies_takes_signatures_only() {
    let world = world(true);
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let missing = "MissingAuthenticationTokenException";
    for (operation, expected) in [
        (
            "ListActivities",
            Err((missing, "Missing Authentication Token")),
        ),
        (
            "GetCallerIdentity",
            Err((
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )),
        ),
        // What a web identity brings speaks for itself.
        ("AssumeRoleWithWebIdentity", Ok("anonymous")),
    ] {
        world
            .check("unsigned", &unsigned(operation), expected)
            .await;
    }
    let (unrecognized, mismatch) = ("UnrecognizedClientException", "InvalidSignatureException");
    let key = |id, secret, token| Key { id, secret, token };
    let nobody = "AKIANOBODYNOBODYNOBO";
    for (what, operation, key, expected) in [
        ("root", "ListActivities", ROOT, Ok(&*root)),
        (
            "a wrong secret",
            "ListActivities",
            key(ROOT.id, "root-secreT", None),
            Err((mismatch, MISMATCH)),
        ),
        (
            "a wrong secret",
            "GetCallerIdentity",
            key(ROOT.id, "root-secreT", None),
            Err(("SignatureDoesNotMatch", MISMATCH)),
        ),
        (
            "an unknown key",
            "ListActivities",
            key(nobody, ROOT.secret, None),
            Err((unrecognized, UNKNOWN)),
        ),
        (
            "an unknown key",
            "GetCallerIdentity",
            key(nobody, ROOT.secret, None),
            Err(("InvalidClientTokenId", UNKNOWN)),
        ),
        (
            "a key of dev",
            "ListActivities",
            key("000000000001", ROOT.secret, None),
            Err((unrecognized, UNKNOWN)),
        ),
        (
            "a token too many",
            "ListActivities",
            key(ROOT.id, ROOT.secret, Some("x")),
            Err((unrecognized, UNKNOWN)),
        ),
    ] {
        world
            .check(what, &signed(operation, key, NOW_MS), expected)
            .await;
    }
}

#[tokio::test]
async fn a_signature_has_its_time_its_body_and_its_service() {
    let world = world(true);
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let wrong = "InvalidSignatureException";
    for (what, later_ms, expected) in [
        ("at the limit", -900_000, Ok(&*root)),
        ("late", -901_000, Err((wrong, "Signature expired: *"))),
        (
            "early",
            901_000,
            Err((wrong, "Signature not yet current: *")),
        ),
    ] {
        let request = signed("ListActivities", ROOT, NOW_MS + later_ms);
        world.check(what, &request, expected).await;
    }
    let mut request = signed("ListActivities", ROOT, NOW_MS);
    request.body = "{ }".into();
    world
        .check("another body", &request, Err((wrong, MISMATCH)))
        .await;
    let mut request = unsigned("ListActivities");
    sign(&mut request, &credentials(ROOT), "eu-west-1", "sts", NOW_MS).unwrap();
    let text = "Credential should be scoped to correct service: 'states'.";
    world
        .check("of another service", &request, Err((wrong, text)))
        .await;
}

#[tokio::test]
async fn keys_of_users_count_while_they_are_active() {
    for verifies in [true, false] {
        let world = world(verifies);
        let (id, secret) = world.user("ann").await;
        let key = Key {
            id: &id,
            secret: &secret,
            token: None,
        };
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/ann");
        let request = signed("ListActivities", key, NOW_MS);
        world.check("a user", &request, Ok(&arn)).await;
        let wrong = Key { secret: "x", ..key };
        let mismatch = Err(("InvalidSignatureException", MISMATCH));
        world
            .check(
                "a wrong secret",
                &signed("ListActivities", wrong, NOW_MS),
                mismatch,
            )
            .await;
        let mut presigned = unsigned("GetCallerIdentity");
        presigned.uri = "/?Action=GetCallerIdentity&Version=2011-06-15".to_owned();
        presigned.body = "".into();
        presign(
            &mut presigned,
            &credentials(key),
            "eu-west-1",
            "sts",
            NOW_MS,
            60,
        );
        world.check("a presigned URL", &presigned, Ok(&arn)).await;

        let unknown = Err(("UnrecognizedClientException", UNKNOWN));
        let status = format!("{{'UserName': 'ann', 'AccessKeyId': '{id}', 'Status': 'Inactive'}}");
        world.must("UpdateAccessKey", &status).await;
        world.check("an inactive key", &request, unknown).await;
        world
            .must("UpdateAccessKey", &status.replace("Inactive", "Active"))
            .await;
        world.check("active again", &request, Ok(&arn)).await;
        let named = format!("{{'UserName': 'ann', 'AccessKeyId': '{id}'}}");
        world.must("DeleteAccessKey", &named).await;
        // In `dev` it is a key like any other then.
        let root = format!("arn:aws:iam::{ACCOUNT}:root");
        let deleted = if verifies { unknown } else { Ok(&*root) };
        world.check("a deleted key", &request, deleted).await;
    }
}

#[tokio::test]
async fn sessions_are_bound_to_their_key_their_time_and_their_holder() {
    for verifies in [true, false] {
        let world = world(verifies);
        world.role("r").await;
        let of_role = session(world.holder("r").await);
        let token = world.token(&of_role);
        let changed = format!("{token}A");
        let over = world.token(&Session {
            expires_ms: NOW_MS,
            ..of_role.clone()
        });
        let (id, secret) = (&*of_role.access_key_id, &*of_role.secret_access_key);
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/r/s");
        let unknown = Err(("UnrecognizedClientException", UNKNOWN));
        let text = "The security token included in the request is expired";
        let key = |id, token| {
            let token = Some(token);
            signed("ListActivities", Key { id, secret, token }, NOW_MS)
        };
        let request = key(id, &token);
        world.check("a session", &request, Ok(&arn)).await;
        world
            .check("a changed token", &key(id, &changed), unknown)
            .await;
        let other = key("ASIAOTHEROTHEROTHER2", &token);
        world.check("another key", &other, unknown).await;
        let expired = Err(("ExpiredTokenException", text));
        world.check("it is over", &key(id, &over), expired).await;
        world.must("DeleteRole", "{'RoleName': 'r'}").await;
        world.check("the role is gone", &request, unknown).await;
        world.role("r").await;
        world.check("a namesake", &request, unknown).await;
    }
}

#[tokio::test]
async fn a_session_of_a_user_is_that_user() {
    let world = world(true);
    world.user("ann").await;
    let session = session(Holder::User {
        name: "ann".to_owned(),
        id: world.id("User", "ann").await,
    });
    let token = world.token(&session);
    let key = Key {
        id: &session.access_key_id,
        secret: &session.secret_access_key,
        token: Some(&token),
    };
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ann");
    let request = signed("ListActivities", key, NOW_MS);
    world.check("a user's session", &request, Ok(&arn)).await;
}

/// `lockstep dev` on loopback.
#[tokio::test]
async fn any_other_key_is_the_administrator() {
    let world = world(false);
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let key = |id, token| Key {
        id,
        secret: "x",
        token,
    };
    for (what, request, expected) in [
        ("unsigned", unsigned("ListActivities"), &*root),
        (
            "any key",
            signed("ListActivities", key("test", None), NOW_MS),
            &*root,
        ),
        (
            "an account",
            signed("ListActivities", key("000000000007", None), NOW_MS),
            "arn:aws:iam::000000000007:root",
        ),
        (
            "years ago",
            signed("ListActivities", key("test", None), 0),
            &*root,
        ),
        (
            "a key of AWS",
            signed("ListActivities", key("AKIAIOSFODNN7EXAMPLE", None), NOW_MS),
            &*root,
        ),
        (
            "a session of AWS",
            signed(
                "ListActivities",
                key("ASIAIOSFODNN7EXAMPLE", Some("IQoJb3JpZ2lu")),
                NOW_MS,
            ),
            &*root,
        ),
    ] {
        world.check(what, &request, Ok(expected)).await;
    }
    let mut broken = unsigned("ListActivities");
    broken.headers.insert(
        "authorization",
        "AWS4-HMAC-SHA256 Credential".parse().unwrap(),
    );
    let text = "'Credential' not a valid key=value pair*";
    world
        .check(
            "broken",
            &broken,
            Err(("IncompleteSignatureException", text)),
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_management_call_that_changes_is_taken_once() {
    let world = world(true);
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let text = "This very signature was taken before*";
    let create = signed("CreateActivity", ROOT, NOW_MS);
    world.check("the first", &create, Ok(&root)).await;
    let begun = tokio::time::Instant::now();
    world
        .check("again", &create, Err(("ThrottlingException", text)))
        .await;
    // What its sender signs after that has another signature.
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
    // What was not its signer's was not taken.
    let mut changed = signed("DeleteActivity", ROOT, NOW_MS);
    let good = std::mem::replace(&mut changed.body, "{ }".into());
    let mismatch = Err(("InvalidSignatureException", MISMATCH));
    world.check("changed", &changed, mismatch).await;
    changed.body = good;
    world.check("as it was signed", &changed, Ok(&root)).await;
    let next = signed("CreateActivity", ROOT, NOW_MS + 1_000);
    world.check("a second later", &next, Ok(&root)).await;
    for operation in ["DescribeStateMachine", "StartExecution"] {
        let repeated = signed(operation, ROOT, NOW_MS);
        world.check(operation, &repeated, Ok(&root)).await;
        world.check(operation, &repeated, Ok(&root)).await;
    }
}

#[tokio::test]
async fn a_task_runs_as_a_role_that_trusts_its_machine() {
    for roles_are_enforced in [true, false] {
        let mut world = world(true);
        world.role("r").await;
        if !roles_are_enforced {
            let rules = Rules {
                roles_are_enforced,
                ..world.identity.access.rules.clone()
            };
            let identity = &world.identity;
            let (directory, seal) = (Arc::clone(&identity.directory), Arc::clone(&identity.seal));
            let access = Access::new(directory, seal, Arc::clone(&identity.trail), rules);
            world.identity.access = Arc::new(access);
        }
        let request = unsigned("StartExecution");
        let route = route(&request).unwrap();
        for (role, machine, is_trusted) in [
            ("role/r", Some("m"), true),
            ("role/r", Some("other"), false),
            ("role/r", None, false),
            ("role/path/r", Some("m"), false),
            ("role/R", Some("m"), false),
            ("role/nobody", Some("m"), false),
        ] {
            let arn = |text: String| Arn::parse(&text).unwrap();
            let source = |name| {
                arn(format!(
                    "arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:{name}"
                ))
            };
            let caller = aws::Caller::Role {
                role_arn: arn(format!("arn:aws:iam::{ACCOUNT}:{role}")),
                session_name: "s".to_owned(),
                region: "eu-west-1".to_owned(),
                account: ACCOUNT.to_owned(),
                source_arn: machine.map(source),
                attempt: None,
            };
            let facts = Facts::CHANGES_DATA;
            let access = &world.identity.access;
            let known = access.authenticate(&request, &route, facts, &caller, Timestamp(NOW_MS));
            match known.await {
                Ok(known) => {
                    assert!(is_trusted || !roles_are_enforced, "{role} {machine:?}");
                    let name = role.rsplit('/').next().unwrap();
                    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/s");
                    assert_eq!(*known.caller.arn(), *arn);
                }
                Err(error) => {
                    assert!(
                        !is_trusted && roles_are_enforced,
                        "{role} {machine:?}: {error}"
                    );
                    let text = "Neither the global service principal states.amazonaws.com, nor the \
                                regional one is authorized to assume the provided role.";
                    assert_eq!(
                        (&*error.code, &*error.message),
                        ("AccessDeniedException", text)
                    );
                }
            }
        }
    }
}

/// A link or an image in a web page makes a browser send such a request.
#[tokio::test]
async fn an_unsigned_url_changes_nothing() {
    let dev = world(false);
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    for (method, action, is_taken) in [
        (http::Method::GET, "CreateUser", false),
        (http::Method::GET, "ListUsers", true),
        (http::Method::POST, "CreateUser", true),
    ] {
        let url = format!("/?Action={action}&Version=2010-05-08");
        let mut request = Request::new(method.clone(), url);
        request.headers.insert("host", "localhost".parse().unwrap());
        let expected = match is_taken {
            true => Ok(&*root),
            false => Err((
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )),
        };
        let what = format!("{method} {action}");
        dev.check(&what, &request, expected).await;
    }
}
