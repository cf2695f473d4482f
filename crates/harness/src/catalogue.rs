//! The Task resources of the cases: those the integration table serves, as a server knows them.

use asl::definition::{Catalogue, Resolved};
use asl::program::{Pattern, Resource, ResourceFamily};
use aws::integrations::{self, Resolution};

/// Every resource this version serves.
pub(crate) struct Integrations;

impl Catalogue for Integrations {
    fn resolve(&self, resource: &str) -> Resolved {
        let served = match integrations::resolve(resource) {
            Resolution::Served(served) => served,
            Resolution::NotServedYet { message } => return Resolved::NotServed(message),
            Resolution::Unrecognised { .. } => return Resolved::Unknown,
        };
        let family = match (served.resource_type(), served.resource()) {
            (Some(resource_type), Some(resource)) => ResourceFamily::Service {
                resource_type: resource_type.into(),
                resource: resource.into(),
            },
            _ => ResourceFamily::LambdaFunction,
        };
        let pattern = match served.pattern() {
            integrations::Pattern::RequestResponse => Pattern::RequestResponse,
            integrations::Pattern::WaitForTaskToken => Pattern::WaitForTaskToken,
            pattern => return Resolved::NotServed(format!("no case can run {pattern:?}")),
        };
        Resolved::Task(Resource { arn: resource.into(), family, pattern })
    }
}
