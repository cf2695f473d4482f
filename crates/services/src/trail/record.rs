//! The record of a call as CloudTrail has it (CloudTrail user guide, "CloudTrail record contents").
//!
//! What the model calls sensitive, and what carries payloads or credentials without being called
//! so, is hidden as CloudTrail hides it; payloads beside the members (Invoke) are never looked at.

use aws::iam::{Principal, Temporary};
use aws::model::{Kind, Model, Reference, ShapeId};
use aws::time::iso8601;
use aws::{Arn, Common, Service, ServiceError};
use json::{Object, ObjectBuilder, Text, Value, View};

use super::Audited;
use crate::Call;
use crate::access::{Caller, Class};

/// CloudTrail's own words for what it does not show.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Members that are hidden though their models don't call them sensitive: codes, tokens, and what
/// may hold payloads.
const HIDDEN_MEMBERS: [&str; 7] = [
    "AuthenticationCode1",
    "AuthenticationCode2",
    "DecodedMessage",
    "EncodedMessage",
    "LogResult",
    "SessionToken",
    "TokenCode",
];

/// Parameters or elements longer than this are left out (CloudTrail has 100 KB).
const ELEMENTS_BYTES_MAX: usize = 32 * 1_024;
/// Other texts are cut.
const TEXT_BYTES_MAX: usize = 4_096;
/// Resources of an event; a call that names more is a flood.
const RESOURCES_MAX: usize = 32;

pub(super) fn record(audited: &Audited<'_>) -> Value {
    let Audited {
        call,
        facts,
        needs,
        outcome,
        authorization_id,
    } = *audited;
    let is_management = facts.class == Class::Management;
    let parameters = parameters(call);
    let vouched = outcome.ok().and_then(|answer| vouched_for(call, answer));
    let mut record = ObjectBuilder::new();
    record
        .add("eventVersion", "1.11")
        .add(
            "userIdentity",
            user_identity(vouched.as_ref().unwrap_or(&call.caller)),
        )
        .add("eventTime", iso8601(call.now.0.div_euclid(1_000) * 1_000))
        .add("eventSource", event_source(call.service))
        .add("eventName", call.operation)
        .add("awsRegion", &*super::region_of(call));
    add_client(&mut record, call);
    if let Err(error) = outcome {
        record.add("errorCode", cut(&error.code));
        record.add("errorMessage", error_message(call, error, parameters.hides));
    }
    record.add("requestParameters", bounded(parameters.shown));
    let elements = outcome.ok().filter(|_| is_management && !facts.reads_only);
    let elements = elements.map(|members| elements_of(call, members));
    record.add(
        "responseElements",
        elements.map_or(Value::default(), bounded),
    );
    if let Some(id) = authorization_id {
        let data = ObjectBuilder::new().add("authorizationId", id).build();
        record.add("additionalEventData", data);
    }
    let mut resources: Vec<&str> = Vec::new();
    let role = is_web_identity(call).then(|| call.text("RoleArn"));
    let needed = needs.iter().map(|need| &*need.resource);
    for resource in needed.chain(role.flatten()) {
        let is_new = resource != "*" && !resources.contains(&resource);
        if is_new && resources.len() < RESOURCES_MAX {
            resources.push(resource);
        }
    }
    let shown = resources.into_iter().map(|arn| resource(arn, call));
    record
        .add("requestID", &*call.request_id)
        .add("readOnly", facts.reads_only)
        .add("resources", shown.collect::<Value>())
        .add("eventType", "AwsApiCall")
        .add("managementEvent", is_management)
        .add("recipientAccountId", &*call.account)
        .add(
            "eventCategory",
            if is_management { "Management" } else { "Data" },
        );
    record.build().into()
}

/// `states.amazonaws.com`.
pub(crate) fn event_source(service: Service) -> String {
    format!("{}.amazonaws.com", service.signing_name())
}

fn add_client(record: &mut ObjectBuilder, call: &Call) {
    let address = call.client.address;
    // A call from within the process is one of a state machine's task.
    let source = address.map_or_else(
        || "states.amazonaws.com".to_owned(),
        |address| address.to_canonical().to_string(),
    );
    let agent = call.client.user_agent.as_ref();
    let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    record.add("sourceIPAddress", source).add(
        "userAgent",
        cut(agent.as_deref().unwrap_or("states.amazonaws.com")),
    );
}

/// The message, unless it may repeat something that was hidden.
fn error_message(call: &Call, error: &ServiceError, hides: bool) -> String {
    let model = call.service.model();
    let is_denial = model.is_ok_and(|model| {
        let (code, _) = Common::AccessDenied.code_and_status(model.protocol);
        error.code == code
    });
    match hides && !is_denial {
        true => HIDDEN.to_owned(),
        false => cut(&error.message),
    }
}

