//! What the `Resource` of a Task may be in a local run: any integration of AWS, since mocks answer.

use asl::definition::{Catalogue, Parameter, Resolved};
use asl::program::{Pattern, Resource, ResourceFamily};
use services::states::Integrations;

/// The server's table of integrations, and those it knows of but does not serve.
///
/// A job of `.sync` is answered like a plain call: the mock is the finished job's result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mockable;

impl Catalogue for Mockable {
    fn resolve(&self, resource: &str) -> Resolved {
        match Integrations.resolve(resource) {
            Resolved::NotServed(message) => {
                service(resource).map_or(Resolved::NotServed(message), Resolved::Task)
            }
            known => known,
        }
    }

    fn parameters(&self, resource: &str) -> Option<Vec<Parameter>> {
        let mut parameters = Integrations.parameters(resource)?;
        for parameter in &mut parameters {
            parameter.values_not_served = &[];
        }
        Some(parameters)
    }
}

/// `arn:aws:states:::<service>:<action>[.<pattern>]`, where an AWS SDK's service has two words.
fn service(arn: &str) -> Option<Resource> {
    let (_, call) = arn.split_once(":states:::")?;
    let service_words = if call.starts_with("aws-sdk:") { 2 } else { 1 };
    let (end, _) = call.match_indices(':').nth(service_words - 1)?;
    let (resource_type, resource) = call.split_at_checked(end)?;
    let resource = resource.strip_prefix(':')?;
    let pattern = match resource.ends_with(".waitForTaskToken") {
        true => Pattern::WaitForTaskToken,
        false => Pattern::RequestResponse,
    };
    Some(Resource {
        arn: arn.into(),
        family: ResourceFamily::Service {
            resource_type: resource_type.into(),
            resource: resource.into(),
        },
        pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arn: &str, expected: Option<(&str, &str, Pattern)>) {
        let found = match Mockable.resolve(arn) {
            Resolved::Task(Resource {
                family:
                    ResourceFamily::Service {
                        resource_type,
                        resource,
                    },
                pattern,
                ..
            }) => Some((resource_type, resource, pattern)),
            Resolved::Task(_) | Resolved::NotServed(_) | Resolved::Unknown => None,
        };
        let found = found
            .as_ref()
            .map(|(kind, name, pattern)| (&**kind, &**name, *pattern));
        assert_eq!(found, expected, "{arn}");
    }

    #[test]
    fn every_integration_can_be_mocked() {
        use Pattern::{RequestResponse, WaitForTaskToken};
        check(
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            Some(("sqs", "sendMessage.waitForTaskToken", WaitForTaskToken)),
        );
        check(
            "arn:aws:states:::states:startExecution.sync:2",
            Some(("states", "startExecution.sync:2", RequestResponse)),
        );
        check(
            "arn:aws:states:::aws-sdk:s3:getObject",
            Some(("aws-sdk:s3", "getObject", RequestResponse)),
        );
        check(
            "arn:aws:states:::lambda:invoke",
            Some(("lambda", "invoke", RequestResponse)),
        );
        check("arn:aws:states:::dynamodb:query", None);
        check("arn:aws:states:us-east-1:123456789012:activity:a", None);
    }
}
