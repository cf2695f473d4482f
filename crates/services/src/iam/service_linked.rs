//! Service-linked roles: made and deleted for a service, changed by nobody.

use aws::ServiceError;
use json::ObjectBuilder;

use super::account::{Account, Entity as _};
use super::aws_policies;
use super::role::{self, Role};
use super::{no_such_entity, unique_of};
use crate::{Answer, Call, page};

/// What a service calls its role after `AWSServiceRoleFor`, and the policy the role has, by the
/// service's name. Source: IAM user guide, "AWS services that work with IAM", and the services'
/// pages on their roles.
const SERVICES: [(&str, &str, &str); 14] = [
    (
        "autoscaling.amazonaws.com",
        "AutoScaling",
        "AutoScalingServiceRolePolicy",
    ),
    ("batch.amazonaws.com", "Batch", "BatchServiceRolePolicy"),
    (
        "dynamodb.application-autoscaling.amazonaws.com",
        "ApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
    ),
    ("ecs.amazonaws.com", "ECS", "AmazonECSServiceRolePolicy"),
    (
        "ecs.application-autoscaling.amazonaws.com",
        "ApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
    ),
    (
        "eks.amazonaws.com",
        "AmazonEKS",
        "AmazonEKSServiceRolePolicy",
    ),
    (
        "elasticache.amazonaws.com",
        "ElastiCache",
        "ElastiCacheServiceRolePolicy",
    ),
    (
        "elasticloadbalancing.amazonaws.com",
        "ElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
    ),
    (
        "lambda.application-autoscaling.amazonaws.com",
        "ApplicationAutoScaling_LambdaConcurrency",
        "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    ),
    (
        "opensearchservice.amazonaws.com",
        "AmazonOpenSearchService",
        "AmazonOpenSearchServiceRolePolicy",
    ),
    (
        "ops.apigateway.amazonaws.com",
        "APIGateway",
        "APIGatewayServiceRolePolicy",
    ),
    ("rds.amazonaws.com", "RDS", "AmazonRDSServiceRolePolicy"),
    (
        "spot.amazonaws.com",
        "EC2Spot",
        "AWSEC2SpotServiceRolePolicy",
    ),
    (
        "ssm.amazonaws.com",
        "AmazonSSM",
        "AmazonSSMServiceRolePolicy",
    ),
];

/// Services whose roles may have a suffix.
const WITH_SUFFIX: [&str; 1] = ["autoscaling.amazonaws.com"];

pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let service = call.required("AWSServiceName")?;
    let known = SERVICES.iter().find(|(name, ..)| *name == service);
    let Some((_, what, policy)) = known else {
        let message = format!("The service-linked role of {service} is not known.");
        return Err(ServiceError::new("InvalidInput", message));
    };
    let mut name = format!("AWSServiceRoleFor{what}");
    if let Some(suffix) = call.text("CustomSuffix") {
        if !WITH_SUFFIX.contains(&service) {
            let message = format!("Custom suffix is not allowed for {service}");
            return Err(ServiceError::new("InvalidInput", message));
        }
        name = format!("{name}_{suffix}");
    }
    let path = format!("{}{service}/", role::SERVICE_LINKED_PATH);
    let trust_policy = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":\
         {{\"Service\":\"{service}\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
    );
    let mut role = Role::new(account, &name, &path, &trust_policy, call.now.0)?;
    role.description = call.text("Description").map(str::to_owned);
    let arn = format!("{}{policy}", aws_policies::SERVICE_LINKED);
    role.policies.attached.push(arn);
    role::keep(account, &role).map_err(|error| match &*error.code {
        "EntityAlreadyExists" => {
            let message = format!(
                "Service role name {name} has been taken in this account, please try a different \
                 suffix."
            );
            ServiceError::new("InvalidInput", message)
        }
        _ => error,
    })?;
    let shown = role.shown(account)?;
    Ok(ObjectBuilder::new().add("Role", shown).into())
}

/// The role is gone at once: no service of ours holds on to one.
pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let found = Role::named(account, call)?;
    let Role { name, path, .. } = &found.body;
    if !found.body.is_service_linked() {
        return Err(role::not_found(name));
    }
    let task = format!("task{path}{name}/");
    let token = page::token(&bound_to(account, &task), &unique_of("", 16), call.now);
    account.delete(&found)?;
    Ok(ObjectBuilder::new()
        .add("DeletionTaskId", format!("{task}{token}"))
        .into())
}

fn bound_to(account: &Account<'_>, task: &str) -> String {
    format!("DeleteServiceLinkedRole {} {task}", account.id)
}

/// Of a task that was given out within a day; it had succeeded when it was.
pub(super) fn get_deletion_status(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let id = call.required("DeletionTaskId")?;
    let place = id.rfind('/').map_or(0, |slash| slash + 1);
    let (task, token) = id.split_at_checked(place).unwrap_or_default();
    if page::position(&bound_to(account, task), token, call.now).is_none() {
        let message = format!("The deletion task with id {id} cannot be found.");
        return Err(no_such_entity(message));
    }
    Ok(ObjectBuilder::new().add("Status", "SUCCEEDED").into())
}