/// The call that nobody signs and that needs nothing: its token says who it is, and for which role.
fn is_web_identity(call: &Call) -> bool {
    call.service == Service::Sts && call.operation == "AssumeRoleWithWebIdentity"
}

/// Whom an identity provider vouched for, as the answer tells: before, it was a claim.
fn vouched_for(call: &Call, answer: &Value) -> Option<Caller> {
    let text = |member| answer.get(member).and_then(Value::as_str);
    let role = call.text("RoleArn").filter(|_| is_web_identity(call))?;
    let account = Arn::parse(role).ok()?.account;
    let host = text("Provider")?.trim_start_matches("https://");
    Some(Caller::from(Principal::Federated {
        provider: format!("arn:aws:iam::{account}:oidc-provider/{host}").into(),
        subject: text("SubjectFromWebIdentityToken")?.into(),
    }))
}

fn user_identity(caller: &Caller) -> Value {
    let mut identity = ObjectBuilder::new();
    let kind = match &*caller.principal {
        Principal::Anonymous => "Unknown",
        Principal::Root { .. } => "Root",
        Principal::User { .. } => "IAMUser",
        Principal::Role(_) => "AssumedRole",
        Principal::FederatedUser(_) => "FederatedUser",
        Principal::Federated { .. } => "WebIdentityUser",
        Principal::Service { .. } => "AWSService",
    };
    identity.add("type", kind);
    if let Principal::Service { name, .. } = &*caller.principal {
        return identity.add("invokedBy", &**name).build().into();
    }
    identity.add("principalId", cut(&caller.principal.user_id()));
    if let Some(account) = caller.principal.account() {
        identity.add("arn", &*caller.arn());
        identity.add("accountId", &**account);
    }
    if let Some(key) = &caller.access_key_id {
        identity.add("accessKeyId", &**key);
    }
    match &*caller.principal {
        Principal::User {
            name, temporary, ..
        } => {
            identity.add("userName", &**name);
            add_session(&mut identity, None, temporary.as_ref());
        }
        Principal::Root { temporary, .. } => {
            add_session(&mut identity, None, temporary.as_ref());
        }
        Principal::Role(session) => {
            let issuer = ObjectBuilder::new()
                .add("type", "Role")
                .add("principalId", &*session.role_id)
                .add("arn", &*session.role_arn)
                .add("accountId", &*session.account)
                .add("userName", &*session.role_name)
                .build();
            add_session(&mut identity, Some(issuer), Some(&session.temporary));
        }
        Principal::FederatedUser(user) => {
            let name = user.user_arn.rsplit('/').next().unwrap_or_default();
            let issuer = ObjectBuilder::new()
                .add("type", "IAMUser")
                .add("principalId", &*user.user_id)
                .add("arn", &*user.user_arn)
                .add("accountId", &*user.account)
                .add("userName", name)
                .build();
            add_session(&mut identity, Some(issuer), Some(&user.temporary));
        }
        Principal::Federated { provider, subject } => {
            identity.add("userName", cut(subject));
            identity.add("identityProvider", cut(provider));
        }
        Principal::Anonymous | Principal::Service { .. } => {}
    }
    identity.build().into()
}

fn add_session(
    identity: &mut ObjectBuilder,
    issuer: Option<Object>,
    temporary: Option<&Temporary>,
) {
    let Some(temporary) = temporary else { return };
    let mut context = ObjectBuilder::new();
    if let Some(issuer) = issuer {
        context.add("sessionIssuer", issuer);
    }
    let attributes = ObjectBuilder::new()
        .add(
            "creationDate",
            iso8601(temporary.issued_ms.div_euclid(1_000) * 1_000),
        )
        .add("mfaAuthenticated", temporary.mfa.to_string())
        .build();
    context.add("attributes", attributes);
    identity.add("sessionContext", context.build());
}

/// A resource of the event, as the call named it.
fn resource(arn: &str, call: &Call) -> Value {
    let mut shown = ObjectBuilder::new();
    shown.add("ARN", cut(arn));
    let account = arn.split(':').nth(4).filter(|account| !account.is_empty());
    shown.add("accountId", cut(account.unwrap_or(&call.account)));
    if let Some(kind) = resource_type(arn) {
        shown.add("type", kind);
    }
    shown.build().into()
}

