mod at_once;
mod cut_off;

use std::sync::Arc;

use aws::protocol::{Output, decode_response, encode_response};

use super::*;
use crate::testing;

const NOW_MS: i64 = 1_790_000_000_000;

impl Iam {
    pub(super) fn for_tests() -> Arc<Iam> {
        Iam::with_quotas(Quotas::default())
    }

    fn with_quotas(quotas: Quotas) -> Arc<Iam> {
        Iam::over(Arc::new(store::Memory::new()), quotas)
    }

    fn over(store: Arc<store::Memory>, quotas: Quotas) -> Arc<Iam> {
        let documents = Documents::new(store);
        let seal = Arc::new(Seal::new(&[7; crate::seal::KEY_BYTES]));
        let directory = Arc::new(Directory::new(documents.clone(), Arc::clone(&seal)));
        Arc::new(Iam {
            documents,
            directory,
            seal,
            quotas,
        })
    }

    /// Over a store whose entities are judged by this identity.
    pub(crate) fn sharing(store: Arc<dyn store::Store>, identity: &crate::Identity) -> Iam {
        Iam {
            documents: Documents::new(store),
            directory: Arc::clone(&identity.directory),
            seal: Arc::clone(&identity.seal),
            quotas: Quotas::default(),
        }
    }

    /// Makes a call as the root user; `input` may use single quotes.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        input: &str,
    ) -> Result<Value, ServiceError> {
        let input = json::parse(&input.replace('\'', "\"")).unwrap();
        let call = testing::call(aws::Service::Iam, operation, &input, NOW_MS);
        let answer = self.handle(operation, &call).await.unwrap();
        answer.map(|answer| answer.members)
    }
}

/// A policy that allows `action` everywhere, as a member of an input.
pub(super) fn allowing(action: &str) -> String {
    let statement =
        format!(r#"{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"*\"}}"#);
    format!(r#"{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}"#)
}

/// A trust policy for `principal` (`\"Service\":\"...\"`), as a member of an input.
pub(super) fn trusting(principal: &str) -> String {
    let statement = format!(
        r#"{{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{{{principal}}}}}"#
    );
    format!(r#"{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}"#)
}

/// The answer as a client reads it: what the model does not know is lost on the way, and shows.
fn on_the_wire(operation: &str, answer: Answer) -> Answer {
    let model = aws::Service::Iam.model().unwrap();
    let shape = model.operation(operation).unwrap();
    let output = Output::new(answer.members);
    let response = encode_response(model, shape, &output, "id");
    let read = decode_response(model, shape, &response).unwrap().members;
    assert_eq!(output.members, read, "{operation}");
    Answer {
        members: read,
        ..Answer::default()
    }
}

#[tokio::test]
async fn scripts() {
    let fresh = |case: &Value| {
        let mut quotas = Quotas::default();
        if let Some(limit) = case.get("quota").and_then(Value::as_i64) {
            let limit = usize::try_from(limit).unwrap();
            quotas = Quotas {
                roles_max: limit,
                users_max: limit,
                groups_max: limit,
                policies_max: limit,
                instance_profiles_max: limit,
                identity_providers_max: limit,
            };
        }
        Iam::with_quotas(quotas)
    };
    let handle = |iam: Arc<Iam>, operation: String, call: Call| async move {
        let answer = iam.handle(&operation, &call).await?;
        Some(answer.map(|answer| on_the_wire(&operation, answer)))
    };
    let files = [
        "iam-access-keys.json",
        "iam-account.json",
        "iam-aws-policies.json",
        "iam-context-keys.json",
        "iam-groups.json",
        "iam-instance-profiles.json",
        "iam-policies.json",
        "iam-policy-syntax.json",
        "iam-principals.json",
        "iam-providers.json",
        "iam-quotas.json",
        "iam-roles.json",
        "iam-service-linked-roles.json",
        "iam-users.json",
    ];
    testing::play(&files, &[aws::Service::Iam], fresh, handle).await;
}

#[test]
fn ids_look_like_those_of_aws() {
    let ids: std::collections::BTreeSet<String> = (0..100).map(|_| unique_id("AROA")).collect();
    assert_eq!(ids.len(), 100);
    let plain = |id: &String| {
        id.len() == 21
            && id
                .bytes()
                .all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
    };
    assert!(ids.iter().all(plain), "{ids:?}");
}

/// A page goes on only in the list that was begun.
#[tokio::test]
async fn a_marker_is_bound_to_what_the_list_chooses_by() {
    let iam = Iam::for_tests();
    for name in ["p", "q", "r"] {
        let document = allowing("*");
        let policy = format!(r#"{{"PolicyName": "{name}", "PolicyDocument": "{document}"}}"#);
        iam.send("CreatePolicy", &policy).await.unwrap();
    }
    let first = "{'Scope': 'Local', 'MaxItems': 1}";
    let first = iam.send("ListPolicies", first).await.unwrap();
    let marker = first.get("Marker").unwrap().as_str().unwrap();
    for (choice, is_same) in [
        ("'Scope': 'Local'", true),
        ("'Scope': 'Local', 'OnlyAttached': false", true),
        ("'PathPrefix': '/', 'Scope': 'Local'", true),
        ("'Scope': 'All'", false),
        ("'Scope': 'Local', 'OnlyAttached': true", false),
        ("'Scope': 'Local', 'PathPrefix': '/x/'", false),
        ("'OnlyAttached': true", false),
    ] {
        let input = format!("{{'Marker': '{marker}', {choice}}}");
        match iam.send("ListPolicies", &input).await {
            Ok(_) => assert!(is_same, "{choice}"),
            Err(error) => assert!(
                !is_same && error.message == "Invalid Marker.",
                "{choice}: {error:?}"
            ),
        }
    }
}

/// Whoever is no user has to name one; the root user may ask for itself.
#[tokio::test]
async fn only_users_stand_for_themselves() {
    let iam = Iam::for_tests();
    let federated = aws::iam::FederatedUser {
        account: "123456789012".into(),
        name: "f".into(),
        user_arn: "arn:aws:iam::123456789012:user/u".into(),
        user_id: "AIDA00000000000000000".into(),
        tags: Arc::default(),
        temporary: aws::iam::Temporary {
            issued_ms: 0,
            mfa: false,
        },
    };
    let federated = aws::iam::Principal::FederatedUser(Arc::new(federated));
    for operation in ["GetUser", "ListAccessKeys", "CreateAccessKey"] {
        let input = Value::empty_object();
        let mut call = testing::call(aws::Service::Iam, operation, &input, NOW_MS);
        call.caller = federated.clone().into();
        let refused = iam.handle(operation, &call).await.unwrap().unwrap_err();
        assert_eq!(refused.code, "ValidationError");
        let text = "Must specify userName when calling with non-User credentials";
        assert_eq!(refused.message, text, "{operation}");
    }
}

#[test]
fn dates_are_whole_seconds() {
    assert_eq!(date(1_790_000_000_999), date(1_790_000_000_000));
    assert_eq!(date(-1).as_f64(), Some(-1.0));
}
