//! Who makes a call: the signature, the key it was made with, and whose key that is.
//!
//! Order and texts are AWS's (IAM user guide, "Troubleshoot Signature Version 4 signing").

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use asl::time::Timestamp;
use aws::iam::{
    Acting, Attached, Policy, PolicyKind, Principal, Purpose, RoleSession, Source, Tag, Temporary,
};
use aws::route::Route;
use aws::sigv4::{self, Claim};
use aws::{Arn, Common, Protocol, Request, ServiceError};
use http::Method;

use super::question::{Circumstances, account_of};
use super::{Access, Caller, Class, Facts, STATES, Service, bare_session, role_session};
use crate::documents;
use crate::sts::session::{Holder, Refused, Session};

/// Who makes a call, and in which account and Region.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub caller: Caller,
    pub account: Arc<str>,
    pub region: Arc<str>,
}

/// Why a request is not taken for what it says.
enum Refusal {
    Signature(sigv4::Error),
    /// It was sent before.
    Repeated,
    Failed(documents::Error),
}

impl From<sigv4::Error> for Refusal {
    fn from(error: sigv4::Error) -> Refusal {
        Refusal::Signature(error)
    }
}

impl From<documents::Error> for Refusal {
    fn from(error: documents::Error) -> Refusal {
        Refusal::Failed(error)
    }
}

impl Refusal {
    fn answer(self, protocol: Protocol) -> ServiceError {
        match self {
            Refusal::Signature(error) => error.answer(protocol),
            // SDKs sign anew what is throttled, which is what an honest client has to do.
            Refusal::Repeated => ServiceError::common(
                Common::Throttling,
                protocol,
                "This very signature was taken before, and a request that changes something is \
                 taken once. Sign it again: identical requests differ from the next second on.",
            ),
            Refusal::Failed(error) => error.into(),
        }
    }
}

/// A secret, and whose it is.
struct Key {
    secret: Arc<str>,
    caller: Caller,
}

/// How long the refusal of a repeated request waits. Signatures tell whole seconds, and SDKs try
/// again within milliseconds: what they sign after the wait is a request of its own.
const REPEATED_WAIT: Duration = Duration::from_secs(1);

/// The text of AWS for a role that Step Functions may not assume.
pub(crate) const NOT_TRUSTED: &str = "Neither the global service principal \
                                      states.amazonaws.com, nor the regional one is \
                                      authorized to assume the provided role.";

impl Access {
    /// Who makes a call of an operation with these facts.
    ///
    /// # Errors
    /// Those of a signature, in AWS's order and words; AccessDenied for a role that Step Functions
    /// may not assume; InternalFailure when the store can't be read.
    pub async fn authenticate(
        &self,
        request: &Request,
        route: &Route<'_>,
        facts: Facts,
        caller: &aws::Caller,
        now: Timestamp,
    ) -> Result<Authenticated, ServiceError> {
        let protocol = route.model.protocol;
        match caller {
            aws::Caller::Signed { .. } => {
                let signer = self.signer(request, route, facts, now.0).await;
                let caller = signer.map_err(|refusal| refusal.answer(protocol))?;
                let account = caller.principal.account().unwrap_or(&self.rules.account);
                Ok(Authenticated {
                    account: Arc::clone(account),
                    region: (&*route.region).into(),
                    caller,
                })
            }
            aws::Caller::Role {
                role_arn,
                session_name,
                region,
                account,
                source_arn,
                ..
            } => {
                let region: Arc<str> = region.as_str().into();
                let source_arn = source_arn.as_ref().map(ToString::to_string);
                let service = Service {
                    name: STATES,
                    source_arn: source_arn.as_deref(),
                };
                let role_arn = role_arn.to_string();
                let session = match self.rules.roles_are_enforced {
                    true => {
                        self.assumed(&role_arn, session_name, &service, &region, now)
                            .await?
                    }
                    false => Some(bare_session(&role_arn, session_name, now)),
                };
                let denied = || ServiceError::common(Common::AccessDenied, protocol, NOT_TRUSTED);
                let session = session.ok_or_else(denied)?;
                Ok(Authenticated {
                    caller: Caller::from(Principal::Role(Arc::new(session))),
                    account: account.as_str().into(),
                    region,
                })
            }
            aws::Caller::Service {
                principal,
                region,
                account,
                source_arn,
            } => Ok(of_service(principal, region, account, source_arn.as_ref())),
        }
    }

