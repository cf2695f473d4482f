use crate::iam::Iam;
use crate::{Call, testing};
use json::Value;
use std::sync::Arc;

#[tokio::test]
async fn scripts() {
    let fresh = |_: &Value| Iam::for_tests();
    let handle = |iam: Arc<Iam>, operation: String, call: Call| async move {
        iam.handle(&operation, &call).await
    };
    testing::play(&["iam-simulate.json"], &[aws::Service::Iam], fresh, handle).await;
}
