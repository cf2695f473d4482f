//! Which actions on which resources a call needs: the door's own table for what Lockstep serves,
//! and AWS's documentation for what it does not.

use aws::arn::States as Named;
use aws::integrations::{Pattern, TaskResource};
use aws::model::{Kind, Model, Operation, ShapeId};
use aws::{Arn, Service, ServiceError};
use json::{Object, ObjectBuilder, Value, View};

use super::definition::{Parameters, Template, Work};
use super::unserved;
use crate::{Call, Services};

/// Stands for what is found at run time; a word that may be part of every kind of name.
pub(super) const UNKNOWN: &str = "LockstepKnowsAtRunTime";

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Privilege {
    pub(super) action: String,
    /// As a policy's `Resource`: with `*` for what isn't known, and for names that are always new.
    pub(super) resource: String,
    /// What it is done on is known at run time only.
    pub(super) is_dynamic: bool,
}

impl Privilege {
    /// A permission whose resource has [`UNKNOWN`] for what isn't known.
    pub(super) fn new(action: impl Into<String>, resource: &str) -> Privilege {
        Privilege {
            action: action.into(),
            resource: resource.replace(UNKNOWN, "*"),
            is_dynamic: resource.contains(UNKNOWN),
        }
    }
}

/// Finds out what calls of one state machine need.
pub(super) struct Calls<'c> {
    pub(super) services: &'c Services,
    /// The call that asks: its account, Region and time.
    pub(super) call: &'c Call,
    /// Unqualified.
    pub(super) machine_arn: &'c str,
}

impl Calls<'_> {
    /// What one step needs, each permission once.
    pub(super) async fn of(
        &self,
        work: &Work,
        parameters: &Template,
    ) -> Result<Vec<Privilege>, ServiceError> {
        let place = unserved::Place {
            region: &self.call.region,
            account: &self.call.account,
            machine_arn: self.machine_arn,
        };
        let filled = parameters.filled(UNKNOWN);
        let mut privileges = match work {
            Work::Task(task) => self.of_task(task, parameters, &place).await?,
            Work::Children { label } => place.children(label.as_deref()),
            Work::ReadItems(action) => place.reader(action, &filled),
            Work::WriteResults => place.writer(&filled),
        };
        privileges.sort();
        privileges.dedup();
        Ok(privileges)
    }

    async fn of_task(
        &self,
        task: &TaskResource,
        parameters: &Template,
        place: &unserved::Place<'_>,
    ) -> Result<Vec<Privilege>, ServiceError> {
        let filled = || parameters.filled(UNKNOWN);
        match task {
            TaskResource::Activity { .. } => Ok(Vec::new()),
            TaskResource::LambdaFunction { arn } => {
                let named = ObjectBuilder::new()
                    .add("FunctionName", arn.to_string())
                    .build();
                let named = Template::Constant(named.into());
                self.of_operation(task, Service::Lambda, &named).await
            }
            TaskResource::LambdaInvoke { .. } => {
                self.of_operation(task, Service::Lambda, parameters).await
            }
            TaskResource::Optimised {
                service: "states",
                pattern,
                ..
            } => {
                let mut needed = self.of_operation(task, Service::States, parameters).await?;
                if matches!(pattern, Pattern::Sync | Pattern::Sync2) {
                    needed.extend(nested_job(&needed));
                    needed.extend(place.rule("StepFunctionsExecution"));
                }
                Ok(needed)
            }
            TaskResource::Optimised {
                service,
                action,
                pattern,
            } => Ok(place.optimised(service, action, *pattern, &filled())),
            TaskResource::Sdk {
                service, action, ..
            } => {
                let served = service.embedded.and_then(|known| known.served);
                let operation = task.operation().map(|(_, operation)| &*operation.name);
                match (served, operation) {
                    (Some(served), Some(operation))
                        if Services::facts(served, operation).is_some() =>
                    {
                        self.of_operation(task, served, parameters).await
                    }
                    _ => Ok(place.sdk(service, operation.unwrap_or(action), &filled())),
                }
            }
        }
    }

    /// What the door asks for.
    async fn of_operation(
        &self,
        task: &TaskResource,
        service: Service,
        parameters: &Template,
    ) -> Result<Vec<Privilege>, ServiceError> {
        let Some((model, operation)) = task.operation() else {
            return Ok(Vec::new());
        };
        let filled = parameters.filled(UNKNOWN);
        let mut input = input(task, model, operation, &filled);
        // Nothing of a token that isn't known can be read, and the door asks for everything.
        let is_blind = input.get("taskToken").and_then(Value::as_str) == Some(UNKNOWN);
        self.typed(&mut input);
        let call = self.made(service, operation, input.into());
        let needs = self.services.needs(&call).await?.into_iter();
        Ok(needs
            .map(|need| {
                let privilege = Privilege::new(need.action, &need.resource);
                Privilege {
                    is_dynamic: privilege.is_dynamic || is_blind,
                    ..privilege
                }
            })
            .collect())
    }

    /// Gives members that aren't known the form of the ARN they will have: the door takes no word
    /// for one.
    fn typed(&self, input: &mut Object) {
        for (member, resource) in ARNS {
            if input.get(member).and_then(Value::as_str) == Some(UNKNOWN) {
                let (region, account) = (&self.call.region, &self.call.account);
                let resource = resource.replace('*', UNKNOWN);
                let arn = format!("arn:aws:states:{region}:{account}:{resource}");
                input.insert(*member, arn.into());
            }
        }
    }

    fn made(&self, service: Service, operation: &'static Operation, input: Value) -> Call {
        Call {
            service,
            operation: &operation.name,
            input,
            body: None,
            violations: Vec::new(),
            mock_case: None,
            attempt: None,
            trace_header: None,
            ..self.call.clone()
        }
    }
}

