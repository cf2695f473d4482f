use std::sync::Arc;

use super::*;
use crate::seal::Seal;
use crate::testing;

impl Iam {
    pub(super) fn for_tests() -> Iam {
        let documents = Documents::new(Arc::new(store::Memory::new()));
        let seal = Arc::new(Seal::new(&[7; crate::seal::KEY_BYTES]));
        let directory = Arc::new(Directory::new(documents.clone(), seal));
        Iam {
            documents,
            directory,
        }
    }
}

#[tokio::test]
async fn scripts() {
    let fresh = || Arc::new(Iam::for_tests());
    let handle = |iam: Arc<Iam>, operation: String, call: Call| async move {
        iam.handle(&operation, &call).await
    };
    let files = [
        "iam-roles.json",
        "iam-policies.json",
        "iam-policy-syntax.json",
    ];
    testing::play(&files, &[aws::Service::Iam], |_| fresh(), handle).await;
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

#[test]
fn served_is_sorted() {
    assert!(SERVED.is_sorted());
}

/// A page goes on only in the list that was begun.
#[tokio::test]
async fn a_marker_is_bound_to_what_the_list_chooses_by() {
    let iam = Iam::for_tests();
    let send = async |operation: &str, input: &str| {
        let input = json::parse(input).unwrap();
        let call = testing::call(aws::Service::Iam, operation, &input, 1_790_000_000_000);
        iam.handle(operation, &call).await.unwrap()
    };
    for name in ["p", "q", "r"] {
        let statement = r#"{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}"#;
        let document = format!(r#"{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}"#);
        let policy = format!(r#"{{"PolicyName": "{name}", "PolicyDocument": "{document}"}}"#);
        send("CreatePolicy", &policy).await.unwrap();
    }
    let first = r#"{"Scope": "Local", "MaxItems": 1}"#;
    let first = send("ListPolicies", first).await.unwrap();
    let marker = first.members.get("Marker").unwrap().as_str().unwrap();
    for (choice, is_same) in [
        (r#""Scope": "Local""#, true),
        (r#""Scope": "Local", "OnlyAttached": false"#, true),
        (r#""Scope": "All""#, false),
        (r#""Scope": "Local", "OnlyAttached": true"#, false),
        (r#""Scope": "Local", "PathPrefix": "/x/""#, false),
        (r#""OnlyAttached": true"#, false),
    ] {
        let input = format!(r#"{{"Marker": "{marker}", {choice}}}"#);
        match send("ListPolicies", &input).await {
            Ok(_) => assert!(is_same, "{choice}"),
            Err(error) => assert!(
                !is_same && error.message == "Invalid Marker.",
                "{choice}: {error:?}"
            ),
        }
    }
}
