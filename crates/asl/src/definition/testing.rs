//! A catalogue for tests: Lambda functions and `lambda:invoke` are served; SQS, Batch and
//! activities are not yet; anything else is unknown.

use crate::definition::{Catalogue, Parameter, Resolved};
use crate::program::{Pattern, Resource, ResourceFamily};
use crate::validate::message;

/// Parts of resources that come later.
const NOT_SERVED: [&str; 3] = [":activity:", "::sqs:", "::batch:"];

pub(crate) struct TestCatalogue;

impl Catalogue for TestCatalogue {
    fn parameters(&self, resource: &str) -> Option<Vec<Parameter>> {
        let parameter = |name| Parameter {
            name,
            required: name == "FunctionName",
            values: match name {
                "InvocationType" => &["RequestResponse", "DryRun"],
                _ => &[],
            },
            values_not_served: match name {
                "InvocationType" => &["Event"],
                _ => &[],
            },
        };
        let names = ["FunctionName", "InvocationType", "LogType", "Payload"];
        let is_invoke = resource.contains("::lambda:invoke");
        is_invoke.then(|| names.map(parameter).to_vec())
    }

    fn resolve(&self, resource: &str) -> Resolved {
        let task = |family, pattern| {
            Resolved::Task(Resource {
                arn: resource.into(),
                family,
                pattern,
            })
        };
        let service = |action: &str, pattern| {
            let family = ResourceFamily::Service {
                resource_type: "lambda".into(),
                resource: action.into(),
            };
            task(family, pattern)
        };
        if resource.starts_with("arn:aws:lambda:") && resource.contains(":function:") {
            return task(ResourceFamily::LambdaFunction, Pattern::RequestResponse);
        }
        match resource.strip_prefix("arn:aws:states:") {
            Some("::lambda:invoke") => service("invoke", Pattern::RequestResponse),
            Some("::lambda:invoke.waitForTaskToken") => {
                service("invoke.waitForTaskToken", Pattern::WaitForTaskToken)
            }
            Some(rest) if NOT_SERVED.iter().any(|part| rest.contains(part)) => {
                let what = format!("the resource '{resource}'");
                Resolved::NotServed(message::not_served(&what))
            }
            _ => Resolved::Unknown,
        }
    }
}
