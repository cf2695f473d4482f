//! What an engine tells of executions, straight from the store.

use asl::event::{EventId, Served};

use super::{Engine, Shared};
use crate::read;
use crate::request::{Description, HistoryPage, HistoryQuery, ListPage, ListQuery, ReadError};

impl Engine {
    /// DescribeExecution. Blocks while the store reads: not for a thread that runs futures.
    ///
    /// # Errors
    /// See [`ReadError`]; a damaged journal has an error of its own.
    pub fn describe(&self, execution_arn: &str) -> Result<Description, ReadError> {
        read::describe(&*self.shared.store, self.shared.clock.now(), execution_arn)
    }

    /// GetExecutionHistory. Blocks while the store reads.
    ///
    /// # Errors
    /// See [`ReadError`]; a damaged journal has an error of its own.
    pub fn history(
        &self,
        execution_arn: &str,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, ReadError> {
        let Shared {
            store,
            programs,
            page_key,
            clock,
            ..
        } = &*self.shared;
        read::history(
            &**store,
            programs,
            page_key,
            clock.now(),
            execution_arn,
            query,
        )
    }

    /// What served the calls of an execution, by attempt (the id of its Scheduled event), in order.
    /// Blocks while the store reads.
    ///
    /// # Errors
    /// See [`ReadError`]; a damaged journal has an error of its own.
    pub fn served(&self, execution_arn: &str) -> Result<Vec<(EventId, Served)>, ReadError> {
        read::served(&*self.shared.store, execution_arn)
    }

    /// ListExecutions of a state machine. Blocks while the store reads. A machine that never ran
    /// has none.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn list(&self, query: &ListQuery) -> Result<ListPage, ReadError> {
        let Shared {
            store,
            page_key,
            clock,
            ..
        } = &*self.shared;
        read::list(&**store, page_key, clock.now(), query)
    }
}
