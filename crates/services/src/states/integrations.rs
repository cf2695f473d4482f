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
/// let resolved = Integrations.resolve("arn:aws:states:::lambda:invoke");
/// assert!(matches!(resolved, Resolved::Task(_)));
/// let resolved = Integrations.resolve("arn:aws:states:::sqs:sendMessage");
/// assert!(matches!(resolved, Resolved::NotServed(_)));
/// assert_eq!(Integrations.resolve("a function"), Resolved::Unknown);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Integrations;

impl Catalogue for Integrations {
    fn resolve(&self, resource: &str) -> Resolved {
        match integrations::resolve(resource) {
            Resolution::Served(task) => task_resource(resource, &task),
            Resolution::NotServedYet { message } => Resolved::NotServed(message),
            Resolution::Unrecognised { .. } => Resolved::Unknown,
        }
    }

    fn parameters(&self, resource: &str) -> Option<Vec<Parameter>> {
        let Resolution::Served(task) = integrations::resolve(resource) else {
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

fn task_resource(text: &str, task: &TaskResource) -> Resolved {
    let pattern = match task.pattern() {
        integrations::Pattern::RequestResponse => Pattern::RequestResponse,
        integrations::Pattern::WaitForTaskToken => Pattern::WaitForTaskToken,
        integrations::Pattern::Sync | integrations::Pattern::Sync2 => {
            let message = format!(
                "the resource `{text}` can't be called: running a job with `.sync` is not served \
                 by this version of Lockstep"
            );
            return Resolved::NotServed(message);
        }
    };
    let family = match (task.resource_type(), task.resource()) {
        (Some(resource_type), Some(resource)) => ResourceFamily::Service {
            resource_type: resource_type.into(),
            resource: resource.into(),
        },
        _ => ResourceFamily::LambdaFunction,
    };
    Resolved::Task(Resource {
        arn: text.into(),
        family,
        pattern,
    })
}
