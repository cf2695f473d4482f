//! Cases of the operations.
