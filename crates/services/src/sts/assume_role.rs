//! AssumeRole, and what it has in common with AssumeRoleWithWebIdentity: a session of a role.

use std::sync::Arc;

use aws::iam::evaluate::{self, PolicyKind};
use aws::iam::{Context, Decision, Effect, Layers, Policy, Principal, Purpose, Request};
use aws::{Arn, Common, Protocol, ServiceError};
use json::{ObjectBuilder, Value};

use super::session::{self, Holder, PACKED_BYTES_MAX, Session, TOKEN_CHARACTERS_MAX};
use super::tags::{self, Checked};
use super::{Sts, validation};
use crate::call::epoch_seconds;
use crate::iam::directory::RoleEntry;
use crate::{Answer, Call};

/// Seconds a session of a role lasts unless it is asked otherwise, and at most if its caller is a
/// session of a role too (STS API reference).
const SECONDS_DEFAULT: i64 = 3_600;
const CHAINED_SECONDS_MAX: i64 = 3_600;
/// Managed session policies of a call (STS API reference).
const POLICY_ARNS_MAX: usize = 10;
/// Characters of an inline session policy (IAM quotas).
const POLICY_CHARACTERS_MAX: usize = 2_048;

/// What a session of a role is made of, beside the role.
pub(super) struct Asked {
    pub(super) session_name: String,
    pub(super) seconds: i64,
    pub(super) policies: Vec<String>,
    pub(super) policy_arns: Vec<String>,
    pub(super) tags: Checked,
    pub(super) source_identity: Option<String>,
    pub(super) federated_provider: Option<String>,
}