/// The type of a resource, as CloudFormation names it.
pub(crate) fn resource_type(arn: &str) -> Option<&'static str> {
    let mut fields = arn.splitn(6, ':');
    let service = fields.nth(2)?;
    let kind = fields.nth(2)?.split([':', '/']).next()?;
    Some(match (service, kind) {
        ("states", "stateMachine") => "AWS::StepFunctions::StateMachine",
        ("states", "activity") => "AWS::StepFunctions::Activity",
        ("states", "execution" | "express") => "AWS::StepFunctions::Execution",
        ("lambda", "function") => "AWS::Lambda::Function",
        ("iam", "role") => "AWS::IAM::Role",
        ("iam", "user") => "AWS::IAM::User",
        ("iam", "group") => "AWS::IAM::Group",
        ("iam", "policy") => "AWS::IAM::Policy",
        ("iam", "instance-profile") => "AWS::IAM::InstanceProfile",
        ("iam", "oidc-provider") => "AWS::IAM::OIDCProvider",
        _ => return None,
    })
}

/// Members with what must not be seen taken out.
struct Redacted {
    shown: Value,
    /// Whether anything was hidden.
    hides: bool,
}

fn parameters(call: &Call) -> Redacted {
    let mut redaction = Redaction::of(call);
    let shape = redaction.as_ref().and_then(|redaction| {
        let operation = redaction.model.operation(call.operation)?;
        operation.input
    });
    match (&mut redaction, shape) {
        (Some(redaction), Some(shape)) => Redacted {
            shown: redaction.shape(shape, &call.input),
            hides: redaction.hides || call.body.is_some(),
        },
        _ => Redacted {
            shown: Value::default(),
            hides: false,
        },
    }
}

fn elements_of(call: &Call, members: &Value) -> Value {
    let Some(mut redaction) = Redaction::of(call) else {
        return Value::default();
    };
    let operation = redaction.model.operation(call.operation);
    match operation.and_then(|operation| operation.output) {
        Some(shape) => redaction.shape(shape, members),
        None => Value::default(),
    }
}

struct Redaction {
    model: &'static Model,
    hides: bool,
}

impl Redaction {
    fn of(call: &Call) -> Option<Redaction> {
        let model = call.service.model().ok()?;
        Some(Redaction {
            model,
            hides: false,
        })
    }

    /// A value as its shape lets it be seen. What the model doesn't know is left out.
    fn shape(&mut self, shape: ShapeId, value: &Value) -> Value {
        let shape = self.model.shape(shape);
        if shape.sensitive || matches!(shape.kind, Kind::Blob | Kind::Document) {
            return self.hidden();
        }
        match (&shape.kind, value.view()) {
            (Kind::Structure(structure), View::Object(object)) => {
                let mut shown = ObjectBuilder::new();
                for member in &structure.members {
                    let name = member.name.as_str();
                    if let Some(found) = object.get(name) {
                        shown.add(camel(name), self.member(name, &member.reference, found));
                    }
                }
                shown.build().into()
            }
            (Kind::List { member, .. }, View::Array(elements)) => {
                let mut shown = Vec::with_capacity(elements.len());
                for element in elements {
                    shown.push(self.shape(member.shape, element));
                }
                shown.into()
            }
            (Kind::Map { value, .. }, View::Object(object)) => {
                let mut shown = ObjectBuilder::new();
                for (key, found) in object.members() {
                    shown.add(key.clone(), self.shape(value.shape, found));
                }
                shown.build().into()
            }
            (Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }, _) => self.hidden(),
            _ => value.clone(),
        }
    }

    fn member(&mut self, name: &str, reference: &Reference, value: &Value) -> Value {
        match HIDDEN_MEMBERS.contains(&name) {
            true => self.hidden(),
            false => self.shape(reference.shape, value),
        }
    }

    fn hidden(&mut self) -> Value {
        self.hides = true;
        HIDDEN.into()
    }
}

/// `roleName` of `RoleName`, as CloudTrail spells members.
fn camel(name: &str) -> Text {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    let name: String = first.into_iter().chain(chars).collect();
    name.into()
}

/// A value, or that it was too large.
fn bounded(value: Value) -> Value {
    let size = value.size();
    if size <= ELEMENTS_BYTES_MAX {
        return value;
    }
    ObjectBuilder::new()
        .add("omitted", true)
        .add("originalSize", size as u64)
        .add("reason", format!("larger than {ELEMENTS_BYTES_MAX} bytes"))
        .build()
        .into()
}

/// At most [`TEXT_BYTES_MAX`] bytes of a text.
fn cut(text: &str) -> String {
    let end = (0..=TEXT_BYTES_MAX.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default())
        .unwrap_or_default()
        .to_owned()
}
