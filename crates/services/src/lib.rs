//! The AWS services: one module per API, one function per operation.
//!
//! An operation takes a decoded [`Call`] and gives an [`Answer`] or AWS's error. It never sees
//! bytes of a protocol: the door decodes and encodes with the service's model.

pub mod access;
pub mod call;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod documents;
pub mod iam;
pub mod iam_toolbox;
pub mod lambda;
pub mod lockstep;
pub mod logs;
pub mod metrics;
pub mod page;
mod quota;
pub mod seal;
pub mod states;
pub mod sts;
pub mod system;
#[cfg(test)]
mod testing;
pub mod trail;

use std::sync::Arc;

use aws::{Service, ServiceError};
use engine::Engine;
use functions::Pool;
use store::blobs::Blobs;
use store::{Lines, Store};

pub use access::{Class, Facts, Need};
pub use call::{Answer, Call};

/// All services of one server.
pub struct Services {
    cloudtrail: cloudtrail::CloudTrail,
    cloudwatch: cloudwatch::CloudWatch,
    iam: iam::Iam,
    iam_toolbox: iam_toolbox::Toolbox,
    identity: Identity,
    lambda: Arc<lambda::Lambda>,
    lockstep: lockstep::Lockstep,
    logs: Arc<logs::Logs>,
    states: Arc<states::States>,
    sts: sts::Sts,
}

/// What the services stand on.
#[derive(Clone)]
pub struct Foundations {
    pub store: Arc<dyn Store>,
    pub blobs: Arc<dyn Blobs>,
    pub engine: Engine,
    pub functions: Pool,
    pub identity: Identity,
    /// Where functions and executions write to as well.
    pub logs: Arc<logs::Logs>,
    /// Where everything is measured.
    pub metrics: Arc<metrics::Metrics>,
    /// Sends what leaves the server.
    pub outbound: Arc<dyn outbound::Fetch>,
    /// Where functions find this server: `http://127.0.0.1:8083`.
    pub endpoint: String,
    /// Functions that are called elsewhere.
    pub remote_functions: Vec<lambda::remote::RemoteFunction>,
    /// Bytes an input, output or result may have.
    pub payload_bytes_max: usize,
    pub limits: Limits,
}

/// What every service needs to know who calls and whether they may.
#[derive(Clone)]
pub struct Identity {
    pub directory: Arc<iam::directory::Directory>,
    pub access: Arc<access::Access>,
    pub trail: Arc<trail::Trail>,
    pub seal: Arc<seal::Seal>,
}

impl Identity {
    /// Over a store for IAM's entities and lines for the audit log.
    pub fn new(
        store: Arc<dyn Store>,
        lines: Arc<dyn Lines>,
        seal: seal::Seal,
        rules: access::Rules,
    ) -> Identity {
        let seal = Arc::new(seal);
        let documents = documents::Documents::new(store);
        let directory = Arc::new(iam::directory::Directory::new(documents, Arc::clone(&seal)));
        let trail = Arc::new(trail::Trail::new(lines));
        let access = access::Access::new(
            Arc::clone(&directory),
            Arc::clone(&seal),
            Arc::clone(&trail),
            rules,
        );
        Identity {
            directory,
            access: Arc::new(access),
            trail,
            seal,
        }
    }
}

/// How many of something there may be. The defaults are AWS's quotas (Step Functions developer
/// guide, "Quotas").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In an account and Region.
    pub state_machines_max: usize,
    /// In an account and Region.
    pub activities_max: usize,
    /// Of a state machine.
    pub versions_max: usize,
    /// Of a state machine.
    pub aliases_max: usize,
    /// Of a state machine or an activity.
    pub tags_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            state_machines_max: 100_000,
            activities_max: 100_000,
            versions_max: 1_000,
            aliases_max: 100,
            tags_max: 50,
        }
    }
}

impl Services {
    /// The services over their foundations. Reads nothing yet.
    pub fn new(foundations: &Foundations) -> Services {
        let states = Arc::new(states::States::new(foundations));
        let trail = &foundations.identity.trail;
        Services {
            cloudtrail: cloudtrail::CloudTrail::new(Arc::clone(trail)),
            cloudwatch: cloudwatch::CloudWatch::new(Arc::clone(&foundations.metrics)),
            iam: iam::Iam::new(foundations),
            iam_toolbox: iam_toolbox::Toolbox::new(Arc::clone(trail)),
            identity: foundations.identity.clone(),
            lambda: Arc::new(lambda::Lambda::new(foundations)),
            lockstep: lockstep::Lockstep::new(Arc::clone(&states), &foundations.identity),
            logs: Arc::clone(&foundations.logs),
            states,
            sts: sts::Sts::new(foundations),
        }
    }