impl Sts {
    /// The caller's policies and the role's trust policy have been judged: see `needs`.
    pub(super) async fn assume_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        if !call.list("ProvidedContexts").is_empty() {
            return Err(validation(
                "`ProvidedContexts` is not supported by this version of Lockstep: leave it out",
            ));
        }
        let caller = &*call.caller.principal;
        if matches!(caller, Principal::Root { .. }) && self.identity.access.verifies_root() {
            return Err(denied(
                "Roles may not be assumed by root accounts.".to_owned(),
            ));
        }
        super::refuse_mfa(call)?;
        let arn = call.required("RoleArn")?;
        let role = self
            .role(arn)
            .await?
            .ok_or_else(|| not_trusted(caller, arn))?;
        let chained = match caller {
            Principal::Role(session) => Some(&**session),
            _ => None,
        };
        let source_identity = call.text("SourceIdentity");
        let inherited = chained.and_then(|session| session.source_identity.as_deref());
        if inherited.is_some() && source_identity.is_some() && source_identity != inherited {
            let action = "sts:SetSourceIdentity";
            return Err(denied(denial(caller, action, arn)));
        }
        let handed_on: Vec<_> = chained
            .iter()
            .flat_map(|session| {
                let keys = &session.transitive_tag_keys;
                let tags = session.tags.iter().filter(|(key, _)| keys.contains(key));
                tags.map(|(key, value)| ((**key).to_owned(), (**value).to_owned()))
            })
            .collect();
        let transitive = call
            .list("TransitiveTagKeys")
            .iter()
            .filter_map(Value::as_str);
        let asked = Asked {
            session_name: call.required("RoleSessionName")?.to_owned(),
            seconds: seconds(call, &role, chained.is_some())?,
            policies: self.policies(call)?,
            policy_arns: self.policy_arns(call, &role).await?,
            tags: tags::checked(
                tags::of(call.list("Tags")),
                transitive.map(str::to_owned).collect(),
                handed_on,
            )?,
            source_identity: source_identity.or(inherited).map(str::to_owned),
            federated_provider: None,
        };
        Ok(self.session_of(call, &role, asked)?.build().into())
    }

    /// The role with exactly this ARN.
    ///
    /// # Errors
    /// When it is no ARN of a role, or the store can't be read.
    pub(super) async fn role(&self, arn: &str) -> Result<Option<Arc<RoleEntry>>, ServiceError> {
        let parsed = Arn::parse(arn).map_err(|_| validation(format!("{arn} is invalid")))?;
        let name = match parsed.resource.strip_prefix("role/") {
            Some(path) if parsed.service == "iam" && parsed.region.is_empty() => {
                path.rsplit('/').next().unwrap_or(path)
            }
            _ => return Err(validation("Request ARN is invalid")),
        };
        let role = self.identity.directory.role(&parsed.account, name).await?;
        Ok(role.filter(|role| *role.arn == *arn))
    }

    /// The documents of the call's session policies; all together have a limit.
    pub(super) fn policies(&self, call: &Call) -> Result<Vec<String>, ServiceError> {
        let Some(document) = call.text("Policy") else {
            return Ok(Vec::new());
        };
        let characters = document.chars().count();
        if characters > POLICY_CHARACTERS_MAX {
            return Err(packed_policy(percent(characters, POLICY_CHARACTERS_MAX)));
        }
        Policy::parse(document, Purpose::Session)
            .map_err(|error| ServiceError::new("MalformedPolicyDocument", error.to_string()))?;
        Ok(vec![document.to_owned()])
    }

    /// The managed session policies of the call, which must exist.
    pub(super) async fn policy_arns(
        &self,
        call: &Call,
        role: &RoleEntry,
    ) -> Result<Vec<String>, ServiceError> {
        // What names no policy would narrow nothing: its sender meant it to.
        let named = |policy: &Value| {
            let arn = policy.get("arn").and_then(Value::as_str);
            let unnamed = || validation("Every entry of `PolicyArns` needs an `arn`.");
            arn.map(str::to_owned).ok_or_else(unnamed)
        };
        let arns = call.list("PolicyArns").iter().map(named);
        let arns = arns.collect::<Result<Vec<String>, _>>()?;
        if arns.len() > POLICY_ARNS_MAX {
            return Err(validation(format!(
                "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: \
                 Member must have length less than or equal to {POLICY_ARNS_MAX}"
            )));
        }
        for arn in &arns {
            let found = self.identity.directory.managed_policy(&role.account, arn);
            if found.await?.is_none() {
                let message = format!("Policy {arn} does not exist or is not attachable.");
                return Err(validation(message));
            }
        }
        Ok(arns)
    }

    /// A new session of the role: the members that answers of AssumeRole and its kin have in
    /// common.
    pub(super) fn session_of(
        &self,
        call: &Call,
        role: &RoleEntry,
        asked: Asked,
    ) -> Result<ObjectBuilder, ServiceError> {
        let name = asked.session_name;
        let id = format!("{}:{name}", role.id);
        let (account, role_name) = (&role.account, &role.name);
        let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}");
        let source_identity = asked.source_identity.clone();
        let holder = Holder::Role {
            name: role.name.to_string(),
            id: role.id.to_string(),
            session_name: name,
            tags: asked.tags.tags,
            transitive_tag_keys: asked.tags.transitive,
            source_identity: asked.source_identity,
            federated_provider: asked.federated_provider,
        };
        let mut session = new_session(call, account, asked.seconds, holder)?;
        session.policies = asked.policies;
        session.policy_arns = asked.policy_arns;
        let packed = packed_size(&session)?;
        let user = ObjectBuilder::new()
            .add("AssumedRoleId", id)
            .add("Arn", arn)
            .build();
        let mut answer = self.credentials(call, &session)?;
        answer.add("AssumedRoleUser", user);
        if packed > 0 {
            answer.add("PackedPolicySize", packed);
        }
        if let Some(source_identity) = source_identity {
            answer.add("SourceIdentity", source_identity);
        }
        Ok(answer)
    }

    /// The credentials of a session, as answers have them, and how large its token is.
    pub(super) fn credentials(
        &self,
        call: &Call,
        session: &Session,
    ) -> Result<ObjectBuilder, ServiceError> {
        let characters_min = call.integer("MinimumSessionTokenSize").unwrap_or(0);
        let characters_min = usize::try_from(characters_min).unwrap_or(0);
        let token = session.long_token(&self.identity.seal, characters_min);
        let token = token.map_err(internal)?;
        let size = token.len();
        let expires = asl::time::Timestamp(session.expires_ms);
        let credentials = ObjectBuilder::new()
            .add("AccessKeyId", session.access_key_id.as_str())
            .add("SecretAccessKey", session.secret_access_key.as_str())
            .add("SessionToken", token)
            .add("Expiration", epoch_seconds(expires))
            .build();
        let mut answer = ObjectBuilder::new();
        answer.add("Credentials", credentials);
        answer.add("SessionTokenSize", i64::try_from(size).unwrap_or(i64::MAX));
        answer.add(
            "SessionTokenUtilization",
            percent(size, TOKEN_CHARACTERS_MAX),
        );
        Ok(answer)
    }
}

