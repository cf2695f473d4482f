//! What the `Resource` of a Task stands for.

use asl::definition::{Catalogue, Parameter, Resolved};
use asl::program::{Pattern, Resource, ResourceFamily};
use aws::integrations::{self, Resolution, TaskResource};

/// The table of service integrations, as the compiler of definitions asks for it.
///
/// ```
/// use asl::definition::{Catalogue, Resolved};
/// use services::states::Integrations;
///
/// for known in ["arn:aws:states:::lambda:invoke", "arn:aws:states:::sqs:sendMessage"] {
///     assert!(matches!(Integrations.resolve(known), Resolved::Task(_)));
/// }
/// assert_eq!(Integrations.resolve("a function"), Resolved::Unknown);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Integrations;

impl Catalogue for Integrations {
    fn resolve(&self, resource: &str) -> Resolved {
        match integrations::resolve(resource) {
            Resolution::Task(task) => Resolved::Task(task_resource(resource, &task)),
            Resolution::Unrecognised { .. } => Resolved::Unknown,
        }
    }

    fn parameters(&self, resource: &str) -> Option<Vec<Parameter>> {
        let Resolution::Task(task) = integrations::resolve(resource) else {
            return None;
        };
        let parameters = task.parameters()?.iter().map(|parameter| Parameter {
            name: parameter.name,
            required: parameter.required,
            values: parameter.values,
            values_not_served: parameter.values_not_served,
        });
        Some(parameters.collect())
    }
}

fn task_resource(text: &str, task: &TaskResource) -> Resource {
    let pattern = match task.pattern() {
        integrations::Pattern::RequestResponse => Pattern::RequestResponse,
        integrations::Pattern::WaitForTaskToken => Pattern::WaitForTaskToken,
        integrations::Pattern::Sync | integrations::Pattern::Sync2 => Pattern::RunJob,
    };
    let family = match (task, task.resource_type(), task.resource()) {
        (TaskResource::Activity { .. }, ..) => ResourceFamily::Activity,
        (_, Some(resource_type), Some(resource)) => ResourceFamily::Service {
            resource_type: resource_type.into(),
            resource: resource.into(),
        },
        _ => ResourceFamily::LambdaFunction,
    };
    Resource {
        arn: text.into(),
        family,
        pattern,
    }
}
