//! Who a Task's calls are made as: the execution role, or a session of the role that the state's
//! `Credentials` name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws::sigv4::{self, Credentials};
use aws::{Arn, Caller, Door, Request, Response, Service};
use bytes::Bytes;
use engine::{Served, TaskCall};
use json::{ObjectBuilder, Value};
use uuid::Uuid;

use crate::Outside;
use crate::api::{Answer, Api, Trouble};

/// Role sessions have names of 2 to 64 characters (STS API reference, "RoleSessionName").
const SESSION_NAME_CHARS_MIN: usize = 2;
const SESSION_NAME_CHARS_MAX: usize = 64;

/// Sessions kept, some 2 KiB each. One more, and the next call of some execution assumes its role
/// again.
const SESSIONS_MAX: usize = 1_000;

/// A session that ends sooner is replaced, so that none ends on the way.
const LIFE_MS_MIN: i64 = 5 * 60 * 1_000;

/// What the service says of credentials that do not count any more; the call had no effect.
const OUTDATED: [&str; 4] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
];

/// The calls of one Task.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'o> {
    pub(crate) outside: &'o Outside,
    pub(crate) call: &'o TaskCall,
    pub(crate) served: &'o Noted,
}

/// What served the last call of a Task.
#[derive(Default)]
pub(crate) struct Noted(Mutex<Option<Box<Served>>>);

impl Noted {
    fn note(&self, response: &mut Response) {
        let Some(served) = response.served.take() else {
            return;
        };
        let served = Served {
            function: served.function,
            role_policies: served.role_policies,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(served));
    }

    pub(crate) fn into_inner(self) -> Option<Box<Served>> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Temporary credentials.
struct Session {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expires_ms: i64,
}

/// Whose session it is, and for what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Purpose {
    role: Arc<str>,
    credentials_role: Arc<str>,
    execution: Arc<str>,
}

/// The sessions of `Credentials` roles, each kept while it lasts.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Purpose, Arc<Session>>>);

impl Outgoing<'_> {
    /// Makes a call of an operation.
    pub(crate) async fn send(
        &self,
        api: Api,
        members: &Value,
        body: Option<&Bytes>,
    ) -> Result<Answer, Trouble> {
        self.send_request(api, api.request(members, body)?).await
    }

    /// The same, of a call that is put into bytes.
    pub(crate) async fn send_request(&self, api: Api, request: Request) -> Result<Answer, Trouble> {
        let Some(role) = &self.call.call.credentials_role_arn else {
            let caller = self.execution_role(Some(self.call.attempt_id().to_string()))?;
            let mut response = self.door().call(caller, request).await;
            self.served.note(&mut response);
            return api.answer(response);
        };
        if let Some(session) = self.outside.sessions.find(&self.purpose(role)) {
            let answer = self.send_signed(api, &session, request.clone()).await?;
            match api.answer(answer) {
                Err(Trouble::Refused(refusal)) if OUTDATED.contains(&&*refusal.error.code) => {}
                answered => return answered,
            }
        }
        let session = self.assume(role).await?;
        api.answer(self.send_signed(api, &session, request).await?)
    }

    fn door(&self) -> &dyn Door {
        &*self.outside.door
    }

    /// The call is made in a session of the execution role. The session is named after the
    /// execution, so that logs and policies see which one it was.
    fn execution_role(&self, attempt: Option<String>) -> Result<Caller, Trouble> {
        let call = self.call;
        Ok(Caller::Role {
            role_arn: role(&call.role_arn)?,
            session_name: session_name(&call.execution_arn),
            region: call.region().to_owned(),
            account: call.account().to_owned(),
            source_arn: Arn::parse(&call.state_machine_arn).ok(),
            attempt,
        })
    }

    /// Sends a request signed with a session's credentials.
    async fn send_signed(
        &self,
        api: Api,
        session: &Session,
        mut request: Request,
    ) -> Result<Response, Trouble> {
        let region = self.call.region();
        let unsendable = || Trouble::Unsendable("the call cannot be signed".to_owned());
        let host = format!("{}.{region}.amazonaws.com", api.model.endpoint_prefix);
        // Two calls that are the same but for this are two calls, and not one that is replayed.
        let id = Uuid::new_v4().to_string();
        for (name, value) in [("host", host), ("amz-sdk-invocation-id", id)] {
            let value = value.parse().map_err(|_| unsendable())?;
            request.headers.insert(name, value);
        }
        let credentials = Credentials {
            access_key_id: &session.access_key_id,
            secret_access_key: &session.secret_access_key,
            session_token: Some(&session.token),
        };
        let service = &api.model.signing_name;
        sigv4::sign(&mut request, &credentials, region, service, now_ms())
            .map_err(|_| unsendable())?;
        let caller = Caller::Signed {
            peer: None,
            attempt: Some(self.call.attempt_id().to_string()),
        };
        let mut response = self.door().call(caller, request).await;
        self.served.note(&mut response);
        Ok(response)
    }

    /// Assumes the state's role as the execution role, and keeps the session.
    async fn assume(&self, credentials_role: &Arc<str>) -> Result<Arc<Session>, Trouble> {
        role(credentials_role)?;
        let api = Api::find(Service::Sts, "AssumeRole").map_err(Trouble::Unsendable)?;
        let members = ObjectBuilder::new()
            .add("RoleArn", &**credentials_role)
            .add("RoleSessionName", session_name(&self.call.execution_arn))
            .build();
        let request = api.request(&members.into(), None)?;
        let caller = self.execution_role(None)?;
        let answer = api.answer(self.door().call(caller, request).await);
        let answer = answer.map_err(|trouble| self.not_assumed(credentials_role, trouble))?;
        let session = Session::of(&answer).ok_or_else(|| {
            Trouble::Unsendable("the answer to AssumeRole has no credentials".to_owned())
        })?;
        let session = Arc::new(session);
        let purpose = self.purpose(credentials_role);
        self.outside.sessions.keep(purpose, &session);
        Ok(session)
    }

    fn purpose(&self, credentials_role: &Arc<str>) -> Purpose {
        Purpose {
            role: self.call.role_arn.clone(),
            credentials_role: credentials_role.clone(),
            execution: self.call.execution_arn.clone(),
        }
    }

    /// Recorded for a role that may not be assumed, whatever the reason; the reason is logged.
    fn not_assumed(&self, credentials_role: &str, trouble: Trouble) -> Trouble {
        let (execution, role) = (&*self.call.execution_arn, &*self.call.role_arn);
        tracing::info!(execution, credentials_role, %trouble, "a role was not assumed");
        match trouble {
            Trouble::Refused(refusal) if refusal.error.code == "AccessDenied" => {
                Trouble::NoRole(format!(
                    "The role {role} is not authorized to assume the task state's role, \
                     {credentials_role}."
                ))
            }
            Trouble::Refused(refusal) if !refusal.is_passing() => Trouble::NoRole(format!(
                "the role `{credentials_role}` cannot be assumed: {}",
                refusal.error.message
            )),
            other => other,
        }
    }
}