    /// A session of a role that a service assumed; `None` when the role is not there, or does not
    /// trust the service.
    async fn assumed(
        &self,
        role_arn: &str,
        session_name: &str,
        service: &Service<'_>,
        region: &Arc<str>,
        now: Timestamp,
    ) -> Result<Option<RoleSession>, ServiceError> {
        let around = Circumstances {
            now,
            region,
            client: None,
        };
        let role = self.role(role_arn).await?;
        let role = role.filter(|role| service.may_assume(role, &around));
        Ok(role.map(|role| role_session(&role, session_name, now)))
    }

    /// Who signed a request that came as bytes.
    async fn signer(
        &self,
        request: &Request,
        route: &Route<'_>,
        facts: Facts,
        now_ms: i64,
    ) -> Result<Caller, Refusal> {
        if self.rules.root.is_none()
            && let Some(administrator) = self.administrator(request, route, facts, now_ms).await?
        {
            return Ok(administrator);
        }
        let rules = sigv4::Rules {
            now_ms,
            skew_ms_max: self.rules.skew_ms_max,
            service: Some(&route.model.signing_name),
        };
        let claim = match Claim::read(request, &rules) {
            Err(sigv4::Error::Missing) if takes_anyone(route) => {
                return Ok(Caller::from(Principal::Anonymous));
            }
            claim => claim?,
        };
        let key = self.key(&claim, now_ms).await?;
        let signing_key = self.signing_keys.of(&claim, &key.secret);
        claim.verify(request, &signing_key)?;
        if self.is_taken_once(facts, &claim) && !self.replays.take(claim.signature(), now_ms) {
            tokio::time::sleep(REPEATED_WAIT).await;
            return Err(Refusal::Repeated);
        }
        if let Principal::User {
            temporary: None, ..
        } = &*key.caller.principal
        {
            self.note_use(&claim, now_ms).await;
        }
        Ok(key.caller)
    }

    /// Keeps for GetAccessKeyLastUsed that a user's key signed a call.
    async fn note_use(&self, claim: &Claim<'_>, now_ms: i64) {
        let (id, service, region) = (&claim.access_key_id, &claim.service, &claim.region);
        let noted = self.directory.key_used(id, service, region, now_ms).await;
        if let Err(error) = noted {
            tracing::warn!(access_key = &**id, %error, "the use of an access key is not noted");
        }
    }

    /// Whether a request may be sent once only. Data calls may be repeated: SDKs sign whole seconds
    /// and nothing that differs, so that two equal StartExecutions of one second look the same.
    fn is_taken_once(&self, facts: Facts, claim: &Claim<'_>) -> bool {
        let changes = !facts.reads_only && facts.class == Class::Management;
        self.rules.refuses_replays && changes && !claim.is_presigned()
    }

