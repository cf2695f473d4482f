//! Calls over the door, from bytes to bytes, against services on a store in memory.

mod audit;
mod bad_input;
mod inputs;
mod least_privilege;
mod matrix;
mod mutations;
mod world;
