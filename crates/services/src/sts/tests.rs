use super::*;
use crate::testing;

#[tokio::test]
async fn scripts() {
    let serve = |(), operation: String, call: Call| async move { handle(&operation, &call) };
    testing::play(&["sts.json"], &[aws::Service::Sts], |_| (), serve).await;
}

#[test]
fn a_session_is_named_as_in_its_arn() {
    let operation = "GetCallerIdentity";
    let mut call = testing::call(
        aws::Service::Sts,
        operation,
        &json::Value::empty_object(),
        0,
    );
    call.caller_arn = "arn:aws:sts::123456789012:assumed-role/r/session".into();
    let answer = handle(operation, &call).unwrap().unwrap();
    let user_id = answer.members.get("UserId").and_then(json::Value::as_str);
    assert_eq!(user_id, Some("r:session"));
}
