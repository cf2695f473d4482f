//! Where the engine finds the programs of executions.

use std::collections::HashMap;
use std::sync::Arc;

use asl::compile::compile;
use asl::definition::{MachineType, invalid_definition_message};
use asl::program::Program;
use engine::{DefinitionError, Definitions};
use parking_lot::RwLock;
use store::{Kind, Store};

use super::Integrations;
use super::machine::{Revision, StateMachine};
use super::{arn, concurrency, deletion};
use crate::system;

/// Revisions of which it is remembered whether they are traced: some bytes each.
const TRACED_MAX: usize = 65_536;

/// The revisions in a store, compiled when asked for.
pub struct StoredDefinitions {
    store: Arc<dyn Store>,
    /// Whether executions are traced, by definition.
    traced: RwLock<HashMap<u64, bool>>,
}

impl StoredDefinitions {
    pub fn new(store: Arc<dyn Store>) -> StoredDefinitions {
        StoredDefinitions {
            store,
            traced: RwLock::default(),
        }
    }

    /// Whether executions of a definition are traced (`tracingConfiguration`). From memory, but for
    /// the first time; one that can't be read is not, until it can.
    #[must_use]
    pub fn is_traced(&self, definition: u64) -> bool {
        if let Some(is_traced) = self.traced.read().get(&definition) {
            return *is_traced;
        }
        let Ok(revision) = Revision::read(&*self.store, definition) else {
            return false;
        };
        let is_traced = revision.is_some_and(|revision| revision.tracing);
        let mut traced = self.traced.write();
        if traced.len() >= TRACED_MAX {
            traced.clear();
        }
        traced.insert(definition, is_traced);
        is_traced
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
        let machine = machine.filter(|machine| !machine.is_deleting);
        Ok(machine.and_then(|machine| concurrency::limit(&machine.tags)))
    }

    fn machines_deleting(&self) -> Result<Vec<String>, DefinitionError> {
        deletion::begun(&*self.store)
            .map_err(|error| DefinitionError::NoDeletions(error.to_string()))
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