    /// Who calls, and whether they may.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Groups and streams of log events.
    pub fn logs(&self) -> &logs::Logs {
        &self.logs
    }

    /// The definitions that state machines have now; a store must keep them.
    pub async fn definitions_in_use(&self) -> Result<Vec<u64>, documents::Error> {
        self.states.definitions_in_use().await
    }

    /// Whether a call of Step Functions names an Express state machine.
    pub async fn names_express(&self, call: &Call) -> bool {
        self.states.names_express(call).await
    }

    /// Removes state machines that are being deleted as their last executions end. Never returns;
    /// to be aborted.
    pub async fn finish_deletions(&self) {
        self.states.finish_deletions().await;
    }

    /// Deletes the packages that no function had in this pass and the one before; says how many.
    pub async fn collect_packages(&self) -> Result<usize, documents::Error> {
        self.lambda.collect_packages().await
    }

    /// What functions log goes to CloudWatch Logs from now on. To be called within the runtime.
    pub fn bind_log_sink(&self, sink: &lambda::log_sink::LogSink) {
        let writer = Arc::clone(self.logs.writer());
        let runtime = tokio::runtime::Handle::current();
        sink.bind(Arc::clone(&self.lambda), writer, runtime);
    }

    /// What runs the Tasks of the server's own executions; their calls go through `door`.
    pub fn system_runner(&self, door: Arc<dyn aws::Door>) -> Arc<dyn engine::Runner> {
        Arc::new(system::Runner {
            lambda: Arc::clone(&self.lambda),
            door,
        })
    }

    /// What is always true of an operation. `None` for one that is not served: whoever finds none
    /// must refuse the call, since nobody knows what it needs.
    #[must_use]
    pub fn facts(service: Service, operation: &str) -> Option<Facts> {
        match service {
            Service::CloudTrail => cloudtrail::needs::facts(operation),
            Service::CloudWatch => cloudwatch::needs::facts(operation),
            Service::Iam => iam::needs::facts(operation),
            Service::IamToolbox => iam_toolbox::needs::facts(operation),
            Service::Lambda => lambda::Lambda::facts(operation),
            Service::Lockstep => lockstep::needs::facts(operation),
            Service::Logs => logs::Logs::facts(operation),
            Service::States => states::States::facts(operation),
            Service::Sts => sts::needs::facts(operation),
        }
    }

    /// What a call needs to be allowed; all of it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn needs(&self, call: &Call) -> Result<Vec<Need>, ServiceError> {
        let operation = call.operation;
        match call.service {
            Service::CloudTrail => Ok(cloudtrail::needs::needs(operation)),
            Service::CloudWatch => Ok(cloudwatch::needs::needs(operation, call)),
            Service::Iam => self.iam.needs(operation, call).await,
            Service::IamToolbox => Ok(iam_toolbox::needs::needs(operation)),
            Service::Lambda => Ok(lambda::Lambda::needs(operation, call)),
            Service::Lockstep => Ok(lockstep::needs::needs(operation, call)),
            Service::Logs => Ok(logs::Logs::needs(operation, call)),
            Service::States => Ok(self.states.needs(operation, call)),
            Service::Sts => Ok(sts::needs::needs(operation, call)),
        }
    }

    /// Runs one operation. `None` when this version does not serve it.
    ///
    /// The caller must have been [`authorise`](Services::authorise)d.
    pub async fn handle(
        &self,
        service: Service,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        match service {
            Service::CloudTrail => self.cloudtrail.handle(operation, call).await,
            Service::CloudWatch => self.cloudwatch.handle(operation, call).await,
            Service::Iam => self.iam.handle(operation, call).await,
            Service::IamToolbox => self.iam_toolbox.handle(operation, call).await,
            Service::Lambda => self.lambda.handle(operation, call).await,
            Service::Lockstep => self.lockstep.handle(operation, call, self).await,
            Service::Logs => self.logs.handle(operation, call).await,
            Service::States => self.states.handle(operation, call).await,
            Service::Sts => self.sts.handle(operation, call).await,
        }
    }
}
