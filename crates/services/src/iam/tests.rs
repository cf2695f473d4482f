use std::sync::Arc;

use super::*;
use crate::testing;

#[tokio::test]
async fn scripts() {
    let fresh = || {
        let documents = Documents::new(Arc::new(store::Memory::new()));
        Arc::new(Iam { documents })
    };
    let handle = |iam: Arc<Iam>, operation: String, call: Call| async move {
        iam.handle(&operation, &call).await
    };
    for file in [
        "iam-roles.json",
        "iam-policies.json",
        "iam-policy-syntax.json",
    ] {
        testing::play(file, aws::Service::Iam, fresh, handle).await;
    }
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