    /// Where keys that nobody made count: the root user of the account that the key names. `None`
    /// for a request whose signature has to be verified all the same: with a key that Lockstep
    /// made, or unsigned where that is allowed.
    async fn administrator(
        &self,
        request: &Request,
        route: &Route<'_>,
        facts: Facts,
        now_ms: i64,
    ) -> Result<Option<Caller>, Refusal> {
        let rules = sigv4::Rules {
            now_ms,
            skew_ms_max: i64::MAX,
            service: None,
        };
        let token = match Claim::read(request, &rules) {
            Err(malformed @ sigv4::Error::Incomplete(_)) => return Err(malformed.into()),
            Err(sigv4::Error::Missing) if takes_anyone(route) => return Ok(None),
            // A link or an image of a web page is an unsigned GET too, and an old browser does not
            // say whose page it is.
            Err(missing @ sigv4::Error::Missing)
                if request.method == Method::GET && !facts.reads_only =>
            {
                return Err(missing.into());
            }
            Err(_) => request.header("x-amz-security-token").map(str::to_owned),
            Ok(claim) => claim.session_token.map(Cow::into_owned),
        };
        let key = route.access_key_id.as_deref().unwrap_or_default();
        let is_ours = match &token {
            Some(token) => {
                let session = Session::of_token(&self.seal, token, key, now_ms);
                !matches!(session, Err(Refused::Foreign))
            }
            None => is_long_term(key) && self.directory.access_key(key).await?.is_some(),
        };
        Ok((!is_ours).then(|| match account_of_key(key) {
            Some(account) => Caller::root(account),
            None => self.root.clone(),
        }))
    }

    /// The secret of the key that signed, and whose it is.
    async fn key(&self, claim: &Claim<'_>, now_ms: i64) -> Result<Key, Refusal> {
        let id = &*claim.access_key_id;
        match (&claim.session_token, &self.rules.root) {
            (Some(token), _) => self.session_key(id, token, now_ms).await,
            (None, Some(root)) if *root.access_key_id == *id => Ok(Key {
                secret: Arc::clone(&root.secret_access_key),
                caller: self.root.clone(),
            }),
            (None, _) => self.user_key(id).await,
        }
    }

    /// An access key of an IAM user.
    async fn user_key(&self, id: &str) -> Result<Key, Refusal> {
        let unknown = || Refusal::Signature(sigv4::Error::UnknownKey);
        let key = self.directory.access_key(id).await?;
        let key = key.filter(|key| key.active).ok_or_else(unknown)?;
        let user = self.directory.user(&key.account, &key.user_name).await?;
        let user = user.filter(|user| user.id == key.user_id);
        let user = user.ok_or_else(unknown)?;
        let principal = Principal::User {
            account: Arc::clone(&user.account),
            arn: Arc::clone(&user.arn),
            id: Arc::clone(&user.id),
            name: Arc::clone(&user.name),
            tags: Arc::clone(&user.tags),
            temporary: None,
        };
        Ok(Key {
            secret: Arc::clone(&key.secret),
            caller: Caller {
                access_key_id: Some(id.into()),
                ..Caller::from(principal)
            },
        })
    }

    /// A key of temporary credentials, which go with a token.
    async fn session_key(&self, id: &str, token: &str, now_ms: i64) -> Result<Key, Refusal> {
        let session = Session::of_token(&self.seal, token, id, now_ms);
        let session = session.map_err(|refused| match refused {
            Refused::Foreign | Refused::Invalid => sigv4::Error::UnknownKey,
            Refused::Expired => sigv4::Error::ExpiredToken,
        })?;
        let holder = self.holder(&session).await?;
        let principal = holder.ok_or(sigv4::Error::UnknownKey)?;
        let policies = self.session_policies(&session, &principal).await?;
        Ok(Key {
            secret: session.secret_access_key.into(),
            caller: Caller {
                session: policies,
                access_key_id: Some(id.into()),
                ..Caller::from(principal)
            },
        })
    }

