//! Compiled programs by the number of their definition, kept within a bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::program::Program;
use parking_lot::Mutex;

use crate::limits::PROGRAMS_MAX;

/// Where programs come from. Definitions are immutable, so a program may be kept for ever.
pub trait Definitions: Send + Sync + 'static {
    /// Reads and compiles a definition. Runs on a shard's thread: it must not wait for anything but
    /// the store.
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError>;

    /// How many executions of a state machine (unqualified ARN) may run at a time, as it stands
    /// now; `None` for any number. Asked when its gate is set up, on a shard's thread; later
    /// changes come by [`Engine::set_concurrency`](crate::Engine::set_concurrency).
    ///
    /// # Errors
    /// Why that can't be told now; the start that asked fails by it.
    fn concurrency_max(&self, state_machine_arn: &str) -> Result<Option<u32>, DefinitionError> {
        let _ = state_machine_arn;
        Ok(None)
    }

    /// The state machines (unqualified ARNs) that are being deleted. Asked once, before any
    /// execution moves; what changes later comes by
    /// [`Engine::machine_deleting`](crate::Engine::machine_deleting) and its kin.
    ///
    /// # Errors
    /// Why that can't be told; the engine does not open.
    fn machines_deleting(&self) -> Result<Vec<String>, DefinitionError> {
        Ok(Vec::new())
    }

    /// Whether there is such an activity now: a Task of one that is missing fails. Asked on a
    /// shard's thread before an execution that names the activity moves, unless it is known to
    /// exist; that it does not any more comes by
    /// [`Engine::activity_deleted`](crate::Engine::activity_deleted).
    ///
    /// # Errors
    /// Why that can't be told now; the command that asked fails by it.
    fn activity_exists(&self, activity_arn: &str) -> Result<bool, DefinitionError> {
        let _ = activity_arn;
        Ok(true)
    }
}

/// Why there is no program for a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    #[error("definition {0} is not in the store")]
    Missing(u64),
    #[error("definition {0} does not compile with this build: {1}")]
    Broken(u64, String),
    #[error("definition {0} could not be read: {1}")]
    Unreadable(u64, String),
    #[error("the concurrency limit of `{0}` could not be read: {1}")]
    NoLimit(String, String),
    #[error("which state machines are being deleted could not be read: {0}")]
    NoDeletions(String),
    #[error("whether there is an activity `{0}` could not be read: {1}")]
    NoActivity(String, String),
}

impl DefinitionError {
    /// Whether it may be otherwise the next time.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            DefinitionError::Unreadable(..)
            | DefinitionError::NoLimit(..)
            | DefinitionError::NoDeletions(_)
            | DefinitionError::NoActivity(..) => true,
            DefinitionError::Missing(_) | DefinitionError::Broken(..) => false,
        }
    }
}

/// The programs used last.
pub struct Programs {
    source: Arc<dyn Definitions>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    programs: BTreeMap<u64, Used>,
    uses: u64,
}

struct Used {
    program: Arc<Program>,
    last_use: u64,
}

impl Programs {
    /// Programs of this source.
    pub fn new(source: Arc<dyn Definitions>) -> Programs {
        Programs {
            source,
            cache: Mutex::default(),
        }
    }

    /// The program of a definition, if it is in memory.
    pub(crate) fn in_memory(&self, definition: u64) -> Option<Arc<Program>> {
        self.cache.lock().find(definition)
    }

    /// The program of a definition, from memory or from the source.
    ///
    /// # Errors
    /// Why the source gives none.
    pub fn get(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        if let Some(program) = self.cache.lock().find(definition) {
            return Ok(program);
        }
        // Compiled without the lock: others read on. Two may compile the same once; both are equal.
        let program = self.source.program(definition)?;
        self.cache.lock().keep(definition, &program);
        Ok(program)
    }

    /// See [`Definitions::concurrency_max`].
    pub(crate) fn concurrency_max(
        &self,
        machine_arn: &str,
    ) -> Result<Option<u32>, DefinitionError> {
        self.source.concurrency_max(machine_arn)
    }

    /// See [`Definitions::machines_deleting`].
    pub(crate) fn machines_deleting(&self) -> Result<Vec<String>, DefinitionError> {
        self.source.machines_deleting()
    }

    /// See [`Definitions::activity_exists`].
    pub(crate) fn activity_exists(&self, activity_arn: &str) -> Result<bool, DefinitionError> {
        self.source.activity_exists(activity_arn)
    }
}

impl Cache {
    fn find(&mut self, definition: u64) -> Option<Arc<Program>> {
        self.uses += 1;
        let used = self.programs.get_mut(&definition)?;
        used.last_use = self.uses;
        Some(Arc::clone(&used.program))
    }

    fn keep(&mut self, definition: u64, program: &Arc<Program>) {
        if self.programs.len() >= PROGRAMS_MAX {
            let oldest = self.programs.iter().min_by_key(|(_, used)| used.last_use);
            if let Some(oldest) = oldest.map(|(number, _)| *number) {
                self.programs.remove(&oldest);
            }
        }
        let used = Used {
            program: Arc::clone(program),
            last_use: self.uses,
        };
        self.programs.insert(definition, used);
    }
}