/// Members that hold an ARN of Step Functions, and what it names.
const ARNS: &[(&str, &str)] = &[
    ("activityArn", "activity:*"),
    ("executionArn", "execution:*:*"),
    ("stateMachineArn", "stateMachine:*"),
];

/// A `.sync` asks for its child's end, and stops it with its own execution. Which one it is depends
/// on the name it gets; the state machine is that of the start.
fn nested_job(start: &[Privilege]) -> Vec<Privilege> {
    let of_start = start.iter().filter(|p| p.action == "states:StartExecution");
    let executions = of_start.map(|start| {
        let machine = Arn::parse(&start.resource).ok();
        let name = machine.as_ref().and_then(|arn| match Named::of(arn).ok()? {
            Named::StateMachine { name }
            | Named::Version { name, .. }
            | Named::Alias { name, .. } => Some(name),
            _ => None,
        });
        match (&machine, name) {
            (Some(arn), Some(name)) => arn.sibling(format!("execution:{name}:*")).to_string(),
            (Some(arn), None) => arn.sibling("execution:*").to_string(),
            (None, _) => "*".to_owned(),
        }
    });
    let actions = ["states:DescribeExecution", "states:StopExecution"];
    executions
        .zip(start)
        .flat_map(|(resource, start)| {
            actions.map(|action| Privilege {
                action: action.to_owned(),
                resource: resource.clone(),
                is_dynamic: start.is_dynamic,
            })
        })
        .collect()
}

/// The members of an operation's input under the model's names; their values only matter as far as
/// they name resources.
fn input(
    task: &TaskResource,
    model: &Model,
    operation: &Operation,
    parameters: &Parameters<'_>,
) -> Object {
    let structure = operation.input.and_then(|shape| model.structure(shape));
    let Some(structure) = structure else {
        return Object::new();
    };
    let mut input = ObjectBuilder::new();
    for member in &structure.members {
        let shape = member.reference.shape;
        let name = task.member_name(&member.name);
        match parameters {
            Parameters::Known(value) => {
                if let Some(value) = value.get(&name) {
                    input.add(&member.name, named(task, model, shape, value));
                }
            }
            // What a call may leave out would only narrow it.
            Parameters::Unknown(stand_in) => {
                if member.required && matches!(model.shape(shape).kind, Kind::String) {
                    input.add(&member.name, *stand_in);
                }
            }
        }
    }
    input.build()
}

fn named(task: &TaskResource, model: &Model, shape: ShapeId, value: &Value) -> Value {
    match (&model.shape(shape).kind, value.view()) {
        (Kind::Structure(structure), View::Object(object)) => {
            let mut out = ObjectBuilder::with_capacity(object.len());
            for member in &structure.members {
                if let Some(value) = object.get(&task.member_name(&member.name)) {
                    let shape = member.reference.shape;
                    out.add(&member.name, named(task, model, shape, value));
                }
            }
            out.build().into()
        }
        (Kind::List { member, .. }, View::Array(items)) => items
            .iter()
            .map(|item| named(task, model, member.shape, item))
            .collect(),
        _ => value.clone(),
    }
}