    /// Whose session it is. `None` when the user or the role is gone; another of the same name does
    /// not revive it.
    async fn holder(&self, session: &Session) -> Result<Option<Principal>, documents::Error> {
        let account = &*session.account;
        let temporary = Temporary {
            issued_ms: session.issued_ms,
            mfa: session.mfa,
        };
        match &session.holder {
            Holder::Root => Ok(Some(Principal::Root {
                account: account.into(),
                temporary: Some(temporary),
            })),
            Holder::User { name, id } => {
                let user = self.directory.user(account, name).await?;
                let user = user.filter(|user| *user.id == **id);
                Ok(user.map(|user| Principal::User {
                    account: Arc::clone(&user.account),
                    arn: Arc::clone(&user.arn),
                    id: Arc::clone(&user.id),
                    name: Arc::clone(&user.name),
                    tags: Arc::clone(&user.tags),
                    temporary: Some(temporary),
                }))
            }
            Holder::Role {
                name,
                id,
                session_name,
                tags,
                transitive_tag_keys,
                source_identity,
                federated_provider,
            } => {
                let role = self.directory.role(account, name).await?;
                let role = role.filter(|role| *role.id == **id);
                let text = |text: &Option<String>| text.as_deref().map(Arc::from);
                let transitive = transitive_tag_keys.iter().map(|key| key.as_str().into());
                Ok(role.map(|role| {
                    let issued = Timestamp(session.issued_ms);
                    Principal::Role(Arc::new(RoleSession {
                        tags: overlaid(&role.tags, tags),
                        transitive_tag_keys: transitive.collect(),
                        source_identity: text(source_identity),
                        federated_provider: text(federated_provider),
                        temporary,
                        ..role_session(&role, session_name, issued)
                    }))
                }))
            }
        }
    }

    /// What narrows a session. A managed policy that is gone allows nothing.
    async fn session_policies(
        &self,
        session: &Session,
        principal: &Principal,
    ) -> Result<Option<Arc<[Arc<Attached>]>>, documents::Error> {
        if session.policies.is_empty() && session.policy_arns.is_empty() {
            return Ok(None);
        }
        let arn = principal.arn();
        let source = |uri: Arc<str>, managed| Source {
            kind: PolicyKind::Session,
            uri,
            managed,
            attached_to: Arc::clone(&arn),
        };
        let inline = session.policies.iter().map(|document| Attached {
            policy: Policy::kept(document, Purpose::Session),
            source: source(format!("{arn}#policy").into(), false),
        });
        let mut policies: Vec<Arc<Attached>> = inline.map(Arc::new).collect();
        for policy_arn in &session.policy_arns {
            let found = self
                .directory
                .managed_policy(&session.account, policy_arn)
                .await?;
            policies.extend(found.map(|managed| {
                Arc::new(Attached {
                    policy: managed.policy.clone(),
                    source: source(policy_arn.as_str().into(), true),
                })
            }));
        }
        Ok(Some(policies.into()))
    }
}

/// The operations that need no credentials: what they are given speaks for itself.
fn takes_anyone(route: &Route<'_>) -> bool {
    let operation = &*route.operation.name;
    route.service == aws::Service::Sts && operation == "AssumeRoleWithWebIdentity"
}

/// A 12-digit access key names an account.
fn account_of_key(key: &str) -> Option<&str> {
    (key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit())).then_some(key)
}

/// Whether it can be the id of an IAM user's key, so that looking for it is worth it.
fn is_long_term(key: &str) -> bool {
    key.len() == 20 && key.starts_with("AKIA")
}

/// The tags of a role, and over them those of a session.
fn overlaid(role: &Arc<[Tag]>, session: &[(String, String)]) -> Arc<[Tag]> {
    if session.is_empty() {
        return Arc::clone(role);
    }
    let is_new = |key: &str| {
        !session
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(key))
    };
    let kept = role.iter().filter(|(key, _)| is_new(key)).cloned();
    let own = session
        .iter()
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    kept.chain(own).collect()
}

/// A service of its own accord, for a resource.
fn of_service(name: &str, region: &str, account: &str, source_arn: Option<&Arn>) -> Authenticated {
    let source_arn: Option<Arc<str>> = source_arn.map(|arn| arn.to_string().into());
    let source_account = source_arn.as_deref().and_then(account_of).map(Arc::from);
    let region: Arc<str> = region.into();
    let principal = Principal::Service {
        name: name.into(),
        region: Arc::clone(&region),
        acting: Acting {
            source_arn,
            source_account,
        },
    };
    Authenticated {
        caller: Caller::from(principal),
        account: account.into(),
        region,
    }
}
