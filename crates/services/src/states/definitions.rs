//! Where the engine finds the programs of executions.

use std::sync::Arc;

use asl::compile::compile;
use asl::definition::{MachineType, invalid_definition_message};
use asl::program::Program;
use engine::{DefinitionError, Definitions};
use store::{Kind, Store};

use super::Integrations;
use super::machine::{Revision, StateMachine};
use super::{arn, concurrency};
use crate::system;

/// The revisions in a store, compiled when asked for.
pub struct StoredDefinitions {
    store: Arc<dyn Store>,
}

impl StoredDefinitions {
    pub fn new(store: Arc<dyn Store>) -> StoredDefinitions {
        StoredDefinitions { store }
    }
}

impl Definitions for StoredDefinitions {
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        if system::is_system(definition) {
            return system::program(definition);
        }
        let revision = Revision::read(&*self.store, definition)
            .map_err(|error| DefinitionError::Unreadable(definition, error.to_string()))?
            .ok_or(DefinitionError::Missing(definition))?;
        let compiled = compile(&revision.definition, MachineType::Standard, &Integrations);
        let program = compiled.program.ok_or_else(|| {
            let why = invalid_definition_message(&revision.definition, &compiled.diagnostics);
            DefinitionError::Broken(definition, why)
        })?;
        Ok(Arc::new(program))
    }

    fn concurrency_max(&self, state_machine_arn: &str) -> Result<Option<u32>, DefinitionError> {
        let unreadable =
            |cause: String| DefinitionError::NoLimit(state_machine_arn.to_owned(), cause);
        let machine = StateMachine::of_arn(&*self.store, state_machine_arn);
        let machine = machine.map_err(|error| unreadable(error.to_string()))?;
        Ok(machine.and_then(|machine| concurrency::limit(&machine.tags)))
    }

    fn activity_exists(&self, activity_arn: &str) -> Result<bool, DefinitionError> {
        let name = activity_arn.rsplit(':').next().unwrap_or_default();
        let (account, region) = (
            engine::arn::account(activity_arn),
            engine::arn::region(activity_arn),
        );
        let found = self
            .store
            .document(Kind::Activity, &arn::key_in(account, region, name));
        let found = found.map_err(|error| {
            DefinitionError::NoActivity(activity_arn.to_owned(), error.to_string())
        })?;
        Ok(found.is_some())
    }
}
