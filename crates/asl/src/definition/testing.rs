//! A catalogue for tests: functions, activities and a few services; anything else is unknown.

use crate::definition::{Catalogue, Parameter, Resolved};
use crate::program::{Pattern, Resource, ResourceFamily};

/// Calls, each with the patterns it offers beside the plain one.
const CALLS: [(&str, &[&str]); 9] = [
    ("apigateway:invoke", &[".waitForTaskToken"]),
    ("aws-sdk:s3:listBuckets", &[".waitForTaskToken"]),
    ("batch:submitJob", &[".sync"]),
    ("dynamodb:putItem", &[]),
    ("http:invoke", &[]),
    ("lambda:invoke", &[".waitForTaskToken"]),
    ("sns:publish", &[".waitForTaskToken"]),
    ("sqs:sendMessage", &[".waitForTaskToken"]),
    (
        "states:startExecution",
        &[".sync", ".sync:2", ".waitForTaskToken"],
    ),
];

pub(crate) struct TestCatalogue;

impl Catalogue for TestCatalogue {
    fn parameters(&self, resource: &str) -> Option<Vec<Parameter>> {
        let parameter = |name| Parameter {
            name,
            values: match name {
                "InvocationType" => &["RequestResponse", "DryRun", "Event"],
                _ => &[],
            },
        };
        let names = ["FunctionName", "InvocationType", "LogType", "Payload"];
        let is_invoke = resource.contains("::lambda:invoke");
        is_invoke.then(|| names.map(parameter).to_vec())
    }

    fn required_parameters(&self, resource: &str) -> Vec<&'static str> {
        match resource.split_once("::lambda:invoke") {
            Some(_) => vec!["FunctionName"],
            None => Vec::new(),
        }
    }

    fn resolve(&self, resource: &str) -> Resolved {
        let task = |family, pattern| {
            Resolved::Task(Resource {
                arn: resource.into(),
                family,
                pattern,
            })
        };
        if resource.starts_with("arn:aws:lambda:") && resource.contains(":function:") {
            return task(ResourceFamily::LambdaFunction, Pattern::RequestResponse);
        }
        let Some((_, rest)) = resource.split_once(":states:") else {
            return Resolved::Unknown;
        };
        if rest.contains(":activity:") {
            return task(ResourceFamily::Activity, Pattern::RequestResponse);
        }
        let call = rest.strip_prefix("::").unwrap_or_default();
        let (name, suffix) = call.split_at(call.find('.').unwrap_or(call.len()));
        let known = CALLS.iter().find(|(known, _)| *known == name);
        if !known.is_some_and(|(_, offers)| suffix.is_empty() || offers.contains(&suffix)) {
            return Resolved::Unknown;
        }
        let pattern = match suffix {
            "" => Pattern::RequestResponse,
            ".waitForTaskToken" => Pattern::WaitForTaskToken,
            _ => Pattern::RunJob,
        };
        let (resource_type, action) = name.rsplit_once(':').unwrap_or_default();
        let family = ResourceFamily::Service {
            resource_type: resource_type.into(),
            resource: format!("{action}{suffix}").into(),
        };
        task(family, pattern)
    }
}
