use super::*;
use crate::testing;

#[tokio::test]
async fn scripts() {
    let serve = |(), operation: String, call: Call| async move { handle(&operation, &call) };
    testing::play(&["sts.json"], &[aws::Service::Sts], |_| (), serve).await;
}
