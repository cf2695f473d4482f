//! The role that `lockstep dev` makes, so that its first example runs: Step Functions and Lambda
//! may assume it, and it may do everything.

use std::sync::Arc;

use anyhow::{Result, bail};
use asl::time::Timestamp;
use aws::route::REGION_DEFAULT;
use aws::{Service, ServiceError};
use json::{ObjectBuilder, Value};
use services::access::Caller;
use services::call::Client;
use services::{Call, Services};
use uuid::Uuid;

const NAME: &str = "lockstep-dev";

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": ["states.amazonaws.com", "lambda.amazonaws.com"]}}]}"#;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

/// Its ARN in an account.
pub(crate) fn arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{NAME}")
}

/// Makes the role in an account. One that is there already stays as it is.
pub(crate) async fn make(services: &Services, account: &str, now: Timestamp) -> Result<()> {
    let input = ObjectBuilder::new()
        .add("RoleName", NAME)
        .add("AssumeRolePolicyDocument", TRUST)
        .add("Description", "Made by lockstep dev: may do everything")
        .build();
    match call(services, "CreateRole", account, input.into(), now).await {
        Ok(()) => {}
        Err(error) if error.code == "EntityAlreadyExists" => return Ok(()),
        Err(error) => bail!("cannot make the role `{NAME}`: {error}"),
    }
    let input = ObjectBuilder::new()
        .add("RoleName", NAME)
        .add("PolicyName", "everything")
        .add("PolicyDocument", POLICY)
        .build();
    let put = call(services, "PutRolePolicy", account, input.into(), now).await;
    put.or_else(|error| bail!("cannot give the role `{NAME}` its policy: {error}"))
}

/// A call of IAM by the root user.
async fn call(
    services: &Services,
    operation: &'static str,
    account: &str,
    input: Value,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let account: Arc<str> = account.into();
    let call = Call {
        service: Service::Iam,
        operation,
        caller: Caller::root(&account),
        client: Client::default(),
        account,
        region: REGION_DEFAULT.into(),
        request_id: Uuid::new_v4().to_string().into(),
        now,
        input,
        body: None,
        violations: Vec::new(),
        mock_case: None,
        attempt: None,
        trace_header: None,
    };
    let answer = services.handle(Service::Iam, operation, &call).await;
    answer.map_or(Ok(()), |answer| answer.map(|_| ()))
}
