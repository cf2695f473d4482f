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

/// A request of some kilobytes may not ask for millions of evaluations.
#[tokio::test]
async fn evaluations_are_bounded() {
    let iam = Iam::for_tests();
    let list = |count: usize, text: &str| {
        let texts = (0..count).map(|n| format!("'{text}{n}'"));
        texts.collect::<Vec<_>>().join(",")
    };
    let check = async |actions, resources, is_taken: bool| {
        let (actions, resources) = (list(actions, "s3:A"), list(resources, "arn:aws:s3:::b/"));
        let input = format!(
            "{{'PolicyInputList': [], 'ActionNames': [{actions}], 'ResourceArns': [{resources}], \
             'MaxItems': 1}}"
        );
        let answer = iam.send("SimulateCustomPolicy", &input).await;
        assert_eq!(answer.is_ok(), is_taken, "{answer:?}");
    };
    check(1, super::EVALUATIONS_MAX, true).await;
    check(1, super::EVALUATIONS_MAX + 1, false).await;
    check(400, 250, true).await;
    check(400, 251, false).await;
}
