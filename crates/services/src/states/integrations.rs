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
        task(resource).map_or(Resolved::Unknown, |task| {
            Resolved::Task(Resource {
                arn: resource.into(),
                family: family(&task),
                pattern: pattern(&task),
            })
        })
    }

    fn parameters(&self, resource: &str) -> Option<Vec<Parameter>> {
        let task = task(resource)?;
        let parameters = task.parameters()?.iter().map(|parameter| Parameter {
            name: parameter.name,
            values: parameter.values,
        });
        Some(parameters.collect())
    }

    fn required_parameters(&self, resource: &str) -> Vec<&'static str> {
        task(resource).map_or_else(Vec::new, |task| task.required_parameters().to_vec())
    }
}

fn task(resource: &str) -> Option<TaskResource> {
    match integrations::resolve(resource) {
        Resolution::Task(task) => Some(task),
        Resolution::Unrecognised { .. } => None,
    }
}

fn pattern(task: &TaskResource) -> Pattern {
    match task.pattern() {
        integrations::Pattern::RequestResponse => Pattern::RequestResponse,
        integrations::Pattern::WaitForTaskToken => Pattern::WaitForTaskToken,
        integrations::Pattern::Sync | integrations::Pattern::Sync2 => Pattern::RunJob,
    }
}

fn family(task: &TaskResource) -> ResourceFamily {
    match (task, task.resource_type(), task.resource()) {
        (TaskResource::Activity { .. }, ..) => ResourceFamily::Activity,
        (_, Some(resource_type), Some(resource)) => ResourceFamily::Service {
            resource_type: resource_type.into(),
            resource: resource.into(),
        },
        _ => ResourceFamily::LambdaFunction,
    }
}

#[cfg(test)]
mod tests;