/// A session that begins now, with a new key. It ends on a whole second, as clients are told.
pub(super) fn new_session(
    call: &Call,
    account: &str,
    seconds: i64,
    holder: Holder,
) -> Result<Session, ServiceError> {
    let (access_key_id, secret_access_key) = session::new_key(account).map_err(internal)?;
    let issued_ms = call.now.0;
    Ok(Session {
        account: account.to_owned(),
        access_key_id,
        secret_access_key,
        issued_ms,
        expires_ms: (issued_ms.div_euclid(1_000) + seconds) * 1_000,
        mfa: false,
        holder,
        policies: Vec::new(),
        policy_arns: Vec::new(),
    })
}

/// How long the session is to last.
pub(super) fn seconds(
    call: &Call,
    role: &RoleEntry,
    is_chained: bool,
) -> Result<i64, ServiceError> {
    let seconds = call.integer("DurationSeconds").unwrap_or(SECONDS_DEFAULT);
    if is_chained && seconds > CHAINED_SECONDS_MAX {
        return Err(validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining.",
        ));
    }
    if seconds > role.session_seconds_max {
        return Err(validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(seconds)
}

/// The share of the space for policies and tags that the session takes, in percent.
fn packed_size(session: &Session) -> Result<i64, ServiceError> {
    let (policies, tags) = session.packed_bytes();
    if tags > PACKED_BYTES_MAX {
        let percent = percent(tags, PACKED_BYTES_MAX);
        let message = format!("Packed size of session tags consumes {percent}% of allotted space.");
        return Err(ServiceError::new("PackedPolicyTooLarge", message));
    }
    let percent = percent(policies + tags, PACKED_BYTES_MAX);
    if percent > 100 {
        return Err(packed_policy(percent));
    }
    Ok(percent)
}

fn packed_policy(percent: i64) -> ServiceError {
    let message =
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
    ServiceError::new("PackedPolicyTooLarge", message)
}

/// Rounded up: what is too large is more than 100.
fn percent(part: usize, whole: usize) -> i64 {
    i64::try_from((part * 100).div_ceil(whole)).unwrap_or(i64::MAX)
}

/// The denial of a role that is not there is that of one whose trust policy does not name the
/// caller: nobody learns which roles exist.
fn not_trusted(caller: &Principal, arn: &str) -> ServiceError {
    denied(denial(caller, "sts:AssumeRole", arn))
}

fn denial(caller: &Principal, action: &str, arn: &str) -> String {
    let context = Context::new();
    let request = Request {
        principal: caller,
        action,
        resource: arn,
        resource_account: arn.split(':').nth(4),
        context: &context,
    };
    let decision = Decision {
        effect: Effect::ImplicitDeny,
        kind: PolicyKind::Trust,
    };
    evaluate::denial(&request, &Layers::default(), decision)
}

pub(super) fn denied(message: String) -> ServiceError {
    ServiceError::common(Common::AccessDenied, Protocol::Query, message)
}

fn internal(error: crate::seal::Error) -> ServiceError {
    tracing::error!(%error, "no credentials can be made");
    let message = "The server could not make credentials; try again.";
    ServiceError::common(Common::InternalFailure, Protocol::Query, message)
}