impl Session {
    fn of(answer: &Answer) -> Option<Session> {
        let credentials = answer.output.members.get("Credentials")?;
        let text = |member| Some(credentials.get(member)?.as_str()?.to_owned());
        Some(Session {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: text("SecretAccessKey")?,
            token: text("SessionToken")?,
            expires_ms: aws::time::epoch_ms(credentials.get("Expiration")?)?,
        })
    }

    fn lasts(&self, now_ms: i64) -> bool {
        self.expires_ms.saturating_sub(now_ms) >= LIFE_MS_MIN
    }
}

impl Sessions {
    fn find(&self, purpose: &Purpose) -> Option<Arc<Session>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(purpose)?;
        found.lasts(now_ms()).then(|| Arc::clone(found))
    }

    fn keep(&self, purpose: Purpose, session: &Arc<Session>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SESSIONS_MAX {
            let now_ms = now_ms();
            kept.retain(|_, session| session.lasts(now_ms));
        }
        if kept.len() >= SESSIONS_MAX
            && let Some(any) = kept.keys().next().cloned()
        {
            kept.remove(&any);
        }
        kept.insert(purpose, Arc::clone(session));
    }
}

fn role(text: &str) -> Result<Arn, Trouble> {
    let unusable = |why: &str| Trouble::NoRole(format!("the role `{text}` cannot be used: {why}"));
    let arn = Arn::parse(text).map_err(|error| unusable(&error.to_string()))?;
    match arn.role_path_and_name() {
        Some(_) => Ok(arn),
        None => Err(unusable("it is not the ARN of a role")),
    }
}

/// Session names allow `[\w+=,.@-]`; execution names allow more, and other lengths.
fn session_name(execution_arn: &str) -> String {
    let execution = execution_arn.rsplit(':').next().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let mut name: String = execution
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(SESSION_NAME_CHARS_MAX)
        .collect();
    while name.len() < SESSION_NAME_CHARS_MIN {
        name.push('-');
    }
    name
}

/// The wall-clock time, which signatures and sessions go by.
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
